package images

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/ory/dockertest/v3/docker"
)

const (
	repository   = "revkeeper-tests"
	programLabel = "revkeeper.tests.program"
	// buildTimeout bounds the building of one image, which takes about a second.
	buildTimeout = 2 * time.Minute
	// keptFor protects images of other test processes on the same engine.
	keptFor = time.Hour
)

// dockerfile makes an image of one static program and nothing else. With no
// file but the program there is nothing to pull and no registry to ask.
const dockerfile = `FROM scratch
COPY program /program
ENTRYPOINT ["/program"]
`

var imageBuild sync.Mutex

// Image returns the name of an image whose entrypoint is the program called
// name, building the program and the image if the engine does not have it. The
// name contains a digest of the program, so an image never is an old one. Older
// images of the program are removed. An image that does not build fails the test.
func Image(t testing.TB, engine *docker.Client, name string) string {
	t.Helper()
	binary := Binary(t, name)
	ctx, cancel := context.WithTimeout(t.Context(), buildTimeout)
	defer cancel()
	imageBuild.Lock()
	defer imageBuild.Unlock()
	image, err := ensureImage(ctx, engine, name, binary)
	if err != nil {
		t.Fatalf("image %s: %v", name, err)
	}
	return image
}

func ensureImage(ctx context.Context, engine *docker.Client, name, binary string) (string, error) {
	digest, err := fileDigest(binary)
	if err != nil {
		return "", err
	}
	image := fmt.Sprintf("%s/%s:%s", repository, name, digest)
	switch _, err := engine.InspectImage(image); {
	case err == nil:
		return image, nil
	case !errors.Is(err, docker.ErrNoSuchImage):
		return "", err
	}
	if err := buildImage(ctx, engine, name, image, binary); err != nil {
		return "", err
	}
	return image, removeOlder(ctx, engine, name, image)
}

func fileDigest(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)[:8]), nil
}

func buildImage(ctx context.Context, engine *docker.Client, name, image, binary string) error {
	read, write := io.Pipe()
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		write.CloseWithError(writeContext(write, binary))
	}()
	var said bytes.Buffer
	err := engine.BuildImage(docker.BuildImageOptions{
		Context: ctx, Name: image, InputStream: read, OutputStream: &said,
		Labels: map[string]string{programLabel: name}, RmTmpContainer: true, ForceRmTmpContainer: true,
	})
	_ = read.Close() // ends the sender if the engine did not want everything
	<-sent
	if err != nil {
		return fmt.Errorf("build: %w\n%s", err, said.String())
	}
	return nil
}

// writeContext writes what the engine builds from, as tar.
func writeContext(w io.Writer, binary string) error {
	f, err := os.Open(binary)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	archive := tar.NewWriter(w)
	if err := archive.WriteHeader(&tar.Header{Name: "Dockerfile", Mode: 0o644, Size: int64(len(dockerfile))}); err != nil {
		return err
	}
	if _, err := io.WriteString(archive, dockerfile); err != nil {
		return err
	}
	if err := archive.WriteHeader(&tar.Header{Name: "program", Mode: 0o755, Size: info.Size()}); err != nil {
		return err
	}
	if _, err := io.Copy(archive, f); err != nil {
		return err
	}
	return archive.Close()
}

// removeOlder removes earlier images of a program, since revkeeper's own changes
// with every edit. One that is in use stays.
func removeOlder(ctx context.Context, engine *docker.Client, name, current string) error {
	all, err := engine.ListImages(docker.ListImagesOptions{
		Context: ctx, Filters: map[string][]string{"label": {programLabel + "=" + name}},
	})
	if err != nil {
		return err
	}
	for _, image := range all {
		if time.Since(time.Unix(image.Created, 0)) < keptFor {
			continue
		}
		for _, tag := range image.RepoTags {
			if tag != current {
				_ = engine.RemoveImageExtended(tag, docker.RemoveImageOptions{Context: ctx})
			}
		}
	}
	return nil
}
