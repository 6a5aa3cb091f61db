package docker

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/revkeeper/revkeeper/adapters/httpapi/openapi"
	"github.com/revkeeper/revkeeper/adapters/objectstore/local"
	"github.com/revkeeper/revkeeper/domain/chain"
	"github.com/revkeeper/revkeeper/domain/timeline"
)

const (
	// lookInterval is how often the checker asks every member and every sidecar
	// and looks at the store.
	lookInterval = 200 * time.Millisecond
	// lookTimeout bounds one question; a program that is stopped answers none.
	lookTimeout = time.Second
	// grace is how long an acknowledged revision may be in no object while the
	// backup is not disturbed.
	grace = flushAge + 5*time.Second
	// leadLasts is how long a sidecar may act on the last answer that said that its
	// member leads: until the next poll, which may time out, and for what a busy
	// machine takes to wake the sidecar then.
	leadLasts = pollInterval + statusTimeout + 500*time.Millisecond
)

// checker watches a cluster from its start to its end and says at any time
// whether what must hold, whatever happens, does:
//
//   - The history in the store has no gap and belongs to one timeline.
//   - No object was overwritten, half written or damaged, and objects that hold
//     the same revision agree about it.
//   - Every revision that was acknowledged longer ago than grace can be restored.
//   - Exactly one sidecar leads, and it is beside etcd's leader.
//   - Heartbeats tell the truth: each sidecar sees each member as it is.
//   - Whoever began an object had its member seen to lead within leadLasts before,
//     in a raft term that it led.
type checker struct {
	pairs   []*pair
	acks    acks
	terms   terms
	objects objects
	roles   roles
	read    *contents
	store   *local.Store
	stop    func()

	mu      sync.Mutex
	longest time.Duration // that an acknowledged revision waited for the store
	failed  error         // why the directory of the store could not be read
}

// startChecker begins to watch; it has ended when the test's cleanup is over.
func startChecker(c *cluster) *checker {
	c.t.Helper()
	k := newChecker(c.t, c.objects)
	k.pairs = c.pairs
	for _, p := range k.pairs {
		p.told = &k.terms
	}
	ctx, cancel := context.WithCancel(c.t.Context())
	var group sync.WaitGroup
	for _, p := range k.pairs {
		group.Go(func() { repeat(ctx, func() { k.askMember(ctx, p) }) })
		group.Go(func() { repeat(ctx, func() { k.askSidecar(ctx, p) }) })
	}
	group.Go(func() { repeat(ctx, k.look) })
	k.stop = func() {
		cancel()
		group.Wait()
	}
	c.t.Cleanup(func() {
		k.stop()
		if c.t.Failed() {
			c.t.Logf("roles and leaders were:\n%s", k.roles.history(&k.terms))
		}
	})
	return k
}

// newChecker returns a checker of the store in a directory that looks at nothing
// by itself.
func newChecker(t testing.TB, dir string) *checker {
	t.Helper()
	store, err := local.New(dir)
	if err != nil {
		t.Fatal(err)
	}
	return &checker{objects: objects{dir: dir}, store: store, read: newContents(store)}
}

