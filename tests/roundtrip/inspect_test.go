package roundtrip

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/revkeeper/revkeeper/adapters/archive/revkeeper"
	"github.com/revkeeper/revkeeper/adapters/datadir"
	"github.com/revkeeper/revkeeper/adapters/eventlog"
	"github.com/revkeeper/revkeeper/adapters/objectstore/local"
	"github.com/revkeeper/revkeeper/application/inspect"
	"github.com/revkeeper/revkeeper/domain/chain"
	"github.com/revkeeper/revkeeper/domain/fault"
	rule "github.com/revkeeper/revkeeper/domain/inspect"
	"github.com/revkeeper/revkeeper/domain/record"
	"github.com/revkeeper/revkeeper/tests/inprocess"
	"github.com/revkeeper/revkeeper/tests/load"
	"github.com/revkeeper/revkeeper/tests/oracle"
	"github.com/revkeeper/revkeeper/tests/servers"
)

// inside is a live etcd that was never compacted, and what looks inside its backup.
type inside struct {
	*testing.T
	live *clientv3.Client
	in   *inspect.Inspector
	full int64 // revision of the full
	head int64
}

// TestInspect holds what is seen inside the backup against what the live cluster
// answers for the same revisions.
func TestInspect(t *testing.T) { inspectAll(t, "etcd37") }

func inspectAll(t *testing.T, version string) {
	source := servers.StartEtcd(t, version, 1)
	x := &inside{T: t, live: oracle.Connect(t, source.Endpoints()[0])}
	w := load.New(x.live, 11)
	x.must(w.Do(t.Context(), 250))
	store, err := local.New(t.TempDir())
	x.must(err)
	b := startBackup(t, source.Endpoints()[0], store)
	b.takeDelta(t)
	inprocess.Eventually(t, "a full is stored", func() bool { return b.state.Backup().LastFull != nil })
	x.full = b.state.Backup().LastFull.Last
	for range 3 { // several deltas
		x.must(w.Do(t.Context(), 100))
		b.takeDelta(t)
	}
	x.head = oracle.Revision(t, x.live)
	b.stop()
	x.in = inspect.New(revkeeper.New(store), datadir.NewBuilder(t.TempDir()), eventlog.Logger(slog.New(slog.DiscardHandler)))

	const seed = 5
	rng := rand.New(rand.NewPCG(seed, seed))
	anywhere := func() int64 { return 1 + rng.Int64N(x.head) }
	for _, rev := range []int64{x.head, x.full, anywhere(), anywhere()} {
		x.list(rev)
	}
	for range 4 {
		a, b := anywhere(), anywhere()
		x.diff(min(a, b), max(a, b))
	}
	x.history(rng)
}

func (x *inside) must(err error) {
	x.Helper()
	if err != nil {
		x.Fatal(err)
	}
}

func at(rev int64) inspect.Where { return inspect.Where{Point: inspect.Point{Revision: rev}} }

// lived is what the live cluster has at a revision, in the order of the keys.
func (x *inside) lived(rev int64, prefix string) []*mvccpb.KeyValue {
	x.Helper()
	opts := []clientv3.OpOption{clientv3.WithRev(rev), clientv3.WithSerializable(), clientv3.WithPrefix()}
	r, err := x.live.Get(x.Context(), prefix, opts...)
	x.must(err)
	return r.Kvs
}

func describe(kv *mvccpb.KeyValue) string {
	return fmt.Sprintf("%q %d %d %d %x %q", kv.Key, kv.CreateRevision, kv.ModRevision, kv.Version, kv.Lease, kv.Value)
}

func described(kv record.KeyValue) string {
	return fmt.Sprintf("%q %d %d %d %x %q", kv.Key, kv.Create, kv.Mod, kv.Version, kv.Lease, kv.Value)
}

// list compares keys, usage and single keys at a revision.
func (x *inside) list(rev int64) {
	x.Helper()
	for _, prefix := range []string{"", "/registry/pods/", "odd/"} {
		want := x.lived(rev, prefix)
		list, total, view, err := x.in.List(x.Context(), at(rev), []byte(prefix), 0, true)
		x.must(err)
		if total != int64(len(want)) || !list.Complete() || view.Revision != rev || rev >= x.full && view.Proof == nil {
			x.Fatalf("%d keys begin with %q at %d, the cluster had %d: %+v", total, prefix, rev, len(want), view)
		}
		n := 0
		for _, e := range list.All() {
			if described(e.KeyValue) != describe(want[n]) {
				x.Fatalf("at %d\n%s\nthe cluster had\n%s", rev, described(e.KeyValue), describe(want[n]))
			}
			n++
		}
	}
	x.usage(rev)
	keys := x.lived(rev, "")
	for _, kv := range keys[:min(2, len(keys))] {
		got, _, err := x.in.Get(x.Context(), at(rev), kv.Key)
		if err != nil || described(got) != describe(kv) {
			x.Errorf("at %d: %s, %v, the cluster had %s", rev, described(got), err, describe(kv))
		}
	}
	if _, _, err := x.in.Get(x.Context(), at(rev), []byte("/registry/pods/ns0/obj")); !errors.Is(err, fault.NotFound) {
		x.Errorf("a key that never was: %v", err)
	}
	x.Logf("revision %d: %d keys are the cluster's", rev, len(keys))
}

