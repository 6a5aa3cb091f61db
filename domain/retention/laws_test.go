package retention_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/revkeeper/revkeeper/domain/chain"
	"github.com/revkeeper/revkeeper/domain/retention"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/domain/timeline"
)

// TestLaws checks what holds for any catalogue, any rule and any crash.
func TestLaws(t *testing.T) {
	deleted, seen := 0, tally{}
	for seed := range uint64(400) {
		deleted += obeysLaws(t, seed, &seen)
	}
	t.Logf("%d deletions, %d of deltas in %d roll-ups, %d of which are damaged", deleted, seen.folded, seen.rolled, seen.damaged)
	if seen.folded < 20 || seen.damaged < 5 {
		t.Errorf("too few roll-ups: the test shows little of them")
	}
	if deleted < 2000 {
		t.Errorf("only %d deletions were planned: the test shows little", deleted)
	}
}

func FuzzLaws(f *testing.F) {
	f.Add(uint64(1))
	f.Fuzz(func(t *testing.T, seed uint64) { obeysLaws(t, seed, &tally{}) })
}

// tally counts what the worlds had of roll-ups.
type tally struct{ rolled, damaged, folded int }

func (s *tally) add(w *world, p retention.Plan) {
	for _, by := range w.facts.Held {
		s.rolled++
		if w.facts.Damaged[by.By] != "" {
			s.damaged++
		}
		break // it is the same for all
	}
	for _, d := range p.Decisions {
		if _, held := w.facts.Held[d.Ref]; held && d.Delete && strings.Contains(d.Reason, "too") {
			s.folded++
		}
	}
}

// world is a random bucket with a random rule.
type world struct {
	*testing.T
	seed      uint64
	rng       *rand.Rand
	catalogue timeline.Catalogue
	rule      retention.Rule
	facts     retention.Facts
}

func newWorld(t *testing.T, seed uint64) *world {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 17))
	w := &world{T: t, seed: seed, rng: rng, rule: anyRule(rng), facts: retention.Facts{Damaged: map[snapshot.Ref]string{}}}
	n, base := 1+rng.IntN(4), int64(0)
	for epoch := 1; epoch <= n; epoch++ {
		h := anyHistory(rng)
		rehome(&h, epoch, base, time.Duration(n-epoch)*20*day)
		base = h.MaxRevision()
		h.BeganAt = now.Add(-time.Duration(n-epoch+1) * 20 * day)
		if rng.IntN(12) == 0 {
			h.Marks = append(h.Marks, snapshot.Ref{Kind: snapshot.KindMark, Epoch: epoch, ID: string(snapshot.Retired)})
		}
		h.Marks = append(h.Marks, snapshot.Ref{Kind: snapshot.KindMark, Epoch: epoch, ID: string(snapshot.Acknowledged)})
		cov := chain.Cover(&h)
		if rng.IntN(20) > 0 { // a lost pin stops everything, which shows little
			h.Pins = slices.DeleteFunc(h.Pins, func(pin snapshot.Ref) bool { return !cov.Contains(pin.Last) })
		}
		w.catalogue.Timelines = append(w.catalogue.Timelines, h)
	}
	w.catalogue = w.after(nil) // as a listing names it, to the millisecond
	for _, h := range w.catalogue.Timelines {
		for _, f := range h.Fulls {
			if f.Finished && rng.IntN(30) == 0 && len(h.Pins) == 0 {
				w.facts.Damaged[f.Ref] = "its digest differs"
			}
		}
	}
	w.rollUp(w.catalogue.Newest())
	w.catalogue = w.after(nil) // in the order of a listing
	return w
}

