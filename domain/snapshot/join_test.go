package snapshot_test

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/record"
	"github.com/revkeeper/revkeeper/domain/snapshot"
)

func part(first, last int64) snapshot.Envelope {
	return snapshot.Envelope{Writer: snapshot.Writer{ClusterID: "c", MemberID: "m1"}, Epoch: 1, First: first, Last: last, Records: last - first + 1,
		Segments: []snapshot.Segment{{Length: 10, First: first, Last: last, Canon: record.Digest{byte(first)}}},
		Times:    []snapshot.Instant{{Revision: last, NotAfter: at.Add(time.Duration(last))}},
		Tail:     []record.RevisionDigest{{Revision: last, Digest: record.Digest{byte(last)}}},
		Raft:     snapshot.Raft{Term: 2, Index: uint64(last)}, Auth: snapshot.Auth{Revision: 1}, SealedAt: at.Add(time.Duration(last) * time.Second)}
}

func TestJoin(t *testing.T) {
	a, b, c := part(1, 10), part(11, 20), part(21, 30)
	a.Compact, b.Compact = 0, 7
	a.Leases = []snapshot.Lease{{ID: 9, State: snapshot.LeaseUnknown}, {ID: 3, State: snapshot.LeaseGranted, TTL: 60}}
	b.Leases = []snapshot.Lease{{ID: 3, State: snapshot.LeaseGone}, {ID: 9, State: snapshot.LeaseGranted, TTL: 5}}
	got, err := snapshot.Join([]snapshot.Envelope{a, b, c}, snapshot.Writer{MemberID: "m2", Version: "v"})
	if err != nil {
		t.Fatal(err)
	}
	if got.First != 1 || got.Last != 30 || got.Records != 30 || got.Compact != 7 || got.Raft != c.Raft || got.SealedAt != c.SealedAt || got.AuthTo != nil {
		t.Errorf("joined: %+v", got)
	}
	if got.SegmentBytes() != 30 {
		t.Errorf("segments of %d bytes", got.SegmentBytes())
	}
	if got.ClusterID != "c" || got.MemberID != "m2" {
		t.Errorf("written by %+v", got.Writer)
	}
	if len(got.Times) != 3 || !reflect.DeepEqual(got.Tail, c.Tail) {
		t.Errorf("times %v, tail %v", got.Times, got.Tail)
	}
	if want := []snapshot.Lease{{ID: 3, State: snapshot.LeaseGranted, TTL: 60}, {ID: 9, State: snapshot.LeaseGranted, TTL: 5}}; !reflect.DeepEqual(got.Leases, want) {
		t.Errorf("leases %v", got.Leases)
	}
	for i, s := range got.Segments {
		if s.Offset != int64(10*i) || s.Canon != []snapshot.Envelope{a, b, c}[i].Segments[0].Canon {
			t.Errorf("segment %d: %+v", i, s)
		}
	}
	// However often deltas are joined, the same leaves give the same name.
	ab, _ := snapshot.Join([]snapshot.Envelope{a, b}, snapshot.Writer{})
	again, err := snapshot.Join([]snapshot.Envelope{ab, c}, snapshot.Writer{})
	if err != nil || again.Ref() != got.Ref() || !reflect.DeepEqual(again.Segments, got.Segments) {
		t.Errorf("in two steps %+v, %v", again.Ref(), err)
	}
	if one := snapshot.DeltaDigest(a.Segments); one != a.Segments[0].Canon {
		t.Errorf("the digest of one segment is %s, not its own", one)
	}
	// Other content gives another.
	c.Segments[0].Canon[1]++
	if other, _ := snapshot.Join([]snapshot.Envelope{ab, c}, snapshot.Writer{}); other.Ref() == got.Ref() {
		t.Errorf("other content has the name %+v, too", got.Ref())
	}
}

func TestJoinKeepsChangesOfUsers(t *testing.T) {
	one, two := snapshot.Auth{Revision: 1}, snapshot.Auth{Enabled: true, Revision: 4}
	within, between := part(11, 20), part(11, 20)
	within.AuthTo, between.Auth = &two, two
	after := part(21, 30)
	after.Auth = two
	for name, parts := range map[string][]snapshot.Envelope{
		"within a delta":        {part(1, 10), within, after},
		"between two":           {part(1, 10), between, after},
		"within the last delta": {part(1, 10), within},
	} {
		got, err := snapshot.Join(parts, snapshot.Writer{})
		if err != nil || got.Auth != one || got.AuthTo == nil || *got.AuthTo != two {
			t.Errorf("%s: %+v to %+v, %v", name, got.Auth, got.AuthTo, err)
		}
	}
}

func TestJoinRefuses(t *testing.T) {
	other, foreign := part(11, 20), part(11, 20)
	other.Epoch, foreign.ClusterID = 2, "d"
	for name, parts := range map[string][]snapshot.Envelope{
		"nothing": nil, "one": {part(1, 10)}, "a hole": {part(1, 10), part(12, 20)}, "an overlap": {part(1, 10), part(10, 20)},
		"another timeline": {part(1, 10), other}, "another cluster": {part(1, 10), foreign},
	} {
		if _, err := snapshot.Join(parts, snapshot.Writer{}); !errors.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
