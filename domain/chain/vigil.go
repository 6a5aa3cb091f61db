package chain

import (
	"fmt"
	"time"

	"github.com/revkeeper/revkeeper/domain/fault"
)

// SilencePatience is after how long without progress a watch counts as silent,
// although the cluster has more to tell. It leaves room for one revision of
// hundreds of thousands of changes, which takes etcd minutes to send.
const SilencePatience = 5 * time.Minute

// Vigil watches over a watch: it compares, from time to time, what has arrived
// with where the cluster is. A watch that lost its place says nothing by itself.
// The zero Vigil is ready for use.
type Vigil struct {
	received int64
	head     int64     // at the look before
	since    time.Time // of the silence; zero for none
}

// Look takes the newest revision that had arrived before the cluster was asked,
// the cluster's answer, and the time. It returns Diverged if the history went
// back, and Unavailable once the watch has been silent for SilencePatience.
func (v *Vigil) Look(received, head int64, now time.Time) error {
	if head < received {
		return fault.New(fault.Diverged, "follow history", "",
			fmt.Sprintf("history went back: the cluster is at revision %d, %d had arrived", head, received))
	}
	switch silent := received == v.received && received < v.head; {
	case !silent:
		v.since = time.Time{}
	case v.since.IsZero():
		v.since = now
	}
	v.received, v.head = received, head
	if !v.since.IsZero() && now.Sub(v.since) >= SilencePatience {
		return fault.New(fault.Unavailable, "follow history", "",
			fmt.Sprintf("the watch has been silent at revision %d for %s, the cluster is at %d", received, now.Sub(v.since), head))
	}
	return nil
}
