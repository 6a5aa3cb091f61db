package prometheus_test

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	client "github.com/prometheus/client_golang/prometheus"

	"github.com/revkeeper/revkeeper/adapters/prometheus"
	"github.com/revkeeper/revkeeper/domain/cluster"
	"github.com/revkeeper/revkeeper/domain/event"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/health"
	"github.com/revkeeper/revkeeper/domain/heartbeat"
	"github.com/revkeeper/revkeeper/domain/role"
	"github.com/revkeeper/revkeeper/domain/snapshot"
)

type fixed health.View

func (f fixed) View() health.View { return health.View(f) }

// gathered maps each metric, as name{label="value",…}, to its value. Of a
// histogram it has the count and the buckets.
func gathered(t *testing.T, registry *client.Registry) map[string]float64 {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			var labels []string
			for _, l := range m.GetLabel() {
				labels = append(labels, l.GetName()+"="+strconv.Quote(l.GetValue()))
			}
			name := f.GetName()
			if len(labels) > 0 {
				name += "{" + strings.Join(labels, ",") + "}"
			}
			switch {
			case m.GetGauge() != nil:
				out[name] = m.GetGauge().GetValue()
			case m.GetCounter() != nil:
				out[name] = m.GetCounter().GetValue()
			case m.GetHistogram() != nil:
				out[name+"_count"] = float64(m.GetHistogram().GetSampleCount())
				for _, b := range m.GetHistogram().GetBucket() {
					out[name+"_bucket_"+strconv.FormatFloat(b.GetUpperBound(), 'f', -1, 64)] = float64(b.GetCumulativeCount())
				}
			}
		}
	}
	return out
}

func TestEventsAreCounted(t *testing.T) {
	registry := client.NewRegistry()
	observer, err := prometheus.NewObserver(registry)
	if err != nil {
		t.Fatal(err)
	}
	before := gathered(t, registry)
	for _, name := range []string{
		`revkeeper_uploads_total{kind="full",outcome="failed"}`,
		`revkeeper_errors_total{fault="corrupt"}`,
		`revkeeper_events_total{kind="gap_found"}`,
	} {
		if v, ok := before[name]; !ok || v != 0 {
			t.Errorf("%s is %v, %v at start, want 0", name, v, ok)
		}
	}
	for _, e := range []event.Event{
		{Kind: event.FullStored, Bytes: 1000, Took: 90 * time.Second},
		{Kind: event.FullStored, Bytes: 1000, Took: 59 * time.Minute},
		{Kind: event.FullFailed, Err: fault.New(fault.Unavailable, "put", "k", "503")},
		{Kind: event.DeltaStored, Bytes: 10, Records: 3},
		{Kind: event.DeltaStored, Bytes: 20, Records: 4},
		{Kind: event.UploadFailed, Bytes: 99, Err: errors.New("unclassified")},
		{Kind: "a kind that came later"},
	} {
		observer.Observe(e)
	}
	got := gathered(t, registry)
	for name, want := range map[string]float64{
		`revkeeper_events_total{kind="full_stored"}`:             2,
		`revkeeper_events_total{kind="delta_stored"}`:            2,
		`revkeeper_events_total{kind="other"}`:                   1,
		`revkeeper_uploads_total{kind="full",outcome="stored"}`:  2,
		`revkeeper_uploads_total{kind="full",outcome="failed"}`:  1,
		`revkeeper_uploads_total{kind="delta",outcome="stored"}`: 2,
		`revkeeper_uploads_total{kind="delta",outcome="failed"}`: 1,
		`revkeeper_upload_bytes_total{kind="full"}`:              2000,
		`revkeeper_upload_bytes_total{kind="delta"}`:             30, // what failed is not stored
		`revkeeper_stored_changes_total`:                         7,
		`revkeeper_errors_total{fault="unavailable"}`:            1,
		`revkeeper_errors_total{fault="internal"}`:               1,
		`revkeeper_full_duration_seconds_count`:                  2,
		`revkeeper_full_duration_seconds_bucket_60`:              0,
		`revkeeper_full_duration_seconds_bucket_120`:             1,
		`revkeeper_full_duration_seconds_bucket_3600`:            2,
	} {
		if v, ok := got[name]; !ok || v != want {
			t.Errorf("%s = %v, %v, want %v", name, v, ok, want)
		}
	}
}

// The domain declares its kinds as constants; whoever adds one must count it.
func TestEveryKindOfEventIsCounted(t *testing.T) {
	registry := client.NewRegistry()
	if _, err := prometheus.NewObserver(registry); err != nil {
		t.Fatal(err)
	}
	got := gathered(t, registry)
	declared := declaredKinds(t)
	if len(declared) < 20 {
		t.Fatalf("only %d kinds were found in the domain's source", len(declared))
	}
	for _, kind := range declared {
		if _, ok := got[`revkeeper_events_total{kind="`+kind+`"}`]; !ok {
			t.Errorf("%s is not counted", kind)
		}
	}
}

