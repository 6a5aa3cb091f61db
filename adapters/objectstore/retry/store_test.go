package retry_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/revkeeper/revkeeper/adapters/objectstore/local"
	"github.com/revkeeper/revkeeper/adapters/objectstore/meter"
	"github.com/revkeeper/revkeeper/adapters/objectstore/retry"
	"github.com/revkeeper/revkeeper/domain/event"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/ports"
	contract "github.com/revkeeper/revkeeper/tests/contract/objectstore"
	"github.com/revkeeper/revkeeper/tests/fake"
)

var policy = retry.Policy{
	Attempts: 4, Backoff: 100 * time.Millisecond, MaxBackoff: time.Second,
	AttemptTimeout: time.Minute, MinRate: 1 << 20,
}

// seen is an observer that keeps what it is told.
type seen struct {
	mu     sync.Mutex
	events []event.Event
}

func (s *seen) Observe(e event.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events = append(s.events, e)
}

func wrap(t *testing.T, inner ports.ObjectStore) (*retry.Store, *seen) {
	t.Helper()
	observer := &seen{}
	s, err := retry.New(inner, policy, observer)
	if err != nil {
		t.Fatal(err)
	}
	return s, observer
}

func TestContract(t *testing.T) {
	contract.Run(t, "retry over fake", func(t *testing.T) ports.ObjectStore {
		s, _ := wrap(t, fake.NewObjectStore())
		return s
	})
	contract.Run(t, "retry over meter over local", func(t *testing.T) ports.ObjectStore {
		files, err := local.New(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		metered, err := meter.New(files, prometheus.NewRegistry())
		if err != nil {
			t.Fatal(err)
		}
		s, _ := wrap(t, metered)
		return s
	})
}

func TestKeeperContract(t *testing.T) {
	var inner *fake.ObjectStore
	contract.RunKeeper(t, "retry over meter over fake", func(t *testing.T) contract.KeptStore {
		inner = fake.NewObjectStore()
		metered, err := meter.New(inner, prometheus.NewRegistry())
		if err != nil {
			t.Fatal(err)
		}
		s, _ := wrap(t, metered)
		return s
	}, func(*testing.T, contract.KeptStore) { inner.Abandon(time.Now()) })
}

// Of many deletes only those are tried again that may succeed later.
func TestDeleteAllTriesTheRestAgain(t *testing.T) {
	story(t, "", func(t *testing.T, inner *fake.ObjectStore, s *retry.Store, _ *seen) {
		for _, key := range []string{"a", "b", "c"} {
			if err := inner.Create(t.Context(), key, strings.NewReader(""), 0); err != nil {
				t.Fatal(err)
			}
		}
		inner.Inject(fake.Fault{Op: fake.Delete, Key: "b"})
		inner.Inject(fake.Fault{Op: fake.Delete, Key: "c", Times: -1, Err: fault.New(fault.Immutable, "delete", "c", "locked")})
		errs := s.DeleteAll(t.Context(), []string{"a", "b", "c"})
		if errs[0] != nil || errs[1] != nil || !errors.Is(errs[2], fault.Immutable) {
			t.Errorf("%v", errs)
		}
		if n := inner.Calls(fake.Delete); n != 4 {
			t.Errorf("%d deletes, want 4: b once more", n)
		}
	})
}

// story runs a test in a bubble where waiting costs nothing, with a fake store
// that holds "old" already.
func story(t *testing.T, name string, tell func(t *testing.T, inner *fake.ObjectStore, s *retry.Store, observer *seen)) {
	t.Run(name, func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			inner := fake.NewObjectStore()
			if err := create(inner, "old", "0123456789"); err != nil {
				t.Fatal(err)
			}
			s, observer := wrap(t, inner)
			tell(t, inner, s, observer)
		})
	})
}

func create(s ports.ObjectStore, key, content string) error {
	return s.Create(context.Background(), key, strings.NewReader(content), int64(len(content)))
}

