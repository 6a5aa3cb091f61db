package docker

import (
	"bytes"
	"crypto/sha256"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/revkeeper/revkeeper/adapters/archive/revkeeper"
	"github.com/revkeeper/revkeeper/domain/record"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/domain/timeline"
	"github.com/revkeeper/revkeeper/ports"
)

// bench is a store without a cluster, filled by hand, and its checker.
type bench struct {
	*checker
	t     *testing.T
	dir   string
	write *revkeeper.Writer
	start time.Time
}

// newBench returns a store that holds the revisions 1 to 20: a full up to 5, and
// deltas that overlap.
func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t, dir: t.TempDir(), start: time.Now().Add(-time.Hour).Truncate(time.Millisecond)}
	b.checker = newChecker(t, b.dir)
	var err error
	if b.write, err = revkeeper.NewWriter(b.store, t.TempDir()); err != nil {
		t.Fatal(err)
	}
	b.terms.note(answer{sent: b.start, received: b.start, member: 0xa, leader: 0xa, term: 2})
	b.timeline("it is the first in this store")
	b.full(1, 5)
	b.delta(1, 6, 12, "")
	b.delta(1, 10, 20, "")
	b.acks.all = []ack{{at: b.start, revision: 20}}
	return b
}

// writer is one whose member led when it wrote.
func (b *bench) writer() snapshot.Writer {
	return snapshot.Writer{ClusterID: "c", MemberID: "a", Member: "m0", Term: 2, LedAt: b.start, BegunAt: b.start.Add(time.Second)}
}

func (b *bench) timeline(reason string) {
	b.t.Helper()
	_, err := b.write.Begin(b.t.Context(), timeline.Timeline{Reason: reason, First: 6, BeganAt: b.start.Add(time.Second), Writer: b.writer()})
	if err != nil {
		b.t.Fatal(err)
	}
}

// full stores a database that holds nothing.
func (b *bench) full(epoch int, last int64) {
	b.t.Helper()
	digest := sha256.Sum256([]byte("database"))
	plain := append([]byte("database"), digest[:]...)
	_, err := b.write.StoreFull(b.t.Context(), snapshot.Ref{Epoch: epoch, At: b.start}, snapshot.Manifest{Writer: b.writer(), TakenAt: b.start.Add(time.Second)}, ports.SpooledFull{
		Facts: ports.FullFacts{Last: last}, Body: bytes.NewReader(plain), StoredSize: int64(len(plain)), Size: int64(len(plain)), SHA256: digest,
	})
	if err != nil {
		b.t.Fatal(err)
	}
}

// delta stores revisions whose content is the same for all writers but for the
// difference, and returns where.
func (b *bench) delta(epoch int, first, last int64, difference string, change ...func(*snapshot.Writer)) string {
	b.t.Helper()
	draft := b.write.Draft(1 << 20)
	for rev := first; rev <= last; rev++ {
		r := record.Record{Revision: record.Revision{Main: rev}, KeyValue: []byte("value" + difference)}
		if err := draft.Append(r, b.start, b.start); err != nil {
			b.t.Fatal(err)
		}
	}
	w := b.writer()
	for _, f := range change {
		f(&w)
	}
	sealed, err := draft.Seal(snapshot.Envelope{Writer: w, Epoch: epoch, SealedAt: b.start.Add(time.Minute)})
	if err != nil {
		b.t.Fatal(err)
	}
	defer sealed.Release()
	if err := b.write.StoreDelta(b.t.Context(), sealed); err != nil {
		b.t.Fatal(err)
	}
	return filepath.Join(b.dir, filepath.FromSlash(sealed.Ref.Key()))
}

// edit changes an object behind the store's back.
func (b *bench) edit(path string, change func([]byte) []byte) {
	b.t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(path, change(text), 0o600); err != nil {
		b.t.Fatal(err)
	}
}

