package demo

import (
	"context"
	"fmt"
	"strings"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
)

// story is the state of a run.
type story struct {
	say       *narrator
	keep      bool
	dir       string
	keepDir   bool
	self      string // the demo's own binary
	revkeeper string // the sidecar's

	members   []*member
	restored  *member // the last one
	sidecars  []*sidecar
	processes []*process
	client    *clientv3.Client // of the source cluster
	writer    *writer

	timeline int    // at the failover
	fulls    int    // stored before it
	past     int64  // revision remembered before it
	told     string // key of the full that was told of last
}

func (s *story) storeURL() string { return "file://" + s.dir + "/store" }

// tell runs the chapters in order.
func (s *story) tell(ctx context.Context) error {
	for _, chapter := range []struct {
		title string
		run   func(context.Context) error
	}{
		{"Three etcd members, and a sidecar beside each", s.begin},
		{"A client writes, the leader's sidecar backs up", s.backUp},
		{"The leading pair dies", s.failOver},
		{"Everything comes back", s.comeBack},
	} {
		s.say.chapter(chapter.title)
		if err := chapter.run(ctx); err != nil {
			return err
		}
	}
	if s.keep {
		s.say.table()
		return s.stay(ctx)
	}
	return nil
}

func (s *story) begin(ctx context.Context) error {
	var initial []string
	for i := range 3 {
		m, err := s.newMember(fmt.Sprintf("etcd%d", i+1))
		if err != nil {
			return err
		}
		s.members = append(s.members, m)
		initial = append(initial, m.name+"="+m.peer)
	}
	for _, m := range s.members {
		if err := s.startMember(m, strings.Join(initial, ",")); err != nil {
			return err
		}
		s.say.line("%s at %s (pid %d)", m.name, m.endpoint, m.pid())
	}
	var err error
	if s.client, err = connect(s.members...); err != nil {
		return err
	}
	if err := until(ctx, time.Minute, "etcd to elect a leader", func() bool { return healthy(ctx, s.client) }); err != nil {
		return err
	}
	for _, m := range s.members {
		c, err := s.startSidecar(m)
		if err != nil {
			return err
		}
		s.sidecars = append(s.sidecars, c)
		s.say.line("revkeeper beside %s (pid %d): status page at http://%s/", m.name, c.pid(), c.address)
	}
	return nil
}

// backUp writes until there is a full, a proof and some deltas, and remembers a
// revision.
func (s *story) backUp(ctx context.Context) error {
	if err := until(ctx, time.Minute, "exactly one sidecar to lead", func() bool { c, _ := s.leader(ctx); return c != nil }); err != nil {
		return err
	}
	leading, _ := s.leader(ctx)
	s.tellRoles(ctx)
	source, err := s.etcdLeader(ctx)
	if err != nil {
		return err
	}
	s.say.prove(leading.beside.name == source, "backup leader is etcd's leader", fmt.Sprintf("%s leads both", source))
	s.writer = startWriter(ctx, s.client)
	if err := s.follow(ctx, 4*time.Second); err != nil {
		return err
	}
	follower := s.follower(leading)
	s.say.line("somebody asks the sidecar of %s for a full, which passes it on: POST /v1/snapshots/full", follower.beside.name)
	if err := follower.takeFull(ctx); err != nil {
		return err
	}
	s.tellMembers(ctx, follower)
	if err := s.follow(ctx, 4*time.Second); err != nil {
		return err
	}
	leading, st := s.leader(ctx)
	if leading == nil || st.Backup.LastFull.Key == "" {
		return fmt.Errorf("no full snapshot was stored; see %s", s.dir)
	}
	s.timeline, s.past = st.Backup.Timeline, st.Backup.DurableRevision
	if s.fulls, err = s.countFulls(ctx); err != nil {
		return err
	}
	s.say.line("revision %d is remembered: we shall want it back", s.past)
	return nil
}

// follower returns a sidecar that does not lead.
func (s *story) follower(leading *sidecar) *sidecar {
	for _, c := range s.sidecars {
		if c != leading {
			return c
		}
	}
	return leading
}

// tellMembers shows all members as one sidecar sees them.
func (s *story) tellMembers(ctx context.Context, c *sidecar) {
	address := "http://" + c.address
	text, err := output(ctx, s.revkeeper, "status", "--address", address)
	fmt.Fprintf(s.say.out, "\n$ revkeeper status --address %s\n%s\n", address, text)
	result := "by their heartbeats and what their sidecars say"
	if err != nil {
		result = err.Error()
	}
	s.say.prove(err == nil, "all members are well", result)
}

