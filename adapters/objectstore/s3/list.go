package s3

import (
	"context"
	"iter"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/revkeeper/revkeeper/adapters/internal/objectkey"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/ports"
)

// List implements ports.ObjectStore. One page is in memory at a time. Keys that
// no Create could have made, such as folder markers, are left out.
func (s *Store) List(ctx context.Context, prefix, after string) iter.Seq2[ports.Object, error] {
	return func(yield func(ports.Object, error) bool) {
		l := listing{store: s, ctx: ctx, prefix: prefix, last: after, yield: yield}
		if err := l.run(after); err != nil {
			yield(ports.Object{}, err)
		}
	}
}

// listing is one List under way.
type listing struct {
	store   *Store
	ctx     context.Context //nolint:containedctx // lives for one call of List
	prefix  string
	last    string // the last key seen
	yield   func(ports.Object, error) bool
	stopped bool
}

func (l *listing) run(after string) error {
	const op = "list objects"
	input := &s3.ListObjectsV2Input{
		Bucket: &l.store.cfg.Bucket,
		Prefix: aws.String(l.store.root() + l.prefix),
	}
	if after != "" {
		input.StartAfter = l.store.full(after)
	}
	for !l.stopped {
		if err := l.ctx.Err(); err != nil {
			return fault.Wrap(fault.Unavailable, op, l.prefix, err)
		}
		page, err := l.store.client.ListObjectsV2(l.ctx, input)
		if err != nil {
			return l.store.failure(l.ctx, op, l.prefix, err)
		}
		if err := l.page(page.Contents); err != nil {
			return err
		}
		if !aws.ToBool(page.IsTruncated) {
			return nil
		}
		if aws.ToString(page.NextContinuationToken) == "" {
			return fault.New(fault.Unsupported, op, l.prefix, "the server cut the listing without saying how to go on")
		}
		input.ContinuationToken = page.NextContinuationToken
	}
	return nil
}

// page yields the objects of one page and checks what the whole design stands
// on: that they come in byte order.
func (l *listing) page(contents []types.Object) error {
	for _, o := range contents {
		if err := l.ctx.Err(); err != nil {
			return fault.Wrap(fault.Unavailable, "list objects", l.prefix, err)
		}
		key, ok := strings.CutPrefix(aws.ToString(o.Key), l.store.root())
		if !ok || !strings.HasPrefix(key, l.prefix) {
			return fault.New(fault.Unsupported, "list objects", l.prefix, "the server listed "+aws.ToString(o.Key)+", which is outside the prefix")
		}
		if key <= l.last && l.last != "" {
			return fault.New(fault.Unsupported, "list objects", key, "the server does not list in byte order: it comes after "+l.last).
				WithRemedy("use a general purpose bucket")
		}
		l.last = key
		if !objectkey.Valid(key) {
			continue
		}
		if !l.yield(ports.Object{Key: key, Size: aws.ToInt64(o.Size)}, nil) {
			l.stopped = true
			return nil
		}
	}
	return nil
}
