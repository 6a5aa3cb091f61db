package config

import (
	"net/url"
	"slices"
	"strings"

	"github.com/revkeeper/revkeeper/adapters/objectstore/s3"
	"github.com/revkeeper/revkeeper/domain/fault"
)

// The schemes of a store's URL.
const (
	SchemeFile = "file"
	SchemeS3   = "s3"
	// SchemeSnapshot is of one snapshot file, which commands read and none changes.
	SchemeSnapshot = "snapshot"
)

// Location is where a store's URL leads.
type Location struct {
	Scheme string
	Folder string    // for SchemeFile
	S3     s3.Config // for SchemeS3
	// File is for SchemeSnapshot, and SkipHashCheck takes it without its SHA-256.
	File          string
	SkipHashCheck bool
}

// The parameters of an s3 URL.
const (
	paramEndpoint       = "endpoint"
	paramRegion         = "region"
	paramPathStyle      = "pathStyle"
	paramCA             = "ca"
	paramConditionalPut = "conditionalPut"
)

// paramSkipHashCheck is the parameter of a snapshot URL.
const paramSkipHashCheck = "skipHashCheck"

// SnapshotURL is the store of one snapshot file, whose path is absolute.
func SnapshotURL(path string, skipHashCheck bool) string {
	u := url.URL{Scheme: SchemeSnapshot, Path: path}
	if skipHashCheck {
		u.RawQuery = url.Values{paramSkipHashCheck: {"true"}}.Encode()
	}
	return u.String()
}

var s3Parameters = []string{paramEndpoint, paramRegion, paramPathStyle, paramCA, paramConditionalPut}

func storeParameter(name string) bool { return slices.Contains(s3Parameters, name) }

// Location reads the store's URL.
func (s Store) Location() (Location, error) {
	l, ps := parseStore(s.URL)
	return l, fault.Problems(ps).OrNil()
}

// Validate returns everything that is wrong with s, keys relative to its
// section. It looks at no network and no file.
func (s Store) Validate() []fault.Problem {
	_, ps := parseStore(s.URL)
	for i := range ps {
		ps[i].Key = strings.TrimPrefix(ps[i].Key, "store.")
	}
	return append(ps, within("retry", s.Retry.Validate())...)
}

// urlReader collects what is wrong with one store URL.
type urlReader struct {
	shown    string
	problems []fault.Problem
}

func (r *urlReader) add(detail, remedy string) {
	r.problems = append(r.problems, fault.Problem{Key: "store.url", Value: r.shown, Detail: detail, Remedy: remedy})
}

func parseStore(text string) (Location, []fault.Problem) {
	r := &urlReader{shown: redact(text)}
	const forms = "file:///folder or s3://bucket/prefix"
	u, err := url.Parse(text)
	switch {
	case text == "":
		r.add("is required", forms)
	case err != nil || !strings.Contains(text, "://"):
		r.add("is not a URL", forms)
	case u.User != nil:
		r.add("must not carry credentials", "the AWS environment, files or instance role give them")
	case u.Fragment != "" || u.RawFragment != "":
		r.add("has a fragment", "escape # as %23")
	case u.Scheme == SchemeFile:
		return Location{Scheme: SchemeFile, Folder: u.Path}, r.file(u)
	case u.Scheme == SchemeSnapshot:
		return r.snapshot(u), r.problems
	case u.Scheme == SchemeS3:
		c := r.s3(u)
		return Location{Scheme: SchemeS3, S3: c}, r.problems
	default:
		r.add("is of a kind of store that is not known", forms)
	}
	return Location{}, r.problems
}

func (r *urlReader) file(u *url.URL) []fault.Problem {
	switch {
	case u.Host != "":
		r.add("names a host, or a folder that does not begin at the root", "three slashes and the absolute path: file:///folder")
	case strings.Trim(u.Path, "/") == "":
		r.add("names no folder", "file:///folder")
	case u.RawQuery != "":
		r.add("has parameters, which a folder does not take", "escape ? as %3F")
	}
	return r.problems
}

func (r *urlReader) snapshot(u *url.URL) Location {
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		r.add("has parameters that cannot be read", "name=value pairs joined by &")
	}
	for _, name := range sortedKeys(query) {
		if name != paramSkipHashCheck {
			r.add("has the unknown parameter "+name, didYouMean(name, []string{paramSkipHashCheck}))
		}
	}
	if u.Host != "" || strings.Trim(u.Path, "/") == "" {
		r.add("names no file, or one that does not begin at the root", "three slashes and the absolute path: snapshot:///tmp/snapshot.db")
	}
	return Location{Scheme: SchemeSnapshot, File: u.Path, SkipHashCheck: r.flag(query, paramSkipHashCheck, false)}
}

func (r *urlReader) s3(u *url.URL) s3.Config {
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		r.add("has parameters that cannot be read", "name=value pairs joined by &")
	}
	for _, name := range sortedKeys(query) {
		switch {
		case !storeParameter(name):
			r.add("has the unknown parameter "+name, didYouMean(name, s3Parameters))
		case len(query[name]) > 1:
			r.add("has the parameter "+name+" twice", "give it once")
		}
	}
	c := s3.Config{
		Bucket: u.Host, Prefix: strings.Trim(u.Path, "/"),
		Endpoint: query.Get(paramEndpoint), Region: query.Get(paramRegion), CAFile: query.Get(paramCA),
		// Nearly every server other than AWS wants the bucket in the path.
		PathStyle:        r.flag(query, paramPathStyle, query.Get(paramEndpoint) != ""),
		NoConditionalPut: !r.flag(query, paramConditionalPut, true),
	}
	for _, p := range c.Validate() {
		part := p.Key
		if part == "caFile" {
			part = paramCA
		}
		r.add("the "+part+" "+p.Detail, p.Remedy)
	}
	return c
}

func (r *urlReader) flag(query url.Values, name string, unless bool) bool {
	switch query.Get(name) {
	case "":
		return unless
	case "true":
		return true
	case "false":
		return false
	}
	r.add("the parameter "+name+" is neither true nor false", name+"=true or "+name+"=false")
	return unless
}

func sortedKeys(m url.Values) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
