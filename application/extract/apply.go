package extract

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/revkeeper/revkeeper/application/inspect"
	rule "github.com/revkeeper/revkeeper/domain/extract"
	"github.com/revkeeper/revkeeper/domain/fault"
	looking "github.com/revkeeper/revkeeper/domain/inspect"
	"github.com/revkeeper/revkeeper/domain/record"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/ports"
)

// lookAtOnce is how many live values are asked for at once, each as large as etcd
// takes.
const lookAtOnce = 32

// Target is the live cluster that keys are put back into.
type Target struct {
	Cluster  ports.Cluster
	Keyspace ports.Keyspace
}

// Order says what may be done to it.
type Order struct {
	rule.Allowed
	// Planned is the revision at which the live keys are looked at, 0 for now. What
	// was changed after it is left alone.
	Planned int64
	DryRun  bool
	// DefaultTTL, in seconds, is for leases whose TTL nobody knows; 0 leaves their
	// keys out.
	DefaultTTL int64
	List       int // how many keys are listed, the first; 0 for all
}

// Applied is what became of the keys, or in a dry run would.
type Applied struct {
	inspect.View
	ClusterID string // of the live cluster
	Planned   int64  // revision at which it was looked at
	Keys      map[rule.Action]int64
	Listed    *looking.Listing[rule.Action]
	Leases    map[rule.LeaseFate]int64
	Last      int64 // newest revision that was written, 0 for none
}

// Total is how many keys were dealt with.
func (a Applied) Total() (n int64) {
	for _, of := range a.Keys {
		n += of
	}
	return n
}

// Apply puts keys back into a live cluster, oldest change first, in transactions
// that write a key only if it is still as it was when it was looked at. No key is
// deleted. On an error it returns what was done before; done again, it finds that
// done and goes on.
func (x *Extractor) Apply(ctx context.Context, req Request, target Target, o Order) (Applied, error) {
	a, err := begin(ctx, target, o)
	if err != nil {
		return a.out, err
	}
	err = x.inside.At(ctx, req.Where, func(b inspect.Rebuilt) (err error) {
		a.out.View = b.View
		if a.known, err = b.Leases(ctx); err != nil {
			return err
		}
		if err := each(b, req, func(kv record.KeyValue) error { return a.add(ctx, kv) }); err != nil {
			return err
		}
		return a.flush(ctx)
	})
	return a.out, err
}

// begin looks where the live cluster is.
func begin(ctx context.Context, target Target, o Order) (*applier, error) {
	a := &applier{Target: target, Order: o, fates: map[int64]bool{}, room: rule.MaxBytes, out: Applied{
		Keys: map[rule.Action]int64{}, Leases: map[rule.LeaseFate]int64{}, Listed: looking.NewListing[rule.Action](o.List, 0)}}
	head, err := target.Cluster.Head(ctx)
	if err != nil {
		return a, err
	}
	a.out.ClusterID = head.ClusterID
	a.out.Planned, err = rule.At(o.Planned, head.Revision, head.Compact)
	return a, err
}

// applier puts keys back in batches.
type applier struct {
	Target
	Order
	out   Applied
	known snapshot.Leases // of the backup
	fates map[int64]bool  // leases that were asked for: whether keys may have them

	batch []record.KeyValue // their bytes are the applier's
	size  int
	room  rule.Room
}

// add takes the next key.
func (a *applier) add(ctx context.Context, kv record.KeyValue) error {
	if size := rule.Size(kv); !a.room.Fits(len(a.batch), a.size, size) {
		if err := a.flush(ctx); err != nil {
			return err
		}
	}
	a.size += rule.Size(kv)
	kv.Key, kv.Value = bytes.Clone(kv.Key), bytes.Clone(kv.Value)
	a.batch = append(a.batch, kv)
	return nil
}

// flush deals with the keys of a batch.
func (a *applier) flush(ctx context.Context) error {
	batch := a.batch
	a.batch, a.size = nil, 0
	live, err := a.look(ctx, batch, a.out.Planned)
	if err != nil {
		return planAgain(err)
	}
	var writes, kept []record.KeyValue
	var puts []rule.Put
	for i, kv := range batch {
		action := rule.Decide(kv, live[i], true, a.Allowed)
		if action.Writes() {
			may, err := a.lease(ctx, kv.Lease)
			if err != nil {
				return err
			}
			action = rule.Decide(kv, live[i], may, a.Allowed)
		}
		switch {
		case action == rule.Same && !a.DryRun:
			kept = append(kept, kv) // it was; whether it is, shows at the end
			continue
		case !action.Writes() || a.DryRun:
			a.note(kv, action)
			continue
		}
		writes = append(writes, kv)
		puts = append(puts, rule.Put{Key: kv.Key, Value: kv.Value, Lease: kv.Lease, Mod: live[i].Mod, Force: a.Force})
	}
	outrun, err := a.write(ctx, writes, puts)
	if err != nil {
		return err
	}
	return a.lookAgain(ctx, append(kept, outrun...))
}

