package httpapi

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/revkeeper/revkeeper/domain/event"
	"github.com/revkeeper/revkeeper/domain/health"
	"github.com/revkeeper/revkeeper/domain/role"
)

const pageEvents = 25 // the newest, on the page

// pageModel is what the templates see.
type pageModel struct {
	health.View
	Now     time.Time // zero: instants are shown as such, not as an age
	Verdict verdict
	Members membersModel
	Bar     bar
	Defrag  *defragModel  // nil: this sidecar cannot
	Events  []event.Event // newest first
	// Compaction is the newest event about roll-ups and built fulls; nil for none
	// that is remembered.
	Compaction *event.Event
}

// verdict is the page's one sentence.
type verdict struct {
	Tone string // "good", "calm", "watch", "bad": a class of the style
	Text string
}

func (s *Server) model(now time.Time) pageModel {
	view := s.sources.Status.View()
	events := s.sources.Events.Recent()
	compaction := newestOf(events, event.DeltasRolledUp, event.FullBuilt, event.CompactionFailed)
	events = slices.Clone(events[max(0, len(events)-pageEvents):])
	slices.Reverse(events)
	out := pageModel{View: view, Now: now, Verdict: judge(view), Bar: barOf(view.Backup), Events: events, Compaction: compaction}
	if s.sources.Members != nil {
		out.Members = membersOf(s.sources.Members.Last())
	}
	if s.sources.Defrag != nil {
		out.Defrag = defragOf(s.sources.Defrag.Overview())
	}
	return out
}

// newestOf returns the newest event of some kinds, nil for none.
func newestOf(events []event.Event, kinds ...event.Kind) *event.Event {
	for i := len(events) - 1; i >= 0; i-- {
		if slices.Contains(kinds, events[i].Kind) {
			return &events[i]
		}
	}
	return nil
}

// judge puts a view into one sentence.
func judge(v health.View) verdict {
	failing := v.Backup.LastError != "" && !v.Backup.LastErrorAt.Before(v.Backup.DurableAt)
	switch {
	case v.Role == role.Unknown:
		return verdict{"bad", "No backup is taken from here: the cluster's leader is not known."}
	case v.Proof.Differ != nil:
		return verdict{"bad", "The members of etcd disagree about their data. Nothing is marked proven."}
	case v.SeenAt.IsZero():
		return verdict{"calm", "Waiting for the first answer of the own member."}
	case v.Role != role.Leader && len(v.Backup.Windows) == 0:
		return verdict{"calm", "Standing by. The store holds nothing that can be restored yet, as far as is known here."}
	case v.Role != role.Leader:
		return verdict{"calm", "Standing by. The leader's sidecar takes the backups."}
	case failing:
		return verdict{"bad", "The backup is failing; it will be tried again."}
	case len(v.Backup.Windows) == 0:
		return verdict{"watch", "Leading. The first full is not in the store yet, so nothing can be restored."}
	case !v.Fresh.Fresh && v.Fresh.Reason != "":
		return verdict{"watch", "Backing up, but the store is further behind than the objective allows."}
	case v.Backup.Lag() > 0:
		return verdict{"good", "Backing up."}
	default:
		return verdict{"good", "Backing up. The store has everything."}
	}
}

// Level names an event's level for people who cannot see its colour.
func (pageModel) Level(e event.Event) string { return string(levelOf(e.Level)) }

// Tidies reports whether retention is a duty here and now.
func (m pageModel) Tidies() bool { return slices.Contains(m.Duties, role.Retention) }

// Instant pairs a time with the moment of rendering, for the "when" template.
func (m pageModel) Instant(t time.Time) instant { return instant{At: t, Now: m.Now} }

type instant struct{ At, Now time.Time }

// Text is an age where the moment of rendering is known, else the instant.
func (i instant) Text() string {
	if i.Now.IsZero() {
		return i.At.UTC().Format("15:04:05") + " UTC"
	}
	return age(i.Now.Sub(i.At)) + " ago"
}

// age shows the largest whole unit, as page.js does.
func age(d time.Duration) string {
	switch {
	case d < time.Second:
		return "0 s"
	case d < time.Minute:
		return fmt.Sprintf("%d s", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%d min", d/time.Minute)
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", d/time.Hour)
	default:
		return fmt.Sprintf("%d days", d/(24*time.Hour))
	}
}

// count groups the digits of a number.
func count(n int64) string {
	s := strconv.FormatInt(n, 10)
	start := 0
	if n < 0 {
		start = 1
	}
	for i := len(s) - 3; i > start; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// byteSize shows a size with a binary prefix.
func byteSize(n int64) string {
	if n < 1024 {
		return fmt.Sprintf("%d B", n)
	}
	f, prefixes := float64(n)/1024, "KMGTPE"
	for f >= 1023.95 && len(prefixes) > 1 {
		f, prefixes = f/1024, prefixes[1:]
	}
	return fmt.Sprintf("%.1f %ciB", f, prefixes[0])
}
