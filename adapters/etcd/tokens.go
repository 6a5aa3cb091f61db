package etcd

import (
	"bytes"
	"context"
	"errors"
	"os"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc/metadata"

	"github.com/revkeeper/revkeeper/domain/fault"
)

// tokens holds the token of etcd's authentication, which every member accepts.
// None is asked for before a member wants one: a token costs a raft proposal and
// a password hash.
type tokens struct {
	username, passwordFile string
	// voters are asked where the member at hand is a learner, which does not
	// authenticate.
	voters func() []*link

	turn  chan struct{} // holds one value; whoever takes it may change token
	token string
}

func newTokens(cfg Config) *tokens {
	t := &tokens{username: cfg.Username, passwordFile: cfg.PasswordFile, turn: make(chan struct{}, 1)}
	t.turn <- struct{}{}
	return t
}

// with runs ask with the token, and once more with a new one if the member at
// the end of l wants one.
func (t *tokens) with(ctx context.Context, l *link, ask func(context.Context) error) error {
	if t.username == "" {
		return ask(ctx)
	}
	token, err := t.current(ctx)
	if err != nil {
		return err
	}
	if err = ask(attach(ctx, token)); !wantsToken(err) {
		return err
	}
	if token, err = t.renew(ctx, l, token); err != nil {
		return err
	}
	return ask(attach(ctx, token))
}

func (t *tokens) current(ctx context.Context) (string, error) {
	select {
	case <-t.turn:
	case <-ctx.Done():
		return "", ctx.Err()
	}
	defer func() { t.turn <- struct{}{} }()
	return t.token, nil
}

// renew replaces the token used, unless somebody else did meanwhile.
func (t *tokens) renew(ctx context.Context, l *link, used string) (string, error) {
	select {
	case <-t.turn:
	case <-ctx.Done():
		return "", ctx.Err()
	}
	defer func() { t.turn <- struct{}{} }()
	if t.token != used {
		return t.token, nil
	}
	password, err := os.ReadFile(t.passwordFile)
	if err != nil {
		return "", &fault.Error{Kind: fault.Unauthorized, Op: "log in to etcd", Object: l.endpoint, Err: err, Remedy: "make the password file readable"}
	}
	request := &pb.AuthenticateRequest{Name: t.username, Password: string(bytes.TrimSpace(password))}
	for _, via := range append([]*link{l}, t.voters()...) {
		var answer *pb.AuthenticateResponse
		answer, err = via.authenticate(ctx, request)
		if err == nil {
			t.token = answer.Token
			return t.token, nil
		}
		if !errors.Is(rpctypes.Error(err), errLearner) {
			break
		}
	}
	return "", err
}

func (l *link) authenticate(ctx context.Context, request *pb.AuthenticateRequest) (*pb.AuthenticateResponse, error) {
	ctx, _, cancel := l.await(ctx)
	defer cancel()
	answer, err := pb.NewAuthClient(l.conn).Authenticate(ctx, request)
	return answer, because(ctx, err)
}

func attach(ctx context.Context, token string) context.Context {
	if token == "" {
		return ctx
	}
	return metadata.AppendToOutgoingContext(ctx, rpctypes.TokenFieldNameGRPC, token)
}

// requireLeader makes a member that knows no leader say so at once, instead of
// waiting for one.
func requireLeader(ctx context.Context) context.Context {
	return metadata.AppendToOutgoingContext(ctx, rpctypes.MetadataRequireLeaderKey, rpctypes.MetadataHasLeader)
}

// wantsToken reports whether a member refused for want of a (newer) token.
func wantsToken(err error) bool {
	err = rpctypes.Error(err)
	return errors.Is(err, rpctypes.ErrUserEmpty) || errors.Is(err, rpctypes.ErrInvalidAuthToken) || errors.Is(err, rpctypes.ErrAuthOldRevision)
}
