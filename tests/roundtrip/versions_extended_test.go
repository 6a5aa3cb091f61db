//go:build extended

package roundtrip

import (
	"testing"

	"github.com/revkeeper/revkeeper/domain/release"
)

// TestExtendedVersionPairs restores what each release had for each.
func TestExtendedVersionPairs(t *testing.T) {
	versions := []string{"etcd35", "etcd36", "etcd37"}
	for _, source := range versions {
		b := backUp(t, source)
		for _, target := range versions {
			t.Run(source+" to "+target, func(t *testing.T) {
				var wanted release.Release // a newer one needs no telling
				if of(t, target).Less(of(t, source)) {
					wanted = of(t, target)
				}
				b.goesOn(t, target, b.restoreFor(t, wanted))
			})
		}
	}
}