func declaredKinds(t *testing.T) []string {
	file, err := parser.ParseFile(token.NewFileSet(), "../../domain/event/event.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var kinds []string
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if typ, ok := spec.Type.(*ast.Ident); !ok || typ.Name != "Kind" {
			return true
		}
		for _, v := range spec.Values {
			kind, err := strconv.Unquote(v.(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			kinds = append(kinds, kind)
		}
		return true
	})
	return kinds
}

func TestViewIsShown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		at := time.Date(2026, 3, 1, 14, 0, 0, 500e6, time.UTC)
		registry := client.NewRegistry()
		registry.MustRegister(prometheus.NewCollector(fixed{
			Version: "1.2.3", Role: role.Leader, Since: at, Sight: role.Busy, Fresh: health.Freshness{Fresh: true},
			Member: cluster.Status{Learner: true}, SeenAt: at,
			Heartbeat: heartbeat.State{Status: heartbeat.Suspended, RenewedAt: at},
			Backup: health.Backup{
				Durable: 100, Live: 107, CaughtUpAt: time.Now(), SpillBytes: 4096,
				LastFull: &snapshot.Ref{At: at}, LastDelta: &snapshot.Ref{At: at.Add(time.Minute)},
			},
		}))
		time.Sleep(90 * time.Second)
		got := gathered(t, registry)
		for name, want := range map[string]float64{
			`revkeeper_role{role="Leader"}`:                                               1,
			`revkeeper_role{role="Follower"}`:                                             0,
			`revkeeper_role{role="Unknown"}`:                                              0,
			`revkeeper_role_reason{sight="busy"}`:                                         1,
			`revkeeper_role_reason{sight="leading"}`:                                      0,
			`revkeeper_role_reason{sight="no leader"}`:                                    0,
			`revkeeper_durable_revision`:                                                  100,
			`revkeeper_backup_fresh`:                                                      1,
			`revkeeper_member_learner`:                                                    1,
			`revkeeper_role_since_timestamp_seconds`:                                      float64(at.UnixMilli()) / 1000,
			`revkeeper_heartbeat_status{status="suspended"}`:                              1,
			`revkeeper_heartbeat_status{status="renewed"}`:                                0,
			`revkeeper_heartbeat_renewed_timestamp_seconds`:                               float64(at.UnixMilli()) / 1000,
			`revkeeper_live_revision`:                                                     107,
			`revkeeper_lag_revisions`:                                                     7,
			`revkeeper_lag_seconds`:                                                       90,
			`revkeeper_last_full_timestamp_seconds`:                                       float64(at.UnixMilli()) / 1000,
			`revkeeper_spill_bytes`:                                                       4096,
			`revkeeper_build_info{goversion="` + runtime.Version() + `",version="1.2.3"}`: 1,
		} {
			if v, ok := got[name]; !ok || v != want {
				t.Errorf("%s = %v, %v, want %v", name, v, ok, want)
			}
		}
	})
}

// Each value is there from the start, and one of them is 1 once a poll was made.
func TestEverySightIsAReasonOfTheRole(t *testing.T) {
	for _, seen := range append(role.Sights(), "") {
		registry := client.NewRegistry()
		registry.MustRegister(prometheus.NewCollector(fixed{Role: role.Unknown, Sight: seen}))
		got := gathered(t, registry)
		for _, s := range role.Sights() {
			want := 0.0
			if s == seen {
				want = 1
			}
			if v, ok := got[`revkeeper_role_reason{sight="`+string(s)+`"}`]; !ok || v != want {
				t.Errorf("seen %q: %q is %v, %v, want %v", seen, s, v, ok, want)
			}
		}
	}
}

func TestWhatIsNotKnownIsAbsent(t *testing.T) {
	registry := client.NewRegistry()
	registry.MustRegister(prometheus.NewCollector(fixed{Role: role.Follower}))
	got := gathered(t, registry)
	for _, name := range []string{"revkeeper_lag_seconds", "revkeeper_last_full_timestamp_seconds", "revkeeper_last_delta_timestamp_seconds",
		"revkeeper_role_since_timestamp_seconds", "revkeeper_heartbeat_renewed_timestamp_seconds", "revkeeper_member_learner"} {
		if v, ok := got[name]; ok {
			t.Errorf("%s = %v, want none", name, v)
		}
	}
}

func TestObserverTwiceInOneRegistryIsRefused(t *testing.T) {
	registry := client.NewRegistry()
	if _, err := prometheus.NewObserver(registry); err != nil {
		t.Fatal(err)
	}
	if _, err := prometheus.NewObserver(registry); !errors.Is(err, fault.Internal) {
		t.Errorf("error %v, want internal", err)
	}
}
