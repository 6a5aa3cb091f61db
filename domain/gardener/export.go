package gardener

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/domain/timeline"
)

// FullKey returns the key, in the newer layout, of a full that ends at revision
// last and was named at an instant, with gzip around it.
func FullKey(last int64, at time.Time) string {
	return fmt.Sprintf("v2/Full-%08d-%08d-%d.gz", 0, last, at.Unix())
}

// Place is where a store's objects are.
type Place struct {
	Tree string // one tree of names: all folders, or one bucket at one server
	Path string // in it, parts between slashes, none of them a link, . or ..
}

func (p Place) parts() []string {
	return strings.FieldsFunc(p.Path, func(r rune) bool { return r == '/' })
}

// Apart returns nil unless a target lies inside the store that is exported from:
// then what is exported would be among that store's objects, which is Invalid. The
// store itself is no matter of this rule; Takes says by what it holds whether it may
// be.
func Apart(store, target Place) error {
	own, theirs := store.parts(), target.parts()
	if store.Tree != target.Tree || len(theirs) <= len(own) || !slices.Equal(theirs[:len(own)], own) {
		return nil
	}
	return fault.New(fault.Invalid, "export full", target.Path, "it is inside the store that is exported from, and a bucket has one format").
		WithRemedy("name with --to a folder or prefix that is not below --store")
}

// Takes returns nil if a full that ends at revision last would be what
// etcd-backup-restore restores from a store: it goes by the highest revision, so
// one that is below another would never be read. That is Conflict, and so is a
// store that holds objects of revkeeper: a bucket has one format.
func Takes(c timeline.Catalogue, last int64) error {
	for _, o := range c.Foreign {
		if _, err := snapshot.Parse(strings.TrimPrefix(o.Key, "v2/")); err == nil {
			return fault.New(fault.Conflict, "export full", o.Key, "the store holds timelines of revkeeper: a bucket has one format").
				WithRemedy("export into a store or under a prefix of its own")
		}
	}
	for _, h := range c.Timelines {
		for _, f := range h.Fulls {
			if f.Last > last {
				return below(f.Key(), last)
			}
		}
		for _, d := range h.Deltas {
			if d.Last > last {
				return below(d.Key(), last)
			}
		}
	}
	return nil
}

func below(key string, last int64) error {
	return fault.New(fault.Conflict, "export full", key, fmt.Sprintf("it is there already and goes beyond revision %d: a restore would take it, and not what is exported", last)).
		WithRemedy("export into a store or under a prefix of its own")
}
