//go:build extended

package restore

import "testing"

func TestExtendedDamageAtEveryFrame(t *testing.T) { damagedFrames(t, 1) }

func TestExtendedDamagedDescriptions(t *testing.T) { damagedDescriptions(t, 11) }
