package chain_test

import (
	"testing"
	"time"

	"github.com/revkeeper/revkeeper/domain/chain"
)

func TestParseMoment(t *testing.T) {
	zone := time.FixedZone("UTC+2", 2*60*60)
	now := time.Date(2026, 3, 1, 14, 30, 0, 0, zone)
	for _, tc := range []struct {
		name, text, want string
	}{
		{"with a zone of its own", "2026-02-28T23:59:59.5Z", "2026-02-28T23:59:59.5Z"},
		{"earlier today, in the zone here", "14:03", "2026-03-01T12:03:00Z"},
		{"this very minute", "14:30", "2026-03-01T12:30:00Z"},
		{"not yet today, so yesterday", "14:31", "2026-02-28T12:31:00Z"},
		{"with seconds", "00:00:07", "2026-02-28T22:00:07Z"},
		{"a day without a time", "2026-03-01", ""},
		{"no time of day", "25:00", ""},
		{"words", "yesterday", ""},
		{"nothing", "", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			at, ok := chain.ParseMoment(tc.text, now)
			if ok != (tc.want != "") {
				t.Fatalf("%s, %v", at, ok)
			}
			if got := at.UTC().Format(time.RFC3339Nano); ok && got != tc.want {
				t.Errorf("%s, want %s", got, tc.want)
			}
		})
	}
}
