package docker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/revkeeper/revkeeper/adapters/httpapi/openapi"
	"github.com/revkeeper/revkeeper/tests/oracle"
	"github.com/revkeeper/revkeeper/tests/poll"
)

// patience bounds every wait; what is waited for takes a tenth of it.
const patience = 2 * time.Minute

// eventually polls until missing returns nil, and fails the test with what it
// returned last if that takes too long.
func eventually(t testing.TB, what string, missing func() error) {
	t.Helper()
	poll.Until(t, patience, func() string {
		if err := missing(); err != nil {
			return fmt.Sprintf("%s: %v", what, err)
		}
		return ""
	})
}

// call asks a sidecar's API. The answer must be 200 or 202 and is decoded into into,
// which may be nil.
func (p *pair) call(ctx context.Context, method, path string, timeout time.Duration, into any) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, p.api+path, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusAccepted {
		return fmt.Errorf("%s %s of %s: %s: %s", method, path, p.name, resp.Status, body)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(body, into)
}

// status is what a sidecar says of itself.
func (c *cluster) status(p *pair) (st openapi.Status, err error) {
	return st, p.call(c.t.Context(), http.MethodGet, "/v1/status", 5*time.Second, &st)
}

// awaitRole waits until a sidecar has a role.
func (c *cluster) awaitRole(p *pair, role openapi.Role) {
	c.t.Helper()
	eventually(c.t, fmt.Sprintf("%s to be %s", p.name, role), func() error {
		st, err := c.status(p)
		if err == nil && st.Role != role {
			err = fmt.Errorf("it is %s: %s", st.Role, st.Reason)
		}
		return err
	})
}

// flush has the leader store everything that etcd had committed, and returns
// the leading pair.
func (c *cluster) flush() *pair {
	c.t.Helper()
	leader, _ := c.askLeader("/v1/snapshots/delta")
	return leader
}

// takeFull has the leader take a full now.
func (c *cluster) takeFull() {
	c.t.Helper()
	if _, taken := c.askLeader("/v1/snapshots/full"); !taken.Taken {
		c.t.Fatalf("no full was taken: %s", taken.Reason)
	}
}

// askLeader posts a request to the sidecar that leads. Where many containers
// share few cores the leader may change at any time; another is asked then.
func (c *cluster) askLeader(path string) (leader *pair, taken openapi.Taken) {
	c.t.Helper()
	eventually(c.t, "an answer to "+path, func() error {
		for _, p := range c.pairs {
			if st, err := c.status(p); err == nil && st.Role == openapi.RoleLeader {
				leader, taken = p, openapi.Taken{}
				return p.call(c.t.Context(), http.MethodPost, path, patience, &taken)
			}
		}
		return errors.New("no sidecar leads")
	})
	return leader, taken
}

// awaitQuorum waits until etcd commits.
func (c *cluster) awaitQuorum() {
	c.t.Helper()
	client := oracle.Connect(c.t, endpoints(c.pairs...)...)
	eventually(c.t, "etcd to elect a leader", func() error {
		ctx, cancel := context.WithTimeout(c.t.Context(), time.Second)
		defer cancel()
		_, err := client.Get(ctx, "\x00")
		return err
	})
}

// awaitLeader waits until exactly one of the pairs' sidecars leads, beside the
// member that leads etcd, and the others follow. It returns the leading pair.
func (c *cluster) awaitLeader(among ...*pair) *pair {
	c.t.Helper()
	var leader *pair
	eventually(c.t, "one sidecar to lead, beside etcd's leader", func() error {
		var leading []*pair
		var roles []error
		agreed := true
		for _, p := range among {
			st, err := c.status(p)
			leads := p.leadsEtcd(c.t.Context())
			want := openapi.RoleFollower
			if leads {
				want = openapi.RoleLeader
				leading = append(leading, p)
			}
			agreed = agreed && err == nil && st.Role == want
			roles = append(roles, fmt.Errorf("%s is %s (%s), its member leads etcd: %v, %w", p.name, st.Role, st.Reason, leads, err))
		}
		if !agreed || len(leading) != 1 {
			return errors.Join(roles...)
		}
		leader = leading[0]
		return nil
	})
	return leader
}

// awaitDurable waits until the leader says that everything up to a revision is
// stored.
func (c *cluster) awaitDurable(p *pair, revision int64) {
	c.t.Helper()
	eventually(c.t, fmt.Sprintf("revision %d to be stored", revision), func() error {
		st, err := c.status(p)
		if err == nil && (st.Role != openapi.RoleLeader || st.Backup.DurableRevision < revision) {
			err = fmt.Errorf("%s (%s), durable up to %d, %s, last error: %s", st.Role, st.Reason, st.Backup.DurableRevision, st.Backup.Phase, st.Backup.LastError)
		}
		return err
	})
}

// awaitStored waits until one of some pairs leads and everything that etcd has by
// now, and some more revisions, are stored. It returns the pair. Where many
// containers share few cores the leader may change meanwhile.
func (c *cluster) awaitStored(more int64, among ...*pair) (leader *pair) {
	c.t.Helper()
	revision := c.head(among...) + more
	eventually(c.t, fmt.Sprintf("revision %d to be stored", revision), func() error {
		var all []error
		for _, p := range among {
			st, err := c.status(p)
			switch {
			case err != nil:
				all = append(all, err)
			case st.Role == openapi.RoleLeader && st.Backup.DurableRevision >= revision:
				leader = p
				return nil
			default:
				all = append(all, fmt.Errorf("%s is %s (%s), durable up to %d, last error: %s", p.name, st.Role, st.Reason, st.Backup.DurableRevision, st.Backup.LastError))
			}
		}
		return errors.Join(all...)
	})
	return leader
}

// awaitFull waits until the store has a full and the hash that the cluster had
// at it.
func (c *cluster) awaitFull(p *pair) {
	c.t.Helper()
	eventually(c.t, "a full and its proof", func() error {
		var found openapi.Catalogue
		err := p.call(c.t.Context(), http.MethodGet, "/v1/snapshots", 10*time.Second, &found)
		if err != nil {
			return err
		}
		for _, line := range found.Timelines {
			if len(line.Windows) > 0 && len(line.Proofs) > 0 {
				return nil
			}
		}
		return fmt.Errorf("the store holds %+v", found.Timelines)
	})
}
