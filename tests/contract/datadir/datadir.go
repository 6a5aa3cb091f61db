// Package datadir is the contract suite of ports.DataDir.
package datadir

import (
	"bytes"
	"context"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/record"
	"github.com/revkeeper/revkeeper/ports"
)

// Run tests one implementation.
func Run(t *testing.T, implementation string, dirs ports.DataDir) {
	t.Helper()
	t.Logf("contract suite of DataDir, implementation: %s", implementation)
	for _, c := range []struct {
		name string
		run  func(t *testing.T, d ports.DataDir)
	}{
		{"a whole restore appears at the end and not before", whole},
		{"a directory with content is refused and untouched", nonEmpty},
		{"what it would refuse can be asked, and nothing is changed", ready},
		{"lost+found is no content", lostAndFound},
		{"what a killed restore left is removed", leftovers},
		{"what a running one works on is not", running},
		{"a discarded staging leaves nothing", discarded},
		{"a broken, damaged or foreign base leaves nothing", badBase},
		{"a cancelled restore leaves nothing", cancelled},
		{"no key outlives its lease because newer records were dropped", droppedLeases},
		{"repacked, it has no holes; folded, no past", repacks},
		{"an identity that contradicts itself is refused", badIdentity},
	} {
		t.Run(implementation+"/"+c.name, func(t *testing.T) { c.run(t, dirs) })
	}
}

