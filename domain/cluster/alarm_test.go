package cluster_test

import (
	"testing"

	"github.com/revkeeper/revkeeper/domain/cluster"
)

func TestAlarmKinds(t *testing.T) {
	for kind, want := range map[string]bool{"NOSPACE": true, "CORRUPT": false, "": false} {
		if (cluster.Alarm{Kind: kind}).NoSpace() != want {
			t.Errorf("%q is taken for what it is not", kind)
		}
	}
}
