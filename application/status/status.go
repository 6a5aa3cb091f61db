// Package status puts together what this sidecar says of itself, and keeps a
// follower's picture of the store fresh.
package status

import (
	"context"
	"slices"
	"time"

	"github.com/revkeeper/revkeeper/application/backup"
	"github.com/revkeeper/revkeeper/application/role"
	"github.com/revkeeper/revkeeper/domain/health"
	"github.com/revkeeper/revkeeper/domain/heartbeat"
	"github.com/revkeeper/revkeeper/domain/proof"
	"github.com/revkeeper/revkeeper/domain/retention"
	rolerule "github.com/revkeeper/revkeeper/domain/role"
	"github.com/revkeeper/revkeeper/domain/timeline"
	"github.com/revkeeper/revkeeper/ports"
)

// How often a sidecar that does not back up lists the store: while it has seen
// nothing there that could be restored, somebody is about to store it.
const (
	lookInterval  = time.Minute
	firstInterval = 2 * time.Second
)

// About is what does not change while the process lives.
type About struct {
	Name      string
	Version   string
	Endpoint  string
	Store     string
	StartedAt time.Time
	Duties    []rolerule.Duty // that this build fulfils
	Objective health.Objective
}

// OwnHeartbeat tells how the own heartbeat goes.
type OwnHeartbeat interface {
	State() heartbeat.State
}

// OwnRetention tells how the own retention goes.
type OwnRetention interface {
	State() retention.State
}

// OwnProofs keeps what is known of proofs.
type OwnProofs interface {
	Standing() proof.Standing
	// Look takes over what a listing shows.
	Look(c timeline.Catalogue)
}

// Reporter answers what this sidecar is and how its backup does.
type Reporter struct {
	about   About
	poller  *role.Poller
	state   *backup.State
	archive ports.Archive
	beat    OwnHeartbeat
	tidy    OwnRetention
	proofs  OwnProofs
}

// NewReporter returns a Reporter.
func NewReporter(a About, p *role.Poller, s *backup.State, archive ports.Archive, h OwnHeartbeat, t OwnRetention, proofs OwnProofs) *Reporter {
	return &Reporter{about: a, poller: p, state: s, archive: archive, beat: h, tidy: t, proofs: proofs}
}

// View returns everything at this moment.
func (r *Reporter) View() health.View {
	seen := r.poller.Now()
	v := health.View{
		Name: r.about.Name, Version: r.about.Version, StartedAt: r.about.StartedAt,
		Endpoint: r.about.Endpoint, Store: r.about.Store,
		Role: seen.Role, Since: seen.Since, Reason: seen.Reason, Sight: seen.Sight, Duties: r.duties(seen.Role),
		Member: seen.Status, SeenAt: seen.At, Backup: r.state.Backup(),
		Heartbeat: r.beat.State(), Retention: r.tidy.State(), Proof: r.proofs.Standing(),
	}
	if !r.state.Running() {
		v.Backup.Live = max(v.Backup.Live, seen.Status.Revision)
	}
	v.Fresh = r.about.Objective.Judge(v.Backup, time.Now())
	return v
}

// duties returns what the role obliges to and this build fulfils.
func (r *Reporter) duties(of rolerule.Role) []rolerule.Duty {
	return slices.DeleteFunc(of.Duties(), func(d rolerule.Duty) bool { return !slices.Contains(r.about.Duties, d) })
}

// Watch lists the store from time to time while somebody else writes it, so
// that every sidecar can say how far the backup is and a takeover starts warm.
// It ends with ctx.
func (r *Reporter) Watch(ctx context.Context) error {
	for {
		if err := r.look(ctx); err != nil {
			return err
		}
		wait := lookInterval
		if len(r.state.Backup().Windows) == 0 {
			wait = firstInterval
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
	}
}

// look lists the store once, unless this sidecar writes it. It returns the
// context's error and no other.
func (r *Reporter) look(ctx context.Context) error {
	seen := r.poller.Now()
	if seen.Role == rolerule.Leader {
		return nil
	}
	at := seen.At
	if seen.Sight != rolerule.Following {
		at = time.Time{} // a member that is cut off, or a learner, does not know where the cluster is
	}
	c, err := r.archive.Catalogue(ctx)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err == nil {
		r.proofs.Look(c)
	}
	r.state.Look(c, err, seen.Status.Revision, at)
	return nil
}
