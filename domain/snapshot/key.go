// Package snapshot names the objects of a backup and describes what they hold.
//
// Order among objects is by timeline and revision alone. The instant in a key
// is for people and for retention.
package snapshot

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/revkeeper/revkeeper/domain/fault"
)

// Kind is what a key names.
type Kind string

// The kinds of object in a bucket of format 1.
const (
	KindFormat   Kind = "format"
	KindTimeline Kind = "timeline"
	KindFull     Kind = "full"
	KindManifest Kind = "manifest" // the description beside a full
	KindDelta    Kind = "delta"
	KindProof    Kind = "proof"
	KindPin      Kind = "pin"      // a revision that is to stay restorable
	KindMark     Kind = "mark"     // what people decided about a timeline
	KindSuspect  Kind = "suspect"  // what is above a revision failed a proof
	KindVerified Kind = "verified" // a history that was rebuilt is what members hashed
)

// Mark is what people can decide about a timeline.
type Mark string

// The marks.
const (
	// Acknowledged says that a timeline that looks wrong is meant to be there.
	Acknowledged Mark = "acknowledged"
	// Retired says that a superseded timeline is not needed any more.
	Retired Mark = "retired"
)

// Marks lists every mark.
func Marks() []Mark { return []Mark{Acknowledged, Retired} }

// FormatKey marks a prefix as a revkeeper bucket and says which format it has.
const FormatKey = "format.json"

const (
	timelinesDir  = "timelines/"
	epochDigits   = 8
	revDigits     = 20
	timeLayout    = "20060102T150405.000Z"
	timeLength    = len(timeLayout)
	maxEpoch      = 99_999_999
	fullIDLength  = 8
	digest16      = 16
	deltaSuffix   = ".delta"
	proofSuffix   = "-recorded.json"
	verifiedEnd   = "-verified.json"
	suspectSuffix = ".json"
	pinSuffix     = ".json"
	markSuffix    = ".json"
	manifestEnd   = ".json"
	fullPlain     = ".db"
	fullZstd      = ".db.zst"
	timelineEntry = "/timeline.json"
)

// Compression is how a full is wrapped.
type Compression string

// The wrappers that are written; a reader outside revkeeper undoes them with
// the ordinary tools.
const (
	Uncompressed Compression = ""
	Zstd         Compression = "zst"
)

// The wrappers that other formats have besides.
const (
	Gzip Compression = "gz"
	LZW  Compression = "Z" // of Go's compress/lzw: least significant bits first, literals of 8 bits
	Zlib Compression = "zlib"
)

// Ref is what a key says about its object. Which fields matter depends on Kind.
type Ref struct {
	Kind  Kind
	Epoch int // timeline, from 1

	// First and Last are the revisions a delta holds, both included. A full
	// holds (First, Last], and First itself can be restored: it is the compact
	// revision. A proof is about Last; a suspect mark is about all above Last.
	First, Last int64

	At time.Time // when the writer fixed the key, to the millisecond, UTC
	ID string    // full: 8 hexadecimal digits; delta: first 16 of its digest; mark: its name

	Compression Compression

	// Object is the key, where that does not follow from the rest: of an object in
	// another format than revkeeper's. Empty for revkeeper's own.
	Object string
}

// TimelinePrefix is where a timeline's objects are.
func TimelinePrefix(epoch int) string {
	return fmt.Sprintf("%s%0*d/", timelinesDir, epochDigits, epoch)
}

// Key returns the object's key relative to the bucket's prefix.
func (r Ref) Key() string {
	if r.Object != "" {
		return r.Object
	}
	if r.Kind == KindFormat {
		return FormatKey
	}
	dir := strings.TrimSuffix(TimelinePrefix(r.Epoch), "/")
	at := r.At.UTC().Format(timeLayout)
	switch r.Kind {
	case KindTimeline:
		return dir + timelineEntry
	case KindFull, KindManifest:
		end := manifestEnd
		if r.Kind == KindFull {
			end = fullPlain
			if r.Compression == Zstd {
				end = fullZstd
			}
		}
		return fmt.Sprintf("%s/full/%0*d-%0*d-%s-%s%s", dir, revDigits, r.Last, revDigits, r.First, at, r.ID, end)
	case KindDelta:
		return fmt.Sprintf("%s/delta/%0*d-%0*d-%s-%s%s", dir, revDigits, r.Last, revDigits, r.First, at, r.ID, deltaSuffix)
	case KindProof:
		return fmt.Sprintf("%s/proof/%0*d-%s%s", dir, revDigits, r.Last, at, proofSuffix)
	case KindVerified:
		return fmt.Sprintf("%s/proof/%0*d-%s%s", dir, revDigits, r.Last, at, verifiedEnd)
	case KindSuspect:
		return fmt.Sprintf("%s/suspect/%0*d-%s%s", dir, revDigits, r.Last, at, suspectSuffix)
	case KindPin:
		return fmt.Sprintf("%s/pin/%0*d-%s%s", dir, revDigits, r.Last, at, pinSuffix)
	case KindMark:
		return dir + "/mark/" + r.ID + markSuffix
	default:
		return dir + "/" + string(r.Kind)
	}
}

