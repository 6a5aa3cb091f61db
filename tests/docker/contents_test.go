package docker

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/revkeeper/revkeeper/adapters/archive/revkeeper"
	"github.com/revkeeper/revkeeper/domain/record"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/domain/timeline"
	"github.com/revkeeper/revkeeper/ports"
)

// contents is what the objects of a store hold. Each object is read once, whole;
// a thorough look at the objects shows that it does not change afterwards.
type contents struct {
	archive   *revkeeper.Archive
	read      map[string]bool
	revisions map[place]held
	written   []written
}

// place is a revision of a timeline.
type place struct {
	epoch    int
	revision int64
}

// held is what a revision holds, and the first object that said so.
type held struct {
	digest record.Digest
	key    string
}

// written is who began an object, and when it was sealed or taken.
type written struct {
	key      string
	kind     snapshot.Kind
	writer   snapshot.Writer
	finished time.Time
}

func newContents(store ports.ObjectStore) *contents {
	return &contents{archive: revkeeper.New(store), read: map[string]bool{}, revisions: map[place]held{}}
}

// examine reads what is new in a catalogue and returns what is wrong with it.
// Fulls that were never finished are no backup and are left alone.
func (c *contents) examine(ctx context.Context, catalogue timeline.Catalogue) (damaged []string) {
	note := func(key string, err error) {
		if err != nil {
			damaged = append(damaged, fmt.Sprintf("%s: %v", key, err))
		}
	}
	fresh := func(key string) bool {
		seen := c.read[key]
		c.read[key] = true
		return !seen
	}
	for _, f := range catalogue.Foreign {
		note(f.Key, errors.New("revkeeper did not write it"))
	}
	for _, h := range catalogue.Timelines {
		if key := (snapshot.Ref{Kind: snapshot.KindTimeline, Epoch: h.Epoch}).Key(); !h.Described {
			note(key, errors.New("it is missing or damaged"))
		} else if fresh(key) {
			c.written = append(c.written, written{key, snapshot.KindTimeline, h.Writer, h.BeganAt})
		}
		for _, d := range h.Deltas {
			if fresh(d.Key()) {
				note(d.Key(), c.delta(ctx, d.Ref))
			}
		}
		for _, f := range h.Fulls {
			if f.Finished && fresh(f.Key()) {
				note(f.Key(), c.full(ctx, f))
			}
		}
		for _, p := range h.Proofs {
			if fresh(p.Key()) {
				_, err := c.archive.Proof(ctx, p)
				note(p.Key(), err)
			}
		}
	}
	return damaged
}

// delta reads every record of a delta.
func (c *contents) delta(ctx context.Context, ref snapshot.Ref) error {
	env, err := c.archive.Envelope(ctx, ref)
	if err != nil {
		return err
	}
	c.written = append(c.written, written{ref.Key(), ref.Kind, env.Writer, env.SealedAt})
	seq := record.After(ref.First - 1)
	var digester record.Digester
	var all []record.RevisionDigest
	digester.OnRevision(func(d record.RevisionDigest) { all = append(all, d) })
	for block, err := range c.archive.OpenDelta(ctx, env, ref) {
		if err != nil {
			return err
		}
		for _, r := range block.Records {
			if err := seq.Next(r); err != nil {
				return err
			}
			digester.Write(r)
		}
	}
	if seq.Last() != ref.Last {
		return fmt.Errorf("it ends at revision %d", seq.Last())
	}
	if digest, _ := digester.Finish(); digest != env.Digest {
		return fmt.Errorf("its records have the digest %s, it says %s", digest, env.Digest)
	}
	return errors.Join(c.agree(ref, all), c.agree(ref, env.Tail))
}

// full reads a full to its end, which is the digest of what is before.
func (c *contents) full(ctx context.Context, f timeline.Full) (err error) {
	m, err := c.archive.Manifest(ctx, f.Ref)
	if err != nil {
		return err
	}
	c.written = append(c.written, written{f.Key(), f.Kind, m.Writer, m.TakenAt})
	body, err := c.archive.OpenFull(ctx, f.Ref)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, body.Close()) }()
	database := sha256.New()
	if _, err := io.CopyN(database, body, m.Size-sha256.Size); err != nil {
		return err
	}
	end, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	if digest := database.Sum(nil); !bytes.Equal(digest, end) || !bytes.Equal(digest, m.SHA256[:]) {
		return fmt.Errorf("its database has the SHA-256 %x, it ends in %x, its manifest says %s", digest, end, m.SHA256)
	}
	if f.Size != m.StoredSize {
		return fmt.Errorf("%d bytes are stored, its manifest says %d", f.Size, m.StoredSize)
	}
	return c.agree(f.Ref, m.Tail)
}

// agree holds what an object says of revisions against what others say.
func (c *contents) agree(ref snapshot.Ref, digests []record.RevisionDigest) error {
	for _, d := range digests {
		at := place{ref.Epoch, d.Revision}
		other, known := c.revisions[at]
		if known && other.digest != d.Digest {
			return fmt.Errorf("at revision %d it disagrees with %s", d.Revision, other.key)
		}
		if !known {
			c.revisions[at] = held{d.Digest, ref.Key()}
		}
	}
	return nil
}
