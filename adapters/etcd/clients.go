// Package etcd speaks to etcd: the role poll, the cluster's questions, the
// snapshot stream, and the watch, whose events it turns into records.
//
// It uses gRPC with etcd's own message types directly. etcd's clientv3 would
// buffer a slow consumer's watch without bound, retry behind our deadlines,
// dial anew for each status, and ask for a token while it is being made, which
// blocks where etcd is down. Here a connection is made when the first call
// needs it, a refused connection is reported at once, and silence is reported
// as a timeout.
package etcd

import (
	"errors"
	"log/slog"

	"github.com/revkeeper/revkeeper/domain/fault"
)

// Clients is everything that speaks to one etcd cluster from beside one member.
type Clients struct {
	Member      *Member
	Cluster     *Cluster
	Maintenance *Maintenance
	Defrag      *Defragmenter
	Watcher     *Watcher
	Voters      *Voters
	Keyspace    *Keyspace

	pool *pool
}

// Dial prepares the connections and returns at once: nothing is contacted and no
// file is read before the first call, so etcd may be down. Only a Config that
// does not validate is an error, of kind Invalid. The caller closes the Clients.
func Dial(cfg Config, logger *slog.Logger) (*Clients, error) {
	if err := fault.Problems(cfg.Validate()).OrNil(); err != nil {
		return nil, err
	}
	p := newPool(cfg, logger)
	// A connection of its own, so that a watch's or a snapshot's traffic does not
	// stand between the poll and its answer.
	own, err := newLink(cfg.Endpoint, cfg, p.tokens)
	if err != nil {
		return nil, err
	}
	return &Clients{
		Member:      &Member{link: own},
		Cluster:     &Cluster{pool: p},
		Maintenance: &Maintenance{pool: p},
		Defrag:      &Defragmenter{pool: p},
		Watcher:     &Watcher{pool: p, limit: wholeLimit},
		Voters:      &Voters{pool: p},
		Keyspace:    &Keyspace{pool: p},
		pool:        p,
	}, nil
}

// Close breaks every connection, and with them open watches and snapshots.
func (c *Clients) Close() error {
	return errors.Join(c.Member.link.close(), c.pool.close())
}
