// Package snapshottaker is the contract suite of ports.SnapshotTaker.
package snapshottaker

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"

	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/ports"
	"github.com/revkeeper/revkeeper/tests/contract/datadir"
)

// revision is where the snapshots of the suite end.
const revision = 100

// Place is where one taker keeps its snapshot.
type Place struct {
	ports.SnapshotTaker
	Held   func() [][]byte // what is kept there, each as a plain snapshot
	Occupy func()          // puts something there for which Take's snapshot must not stand in
}

// Run tests one implementation; open returns a place where nothing is.
func Run(t *testing.T, implementation string, open func(t *testing.T) Place) {
	t.Helper()
	t.Logf("contract suite of SnapshotTaker, implementation: %s", implementation)
	for _, c := range []struct {
		name string
		run  func(t *testing.T, p Place)
	}{
		{"it keeps what it is given", keeps},
		{"what is there stays", stays},
		{"a stream that breaks leaves nothing", breaks},
		{"a stream that ends early leaves nothing", endsEarly},
		{"a cancelled take leaves nothing", cancelled},
	} {
		t.Run(implementation+"/"+c.name, func(t *testing.T) { c.run(t, open(t)) })
	}
}

func snapshot(content []byte, tail io.Reader) ports.BuiltSnapshot {
	return ports.BuiltSnapshot{ReadCloser: io.NopCloser(io.MultiReader(bytes.NewReader(content), tail)), Size: int64(len(content)), Facts: ports.FullFacts{Last: revision}}
}

var nothing = bytes.NewReader(nil)

func keeps(t *testing.T, p Place) {
	content := datadir.Snapshot(t, revision, 20_000)
	if err := p.Ready(t.Context(), revision); err != nil {
		t.Fatal(err)
	}
	w, err := p.Take(t.Context(), snapshot(content, nothing))
	if err != nil || w.Place == "" || w.Size <= 0 {
		t.Fatalf("%+v, %v", w, err)
	}
	if held := p.Held(); len(held) != 1 || !bytes.Equal(held[0], content) {
		t.Errorf("%d snapshots are there, or another one", len(held))
	}
}

func stays(t *testing.T, p Place) {
	p.Occupy()
	before := p.Held()
	if err := p.Ready(t.Context(), revision); !errors.Is(err, fault.Conflict) {
		t.Errorf("err = %v", err)
	}
	same(t, p, before)
}

func same(t *testing.T, p Place, want [][]byte) {
	t.Helper()
	held := p.Held()
	if len(held) != len(want) {
		t.Fatalf("%d snapshots are there, want %d", len(held), len(want))
	}
	for i := range held {
		if !bytes.Equal(held[i], want[i]) {
			t.Errorf("snapshot %d is another", i)
		}
	}
}

// lost gives an error instead of the rest.
type lost struct{ error }

func (l lost) Read([]byte) (int, error) { return 0, l.error }

func breaks(t *testing.T, p Place) {
	cause := errors.New("the disk is gone")
	s := snapshot(datadir.Snapshot(t, revision, 20_000)[:1<<20], lost{cause})
	s.Size = 2 << 20
	if _, err := p.Take(t.Context(), s); !errors.Is(err, cause) {
		t.Errorf("err = %v", err)
	}
	same(t, p, nil)
}

func endsEarly(t *testing.T, p Place) {
	s := snapshot(datadir.Snapshot(t, revision, 1000), nothing)
	s.Size += 4096
	if _, err := p.Take(t.Context(), s); err == nil {
		t.Error("it was taken for whole")
	}
	same(t, p, nil)
}

func cancelled(t *testing.T, p Place) {
	ctx, cancel := context.WithCancel(t.Context())
	if _, err := p.Take(ctx, snapshot(datadir.Snapshot(t, revision, 1000), cancelling{cancel})); err == nil {
		t.Error("it was kept")
	}
	same(t, p, nil)
}

// cancelling ends a context at the end of a stream.
type cancelling struct{ cancel func() }

func (c cancelling) Read([]byte) (int, error) {
	c.cancel()
	return 0, io.EOF
}
