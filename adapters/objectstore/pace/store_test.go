package pace_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revkeeper/revkeeper/adapters/objectstore/pace"
	"github.com/revkeeper/revkeeper/ports"
	contract "github.com/revkeeper/revkeeper/tests/contract/objectstore"
	"github.com/revkeeper/revkeeper/tests/fake"
)

func TestContract(t *testing.T) {
	contract.Run(t, "pace over fake", func(t *testing.T) ports.ObjectStore { return pace.New(fake.NewObjectStore(), 1<<40) })
	contract.Run(t, "pace without a bound over fake", func(t *testing.T) ports.ObjectStore { return pace.New(fake.NewObjectStore(), 0) })
}

// Four MiB written and read again at one MiB a second take about eight seconds,
// of the time that the test has to itself.
func TestTheRateIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := pace.New(fake.NewObjectStore(), 1<<20)
		began := time.Now()
		content := bytes.Repeat([]byte("x"), 4<<20)
		if err := s.Create(t.Context(), "a", bytes.NewReader(content), int64(len(content))); err != nil {
			t.Fatal(err)
		}
		if got := read(t, s); !bytes.Equal(got, content) {
			t.Error("other bytes came back")
		}
		if took := time.Since(began); took < 7*time.Second || took > 9*time.Second {
			t.Errorf("it took %s", took)
		}
	})
}

func read(t *testing.T, s ports.ObjectStore) []byte {
	t.Helper()
	r, err := s.Open(t.Context(), "a", 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	got, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestWaitingEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := pace.New(fake.NewObjectStore(), 1)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		content := bytes.Repeat([]byte("x"), 4<<20)
		if err := s.Create(ctx, "a", bytes.NewReader(content), int64(len(content))); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("err = %v", err)
		}
	})
}
