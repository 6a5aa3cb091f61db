package proof_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	proofs "github.com/revkeeper/revkeeper/application/proof"
	"github.com/revkeeper/revkeeper/domain/chain"
	"github.com/revkeeper/revkeeper/domain/cluster"
	"github.com/revkeeper/revkeeper/domain/event"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/health"
	"github.com/revkeeper/revkeeper/domain/proof"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/domain/timeline"
	"github.com/revkeeper/revkeeper/ports"
)

const (
	settle    = time.Minute
	scanAfter = 6 * time.Hour
	interval  = 5 * time.Second
)

// world is a cluster of three members, of which the first leads, and a backup of it.
type world struct {
	t      *testing.T
	bucket *bucket
	guard  *proofs.Guard
	ledger *proofs.Ledger
	stop   func()

	mu       sync.Mutex
	backup   health.Backup
	compact  int64
	known    bool
	members  []cluster.Candidate
	previous map[int64]int64       // of each compaction, the one before
	started  map[cluster.ID]int64  // compact revision that a member had when it was started: it kept no hash up to it
	sums     map[cluster.ID]uint32 // what a member hashes to instead of what is right
	hang     map[cluster.ID]bool   // a member that does not answer
	asked    []string              // "second 150"
	events   []event.Event
}

// bucket holds the proofs of one timeline, and is asked for nothing else.
type bucket struct {
	ports.Archive
	mu     sync.Mutex
	proofs []proof.Recorded
}

func (b *bucket) held() []proof.Recorded {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.proofs)
}

// Catalogue implements ports.Archive.
func (b *bucket) Catalogue(context.Context) (timeline.Catalogue, error) {
	objects := []timeline.Object{{Key: snapshot.Ref{Kind: snapshot.KindTimeline, Epoch: 1}.Key()}}
	for _, p := range b.held() {
		objects = append(objects, timeline.Object{Key: snapshot.Ref{Kind: snapshot.KindProof, Epoch: 1, Last: p.Revision, At: p.RecordedAt}.Key()})
	}
	return timeline.Catalog(objects), nil
}

// writer adds to a bucket.
type writer struct {
	ports.ArchiveWriter
	*bucket
}

// StoreProof implements ports.ArchiveWriter.
func (w writer) StoreProof(_ context.Context, _ int, p proof.Recorded) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.proofs = append(w.proofs, p)
	return nil
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, bucket: &bucket{}, ledger: proofs.NewLedger(), known: true,
		previous: map[int64]int64{}, started: map[cluster.ID]int64{}, sums: map[cluster.ID]uint32{}, hang: map[cluster.ID]bool{}}
	w.guard = proofs.NewGuard(writer{bucket: w.bucket}, w.ledger)
	w.backup = health.Backup{Epoch: 1, Windows: []chain.Range{{First: 1, Last: 1000}}}
	for i, name := range []string{"leader", "second", "third"} {
		id := cluster.ID(i + 1)
		w.members = append(w.members, cluster.Candidate{Member: cluster.Member{ID: id, Name: name},
			Status: cluster.Status{ClusterID: 0xc0de, MemberID: id, Leader: 1, Revision: 1000}})
	}
	return w
}

func (w *world) Backup() health.Backup {
	w.mu.Lock()
	defer w.mu.Unlock()
	b := w.backup
	b.Windows = slices.Clone(b.Windows)
	return b
}

func (w *world) Compaction() (int64, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.compact, w.known
}

func (w *world) Candidates(context.Context) ([]cluster.Candidate, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.members), nil
}

