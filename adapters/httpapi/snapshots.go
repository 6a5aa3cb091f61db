package httpapi

import (
	"context"
	"fmt"

	"github.com/revkeeper/revkeeper/adapters/httpapi/openapi"
	"github.com/revkeeper/revkeeper/domain/fault"
)

// ListSnapshots answers everything that is in the store.
func (s *Server) ListSnapshots(ctx context.Context, request openapi.ListSnapshotsRequestObject) (openapi.ListSnapshotsResponseObject, error) {
	c, err := s.sources.Snapshots.Catalogue(ctx)
	if err != nil {
		return nil, err
	}
	return openapi.ListSnapshots200JSONResponse(Catalogue(c, request.Params.Deltas)), nil
}

// GetLatestSnapshots answers what a restore of the newest revision would use.
func (s *Server) GetLatestSnapshots(ctx context.Context, _ openapi.GetLatestSnapshotsRequestObject) (openapi.GetLatestSnapshotsResponseObject, error) {
	c, err := s.sources.Snapshots.Catalogue(ctx)
	if err != nil {
		return nil, err
	}
	latest, ok := latestOf(c)
	if !ok {
		return nil, fault.New(fault.NotFound, "find", "latest full", "the store holds no finished full yet").
			WithRemedy("wait for the leader's first full, or ask it for one: POST /v1/snapshots/full")
	}
	return openapi.GetLatestSnapshots200JSONResponse(latest), nil
}

// TakeFull takes a full now.
func (s *Server) TakeFull(ctx context.Context, _ openapi.TakeFullRequestObject) (openapi.TakeFullResponseObject, error) {
	ref, err := s.sources.Snapshots.TakeFull(ctx)
	if err != nil {
		return nil, err
	}
	if ref == nil {
		return openapi.TakeFull200JSONResponse{Reason: s.unchanged()}, nil
	}
	return openapi.TakeFull200JSONResponse{Taken: true, Full: fullOf(*ref)}, nil
}

// TakeDelta stores what is pending now.
func (s *Server) TakeDelta(ctx context.Context, _ openapi.TakeDeltaRequestObject) (openapi.TakeDeltaResponseObject, error) {
	ref, err := s.sources.Snapshots.TakeDelta(ctx)
	if err != nil {
		return nil, err
	}
	if ref == nil {
		return openapi.TakeDelta200JSONResponse{Reason: s.unchanged()}, nil
	}
	return openapi.TakeDelta200JSONResponse{Taken: true, Delta: deltaOf(*ref)}, nil
}

func (s *Server) unchanged() string {
	return fmt.Sprintf("nothing changed: the store holds everything up to revision %d", s.sources.Status.View().Backup.Durable)
}
