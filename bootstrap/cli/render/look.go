package render

import (
	"fmt"
	"io"
	"strconv"
	"unicode/utf8"

	"github.com/revkeeper/revkeeper/application/inspect"
	rule "github.com/revkeeper/revkeeper/domain/inspect"
	"github.com/revkeeper/revkeeper/domain/record"
)

// ViewDocument says what was looked at, and how far it is proven.
type ViewDocument struct {
	Timeline int            `json:"timeline"`
	Revision int64          `json:"revision"`
	Chosen   string         `json:"chosen,omitempty"`  // how the revision was found, where it was not named
	Proof    *ProvenByProof `json:"proof,omitempty"`   // absent: compared with nothing
	Suspect  bool           `json:"suspect,omitempty"` // it failed a proof; the warnings say so, too
	Warnings []string       `json:"warnings,omitempty"`
}

func viewOf(v inspect.View) ViewDocument {
	d := ViewDocument{Timeline: v.Epoch, Revision: v.Revision, Chosen: v.Chosen, Suspect: v.Suspect, Warnings: v.Warnings}
	if v.Proof != nil {
		d.Proof = &ProvenByProof{v.Proof.Revision, v.Proof.HashKV, v.Proof.MemberID}
	}
	return d
}

// view says under a result what it is of.
func (p *page) view(v inspect.View) {
	p.line("")
	p.row("revision", fmt.Sprintf("%d of timeline %d", v.Revision, v.Epoch))
	p.notes(v)
}

func (p *page) notes(v inspect.View) {
	if v.Chosen != "" {
		p.row("chosen", v.Chosen)
	}
	if v.Proof != nil {
		p.row("proof", "the records "+agreed(v.Proof, v.Proof.HashKV, v.Revision))
	}
	for _, w := range v.Warnings {
		p.row("note", oneLine(w))
	}
}

// KeyDocument names a key: as text where it is UTF-8, else in base64.
type KeyDocument struct {
	Key       string `json:"key,omitempty"`
	KeyBase64 []byte `json:"keyBase64,omitempty"`
}

func keyOf(k string) KeyDocument {
	if utf8.ValidString(k) {
		return KeyDocument{Key: k}
	}
	return KeyDocument{KeyBase64: []byte(k)}
}

// EntryDocument is a key with what etcd keeps of it.
type EntryDocument struct {
	KeyDocument
	CreateRevision int64          `json:"createRevision"`
	ModRevision    int64          `json:"modRevision"`
	Version        int64          `json:"version"`
	Lease          string         `json:"lease,omitempty"` // hexadecimal, as etcd prints it; absent for none
	Size           int64          `json:"size"`            // bytes of the value
	Value          *ValueDocument `json:"value,omitempty"`
}

func entryOf(kv record.KeyValue, size int64) EntryDocument {
	d := EntryDocument{KeyDocument: keyOf(string(kv.Key)), CreateRevision: kv.Create, ModRevision: kv.Mod, Version: kv.Version, Size: size}
	if kv.Lease != 0 {
		d.Lease = lease(kv.Lease)
	}
	return d
}

// lease is an id as etcd prints it.
func lease(id int64) string { return strconv.FormatUint(uint64(id), 16) }

func leaseOrNone(id int64) string {
	if id == 0 {
		return "-"
	}
	return lease(id)
}

// GetDocument is one key at a point.
type GetDocument struct {
	ViewDocument
	EntryDocument
}

// EntryOf returns the document of one key.
func EntryOf(kv record.KeyValue, v inspect.View) GetDocument {
	d := GetDocument{viewOf(v), entryOf(kv, int64(len(kv.Value)))}
	d.Value = ValueOf(kv.Value)
	return d
}

// Entry writes one key and its value.
func Entry(w io.Writer, kv record.KeyValue, v inspect.View) error {
	p := newPage()
	p.row("key", key(string(kv.Key)))
	p.row("written", fmt.Sprintf("by revision %d, version %d; created by %d", kv.Mod, kv.Version, kv.Create))
	p.row("lease", leaseOrNone(kv.Lease))
	p.row("size", fmt.Sprintf("%s, %s", size(int64(len(kv.Value))), rule.Recognise(kv.Value).Form))
	p.view(v)
	p.line("")
	p.body(kv.Value)
	return p.writeTo(w)
}

// KeysDocument is the keys that begin alike.
type KeysDocument struct {
	ViewDocument
	Total    int64           `json:"total"`    // keys
	Complete bool            `json:"complete"` // else the first ones are listed
	Keys     []EntryDocument `json:"keys"`
}

