package revkeeper_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/revkeeper/revkeeper/adapters/archive/revkeeper"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/timeline"
	"github.com/revkeeper/revkeeper/ports"
	contract "github.com/revkeeper/revkeeper/tests/contract/archive"
	"github.com/revkeeper/revkeeper/tests/fake"
)

func open(t *testing.T, s ports.ObjectStore) contract.Pair {
	t.Helper()
	w, err := revkeeper.NewWriter(s, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return contract.Pair{Archive: revkeeper.New(s), ArchiveWriter: w, ArchiveCompactor: w}
}

func TestContract(t *testing.T) { contract.Run(t, "revkeeper", open) }

func TestAnUnknownFormatIsNotTouched(t *testing.T) {
	for _, marker := range []string{`{"format":"revkeeper","version":2}`, `{"format":"other","version":1}`} {
		s := fake.NewObjectStore()
		if err := s.Create(t.Context(), "format.json", strings.NewReader(marker), int64(len(marker))); err != nil {
			t.Fatal(err)
		}
		a := open(t, s)
		if _, err := a.Catalogue(t.Context()); !errors.Is(err, fault.Unsupported) {
			t.Errorf("%s: catalogue: %v", marker, err)
		}
		if _, err := a.Begin(t.Context(), timeline.Timeline{First: 1}); !errors.Is(err, fault.Unsupported) {
			t.Errorf("%s: begin: %v", marker, err)
		}
		if keys := s.Keys(); len(keys) != 1 {
			t.Errorf("%s: the bucket holds %v", marker, keys)
		}
	}
}

// One damaged description must not hide the other timelines, nor its own objects.
func TestADamagedDescriptionHidesNothing(t *testing.T) {
	for name, content := range map[string]string{"no JSON": `{"timel`, "of another": `{"timeline":7,"reason":"x"}`} {
		s := fake.NewObjectStore()
		a := open(t, s)
		for range 2 {
			if _, err := a.Begin(t.Context(), timeline.Timeline{First: 1, Reason: "good"}); err != nil {
				t.Fatal(err)
			}
		}
		s.Corrupt("timelines/00000001/timeline.json", func([]byte) []byte { return []byte(content) })
		c, err := a.Catalogue(t.Context())
		if err != nil || len(c.Timelines) != 2 {
			t.Fatalf("%s: %+v, %v", name, c, err)
		}
		if h := c.Timelines[0]; h.Epoch != 1 || h.Described || h.Reason != "" {
			t.Errorf("%s: %+v", name, h)
		}
		if h := c.Timelines[1]; !h.Described || h.Reason != "good" {
			t.Errorf("%s: the other: %+v", name, h)
		}
	}
}

func TestKeeperContract(t *testing.T) {
	contract.RunKeeper(t, "revkeeper", func(t *testing.T, s ports.ObjectStore) contract.Kept {
		return contract.Kept{Pair: open(t, s), ArchiveKeeper: revkeeper.NewKeeper(s, nil)}
	})
}
