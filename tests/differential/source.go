package differential

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc/codes"

	"github.com/revkeeper/revkeeper/adapters/archive/revkeeper"
	"github.com/revkeeper/revkeeper/adapters/objectstore/local"
	rule "github.com/revkeeper/revkeeper/domain/compact"
	"github.com/revkeeper/revkeeper/domain/timeline"
	"github.com/revkeeper/revkeeper/ports"
	"github.com/revkeeper/revkeeper/tests/inprocess"
	"github.com/revkeeper/revkeeper/tests/load"
	"github.com/revkeeper/revkeeper/tests/oracle"
	"github.com/revkeeper/revkeeper/tests/servers"
)

// patience bounds one operation, an election in between included.
const patience = time.Minute

// source is a cluster on which a program runs, under backup.
type source struct {
	t       testing.TB
	etcd    *servers.Etcd
	client  *clientv3.Client   // of all members
	members []*clientv3.Client // of one each
	down    int                // the member that was killed; -1 for none
	store   ports.ObjectStore
	backup  *inprocess.Backup // nil before it begins
	beside  int               // the member that the backup is beside

	book      book
	samples   []*sample
	compacted int64
	granted   map[int64]int64 // TTL by lease

	built, rolledUp int // fulls without etcd, and deltas that are in others
}

// sample is what the source said of a revision while it was its newest.
type sample struct {
	step     int
	revision int64
	keys     []*mvccpb.KeyValue
	// hashes are the answers to HashKV by the compact revision that they name; after
	// a compaction etcd gives another.
	hashes map[int64]uint32
}

func start(t testing.TB, c Case) *source {
	t.Helper()
	s := &source{t: t, etcd: servers.StartEtcd(t, c.Version, c.Members), down: -1, granted: map[int64]int64{}}
	s.client = oracle.Connect(t, s.etcd.Endpoints()...)
	for _, e := range s.etcd.Endpoints() {
		s.members = append(s.members, oracle.Connect(t, e))
	}
	var err error
	if s.store, err = local.New(t.TempDir()); err != nil {
		t.Fatal(err)
	}
	return s
}

// run carries a program out and stores everything.
func (s *source) run(program []Step) {
	s.t.Helper()
	for i, step := range program {
		switch step.Event {
		case Begin:
			s.besides(s.leader())
		case Sample:
			s.sample(i)
		case Compact:
			s.compact(step)
		case Full:
			s.full()
		case Tidy:
			s.tidy()
		case Takeover:
			s.besides(s.other(s.beside))
		case Move:
			s.move()
		case Crash:
			s.crash()
		case Return:
			s.restore()
		default:
			s.operate(i, step.Operation)
		}
	}
	s.restore()
	s.sample(len(program))
	s.backup.StoreEverything(s.t)
	s.backup.AwaitDurable(s.t, s.samples[len(s.samples)-1].revision)
	s.backup.Stop()
	s.read()
}

func (s *source) operate(step int, op load.Operation) {
	s.t.Helper()
	if op.Kind == load.Grant {
		s.granted[op.Lease] = op.TTL
	}
	s.try("an operation", func(ctx context.Context) error {
		_, err := op.Do(ctx, s.client)
		var refused rpctypes.EtcdError
		if errors.As(err, &refused) && (refused.Code() == codes.InvalidArgument || refused.Code() == codes.FailedPrecondition) {
			s.t.Fatalf("step %d: %+v: %v", step, op, err)
		}
		return err
	})
}

// try repeats what fails while the cluster elects a leader.
func (s *source) try(what string, f func(context.Context) error) {
	s.t.Helper()
	var err error
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		ctx, cancel := context.WithTimeout(s.t.Context(), 5*time.Second)
		err = f(ctx)
		cancel()
		if err == nil {
			return
		}
	}
	s.t.Fatalf("%s fails for %s: %v", what, patience, err)
}

func (s *source) alive() (out []int) {
	for i := range s.members {
		if i != s.down {
			out = append(out, i)
		}
	}
	return out
}

// other is a member that is alive, and not this one if there is another.
func (s *source) other(member int) int {
	all := s.alive()
	return all[(slices.Index(all, member)+1)%len(all)]
}

func (s *source) leader() (member int) {
	s.try("asking who leads", func(ctx context.Context) error {
		for _, i := range s.alive() {
			r, err := s.members[i].Status(ctx, s.etcd.Members[i].Endpoint)
			if err != nil {
				return err
			}
			if r.Leader == r.Header.MemberId {
				member = i
				return nil
			}
		}
		return errors.New("nobody does")
	})
	return member
}

