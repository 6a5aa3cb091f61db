package restore_test

import (
	"testing"

	"github.com/revkeeper/revkeeper/domain/chain"
	"github.com/revkeeper/revkeeper/domain/restore"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/domain/timeline"
)

// Of a delta that nothing describes its size is what can be said beforehand.
func TestUndescribedDeltas(t *testing.T) {
	described := timeline.Delta{Size: 10}
	bare := timeline.Delta{Size: 10, Undescribed: true}
	env := snapshot.Envelope{Segments: []snapshot.Segment{{Raw: 30}, {Raw: 5}}}
	if got := restore.Content(described, env); got != 35 {
		t.Errorf("described: %d bytes", got)
	}
	if got := restore.Content(bare, snapshot.Envelope{}); got != 10 {
		t.Errorf("undescribed: %d bytes", got)
	}
	for _, tc := range []struct {
		name   string
		deltas []timeline.Delta
		said   bool
	}{
		{"a full alone", nil, false},
		{"deltas of revkeeper", []timeline.Delta{described}, false},
		{"deltas of another", []timeline.Delta{bare, bare}, true},
	} {
		if got := restore.Undescribed(chain.Path{Deltas: tc.deltas}); (got != "") != tc.said {
			t.Errorf("%s: %q", tc.name, got)
		}
	}
}
