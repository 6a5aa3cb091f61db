package datadir

import (
	bolt "go.etcd.io/bbolt"

	"github.com/revkeeper/revkeeper/adapters/internal/etcddb"
	"github.com/revkeeper/revkeeper/domain/release"
)

// convert has the database say that it is of a release that etcd of the wanted one
// starts with. Two places say so: the storage version, which 3.5 does not have, and
// the version of the cluster, below which no member starts. A downgrade that was
// going on is none of the new cluster's.
func (s *Staging) convert(wanted release.Release) error {
	if !wanted.Known() {
		return nil
	}
	meta, cluster := s.tx.Bucket(etcddb.Meta), s.tx.Bucket(etcddb.Cluster)
	of, err := releaseAt(meta, etcddb.StorageVersion)
	if err != nil {
		return err
	}
	to, err := release.Convert(of, wanted)
	if err != nil {
		return err
	}
	switch {
	case to == of:
	case to == release.Oldest:
		err = meta.Delete(etcddb.StorageVersion)
	default:
		err = meta.Put(etcddb.StorageVersion, []byte(to.Version()))
	}
	if err != nil || cluster == nil {
		return diskError("convert database", s.path, err)
	}
	if of, err = releaseAt(cluster, etcddb.ClusterVersion); err != nil {
		return err
	}
	if wanted.Less(of) {
		if err := cluster.Put(etcddb.ClusterVersion, []byte(wanted.Version())); err != nil {
			return diskError("convert database", s.path, err)
		}
	}
	return diskError("convert database", s.path, cluster.Delete(etcddb.Downgrade))
}

// releaseAt reads the release that a key names; the oldest where there is none.
func releaseAt(b *bolt.Bucket, key []byte) (release.Release, error) {
	v := b.Get(key)
	if len(v) == 0 {
		return release.Oldest, nil
	}
	return release.Parse(string(v))
}
