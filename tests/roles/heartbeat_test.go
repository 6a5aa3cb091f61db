package roles

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.etcd.io/etcd/client/v3"
	"golang.org/x/sync/errgroup"

	etcdbeat "github.com/revkeeper/revkeeper/adapters/heartbeat/etcd"
	beat "github.com/revkeeper/revkeeper/application/heartbeat"
	"github.com/revkeeper/revkeeper/domain/heartbeat"
	"github.com/revkeeper/revkeeper/ports"
	"github.com/revkeeper/revkeeper/tests/oracle"
)

// A heartbeat beats as often and lives as short as may be configured.
var (
	beating = beat.Config{Interval: 500 * time.Millisecond, Timeout: time.Second}
	living  = etcdbeat.Config{Prefix: "revkeeper", TTL: 5 * time.Second}
)

// outlasted is what a heartbeat survives without a renewal: the last one was up
// to an interval before, and the next may first have to run into its timeout.
var outlasted = living.TTL - beating.Interval - beating.Timeout

// pulse is the heartbeat of a sidecar as the others see it.
type pulse struct {
	g        *group
	s        *sidecar
	renewals *renewals
	seen     ports.Heartbeats // through another member
	client   *clientv3.Client // likewise
}

// beats has a sidecar renew its heartbeat until the test ends. The others' eyes
// look through another member.
func (g *group) beats(s *sidecar, others *sidecar) *pulse {
	g.t.Helper()
	p := &pulse{
		g: g, s: s, renewals: &renewals{Heartbeats: etcdbeat.New(s.clients.Voters, living)},
		seen: etcdbeat.New(others.clients.Voters, living), client: oracle.Connect(g.t, others.Endpoint),
	}
	subject := beat.Subject{Beat: func() (heartbeat.Beat, bool) {
		now := s.poller.Now().Status
		return heartbeat.Beat{Card: heartbeat.Card{Name: s.Name, ClusterID: now.ClusterID, MemberID: now.MemberID}}, now.MemberID != 0
	}}
	duty := beat.New(beating, p.renewals, nil, subject, discard{})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = duty.Run(ctx)
	}()
	g.t.Cleanup(func() { cancel(); <-ended })
	return p
}

// renewals notes every renewal.
type renewals struct {
	ports.Heartbeats
	mu  sync.Mutex
	all []renewal
}

type renewal struct {
	began, ended time.Time
	err          error
}

func (r *renewals) Renew(ctx context.Context, b heartbeat.Beat) error {
	began := time.Now()
	err := r.Heartbeats.Renew(ctx, b)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, renewal{began, time.Now(), err})
	return err
}

// within returns how many renewals began between two instants, and how many of
// those had succeeded by the second.
func (r *renewals) within(from, to time.Time) (began, succeeded int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, one := range r.all {
		if one.began.After(from) && one.began.Before(to) {
			began++
			if one.err == nil && one.ended.Before(to) {
				succeeded++
			}
		}
	}
	return began, succeeded
}

// longest returns the longest time that the key's lease may have gone without a
// renewal between two instants.
func (r *renewals) longest(from, to time.Time) (longest time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var last time.Time
	for _, one := range r.all {
		if one.err != nil {
			continue
		}
		if !last.IsZero() && one.ended.After(from) && last.Before(to) {
			longest = max(longest, one.ended.Sub(last))
		}
		last = one.began
	}
	return longest
}

// sight is what the others saw of a heartbeat for some time, while they wrote.
type sight struct {
	first  int64 // revision in which the key was made
	lists  int   // that found the heartbeat
	reads  int   // that found the key
	unseen int   // of both, that got no answer
	writes int
	oldest time.Duration
	broken []string // how it was not what it was before
}

// lookEvery is how often the others look, lookFor how long they wait for an answer.
const (
	lookEvery = 100 * time.Millisecond
	lookFor   = time.Second
)

