//go:build extended

package docker

import "testing"

// TestExtendedOtherVersions: the main job beside the older releases of etcd.
func TestExtendedOtherVersions(t *testing.T) {
	for _, version := range []string{"etcd36", "etcd35"} {
		t.Run(version, func(t *testing.T) { leadingPairDies(t, version, 2) })
	}
}
