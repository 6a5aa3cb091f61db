package apicontract

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"math"
	"net/http"
	"testing"
	"time"

	client "github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/revkeeper/revkeeper/adapters/eventlog"
	"github.com/revkeeper/revkeeper/adapters/httpapi"
	"github.com/revkeeper/revkeeper/adapters/prometheus"
	"github.com/revkeeper/revkeeper/domain/chain"
	"github.com/revkeeper/revkeeper/domain/cluster"
	"github.com/revkeeper/revkeeper/domain/defrag"
	"github.com/revkeeper/revkeeper/domain/drill"
	"github.com/revkeeper/revkeeper/domain/event"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/health"
	"github.com/revkeeper/revkeeper/domain/heartbeat"
	"github.com/revkeeper/revkeeper/domain/proof"
	"github.com/revkeeper/revkeeper/domain/retention"
	"github.com/revkeeper/revkeeper/domain/role"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/domain/timeline"
)

var at = time.Date(2026, 3, 1, 14, 3, 5, 0, time.UTC)

// sidecar is what the sources of a server answer.
type sidecar struct {
	role      role.Role
	view      *health.View // if nil, a view of the role alone
	dead      error
	catalogue *timeline.Catalogue
	taken     *snapshot.Ref
	err       error // of the store, of what is taken and of the member list
	events    []event.Event
	bare      bool // it was put together without what concerns other members
}

func (s sidecar) View() health.View {
	if s.view != nil {
		return *s.view
	}
	return health.View{Role: role.Role(orElse(string(s.role), string(role.Follower))), StartedAt: at, Since: at}
}

func orElse(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

// Tidy implements httpapi.Retention.
func (s sidecar) Tidy(_ context.Context, dryRun bool) (retention.Report, error) {
	gone := retention.Decision{Ref: ref(snapshot.KindDelta, 1, 5, 9), Size: 100, Delete: true, Reason: "no point that is kept needs it"}
	return retention.Report{
		Summary: retention.Summary{At: at, Took: time.Second, DryRun: dryRun, Deleted: 1, DeletedBytes: 100, Locked: 1},
		Plan:    retention.Plan{Decisions: []retention.Decision{gone}},
		Missed:  []retention.Missed{{Decision: gone, Err: fault.New(fault.Immutable, "delete", "", "locked until Monday")}},
	}, s.err
}

// Run implements httpapi.Driller.
func (s sidecar) Run(_ context.Context, t drill.Task) (drill.Outcome, error) {
	recorded := &proof.Recorded{Hash: proof.Hash{Revision: 5, Compact: -1, HashKV: 4026996645}, ClusterID: "c0de", MemberID: "a1", RecordedAt: at}
	return drill.Outcome{Task: t, Base: "timelines/00000002/full/x", Deltas: 2, Records: 9, Took: 1500 * time.Millisecond,
		Proof: recorded, Differs: recorded, Computed: math.MaxUint32}, s.err
}

// Ask implements httpapi.Drills.
func (s sidecar) Ask(ctx context.Context) (drill.Report, error) {
	out, err := s.Run(ctx, drill.Task{Epoch: 2, Revision: 812345})
	out.Around = []string{"timelines/00000002/full/y: it is damaged"}
	return drill.Report{Outcome: out, Where: "m2", Good: 4}, err
}

func (s sidecar) Live() error { return s.dead }

func (s sidecar) Checks() iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		_ = yield("configuration", nil) && yield("supervisor", s.dead)
	}
}

func (s sidecar) Catalogue(context.Context) (timeline.Catalogue, error) {
	if s.err != nil || s.catalogue == nil {
		return timeline.Catalogue{}, s.err
	}
	return *s.catalogue, nil
}

func (s sidecar) TakeFull(context.Context) (*snapshot.Ref, error)  { return s.taken, s.err }
func (s sidecar) TakeDelta(context.Context) (*snapshot.Ref, error) { return s.taken, s.err }

func (s sidecar) Cluster(context.Context) (health.Cluster, error) {
	if s.view == nil {
		return health.Cluster{}, s.err
	}
	return s.Last(), s.err
}

func (s sidecar) Last() health.Cluster {
	if s.view == nil {
		return health.Cluster{}
	}
	member := cluster.Member{ID: s.view.Member.MemberID, Name: s.view.Name}
	card := heartbeat.Card{Name: "etcd-0", ClusterID: s.view.Member.ClusterID, MemberID: member.ID, Address: "https://10.0.0.1:8380", Version: "1.2.3"}
	return health.Cluster{
		ID: s.view.Member.ClusterID, Reasons: []string{"m2: its sidecar does not answer: refused"}, Ignored: []string{"old is of cluster 9"},
		Members: []health.Member{
			{Entry: heartbeat.Entry{Member: member, Beat: &heartbeat.Seen{Card: card, Age: 1500 * time.Millisecond, TTL: 20 * time.Second}}, Own: true, Sidecar: s.view, Healthy: true, Reason: s.view.Reason},
			{Entry: heartbeat.Entry{Member: cluster.Member{ID: 2, Name: "m2"}, Beat: &heartbeat.Seen{Card: heartbeat.Card{Name: "m2"}, TTL: 20 * time.Second}}, Error: "refused", Reason: "its sidecar does not answer: refused"},
			{Entry: heartbeat.Entry{Member: cluster.Member{ID: 3, Learner: true}}, Reason: "it has no heartbeat, so its sidecar cannot be asked"},
		},
	}
}

