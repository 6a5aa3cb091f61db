// Package gardener writes what gardener/etcd-backup-restore stores, for tests of what
// reads it.
package gardener

import (
	"bytes"
	"compress/gzip"
	"compress/lzw"
	"compress/zlib"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"slices"
	"testing"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	"google.golang.org/protobuf/proto"

	"github.com/revkeeper/revkeeper/domain/record"
)

// wrappers are those that it knows, by the end of the name.
var wrappers = map[string]func(io.Writer) io.WriteCloser{
	"":      func(w io.Writer) io.WriteCloser { return bare{w} },
	".gz":   func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) },
	".Z":    func(w io.Writer) io.WriteCloser { return lzw.NewWriter(w, lzw.LSB, 8) },
	".zlib": func(w io.Writer) io.WriteCloser { return zlib.NewWriter(w) },
}

type bare struct{ io.Writer }

func (bare) Close() error { return nil }

// Wrappers returns the ends of names that Wrap knows; the empty one wraps nothing.
func Wrappers() []string { return slices.Sorted(maps.Keys(wrappers)) }

// Wrap compresses an object as the end of its name says.
func Wrap(t testing.TB, content []byte, wrapper string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := wrappers[wrapper](&out)
	_, err := w.Write(content)
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// Seal appends the SHA-256 that ends a delta.
func Seal(events string) []byte {
	sum := sha256.Sum256([]byte(events))
	return append([]byte(events), sum[:]...)
}

// Events is a delta of records before it is sealed. at says when a revision was seen.
func Events(t testing.TB, recs []record.Record, at func(revision int64) time.Time) string {
	t.Helper()
	type event struct {
		Event struct {
			Type int              `json:"type,omitempty"`
			KV   *mvccpb.KeyValue `json:"kv"`
		} `json:"etcdEvent"`
		Time time.Time `json:"time"`
	}
	var events []event
	for _, r := range recs {
		e := event{Time: at(r.Main)}
		e.Event.KV = &mvccpb.KeyValue{}
		if err := proto.Unmarshal(r.KeyValue, e.Event.KV); err != nil {
			t.Fatal(err)
		}
		if r.Tombstone {
			e.Event.Type, e.Event.KV.ModRevision = 1, r.Main
		}
		events = append(events, e)
	}
	text, err := json.Marshal(events)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
