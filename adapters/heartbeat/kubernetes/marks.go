package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	coordination "k8s.io/api/coordination/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/heartbeat"
	"github.com/revkeeper/revkeeper/ports"
)

const opPublish = "publish backup mark"

// Marks publishes how far the backup is in two Leases, whose holders are
// revisions. etcd-druid tells by them whether the backup is ready and when to
// compact it. It is safe for concurrent use.
type Marks struct {
	config Config
	leases *leases
}

var _ ports.BackupMarks = (*Marks)(nil)

// Publish implements ports.BackupMarks. A mark whose Lease has no name is not
// published; one of the two does not keep the other from being published.
func (p *Marks) Publish(ctx context.Context, m heartbeat.Marks) error {
	return errors.Join(
		p.publish(ctx, p.config.FullLease, func(have *coordination.Lease, stored int64) *change { return fullMark(have, stored, m) }),
		p.publish(ctx, p.config.DeltaLease, func(_ *coordination.Lease, stored int64) *change { return deltaMark(stored, m, time.Now()) }),
	)
}

// none is the revision of a mark that was never set.
const none = -1

func (p *Marks) publish(ctx context.Context, name string, mark func(have *coordination.Lease, stored int64) *change) error {
	if name == "" {
		return nil
	}
	return p.leases.settle(ctx, opPublish, name, func(have *coordination.Lease) (*change, error) {
		stored := int64(none)
		if have != nil && have.Spec.HolderIdentity != nil && *have.Spec.HolderIdentity != "" {
			var err error
			stored, err = strconv.ParseInt(*have.Spec.HolderIdentity, 10, 64)
			if err != nil || stored < 0 {
				return nil, fault.New(fault.Conflict, opPublish, p.leases.object(name),
					fmt.Sprintf("its holder %q is not a revision", *have.Spec.HolderIdentity)).
					WithRemedy("delete the lease if nobody uses it, or name another one")
			}
		}
		return mark(have, stored), nil
	})
}

// fullMark is nil where there is nothing to change.
func fullMark(have *coordination.Lease, stored int64, m heartbeat.Marks) *change {
	taken := meta.NewMicroTime(m.FullAt.Truncate(time.Microsecond))
	switch {
	case m.Full == 0, m.Full < stored:
		return nil
	case m.Full == stored && have.Spec.RenewTime != nil && !taken.After(have.Spec.RenewTime.Time):
		return nil
	}
	revision := strconv.FormatInt(m.Full, 10)
	c := &change{spec: coordination.LeaseSpec{HolderIdentity: &revision}}
	if !m.FullAt.IsZero() {
		c.spec.RenewTime = &taken
	}
	return c
}

// deltaMark is nil where there is nothing to change. Its time says that the
// backup is fresh, also where nothing was written.
func deltaMark(stored int64, m heartbeat.Marks, now time.Time) *change {
	c := &change{}
	if m.Delta > stored { // 0 too, where there is no mark yet
		revision := strconv.FormatInt(m.Delta, 10)
		c.spec.HolderIdentity = &revision
	}
	if m.Current {
		renewed := meta.NewMicroTime(now)
		c.spec.RenewTime = &renewed
	}
	if c.spec.HolderIdentity == nil && c.spec.RenewTime == nil {
		return nil
	}
	return c
}
