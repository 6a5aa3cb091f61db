package etcd

import (
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/record"
)

// Field numbers of etcd's api/etcdserverpb/rpc.proto and api/mvccpb/kv.proto.
const (
	headerMember   = 2
	headerRevision = 3
	headerRaftTerm = 4

	watchHeader   = 1
	watchCreated  = 3
	watchCanceled = 4
	watchCompact  = 5
	watchReason   = 6
	watchFragment = 7
	watchEvents   = 11

	eventType  = 1
	eventKV    = 2
	typeDelete = 1

	kvKey         = 1
	kvModRevision = 3

	snapshotRemaining = 2
	snapshotBlob      = 3
)

// response is a WatchResponse, with its events as records.
type response struct {
	member   uint64
	revision int64
	raftTerm uint64
	created  bool
	canceled bool
	compact  int64
	reason   string
	fragment bool
	records  []record.Record
}

// decoder turns the responses of one watch into records.
//
// A put's KeyValue is kept as the bytes that were sent, which are those that
// etcd's database holds: both are the one marshalling of the same message, so
// decoding and encoding them again could only lose something. A deletion is sent
// with its revision added, which the database does not have.
type decoder struct {
	records []record.Record
	last    record.Revision // of the newest event, so that a revision may span fragments
}

// keepRecords is how many records' room outlives a response.
const keepRecords = 1 << 16

// decode reads one response. Its records alias data and the decoder, until the
// next call. Malformed bytes are Corrupt, and the decoder is of no use then.
func (d *decoder) decode(data []byte) (response, error) {
	if cap(d.records) > keepRecords {
		d.records = nil
	}
	var r response
	d.records = d.records[:0]
	err := eachField(data, func(field protowire.Number, n uint64, data []byte) error {
		switch field {
		case watchHeader:
			return r.readHeader(data)
		case watchCreated:
			r.created = n != 0
		case watchCanceled:
			r.canceled = n != 0
		case watchCompact:
			r.compact = int64(n)
		case watchReason:
			r.reason = string(data)
		case watchFragment:
			r.fragment = n != 0
		case watchEvents:
			return d.readEvent(data)
		}
		return nil
	})
	r.records = d.records
	return r, err
}

func (r *response) readHeader(data []byte) error {
	return eachField(data, func(field protowire.Number, n uint64, _ []byte) error {
		switch field {
		case headerMember:
			r.member = n
		case headerRevision:
			r.revision = int64(n)
		case headerRaftTerm:
			r.raftTerm = n
		}
		return nil
	})
}

func (d *decoder) readEvent(data []byte) error {
	var (
		tombstone bool
		kv        []byte
	)
	err := eachField(data, func(field protowire.Number, n uint64, data []byte) error {
		switch field {
		case eventType:
			tombstone = n == typeDelete
		case eventKV:
			kv = data
		}
		return nil
	})
	if err != nil {
		return err
	}
	main, value, err := readKeyValue(kv, tombstone)
	if err != nil {
		return err
	}
	sub := int64(0)
	if main == d.last.Main {
		sub = d.last.Sub + 1
	}
	d.last = record.Revision{Main: main, Sub: sub}
	d.records = append(d.records, record.Record{Revision: d.last, Tombstone: tombstone, KeyValue: value})
	return nil
}

// readKeyValue returns an event's revision and the bytes that the database keeps.
func readKeyValue(kv []byte, tombstone bool) (main int64, value []byte, err error) {
	var key []byte
	err = eachField(kv, func(field protowire.Number, n uint64, data []byte) error {
		switch field {
		case kvKey:
			key = data
		case kvModRevision:
			main = int64(n)
		}
		return nil
	})
	switch {
	case err != nil:
		return 0, nil, err
	case main <= 0 || len(key) == 0:
		return 0, nil, malformed("an event without key or revision")
	case !tombstone:
		return main, kv, nil
	}
	// etcd sends the key first, and then a tombstone's value is the beginning of
	// what was sent.
	if head := protowire.SizeTag(kvKey) + protowire.SizeBytes(len(key)); len(kv) >= head && aliases(kv[:head], key) {
		return main, kv[:head:head], nil
	}
	return main, record.AppendTombstone(nil, key), nil
}

// aliases reports whether head is the plain encoding of the field that holds key,
// and key its end.
func aliases(head, key []byte) bool {
	return head[0] == kvKey<<3|byte(protowire.BytesType) && &head[len(head)-len(key)] == &key[0]
}

// eachField calls visit with every field: n for varints, data for
// length-delimited ones. It ends with visit's error.
func eachField(message []byte, visit func(field protowire.Number, n uint64, data []byte) error) error {
	for len(message) > 0 {
		field, wire, size := protowire.ConsumeTag(message)
		if size < 0 {
			return malformed("a tag")
		}
		message = message[size:]
		var (
			n    uint64
			data []byte
		)
		switch wire {
		case protowire.VarintType:
			n, size = protowire.ConsumeVarint(message)
		case protowire.BytesType:
			data, size = protowire.ConsumeBytes(message)
		default:
			size = protowire.ConsumeFieldValue(field, wire, message)
		}
		if size < 0 {
			return malformed("a field")
		}
		message = message[size:]
		if err := visit(field, n, data); err != nil {
			return err
		}
	}
	return nil
}

func malformed(what string) error {
	return fault.New(fault.Corrupt, "read etcd's answer", "", "malformed: "+what)
}
