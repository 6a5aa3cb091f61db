package s3_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/revkeeper/revkeeper/adapters/objectstore/s3"
	"github.com/revkeeper/revkeeper/domain/fault"
)

func TestConfigValidate(t *testing.T) {
	for _, tc := range []struct {
		name string
		cfg  s3.Config
		want string // keys of the problems
	}{
		{"the least", s3.Config{Bucket: "b"}, ""},
		{"everything", s3.Config{Bucket: "b", Prefix: "a/b", Endpoint: "https://h:9000/s3", Region: "r", CAFile: "/ca.pem"}, ""},
		{"nothing", s3.Config{}, "bucket"},
		{"a path as bucket", s3.Config{Bucket: "b/p"}, "bucket"},
		{"slashes around the prefix", s3.Config{Bucket: "b", Prefix: "/p/"}, "prefix"},
		{"a long prefix", s3.Config{Bucket: "b", Prefix: strings.Repeat("p", 121)}, "prefix"},
		{"an endpoint without scheme", s3.Config{Bucket: "b", Endpoint: "h:9000"}, "endpoint"},
		{"all at once", s3.Config{Prefix: "//", Endpoint: "ftp://h", CAFile: "ca.pem"}, "bucket prefix endpoint caFile"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var keys []string
			for _, p := range tc.cfg.Validate() {
				keys = append(keys, p.Key)
			}
			if got := strings.Join(keys, " "); got != tc.want {
				t.Errorf("problems with %q, want %q", got, tc.want)
			}
			_, err := s3.New(t.Context(), tc.cfg)
			if tc.want != "" && !errors.Is(err, fault.Invalid) {
				t.Errorf("New = %v", err)
			}
		})
	}
}

func TestConfigProblemsHideSecrets(t *testing.T) {
	cfg := s3.Config{Bucket: "b", Endpoint: "https://user:hunter2@h/?token=hunter2"}
	if err := fault.Problems(cfg.Validate()).OrNil(); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("err = %v", err)
	}
}

func TestRegionMustBeKnownAtAWS(t *testing.T) {
	isolate(t, "a", "b")
	if _, err := s3.New(t.Context(), s3.Config{Bucket: "b"}); !errors.Is(err, fault.Invalid) {
		t.Errorf("without any region: %v", err)
	}
	t.Setenv("AWS_REGION", "eu-central-1")
	if _, err := s3.New(t.Context(), s3.Config{Bucket: "b"}); err != nil {
		t.Errorf("with a region in the environment: %v", err)
	}
}
