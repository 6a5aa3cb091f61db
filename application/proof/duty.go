package proof

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/revkeeper/revkeeper/domain/cluster"
	"github.com/revkeeper/revkeeper/domain/event"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/health"
	"github.com/revkeeper/revkeeper/domain/proof"
	"github.com/revkeeper/revkeeper/ports"
)

// Config is how the duty behaves.
type Config struct {
	Rule proof.Rule
	// Interval is how often it looks at what the backup knows, which costs nothing.
	Interval time.Duration
}

// Backup tells what the backup of this sidecar knows, from memory and at once.
type Backup interface {
	Backup() health.Backup
	// Compaction returns the newest compact revision that the running backup heard
	// of, 0 for none; false before it asked.
	Compaction() (revision int64, known bool)
}

// Members are asked for their state and hashes. A hash is asked for once the
// member's sidecar knows that its member may be busy.
type Members interface {
	Candidates(ctx context.Context) ([]cluster.Candidate, error)
	Hash(ctx context.Context, c cluster.Candidate, revision int64) (proof.Hash, error)
}

// Duty records what members hash, at each compaction and, if none comes, from time
// to time. It runs while the own member leads; one runs at a time.
type Duty struct {
	config  Config
	backup  Backup
	members Members
	archive ports.Archive
	writer  ports.ArchiveWriter // guarded by ledger
	ledger  *Ledger
	observe ports.Observer
}

// NewDuty returns a Duty. The writer must be a Guard of the same ledger.
func NewDuty(c Config, b Backup, m Members, a ports.Archive, w *Guard, l *Ledger, o ports.Observer) *Duty {
	return &Duty{config: c, backup: b, members: m, archive: a, writer: w, ledger: l, observe: o}
}