func repeat(ctx context.Context, act func()) {
	tick := time.NewTicker(lookInterval)
	defer tick.Stop()
	for ctx.Err() == nil {
		act()
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

func (k *checker) askMember(ctx context.Context, p *pair) {
	_, _ = p.raft(ctx, lookTimeout) // who does not answer says nothing
}

func (k *checker) askSidecar(ctx context.Context, p *pair) {
	var st openapi.Status
	sent := time.Now()
	if err := p.call(ctx, http.MethodGet, "/v1/status", lookTimeout, &st); err == nil {
		k.roles.note(roleSeen{sent: sent, received: time.Now(), pair: p.name, role: st.Role, reason: st.Reason})
	}
}

// look watches the store, and how far behind the acknowledged writes it is.
func (k *checker) look() {
	err := k.objects.look(false)
	newest := newestOf(k.objects.listing())
	k.mu.Lock()
	defer k.mu.Unlock()
	k.failed = errors.Join(k.failed, err)
	if since, ok := k.acks.waiting(newest); ok && newest > 0 {
		k.longest = max(k.longest, time.Since(since))
	}
}

// newestOf returns the newest revision that a listing lets one restore of the
// newest timeline, 0 for none.
func newestOf(listing []timeline.Object) int64 {
	c := timeline.Catalog(listing)
	if h := c.Newest(); h != nil {
		newest, _ := chain.Cover(h).Newest()
		return newest
	}
	return 0
}

// findings is what a check found, by kind.
type findings struct {
	gaps        []string // and timelines that nothing called for
	overwritten []string // or half written, damaged, of other content than another
	lost        []string
	unfounded   []string // objects that were begun without the lead
}

func (f findings) all() []string {
	var all []string
	for _, each := range []struct {
		kind  string
		found []string
	}{{"gap", f.gaps}, {"overwritten or damaged", f.overwritten}, {"lost", f.lost}, {"begun without the lead", f.unfounded}} {
		for _, text := range each.found {
			all = append(all, each.kind+": "+text)
		}
	}
	return all
}

// check waits until exactly one sidecar leads, beside etcd's leader, and the
// heartbeats say so, and fails the test unless everything else holds too.
func (c *cluster) check(scenario string) {
	c.t.Helper()
	c.awaitLeader(c.pairs...)
	c.awaitHeartbeats()
	f := c.checker.examine(c.t.Context(), time.Now())
	c.checker.report(c.t, scenario, f)
	if all := f.all(); len(all) > 0 {
		c.t.Errorf("%s:\n%s", scenario, strings.Join(all, "\n"))
	}
}

// examine reads the whole store. What was acknowledged by a moment may take
// until grace after it to be there.
func (k *checker) examine(ctx context.Context, moment time.Time) findings {
	var f findings
	f.lost = k.missing(ctx, moment)
	k.mu.Lock()
	err := errors.Join(k.failed, k.objects.look(true))
	k.failed = nil
	k.mu.Unlock()
	if err != nil {
		f.overwritten = append(f.overwritten, err.Error())
	}
	f.overwritten = append(f.overwritten, k.objects.takeBroken()...)
	catalogue, err := k.read.archive.Catalogue(ctx)
	if err != nil {
		f.overwritten = append(f.overwritten, err.Error())
		return f
	}
	f.gaps = gaps(catalogue)
	from := len(k.read.written)
	f.overwritten = append(f.overwritten, k.read.examine(ctx, catalogue)...)
	for _, p := range k.pairs { // a term may have begun since the last look
		k.askMember(ctx, p)
	}
	for _, w := range k.read.written[from:] {
		doubt := k.terms.doubt(w.writer, leadLasts)
		if w.writer.BegunAt.After(w.finished) {
			doubt = fmt.Sprintf("begun %s after it was finished", w.writer.BegunAt.Sub(w.finished))
		}
		if doubt != "" {
			f.unfounded = append(f.unfounded, fmt.Sprintf("%s of %s (member %s): %s", w.key, w.writer.Member, w.writer.MemberID, doubt))
		}
	}
	return f
}

// gaps says what keeps a store from being one history without a hole.
func gaps(c timeline.Catalogue) (found []string) {
	if len(c.Timelines) != 1 {
		found = append(found, fmt.Sprintf("%d timelines, want one", len(c.Timelines)))
		for _, h := range c.Timelines {
			found = append(found, fmt.Sprintf("timeline %d began at revision %d: %s", h.Epoch, h.First, h.Reason))
		}
	}
	for _, h := range c.Timelines {
		cov := chain.Cover(&h)
		for _, kind := range []struct {
			name   string
			ranges []chain.Range
		}{{"in no object", cov.Gaps}, {"without a full below", cov.Baseless}, {"disputed", cov.Disputed}} {
			for _, r := range kind.ranges {
				found = append(found, fmt.Sprintf("timeline %d: revisions %s are %s", h.Epoch, r, kind.name))
			}
		}
	}
	return found
}

// missing says what was acknowledged by a moment and cannot be restored grace
// after it. It returns as soon as everything can.
func (k *checker) missing(ctx context.Context, moment time.Time) []string {
	acknowledged := k.acks.until(moment)
	for {
		if err := k.objects.look(false); err != nil {
			return []string{err.Error()}
		}
		newest := newestOf(k.objects.listing())
		if newest >= acknowledged {
			return nil
		}
		if time.Since(moment) > grace || ctx.Err() != nil {
			return []string{fmt.Sprintf("revisions %d to %d were acknowledged more than %s ago and cannot be restored", newest+1, acknowledged, grace)}
		}
		pause(ctx, lookInterval)
	}
}

// held fails the test unless everything can be restored now that was
// acknowledged longer than grace before a moment: the one at which the store, the
// quorum or the leader went away.
func (k *checker) held(t testing.TB, before time.Time) {
	t.Helper()
	if lost := k.missing(t.Context(), before.Add(-grace)); len(lost) > 0 {
		t.Errorf("lost: %s", strings.Join(lost, "\n"))
	}
}

// pause lets time pass, until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