func (s sidecar) Announce(member cluster.ID, reason string, during time.Duration) (string, error) {
	if member != 0x8e9e05c52164694d {
		return "", fault.New(fault.Conflict, "announce", "maintenance", "the own member is 8e9e05c52164694d")
	}
	return reason + " " + during.String(), nil
}

func (s sidecar) Withdraw(string) {}

// duty is the duty of defragmenting.
type duty struct{ sidecar }

func (d duty) run(outcome defrag.Outcome) defrag.Run {
	return defrag.Run{
		ID: "20260301T140305Z-0a1b2c", Continues: "20260301T140000Z-0a1b2c", Trigger: "it was asked for", Outcome: outcome, Began: at,
		Alarms: []string{"the NOSPACE alarm stays"},
		Results: []defrag.Result{
			{Member: cluster.Member{ID: 2, Name: "m2"}, Stage: defrag.Dense, Reason: "half is free", Expected: time.Second, Basis: "by its last run",
				Before: defrag.Size{DB: 512, InUse: 256, Quota: 1024}, After: defrag.Size{DB: 260}, Began: at, Stall: 1500 * time.Millisecond},
			{Member: cluster.Member{ID: 0x8e9e05c52164694d, Name: "m1"}, Leads: true, Stage: defrag.Waits, Reason: "half is free"},
		},
	}
}

func (d duty) Plan(_ context.Context, scope defrag.Scope) (defrag.Run, error) {
	run := d.run(defrag.Planned)
	run.ID, run.Continues = "", ""
	if scope.Only != 0 {
		run.Outcome, run.Reason = defrag.Refused, "the member list names no member "+scope.Only.String()
	}
	return run, d.err
}

func (d duty) Start(context.Context, defrag.Scope) (defrag.Run, error) {
	return d.run(defrag.Running), d.err
}
func (d duty) TakeOver(defrag.Handover) {}
func (d duty) Overview() defrag.Overview {
	if d.view == nil {
		return defrag.Overview{}
	}
	ended := d.run(defrag.HandedOver)
	ended.Ended, ended.Reason = at, "the lead went to member 2"
	return defrag.Overview{Runs: []defrag.Run{d.run(defrag.Running), ended}, Next: at, Window: "Sat 01:00-05:00"}
}

func (s sidecar) Leader(context.Context) (string, error) {
	return "", fault.New(fault.Unavailable, "find", "leader", "no leader is known").WithRemedy("look at etcd")
}

// leading is the sidecar of a leader of which everything is known.
func leading() sidecar {
	full := ref(snapshot.KindFull, 1, 500000, 700000)
	delta := ref(snapshot.KindDelta, 1, 812000, 812300)
	return sidecar{
		view: &health.View{
			Name: "etcd-0", Version: "1.2.3", StartedAt: at, Endpoint: "https://127.0.0.1:2379", Store: "s3://bucket/prefix",
			Role: role.Leader, Since: at, Reason: "the own member leads etcd", Duties: role.Leader.Duties(),
			Member: cluster.Status{
				ClusterID: 0xcdf818194e3a8c32, MemberID: 0x8e9e05c52164694d, Leader: 0x8e9e05c52164694d, Version: "3.7.3",
				Revision: 812345, RaftTerm: math.MaxUint64, RaftIndex: 9, RaftApplied: 9,
				DBSize: 2 << 30, DBInUse: 1 << 30, DBQuota: 8 << 30, Errors: []string{"alarm NOSPACE"},
			},
			SeenAt: at,
			Backup: health.Backup{
				Phase: "watching", Epoch: 1, Durable: 812300, DurableAt: at, Live: 812345, CaughtUpAt: at,
				Windows: []chain.Range{{First: 500000, Last: 812300}}, LastFull: &full, LastDelta: &delta,
				SpillBytes: 77, LastError: "503", LastErrorAt: at,
			},
			Fresh:     health.Freshness{Fresh: true, Behind: 500 * time.Millisecond, Lag: 45, Reason: "durable up to revision 812300, 45 behind"},
			Heartbeat: heartbeat.State{Status: heartbeat.Renewed, RenewedAt: at},
			Proof: proof.Standing{Recorded: proof.Point{Epoch: 1, Revision: 812000, At: at}, Verified: proof.Point{Epoch: 1, Revision: 811000, At: at, Took: time.Minute},
				Differ: &proof.Disagreement{Revision: 811500, Compact: 811000, Members: []cluster.ID{1, 2}, Detail: "a 1, b 2", At: at}},
			Retention: retention.State{Rule: "the newest 7 fulls", Next: at, Last: &retention.Summary{At: at, Stopped: "the backup is stale"}},
		},
		catalogue: storedCatalogue(),
		events: []event.Event{
			{At: at, Kind: event.DeltaStored, Message: "stored", Epoch: 1, Revision: 9, Bytes: 7, Records: 3, Took: time.Second},
			{At: at, Kind: event.StoreRetried, Level: event.Warn, Message: "again", Err: fault.New(fault.Unavailable, "put", "k", "503")},
		},
	}
}

