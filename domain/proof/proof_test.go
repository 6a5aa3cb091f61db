package proof_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/proof"
)

func TestUsable(t *testing.T) {
	for _, tc := range []struct {
		name              string
		answer            proof.Hash
		want, fileCompact int64
		ok                bool
	}{
		{"the file was never compacted, nor was the member", proof.Hash{Revision: 9, Compact: -1}, 9, 0, true},
		{"the member was compacted since", proof.Hash{Revision: 9, Compact: 5}, 9, 0, true},
		{"both at the same revision", proof.Hash{Revision: 9, Compact: 5}, 9, 5, true},
		{"compacted at the very revision", proof.Hash{Revision: 9, Compact: 9}, 9, 5, true},
		{"a compaction at revision 1 removes nothing", proof.Hash{Revision: 9, Compact: -1}, 9, 1, true},
		{"the answer is from before the file's compaction", proof.Hash{Revision: 9, Compact: 4}, 9, 5, false},
		{"the answer is from before any compaction", proof.Hash{Revision: 9, Compact: -1}, 9, 2, false},
		{"the answer is for another revision", proof.Hash{Revision: 8, Compact: 5}, 9, 5, false},
		{"etcd 3.5 leaves the hash revision out and the caller did not fill it in", proof.Hash{Compact: 5}, 9, 5, false},
		{"compacted above its own revision", proof.Hash{Revision: 9, Compact: 10}, 9, 5, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			err := proof.Usable(tc.answer, tc.want, tc.fileCompact)
			if (err == nil) != tc.ok || (err != nil && !errors.Is(err, fault.Invalid)) {
				t.Errorf("Usable = %v, want ok=%v", err, tc.ok)
			}
		})
	}
}

func recorded(rev, compact int64) proof.Recorded {
	return proof.Recorded{Hash: proof.Hash{Revision: rev, Compact: compact}, MemberID: "8e9e05c52164694d"}
}

func TestChoose(t *testing.T) {
	proofs := []proof.Recorded{recorded(30, 12), recorded(10, -1), recorded(20, 5), recorded(40, 3)}
	for _, tc := range []struct {
		name                string
		target, fileCompact int64
		want                int64 // 0: none
	}{
		{"the newest at or below the target", 35, 0, 30},
		{"a proof exactly at the target", 20, 0, 20},
		{"a younger one does not help", 29, 0, 20},
		{"one from before the file's compaction is passed over", 45, 5, 30},
		{"none is old enough", 9, 0, 0},
		{"all that are old enough are older than the file's history", 25, 11, 0},
		{"the file begins above every proof", 60, 41, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			best, ok := proof.Choose(proofs, tc.target, tc.fileCompact)
			if ok != (tc.want != 0) || best.Revision != tc.want {
				t.Errorf("Choose = %v, %v, want revision %d", best.Hash, ok, tc.want)
			}
		})
	}
	if _, ok := proof.Choose(nil, 10, 0); ok {
		t.Error("a proof was chosen out of none")
	}
}

func TestCheckNamesBothSides(t *testing.T) {
	p := recorded(30, 12)
	p.HashKV = 77
	if err := proof.Check(p, 77); err != nil {
		t.Errorf("equal hashes: %v", err)
	}
	err := proof.Check(p, 78)
	if !errors.Is(err, fault.Diverged) {
		t.Fatalf("error = %v", err)
	}
	for _, part := range []string{p.MemberID, "77", "78", "revision 30", "compacted at 12"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not name %q", err, part)
		}
	}
}
