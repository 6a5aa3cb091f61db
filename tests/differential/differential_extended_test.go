//go:build extended

package differential

import "testing"

// TestExtendedDifferential tries new programs each time, on every version, and on
// three members whose leader changes.
func TestExtendedDifferential(t *testing.T) {
	differential(t,
		Case{Version: "etcd35", Members: 1, Operations: 2000, Samples: 10, Seed: fresh()},
		Case{Version: "etcd36", Members: 1, Operations: 2000, Samples: 10, Seed: fresh()},
		Case{Version: "etcd37", Members: 1, Operations: 2000, Samples: 10, Seed: fresh()},
		Case{Version: "etcd37", Members: 3, Operations: 3000, Samples: 10, Seed: fresh()},
	)
}
