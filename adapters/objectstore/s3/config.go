package s3

import (
	"net/url"
	"path/filepath"
	"strings"

	"github.com/revkeeper/revkeeper/adapters/internal/objectkey"
	"github.com/revkeeper/revkeeper/domain/fault"
)

// Config says where the bucket is. Credentials are not in it: they come from the
// default chain of the AWS SDK (environment, shared files, web identity,
// container, instance) and are refreshed by it.
type Config struct {
	Bucket   string `yaml:"bucket"`   // required
	Prefix   string `yaml:"prefix"`   // before every key, without slashes at the ends; may be empty
	Endpoint string `yaml:"endpoint"` // http(s) URL of an S3-compatible server; empty: AWS
	Region   string `yaml:"region"`   // empty: from the environment; with an endpoint, us-east-1
	// PathStyle puts the bucket into the path instead of the host name, as most
	// servers other than AWS want it.
	PathStyle bool `yaml:"pathStyle"`
	// CAFile is a PEM file of further authorities for the endpoint's certificate.
	CAFile string `yaml:"caFile"`
	// NoConditionalPut is for servers that do not know If-None-Match. Creating
	// then looks first and writes after, which two clients can do at once.
	NoConditionalPut bool `yaml:"noConditionalPut"`
}

// Validate returns everything that is wrong with c; it does not look at the
// network or at files.
func (c Config) Validate() []fault.Problem {
	var ps []fault.Problem
	add := func(key, value, detail, remedy string) {
		ps = append(ps, fault.Problem{Key: key, Value: value, Detail: detail, Remedy: remedy})
	}
	switch {
	case c.Bucket == "":
		add("bucket", "", "is required", "give the name of an existing bucket")
	case strings.ContainsAny(c.Bucket, "/ ?#"):
		add("bucket", c.Bucket, "is not a bucket name", "put the path into the prefix")
	}
	if c.Prefix != "" && (!objectkey.Valid(c.Prefix) || len(c.Prefix) > maxPrefix) {
		add("prefix", c.Prefix, "is not a key prefix", "give slash-separated names without a slash at either end, 120 bytes at most")
	}
	if c.Endpoint != "" {
		u, err := url.Parse(c.Endpoint)
		switch {
		case err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "":
			add("endpoint", redact(c.Endpoint), "is not an http or https URL", "give scheme, host and port")
		case u.User != nil || u.RawQuery != "" || u.Fragment != "":
			add("endpoint", redact(c.Endpoint), "has more than scheme, host, port and path", "credentials come from the environment or the AWS files")
		}
	}
	if c.CAFile != "" && !filepath.IsAbs(c.CAFile) {
		add("caFile", c.CAFile, "is not an absolute path", "")
	}
	return ps
}

// maxPrefix and objectkey.MaxLength and the slash fit the 1,024 bytes of S3.
const maxPrefix = 120

// redact hides what may be a password in a mistyped URL.
func redact(endpoint string) string {
	if i := strings.LastIndexByte(endpoint, '@'); i >= 0 {
		endpoint = "…" + endpoint[i:]
	}
	before, _, _ := strings.Cut(endpoint, "?")
	return before
}
