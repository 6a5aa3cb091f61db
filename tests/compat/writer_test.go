package compat

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	"google.golang.org/protobuf/proto"

	"github.com/revkeeper/revkeeper/domain/record"
	"github.com/revkeeper/revkeeper/tests/gardener"
	"github.com/revkeeper/revkeeper/tests/stored"
)

// bucket is a folder that a test fills as etcd-backup-restore would, one object a
// minute.
type bucket struct {
	t   *testing.T
	dir string
	now time.Time
}

func newBucket(t *testing.T) *bucket {
	// The name of the prefix must not matter, though it looks like a layout.
	return &bucket{t: t, dir: filepath.Join(t.TempDir(), "prod-v1", "main"), now: time.Unix(1795363800, 0)}
}

// history is what the revisions 2 to last of one history did: each writes a key of
// its own, and every tenth takes one away that was written five before.
func history(name string, last int64) stored.Changes {
	var out stored.Changes
	for rev := int64(2); rev <= last; rev++ {
		r := record.Record{Revision: record.Revision{Main: rev}}
		if rev%10 == 0 {
			r.Tombstone, r.KeyValue = true, record.AppendTombstone(nil, fmt.Append(nil, "key", rev-5))
		} else {
			r.KeyValue, _ = proto.Marshal(&mvccpb.KeyValue{Key: fmt.Append(nil, "key", rev), Value: fmt.Append(nil, name, rev), CreateRevision: rev, ModRevision: rev, Version: 1})
		}
		out = append(out, r)
	}
	return out
}

// full stores a full that is named after a revision and holds (compact, last].
func (b *bucket) full(name string, named, compact, last int64) string {
	b.t.Helper()
	return b.object(fmt.Sprintf("Full-00000000-%08d", named), stored.Snapshot(b.t, b.t.TempDir(), history(name, last), compact))
}

// delta stores the revisions first to last of a history.
func (b *bucket) delta(name string, first, last int64) string {
	b.t.Helper()
	events := gardener.Events(b.t, history(name, last)[first-2:], func(int64) time.Time { return b.now })
	return b.object(fmt.Sprintf("Incr-%08d-%08d", first, last), gardener.Seal(events))
}

func (b *bucket) object(name string, content []byte) string {
	b.t.Helper()
	b.now = b.now.Add(time.Minute)
	path := filepath.Join(b.dir, "v2", fmt.Sprintf("%s-%d.gz", name, b.now.Unix()))
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(path, gardener.Wrap(b.t, content, ".gz"), 0o600); err != nil {
		b.t.Fatal(err)
	}
	return path
}

// damage cuts an object off.
func (b *bucket) damage(path string) {
	b.t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		b.t.Fatal(err)
	}
	if err := os.Truncate(path, info.Size()/2); err != nil {
		b.t.Fatal(err)
	}
}
