package inspect_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/inspect"
	"github.com/revkeeper/revkeeper/domain/record"
)

// told is a diff in a line.
func told(d inspect.Diff) string {
	var parts []string
	for _, x := range d.Listed {
		parts = append(parts, string(x.Change[:2])+" "+x.Key)
	}
	return strings.Join(parts, ", ")
}

// between is a history's records of the revisions above a.
func between(t *testing.T, history changes, a int64, prefix string, list int) inspect.Diff {
	t.Helper()
	i := inspect.NewInterval([]byte(prefix), list)
	for _, r := range history {
		if r.Main > a {
			if err := i.Add(r, time.Time{}, time.Time{}); err != nil {
				t.Fatal(err)
			}
		}
	}
	return i.Diff()
}

// upTo is a history's records at and below a revision.
func upTo(history changes, rev int64) changes {
	n := 0
	for n < len(history) && history[n].Main <= rev {
		n++
	}
	return history[:n]
}

func TestDiff(t *testing.T) {
	for _, tc := range []struct{ name, before, after, prefix, want string }{
		{"nothing", "a=1", "", "", ""},
		{"a key came", "a=1", "b=1", "", "cr b"},
		{"a key was written again, even with the same value", "a=1", "a=1", "", "ch a"},
		{"a key went", "a=1 b=1", "-a", "", "de a"},
		{"a key came and went: no difference", "a=1", "b=1 b=2 -b", "", ""},
		{"a key went and came back", "a=1", "-a a=9", "", "ch a"},
		{"a key came, went and came", "", "a=1 -a a=2", "", "cr a"},
		{"in the order of the keys, not of their writing", "c=1", "z=1 b=1 -c a=1", "", "cr a, cr b, de c, cr z"},
		{"only those that begin alike", "", "/x/1=1 /y/1=1", "/y/", "cr /y/1"},
		{"what a bump leaves is no key", "a=1", "^", "", ""},
		{"a transaction that deletes what it put", "", "a=1+-a b=1+b=2", "", "cr b"},
	} {
		history := tell(2, tc.before+" "+tc.after)
		a := int64(1 + len(strings.Fields(tc.before)))
		interval := between(t, history, a, tc.prefix, 0)
		if got := told(interval); got != tc.want || !interval.Complete {
			t.Errorf("%s, by records: %q, want %q", tc.name, got, tc.want)
		}
		states, err := inspect.Compare(upTo(history, a), history, []byte(tc.prefix), 0)
		if got := told(states); err != nil || got != tc.want {
			t.Errorf("%s, by states: %q, %v, want %q", tc.name, got, err, tc.want)
		}
	}
}

// Both ways to compare say the same of random histories, and so do the counts and
// the list.
func TestBothWaysAgree(t *testing.T) {
	for seed := range uint64(500) {
		rng := rand.New(rand.NewPCG(seed, 3))
		lives := map[string]bool{}
		var words []string
		for range 1 + rng.IntN(60) {
			key := string(rune('a' + rng.IntN(8)))
			if lives[key] && rng.IntN(3) == 0 {
				words = append(words, "-"+key)
				lives[key] = false
				continue
			}
			words, lives[key] = append(words, fmt.Sprint(key, "=", rng.IntN(2))), true
		}
		history := tell(2, strings.Join(words, " "))
		a := 1 + rng.Int64N(int64(len(words)+1))
		one := between(t, history, a, "", 0)
		two, err := inspect.Compare(upTo(history, a), history, nil, 0)
		if err != nil || told(one) != told(two) || one.Created != two.Created || one.Changed != two.Changed || one.Deleted != two.Deleted {
			t.Fatalf("seed %d, after %d of %v:\n%s\n%s", seed, a, words, told(one), told(two))
		}
		if n := one.Created + one.Changed + one.Deleted; n != int64(len(one.Listed)) || one.Any() != (n > 0) {
			t.Fatalf("seed %d: %d counted, %d listed", seed, n, len(one.Listed))
		}
		short := between(t, history, a, "", 3)
		if short.Created != one.Created || short.Changed != one.Changed || short.Deleted != one.Deleted || !strings.HasPrefix(told(one), told(short)) || short.Complete && told(short) != told(one) {
			t.Fatalf("seed %d: a short list says %q of %q", seed, told(short), told(one))
		}
	}
}

// What came and went does not crowd out what differs.
func TestAShortListHoldsDifferencesOnly(t *testing.T) {
	d := between(t, tell(2, "a=1 -a b=1 -b c=1 -c z=1"), 1, "", 1)
	if told(d) != "cr z" || d.Created != 1 || !d.Complete {
		t.Errorf("listed %q of %d, complete %v", told(d), d.Created, d.Complete)
	}
}

