package inspect

import (
	"bytes"
	"time"

	"github.com/revkeeper/revkeeper/domain/record"
)

// Version is one state of a key.
type Version struct {
	record.Revision
	Deleted         bool
	record.KeyValue // of a deletion the key alone; Value only where it was asked for
	Size            int64
	// NotBefore and NotAfter bound when it was written; zero where nobody noted it.
	NotBefore, NotAfter time.Time
}

// Trail collects the versions of one key, of which it keeps the newest.
type Trail struct {
	key    []byte
	keep   int
	bytes  int64
	values bool

	kept   []Version
	weight int64
	// Total is how many there were.
	Total int64
}

// NewTrail returns a Trail that keeps at most keep versions of key, whose values,
// if they are wanted, have at most bytes bytes; 0 for no bound of the kind. The
// newest is kept however large it is.
func NewTrail(key []byte, keep int, bytes int64, values bool) *Trail {
	return &Trail{key: key, keep: keep, bytes: bytes, values: values}
}

// Add takes the next record, of any key. It keeps nothing of r's bytes.
func (t *Trail) Add(r record.Record, notBefore, notAfter time.Time) error {
	kv, err := record.ParseKeyValue(r.KeyValue)
	if err != nil || !bytes.Equal(kv.Key, t.key) {
		return err
	}
	v := Version{Revision: r.Revision, Deleted: r.Tombstone, KeyValue: kv, Size: int64(len(kv.Value)), NotBefore: notBefore, NotAfter: notAfter}
	v.Key, v.Value = t.key, nil
	if t.values {
		v.Value = bytes.Clone(kv.Value)
		t.weight += v.Size
	}
	t.kept = append(t.kept, v)
	t.Total++
	for len(t.kept) > 1 && (t.keep > 0 && len(t.kept) > t.keep || t.bytes > 0 && t.weight > t.bytes) {
		t.weight -= int64(len(t.kept[0].Value))
		t.kept[0] = Version{}
		t.kept = t.kept[1:]
	}
	return nil
}

// Versions returns the newest, in order.
func (t *Trail) Versions() []Version { return t.kept }
