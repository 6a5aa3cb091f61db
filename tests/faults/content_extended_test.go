//go:build extended

package faults

import "testing"

func TestExtendedOneRevisionOf500000Deletes(t *testing.T) { oneRevisionOfDeletes(t, 500_000) }
