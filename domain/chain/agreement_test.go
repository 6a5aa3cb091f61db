package chain_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/revkeeper/revkeeper/domain/chain"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/record"
)

func TestAgreement(t *testing.T) {
	a := chain.NewAgreement()
	if err := a.Claim("delta one", digests(20, 5)...); err != nil {
		t.Fatal(err)
	}
	if err := a.Claim("delta two", digests(22, 5)...); err != nil {
		t.Fatalf("an overlap that agrees: %v", err)
	}
	other := record.RevisionDigest{Revision: 21, Digest: record.Digest{0xff}}
	err := a.Check("delta three", other)
	if !errors.Is(err, fault.Diverged) {
		t.Fatalf("an overlap that differs: %v", err)
	}
	for _, part := range []string{"revision 21", "delta two", "delta three"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not name %q", err, part)
		}
	}
	if err := a.Claim("delta three", other); !errors.Is(err, fault.Diverged) {
		t.Errorf("a claim that differs: %v", err)
	}
	if err := a.Check("delta two again", digests(21, 1)[0]); err != nil {
		t.Errorf("a refused claim changed what is known: %v", err)
	}

	newer := record.RevisionDigest{Revision: 30, Digest: record.Digest{1}}
	if err := a.Check("delta four", newer); err != nil {
		t.Errorf("nothing is known of revision 30: %v", err)
	}
	if err := a.Check("delta five", record.RevisionDigest{Revision: 30}); err != nil {
		t.Errorf("a check must not add: %v", err)
	}

	a.Forget(22)
	if err := a.Check("delta six", other); err != nil {
		t.Errorf("revision 21 was to be forgotten: %v", err)
	}
	if err := a.Check("delta six", record.RevisionDigest{Revision: 22}); !errors.Is(err, fault.Diverged) {
		t.Errorf("revision 22 was not to be forgotten: %v", err)
	}
}

func TestConnects(t *testing.T) {
	tail := chain.Tail{Epoch: 3, Last: 20, Digests: digests(20, 5)}
	wrong := digests(20, 3)
	wrong[1].Digest = record.Digest{0xff}
	for _, tc := range []struct {
		name    string
		compact int64
		held    []record.RevisionDigest
		ok      bool
	}{
		{"it reaches back and agrees", 10, digests(20, 10), true},
		{"it begins at the tail: nothing to compare", 20, nil, true},
		{"it begins above the tail", 21, nil, false},
		{"it reaches back and differs", 10, wrong, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			err := chain.Connects(tail, tc.compact, tc.held)
			if (err == nil) != tc.ok || (err != nil && !errors.Is(err, fault.Diverged)) {
				t.Errorf("Connects = %v, want ok=%v", err, tc.ok)
			}
		})
	}
}

func TestConcerns(t *testing.T) {
	a := chain.NewAgreement()
	if a.Concerns(1, 100) {
		t.Error("nothing is known")
	}
	if err := a.Claim("one", digests(20, 5)...); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		first, last int64
		want        bool
	}{{1, 15, false}, {1, 16, true}, {20, 30, true}, {21, 30, false}, {17, 18, true}} {
		if got := a.Concerns(tc.first, tc.last); got != tc.want {
			t.Errorf("Concerns(%d, %d) = %v", tc.first, tc.last, got)
		}
	}
}
