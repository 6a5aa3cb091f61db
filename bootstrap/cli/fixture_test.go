package cli_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/revkeeper/revkeeper/adapters/archive/revkeeper"
	"github.com/revkeeper/revkeeper/adapters/fullspool"
	"github.com/revkeeper/revkeeper/adapters/objectstore/local"
	"github.com/revkeeper/revkeeper/bootstrap/cli"
	"github.com/revkeeper/revkeeper/domain/chain"
	"github.com/revkeeper/revkeeper/domain/proof"
	"github.com/revkeeper/revkeeper/domain/record"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/domain/timeline"
	"github.com/revkeeper/revkeeper/tests/stored"
)

var update = flag.Bool("update", false, "write the golden files anew")

// outcome is what a command did.
type outcome struct {
	code           int
	stdout, stderr string
}

// command runs revkeeper in process.
func command(t *testing.T, args ...string) outcome {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code := cli.Program{Version: "v0.0.0-test", Stdout: &stdout, Stderr: &stderr}.Run(t.Context(), args)
	return outcome{code, stdout.String(), stderr.String()}
}

// golden compares text, without what differs from run to run, with a file.
func golden(t *testing.T, name, text string, places ...string) {
	t.Helper()
	for i := 0; i+1 < len(places); i += 2 {
		text = strings.ReplaceAll(text, places[i], places[i+1])
	}
	text = regexp.MustCompile(`-[0-9a-f]{8}(\.db\.zst)`).ReplaceAllString(text, "-xxxxxxxx$1")
	text = regexp.MustCompile(`; [0-9.]+ [KMGT]?i?B free\n`).ReplaceAllString(text, "; FREE free\n")
	text = regexp.MustCompile(`"freeBytes": [0-9]+`).ReplaceAllString(text, `"freeBytes": 0`)
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if text != string(want) {
		t.Errorf("got\n%s\nwant %s\n%s", text, path, want)
	}
}

// bucket is a store that a test fills.
type bucket struct {
	*testing.T
	dir    string
	spool  string
	store  *local.Store
	writer *revkeeper.Writer
	now    time.Time // advances with every object
}

func newBucket(t *testing.T) *bucket {
	t.Helper()
	b := &bucket{T: t, dir: filepath.Join(t.TempDir(), "store"), spool: t.TempDir(), now: time.Date(2026, 11, 3, 10, 0, 0, 0, time.UTC)}
	b.must(os.Mkdir(b.dir, 0o700))
	var err error
	if b.store, err = local.New(b.dir); err != nil {
		t.Fatal(err)
	}
	if b.writer, err = revkeeper.NewWriter(b.store, b.spool); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *bucket) url() string { return "file://" + b.dir }

func (b *bucket) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

func (b *bucket) tick() time.Time {
	b.now = b.now.Add(time.Minute)
	return b.now
}

var (
	writer = snapshot.Writer{ClusterID: "cafe", MemberID: "a1", Member: "m1", Version: "test"}
	auth   = snapshot.Auth{Revision: 1} // as in a cluster without users
)

func (b *bucket) begin(first int64, reason string, parent int) int {
	b.Helper()
	t, err := b.writer.Begin(b.Context(), timeline.Timeline{Reason: reason, First: first, Parent: parent, BeganAt: b.tick(), Writer: writer})
	b.must(err)
	return t.Epoch
}

// change is what revision rev did: it wrote the key "<variant><rev>".
func change(variant string, rev int64) record.Record {
	return record.Record{Revision: record.Revision{Main: rev}, KeyValue: record.AppendTombstone(nil, []byte(fmt.Sprint(variant, rev)))}
}

func (b *bucket) delta(epoch int, first, last int64, variant string) {
	b.Helper()
	draft := b.writer.Draft(1 << 20)
	at := b.tick()
	for rev := first; rev <= last; rev++ {
		b.must(draft.Append(change(variant, rev), at, at))
	}
	sealed, err := draft.Seal(snapshot.Envelope{Writer: writer, Epoch: epoch, Auth: auth, SealedAt: at})
	b.must(err)
	defer sealed.Release()
	b.must(b.writer.StoreDelta(b.Context(), sealed))
}

// full stores a full of revisions (compact, last] and, if proven, what a member
// would have answered for it.
func (b *bucket) full(epoch int, compact, last int64, proven bool) {
	b.Helper()
	var history stored.Changes
	for rev := max(compact, 1) + 1; rev <= last; rev++ {
		history = append(history, change("key", rev))
	}
	spooled, err := fullspool.New(b.spool).Spool(b.Context(), bytes.NewReader(stored.Snapshot(b, b.spool, history, compact)), 0, chain.Range{})
	b.must(err)
	defer spooled.Release()
	at := b.tick()
	_, err = b.writer.StoreFull(b.Context(), snapshot.Ref{Epoch: epoch, At: at}, snapshot.Manifest{Writer: writer, Source: "a2", Auth: auth, TakenAt: at}, spooled)
	b.must(err)
	if !proven {
		return
	}
	hash, err := proof.HashKV(history, last, compact)
	b.must(err)
	b.must(b.writer.StoreProof(b.Context(), epoch, proof.Recorded{
		Hash:     proof.Hash{HashKV: hash, Revision: last, Compact: compact},
		MemberID: "a2", ClusterID: "cafe", RecordedAt: b.tick(),
	}))
}

func (b *bucket) foreign(key string) {
	b.Helper()
	const text = "not ours"
	b.must(b.store.Create(b.Context(), key, strings.NewReader(text), int64(len(text))))
}

// eventful is a bucket in which everything happened that list can show.
func eventful(t *testing.T) *bucket {
	t.Helper()
	b := newBucket(t)
	one := b.begin(1, "it is the first in this store", 0)
	b.full(one, 0, 10, true)
	b.delta(one, 11, 20, "key")
	b.delta(one, 21, 25, "key")
	b.delta(one, 26, 30, "key")
	b.delta(one, 26, 30, "other") // another history of the same revisions
	b.delta(one, 33, 34, "key")   // behind a gap
	b.full(one, 45, 50, false)    // which ends it
	two := b.begin(60, "history went back: the cluster is at 60, the store at 50", one)
	b.delta(two, 61, 65, "key") // its base is still to come
	b.foreign("README.txt")
	b.foreign("timelines/00000001/full/copy.db")
	return b
}
