package snapshot_test

import (
	"slices"
	"testing"

	"github.com/revkeeper/revkeeper/domain/record"
	"github.com/revkeeper/revkeeper/domain/snapshot"
)

func TestDescriber(t *testing.T) {
	leased := func(rev, sub, lease int64) record.Record { // KeyValue{Key: "k", Lease: lease}
		return record.Record{Revision: record.Revision{Main: rev, Sub: sub}, KeyValue: []byte{0x0a, 1, 'k', 0x30, byte(lease)}}
	}
	recs := []record.Record{leased(5, 0, 9), leased(5, 1, 3), leased(6, 0, 9), leased(7, 0, 0),
		{Revision: record.Revision{Main: 8}, Tombstone: true, KeyValue: record.AppendTombstone(nil, []byte("k"))}}
	d := snapshot.NewDescriber(snapshot.Ref{Kind: snapshot.KindDelta, Epoch: 2, First: 5, Last: 8, At: at})
	var want record.Digester
	for _, r := range recs {
		want.Write(r)
		if err := d.Write(r); err != nil {
			t.Fatal(err)
		}
	}
	env := d.Envelope()
	digest, tail := want.Finish()
	if env.Epoch != 2 || env.First != 5 || env.Last != 8 || env.Records != 5 || !env.SealedAt.Equal(at) || env.Digest != digest || !slices.Equal(env.Tail, tail) {
		t.Errorf("%+v", env)
	}
	if !slices.Equal(env.Leases, []snapshot.Lease{{ID: 3, State: snapshot.LeaseUnknown}, {ID: 9, State: snapshot.LeaseUnknown}}) {
		t.Errorf("leases %+v", env.Leases)
	}
	if err := d.Write(record.Record{Revision: record.Revision{Main: 9}, KeyValue: []byte{0x30}}); err == nil {
		t.Error("half a KeyValue was taken")
	}
}
