package cli_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/revkeeper/revkeeper/adapters/httpapi/openapi"
)

func TestListShowsEverything(t *testing.T) {
	b := eventful(t)
	for _, tc := range []struct {
		golden string
		args   []string
	}{
		{"list.txt", nil},
		{"list-deltas.txt", []string{"--deltas", "--timeline", "1"}},
	} {
		t.Run(tc.golden, func(t *testing.T) {
			got := command(t, append([]string{"list", "--store", b.url()}, tc.args...)...)
			if got.code != 0 || got.stderr != "" {
				t.Fatalf("exit %d: %s", got.code, got.stderr)
			}
			golden(t, tc.golden, got.stdout, b.dir, "/STORE")
		})
	}
}

func TestListAsJSONIsTheContract(t *testing.T) {
	b := eventful(t)
	got := command(t, "list", "--store", b.url(), "-o", "json", "--deltas")
	if got.code != 0 {
		t.Fatalf("exit %d: %s", got.code, got.stderr)
	}
	var c openapi.Catalogue
	d := json.NewDecoder(strings.NewReader(got.stdout))
	d.DisallowUnknownFields()
	if err := d.Decode(&c); err != nil {
		t.Fatal(err)
	}
	if len(c.Timelines) != 2 || len(c.Timelines[0].Deltas) != 5 || len(c.Foreign) != 2 {
		t.Errorf("got %+v", c)
	}
	if w := c.Timelines[0].Windows; len(w) != 2 || w[1] != (openapi.Range{First: 45, Last: 50}) {
		t.Errorf("windows = %v", w)
	}
}

func TestListOfNothing(t *testing.T) {
	b := newBucket(t)
	got := command(t, "list", "--store", b.url())
	if got.code != 0 || !strings.Contains(got.stdout, "no backup yet") {
		t.Errorf("exit %d: %s%s", got.code, got.stdout, got.stderr)
	}
}

// A folder that is not there is no empty store: whoever reads is told, in every
// command, and nothing is made.
func TestAFolderThatIsNotThere(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "nowhere")
	for _, args := range [][]string{
		{"list"}, {"restore", "--to-revision", "latest", "--dry-run"}, {"restore", "plan", "-", "--to-revision", "latest", "--initial-cluster", "m1=http://a:2380"},
		{"verify"}, {"inspect"}, {"get", "k"}, {"history", "k"}, {"diff", "1", "2"}, {"export", "--to-revision", "latest", "--to", filepath.Join(t.TempDir(), "x.db")},
		{"gc", "--dry-run"}, {"pin", "5"}, {"compact", "--dry-run"},
	} {
		got := command(t, append(args, "--store", "file://"+dir)...)
		if got.code != 3 || got.stdout != "" || !strings.HasPrefix(got.stderr, "revkeeper: open store "+dir+": there is no such folder\n  what to do: check --store; ") {
			t.Errorf("%v: exit %d: %s%s", args, got.code, got.stdout, got.stderr)
		}
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("it was made: %v", err)
	}
}

func TestListRefusals(t *testing.T) {
	b := eventful(t)
	for _, tc := range []struct {
		name string
		args []string
		code int
		says string
	}{
		{"no store", nil, 2, "store.url: is required"},
		{"a form that is none", []string{"--store", b.url(), "-o", "xml"}, 2, "table or json"},
		{"a timeline that is none", []string{"--store", b.url(), "--timeline", "9"}, 3, "no such timeline"},
		{"a flag that is none", []string{"--storr", b.url()}, 2, "unknown flag: --storr"},
		{"an argument", []string{b.url()}, 2, "takes flags only"},
		{"a store that is no folder", []string{"--store", b.url() + "/README.txt"}, 2, "not a folder"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := command(t, append([]string{"list"}, tc.args...)...)
			if got.code != tc.code || !strings.Contains(got.stderr, tc.says) || got.stdout != "" {
				t.Errorf("exit %d: %s%s\nwant %d and %q", got.code, got.stdout, got.stderr, tc.code, tc.says)
			}
		})
	}
}

func TestListOfAnUnknownFormatIsRefused(t *testing.T) {
	b := newBucket(t)
	const future = `{"format":"revkeeper","version":99}`
	if err := b.store.Create(t.Context(), "format.json", strings.NewReader(future), int64(len(future))); err != nil {
		t.Fatal(err)
	}
	if got := command(t, "list", "--store", b.url()); got.code != 9 || !strings.Contains(got.stderr, "99") {
		t.Errorf("exit %d: %s", got.code, got.stderr)
	}
}