func stage(t *testing.T, d ports.DataDir, dir string) ports.Staging {
	t.Helper()
	s, err := d.Stage(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Identity is a member whose names are those of etcd's defaults.
func Identity() ports.MemberIdentity {
	peer := url.URL{Scheme: "http", Host: "localhost:2380"}
	return ports.MemberIdentity{Name: "default", ClusterToken: "etcd-cluster",
		InitialCluster: map[string][]url.URL{"default": {peer}}, InitialAdvertisePeer: []url.URL{peer}}
}

func entries(t *testing.T, dir string) []string {
	t.Helper()
	es, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	var names []string
	for _, e := range es {
		names = append(names, e.Name())
	}
	return names
}

// Holds fails the test unless dir holds exactly names.
func Holds(t *testing.T, dir string, names ...string) {
	t.Helper()
	if got := entries(t, dir); !slices.Equal(got, names) {
		t.Errorf("%s holds %v, want %v", dir, got, names)
	}
}

func finish(t *testing.T, s ports.Staging, dir string) {
	t.Helper()
	facts, err := s.Base(t.Context(), bytes.NewReader(Snapshot(t, 10, 100)))
	if err != nil || facts.Last != 10 || facts.Compact != 0 || len(facts.Tail) != 9 {
		t.Fatalf("facts %+v, %v", facts, err)
	}
	if err := s.Apply(t.Context(), Records(11, 20, 100)); err != nil {
		t.Fatal(err)
	}
	h, err := s.History(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for r, err := range h.Forward() {
		if n++; err != nil || r.Main != int64(n)+1 {
			t.Fatalf("record %d is %v, %v", n, r.Revision, err)
		}
	}
	for r, err := range h.Backward() {
		if err != nil || r.Main != int64(n)+1 {
			t.Fatalf("backward %v, %v", r.Revision, err)
		}
		n--
	}
	for _, name := range entries(t, dir) {
		if name == "member" {
			t.Error("it looks like a data directory before it is one")
		}
	}
	out, err := s.Finish(t.Context(), ports.Finishing{Identity: Identity(), DefaultTTL: 60})
	if err != nil || out.MemberID == 0 || out.ClusterID == 0 {
		t.Fatalf("%+v, %v", out, err)
	}
	s.Discard()
}

func whole(t *testing.T, d ports.DataDir) {
	dir := filepath.Join(t.TempDir(), "not", "made", "yet")
	finish(t, stage(t, d, dir), dir)
	Holds(t, dir, "member")
	Holds(t, filepath.Join(dir, "member"), "snap", "wal")
	if info, err := os.Stat(filepath.Join(dir, "member")); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("others may read it: %v, %v", info.Mode(), err)
	}
	if _, err := d.Stage(t.Context(), dir); !errors.Is(err, fault.Conflict) {
		t.Errorf("a second restore into it: %v", err)
	}
}

func nonEmpty(t *testing.T, d ports.DataDir) {
	dir := t.TempDir()
	left := filepath.Join(dir, ".revkeeper-0123abcd")
	for _, p := range []string{"lost+found", "member", ".revkeeper-0123abcd"} {
		if err := os.Mkdir(filepath.Join(dir, p), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(left, "x"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Stage(t.Context(), dir); !errors.Is(err, fault.Conflict) {
		t.Errorf("err = %v", err)
	}
	Holds(t, dir, ".revkeeper-0123abcd", "lost+found", "member")
	Holds(t, left, "x")
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Stage(t.Context(), file); !errors.Is(err, fault.Invalid) {
		t.Errorf("a file: %v", err)
	}
}

func ready(t *testing.T, d ports.DataDir) {
	dir := t.TempDir()
	for name, content := range map[string]string{"full/member": "", "left/.revkeeper-0123abcd": "", "file": "x"} {
		path := filepath.Join(dir, name)
		if content == "" {
			if err := os.MkdirAll(path, 0o700); err != nil {
				t.Fatal(err)
			}
		} else if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]error{"new/below": nil, "left": nil, "full": fault.Conflict, "file": fault.Invalid, "file/below": fault.Invalid} {
		asked := d.Ready(t.Context(), filepath.Join(dir, name))
		if !errors.Is(asked, want) {
			t.Errorf("%s: %v", name, asked)
		}
	}
	Holds(t, dir, "file", "full", "left")
	Holds(t, filepath.Join(dir, "left"), ".revkeeper-0123abcd")
	for _, name := range []string{"full", "file", "file/below"} {
		if s, err := d.Stage(t.Context(), filepath.Join(dir, name)); err == nil {
			s.Discard()
			t.Errorf("%s is taken after all", name)
		}
	}
}

func lostAndFound(t *testing.T, d ports.DataDir) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "lost+found"), 0o700); err != nil {
		t.Fatal(err)
	}
	finish(t, stage(t, d, dir), dir)
	Holds(t, dir, "lost+found", "member")
}

// Leftover makes in dir what a restore leaves that was killed while it wrote.
func Leftover(t *testing.T, dir string) {
	t.Helper()
	snap := filepath.Join(dir, ".revkeeper-0123abcd", "member", "snap")
	if err := os.MkdirAll(snap, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(snap, "db"), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
}

func leftovers(t *testing.T, d ports.DataDir) {
	dir := t.TempDir()
	Leftover(t, dir)
	finish(t, stage(t, d, dir), dir)
	Holds(t, dir, "member")
	// A name that only looks similar is somebody's.
	other := t.TempDir()
	if err := os.Mkdir(filepath.Join(other, ".revkeeper-notes"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Stage(t.Context(), other); !errors.Is(err, fault.Conflict) {
		t.Errorf("err = %v", err)
	}
}

// running is a restore that another one meets in the same directory.
func running(t *testing.T, d ports.DataDir) {
	for _, dir := range []string{t.TempDir(), filepath.Join(t.TempDir(), "made")} {
		first := stage(t, d, dir)
		if _, err := d.Stage(t.Context(), dir); !errors.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "another restore is at work") {
			t.Errorf("a second one beside it: %v", err)
		}
		finish(t, first, dir)
		Holds(t, dir, "member")
	}
	dir := t.TempDir()
	stage(t, d, dir).Discard()
	finish(t, stage(t, d, dir), dir) // once the first has ended, the next may begin
	Holds(t, dir, "member")
}

func discarded(t *testing.T, d ports.DataDir) {
	made, given := filepath.Join(t.TempDir(), "made"), t.TempDir()
	for _, dir := range []string{made, given} {
		s := stage(t, d, dir)
		if _, err := s.Base(t.Context(), bytes.NewReader(Snapshot(t, 10, 10))); err != nil {
			t.Fatal(err)
		}
		if err := s.Apply(t.Context(), Records(11, 12, 10)); err != nil {
			t.Fatal(err)
		}
		s.Discard()
		Holds(t, dir)
	}
	if _, err := os.Lstat(made); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the directory that was made stays: %v", err)
	}
	if _, err := os.Lstat(given); err != nil {
		t.Errorf("the directory that was there is gone: %v", err)
	}
}

func badBase(t *testing.T, d ports.DataDir) {
	good := Snapshot(t, 10, 100)
	flipped := bytes.Clone(good)
	flipped[len(good)/3] ^= 4
	lost := fault.New(fault.Unavailable, "read", "", "connection lost")
	for name, c := range map[string]struct {
		stream []byte
		breaks error
		want   fault.Kind
	}{
		"truncated": {good[:len(good)-513], nil, fault.Corrupt}, "no trailer": {good[:len(good)-32], nil, fault.Corrupt},
		"flipped": {flipped, nil, fault.Corrupt}, "empty": {nil, nil, fault.Corrupt},
		"no database": {Trailed(bytes.Repeat([]byte("junk"), 4096)), nil, fault.Corrupt},
		"broken":      {good[:len(good)/2], lost, fault.Unavailable},
	} {
		dir := t.TempDir()
		s := stage(t, d, dir)
		stream := bytes.NewReader(c.stream)
		var err error
		if c.breaks != nil {
			_, err = s.Base(t.Context(), &breaking{stream, c.breaks})
		} else {
			_, err = s.Base(t.Context(), stream)
		}
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
		s.Discard()
		Holds(t, dir)
	}
}

func cancelled(t *testing.T, d ports.DataDir) {
	dir := t.TempDir()
	s := stage(t, d, dir)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Base(ctx, bytes.NewReader(Snapshot(t, 10, 10))); !errors.Is(err, context.Canceled) {
		t.Errorf("base: %v", err)
	}
	s.Discard()
	Holds(t, dir)

	s = stage(t, d, dir)
	if _, err := s.Base(t.Context(), bytes.NewReader(Snapshot(t, 10, 10))); err != nil {
		t.Fatal(err)
	}
	for step, err := range map[string]error{"apply": s.Apply(ctx, Records(11, 12, 10)), "drop": s.DropAfter(ctx, 5)} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", step, err)
		}
	}
	if _, err := s.Finish(ctx, ports.Finishing{Identity: Identity(), DefaultTTL: 60}); !errors.Is(err, context.Canceled) {
		t.Errorf("finish: %v", err)
	}
	s.Discard()
	Holds(t, dir)
}

// droppedLeases takes a database back to before a lease ended: its record is
// gone by then, and a key without it would never expire.
func droppedLeases(t *testing.T, d ports.DataDir) {
	s := stage(t, d, t.TempDir())
	defer s.Discard()
	if _, err := s.Base(t.Context(), bytes.NewReader(Snapshot(t, 10, 10))); err != nil {
		t.Fatal(err)
	}
	leased := record.Record{Revision: record.Revision{Main: 11}, KeyValue: []byte("\x0a\x01k\x30\x07")} // lease 7
	if err := s.Apply(t.Context(), append([]record.Record{leased}, Records(12, 20, 10)...)); err != nil {
		t.Fatal(err)
	}
	if err := s.DropAfter(t.Context(), 15); err != nil {
		t.Fatal(err)
	}
	done, err := s.Finish(t.Context(), ports.Finishing{Identity: Identity(), DefaultTTL: 60})
	if err != nil || done.LeasesWritten != 1 || done.LeasesDefaulted != 1 {
		t.Errorf("finished %+v, %v; want one lease, with the default TTL", done, err)
	}
}

func badIdentity(t *testing.T, d ports.DataDir) {
	dir := t.TempDir()
	s := stage(t, d, dir)
	if _, err := s.Base(t.Context(), bytes.NewReader(Snapshot(t, 10, 10))); err != nil {
		t.Fatal(err)
	}
	id := Identity()
	id.InitialAdvertisePeer = []url.URL{{Scheme: "http", Host: "elsewhere:2380"}}
	if _, err := s.Finish(t.Context(), ports.Finishing{Identity: id, DefaultTTL: 60}); !errors.Is(err, fault.Invalid) {
		t.Errorf("err = %v", err)
	}
	s.Discard()
	Holds(t, dir)
}
