package restore

import (
	"cmp"
	"context"
	"net/url"
	"time"

	"github.com/revkeeper/revkeeper/domain/chain"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/release"
	rule "github.com/revkeeper/revkeeper/domain/restore"
	"github.com/revkeeper/revkeeper/ports"
)

// MakePlan returns the plan by which every member of req's initial cluster is
// restored. Of the identity only cluster and token count; madeBy is the version
// of the program.
func (r *Restorer) MakePlan(ctx context.Context, req Request, madeBy string) (rule.PlanFile, error) {
	f, err := r.Plan(ctx, req)
	if err != nil {
		return rule.PlanFile{}, err
	}
	file := rule.PlanFile{MadeAt: time.Now(), MadeBy: madeBy,
		Timeline: f.Epoch, Revision: f.Target, Chosen: req.Chosen, Reason: f.Reason, BumpRevision: f.BumpTo,
		Suspect: f.Suspect(), Folded: req.Fold, Defragment: req.Defragment, DefaultLeaseTTL: cmp.Or(req.DefaultLeaseTTL, DefaultLeaseTTL),
		Objects: f.Objects, Token: req.Identity.ClusterToken, Members: members(req.Identity), Uncertain: f.Uncertain}
	if req.Etcd.Known() {
		file.EtcdVersion = req.Etcd.String()
	}
	return file.Seal()
}

// Carry is one member's part of a plan.
type Carry struct {
	Plan           rule.PlanFile
	Name           string // of the member
	Dir            string
	SkipProof      bool // leave out the comparison with etcd's own hash
	SkipSpaceCheck bool
}

// Request returns what the plan means for the member; Invalid if it does not
// name it, or etcd would not start as it.
func (c Carry) Request() (Request, error) {
	f := c.Plan
	req := Request{Epoch: f.Timeline, Target: f.Revision, Chosen: f.Chosen, Dir: c.Dir, KeepRevisions: f.BumpRevision == 0, BumpTo: f.BumpRevision,
		Fold: f.Folded, Defragment: f.Defragment, DefaultLeaseTTL: f.DefaultLeaseTTL,
		AllowSuspect: f.Suspect, SkipProof: c.SkipProof, SkipSpaceCheck: c.SkipSpaceCheck,
		Identity: ports.MemberIdentity{Name: c.Name, ClusterToken: f.Token, InitialCluster: map[string][]url.URL{}}}
	if _, err := f.Member(c.Name); err != nil {
		return req, err
	}
	if f.EtcdVersion != "" {
		var err error
		if req.Etcd, err = release.Parse(f.EtcdVersion); err != nil {
			return req, err
		}
	}
	for _, m := range f.Members {
		for _, text := range m.PeerURLs {
			u, err := url.Parse(text)
			if err != nil {
				return req, fault.Wrap(fault.Invalid, "carry out plan", m.Name, err)
			}
			req.Identity.InitialCluster[m.Name] = append(req.Identity.InitialCluster[m.Name], *u)
		}
	}
	req.Identity.InitialAdvertisePeer = req.Identity.InitialCluster[c.Name]
	return req, req.Check()
}

// Apply restores exactly what a plan says. Nothing is planned around: another
// path would give this member another history than the rest. On any error the
// target directory is as it was.
func (r *Restorer) Apply(ctx context.Context, c Carry, progress Progress) (Result, error) {
	began := time.Now()
	req, err := c.Request()
	if err != nil {
		return Result{}, err
	}
	catalogue, err := r.archive.Catalogue(ctx)
	if err != nil {
		return Result{}, err
	}
	path, err := c.Plan.Path(&catalogue)
	if err != nil {
		return Result{}, err
	}
	h := catalogue.Find(path.Epoch)
	p := Plan{Path: path, Coverage: chain.Cover(h), BumpTo: c.Plan.BumpRevision}
	same := func(s Survey) error { return c.Plan.Same(s.Objects) }
	res, err := r.attempt(ctx, req, p, h, same, progress)
	if err != nil {
		return Result{}, c.Plan.Unplanned(err)
	}
	return r.finished(res, req, began), nil
}
