package schedule

import (
	"fmt"
	"time"

	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/words"
)

// Full says when a new full is taken.
type Full struct {
	// Next returns the first tick of the cron after a moment, or the zero time if
	// there is none. A nil Next means no cron.
	Next func(after time.Time) time.Time
	// DeltaBytes is the stored size of the deltas since the last full above which
	// a full is due, since a restore has to read them all; 0 means never.
	DeltaBytes int64
}

// MinFullDeltaBytes is the smallest limit on deltas: below it fulls would be
// taken all the time.
const MinFullDeltaBytes = 1 << 20

// FullState is what the decision about a full rests on.
type FullState struct {
	HasBase      bool      // the timeline has a finished full that connects to its deltas
	FullAt       time.Time // when the newest full was taken
	FullRevision int64     // its last revision
	Revision     int64     // newest known of the cluster
	DeltaBytes   int64     // stored size of the deltas since the newest full
	FullBytes    int64     // stored size of the newest full, for the reason
}

// Decision says whether a full is due and why.
type Decision struct {
	Due    bool
	Reason string
	// At is when to ask again because of the cron; zero where only a change of
	// the state can alter the answer.
	At time.Time
}

// Decide says whether a full is due. A tick of the cron that fell into a time
// when nobody was there to act on it is made up for once. Nothing is taken when
// nothing changed: the newest full is then as good as a new one.
func (f Full) Decide(s FullState, now time.Time) Decision {
	if !s.HasBase {
		return Decision{Due: true, Reason: "the timeline has no base yet"}
	}
	tick := f.tick(s.FullAt)
	fired := !tick.IsZero() && !now.Before(tick)
	if s.FullRevision >= s.Revision {
		d := Decision{Reason: fmt.Sprintf("nothing changed since the full at revision %d", s.FullRevision), At: tick}
		if fired {
			d.At = f.tick(now)
		}
		return d
	}
	switch {
	case fired:
		return Decision{Due: true, At: f.tick(now),
			Reason: fmt.Sprintf("scheduled for %s; the newest full is of %s", tick.UTC().Format(time.RFC3339), s.FullAt.UTC().Format(time.RFC3339))}
	case f.DeltaBytes > 0 && s.DeltaBytes > f.DeltaBytes:
		return Decision{Due: true, At: tick,
			Reason: fmt.Sprintf("%s of deltas follow a full of %s, the limit is %s", words.Size(s.DeltaBytes), words.Size(s.FullBytes), words.Size(f.DeltaBytes))}
	default:
		return Decision{Reason: "the newest full is recent and its chain short", At: tick}
	}
}

func (f Full) tick(after time.Time) time.Time {
	if f.Next == nil {
		return time.Time{}
	}
	return f.Next(after)
}

// Validate returns what is wrong with the settings; the keys are those of the
// configuration file, relative to the owner's section. Whoever parses the cron
// reports what is wrong with it.
func (f Full) Validate() []fault.Problem {
	if f.DeltaBytes != 0 && f.DeltaBytes < MinFullDeltaBytes {
		return []fault.Problem{{Key: "full.deltaBytes", Value: fmt.Sprint(f.DeltaBytes), Detail: "is out of range",
			Remedy: fmt.Sprintf("0 for no limit, or at least %d", MinFullDeltaBytes)}}
	}
	return nil
}
