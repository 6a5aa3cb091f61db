// Package objectstore is the contract suite of ports.ObjectStore. Every store,
// every decorator and the fake pass it.
package objectstore

import (
	"context"
	"errors"
	"io"
	"slices"
	"testing"

	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/ports"
)

// Run tests one implementation; the name says which in the log, so that a run
// can be checked for the list of implementations it covered. open returns a
// store that is empty and not shared with other subtests; what it needs to end
// goes to the cleanup of the test it is given.
func Run(t *testing.T, implementation string, open func(t *testing.T) ports.ObjectStore) {
	t.Helper()
	t.Logf("contract suite of ObjectStore, implementation: %s", implementation)
	for _, c := range []struct {
		name string
		run  func(t *testing.T, s ports.ObjectStore)
	}{
		{"a created object reads back", createdReadsBack},
		{"an empty object is an object", emptyObject},
		{"create never replaces", createNeverReplaces},
		{"of concurrent creates exactly one wins", concurrentCreates},
		{"a large object reads back whole and in ranges", largeObject},
		{"a large object is not replaced either", largeNeverReplaces},
		{"bad keys are invalid everywhere", badKeys},
		{"odd characters in keys survive", oddKeys},
		{"ranges", ranges},
		{"a missing object is not found", missingObject},
		{"an empty store lists nothing", emptyList},
		{"list is in byte order", listOrder},
		{"list by prefix and after", listSelects},
		{"list can be left early", listLeftEarly},
		{"list of more than a page", listMany},
		{"delete is idempotent and makes room", deleteIdempotent},
		{"a done context stops every method", doneContext},
		{"a create cancelled midway leaves nothing", cancelledCreate},
		{"a broken body leaves nothing", brokenBody},
		{"a short body leaves nothing", shortBody},
		{"a cancelled reader fails before its end", cancelledReader},
		{"the location is named", namedLocation},
	} {
		t.Run(implementation+"/"+c.name, func(t *testing.T) { c.run(t, open(t)) })
	}
}

func createdReadsBack(t *testing.T, s ports.ObjectStore) {
	mustCreate(t, s, "timelines/00000001/timeline.json", "first")
	wantContent(t, s, "timelines/00000001/timeline.json", "first")
	o, err := s.Stat(t.Context(), "timelines/00000001/timeline.json")
	if err != nil || o != (ports.Object{Key: "timelines/00000001/timeline.json", Size: 5}) {
		t.Errorf("Stat = %+v, %v", o, err)
	}
}

func emptyObject(t *testing.T, s ports.ObjectStore) {
	mustCreate(t, s, "marks/empty", "")
	wantContent(t, s, "marks/empty", "")
	if o, err := s.Stat(t.Context(), "marks/empty"); err != nil || o.Size != 0 {
		t.Errorf("Stat = %+v, %v", o, err)
	}
	wantKeys(t, s, "", "", "marks/empty")
	if err := create(t.Context(), s, "marks/empty", "x"); !errors.Is(err, fault.Conflict) {
		t.Errorf("an empty object was replaced: %v", err)
	}
}

func missingObject(t *testing.T, s ports.ObjectStore) {
	mustCreate(t, s, "a/b", "x")
	// "a" is the folder of an object on some media, "a/b/c" lies under a file.
	for _, key := range []string{"missing", "a", "a/c", "a/b/c", "b/a"} {
		if _, err := s.Stat(t.Context(), key); !errors.Is(err, fault.NotFound) {
			t.Errorf("Stat(%s) = %v", key, err)
		}
		if r, err := s.Open(t.Context(), key, 0, -1); !errors.Is(err, fault.NotFound) {
			t.Errorf("Open(%s) = %v", key, err)
			closeQuietly(r)
		}
	}
}

