package render

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/revkeeper/revkeeper/domain/fault"
)

// Failure writes what went wrong, on what, and what can be done about it.
func Failure(w io.Writer, err error) {
	var b strings.Builder
	var problems fault.Problems
	if errors.As(err, &problems) {
		fmt.Fprintf(&b, "revkeeper: %s to mend:\n", count(len(problems), "setting", "settings"))
		for _, p := range problems {
			problem(&b, p)
		}
	} else {
		text, remedies := separate(err)
		fmt.Fprintf(&b, "revkeeper: %s\n", text)
		for _, r := range remedies {
			fmt.Fprintf(&b, "  what to do: %s\n", r)
		}
	}
	_, _ = io.WriteString(w, visible(b.String()))
}

func problem(b *strings.Builder, p fault.Problem) {
	remedy := p.Remedy
	p.Remedy = ""
	fmt.Fprintf(b, "  %s\n", p)
	if remedy != "" {
		fmt.Fprintf(b, "      what to do: %s\n", remedy)
	}
}

// separate takes the remedies, the outermost first, out of an error's text.
func separate(err error) (text string, remedies []string) {
	text = err.Error()
	for _, e := range faults(err) {
		if e.Remedy == "" {
			continue
		}
		if cut := strings.Replace(text, " ("+e.Remedy+")", "", 1); cut != text {
			text, remedies = cut, append(remedies, e.Remedy)
		}
	}
	return text, remedies
}

// faults returns every fault in an error's tree.
func faults(err error) []*fault.Error {
	var out []*fault.Error
	if e, ok := err.(*fault.Error); ok { //nolint:errorlint // the tree is walked by hand
		out = append(out, e)
	}
	switch e := err.(type) { //nolint:errorlint // as above
	case interface{ Unwrap() error }:
		if inner := e.Unwrap(); inner != nil {
			out = append(out, faults(inner)...)
		}
	case interface{ Unwrap() []error }:
		for _, inner := range e.Unwrap() {
			out = append(out, faults(inner)...)
		}
	}
	return out
}
