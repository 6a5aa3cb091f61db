package defrag_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/revkeeper/revkeeper/application/defrag"
	"github.com/revkeeper/revkeeper/domain/chain"
	"github.com/revkeeper/revkeeper/domain/cluster"
	rule "github.com/revkeeper/revkeeper/domain/defrag"
	"github.com/revkeeper/revkeeper/domain/event"
	"github.com/revkeeper/revkeeper/domain/snapshot"
)

// world is a cluster of three members of which m2 leads, seen by its sidecar. A
// member takes a second to defragment, and then keeps what is in use.
type world struct {
	mu        sync.Mutex
	members   []cluster.Candidate
	busy      cluster.ID // defragments now
	streaming cluster.ID
	late      cluster.ID // a full is read from it from its announcement on
	backup    string
	storeErr  error
	takes     time.Duration
	fails     map[cluster.ID]error // what Defragment answers instead
	after     func(id cluster.ID)  // is called when a member is done, with mu held
	moveErr   error
	tellErr   error
	alarms    []cluster.Alarm
	behind    cluster.ID // catches up with every question

	handed rule.Run // what the new leader's sidecar was told

	log    []string // what was done, in order
	events []event.Event
}

func newWorld() *world {
	w := &world{takes: time.Second, fails: map[cluster.ID]error{}}
	for id := cluster.ID(1); id <= 3; id++ {
		w.members = append(w.members, cluster.Candidate{
			Member: cluster.Member{ID: id, Name: "m" + id.String()},
			Status: cluster.Status{MemberID: id, Leader: 2, Version: "3.6.16", RaftApplied: 1000, DBSize: 500 << 20, DBInUse: 100 << 20, DBQuota: 1000 << 20},
		})
	}
	return w
}

func (w *world) with(f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f()
}

func (w *world) did(format string, args ...any) { w.log = append(w.log, fmt.Sprintf(format, args...)) }

// story is what was done, as a line.
func (w *world) story() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Join(w.log, ", ")
}

// told reports whether an event of a kind says something.
func (w *world) told(kind event.Kind, text string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range w.events {
		if e.Kind == kind && (strings.Contains(e.Message, text) || e.Err != nil && strings.Contains(e.Err.Error(), text)) {
			return true
		}
	}
	return false
}

func (w *world) Observe(e event.Event) { w.with(func() { w.events = append(w.events, e) }) }

// Candidates implements defrag.Fulls: a busy member does not answer.
func (w *world) Candidates(ctx context.Context) ([]cluster.Candidate, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := append([]cluster.Candidate(nil), w.members...)
	for i := range out {
		if out[i].Member.ID == w.behind {
			w.members[i].Status.RaftApplied += 1000
		}
		if out[i].Member.ID == w.busy {
			out[i].Err = context.DeadlineExceeded
		}
	}
	return out, ctx.Err()
}

func (w *world) Streaming() cluster.ID { w.mu.Lock(); defer w.mu.Unlock(); return w.streaming }

func (w *world) Defragment(ctx context.Context, m cluster.Member) error {
	w.mu.Lock()
	if w.busy != 0 {
		w.did("TWO AT ONCE")
	}
	err, takes := w.fails[m.ID], w.takes
	w.busy = m.ID
	w.did("defrag %s", m.Name)
	w.mu.Unlock()
	if err == nil {
		timer := time.NewTimer(takes)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			err = ctx.Err()
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.busy = 0
	if err != nil {
		return err
	}
	for i := range w.members {
		if w.members[i].Member.ID == m.ID {
			w.members[i].Status.DBSize = w.members[i].Status.DBInUse
		}
	}
	if w.after != nil {
		w.after(m.ID)
	}
	return nil
}

func (w *world) MoveLeader(_ context.Context, from cluster.Member, to cluster.ID) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.did("lead %s>m%s", from.Name, to)
	return w.moveErr
}

func (w *world) Alarms(context.Context) ([]cluster.Alarm, error) { return w.alarms, nil }

func (w *world) Disarm(_ context.Context, a cluster.Alarm) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.did("disarm m%s", a.Member)
	for i := range w.members {
		w.members[i].Status.Errors = nil
	}
	return nil
}

func (w *world) Busy(_ context.Context, id cluster.ID, _ string, _ time.Time) func() {
	w.with(func() {
		w.did("busy m%s", id)
		if id == w.late {
			w.streaming = id
		}
	})
	return func() { w.with(func() { w.did("free m%s", id) }) }
}

func (w *world) TakeOver(_ context.Context, to cluster.ID, h rule.Handover) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.did("tell m%s of m%s", to, h.Member)
	w.handed = h.Run
	return w.tellErr
}

// etcd answers about a member, and nothing else.
type etcd struct{ *world }

func (e etcd) MemberStatus(_ context.Context, m cluster.Member) (cluster.Status, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, c := range e.members {
		if c.Member.ID == m.ID {
			return c.Status, c.Err
		}
	}
	return cluster.Status{}, context.DeadlineExceeded
}
func (etcd) Members(context.Context) ([]cluster.Member, error)             { return nil, nil }
func (etcd) Head(context.Context) (chain.Head, error)                      { return chain.Head{}, nil }
func (etcd) Auth(context.Context) (snapshot.Auth, error)                   { return snapshot.Auth{}, nil }
func (etcd) LeaseTTL(context.Context, int64) (l snapshot.Lease, err error) { return }
func (etcd) Promote(context.Context, cluster.ID) error                     { return nil }
func (w *world) status() cluster.Status                                    { w.mu.Lock(); defer w.mu.Unlock(); return w.members[1].Status }
func (w *world) store(context.Context) error                               { w.with(func() { w.did("store") }); return w.storeErr }
func (w *world) problem() string                                           { w.mu.Lock(); defer w.mu.Unlock(); return w.backup }
func half(s cluster.Status) (bool, string)                                 { return s.DBSize > 2*s.DBInUse, "by the rule" }

// duty is one of the world; change alters its settings.
func (w *world) duty(change func(*defrag.Config)) *defrag.Defrag {
	c := defrag.Config{Wanted: half, Settle: time.Minute, Lead: rule.Lead{Move: true, Above: time.Second}, Below: 80}
	if change != nil {
		change(&c)
	}
	return defrag.New(c, etcd{w}, w, w, w, defrag.Own{Status: w.status, Backup: w.problem, Store: w.store}, w)
}

// lead runs the duty until the func is called, which returns when it has ended.
func lead(t *testing.T, d *defrag.Defrag) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	return func() {
		cancel()
		if err := <-ended; err != context.Canceled {
			t.Errorf("the duty ended with %v", err)
		}
	}
}
