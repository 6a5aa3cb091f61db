package retention_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/retention"
	"github.com/revkeeper/revkeeper/domain/snapshot"
)

func TestDecisionsOfOneReasonAreOneGroup(t *testing.T) {
	goes := func(ref snapshot.Ref, size int64, why string) retention.Decision {
		return retention.Decision{Ref: ref, Size: size, Delete: true, Reason: why}
	}
	stays := goes(full(40, hour).Ref, 100, "old")
	stays.Delete = false
	other := goes(full(50, hour).Ref, 100, "old")
	other.Ref.Epoch = 2
	stray := goes(full(7, day).Manifest(), 1, "the full that it describes is not there")
	got := retention.Groups([]retention.Decision{
		goes(delta(21, 30, day).Ref, 10, "old"), goes(delta(11, 20, day).Ref, 10, "old"), goes(delta(31, 32, day).Ref, 10, "rolled up"),
		goes(full(20, day).Manifest(), 1, "old"), goes(full(20, day).Ref, 100, "old"), goes(full(10, day).Ref, 100, "old"), stays, other, stray,
	})
	want := []retention.Group{
		{Epoch: 1, Kind: snapshot.KindDelta, Delete: true, Reason: "old", Objects: 2, Bytes: 20, First: 11, Last: 30},
		{Epoch: 1, Kind: snapshot.KindDelta, Delete: true, Reason: "rolled up", Objects: 1, Bytes: 10, First: 31, Last: 32},
		{Epoch: 1, Kind: snapshot.KindFull, Delete: true, Reason: "old", Objects: 2, Bytes: 200, First: 10, Last: 20},
		{Epoch: 1, Kind: snapshot.KindFull, Reason: "old", Objects: 1, Bytes: 100, First: 40, Last: 40},
		{Epoch: 2, Kind: snapshot.KindFull, Delete: true, Reason: "old", Objects: 1, Bytes: 100, First: 50, Last: 50},
		{Epoch: 1, Kind: snapshot.KindManifest, Delete: true, Reason: stray.Reason, Objects: 1, Bytes: 1, First: 7, Last: 7},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	r := retention.Report{Plan: retention.Plan{Decisions: []retention.Decision{stays, other}}}
	r.Keeps()
	r.Keeps() // counted again, not twice
	if r.Kept != 1 || r.KeptBytes != 100 {
		t.Errorf("%d objects of %d bytes are kept", r.Kept, r.KeptBytes)
	}
}

// What a lock of the store keeps goes later by itself: that is no failure.
func TestALockIsNoFailure(t *testing.T) {
	locked, away := fault.New(fault.Immutable, "delete", "a", "locked"), fault.New(fault.Unavailable, "delete", "b", "away")
	r := retention.Report{Missed: []retention.Missed{{Err: locked}}}
	if err := r.Failure(); err != nil {
		t.Error(err)
	}
	r.Missed = append(r.Missed, retention.Missed{Err: away})
	if err := r.Failure(); !errors.Is(err, fault.Unavailable) {
		t.Error(err)
	}
}
