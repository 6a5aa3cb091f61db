// Package restore holds the rules of a restore: the plan that several members
// share, the room it needs, and how long it takes.
package restore

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/revkeeper/revkeeper/domain/chain"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/record"
	"github.com/revkeeper/revkeeper/domain/timeline"
)

const (
	planFormat  = "revkeeper restore plan"
	planVersion = 1
)

// PlanFile is a restore that several members carry out, each by itself and all
// the same. It is made once; whoever carries it out chooses nothing.
type PlanFile struct {
	Format  string    `json:"format"`
	Version int       `json:"version"`
	MadeAt  time.Time `json:"madeAt"`
	MadeBy  string    `json:"revkeeper"` // version of the program

	Timeline int    `json:"timeline"`
	Revision int64  `json:"revision"`
	Chosen   string `json:"chosen,omitempty"` // how the revision was found, where it was not named
	Reason   string `json:"reason"`           // for the path
	// BumpRevision is what every member continues from; 0 keeps revisions as they
	// were.
	BumpRevision int64 `json:"bumpRevision,omitempty"`
	// Folded, Defragment, DefaultLeaseTTL, in seconds, and EtcdVersion are as in the
	// flags of their names.
	Folded          bool   `json:"folded,omitempty"`
	Defragment      bool   `json:"defragment,omitempty"`
	DefaultLeaseTTL int64  `json:"defaultLeaseTTL"`
	EtcdVersion     string `json:"etcdVersion,omitempty"`
	// Suspect says that the revision had failed a proof when the plan was made, and
	// is to be restored all the same.
	Suspect bool `json:"suspect,omitempty"`
	// Objects are the path: the full, then the deltas in order.
	Objects []PlanObject `json:"objects"`

	Token   string       `json:"initialClusterToken"`
	Members []PlanMember `json:"members"` // by name
	// Uncertain is what the restored cluster may not have exactly, for people.
	Uncertain []string `json:"uncertain"`

	// Digest is the SHA-256 of this document as JSON without spaces, with a
	// digest of zeros.
	Digest record.Digest `json:"digest"`
}

// PlanObject is an object of the path and what it holds.
type PlanObject struct {
	Key  string `json:"key"`
	Size int64  `json:"size"` // bytes stored
	// Digest is of the content, however it is wrapped: of a full's database, or of
	// a delta's records.
	Digest record.Digest `json:"digest"`
}

// PlanMember is a member of the cluster that comes out.
type PlanMember struct {
	Name     string   `json:"name"`
	PeerURLs []string `json:"peerURLs"`
}

// Seal completes a plan: nothing in it may be changed afterwards.
func (f PlanFile) Seal() (PlanFile, error) {
	f.Format, f.Version = planFormat, planVersion
	f.MadeAt = f.MadeAt.UTC().Truncate(time.Second)
	f.Members = slices.SortedFunc(slices.Values(f.Members), func(a, b PlanMember) int { return strings.Compare(a.Name, b.Name) })
	if f.Uncertain == nil {
		f.Uncertain = []string{}
	}
	var err error
	f.Digest, err = f.digest()
	return f, err
}

func (f PlanFile) digest() (record.Digest, error) {
	f.Digest = record.Digest{}
	text, err := json.Marshal(f)
	return sha256.Sum256(text), fault.Wrap(fault.Internal, "make plan", "", err)
}

// ParsePlan reads a plan. One that was changed after it was made, or cut short,
// is Corrupt; one of another version is Unsupported; anything else is Invalid.
func ParsePlan(text []byte) (PlanFile, error) {
	const op = "read plan"
	var head struct {
		Format  string `json:"format"`
		Version int    `json:"version"`
	}
	if err := json.Unmarshal(text, &head); err != nil {
		return PlanFile{}, broken(err)
	}
	if head.Format != planFormat {
		return PlanFile{}, fault.New(fault.Invalid, op, "", "it is not a plan of `revkeeper restore plan`").WithRemedy("name the file that it wrote")
	}
	if head.Version != planVersion {
		return PlanFile{}, fault.New(fault.Unsupported, op, "", fmt.Sprintf("version %d; this build knows %d", head.Version, planVersion)).
			WithRemedy("use the same revkeeper on every member")
	}
	var f PlanFile
	strict := json.NewDecoder(bytes.NewReader(text))
	strict.DisallowUnknownFields()
	if err := strict.Decode(&f); err != nil {
		return f, broken(err)
	}
	digest, err := f.digest()
	if err != nil {
		return f, err
	}
	if digest != f.Digest {
		return f, fault.New(fault.Corrupt, op, "", fmt.Sprintf("it was changed after it was made: it hashes to %s and says %s", digest, f.Digest)).
			WithRemedy(asWritten)
	}
	return f, nil
}

// asWritten is what to do about a plan that is not what it was.
const asWritten = "give every member the file as `revkeeper restore plan` wrote it, or make another plan"

// broken says that a plan cannot be read, as JSON or as a plan.
func broken(err error) error {
	return &fault.Error{Kind: fault.Corrupt, Op: "read plan", Detail: "it is no whole JSON of a plan: cut short or changed", Err: err, Remedy: asWritten}
}

// Member returns what the plan says of a member; Invalid if it does not name it.
func (f PlanFile) Member(name string) (PlanMember, error) {
	var names []string
	for _, m := range f.Members {
		if m.Name == name {
			return m, nil
		}
		names = append(names, m.Name)
	}
	return PlanMember{}, fault.New(fault.Invalid, "carry out plan", name, "the plan does not name this member; it names "+strings.Join(names, ", ")).
		WithRemedy("give the member's own --name")
}

// Path returns the planned path through what the store has now. What was taken
// away or replaced since is NotFound.
func (f PlanFile) Path(c *timeline.Catalogue) (chain.Path, error) {
	h := c.Find(f.Timeline)
	if h == nil {
		return chain.Path{}, otherPlan(fault.New(fault.NotFound, "carry out plan", fmt.Sprintf("timeline %d", f.Timeline), "the store does not have it"))
	}
	keys := make([]string, len(f.Objects))
	for i, o := range f.Objects {
		keys[i] = o.Key
	}
	p, err := chain.Follow(h, f.Revision, keys)
	if err != nil {
		return p, otherPlan(err)
	}
	p.Reason = f.Reason
	return p, nil
}

// Same returns nil if the objects of the path, as the store describes them now,
// are those that the plan was made from; else Conflict.
func (f PlanFile) Same(objects []PlanObject) error {
	for i, o := range objects {
		if want := f.Objects[i]; o != want {
			return otherPlan(fault.New(fault.Conflict, "carry out plan", o.Key,
				fmt.Sprintf("it is another object than the plan was made from: %d bytes of %.16s…, then %d of %.16s…", o.Size, o.Digest, want.Size, want.Digest)))
		}
	}
	return nil
}

// Unplanned says of an error while a plan was carried out what to do, if it is
// about the objects of the plan. That a suspect revision is not what the cluster
// had is what the plan said; no other plan would mend it.
func (f PlanFile) Unplanned(err error) error {
	switch kind := fault.KindOf(err); {
	case kind == fault.Corrupt, kind == fault.Diverged && !f.Suspect:
		return otherPlan(err)
	}
	return err
}

// otherPlan says what to do when a plan cannot be carried out as it is. Members
// that did so already would have another history than the rest.
func otherPlan(err error) error {
	return &fault.Error{Kind: fault.KindOf(err), Op: "carry out plan", Err: err,
		Remedy: "check that --store or --snapshot is the one that the plan was made from, and that a snapshot file has the name that it had then; else make another plan, and restore every member by that one"}
}
