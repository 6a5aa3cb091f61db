package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/revkeeper/revkeeper/adapters/httpapi/openapi"
)

// sidecar is one `revkeeper run` process, started as anybody would.
type sidecar struct {
	*process
	beside  *member
	address string // of its HTTP API
}

func (s *story) startSidecar(m *member) (*sidecar, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	p, err := start(s.dir, "revkeeper-"+m.name, s.revkeeper, "run",
		"--name", m.name, "--etcd-endpoint", m.endpoint, "--store-url", s.storeURL(),
		"--http-listen", address, "--spool-dir", s.dir+"/spool-"+m.name,
		"--role-interval", "1s", "--role-timeout", "1s", "--backup-flush-age", "1s", "--log-format", "json")
	if err != nil {
		return nil, err
	}
	s.processes = append(s.processes, p)
	return &sidecar{process: p, beside: m, address: address}, nil
}

// status asks the sidecar what it is; ok is false if it does not answer.
func (c *sidecar) status(ctx context.Context) (st openapi.Status, ok bool) {
	err := c.call(ctx, http.MethodGet, "/v1/status", 2*time.Second, &st)
	return st, err == nil
}

// flush has the leader store everything the cluster has.
func (c *sidecar) flush(ctx context.Context) error {
	return c.call(ctx, http.MethodPost, "/v1/snapshots/delta", 30*time.Second, nil)
}

// takeFull has the leader take a full snapshot now.
func (c *sidecar) takeFull(ctx context.Context) error {
	return c.call(ctx, http.MethodPost, "/v1/snapshots/full", 30*time.Second, nil)
}

func (c *sidecar) call(ctx context.Context, method, path string, patience time.Duration, into any) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, "http://"+c.address+path, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s: %s: %s", method, path, resp.Status, body)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(body, into)
}

// leader returns the sidecar that says it leads, nil if none or several do.
func (s *story) leader(ctx context.Context) (*sidecar, openapi.Status) {
	var found *sidecar
	var status openapi.Status
	for _, c := range s.sidecars {
		if c.ended() {
			continue
		}
		st, ok := c.status(ctx)
		if !ok || st.Role != openapi.RoleLeader {
			continue
		}
		if found != nil {
			return nil, openapi.Status{}
		}
		found, status = c, st
	}
	return found, status
}
