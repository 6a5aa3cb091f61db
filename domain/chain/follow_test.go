package chain_test

import (
	"errors"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/revkeeper/revkeeper/domain/chain"
	"github.com/revkeeper/revkeeper/domain/fault"
)

func keysOf(objects ...object) (keys []string) {
	for _, o := range objects {
		keys = append(keys, o.ref.Key())
	}
	return keys
}

func TestFollow(t *testing.T) {
	base, first, second, long := full(4, 10), delta(11, 20), delta(21, 30), deltaOf("b", 9, 30)
	h := catalogue(base, first, second, long, unfinished(4, 20), full(4, 40))
	for _, tc := range []struct {
		name      string
		target    int64
		path      []object
		witnesses string
		want      fault.Kind
	}{
		{"a full and what leads on from it", 25, []object{base, first, second}, "9–30b", ""},
		{"another way to the same revision", 25, []object{base, long}, "11–20a 21–30a", ""},
		{"a full alone", 10, []object{base}, "", ""},
		{"a full from which newer records are dropped", 5, []object{base}, "", ""},
		{"nothing is named", 25, nil, "", fault.Invalid},
		{"an object that is gone", 25, []object{base, delta(11, 25)}, "", fault.NotFound},
		{"a full that is gone", 25, []object{full(0, 10), first, second}, "", fault.NotFound},
		{"a full that was never finished", 25, []object{unfinished(4, 20), second}, "", fault.NotFound},
		{"a hole", 25, []object{base, second}, "", fault.Invalid},
		{"a delta twice", 25, []object{base, first, first, second}, "", fault.Invalid},
		{"too short a path", 25, []object{base, first}, "", fault.Invalid},
		{"a delta that is not needed", 15, []object{base, first, second}, "", fault.Invalid},
		{"one that begins right behind the target", 20, []object{base, first, second}, "", fault.Invalid},
		{"a target that the full does not hold", 3, []object{base}, "", fault.Invalid},
		{"a delta where the full should be", 25, []object{first, second}, "", fault.NotFound},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p, err := chain.Follow(h, tc.target, keysOf(tc.path...))
			if tc.want != "" {
				if !errors.Is(err, tc.want) {
					t.Errorf("err = %v, want %s", err, tc.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := spans(p.Witnesses); got != tc.witnesses || len(p.Deltas) != len(tc.path)-1 || p.Target != tc.target {
				t.Errorf("%d deltas, witnesses %q", len(p.Deltas), got)
			}
		})
	}
}

// What Plan chose can be followed, and is the same path.
func TestWhatWasPlannedCanBeFollowed(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 5))
	followed := 0
	for i := range 300 {
		h := randomCatalogue(rng)
		if i%2 == 1 {
			atLeast(h)
		}
		for target := int64(1); target <= 60; target++ {
			p, err := chain.Plan(h, target, nil)
			if err != nil {
				continue
			}
			keys := []string{p.Base.Key()}
			for _, d := range p.Deltas {
				keys = append(keys, d.Key())
			}
			got, err := chain.Follow(h, target, keys)
			if err != nil {
				t.Fatalf("revision %d by %v: %v", target, keys, err)
			}
			if len(got.Witnesses) != len(p.Witnesses) {
				t.Fatalf("revision %d: witnesses %s, planned %s", target, spans(got.Witnesses), spans(p.Witnesses))
			}
			p.Reason, p.Witnesses, got.Reason, got.Witnesses = "", nil, "", nil
			if !reflect.DeepEqual(got, p) {
				t.Fatalf("followed %+v, planned %+v", got, p)
			}
			followed++
		}
	}
	if followed < 1000 {
		t.Errorf("only %d paths", followed)
	}
}