// TestTheCheckerNotices breaks each invariant once.
func TestTheCheckerNotices(t *testing.T) {
	for _, tc := range []struct {
		name   string
		happen func(b *bench)
		want   string // empty for nothing
	}{
		{"all is well", func(*bench) {}, ""},
		{"two writers stored the same", func(b *bench) { b.delta(1, 15, 25, "") }, ""},
		{"a full was never finished", func(b *bench) {
			name := "00000000000000000030-00000000000000000000-20260102T030405.000Z-0badf00d.db"
			b.edit(b.delta(1, 21, 22, ""), func(d []byte) []byte { return d })
			if err := os.WriteFile(filepath.Join(b.dir, "timelines/00000001/full", name), []byte("half"), 0o600); err != nil {
				b.t.Fatal(err)
			}
		}, ""},
		{"revisions are missing", func(b *bench) { b.delta(1, 22, 30, "") }, "gap: timeline 1: revisions 22–30 are without a full below"},
		{"a new timeline begins", func(b *bench) { b.timeline("doubt") }, "gap: timeline 2 began at revision 6: doubt"},
		{"two deltas of one range differ", func(b *bench) { b.delta(1, 10, 20, "!") }, "gap: timeline 1: revisions 10–20 are disputed"},
		{"two deltas that overlap differ", func(b *bench) { b.delta(1, 19, 21, "!") }, "overwritten or damaged: timelines/00000001/delta/"},
		{"a delta is cut short", func(b *bench) {
			b.edit(b.delta(1, 21, 30, ""), func(d []byte) []byte { return d[:len(d)-1] })
		}, "overwritten or damaged: timelines/00000001/delta/"},
		{"a byte of a delta is another", func(b *bench) {
			b.edit(b.delta(1, 21, 30, ""), func(d []byte) []byte { d[20] ^= 1; return d })
		}, "overwritten or damaged: timelines/00000001/delta/"},
		{"a byte of a full is another", func(b *bench) {
			all, err := filepath.Glob(filepath.Join(b.dir, "timelines/00000001/full/*.db"))
			if err != nil || len(all) != 1 {
				b.t.Fatal(all, err)
			}
			b.edit(all[0], func(d []byte) []byte { d[0] ^= 1; return d })
		}, "overwritten or damaged: timelines/00000001/full/"},
		{"an object is overwritten later", func(b *bench) {
			path := b.delta(1, 21, 30, "")
			b.look()
			b.edit(path, func(d []byte) []byte { return append([]byte(nil), d[1:]...) })
		}, "overwritten or damaged: timelines/00000001/delta/"},
		{"a stranger's object", func(b *bench) {
			if err := os.WriteFile(filepath.Join(b.dir, "README"), []byte("hello"), 0o600); err != nil {
				b.t.Fatal(err)
			}
		}, "overwritten or damaged: README: revkeeper did not write it"},
		{"an acknowledged revision is nowhere", func(b *bench) {
			b.acks.all = append(b.acks.all, ack{at: b.start, revision: 21})
		}, "lost: revisions 21 to 21"},
		{"the writer's member was seen to lead too long ago", func(b *bench) {
			b.delta(1, 21, 21, "", func(w *snapshot.Writer) { w.BegunAt = w.LedAt.Add(leadLasts + 500*time.Millisecond) })
		}, "begun without the lead: timelines/00000001/delta/"},
		{"an object was begun after it was sealed", func(b *bench) {
			b.delta(1, 21, 21, "", func(w *snapshot.Writer) {
				w.LedAt, w.BegunAt = b.start.Add(time.Hour), b.start.Add(time.Hour)
			})
		}, "begun without the lead: timelines/00000001/delta/"},
		{"an object does not say who led", func(b *bench) {
			b.delta(1, 21, 21, "", func(w *snapshot.Writer) { w.Term, w.LedAt, w.BegunAt = 0, time.Time{}, time.Time{} })
		}, "it does not say when it was begun"},
		{"the writer's member did not lead", func(b *bench) {
			b.delta(1, 21, 21, "", func(w *snapshot.Writer) { w.MemberID = "b" })
		}, "begun without the lead: timelines/00000001/delta/"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := newBench(t)
			tc.happen(b)
			found := strings.Join(b.examine(t.Context(), b.start).all(), "\n")
			if (found == "") != (tc.want == "") || !strings.Contains(found, tc.want) {
				t.Errorf("found\n%s\nwant %q", found, tc.want)
			}
		})
	}
}
