// Package client asks the sidecars of other members over HTTP, by api.yaml.
package client

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"time"

	"github.com/revkeeper/revkeeper/adapters/httpapi/openapi"
	"github.com/revkeeper/revkeeper/adapters/internal/credential"
	"github.com/revkeeper/revkeeper/domain/cluster"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/health"
	"github.com/revkeeper/revkeeper/ports"
)

// Client asks sidecars. It follows no redirect and uses no proxy; each call ends
// with its context. It is safe for concurrent use.
type Client struct {
	transport *http.Transport
	token     *credential.File[string] // nil: there is none
	tlsOnly   bool
}

var (
	_ ports.Sidecars    = (*Client)(nil)
	_ http.RoundTripper = (*Client)(nil)
)

// New returns a Client. It reads no file before it is used.
func New(c Config) *Client {
	out := &Client{transport: newTransport(c), tlsOnly: c.TLSOnly || c.CA != ""}
	if c.TokenFile != "" {
		out.token = credential.Token(c.TokenFile)
	}
	return out
}

// Close closes the connections that nobody uses.
func (c *Client) Close() { c.transport.CloseIdleConnections() }

// RoundTrip sends any request to a sidecar. A request without an Authorization
// gets our own. Where TLS is expected, one without it is not sent: Invalid.
func (c *Client) RoundTrip(r *http.Request) (*http.Response, error) {
	if c.tlsOnly && r.URL.Scheme != "https" {
		return nil, inPlain()
	}
	if c.token != nil && r.Header.Get("Authorization") == "" {
		token, err := c.token.Get()
		if err != nil {
			return nil, err
		}
		r = r.Clone(r.Context())
		r.Header.Set("Authorization", "Bearer "+token)
	}
	return c.transport.RoundTrip(r)
}

// View implements ports.Sidecars.
func (c *Client) View(ctx context.Context, address string) (health.View, error) {
	s, err := c.Status(ctx, address)
	if err != nil {
		return health.View{}, err
	}
	v, err := viewOf(s)
	if err != nil {
		return health.View{}, nonsense(address, err.Error())
	}
	return v, nil
}

// Status returns what a sidecar says of itself, in the words of the contract.
func (c *Client) Status(ctx context.Context, address string) (openapi.Status, error) {
	var s openapi.Status
	err := c.ask(ctx, question{method: http.MethodGet, address: address, path: "/v1/status"}, &s)
	if err == nil && !s.Role.Valid() {
		err = nonsense(address, fmt.Sprintf("it says that its role is %q", s.Role))
	}
	return s, err
}

// Members returns the cluster as a sidecar sees it, in the words of the
// contract.
func (c *Client) Members(ctx context.Context, address string) (openapi.Cluster, error) {
	var out openapi.Cluster
	err := c.ask(ctx, question{method: http.MethodGet, address: address, path: "/v1/members"}, &out)
	if err == nil && out.Members == nil {
		err = nonsense(address, "it names no members")
	}
	return out, err
}

// Announce implements ports.Sidecars.
func (c *Client) Announce(ctx context.Context, address string, member cluster.ID, reason string, during time.Duration) (string, error) {
	query := url.Values{
		"member": {member.String()}, "reason": {reason},
		"seconds": {fmt.Sprint(int64(math.Ceil(during.Seconds())))},
	}
	var out openapi.Announced
	err := c.ask(ctx, question{method: http.MethodPost, address: address, path: "/v1/maintenance", query: query}, &out)
	if err == nil && out.Id == "" {
		err = nonsense(address, "it gives no id")
	}
	return out.Id, err
}

// Withdraw implements ports.Sidecars.
func (c *Client) Withdraw(ctx context.Context, address, id string) error {
	if id == "" {
		return fault.New(fault.Invalid, "withdraw announcement at", address, "it has no id")
	}
	err := c.ask(ctx, question{method: http.MethodDelete, address: address, path: "/v1/maintenance/" + url.PathEscape(id)}, nil)
	if errors.Is(err, fault.NotFound) {
		return nil
	}
	return err
}
