package snapshotfile_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/revkeeper/revkeeper/adapters/archive/snapshotfile"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/domain/timeline"
	"github.com/revkeeper/revkeeper/tests/contract/datadir"
)

func written(t *testing.T, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "snapshot.db")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestOneFileIsOneFull(t *testing.T) {
	content := datadir.Snapshot(t, 300, 100)
	a := snapshotfile.New(written(t, content), false)
	c, err := a.Catalogue(t.Context())
	if err != nil || len(c.Timelines) != 1 || len(c.Timelines[0].Fulls) != 1 {
		t.Fatalf("%+v, %v", c, err)
	}
	full := c.Timelines[0].Fulls[0]
	if full.Last != 300 || full.First != 0 || !full.Finished || full.Size != int64(len(content)) || full.Key() != "snapshot.db" {
		t.Errorf("%+v", full)
	}
	m, err := a.Manifest(t.Context(), full.Ref)
	if err != nil || m.Last != 300 || m.Size != int64(len(content)) || !bytes.Equal(m.SHA256[:], content[len(content)-32:]) || len(m.Tail) != 16 {
		t.Errorf("%+v, %v", m, err)
	}
	for range 2 {
		body, err := a.OpenFull(t.Context(), full.Ref)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(body); err != nil || !bytes.Equal(got, content) {
			t.Errorf("%d bytes, %v", len(got), err)
		}
	}
}

func TestThereIsNothingElse(t *testing.T) {
	a := snapshotfile.New(written(t, datadir.Snapshot(t, 10, 10)), false)
	other := snapshot.Ref{Kind: snapshot.KindFull, Epoch: 1, Last: 9, ID: "0a1b2c3d"}
	_, manifest := a.Manifest(t.Context(), other)
	_, full := a.OpenFull(t.Context(), other)
	_, proof := a.Proof(t.Context(), snapshot.Ref{Kind: snapshot.KindProof, Epoch: 1})
	_, envelope := a.Envelope(t.Context(), snapshot.Ref{Kind: snapshot.KindDelta, Epoch: 1})
	var delta error
	for _, delta = range a.OpenDelta(t.Context(), snapshot.Envelope{}, snapshot.Ref{Kind: snapshot.KindDelta, Epoch: 1}) {
	}
	for what, err := range map[string]error{"manifest": manifest, "full": full, "proof": proof, "envelope": envelope, "delta": delta} {
		if !errors.Is(err, fault.NotFound) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestTheKeeperReadsAndChangesNothing(t *testing.T) {
	path := written(t, datadir.Snapshot(t, 10, 10))
	a := snapshotfile.New(path, false)
	k := snapshotfile.NewKeeper(a)
	c, err := k.Outline(t.Context(), timeline.Catalogue{})
	if err != nil {
		t.Fatal(err)
	}
	full := c.Timelines[0].Fulls[0].Ref
	if n, err := k.ReadBack(t.Context(), full); err != nil || n == 0 {
		t.Errorf("%d bytes, %v", n, err)
	}
	_, swept := k.Sweep(t.Context(), time.Now())
	for _, err := range []error{k.Delete(t.Context(), []snapshot.Ref{full})[0], k.Note(t.Context(), full, snapshot.Note{}), swept} {
		if !errors.Is(err, fault.Unsupported) {
			t.Errorf("err = %v", err)
		}
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	content[len(content)/2] ^= 1
	if err := os.WriteFile(path, content, 0o600); err != nil { // under the reader's hands
		t.Fatal(err)
	}
	if _, err := k.ReadBack(t.Context(), full); !errors.Is(err, fault.Corrupt) {
		t.Errorf("a file that changed: %v", err)
	}
}

func TestACancelledOpenIsTriedAgain(t *testing.T) {
	a := snapshotfile.New(written(t, datadir.Snapshot(t, 10, 10)), false)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := a.Catalogue(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("err = %v", err)
	}
	if _, err := a.Catalogue(t.Context()); err != nil {
		t.Error(err)
	}
}