// Two histories that only share their numbers, as before and after a restore, are
// compared by content.
func TestCompareAcrossTimelines(t *testing.T) {
	d, err := inspect.Compare(tell(2, "a=1 b=1 c=1"), tell(2, "a=1 b=2"), nil, 0)
	if err != nil || told(d) != "ch b, de c" {
		t.Errorf("%s, %v", told(d), err)
	}
}

// A listing forgets while it is filled: what is not among the first is refused.
func TestAListingRefusesWhatItCutOff(t *testing.T) {
	l := inspect.NewListing[int](2, 0)
	for _, key := range []string{"a", "b", "c", "d", "e"} { // more than twice what it keeps
		l.At([]byte(key), 0)
	}
	for key, kept := range map[string]bool{"a": true, "b": true, "bb": true, "c": false, "z": false} {
		if (l.At([]byte(key), 0) != nil) != kept {
			t.Errorf("%s: kept %v", key, !kept)
		}
	}
	for range l.All() {
		break // whoever has seen enough gets no more
	}
}

func TestAListingHasValuesWhereTheyAreAskedFor(t *testing.T) {
	for _, values := range []bool{true, false} {
		l := inspect.NewListing[inspect.Entry](0, 0)
		kv := []byte("\x0a\x01k\x10\x02\x18\x03\x20\x02\x2a\x03bar") // KeyValue{Key: "k", CreateRevision: 2, ModRevision: 3, Version: 2, Value: "bar"}
		if err := inspect.Enlist(l, record.Record{KeyValue: kv}, values); err != nil {
			t.Fatal(err)
		}
		clear(kv) // it is the reader's
		for key, e := range l.All() {
			if key != "k" || string(e.Key) != "k" || e.Mod != 3 || e.Size != 3 || (string(e.Value) == "bar") != values || (e.Value == nil) == values {
				t.Errorf("values %v: %q %+v", values, key, e)
			}
		}
		if err := inspect.Enlist(l, record.Record{KeyValue: []byte{0x0a, 0xff}}, values); !errors.Is(err, fault.Corrupt) {
			t.Errorf("no KeyValue: %v", err)
		}
	}
}

func TestListing(t *testing.T) {
	fill := func(keys int, bytes int64, weight int64) *inspect.Listing[int] {
		l := inspect.NewListing[int](keys, bytes)
		for i := range 1000 {
			key := fmt.Appendf(nil, "%03d", i*7%1000)
			for range 2 { // what was cut off does not come back
				if x := l.At(key, weight); x != nil {
					*x++
				}
			}
		}
		return l
	}
	for _, tc := range []struct {
		name          string
		keys          int
		bytes, weight int64
		want          int
	}{
		{"without bounds", 0, 0, 1, 1000},
		{"by number", 10, 0, 1, 10},
		{"by weight", 0, 10 * (128 + 3 + 2*100), 100, 10},
		{"by what comes first", 5, 10 * (128 + 3 + 2*100), 100, 5},
		{"the first is kept however large", 0, 10, 1 << 20, 1},
	} {
		l, n := fill(tc.keys, tc.bytes, tc.weight), 0
		for key, x := range l.All() {
			if key != fmt.Sprintf("%03d", n) || *x != 2 {
				t.Fatalf("%s: key %d is %s, told %d times", tc.name, n, key, *x)
			}
			n++
		}
		if n != tc.want || l.Complete() != (tc.want == 1000) {
			t.Errorf("%s: %d keys, complete %v, want %d", tc.name, n, l.Complete(), tc.want)
		}
	}
}

func TestChanges(t *testing.T) {
	for _, tc := range []struct {
		name           string
		epochA, epochB int
		a, b           int64
		want           string
		one, ok        bool
	}{
		{"two revisions of one timeline", 1, 1, 10, 20, "11–20", true, true},
		{"one and the same", 1, 1, 10, 10, "11–10", true, true},
		{"before and after a restore", 1, 2, 500, 20, "501–20", false, true},
		{"the wrong way round", 1, 1, 20, 10, "", false, false},
		{"a later timeline first", 2, 1, 10, 20, "", false, false},
	} {
		got, one, err := inspect.Changes(tc.epochA, tc.a, tc.epochB, tc.b)
		if (err == nil) != tc.ok || err != nil && !errors.Is(err, fault.Invalid) || tc.ok && (got.String() != tc.want || one != tc.one) {
			t.Errorf("%s: %s, %v, %v", tc.name, got, one, err)
		}
	}
}