// Run implements the duty. It returns the context's error and no other.
func (d *Duty) Run(ctx context.Context) error {
	ticker := time.NewTicker(d.config.Interval)
	defer ticker.Stop()
	s := &term{Duty: d, first: -1}
	for {
		s.look(ctx)
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// term is one run of the duty: what it saw since the own member leads.
type term struct {
	*Duty
	epoch   int
	known   proof.Known
	first   int64 // compact revision at the first look; -1 before it
	already map[int64]bool
}

// look does what is due now.
func (s *term) look(ctx context.Context) {
	now, b := time.Now(), s.backup.Backup()
	compact, known := s.backup.Compaction()
	if !known || b.Epoch != s.epoch && !s.enter(ctx, b.Epoch, now) {
		return
	}
	s.known.Windows, s.known.Differ = b.Windows, s.ledger.differ() != nil
	newest := s.recorded()
	s.known.Proven, s.known.UpTo = latest(s.known.Proven, newest.At), newest.Revision
	if s.first < 0 {
		s.first = compact
	}
	if s.known.Notice(compact, now) && s.already[compact] {
		s.known.Done = compact
	}
	switch step := s.config.Rule.Next(s.known, now); step.Act {
	case proof.AskKept:
		s.kept(ctx, step.Revision)
	case proof.Scan:
		s.scan(ctx, step.Revision)
	}
}

// enter begins to look at a timeline. What its store holds already another leader
// may have recorded.
func (s *term) enter(ctx context.Context, epoch int, now time.Time) bool {
	c, err := s.archive.Catalogue(ctx)
	if err != nil {
		return false // the store is away; there would be no place for a proof
	}
	s.ledger.Look(c)
	s.epoch, s.already = epoch, map[int64]bool{}
	s.known.Proven, s.known.Done = now, 0
	if h := c.Find(epoch); h != nil && len(h.Proofs) > 0 {
		for _, p := range h.Proofs {
			s.already[p.Last] = true
		}
		s.known.Proven = h.Proofs[len(h.Proofs)-1].At
	}
	if s.already[s.known.Compact] {
		s.known.Done = s.known.Compact
	}
	return true
}

// recorded returns the newest proof of this timeline.
func (s *term) recorded() proof.Point {
	if p := s.ledger.Standing().Recorded; p.Epoch == s.epoch {
		return p
	}
	return proof.Point{}
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// kept asks members for the hash that they kept of a compaction, one after the
// other, compares what they say and records it. What fails is tried again by the
// next looks, a few times; then the next compaction gives the next.
func (s *term) kept(ctx context.Context, revision int64) {
	answers, members, err := s.ask(ctx, revision)
	s.known.Tried, s.known.TriedAt = s.known.Tried+1, time.Now()
	finding := proof.Weigh(answers, revision)
	switch {
	case err != nil:
	case finding.Answer == nil:
		err = fault.New(fault.Unavailable, "record proof", fmt.Sprintf("revision %d", revision), finding.Reason)
	default:
		s.agreed(finding, members)
		err = s.record(ctx, *finding.Answer, len(finding.Agreed))
	}
	if errors.Is(err, fault.Invalid) {
		err = nil // the members agree, but on more history than this timeline holds
	}
	if ctx.Err() != nil || err != nil && s.known.Tried < proof.Tries {
		return
	}
	s.known.Done = revision
	if finding.Differ != nil {
		s.disagree(*finding.Differ)
	} else if err != nil {
		s.failed(revision, err)
	}
}

func (s *term) ask(ctx context.Context, revision int64) (answers []proof.Answer, members []cluster.Member, err error) {
	candidates, err := s.members.Candidates(ctx)
	if err != nil {
		return nil, nil, err
	}
	for _, c := range candidates {
		members = append(members, c.Member)
	}
	ledThrough := s.first >= 0 && s.first < revision
	for {
		c, more := proof.Ask(candidates, answers, revision, ledThrough)
		if !more || ctx.Err() != nil {
			return answers, members, ctx.Err()
		}
		answers = append(answers, s.askOne(ctx, c, revision))
	}
}

func (s *term) askOne(ctx context.Context, c cluster.Candidate, revision int64) proof.Answer {
	h, err := s.members.Hash(ctx, c, revision)
	return proof.Answer{Member: c.Member, ClusterID: c.Status.ClusterID, Hash: h, Err: err}
}

// scan has one follower hash its whole database.
func (s *term) scan(ctx context.Context, revision int64) {
	s.known.Scanned = time.Now()
	candidates, err := s.members.Candidates(ctx)
	if err == nil {
		err = fault.New(fault.Unavailable, "record proof", fmt.Sprintf("revision %d", revision), "there is no follower that could hash its database")
		for _, c := range cluster.Hashers(candidates, revision) {
			if c.Leads() {
				continue // a scan holds up its writes, and with it the cluster's
			}
			a := s.askOne(ctx, c, revision)
			if err = a.Err; err == nil {
				err = s.record(ctx, a, 1)
				break
			}
		}
	}
	if err != nil && ctx.Err() == nil {
		s.failed(revision, err)
	}
}

func (s *term) record(ctx context.Context, a proof.Answer, agreed int) error {
	if err := proof.Usable(a.Hash, a.Hash.Revision, s.known.Windows[0].First); err != nil {
		return err
	}
	p := proof.Recorded{Hash: a.Hash, ClusterID: a.ClusterID.String(), MemberID: a.Member.ID.String(),
		RecordedAt: time.Now().UTC().Truncate(time.Millisecond)}
	if err := s.writer.StoreProof(ctx, s.epoch, p); err != nil {
		return err
	}
	message := fmt.Sprintf("member %s answered %s", p.MemberID, p.Hash)
	if agreed > 1 {
		message += fmt.Sprintf(", and %d members agree", agreed)
	}
	s.observe.Observe(event.Event{At: time.Now(), Kind: event.ProofRecorded, Epoch: s.epoch, Revision: p.Revision, Message: message})
	return nil
}

func (s *term) failed(revision int64, err error) {
	s.observe.Observe(event.Event{At: time.Now(), Kind: event.ProofFailed, Level: event.Warn, Epoch: s.epoch, Revision: revision, Err: err,
		Message: "no proof could be had of the members; another is tried for later"})
}

// agreed ends a disagreement that is over.
func (s *term) agreed(f proof.Finding, members []cluster.Member) {
	if len(f.Agreed) > 1 && s.ledger.settle(f.Agreed, members) {
		s.observe.Observe(event.Event{At: time.Now(), Kind: event.MembersAgree, Epoch: s.epoch, Revision: f.Answer.Hash.Revision,
			Message: fmt.Sprintf("%d members agree again: %s", len(f.Agreed), f.Answer.Hash)})
	}
}

// disagree raises the loudest alarm there is.
func (s *term) disagree(d proof.Disagreement) {
	d.At = time.Now()
	s.ledger.set(func(st *proof.Standing) { st.Differ = &d })
	s.observe.Observe(event.Event{At: d.At, Kind: event.MembersDisagree, Level: event.Error, Epoch: s.epoch, Revision: d.Revision,
		Err: fault.New(fault.Diverged, "compare members", fmt.Sprintf("revision %d", d.Revision), d.Detail).
			WithRemedy("the members of etcd do not hold the same data; see docs/operations.md, when members disagree"),
		Message: "the members of etcd disagree about their data; nothing is marked proven until they agree"})
}
