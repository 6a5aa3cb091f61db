package etcd

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"slices"
	"sync"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"

	"github.com/revkeeper/revkeeper/domain/cluster"
	"github.com/revkeeper/revkeeper/domain/fault"
)

// troubleLasts is how long a member that failed is asked after the others.
const troubleLasts = time.Minute

// pool holds one connection per member and knows whom to ask.
type pool struct {
	cfg    Config
	tokens *tokens
	logger *slog.Logger

	mu      sync.Mutex
	closed  bool
	links   map[string]*link // by endpoint
	members []cluster.Member // as last listed
	own     cluster.ID       // who last listed them at our own endpoint
	trouble map[cluster.ID]time.Time
}

func newPool(cfg Config, logger *slog.Logger) *pool {
	p := &pool{
		cfg: cfg, logger: logger, tokens: newTokens(cfg),
		links: map[string]*link{}, trouble: map[cluster.ID]time.Time{},
	}
	p.tokens.voters = p.voterLinks
	return p
}

func (p *pool) close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	var err error
	for _, l := range p.links {
		err = errors.Join(err, l.close())
	}
	clear(p.links)
	return err
}

// link returns the connection to endpoint, which belongs to the pool.
func (p *pool) link(endpoint string) (*link, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, fault.New(fault.Unavailable, "connect to etcd", endpoint, "the clients are closed")
	}
	if l := p.links[endpoint]; l != nil {
		return l, nil
	}
	l, err := newLink(endpoint, p.cfg, p.tokens)
	if err == nil {
		p.links[endpoint] = l
	}
	return l, err
}

// linkTo returns the connection to m.
func (p *pool) linkTo(m cluster.Member) (*link, error) {
	endpoint := p.address(m)
	if endpoint == "" {
		return nil, fault.New(fault.Unavailable, "connect to etcd member", m.ID.String(),
			"it lists no client URL: it has not started yet, or runs without --advertise-client-urls")
	}
	return p.link(endpoint)
}

// address returns the URL to reach m under: the configured one for our own
// member, else of the URLs it advertises the first that is of the same scheme
// and not of its own loopback, where there is such a one.
func (p *pool) address(m cluster.Member) string {
	p.mu.Lock()
	own := m.ID == p.own && p.own != 0
	p.mu.Unlock()
	if own {
		return p.cfg.Endpoint
	}
	configured, _ := parseEndpoint(p.cfg.Endpoint)
	best, bestScore := "", -1
	for _, candidate := range m.ClientURLs {
		u, problem := parseEndpoint(candidate)
		if problem != "" {
			continue
		}
		score := 0
		if configured != nil && u.Scheme == configured.Scheme {
			score += 2
		}
		if ip := net.ParseIP(u.Hostname()); u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback()) {
			score++
		}
		if score > bestScore {
			best, bestScore = candidate, score
		}
	}
	return best
}

// list asks for the member list wherever it can be had, and remembers it.
func (p *pool) list(ctx context.Context, linearizable bool) ([]cluster.Member, error) {
	endpoints := append([]string{p.cfg.Endpoint}, p.cfg.ClusterEndpoints...)
	for _, m := range p.known() {
		if e := p.address(m); e != "" && !m.Learner && !slices.Contains(endpoints, e) {
			endpoints = append(endpoints, e)
		}
	}
	var first error
	for i, endpoint := range endpoints {
		answer, err := p.listFrom(ctx, endpoint, linearizable, len(endpoints)-i)
		if err == nil {
			return p.remember(endpoint, answer), nil
		}
		first = worst(first, err)
		if ctx.Err() != nil {
			break
		}
	}
	return nil, first
}

func (p *pool) listFrom(ctx context.Context, endpoint string, linearizable bool, left int) (*pb.MemberListResponse, error) {
	l, err := p.link(endpoint)
	if err != nil {
		return nil, err
	}
	ctx, cancel := p.share(ctx, left)
	defer cancel()
	var answer *pb.MemberListResponse
	err = l.call(ctx, func(ctx context.Context) (err error) {
		answer, err = pb.NewClusterClient(l.conn).MemberList(ctx, &pb.MemberListRequest{Linearizable: linearizable})
		return err
	})
	return answer, failure("list etcd members through", endpoint, err)
}

