package client

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/revkeeper/revkeeper/adapters/httpapi/openapi"
	"github.com/revkeeper/revkeeper/domain/fault"
)

// maxAnswer bounds an answer, in bytes. A sidecar's is a few thousand.
const maxAnswer = 4 << 20

// question is one request to a sidecar.
type question struct {
	method  string
	address string // base URL of the sidecar
	path    string // escaped
	query   url.Values
	body    any // as JSON; nil for none
}

// Base reads the base URL of a sidecar: scheme, host and port. What cannot be
// used is Invalid.
func Base(address string) (*url.URL, error) {
	u, err := url.Parse(address)
	var detail string
	switch {
	case err != nil:
		detail = "is not a URL"
	case u.Scheme != "http" && u.Scheme != "https":
		detail = "does not begin with http:// or https://"
	case u.Hostname() == "":
		detail = "names no host"
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || (u.Path != "" && u.Path != "/"):
		detail = "has more than scheme, host and port"
	}
	if detail != "" {
		// The text may hold what nobody should see, as a password.
		return nil, fault.New(fault.Invalid, "use address", "", "the address of a sidecar "+detail).
			WithRemedy("a URL like http://10.0.0.1:8380")
	}
	return &url.URL{Scheme: u.Scheme, Host: u.Host}, nil
}

// ask sends a question and reads the answer into into, which is nil where
// nothing is answered.
func (c *Client) ask(ctx context.Context, q question, into any) error {
	base, err := Base(q.address)
	if err != nil {
		return err
	}
	var sent io.Reader
	if q.body != nil {
		text, err := json.Marshal(q.body)
		if err != nil {
			return fault.Wrap(fault.Internal, "ask sidecar", q.address, err)
		}
		sent = bytes.NewReader(text)
	}
	r, err := http.NewRequestWithContext(ctx, q.method, base.String()+q.path, sent)
	if err != nil {
		return fault.Wrap(fault.Invalid, "use address", q.address, err)
	}
	if sent != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	r.URL.RawQuery = q.query.Encode()
	r.Header.Set("Accept", "application/json, application/problem+json")
	answer, err := c.RoundTrip(r)
	if err != nil {
		return Unreached(q.address, err)
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer+1))
	switch {
	case err != nil:
		return Unreached(q.address, err)
	case len(body) > maxAnswer:
		return nonsense(q.address, fmt.Sprintf("its answer is longer than %d bytes", maxAnswer))
	case into == nil && answer.StatusCode == http.StatusNoContent:
		return nil
	case into == nil || answer.StatusCode != http.StatusOK && answer.StatusCode != http.StatusAccepted:
		return refusal(q.address, answer, body)
	case !isType(answer, "application/json"):
		return nonsense(q.address, fmt.Sprintf("it answered with %q", answer.Header.Get("Content-Type")))
	}
	if err := json.Unmarshal(body, into); err != nil {
		return nonsense(q.address, err.Error())
	}
	return nil
}

func isType(answer *http.Response, want string) bool {
	got, _, err := mime.ParseMediaType(answer.Header.Get("Content-Type"))
	return err == nil && got == want
}

// refusal turns any answer but success into a fault: a problem into one of its
// kind.
func refusal(address string, answer *http.Response, body []byte) error {
	var p openapi.Problem
	problem := isType(answer, "application/problem+json") && json.Unmarshal(body, &p) == nil
	switch kind := fault.Kind(p.Kind); {
	case answer.StatusCode == http.StatusUnauthorized:
		return fault.New(fault.Unauthorized, "ask sidecar", address, "it wants another token").
			WithRemedy("give it the token of its http.tokenFile")
	case problem && slices.Contains(fault.Kinds(), kind):
		return fault.New(kind, "ask sidecar", address, oneLine(p.Detail)).WithRemedy(oneLine(p.Remedy))
	case answer.StatusCode == http.StatusForbidden:
		return fault.New(fault.Unauthorized, "ask sidecar", address, "it answered "+answer.Status)
	default:
		return nonsense(address, "it answered "+oneLine(answer.Status))
	}
}

// nonsense is an answer that no sidecar gives: it may be none, or be starting
// behind a proxy.
func nonsense(address, detail string) error {
	return fault.New(fault.Unavailable, "ask sidecar", address, detail).
		WithRemedy("make sure that a revkeeper sidecar listens there, and that http and https are not mixed up")
}

// oneLine keeps a text from elsewhere from passing for lines of its own.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
