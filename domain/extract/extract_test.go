package extract_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/revkeeper/revkeeper/domain/extract"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/record"
	"github.com/revkeeper/revkeeper/domain/snapshot"
)

func TestDecide(t *testing.T) {
	kv := record.KeyValue{Key: []byte("k"), Value: []byte("old")}
	absent, same, other := extract.Live{}, extract.Live{Mod: 7, Value: []byte("old")}, extract.Live{Mod: 7, Value: []byte("new")}
	never, overwrite := extract.Allowed{}, extract.Allowed{Overwrite: true}
	for _, tc := range []struct {
		name  string
		live  extract.Live
		lease bool
		may   extract.Allowed
		want  extract.Action
	}{
		{"a key that is not there comes back", absent, true, never, extract.Create},
		{"one that is there as it was needs nothing", same, true, overwrite, extract.Same},
		{"one that was written since stays", other, true, never, extract.Differs},
		{"unless it may be overwritten", other, true, overwrite, extract.Overwrite},
		{"force alone does not overwrite what was seen", other, true, extract.Allowed{Force: true}, extract.Differs},
		{"without its lease a key would live for ever", absent, false, overwrite, extract.NoLease},
		{"nor does it overwrite", other, false, overwrite, extract.NoLease},
		{"what is left alone needs no lease", other, false, never, extract.Differs},
		{"an empty value that is there is another one", extract.Live{Mod: 7}, true, never, extract.Differs},
	} {
		if got := extract.Decide(kv, tc.live, tc.lease, tc.may); got != tc.want {
			t.Errorf("%s: %s, want %s", tc.name, got, tc.want)
		}
	}
	if got := extract.Decide(record.KeyValue{}, absent, true, never); got != extract.Create {
		t.Errorf("an empty value that is not there: %s", got)
	}
	for live, want := range map[*extract.Live]extract.Action{&absent: extract.Changed, &same: extract.Same, &other: extract.Changed} {
		if got := extract.Outran(kv, *live); got != want {
			t.Errorf("outran by %+v: %s, want %s", *live, got, want)
		}
	}
	for _, a := range extract.Actions() {
		if a.Writes() != (a == extract.Create || a == extract.Overwrite) {
			t.Errorf("%s writes: %v", a, a.Writes())
		}
	}
}

func TestDecideLease(t *testing.T) {
	known := snapshot.Lease{ID: 1, State: snapshot.LeaseGranted, TTL: 60}
	gone := snapshot.Lease{ID: 1, State: snapshot.LeaseGone}
	for _, tc := range []struct {
		name         string
		backup, live snapshot.Lease
		defaultTTL   int64
		want         extract.LeaseFate
		ttl          int64
	}{
		{"one that still is", known, known, 0, extract.Attach, 0},
		{"one that still is, and nobody noted", snapshot.Lease{}, known, 5, extract.Attach, 0},
		{"one that went", known, gone, 5, extract.Grant, 60},
		{"one that went, and its TTL was not noted", snapshot.Lease{State: snapshot.LeaseGranted}, gone, 5, extract.Default, 5},
		{"one of which only the TTL was noted, not that it was granted", snapshot.Lease{State: snapshot.LeaseGone, TTL: 60}, gone, 0, extract.Unknown, 0},
		{"one that went before its TTL was asked for", gone, gone, 0, extract.Unknown, 0},
		{"the same, with a TTL for such", gone, gone, 5, extract.Default, 5},
		{"one that nobody noted", snapshot.Lease{}, gone, 5, extract.Default, 5},
	} {
		if got, ttl := extract.DecideLease(tc.backup, tc.live, tc.defaultTTL); got != tc.want || ttl != tc.ttl {
			t.Errorf("%s: %s %d, want %s %d", tc.name, got, ttl, tc.want, tc.ttl)
		}
	}
}

func TestAt(t *testing.T) {
	for _, tc := range []struct {
		name                   string
		planned, head, compact int64
		want                   int64
		kind                   fault.Kind
	}{
		{"without a plan, now", 0, 100, 50, 100, ""},
		{"as planned", 80, 100, 50, 80, ""},
		{"nothing was written since the plan", 100, 100, 50, 100, ""},
		{"the compact revision itself can still be read", 50, 100, 50, 50, ""},
		{"what was compacted cannot be compared", 49, 100, 50, 0, fault.Conflict},
		{"a plan of another cluster", 101, 100, 50, 0, fault.Invalid},
	} {
		if got, err := extract.At(tc.planned, tc.head, tc.compact); got != tc.want || fault.KindOf(err) != tc.kind {
			t.Errorf("%s: %d, %v", tc.name, got, err)
		}
	}
}

