package snapshotfile_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/revkeeper/revkeeper/adapters/archive/snapshotfile"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/tests/contract/datadir"
)

func zipped(t *testing.T, content []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	if _, err := z.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func packed(t *testing.T, content []byte) []byte {
	t.Helper()
	z, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return z.EncodeAll(content, nil)
}

// Whatever is wrong with a file, the error names the file, what was expected of it
// and what can be done, each once.
func TestAFileThatIsNotWhole(t *testing.T) {
	content := datadir.Snapshot(t, 300, 100)
	half := len(content) / 2 / 512 * 512
	for _, tc := range []struct {
		name     string
		path     string
		skipHash bool
		says     []string
	}{
		{"it is not there", t.TempDir() + "/nowhere.db", false, []string{"no such file", "etcdctl snapshot save"}},
		{"cut short anywhere", written(t, content[:half+100]), false,
			[]string{"bytes long", "32 bytes of its SHA-256", "cut short, or copied from a data directory", "copy it again", "--skip-hash-check"}},
		{"cut short where a SHA-256 could end", written(t, content[:half+32]), false,
			[]string{"the file's last 32 bytes say", "hashes to", "cut short or changed", "copy it again", "--skip-hash-check"}},
		{"cut short, and taken without the SHA-256", written(t, content[:half]), true, []string{"copy it again"}},
		{"empty", written(t, nil), false, []string{"0 bytes long", "copy it again"}},
		{"gzip, cut short", written(t, zipped(t, content)[:200]), false, []string{"cut short or damaged", "copy it again"}},
		{"zstd, cut short", written(t, packed(t, content)[:200]), false, []string{"cut short or damaged", "copy it again"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := snapshotfile.New(tc.path, tc.skipHash).Catalogue(t.Context())
			var f *fault.Error
			if !errors.As(err, &f) || f.Kind != fault.Corrupt && f.Kind != fault.NotFound {
				t.Fatalf("%v", err)
			}
			for _, want := range append(tc.says, tc.path) {
				if n := strings.Count(err.Error(), want); n == 0 || n > 1 && want == tc.path {
					t.Errorf("%q is there %d times: %v", want, n, err)
				}
			}
		})
	}
}
