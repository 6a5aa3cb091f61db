// Package gardener holds the rules about the backups of
// gardener/etcd-backup-restore: what the name of an object says, and which
// objects belong to one history.
//
// Its format is that of v0.44: fulls and deltas lie side by side under "v2/", or
// in folders "v1/Backup-<unix>/" where older versions wrote them.
package gardener

import (
	"strconv"
	"strings"
	"time"

	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/domain/timeline"
)

// FormatName is what a catalogue calls the format.
const FormatName = "etcd-backup-restore"

const (
	fullKind  = "Full"
	deltaKind = "Incr"
	finalFull = ".final" // a full that was to be the last; it is one like any other
	layout1   = "v1/"
	layout2   = "v2/"
	folder1   = "Backup-"
	year10000 = 253_402_300_800 // its first second, which RFC 3339 cannot write
)

// wrappers are the compressions that it knows, by the end of the name.
var wrappers = map[string]snapshot.Compression{
	"": snapshot.Uncompressed, ".gz": snapshot.Gzip, ".Z": snapshot.LZW, ".zlib": snapshot.Zlib,
}

// Parse reads a key, relative to the folder that holds "v1" and "v2", or to "v2"
// itself; ok is false for everything that is no full and no delta, so for the parts
// of an upload too.
//
// The name of a full tells a revision that it holds and nothing about how far
// back it goes, so First and Last are that one. The time is the end of the second
// in the name, which is when the name was made, after everything in the object
// was there: what is said to be written by then was.
func Parse(key string) (ref snapshot.Ref, layout int, ok bool) {
	name := key
	if rest, in2 := strings.CutPrefix(key, layout2); in2 {
		layout, name = 2, rest
	} else if rest, in1 := strings.CutPrefix(key, layout1); in1 {
		folder, inside, _ := strings.Cut(rest, "/")
		if unix, ok := strings.CutPrefix(folder, folder1); !ok || !digits(unix) {
			return snapshot.Ref{}, 0, false
		}
		layout, name = 1, inside
	} else if strings.Contains(key, "/") {
		return snapshot.Ref{}, 0, false
	} else {
		layout = 2
	}
	ref, ok = parseName(name)
	ref.Object = key
	return ref, layout, ok
}

// parseName reads "<kind>-<start>-<last>-<unix>[<wrapper>][.final]".
func parseName(name string) (ref snapshot.Ref, ok bool) {
	name, final := strings.CutSuffix(name, finalFull)
	end := len(name)
	if dot := strings.IndexByte(name, '.'); dot >= 0 {
		end = dot
	}
	if ref.Compression, ok = wrappers[name[end:]]; !ok {
		return ref, false
	}
	parts := strings.Split(name[:end], "-")
	if len(parts) != 4 {
		return ref, false
	}
	first, ok1 := number(parts[1])
	last, ok2 := number(parts[2])
	unix, ok3 := number(parts[3])
	if !ok1 || !ok2 || !ok3 || unix >= year10000 {
		return ref, false
	}
	ref.First, ref.Last = first, last
	ref.At = time.Unix(unix, int64(time.Second-time.Millisecond)).UTC()
	switch parts[0] {
	case fullKind:
		ref.Kind, ref.First = snapshot.KindFull, last
		return ref, first == 0 && last >= 1
	case deltaKind:
		ref.Kind = snapshot.KindDelta
		return ref, !final && 1 <= first && first <= last
	}
	return ref, false
}

func digits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

func number(s string) (int64, bool) {
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil && digits(s)
}

// Beside reports whether what revkeeper did not write in a bucket are backups of
// etcd-backup-restore.
func Beside(c timeline.Catalogue) bool {
	for _, o := range c.Foreign {
		if _, _, ok := Parse(o.Key); ok {
			return true
		}
	}
	return false
}

// Alone reports whether a bucket, as revkeeper reads it, holds backups of
// etcd-backup-restore and nothing of revkeeper.
func Alone(c timeline.Catalogue) bool {
	return c.Format == nil && len(c.Timelines) == 0 && Beside(c)
}
