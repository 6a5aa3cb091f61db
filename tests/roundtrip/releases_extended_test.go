//go:build extended

package roundtrip

import "testing"

func TestExtendedFoldedRestoreOfOtherVersions(t *testing.T) {
	for _, version := range []string{"etcd36", "etcd35"} {
		t.Run(version, func(t *testing.T) { foldedRestore(t, version) })
	}
}

func TestExtendedExportOfOtherVersions(t *testing.T) {
	for _, version := range []string{"etcd36", "etcd35"} {
		t.Run(version, func(t *testing.T) { exportedAndRestored(t, version) })
	}
}