// Hash answers as etcd does: from what it kept, else by a scan.
func (w *world) Hash(ctx context.Context, c cluster.Candidate, revision int64) (proof.Hash, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked = append(w.asked, fmt.Sprintf("%s %d", c.Member.Name, revision))
	if w.hang[c.Member.ID] {
		return proof.Hash{}, fault.New(fault.Unavailable, "ask", c.Member.Name, "it is away")
	}
	h := proof.Hash{Revision: revision, Compact: w.compact, HashKV: uint32(revision)}
	if before, ok := w.previous[revision]; ok && revision > w.started[c.Member.ID] {
		h.Compact = before
	}
	h.HashKV += w.sums[c.Member.ID]
	return h, ctx.Err()
}

func (w *world) Observe(e event.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events = append(w.events, e)
}

// compacts has etcd compact, and the backup notice.
func (w *world) compacts(revision int64) {
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.previous[revision], w.compact = w.compact, revision
}

// set changes the world, after everything that was due at this instant is done: the
// duty's ticks and the sleep of a story may end together.
func (w *world) set(f func()) {
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	f()
}

// leads runs the duty while play does.
func (w *world) leads(play func()) {
	ctx, cancel := context.WithCancel(w.t.Context())
	ended := make(chan error, 1)
	d := proofs.NewDuty(proofs.Config{Rule: proof.Rule{Settle: settle, Again: 10 * time.Second, ScanAfter: scanAfter}, Interval: interval}, w, w, w.bucket, w.guard, w.ledger, w)
	go func() { ended <- d.Run(ctx) }()
	synctest.Wait()
	play()
	cancel()
	if err := <-ended; err != context.Canceled {
		w.t.Errorf("the duty ended with %v", err)
	}
}

// wantAsked compares who was asked since the last time.
func (w *world) wantAsked(want ...string) {
	w.t.Helper()
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	if !slices.Equal(w.asked, want) {
		w.t.Errorf("asked %v, want %v", w.asked, want)
	}
	w.asked = nil
}

// wantProofs compares what the store holds, as revision/compact revision.
func (w *world) wantProofs(want ...string) {
	w.t.Helper()
	synctest.Wait()
	var got []string
	for _, p := range w.bucket.held() {
		if p.ClusterID != "c0de" || p.MemberID == "" || p.RecordedAt.IsZero() || p.HashKV != uint32(p.Revision) {
			w.t.Errorf("recorded %+v", p)
		}
		got = append(got, fmt.Sprintf("%d/%d", p.Revision, p.Compact))
	}
	if !slices.Equal(got, want) {
		w.t.Errorf("the store holds %v, want %v", got, want)
	}
}

func (w *world) wantEvents(kind event.Kind, n int) event.Event {
	w.t.Helper()
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	var found []event.Event
	for _, e := range w.events {
		if e.Kind == kind {
			found = append(found, e)
		}
	}
	if len(found) != n {
		w.t.Errorf("%d events %s, want %d", len(found), kind, n)
	}
	if len(found) == 0 {
		return event.Event{}
	}
	return found[len(found)-1]
}

func story(t *testing.T, play func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { play(newWorld(t)) })
}

const later = settle + 2*interval

func TestACompactionGivesAProofForNothing(t *testing.T) {
	story(t, func(w *world) {
		w.leads(func() {
			w.compacts(150)
			time.Sleep(settle)
			w.wantAsked() // the members may still be at it
			time.Sleep(2 * interval)
			w.wantAsked("second 150", "third 150", "leader 150")
			w.wantProofs("150/0")
			w.compacts(300)
			time.Sleep(later)
			w.wantAsked("second 300", "third 300", "leader 300")
			w.wantProofs("150/0", "300/150")
			if e := w.wantEvents(event.ProofRecorded, 2); !strings.Contains(e.Message, "3 members agree") || e.Revision != 300 {
				t.Errorf("%+v", e)
			}
			if got := w.ledger.Standing().Recorded; got.Revision != 300 || got.Epoch != 1 || got.At.IsZero() {
				t.Errorf("standing %+v", got)
			}
		})
	})
}

