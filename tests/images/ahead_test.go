//go:build extended

package images

import (
	"testing"
	"time"
)

// TestBuildAhead builds what takes longer than a package of tests may: `make
// test-extended` runs it alone and before everything else, with a limit of its
// own. It is no TestExtended, which would build inside their limit.
func TestBuildAhead(t *testing.T) {
	for _, name := range []string{"kube-apiserver"} {
		began := time.Now()
		path := Binary(t, name)
		t.Logf("%s is there after %s: %s", name, time.Since(began).Round(time.Second), path)
	}
}
