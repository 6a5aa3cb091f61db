package fault_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/revkeeper/revkeeper/domain/fault"
)

func TestKindOf(t *testing.T) {
	cause := errors.New("connection refused")
	for _, tc := range []struct {
		name string
		err  error
		want fault.Kind
	}{
		{"no error has no kind", nil, ""},
		{"an unclassified error is internal", cause, fault.Internal},
		{"a kind is its own kind", fault.Conflict, fault.Conflict},
		{"the kind survives wrapping", fmt.Errorf("run: %w", fault.New(fault.Corrupt, "open", "x", "torn")), fault.Corrupt},
		{"the outermost kind wins", fault.Wrap(fault.Unavailable, "put", "k", fault.New(fault.NotFound, "stat", "k", "")), fault.Unavailable},
		{"problems are invalid input", fault.Problems{{Key: "a", Detail: "b"}}, fault.Invalid},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := fault.KindOf(tc.err); got != tc.want {
				t.Errorf("KindOf = %q, want %q", got, tc.want)
			}
			if tc.want != "" && tc.want != fault.Internal && !errors.Is(tc.err, tc.want) {
				t.Errorf("errors.Is(%v, %v) = false", tc.err, tc.want)
			}
		})
	}
}

func TestErrorNamesEverything(t *testing.T) {
	err := &fault.Error{
		Kind: fault.Corrupt, Op: "open delta", Object: "d1", Detail: "digest differs",
		Remedy: "restore an earlier point", Err: errors.New("short read"),
	}
	const want = "open delta d1: digest differs: short read (restore an earlier point)"
	if err.Error() != want {
		t.Errorf("got  %s\nwant %s", err.Error(), want)
	}
}

func TestWrapOfNilIsNil(t *testing.T) {
	if err := fault.Wrap(fault.Unavailable, "put", "k", nil); err != nil {
		t.Errorf("Wrap(nil) = %v", err)
	}
}

func TestProblemsListsAll(t *testing.T) {
	ps := fault.Problems{
		{Key: "poll.interval", Value: "-2s", Detail: "must be positive", Remedy: "use 2s"},
		{Key: "store", Detail: "is required"},
	}
	const want = "poll.interval=\"-2s\": must be positive (use 2s)\nstore: is required"
	if ps.Error() != want {
		t.Errorf("got  %s\nwant %s", ps.Error(), want)
	}
	if (fault.Problems{}).OrNil() != nil {
		t.Error("no problems must be no error")
	}
}

func TestFoundLeavesOutWhatIsKnown(t *testing.T) {
	cause := fault.New(fault.Corrupt, "decompress", "frame", "unknown dictionary").WithRemedy("none")
	delta := &fault.Error{Kind: fault.Corrupt, Op: "read delta", Object: "k", Detail: "at offset 0", Err: cause, Remedy: "go around it"}
	for _, tc := range []struct {
		err  error
		want string
	}{
		{delta, "at offset 0: decompress frame: unknown dictionary"},
		{fault.Wrap(fault.Corrupt, "read delta", "other", cause), "read delta other: decompress frame: unknown dictionary"},
		{fault.New(fault.Corrupt, "read delta", "k", ""), "read delta k"},
		{errors.New("plain"), "plain"},
	} {
		if got := fault.Found(tc.err, "k"); got != tc.want {
			t.Errorf("%q, want %q", got, tc.want)
		}
	}
}

func TestNames(t *testing.T) {
	inner := fault.New(fault.Corrupt, "read full", "k", "torn")
	for _, tc := range []struct {
		err  error
		want bool
	}{
		{inner, true},
		{fault.New(fault.Corrupt, "read full", "other", "torn"), false},
		{fault.Wrap(fault.Corrupt, "write database", "/data/db", inner), false},
		{errors.New("k"), false},
		{nil, false},
	} {
		if got := fault.Names(tc.err, "k"); got != tc.want {
			t.Errorf("%v: %v", tc.err, got)
		}
	}
}

func TestBriefLeavesTheRemedyOut(t *testing.T) {
	inner := fault.New(fault.Unavailable, "ask", "m1", "refused").WithRemedy("start it")
	for _, tc := range []struct {
		err  error
		want string
	}{
		{inner, "ask m1: refused"},
		{errors.New("plain"), "plain"},
		{fault.Wrap(fault.Internal, "look", "", inner), "look: ask m1: refused (start it)"},
	} {
		if got := fault.Brief(tc.err); got != tc.want {
			t.Errorf("%q, want %q", got, tc.want)
		}
	}
	if inner.Remedy == "" {
		t.Error("the error itself lost its remedy")
	}
}
