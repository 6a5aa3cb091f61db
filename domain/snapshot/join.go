package snapshot

import (
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/record"
)

// DeltaDigest is the digest of a delta's records: its segment's where it has
// one, else the SHA-256 over its segments' digests in order. It does not depend
// on how often segments were joined before.
func DeltaDigest(segments []Segment) record.Digest {
	if len(segments) == 1 {
		return segments[0].Canon
	}
	h := sha256.New()
	for _, s := range segments {
		h.Write(s.Canon[:])
	}
	return record.Digest(h.Sum(nil))
}

// ID is the part of a delta's digest that stands in its key.
func ID(d record.Digest) string { return d.String()[:digest16] }

// Ref returns the reference that names the delta which the envelope describes.
func (e Envelope) Ref() Ref {
	return Ref{Kind: KindDelta, Epoch: e.Epoch, First: e.First, Last: e.Last,
		At: e.SealedAt.UTC().Truncate(time.Millisecond), ID: ID(e.Digest)}
}

// SegmentBytes returns how many bytes the segments take, which is where the
// envelope begins.
func (e Envelope) SegmentBytes() (n int64) {
	for _, s := range e.Segments {
		n += s.Length
	}
	return n
}

// Join returns the envelope of the delta that holds the segments of several, one
// after the other, and says all that theirs say: no instant, no lease and no
// change of users is lost.
//
// SealedAt is that of the last one: it says how old the content is, and gives
// one name to what two writers make of the same deltas. Deltas that do not
// follow each other, of several timelines or clusters, are Invalid.
func Join(parts []Envelope, by Writer) (Envelope, error) {
	if len(parts) < 2 {
		return Envelope{}, fault.New(fault.Invalid, "join deltas", "", fmt.Sprintf("%d deltas are given, two are the least", len(parts)))
	}
	first, last := parts[0], parts[len(parts)-1]
	by.ClusterID = last.ClusterID
	out := Envelope{Writer: by, Epoch: first.Epoch, First: first.First, Last: last.Last,
		Raft: last.Raft, Auth: first.Auth, Tail: last.Tail, SealedAt: last.SealedAt}
	leases := make(Leases)
	offset, auth := int64(0), first.Auth
	for i, p := range parts {
		if p.Epoch != first.Epoch || p.ClusterID != first.ClusterID || i > 0 && p.First != parts[i-1].Last+1 {
			return Envelope{}, fault.New(fault.Invalid, "join deltas", "",
				fmt.Sprintf("revisions %d–%d of timeline %d, cluster %s do not continue what is before them", p.First, p.Last, p.Epoch, p.ClusterID))
		}
		for _, s := range p.Segments {
			s.Offset, offset = offset, offset+s.Length
			out.Segments = append(out.Segments, s)
		}
		out.Records += p.Records
		out.Compact = max(out.Compact, p.Compact)
		out.Times = append(out.Times, p.Times...)
		for _, l := range p.Leases {
			leases.Learn(l)
		}
		next := p.Auth
		if p.AuthTo != nil {
			next = *p.AuthTo
		}
		if p.Auth != auth || p.AuthTo != nil {
			out.AuthTo = &next
		}
		auth = next
	}
	if len(leases) > 0 {
		out.Leases = leases.Sorted()
	}
	out.Digest = DeltaDigest(out.Segments)
	return out, nil
}
