package s3

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"github.com/revkeeper/revkeeper/adapters/internal/bulk"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/ports"
)

var _ ports.StoreKeeper = (*Store)(nil)

// atOnce is the most that S3 deletes in one request.
const atOnce = 1000

// DeleteAll implements ports.StoreKeeper. A server without such a request gets one
// for each object.
func (s *Store) DeleteAll(ctx context.Context, keys []string) []error {
	out := make([]error, len(keys))
	var valid []int
	for i, key := range keys {
		if out[i] = check(ctx, "delete object", key); out[i] == nil {
			valid = append(valid, i)
		}
	}
	for len(valid) > 0 {
		batch := valid[:min(atOnce, len(valid))]
		valid = valid[len(batch):]
		asked := make([]string, len(batch))
		for i, k := range batch {
			asked[i] = keys[k]
		}
		for i, err := range s.deleteBatch(ctx, asked) {
			out[batch[i]] = err
		}
	}
	return out
}

func (s *Store) deleteBatch(ctx context.Context, keys []string) []error {
	const op = "delete objects"
	objects := make([]types.ObjectIdentifier, len(keys))
	at := make(map[string]int, len(keys))
	for i, key := range keys {
		objects[i] = types.ObjectIdentifier{Key: s.full(key)}
		at[*objects[i].Key] = i
	}
	answer, err := s.client.DeleteObjects(ctx, &s3.DeleteObjectsInput{
		Bucket: &s.cfg.Bucket, Delete: &types.Delete{Objects: objects, Quiet: aws.Bool(true)},
	})
	out := make([]error, len(keys))
	if err != nil {
		if n := status(err); n == http.StatusNotImplemented || n == http.StatusMethodNotAllowed || n == http.StatusBadRequest {
			return bulk.Each(ctx, keys, s.Delete)
		}
		for i, key := range keys {
			out[i] = s.failure(ctx, op, key, err)
		}
		return out
	}
	for _, e := range answer.Errors {
		i, ok := at[aws.ToString(e.Key)]
		if !ok {
			continue
		}
		out[i] = s.keyFailure(ctx, keys[i], aws.ToString(e.Code), aws.ToString(e.Message))
	}
	return out
}

// keyFailure is the error of one key in an answer to many.
func (s *Store) keyFailure(ctx context.Context, key, code, message string) error {
	const op = "delete object"
	if code == "NoSuchKey" {
		return nil
	}
	kind, remedy := s.classify(0, code)
	if code == "AccessDenied" {
		kind, remedy = s.classify(http.StatusForbidden, code)
	}
	err := &fault.Error{Kind: kind, Op: op, Object: key, Detail: strings.TrimSpace(code + " " + message), Remedy: remedy}
	return s.locked(ctx, key, code, message, err)
}

// locked turns a refusal that comes from an object lock into Immutable, and says
// until when. Servers have no code of their own for it.
func (s *Store) locked(ctx context.Context, key, code, message string, refusal error) error {
	text := strings.ToLower(code + " " + message)
	if !strings.Contains(text, "objectlock") && !strings.Contains(text, "object lock") && !strings.Contains(text, "worm protected") {
		return refusal
	}
	e := &fault.Error{Kind: fault.Immutable, Op: "delete object", Object: key, Detail: "an object lock keeps it"}
	head, err := s.client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &s.cfg.Bucket, Key: s.full(key)})
	switch {
	case err != nil: // until when is not worth more than a try
	case head.ObjectLockRetainUntilDate != nil:
		e.Detail += " until " + head.ObjectLockRetainUntilDate.UTC().Format(time.RFC3339)
	case head.ObjectLockLegalHoldStatus == types.ObjectLockLegalHoldStatusOn:
		e.Detail += " until its legal hold is lifted"
	}
	return e
}

// message is what the server said of an error.
func message(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorMessage()
	}
	return ""
}

// SweepUploads implements ports.StoreKeeper: it aborts multipart uploads of keys
// that only revkeeper has.
func (s *Store) SweepUploads(ctx context.Context, before time.Time) (removed int, err error) {
	const op = "sweep uploads"
	input := &s3.ListMultipartUploadsInput{Bucket: &s.cfg.Bucket, Prefix: aws.String(s.root())}
	for {
		page, err := s.client.ListMultipartUploads(ctx, input)
		if err != nil {
			return removed, s.failure(ctx, op, s.cfg.Prefix, err)
		}
		for _, u := range page.Uploads {
			key, ours := strings.CutPrefix(aws.ToString(u.Key), s.root())
			if _, err := snapshot.Parse(key); !ours || err != nil || u.Initiated == nil || !u.Initiated.Before(before) {
				continue
			}
			_, err := s.client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: &s.cfg.Bucket, Key: u.Key, UploadId: u.UploadId})
			if err != nil && status(err) != http.StatusNotFound {
				return removed, s.failure(ctx, op, key, err)
			}
			removed++
		}
		if !aws.ToBool(page.IsTruncated) || aws.ToString(page.NextKeyMarker)+aws.ToString(page.NextUploadIdMarker) == "" {
			return removed, nil
		}
		input.KeyMarker, input.UploadIdMarker = page.NextKeyMarker, page.NextUploadIdMarker
	}
}
