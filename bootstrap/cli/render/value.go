package render

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/revkeeper/revkeeper/domain/inspect"
)

// ValueDocument is a value as a program reads it. One of JSON, Text and Base64 has
// all of it.
type ValueDocument struct {
	Form   string          `json:"form"` // empty, kubernetes, encrypted, json, text or binary
	Object *ObjectDocument `json:"object,omitempty"`
	// Provider encrypted it, with the version and the key's name.
	Provider string          `json:"provider,omitempty"`
	JSON     json.RawMessage `json:"json,omitempty"`
	Text     string          `json:"text,omitempty"`
	Base64   []byte          `json:"base64,omitempty"`
}

// ObjectDocument is an object of Kubernetes.
type ObjectDocument struct {
	APIVersion string           `json:"apiVersion"`
	Kind       string           `json:"kind"`
	Metadata   MetadataDocument `json:"metadata"`
	// Fields of the object by their numbers, its metadata left out.
	Fields []NodeDocument `json:"fields"`
}

// MetadataDocument has Kubernetes' own names.
type MetadataDocument struct {
	Namespace   string            `json:"namespace,omitempty"`
	Name        string            `json:"name,omitempty"`
	UID         string            `json:"uid,omitempty"`
	Generation  int64             `json:"generation,omitempty"`
	Created     time.Time         `json:"creationTimestamp,omitzero"`
	Deleted     time.Time         `json:"deletionTimestamp,omitzero"`
	Labels      map[string]string `json:"labels,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
	Owners      []string          `json:"owners,omitempty"` // kind/name
	Finalizers  []string          `json:"finalizers,omitempty"`
}

// NodeDocument is a field of a message without a schema.
type NodeDocument struct {
	Field  int            `json:"field"`
	Number *uint64        `json:"number,omitempty"`
	Text   *string        `json:"text,omitempty"`
	Base64 []byte         `json:"base64,omitempty"`
	Fields []NodeDocument `json:"fields,omitempty"`
	Cut    bool           `json:"cut,omitempty"` // fields after this one are left out
}

// ValueOf returns the document of a value.
func ValueOf(value []byte) *ValueDocument {
	c := inspect.Recognise(value)
	d := &ValueDocument{Form: string(c.Form), Provider: c.Provider}
	switch c.Form {
	case inspect.JSON:
		d.JSON = value
	case inspect.Text:
		d.Text = string(value)
	default:
		d.Base64 = value
	}
	if o := c.Object; o != nil {
		m := o.Metadata
		d.Object = &ObjectDocument{APIVersion: o.APIVersion, Kind: o.Kind, Fields: nodesOf(o.Fields), Metadata: MetadataDocument{
			Namespace: m.Namespace, Name: m.Name, UID: m.UID, Generation: m.Generation, Created: m.Created, Deleted: m.Deleted,
			Labels: pairs(m.Labels), Annotations: pairs(m.Annotations), Owners: m.Owners, Finalizers: m.Finalizers,
		}}
	}
	return d
}

func pairs(ps []inspect.Pair) map[string]string {
	out := map[string]string{}
	for _, p := range ps {
		out[p.Key] = p.Value
	}
	return out
}

func nodesOf(nodes []inspect.Node) []NodeDocument {
	out := []NodeDocument{}
	for _, n := range nodes {
		d := NodeDocument{Field: n.Number, Cut: n.Cut}
		switch {
		case n.IsText:
			d.Text = &n.Text
		case n.Fields != nil:
			d.Fields = nodesOf(n.Fields)
		case n.Bytes != nil:
			d.Base64 = n.Bytes
		default:
			d.Number = &n.Value
		}
		out = append(out, d)
	}
	return out
}

const (
	summaryLength = 60  // characters of a value in a line among others
	textLength    = 500 // characters of one field of an object
	hexLength     = 256 // bytes of a value that are shown in hexadecimal
)

// brief is a value in a few words.
func brief(value []byte) string {
	switch c := inspect.Recognise(value); c.Form {
	case inspect.Kubernetes:
		return oneLine(visible(c.Object.APIVersion + " " + c.Object.Kind))
	case inspect.Encrypted:
		return "encrypted by " + visible(c.Provider)
	case inspect.JSON, inspect.Text:
		return cut(oneLine(visible(string(value[:min(len(value), 8*summaryLength)]))), summaryLength)
	default:
		return string(c.Form)
	}
}

// body writes a value under an entry.
func (p *page) body(value []byte) {
	switch c := inspect.Recognise(value); c.Form {
	case inspect.Empty:
	case inspect.Kubernetes:
		p.object(c.Object)
	case inspect.JSON:
		var indented bytes.Buffer
		_ = json.Indent(&indented, bytes.TrimSpace(value), "", "  ") // it is valid
		p.text(indented.String())
	case inspect.Text:
		p.text(string(value))
	default:
		p.text(strings.TrimSuffix(hex.Dump(value[:min(len(value), hexLength)]), "\n"))
		if len(value) > hexLength {
			p.line("… %d bytes more; -o raw gives all", len(value)-hexLength)
		}
	}
}

// text writes lines as they are, but for what a terminal would act upon.
func (p *page) text(s string) {
	p.line("%s", visible(strings.TrimSuffix(s, "\n")))
}

func (p *page) object(o *inspect.Object) {
	m := o.Metadata
	p.row("object", visible(o.APIVersion+" "+o.Kind))
	for _, r := range [][2]string{{"namespace", m.Namespace}, {"name", m.Name}, {"uid", m.UID}, {"owners", strings.Join(m.Owners, ", ")}, {"finalizers", strings.Join(m.Finalizers, ", ")}} {
		if r[1] != "" {
			p.row(r[0], visible(r[1]))
		}
	}
	if m.Generation != 0 {
		p.row("generation", fmt.Sprint(m.Generation))
	}
	if !m.Created.IsZero() {
		p.row("created", instant(m.Created))
	}
	if !m.Deleted.IsZero() {
		p.row("deleted", instant(m.Deleted))
	}
	for _, l := range []struct {
		name  string
		pairs []inspect.Pair
	}{{"label", m.Labels}, {"annotation", m.Annotations}} {
		for _, x := range l.pairs {
			p.row(l.name, cut(oneLine(visible(x.Key+" = "+x.Value)), textLength))
		}
	}
	if len(o.Fields) > 0 {
		p.line("")
		p.nodes(o.Fields, 0)
	}
}

// nodes writes fields by their numbers, those of a message within under it.
func (p *page) nodes(nodes []inspect.Node, depth int) {
	indent := strings.Repeat("  ", depth)
	for _, n := range nodes {
		switch {
		case n.IsText:
			p.line("%s%d: %s", indent, n.Number, cut(strconv.Quote(n.Text), textLength))
		case n.Fields != nil:
			p.line("%s%d:", indent, n.Number)
			p.nodes(n.Fields, depth+1)
		case n.Bytes != nil:
			p.line("%s%d: %s", indent, n.Number, cut("0x"+hex.EncodeToString(n.Bytes), textLength))
		default:
			p.line("%s%d: %d", indent, n.Number, n.Value)
		}
		if n.Cut {
			p.line("%s… more fields are left out", indent)
		}
	}
}

// key is a key for people: as it is where all of it can be seen, else quoted.
func key(k string) string {
	if utf8.ValidString(k) && !strings.ContainsFunc(k, func(r rune) bool { return !unicode.IsPrint(r) || unicode.IsSpace(r) }) {
		return k
	}
	return strconv.Quote(k)
}

// cut leaves n characters of a text.
func cut(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}
