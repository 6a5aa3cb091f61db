package revkeeper

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/domain/timeline"
	"github.com/revkeeper/revkeeper/ports"
)

const (
	// lookedAgain is how many of a timeline's newest deltas are listed again each
	// time: two leaders at once store deltas a little out of order.
	lookedAgain = 1000
	// relistAfter is how old the listing of older deltas may get.
	relistAfter = 10 * time.Minute
)

// Warm is an Archive for who looks at one bucket again and again. Deltas are by
// far the most objects, and never change, so those that are known are not listed
// again but for the newest. A delta that somebody removed, or stored far out of
// order, shows within ten minutes. It is safe for concurrent use.
type Warm struct {
	*Archive

	mu       sync.Mutex
	known    []timeline.Object // as last listed, in order of the keys
	listedAt time.Time         // when all of them were listed
}

var _ ports.Archive = (*Warm)(nil)

// NewWarm returns a Warm that knows nothing yet.
func NewWarm(a *Archive) *Warm { return &Warm{Archive: a} }

// Catalogue implements ports.Archive.
func (w *Warm) Catalogue(ctx context.Context) (timeline.Catalogue, error) {
	known, listedAt := w.remembered()
	now := time.Now()
	if known == nil || now.Sub(listedAt) >= relistAfter {
		known, listedAt = nil, now
	}
	objects, err := w.listAround(ctx, known)
	if err != nil {
		return timeline.Catalogue{}, err
	}
	w.mu.Lock()
	if !listedAt.Before(w.listedAt) {
		w.known, w.listedAt = objects, listedAt
	}
	w.mu.Unlock()
	return w.catalogued(ctx, objects)
}

// Forget has the next listing list everything: objects are gone. A listing that is
// under way and began before is not remembered.
func (w *Warm) Forget() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.known, w.listedAt = nil, time.Now()
}

func (w *Warm) remembered() ([]timeline.Object, time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.known, w.listedAt
}

// listAround lists everything but the deltas that need not be listed again.
func (w *Warm) listAround(ctx context.Context, known []timeline.Object) ([]timeline.Object, error) {
	objects := make([]timeline.Object, 0, len(known)+lookedAgain)
	after := ""
	var err error
	for _, settled := range settledDeltas(known) {
		if objects, err = w.list(ctx, objects, after, settled[0].Key); err != nil {
			return nil, err
		}
		objects = append(objects, settled...)
		after = settled[len(settled)-1].Key
	}
	return w.list(ctx, objects, after, "")
}

// settledDeltas returns, of each timeline with many deltas, all but the newest.
// Between the first and the last of such a run there is nothing but deltas.
func settledDeltas(known []timeline.Object) [][]timeline.Object {
	var runs [][]timeline.Object
	for i := 0; i < len(known); {
		dir, ok := deltaDir(known[i].Key)
		if !ok {
			i++
			continue
		}
		end := i + slices.IndexFunc(known[i:], func(o timeline.Object) bool { return !strings.HasPrefix(o.Key, dir) })
		if end < i {
			end = len(known)
		}
		if settled := end - i - lookedAgain; settled > 0 {
			runs = append(runs, known[i:i+settled])
		}
		i = end
	}
	return runs
}

// deltaDir returns the folder of a delta's key.
func deltaDir(key string) (dir string, ok bool) {
	ref, err := snapshot.Parse(key)
	if err != nil || ref.Kind != snapshot.KindDelta {
		return "", false
	}
	return key[:strings.LastIndexByte(key, '/')+1], true
}
