// Package s3 keeps objects in an S3 bucket, of AWS or of a compatible server.
//
// A put is conditional on the key being free (If-None-Match: *), for multipart
// uploads at their completion. The bucket must list in byte order, which
// directory buckets do not; they are refused at the first listing.
package s3

import (
	"context"
	"errors"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/s3/transfermanager"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/revkeeper/revkeeper/adapters/internal/objectkey"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/ports"
)

// Store is a ports.ObjectStore in a bucket. It is safe for concurrent use and
// needs no closing.
type Store struct {
	cfg     Config
	client  *s3.Client
	uploads *transfermanager.Client
}

var _ ports.ObjectStore = (*Store)(nil)

// New returns the store in cfg's bucket. It reads local files (AWS profile, CA)
// but does not reach for the network: a bucket that is away, or refuses, shows
// at the first call. A bad configuration is Invalid.
func New(ctx context.Context, cfg Config) (*Store, error) {
	if err := fault.Problems(cfg.Validate()).OrNil(); err != nil {
		return nil, err
	}
	client, err := newClient(ctx, cfg)
	if err != nil {
		return nil, err
	}
	return &Store{cfg: cfg, client: client, uploads: newUploads(client)}, nil
}

// Capabilities implements ports.ObjectStore.
func (s *Store) Capabilities() ports.Capabilities {
	location := "s3://" + s.cfg.Bucket
	if s.cfg.Prefix != "" {
		location += "/" + s.cfg.Prefix
	}
	return ports.Capabilities{Location: location, AtomicCreate: !s.cfg.NoConditionalPut}
}

// Stat implements ports.ObjectStore.
func (s *Store) Stat(ctx context.Context, key string) (ports.Object, error) {
	const op = "stat object"
	if err := check(ctx, op, key); err != nil {
		return ports.Object{}, err
	}
	out, err := s.client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &s.cfg.Bucket, Key: s.full(key)})
	if err != nil {
		return ports.Object{}, s.failure(ctx, op, key, err)
	}
	return ports.Object{Key: key, Size: aws.ToInt64(out.ContentLength)}, nil
}

// Delete implements ports.ObjectStore. In a bucket with versions it leaves a
// delete marker.
func (s *Store) Delete(ctx context.Context, key string) error {
	const op = "delete object"
	if err := check(ctx, op, key); err != nil {
		return err
	}
	_, err := s.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &s.cfg.Bucket, Key: s.full(key)})
	if err == nil || (status(err) == http.StatusNotFound && code(err) != "NoSuchBucket") {
		return nil
	}
	return s.locked(ctx, key, code(err), message(err), s.failure(ctx, op, key, err))
}

// full returns the key in the bucket.
func (s *Store) full(key string) *string { return aws.String(s.root() + key) }

// root is what every key in the bucket starts with: "" or "prefix/".
func (s *Store) root() string {
	if s.cfg.Prefix == "" {
		return ""
	}
	return s.cfg.Prefix + "/"
}

// check returns the error of a done context or a bad key.
func check(ctx context.Context, op, key string) error {
	if err := ctx.Err(); err != nil {
		return fault.Wrap(fault.Unavailable, op, key, err)
	}
	return objectkey.Check(op, key)
}

// exists reports whether key is taken; an error means that nobody knows.
func (s *Store) exists(ctx context.Context, key string) (bool, error) {
	_, err := s.Stat(ctx, key)
	if errors.Is(err, fault.NotFound) {
		return false, nil
	}
	return err == nil, err
}
