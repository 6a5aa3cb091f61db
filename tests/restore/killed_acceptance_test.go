//go:build acceptance

package restore

import "testing"

func TestAcceptanceKilledRestore(t *testing.T) { killedRestores(t, 50) }

func TestAcceptanceKilledFoldedRestore(t *testing.T) { killedRestores(t, 50, "--folded") }
