package gardener

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/record"
)

// maxEvent bounds the JSON of one event, in bytes. etcd takes requests of 1.5 MiB
// unless it is told otherwise, and base64 makes four bytes of three.
const maxEvent = 32 << 20

// event is one change as a delta holds it: what etcd's watch sent, in the names of
// mvccpb.Event, and when it came. Fields that are zero are left out.
type event struct {
	Event struct {
		Type int32    `json:"type"` // see the constants below
		KV   keyValue `json:"kv"`
	} `json:"etcdEvent"`
	Time time.Time `json:"time"`
}

// Types of an event (etcd api/mvccpb/kv.proto).
const (
	put    = 0
	remove = 1
)

type keyValue struct {
	Key            []byte `json:"key"`
	CreateRevision int64  `json:"create_revision"`
	ModRevision    int64  `json:"mod_revision"`
	Version        int64  `json:"version"`
	Value          []byte `json:"value"`
	Lease          int64  `json:"lease"`
}

// readEvents reads a delta, a JSON array and its SHA-256, and gives visit each
// change as etcd's database keeps it, with when it was seen. Changes come in the
// order of revisions, first to last without a hole, and those of one revision in
// theirs; everything else is Corrupt, and so is a wrong digest at the end. Memory
// is that of one event, which has up to limit bytes.
func readEvents(r io.Reader, limit int, first, last int64, visit func(record.Record, time.Time) error) error {
	in := &metered{r: newSealed(r), limit: limit}
	dec := json.NewDecoder(in)
	next := record.After(first - 1)
	if err := expect(dec, in, json.Delim('[')); err != nil {
		return err
	}
	var before record.Revision
	for dec.More() {
		var e event
		in.refill()
		if err := dec.Decode(&e); err != nil {
			return in.why(err)
		}
		rec, err := e.record(before)
		if err == nil {
			err = next.Next(rec)
		}
		if err != nil {
			return err
		}
		before = rec.Revision
		if rec.Main > last {
			break // the check below says so
		}
		if err := visit(rec, e.Time); err != nil {
			return err
		}
	}
	if before.Main != last {
		if err := in.err; err != nil && !errors.Is(err, io.EOF) {
			return err // it is no wonder then
		}
		return fault.New(fault.Corrupt, "read events", "", fmt.Sprintf("they reach revision %d, the name says %d", before.Main, last))
	}
	return ended(dec, in)
}

// ended checks that the array ends, and nothing but the digest follows.
func ended(dec *json.Decoder, in *metered) error {
	in.refill()
	if err := expect(dec, in, json.Delim(']')); err != nil {
		return err
	}
	switch _, err := dec.Token(); {
	case errors.Is(err, io.EOF) && errors.Is(in.err, io.EOF):
		return nil
	case err != nil:
		return in.why(err)
	}
	return fault.New(fault.Corrupt, "read events", "", "something follows the events")
}

func expect(dec *json.Decoder, in *metered, want json.Delim) error {
	in.refill()
	token, err := dec.Token()
	if err != nil {
		return in.why(err)
	}
	if token != want {
		return fault.New(fault.Corrupt, "read events", "", fmt.Sprintf("%v stands where %v must be", token, want))
	}
	return nil
}

// record makes of an event what etcd's database holds of the change, given the
// revision of the one before.
func (e *event) record(before record.Revision) (record.Record, error) {
	kv := &e.Event.KV
	rec := record.Record{Revision: record.Revision{Main: kv.ModRevision}}
	if rec.Main == before.Main {
		rec.Sub = before.Sub + 1
	}
	switch {
	case len(kv.Key) == 0 || kv.ModRevision < 1:
		return rec, fault.New(fault.Corrupt, "read event", "", fmt.Sprintf("one after revision %d has no key or no revision", before.Main))
	case e.Event.Type == put:
		rec.KeyValue = kv.marshal()
	case e.Event.Type == remove:
		rec.Tombstone, rec.KeyValue = true, record.AppendTombstone(nil, kv.Key)
	default:
		return rec, fault.New(fault.Corrupt, "read event", "", fmt.Sprintf("revision %d has an event of type %d", kv.ModRevision, e.Event.Type))
	}
	return rec, nil
}

// marshal writes an mvccpb.KeyValue as etcd does: fields in order, zeros left out.
func (kv *keyValue) marshal() []byte {
	const varints, varint = 4, 1 + 10 // at most, with their tags
	out := make([]byte, 0, len(kv.Key)+len(kv.Value)+2*(1+5)+varints*varint)
	number := func(field protowire.Number, n int64) {
		if n != 0 {
			out = protowire.AppendVarint(protowire.AppendTag(out, field, protowire.VarintType), uint64(n))
		}
	}
	data := func(field protowire.Number, b []byte) {
		if len(b) > 0 {
			out = protowire.AppendBytes(protowire.AppendTag(out, field, protowire.BytesType), b)
		}
	}
	data(1, kv.Key)
	number(2, kv.CreateRevision)
	number(3, kv.ModRevision)
	number(4, kv.Version)
	data(5, kv.Value)
	number(6, kv.Lease)
	return out
}

// metered gives away no more than its limit between two refills, so that one event
// cannot take all memory, and remembers how reading ended.
type metered struct {
	r     io.Reader
	limit int // bytes between two refills
	left  int
	err   error
}

func (m *metered) refill() { m.left = m.limit }

func (m *metered) Read(p []byte) (int, error) {
	if m.left == 0 {
		m.err = fault.New(fault.Corrupt, "read events", "", fmt.Sprintf("one of more than %d bytes", m.limit))
		return 0, m.err
	}
	n, err := m.r.Read(p[:min(len(p), m.left)])
	m.left -= n
	if err != nil {
		m.err = err
	}
	return n, err
}

// why is the error of reading behind one of decoding, if there is one: an early
// end is only what it looks like then.
func (m *metered) why(decoding error) error {
	if m.err != nil && !errors.Is(m.err, io.EOF) {
		return m.err
	}
	return fault.Wrap(fault.Corrupt, "read events", "", decoding)
}
