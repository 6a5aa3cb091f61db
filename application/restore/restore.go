// Package restore builds an etcd data directory at a chosen revision.
package restore

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/revkeeper/revkeeper/domain/chain"
	"github.com/revkeeper/revkeeper/domain/event"
	"github.com/revkeeper/revkeeper/domain/proof"
	"github.com/revkeeper/revkeeper/domain/release"
	"github.com/revkeeper/revkeeper/domain/timeline"
	"github.com/revkeeper/revkeeper/ports"
)

// DefaultLeaseTTL is given to leases whose granted TTL nobody recorded, in
// seconds, where nobody says otherwise.
const DefaultLeaseTTL = 60

// Request says what to restore and as whom.
type Request struct {
	Epoch  int    // timeline; 0 for the newest that has the target
	Target int64  // revision, or chain.Latest
	Chosen string // how the target was found, for people; empty if it was named
	Dir    string
	// DirUnnamed says that nobody named Dir: a plan is then a question about the
	// store, and what is wrong with Dir is uncertain rather than refused.
	DirUnnamed bool
	Identity   ports.MemberIdentity
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
	Defragment   bool  // see Point
	Fold         bool
	// DefaultLeaseTTL, in seconds, is for leases whose granted TTL nobody recorded;
	// 0 means the constant of this name.
	DefaultLeaseTTL int64
	// Etcd is the release that will be started on the directory; zero for the one
	// that was backed up.
	Etcd release.Release
	// SkipSpaceCheck begins even if the disk seems too small.
	SkipSpaceCheck bool
	AllowSuspect   bool // restore also what failed a proof
}

// Plan is what a restore will do; it can be shown before it is done.
type Plan struct {
	chain.Path
	Coverage chain.Coverage
	BumpTo   int64 // 0: revisions are kept
	Excluded []Broken
	Beyond   string // what is stored after the latest revision and left out; see chain.Beyond
	// EtcdVersion is of the member that gave the base, empty where that is not known;
	// Etcd the release that the directory is made for, zero for the same.
	EtcdVersion string
	Etcd        release.Release
}

// Suspect reports whether the target failed a proof.
func (p Plan) Suspect() bool { return p.Coverage.Doubts(p.Target) }

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
	Repacked *ports.Repacked // nil where it was not asked for
	State    *proof.Hash     // of a folded database, what etcd answers about it
	Took     time.Duration
	Warnings []string
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

// bump returns the revision that the restored history continues from, 0 if it
// is to end at the target.
func (req Request) bump(c *timeline.Catalogue, target int64) (int64, error) {
	if req.KeepRevisions {
		return 0, chain.Keep(c, target, req.Force)
	}
	return chain.BumpTo(c, req.BumpTo, req.SeenRevision, target)
}

func (req Request) point() Point {
	return Point{Epoch: req.Epoch, Target: req.Target, SkipProof: req.SkipProof, Suspect: req.AllowSuspect, Defragment: req.Defragment, Fold: req.Fold}
}

// Run restores. On any error the target directory is as it was. Objects that
// turn out to be damaged are planned around where another path exists; where
// none does, the error names the object and what can still be restored.
func (r *Restorer) Run(ctx context.Context, req Request, progress Progress) (Result, error) {
	began := time.Now()
	if err := req.Check(); err != nil {
		return Result{}, err
	}
	req.DefaultLeaseTTL = cmp.Or(req.DefaultLeaseTTL, DefaultLeaseTTL)
	var res Result
	err := r.around(ctx, req.point(), req.bump, func(p Plan, h *timeline.History) (err error) {
		res, err = r.attempt(ctx, req, p, h, func(Survey) error { return nil }, progress)
		return err
	})
	if err != nil {
		return Result{}, err
	}
	return r.finished(res, req, began), nil
}

// finished tells of a restore that succeeded.
func (r *Restorer) finished(res Result, req Request, began time.Time) Result {
	res.Took = time.Since(began)
	p := res.Plan
	r.observe.Observe(event.Event{At: time.Now(), Kind: event.RestoreFinished, Epoch: p.Epoch, Revision: p.Target,
		Records: res.Records, Bytes: p.Bytes(), Took: res.Took,
		Message: fmt.Sprintf("restored revision %d of timeline %d into %s", p.Target, p.Epoch, req.Dir)})
	return res
}
