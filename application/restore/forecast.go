package restore

import (
	"context"
	"errors"
	"time"

	"github.com/revkeeper/revkeeper/domain/fault"
	rule "github.com/revkeeper/revkeeper/domain/restore"
	"github.com/revkeeper/revkeeper/domain/timeline"
)

// Forecast is what a restore will do, need and take.
type Forecast struct {
	Plan
	Survey
	Needs rule.Needs
	Free  int64         // bytes where it goes; negative where that is not known
	Took  time.Duration // by rule.DefaultRates
}

// Plan returns what Run would do, without doing it. The descriptions of the
// path's objects are read; a damaged one is planned around. What Run would refuse
// is refused: an identity that etcd would not start as, a directory with content.
// Without a directory that is somebody else's affair; see also DirUnnamed.
func (r *Restorer) Plan(ctx context.Context, req Request) (Forecast, error) {
	if err := req.Check(); err != nil {
		return Forecast{}, err
	}
	var f Forecast
	err := r.around(ctx, req.point(), req.bump, func(p Plan, h *timeline.History) error {
		s, err := r.survey(ctx, p, h, req.point())
		if err == nil {
			err = p.madeFor(req.Etcd, s.Manifest)
		}
		f = Forecast{Plan: p, Survey: s, Needs: s.Work.Needs(), Took: rule.DefaultRates().Took(p.Path, p.Bytes())}
		return err
	})
	if err != nil {
		return Forecast{}, err
	}
	if req.Dir != "" {
		switch err := r.dirs.Ready(ctx, req.Dir); {
		case err != nil && req.DirUnnamed:
			f.Uncertain = append(f.Uncertain, "the data directory, which is not named, would be refused: "+fault.Brief(err))
		case err != nil:
			return Forecast{}, err
		}
	}
	f.Free, err = r.free(ctx, req.Dir)
	return f, err
}

// Needs returns how much disk Run takes, by what the objects say of themselves; of
// that it needs no log. A damaged one is planned around.
func (r *Rebuilder) Needs(ctx context.Context, at Point) (n rule.Needs, err error) {
	err = r.around(ctx, at, asItWas, func(p Plan, h *timeline.History) error {
		s, err := r.survey(ctx, p, h, at)
		n = s.Work.Needs()
		return err
	})
	return n, err
}

// free returns how many bytes can be written under dir, negative where nobody
// knows.
func (r *Restorer) free(ctx context.Context, dir string) (int64, error) {
	free, err := r.dirs.Free(ctx, dir)
	if errors.Is(err, fault.Unsupported) {
		return -1, nil
	}
	return free, err
}

// fits returns nil if there is room for what a survey found, or nobody knows.
func (r *Restorer) fits(ctx context.Context, req Request, s Survey) error {
	if req.SkipSpaceCheck {
		return nil
	}
	free, err := r.free(ctx, req.Dir)
	if err != nil || free < 0 {
		return err
	}
	return s.Work.Needs().Fits(req.Dir, free)
}