func (p *pool) remember(endpoint string, answer *pb.MemberListResponse) []cluster.Member {
	members := make([]cluster.Member, 0, len(answer.Members))
	for _, m := range answer.Members {
		members = append(members, cluster.Member{
			ID: cluster.ID(m.ID), Name: m.Name, PeerURLs: m.PeerURLs, ClientURLs: m.ClientURLs, Learner: m.IsLearner,
		})
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.members = slices.Clone(members)
	if endpoint == p.cfg.Endpoint {
		p.own = cluster.ID(answer.GetHeader().GetMemberId())
	}
	return members
}

func (p *pool) known() []cluster.Member {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.members)
}

// voters returns the voting members, our own first and those that failed lately
// last. It asks for them if none is known.
func (p *pool) voters(ctx context.Context) ([]cluster.Member, error) {
	members := p.known()
	if len(members) == 0 {
		var err error
		if members, err = p.list(ctx, false); err != nil {
			return nil, err
		}
	}
	members = slices.DeleteFunc(members, func(m cluster.Member) bool { return m.Learner })
	p.sort(members, func(m cluster.Member) bool { return m.ID == p.own })
	return members, nil
}

// sort puts preferred members first, but those that failed lately last, the
// latest at the very end. prefer is called with the pool's lock held.
func (p *pool) sort(members []cluster.Member, prefer func(cluster.Member) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for id, since := range p.trouble {
		if time.Since(since) > troubleLasts {
			delete(p.trouble, id)
		}
	}
	slices.SortStableFunc(members, func(a, b cluster.Member) int {
		if order := p.trouble[a.ID].Compare(p.trouble[b.ID]); order != 0 {
			return order
		}
		switch pa, pb := prefer(a), prefer(b); {
		case pa == pb:
			return 0
		case pa:
			return -1
		}
		return 1
	})
}

func (p *pool) failed(m cluster.ID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.trouble[m] = time.Now()
}

// voterLinks returns connections that exist or can be made to voters, for a
// caller that holds a learner.
func (p *pool) voterLinks() []*link {
	var links []*link
	for _, m := range p.known() {
		if l, err := p.linkTo(m); err == nil && !m.Learner {
			links = append(links, l)
		}
	}
	for _, e := range p.cfg.ClusterEndpoints {
		if l, err := p.link(e); err == nil && !slices.Contains(links, l) {
			links = append(links, l)
		}
	}
	return links
}

// askVoter asks voters one after the other until one can answer. When all of
// those remembered fail, the list is asked for again, for members may have been
// replaced while we did not look.
func (p *pool) askVoter(ctx context.Context, op string, ask func(context.Context, *link, cluster.Member) error) error {
	tried := map[string]bool{}
	var first error
	for range 2 {
		voters, err := p.voters(ctx)
		if err != nil {
			return worst(first, err)
		}
		voters = slices.DeleteFunc(voters, func(m cluster.Member) bool { return tried[p.address(m)] })
		for i, m := range voters {
			tried[p.address(m)] = true
			err := p.askOne(ctx, m, len(voters)-i, ask)
			if err == nil || ctx.Err() != nil || !elsewhere(err) {
				return failure(op, m.ID.String(), err)
			}
			p.failed(m.ID)
			p.logger.DebugContext(ctx, "etcd voter cannot answer", "op", op, "member", m.ID.String(), "err", err)
			first = worst(first, failure(op, m.ID.String(), err))
		}
		if _, err := p.list(ctx, false); err != nil {
			return worst(first, err)
		}
	}
	if first == nil {
		first = fault.New(fault.Unavailable, op, "", "the cluster lists no voting member")
	}
	return first
}

func (p *pool) askOne(ctx context.Context, m cluster.Member, left int, ask func(context.Context, *link, cluster.Member) error) error {
	l, err := p.linkTo(m)
	if err != nil {
		return err
	}
	ctx, cancel := p.share(ctx, left)
	defer cancel()
	return ask(ctx, l, m)
}

// share bounds one member's time to answer, so that left members all get their
// turn before ctx ends.
func (p *pool) share(ctx context.Context, left int) (context.Context, context.CancelFunc) {
	limit := p.cfg.dialTimeout()
	if deadline, ok := ctx.Deadline(); ok {
		limit = min(limit, time.Until(deadline)/time.Duration(left))
	}
	return context.WithTimeout(ctx, limit)
}

// elsewhere reports whether another member might succeed.
func elsewhere(err error) bool {
	switch fault.KindOf(failure("", "", err)) {
	case fault.Unavailable, fault.Unauthorized, fault.Internal:
		return true
	}
	return false
}

// worst keeps the error that tells an operator more: refused credentials before
// an unreachable member, and the first of equals.
func worst(first, next error) error {
	if first == nil || errors.Is(next, fault.Unauthorized) && !errors.Is(first, fault.Unauthorized) {
		return next
	}
	return first
}
