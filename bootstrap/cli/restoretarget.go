package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/pflag"

	"github.com/revkeeper/revkeeper/application/restore"
	"github.com/revkeeper/revkeeper/domain/chain"
)

// restoreTarget is what is to be restored, as it was said: a revision, a moment,
// or the time before a key was deleted.
type restoreTarget struct {
	revision     string
	moment       string
	beforeDelete string

	at time.Time // moment, read
}

func (t *restoreTarget) register(fs *pflag.FlagSet) {
	fs.StringVar(&t.revision, "to-revision", "", "the revision, or "+latest)
	fs.StringVar(&t.moment, "to-time", "", "instead of a revision: the newest that was certainly written by then; RFC 3339, or a time of day as in 14:03, here and in the past")
	fs.StringVar(&t.beforeDelete, "before-delete", "", "instead of a revision: the one before this key was deleted last")
}

// read returns the revision, or chain.Latest in place of one that only the store
// can tell, and collects what is wrong.
func (t *restoreTarget) read(r *flagReader, now time.Time) int64 {
	given := 0
	for _, text := range []string{t.revision, t.moment, t.beforeDelete} {
		if text != "" {
			given++
		}
	}
	if given != 1 {
		r.add("--to-revision", t.revision, "is one of three ways to say what is to be restored, and exactly one is needed",
			"one of --to-revision, --to-time, --before-delete")
		return 0
	}
	if t.moment != "" {
		t.readMoment(r, now)
	}
	if t.revision == "" {
		return chain.Latest
	}
	return r.revision(t.revision)
}

func (t *restoreTarget) readMoment(r *flagReader, now time.Time) {
	var ok bool
	if t.at, ok = chain.ParseMoment(t.moment, now); !ok {
		r.add("--to-time", t.moment, "is not a moment", "as in "+now.UTC().Format(time.RFC3339)+", or 14:03")
	} else if t.at.After(now) {
		r.add("--to-time", t.moment, "lies in the future", "a moment in the past, or --to-revision "+latest)
	}
}

// fixed reports whether everybody who restores it gets the same revision,
// whatever is stored meanwhile.
func (t *restoreTarget) fixed() bool { return t.revision != "" && t.revision != latest }

// resolve asks the store what the target is in revisions.
func (t *restoreTarget) resolve(ctx context.Context, r *restore.Restorer, req *restore.Request) error {
	switch {
	case t.moment != "":
		m, err := r.Moment(ctx, req.Epoch, t.at)
		if err != nil {
			return err
		}
		req.Epoch, req.Target, req.Chosen = m.Epoch, m.Revision, m.String()
	case t.beforeDelete != "":
		revision, epoch, err := r.BeforeDelete(ctx, req.Epoch, []byte(t.beforeDelete))
		if err != nil {
			return err
		}
		req.Epoch, req.Target = epoch, revision
		req.Chosen = fmt.Sprintf("revision %d deleted %q", revision+1, t.beforeDelete)
	}
	return nil
}
