package etcd

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"
	"google.golang.org/protobuf/proto"

	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/record"
)

// generate makes a response as etcd would, whose first event may belong to the
// revision at which the one before ended.
func generate(r *rand.Rand, revision *int64) *pb.WatchResponse {
	w := &pb.WatchResponse{
		Header:   &pb.ResponseHeader{ClusterId: r.Uint64(), MemberId: r.Uint64(), RaftTerm: r.Uint64N(9)},
		WatchId:  r.Int64N(3) - 1,
		Fragment: r.IntN(2) == 0,
	}
	switch r.IntN(10) {
	case 0:
		w.Created = true
	case 1:
		w.Canceled, w.CompactRevision, w.CancelReason = true, r.Int64N(1000), "because"
	}
	for range r.IntN(20) {
		if *revision == 0 || r.IntN(3) > 0 {
			*revision++
		}
		key := make([]byte, 1+r.IntN(200))
		for i := range key {
			key[i] = byte(r.Uint32())
		}
		event := &mvccpb.Event{Kv: &mvccpb.KeyValue{Key: key, ModRevision: *revision}}
		if r.IntN(3) == 0 {
			event.Type = mvccpb.Event_DELETE
		} else {
			event.Kv.CreateRevision, event.Kv.Version = r.Int64N(*revision+1), r.Int64N(99)
			event.Kv.Value, event.Kv.Lease = bytes.Repeat([]byte{byte(r.Uint32())}, r.IntN(300)), int64(r.Uint64()*uint64(r.IntN(2)))
		}
		if r.IntN(5) == 0 {
			event.PrevKv = &mvccpb.KeyValue{Key: key, ModRevision: *revision - 1}
		}
		w.Events = append(w.Events, event)
	}
	w.Header.Revision = *revision
	return w
}

// expected is what the decoder stands for, by way of etcd's own types.
func expected(t testing.TB, w *pb.WatchResponse, last *record.Revision) []record.Record {
	t.Helper()
	var all []record.Record
	for _, e := range w.Events {
		if e.Kv.ModRevision == last.Main {
			last.Sub++
		} else {
			*last = record.Revision{Main: e.Kv.ModRevision}
		}
		kv := e.Kv
		if e.Type == mvccpb.Event_DELETE {
			kv = &mvccpb.KeyValue{Key: e.Kv.Key}
		}
		value, err := proto.Marshal(kv)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, record.Record{Revision: *last, Tombstone: e.Type == mvccpb.Event_DELETE, KeyValue: value})
	}
	return all
}

func TestDecoderAgreesWithEtcdsTypes(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var (
		d        decoder
		revision int64
		last     record.Revision
	)
	for i := range 5000 {
		want := generate(r, &revision)
		data, err := proto.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := d.decode(data)
		if err != nil {
			t.Fatalf("response %d: %v", i, err)
		}
		if got.member != want.Header.MemberId || got.revision != want.Header.Revision || got.raftTerm != want.Header.RaftTerm ||
			got.created != want.Created || got.canceled != want.Canceled || got.compact != want.CompactRevision ||
			got.reason != want.CancelReason || got.fragment != want.Fragment {
			t.Fatalf("response %d: got %+v\nwant %v", i, got, want)
		}
		records := expected(t, want, &last)
		if len(got.records) != len(records) {
			t.Fatalf("response %d: %d records, want %d", i, len(got.records), len(records))
		}
		for j, rec := range got.records {
			if rec.Revision != records[j].Revision || rec.Tombstone != records[j].Tombstone || !bytes.Equal(rec.KeyValue, records[j].KeyValue) {
				t.Fatalf("response %d, record %d: got %+v\nwant %+v", i, j, rec, records[j])
			}
		}
	}
}

