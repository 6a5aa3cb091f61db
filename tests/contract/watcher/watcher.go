// Package watcher is the contract of ports.Watcher, run against real etcd.
package watcher

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/revkeeper/revkeeper/domain/cluster"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/record"
	"github.com/revkeeper/revkeeper/ports"
)

// patience bounds every wait. It is many times what is expected.
const patience = 60 * time.Second

// Setup is a fresh, empty cluster of three members and a Watcher on it.
type Setup struct {
	Watcher ports.Watcher
	// Client writes to the cluster.
	Client *clientv3.Client
	// Database returns what a member's bucket "key" holds.
	Database func(t *testing.T) []record.Record
	// Kill ends a member.
	Kill func(t *testing.T, member cluster.ID)
}

// Run holds the watchers that setup makes to the contract.
func Run(t *testing.T, setup func(t *testing.T) Setup) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, Setup)
	}{
		{"a live watch delivers what the database holds", liveEqualsDatabase},
		{"a later watch delivers what the database holds", catchUpEqualsDatabase},
		{"a huge revision arrives whole and in order", hugeRevision},
		{"the compact revision is known at once", compactRevision},
		{"a compacted revision is not found", compactedIsNotFound},
		{"a watch that is compacted away says so", compactedWhileWatching},
		{"a watch waits for a revision to come", waitsForFuture},
		{"the end of the context ends the watch", contextEndsNext},
		{"close ends a waiting Next", closeEndsNext},
		{"a killed member ends the watch, another serves the next", killedMember},
		{"revision 0 is refused", zeroIsInvalid},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, setup(t)) })
	}
}

func liveEqualsDatabase(t *testing.T, s Setup) {
	w := open(t, s, 2)
	wrote := make(chan error, 1)
	go func() {
		Write(t, s.Client)
		_, err := s.Client.Put(t.Context(), "end", "")
		wrote <- err
	}()
	got := collect(t, w, func(r record.Record) bool {
		key, err := record.Key(r.KeyValue)
		return err != nil || string(key) == "end"
	})
	if err := wait(t, wrote); err != nil {
		t.Fatal(err)
	}
	Equal(t, got, s.Database(t))
}

func catchUpEqualsDatabase(t *testing.T, s Setup) {
	last := Write(t, s.Client)
	got := collect(t, open(t, s, 2), reaches(last))
	Equal(t, got, s.Database(t))
	if !putAndDeletedAtOnce(t, got) {
		t.Error("no revision puts and deletes one key: the history proves too little")
	}
}

// hugeRevision accepts one response or many fragments, but the revision must be
// whole and in order, and Open until its last record.
func hugeRevision(t *testing.T, s Setup) {
	const keys = 20_000
	last := Fill(t, s.Client, keys)
	w := open(t, s, last+1)
	deleted, err := s.Client.Delete(t.Context(), "fill/", clientv3.WithPrefix())
	if err != nil {
		t.Fatal(err)
	}
	for next := int64(0); next < keys; {
		changes := mustNext(t, w)
		for _, r := range changes.Records {
			if r.Main != deleted.Header.Revision || r.Sub != next || !r.Tombstone {
				t.Fatalf("record %d.%d, tombstone %v; want tombstone %d.%d", r.Main, r.Sub, r.Tombstone, deleted.Header.Revision, next)
			}
			next++
		}
		if changes.Open != (next < keys) {
			t.Fatalf("after %d of %d records Open is %v", next, keys, changes.Open)
		}
	}
}

func compactRevision(t *testing.T, s Setup) {
	last := Write(t, s.Client)
	w := open(t, s, last+1)
	check := func(want int64) {
		t.Helper()
		got, err := w.CompactRevision(t.Context())
		if err != nil || got != want {
			t.Fatalf("compact revision %d, %v; want %d", got, err, want)
		}
	}
	check(0)
	for _, at := range []int64{2, 5, last} {
		compact(t, s, w, at)
		check(at)
	}
}

func compactedIsNotFound(t *testing.T, s Setup) {
	last := Write(t, s.Client)
	w := open(t, s, last+1)
	compact(t, s, w, last-1)
	w.Close()
	var err error
	eventually(t, "every member has compacted", func() bool {
		var late ports.Watch
		if late, err = s.Watcher.Watch(t.Context(), 3); err == nil {
			late.Close()
		}
		return err != nil
	})
	if !errors.Is(err, fault.NotFound) || !strings.Contains(err.Error(), "revision 3 ") || !strings.Contains(err.Error(), fmt.Sprint(last-1)) {
		t.Errorf("got %v; want NotFound with revisions 3 and %d", err, last-1)
	}
}

