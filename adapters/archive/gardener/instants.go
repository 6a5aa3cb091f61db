package gardener

import (
	"time"

	"github.com/revkeeper/revkeeper/domain/snapshot"
)

// maxInstants bounds what is known of the times of one delta.
const maxInstants = 4096

// instants collects when the changes of a delta were seen. The sidecar noted one
// time for all of a watch response. A change was committed by the time it was
// seen, and as far as that can be told not before the response before it was;
// that is all there is, and a restore goes by the former.
//
// There are at most maxInstants: where responses were more, neighbours are joined,
// which loses precision and no truth.
type instants struct {
	list []snapshot.Instant
	each int // responses that the last instant holds
	join int // responses that an instant holds
	last time.Time
}

func (s *instants) add(revision int64, at time.Time) {
	n := len(s.list)
	if n > 0 && (at.Equal(s.last) || revision == s.list[n-1].Revision) {
		extend(&s.list[n-1], snapshot.Instant{Revision: revision, NotBefore: at, NotAfter: at})
		return
	}
	before := s.last
	if n == 0 || at.Before(before) {
		before = at
	}
	s.last = at
	if n > 0 && s.each < max(s.join, 1) {
		s.each++
		extend(&s.list[n-1], snapshot.Instant{Revision: revision, NotBefore: before, NotAfter: at})
		return
	}
	s.list = append(s.list, snapshot.Instant{Revision: revision, NotBefore: before.UTC(), NotAfter: at.UTC()})
	s.each = 1
	if len(s.list) == maxInstants {
		s.halve()
	}
}

// halve joins each two neighbours.
func (s *instants) halve() {
	for i := range len(s.list) / 2 {
		s.list[i] = s.list[2*i]
		extend(&s.list[i], s.list[2*i+1])
	}
	s.list = s.list[:len(s.list)/2]
	s.join = 2 * max(s.join, 1)
	s.each = s.join
}

// extend makes an instant that of the changes after it too.
func extend(i *snapshot.Instant, next snapshot.Instant) {
	i.Revision = next.Revision
	if next.NotBefore.Before(i.NotBefore) {
		i.NotBefore = next.NotBefore.UTC()
	}
	if next.NotAfter.After(i.NotAfter) {
		i.NotAfter = next.NotAfter.UTC()
	}
}