func TestANewLeaderDoesNotAskItselfForWhatItMayNotHaveKept(t *testing.T) {
	story(t, func(w *world) {
		w.compacts(150)
		w.set(func() { w.started[1] = 150 }) // it was started after that, and would scan
		w.leads(func() {
			time.Sleep(later)
			w.wantAsked("second 150", "third 150")
			w.compacts(300)
			time.Sleep(later)
			w.wantAsked("second 300", "third 300", "leader 300")
		})
		w.leads(func() { // the next leader sees that it was recorded
			time.Sleep(time.Hour)
			w.wantAsked()
		})
		w.wantProofs("150/0", "300/150")
	})
}

func TestItWaitsUntilTheBackupKnowsOfCompactions(t *testing.T) {
	story(t, func(w *world) {
		w.compacts(150)
		w.set(func() { w.known = false })
		w.leads(func() {
			time.Sleep(time.Hour)
			w.wantAsked()
			w.set(func() { w.known = true })
			time.Sleep(later)
			w.wantAsked("second 150", "third 150")
		})
	})
}

func TestCompactionsThatComeFasterThanMembersSettle(t *testing.T) {
	story(t, func(w *world) {
		w.leads(func() {
			for rev := int64(100); rev < 500; rev += 10 {
				w.compacts(rev)
				time.Sleep(10 * time.Second)
			}
			if n := len(w.bucket.held()); n < 4 {
				t.Errorf("%d proofs of forty compactions in 400 s", n)
			}
			w.wantEvents(event.ProofFailed, 0)
		})
	})
}

func TestAFollowerThatKeptNothingIsAskedAlone(t *testing.T) {
	story(t, func(w *world) {
		w.leads(func() {
			w.compacts(150)
			w.set(func() { w.started[2] = 150 })
			time.Sleep(later)
			w.wantAsked("second 150") // which cost it a scan; no other shall have one
			w.wantProofs("150/150")
		})
	})
}

func TestACompactionAheadOfTheStoreIsWaitedFor(t *testing.T) {
	story(t, func(w *world) {
		w.leads(func() {
			w.set(func() { w.backup.Windows[0].Last = 149 })
			w.compacts(150)
			time.Sleep(time.Hour)
			w.wantAsked()
			w.set(func() { w.backup.Windows[0].Last = 150 })
			time.Sleep(interval + time.Second)
			w.wantAsked("second 150", "third 150", "leader 150")
		})
	})
}

// The first compaction after a timeline began: what the members kept covers history
// from before it.
func TestAHashOfMoreHistoryThanIsStoredIsNotRecorded(t *testing.T) {
	story(t, func(w *world) {
		w.compacts(100)
		w.set(func() { w.backup.Windows[0].First = 120 })
		w.leads(func() {
			w.compacts(150)
			time.Sleep(time.Hour)
			w.wantAsked("second 150", "third 150", "leader 150")
			w.wantProofs()
			w.wantEvents(event.ProofFailed, 0)
			w.compacts(300)
			time.Sleep(later)
			w.wantProofs("300/150")
		})
	})
}

