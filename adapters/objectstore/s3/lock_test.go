package s3_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/revkeeper/revkeeper/domain/fault"
)

// A server whose bucket has object locks refuses to delete what they keep, one by
// one and many at once; the error says until when, and what is not locked goes.
func TestWhatALockKeepsIsSaidToBeKept(t *testing.T) {
	server := start(t)
	locks := client(server)
	cfg := config(server)
	cfg.Bucket = "locked"
	if _, err := locks.CreateBucket(t.Context(), &awss3.CreateBucketInput{Bucket: &cfg.Bucket, ObjectLockEnabledForBucket: aws.Bool(true)}); err != nil {
		t.Fatal(err)
	}
	until := time.Now().Add(time.Hour).UTC().Truncate(time.Second)
	put := func(key string, change func(*awss3.PutObjectInput)) {
		in := &awss3.PutObjectInput{Bucket: &cfg.Bucket, Key: &key, Body: strings.NewReader(key), ChecksumAlgorithm: types.ChecksumAlgorithmCrc32}
		change(in)
		if _, err := locks.PutObject(t.Context(), in); err != nil {
			t.Fatal(err)
		}
	}
	put("free", func(*awss3.PutObjectInput) {})
	put("too", func(*awss3.PutObjectInput) {})
	put("retained", func(in *awss3.PutObjectInput) {
		in.ObjectLockMode, in.ObjectLockRetainUntilDate = types.ObjectLockModeCompliance, &until
	})
	put("held", func(in *awss3.PutObjectInput) { in.ObjectLockLegalHoldStatus = types.ObjectLockLegalHoldStatusOn })

	store := open(t, cfg)
	kept := func(how string, err error, says string) {
		if !errors.Is(err, fault.Immutable) || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want Immutable saying %q", how, err, says)
		}
	}
	kept("retained, alone", store.Delete(t.Context(), "retained"), "until "+until.Format(time.RFC3339))
	kept("held, alone", store.Delete(t.Context(), "held"), "legal hold")
	if err := store.Delete(t.Context(), "free"); err != nil {
		t.Errorf("free, alone: %v", err)
	}
	answers := store.DeleteAll(t.Context(), []string{"retained", "too", "held"})
	kept("retained, among others", answers[0], "until "+until.Format(time.RFC3339))
	kept("held, among others", answers[2], "legal hold")
	if answers[1] != nil {
		t.Errorf("too, among others: %v", answers[1])
	}
	var left []string
	for o, err := range store.List(t.Context(), "", "") {
		if err != nil {
			t.Fatal(err)
		}
		left = append(left, o.Key)
	}
	if strings.Join(left, " ") != "held retained" {
		t.Errorf("left: %q", left)
	}
}