func TestCreate(t *testing.T) {
	story(t, "a store away for a moment is tried again", func(t *testing.T, inner *fake.ObjectStore, s *retry.Store, observer *seen) {
		inner.Inject(fake.Fault{Op: fake.Create, Times: 3})
		if err := create(s, "k", "x"); err != nil {
			t.Errorf("err = %v", err)
		}
		if len(observer.events) != 3 || observer.events[2].Kind != event.StoreRetried || observer.events[2].FaultKind() != fault.Unavailable {
			t.Errorf("events: %+v", observer.events)
		}
	})
	story(t, "a store that stays away is given up", func(t *testing.T, inner *fake.ObjectStore, s *retry.Store, observer *seen) {
		inner.Inject(fake.Fault{Op: fake.Create, Times: -1})
		if err := create(s, "k", "x"); !errors.Is(err, fault.Unavailable) {
			t.Errorf("err = %v", err)
		}
		if n := inner.Calls(fake.Create); n != 1+policy.Attempts {
			t.Errorf("%d tries", n-1)
		}
	})
	for _, kind := range fault.Kinds() {
		if kind == fault.Unavailable {
			continue
		}
		story(t, string(kind)+" is returned at once", func(t *testing.T, inner *fake.ObjectStore, s *retry.Store, observer *seen) {
			inner.Inject(fake.Fault{Op: fake.Create, Times: -1, Err: fault.New(kind, "create", "k", "")})
			if err := create(s, "k", "x"); fault.KindOf(err) != kind {
				t.Errorf("err = %v", err)
			}
			if n := inner.Calls(fake.Create); n != 2 || len(observer.events) != 0 {
				t.Errorf("%d tries, events %+v", n-1, observer.events)
			}
		})
	}
	story(t, "a try that hangs is cut off and repeated", func(t *testing.T, inner *fake.ObjectStore, s *retry.Store, observer *seen) {
		inner.Inject(fake.Fault{Op: fake.Create, Hang: true})
		const size = 60 << 20 // a minute's worth, so the try gets two
		started := time.Now()
		if err := s.Create(t.Context(), "k", bytes.NewReader(make([]byte, size)), size); err != nil {
			t.Errorf("err = %v", err)
		}
		if took := time.Since(started); took < 2*time.Minute || took > 2*time.Minute+policy.Backoff {
			t.Errorf("it took %v", took)
		}
	})
	story(t, "the caller's context ends the waiting", func(t *testing.T, inner *fake.ObjectStore, s *retry.Store, observer *seen) {
		inner.Inject(fake.Fault{Op: fake.Create, Times: -1})
		ctx, cancel := context.WithTimeout(t.Context(), policy.Backoff/4)
		defer cancel()
		err := s.Create(ctx, "k", strings.NewReader("x"), 1)
		if !errors.Is(err, context.DeadlineExceeded) || inner.Calls(fake.Create) != 2 {
			t.Errorf("%d tries, %v", inner.Calls(fake.Create)-1, err)
		}
	})
}

// The rule that keeps a lost reply from looking like somebody else's object.
func TestCreateMeetsAnObject(t *testing.T) {
	lost := fake.Fault{Op: fake.Create, After: true}
	story(t, "its own after a lost reply: success", func(t *testing.T, inner *fake.ObjectStore, s *retry.Store, observer *seen) {
		inner.Inject(lost)
		if err := create(s, "k", "content"); err != nil {
			t.Errorf("err = %v", err)
		}
		if len(observer.events) != 2 || observer.events[1].Level != event.Info {
			t.Errorf("events: %+v", observer.events)
		}
	})
	story(t, "its own, read over a bad line: success", func(t *testing.T, inner *fake.ObjectStore, s *retry.Store, observer *seen) {
		inner.Inject(lost)
		inner.Inject(fake.Fault{Op: fake.Stat})
		inner.Inject(fake.Fault{Op: fake.Open, CutAfter: 3})
		if err := create(s, "k", "content"); err != nil {
			t.Errorf("err = %v", err)
		}
	})
	story(t, "its own but nobody can tell: the reason, and not success", func(t *testing.T, inner *fake.ObjectStore, s *retry.Store, observer *seen) {
		inner.Inject(lost)
		inner.Inject(fake.Fault{Op: fake.Stat, Times: -1})
		if err := create(s, "k", "content"); fault.KindOf(err) != fault.Unavailable || errors.Is(err, fault.Conflict) {
			t.Errorf("err = %v", err)
		}
	})
	story(t, "at the first try: conflict, even with the same content", func(t *testing.T, inner *fake.ObjectStore, s *retry.Store, observer *seen) {
		if err := create(s, "old", "0123456789"); !errors.Is(err, fault.Conflict) {
			t.Errorf("err = %v", err)
		}
	})
	for name, stored := range map[string]string{
		"of another length": "contents", "of other content": "CONTENT", "that is empty": "",
	} {
		story(t, "somebody else's "+name+": conflict", func(t *testing.T, inner *fake.ObjectStore, s *retry.Store, observer *seen) {
			inner.Inject(fake.Fault{Op: fake.Create, Skip: 1})
			if err := create(inner, "k", stored); err != nil {
				t.Fatal(err)
			}
			if err := create(s, "k", "content"); !errors.Is(err, fault.Conflict) {
				t.Errorf("err = %v", err)
			}
		})
	}
}

