package render

import (
	"strings"
	"testing"

	"github.com/revkeeper/revkeeper/application/extract"
	"github.com/revkeeper/revkeeper/application/inspect"
	rule "github.com/revkeeper/revkeeper/domain/extract"
	looking "github.com/revkeeper/revkeeper/domain/inspect"
)

func TestApplied(t *testing.T) {
	applied := func(keep int) extract.Applied {
		a := extract.Applied{View: inspect.View{Epoch: 1, Revision: 20}, ClusterID: "cafe", Planned: 90, Keys: map[rule.Action]int64{},
			Listed: looking.NewListing[rule.Action](keep, 0), Leases: map[rule.LeaseFate]int64{rule.Grant: 1}, Last: 93}
		for i, action := range rule.Actions() {
			a.Keys[action]++
			if at := a.Listed.At([]byte{'a' + byte(i)}, 0); at != nil {
				*at = action
			}
		}
		return a
	}
	for _, tc := range []struct {
		name  string
		keep  int
		order extract.Order
		want  string
	}{
		{"a dry run", 0, extract.Order{DryRun: true}, `2 keys would be put back into cluster cafe, as it was at revision 90

create     a
overwrite  b
same       c
differs    d
no lease   e
changed    f

create     1  is not there
overwrite  1  has another value
same       1  has this value; left
differs    1  has another value; left, for --overwrite was not given
no lease   1  was attached to a lease whose TTL nobody knows; left, for --default-lease-ttl was not given
changed    1  was changed after it was looked at; left
leases     1  to be granted anew: unless somebody keeps it alive, its keys go after the TTL that it had

revision  20 of timeline 1

nothing was written; with --planned-at 90 --yes, what changed since is left alone
`},
		{"what was done", 1, extract.Order{}, `2 keys put back into cluster cafe, as it was at revision 90

created  a
… and 5 keys more; --limit sets how many are shown

created      1  was not there
overwritten  1  had another value
same         1  has this value; left
differs      1  has another value; left, for --overwrite was not given
no lease     1  was attached to a lease whose TTL nobody knows; left, for --default-lease-ttl was not given
changed      1  was changed after it was looked at; left
leases       1  granted anew: unless somebody keeps it alive, its keys go after the TTL that it had

revision  20 of timeline 1
written   up to revision 93
`},
	} {
		var b strings.Builder
		if err := Applied(&b, applied(tc.keep), tc.order); err != nil || b.String() != tc.want {
			t.Errorf("%s: %v\n%s\nwant\n%s", tc.name, err, b.String(), tc.want)
		}
	}
}
