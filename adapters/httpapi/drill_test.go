package httpapi_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/revkeeper/revkeeper/adapters/httpapi"
	"github.com/revkeeper/revkeeper/adapters/httpapi/openapi"
	"github.com/revkeeper/revkeeper/domain/drill"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/proof"
)

// What a drill showed arrives as it was, and what kept it from being carried out
// keeps its kind.
func TestADrillOfAnotherSidecar(t *testing.T) {
	at := time.Date(2026, 3, 1, 4, 30, 0, 0, time.UTC)
	recorded := func(rev int64) *proof.Recorded {
		return &proof.Recorded{Hash: proof.Hash{Revision: rev, Compact: -1, HashKV: 4026996645}, ClusterID: "c0de", MemberID: "a1", RecordedAt: at}
	}
	task := drill.Task{Epoch: 2, Revision: 812345, From: 812000, Known: 812100}
	var asked drill.Task
	s := &sidecar{}
	server := httptest.NewServer(serverOf(s, httpapi.Default()).Handler())
	t.Cleanup(server.Close)
	if _, err := peersOf(t, httpapi.Config{}).Drill(t.Context(), server.URL, task); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("a sidecar that cannot: %v", err)
	}
	for name, want := range map[string]drill.Outcome{
		"it agrees":  {Base: "full", Around: []string{"an older full: damaged"}, Deltas: 7, Records: 9, Took: 1500 * time.Millisecond, Proof: recorded(812000)},
		"it differs": {Base: "full", Took: time.Second, Proof: recorded(1), Differs: recorded(2), Computed: 4294967295},
		"no proof":   {Base: "full", Took: time.Second},
	} {
		want.Task = task
		s.rebuild = func(_ context.Context, t drill.Task) (drill.Outcome, error) { asked = t; return want, nil }
		base := httptest.NewServer(serverOf(s, httpapi.Default()).Handler())
		t.Cleanup(base.Close)
		got, err := peersOf(t, httpapi.Config{}).Drill(t.Context(), base.URL, task)
		if err != nil || !reflect.DeepEqual(got, want) || asked != task {
			t.Errorf("%s: %+v, %v; asked %+v", name, got, err, asked)
		}
	}
	for _, kind := range []fault.Kind{fault.Conflict, fault.Unavailable, fault.Corrupt, fault.NotFound} {
		s.rebuild = func(context.Context, drill.Task) (drill.Outcome, error) {
			return drill.Outcome{}, fault.New(kind, "drill", "", "because")
		}
		base := httptest.NewServer(serverOf(s, httpapi.Default()).Handler())
		t.Cleanup(base.Close)
		if _, err := peersOf(t, httpapi.Config{}).Drill(t.Context(), base.URL, task); fault.KindOf(err) != kind || !strings.Contains(err.Error(), "because") {
			t.Errorf("%s arrives as %v", kind, err)
		}
	}
}

// Whoever leads no more hangs up; the drill elsewhere ends then.
func TestADrillEndsWithWhoAskedForIt(t *testing.T) {
	began, ended := make(chan struct{}), make(chan struct{})
	s := &sidecar{rebuild: func(ctx context.Context, _ drill.Task) (drill.Outcome, error) {
		close(began)
		<-ctx.Done()
		close(ended)
		return drill.Outcome{}, ctx.Err()
	}}
	server := httptest.NewServer(serverOf(s, httpapi.Default()).Handler())
	t.Cleanup(server.Close)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-began
		cancel()
	}()
	if _, err := peersOf(t, httpapi.Config{}).Drill(ctx, server.URL, drill.Task{Epoch: 1, Revision: 1}); !errors.Is(err, context.Canceled) {
		t.Errorf("ended as %v", err)
	}
	<-ended
}

// What the domain says is what the contract allows.
func TestEveryVerdictIsInTheContract(t *testing.T) {
	for _, v := range drill.Verdicts() {
		if !openapi.DrillVerdict(v).Valid() {
			t.Errorf("%q is not in api.yaml", v)
		}
	}
}

