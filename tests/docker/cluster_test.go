package docker

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ory/dockertest/v3"
	"github.com/ory/dockertest/v3/docker"
	"google.golang.org/grpc"
)

// cluster is three etcd members, a sidecar beside each, and their store. Clients,
// sidecars and the store meet on one network; members meet each other on a
// second, so that it can be cut without cutting off anybody else.
type cluster struct {
	t       testing.TB
	life    testing.TB // the test with whose end it ends; t may be a part of it
	pool    *dockertest.Pool
	version string // of etcd, as in tests/images
	setup   setup
	front   *docker.Network
	peers   *docker.Network
	store   *container
	objects string // the directory that the store keeps the objects in
	pairs   []*pair
	checker *checker
}

// pair is a member and its sidecar.
type pair struct {
	name    string
	etcd    *container
	sidecar *container
	link    *container       // what the member's peers go through to it; nil for nothing
	client  string           // etcd's client URL, as this process reaches it
	conn    *grpc.ClientConn // to it
	told    *terms           // is told what the member answers
	api     string           // the sidecar's base URL, likewise
}

// setup is what differs among clusters.
type setup struct {
	etcd    []string            // added to every member's arguments
	members map[string][]string // added to one member's arguments
	sidecar []string            // added to every sidecar's arguments
	links   bool                // peers reach each other through links, which can delay
}

// startCluster starts everything and waits until etcd has a leader. All of it is
// gone when the test's cleanup is over. The checker watches from the start.
func startCluster(t testing.TB, version string, s setup) *cluster {
	t.Helper()
	pool := engine(t)
	began := time.Now()
	name := fmt.Sprintf("revkeeper-test-%08x", rand.Uint32())
	c := &cluster{t: t, life: t, pool: pool, version: version, setup: s}
	c.front, c.peers = newNetwork(t, pool, name), newNetwork(t, pool, name+"-peers")
	directory := storeDirectory(t)
	c.objects = filepath.Join(directory, bucket, prefix)
	c.store = start(t, pool, storeRecipe(directory, c.front))
	for i := range 3 {
		c.pairs = append(c.pairs, &pair{name: fmt.Sprintf("m%d", i)})
	}
	for _, p := range c.pairs {
		if s.links {
			p.link = start(t, pool, linkRecipe(p.name, c.front, c.peers))
		}
		c.startMember(p, "new")
	}
	for _, p := range c.pairs {
		c.startSidecar(p)
	}
	c.checker = startChecker(c)
	c.awaitQuorum()
	t.Logf("all containers are up after %s", time.Since(began).Round(100*time.Millisecond))
	return c
}

// startMember starts a member of a cluster that is new or existing.
func (c *cluster) startMember(p *pair, state string) {
	c.t.Helper()
	var initial []string
	for _, each := range c.pairs {
		initial = append(initial, each.name+"="+peerURL(each.name))
	}
	r := etcdRecipe(c.version, p.name, strings.Join(initial, ","), state, c.front, c.peers)
	if c.setup.links {
		r.aliases = []string{directName(p.name)}
	}
	r.args = append(append(r.args, c.setup.etcd...), c.setup.members[p.name]...)
	if p.etcd != nil { // it is replaced; the checker goes on to ask at its address
		r.public = p.etcd.public
	}
	p.etcd = start(c.life, c.pool, r)
	if p.conn == nil {
		p.client = "http://" + p.etcd.address()
		p.conn = connectMember(c.life, p.client)
	}
}

func (c *cluster) startSidecar(p *pair, args ...string) {
	c.t.Helper()
	r := sidecarRecipe(p.name, c.front)
	r.args = append(append(r.args, c.setup.sidecar...), args...)
	if p.sidecar != nil {
		r.public = p.sidecar.public
	}
	p.sidecar = start(c.life, c.pool, r)
	if p.api == "" {
		p.api = "http://" + p.sidecar.address()
	}
}

// endpoints returns the client URLs of pairs.
func endpoints(pairs ...*pair) []string {
	var all []string
	for _, p := range pairs {
		all = append(all, p.client)
	}
	return all
}

// but returns the pairs other than one.
func (c *cluster) but(one *pair) []*pair {
	var others []*pair
	for _, p := range c.pairs {
		if p != one {
			others = append(others, p)
		}
	}
	return others
}

// kill ends both halves of a pair with SIGKILL.
func (p *pair) kill() {
	p.etcd.kill()
	p.sidecar.kill()
}

// restart starts both halves of a pair on what they had.
func (p *pair) restart() {
	p.etcd.restart()
	p.sidecar.restart()
}

// subtest runs a part of a test with a cluster that fails the part.
func (c *cluster) subtest(name string, run func(*cluster)) {
	c.t.Helper()
	c.t.(*testing.T).Run(name, func(t *testing.T) {
		part := *c
		part.t = t
		run(&part)
	})
}
