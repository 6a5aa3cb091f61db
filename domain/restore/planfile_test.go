package restore_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/restore"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/domain/timeline"
)

var at = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

var (
	full  = snapshot.Ref{Kind: snapshot.KindFull, Epoch: 1, First: 0, Last: 10, At: at, ID: "0a1b2c3d"}
	delta = snapshot.Ref{Kind: snapshot.KindDelta, Epoch: 1, First: 11, Last: 20, At: at, ID: "aaaaaaaaaaaaaaaa"}
)

func sealed(t *testing.T) restore.PlanFile {
	t.Helper()
	f, err := restore.PlanFile{MadeAt: at, MadeBy: "v1", Timeline: 1, Revision: 20, Reason: "test", BumpRevision: 1_000_000_020,
		Objects: []restore.PlanObject{{Key: full.Key(), Size: 100, Digest: [32]byte{1}}, {Key: delta.Key(), Size: 10, Digest: [32]byte{2}}},
		Token:   "fresh", Members: []restore.PlanMember{{"m2", []string{"http://b:2380"}}, {"m1", []string{"http://a:2380"}}},
	}.Seal()
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func text(t *testing.T, f restore.PlanFile) []byte {
	t.Helper()
	b, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestAPlanReadsBackAsItWasMade(t *testing.T) {
	f := sealed(t)
	for name, b := range map[string][]byte{"indented": text(t, f), "in one line": func() []byte { b, _ := json.Marshal(f); return b }()} {
		got, err := restore.ParsePlan(b)
		if err != nil || got.Digest != f.Digest || len(got.Members) != 2 || got.Members[0].Name != "m1" {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

// No byte of a plan can be changed without notice but spaces between its parts.
func TestAnEditedPlanIsRefused(t *testing.T) {
	good := text(t, sealed(t))
	for i := range good {
		for _, change := range []byte{good[i] ^ 1, ' ', '0', '"'} {
			if bad := bytes.Clone(good); change != good[i] {
				bad[i] = change
				got, err := restore.ParsePlan(bad)
				if err == nil && !bytes.Equal(text(t, got), good) {
					t.Fatalf("byte %d as %q went unnoticed: %.40q", i, change, bad[max(0, i-20):])
				}
			}
		}
	}
	for name, tc := range map[string]struct {
		change func(string) string
		want   fault.Kind
		says   string
	}{
		"another revision": {func(s string) string { return strings.Replace(s, `"revision": 20`, `"revision": 19`, 1) }, fault.Corrupt, "changed after it was made"},
		"a member more": {func(s string) string {
			return strings.Replace(s, `"members": [`, `"members": [{"name":"m0","peerURLs":[]},`, 1)
		}, fault.Corrupt, "changed"},
		"an object less":       {func(s string) string { return strings.Replace(s, delta.Key(), full.Key(), 1) }, fault.Corrupt, "changed"},
		"something of its own": {func(s string) string { return strings.Replace(s, "{", `{"note":"x",`, 1) }, fault.Corrupt, "note"},
		"cut short":            {func(s string) string { return s[:len(s)/2] }, fault.Corrupt, "JSON"},
		"a later version":      {func(s string) string { return strings.Replace(s, `"version": 1`, `"version": 2`, 1) }, fault.Unsupported, "version 2"},
		"no plan":              {func(string) string { return `{"kind":"Pod"}` }, fault.Invalid, "not a plan"},
		"nothing":              {func(string) string { return "" }, fault.Corrupt, "JSON"},
	} {
		_, err := restore.ParsePlan([]byte(tc.change(string(good))))
		if !errors.Is(err, tc.want) || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%s: %v, want %s and %q", name, err, tc.want, tc.says)
		}
	}
}

// What older builds wrote has no word on suspicion, and is the same plan still.
func TestAPlanOfAnOlderBuild(t *testing.T) {
	const digest = "cda6290d0810eaf011a80607feed6f79db1f7ce116a1870021e728732c01d076"
	f := sealed(t)
	if f.Digest.String() != digest || bytes.Contains(text(t, f), []byte("suspect")) {
		t.Errorf("digest %s, text\n%s", f.Digest, text(t, f))
	}
	consented := f
	consented.Suspect = true
	if _, err := restore.ParsePlan(text(t, consented)); !errors.Is(err, fault.Corrupt) {
		t.Errorf("consent was put in afterwards: %v", err)
	}
	if consented, err := consented.Seal(); err != nil || !bytes.Contains(text(t, consented), []byte(`"suspect": true`)) {
		t.Errorf("%+v, %v", consented, err)
	} else if got, err := restore.ParsePlan(text(t, consented)); err != nil || !got.Suspect {
		t.Errorf("%+v, %v", got, err)
	}
}

// Another plan would not mend what the plan said itself.
func TestOfWhatAnotherPlanWouldBeMade(t *testing.T) {
	sure, suspect := sealed(t), sealed(t)
	suspect.Suspect = true
	differs := restore.FailsAgain(fault.New(fault.Diverged, "prove", "", "it differs"))
	for _, tc := range []struct {
		plan    restore.PlanFile
		err     error
		another bool
	}{
		{sure, differs, true},
		{suspect, differs, false},
		{sure, fault.Corrupt, true},
		{suspect, fault.Corrupt, true},
		{sure, fault.Unavailable, false},
	} {
		got := tc.plan.Unplanned(tc.err)
		if strings.Contains(got.Error(), "make another plan") != tc.another || fault.KindOf(got) != fault.KindOf(tc.err) {
			t.Errorf("suspect %v, %v: %v", tc.plan.Suspect, tc.err, got)
		}
	}
	if err := restore.FailsAgain(fault.Corrupt); !errors.Is(err, fault.Corrupt) || strings.Contains(err.Error(), "--skip-proof") {
		t.Errorf("%v", err)
	}
}

func TestAPlanIsForTheMembersThatItNames(t *testing.T) {
	f := sealed(t)
	if m, err := f.Member("m2"); err != nil || m.PeerURLs[0] != "http://b:2380" {
		t.Errorf("%+v, %v", m, err)
	}
	if _, err := f.Member("m3"); !errors.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "it names m1, m2") {
		t.Errorf("a stranger: %v", err)
	}
}

func TestAPlanWantsTheObjectsThatItWasMadeFrom(t *testing.T) {
	f := sealed(t)
	listing := func(refs ...snapshot.Ref) *timeline.Catalogue {
		var objects []timeline.Object
		for _, r := range refs {
			objects = append(objects, timeline.Object{Key: r.Key(), Size: 10})
		}
		c := timeline.Catalog(objects)
		return &c
	}
	p, err := f.Path(listing(full, full.Manifest(), delta))
	if err != nil || p.Base.Last != 10 || len(p.Deltas) != 1 || p.Reason != "test" {
		t.Errorf("%+v, %v", p, err)
	}
	elsewhere := delta
	elsewhere.Epoch = 2
	for name, c := range map[string]*timeline.Catalogue{
		"the delta is gone": listing(full, full.Manifest()), "the full is not whole": listing(full, delta), "the timeline is gone": listing(elsewhere), "another store": listing(),
	} {
		if _, err := f.Path(c); !errors.Is(err, fault.NotFound) || !strings.Contains(err.Error(), "make another plan") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := f.Same(f.Objects); err != nil {
		t.Error(err)
	}
	for name, change := range map[string]func(*restore.PlanObject){
		"another size": func(o *restore.PlanObject) { o.Size++ }, "another content": func(o *restore.PlanObject) { o.Digest[0]++ },
	} {
		objects := append([]restore.PlanObject{}, f.Objects...)
		change(&objects[1])
		if err := f.Same(objects); !errors.Is(err, fault.Conflict) || !strings.Contains(err.Error(), delta.Key()) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
