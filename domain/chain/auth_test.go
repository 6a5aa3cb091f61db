package chain_test

import (
	"strings"
	"testing"

	"github.com/revkeeper/revkeeper/domain/chain"
	"github.com/revkeeper/revkeeper/domain/snapshot"
)

func TestWhereUsersAndRolesAreCertain(t *testing.T) {
	never, before, after := snapshot.Auth{Revision: 1}, snapshot.Auth{Enabled: true, Revision: 7}, snapshot.Auth{Enabled: true, Revision: 9}
	later := snapshot.Auth{Enabled: true, Revision: 12}
	env := func(first, last int64, a snapshot.Auth, to *snapshot.Auth) snapshot.Envelope {
		return snapshot.Envelope{First: first, Last: last, Auth: a, AuthTo: to}
	}
	for _, tc := range []struct {
		name    string
		base    int // which of the fulls
		objects []object
		auth    snapshot.Auth // of the base
		target  int64
		deltas  []snapshot.Envelope
		changed bool
		says    []string // none: no doubt
	}{
		{"nobody changed anything", 0, []object{full(0, 10)}, before, 30, []snapshot.Envelope{env(11, 20, before, nil), env(21, 30, before, nil)}, false, nil},
		{"a full ends at the target", 0, []object{full(0, 10)}, before, 10, nil, false, nil},
		{"a user was added within a delta", 0, []object{full(0, 10), full(0, 34)}, before, 30, []snapshot.Envelope{env(11, 20, before, nil), env(21, 30, before, &after)}, true,
			[]string{"auth revision 7, then 9", "exact at revision 10,", "unchanged up to 20", "exact again at revision 34"}},
		{"and another one later: they were exact before the first", 0, []object{full(0, 10)}, before, 30, []snapshot.Envelope{env(11, 20, before, &after), env(21, 30, after, &later)}, true,
			[]string{"auth revision 7, then 9", "exact at revision 10,"}},
		{"within the delta of the target alone", 0, []object{full(0, 10)}, before, 21, []snapshot.Envelope{env(11, 20, before, nil), env(21, 21, before, &after)}, true,
			[]string{"unchanged up to 20"}},
		{"between two deltas", 0, []object{full(0, 10)}, before, 30, []snapshot.Envelope{env(11, 20, before, nil), env(21, 30, after, nil)}, true,
			[]string{"unchanged up to 20", "no later full"}},
		{"right after the full", 0, []object{full(0, 10)}, never, 30, []snapshot.Envelope{env(11, 20, never, &before), env(21, 30, before, nil)}, true,
			[]string{"auth revision 1, then 7", "exact at revision 10, that of the full; no later full"}},
		{"only above the target", 0, []object{full(0, 10)}, before, 15, []snapshot.Envelope{env(11, 20, before, nil), env(21, 30, after, nil)}, false, nil},
		{"an unfinished full is no certain point", 0, []object{full(0, 10), unfinished(0, 34), full(0, 50)}, before, 30, []snapshot.Envelope{env(11, 30, before, &after)}, true,
			[]string{"again at revision 50"}},
		{"nobody recorded anything", 0, []object{full(0, 10)}, snapshot.Auth{}, 30, []snapshot.Envelope{env(11, 30, snapshot.Auth{}, nil)}, false,
			[]string{"does not tell whether"}},
		{"the full is newer than the target", 1, []object{full(0, 4), full(3, 10)}, before, 6, nil, false,
			[]string{"newer than the target", "exact at revision 10", "the full before is at revision 4"}},
		{"it is, and one before it was never finished", 2, []object{full(0, 4), unfinished(0, 5), full(3, 10)}, before, 6, nil, false,
			[]string{"the full before is at revision 4"}},
		{"it is, and there is no older one", 0, []object{full(3, 10)}, before, 6, nil, false, []string{"no older full"}},
		{"it is, but the cluster never had users", 0, []object{full(3, 10)}, never, 6, nil, false, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := catalogue(tc.objects...)
			p := chain.Path{Target: tc.target, Base: h.Fulls[tc.base]}
			trail := chain.NewAuthTrail(p, tc.auth)
			for _, e := range tc.deltas {
				trail.Pass(e)
			}
			doubt := trail.Doubt(h)
			if trail.Changed() != tc.changed || (doubt == "") != (tc.says == nil) {
				t.Errorf("changed %v, doubt %q", trail.Changed(), doubt)
			}
			for _, want := range tc.says {
				if !strings.Contains(doubt, want) {
					t.Errorf("%q is missing in %q", want, doubt)
				}
			}
		})
	}
}
