package restore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/revkeeper/revkeeper/domain/chain"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/proof"
	"github.com/revkeeper/revkeeper/domain/record"
	rule "github.com/revkeeper/revkeeper/domain/restore"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/domain/timeline"
	"github.com/revkeeper/revkeeper/ports"
)

// attempt carries out one plan if check finds nothing against what its objects
// say of themselves. It stages beside the target and leaves nothing behind unless
// it succeeds.
func (r *Restorer) attempt(ctx context.Context, req Request, p Plan, h *timeline.History, check func(Survey) error, progress Progress) (res Result, err error) {
	staging, err := r.dirs.Stage(ctx, req.Dir)
	if err != nil {
		return res, err
	}
	defer staging.Discard()
	survey, err := r.survey(ctx, p, h, req.point())
	if err != nil {
		return res, err
	}
	if err := p.madeFor(req.Etcd, survey.Manifest); err != nil {
		return res, err
	}
	res.Plan = p
	if err := check(survey); err != nil {
		return res, err
	}
	if err := r.fits(ctx, req, survey); err != nil {
		return res, err
	}
	progress = progress.timed(p.Path, time.Now())
	progress(Step{Phase: "base", Total: p.Bytes()}) // an estimate, before anything is read
	built, err := r.rebuild(ctx, p, h, survey, staging, req.point(), progress)
	res.Records, res.Proof, res.Computed, res.Hashing = built.Records, built.Proof, built.Computed, built.Hashing
	res.Repacked, res.State = built.Repacked, built.State
	if err != nil {
		return res, err
	}
	progress(Step{Phase: "finish", Bytes: p.Bytes(), Total: p.Bytes(), Records: built.Records, Revision: p.Target})
	res.Plan, res.Warnings = built.Plan, built.Warnings
	if p.Suspect() {
		res.Warnings = append(res.Warnings, rule.Suspicion(req.AllowSuspect))
	}
	res.Finished, err = staging.Finish(ctx, ports.Finishing{
		Identity: req.Identity, Leases: built.Leases, DefaultTTL: req.DefaultLeaseTTL, BumpTo: p.BumpTo, Etcd: req.Etcd})
	if res.Finished.LeasesDefaulted > 0 {
		res.Warnings = append(res.Warnings, rule.DefaultedLeases(res.Finished.LeasesDefaulted, req.DefaultLeaseTTL))
	}
	return res, err
}

// Rebuilt is a history that was written into a database.
type Rebuilt struct {
	Plan     Plan
	Manifest snapshot.Manifest // of the base
	Records  int64             // of deltas
	Leases   []snapshot.Lease  // that records of deltas name, still to be written
	Raft     snapshot.Raft     // of the last object that was applied
	// AuthChanged says that users, roles or passwords changed after the base: the
	// database has the older ones.
	AuthChanged bool
	Proof       *proof.Recorded // nil where none could be used
	Computed    uint32          // what the records hash to, equal to Proof.HashKV
	Hashing     time.Duration
	Repacked    *ports.Repacked // nil where it was not asked for
	State       *proof.Hash     // of a folded database: what etcd answers about it
	Warnings    []string

	compare func(context.Context) (*proof.Recorded, uint32, error)
}

// Prove compares the database with the newest recorded hash at or below the target
// and returns that; nil if there is none. It is for who asked Run to skip the proof
// and not to fold, in order to do something else with the database meanwhile.
func (b Rebuilt) Prove(ctx context.Context) (*proof.Recorded, error) {
	recorded, _, err := b.compare(ctx)
	return recorded, err
}

// rebuild writes the history of a plan into a staged database and compares it. Of
// what was read of its objects the base's description is needed.
func (r *Rebuilder) rebuild(ctx context.Context, p Plan, h *timeline.History, read Survey, staged ports.StagedDatabase, at Point, progress Progress) (Rebuilt, error) {
	m := read.Manifest
	built := Rebuilt{Plan: p, Manifest: m}
	var err error
	a := &applier{
		staging:  staged,
		progress: progress,
		step:     Step{Phase: "base", Total: p.Bytes()},
		target:   p.Target,
		agree:    chain.NewAgreement(),
		leases:   make(snapshot.Leases),
		auth:     chain.NewAuthTrail(p.Path, m.Auth),
		raft:     m.Raft,
	}
	if err := a.agree.Claim(p.Base.Key(), m.Tail...); err != nil {
		return built, err
	}
	if err := r.run(ctx, p, read, a); err != nil {
		return built, err
	}
	p.Path = a.path
	if err := r.learnLater(ctx, h, p.Path, a.leases); err != nil {
		return built, err
	}
	built.Plan, built.Records = p, a.step.Records
	built.compare = func(ctx context.Context) (*proof.Recorded, uint32, error) { return r.prove(ctx, h, p, a) }
	if !at.SkipProof {
		began := time.Now()
		if rule.Unproven(h, p.Path) != rule.NoProof {
			a.report("proof", 0)
		}
		if built.Proof, built.Computed, err = built.compare(ctx); err != nil {
			if p.Suspect() {
				err = rule.FailsAgain(err)
			}
			return built, err
		}
		if built.Proof == nil {
			a.warnings = append(a.warnings, rule.NoProof)
		}
		built.Hashing = time.Since(began)
	}
	if at.Fold || at.Defragment {
		a.report("repack", 0)
		if built.Repacked, built.State, err = repack(ctx, p, staged, at.Fold); err != nil {
			return built, err
		}
	}
	for _, doubt := range []string{p.Beyond, a.auth.Doubt(h)} {
		if doubt != "" {
			a.warnings = append(a.warnings, doubt)
		}
	}
	built.Leases, built.Raft, built.AuthChanged, built.Warnings = a.leases.Sorted(), a.raft, a.auth.Changed(), a.warnings
	return built, nil
}

