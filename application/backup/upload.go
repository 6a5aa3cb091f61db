package backup

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/revkeeper/revkeeper/domain/event"
	"github.com/revkeeper/revkeeper/domain/fault"
)

// upload stores what is sealed, in order, for as long as ctx lasts. A store
// that fails is tried again: nothing is skipped, for that would be a gap.
func (b *Backup) upload(ctx context.Context, q *queue) error {
	failures := 0
	for {
		d, err := q.oldest(ctx)
		if err != nil {
			return err
		}
		began := time.Now()
		err = b.writer.StoreDelta(ctx, d)
		switch {
		case err == nil:
			failures = 0
			b.state.stored(d, q.size()-d.Size, time.Now())
			q.pop()
			b.observe.Observe(event.Event{At: time.Now(), Kind: event.DeltaStored, Epoch: d.Ref.Epoch, Revision: d.Ref.Last,
				Bytes: d.Size, Records: d.Envelope.Records, Took: time.Since(began),
				Message: fmt.Sprintf("delta %d–%d stored", d.Ref.First, d.Ref.Last)})
			continue
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, fault.Diverged), errors.Is(err, fault.Corrupt):
			// The name carries digest and instant; that it is taken by other
			// content cannot be mended by trying again. What would follow it must
			// not be stored either, for that would hide a gap.
			q.poison(fault.Wrap(fault.Diverged, "store delta", d.Ref.Key(), err))
			b.state.failed(err, time.Now())
			b.observe.Observe(event.Event{At: time.Now(), Kind: event.UploadFailed, Level: event.Error, Epoch: d.Ref.Epoch, Revision: d.Ref.Last, Err: err,
				Message: fmt.Sprintf("delta %d–%d cannot be stored in this timeline; a new one begins, and etcd still has the revisions", d.Ref.First, d.Ref.Last)})
			continue
		}
		b.state.failed(err, time.Now())
		b.observe.Observe(event.Event{At: time.Now(), Kind: event.UploadFailed, Level: event.Warn, Epoch: d.Ref.Epoch,
			Revision: d.Ref.Last, Err: err, Message: fmt.Sprintf("delta %d–%d could not be stored; it is kept and tried again", d.Ref.First, d.Ref.Last)})
		failures++
		if err := pause(ctx, b.config.Retry.After(failures)); err != nil {
			return err
		}
	}
}