func (x *inside) usage(rev int64) {
	x.Helper()
	s, _, err := x.in.Survey(x.Context(), at(rev), nil, 2, rule.ByBytes)
	x.must(err)
	want := map[string]*rule.Usage{}
	leases := map[int64]bool{}
	for _, kv := range x.lived(rev, "") {
		name := ""
		if parts := strings.SplitAfter(string(kv.Key), "/"); len(parts) > 2 && parts[0] == "/" {
			name = parts[0] + parts[1] + parts[2]
		} else if len(parts) > 1 {
			name = parts[0]
		}
		if want[name] == nil {
			want[name] = &rule.Usage{}
		}
		want[name].Keys++
		want[name].KeyBytes += int64(len(kv.Key))
		want[name].ValueBytes += int64(len(kv.Value))
		if kv.Lease != 0 {
			leases[kv.Lease] = true
		}
	}
	var keys int64
	for _, g := range s.Groups {
		keys += g.Keys
		if w := want[g.Prefix]; g.Keys > 0 && (w == nil || g.Keys != w.Keys || g.KeyBytes != w.KeyBytes || g.ValueBytes != w.ValueBytes) {
			x.Errorf("at %d %s: %+v, the cluster had %+v", rev, g.Prefix, g.Usage, w)
		}
	}
	// Nothing was compacted, so the history has every revision from 2 on.
	if keys != s.Total.Keys || s.Leases != int64(len(leases)) || rev > 1 && (s.Revisions != rev-1 || s.First != 2 || s.Last != rev) {
		x.Errorf("at %d: %d of %d keys, %d leases, the cluster had %d; %d revisions from %d to %d", rev, keys, s.Total.Keys, s.Leases, len(leases), s.Revisions, s.First, s.Last)
	}
}

// diff compares two revisions.
func (x *inside) diff(a, b int64) {
	x.Helper()
	before := map[string]int64{}
	for _, kv := range x.lived(a, "") {
		before[string(kv.Key)] = kv.ModRevision
	}
	var want []string
	for _, kv := range x.lived(b, "") {
		mod, lived := before[string(kv.Key)]
		delete(before, string(kv.Key))
		switch {
		case !lived:
			want = append(want, fmt.Sprintf("%s created %d", kv.Key, kv.ModRevision))
		case mod != kv.ModRevision:
			want = append(want, fmt.Sprintf("%s changed %d", kv.Key, kv.ModRevision))
		}
	}
	for key := range before {
		want = append(want, key+" deleted")
	}
	slices.Sort(want)
	d, err := x.in.Diff(x.Context(), inspect.Two{A: at(a).Point, B: at(b).Point})
	x.must(err)
	var got []string
	for _, y := range d.Listed {
		line := fmt.Sprintf("%s %s", y.Key, y.Change)
		if y.Change != rule.Deleted {
			line += fmt.Sprintf(" %d", y.Revision)
		}
		got = append(got, line)
	}
	slices.Sort(got)
	if !d.ByRecords || !slices.Equal(got, want) {
		x.Errorf("%d to %d, by records %v:\n%q\nthe cluster says\n%q", a, b, d.ByRecords, got, want)
	}
	x.Logf("%d to %d: %d created, %d changed, %d deleted, as the cluster says", a, b, d.Created, d.Changed, d.Deleted)
}

// history compares the versions of some keys with what a watch from the beginning
// gives.
func (x *inside) history(rng *rand.Rand) {
	x.Helper()
	ctx, cancel := context.WithTimeout(x.Context(), time.Minute)
	defer cancel()
	all := map[string][]string{}
	for seen := int64(0); seen < x.head; {
		for r := range x.live.Watch(ctx, "\x00", clientv3.WithFromKey(), clientv3.WithRev(seen+1)) {
			x.must(r.Err())
			for _, e := range r.Events {
				line := fmt.Sprintf("%d deleted", e.Kv.ModRevision)
				if e.Type == clientv3.EventTypePut {
					line = describe(e.Kv)
				}
				all[string(e.Kv.Key)] = append(all[string(e.Kv.Key)], line)
				seen = e.Kv.ModRevision
			}
			if seen >= x.head {
				break
			}
		}
		x.must(ctx.Err())
	}
	keys := make([]string, 0, len(all))
	for key := range all {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for range 5 {
		key := keys[rng.IntN(len(keys))]
		s, err := x.in.History(ctx, inspect.Past{Key: []byte(key), To: inspect.Point{Revision: chain.Latest}, Values: true})
		x.must(err)
		var got []string
		for _, v := range s.Versions {
			line := fmt.Sprintf("%d deleted", v.Main)
			if !v.Deleted {
				line = described(v.KeyValue)
			}
			got = append(got, line)
			if v.Main > x.full && (v.NotAfter.IsZero() || v.NotAfter.Before(v.NotBefore)) {
				x.Errorf("%q of revision %d was written between %s and %s", key, v.Main, v.NotBefore, v.NotAfter)
			}
		}
		if !slices.Equal(got, all[key]) || len(s.Missing) > 0 {
			x.Errorf("%q, missing %v:\n%q\nthe watch said\n%q", key, s.Missing, got, all[key])
		}
		x.Logf("%q: %d versions, as a watch says", key, len(got))
	}
}
