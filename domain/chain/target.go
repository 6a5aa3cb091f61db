package chain

import (
	"errors"
	"fmt"

	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/timeline"
)

// BumpDistance is how far above every revision that anybody could have seen a
// restored history continues. The tail that was acknowledged to clients but not
// yet stored lies below it.
const BumpDistance = 1_000_000_000

// BumpTo returns the revision from which a restored cluster that serves clients
// continues: BumpDistance above the largest revision that the bucket names, the
// operator says was seen, or is restored.
//
// fixed, if not 0, is used instead; it is Invalid unless it lies above all of
// these.
func BumpTo(c *timeline.Catalogue, fixed, seen, target int64) (int64, error) {
	highest := max(c.MaxRevision(), seen, target)
	switch {
	case fixed == 0:
		return highest + BumpDistance, nil
	case fixed <= highest:
		return 0, fault.New(fault.Invalid, "plan restore", "",
			fmt.Sprintf("revision %d to continue from is not above %d, which clients may have seen", fixed, highest)).
			WithRemedy(fmt.Sprintf("use %d", highest+BumpDistance))
	}
	return fixed, nil
}

// Keep says whether a target may be restored with its revisions as they are:
// Conflict if the bucket names later ones, since a client that saw one of them
// would see it again with other contents, and miss what came between. force does
// it all the same, for a copy that no such client meets.
func Keep(c *timeline.Catalogue, target int64, force bool) error {
	if newest := c.MaxRevision(); newest > target && !force {
		return fault.New(fault.Conflict, "plan restore", fmt.Sprintf("revision %d", target),
			fmt.Sprintf("clients may have seen later ones, up to %d, and would see these revisions again with other contents", newest)).
			WithRemedy("leave out --keep-revisions for a cluster that clients use, or add --force for a copy that none of them meets")
	}
	return nil
}

// Latest stands for the newest restorable revision, where a target is wanted.
const Latest int64 = -1

// Locate finds the timeline and revision that a request means. epoch 0 means
// the newest timeline that can serve it; target may be Latest. What cannot be
// found is NotFound, and the error says of every timeline what can. What is
// suspect is not served: Latest is the newest revision below it, and a revision in
// it is Diverged, with the nearest good one.
func Locate(c *timeline.Catalogue, epoch int, target int64) (*timeline.History, int64, error) {
	return locate(c, epoch, target, false)
}

// LocateSuspect is Locate for who wants what is suspect all the same.
func LocateSuspect(c *timeline.Catalogue, epoch int, target int64) (*timeline.History, int64, error) {
	return locate(c, epoch, target, true)
}

func locate(c *timeline.Catalogue, epoch int, target int64, suspect bool) (*timeline.History, int64, error) {
	if len(c.Timelines) == 0 {
		return nil, 0, fault.New(fault.NotFound, "plan restore", "", "the bucket holds no backup").
			WithRemedy("check the store's address and prefix")
	}
	if epoch != 0 {
		h := c.Find(epoch)
		if h == nil {
			return nil, 0, fault.New(fault.NotFound, "plan restore", fmt.Sprintf("timeline %d", epoch), "there is no such timeline").
				WithRemedy("`revkeeper list` shows them all")
		}
		rev, err := locateIn(h, target, suspect)
		if err != nil && !Cover(h).MayContain(target) {
			return nil, 0, err
		}
		return h, rev, nil
	}
	var refused []error
	var perhaps *timeline.History
	for i := len(c.Timelines) - 1; i >= 0; i-- {
		h := &c.Timelines[i]
		rev, err := locateIn(h, target, suspect)
		if err == nil {
			return h, rev, nil
		}
		if errors.Is(err, fault.Diverged) {
			return nil, 0, err // it is there; what other timelines lack matters less
		}
		if perhaps == nil && Cover(h).MayContain(target) {
			perhaps = h
		}
		refused = append(refused, err)
	}
	if perhaps != nil {
		return perhaps, target, nil
	}
	return nil, 0, errors.Join(refused...)
}

// locateIn returns the revision of a timeline that a target means, and NotFound if
// it cannot be restored for certain, Diverged if it is suspect and that matters.
func locateIn(h *timeline.History, target int64, suspect bool) (int64, error) {
	cov := Cover(h)
	served := Coverage{Windows: cov.Windows}
	if !suspect {
		served.Windows = cov.Good()
	}
	if target == Latest {
		if rev, ok := served.Newest(); ok {
			return rev, nil
		}
	} else if served.Contains(target) {
		return target, nil
	}
	if len(cov.Suspect) > 0 && (target == Latest || cov.Contains(target)) {
		return target, suspectError(h, cov, target)
	}
	return target, unreachable(h, cov, target)
}

func suspectError(h *timeline.History, cov Coverage, target int64) error {
	good, _ := h.Good()
	detail := fmt.Sprintf("what is above revision %d of it failed a proof: it is not what the cluster had", good)
	remedy := "choose another timeline; or add --allow-suspect to have it all the same"
	if rev, ok := (Coverage{Windows: cov.Good()}).Newest(); ok {
		remedy = fmt.Sprintf("restore revision %d, the nearest that is good; or add --allow-suspect to have it all the same", rev)
	}
	return fault.New(fault.Diverged, "plan restore", fmt.Sprintf("timeline %d, %s", h.Epoch, targetName(target)), detail).WithRemedy(remedy)
}
