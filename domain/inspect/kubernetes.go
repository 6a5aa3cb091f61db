package inspect

import (
	"bytes"
	"cmp"
	"slices"
	"time"

	"github.com/revkeeper/revkeeper/domain/wire"
)

// kubernetesMagic begins what a kube-apiserver stores as protobuf; a message of
// type runtime.Unknown follows (Kubernetes, staging/src/k8s.io/apimachinery/pkg/
// runtime/serializer/protobuf/protobuf.go and pkg/runtime/generated.proto).
var kubernetesMagic = []byte("k8s\x00")

// Object is an object of Kubernetes, read without its schema: what every kind has
// by name, everything else by the numbers of its fields.
type Object struct {
	APIVersion, Kind string
	Metadata         Metadata
	Fields           []Node // of the object itself, its metadata left out
}

// Metadata is what is worth knowing of an object's metadata.
type Metadata struct {
	Namespace, Name, UID string
	Generation           int64
	Created, Deleted     time.Time // zero for not
	Labels, Annotations  []Pair    // by key
	Owners               []string  // kind/name
	Finalizers           []string
}

// Pair is an entry of a map.
type Pair struct{ Key, Value string }

// Field numbers of runtime.Unknown and its TypeMeta.
const (
	unknownType        = 1
	unknownRaw         = 2
	typeMetaAPIVersion = 1
	typeMetaKind       = 2
)

// objectMetadata is the number of the metadata in every kind that is stored.
const objectMetadata = 1

func readObject(message []byte) (*Object, error) {
	o := &Object{}
	var raw []byte
	var inner error
	err := wire.Each("object of Kubernetes", message, func(f wire.Field) {
		switch f.Number {
		case unknownType:
			inner = cmp.Or(inner, wire.Each("TypeMeta", f.Data, func(f wire.Field) {
				switch f.Number {
				case typeMetaAPIVersion:
					o.APIVersion = string(f.Data)
				case typeMetaKind:
					o.Kind = string(f.Data)
				}
			}))
		case unknownRaw:
			raw = f.Data
		}
	})
	if err = cmp.Or(err, inner); err != nil {
		return nil, err
	}
	var metadata []byte
	if err := wire.Each(o.Kind, raw, func(f wire.Field) {
		if f.Number == objectMetadata {
			metadata = f.Data
		}
	}); err != nil {
		return nil, err
	}
	o.Metadata = readMetadata(metadata)
	o.Fields = slices.DeleteFunc(Nodes(raw), func(n Node) bool { return n.Number == objectMetadata })
	return o, nil
}

// readMetadata reads k8s.io.apimachinery.pkg.apis.meta.v1.ObjectMeta, as far as it
// is well formed.
func readMetadata(message []byte) Metadata {
	var m Metadata
	_ = wire.Each("ObjectMeta", message, func(f wire.Field) {
		switch f.Number {
		case 1:
			m.Name = string(f.Data)
		case 3:
			m.Namespace = string(f.Data)
		case 5:
			m.UID = string(f.Data)
		case 7:
			m.Generation = int64(f.Value)
		case 8:
			m.Created = readTime(f.Data)
		case 9:
			m.Deleted = readTime(f.Data)
		case 11:
			m.Labels = append(m.Labels, readPair(f.Data))
		case 12:
			m.Annotations = append(m.Annotations, readPair(f.Data))
		case 13:
			m.Owners = append(m.Owners, readOwner(f.Data))
		case 14:
			m.Finalizers = append(m.Finalizers, string(f.Data))
		}
	})
	for _, pairs := range [][]Pair{m.Labels, m.Annotations} {
		slices.SortFunc(pairs, func(a, b Pair) int { return cmp.Compare(a.Key, b.Key) })
	}
	return m
}

// texts returns the fields of a message that are bytes, by number.
func texts(message []byte) map[int]string {
	out := map[int]string{}
	_ = wire.Each("message", message, func(f wire.Field) {
		if f.Type == wire.Bytes {
			out[f.Number] = string(f.Data)
		}
	})
	return out
}

func readPair(entry []byte) Pair {
	t := texts(entry)
	return Pair{t[1], t[2]}
}

// readOwner reads an OwnerReference: its kind is field 1, its name 3.
func readOwner(reference []byte) string {
	t := texts(reference)
	return t[1] + "/" + t[3]
}

// The seconds since 1970 of the years 1 to 9999, which RFC 3339 can write.
const (
	firstSecond = -62_135_596_800
	lastSecond  = 253_402_300_799
)

// readTime reads a meta.v1.Time: seconds since 1970 and nanoseconds. What is no
// time is zero.
func readTime(message []byte) time.Time {
	var seconds, nanos int64
	_ = wire.Each("Time", message, func(f wire.Field) {
		switch f.Number {
		case 1:
			seconds = int64(f.Value)
		case 2:
			nanos = int64(f.Value)
		}
	})
	if seconds == 0 && nanos == 0 || seconds < firstSecond || seconds > lastSecond || nanos < 0 || nanos > 999_999_999 {
		return time.Time{}
	}
	return time.Unix(seconds, nanos).UTC()
}

// Node is a field of a message whose schema is not known. One of Text, Bytes and
// Fields is set where the field was length-delimited; which, is a guess by what it
// holds.
type Node struct {
	Number int
	Value  uint64 // of a number
	IsText bool
	Text   string
	Bytes  []byte // it aliases the message
	Fields []Node // of a message within
	Cut    bool   // there were more fields than are read
}

const (
	maxNodes = 4096 // of one value
	maxDepth = 24   // of messages within messages
)

// Nodes reads a message, well formed or not: at most 4096 fields of it.
func Nodes(message []byte) []Node {
	left := maxNodes
	return nodes(message, 0, &left)
}

func nodes(message []byte, depth int, left *int) []Node {
	var out []Node
	_ = wire.Each("message", message, func(f wire.Field) {
		if *left--; *left < 0 {
			if n := len(out); n > 0 {
				out[n-1].Cut = true
			}
			return
		}
		n := Node{Number: f.Number, Value: f.Value}
		if f.Type == wire.Bytes {
			n.guess(f.Data, depth, left)
		}
		out = append(out, n)
	})
	return out
}

// guess takes readable bytes for text, unless they begin like a message whose
// first field is one and are a message: a new line is the tag of field 1.
func (n *Node) guess(data []byte, depth int, left *int) {
	message := len(data) > 0 && depth < maxDepth && wire.Each("message", data, func(wire.Field) {}) == nil
	switch {
	case isText(data) && !(message && bytes.HasPrefix(data, []byte("\n"))):
		n.IsText, n.Text = true, string(data)
	case message && *left > 0: // else it would look like a number
		n.Fields = nodes(data, depth+1, left)
	default:
		n.Bytes = data
	}
}
