package etcd

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/revkeeper/revkeeper/domain/cluster"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/proof"
	"github.com/revkeeper/revkeeper/ports"
)

// Maintenance asks single members for what costs them something.
type Maintenance struct {
	pool *pool
}

var _ ports.Maintenance = (*Maintenance)(nil)

// HashKV returns the member's hash at revision. See ports.Maintenance.
func (t *Maintenance) HashKV(ctx context.Context, m cluster.Member, revision int64) (proof.Hash, error) {
	const op = "ask HashKV of etcd member"
	l, err := t.pool.linkTo(m)
	if err != nil {
		return proof.Hash{}, err
	}
	var answer *pb.HashKVResponse
	err = l.call(ctx, func(ctx context.Context) (err error) {
		answer, err = pb.NewMaintenanceClient(l.conn).HashKV(ctx, &pb.HashKVRequest{Revision: revision})
		return err
	})
	if err == nil {
		err = mustBe(op, m.ID, answer.GetHeader().GetMemberId())
	}
	if err != nil {
		return proof.Hash{}, hashFailure(op, m.ID, revision, err)
	}
	h := proof.Hash{Revision: answer.HashRevision, Compact: answer.CompactRevision, HashKV: answer.Hash}
	if h.Revision == 0 { // etcd 3.5 does not say
		h.Revision = revision
	}
	return h, nil
}

// hashFailure names the revision, which etcd's error does not.
func hashFailure(op string, m cluster.ID, revision int64, err error) error {
	err = failure(op, m.String(), err)
	var e *fault.Error
	if errors.As(err, &e) && e.Detail == "" {
		e.Detail = fmt.Sprintf("at revision %d", revision)
	}
	return err
}

// Snapshot streams the member's database. See ports.Maintenance.
func (t *Maintenance) Snapshot(ctx context.Context, m cluster.Member) (io.ReadCloser, error) {
	const op = "stream snapshot of etcd member"
	l, err := t.pool.linkTo(m)
	if err != nil {
		return nil, err
	}
	// The stream itself does not say whose it is.
	s, err := memberStatus(ctx, l)
	if err == nil {
		err = mustBe(op, m.ID, uint64(s.MemberID))
	}
	if err != nil {
		return nil, failure(op, m.ID.String(), err)
	}
	var stream *snapshotStream
	err = l.tokens.with(ctx, l, func(ctx context.Context) (err error) {
		stream, err = openSnapshot(ctx, l, m.ID)
		return err
	})
	if err != nil {
		return nil, failure(op, m.ID.String(), err)
	}
	return stream, nil
}

// snapshotStream reads the blobs of a Snapshot call one after the other. The
// bytes wait in the connection's window until they are read, not in memory.
type snapshotStream struct {
	member cluster.ID
	stream grpc.ClientStream
	cancel func()
	frame  frame

	blob      []byte // of the last message, not yet read
	size      int    // of the last message's blob
	remaining uint64 // bytes of database that the last message said follow
	err       error  // final
}

var snapshotDesc = grpc.StreamDesc{StreamName: "Snapshot", ServerStreams: true}

// openSnapshot returns once the first bytes are there.
func openSnapshot(ctx context.Context, l *link, m cluster.ID) (*snapshotStream, error) {
	ctx, settled, cancel := l.await(ctx)
	s := &snapshotStream{member: m, cancel: cancel}
	err := s.open(ctx, l)
	if err == nil {
		err = s.receive()
	}
	settled()
	if err != nil {
		cancel()
		return nil, because(ctx, err)
	}
	return s, nil
}

func (s *snapshotStream) open(ctx context.Context, l *link) (err error) {
	s.stream, err = l.conn.NewStream(ctx, &snapshotDesc, pb.Maintenance_Snapshot_FullMethodName, grpc.ForceCodecV2(frameCodec{}))
	if err != nil {
		return err
	}
	if err := s.stream.SendMsg(&pb.SnapshotRequest{}); err != nil && !errors.Is(err, io.EOF) {
		return err // io.EOF: RecvMsg says why
	}
	return s.stream.CloseSend()
}

// Read implements io.Reader.
func (s *snapshotStream) Read(p []byte) (int, error) {
	for len(s.blob) == 0 && s.err == nil {
		if err := s.receive(); err != nil {
			s.err = s.final(err)
			s.cancel()
		}
	}
	n := copy(p, s.blob)
	s.blob = s.blob[n:]
	if n > 0 || len(p) == 0 {
		return n, nil
	}
	return 0, s.err
}

// final tells the end of the stream from its breaking off.
func (s *snapshotStream) final(err error) error {
	const op = "stream snapshot of etcd member"
	switch {
	case !errors.Is(err, io.EOF):
		return failure(op, s.member.String(), err)
	case s.remaining != 0 || s.size != sha256.Size:
		return fault.New(fault.Unavailable, op, s.member.String(),
			fmt.Sprintf("it ended before the checksum, with %d bytes of the database to come", s.remaining))
	}
	return io.EOF
}

func (s *snapshotStream) receive() error {
	if err := s.stream.RecvMsg(&s.frame); err != nil {
		return err
	}
	s.blob, s.remaining = nil, 0
	err := eachField(s.frame.data, func(field protowire.Number, n uint64, data []byte) error {
		switch field {
		case snapshotRemaining:
			s.remaining = n
		case snapshotBlob:
			s.blob = data
		}
		return nil
	})
	s.size = len(s.blob)
	return err
}

// Close breaks the stream off, and with it a waiting Read.
func (s *snapshotStream) Close() error {
	s.cancel()
	return nil
}