// rollUp adds a longer delta for a run of those of a timeline, lately or long ago;
// some of them are damaged.
func (w *world) rollUp(h *timeline.History) {
	w.facts.Held = map[snapshot.Ref]retention.Holding{}
	from, to := w.rng.IntN(len(h.Deltas)+1), 0
	for to = from + 1; to < len(h.Deltas) && h.Deltas[to].First == h.Deltas[to-1].Last+1; {
		to++
	}
	if to-from < 2 || to > len(h.Deltas) || len(h.Pins) > 0 {
		return
	}
	run := slices.Clone(h.Deltas[from:to])
	by := run[len(run)-1]
	by.First, by.ID = run[0].First, "eeeeeeeeeeeeeeee"
	for _, d := range run {
		w.facts.Held[d.Ref] = retention.Holding{By: by.Ref, Since: now.Add(-time.Duration(w.rng.IntN(72)) * hour)}
	}
	h.Deltas = append(h.Deltas, by)
	if w.rng.IntN(4) == 0 {
		w.facts.Damaged[by.Ref] = "its digest differs"
	}
}

// rehome makes a history one of another timeline: later in revisions, and longer
// ago.
func rehome(h *timeline.History, epoch int, base int64, ago time.Duration) {
	move := func(r *snapshot.Ref) {
		r.Epoch, r.Last, r.At = epoch, r.Last+base, r.At.Add(-ago)
		if r.Kind == snapshot.KindFull || r.Kind == snapshot.KindDelta {
			r.First += base
		}
	}
	h.Epoch, h.First = epoch, base+1
	for i := range h.Fulls {
		move(&h.Fulls[i].Ref)
	}
	for i := range h.Deltas {
		move(&h.Deltas[i].Ref)
	}
	for _, refs := range [][]snapshot.Ref{h.Proofs, h.Pins, h.Strays} {
		for i := range refs {
			move(&refs[i])
		}
	}
}

func anyRule(rng *rand.Rand) retention.Rule {
	r := rule()
	r.Stale = 400 * day
	switch rng.IntN(3) {
	case 0:
		r.Policy.Limit = 1 + rng.IntN(4)
	case 1:
		r.Policy = retention.Policy{Way: retention.Exponential}
	case 2:
		r.Policy = retention.Policy{Way: retention.Keep, Windows: retention.Windows{
			All: time.Duration(rng.IntN(5)) * hour, Daily: time.Duration(rng.IntN(9)) * day, Monthly: 1 + rng.IntN(3)}}
	}
	r.Every, r.Grace, r.Frozen = time.Duration(rng.IntN(20))*day, time.Duration(rng.IntN(48))*hour, time.Duration(rng.IntN(50))*day
	return r
}

func obeysLaws(t *testing.T, seed uint64, seen *tally) (deletions int) {
	t.Helper()
	w := newWorld(t, seed)
	plan := retention.Make(w.catalogue, w.rule, w.facts, now)
	seen.add(w, plan)
	w.decidesEverythingOnce(plan)
	promised := w.promises()
	deletions, _ = plan.Deleted()

	// A run that is cut short: by its limit, by objects that cannot be deleted, by
	// a kill in the middle of a wave of which four were under way.
	cut := map[snapshot.Ref]bool{}
	sequence := plan.Sequence(w.rng.IntN(deletions + 2))
	for wave := sequence.Next(); len(wave) > 0; wave = sequence.Next() {
		killed := w.rng.IntN(6) == 0
		if killed {
			wave = wave[:w.rng.IntN(len(wave)+1)]
			tail := wave[max(0, len(wave)-4):]
			w.rng.Shuffle(len(tail), func(i, j int) { tail[i], tail[j] = tail[j], tail[i] })
			wave = wave[:len(wave)-w.rng.IntN(len(tail)+1)]
		}
		for _, d := range wave {
			if w.rng.IntN(20) == 0 {
				sequence.Missed(d.Ref)
				continue
			}
			cut[d.Ref] = true
		}
		if killed {
			break
		}
	}
	w.keeps(promised, cut, "after a run that was cut short")
	if again := retention.Make(w.after(cut), w.rule, w.facts, now); plan.Stopped == "" && again.Stopped != "" {
		t.Fatalf("seed %d: half of the deletions stop the rest: %s", seed, again.Stopped)
	}

	gone := map[snapshot.Ref]bool{}
	for _, d := range plan.Decisions {
		if d.Delete {
			gone[d.Ref] = true
		}
	}
	w.keeps(promised, gone, "after the whole run")
	again := retention.Make(w.after(gone), w.rule, w.facts, now)
	if more, _ := again.Deleted(); more > 0 {
		t.Fatalf("seed %d: a second run deletes more: %v", seed, goneOf(again))
	}
	for _, ref := range plan.Replacements(plan.Sequence(deletions).Deletions()) {
		if gone[ref] || w.facts.Damaged[ref] != "" {
			t.Fatalf("seed %d: %s is to take the place of what goes, and goes itself or is damaged", seed, ref.Key())
		}
	}
	return deletions
}

