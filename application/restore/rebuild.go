package restore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/revkeeper/revkeeper/domain/chain"
	"github.com/revkeeper/revkeeper/domain/event"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/timeline"
	"github.com/revkeeper/revkeeper/ports"
)

// Point says which history is to be rebuilt.
type Point struct {
	Epoch     int   // timeline; 0 for the newest that has the target
	Target    int64 // revision, or chain.Latest
	Base      int64 // no full newer than this revision is used; 0 for any
	SkipProof bool  // leave out the comparison with etcd's own hash
	// Defragment writes the database anew without free pages; Fold also leaves out
	// everything but the state at the target. Both come after the comparison.
	Defragment bool
	Fold       bool
	Suspect    bool // also what failed a proof
}

// Rebuilder writes the history up to a revision into a database.
type Rebuilder struct {
	archive  ports.Archive
	observe  ports.Observer
	progress Progress // nil: nobody is told
}

// NewRebuilder returns a Rebuilder.
func NewRebuilder(archive ports.Archive, observe ports.Observer) *Rebuilder {
	return &Rebuilder{archive: archive, observe: observe}
}

// Telling returns a Rebuilder whose Run tells p how it advances.
func (r *Rebuilder) Telling(p Progress) *Rebuilder {
	out := *r
	out.progress = p
	return &out
}

// Plan returns the path that Run would take first, without taking it.
func (r *Rebuilder) Plan(ctx context.Context, at Point) (Plan, error) {
	c, err := r.Catalogue(ctx)
	if err != nil {
		return Plan{}, err
	}
	return plan(&c, at, nil, asItWas)
}

// bumping chooses the revision that a restored history continues from; 0 keeps
// it as it was.
type bumping func(c *timeline.Catalogue, target int64) (int64, error)

// asItWas is for histories that no client meets.
func asItWas(*timeline.Catalogue, int64) (int64, error) { return 0, nil }

func plan(c *timeline.Catalogue, at Point, broken []Broken, bump bumping) (Plan, error) {
	locate := chain.Locate
	if at.Suspect {
		locate = chain.LocateSuspect
	}
	h, target, err := locate(c, at.Epoch, at.Target)
	if err != nil {
		return Plan{}, err
	}
	if at.Base > 0 {
		h = chain.BasedOn(h, at.Base)
	}
	path, err := chain.Plan(h, target, Excluding(broken))
	if err != nil {
		return Plan{}, err
	}
	p := Plan{Path: path, Coverage: chain.Cover(h), Excluded: broken}
	if at.Target == chain.Latest {
		p.Path, p.Beyond = path.ToLatest(), chain.Beyond(c, h.Epoch, target)
	}
	p.BumpTo, err = bump(c, target)
	return p, err
}

// Run writes a history into a database that begin makes anew for each path that
// is tried, and hands it to use. The database is discarded afterwards. Damaged
// objects are planned around as in a restore.
func (r *Rebuilder) Run(ctx context.Context, at Point, begin func(context.Context) (ports.StagedDatabase, error), use func(Rebuilt) error) error {
	return r.around(ctx, at, asItWas, func(p Plan, h *timeline.History) error {
		staged, err := begin(ctx)
		if err != nil {
			return err
		}
		defer staged.Discard()
		m, err := r.archive.Manifest(ctx, p.Base.Ref)
		if err != nil {
			return &objectError{p.Base.Key(), err}
		}
		progress := r.progress.timed(p.Path, time.Now())
		progress(Step{Phase: "base", Total: p.Bytes()})
		built, err := r.rebuild(ctx, p, h, Survey{Manifest: m}, staged, at, progress)
		if err != nil {
			return err
		}
		progress(Step{Phase: "look", Bytes: p.Bytes(), Total: p.Bytes(), Records: built.Records, Revision: p.Target})
		return use(built)
	})
}

// around tries one path after another until one has no damaged object.
func (r *Rebuilder) around(ctx context.Context, at Point, bump bumping, try func(Plan, *timeline.History) error) error {
	c, err := r.Catalogue(ctx)
	if err != nil {
		return err
	}
	var broken []Broken
	for {
		p, err := plan(&c, at, broken, bump)
		if err != nil {
			return stillRestorable(&c, broken, err)
		}
		if err = try(p, c.Find(p.Epoch)); err == nil {
			return nil
		}
		bad, ok := BrokenBy(err)
		if !ok {
			return err
		}
		broken = append(broken, bad)
		r.observe.Observe(event.Event{At: time.Now(), Kind: event.RequestFailed, Level: event.Warn, Epoch: p.Epoch, Err: bad.Err,
			Message: fmt.Sprintf("%s cannot be used; looking for a path without it", bad.Key)})
	}
}

// Excluding keeps broken objects out of a plan.
func Excluding(broken []Broken) chain.Exclusion {
	return func(key string) string {
		for _, b := range broken {
			if b.Key == key {
				return b.Err.Error()
			}
		}
		return ""
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
	remedy := "restore one of these points instead"
	if detail == "" {
		detail, remedy = "; without it nothing can be restored", "put a good copy of it in its place, if there is one: an older version in the bucket, or another bucket"
	}
	if !errors.Is(err, fault.NotFound) { // else the points are why
		detail += "; " + fault.Found(err, "")
	}
	return fault.New(fault.Corrupt, "restore", last.Key, fault.Found(last.Err, last.Key)+detail).WithRemedy(remedy)
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