// failOver kills the leading pair and waits for another to go on.
func (s *story) failOver(ctx context.Context) error {
	leading, st := s.leader(ctx)
	if leading == nil {
		return fmt.Errorf("no sidecar leads any more")
	}
	before := st.Backup.DurableRevision
	s.say.line("SIGKILL to %s and its sidecar, at durable revision %d", leading.beside.name, before)
	began := time.Now()
	leading.beside.kill()
	leading.kill()
	s.members = without(s.members, leading.beside)
	var next *sidecar
	err := until(ctx, time.Minute, "another sidecar to lead", func() bool { next, _ = s.leader(ctx); return next != nil })
	if err != nil {
		return err
	}
	s.say.line("%s leads after %.1fs", next.beside.name, time.Since(began).Seconds())
	s.tellRoles(ctx)
	err = until(ctx, time.Minute, "the first delta of the new leader", func() bool {
		st, ok := next.status(ctx)
		return ok && st.Backup.DurableRevision > before
	})
	if err != nil {
		return err
	}
	st, _ = next.status(ctx)
	s.say.line("durable up to %d again %.1fs after the kill", st.Backup.DurableRevision, time.Since(began).Seconds())
	if err := s.follow(ctx, 3*time.Second); err != nil {
		return err
	}
	return s.proveContinuity(ctx)
}

// follow shows the backup for a while.
func (s *story) follow(ctx context.Context, d time.Duration) error {
	end := time.Now().Add(d)
	for time.Now().Before(end) {
		if err := pause(ctx, time.Second); err != nil {
			return err
		}
		c, st := s.leader(ctx)
		if c == nil {
			continue
		}
		b := st.Backup
		if full := b.LastFull.Key; full != "" && full != s.told {
			s.told = full
			s.say.line("newest full snapshot: revision %d", b.LastFull.LastRevision)
		}
		s.say.line("%d writes; cluster at %d, durable %d, lag %d revisions", s.writer.done.Load(), s.writer.revision.Load(),
			b.DurableRevision, max(0, s.writer.revision.Load()-b.DurableRevision))
	}
	return nil
}

func (s *story) tellRoles(ctx context.Context) {
	for _, c := range s.sidecars {
		if c.ended() {
			continue
		}
		if st, ok := c.status(ctx); ok {
			s.say.line("%s: %s: %s", c.beside.name, st.Role, st.Reason)
		}
	}
}

// stay keeps everything up for the curious.
func (s *story) stay(ctx context.Context) error {
	for _, c := range s.sidecars {
		if !c.ended() {
			s.say.line("status page of %s: http://%s/", c.beside.name, c.address)
		}
	}
	for _, text := range s.invitation() {
		s.say.line("%s", text)
	}
	s.say.line("the store is in %s; Ctrl-C ends everything", s.storeURL())
	s.writer = startWriter(ctx, s.client)
	<-ctx.Done()
	s.writer.stop()
	return nil
}

// invitation says what can be asked of what stays up, as commands.
func (s *story) invitation() []string {
	var endpoints []string
	for _, m := range s.members {
		endpoints = append(endpoints, m.endpoint)
	}
	out := []string{fmt.Sprintf("etcd, which is written to: etcdctl --endpoints %s get --prefix /registry/ --keys-only", strings.Join(endpoints, ","))}
	if s.restored != nil {
		out = append(out, fmt.Sprintf("etcd, as it was restored: etcdctl --endpoints %s get --prefix /registry/ --keys-only", s.restored.endpoint))
	}
	return append(out, fmt.Sprintf("its past: %s get --prefix /registry/ --keys-only --at %d --store %s", s.revkeeper, s.past, s.storeURL()))
}

func without(ms []*member, gone *member) []*member {
	var out []*member
	for _, m := range ms {
		if m != gone {
			out = append(out, m)
		}
	}
	return out
}

func connect(ms ...*member) (*clientv3.Client, error) {
	var endpoints []string
	for _, m := range ms {
		endpoints = append(endpoints, m.endpoint)
	}
	return clientv3.New(clientv3.Config{Endpoints: endpoints, DialTimeout: 10 * time.Second, Logger: zap.NewNop()})
}

func healthy(ctx context.Context, c *clientv3.Client) bool {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	_, err := c.Get(ctx, "\x00")
	return err == nil
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
