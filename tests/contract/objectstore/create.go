package objectstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/ports"
)

// large is more than any implementation sends in one request, and not a
// multiple of any part size, in bytes.
const large = 24<<20 + 17

func createNeverReplaces(t *testing.T, s ports.ObjectStore) {
	mustCreate(t, s, "k", "first")
	for _, content := range []string{"first", "other", "", "longer than the first"} {
		if err := create(t.Context(), s, "k", content); !errors.Is(err, fault.Conflict) {
			t.Errorf("Create(%q) over an object = %v", content, err)
		}
	}
	wantContent(t, s, "k", "first")
}

func concurrentCreates(t *testing.T, s ports.ObjectStore) {
	if !s.Capabilities().AtomicCreate {
		t.Log("the store says that it has no atomic create: not tested")
		return
	}
	for round := range 5 {
		key := fmt.Sprintf("race/%d", round)
		var errs [8]error
		start := make(chan struct{})
		var group errgroup.Group
		for i := range errs {
			group.Go(func() error {
				<-start
				errs[i] = create(t.Context(), s, key, fmt.Sprintf("content of %d", i))
				return nil
			})
		}
		close(start)
		_ = group.Wait()
		winner := -1
		for i, err := range errs {
			switch {
			case err == nil && winner >= 0:
				t.Errorf("round %d: both %d and %d created the object", round, winner, i)
			case err == nil:
				winner = i
			case !errors.Is(err, fault.Conflict):
				t.Errorf("round %d: loser %d got %v", round, i, err)
			}
		}
		if winner < 0 {
			t.Fatalf("round %d: nobody created the object", round)
		}
		wantContent(t, s, key, fmt.Sprintf("content of %d", winner))
	}
}

func largeObject(t *testing.T, s ports.ObjectStore) {
	body := pattern{seed: 1}
	if err := s.Create(t.Context(), "large", body, large); err != nil {
		t.Fatal(err)
	}
	if o, err := s.Stat(t.Context(), "large"); err != nil || o.Size != large {
		t.Fatalf("Stat = %+v, %v", o, err)
	}
	for _, c := range [][2]int64{{0, -1}, {8<<20 - 3, 6}, {5<<20 - 1, 12 << 20}, {large - 1, -1}} {
		wantPattern(t, s, "large", body, c[0], c[1], large)
	}
}

func largeNeverReplaces(t *testing.T, s ports.ObjectStore) {
	first := pattern{seed: 1}
	if err := s.Create(t.Context(), "large", first, large); err != nil {
		t.Fatal(err)
	}
	if err := s.Create(t.Context(), "large", pattern{seed: 2}, large); !errors.Is(err, fault.Conflict) {
		t.Errorf("the second Create = %v", err)
	}
	wantPattern(t, s, "large", first, 0, 1<<20, large)
}

func cancelledCreate(t *testing.T, s ports.ObjectStore) {
	for _, size := range []int64{1 << 20, large} {
		key := fmt.Sprintf("cancelled/%d", size)
		ctx, cancel := context.WithCancel(t.Context())
		body := newWatched(pattern{seed: 3})
		body.at(size/2, cancel)
		err := s.Create(ctx, key, body, size)
		body.returned(t)
		if !errors.Is(err, context.Canceled) {
			t.Errorf("Create of %d bytes = %v, want the context's error", size, err)
		}
		if _, err := s.Stat(t.Context(), key); !errors.Is(err, fault.NotFound) {
			t.Errorf("after the cancelled Create of %d bytes: Stat = %v", size, err)
		}
		cancel()
	}
	wantKeys(t, s, "", "")
	if err := s.Create(t.Context(), "cancelled/1048576", pattern{seed: 3}, 1<<20); err != nil {
		t.Errorf("the key of a cancelled Create is not free: %v", err)
	}
}

func brokenBody(t *testing.T, s ports.ObjectStore) {
	broken := errors.New("the spool cannot be read")
	for _, size := range []int64{1 << 20, large} {
		body := newWatched(pattern{seed: 4})
		body.fail(size/2, broken)
		err := s.Create(t.Context(), "broken", body, size)
		body.returned(t)
		if !errors.Is(err, broken) || errors.Is(err, fault.Unavailable) {
			t.Errorf("Create of %d bytes = %v of kind %s, want the body's error", size, err, fault.KindOf(err))
		}
		wantKeys(t, s, "", "")
	}
}

func shortBody(t *testing.T, s ports.ObjectStore) {
	for _, size := range []int64{10, large} {
		content := make([]byte, size-1)
		if err := s.Create(t.Context(), "short", bytes.NewReader(content), size); !errors.Is(err, fault.Invalid) {
			t.Errorf("Create of %d bytes from %d = %v, want invalid", size, size-1, err)
		}
		wantKeys(t, s, "", "")
	}
}

func cancelledReader(t *testing.T, s ports.ObjectStore) {
	if err := s.Create(t.Context(), "large", pattern{seed: 5}, large); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r, err := s.Open(ctx, "large", 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer closeQuietly(r)
	if _, err := io.CopyN(io.Discard, r, 1000); err != nil {
		t.Fatal(err)
	}
	cancel()
	if n, err := io.Copy(io.Discard, r); !errors.Is(err, context.Canceled) {
		t.Errorf("after %d more bytes: %v, want the context's error", n, err)
	}
}
