package render

import (
	"fmt"
	"io"
	"time"

	"github.com/revkeeper/revkeeper/application/inspect"
	"github.com/revkeeper/revkeeper/application/restore"
	"github.com/revkeeper/revkeeper/domain/chain"
	"github.com/revkeeper/revkeeper/domain/fault"
	rule "github.com/revkeeper/revkeeper/domain/inspect"
)

// StoryDocument is every version of a key that is held.
type StoryDocument struct {
	KeyDocument
	Timeline int               `json:"timeline"`
	Span     chain.Range       `json:"revisions"` // that were asked for
	Missing  []chain.Range     `json:"missing"`   // that nothing holds whole
	Disputed []chain.Range     `json:"disputed"`  // of which two contents are stored
	Excluded []Excluded        `json:"excluded,omitempty"`
	Total    int64             `json:"total"`
	Versions []VersionDocument `json:"versions"` // the newest, the newest last
}

// VersionDocument is one state of a key.
type VersionDocument struct {
	Revision       int64          `json:"revision"`
	Sub            int64          `json:"sub"`                // which of the revision's changes it was, from 0
	Event          string         `json:"event"`              // created, put or deleted
	NotBefore      time.Time      `json:"notBefore,omitzero"` // when it was written; absent: nobody noted it
	NotAfter       time.Time      `json:"notAfter,omitzero"`
	CreateRevision int64          `json:"createRevision,omitempty"`
	Version        int64          `json:"version,omitempty"`
	Lease          string         `json:"lease,omitempty"`
	Size           int64          `json:"size"`
	Value          *ValueDocument `json:"value,omitempty"`
}

// StoryOf returns the document of a key's versions.
func StoryOf(s inspect.Story, asked inspect.Past) StoryDocument {
	d := StoryDocument{KeyDocument: keyOf(string(asked.Key)), Timeline: s.Epoch, Span: s.Span, Total: s.Total, Versions: []VersionDocument{},
		Missing: append([]chain.Range{}, s.Missing...), Disputed: append([]chain.Range{}, s.Disputed...), Excluded: excluded(s.Broken)}
	for _, v := range s.Versions {
		x := VersionDocument{Revision: v.Main, Sub: v.Sub, Event: happened(v), NotBefore: v.NotBefore.UTC(), NotAfter: v.NotAfter.UTC(),
			CreateRevision: v.Create, Version: v.Version, Size: v.Size}
		if v.Lease != 0 {
			x.Lease = lease(v.Lease)
		}
		if asked.Values && !v.Deleted {
			x.Value = ValueOf(v.Value)
		}
		d.Versions = append(d.Versions, x)
	}
	return d
}

func excluded(broken []restore.Broken) []Excluded {
	var out []Excluded
	for _, b := range broken {
		out = append(out, Excluded{Key: b.Key, Reason: fault.Found(b.Err, b.Key)})
	}
	return out
}

func happened(v rule.Version) string {
	switch {
	case v.Deleted:
		return "deleted"
	case v.KeyValue.Version == 1:
		return "created"
	}
	return "put"
}

// Story writes every version of a key, the newest last.
func Story(w io.Writer, s inspect.Story, asked inspect.Past) error {
	p := newPage()
	p.line("%s: %s in the revisions %s of timeline %d", key(string(asked.Key)), count(int(s.Total), "version", "versions"), s.Span, s.Epoch)
	for _, x := range s.Missing {
		p.line("nothing holds %s whole; what is shown of them survived compaction", x)
	}
	for _, x := range s.Disputed {
		p.line("of %s two contents are stored; neither is shown", x)
	}
	for _, b := range s.Broken {
		p.line("%s was gone around: %s", b.Key, oneLine(fault.Found(b.Err, b.Key)))
	}
	if n := s.Total - int64(len(s.Versions)); n > 0 {
		p.line("%d older versions are left out; --limit sets how many are shown", n)
	}
	p.line("")
	head := []string{"REVISION", "WRITTEN", "EVENT", "VERSION", "SIZE", "LEASE"}
	if asked.Values {
		head = append(head, "VALUE")
	}
	p.row(head...)
	for _, v := range s.Versions {
		row := []string{fmt.Sprint(v.Main), when(v.NotBefore, v.NotAfter), happened(v), "-", "-", "-"}
		if !v.Deleted {
			row = append(row[:3], fmt.Sprint(v.KeyValue.Version), size(v.Size), leaseOrNone(v.Lease))
		}
		if asked.Values && !v.Deleted {
			row = append(row, brief(v.Value))
		}
		p.row(row...)
	}
	return p.writeTo(w)
}