func TestMembersThatDisagreeRaiseTheAlarm(t *testing.T) {
	story(t, func(w *world) {
		w.set(func() { w.sums[3] = 1 })
		w.leads(func() {
			w.compacts(150)
			time.Sleep(later)
			w.wantAsked("second 150", "third 150", "leader 150")
			w.wantEvents(event.MembersDisagree, 0)
			time.Sleep(20 * time.Second) // two more tries, ten seconds apart
			w.wantAsked("second 150", "third 150", "leader 150", "second 150", "third 150", "leader 150")
			e := w.wantEvents(event.MembersDisagree, 1)
			if e.Level != event.Error || e.FaultKind() != fault.Diverged || !strings.Contains(e.Err.Error(), "third (3) 151") {
				t.Errorf("%+v", e)
			}
			w.wantProofs()
			d := w.ledger.Standing().Differ
			if d == nil || d.Revision != 150 || d.At.IsZero() {
				t.Fatalf("standing %+v", d)
			}
			// A full's proof is not recorded either, nor does anybody scan.
			err := w.guard.StoreProof(t.Context(), 1, proof.Recorded{Hash: proof.Hash{Revision: 500}, RecordedAt: time.Now()})
			if fault.KindOf(err) != fault.Diverged {
				t.Errorf("a proof is recorded: %v", err)
			}
			time.Sleep(scanAfter)
			w.wantAsked()

			w.compacts(300) // and still
			time.Sleep(later + 30*time.Second)
			w.wantEvents(event.MembersDisagree, 2)
			w.set(func() { w.hang[3] = true }) // the others agree, but that says nothing of the third
			w.compacts(400)
			time.Sleep(later + 30*time.Second)
			w.wantEvents(event.MembersAgree, 0)
			w.wantProofs()
			w.set(func() { w.sums[3], w.hang[3] = 0, false }) // it was replaced
			w.compacts(500)
			time.Sleep(later)
			w.wantEvents(event.MembersAgree, 1)
			w.wantProofs("500/400")
			if d := w.ledger.Standing().Differ; d != nil {
				t.Errorf("standing %+v", d)
			}
		})
	})
}

func TestADifferenceThatGoesAwayIsNoAlarm(t *testing.T) {
	story(t, func(w *world) {
		w.set(func() { w.sums[3] = 1 })
		w.leads(func() {
			w.compacts(150)
			time.Sleep(later)
			w.wantAsked("second 150", "third 150", "leader 150")
			w.set(func() { w.sums[3] = 0 })
			time.Sleep(time.Minute)
			w.wantEvents(event.MembersDisagree, 0)
			w.wantProofs("150/0")
		})
	})
}

func TestWithoutCompactionsAFollowerScans(t *testing.T) {
	story(t, func(w *world) {
		w.leads(func() {
			time.Sleep(scanAfter - time.Minute)
			w.wantAsked()
			time.Sleep(2 * time.Minute)
			w.wantAsked("second 1000")
			w.wantProofs("1000/0")
			time.Sleep(4 * scanAfter)
			w.wantAsked() // nothing was written since
			w.set(func() {
				w.backup.Windows[0].Last = 1002
				for i := range w.members {
					w.members[i].Status.Revision = 1002
				}
			})
			time.Sleep(time.Minute)
			w.wantAsked("second 1002")
			// A full's proof counts as well.
			time.Sleep(scanAfter / 2)
			if err := w.guard.StoreProof(t.Context(), 1, proof.Recorded{Hash: proof.Hash{Revision: 1003, HashKV: 1003},
				ClusterID: "c0de", MemberID: "2", RecordedAt: time.Now().UTC().Truncate(time.Millisecond)}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(scanAfter - time.Minute)
			w.wantAsked()
		})
	})
}

func TestTheLeaderNeverScans(t *testing.T) {
	story(t, func(w *world) {
		w.set(func() { w.members = w.members[:1] })
		w.leads(func() {
			time.Sleep(scanAfter + time.Minute)
			w.wantAsked()
			w.wantEvents(event.ProofFailed, 1)
			time.Sleep(10 * time.Minute)
			w.wantEvents(event.ProofFailed, 2) // and not each few seconds
		})
	})
}

func TestWhoDoesNotAnswerIsAskedThreeTimes(t *testing.T) {
	story(t, func(w *world) {
		w.set(func() { w.hang[1], w.hang[2], w.hang[3] = true, true, true })
		w.leads(func() {
			w.compacts(150)
			time.Sleep(settle + time.Hour)
			var asked []string
			w.set(func() { asked = slices.Clone(w.asked) })
			if len(asked) != 3*proof.Tries {
				t.Errorf("asked %d times: %v", len(asked), asked)
			}
			w.wantEvents(event.ProofFailed, 1)
			w.wantProofs()
		})
	})
}
