// Package fault is the closed set of error kinds that revkeeper distinguishes.
//
// The HTTP status, the exit code of the command line and the metric label are
// three tables over Kind; nothing else in the program looks at an error's text.
package fault

import (
	"errors"
	"strings"
)

// Kind says what sort of failure an error is. It is an error itself, so that
// errors.Is(err, fault.NotFound) answers whether err is of that kind.
type Kind string

// The kinds. An error that carries none of them is Internal.
const (
	NotFound     Kind = "not_found"    // the object, revision or member does not exist
	Conflict     Kind = "conflict"     // it exists already, or somebody else is doing it
	Invalid      Kind = "invalid"      // the caller's input cannot be acted on
	Corrupt      Kind = "corrupt"      // stored bytes are not what was written
	Diverged     Kind = "diverged"     // two histories disagree about one revision
	Immutable    Kind = "immutable"    // a lock or a policy forbids the change for now
	Unauthorized Kind = "unauthorized" // credentials or certificates were refused
	Unavailable  Kind = "unavailable"  // a peer, store or quorum cannot be reached now; a later try may succeed
	Unsupported  Kind = "unsupported"  // a format, version or feature this build does not know
	Internal     Kind = "internal"     // a defect of revkeeper, or an error nobody classified
)

// Kinds lists every kind, for tables that must be complete.
func Kinds() []Kind {
	return []Kind{
		NotFound, Conflict, Invalid, Corrupt, Diverged,
		Immutable, Unauthorized, Unavailable, Unsupported, Internal,
	}
}

// Error returns the kind in words.
func (k Kind) Error() string { return strings.ReplaceAll(string(k), "_", " ") }

// Error is a failure that an operator can act on.
type Error struct {
	Kind   Kind
	Op     string // what was attempted: "open delta"
	Object string // on what: a key, an endpoint, a path; may be empty
	Detail string // what was found, with the offending values
	Remedy string // what the operator can do; may be empty
	Err    error  // the cause; may be nil
}

// New returns an *Error without a cause.
func New(kind Kind, op, object, detail string) *Error {
	return &Error{Kind: kind, Op: op, Object: object, Detail: detail}
}

// Wrap returns an *Error around err, or nil if err is nil.
func Wrap(kind Kind, op, object string, err error) error {
	if err == nil {
		return nil
	}
	return &Error{Kind: kind, Op: op, Object: object, Err: err}
}

// WithRemedy returns e with the remedy set, for use in a return statement.
func (e *Error) WithRemedy(remedy string) *Error {
	e.Remedy = remedy
	return e
}

// Error joins operation, object, detail and cause; the remedy comes last.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Op)
	if e.Object != "" {
		b.WriteString(" ")
		b.WriteString(e.Object)
	}
	if e.Detail != "" {
		b.WriteString(": ")
		b.WriteString(e.Detail)
	}
	if e.Err != nil {
		b.WriteString(": ")
		b.WriteString(e.Err.Error())
	}
	if e.Remedy != "" {
		b.WriteString(" (")
		b.WriteString(e.Remedy)
		b.WriteString(")")
	}
	return b.String()
}

// Brief is err's text without the remedy, for a line among others.
func Brief(err error) string {
	if e, ok := err.(*Error); ok { //nolint:errorlint // a remedy further inside is of the cause
		bare := *e
		bare.Remedy = ""
		return bare.Error()
	}
	return err.Error()
}

// Found is what err says was found, for a text that names the object already and
// has a remedy of its own: without the remedies, and without what was attempted on
// that object.
func Found(err error, object string) string {
	e, ok := err.(*Error) //nolint:errorlint // a chain that is not of faults alone stays as it is
	if !ok {
		return err.Error()
	}
	var parts []string
	if e.Object != object || e.Detail == "" && e.Err == nil {
		parts = append(parts, strings.TrimSpace(e.Op+" "+e.Object))
	}
	if e.Detail != "" {
		parts = append(parts, e.Detail)
	}
	if e.Err != nil {
		parts = append(parts, Found(e.Err, object))
	}
	return strings.Join(parts, ": ")
}

// Names reports whether err itself is about an object, so that nobody has to name it
// again.
func Names(err error, object string) bool {
	e, ok := err.(*Error) //nolint:errorlint // what is further inside may be of a part of it
	return ok && e.Object == object
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is reports whether target is the kind of e.
func (e *Error) Is(target error) bool {
	k, ok := target.(Kind)
	return ok && k == e.Kind
}

// KindOf returns the outermost kind that err carries: Internal if it carries
// none, and the empty kind for a nil error.
func KindOf(err error) Kind {
	if err == nil {
		return ""
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	var k Kind
	if errors.As(err, &k) {
		return k
	}
	return Internal
}
