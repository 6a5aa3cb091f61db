package restore

import (
	"github.com/revkeeper/revkeeper/domain/release"
	"github.com/revkeeper/revkeeper/domain/snapshot"
)

// madeFor notes which etcd the base of a plan is of, as m describes it, and refuses
// one that cannot be made for the etcd that is wanted. A description that does not
// say it is no reason to: whoever restores finds out.
func (p *Plan) madeFor(wanted release.Release, m snapshot.Manifest) error {
	p.EtcdVersion, p.Etcd = m.EtcdVersion, wanted
	of, err := release.Parse(m.EtcdVersion)
	if err != nil {
		return nil
	}
	_, err = release.Convert(of, wanted)
	return err
}
