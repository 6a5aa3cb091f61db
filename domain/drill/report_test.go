package drill_test

import (
	"strings"
	"testing"

	"github.com/revkeeper/revkeeper/domain/drill"
	"github.com/revkeeper/revkeeper/domain/proof"
)

func TestWhatADrillMeans(t *testing.T) {
	rec := &proof.Recorded{Hash: proof.Hash{Revision: 30, HashKV: 77}, MemberID: "a1"}
	for _, tc := range []struct {
		outcome drill.Outcome
		want    drill.Verdict
		says    string
	}{
		{drill.Outcome{Proof: rec}, drill.Passed, "it is what member a1 hashed (on m2)"},
		{drill.Outcome{}, drill.Unproven, "no hash of a live member is stored"},
		{drill.Outcome{Proof: rec, Differs: rec}, drill.Suspect, "marked as suspect above revision 20"},
		{drill.Outcome{Differs: rec}, drill.Suspect, "(on m2); timeline 0 is marked"},
	} {
		r := drill.Report{Outcome: tc.outcome, Where: "m2", Good: 20}
		if r.Verdict() != tc.want || !strings.Contains(r.String(), tc.says) || strings.Contains(r.String(), "suspect") != (tc.want == drill.Suspect) {
			t.Errorf("%s: %q, want %s", r.Verdict(), r, tc.want)
		}
	}
}
