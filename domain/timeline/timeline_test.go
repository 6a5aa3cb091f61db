package timeline_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/domain/timeline"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func full(epoch int, first, last int64, id string, at time.Time) snapshot.Ref {
	return snapshot.Ref{Kind: snapshot.KindFull, Epoch: epoch, First: first, Last: last, At: at, ID: id, Compression: snapshot.Zstd}
}

func delta(epoch int, first, last int64, id string) snapshot.Ref {
	return snapshot.Ref{Kind: snapshot.KindDelta, Epoch: epoch, First: first, Last: last, At: noon, ID: strings.Repeat(id, 16)}
}

func instant(kind snapshot.Kind, rev int64) snapshot.Ref {
	return snapshot.Ref{Kind: kind, Epoch: 1, Last: rev, At: noon}
}

func recordedAt(epoch int, rev int64) snapshot.Ref {
	return snapshot.Ref{Kind: snapshot.KindProof, Epoch: epoch, Last: rev, At: noon}
}

// bucket is two timelines and things that others left there.
func bucket() []timeline.Object {
	var out []timeline.Object
	for _, ref := range []snapshot.Ref{
		{Kind: snapshot.KindFormat},
		{Kind: snapshot.KindTimeline, Epoch: 1},
		full(1, 0, 100, "aaaaaaaa", noon), full(1, 0, 100, "aaaaaaaa", noon).Manifest(),
		full(1, 50, 200, "bbbbbbbb", noon.Add(time.Hour)), full(1, 50, 200, "bbbbbbbb", noon.Add(time.Hour)).Manifest(),
		full(1, 50, 200, "cccccccc", noon.Add(time.Minute)),
		full(1, 90, 300, "dddddddd", noon),
		full(1, 7, 70, "eeeeeeee", noon).Manifest(), full(1, 7, 70, "ffffffff", noon).Manifest(),
		delta(1, 101, 120, "1"), delta(1, 101, 150, "2"), delta(1, 101, 150, "3"), delta(1, 151, 290, "4"),
		recordedAt(1, 200), recordedAt(1, 100),
		instant(snapshot.KindVerified, 200), instant(snapshot.KindVerified, 100),
		instant(snapshot.KindSuspect, 250), instant(snapshot.KindSuspect, 210),
		instant(snapshot.KindPin, 120), instant(snapshot.KindPin, 110),
		{Kind: snapshot.KindMark, Epoch: 1, ID: string(snapshot.Retired)}, {Kind: snapshot.KindMark, Epoch: 1, ID: string(snapshot.Acknowledged)},
		delta(2, 11, 20, "5"),
		{Kind: snapshot.KindMark, Epoch: 2, ID: string(snapshot.Acknowledged)},
	} {
		out = append(out, timeline.Object{Key: ref.Key(), Size: int64(len(ref.Key()))})
	}
	return append(out,
		timeline.Object{Key: "README.txt", Size: 3},
		timeline.Object{Key: "timelines/00000001/full/notes.txt", Size: 4},
		timeline.Object{Key: "timelines/1/timeline.json", Size: 5})
}

