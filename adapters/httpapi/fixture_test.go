package httpapi_test

import (
	"context"
	"iter"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/revkeeper/revkeeper/adapters/httpapi"
	"github.com/revkeeper/revkeeper/domain/cluster"
	"github.com/revkeeper/revkeeper/domain/drill"
	"github.com/revkeeper/revkeeper/domain/event"
	"github.com/revkeeper/revkeeper/domain/health"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/domain/timeline"
)

// sidecar is every source of a server. Its functions may be nil.
type sidecar struct {
	mu       sync.Mutex
	view     health.View
	recent   []event.Event
	observed []event.Event
	watchers []chan event.Event

	list     func(context.Context) (timeline.Catalogue, error)
	full     func(context.Context) (*snapshot.Ref, error)
	members  func(context.Context) (health.Cluster, error)
	last     health.Cluster
	announce func(cluster.ID, string, time.Duration) (string, error)
	leader   func(context.Context) (string, error)
	peers    http.RoundTripper
	rebuild  func(context.Context, drill.Task) (drill.Outcome, error)
	drills   func(context.Context) (drill.Report, error)

	withdrawn []string
}

func (s *sidecar) Cluster(ctx context.Context) (health.Cluster, error) {
	if s.members == nil {
		return s.Last(), nil
	}
	return s.members(ctx)
}

func (s *sidecar) Last() health.Cluster {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last
}

func (s *sidecar) Announce(member cluster.ID, reason string, during time.Duration) (string, error) {
	return s.announce(member, reason, during)
}

func (s *sidecar) Withdraw(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.withdrawn = append(s.withdrawn, id)
}

// leads knows the leader; a sidecar may have none that does.
type leads func(context.Context) (string, error)

func (l leads) Leader(ctx context.Context) (string, error) { return l(ctx) }

func (s *sidecar) View() health.View {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.view
}

func (s *sidecar) set(change func(*health.View)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.view)
}

func (s *sidecar) Catalogue(ctx context.Context) (timeline.Catalogue, error) {
	if s.list == nil {
		return timeline.Catalogue{}, nil
	}
	return s.list(ctx)
}

func (s *sidecar) TakeFull(ctx context.Context) (*snapshot.Ref, error) {
	if s.full == nil {
		return nil, nil
	}
	return s.full(ctx)
}

func (s *sidecar) TakeDelta(context.Context) (*snapshot.Ref, error) { return nil, nil }
func (s *sidecar) Live() error                                      { return nil }
func (s *sidecar) Checks() iter.Seq2[string, error] {
	return func(yield func(string, error) bool) { yield("supervisor", nil) }
}

func (s *sidecar) Recent() []event.Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.recent
}

func (s *sidecar) Subscribe(ctx context.Context) <-chan event.Event {
	events := make(chan event.Event, 8)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.watchers = append(s.watchers, events)
	return events
}

func (s *sidecar) happen(e event.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.recent = append(s.recent, e)
	for _, w := range s.watchers {
		w <- e
	}
}

func (s *sidecar) Observe(e event.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.observed = append(s.observed, e)
}

func (s *sidecar) reported() []event.Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.observed
}

func serverOf(s *sidecar, config httpapi.Config) *httpapi.Server {
	metrics := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Type", "text/plain") })
	sources := httpapi.Sources{Status: s, Snapshots: s, Health: s, Events: s, Observer: s, Metrics: metrics, Members: s, Maintenance: s, Peers: s.peers}
	if s.leader != nil {
		sources.Leader = leads(s.leader)
	}
	if s.rebuild != nil {
		sources.Driller = rebuilds(s.rebuild)
	}
	if s.drills != nil {
		sources.Drills = drills(s.drills)
	}
	return httpapi.New(config, sources, slog.New(slog.DiscardHandler))
}

// drills has drills carried out.
type drills func(context.Context) (drill.Report, error)

func (d drills) Ask(ctx context.Context) (drill.Report, error) { return d(ctx) }

// rebuilds is a driller.
type rebuilds func(context.Context, drill.Task) (drill.Outcome, error)

func (r rebuilds) Run(ctx context.Context, t drill.Task) (drill.Outcome, error) { return r(ctx, t) }

// local is a host by which a server on loopback lets itself be called.
const local = "http://localhost:8380"

// ask answers one request of a server without a network.
func ask(t *testing.T, s *sidecar, method, path, body string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	serverOf(s, httpapi.Default()).Handler().ServeHTTP(w,
		httptest.NewRequestWithContext(t.Context(), method, local+path, strings.NewReader(body)))
	return w
}
