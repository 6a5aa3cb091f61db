package snapshot_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/record"
	"github.com/revkeeper/revkeeper/domain/snapshot"
)

// What is known better is kept, in whatever order the objects are read.
func TestWhatIsKnownOfALease(t *testing.T) {
	unknown, gone := snapshot.Lease{ID: 7, State: snapshot.LeaseUnknown}, snapshot.Lease{ID: 7, State: snapshot.LeaseGone}
	granted, again := snapshot.Lease{ID: 7, State: snapshot.LeaseGranted, TTL: 60}, snapshot.Lease{ID: 7, State: snapshot.LeaseGranted, TTL: 90}
	for _, tc := range []struct {
		story       string
		first, then snapshot.Lease
		want        snapshot.Lease
	}{
		{"it was asked about later", unknown, granted, granted},
		{"it was gone when it was asked about", unknown, gone, gone},
		{"it had ended by then: its TTL is known all the same", granted, gone, granted},
		{"a later object only names it", granted, unknown, granted},
		{"that does not bring one back that is gone", gone, unknown, gone},
		{"one that was gone was granted anew", gone, granted, granted},
		{"its id was granted once more", granted, again, again},
	} {
		ls := make(snapshot.Leases)
		ls.Learn(tc.first)
		ls.Learn(tc.then)
		if ls[7] != tc.want {
			t.Errorf("%s: %+v, want %+v", tc.story, ls[7], tc.want)
		}
	}
	ls := make(snapshot.Leases)
	for _, l := range []snapshot.Lease{{ID: 9, State: snapshot.LeaseUnknown}, gone, {ID: 8, State: snapshot.LeaseGranted}, {ID: 3, State: snapshot.LeaseUnknown}} {
		ls.Learn(l)
	}
	if got := ls.Unknown(); !slices.Equal(got, []int64{3, 9}) {
		t.Errorf("unknown: %v", got)
	}
}

func TestWhichDatabaseAManifestDescribes(t *testing.T) {
	a, b := record.Digest{1}, record.Digest{2}
	for _, tc := range []struct {
		story string
		says  record.Digest
		ok    bool
	}{
		{"its own", a, true},
		{"any, where its format names none", record.Digest{}, true},
		{"not another", b, false},
	} {
		if err := (snapshot.Manifest{SHA256: tc.says}).Describes(a); (err == nil) != tc.ok || err != nil && !errors.Is(err, fault.Corrupt) {
			t.Errorf("%s: %v", tc.story, err)
		}
	}
}

// A cluster that was set back may have a higher term or a higher index, not both.
func TestRaftGoesBackInEitherRespect(t *testing.T) {
	stored := snapshot.Raft{Term: 5, Index: 100}
	for _, tc := range []struct {
		now  snapshot.Raft
		back bool
	}{
		{stored, false}, {snapshot.Raft{Term: 6, Index: 101}, false},
		{snapshot.Raft{Term: 4, Index: 200}, true}, {snapshot.Raft{Term: 9, Index: 99}, true},
	} {
		if got := tc.now.Before(stored); got != tc.back {
			t.Errorf("%+v is before %+v: %v", tc.now, stored, got)
		}
	}
}
