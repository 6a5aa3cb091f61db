package cli_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/revkeeper/revkeeper/adapters/httpapi/openapi"
)

// drilling answers a drill.
func drilling(t *testing.T, status int, answer any) string {
	return serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost || r.URL.Path != "/v1/drills" {
			t.Errorf("asked %s %s", r.Method, r.URL)
		}
		w.Header().Set("Content-Type", "application/json")
		if status != http.StatusOK {
			w.Header().Set("Content-Type", "application/problem+json")
		}
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(answer)
	}))
}

func drilled(v openapi.DrillVerdict, change func(d *openapi.Drilled)) openapi.Drilled {
	d := openapi.Drilled{Verdict: v, Detail: "what was shown", Where: "m2", Rebuilt: openapi.Rebuilt{
		Timeline: 1, Revision: 1554, Full: "timelines/00000001/full/x.db.zst", Deltas: 7, Records: 1026, TookSeconds: 1.234}}
	change(&d)
	return d
}

func TestDrill(t *testing.T) {
	rec := func(rev int64) openapi.RecordedProof {
		return openapi.RecordedProof{Revision: rev, CompactRevision: -1, HashKV: 856611280, ClusterID: "c0de", MemberID: "a1", RecordedAt: seenAt}
	}
	for name, tc := range map[string]struct {
		answer openapi.Drilled
		code   int
		says   string
	}{
		"drill-passed.txt": {drilled(openapi.DrillVerdictPassed, func(d *openapi.Drilled) { d.Rebuilt.Proof = rec(1500) }), 0, ""},
		"drill-around.txt": {drilled(openapi.DrillVerdictPassed, func(d *openapi.Drilled) {
			d.Rebuilt.Proof, d.Rebuilt.Around = rec(1500), []string{"timelines/00000001/full/y.db.zst: frame 3 is damaged"}
		}), 5, "cannot be used"},
		"drill-unproven.txt": {drilled(openapi.DrillVerdictUnproven, func(*openapi.Drilled) {}), 0, ""},
		"drill-suspect.txt": {drilled(openapi.DrillVerdictSuspect, func(d *openapi.Drilled) {
			d.Rebuilt.Proof, d.Rebuilt.Differs, d.Rebuilt.Computed, d.GoodRevision = rec(1018), rec(1500), 12345, 1018
		}), 6, "not what the cluster had"},
	} {
		t.Run(name, func(t *testing.T) {
			address := drilling(t, http.StatusOK, tc.answer)
			got := command(t, "drill", "--address", address)
			golden(t, name, got.stdout)
			if got.code != tc.code || !strings.Contains(got.stderr, tc.says) || tc.says == "" && got.stderr != "" {
				t.Errorf("exit %d: %s", got.code, got.stderr)
			}
			inJSON := command(t, "drill", "--address", address, "-o", "json")
			var d openapi.Drilled
			if err := json.Unmarshal([]byte(inJSON.stdout), &d); err != nil || d.Verdict != tc.answer.Verdict || d.Rebuilt.Revision != 1554 || inJSON.code != tc.code {
				t.Errorf("exit %d, %v: %s", inJSON.code, err, inJSON.stdout)
			}
		})
	}
}

func TestADrillThatWasNotCarriedOut(t *testing.T) {
	for _, tc := range []struct {
		status int
		kind   openapi.FaultKind
		code   int
	}{
		{http.StatusConflict, openapi.FaultKindConflict, 4},
		{http.StatusConflict, openapi.FaultKindDiverged, 6},
		{http.StatusBadGateway, openapi.FaultKindCorrupt, 5},
		{http.StatusServiceUnavailable, openapi.FaultKindUnavailable, 7},
	} {
		address := drilling(t, tc.status, openapi.Problem{Status: tc.status, Kind: tc.kind, Detail: "because", Remedy: "do that"})
		if got := command(t, "drill", "--address", address); got.code != tc.code || got.stdout != "" || !strings.Contains(got.stderr, "because") || !strings.Contains(got.stderr, "do that") {
			t.Errorf("%s: exit %d: %s%s", tc.kind, got.code, got.stdout, got.stderr)
		}
	}
	if got := command(t, "drill", "--address", "nowhere", "--timeout", "0s"); got.code != 2 || !strings.Contains(got.stderr, "2 settings") {
		t.Errorf("exit %d: %s", got.code, got.stderr)
	}
	if got := command(t, "drill", "--address", drilling(t, http.StatusOK, map[string]string{})); got.code != 7 || !strings.Contains(got.stderr, "no verdict") {
		t.Errorf("somebody else: exit %d: %s", got.code, got.stderr)
	}
}
