package gardener_test

import (
	"bytes"
	"io"
	"testing"

	"github.com/revkeeper/revkeeper/adapters/archive/gardener"
	"github.com/revkeeper/revkeeper/tests/contract/snapshottaker"
	"github.com/revkeeper/revkeeper/tests/fake"
)

func TestContractOfTheExporter(t *testing.T) {
	snapshottaker.Run(t, "gardener", func(t *testing.T) snapshottaker.Place {
		theirs := fake.NewObjectStore()
		spool := t.TempDir()
		return snapshottaker.Place{
			SnapshotTaker: gardener.NewExporter(theirs, spool),
			Held: func() (held [][]byte) {
				a := gardener.New(theirs)
				c, err := a.Catalogue(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				for _, h := range c.Timelines {
					for _, f := range h.Fulls {
						body, err := a.OpenFull(t.Context(), f.Ref)
						if err != nil {
							t.Fatal(err)
						}
						content, err := io.ReadAll(body)
						_ = body.Close()
						if err != nil {
							t.Fatal(err)
						}
						held = append(held, content)
					}
				}
				return held
			},
			Occupy: func() {
				beyond := bytes.NewReader([]byte("events"))
				if err := theirs.Create(t.Context(), "v2/Incr-00000101-00000102-1795363843", beyond, beyond.Size()); err != nil {
					t.Fatal(err)
				}
			},
		}
	})
}
