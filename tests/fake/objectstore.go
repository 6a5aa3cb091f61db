// Package fake holds in-memory implementations of the ports, with faults on
// demand. Each passes the contract suite of its port when no fault is set.
package fake

import (
	"bytes"
	"context"
	"errors"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/ports"
)

// ObjectStore is a ports.ObjectStore in memory.
type ObjectStore struct {
	mu      sync.Mutex
	objects map[string][]byte
	faults  []*Fault
	calls   map[Op]int

	abandoned []time.Time // uploads that never ended
}

var _ ports.ObjectStore = (*ObjectStore)(nil)

// NewObjectStore returns an empty store without faults.
func NewObjectStore() *ObjectStore {
	return &ObjectStore{objects: make(map[string][]byte), calls: make(map[Op]int)}
}

// Capabilities implements ports.ObjectStore.
func (s *ObjectStore) Capabilities() ports.Capabilities {
	return ports.Capabilities{Location: "memory://", AtomicCreate: true}
}

// Create implements ports.ObjectStore.
func (s *ObjectStore) Create(ctx context.Context, key string, body io.ReaderAt, size int64) error {
	f, err := s.begin(ctx, Create, key)
	if err != nil {
		return err
	}
	if size < 0 {
		return fault.New(fault.Invalid, string(Create), key, "negative size")
	}
	content := make([]byte, size)
	if n, err := body.ReadAt(content, 0); int64(n) < size {
		if err == nil || errors.Is(err, io.EOF) {
			return fault.Wrap(fault.Invalid, string(Create), key, io.ErrUnexpectedEOF)
		}
		return fault.Wrap(fault.KindOf(err), string(Create), key, err)
	}
	if err := ctx.Err(); err != nil {
		return fault.Wrap(fault.Unavailable, string(Create), key, err)
	}
	if err := s.put(key, content); err != nil {
		return err
	}
	if f != nil && f.After {
		return f.err(key)
	}
	return nil
}

func (s *ObjectStore) put(key string, content []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.objects[key]; ok {
		return fault.New(fault.Conflict, string(Create), key, "it exists already")
	}
	s.objects[key] = content
	return nil
}

// Open implements ports.ObjectStore.
func (s *ObjectStore) Open(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	f, err := s.begin(ctx, Open, key)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	content, ok := s.objects[key]
	s.mu.Unlock()
	size := int64(len(content))
	switch {
	case !ok:
		return nil, fault.New(fault.NotFound, string(Open), key, "no such object")
	case offset < 0 || offset > size || length > size-offset:
		return nil, fault.New(fault.Invalid, string(Open), key, "the range is outside the object")
	case length < 0:
		length = size - offset
	}
	r := &reader{ctx: ctx, key: key, content: bytes.NewReader(content[offset : offset+length])}
	if f != nil {
		r.cut = f
		r.left = f.CutAfter
	}
	return r, nil
}

// Stat implements ports.ObjectStore.
func (s *ObjectStore) Stat(ctx context.Context, key string) (ports.Object, error) {
	if _, err := s.begin(ctx, Stat, key); err != nil {
		return ports.Object{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	content, ok := s.objects[key]
	if !ok {
		return ports.Object{}, fault.New(fault.NotFound, string(Stat), key, "no such object")
	}
	return ports.Object{Key: key, Size: int64(len(content))}, nil
}

// List implements ports.ObjectStore.
func (s *ObjectStore) List(ctx context.Context, prefix, after string) iter.Seq2[ports.Object, error] {
	return func(yield func(ports.Object, error) bool) {
		f, err := s.start(ctx, List, prefix)
		if err != nil {
			yield(ports.Object{}, err)
			return
		}
		for i, key := range s.Keys() {
			if err := ctx.Err(); err != nil {
				yield(ports.Object{}, fault.Wrap(fault.Unavailable, string(List), prefix, err))
				return
			}
			if f != nil && int64(i) == f.CutAfter {
				break
			}
			if !strings.HasPrefix(key, prefix) || key <= after {
				continue
			}
			s.mu.Lock()
			content, ok := s.objects[key]
			s.mu.Unlock()
			if ok && !yield(ports.Object{Key: key, Size: int64(len(content))}, nil) {
				return
			}
		}
		if f != nil {
			yield(ports.Object{}, f.err(prefix))
		}
	}
}

// Delete implements ports.ObjectStore.
func (s *ObjectStore) Delete(ctx context.Context, key string) error {
	if _, err := s.begin(ctx, Delete, key); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.objects, key)
	return nil
}

// Keys returns every key in byte order, past any fault.
func (s *ObjectStore) Keys() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.objects))
}

// checkKey is the port's rule for keys.
func checkKey(op Op, key string) error {
	for segment := range strings.SplitSeq(key, "/") {
		if segment == "" || segment == "." || segment == ".." {
			return fault.New(fault.Invalid, string(op), key, "not a valid key")
		}
	}
	return nil
}

// reader is an open object; cut says where and how its stream breaks.
type reader struct {
	ctx     context.Context //nolint:containedctx // belongs to the call that opened it
	key     string
	content *bytes.Reader
	cut     *Fault
	left    int64 // bytes until the break
}

func (r *reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, fault.Wrap(fault.Unavailable, "read object", r.key, err)
	}
	if r.cut == nil {
		return r.content.Read(p)
	}
	if r.left <= 0 {
		return 0, r.cut.err(r.key)
	}
	n, err := r.content.Read(p[:min(int64(len(p)), r.left)])
	r.left -= int64(n)
	return n, err
}

func (r *reader) Close() error { return nil }
