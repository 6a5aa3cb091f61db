package render

import (
	"fmt"
	"io"
	"time"

	"github.com/revkeeper/revkeeper/application/restore"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/proof"
	rule "github.com/revkeeper/revkeeper/domain/restore"
	"github.com/revkeeper/revkeeper/ports"
)

// ResultDocument is a finished restore as a program reads it.
type ResultDocument struct {
	PlanDocument
	Records         int64          `json:"records"` // applied from deltas
	Proof           *ProofDocument `json:"proof"`   // null: nothing to compare with
	ClusterID       string         `json:"clusterID"`
	MemberID        string         `json:"memberID"`
	Repacked        *Repacked      `json:"repacked,omitempty"`
	LeasesWritten   int            `json:"leasesWritten"`
	LeasesDefaulted int            `json:"leasesDefaulted"`
	TookSeconds     float64        `json:"tookSeconds"`
	Warnings        []string       `json:"warnings"`
}

// ProofDocument is what the restored records were held against.
type ProofDocument struct {
	Revision        int64  `json:"revision"`
	CompactRevision int64  `json:"compactRevision"`
	HashKV          uint32 `json:"hashKV"` // equal for the member and the restored records
	MemberID        string `json:"memberID"`
}

// Repacked is what --folded or --defragment did.
type Repacked struct {
	Folded        bool    `json:"folded"`
	BytesBefore   int64   `json:"bytesBefore"`
	BytesAfter    int64   `json:"bytesAfter"`
	RecordsBefore int     `json:"recordsBefore"`
	RecordsAfter  int     `json:"recordsAfter"`
	HashKV        *uint32 `json:"hashKV,omitempty"` // of the folded state, at the target and compacted there
}

func repackedOf(x *ports.Repacked, folded *proof.Hash) *Repacked {
	if x == nil {
		return nil
	}
	d := &Repacked{Folded: folded != nil, BytesBefore: x.BytesBefore, BytesAfter: x.BytesAfter, RecordsBefore: x.RecordsBefore, RecordsAfter: x.RecordsAfter}
	if folded != nil {
		d.HashKV = &folded.HashKV
	}
	return d
}

// ResultOf returns the document of a result.
func ResultOf(r restore.Result, req restore.Request) ResultDocument {
	d := ResultDocument{
		PlanDocument: PlanOf(r.Plan, req), Records: r.Records, Proof: proofDocument(r.Proof, r.Computed),
		Repacked: repackedOf(r.Repacked, r.State), ClusterID: r.Finished.ClusterID.String(), MemberID: r.Finished.MemberID.String(),
		LeasesWritten: r.Finished.LeasesWritten, LeasesDefaulted: r.Finished.LeasesDefaulted,
		TookSeconds: r.Took.Seconds(), Warnings: append([]string{}, r.Warnings...),
	}
	if d.EtcdVersion == "" && d.ForEtcd == "" && r.Finished.Etcd.Known() {
		d.EtcdVersion = r.Finished.Etcd.String()
	}
	return d
}

func proofDocument(recorded *proof.Recorded, computed uint32) *ProofDocument {
	if recorded == nil {
		return nil
	}
	return &ProofDocument{Revision: recorded.Revision, CompactRevision: recorded.Compact, HashKV: computed, MemberID: recorded.MemberID}
}

// Result writes what was restored and how far it is proven.
func Result(w io.Writer, r restore.Result, req restore.Request) error {
	p := newPage()
	p.line("restored revision %d of timeline %d into %s in %s", r.Plan.Target, r.Plan.Epoch, req.Dir, took(r.Took))
	chosen(p, req)
	p.row("  revisions", revisions(r.Plan))
	p.row("  from", fmt.Sprintf("a full of revision %d and %s with %s (%s in all)", r.Plan.Base.Last,
		count(len(r.Plan.Deltas), "delta", "deltas"), count(int(r.Records), "record", "records"), size(r.Plan.Bytes())))
	p.row("  proof", proofOf(r.Proof, r.Computed, r.Plan.Target, req.SkipProof))
	if r.Repacked != nil {
		p.row("  repacked", repacked(r.Repacked, r.State))
	}
	for _, x := range r.Plan.Excluded {
		p.row("  without", x.Key+": "+oneLine(fault.Found(x.Err, x.Key)))
	}
	p.row("  member", fmt.Sprintf("%s, id %s in cluster %s", identity(req), r.Finished.MemberID, r.Finished.ClusterID))
	startedBy(p, r.Plan, r.Finished.Etcd)
	for _, warning := range r.Warnings {
		p.row("  warning", oneLine(warning))
	}
	return p.writeTo(w)
}

// proofOf says what the result was compared with, and what of it was not.
func proofOf(recorded *proof.Recorded, computed uint32, target int64, skipped bool) string {
	switch {
	case recorded != nil:
		return "the restored records " + agreed(recorded, computed, target)
	case skipped:
		return "left out, as --skip-proof says"
	}
	return "none: no answer of the live cluster is stored at or below this revision"
}

// agreed says what records that were rebuilt up to a target hash to, and what of
// them that does not cover.
func agreed(recorded *proof.Recorded, computed uint32, target int64) string {
	text := fmt.Sprintf("hash to %d, as member %s answered at revision %d", computed, recorded.MemberID, recorded.Revision)
	if rest := rule.Uncompared(recorded.Revision, target); rest != "" {
		text += "; " + rest
	}
	return text
}

func repacked(x *ports.Repacked, folded *proof.Hash) string {
	sizes := fmt.Sprintf("%s → %s", size(x.BytesBefore), size(x.BytesAfter))
	if folded == nil {
		return sizes + ", without free pages"
	}
	return fmt.Sprintf("%s, %s of %d left; the state hashes to %d, compacted at revision %d", sizes,
		count(x.RecordsAfter, "record", "records"), x.RecordsBefore, folded.HashKV, folded.Compact)
}

func took(d time.Duration) string {
	if d < time.Second {
		return d.Round(time.Millisecond).String()
	}
	return d.Round(10 * time.Millisecond).String()
}
