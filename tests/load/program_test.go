package load

import (
	"maps"
	"reflect"
	"slices"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"
)

var corners = Shape{Kinds: 2, Spaces: 2, Objects: 5, Value: 100, Corners: true}

func TestEqualSeedsGiveEqualPrograms(t *testing.T) {
	a, b, other := NewProgram(7, corners), NewProgram(7, corners), NewProgram(8, corners)
	same := 0
	for i := range 2000 {
		x, y := a.Next(), b.Next()
		if !reflect.DeepEqual(x, y) {
			t.Fatalf("operation %d is %+v and %+v", i, x, y)
		}
		if reflect.DeepEqual(x, other.Next()) {
			same++
		}
	}
	if same > 200 {
		t.Errorf("%d of 2000 operations are those of another seed", same)
	}
}

// Nothing that the package promises is missing.
func TestAProgramHoldsEverything(t *testing.T) {
	p, seen := NewProgram(1, corners), map[string]int{}
	for range 5000 {
		note(seen, p.Next(), 0)
	}
	for _, what := range []string{"put", "delete", "grant", "revoke", "txn", "range", "attached", "expiring", "keeps value",
		"keeps lease", "nested twice", "condition", "otherwise", "put and deleted in one transaction"} {
		if seen[what] == 0 {
			t.Errorf("never: %s; seen %v", what, slices.Sorted(maps.Keys(seen)))
		}
	}
}

func note(seen map[string]int, o Operation, depth int) {
	for what, is := range map[string]bool{
		string(o.Kind): true, "range": o.End != "", "attached": o.Kind == Put && o.Lease != 0,
		"expiring": o.Kind == Grant && o.TTL < 5, "keeps value": o.KeepValue, "keeps lease": o.KeepLease,
		"nested twice": depth == 2 && o.Kind == Txn, "condition": o.Kind == Txn && o.Key != "", "otherwise": len(o.Else) > 0,
		"put and deleted in one transaction": depth == 0 && o.Kind == Txn && twice(o),
	} {
		if is {
			seen[what]++
		}
	}
	for _, op := range slices.Concat(o.Then, o.Else) {
		note(seen, op, depth+1)
	}
}

// changes are the puts and deletes of a transaction, in order.
func changes(o Operation) (out []Operation) {
	if o.Kind != Txn {
		return []Operation{o}
	}
	for _, op := range slices.Concat(o.Then, o.Else) {
		out = append(out, changes(op)...)
	}
	return out
}

func twice(o Operation) bool {
	all := changes(o)
	for i, first := range all {
		for _, later := range all[i+1:] {
			if first.Kind == Put && later.Kind == Delete && later.reaches(first.Key) {
				return true
			}
		}
	}
	return false
}

// etcd would refuse a transaction that puts a key after anything else in it.
func TestNoTransactionPutsAKeyThatItTouchedBefore(t *testing.T) {
	p := NewProgram(3, corners)
	for i := range 5000 {
		o := p.Next()
		if o.Kind != Txn || len(o.Else) > 0 { // one of the two branches only
			continue
		}
		all := changes(o)
		for at, op := range all {
			for _, before := range all[:at] {
				if op.Kind == Put && (before.Kind == Put && before.Key == op.Key || before.Kind == Delete && before.reaches(op.Key)) {
					t.Fatalf("operation %d puts %q after %+v", i, op.Key, before)
				}
			}
		}
	}
}

func TestAnOperationKeepsWhatItSaysAsARequest(t *testing.T) {
	op := Operation{Kind: Put, Key: "k", Value: "v", Lease: 5}.op()
	if !op.IsPut() || string(op.KeyBytes()) != "k" || string(op.ValueBytes()) != "v" {
		t.Errorf("%+v", op)
	}
	if op := (Operation{Kind: Delete, Key: "a", End: "b"}).op(); !op.IsDelete() || string(op.RangeBytes()) != "b" {
		t.Errorf("%+v", op)
	}
	cmp, then, otherwise := Operation{Kind: Txn, Key: "k", Unless: true, Then: []Operation{{Kind: Put, Key: "k"}}}.transaction()
	if len(cmp) != 1 || len(then) != 1 || otherwise != nil || !reflect.DeepEqual(cmp[0], clientv3.Compare(clientv3.Version("k"), "=", 0)) {
		t.Errorf("%v %v %v", cmp, then, otherwise)
	}
}
