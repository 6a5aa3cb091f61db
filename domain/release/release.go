// Package release knows the releases of etcd by their databases: which of them
// start with which.
package release

import (
	"fmt"
	"strings"

	"github.com/revkeeper/revkeeper/domain/fault"
)

// Release is a minor release of etcd. The zero value is one that is not known.
type Release struct{ Major, Minor int }

// Oldest and newest bound the releases whose databases are known: they hold the
// same, but for what they say of their own release (etcd
// server/storage/schema/schema.go: 3.6 added the storage version, 3.7 nothing). A
// database that says nothing is of the oldest.
var Oldest, newest = Release{3, 5}, Release{3, 7}

// Parse reads a version as etcd writes it: 3.6, 3.6.16 or v3.6.0-rc.1. What is
// none is Invalid.
func Parse(text string) (Release, error) {
	var r Release
	if n, err := fmt.Sscanf(strings.TrimPrefix(text, "v"), "%d.%d", &r.Major, &r.Minor); n != 2 || err != nil || r.Major < 1 || r.Minor < 0 {
		return Release{}, fault.New(fault.Invalid, "read version of etcd", text, "it is not of the form 3.6")
	}
	return r, nil
}

// Known reports whether r is a release.
func (r Release) Known() bool { return r != Release{} }

// String is the release as in 3.6.
func (r Release) String() string { return fmt.Sprintf("%d.%d", r.Major, r.Minor) }

// Version is the release as etcd's database names it, as in 3.6.0.
func (r Release) Version() string { return r.String() + ".0" }

// Less reports whether r is older.
func (r Release) Less(o Release) bool {
	return r.Major < o.Major || r.Major == o.Major && r.Minor < o.Minor
}

// Named returns the release from which on etcd starts with a database: the newest
// of those that it names, as versions; zero if it names none that can be read.
func Named(versions ...string) Release {
	var newest Release
	for _, text := range versions {
		if r, err := Parse(text); err == nil && newest.Less(r) {
			newest = r
		}
	}
	return newest
}

// Convert returns the release that a database of one release must name for etcd of
// another to start with it: a newer etcd brings the database up to date by itself,
// an older one refuses it, or, if it is 3.5, takes it and is refused by the next
// one when it is updated. A wanted release that is zero leaves the database as it
// is. A database of a release that is not known is taken for a known one.
//
// It is Unsupported where that takes more than is known here.
func Convert(of, wanted Release) (Release, error) {
	const op = "restore for another etcd"
	switch {
	case !wanted.Known() || wanted == of:
		return of, nil
	case wanted.Less(Oldest):
		return of, fault.New(fault.Unsupported, op, wanted.String(), fmt.Sprintf("only etcd from %s on is known", Oldest)).
			WithRemedy(fmt.Sprintf("restore for etcd %s or a newer one", Oldest))
	case newest.Less(of) && wanted.Less(of):
		return of, fault.New(fault.Unsupported, op, wanted.String(),
			fmt.Sprintf("the backup is of etcd %s, and what an older one cannot read of that is not known", of)).
			WithRemedy(fmt.Sprintf("restore it without --etcd-version, start it with etcd %s, and use `etcdctl downgrade` there", of))
	case newest.Less(wanted):
		return of, fault.New(fault.Unsupported, op, wanted.String(), fmt.Sprintf("etcd after %s is not known", newest)).
			WithRemedy(fmt.Sprintf("restore for etcd %s, start that, and update it as etcd's documentation says", newest))
	case wanted.Less(of) || !of.Known():
		return wanted, nil
	}
	return of, nil
}
