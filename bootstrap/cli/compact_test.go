package cli_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

// chained is a bucket whose deltas can be made fewer: a proven full and small
// deltas after it.
func chained(t *testing.T) *bucket {
	t.Helper()
	b := newBucket(t)
	b.now = time.Date(2020, 11, 3, 10, 0, 0, 0, time.UTC) // old for whoever looks
	one := b.begin(1, "it is the first in this store", 0)
	b.full(one, 0, 10, true)
	for first := int64(11); first <= 60; first += 10 {
		b.delta(one, first, first+9, "key")
	}
	return b
}

func TestCompactDryRun(t *testing.T) {
	b := chained(t)
	before := command(t, "list", "--store", b.url(), "--deltas", "-o", "json").stdout
	o := command(t, "compact", "--store", b.url(), "--dry-run", "--target-rto", "1ns")
	if o.code != 0 {
		t.Fatalf("%+v", o)
	}
	golden(t, "compact-dry-run.txt", o.stdout)
	if after := command(t, "list", "--store", b.url(), "--deltas", "-o", "json").stdout; after != before {
		t.Errorf("the dry run changed the bucket:\n%s", after)
	}
}

func TestCompact(t *testing.T) {
	b := chained(t)
	o := command(t, "compact", "--store", b.url(), "--spool-dir", b.spool, "--roll-up")
	if o.code != 0 {
		t.Fatalf("%+v", o)
	}
	golden(t, "compact-roll-up.txt", o.stdout)
	if again := command(t, "compact", "--store", b.url(), "--spool-dir", b.spool, "--roll-up"); !strings.HasPrefix(again.stdout, "no delta is to be rolled up\n") {
		t.Errorf("again: %+v", again)
	}
	o = command(t, "compact", "--store", b.url(), "--spool-dir", b.spool, "--full", "-o", "json")
	var doc struct {
		Full struct {
			Object   string
			Revision int64
			Due      bool
		}
	}
	if err := json.Unmarshal([]byte(o.stdout), &doc); err != nil || o.code != 0 || doc.Full.Object == "" || doc.Full.Revision != 60 {
		t.Fatalf("%+v, %v", o, err)
	}
	if o := command(t, "restore", "--store", b.url(), "--to-revision", "60", "--dry-run"); !strings.Contains(o.stdout, doc.Full.Object) || strings.Contains(o.stdout, "deltas") {
		t.Errorf("a restore does not begin with it: %s", o.stdout)
	}
	o = command(t, "compact", "--store", b.url(), "--spool-dir", b.spool, "--full")
	if o.code != 0 || !strings.Contains(o.stdout, "no full is due") {
		t.Errorf("another full: %+v", o)
	}
}

func TestCompactWithoutAProofBuildsNoFull(t *testing.T) {
	b := newBucket(t)
	one := b.begin(1, "it is the first in this store", 0)
	b.full(one, 0, 10, false)
	b.delta(one, 11, 20, "key")
	o := command(t, "compact", "--store", b.url(), "--spool-dir", b.spool, "--full")
	if o.code == 0 || !strings.Contains(o.stderr, "no recorded hash") {
		t.Errorf("%+v", o)
	}
	if o := command(t, "list", "--store", b.url()); strings.Count(o.stdout, ".db.zst") != 1 {
		t.Errorf("%s", o.stdout)
	}
}

func TestCompactRefusesWhatContradicts(t *testing.T) {
	b := newBucket(t)
	for _, args := range [][]string{{"--roll-up", "--full"}, {"--roll-up", "--target-rto", "5m"}, {"--target-rto", "-1s"}, {"--compact-window", "0s"}, {"--output", "xml"}, {"rest"}} {
		o := command(t, append([]string{"compact", "--store", b.url()}, args...)...)
		if o.code != 2 || o.stderr == "" || o.stdout != "" {
			t.Errorf("%v: %+v", args, o)
		}
	}
}
