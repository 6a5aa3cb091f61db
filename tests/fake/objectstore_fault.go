package fake

import (
	"context"

	"github.com/revkeeper/revkeeper/domain/fault"
)

// Op names a method of ObjectStore.
type Op string

// The methods.
const (
	Create Op = "create"
	Open   Op = "open"
	Stat   Op = "stat"
	List   Op = "list"
	Delete Op = "delete"
)

// Fault is one way in which a call goes wrong. It stays until it has struck
// Times calls.
type Fault struct {
	Op    Op
	Key   string // only calls with this key (List: prefix); empty: any
	Skip  int    // matching calls that go well first
	Times int    // calls it strikes; 0 means one, negative without end

	Err      error // what the call returns; nil: a plain Unavailable
	After    bool  // Create: store the object, then return Err: a lost reply
	Hang     bool  // wait until the call's context is done and return its error
	CutAfter int64 // Open: the stream breaks after this many bytes; List: after this many of the store's keys. -1: the call itself fails
}

// Inject adds a fault. Of several that match a call the oldest strikes.
func (s *ObjectStore) Inject(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f.Times == 0 {
		f.Times = 1
	}
	s.faults = append(s.faults, &f)
}

// Heal removes every fault.
func (s *ObjectStore) Heal() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// Calls returns how often op was called.
func (s *ObjectStore) Calls(op Op) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[op]
}

// Corrupt replaces the content of a stored object by what change makes of a
// copy; it reports whether the object exists.
func (s *ObjectStore) Corrupt(key string, change func(content []byte) []byte) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	content, ok := s.objects[key]
	if ok {
		s.objects[key] = change(append([]byte(nil), content...))
	}
	return ok
}

// begin is start for the methods that take a key.
func (s *ObjectStore) begin(ctx context.Context, op Op, key string) (*Fault, error) {
	if err := checkKey(op, key); err != nil {
		return nil, err
	}
	return s.start(ctx, op, key)
}

// start counts a call and returns the error it fails with at once, or the
// fault that strikes it later, or neither.
func (s *ObjectStore) start(ctx context.Context, op Op, key string) (*Fault, error) {
	f := s.pick(op, key)
	if f != nil && f.Hang {
		<-ctx.Done()
	}
	if err := ctx.Err(); err != nil {
		return nil, fault.Wrap(fault.Unavailable, string(op), key, err)
	}
	if f == nil || f.strikesLater() {
		return f, nil
	}
	return nil, f.err(key)
}

func (s *ObjectStore) pick(op Op, key string) *Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls[op]++
	for _, f := range s.faults {
		switch {
		case f.Op != op, f.Key != "" && f.Key != key, f.Times == 0:
			continue
		case f.Skip > 0:
			f.Skip--
			return nil
		}
		f.Times--
		return f
	}
	return nil
}

func (f *Fault) strikesLater() bool {
	switch f.Op {
	case Create:
		return f.After
	case Open, List:
		return f.CutAfter >= 0
	default:
		return false
	}
}

func (f *Fault) err(key string) error {
	if f.Err != nil {
		return f.Err
	}
	return fault.New(fault.Unavailable, string(f.Op), key, "injected")
}