// note counts and lists what became of a key.
func (a *applier) note(kv record.KeyValue, action rule.Action) {
	a.out.Keys[action]++
	if at := a.out.Listed.At(kv.Key, 0); at != nil {
		*at = action
	}
}

// write carries out writes, and returns those that were outrun.
func (a *applier) write(ctx context.Context, writes []record.KeyValue, puts []rule.Put) (outrun []record.KeyValue, err error) {
	if len(puts) == 0 {
		return nil, nil
	}
	done, revision, err := a.Keyspace.Put(ctx, puts)
	if errors.Is(err, rule.ErrTooLarge) {
		return a.writeLess(ctx, writes, puts, err)
	}
	if err != nil {
		return nil, a.halfway(err, len(puts))
	}
	for i, kv := range writes {
		switch {
		case !done[i]:
			outrun = append(outrun, kv)
			continue
		case puts[i].Mod == 0:
			a.note(kv, rule.Create)
		default:
			a.note(kv, rule.Overwrite)
		}
		a.out.Last = revision
	}
	return outrun, nil
}

// writeLess writes in two transactions what etcd refused, whole, as too large for
// one, and goes on with smaller ones.
func (a *applier) writeLess(ctx context.Context, writes []record.KeyValue, puts []rule.Put, refused error) (outrun []record.KeyValue, err error) {
	if len(puts) == 1 {
		return nil, rule.TooLarge(writes[0], a.out.Total(), refused)
	}
	size := 0
	for _, kv := range writes {
		size += rule.Size(kv)
	}
	a.room = a.room.Refused(size)
	half := len(puts) / 2
	if outrun, err = a.write(ctx, writes[:half], puts[:half]); err != nil {
		return nil, err
	}
	more, err := a.write(ctx, writes[half:], puts[half:])
	return append(outrun, more...), err
}

// lookAgain asks how keys are now that were not written, for somebody may have
// changed them after they were looked at.
func (a *applier) lookAgain(ctx context.Context, left []record.KeyValue) error {
	now, err := a.look(ctx, left, 0)
	if err != nil {
		return err
	}
	for i, kv := range left {
		a.note(kv, rule.Outran(kv, now[i]))
	}
	return nil
}

// halfway adds to an error how far everything got. What is Unavailable may have
// been carried out before the connection broke; whatever else etcd refused whole.
func (a *applier) halfway(err error, puts int) error {
	fate := fmt.Sprintf("none of the %d of this transaction was written", puts)
	kind := fault.KindOf(err)
	if kind == fault.Unavailable {
		fate = fmt.Sprintf("whether the %d of this transaction were written is not known", puts)
	}
	return &fault.Error{Kind: kind, Op: "put keys back", Err: err,
		Detail: fmt.Sprintf("%d keys were dealt with before; %s", a.out.Total(), fate),
		Remedy: "do it again afterwards: what was written is found and left"}
}

// planAgain says what to do where the plan's revision was compacted meanwhile.
func planAgain(err error) error {
	if fault.KindOf(err) != fault.NotFound {
		return err
	}
	return &fault.Error{Kind: fault.Conflict, Op: "put keys back", Err: err,
		Detail: "the live cluster was compacted since the plan, so it cannot tell any more how the keys were",
		Remedy: "plan again with --dry-run"}
}

// look asks for live keys, a few at a time.
func (a *applier) look(ctx context.Context, batch []record.KeyValue, revision int64) ([]rule.Live, error) {
	var out []rule.Live
	for len(batch) > 0 {
		n := min(len(batch), lookAtOnce)
		keys := make([][]byte, n)
		for i := range keys {
			keys[i] = batch[i].Key
		}
		live, err := a.Keyspace.Look(ctx, keys, revision)
		if err != nil {
			return nil, err
		}
		out, batch = append(out, live...), batch[n:]
	}
	return out, nil
}

// lease reports whether a key may be attached to a lease, which it grants anew
// where that is needed and this is no dry run.
func (a *applier) lease(ctx context.Context, id int64) (bool, error) {
	if id == 0 {
		return true, nil
	}
	if may, asked := a.fates[id]; asked {
		return may, nil
	}
	live, err := a.Cluster.LeaseTTL(ctx, id)
	if err != nil {
		return false, err
	}
	fate, ttl := rule.DecideLease(a.known[id], live, a.DefaultTTL)
	if ttl > 0 && !a.DryRun {
		if err := a.Keyspace.Grant(ctx, id, ttl); err != nil {
			return false, err
		}
	}
	a.out.Leases[fate]++
	a.fates[id] = fate != rule.Unknown
	return a.fates[id], nil
}
