// Package extract takes single keys out of a backup: into a file, or back into a
// live cluster, where it decides what may be written.
package extract

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"hash"
	"strings"

	"github.com/revkeeper/revkeeper/domain/record"
)

// Format names the file's format. See docs/operations.md.
const (
	Format        = "revkeeper extract"
	FormatVersion = 1
)

// Header is the first line of a file.
type Header struct {
	Format   string `json:"format"`
	Version  int    `json:"version"`
	Timeline int    `json:"timeline"`
	Revision int64  `json:"revision"`
	Prefix   []byte `json:"prefix"`
	// Suspect says that the revision failed a proof, and was taken all the same.
	Suspect bool `json:"suspect,omitempty"`
	// Warnings are what there was to say when the keys were taken, for people.
	Warnings []string `json:"warnings,omitempty"`
}

// Entry is the line of a key. Bytes are in base64, as in etcd's own JSON.
type Entry struct {
	Key    []byte `json:"key"`
	Value  []byte `json:"value"`
	Create int64  `json:"createRevision"`
	Mod    int64  `json:"modRevision"`
	Ver    int64  `json:"version"`
	Lease  int64  `json:"lease,omitempty"`
	TTL    int64  `json:"leaseTTL,omitempty"` // seconds, as granted; absent: not known
	// SHA256 is of the header's line without its end, and then this one's without
	// SHA256: so each line stands for itself, and for no other file. Zero where an
	// older build wrote it.
	SHA256 record.Digest `json:"sha256,omitzero"`
}

// sum returns what SHA256 has to be.
func (e Entry) sum(header []byte) (record.Digest, error) {
	e.SHA256 = record.Digest{}
	text, err := json.Marshal(e)
	if err != nil {
		return e.SHA256, err
	}
	h := sha256.New()
	h.Write(header)
	h.Write(text)
	h.Sum(e.SHA256[:0])
	return e.SHA256, nil
}

// Trailer is the last line: a file without it was cut short.
type Trailer struct {
	Keys   int64         `json:"keys"`
	SHA256 record.Digest `json:"sha256"` // of all lines before
}

// Lines makes the lines of a file, each with its end.
type Lines struct {
	digest hash.Hash
	header []byte // its line
	keys   int64
}

// NewLines returns the lines of a file that begins with h, whose format and version
// it fills in, and the first of them.
func NewLines(h Header) (*Lines, []byte, error) {
	l := &Lines{digest: sha256.New()}
	h.Format, h.Version = Format, FormatVersion
	h.Warnings = readable(h.Warnings)
	first, err := l.line(h)
	l.header = bytes.TrimSuffix(bytes.Clone(first), []byte{'\n'})
	return l, first, err
}

// readable makes texts valid UTF-8. JSON would do so, too, but by another spelling
// than it has once it was read, and the digests are of the header as it is spelled.
func readable(texts []string) []string {
	var out []string
	for _, t := range texts {
		out = append(out, strings.ToValidUTF8(t, "\ufffd"))
	}
	return out
}

// Entry returns the line of the next key. ttl is its lease's, 0 for not known.
func (l *Lines) Entry(kv record.KeyValue, ttl int64) ([]byte, error) {
	l.keys++
	if kv.Value == nil {
		kv.Value = []byte{} // "", not null
	}
	e := Entry{Key: kv.Key, Value: kv.Value, Create: kv.Create, Mod: kv.Mod, Ver: kv.Version, Lease: kv.Lease, TTL: ttl}
	var err error
	if e.SHA256, err = e.sum(l.header); err != nil {
		return nil, err
	}
	return l.line(e)
}

// Trailer returns the last line.
func (l *Lines) Trailer() ([]byte, error) {
	t := Trailer{Keys: l.keys}
	l.digest.Sum(t.SHA256[:0])
	return l.line(t)
}

func (l *Lines) line(v any) ([]byte, error) {
	text, err := json.Marshal(v)
	text = append(text, '\n')
	l.digest.Write(text)
	return text, err
}
