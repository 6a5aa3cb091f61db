package inspect_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/inspect"
	"github.com/revkeeper/revkeeper/domain/proof"
	"github.com/revkeeper/revkeeper/domain/record"
)

func TestLiving(t *testing.T) {
	for _, tc := range []struct{ name, story, prefix, want string }{
		{"nothing happened", "", "", ""},
		{"the newest of each key, in the order of its writing", "a=1 b=1 a=2 c=1", "", "b@3 a@4 c@5"},
		{"a deleted key does not live", "a=1 b=1 -a", "", "b@3"},
		{"one that came back does", "a=1 -a a=2", "", "a@4"},
		{"a key that came and went in one transaction", "a=1+b=1+-b", "", "a@2"},
		{"one that went and came in one", "a=1 -a+a=2", "", "a@3.1"},
		{"only those that begin alike", "/x/a=1 /y/a=1 /x/b=1", "/x/", "/x/a@2 /x/b@4"},
		{"what a bump leaves is no key", "a=1 ^", "", "a@2"},
	} {
		history := tell(2, tc.story)
		living, err := inspect.Living(history, []byte(tc.prefix))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for r, err := range inspect.Each(history, living) {
			key, keyErr := record.Key(r.KeyValue)
			if err := errors.Join(err, keyErr); err != nil {
				t.Fatal(err)
			}
			at := fmt.Sprint(r.Main)
			if r.Sub > 0 {
				at += fmt.Sprint(".", r.Sub)
			}
			got = append(got, string(key)+"@"+at)
		}
		if strings.Join(got, " ") != tc.want {
			t.Errorf("%s: %q, want %s", tc.name, got, tc.want)
		}
	}
}

func TestFind(t *testing.T) {
	history := tell(2, "a=1 ab=1 a=2 -b")
	for key, want := range map[string]int64{"a": 4, "ab": 3, "b": 5, "c": 0, "": 0} {
		r, ok, err := inspect.Find(history, []byte(key))
		if err != nil || ok != (want != 0) || r.Main != want {
			t.Errorf("%q: %v %v %v, want %d", key, r, ok, err, want)
		}
	}
}

// What cannot be read whole is answered with the error, never with less.
func TestABrokenHistoryIsNoAnswer(t *testing.T) {
	b := broken{tell(2, "a=1 b=2 -a")}
	damaged := changes{{Revision: record.Revision{Main: 2}, KeyValue: []byte("\x0a\xff")}}
	for name, ask := range map[string]func(h proof.History) error{
		"Living":  func(h proof.History) error { _, err := inspect.Living(h, nil); return err },
		"Find":    func(h proof.History) error { _, _, err := inspect.Find(h, []byte("c")); return err },
		"Look":    func(h proof.History) error { _, err := inspect.Look(h, nil, 2, ""); return err },
		"Compare": func(h proof.History) error { _, err := inspect.Compare(tell(2, "a=1"), h, nil, 0); return err },
		"before":  func(h proof.History) error { _, err := inspect.Compare(h, tell(2, "a=1"), nil, 0); return err },
	} {
		if err := ask(b); !errors.Is(err, errBroken) {
			t.Errorf("%s of a broken history: %v", name, err)
		}
		if err := ask(damaged); !errors.Is(err, fault.Corrupt) {
			t.Errorf("%s of a damaged history: %v", name, err)
		}
	}
	for _, err := range inspect.Each(b, []record.Revision{{Main: 9}}) {
		if !errors.Is(err, errBroken) {
			t.Error(err)
		}
	}
}

func TestGroupOf(t *testing.T) {
	for _, tc := range []struct {
		key, prefix string
		depth       int
		want        string
	}{
		{"/registry/pods/default/web", "", 2, "/registry/pods/"},
		{"/registry/pods/default/web", "", 1, "/registry/"},
		{"/registry/pods/default/web", "/registry/", 1, "/registry/pods/"},
		{"/registry/pods/default/web", "/registry/pods", 1, "/registry/pods/default/"},
		{"/registry/pods/default/web", "", 9, "/registry/pods/default/"},
		{"/registry/pods/default/web", "/registry/po", 1, "/registry/pods/"},
		{"compact_rev_key", "", 2, ""},
		{"a/b", "", 2, "a/"},
		{"//a/b", "", 1, "//"},
		{"/", "", 1, ""},
		{"/x", "/x", 3, "/x"},
	} {
		if got := inspect.GroupOf([]byte(tc.key), len(tc.prefix), tc.depth); string(got) != tc.want {
			t.Errorf("%s beyond %q at depth %d: %q, want %q", tc.key, tc.prefix, tc.depth, got, tc.want)
		}
	}
}

func TestLook(t *testing.T) {
	s, err := inspect.Look(tell(5, "/r/a/1=xxxx@7 /r/b/1=y@7 /r/b/2=y@8 /r/a/1=xx@7 -/r/b/2 ^ top=z"), nil, 2, inspect.ByBytes)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, g := range s.Groups {
		got = append(got, fmt.Sprintf("%s %d %d+%d %d", g.Prefix, g.Keys, g.KeyBytes, g.ValueBytes, g.Records))
	}
	if want := "/r/a/ 1 6+2 2, /r/b/ 1 6+1 3,  1 3+1 1"; strings.Join(got, ", ") != want {
		t.Errorf("%q, want %s", got, want)
	}
	if s.Total.Keys != 3 || s.Total.Bytes() != 19 || s.Total.Records != 6 || s.First != 5 || s.Last != 11 || s.Revisions != 6 || s.Leases != 1 || s.Leased != 2 {
		t.Errorf("%+v", s)
	}
	var sum int64
	for _, r := range tell(5, "/r/a/1=xxxx@7 /r/b/1=y@7 /r/b/2=y@8 /r/a/1=xx@7 -/r/b/2") {
		sum += int64(len(r.AppendKey(nil)) + len(r.KeyValue))
	}
	if history := s.Groups[0].HistoryBytes + s.Groups[1].HistoryBytes; history != sum {
		t.Errorf("history of %d bytes, want %d", history, sum)
	}
}

func TestLookOrders(t *testing.T) {
	history := tell(2, "few/1=xxxxxxxxxxxxxxxx many/1=x many/2=x busy/1=1 busy/1=2 busy/1=3 busy/1=4 busy/1=5")
	for by, want := range map[inspect.Order]string{inspect.ByBytes: "few/", inspect.ByKeys: "many/", inspect.ByHistory: "busy/"} {
		s, err := inspect.Look(history, nil, 1, by)
		if err != nil || s.Groups[0].Prefix != want {
			t.Errorf("by %s: %+v, %v", by, s.Groups, err)
		}
	}
}

func TestLookRefusesTooManyGroups(t *testing.T) {
	var history changes
	for i := range inspect.MaxGroups + 1 {
		history = append(history, record.Record{Revision: record.Revision{Main: int64(i + 2)}, KeyValue: record.AppendTombstone(nil, fmt.Appendf(nil, "%d/x", i))})
	}
	if _, err := inspect.Look(history, nil, 1, ""); !errors.Is(err, fault.Invalid) {
		t.Errorf("%v", err)
	}
	if _, err := inspect.Look(history[1:], nil, 1, ""); err != nil {
		t.Error(err)
	}
}