// when is a time that is known within bounds.
func when(notBefore, notAfter time.Time) string {
	switch {
	case notAfter.IsZero():
		return "unknown"
	case notAfter.Sub(notBefore) < time.Second:
		return instant(notAfter)
	}
	return instant(notBefore) + " to " + notAfter.UTC().Format("15:04:05Z")
}

// DiffDocument is how two points differ.
type DiffDocument struct {
	A ViewDocument `json:"a"`
	B ViewDocument `json:"b"`
	// ByRecords: every change in between was read. Else both points were rebuilt.
	ByRecords bool                 `json:"byRecords"`
	Created   int64                `json:"created"`
	Changed   int64                `json:"changed"`
	Deleted   int64                `json:"deleted"`
	Complete  bool                 `json:"complete"` // else the first keys are listed
	Keys      []DifferenceDocument `json:"keys"`
}

// DifferenceDocument is how one key differs.
type DifferenceDocument struct {
	KeyDocument
	Change   string `json:"change"`             // created, changed or deleted
	Revision int64  `json:"revision,omitempty"` // that made the later state, where known
	Version  int64  `json:"version,omitempty"`
	Size     int64  `json:"size"` // of the later value
}

// DiffOf returns the document of a comparison.
func DiffOf(c inspect.Comparison) DiffDocument {
	d := DiffDocument{A: viewOf(c.A), B: viewOf(c.B), ByRecords: c.ByRecords, Created: c.Created, Changed: c.Changed, Deleted: c.Deleted,
		Complete: c.Complete, Keys: []DifferenceDocument{}}
	for _, x := range c.Listed {
		d.Keys = append(d.Keys, DifferenceDocument{keyOf(x.Key), string(x.Change), x.Revision, x.Version, x.Size})
	}
	return d
}

// Diff writes how two points differ: + for created, ~ for changed, - for deleted.
func Diff(w io.Writer, c inspect.Comparison) error {
	p := newPage()
	p.line("%s created, %d changed, %d deleted", count(int(c.Created), "key", "keys"), c.Changed, c.Deleted)
	p.line("")
	signs := map[rule.Change]string{rule.Created: "+", rule.Changed: "~", rule.Deleted: "-"}
	for _, x := range c.Listed {
		at, bytes := "", ""
		if x.Revision != 0 {
			at = fmt.Sprintf("revision %d", x.Revision)
		}
		if x.Change != rule.Deleted {
			bytes = size(x.Size)
		}
		p.row(signs[x.Change]+" "+key(x.Key), at, bytes)
	}
	p.more(c.Created+c.Changed+c.Deleted-int64(len(c.Listed)), "keys")
	if len(c.Listed) > 0 {
		p.line("")
	}
	how := "every change in between was read"
	if !c.ByRecords {
		how = "both points were rebuilt, for not every change in between is held"
	}
	for _, end := range []struct {
		name string
		v    inspect.View
	}{{"from", c.A}, {"to", c.B}} {
		p.row(end.name, fmt.Sprintf("revision %d of timeline %d", end.v.Revision, end.v.Epoch))
		p.notes(end.v)
	}
	p.row("how", how)
	return p.writeTo(w)
}