// KeysOf returns the document of a list of keys.
func KeysOf(l *rule.Listing[rule.Entry], total int64, v inspect.View, values bool) KeysDocument {
	d := KeysDocument{ViewDocument: viewOf(v), Total: total, Complete: l.Complete(), Keys: []EntryDocument{}}
	for _, e := range l.All() {
		x := entryOf(e.KeyValue, e.Size)
		if values {
			x.Value = ValueOf(e.Value)
		}
		d.Keys = append(d.Keys, x)
	}
	return d
}

// Keys writes a list of keys, a line each.
func Keys(w io.Writer, l *rule.Listing[rule.Entry], total int64, v inspect.View, values bool) error {
	p := newPage()
	head := []string{"KEY", "REVISION", "VERSION", "LEASE", "SIZE"}
	if values {
		head = append(head, "VALUE")
	}
	p.row(head...)
	var shown int64
	for k, e := range l.All() {
		row := []string{key(k), fmt.Sprint(e.Mod), fmt.Sprint(e.Version), leaseOrNone(e.Lease), size(e.Size)}
		if values {
			row = append(row, brief(e.Value))
		}
		p.row(row...)
		shown++
	}
	p.more(total-shown, "keys")
	p.line("")
	p.row("keys", fmt.Sprint(total))
	p.view(v)
	return p.writeTo(w)
}

// more says how many lines were left out.
func (p *page) more(n int64, what string) {
	if n > 0 {
		p.line("… and %d %s more; --limit sets how many are shown", n, what)
	}
}

// SurveyDocument says which keys take how much room.
type SurveyDocument struct {
	ViewDocument
	Total       rule.Usage      `json:"total"`
	First       int64           `json:"oldestRevision"` // with a record
	Last        int64           `json:"newestRevision"`
	Revisions   int64           `json:"revisions"` // with a record
	Leases      int64           `json:"leases"`    // that keys are attached to
	LeasedKeys  int64           `json:"leasedKeys"`
	GroupsTotal int             `json:"prefixesTotal"`
	Groups      []GroupDocument `json:"prefixes"` // the biggest
}

// GroupDocument is the usage of keys that begin alike.
type GroupDocument struct {
	Prefix       string `json:"prefix"`
	PrefixBase64 []byte `json:"prefixBase64,omitempty"` // where it is not UTF-8
	rule.Usage
}

// SurveyOf returns the document of a survey with its biggest groups; limit 0 is
// for all.
func SurveyOf(s rule.Survey, v inspect.View, limit int) SurveyDocument {
	d := SurveyDocument{ViewDocument: viewOf(v), Total: s.Total, First: s.First, Last: s.Last, Revisions: s.Revisions,
		Leases: s.Leases, LeasedKeys: s.Leased, GroupsTotal: len(s.Groups), Groups: []GroupDocument{}}
	for _, g := range biggest(s, limit) {
		x := GroupDocument{Prefix: g.Prefix, Usage: g.Usage}
		if !utf8.ValidString(g.Prefix) {
			x.Prefix, x.PrefixBase64 = "", []byte(g.Prefix)
		}
		d.Groups = append(d.Groups, x)
	}
	return d
}

func biggest(s rule.Survey, limit int) []rule.Group {
	if limit == 0 {
		return s.Groups
	}
	return s.Groups[:min(limit, len(s.Groups))]
}

// Survey writes which keys take how much room.
func Survey(w io.Writer, s rule.Survey, v inspect.View, limit int) error {
	p := newPage()
	p.row("PREFIX", "KEYS", "THEIR NAMES", "THEIR VALUES", "RECORDS", "HISTORY")
	usage := func(name string, u rule.Usage) {
		p.row(name, fmt.Sprint(u.Keys), size(u.KeyBytes), size(u.ValueBytes), fmt.Sprint(u.Records), size(u.HistoryBytes))
	}
	shown := biggest(s, limit)
	for _, g := range shown {
		name := key(g.Prefix)
		if g.Prefix == "" {
			name = "(top)"
		}
		usage(name, g.Usage)
	}
	usage("all", s.Total)
	p.more(int64(len(s.Groups)-len(shown)), "prefixes")
	p.line("")
	if s.Revisions > 0 {
		p.row("revisions", fmt.Sprintf("%d with a record, from %d to %d", s.Revisions, s.First, s.Last))
	}
	p.row("leases", fmt.Sprintf("%s on %s", count(int(s.Leases), "lease", "leases"), count(int(s.Leased), "key", "keys")))
	p.view(v)
	return p.writeTo(w)
}
