package objectbody_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/revkeeper/revkeeper/adapters/internal/objectbody"
	"github.com/revkeeper/revkeeper/domain/fault"
)

func TestReaderReadsExactlyTheSize(t *testing.T) {
	r := objectbody.NewReader(t.Context(), strings.NewReader("0123456789"), 4)
	for round := range 2 {
		got, err := io.ReadAll(r)
		if string(got) != "0123" || err != nil {
			t.Errorf("round %d: %q, %v", round, got, err)
		}
		if _, err := r.Seek(0, io.SeekStart); err != nil {
			t.Fatal(err)
		}
	}
	if r.Err() != nil {
		t.Errorf("Err() = %v for a good body", r.Err())
	}
}

func TestReaderNamesAShortBody(t *testing.T) {
	r := objectbody.NewReader(t.Context(), strings.NewReader("0123"), 5)
	if _, err := io.ReadAll(r); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("err = %v", err)
	}
	if !errors.Is(objectbody.Failure("create", "k", r.Err()), fault.Invalid) {
		t.Errorf("Err() = %v", r.Err())
	}
}

func TestReaderStopsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	r := objectbody.NewReader(ctx, strings.NewReader("0123"), 4)
	cancel()
	if _, err := r.Read(make([]byte, 1)); !errors.Is(err, context.Canceled) {
		t.Errorf("err = %v", err)
	}
}

func TestFailureKeepsTheKindOfTheBody(t *testing.T) {
	broken := errors.New("broken disk")
	for want, err := range map[fault.Kind]error{
		fault.Internal: broken,
		fault.Corrupt:  fault.New(fault.Corrupt, "read spool", "", "digest differs"),
	} {
		if got := objectbody.Failure("create", "k", err); fault.KindOf(got) != want || !errors.Is(got, err) {
			t.Errorf("Failure(%v) = %v of kind %s, want %s", err, got, fault.KindOf(got), want)
		}
	}
}
