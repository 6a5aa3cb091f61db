package etcd

import (
	"context"

	"google.golang.org/grpc"

	"github.com/revkeeper/revkeeper/domain/cluster"
)

// Voters lets another adapter speak to the cluster over the connections here:
// with their certificates, tokens and bounds, and past members that do not
// answer.
type Voters struct {
	pool *pool
}

// Ask runs ask with the connection of one voter after the other until one can
// answer. ask may be run again on a connection that broke under it, so what it
// does must bear being done twice. Errors that ask returns are classified like
// those of ports.Cluster, and keep etcd's own in their chain.
func (v *Voters) Ask(ctx context.Context, op string, ask func(context.Context, grpc.ClientConnInterface) error) error {
	return v.pool.askVoter(ctx, op, func(ctx context.Context, l *link, _ cluster.Member) error {
		return l.call(requireLeader(ctx), func(ctx context.Context) error { return ask(ctx, l.conn) })
	})
}
