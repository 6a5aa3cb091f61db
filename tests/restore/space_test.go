package restore

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/revkeeper/revkeeper/bootstrap/cli"
	"github.com/revkeeper/revkeeper/bootstrap/cli/render"
	"github.com/revkeeper/revkeeper/tests/smalldisk"
)

// unavailable is the exit status of a command for which there is no room.
const unavailable = 7

// command runs revkeeper in process.
func command(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = cli.Program{Version: "v0.0.0-test", Stdout: &out, Stderr: &errs}.Run(t.Context(), args)
	return code, out.String(), errs.String()
}

// tight is a small file system of which a filler leaves as much as is wanted.
type tight struct {
	t      *testing.T
	disk   string
	filler string
}

func (d tight) data() string { return filepath.Join(d.disk, "data") }

// forecast is what a restore says that it needs, and what it finds free.
func (d tight) forecast(store string) render.ForecastDocument {
	d.t.Helper()
	code, out, errs := command(d.t, append(restoreArgs(store, d.data()), "--dry-run", "-o", "json")...)
	if code != 0 {
		d.t.Fatal(errs)
	}
	var f render.ForecastDocument
	must(d.t, json.Unmarshal([]byte(out), &f))
	return f
}

func (d tight) leave(store string, free int64) {
	d.t.Helper()
	must(d.t, os.WriteFile(d.filler, nil, 0o600))
	must(d.t, os.WriteFile(d.filler, make([]byte, *d.forecast(store).FreeBytes-free), 0o600))
}

// refuses runs a restore that must end for want of room, say what to do, and
// leave nothing behind.
func (d tight) refuses(store string, says []string, more ...string) {
	d.t.Helper()
	code, _, errs := command(d.t, append(restoreArgs(store, d.data()), more...)...)
	if code != unavailable {
		d.t.Errorf("%v: exit %d: %s", more, code, errs)
	}
	for _, want := range append(says, "what to do:") {
		if !strings.Contains(errs, want) {
			d.t.Errorf("%q is missing in\n%s", want, errs)
		}
	}
	left, err := os.ReadDir(d.disk)
	must(d.t, err)
	if len(left) != 1 {
		d.t.Errorf("left %v", left)
	}
}

// A disk that is too small is known before anything is written. Where nobody
// looked, it is found out at the base, at the deltas or at the log. What was
// foretold to be enough is enough.
func TestADiskThatIsTooSmall(t *testing.T) {
	smalldisk.Run(t, 96<<20, func(t *testing.T, disk string) {
		store := aBucket(t, 3_000)
		d := tight{t, disk, filepath.Join(disk, "filler")}
		need := d.forecast(store).DiskBytes
		for _, free := range []int64{1 << 20, 3 << 20, 40 << 20} {
			d.leave(store, free)
			d.refuses(store, []string{fmt.Sprintf("%d.0 MiB are free there, the restore needs about", free>>20), "for the write-ahead log", "--data-dir"})
			d.refuses(store, []string{"no space left on device", "free space"}, "--skip-space-check")
		}
		d.leave(store, need-4096)
		d.refuses(store, []string{"the restore needs about"})
		need += 64 << 10 // what the file system itself takes
		d.leave(store, need)
		if code, _, errs := command(t, restoreArgs(store, d.data())...); code != 0 {
			t.Errorf("with %d bytes free, as foretold: exit %d: %s", need, code, errs)
		}
	})
}