func TestDecoderCountsSubRevisionsAcrossFragments(t *testing.T) {
	var d decoder
	var got []string
	for _, fragment := range [][]int64{{7, 7}, {7}, {7, 8}, {8, 9}} {
		w := &pb.WatchResponse{Fragment: true}
		for _, revision := range fragment {
			w.Events = append(w.Events, &mvccpb.Event{Type: mvccpb.Event_DELETE, Kv: &mvccpb.KeyValue{Key: []byte("k"), ModRevision: revision}})
		}
		data, err := proto.Marshal(w)
		if err != nil {
			t.Fatal(err)
		}
		r, err := d.decode(data)
		if err != nil {
			t.Fatal(err)
		}
		for _, rec := range r.records {
			got = append(got, fmt.Sprintf("%d.%d", rec.Main, rec.Sub))
		}
	}
	if want := "[7.0 7.1 7.2 7.3 8.0 8.1 9.0]"; fmt.Sprint(got) != want {
		t.Errorf("got %v, want %s", got, want)
	}
}

// A deletion whose key is not sent first cannot be cut from what was sent.
func TestTombstoneFromFieldsInAnotherOrder(t *testing.T) {
	kv := []byte{kvModRevision << 3, 5, kvKey<<3 | 2, 1, 'k'}
	main, value, err := readKeyValue(kv, true)
	if err != nil || main != 5 || !bytes.Equal(value, record.AppendTombstone(nil, []byte("k"))) {
		t.Errorf("got revision %d, %x, %v", main, value, err)
	}
}

func TestMalformedResponsesAreCorrupt(t *testing.T) {
	event := func(kv ...byte) []byte {
		inner := append([]byte{eventKV<<3 | 2, byte(len(kv))}, kv...)
		return append([]byte{watchEvents<<3 | 2, byte(len(inner))}, inner...)
	}
	for name, data := range map[string][]byte{
		"cut in a tag":              {0x80},
		"cut in a length":           {watchEvents<<3 | 2, 0x80},
		"a length beyond the end":   {watchEvents<<3 | 2, 9, 1},
		"a broken header":           {watchHeader<<3 | 2, 1, 0x80},
		"an event without KeyValue": {watchEvents<<3 | 2, 0},
		"an event without revision": event(kvKey<<3|2, 1, 'k'),
		"an event without key":      event(kvModRevision<<3, 5),
		"a broken KeyValue":         event(kvKey<<3|2, 1, 'k', kvModRevision<<3, 5, 0x80),
		"a field number of zero":    {0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			var d decoder
			if _, err := d.decode(data); !errors.Is(err, fault.Corrupt) {
				t.Errorf("got %v, want Corrupt", err)
			}
		})
	}
}

func FuzzDecode(f *testing.F) {
	r := rand.New(rand.NewPCG(3, 4))
	var revision int64
	for range 20 {
		data, err := proto.Marshal(generate(r, &revision))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
		f.Add(data[:len(data)/2])
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var d decoder
		got, err := d.decode(data)
		if err != nil {
			if !errors.Is(err, fault.Corrupt) {
				t.Fatalf("got %v, want Corrupt", err)
			}
			return
		}
		for _, rec := range got.records {
			key, err := record.Key(rec.KeyValue)
			if err != nil || len(key) == 0 || rec.Main <= 0 {
				t.Fatalf("record %+v has key %q, %v", rec, key, err)
			}
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	for _, kind := range []mvccpb.Event_EventType{mvccpb.Event_PUT, mvccpb.Event_DELETE} {
		w := &pb.WatchResponse{Header: &pb.ResponseHeader{Revision: 1000}}
		for i := range int64(1000) {
			kv := &mvccpb.KeyValue{Key: fmt.Appendf(nil, "/registry/pods/default/pod-%06d", i), ModRevision: i + 1}
			if kind == mvccpb.Event_PUT {
				kv.CreateRevision, kv.Version, kv.Value = 1, i, bytes.Repeat([]byte("x"), 1800)
			}
			w.Events = append(w.Events, &mvccpb.Event{Type: kind, Kv: kv})
		}
		data, err := proto.Marshal(w)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(kind.String(), func(b *testing.B) {
			var d decoder
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := d.decode(data); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/event")
		})
	}
}