// Whoever asks any sidecar gets the leader's answer.
func TestADrillOnDemand(t *testing.T) {
	rec := &proof.Recorded{Hash: proof.Hash{Revision: 30, Compact: -1, HashKV: 7}, ClusterID: "c0de", MemberID: "a1", RecordedAt: time.Date(2026, 3, 1, 4, 30, 0, 0, time.UTC)}
	task := drill.Task{Epoch: 2, Revision: 40}
	for name, tc := range map[string]struct {
		report drill.Report
		err    error
		status int
		kind   fault.Kind
		says   string
	}{
		"it passed":   {drill.Report{Outcome: drill.Outcome{Task: task, Base: "full", Deltas: 2, Took: time.Second, Proof: rec}, Where: "m2"}, nil, 200, "", "it is what member a1 hashed (on m2)"},
		"unproven":    {drill.Report{Outcome: drill.Outcome{Task: task, Base: "full"}, Where: "m2"}, nil, 200, "", "no hash of a live member"},
		"suspect":     {drill.Report{Outcome: drill.Outcome{Task: task, Base: "full", Differs: rec, Computed: 8}, Where: "m3", Good: 20}, nil, 200, "", "suspect above revision 20"},
		"another":     {err: fault.New(fault.Conflict, "drill", "", "a drill goes on"), status: 409, kind: fault.Conflict, says: "goes on"},
		"no room":     {err: fault.New(fault.Unavailable, "drill", "", "no room"), status: 503, kind: fault.Unavailable, says: "no room"},
		"unconfirmed": {err: fault.New(fault.Diverged, "drill", "m2", "not confirmed"), status: 409, kind: fault.Diverged, says: "not confirmed"},
	} {
		t.Run(name, func(t *testing.T) {
			leader := leading(nil)
			leader.drills = func(context.Context) (drill.Report, error) { return tc.report, tc.err }
			base, _ := running(t, leader)
			own, _ := running(t, follower(t, base))
			got, err := peersOf(t, httpapi.Config{}).DrillNow(t.Context(), own)
			if fault.KindOf(err) != tc.kind || err != nil && !strings.Contains(err.Error(), tc.says) {
				t.Fatalf("%v", err)
			}
			if w := ask(t, leader, "POST", "/v1/drills", ""); w.Code != tc.status {
				t.Errorf("status %d: %s", w.Code, w.Body)
			}
			if err == nil && (!reflect.DeepEqual(got, httpapi.Drilled(tc.report)) || !strings.Contains(got.Detail, tc.says)) {
				t.Errorf("%+v", got)
			}
		})
	}
	if w := ask(t, leading(nil), "POST", "/v1/drills", ""); w.Code != 503 {
		t.Errorf("a sidecar that cannot: %d %s", w.Code, w.Body)
	}
}

// A follower that is hung up on hangs up on the leader's.
func TestADrillOnDemandEndsWithWhoAskedForIt(t *testing.T) {
	began, ended := make(chan struct{}), make(chan struct{})
	leader := leading(nil)
	leader.drills = func(ctx context.Context) (drill.Report, error) {
		close(began)
		<-ctx.Done()
		close(ended)
		return drill.Report{}, ctx.Err()
	}
	base, _ := running(t, leader)
	own, _ := running(t, follower(t, base))
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-began
		cancel()
	}()
	if _, err := peersOf(t, httpapi.Config{}).DrillNow(ctx, own); !errors.Is(err, context.Canceled) {
		t.Errorf("ended as %v", err)
	}
	<-ended
}

func TestRebuildsThatMeanNothing(t *testing.T) {
	s := &sidecar{rebuild: func(context.Context, drill.Task) (drill.Outcome, error) {
		t.Error("it was begun")
		return drill.Outcome{}, nil
	}}
	for _, query := range []string{"", "?timeline=1", "?timeline=0&revision=5", "?timeline=1&revision=0", "?timeline=x&revision=5"} {
		if w := ask(t, s, "POST", "/v1/rebuilds"+query, ""); w.Code != 400 {
			t.Errorf("%q: %d %s", query, w.Code, w.Body)
		}
	}
}
