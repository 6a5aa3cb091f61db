package chain

import (
	"fmt"

	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/domain/timeline"
)

// noAuth is the auth revision of a cluster that never had users or roles.
const noAuth = 1

// AuthTrail follows what a path says of etcd's users and roles. They are in
// fulls alone: a restore has those of its base.
type AuthTrail struct {
	base    timeline.Full
	auth    snapshot.Auth // of the base
	target  int64
	known   int64  // up to here nobody saw them change
	changed uint64 // auth revision that they changed to after the base; 0 for no change
	untold  bool   // nobody recorded whether they changed
}

// NewAuthTrail begins at the base of a path, whose manifest says auth.
func NewAuthTrail(p Path, auth snapshot.Auth) *AuthTrail {
	return &AuthTrail{base: p.Base, auth: auth, target: p.Target, known: p.Base.Last}
}

// Pass notes what the next delta of the path says. Those above the target count
// for nothing.
func (t *AuthTrail) Pass(env snapshot.Envelope) {
	switch {
	case t.changed != 0 || env.First > t.target:
	case env.Auth.Revision == 0 && t.auth.Revision == 0: // etcd counts from 1
		t.untold = true
	case env.AuthTo != nil:
		t.changed = max(env.AuthTo.Revision, env.Auth.Revision)
	case env.Auth != t.auth:
		t.changed = max(env.Auth.Revision, t.auth.Revision)
	default:
		t.known = max(t.known, env.Last)
	}
}

// Changed reports whether users, roles or passwords changed between the base
// and the target.
func (t *AuthTrail) Changed() bool { return t.changed != 0 }

// Doubt says why the users and roles of the restored revision may not be those
// that the cluster had, and the nearest revisions of which they are known
// exactly; empty if there is no doubt. A full is exact. The cluster is asked once
// a minute, so that after the full "unchanged" is as of the last answer.
func (t *AuthTrail) Doubt(h *timeline.History) string {
	full := fmt.Sprintf("exact at revision %d, that of the full", t.base.Last)
	switch {
	case t.base.Last > t.target && t.auth.Revision > noAuth:
		before := "no older full is stored"
		if f := fullBefore(h, t.target); f != nil {
			before = fmt.Sprintf("the full before is at revision %d", f.Last)
		}
		return fmt.Sprintf("users, roles and passwords are those of the full, which is newer than the target: %s; %s", full, before)
	case t.untold:
		return "the backup does not tell whether users or roles changed after the full: they are as they were at the full"
	case t.changed == 0:
		return ""
	}
	exact := full
	if t.known > t.base.Last {
		exact += fmt.Sprintf(", seen unchanged up to %d", min(t.known, t.target))
	}
	if f := fullAfter(h, t.target); f != nil {
		exact += fmt.Sprintf(", and exact again at revision %d, that of the next full", f.Last)
	} else {
		exact += "; no later full is stored"
	}
	return fmt.Sprintf("users, roles or passwords changed after the full (auth revision %d, then %d), and the watch does not carry them, so they are as they were at the full: %s",
		t.auth.Revision, t.changed, exact)
}

// fullAfter returns the first finished full above a revision, nil for none.
func fullAfter(h *timeline.History, revision int64) *timeline.Full {
	for i := range h.Fulls {
		if f := &h.Fulls[i]; f.Finished && f.Last > revision {
			return f
		}
	}
	return nil
}

// fullBefore returns the last finished full at or below a revision, nil for none.
func fullBefore(h *timeline.History, revision int64) *timeline.Full {
	for i := len(h.Fulls) - 1; i >= 0; i-- {
		if f := &h.Fulls[i]; f.Finished && f.Last <= revision {
			return f
		}
	}
	return nil
}
