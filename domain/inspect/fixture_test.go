package inspect_test

import (
	"encoding/binary"
	"errors"
	"iter"
	"slices"
	"strings"
	"testing"

	"github.com/revkeeper/revkeeper/domain/record"
)

// changes is a history in memory.
type changes []record.Record

func (c changes) Forward() iter.Seq2[record.Record, error] {
	return func(yield func(record.Record, error) bool) {
		for _, r := range c {
			if !yield(r, nil) {
				return
			}
		}
	}
}

func (c changes) Backward() iter.Seq2[record.Record, error] {
	reversed := slices.Clone(c)
	slices.Reverse(reversed)
	return reversed.Forward()
}

var errBroken = errors.New("broken")

// broken is a history that cannot be read to its end.
type broken struct{ changes }

func (b broken) Forward() iter.Seq2[record.Record, error]  { return b.fail(b.changes.Forward()) }
func (b broken) Backward() iter.Seq2[record.Record, error] { return b.fail(b.changes.Backward()) }

func (b broken) fail(all iter.Seq2[record.Record, error]) iter.Seq2[record.Record, error] {
	return func(yield func(record.Record, error) bool) {
		for r := range all {
			if !yield(r, nil) {
				return
			}
		}
		yield(record.Record{}, errBroken)
	}
}

// tell makes a history of a story: each word is a revision, its changes joined by
// "+"; "a=x" puts, "a=x@7" with lease 7, "-a" deletes, "^" is a revision bump.
func tell(first int64, story string) changes {
	var out changes
	type life struct{ create, version int64 }
	lives := map[string]life{}
	for i, word := range strings.Fields(story) {
		rev := first + int64(i)
		for sub, change := range strings.Split(word, "+") {
			r := record.Record{Revision: record.Revision{Main: rev, Sub: int64(sub)}}
			key, value, put := strings.Cut(change, "=")
			switch {
			case change == "^":
			case put:
				l := lives[key]
				if l.version == 0 {
					l.create = rev
				}
				l.version++
				lives[key] = l
				value, lease, _ := strings.Cut(value, "@")
				var id int64
				if lease != "" {
					id = int64(lease[0] - '0')
				}
				r.KeyValue = entry(key, l.create, rev, l.version, value, id)
			default:
				key = key[1:]
				delete(lives, key)
				r.Tombstone, r.KeyValue = true, record.AppendTombstone(nil, []byte(key))
			}
			out = append(out, r)
		}
	}
	return out
}

// entry is a marshalled mvccpb.KeyValue.
func entry(key string, create, mod, version int64, value string, lease int64) []byte {
	kv := record.AppendTombstone(nil, []byte(key))
	number := func(field byte, n int64) {
		if n != 0 {
			kv = binary.AppendUvarint(append(kv, field<<3), uint64(n))
		}
	}
	number(2, create)
	number(3, mod)
	number(4, version)
	if value != "" {
		kv = append(binary.AppendUvarint(append(kv, 5<<3|2), uint64(len(value))), value...)
	}
	number(6, lease)
	return kv
}

func TestTheStoryteller(t *testing.T) {
	kv, err := record.ParseKeyValue(tell(5, "a=1 a=22@7+-a")[1].KeyValue)
	if err != nil || string(kv.Key) != "a" || kv.Create != 5 || kv.Mod != 6 || kv.Version != 2 || string(kv.Value) != "22" || kv.Lease != 7 {
		t.Errorf("%+v, %v", kv, err)
	}
}