func compactedWhileWatching(t *testing.T, s Setup) {
	w := open(t, s, 1)
	last := Fill(t, s.Client, 100)
	compact(t, s, w, last)
	// Whatever was sent before, the watch goes on or says that it cannot.
	err := error(nil)
	for seen := int64(0); err == nil && seen < last; {
		var changes ports.Changes
		if changes, err = w.Next(); err == nil {
			seen = changes.Records[len(changes.Records)-1].Main
		}
	}
	if err != nil && !errors.Is(err, fault.NotFound) {
		t.Errorf("got %v, want NotFound", err)
	}
}

func waitsForFuture(t *testing.T, s Setup) {
	last := Fill(t, s.Client, 10)
	w := open(t, s, last+3)
	for i := range 3 {
		put(t, s, fmt.Sprintf("future/%d", i), "x")
	}
	changes := mustNext(t, w)
	if first := changes.Records[0]; first.Main != last+3 || first.Sub != 0 {
		t.Errorf("the first record is %d.%d, want %d.0", first.Main, first.Sub, last+3)
	}
	if changes.Header < last+3 || changes.RaftTerm == 0 || changes.Received.IsZero() {
		t.Errorf("header %d, term %d, received %v", changes.Header, changes.RaftTerm, changes.Received)
	}
}

func contextEndsNext(t *testing.T, s Setup) {
	ctx, cancel := context.WithCancel(t.Context())
	w, err := s.Watcher.Watch(ctx, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	ended := make(chan error, 1)
	go func() {
		_, err := w.Next()
		ended <- err
	}()
	cancel()
	if err := wait(t, ended); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the context's error", err)
	}
	if _, err := w.Next(); !errors.Is(err, context.Canceled) {
		t.Errorf("Next again gave %v: an error is final", err)
	}
}

func closeEndsNext(t *testing.T, s Setup) {
	w := open(t, s, 1)
	ended := make(chan error, 1)
	go func() {
		_, err := w.Next()
		ended <- err
	}()
	w.Close()
	w.Close()
	if err := wait(t, ended); err == nil {
		t.Error("Next returned changes of an empty cluster")
	}
}

func killedMember(t *testing.T, s Setup) {
	last := Fill(t, s.Client, 10)
	w := open(t, s, last+1)
	served := w.Member()
	s.Kill(t, served)
	ended := make(chan error, 1)
	go func() {
		_, err := w.Next()
		ended <- err
	}()
	if err := wait(t, ended); !errors.Is(err, fault.Unavailable) {
		t.Errorf("got %v, want Unavailable", err)
	}
	var again ports.Watch
	eventually(t, "another member serves a watch", func() (ok bool) {
		var err error
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		t.Cleanup(cancel)
		again, err = s.Watcher.Watch(ctx, 2)
		return err == nil
	})
	defer again.Close()
	if again.Member() == served {
		t.Errorf("the dead member %s serves again", served)
	}
	Equal(t, collect(t, again, reaches(last)), s.Database(t))
}

func zeroIsInvalid(t *testing.T, s Setup) {
	if _, err := s.Watcher.Watch(t.Context(), 0); !errors.Is(err, fault.Invalid) {
		t.Errorf("got %v, want Invalid", err)
	}
}

// Equal fails the test at the first record in which got differs from want, in
// order, key bytes and value bytes.
func Equal(t *testing.T, got, want []record.Record) {
	t.Helper()
	for i := range min(len(got), len(want)) {
		if !bytes.Equal(got[i].AppendKey(nil), want[i].AppendKey(nil)) {
			t.Fatalf("record %d has key %x, want %x", i, got[i].AppendKey(nil), want[i].AppendKey(nil))
		}
		if !bytes.Equal(got[i].KeyValue, want[i].KeyValue) {
			t.Fatalf("record %d.%d is %.100x, want %.100x", got[i].Main, got[i].Sub, got[i].KeyValue, want[i].KeyValue)
		}
	}
	if len(got) != len(want) || len(got) == 0 {
		t.Fatalf("%d records, want %d and some", len(got), len(want))
	}
}