// Parse reads a key. A key that revkeeper would not have written, down to the
// last digit, is Unsupported: a foreign object.
func Parse(key string) (Ref, error) {
	if key == FormatKey {
		return Ref{Kind: KindFormat}, nil
	}
	rest, ok := strings.CutPrefix(key, timelinesDir)
	if !ok {
		return Ref{}, foreign(key)
	}
	epochText, rest, ok := strings.Cut(rest, "/")
	if !ok {
		return Ref{}, foreign(key)
	}
	epoch, err := strconv.Atoi(epochText)
	if err != nil || epoch < 1 || epoch > maxEpoch {
		return Ref{}, foreign(key)
	}
	ref := Ref{Epoch: epoch}
	dir, name, _ := strings.Cut(rest, "/")
	switch {
	case rest == timelineEntry[1:]:
		ref.Kind = KindTimeline
	case dir == "full" && ref.parseFull(name):
	case dir == "delta" && ref.parseDelta(name):
	case dir == "proof" && ref.parseInstant(KindProof, name, proofSuffix):
	case dir == "proof" && ref.parseInstant(KindVerified, name, verifiedEnd):
	case dir == "suspect" && ref.parseInstant(KindSuspect, name, suspectSuffix):
	case dir == "pin" && ref.parseInstant(KindPin, name, pinSuffix):
	case dir == "mark" && ref.parseMark(name):
	default:
		return Ref{}, foreign(key)
	}
	// One spelling a key: whatever reads back differently is not ours.
	if ref.Key() != key {
		return Ref{}, foreign(key)
	}
	return ref, nil
}

// Manifest returns the reference of the description beside a full.
func (r Ref) Manifest() Ref {
	r.Kind, r.Compression = KindManifest, Uncompressed
	return r
}

func (r *Ref) parseFull(name string) bool {
	switch {
	case strings.HasSuffix(name, fullZstd):
		r.Kind, r.Compression = KindFull, Zstd
		name = strings.TrimSuffix(name, fullZstd)
	case strings.HasSuffix(name, fullPlain):
		r.Kind = KindFull
		name = strings.TrimSuffix(name, fullPlain)
	case strings.HasSuffix(name, manifestEnd):
		r.Kind = KindManifest
		name = strings.TrimSuffix(name, manifestEnd)
	default:
		return false
	}
	return r.parseRange(name, fullIDLength) && r.First <= r.Last
}

func (r *Ref) parseDelta(name string) bool {
	r.Kind = KindDelta
	name, ok := strings.CutSuffix(name, deltaSuffix)
	return ok && r.parseRange(name, digest16) && r.First >= 1 && r.First <= r.Last
}

// parseInstant reads "<last>-<utc>" before a suffix.
func (r *Ref) parseInstant(kind Kind, name, suffix string) bool {
	r.Kind = kind
	name, ok := strings.CutSuffix(name, suffix)
	if !ok || len(name) != revDigits+1+timeLength || name[revDigits] != '-' {
		return false
	}
	return parseRevision(name[:revDigits], &r.Last) && r.parseTime(name[revDigits+1:])
}

func (r *Ref) parseMark(name string) bool {
	r.Kind = KindMark
	name, ok := strings.CutSuffix(name, markSuffix)
	r.ID = name
	return ok && slices.Contains(Marks(), Mark(name))
}

// Mark returns which mark the reference is of, empty if it is of none.
func (r Ref) Mark() Mark {
	if r.Kind != KindMark {
		return ""
	}
	return Mark(r.ID)
}

// parseRange reads "<last>-<first>-<utc>-<id>".
func (r *Ref) parseRange(name string, idLength int) bool {
	const firstAt, timeAt = revDigits + 1, 2*revDigits + 2
	idAt := timeAt + timeLength + 1
	if len(name) != idAt+idLength || name[revDigits] != '-' || name[timeAt-1] != '-' || name[idAt-1] != '-' {
		return false
	}
	r.ID = name[idAt:]
	if _, err := hex.DecodeString(r.ID); err != nil || strings.ToLower(r.ID) != r.ID {
		return false
	}
	return parseRevision(name[:revDigits], &r.Last) &&
		parseRevision(name[firstAt:firstAt+revDigits], &r.First) &&
		r.parseTime(name[timeAt:timeAt+timeLength])
}

func (r *Ref) parseTime(text string) bool {
	at, err := time.Parse(timeLayout, text)
	r.At = at
	return err == nil
}

func parseRevision(text string, into *int64) bool {
	v, err := strconv.ParseInt(text, 10, 64)
	*into = v
	return err == nil && v >= 0
}

func foreign(key string) error {
	return fault.New(fault.Unsupported, "read key", key, "not a key of a revkeeper bucket of format 1")
}
