package httpapi

import (
	"time"

	"github.com/revkeeper/revkeeper/domain/defrag"
)

// defragModel is what the page shows of defragmentation.
type defragModel struct {
	When string // it is due
	Last *defragRun
}

// defragRun is a run and the class of its line.
type defragRun struct {
	defrag.Run
	Tone string
}

func defragOf(o defrag.Overview) *defragModel {
	m := &defragModel{When: "on demand only"}
	if !o.Next.IsZero() {
		m.When = "due " + o.Next.UTC().Format("Mon 2006-01-02 15:04") + " UTC, by the leader"
		if o.Window != "" {
			m.When += ", within " + o.Window
		}
	}
	if len(o.Runs) > 0 {
		m.Last = &defragRun{Run: o.Runs[0], Tone: "good"}
		switch o.Runs[0].Outcome {
		case defrag.Refused, defrag.Stopped:
			m.Last.Tone = "bad"
		case defrag.Running:
			m.Last.Tone = "quiet"
		}
	}
	return m
}

// Short is a duration for the page.
func (pageModel) Short(d time.Duration) string { return d.Round(10 * time.Millisecond).String() }