func TestCatalogSortsABucket(t *testing.T) {
	objects := bucket()
	want := timeline.Catalog(objects)
	if n := len(want.Timelines); n != 2 {
		t.Fatalf("%d timelines, want 2", n)
	}
	first, second := want.Find(1), want.Newest()
	if first == nil || first.Epoch != 1 || second.Epoch != 2 || want.Find(3) != nil {
		t.Fatalf("timelines %v", want.Timelines)
	}
	if !first.Described || second.Described {
		t.Errorf("described: %v and %v, want only the first", first.Described, second.Described)
	}

	var fulls, finished, deltas, proofs string
	for _, f := range first.Fulls {
		fulls += f.ID[:1]
		if f.Finished {
			finished += f.ID[:1]
		}
		if f.Size != int64(len(f.Key())) {
			t.Errorf("size of %s is %d", f.Key(), f.Size)
		}
	}
	for _, d := range first.Deltas {
		deltas += d.ID[:1]
	}
	for _, p := range first.Proofs {
		proofs += fmt.Sprint(p.Last)
	}
	if fulls != "acbd" {
		t.Errorf("fulls in order %q: want by last revision, then instant", fulls)
	}
	if finished != "ab" {
		t.Errorf("finished fulls %q: one without its description was never finished", finished)
	}
	if deltas != "2314" {
		t.Errorf("deltas in order %q: want by first revision, the longer first", deltas)
	}
	if proofs != "100200" {
		t.Errorf("proofs in order %q", proofs)
	}
	if f := first.NewestFull(); f == nil || f.ID != "bbbbbbbb" {
		t.Errorf("newest full %v: the unfinished one does not count", f)
	}
	if f := (&timeline.History{Fulls: first.Fulls[:1]}).NewestFull(); f == nil || f.Last != 100 {
		t.Errorf("newest full %v: the only one counts", f)
	}
	if second.NewestFull() != nil {
		t.Error("a timeline without a full has a newest one")
	}
	if len(first.Strays) != 2 || first.Strays[0].ID != "eeeeeeee" || len(second.Strays) != 0 {
		t.Errorf("strays %v: want the descriptions whose full is not there", first.Strays)
	}
	if good, suspect := first.Good(); good != 210 || !suspect {
		t.Errorf("good up to %d, suspect %v: the lowest suspicion counts", good, suspect)
	}
	if _, suspect := second.Good(); suspect {
		t.Error("a timeline that nobody suspects is suspect")
	}
	if !first.Marked(snapshot.Retired) || second.Marked(snapshot.Retired) {
		t.Error("the mark of the first timeline is not its own")
	}
	if len(want.Foreign) != 3 || want.Foreign[0].Key != "README.txt" || want.Foreign[2].Size != 5 {
		t.Errorf("foreign objects %v", want.Foreign)
	}

	for seed := range uint64(20) {
		own := objects[:len(objects)-3]
		rand.New(rand.NewPCG(seed, 3)).Shuffle(len(own), func(i, j int) { own[i], own[j] = own[j], own[i] })
		if got := timeline.Catalog(objects); !reflect.DeepEqual(got, want) {
			t.Fatalf("seed %d: another order of the listing gives another catalogue", seed)
		}
	}
}

func TestEmptyBucket(t *testing.T) {
	c := timeline.Catalog(nil)
	if c.Newest() != nil || c.Find(1) != nil || c.MaxRevision() != 0 {
		t.Errorf("catalogue of nothing: %+v", c)
	}
}

func TestMaxRevisionIsTheLargestThatAnythingNames(t *testing.T) {
	for _, tc := range []struct {
		name string
		refs []snapshot.Ref
		want int64
	}{
		{"a delta", []snapshot.Ref{delta(1, 5, 9, "1"), full(1, 0, 4, "aaaaaaaa", noon)}, 9},
		{"a full and a proof that are older", []snapshot.Ref{delta(1, 5, 9, "1"), full(1, 0, 4, "aaaaaaaa", noon), recordedAt(1, 7)}, 9},
		{"an unfinished full", []snapshot.Ref{delta(1, 5, 9, "1"), full(1, 0, 12, "aaaaaaaa", noon)}, 12},
		{"a proof", []snapshot.Ref{delta(1, 5, 9, "1"), recordedAt(1, 15)}, 15},
		{"an older timeline that went further", []snapshot.Ref{delta(1, 5, 90, "1"), delta(2, 5, 9, "1")}, 90},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var objects []timeline.Object
			for _, r := range tc.refs {
				objects = append(objects, timeline.Object{Key: r.Key()})
			}
			c := timeline.Catalog(objects)
			if got := c.MaxRevision(); got != tc.want {
				t.Errorf("MaxRevision = %d, want %d", got, tc.want)
			}
		})
	}
	t.Run("a timeline that was begun and holds nothing yet", func(t *testing.T) {
		h := timeline.History{Timeline: timeline.Timeline{Epoch: 3, First: 77}}
		if got := h.MaxRevision(); got != 77 {
			t.Errorf("MaxRevision = %d, want 77", got)
		}
	})
}

func TestNewestDeltaReachesFurthest(t *testing.T) {
	c := timeline.Catalog(bucket())
	if d := c.Find(1).NewestDelta(); d == nil || d.Last != 290 {
		t.Errorf("newest delta %v", d)
	}
	c = timeline.Catalog([]timeline.Object{{Key: delta(1, 1, 90, "1").Key()}, {Key: delta(1, 50, 60, "2").Key()}})
	if d := c.Find(1).NewestDelta(); d.Last != 90 {
		t.Errorf("newest delta %v: one that begins later may end earlier", d)
	}
	if (&timeline.History{}).NewestDelta() != nil {
		t.Error("a delta out of nothing")
	}
}