// besides has the backup go on beside a member.
func (s *source) besides(member int) {
	if s.backup != nil {
		s.backup.Stop()
	}
	s.beside = member
	s.backup = inprocess.StartBackup(s.t, s.etcd.Members[member].Endpoint, s.store)
}

func (s *source) full() {
	s.try("a full", func(ctx context.Context) error {
		_, err := s.backup.TakeFull(ctx)
		return err
	})
}

// tidy does what the leader does to a store that grows, while the backup goes on.
func (s *source) tidy() {
	s.t.Helper()
	k := inprocess.NewCompactor(s.t, s.store)
	if _, err := k.RollUp(s.t.Context(), rule.RollUp{Target: rule.MinTarget, Segments: rule.MinSegments}); err != nil {
		s.t.Fatalf("roll up: %v", err)
	}
	c := s.catalogue()
	for i := range c.Timelines {
		s.rolledUp += inprocess.RemoveReplaced(s.t, s.store, &c.Timelines[i])
	}
	plan, err := k.PlanFull(s.t.Context(), rule.Full{Revisions: 1})
	if err != nil || !plan.Verdict.Due {
		return // there is no base yet, or nothing on it
	}
	if _, err := k.BuildFull(s.t.Context(), plan); err != nil {
		s.t.Fatalf("build a full: %v", err)
	}
	s.built++
}

func (s *source) catalogue() timeline.Catalogue {
	s.t.Helper()
	c, err := revkeeper.New(s.store).Catalogue(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

func (s *source) move() {
	s.try("moving the lead", func(ctx context.Context) error {
		from := s.leader()
		to, err := s.members[s.other(from)].Status(ctx, s.etcd.Members[s.other(from)].Endpoint)
		if err != nil {
			return err
		}
		_, err = s.members[from].MoveLeader(ctx, to.Header.MemberId)
		return err
	})
	s.besides(s.leader())
}

func (s *source) crash() {
	s.restore() // two of three would be too many
	leader := s.leader()
	s.etcd.Members[leader].Kill()
	s.down = leader
	s.besides(s.leader())
}

func (s *source) restore() {
	if s.down >= 0 {
		s.etcd.Members[s.down].Restart()
		s.down = -1
	}
}

// compact takes away history that is stored, and asks for the hashes of what is
// left, which are others now.
func (s *source) compact(step Step) {
	head := oracle.Revision(s.t, s.client)
	at := s.compacted + 1 + int64(step.Share*float64(head-s.compacted-1))
	for slices.ContainsFunc(s.samples, func(x *sample) bool { return x.revision == at }) {
		at-- // for a compact revision itself etcd answers by its hash from before
	}
	if at <= s.compacted {
		return
	}
	s.backup.AwaitDurable(s.t, at)
	s.read()
	s.try("a compaction", func(ctx context.Context) error {
		var opts []clientv3.CompactOption
		if step.Physical {
			opts = append(opts, clientv3.WithCompactPhysical())
		}
		_, err := s.client.Compact(ctx, at, opts...)
		if errors.Is(err, rpctypes.ErrCompacted) {
			return nil // a try before did it
		}
		return err
	})
	s.compacted = at
	for _, x := range s.samples {
		if x.revision > at {
			s.hash(x)
		}
	}
}

func (s *source) sample(step int) {
	revision := oracle.Revision(s.t, s.client)
	x := &sample{step: step, revision: revision, keys: oracle.Keys(s.t, s.client, revision), hashes: map[int64]uint32{}}
	s.hash(x)
	s.samples = append(s.samples, x)
}

// hash asks a member for its HashKV at a sample's revision, once that has compacted
// what the cluster has.
func (s *source) hash(x *sample) {
	s.t.Helper()
	s.try("HashKV", func(ctx context.Context) error {
		i := s.other(s.beside)
		r, err := s.members[i].HashKV(ctx, s.etcd.Members[i].Endpoint, x.revision)
		if err != nil {
			return err
		}
		compact := max(0, r.CompactRevision)
		if compact != s.compacted {
			return errors.New("the member has yet to compact")
		}
		x.hashes[compact] = r.Hash
		return nil
	})
}

// read has the book read from a member that has everything.
func (s *source) read() {
	s.t.Helper()
	head := oracle.Revision(s.t, s.client)
	i := s.other(s.beside)
	s.try("a member that has everything", func(ctx context.Context) error {
		r, err := s.members[i].Get(ctx, "\x00", clientv3.WithSerializable(), clientv3.WithCountOnly())
		if err == nil && r.Header.Revision < head {
			err = errors.New("it is behind")
		}
		return err
	})
	s.book.read(s.t, s.members[i])
}
