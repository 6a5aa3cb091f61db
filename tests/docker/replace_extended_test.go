//go:build extended

package docker

import (
	"context"
	"errors"
	"strings"
	"time"

	"go.etcd.io/etcd/client/v3"

	"github.com/revkeeper/revkeeper/adapters/httpapi/openapi"
	"github.com/revkeeper/revkeeper/tests/oracle"
)

// removePair ends a pair for good, with its disk, and has the others forget it.
func (c *cluster) removePair(p *pair) {
	c.t.Helper()
	id := c.id(p)
	p.kill()
	p.etcd.end()
	p.sidecar.end()
	c.changeMembers("the member to be removed", c.but(p), func(ctx context.Context, client *clientv3.Client) error {
		list, err := client.MemberList(ctx)
		if err != nil {
			return err
		}
		for _, m := range list.Members {
			if m.ID == id {
				_, err = client.MemberRemove(ctx, id)
			}
		}
		return err
	})
}

// addPair makes a new member, with an empty disk and a new sidecar, of a pair
// that was removed, and waits until it votes and can lead.
func (c *cluster) addPair(p *pair) {
	c.t.Helper()
	c.changeMembers("a learner to be announced", c.but(p), func(ctx context.Context, client *clientv3.Client) error {
		list, err := client.MemberList(ctx)
		if err != nil {
			return err
		}
		for _, m := range list.Members {
			if len(m.PeerURLs) > 0 && m.PeerURLs[0] == peerURL(p.name) {
				return nil // a try that timed out had announced it
			}
		}
		_, err = client.MemberAddAsLearner(ctx, []string{peerURL(p.name)})
		return err
	})
	c.startMember(p, "existing")
	// A learner does not say who its peers are.
	var others []string
	for _, each := range c.but(p) {
		others = append(others, "http://"+each.name+":2379")
	}
	c.startSidecar(p, "--etcd-cluster-endpoints", strings.Join(others, ","))
	c.awaitRole(p, openapi.RoleFollower)
	id := c.id(p)
	began := time.Now()
	c.changeMembers("the learner to vote", c.but(p), func(ctx context.Context, client *clientv3.Client) error {
		list, err := client.MemberList(ctx)
		if err != nil {
			return err
		}
		for _, m := range list.Members {
			if m.ID == id && !m.IsLearner {
				return nil
			}
		}
		return errors.New("it is a learner") // whose sidecar promotes it
	})
	c.t.Logf("member %x replaces %s and votes after %s", id, p.name, time.Since(began).Round(100*time.Millisecond))
	c.moveLeader(p)
	if leader := c.awaitLeader(c.pairs...); leader != p {
		c.t.Logf("%s leads instead of %s", leader.name, p.name)
	}
}

// changeMembers tries again until do succeeds.
func (c *cluster) changeMembers(what string, through []*pair, do func(context.Context, *clientv3.Client) error) {
	c.t.Helper()
	client := oracle.Connect(c.t, endpoints(through...)...)
	eventually(c.t, what, func() error {
		ctx, cancel := context.WithTimeout(c.t.Context(), 5*time.Second)
		defer cancel()
		return do(ctx, client)
	})
}
