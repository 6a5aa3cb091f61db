package cli_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/revkeeper/revkeeper/adapters/httpapi/openapi"
)

func aRun(id string, outcome openapi.DefragmentationOutcome, reason string, stages ...openapi.DefragmentedMemberStage) openapi.Defragmentation {
	run := openapi.Defragmentation{Id: id, Trigger: "it was asked for", Outcome: outcome, Reason: reason, BegunAt: seenAt, Members: []openapi.DefragmentedMember{}}
	for i, stage := range stages {
		m := openapi.DefragmentedMember{
			Name: []string{"m1", "m3", "m2"}[i], MemberID: []string{"1", "3", "2"}[i], Leads: i == 2, Stage: stage, Reason: "256.0 of 512.0 MiB are free (50 %): the rule holds",
			DbSize: 512 << 20, DbInUse: 256 << 20, DbQuota: 2 << 30, ExpectedStallSeconds: 2.56, ExpectedBy: "by its last run: 256.0 MiB in 2.56s",
		}
		if stage == openapi.DefragmentedMemberStageDefragmented {
			m.DbSizeAfter, m.StallSeconds, run.FreedBytes = 257<<20, 2.4, run.FreedBytes+255<<20
		}
		run.Members = append(run.Members, m)
	}
	return run
}

const (
	waits  = openapi.DefragmentedMemberStageWaits
	busy   = openapi.DefragmentedMemberStageBusy
	dense  = openapi.DefragmentedMemberStageDefragmented
	alone  = openapi.DefragmentedMemberStageLeftAlone
	failed = openapi.DefragmentedMemberStageFailed
	moved  = openapi.DefragmentedMemberStageLeadMoved
)

// defragmenting answers with begun, and then with one listing after the other,
// the last one again and again.
func defragmenting(t *testing.T, status int, begun openapi.Defragmentation, listings ...[]openapi.Defragmentation) string {
	var asked atomic.Int64
	return serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.Method == http.MethodPost {
			w.WriteHeader(status)
			_ = json.NewEncoder(w).Encode(begun)
			return
		}
		i := min(int(asked.Add(1)), len(listings)) - 1
		if listings[i] == nil { // the lead changes
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(http.StatusServiceUnavailable)
			_ = json.NewEncoder(w).Encode(openapi.Problem{Status: 503, Kind: openapi.FaultKindUnavailable, Detail: "no leader is known"})
			return
		}
		_ = json.NewEncoder(w).Encode(openapi.Defragmentations{Runs: listings[i]})
	}))
}

func TestDefragFollowsTheRun(t *testing.T) {
	running, done, over := openapi.DefragmentationOutcomeRunning, openapi.DefragmentationOutcomeDone, openapi.DefragmentationOutcomeHandedOver
	begun := aRun("r1", running, "")
	next := aRun("r2", done, "nobody is left for whom it is worth it", alone, alone, dense)
	next.Continues = "r1"
	type runs = []openapi.Defragmentation
	for _, tc := range []struct {
		golden   string
		listings []runs
		code     int
		says     []string // on stderr
	}{
		{"defrag-done.txt", []runs{{aRun("r1", running, "", dense, busy, waits)}, {aRun("r1", done, "nobody is left for whom it is worth it", dense, dense, dense), aRun("r0", done, "")}}, 0,
			[]string{"m3: defragments", "m3: 512.0 MiB → 257.0 MiB, it answered nothing for 2.4s"}},
		{"defrag-handed-over.txt", []runs{{aRun("r1", over, "the lead went to member 1", dense, dense, moved)}, nil, {}, {next}}, 0,
			[]string{"m2: the lead went away from it", "m2: 512.0 MiB → 257.0 MiB"}},
		{"defrag-stopped.txt", []runs{{aRun("r1", openapi.DefragmentationOutcomeStopped, "m3 (3): connection refused", dense, failed, alone)}}, 7,
			[]string{"m3: failed", "the run was stopped r1: m3 (3): connection refused"}},
	} {
		t.Run(tc.golden, func(t *testing.T) {
			got := command(t, "defrag", "--address", defragmenting(t, http.StatusAccepted, begun, tc.listings...))
			golden(t, tc.golden, got.stdout)
			if got.code != tc.code {
				t.Errorf("exit %d: %s", got.code, got.stderr)
			}
			for _, says := range tc.says {
				if !strings.Contains(got.stderr, says) {
					t.Errorf("%q is not on stderr: %s", says, got.stderr)
				}
			}
		})
	}
}

func TestDefragShowsThePlan(t *testing.T) {
	plan := aRun("", openapi.DefragmentationOutcomePlanned, "", waits, alone, waits)
	refused := aRun("", openapi.DefragmentationOutcomeRefused, "m3 does not answer: connection refused", waits, alone, waits)
	for _, tc := range []struct {
		golden string
		args   []string
		plan   openapi.Defragmentation
		code   int
	}{
		{"defrag-dry-run.txt", []string{"--dry-run"}, plan, 0},
		{"defrag-explain.txt", []string{"--explain"}, plan, 0},
		{"defrag-refused.txt", []string{"--dry-run"}, refused, 7},
	} {
		t.Run(tc.golden, func(t *testing.T) {
			var query string
			answers := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				query = r.URL.RawQuery
				sidecarOf{"/v1/defragmentations": {200, tc.plan}}.ServeHTTP(w, r)
			}))
			got := command(t, append([]string{"defrag", "--member", "8e9e05c52164694d", "--address", answers}, tc.args...)...)
			golden(t, tc.golden, got.stdout)
			if got.code != tc.code || query != "all=false&dryRun=true&member=8e9e05c52164694d" {
				t.Errorf("exit %d, asked %q: %s", got.code, query, got.stderr)
			}
		})
	}
}

func TestDefragAsJSONIsTheContract(t *testing.T) {
	done := aRun("r1", openapi.DefragmentationOutcomeDone, "nobody is left", dense, dense, dense)
	got := command(t, "defrag", "-o", "json", "--address", defragmenting(t, http.StatusAccepted, aRun("r1", openapi.DefragmentationOutcomeRunning, ""), []openapi.Defragmentation{done}))
	var read openapi.Defragmentations
	d := json.NewDecoder(strings.NewReader(got.stdout))
	d.DisallowUnknownFields()
	if err := d.Decode(&read); err != nil || got.code != 0 || got.stderr != "" || len(read.Runs) != 1 || read.Runs[0].FreedBytes != done.FreedBytes {
		t.Errorf("exit %d: %v: %s%s", got.code, err, got.stdout, got.stderr)
	}
}

func TestDefragRefusals(t *testing.T) {
	conflict := serve(t, sidecarOf{"/v1/defragmentations": {409, openapi.Problem{Status: 409, Kind: openapi.FaultKindConflict, Detail: "a run is under way: r0"}}})
	secure := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }))
	for _, tc := range []struct {
		name string
		args []string
		code int
		says string
	}{
		{"one is under way", []string{"--address", conflict}, 4, "r0"},
		{"no token", []string{"--address", secure}, 8, "--token-file"},
		{"a member that is none", []string{"--member", "m1"}, 2, "--member"},
		{"all at once", []string{"--address", "m1", "--member", "m1", "-o", "xml"}, 2, "3 settings to mend"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := command(t, append([]string{"defrag"}, tc.args...)...); got.code != tc.code || !strings.Contains(got.stderr, tc.says) || got.stdout != "" {
				t.Errorf("exit %d: %s%s", got.code, got.stdout, got.stderr)
			}
		})
	}
}
