package workload

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"

	"go.etcd.io/etcd/api/v3/mvccpb"
	"google.golang.org/protobuf/proto"
)

// all yields the base and then the stream.
func all(g *Generator, visit func(Step)) {
	for step := range g.Base() {
		visit(step)
	}
	for step := range g.Stream() {
		visit(step)
	}
}

// digest is over every event of a run.
func digest(t *testing.T, config Config) string {
	t.Helper()
	sum := sha256.New()
	all(New(config), func(step Step) {
		for _, event := range step.Events {
			raw, err := proto.MarshalOptions{Deterministic: true}.Marshal(event)
			if err != nil {
				t.Fatal(err)
			}
			sum.Write(raw)
		}
	})
	return hex.EncodeToString(sum.Sum(nil))
}

func TestTheSameSeedGivesTheSameBytes(t *testing.T) {
	// If this changes, Version must too, or old caches would be taken for the new data.
	const version, want = 1, "1597aba8204b8231cd4a9fd58fbbaff2b82bd1b514841f06878c4182ec09fb7e"
	got := digest(t, Small())
	if Version != version || got != want {
		t.Errorf("version %d has digest %s; the test knows version %d with %s", Version, got, version, want)
	}
	if again := digest(t, Small()); again != got {
		t.Errorf("a second run has digest %s, the first %s", again, got)
	}
	other := Small()
	other.Seed++
	if digest(t, other) == got {
		t.Error("another seed gives the same data")
	}
}

func TestAnInterruptedLoopContinues(t *testing.T) {
	whole, parts := New(Small()), New(Small())
	var want, got []int64
	all(whole, func(s Step) { want = append(want, s.Revision) })
	for range 2 {
		for step := range parts.Base() {
			got = append(got, step.Revision)
			if len(got) == 700 {
				break
			}
		}
	}
	for range 2 {
		for step := range parts.Stream() {
			got = append(got, step.Revision)
			if len(got) == 3000 {
				break
			}
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("%d revisions in parts, %d in one go", len(got), len(want))
	}
}

func TestMixAndCounts(t *testing.T) {
	config := Config{Seed: 7, Objects: 10_000, Events: 40_000, Leases: 50}
	g := New(config)
	mix := map[Class]int{}
	objects, operations, events, size, ranges := 0, 0, 0, 0, 0
	leases := map[int64]bool{}
	all(g, func(step Step) {
		if step.Class == Load {
			objects++
			return
		}
		operations++
		mix[step.Class]++
		events += len(step.Events)
		for _, event := range step.Events {
			size += proto.Size(event)
			leases[event.Kv.Lease] = true
		}
		for _, change := range step.Changes {
			if len(change.End) > 0 {
				ranges++
			}
		}
	})
	if objects != config.Objects || events != config.Events {
		t.Errorf("%d objects and %d events, want %d and %d", objects, events, config.Objects, config.Events)
	}
	for class, want := range Mix() {
		if got := float64(mix[class]) / float64(operations); math.Abs(got-want) > 0.01 {
			t.Errorf("%.3f of the operations are of class %s, want %.2f", got, class, want)
		}
	}
	if ranges != mix[Txn] {
		t.Errorf("%d range deletes in %d transactions", ranges, mix[Txn])
	}
	if per := size / events; per < 1700 || per > 2000 {
		t.Errorf("%d bytes per event", per)
	}
	if want := 265_000.0 / 300_000; math.Abs(float64(operations)/float64(events)-want) > 0.01 {
		t.Errorf("%d revisions for %d events", operations, events)
	}
	if len(leases) != len(g.Leases())+1 { // 0 is no lease
		t.Errorf("%d of %d leases are used", len(leases)-1, len(g.Leases()))
	}
}

func TestValuesAreObjects(t *testing.T) {
	kinds := map[string]int{}
	all(New(Small()), func(step Step) {
		for _, change := range step.Changes {
			if change.Delete {
				continue
			}
			if len(change.Value) < smallest || len(change.Value) > largest {
				t.Fatalf("%s has %d bytes", change.Key, len(change.Value))
			}
			if !json.Valid(change.Value) {
				t.Fatalf("%s is not JSON: %s", change.Key, change.Value)
			}
			if step.Class == Load {
				kinds[strings.Split(string(change.Key), "/")[2]]++
			}
		}
	})
	if len(kinds) != Kinds {
		t.Errorf("the base has %d kinds: %v", len(kinds), kinds)
	}
	for kind, count := range kinds {
		if count != Small().Objects/Kinds {
			t.Errorf("%d objects of kind %s", count, kind)
		}
	}
}

// model is etcd's rules written down a second time, slowly, to hold the generator's events against.
type model map[string]*mvccpb.KeyValue

// do gives the events of one change at a revision.
func (m model) do(change Change, revision int64) []*mvccpb.Event {
	if change.Delete {
		var gone []string
		for key := range m {
			if key == string(change.Key) || len(change.End) > 0 && key >= string(change.Key) && key < string(change.End) {
				gone = append(gone, key)
			}
		}
		slices.Sort(gone)
		var events []*mvccpb.Event
		for _, key := range gone {
			delete(m, key)
			events = append(events, &mvccpb.Event{Type: mvccpb.Event_DELETE, Kv: &mvccpb.KeyValue{Key: []byte(key), ModRevision: revision}})
		}
		return events
	}
	kv := &mvccpb.KeyValue{
		Key: change.Key, Value: change.Value, Lease: change.Lease, ModRevision: revision, CreateRevision: revision, Version: 1,
	}
	if old := m[string(change.Key)]; old != nil {
		kv.CreateRevision, kv.Version = old.CreateRevision, old.Version+1
	}
	m[string(change.Key)] = kv
	return []*mvccpb.Event{{Kv: kv}}
}

func TestEventsAreContiguousAndFollowEtcdsRules(t *testing.T) {
	m, next := model{}, FirstRevision
	g := New(Small())
	all(g, func(step Step) {
		if step.Revision != next {
			t.Fatalf("revision %d follows %d", step.Revision, next-1)
		}
		next++
		var want []*mvccpb.Event
		touched := map[string]bool{}
		for _, change := range step.Changes {
			events := m.do(change, step.Revision)
			for _, event := range events {
				if key := string(event.Kv.Key); touched[key] {
					t.Fatalf("revision %d touches %s twice, etcd refuses that", step.Revision, key)
				} else {
					touched[key] = true
				}
			}
			want = append(want, events...)
		}
		if len(want) == 0 || len(want) != len(step.Events) {
			t.Fatalf("revision %d has %d events, want %d", step.Revision, len(step.Events), len(want))
		}
		for i := range want {
			if !proto.Equal(want[i], step.Events[i]) {
				t.Fatalf("event %d of revision %d is %v, want %v", i, step.Revision, step.Events[i], want[i])
			}
		}
	})
	if g.Live() != len(m) || g.Revision() != next-1 {
		t.Errorf("%d live keys at revision %d, want %d at %d", g.Live(), g.Revision(), len(m), next-1)
	}
}