// watch has the others look at the heartbeat, and write to another key, until
// stop, which returns what they saw.
func (p *pulse) watch() (stop func() sight) {
	p.g.t.Helper()
	var first int64
	p.g.eventually("the heartbeat of "+p.s.Name, func() (err error) {
		if first, err = p.made(p.g.t.Context()); err == nil && first == 0 {
			err = errors.New("it has no key")
		}
		return err
	})
	var mu sync.Mutex
	saw := sight{first: first}
	ctx, cancel := context.WithCancel(p.g.t.Context())
	var lookers errgroup.Group
	often := func(every time.Duration, look func(ctx context.Context) (note func())) {
		lookers.Go(func() error {
			for tick := time.NewTicker(every); ; {
				call, end := context.WithTimeout(ctx, lookFor)
				note := look(call)
				end()
				if ctx.Err() != nil {
					return nil
				}
				mu.Lock()
				note()
				mu.Unlock()
				select {
				case <-tick.C:
				case <-ctx.Done():
					return nil
				}
			}
		})
	}
	often(lookEvery, func(ctx context.Context) func() {
		all, err := p.seen.List(ctx, nil)
		return func() { saw.listed(p.s.Name, all, err) }
	})
	often(lookEvery, func(ctx context.Context) func() {
		made, err := p.made(ctx)
		return func() { saw.read(made, err) }
	})
	often(2*lookEvery, func(ctx context.Context) func() {
		_, err := p.client.Put(ctx, "busy", "written meanwhile")
		return func() {
			if err == nil {
				saw.writes++
			}
		}
	})
	return func() sight {
		cancel()
		_ = lookers.Wait()
		return saw
	}
}

func (s *sight) listed(name string, all []heartbeat.Seen, err error) {
	if err != nil {
		s.unseen++
		return
	}
	for _, one := range all {
		if one.Name == name {
			s.lists, s.oldest = s.lists+1, max(s.oldest, one.Age)
			if one.Lapsed() {
				s.broken = append(s.broken, fmt.Sprintf("it was %s old", one.Age))
			}
			return
		}
	}
	s.broken = append(s.broken, "it was not listed")
}

func (s *sight) read(made int64, err error) {
	switch {
	case err != nil:
		s.unseen++
	case made != s.first:
		s.broken = append(s.broken, fmt.Sprintf("its key was made at revision %d, not %d", made, s.first))
	default:
		s.reads++
	}
}

// made returns the revision in which the key was made, 0 if it is not there: one
// that lapses takes its key with it, and the next is a key of another making.
func (p *pulse) made(ctx context.Context) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	answer, err := p.client.Get(ctx, living.Prefix+"/members/"+p.s.Name)
	if err != nil || len(answer.Kvs) == 0 {
		return 0, err
	}
	return answer.Kvs[0].CreateRevision, nil
}

// unbroken makes sure that the heartbeat never was away in a window, nor after
// it.
func (p *pulse) unbroken(w window) {
	t := p.g.t
	t.Helper()
	p.g.eventually("a renewal after the defragmentation", func() error {
		if _, succeeded := p.renewals.within(w.to, time.Now()); succeeded == 0 {
			return fmt.Errorf("%s has not renewed its heartbeat", p.s.Name)
		}
		return nil
	})
	began, succeeded := p.renewals.within(w.silence())
	t.Logf("%d renewals began while the member was silent, %d succeeded; at most %s without one; the others: %d writes, %d lists (oldest %s), %d reads, %d answers missing",
		began, succeeded, p.renewals.longest(w.from, w.to).Round(time.Millisecond), w.saw.writes, w.saw.lists, w.saw.oldest, w.saw.reads, w.saw.unseen)
	if len(w.saw.broken) > 0 {
		t.Errorf("the others saw the heartbeat of %s break: %q", p.s.Name, w.saw.broken)
	}
	if w.saw.reads == 0 || w.saw.writes == 0 {
		t.Errorf("the others read the heartbeat of %s %d times and wrote %d times", p.s.Name, w.saw.reads, w.saw.writes)
	}
	if made, err := p.made(t.Context()); err != nil || made != w.saw.first {
		t.Errorf("the heartbeat of %s was made at revision %d, it is of %d: %v", p.s.Name, w.saw.first, made, err)
	}
}
