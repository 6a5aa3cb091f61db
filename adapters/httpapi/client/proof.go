package client

import (
	"github.com/revkeeper/revkeeper/adapters/httpapi/openapi"
	"github.com/revkeeper/revkeeper/domain/cluster"
	"github.com/revkeeper/revkeeper/domain/proof"
)

func proofOf(s openapi.ProofStanding) (proof.Standing, error) {
	out := proof.Standing{Recorded: pointOf(s.Recorded), Verified: pointOf(s.Verified)}
	d := s.Disagreement
	if d.Detail == "" {
		return out, nil
	}
	out.Differ = &proof.Disagreement{Revision: d.Revision, Compact: d.CompactRevision, At: d.At, Detail: oneLine(d.Detail)}
	for _, text := range d.Members {
		var id cluster.ID
		if err := readID(text, &id); err != nil {
			return out, err
		}
		out.Differ.Members = append(out.Differ.Members, id)
	}
	return out, nil
}

func pointOf(p openapi.ProofPoint) proof.Point {
	return proof.Point{Epoch: p.Timeline, Revision: p.Revision, At: p.At, Took: seconds(p.TookSeconds)}
}