// run streams the base and the deltas side by side: deltas are fetched and decoded
// while the base is still written.
func (r *Rebuilder) run(ctx context.Context, p Plan, read Survey, a *applier) error {
	g, ctx := errgroup.WithContext(ctx)
	feeds := r.prefetch(ctx, g, p.Deltas, read.deltas)
	g.Go(func() error {
		if err := r.base(ctx, p, read.Manifest, a); err != nil {
			return err
		}
		if err := r.witnesses(ctx, p, a); err != nil {
			return err
		}
		for f := range feeds {
			if err := a.delta(ctx, f); err != nil {
				return err
			}
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		return a.complete()
	})
	return g.Wait()
}

func (r *Rebuilder) base(ctx context.Context, p Plan, m snapshot.Manifest, a *applier) error {
	body, err := r.archive.OpenFull(ctx, p.Base.Ref)
	if err != nil {
		return &objectError{p.Base.Key(), err}
	}
	defer body.Close()
	facts, err := a.staging.Base(ctx, &baseReader{Reader: body, plain: m.Size, stored: p.Base.Size,
		report: func(stored int64) { a.progress(Step{Phase: "base", Bytes: stored, Total: a.step.Total}) }})
	if err != nil {
		if !errors.Is(err, fault.Corrupt) {
			return err
		}
		if !fault.Names(err, p.Base.Key()) { // what is wrong with the database names none
			err = fault.Wrap(fault.Corrupt, "read full", p.Base.Key(), err)
		}
		return &objectError{p.Base.Key(), err}
	}
	if err := m.Describes(facts.SHA256); err != nil {
		return &objectError{p.Base.Key(), err}
	}
	found, err := p.Accept(facts.Compact, facts.Last)
	switch {
	case errors.Is(err, fault.NotFound) && p.DropsNewer():
		return err // newer fulls go back no further
	case err != nil:
		return &objectError{p.Base.Key(), err}
	}
	a.path, a.target = found, found.Target
	if err := a.agree.Claim(found.Base.Key(), upTo(found.Target, facts.Tail)...); err != nil {
		return err
	}
	if found.DropsNewer() {
		if err := a.staging.DropAfter(ctx, found.Target); err != nil {
			return err
		}
	}
	a.seq = record.After(min(facts.Last, found.Target))
	a.report("deltas", p.Base.Size)
	return nil
}

// witnesses claims what deltas beside the path say of revisions on it. One that
// cannot be read is no reason to refuse: the path does not need it. One that a
// delta of the path holds is not even read: they are what a roll-up was made of,
// perhaps by the thousand.
func (r *Rebuilder) witnesses(ctx context.Context, p Plan, a *applier) error {
	held := holder{archive: r.archive, path: p.Deltas}
	for _, w := range p.Witnesses {
		if held.has(ctx, w.Ref) {
			continue
		}
		env, err := r.archive.Envelope(ctx, w.Ref)
		if err != nil {
			a.warnings = append(a.warnings, fmt.Sprintf("%s overlaps the path and could not be compared: %v", w.Key(), err))
			continue
		}
		if err := a.agree.Claim(w.Key(), upTo(a.target, env.Tail)...); err != nil {
			return err
		}
	}
	return nil
}

// holder knows which deltas the longer ones of a path hold.
type holder struct {
	archive ports.Archive
	path    []timeline.Delta
	at      int // in path; witnesses come by first revision, as the path does
	read    bool
	env     snapshot.Envelope
}

// has reports whether a delta of the path holds w. One that cannot be read holds
// nothing here; whoever applies it says why.
func (h *holder) has(ctx context.Context, w snapshot.Ref) bool {
	for h.at < len(h.path) && h.path[h.at].Last < w.Last {
		h.at, h.read = h.at+1, false
	}
	if h.at == len(h.path) || h.path[h.at].First > w.First || h.path[h.at].Undescribed {
		return false // a roll-up is described
	}
	if !h.read {
		h.read = true
		h.env, _ = h.archive.Envelope(ctx, h.path[h.at].Ref)
	}
	return chain.Holds(h.env, w)
}

// prove compares the staged records with the newest proof at or below the
// target; nil if there is none.
func (r *Rebuilder) prove(ctx context.Context, h *timeline.History, p Plan, a *applier) (*proof.Recorded, uint32, error) {
	for i := len(h.Proofs) - 1; i >= 0; i-- {
		ref := h.Proofs[i]
		if ref.Last > p.Target || ref.Last < p.Base.First {
			continue
		}
		recorded, err := r.archive.Proof(ctx, ref)
		if errors.Is(err, fault.Corrupt) || errors.Is(err, fault.NotFound) {
			a.warnings = append(a.warnings, fmt.Sprintf("%s could not be used to prove the result: %v", ref.Key(), err))
			continue // an older one proves less, but something
		}
		if err != nil {
			return nil, 0, err
		}
		best, ok := proof.Choose([]proof.Recorded{recorded}, p.Target, p.Base.First)
		if !ok {
			continue
		}
		history, err := a.staging.History(ctx)
		if err != nil {
			return nil, 0, err
		}
		computed, err := proof.Compare(history, best)
		return &best, computed, err
	}
	return nil, 0, nil
}
