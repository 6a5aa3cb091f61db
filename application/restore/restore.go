// Package restore builds an etcd data directory at a chosen revision.
package restore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/revkeeper/revkeeper/domain/chain"
	"github.com/revkeeper/revkeeper/domain/event"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/proof"
	"github.com/revkeeper/revkeeper/domain/timeline"
	"github.com/revkeeper/revkeeper/ports"
)

// DefaultLeaseTTL is given to leases whose granted TTL nobody recorded, in
// seconds.
const DefaultLeaseTTL = 60

// Request says what to restore and as whom.
type Request struct {
	Epoch    int    // timeline; 0 for the newest that has the target
	Target   int64  // revision, or chain.Latest
	Chosen   string // how the target was found, for people; empty if it was named
	Dir      string
	Identity ports.MemberIdentity
	// KeepRevisions restores the history exactly. Without it the revision is
	// bumped above everything that clients may have seen. Force keeps them also
	// where the bucket names later ones; see chain.Keep.
	KeepRevisions bool
	Force         bool
	// BumpTo fixes the revision to continue from, so that several members agree;
	// 0 chooses one. It must be above everything that the bucket names.
	BumpTo       int64
	SeenRevision int64 // largest revision known to have been seen by clients; 0 for none
	SkipProof    bool  // leave out the comparison with etcd's own hash
}

// Plan is what a restore will do; it can be shown before it is done.
type Plan struct {
	chain.Path
	Coverage chain.Coverage
	BumpTo   int64 // 0: revisions are kept
	Excluded []Broken
}

// Broken is an object that the plan goes around.
type Broken struct {
	Key string
	Err error
}

// Result is what was restored.
type Result struct {
	Plan     Plan
	Finished ports.Finished
	Records  int64 // of deltas
	Proof    *proof.Recorded
	// Computed is what the restored records hash to, equal to Proof.HashKV.
	Computed uint32
	Hashing  time.Duration
	Took     time.Duration
	Warnings []string
}

// Rebuilder writes the history up to a revision into a database.
type Rebuilder struct {
	archive ports.Archive
	observe ports.Observer
}

// NewRebuilder returns a Rebuilder.
func NewRebuilder(archive ports.Archive, observe ports.Observer) *Rebuilder {
	return &Rebuilder{archive: archive, observe: observe}
}

// Restorer restores from one archive.
type Restorer struct {
	*Rebuilder
	dirs ports.DataDir
}

// New returns a Restorer.
func New(archive ports.Archive, dirs ports.DataDir, observe ports.Observer) *Restorer {
	return &Restorer{Rebuilder: NewRebuilder(archive, observe), dirs: dirs}
}

// Plan returns what Run would do, without doing it.
func (r *Rebuilder) Plan(ctx context.Context, req Request) (Plan, error) {
	c, err := r.catalogue(ctx)
	if err != nil {
		return Plan{}, err
	}
	return plan(&c, req, nil)
}

func plan(c *timeline.Catalogue, req Request, broken []Broken) (Plan, error) {
	h, target, err := chain.Locate(c, req.Epoch, req.Target)
	if err != nil {
		return Plan{}, err
	}
	path, err := chain.Plan(h, target, func(key string) string {
		for _, b := range broken {
			if b.Key == key {
				return b.Err.Error()
			}
		}
		return ""
	})
	if err != nil {
		return Plan{}, err
	}
	p := Plan{Path: path, Coverage: chain.Cover(h), Excluded: broken}
	if req.KeepRevisions {
		err = chain.Keep(c, target, req.Force)
	} else {
		p.BumpTo, err = chain.BumpTo(c, req.BumpTo, req.SeenRevision, target)
	}
	return p, err
}

// Run restores. On any error the target directory is as it was. Objects that
// turn out to be damaged are planned around where another path exists; where
// none does, the error names the object and what can still be restored.
func (r *Restorer) Run(ctx context.Context, req Request, progress Progress) (Result, error) {
	began := time.Now()
	if progress == nil {
		progress = func(Step) {}
	}
	var res Result
	err := r.around(ctx, req, func(p Plan, h *timeline.History) (err error) {
		res, err = r.attempt(ctx, req, p, h, progress)
		return err
	})
	if err != nil {
		return Result{}, err
	}
	res.Took = time.Since(began)
	p := res.Plan
	r.observe.Observe(event.Event{At: time.Now(), Kind: event.RestoreFinished, Epoch: p.Epoch, Revision: p.Target,
		Records: res.Records, Bytes: p.Bytes(), Took: res.Took,
		Message: fmt.Sprintf("restored revision %d of timeline %d into %s", p.Target, p.Epoch, req.Dir)})
	return res, nil
}

// Run writes the history of a request into a database that begin makes anew for
// each path that is tried, and hands it to use. The database is discarded
// afterwards. Damaged objects are planned around as in a restore; of the request
// only timeline, target and SkipProof count.
func (r *Rebuilder) Run(ctx context.Context, req Request, begin func(context.Context) (ports.StagedDatabase, error), use func(Rebuilt) error) error {
	req.KeepRevisions, req.Force = true, true
	return r.around(ctx, req, func(p Plan, h *timeline.History) error {
		staged, err := begin(ctx)
		if err != nil {
			return err
		}
		defer staged.Discard()
		built, err := r.rebuild(ctx, p, h, staged, req.SkipProof, func(Step) {})
		if err != nil {
			return err
		}
		return use(built)
	})
}

// around tries one path after another until one has no damaged object.
func (r *Rebuilder) around(ctx context.Context, req Request, try func(Plan, *timeline.History) error) error {
	c, err := r.catalogue(ctx)
	if err != nil {
		return err
	}
	var broken []Broken
	for {
		p, err := plan(&c, req, broken)
		if err != nil {
			return stillRestorable(&c, broken, err)
		}
		if err = try(p, c.Find(p.Epoch)); err == nil {
			return nil
		}
		var bad *objectError
		if !errors.As(err, &bad) || fault.KindOf(bad.err) != fault.Corrupt && fault.KindOf(bad.err) != fault.NotFound {
			return err
		}
		broken = append(broken, Broken{Key: bad.key, Err: bad.err})
		r.observe.Observe(event.Event{At: time.Now(), Kind: event.RequestFailed, Level: event.Warn, Epoch: p.Epoch, Err: bad.err,
			Message: fmt.Sprintf("%s cannot be used; looking for a path without it", bad.key)})
	}
}

// stillRestorable adds to a planning error what broken objects it follows from
// and what can be restored without them.
func stillRestorable(c *timeline.Catalogue, broken []Broken, err error) error {
	if len(broken) == 0 {
		return err
	}
	last := broken[len(broken)-1]
	detail := ""
	for i := range c.Timelines {
		h := &c.Timelines[i]
		cov := chain.Cover(chain.Without(h, keys(broken)...))
		if len(cov.Windows) > 0 {
			detail += fmt.Sprintf("; timeline %d without it: %s", h.Epoch, chain.DescribeWindows(cov))
		}
	}
	if detail == "" {
		detail = "; without it nothing can be restored"
	}
	return &fault.Error{Kind: fault.Corrupt, Op: "restore", Object: last.Key, Detail: last.Err.Error() + detail,
		Remedy: "restore one of these points instead", Err: err}
}

func keys(broken []Broken) []string {
	out := make([]string, len(broken))
	for i, b := range broken {
		out[i] = b.Key
	}
	return out
}

// objectError says which object of the path an error is about.
type objectError struct {
	key string
	err error
}

func (e *objectError) Error() string { return e.err.Error() }
func (e *objectError) Unwrap() error { return e.err }
