package watchserver

import (
	"context"
	"crypto/sha256"
	"io"
	"os"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

type keys struct {
	pb.UnimplementedKVServer
	*Server
}

// Range finds no keys; its header is what it is asked for. As for a watch, what is before the base counts as compacted.
func (s *keys) Range(_ context.Context, request *pb.RangeRequest) (*pb.RangeResponse, error) {
	if request.Revision > 0 && request.Revision < s.source.Base.Revision {
		return nil, rpctypes.ErrGRPCCompacted
	}
	return &pb.RangeResponse{Header: s.header()}, nil
}

type maintenance struct {
	pb.UnimplementedMaintenanceServer
	*Server
}

// Status is that of a leader which is alone.
func (s *maintenance) Status(context.Context, *pb.StatusRequest) (*pb.StatusResponse, error) {
	return &pb.StatusResponse{
		Header: s.header(), Version: s.source.EtcdVersion, Leader: s.source.MemberID,
		StorageVersion: s.source.StorageVersion, RaftTerm: s.source.RaftTerm, RaftIndex: s.source.RaftIndex, RaftAppliedIndex: s.source.RaftIndex,
		DbSize: s.source.Properties.DatabaseBytes, DbSizeInUse: s.source.Properties.DatabaseBytes,
	}, nil
}

// Alarm knows of none.
func (s *maintenance) Alarm(context.Context, *pb.AlarmRequest) (*pb.AlarmResponse, error) {
	return &pb.AlarmResponse{Header: s.header()}, nil
}

// HashKV knows the hashes that were asked of the real etcd: at the end of the base and of the stream.
func (s *maintenance) HashKV(_ context.Context, request *pb.HashKVRequest) (*pb.HashKVResponse, error) {
	revision := request.Revision
	if revision == 0 {
		revision = s.head.Load()
	}
	for _, known := range []struct {
		revision, compacted int64
		hash                uint32
	}{
		{s.source.Base.Revision, s.source.Base.CompactRevision, s.source.Base.Hash},
		{s.source.Last.Revision, s.source.Last.CompactRevision, s.source.Last.Hash},
	} {
		if known.revision == revision {
			return &pb.HashKVResponse{Header: s.header(), Hash: known.hash, CompactRevision: known.compacted, HashRevision: revision}, nil
		}
	}
	return nil, status.Errorf(codes.OutOfRange, "no hash is recorded for revision %d", revision)
}

// snapshotChunk is the size of etcd's own snapshot messages, in bytes.
const snapshotChunk = 32 << 10

// Snapshot streams the base, and its trailer in a message of its own as etcd does. What remains is counted without it.
func (s *maintenance) Snapshot(_ *pb.SnapshotRequest, stream pb.Maintenance_SnapshotServer) error {
	file, err := os.Open(s.source.BasePath())
	if err != nil {
		return err
	}
	defer file.Close()
	for rest := s.source.Properties.DatabaseBytes; ; {
		size := min(rest, snapshotChunk)
		if rest == 0 {
			size = sha256.Size
		}
		blob := make([]byte, size)
		if _, err := io.ReadFull(file, blob); err != nil {
			return err
		}
		trailer := rest == 0
		rest = max(0, rest-size)
		err = stream.Send(&pb.SnapshotResponse{Header: s.header(), RemainingBytes: uint64(rest), Blob: blob, Version: s.source.StorageVersion})
		if err != nil || trailer {
			return err
		}
	}
}

type cluster struct {
	pb.UnimplementedClusterServer
	*Server
}

// MemberList names this member alone.
func (s *cluster) MemberList(context.Context, *pb.MemberListRequest) (*pb.MemberListResponse, error) {
	return &pb.MemberListResponse{Header: s.header(), Members: []*pb.Member{{
		ID: s.source.MemberID, Name: "bench", ClientURLs: []string{"http://" + s.Endpoint}, PeerURLs: []string{"http://127.0.0.1:2380"},
	}}}, nil
}

type leases struct {
	pb.UnimplementedLeaseServer
	*Server
}

// LeaseTimeToLive knows the recorded leases, none of which ages.
func (s *leases) LeaseTimeToLive(_ context.Context, request *pb.LeaseTimeToLiveRequest) (*pb.LeaseTimeToLiveResponse, error) {
	for _, lease := range s.source.Leases {
		if lease.ID == request.ID {
			return &pb.LeaseTimeToLiveResponse{Header: s.header(), ID: lease.ID, TTL: lease.TTL, GrantedTTL: lease.TTL}, nil
		}
	}
	return &pb.LeaseTimeToLiveResponse{Header: s.header(), ID: request.ID, TTL: -1}, nil
}

// LeaseLeases lists them.
func (s *leases) LeaseLeases(context.Context, *pb.LeaseLeasesRequest) (*pb.LeaseLeasesResponse, error) {
	answer := &pb.LeaseLeasesResponse{Header: s.header()}
	for _, lease := range s.source.Leases {
		answer.Leases = append(answer.Leases, &pb.LeaseStatus{ID: lease.ID})
	}
	return answer, nil
}

type auth struct {
	pb.UnimplementedAuthServer
	*Server
}

// AuthStatus says that authentication is off.
func (s *auth) AuthStatus(context.Context, *pb.AuthStatusRequest) (*pb.AuthStatusResponse, error) {
	return &pb.AuthStatusResponse{Header: s.header(), AuthRevision: 1}, nil
}
