package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// starts is how often etcd is started on each restored directory.
const starts = 3

// starting is what was measured of restores that leave something out: how large the database is, and how soon etcd answers.
type starting struct {
	name  string
	bytes int64
	took  []time.Duration
}

// starts measures the restores that leave something out, beside the one that does not.
func (c *comparison) starts(chain string) []*starting {
	all := []*starting{{name: "base and deltas"}, {name: "defragmented"}, {name: "folded"}}
	for i, o := range []order{{}, {Defragment: true}, {Fold: true}} {
		s, dir := all[i], c.dir("started")
		if err := os.Mkdir(dir, 0o700); err != nil {
			c.Fatal(err)
		}
		o.Operation, o.Store, o.Dir = "restore", chain, filepath.Join(dir, "data")
		ours(c, o)
		info, err := os.Stat(filepath.Join(o.Dir, "member", "snap", "db"))
		if err != nil {
			c.Fatal(err)
		}
		s.bytes = info.Size()
		for range starts {
			began := time.Now()
			etcd := c.start(dir)
			s.took = append(s.took, time.Since(began))
			etcd.Stop()
		}
		c.remove(dir)
	}
	return all
}

func (s *starting) row(t *table, against *starting) {
	same := func(d time.Duration) time.Duration { return d }
	took := median(s.took, same).Seconds()
	t.row("etcd starts on it: "+s.name, fmt.Sprintf("%.2f s", took), fmt.Sprintf("%.2f x", took/median(against.took, same).Seconds()), "", "",
		fmt.Sprintf("%.0f MB of database", float64(s.bytes)/1e6))
}
