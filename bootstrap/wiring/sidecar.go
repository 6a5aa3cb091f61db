package wiring

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"time"

	"github.com/revkeeper/revkeeper/adapters/etcd"
	"github.com/revkeeper/revkeeper/adapters/httpapi"
	"github.com/revkeeper/revkeeper/application/backup"
	others "github.com/revkeeper/revkeeper/application/cluster"
	"github.com/revkeeper/revkeeper/application/compact"
	"github.com/revkeeper/revkeeper/application/defrag"
	"github.com/revkeeper/revkeeper/application/drill"
	beat "github.com/revkeeper/revkeeper/application/heartbeat"
	"github.com/revkeeper/revkeeper/application/proof"
	"github.com/revkeeper/revkeeper/application/role"
	"github.com/revkeeper/revkeeper/application/status"
	"github.com/revkeeper/revkeeper/application/supervise"
	"github.com/revkeeper/revkeeper/bootstrap/config"
	rule "github.com/revkeeper/revkeeper/domain/retention"
	rolerule "github.com/revkeeper/revkeeper/domain/role"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/domain/timeline"
	"github.com/revkeeper/revkeeper/ports"
)

// Build is what the program knows of itself.
type Build struct {
	Version   string
	StartedAt time.Time // of the process
}

// Sidecar is the whole of `revkeeper run`.
type Sidecar struct {
	supervisor *supervise.Supervisor
	server     *httpapi.Server
}

// Run works until ctx ends, and returns nil then. All that it started has ended
// when it returns.
func (s *Sidecar) Run(ctx context.Context) error { return s.supervisor.Run(ctx) }

// Server is where the sidecar answers over HTTP.
func (s *Sidecar) Server() *httpapi.Server { return s.server }

// newSidecar closes the circles: the server shows the supervisor that runs it,
// and the heartbeat tells of the server and the members, which show it.
func newSidecar(supervisor *supervise.Supervisor, server *httpapi.Server, p *probes, m *others.Members, a *appearance) *Sidecar {
	p.supervisor, a.server, a.members = supervisor, server, m
	return &Sidecar{supervisor: supervisor, server: server}
}

// probes answers the HTTP probes. That a sidecar could be put together at all
// shows that its configuration is good.
type probes struct {
	supervisor *supervise.Supervisor
	poller     *role.Poller
}

func newProbes(p *role.Poller) *probes { return &probes{poller: p} }

// Live implements httpapi.Health.
func (p *probes) Live() error { return errors.Join(p.supervisor.Live(), p.poller.Alive()) }

// Checks implements httpapi.Health. Neither etcd nor the store is among them: an
// unready sidecar would take its etcd out of the Service.
func (p *probes) Checks() iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		_ = yield("configuration", nil) && yield("supervisor", p.supervisor.Live())
	}
}

// snapshots is what the API offers of the store and the backup.
type snapshots struct {
	*backup.Backup
	archive ports.Archive
}

func newSnapshots(b *backup.Backup, a ports.Archive) snapshots {
	return snapshots{Backup: b, archive: a}
}

// Catalogue implements httpapi.Snapshots.
func (s snapshots) Catalogue(ctx context.Context) (timeline.Catalogue, error) {
	return s.archive.Catalogue(ctx)
}

func newAbout(c config.Config, b Build, store ports.ObjectStore) status.About {
	return status.About{
		Name: c.Name, Version: b.Version, StartedAt: b.StartedAt,
		Endpoint: c.Etcd.Endpoint, Store: store.Capabilities().Location,
		Duties: fulfilled(c.Heartbeat, c.Retention), Objective: c.Objective,
	}
}

// newSign is how this sidecar signs what it stores, once it is sure that it
// leads.
func newSign(c config.Config, b Build, p *role.Poller) backup.Sign {
	return func(ctx context.Context) (snapshot.Writer, error) {
		if err := p.Sure(ctx); err != nil {
			return snapshot.Writer{}, err
		}
		term, at := p.LedAt()
		return snapshot.Writer{MemberID: p.Now().Status.MemberID.String(), Member: c.Name, Version: b.Version,
			Term: term, LedAt: at.UTC().Truncate(time.Millisecond)}, nil
	}
}

// fulfilled lists the duties that this build fulfils. The supervisor leaves out
// the others that a role names.
func fulfilled(c config.Heartbeat, r config.Retention) []rolerule.Duty {
	var duties []rolerule.Duty
	if c.Kind != config.BeatsNowhere {
		duties = append(duties, rolerule.Heartbeat)
	}
	duties = append(duties, rolerule.Backup)
	if r.Policy != string(rule.None) {
		duties = append(duties, rolerule.Retention)
	}
	return append(duties, rolerule.Compact, rolerule.Proof, rolerule.Drill, rolerule.Defragment)
}

func newDuties(b *backup.Backup, k *compact.Duty, h *beat.Duty, t *tidier, pr *proof.Duty, dr *drill.Duty, df *defrag.Defrag, c config.Heartbeat, r config.Retention) []supervise.Duty {
	all := map[rolerule.Duty]supervise.Duty{
		rolerule.Heartbeat: {Run: h.Run},
		rolerule.Backup: {Run: b.Run, Finish: func(ctx context.Context) error {
			_, err := b.TakeDelta(ctx)
			return err
		}},
		rolerule.Retention:  {Run: t.Duty},
		rolerule.Compact:    {Run: k.Run},
		rolerule.Proof:      {Run: pr.Run},
		rolerule.Drill:      {Run: dr.Run},
		rolerule.Defragment: {Run: df.Run},
	}
	var duties []supervise.Duty
	for _, name := range fulfilled(c, r) {
		d := all[name]
		d.Name = name
		duties = append(duties, d)
	}
	return duties
}

func newServices(server *httpapi.Server, reporter *status.Reporter, members *others.Members, promoter *others.Promoter,
	df *defrag.Defrag, c config.Role, log *slog.Logger) []supervise.Service {
	services := []supervise.Service{
		{Name: "HTTP server", Run: server.Run},
		{Name: "look at the store", Run: reporter.Watch},
		{Name: "look at the members", Run: members.Watch},
		{Name: "end of defragmentation", Run: df.LetGo},
		{Name: "announcement", Run: func(ctx context.Context) error {
			select {
			case <-server.Listening():
				log.Info("listening", "address", server.Addr().String(), "advertised", server.Advertised())
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}},
	}
	if c.PromoteLearners {
		services = append(services, supervise.Service{Name: "promotion of the own member", Run: promoter.Watch})
	}
	return services
}

func newSupervisor(p *role.Poller, duties []supervise.Duty, services []supervise.Service, c config.Shutdown, o ports.Observer) *supervise.Supervisor {
	return supervise.New(p, duties, services, c.Flush, o)
}

// dial prepares the connections to etcd; the cleanup breaks them.
func dial(c etcd.Config, log *slog.Logger) (*etcd.Clients, func(), error) {
	clients, err := etcd.Dial(c, log)
	if err != nil {
		return nil, nil, err
	}
	return clients, func() {
		if err := clients.Close(); err != nil {
			log.Debug("closing the connections to etcd", "error", err)
		}
	}, nil
}
