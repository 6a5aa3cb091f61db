package render

import (
	"fmt"
	"io"

	"github.com/revkeeper/revkeeper/application/extract"
	rule "github.com/revkeeper/revkeeper/domain/extract"
)

// ExtractedDocument is what a file got.
type ExtractedDocument struct {
	ViewDocument
	File  string `json:"file"`
	Keys  int64  `json:"keys"`
	Bytes int64  `json:"bytes"`
}

// ExtractedOf returns the document of a file.
func ExtractedOf(w extract.Written, path string) ExtractedDocument {
	return ExtractedDocument{viewOf(w.View), path, w.Keys, w.Bytes}
}

// Extracted writes what a file got.
func Extracted(out io.Writer, w extract.Written, path string) error {
	p := newPage()
	p.line("%s: %s, %s", path, count(int(w.Keys), "key", "keys"), size(w.Bytes))
	p.view(w.View)
	return p.writeTo(out)
}

// AppliedDocument is what became of keys that were put back, or would.
type AppliedDocument struct {
	ViewDocument
	DryRun    bool                     `json:"dryRun"`
	ClusterID string                   `json:"clusterID"`              // of the live cluster
	Planned   int64                    `json:"plannedAt"`              // revision at which it was looked at
	Last      int64                    `json:"lastRevision,omitempty"` // newest that was written
	Total     map[rule.Action]int64    `json:"total"`                  // keys
	Leases    map[rule.LeaseFate]int64 `json:"leases"`
	Complete  bool                     `json:"complete"` // else the first keys are listed
	Keys      []AppliedKeyDocument     `json:"keys"`
}

// AppliedKeyDocument is what became of one key.
type AppliedKeyDocument struct {
	KeyDocument
	Action rule.Action `json:"action"`
}

// AppliedOf returns the document of what became of keys.
func AppliedOf(a extract.Applied, o extract.Order) AppliedDocument {
	d := AppliedDocument{ViewDocument: viewOf(a.View), DryRun: o.DryRun, ClusterID: a.ClusterID, Planned: a.Planned, Last: a.Last,
		Total: map[rule.Action]int64{}, Leases: a.Leases, Complete: a.Listed.Complete(), Keys: []AppliedKeyDocument{}}
	for _, action := range rule.Actions() {
		d.Total[action] = a.Keys[action]
	}
	for k, action := range a.Listed.All() {
		d.Keys = append(d.Keys, AppliedKeyDocument{keyOf(k), *action})
	}
	return d
}

// outcome says what an action did, or in a dry run would do, and why.
func outcome(a rule.Action, dryRun bool) (did, why string) {
	switch a {
	case rule.Create:
		if dryRun {
			return "create", "is not there"
		}
		return "created", "was not there"
	case rule.Overwrite:
		if dryRun {
			return "overwrite", "has another value"
		}
		return "overwritten", "had another value"
	case rule.Same:
		return "same", "has this value; left"
	case rule.Differs:
		return "differs", "has another value; left, for --overwrite was not given"
	case rule.NoLease:
		return "no lease", "was attached to a lease whose TTL nobody knows; left, for --default-lease-ttl was not given"
	}
	return "changed", "was changed after it was looked at; left"
}

// Applied writes what became of keys that were put back, or would.
func Applied(w io.Writer, a extract.Applied, o extract.Order) error {
	p := newPage()
	verb := "put back"
	if o.DryRun {
		verb = "would be put back"
	}
	p.line("%s %s into cluster %s, as it was at revision %d", count(int(a.Keys[rule.Create]+a.Keys[rule.Overwrite]), "key", "keys"), verb, a.ClusterID, a.Planned)
	p.line("")
	var shown int64
	for k, action := range a.Listed.All() {
		did, _ := outcome(*action, o.DryRun)
		p.row(did, key(k))
		shown++
	}
	p.more(a.Total()-shown, "keys")
	if a.Total() > 0 {
		p.line("")
	}
	for _, action := range rule.Actions() {
		if n := a.Keys[action]; n > 0 {
			did, why := outcome(action, o.DryRun)
			p.row(did, fmt.Sprint(n), why)
		}
	}
	leases(p, a, o)
	p.view(a.View)
	if a.Last != 0 && !o.DryRun {
		p.row("written", fmt.Sprintf("up to revision %d", a.Last))
	}
	if o.DryRun {
		p.line("")
		p.line("nothing was written; with --planned-at %d --yes, what changed since is left alone", a.Planned)
	}
	return p.writeTo(w)
}

func leases(p *page, a extract.Applied, o extract.Order) {
	anew := "granted anew"
	if o.DryRun {
		anew = "to be granted anew"
	}
	for _, l := range []struct {
		fate  rule.LeaseFate
		means string
	}{
		{rule.Attach, "still there"},
		{rule.Grant, anew + ": unless somebody keeps it alive, its keys go after the TTL that it had"},
		{rule.Default, anew + " with --default-lease-ttl"},
		{rule.Unknown, "of unknown TTL"},
	} {
		if n := a.Leases[l.fate]; n > 0 {
			p.row("leases", fmt.Sprint(n), l.means)
		}
	}
}