func TestFits(t *testing.T) {
	for _, tc := range []struct {
		keys, bytes, size int
		want              bool
	}{
		{0, 0, 100 << 20, true}, // alone, whatever its size
		{1, 100, extract.MaxBytes, false},
		{1, 100, extract.MaxBytes - 100, true},
		{extract.MaxPuts - 1, 0, 1, true},
		{extract.MaxPuts, 0, 1, false},
	} {
		if got := extract.Room(extract.MaxBytes).Fits(tc.keys, tc.bytes, tc.size); got != tc.want {
			t.Errorf("%d more beside %d keys of %d: %v", tc.size, tc.keys, tc.bytes, got)
		}
	}
}

// Etcd was told to take less than by default: transactions become smaller until it
// takes them, and stay so.
func TestTheRoomShrinks(t *testing.T) {
	room := extract.Room(1000)
	for _, step := range []struct {
		refused int
		want    extract.Room
	}{{900, 450}, {5000, 450}, {451, 225}, {1, 0}} {
		if room = room.Refused(step.refused); room != step.want {
			t.Errorf("after %d bytes were refused there is room for %d, want %d", step.refused, room, step.want)
		}
	}
	if !room.Fits(0, 0, 5) || room.Fits(1, 5, 5) {
		t.Error("where hardly anything is taken, keys go one by one")
	}
}

func TestAKeyThatIsTooLarge(t *testing.T) {
	err := extract.TooLarge(record.KeyValue{Key: []byte("/a\xff"), Value: make([]byte, 3000)}, 7, extract.ErrTooLarge)
	for _, part := range []string{`"/a\xff"`, "3000 bytes", "7 keys were dealt with before", "--max-request-bytes"} {
		if !errors.Is(err, fault.Invalid) || !errors.Is(err, extract.ErrTooLarge) || !strings.Contains(err.Error(), part) {
			t.Errorf("%v: does not say %s", err, part)
		}
	}
}

func TestLines(t *testing.T) {
	lines, file, err := extract.NewLines(extract.Header{Timeline: 2, Revision: 1018, Prefix: []byte("/a/")})
	for _, kv := range []struct {
		record.KeyValue
		ttl int64
	}{
		{record.KeyValue{Key: []byte("/a/1"), Value: []byte("\xff<>"), Create: 3, Mod: 9, Version: 2}, 0},
		{record.KeyValue{Key: []byte("/a/\xff"), Create: 10, Mod: 10, Version: 1, Lease: -5}, 60},
	} {
		line, lineErr := lines.Entry(kv.KeyValue, kv.ttl)
		file, err = append(file, line...), errors.Join(err, lineErr)
	}
	before := bytes.Clone(file)
	last, lastErr := lines.Trailer()
	if file = append(file, last...); errors.Join(err, lastErr) != nil {
		t.Fatal(err, lastErr)
	}
	// Pinned: whoever reads such files relies on it.
	want := `{"format":"revkeeper extract","version":1,"timeline":2,"revision":1018,"prefix":"L2Ev"}
{"key":"L2EvMQ==","value":"/zw+","createRevision":3,"modRevision":9,"version":2,"sha256":"SUM1"}
{"key":"L2Ev/w==","value":"","createRevision":10,"modRevision":10,"version":1,"lease":-5,"leaseTTL":60,"sha256":"SUM2"}
`
	header, _, _ := strings.Cut(want, "\n")
	for i, name := range []string{"SUM1", "SUM2"} { // each is of the header and its own line
		line := strings.Replace(strings.Split(want, "\n")[i+1], `,"sha256":"`+name+`"`, "", 1)
		sum := sha256.Sum256([]byte(header + line))
		want = strings.Replace(want, name, hex.EncodeToString(sum[:]), 1)
	}
	var trailer extract.Trailer
	if !strings.HasPrefix(string(file), want) || json.Unmarshal(last, &trailer) != nil || trailer.Keys != 2 || trailer.SHA256 != sha256.Sum256(before) {
		t.Errorf("%s", file)
	}
}
