package retry

import (
	"bytes"
	"context"
	"errors"
	"io"
	"time"

	"github.com/revkeeper/revkeeper/domain/event"
	"github.com/revkeeper/revkeeper/domain/fault"
)

// compareChunk is how much of two objects is compared at a time, in bytes.
const compareChunk = 256 << 10

// Create implements ports.ObjectStore. It reads body once more where it has to
// compare it with what is stored.
func (s *Store) Create(ctx context.Context, key string, body io.ReaderAt, size int64) error {
	ambiguous := false // an earlier try may have stored the object
	err := s.repeat(ctx, "create "+key, size, func(ctx context.Context) error {
		err := s.inner.Create(ctx, key, body, size)
		if errors.Is(err, fault.Conflict) {
			return err
		}
		ambiguous = ambiguous || err != nil
		return err
	})
	if !ambiguous || !errors.Is(err, fault.Conflict) {
		return err
	}
	same, compareErr := s.holds(ctx, key, body, size)
	if compareErr != nil {
		// Not a conflict any more: it may well be our own object.
		return &fault.Error{
			Kind: fault.KindOf(compareErr), Op: "create object", Object: key, Err: compareErr,
			Detail: "it exists, perhaps from an earlier attempt, and cannot be compared",
		}
	}
	if !same {
		return err
	}
	s.observer.Observe(event.Event{
		At: time.Now(), Kind: event.StoreRetried, Level: event.Info, Bytes: size,
		Message: "the store holds " + key + " already with the same content: an earlier attempt had stored it",
	})
	return nil
}

// holds reports whether the object under key is the first size bytes of body.
// A failure is never of kind Conflict.
func (s *Store) holds(ctx context.Context, key string, body io.ReaderAt, size int64) (bool, error) {
	o, err := s.Stat(ctx, key)
	if err != nil || o.Size != size {
		return false, err
	}
	stored, err := s.Open(ctx, key, 0, -1)
	if err != nil {
		return false, err
	}
	same, err := equal(stored, io.NewSectionReader(body, 0, size))
	return same, errors.Join(err, stored.Close())
}

// equal compares two streams to their ends.
func equal(a, b io.Reader) (bool, error) {
	bufA, bufB := make([]byte, compareChunk), make([]byte, compareChunk)
	for {
		nA, errA := io.ReadFull(a, bufA)
		nB, errB := io.ReadFull(b, bufB)
		endA, endB := ended(errA), ended(errB)
		switch {
		case errA != nil && !endA:
			return false, errA
		case errB != nil && !endB:
			return false, errB
		case endA != endB || !bytes.Equal(bufA[:nA], bufB[:nB]):
			return false, nil
		case endA:
			return true, nil
		}
	}
}

// ended reports the two errors with which io.ReadFull says that a stream is
// over. A broken stream's io.ErrUnexpectedEOF comes wrapped in a fault.
func ended(err error) bool { return err == io.EOF || err == io.ErrUnexpectedEOF }
