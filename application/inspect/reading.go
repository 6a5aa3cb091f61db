package inspect

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/revkeeper/revkeeper/application/restore"
	"github.com/revkeeper/revkeeper/domain/chain"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/record"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/domain/timeline"
	"github.com/revkeeper/revkeeper/ports"
)

// visit is given one record after another, oldest first, with the bounds of when
// it was written, zero where nobody noted them. The record's bytes are the
// reader's.
type visit func(r record.Record, notBefore, notAfter time.Time) error

// read reads the records of span that objects of a timeline hold. Of an object that
// turns out to be damaged nothing is used: the reading is planned without it and
// begins anew. begin is told each plan and returns who is to be given the records;
// nil calls it off.
func (i *Inspector) read(ctx context.Context, h *timeline.History, span chain.Range, begin func(chain.Reading) visit) (broken []restore.Broken, err error) {
	r := &reader{Inspector: i}
	defer r.close()
	for {
		plan := chain.Read(h, span, restore.Excluding(broken))
		var err error
		if plan.Unsure != nil {
			h, err = r.ask(ctx, h, *plan.Unsure)
		} else if v := begin(plan); v != nil {
			err = r.pieces(ctx, plan.Pieces, v)
		}
		bad, ok := restore.BrokenBy(err)
		switch {
		case ok:
			broken = append(broken, bad)
		case err != nil || plan.Unsure == nil:
			return broken, err
		}
	}
}

// ask opens a full to see what it holds.
func (r *reader) ask(ctx context.Context, h *timeline.History, f timeline.Full) (*timeline.History, error) {
	r.agree, r.told = chain.NewAgreement(), restore.NewReading(r.progress, f.Size, 0)
	if err := r.open(ctx, f); err != nil {
		return h, err
	}
	known, err := chain.Found(h, f, r.facts.Compact, r.facts.Last)
	if err != nil {
		return h, restore.Blame(f.Key(), err)
	}
	return known, nil
}

// pieces reads one piece after another, deltas that follow each other in one go.
func (r *reader) pieces(ctx context.Context, pieces []chain.Piece, v visit) error {
	r.agree, r.visit = chain.NewAgreement(), v
	fulls, deltas := sizes(pieces)
	r.told = restore.NewReading(r.progress, fulls, deltas)
	for len(pieces) > 0 {
		n := 0
		for n < len(pieces) && pieces[n].Delta != nil {
			n++
		}
		var err error
		if n > 0 {
			err = r.deltas(ctx, pieces[:n])
		} else {
			n, err = 1, r.full(ctx, pieces[0])
		}
		if err != nil {
			return err
		}
		pieces = pieces[n:]
	}
	return nil
}

// sizes are the stored bytes of the fulls and of the deltas of a reading.
func sizes(pieces []chain.Piece) (fulls, deltas int64) {
	for _, p := range pieces {
		if p.Delta != nil {
			deltas += p.Delta.Size
		} else {
			fulls += p.Full.Size
		}
	}
	return fulls, deltas
}

// reader reads plans of one timeline.
type reader struct {
	*Inspector
	told  *restore.Reading
	agree *chain.Agreement // of objects that overlap
	visit visit

	opened string               // key of the full that is staged
	staged ports.StagedSnapshot // nil for none
	facts  ports.FullFacts      // of it
}

// deltas reads pieces of deltas.
func (r *reader) deltas(ctx context.Context, pieces []chain.Piece) error {
	deltas := make([]timeline.Delta, len(pieces))
	for n, p := range pieces {
		deltas[n] = *p.Delta
	}
	n := 0
	return r.rebuild.Stream(ctx, deltas, func(d timeline.Delta, env snapshot.Envelope, blocks iter.Seq2[ports.Block, error]) error {
		p := pieces[n]
		n++
		err := r.delta(p, d.Key(), env, blocks)
		r.told.Done(d.Size)
		return err
	})
}

// delta reads one. What it repeats of the pieces before is compared, where
// something is known of it, and not visited again.
func (r *reader) delta(p chain.Piece, key string, env snapshot.Envelope, blocks iter.Seq2[ports.Block, error]) error {
	var digests record.Digester
	var disagreement error
	digests.OnRevision(func(d record.RevisionDigest) {
		if disagreement == nil {
			disagreement = r.agree.Check(key, d)
		}
	})
	compare := r.agree.Concerns(env.First, env.Last)
	seq := record.After(p.First - 1)
	for b, err := range blocks {
		if err != nil {
			return err
		}
		r.told.Records(len(b.Records))
		for _, rec := range b.Records {
			if compare && rec.Main < p.First {
				digests.Write(rec)
			}
			if !p.Contains(rec.Main) {
				continue
			}
			if err := seq.Next(rec); err != nil {
				return err
			}
			if err := r.visit(rec, b.NotBefore, b.NotAfter); err != nil {
				return err
			}
		}
	}
	if compare {
		digests.Finish()
	}
	if disagreement != nil {
		return disagreement
	}
	if seq.Last() != p.Last {
		return fault.New(fault.Internal, "read deltas", key, fmt.Sprintf("it was to hold revision %d and ended at %d", p.Last, seq.Last()))
	}
	r.agree.Forget(p.Last - record.TailLength)
	return r.agree.Claim(key, env.Tail...)
}

// full reads one. It is copied to the disk first.
func (r *reader) full(ctx context.Context, p chain.Piece) error {
	if err := r.open(ctx, *p.Full); err != nil {
		return err
	}
	defer r.told.Done(p.Full.Size)
	h, err := r.staged.History(ctx)
	if err != nil {
		return err
	}
	for rec, err := range h.Forward() {
		switch {
		case err != nil:
			return err
		case rec.Main > p.Last:
			return nil
		case rec.Main < p.First:
			continue
		}
		if err := r.visit(rec, time.Time{}, time.Time{}); err != nil {
			return err
		}
	}
	return nil
}

// open stages a full, unless it is.
func (r *reader) open(ctx context.Context, f timeline.Full) error {
	if r.opened != f.Key() {
		if err := r.stage(ctx, f); err != nil {
			return err
		}
	}
	return r.agree.Claim(f.Key(), r.facts.Tail...)
}

func (r *reader) stage(ctx context.Context, f timeline.Full) error {
	r.close()
	body, err := r.archive.OpenFull(ctx, f.Ref)
	if err != nil {
		return restore.Blame(f.Key(), err)
	}
	defer body.Close()
	if r.staged, err = r.builder.Begin(ctx); err != nil {
		return err
	}
	var plain int64 // not known: nobody is told how far it was read
	if m, err := r.archive.Manifest(ctx, f.Ref); err == nil {
		plain = m.Size
	}
	if r.facts, err = r.staged.Base(ctx, r.told.Full(body, plain, f.Size)); err != nil {
		return restore.Blame(f.Key(), err)
	}
	if _, err := (chain.Path{Base: f, Target: f.Last}).Accept(r.facts.Compact, r.facts.Last); err != nil {
		return restore.Blame(f.Key(), err)
	}
	r.opened = f.Key()
	return nil
}

func (r *reader) close() {
	if r.staged != nil {
		r.staged.Discard()
	}
	r.staged, r.opened = nil, ""
}
