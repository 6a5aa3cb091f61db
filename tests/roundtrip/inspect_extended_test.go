//go:build extended

package roundtrip

import "testing"

func TestExtendedInspectOtherVersions(t *testing.T) {
	for _, version := range []string{"etcd36", "etcd35"} {
		t.Run(version, func(t *testing.T) { inspectAll(t, version) })
	}
}

func TestExtendedExtractIntoOtherVersions(t *testing.T) {
	for _, version := range []string{"etcd36", "etcd35"} {
		t.Run(version, func(t *testing.T) { extractApply(t, version) })
	}
}