func TestOpen(t *testing.T) {
	for _, tc := range []struct {
		name           string
		offset, length int64
		faults         []fake.Fault
		want           string
		kind           fault.Kind // of what ends the stream early
	}{
		{"opening fails, then works", 0, -1, []fake.Fault{{Op: fake.Open, CutAfter: -1, Times: 3}}, "0123456789", ""},
		{"the stream breaks and goes on", 0, -1, []fake.Fault{{Op: fake.Open, CutAfter: 4}, {Op: fake.Open, CutAfter: 3}}, "0123456789", ""},
		{"a range breaks and goes on", 2, 6, []fake.Fault{{Op: fake.Open, CutAfter: 5}}, "234567", ""},
		{"it breaks after the last byte", 2, 6, []fake.Fault{{Op: fake.Open, CutAfter: 6}}, "234567", ""},
		{"it breaks for good", 0, -1, []fake.Fault{{Op: fake.Open, CutAfter: 1, Times: -1}}, "0123", fault.Unavailable},
		{"it breaks, then the object is gone", 0, -1, []fake.Fault{
			{Op: fake.Open, CutAfter: 4}, {Op: fake.Open, CutAfter: -1, Err: fault.New(fault.NotFound, "open", "old", "")},
		}, "0123", fault.NotFound},
		{"corruption is not tried again", 0, -1, []fake.Fault{{Op: fake.Open, CutAfter: 4, Err: fault.New(fault.Corrupt, "read", "old", "")}}, "0123", fault.Corrupt},
	} {
		story(t, tc.name, func(t *testing.T, inner *fake.ObjectStore, s *retry.Store, observer *seen) {
			for _, f := range tc.faults {
				inner.Inject(f)
			}
			r, err := s.Open(t.Context(), "old", tc.offset, tc.length)
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(r)
			if string(got) != tc.want || fault.KindOf(err) != tc.kind {
				t.Errorf("read %q, %v", got, err)
			}
			if err := r.Close(); err != nil {
				t.Error(err)
			}
			if _, err := r.Read(make([]byte, 1)); err == nil {
				t.Error("a closed reader reads")
			}
		})
	}
	story(t, "an opening that hangs is cut off and repeated", func(t *testing.T, inner *fake.ObjectStore, s *retry.Store, observer *seen) {
		inner.Inject(fake.Fault{Op: fake.Open, Hang: true, CutAfter: -1})
		r, err := s.Open(t.Context(), "old", 0, -1)
		if err != nil {
			t.Fatal(err)
		}
		// The deadline of the opening must not end the stream.
		time.Sleep(10 * policy.AttemptTimeout)
		if got, err := io.ReadAll(r); string(got) != "0123456789" || err != nil {
			t.Errorf("read %q, %v", got, err)
		}
		_ = r.Close()
	})
	story(t, "a reader is not outlived by its context", func(t *testing.T, inner *fake.ObjectStore, s *retry.Store, observer *seen) {
		ctx, cancel := context.WithCancel(t.Context())
		r, err := s.Open(ctx, "old", 0, -1)
		if err != nil {
			t.Fatal(err)
		}
		cancel()
		if _, err := r.Read(make([]byte, 1)); !errors.Is(err, context.Canceled) || inner.Calls(fake.Open) != 1 {
			t.Errorf("%v after %d openings", err, inner.Calls(fake.Open))
		}
		_ = r.Close()
	})
}

