package fake_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/ports"
	contract "github.com/revkeeper/revkeeper/tests/contract/objectstore"
	"github.com/revkeeper/revkeeper/tests/fake"
)

func TestContract(t *testing.T) {
	contract.Run(t, "fake", func(*testing.T) ports.ObjectStore { return fake.NewObjectStore() })
}

func TestKeeperContract(t *testing.T) {
	contract.RunKeeper(t, "fake", func(*testing.T) contract.KeptStore { return fake.NewObjectStore() },
		func(_ *testing.T, s contract.KeptStore) { s.(*fake.ObjectStore).Abandon(time.Now()) })
}

func create(s ports.ObjectStore, key, content string) error {
	return s.Create(context.Background(), key, strings.NewReader(content), int64(len(content)))
}

func TestFaultStrikesTheChosenCallOnly(t *testing.T) {
	s := fake.NewObjectStore()
	s.Inject(fake.Fault{Op: fake.Create, Skip: 1, Times: 2})
	for i, fails := range []bool{false, true, true, false} {
		err := create(s, "k"+string(rune('0'+i)), "x")
		if errors.Is(err, fault.Unavailable) != fails {
			t.Errorf("create %d: %v", i, err)
		}
	}
	if s.Calls(fake.Create) != 4 || len(s.Keys()) != 2 {
		t.Errorf("%d calls stored %v", s.Calls(fake.Create), s.Keys())
	}
}

func TestLostReplyLeavesTheObject(t *testing.T) {
	s := fake.NewObjectStore()
	s.Inject(fake.Fault{Op: fake.Create, After: true})
	if err := create(s, "k", "x"); !errors.Is(err, fault.Unavailable) {
		t.Errorf("first: %v", err)
	}
	if err := create(s, "k", "x"); !errors.Is(err, fault.Conflict) {
		t.Errorf("second: %v", err)
	}
}

func TestStreamBreaksWhereTold(t *testing.T) {
	s := fake.NewObjectStore()
	if err := create(s, "k", "0123456789"); err != nil {
		t.Fatal(err)
	}
	s.Inject(fake.Fault{Op: fake.Open, CutAfter: 4})
	r, err := s.Open(t.Context(), "k", 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(r)
	if string(got) != "0123" || !errors.Is(err, fault.Unavailable) {
		t.Errorf("%q, %v", got, err)
	}
}

func TestHangEndsWithTheContext(t *testing.T) {
	s := fake.NewObjectStore()
	s.Inject(fake.Fault{Op: fake.Stat, Hang: true})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Stat(ctx, "k"); !errors.Is(err, context.Canceled) {
		t.Errorf("err = %v", err)
	}
}

func TestCorruptChangesOnlyTheStore(t *testing.T) {
	s := fake.NewObjectStore()
	if err := create(s, "k", "0123"); err != nil {
		t.Fatal(err)
	}
	if !s.Corrupt("k", func(b []byte) []byte { return b[:2] }) || s.Corrupt("other", nil) {
		t.Error("Corrupt reports the wrong objects")
	}
	if o, err := s.Stat(t.Context(), "k"); err != nil || o.Size != 2 {
		t.Errorf("%v, %v", o, err)
	}
}
