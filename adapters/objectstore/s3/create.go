package s3

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/s3/transfermanager"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/revkeeper/revkeeper/adapters/internal/objectbody"
	"github.com/revkeeper/revkeeper/domain/fault"
)

const (
	// singlePut is the largest object that goes up in one request, in bytes.
	singlePut = 8 << 20
	// partSize (bytes) and concurrency bound the memory of a multipart upload:
	// the transfer manager holds a part per worker, one being filled and the
	// first, 25 MiB. 10,000 parts, the most S3 takes, are 48 GiB; beyond, parts
	// grow.
	partSize    = 5 << 20
	concurrency = 3
	maxParts    = 10_000
	// abortTimeout bounds the clean-up of a failed multipart upload, which goes
	// on after the caller's context has ended.
	abortTimeout = 10 * time.Second
)

// newUploads returns the transfer manager. It inherits the client's setting of
// checksums only if told: it has its own default.
func newUploads(client *s3.Client) *transfermanager.Client {
	return transfermanager.New(client, func(o *transfermanager.Options) {
		o.PartSizeBytes = partSize
		o.MultipartUploadThreshold = partSize
		o.Concurrency = concurrency
		o.MaxUploadParts = maxParts
		o.FailTimeout = abortTimeout
		o.RequestChecksumCalculation = client.Options().RequestChecksumCalculation
	})
}

// Create implements ports.ObjectStore. A multipart upload whose start got no
// answer cannot be aborted; a lifecycle rule of the bucket that aborts
// incomplete uploads takes such remains away.
func (s *Store) Create(ctx context.Context, key string, body io.ReaderAt, size int64) error {
	const op = "create object"
	if err := check(ctx, op, key); err != nil {
		return err
	}
	if size < 0 {
		return fault.New(fault.Invalid, op, key, "the size is negative")
	}
	// Before a large upload a look is cheap; without conditional puts it is all
	// there is. Elsewhere the put itself decides.
	if size > singlePut || s.cfg.NoConditionalPut {
		switch taken, err := s.exists(ctx, key); {
		case taken:
			return exists(op, key, nil)
		case err != nil && s.cfg.NoConditionalPut:
			return err
		}
	}
	src := objectbody.NewReader(ctx, body, size)
	var err error
	if size <= singlePut {
		err = s.put(ctx, key, src, size)
	} else {
		err = s.upload(ctx, key, src)
	}
	switch {
	case err == nil:
		return nil
	case src.Err() != nil:
		return objectbody.Failure(op, key, src.Err())
	case ctx.Err() == nil && status(err) == http.StatusConflict:
		return s.settle(ctx, op, key, err)
	case ctx.Err() == nil && status(err) == http.StatusPreconditionFailed:
		return exists(op, key, err)
	}
	return s.failure(ctx, op, key, err)
}

// put stores an object in one request that reads straight from the body.
func (s *Store) put(ctx context.Context, key string, src io.ReadSeeker, size int64) error {
	_, err := s.client.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &s.cfg.Bucket, Key: s.full(key), Body: src, ContentLength: &size, IfNoneMatch: s.ifNone(),
	})
	return err
}

// upload stores an object in parts; the condition is checked at completion, and
// a failed upload is aborted.
func (s *Store) upload(ctx context.Context, key string, src io.ReadSeeker) error {
	_, err := s.uploads.UploadObject(ctx, &transfermanager.UploadObjectInput{
		Bucket: &s.cfg.Bucket, Key: s.full(key), Body: src, IfNoneMatch: s.ifNone(),
	})
	return err
}

// settle decides a 409. It means that another request on the key was under way:
// usually a create that won, but after a delete the key may be free.
func (s *Store) settle(ctx context.Context, op, key string, cause error) error {
	taken, err := s.exists(ctx, key)
	if taken {
		return exists(op, key, cause)
	}
	return &fault.Error{
		Kind: fault.Unavailable, Op: op, Object: key,
		Detail: "another request on the key was under way", Err: errors.Join(cause, err),
	}
}

func (s *Store) ifNone() *string {
	if s.cfg.NoConditionalPut {
		return nil
	}
	return aws.String("*")
}

func exists(op, key string, cause error) error {
	return &fault.Error{Kind: fault.Conflict, Op: op, Object: key, Detail: "it exists already", Err: cause}
}
