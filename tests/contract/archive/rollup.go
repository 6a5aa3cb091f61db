package archive

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/revkeeper/revkeeper/domain/chain"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/record"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/ports"
	"github.com/revkeeper/revkeeper/tests/fake"
)

// stored seals and stores deltas of ten revisions each and returns their
// envelopes and records.
func stored(t *testing.T, a Pair, n int) ([]snapshot.Envelope, []record.Record) {
	t.Helper()
	epoch := begin(t, a).Epoch
	var envs []snapshot.Envelope
	var all []record.Record
	for i := range int64(n) {
		recs := Records(2+10*i, 11+10*i, strings.Repeat("v", int(i+1)))
		d := seal(t, a, epoch, recs)
		if err := a.StoreDelta(t.Context(), d); err != nil {
			t.Fatal(err)
		}
		env, err := a.Envelope(t.Context(), d.Ref)
		if err != nil {
			t.Fatal(err)
		}
		envs, all = append(envs, env), append(all, recs...)
	}
	return envs, all
}

func rollUp(t *testing.T, a Pair, parts []snapshot.Envelope, by string) ports.SealedDelta {
	t.Helper()
	d, err := a.RollUp(t.Context(), parts, snapshot.Writer{Member: by})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Release)
	if err := a.StoreDelta(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	return d
}

func rollsUp(t *testing.T, a Pair, s *fake.ObjectStore) {
	envs, recs := stored(t, a, 5)
	before := s.Keys()
	d := rollUp(t, a, envs, "roller")
	for _, key := range before {
		if !slices.Contains(s.Keys(), key) {
			t.Errorf("%s is gone", key)
		}
	}
	got, err := readDelta(t, a, d.Ref)
	if err != nil || !slices.EqualFunc(got, recs, func(x, y record.Record) bool {
		return x.Revision == y.Revision && x.Tombstone == y.Tombstone && string(x.KeyValue) == string(y.KeyValue)
	}) {
		t.Errorf("%d records of %d, %v", len(got), len(recs), err)
	}
	env, err := a.Envelope(t.Context(), d.Ref)
	if err != nil || len(env.Segments) != 5 || env.Member != "roller" || len(env.Times) != 5 {
		t.Errorf("envelope %+v, %v", env, err)
	}
	for _, part := range envs {
		if !chain.Holds(env, part.Ref()) {
			t.Errorf("%s is not held", part.Ref().Key())
		}
	}
	// Once the small ones are gone it is all there is.
	for _, part := range envs {
		if err := s.Delete(t.Context(), part.Ref().Key()); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := readDelta(t, a, d.Ref); err != nil || len(got) != len(recs) {
		t.Errorf("without them %d records, %v", len(got), err)
	}
}

func rollsUpAlike(t *testing.T, a Pair, s *fake.ObjectStore) {
	envs, _ := stored(t, a, 4)
	d := rollUp(t, a, envs, "one")
	keys := len(s.Keys())
	if again := rollUp(t, a, envs, "other"); again.Ref != d.Ref || len(s.Keys()) != keys {
		t.Errorf("%s and %s", d.Ref.Key(), again.Ref.Key())
	}
	halves := []snapshot.Envelope{rollUp(t, a, envs[:2], "one").Envelope, rollUp(t, a, envs[2:], "one").Envelope}
	if again := rollUp(t, a, halves, "other"); again.Ref != d.Ref {
		t.Errorf("in two steps %s, in one %s", again.Ref.Key(), d.Ref.Key())
	}
	c, err := a.Catalogue(t.Context())
	if err != nil || len(chain.Cover(&c.Timelines[0]).Disputed) != 0 {
		t.Errorf("disputed: %v, %v", chain.Cover(&c.Timelines[0]).Disputed, err)
	}
}

func refusesRollUp(t *testing.T, a Pair, s *fake.ObjectStore) {
	envs, _ := stored(t, a, 4)
	for name, parts := range map[string][]snapshot.Envelope{"one": envs[:1], "a hole": {envs[0], envs[2]}, "out of order": {envs[1], envs[0]}} {
		if _, err := a.RollUp(t.Context(), parts, snapshot.Writer{}); !errors.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	key := envs[2].Ref().Key()
	for name, change := range map[string]func([]byte) []byte{
		"a bit": func(b []byte) []byte { b[20] ^= 1; return b },
		"cut":   func(b []byte) []byte { return b[:20] },
	} {
		var good []byte
		s.Corrupt(key, func(b []byte) []byte { good = slices.Clone(b); return change(b) })
		if _, err := a.RollUp(t.Context(), envs, snapshot.Writer{}); err == nil || name == "a bit" && (!errors.Is(err, fault.Corrupt) || !strings.Contains(err.Error(), key)) {
			t.Errorf("%s: %v", name, err)
		}
		s.Corrupt(key, func([]byte) []byte { return good })
	}
	if err := s.Delete(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	if _, err := a.RollUp(t.Context(), envs, snapshot.Writer{}); !errors.Is(err, fault.NotFound) {
		t.Errorf("missing: %v", err)
	}
}
