package wiring

import (
	"context"
	"time"

	"github.com/revkeeper/revkeeper/adapters/etcd"
	etcdbeat "github.com/revkeeper/revkeeper/adapters/heartbeat/etcd"
	kubebeat "github.com/revkeeper/revkeeper/adapters/heartbeat/kubernetes"
	"github.com/revkeeper/revkeeper/adapters/httpapi"
	"github.com/revkeeper/revkeeper/application/backup"
	others "github.com/revkeeper/revkeeper/application/cluster"
	beat "github.com/revkeeper/revkeeper/application/heartbeat"
	"github.com/revkeeper/revkeeper/application/role"
	"github.com/revkeeper/revkeeper/bootstrap/config"
	"github.com/revkeeper/revkeeper/domain/cluster"
	"github.com/revkeeper/revkeeper/domain/health"
	"github.com/revkeeper/revkeeper/domain/heartbeat"
	rolerule "github.com/revkeeper/revkeeper/domain/role"
	"github.com/revkeeper/revkeeper/ports"
)

// beats is where heartbeats are kept. marks is nil where nobody watches how far
// the backup is.
type beats struct {
	ports.Heartbeats
	marks ports.BackupMarks
	off   bool
}

// newBeats chooses the place. It contacts nobody.
func newBeats(c config.Heartbeat, voters *etcd.Voters) (beats, error) {
	switch c.Kind {
	case config.BeatsKubernetes:
		h, marks, err := kubebeat.New(c.Kubernetes)
		return beats{Heartbeats: h, marks: marks}, err
	case config.BeatsNowhere:
		return beats{Heartbeats: nowhere{}, off: true}, nil
	default:
		return beats{Heartbeats: etcdbeat.New(voters, c.Etcd)}, nil
	}
}

// nowhere is the place of heartbeats that are turned off.
type nowhere struct{}

// Renew implements ports.Heartbeats.
func (nowhere) Renew(context.Context, heartbeat.Beat) error { return nil }

// List implements ports.Heartbeats.
func (nowhere) List(context.Context, []cluster.Member) ([]heartbeat.Seen, error) { return nil, nil }

// appearance is what the heartbeat says of the sidecar that is made after it.
type appearance struct {
	server  *httpapi.Server // knows where others reach it
	members *others.Members
}

func newAppearance() *appearance { return &appearance{} }

// peersUseTLS reports whether the own member's peers speak TLS with it, nil while
// the members were not listed yet.
func (a *appearance) peersUseTLS(own cluster.ID) *bool {
	m, ok := a.members.Listed(own)
	if !ok {
		return nil
	}
	tls := m.PeersUseTLS()
	return &tls
}

// newHeartbeatDuty puts the duty together.
func newHeartbeatDuty(c config.Config, b Build, where beats, p *role.Poller, s *backup.State, a *appearance, o ports.Observer) *beat.Duty {
	subject := beat.Subject{
		Beat:  func() (heartbeat.Beat, bool) { return ownBeat(c.Name, b.Version, p, a) },
		Marks: func() (heartbeat.Marks, bool) { return ownMarks(c.Objective, p, s) },
	}
	return beat.New(c.Heartbeat.Duty(), where, where.marks, subject, o)
}

// ownBeat says who the own member is, once it has answered and the server
// listens.
func ownBeat(name, version string, p *role.Poller, a *appearance) (heartbeat.Beat, bool) {
	seen, at := p.Now(), a.server.Advertised()
	own := seen.Status
	return heartbeat.Beat{
		Card:    heartbeat.Card{Name: name, ClusterID: own.ClusterID, MemberID: own.MemberID, Address: at, Version: version},
		Leader:  seen.Role == rolerule.Leader,
		PeerTLS: a.peersUseTLS(own.MemberID),
	}, !seen.At.IsZero() && at != "" && p.Alive() == nil
}

func ownMarks(objective health.Objective, p *role.Poller, s *backup.State) (heartbeat.Marks, bool) {
	b := s.Backup()
	m := heartbeat.Marks{Current: objective.Judge(b, time.Now()).Fresh}
	if b.LastFull != nil {
		m.Full, m.FullAt = b.LastFull.Last, b.LastFull.At
	}
	if b.LastDelta != nil {
		m.Delta = b.LastDelta.Last
	}
	return m, p.Now().Role == rolerule.Leader
}

// ownHeartbeat is how the own heartbeat goes, for the status.
type ownHeartbeat struct {
	duty *beat.Duty
	off  bool
}

func newOwnHeartbeat(d *beat.Duty, where beats) ownHeartbeat {
	return ownHeartbeat{duty: d, off: where.off}
}

// State implements status.OwnHeartbeat.
func (h ownHeartbeat) State() heartbeat.State {
	if h.off {
		return beat.TurnedOff()
	}
	return h.duty.State()
}
