//go:build acceptance

package differential

import "testing"

// TestAcceptanceDifferential is the long run: ten new programs of 20,000 operations,
// each restored to 20 revisions and the last. Half of them are on three members.
func TestAcceptanceDifferential(t *testing.T) {
	var cases []Case
	for i := range 10 {
		version := []string{"etcd37", "etcd36", "etcd35"}[i%3]
		cases = append(cases, Case{Version: version, Members: 1 + 2*(i%2), Operations: 20_000, Samples: 20, Seed: fresh()})
	}
	differential(t, cases...)
}
