package restore

import (
	"context"
	"errors"

	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/release"
)

// releases notes which etcd the base of a plan is of, and refuses one that cannot be
// made for the etcd that is wanted. A description that is damaged or says nothing is
// no reason to: whoever restores finds out.
func (r *Rebuilder) releases(ctx context.Context, p *Plan, wanted release.Release) error {
	m, err := r.archive.Manifest(ctx, p.Base.Ref)
	if err != nil {
		if errors.Is(err, fault.Corrupt) || errors.Is(err, fault.NotFound) {
			return nil
		}
		return err
	}
	p.EtcdVersion, p.Etcd = m.EtcdVersion, wanted
	of, err := release.Parse(m.EtcdVersion)
	if err != nil {
		return nil
	}
	_, err = release.Convert(of, wanted)
	return err
}