func goneOf(p retention.Plan) []string {
	var out []string
	for _, d := range p.Decisions {
		if d.Delete {
			out = append(out, d.Ref.Key()+": "+d.Reason)
		}
	}
	return out
}

// decidesEverythingOnce: what is kept and what goes are all there is, and what
// goes is nothing that must never go.
func (w *world) decidesEverythingOnce(p retention.Plan) {
	w.Helper()
	want := map[string]bool{}
	for i := range w.catalogue.Timelines {
		for key := range keysOf(&w.catalogue.Timelines[i]) {
			want[key] = true
		}
	}
	for _, d := range p.Decisions {
		key := d.Ref.Key()
		if !want[key] {
			w.Fatalf("seed %d: %s is decided twice, or is not there", w.seed, key)
		}
		delete(want, key)
		if d.Reason == "" || d.Delete && (p.Stopped != "" || w.facts.Damaged[d.Ref] != "") {
			w.Fatalf("seed %d: %+v with the plan stopped by %q", w.seed, d, p.Stopped)
		}
	}
	if len(want) > 0 {
		w.Fatalf("seed %d: nothing is decided about %v", w.seed, want)
	}
}

func keysOf(h *timeline.History) map[string]bool {
	out := map[string]bool{snapshot.Ref{Kind: snapshot.KindTimeline, Epoch: h.Epoch}.Key(): true}
	for _, f := range h.Fulls {
		out[f.Key()] = true
		if f.Finished {
			out[f.Manifest().Key()] = true
		}
	}
	for _, d := range h.Deltas {
		out[d.Key()] = true
	}
	for _, r := range slices.Concat(h.Proofs, h.Pins, h.Marks, h.Strays) {
		out[r.Key()] = true
	}
	return out
}

// promises are the revisions of each timeline that must stay restorable.
func (w *world) promises() map[int][]int64 {
	out := map[int][]int64{}
	newest := len(w.catalogue.Timelines) - 1
	for i := range w.catalogue.Timelines {
		h := w.readable(w.catalogue.Timelines[i])
		cov := chain.Cover(&h)
		var revisions []int64
		switch {
		case i == newest:
			revisions = promises(h, w.rule)
		case h.Marked(snapshot.Retired):
			continue
		case now.Before(w.catalogue.Timelines[i+1].BeganAt.Add(w.rule.Frozen)):
			for _, window := range cov.Windows {
				for rev := window.First; rev <= window.Last; rev++ {
					revisions = append(revisions, rev)
				}
			}
		default:
			revisions = w.thawed(h)
		}
		for _, proof := range slices.Backward(h.Proofs) {
			if cov.Contains(proof.Last) {
				revisions = append(revisions, proof.Last)
				break
			}
		}
		for _, pin := range h.Pins {
			if cov.Contains(pin.Last) {
				revisions = append(revisions, pin.Last)
			}
		}
		out[h.Epoch] = revisions
	}
	return out
}

// thawed is what the policy promises of a superseded timeline: by age the same as
// of the newest.
func (w *world) thawed(h timeline.History) []int64 {
	var fulls []timeline.Full
	for _, f := range h.Fulls {
		if f.Finished {
			fulls = append(fulls, f)
		}
	}
	if w.rule.Policy.Way == retention.Limit || len(fulls) == 0 {
		return nil
	}
	var out []int64
	for ref := range w.rule.Policy.Chosen(fulls, now) {
		out = append(out, ref.Last)
	}
	return out
}

