// Package inspect looks inside what a bucket holds without restoring it.
//
// What lives at a revision is read from a database that is rebuilt for the
// purpose, as a restore does, and compared with etcd's own hash where the bucket
// has one. What happened between two revisions is read from the deltas alone where
// they have it all.
package inspect

import (
	"context"
	"fmt"
	"time"

	"github.com/revkeeper/revkeeper/application/restore"
	"github.com/revkeeper/revkeeper/domain/chain"
	"github.com/revkeeper/revkeeper/domain/fault"
	rule "github.com/revkeeper/revkeeper/domain/inspect"
	"github.com/revkeeper/revkeeper/domain/proof"
	"github.com/revkeeper/revkeeper/domain/record"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/domain/timeline"
	"github.com/revkeeper/revkeeper/ports"
)

// ValueBytes bounds the values that an answer holds in memory, in bytes.
const ValueBytes = 64 << 20

// Point names a point of a history.
type Point struct {
	Revision int64     // or chain.Latest
	Moment   time.Time // if not zero, instead of the revision
}

// Where says at which point to look.
type Where struct {
	Epoch int // timeline; 0 for the newest that has the point
	Point
	SkipProof bool // leave out the comparison with etcd's own hash
	Suspect   bool // also what failed a proof
}

// View says what was looked at, and how far it is proven.
type View struct {
	Epoch    int
	Revision int64
	Chosen   string          // how the revision was found, for people; empty if it was named
	Proof    *proof.Recorded // nil where nothing could be compared
	Suspect  bool            // it failed a proof; the warnings say so, too
	Warnings []string
}

// Inspector looks inside one bucket and changes nothing in it.
type Inspector struct {
	archive ports.Archive
	builder ports.SnapshotBuilder
	rebuild *restore.Rebuilder

	progress restore.Progress // nil: nobody is told
}

// New returns an Inspector that rebuilds histories with b.
func New(a ports.Archive, b ports.SnapshotBuilder, o ports.Observer) *Inspector {
	return &Inspector{archive: a, builder: b, rebuild: restore.NewRebuilder(a, o)}
}

// Telling returns an Inspector that tells p how its reading advances.
func (i *Inspector) Telling(p restore.Progress) *Inspector {
	out := *i
	out.rebuild, out.progress = i.rebuild.Telling(p), p
	return &out
}

// resolve finds out what a point is in revisions, and how, for people.
func (i *Inspector) resolve(ctx context.Context, w Where) (at restore.Point, chosen string, err error) {
	at = restore.Point{Epoch: w.Epoch, Target: w.Revision, SkipProof: w.SkipProof, Suspect: w.Suspect}
	if w.Moment.IsZero() {
		return at, "", nil
	}
	m, err := i.rebuild.Moment(ctx, w.Epoch, w.Moment)
	if err != nil {
		return at, "", err
	}
	at.Epoch, at.Target = m.Epoch, m.Revision
	return at, m.String(), nil
}

// suspect warns of what is looked at though it failed a proof.
const suspect = "the revision is suspect: what was rebuilt of this timeline was not what the cluster had"

// locate finds the timeline and revision of a point.
func locate(c *timeline.Catalogue, at restore.Point) (*timeline.History, int64, error) {
	if at.Suspect {
		return chain.LocateSuspect(c, at.Epoch, at.Target)
	}
	return chain.Locate(c, at.Epoch, at.Target)
}

// Rebuilt is a history at a point, in a database of its own. It may be used until
// the function that was given it returns.
type Rebuilt struct {
	proof.History
	View
	// Leases returns what is known of the leases that keys may be attached to, by id.
	Leases func(context.Context) (snapshot.Leases, error)
}

// At rebuilds the history at a point and hands it to use. It takes as much disk as
// the database, and leaves nothing behind.
func (i *Inspector) At(ctx context.Context, w Where, use func(Rebuilt) error) error {
	at, chosen, err := i.resolve(ctx, w)
	if err != nil {
		return err
	}
	var staged ports.StagedSnapshot
	begin := func(ctx context.Context) (ports.StagedDatabase, error) {
		var err error
		staged, err = i.builder.Begin(ctx)
		return staged, err
	}
	return i.rebuild.Run(ctx, at, begin, func(b restore.Rebuilt) error {
		h, err := staged.History(ctx)
		if err != nil {
			return err
		}
		v := View{Epoch: b.Plan.Epoch, Revision: b.Plan.Target, Chosen: chosen, Proof: b.Proof, Suspect: b.Plan.Suspect(), Warnings: b.Warnings}
		if v.Suspect {
			v.Warnings = append(v.Warnings, suspect)
		}
		v.Warnings = append(v.Warnings, goneAround(b.Plan.Excluded)...)
		return use(Rebuilt{History: h, View: v, Leases: func(ctx context.Context) (snapshot.Leases, error) {
			base, err := staged.Leases(ctx)
			known := make(snapshot.Leases, len(base))
			for _, l := range append(base, b.Leases...) {
				known.Learn(l)
			}
			return known, err
		}})
	})
}

// Survey says which keys take how much room.
func (i *Inspector) Survey(ctx context.Context, w Where, prefix []byte, depth int, by rule.Order) (rule.Survey, View, error) {
	var s rule.Survey
	var v View
	err := i.At(ctx, w, func(b Rebuilt) (err error) {
		v = b.View
		s, err = rule.Look(b, prefix, depth, by)
		return err
	})
	return s, v, err
}

// Get returns what a key was. One that did not live then is NotFound, and the
// error says what is known of it.
func (i *Inspector) Get(ctx context.Context, w Where, key []byte) (record.KeyValue, View, error) {
	var kv record.KeyValue
	var v View
	err := i.At(ctx, w, func(b Rebuilt) error {
		v = b.View
		r, ok, err := rule.Find(b, key)
		switch {
		case err != nil:
			return err
		case !ok:
			return absent(key, v, "there is no such key")
		case r.Tombstone:
			return absent(key, v, fmt.Sprintf("it was deleted by revision %d", r.Main))
		}
		kv, err = record.ParseKeyValue(r.KeyValue)
		return err
	})
	return kv, v, err
}

func absent(key []byte, v View, detail string) error {
	return fault.New(fault.NotFound, "get", fmt.Sprintf("%q", key), fmt.Sprintf("at revision %d of timeline %d %s", v.Revision, v.Epoch, detail)).
		WithRemedy("`revkeeper history` shows when it lived; check the key, byte for byte")
}

// List returns the keys that lived and begin with prefix: the first keep of them, 0
// for no bound, whose values, if they are wanted, take at most ValueBytes. total is
// how many there were.
func (i *Inspector) List(ctx context.Context, w Where, prefix []byte, keep int, values bool) (list *rule.Listing[rule.Entry], total int64, v View, err error) {
	list = rule.NewListing[rule.Entry](keep, ValueBytes)
	err = i.At(ctx, w, func(b Rebuilt) error {
		v = b.View
		living, err := rule.Living(b, prefix)
		if err != nil {
			return err
		}
		total = int64(len(living))
		for r, err := range rule.Each(b, living) {
			if err != nil {
				return err
			}
			if err := rule.Enlist(list, r, values); err != nil {
				return err
			}
		}
		return nil
	})
	return list, total, v, err
}
