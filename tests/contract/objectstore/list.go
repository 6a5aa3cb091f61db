package objectstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/revkeeper/revkeeper/ports"
)

func emptyList(t *testing.T, s ports.ObjectStore) {
	wantKeys(t, s, "", "")
	wantKeys(t, s, "timelines/", "timelines/00000001")
}

// awkward are keys whose byte order differs from the order in which a walk of
// folders meets them, already sorted.
var awkward = []string{"A", "a-b/c", "a.b", "a.b-", "a/b", "a/b.c/d", "a/b0", "a/c/d", "a0", "b", "ä"}

func listOrder(t *testing.T, s ports.ObjectStore) {
	if !slices.IsSorted(awkward) {
		t.Fatal("the test's keys are not sorted")
	}
	for _, key := range slices.Backward(awkward) {
		mustCreate(t, s, key, key)
	}
	wantKeys(t, s, "", "", awkward...)
	for o, err := range s.List(t.Context(), "", "") {
		if err != nil || o.Size != int64(len(o.Key)) {
			t.Errorf("%+v, %v", o, err)
		}
	}
}

// listSelects compares with the definition: starts with prefix, greater than after.
func listSelects(t *testing.T, s ports.ObjectStore) {
	for _, key := range awkward {
		mustCreate(t, s, key, key)
	}
	for _, prefix := range []string{"", "a", "a/", "a/b", "a/b.c/d", "a.", "b", "zz", "a/b/"} {
		for _, after := range append([]string{"", "a", "a/", "a/b.c", "a/b.c/", "a/b.c/d/", "a/zz", "zz"}, awkward...) {
			var want []string
			for _, key := range awkward {
				if len(key) >= len(prefix) && key[:len(prefix)] == prefix && key > after {
					want = append(want, key)
				}
			}
			wantKeys(t, s, prefix, after, want...)
		}
	}
}

func listLeftEarly(t *testing.T, s ports.ObjectStore) {
	for _, key := range awkward {
		mustCreate(t, s, key, key)
	}
	n := 0
	for _, err := range s.List(t.Context(), "", "") {
		if err != nil {
			t.Fatal(err)
		}
		if n++; n == 2 {
			break
		}
	}
	if n != 2 {
		t.Errorf("%d objects before the break", n)
	}
}

// listMany goes beyond the 1,000 keys that object stores put on a page.
func listMany(t *testing.T, s ports.ObjectStore) {
	const count, workers = 1500, 16
	want := make([]string, count)
	var group errgroup.Group
	group.SetLimit(workers)
	for i := range want {
		want[i] = fmt.Sprintf("delta/%020d-x.delta", i)
		group.Go(func() error { return create(t.Context(), s, want[i], "x") })
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	wantKeys(t, s, "", "", want...)
	wantKeys(t, s, "delta/", want[1200], want[1201:]...)
	wantKeys(t, s, "delta/", want[3], want[4:]...)

	// A context that ends between two pages ends the listing.
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	n := 0
	var last error
	for _, err := range s.List(ctx, "delta/", "") {
		if n++; n == 10 {
			cancel()
		}
		last = err
	}
	if !errors.Is(last, context.Canceled) || n > 1001 {
		t.Errorf("a cancelled listing ended after %d pairs with %v", n, last)
	}
}