// readable is a history without what is damaged.
func (w *world) readable(h timeline.History) timeline.History {
	h.Fulls = slices.DeleteFunc(slices.Clone(h.Fulls), func(f timeline.Full) bool { return w.facts.Damaged[f.Ref] != "" })
	h.Deltas = slices.DeleteFunc(slices.Clone(h.Deltas), func(d timeline.Delta) bool { return w.facts.Damaged[d.Ref] != "" })
	return h
}

// after is the catalogue as a listing would show it once some objects are gone.
func (w *world) after(gone map[snapshot.Ref]bool) timeline.Catalogue {
	var objects []timeline.Object
	for i := range w.catalogue.Timelines {
		for key := range keysOf(&w.catalogue.Timelines[i]) {
			objects = append(objects, timeline.Object{Key: key, Size: 1})
		}
	}
	deleted := map[string]bool{}
	for ref := range gone {
		deleted[ref.Key()] = true
	}
	objects = slices.DeleteFunc(objects, func(o timeline.Object) bool { return deleted[o.Key] })
	out := timeline.Catalog(objects)
	for i := range out.Timelines {
		h := &out.Timelines[i]
		described := h.Described
		h.Timeline = w.catalogue.Find(h.Epoch).Timeline
		h.Described = described
	}
	return out
}

func (w *world) keeps(promised map[int][]int64, gone map[snapshot.Ref]bool, when string) {
	w.Helper()
	rest := w.after(gone)
	for epoch, revisions := range promised {
		if len(revisions) == 0 {
			continue
		}
		h := rest.Find(epoch)
		if h == nil {
			w.Fatalf("seed %d: %s timeline %d is gone", w.seed, when, epoch)
		}
		sound := w.readable(*h)
		cov := chain.Cover(&sound)
		for _, rev := range revisions {
			if !cov.Contains(rev) {
				w.Fatalf("seed %d: %s revision %d of timeline %d cannot be restored any more: %v", w.seed, when, rev, epoch, cov.Windows)
			}
		}
	}
}

// BenchmarkLarge plans for 2,000 fulls and 200,000 deltas.
func BenchmarkLarge(b *testing.B) {
	c := large(2000, 200_000)
	r := retention.Rule{Policy: retention.Policy{Way: retention.Keep, Windows: retention.Windows{
		All: 2 * hour, Hourly: day, Daily: 14 * day, Weekly: 84 * day, Monthly: 12}},
		Every: 7 * day, Grace: day, Stale: 6 * hour, Frozen: 30 * day, Leftover: day}
	b.ReportAllocs()
	for b.Loop() {
		plan := retention.Make(c, r, retention.Facts{}, now)
		n, _ := plan.Deleted()
		if n == 0 {
			b.Fatal(plan.Stopped)
		}
		needed := plan.Replacements(plan.Sequence(n).Deletions())
		b.ReportMetric(float64(n), "deletions")
		b.ReportMetric(float64(len(needed)), "read-back")
	}
}

// large is a year of one timeline, with a proof for each full.
func large(fulls, deltas int) timeline.Catalogue {
	h := timeline.History{Timeline: timeline.Timeline{Epoch: 1, First: 1}, Described: true}
	const each = 100 // revisions a delta
	for i := range deltas {
		ago := time.Duration(deltas-i) * (365 * day / time.Duration(deltas))
		d := delta(int64(i*each+2), int64((i+1)*each+1), ago)
		d.ID = fmt.Sprintf("%016x", i)
		h.Deltas = append(h.Deltas, d)
		if i%(deltas/fulls) == 0 {
			f := full(int64(i*each+1), ago)
			f.ID = fmt.Sprintf("%08x", i)
			h.Fulls = append(h.Fulls, f)
			h.Proofs = append(h.Proofs, snapshot.Ref{Kind: snapshot.KindProof, Epoch: 1, Last: f.Last, At: f.At})
		}
	}
	return timeline.Catalogue{Timelines: []timeline.History{h}}
}