func following() sidecar {
	s := leading()
	s.view.Role, s.view.Duties, s.view.Member.Leader = role.Follower, role.Follower.Duties(), 1
	return s
}

func lost() sidecar {
	s := leading()
	s.view.Role, s.view.Reason, s.view.Duties = role.Unknown, "the own member knows no leader", nil
	return s
}

func stale() sidecar {
	s := following()
	s.view.Fresh = health.Freshness{Lag: 1100, Reason: "the store lacks 1100 revisions; the objective is 1000"}
	return s
}

func dead() sidecar {
	s := leading()
	s.dead = errors.New("the supervisor ended")
	return s
}

// storedCatalogue has everything that a listing can show: a gap, deltas without
// a base, a timeline that waits for its base, an unfinished full, and more
// foreign objects than are shown.
func storedCatalogue() *timeline.Catalogue {
	c := timeline.Catalogue{
		Format: &snapshot.Format{Format: snapshot.FormatName, Version: snapshot.FormatVersion},
		Timelines: []timeline.History{{
			Timeline: timeline.Timeline{Epoch: 1, Reason: "it is the first in this store", First: 10, BeganAt: at,
				Writer: snapshot.Writer{ClusterID: "cdf818194e3a8c32"}},
			Described: true,
			Fulls: []timeline.Full{
				{Ref: ref(snapshot.KindFull, 1, 5, 19), Size: 1000, Finished: true},
				{Ref: ref(snapshot.KindFull, 1, 30, 40), Size: 1100, Finished: true},
				{Ref: ref(snapshot.KindFull, 1, 50, 60), Size: 10},
			},
			Deltas: []timeline.Delta{
				{Ref: ref(snapshot.KindDelta, 1, 31, 40), Size: 100}, // the newest full has it
				{Ref: ref(snapshot.KindDelta, 1, 41, 50), Size: 100},
				{Ref: ref(snapshot.KindDelta, 1, 70, 79), Size: 100},
			},
			Proofs: []snapshot.Ref{ref(snapshot.KindProof, 1, 0, 40)},
		}, {
			Timeline: timeline.Timeline{Epoch: 2},
			Deltas:   []timeline.Delta{{Ref: ref(snapshot.KindDelta, 2, 5, 9), Size: 100}},
		}},
	}
	for i := range 120 {
		c.Foreign = append(c.Foreign, timeline.Object{Key: fmt.Sprintf("notes/%d.txt", i), Size: int64(i)})
	}
	return &c
}

func ref(kind snapshot.Kind, epoch int, first, last int64) snapshot.Ref {
	id := "0123456789abcdef"
	if kind == snapshot.KindFull {
		id = "0a1b2c3d"
	}
	return snapshot.Ref{Kind: kind, Epoch: epoch, First: first, Last: last, At: at, ID: id}
}

// handler is the real router over a sidecar, with the real metrics and the real
// memory of events.
func handler(t *testing.T, s sidecar, config httpapi.Config) http.Handler {
	t.Helper()
	registry := client.NewRegistry()
	observer, err := prometheus.NewObserver(registry)
	if err != nil {
		t.Fatal(err)
	}
	registry.MustRegister(prometheus.NewCollector(s))
	ring := &eventlog.Ring{}
	all := eventlog.Fan(ring, observer)
	for _, e := range s.events {
		all.Observe(e)
	}
	sources := httpapi.Sources{
		Status: s, Snapshots: s, Health: s, Events: ring, Observer: all,
		Metrics: promhttp.HandlerFor(registry, promhttp.HandlerOpts{}),
	}
	if !s.bare {
		sources.Members, sources.Maintenance, sources.Leader, sources.Peers = s, s, s, http.DefaultTransport
		sources.Defrag = duty{s}
		sources.Driller, sources.Drills = s, s
		sources.Retention = s
	}
	return httpapi.New(config, sources, slog.New(slog.DiscardHandler)).Handler()
}