func TestList(t *testing.T) {
	fill := func(t *testing.T, inner *fake.ObjectStore) (want []string) {
		t.Helper()
		for i := range 20 {
			want = append(want, fmt.Sprintf("delta/%02d", i))
			if err := create(inner, want[i], "x"); err != nil {
				t.Fatal(err)
			}
		}
		return want
	}
	story(t, "a listing that breaks goes on where it broke", func(t *testing.T, inner *fake.ObjectStore, s *retry.Store, observer *seen) {
		want := fill(t, inner)
		for _, cut := range []int64{0, 5, 5, 5, 12, 19} {
			inner.Inject(fake.Fault{Op: fake.List, CutAfter: cut})
		}
		got, err := list(t.Context(), s, "delta/")
		if fmt.Sprint(got) != fmt.Sprint(want) || err != nil {
			t.Errorf("listed %v, %v", got, err)
		}
	})
	story(t, "a listing that makes no progress is given up", func(t *testing.T, inner *fake.ObjectStore, s *retry.Store, observer *seen) {
		fill(t, inner)
		inner.Inject(fake.Fault{Op: fake.List, CutAfter: 5, Times: -1})
		got, err := list(t.Context(), s, "delta/")
		if len(got) != 5 || !errors.Is(err, fault.Unavailable) || inner.Calls(fake.List) != policy.Attempts {
			t.Errorf("%d keys after %d listings: %v", len(got), inner.Calls(fake.List), err)
		}
	})
	story(t, "a listing that hangs is cut off, a slow consumer is not", func(t *testing.T, inner *fake.ObjectStore, s *retry.Store, observer *seen) {
		want := fill(t, inner)
		inner.Inject(fake.Fault{Op: fake.List, Hang: true})
		n := 0
		for _, err := range s.List(t.Context(), "delta/", "") {
			if err != nil {
				t.Fatal(err)
			}
			n++
			time.Sleep(2 * policy.AttemptTimeout)
		}
		if n != len(want) || inner.Calls(fake.List) != 2 {
			t.Errorf("%d keys after %d listings", n, inner.Calls(fake.List))
		}
	})
}

func list(ctx context.Context, s ports.ObjectStore, prefix string) (keys []string, err error) {
	for o, err := range s.List(ctx, prefix, "") {
		if err != nil {
			return keys, err
		}
		keys = append(keys, o.Key)
	}
	return keys, nil
}

func TestStatAndDeleteAreTriedAgain(t *testing.T) {
	story(t, "", func(t *testing.T, inner *fake.ObjectStore, s *retry.Store, observer *seen) {
		inner.Inject(fake.Fault{Op: fake.Stat, Times: 2})
		inner.Inject(fake.Fault{Op: fake.Delete, Times: 2})
		if o, err := s.Stat(t.Context(), "old"); err != nil || o.Size != 10 {
			t.Errorf("Stat = %+v, %v", o, err)
		}
		if err := s.Delete(t.Context(), "old"); err != nil || len(inner.Keys()) != 0 {
			t.Errorf("Delete = %v", err)
		}
	})
}

func TestPolicyIsChecked(t *testing.T) {
	if problems := policy.Validate(); len(problems) != 0 {
		t.Errorf("a good policy has problems: %v", problems)
	}
	if problems := (retry.Policy{}).Validate(); len(problems) != 4 {
		t.Errorf("the zero policy has %d problems: %v", len(problems), problems)
	}
	if _, err := retry.New(fake.NewObjectStore(), retry.Policy{}, &seen{}); !errors.Is(err, fault.Invalid) {
		t.Errorf("New = %v", err)
	}
}
