package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"github.com/revkeeper/revkeeper/adapters/httpapi/openapi"
	"github.com/revkeeper/revkeeper/domain/defrag"
)

const defragmentations = "/v1/defragmentations"

// TakeOver implements ports.Sidecars.
func (c *Client) TakeOver(ctx context.Context, address string, h defrag.Handover) error {
	query := url.Values{"member": {h.Member.String()}, "reason": {h.Reason}}
	return c.ask(ctx, question{method: http.MethodPost, address: address, path: defragmentations + "/handover", query: query,
		body: openapi.DefragmentationOf(h.Run)}, nil)
}

// Defragment has the leader's sidecar begin a run, or plan one, in the words of
// the contract. member is an id as etcd prints it; empty for all.
func (c *Client) Defragment(ctx context.Context, address string, dryRun, all bool, member string) (openapi.Defragmentation, error) {
	query := url.Values{"dryRun": {strconv.FormatBool(dryRun)}, "all": {strconv.FormatBool(all)}}
	if member != "" {
		query.Set("member", member)
	}
	var out openapi.Defragmentation
	err := c.ask(ctx, question{method: http.MethodPost, address: address, path: defragmentations, query: query}, &out)
	if err == nil && !out.Outcome.Valid() {
		err = nonsense(address, "it answers with no run")
	}
	return out, err
}

// Defragmentations returns what the leader's sidecar did and when it is due, in
// the words of the contract.
func (c *Client) Defragmentations(ctx context.Context, address string) (openapi.Defragmentations, error) {
	var out openapi.Defragmentations
	err := c.ask(ctx, question{method: http.MethodGet, address: address, path: defragmentations}, &out)
	if err == nil && out.Runs == nil {
		err = nonsense(address, "it names no runs")
	}
	return out, err
}
