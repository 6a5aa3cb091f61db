package cli_test

import (
	"io"
	"log/slog"
	"path/filepath"
	"testing"

	"github.com/revkeeper/revkeeper/application/export"
	"github.com/revkeeper/revkeeper/application/extract"
	"github.com/revkeeper/revkeeper/application/inspect"
	"github.com/revkeeper/revkeeper/application/restore"
	"github.com/revkeeper/revkeeper/bootstrap/config"
	"github.com/revkeeper/revkeeper/bootstrap/wiring"
	"github.com/revkeeper/revkeeper/domain/chain"
	rule "github.com/revkeeper/revkeeper/domain/inspect"
)

// Whatever rebuilds a history or reads long tells how far it is: never back within one
// reading, to the end, with the events that it read.
func TestLongReadingsTellHowFarTheyAre(t *testing.T) {
	b := looked(t)
	c := config.Default()
	c.Store.URL, c.Spool.Dir = b.url(), b.spool
	log := slog.New(slog.DiscardHandler)
	inside, err := wiring.InitializeInspection(t.Context(), c, log)
	b.must(err)
	keys, err := wiring.InitializeExtraction(t.Context(), c, log)
	b.must(err)
	out, err := wiring.InitializeExport(t.Context(), c, wiring.Destination{Format: wiring.FormatSnapshot, Place: filepath.Join(t.TempDir(), "snapshot.db")}, log)
	b.must(err)
	point := func(revision int64) inspect.Point { return inspect.Point{Revision: revision} }
	at20 := inspect.Where{Point: point(20)}
	for _, tc := range []struct {
		story  string
		run    func(p restore.Progress) error
		begins int // readings, one after the other
		ends   string
		events int64 // of the last reading
	}{
		{"inspect", func(p restore.Progress) error {
			_, _, err := inside.Telling(p).Survey(t.Context(), at20, nil, 2, rule.ByBytes)
			return err
		}, 1, "look", 10},
		{"get", func(p restore.Progress) error {
			_, _, err := inside.Telling(p).Get(t.Context(), at20, []byte("key001"))
			return err
		}, 1, "look", 10},
		{"history, of deltas and what a full has", func(p restore.Progress) error {
			_, err := inside.Telling(p).History(t.Context(), inspect.Past{Key: []byte("key001"), To: point(25)})
			return err
		}, 1, "read", 15},
		{"diff by records", func(p restore.Progress) error {
			_, err := inside.Telling(p).Diff(t.Context(), inspect.Two{A: point(12), B: point(22)})
			return err
		}, 1, "read", 15},
		{"diff of two points that are rebuilt", func(p restore.Progress) error {
			_, err := inside.Telling(p).Diff(t.Context(), inspect.Two{A: point(9), B: point(60)})
			return err
		}, 2, "look", 20},
		{"export", func(p restore.Progress) error {
			_, err := out.Run(t.Context(), export.Request{Point: restore.Point{Target: chain.Latest}}, p)
			return err
		}, 1, "look", 20},
		{"extract", func(p restore.Progress) error {
			_, err := keys.Telling(p).Write(t.Context(), extract.Request{Where: at20}, io.Discard)
			return err
		}, 1, "look", 10},
	} {
		t.Run(tc.story, func(t *testing.T) {
			var steps []restore.Step
			b.must(tc.run(func(s restore.Step) { steps = append(steps, s) }))
			begins := 0
			for i, s := range steps {
				if s.Bytes == 0 && (i == 0 || steps[i-1].Bytes > 0) {
					begins++
				} else if i > 0 && (s.Bytes < steps[i-1].Bytes || s.Total != steps[i-1].Total || s.Records < steps[i-1].Records) {
					t.Errorf("%+v after %+v", s, steps[i-1])
				}
			}
			last := steps[len(steps)-1]
			if begins != tc.begins || last.Phase != tc.ends || last.Total == 0 || last.Bytes != last.Total || last.Records != tc.events {
				t.Errorf("%d readings, the last ends as %+v", begins, last)
			}
		})
	}
}
