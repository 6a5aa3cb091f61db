package client

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/revkeeper/revkeeper/adapters/httpapi/openapi"
	"github.com/revkeeper/revkeeper/domain/drill"
	"github.com/revkeeper/revkeeper/domain/proof"
)

// Drill implements ports.Sidecars.
func (c *Client) Drill(ctx context.Context, address string, t drill.Task) (drill.Outcome, error) {
	query := url.Values{"timeline": {strconv.Itoa(t.Epoch)}, "revision": {strconv.FormatInt(t.Revision, 10)},
		"from": {strconv.FormatInt(t.From, 10)}, "known": {strconv.FormatInt(t.Known, 10)}}
	var r openapi.Rebuilt
	err := c.ask(ctx, question{method: http.MethodPost, address: address, path: "/v1/rebuilds", query: query}, &r)
	if err == nil && (r.Timeline != t.Epoch || r.Revision != t.Revision) {
		err = nonsense(address, fmt.Sprintf("it rebuilt revision %d of timeline %d", r.Revision, r.Timeline))
	}
	if err != nil {
		return drill.Outcome{}, err
	}
	for i := range r.Around {
		r.Around[i] = oneLine(r.Around[i])
	}
	return drill.Outcome{Task: t, Around: r.Around, Base: oneLine(r.Full), Deltas: r.Deltas, Records: r.Records, Took: seconds(r.TookSeconds),
		Proof: recordedOf(r.Proof), Differs: recordedOf(r.Differs), Computed: uint32(r.Computed)}, nil
}

// DrillNow has the leader's sidecar drill, in the words of the contract.
func (c *Client) DrillNow(ctx context.Context, address string) (openapi.Drilled, error) {
	var out openapi.Drilled
	err := c.ask(ctx, question{method: http.MethodPost, address: address, path: "/v1/drills"}, &out)
	if err == nil && !out.Verdict.Valid() {
		err = nonsense(address, "it answers with no verdict")
	}
	return out, err
}

// recordedOf returns nil for none.
func recordedOf(p openapi.RecordedProof) *proof.Recorded {
	if p.RecordedAt.IsZero() {
		return nil
	}
	return &proof.Recorded{Hash: proof.Hash{Revision: p.Revision, Compact: p.CompactRevision, HashKV: uint32(p.HashKV)},
		ClusterID: oneLine(p.ClusterID), MemberID: oneLine(p.MemberID), RecordedAt: p.RecordedAt}
}
