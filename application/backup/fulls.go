package backup

import (
	"context"
	"errors"
	"fmt"
	"time"

	takefull "github.com/revkeeper/revkeeper/application/snapshot"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/schedule"
	"github.com/revkeeper/revkeeper/domain/timeline"
)

// takeFulls takes a full whenever the rule, a change of etcd's users or a
// request wants one. Deltas go on meanwhile.
func (s *session) takeFulls(ctx context.Context) error {
	failures := 0
	forced := s.mustConnect()
	var asked []request
	for {
		decision := s.b.config.Full.Decide(s.fullState(), time.Now())
		if forced == "" && decision.Due {
			forced = decision.Reason
		}
		if forced == "" && len(asked) > 0 {
			forced = s.onDemand(&asked)
		}
		if forced != "" {
			err := s.takeFull(ctx, forced, &asked)
			if err == nil {
				failures, forced = 0, ""
				continue
			}
			if ctx.Err() != nil || s.p.connect != nil && errors.Is(err, fault.Diverged) {
				return err
			}
			s.b.state.failed(err, time.Now())
			failures++
			if err := pause(ctx, s.b.config.Retry.After(failures)); err != nil {
				return err
			}
			continue
		}
		if err := s.untilWanted(ctx, decision, &forced, &asked); err != nil {
			return err
		}
	}
}

// mustConnect returns why the session cannot do without a full, if so.
func (s *session) mustConnect() string {
	if s.p.connect != nil {
		return fmt.Sprintf("it must bridge the distance from revision %d", s.p.connect.Last)
	}
	return ""
}

// onDemand returns the reason for a full that was asked for, or answers that
// nothing changed.
func (s *session) onDemand(asked *[]request) string {
	st := s.fullState()
	for _, r := range *asked {
		if !st.HasBase || st.FullRevision < max(st.Revision, r.upTo) {
			return "asked for"
		}
	}
	for _, r := range *asked {
		r.reply <- outcome{}
	}
	*asked = nil
	return ""
}

// untilWanted waits for the next reason to take a full.
func (s *session) untilWanted(ctx context.Context, d schedule.Decision, forced *string, asked *[]request) error {
	wait := s.b.config.HeadInterval
	if !d.At.IsZero() {
		wait = min(wait, max(0, time.Until(d.At)))
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case *forced = <-s.fullNow:
	case f := <-s.b.built:
		if f.Epoch == s.p.epoch && s.p.full.ref != nil && f.Last > s.p.full.ref.Last {
			s.p.full = fullState{ref: &f.Ref, size: f.Size, auth: s.p.full.auth}
			s.b.state.builtFull(f.Ref)
		}
	case r := <-s.b.wantFull:
		*asked = append(*asked, r)
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

func (s *session) takeFull(ctx context.Context, reason string, asked *[]request) error {
	req := takefull.Request{Epoch: s.p.epoch, AtLeast: s.surroundings.reached(), ConnectTo: s.p.connect, Reason: reason}
	for _, r := range *asked {
		req.AtLeast = max(req.AtLeast, r.upTo)
	}
	req.Auth, req.Raft = s.surroundings.authAndRaft()
	full, err := s.fetchFull(ctx, req)
	for _, r := range *asked {
		if err != nil {
			r.reply <- outcome{err: err}
			continue
		}
		r.reply <- outcome{ref: &full.Ref}
	}
	*asked = nil
	if err != nil {
		return err
	}
	s.p.connect = nil
	s.p.full = fullState{ref: &full.Ref, size: full.Size, auth: req.Auth}
	s.based.Store(true)
	s.b.state.storedFull(full.Ref, time.Now())
	s.refreshWindows(ctx)
	return nil
}

func (s *session) fetchFull(ctx context.Context, req takefull.Request) (full timeline.Full, err error) {
	if req.Writer, err = s.b.signed(ctx, s.p.head); err != nil {
		return full, err
	}
	return s.b.fulls.Take(ctx, req)
}

// refreshWindows reads the catalogue once after a full: what can be restored
// has changed by more than one delta.
func (s *session) refreshWindows(ctx context.Context) {
	s.b.state.lists()
	c, err := s.b.archive.Catalogue(ctx)
	if err != nil {
		return // the next full or delta tells; the store's state is not in doubt
	}
	if h := c.Find(s.p.epoch); h != nil {
		s.b.state.catalogued(h)
	}
}

func (s *session) fullState() schedule.FullState {
	st := schedule.FullState{
		HasBase:    s.p.full.ref != nil,
		Revision:   s.b.state.Backup().Live,
		DeltaBytes: s.p.full.bytes + s.b.state.sinceFull(),
		FullBytes:  s.p.full.size,
	}
	if ref := s.p.full.ref; ref != nil {
		st.FullAt, st.FullRevision = ref.At, ref.Last
	}
	return st
}
