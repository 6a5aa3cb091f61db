package client

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/revkeeper/revkeeper/adapters/httpapi/openapi"
	"github.com/revkeeper/revkeeper/domain/chain"
	"github.com/revkeeper/revkeeper/domain/cluster"
	"github.com/revkeeper/revkeeper/domain/health"
	"github.com/revkeeper/revkeeper/domain/heartbeat"
	"github.com/revkeeper/revkeeper/domain/retention"
	"github.com/revkeeper/revkeeper/domain/role"
	"github.com/revkeeper/revkeeper/domain/snapshot"
)

// viewOf is a status in the words of the domain: the inverse of httpapi.Status,
// as far as the contract carries a view.
func viewOf(s openapi.Status) (health.View, error) {
	v := health.View{
		Name: s.Name, Version: s.Version, StartedAt: s.StartedAt, Endpoint: s.Endpoint, Store: s.Store,
		Role: role.Role(s.Role), Since: s.Since, Reason: s.Reason,
		Fresh: freshnessOf(s.Freshness),
		Heartbeat: heartbeat.State{
			Status: heartbeat.Status(s.Heartbeat.Status), Detail: s.Heartbeat.Detail, RenewedAt: s.Heartbeat.RenewedAt,
		},
	}
	v.Retention = retentionOf(s.Retention)
	for _, d := range s.Duties {
		v.Duties = append(v.Duties, role.Duty(d))
	}
	var err error
	if v.Member, err = memberOf(s.Member); err != nil {
		return v, err
	}
	if v.Proof, err = proofOf(s.Proof); err != nil {
		return v, err
	}
	v.SeenAt = s.Member.SeenAt
	v.Backup = backupOf(s.Backup)
	return v, nil
}

func retentionOf(r openapi.Retention) retention.State {
	out := retention.State{Rule: r.Rule, Next: r.Next, Running: r.Running}
	if l := r.Last; !l.At.IsZero() {
		out.Last = &retention.Summary{
			At: l.At, Took: seconds(l.TookSeconds), DryRun: l.DryRun, Stopped: l.Stopped, Error: l.Error,
			Kept: l.Kept, KeptBytes: l.KeptBytes, Deleted: l.Deleted, DeletedBytes: l.DeletedBytes,
			Locked: l.Locked, Failed: l.Failed, Spared: l.Spared, Left: l.Left, Swept: l.Swept,
			ReadBack: l.ReadBack, ReadBackBytes: l.ReadBackBytes, Damaged: l.Damaged,
		}
	}
	return out
}

func seconds(n float64) time.Duration { return time.Duration(math.Round(n * float64(time.Second))) }

func freshnessOf(f openapi.Freshness) health.Freshness {
	out := health.Freshness{Fresh: f.Fresh, Lag: f.RevisionsBehind, Reason: f.Reason}
	if f.SecondsBehind != nil {
		out.Behind = seconds(*f.SecondsBehind)
	}
	return out
}

func memberOf(m openapi.Member) (cluster.Status, error) {
	out := cluster.Status{
		Learner: m.Learner, Version: m.EtcdVersion, Revision: m.Revision,
		RaftTerm: m.RaftTerm, RaftIndex: m.RaftIndex, RaftApplied: m.RaftApplied,
		DBSize: m.DbSize, DBInUse: m.DbInUse, DBQuota: m.DbQuota, Errors: m.Errors,
	}
	for _, id := range []struct {
		text string
		into *cluster.ID
	}{{m.ClusterID, &out.ClusterID}, {m.MemberID, &out.MemberID}, {m.Leader, &out.Leader}} {
		if id.text == "" {
			continue
		}
		if err := readID(id.text, id.into); err != nil {
			return out, err
		}
	}
	return out, nil
}

func readID(text string, into *cluster.ID) error {
	n, err := strconv.ParseUint(text, 16, 64)
	if err != nil {
		return fmt.Errorf("%q is not an id of etcd", text)
	}
	*into = cluster.ID(n)
	return nil
}

func backupOf(b openapi.Backup) health.Backup {
	out := health.Backup{
		Phase: b.Phase, Epoch: b.Timeline,
		Durable: b.DurableRevision, DurableAt: b.DurableAt, Live: b.LiveRevision, CaughtUpAt: b.CaughtUpAt,
		SpillBytes: b.SpillBytes, LastError: b.LastError, LastErrorAt: b.LastErrorAt,
	}
	for _, w := range b.Windows {
		out.Windows = append(out.Windows, chain.Range{First: w.First, Last: w.Last})
	}
	out.LastFull, out.LastDelta = refOf(b.LastFull.Key), refOf(b.LastDelta.Key)
	return out
}

// refOf reads a key. One that only a newer version of revkeeper writes is left
// out: the rest of the status counts all the same.
func refOf(key string) *snapshot.Ref {
	if key == "" {
		return nil
	}
	ref, err := snapshot.Parse(key)
	if err != nil {
		return nil
	}
	return &ref
}
