package etcd

import (
	"context"
	"errors"
	"strings"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/revkeeper/revkeeper/domain/fault"
)

var (
	errLearner = rpctypes.Error(rpctypes.ErrGRPCNotSupportedForLearner)
	errCorrupt = rpctypes.Error(rpctypes.ErrGRPCCorrupt)
)

const (
	remedyCertificate = "check that the CA is the one that signed the member's certificate, and that the client certificate is one etcd trusts and has not expired"
	remedyLogin       = "give a user with the role root: with authentication on, etcd lets nobody else stream snapshots and hashes"
	remedyReach       = "check that etcd runs and listens on this endpoint, and that http or https is right"
)

// failure classifies an error of gRPC or etcd; nil stays nil. A deadline that
// passed can be told by errors.Is(err, context.DeadlineExceeded).
func failure(op, object string, err error) error {
	if err == nil {
		return nil
	}
	var done *fault.Error
	if errors.As(err, &done) {
		return err
	}
	e := &fault.Error{Kind: fault.Internal, Op: op, Object: object, Err: err}
	var r *refusal
	switch {
	case errors.As(err, &r) && r.unauthorized:
		e.Kind, e.Remedy = fault.Unauthorized, remedyCertificate
	case errors.As(err, &r):
		e.Kind, e.Remedy = fault.Unavailable, remedyReach
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		e.Kind = fault.Unavailable
	case saidByEtcd(err):
		e.Kind, e.Remedy = etcdKind(rpctypes.Error(err))
	default:
		grpcKind(e, err)
	}
	return e
}

// etcdKind is the table over the errors that etcd's own code returns.
func etcdKind(err error) (fault.Kind, string) {
	var said rpctypes.EtcdError
	errors.As(err, &said)
	switch {
	case errors.Is(err, rpctypes.ErrAuthFailed):
		return fault.Unauthorized, "check the username and the content of the password file"
	case wantsToken(err), said.Code() == codes.PermissionDenied, said.Code() == codes.Unauthenticated:
		return fault.Unauthorized, remedyLogin
	case errors.Is(err, rpctypes.ErrCompacted):
		return fault.NotFound, ""
	case errors.Is(err, rpctypes.ErrFutureRev):
		return fault.Unavailable, ""
	case errors.Is(err, errCorrupt):
		return fault.Corrupt, "etcd raised its CORRUPT alarm: find out which member differs before anything else"
	case errors.Is(err, errLearner):
		return fault.Unavailable, "a learner does not serve this: name further members in clusterEndpoints"
	case said.Code() == codes.NotFound:
		return fault.NotFound, ""
	case said.Code() == codes.Unavailable, said.Code() == codes.ResourceExhausted, said.Code() == codes.Canceled, said.Code() == codes.DeadlineExceeded:
		return fault.Unavailable, ""
	}
	return fault.Internal, ""
}

// grpcKind classifies what gRPC says by itself. Its codes for an ended context
// are turned back into the context's errors.
func grpcKind(e *fault.Error, err error) {
	s, ok := status.FromError(err)
	if !ok {
		return
	}
	switch s.Code() {
	case codes.DeadlineExceeded:
		e.Kind, e.Detail, e.Err = fault.Unavailable, s.Message(), context.DeadlineExceeded
	case codes.Canceled:
		e.Kind, e.Detail, e.Err = fault.Unavailable, s.Message(), context.Canceled
	case codes.Unavailable, codes.ResourceExhausted, codes.Internal, codes.Aborted:
		// Internal is a frame torn by a dying connection.
		e.Kind = fault.Unavailable
	case codes.Unauthenticated, codes.PermissionDenied:
		e.Kind, e.Remedy = fault.Unauthorized, remedyLogin
	case codes.Unimplemented:
		e.Kind, e.Remedy = fault.Unsupported, "revkeeper needs etcd 3.5 or newer, and not a proxy in front of it"
	case codes.DataLoss:
		e.Kind = fault.Corrupt
	}
}

// saidByEtcd tells etcd's own errors from those of the connection.
func saidByEtcd(err error) bool {
	var said rpctypes.EtcdError
	return errors.As(rpctypes.Error(err), &said)
}

// cancelError turns the reason of a cancelled watch, an error's text, back into
// the error.
func cancelError(reason string) error {
	if _, desc, ok := strings.Cut(reason, " desc = "); ok {
		reason = desc
	}
	if reason == "" {
		reason = "etcd gave no reason"
	}
	err := rpctypes.Error(errors.New(reason))
	if saidByEtcd(err) {
		return err
	}
	return status.Error(codes.Unavailable, reason)
}
