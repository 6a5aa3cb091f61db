package wiring

import (
	"context"
	"fmt"

	"github.com/revkeeper/revkeeper/adapters/archive/either"
	"github.com/revkeeper/revkeeper/adapters/archive/revkeeper"
	"github.com/revkeeper/revkeeper/application/backup"
	"github.com/revkeeper/revkeeper/application/retention"
	"github.com/revkeeper/revkeeper/application/role"
	"github.com/revkeeper/revkeeper/bootstrap/config"
	"github.com/revkeeper/revkeeper/domain/fault"
	rule "github.com/revkeeper/revkeeper/domain/retention"
	rolerule "github.com/revkeeper/revkeeper/domain/role"
	"github.com/revkeeper/revkeeper/ports"
)

func newRetentionConfig(c config.Retention) (retention.Config, error) { return c.Keeper() }

// newArchiveKeeper has the listing that is remembered forget what was deleted.
func newArchiveKeeper(store ports.ObjectStore, warm *revkeeper.Warm) *revkeeper.Keeper {
	return revkeeper.NewKeeper(store, warm.Forget)
}

// newColdKeeper is for commands that list once.
func newColdKeeper(store ports.ObjectStore) *revkeeper.Keeper { return revkeeper.NewKeeper(store, nil) }

// newRetention deletes only while the own member leads etcd.
func newRetention(c retention.Config, cold *revkeeper.Archive, keep ports.ArchiveKeeper, p *role.Poller, o ports.Observer) *retention.Keeper {
	return retention.New(c, newOwn(cold), keep, leading(p), o)
}

// newTidy is retention for a command: whoever has the store's credentials answers
// for what it does.
func newTidy(c retention.Config, cold either.Own, keep ports.ArchiveKeeper, o ports.Observer) *retention.Keeper {
	return retention.New(c, cold, keep, nil, o)
}

// leading returns nil where the own member leads by a poll that is fresh.
func leading(p *role.Poller) retention.Sure {
	return func(ctx context.Context) error {
		if err := p.Sure(ctx); err != nil {
			return err
		}
		if now := p.Now().Role; now != rolerule.Leader {
			return fault.New(fault.Unavailable, "tidy the bucket", "", fmt.Sprintf("this sidecar is %s: only the leader's deletes", now)).
				WithRemedy("ask the sidecar of the member that leads etcd")
		}
		return nil
	}
}

// tidier is retention as the duty and the API have it: what can be restored is
// shown anew when objects went.
type tidier struct {
	*retention.Keeper
	sure  retention.Sure
	warm  *revkeeper.Warm
	state *backup.State
}

func newTidier(k *retention.Keeper, p *role.Poller, warm *revkeeper.Warm, s *backup.State) *tidier {
	return &tidier{Keeper: k, sure: leading(p), warm: warm, state: s}
}

// Tidy implements httpapi.Retention.
func (t *tidier) Tidy(ctx context.Context, dryRun bool) (rule.Report, error) {
	if err := t.sure(ctx); err != nil {
		return rule.Report{}, err
	}
	if dryRun {
		return t.Plan(ctx)
	}
	return t.run(ctx)
}

func (t *tidier) run(ctx context.Context) (rule.Report, error) {
	report, err := t.Run(ctx, nil)
	if report.Deleted == 0 {
		return report, err
	}
	if c, listErr := t.warm.Catalogue(ctx); listErr == nil { // else the next full's listing shows it
		t.state.Shrunk(c)
	}
	return report, err
}

// Duty is the leader's duty.
func (t *tidier) Duty(ctx context.Context) error {
	return t.Keeper.Duty(ctx, t.run)
}
