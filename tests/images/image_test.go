package images

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
)

func TestImageIsMadeOfTheProgramAlone(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "some-binary")
	if err := os.WriteFile(binary, []byte("code"), 0o600); err != nil {
		t.Fatal(err)
	}
	var context bytes.Buffer
	if err := writeContext(&context, binary); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"Dockerfile": dockerfile, "program": "code"}
	archive := tar.NewReader(&context)
	for {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(archive)
		if err != nil {
			t.Fatal(err)
		}
		if content, ok := want[h.Name]; !ok || content != string(got) {
			t.Errorf("%s holds %q, want %q", h.Name, got, content)
		}
		if h.Name == "program" && h.Mode&0o111 != 0o111 {
			t.Errorf("the program has mode %o and cannot be run", h.Mode)
		}
		delete(want, h.Name)
	}
	if len(want) > 0 {
		t.Errorf("missing: %v", want)
	}
}

func TestDigestFollowsTheContent(t *testing.T) {
	path := filepath.Join(t.TempDir(), "program")
	var digests [3]string
	for i, content := range []string{"one", "two", "one"} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		var err error
		if digests[i], err = fileDigest(path); err != nil {
			t.Fatal(err)
		}
	}
	if digests[0] == digests[1] || digests[0] != digests[2] {
		t.Errorf("digests of one, two, one are %v", digests)
	}
}