func badKeys(t *testing.T, s ports.ObjectStore) {
	for _, key := range []string{"", "/a", "a/", "a//b", ".", "..", "a/../b", "../a", "a/./b"} {
		if err := create(t.Context(), s, key, "x"); !errors.Is(err, fault.Invalid) {
			t.Errorf("Create(%q) = %v", key, err)
		}
		if r, err := s.Open(t.Context(), key, 0, -1); !errors.Is(err, fault.Invalid) {
			t.Errorf("Open(%q) = %v", key, err)
			closeQuietly(r)
		}
		if _, err := s.Stat(t.Context(), key); !errors.Is(err, fault.Invalid) {
			t.Errorf("Stat(%q) = %v", key, err)
		}
		if err := s.Delete(t.Context(), key); !errors.Is(err, fault.Invalid) {
			t.Errorf("Delete(%q) = %v", key, err)
		}
	}
	if err := s.Create(t.Context(), "negative", pattern{}, -1); !errors.Is(err, fault.Invalid) {
		t.Errorf("Create of a negative size = %v", err)
	}
	wantKeys(t, s, "", "")
}

func oddKeys(t *testing.T, s ports.ObjectStore) {
	keys := []string{"a b", "a%20b", "a+b", "a&b=c", "a?b#c", "größe/日本", "quo'te\"s", "...", "x/.hidden"}
	for _, key := range keys {
		mustCreate(t, s, key, key)
	}
	for _, key := range keys {
		wantContent(t, s, key, key)
	}
	slices.Sort(keys)
	wantKeys(t, s, "", "", keys...)
	wantKeys(t, s, "a+", "", "a+b")
	wantKeys(t, s, "", "größe/日本", "quo'te\"s", "x/.hidden")
}

func deleteIdempotent(t *testing.T, s ports.ObjectStore) {
	mustCreate(t, s, "a/b", "first")
	for range 2 {
		if err := s.Delete(t.Context(), "a/b"); err != nil {
			t.Fatalf("Delete = %v", err)
		}
	}
	for _, key := range []string{"a", "a/b/c", "never/was"} {
		if err := s.Delete(t.Context(), key); err != nil {
			t.Errorf("Delete(%s) = %v", key, err)
		}
	}
	wantKeys(t, s, "", "")
	mustCreate(t, s, "a/b", "second")
	wantContent(t, s, "a/b", "second")
}

func ranges(t *testing.T, s ports.ObjectStore) {
	mustCreate(t, s, "k", "0123456789")
	for _, c := range []struct {
		offset, length int64
		want           string
	}{
		{0, -1, "0123456789"}, {0, 10, "0123456789"}, {3, -1, "3456789"}, {3, 4, "3456"},
		{9, 1, "9"}, {0, 1, "0"}, {4, 0, ""}, {10, 0, ""}, {10, -1, ""},
	} {
		r, err := s.Open(t.Context(), "k", c.offset, c.length)
		if err != nil {
			t.Errorf("Open(%d, %d) = %v", c.offset, c.length, err)
			continue
		}
		got, err := io.ReadAll(r)
		if string(got) != c.want || err != nil {
			t.Errorf("Open(%d, %d) read %q, %v; want %q", c.offset, c.length, got, err, c.want)
		}
		closeQuietly(r)
	}
	for _, c := range [][2]int64{{11, -1}, {11, 0}, {9, 2}, {0, 11}, {-1, 1}, {20, 5}} {
		if r, err := s.Open(t.Context(), "k", c[0], c[1]); !errors.Is(err, fault.Invalid) {
			t.Errorf("Open(%d, %d) = %v, want invalid", c[0], c[1], err)
			closeQuietly(r)
		}
	}
}

func doneContext(t *testing.T, s ports.ObjectStore) {
	mustCreate(t, s, "k", "0123456789")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, statErr := s.Stat(ctx, "k")
	r, openErr := s.Open(ctx, "k", 0, -1)
	closeQuietly(r)
	for op, err := range map[string]error{
		"Create": create(ctx, s, "new", "x"),
		"Stat":   statErr,
		"Open":   openErr,
		"Delete": s.Delete(ctx, "k"),
		"List":   listErr(ctx, s),
	} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s = %v, want the context's error", op, err)
		}
	}
	wantKeys(t, s, "", "", "k")
}

func namedLocation(t *testing.T, s ports.ObjectStore) {
	if s.Capabilities().Location == "" {
		t.Error("the location is empty")
	}
}
