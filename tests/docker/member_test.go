package docker

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/revkeeper/revkeeper/tests/oracle"
)

// quickReconnect finds a member soon after it came back; by default a client
// that was refused for a while waits for minutes.
var quickReconnect = grpc.WithConnectParams(grpc.ConnectParams{
	Backoff:           backoff.Config{BaseDelay: 50 * time.Millisecond, Multiplier: 1.5, MaxDelay: 250 * time.Millisecond},
	MinConnectTimeout: time.Second,
})

// connectMember returns a connection to one member and no other, closed with the test.
func connectMember(t testing.TB, client string) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient("passthrough:///"+strings.TrimPrefix(client, "http://"),
		grpc.WithTransportCredentials(insecure.NewCredentials()), quickReconnect)
	if err != nil {
		t.Fatalf("connect to %s: %v", client, err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// raft asks the member itself who it is and who leads.
func (p *pair) raft(ctx context.Context, timeout time.Duration) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	sent := time.Now()
	st, err := etcdserverpb.NewMaintenanceClient(p.conn).Status(ctx, &etcdserverpb.StatusRequest{})
	if err != nil {
		return answer{}, err
	}
	a := answer{sent: sent, received: time.Now(), member: st.GetHeader().GetMemberId(), leader: st.GetLeader(), term: st.GetRaftTerm()}
	p.told.note(a)
	return a, nil
}

// leadsEtcd reports whether the member says that it leads.
func (p *pair) leadsEtcd(ctx context.Context) bool {
	a, err := p.raft(ctx, 2*time.Second)
	return err == nil && a.leader == a.member
}

// id is the member's id.
func (c *cluster) id(p *pair) uint64 {
	c.t.Helper()
	var id uint64
	eventually(c.t, p.name+" to say who it is", func() error {
		a, err := p.raft(c.t.Context(), time.Second)
		id = a.member
		return err
	})
	return id
}

// head is the cluster's revision, as some of its members know it.
func (c *cluster) head(among ...*pair) int64 {
	c.t.Helper()
	return oracle.Revision(c.t, oracle.Connect(c.t, endpoints(among...)...))
}

// moveLeader makes a pair's member lead etcd.
func (c *cluster) moveLeader(to *pair) {
	c.t.Helper()
	id := c.id(to)
	eventually(c.t, to.name+" to lead etcd", func() error {
		for _, p := range c.pairs {
			if !p.leadsEtcd(c.t.Context()) {
				continue
			}
			if p == to {
				return nil
			}
			ctx, cancel := context.WithTimeout(c.t.Context(), 5*time.Second)
			_, err := etcdserverpb.NewMaintenanceClient(p.conn).MoveLeader(ctx, &etcdserverpb.MoveLeaderRequest{TargetID: id})
			cancel()
			if err != nil {
				return err
			}
			return fmt.Errorf("%s was asked to hand over", p.name)
		}
		return fmt.Errorf("no member says that it leads")
	})
}
