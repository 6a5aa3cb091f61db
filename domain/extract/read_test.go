package extract_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/revkeeper/revkeeper/domain/extract"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/record"
)

// written is a file of so many keys, in lines.
func written(t *testing.T, revision int64, keys int) []string {
	t.Helper()
	lines, first, err := extract.NewLines(extract.Header{Timeline: 2, Revision: revision, Prefix: []byte("/a/")})
	out := []string{string(first)}
	for n := range keys {
		kv := record.KeyValue{Key: fmt.Appendf(nil, "/a/%d", n), Value: fmt.Appendf(nil, "value <%d>", n), Create: 3, Mod: 9 + int64(n)/2, Version: 2}
		if n == 1 {
			kv.Value, kv.Lease = nil, 7
		}
		line, lineErr := lines.Entry(kv, kv.Lease*10)
		out = append(out, string(line))
		if lineErr != nil {
			err = lineErr
		}
	}
	last, lastErr := lines.Trailer()
	if err != nil || lastErr != nil {
		t.Fatal(err, lastErr)
	}
	return append(out, string(last))
}

// read reads lines and returns the numbers of the keys that they are of.
func read(lines []string) (keys string, taken int64, err error) {
	r := extract.NewReader()
	var wrong error
	for _, l := range lines {
		e, is, err := r.Line([]byte(l))
		if err != nil {
			return keys, 0, err
		}
		if is {
			keys += strings.TrimPrefix(string(e.Key), "/a/")
			if want := fmt.Sprintf("value <%s>", string(e.Key)[3:]); string(e.Key) != "/a/1" && string(e.Value) != want || string(e.Key) == "/a/1" && (len(e.Value) > 0 || e.TTL != 70) {
				wrong = fmt.Errorf("%q is %q", e.Key, e.Value)
			}
		}
	}
	if taken, err = r.Finish(); err == nil {
		err = wrong
	}
	return keys, taken, err
}

func TestAFileIsReadBack(t *testing.T) {
	plain := regexp.MustCompile(`,"sha256":"[0-9a-f]*"}`)
	for _, tc := range []struct {
		story string
		edit  func(f []string) []string
		keys  string
		taken int64
	}{
		{"as it was written", func(f []string) []string { return f }, "01234", 0},
		{"lines were taken out", func(f []string) []string { return slices.Delete(f, 2, 4) }, "034", 2},
		{"all of them", func(f []string) []string { return slices.Delete(f, 1, 6) }, "", 5},
		{"emptied, not taken out", func(f []string) []string { f[3] = "\n"; return f }, "0134", 1},
		{"with the ends of lines of another system", func(f []string) []string {
			for i := range f {
				f[i] = strings.TrimSuffix(f[i], "\n") + "\r\n"
			}
			return f
		}, "01234", 0},
		{"without the last end", func(f []string) []string { f[6] = strings.TrimSuffix(f[6], "\n"); return f }, "01234", 0},
		{"an empty line at the end", func(f []string) []string { return append(f, "\n") }, "01234", 0},
	} {
		if keys, taken, err := read(tc.edit(written(t, 1018, 5))); err != nil || keys != tc.keys || taken != tc.taken {
			t.Errorf("%s: keys %s, %d taken out, %v", tc.story, keys, taken, err)
		}
	}
	older := oldFile()
	if keys, taken, err := read(older); err != nil || keys != "02" || taken != 0 {
		t.Errorf("of an older build: keys %s, %d taken out, %v", keys, taken, err)
	}
	if plain.MatchString(older[1]) {
		t.Errorf("it has a digest: %s", older[1])
	}
}

// oldFile is what a build wrote whose lines had no digests.
func oldFile() []string {
	return []string{
		`{"format":"revkeeper extract","version":1,"timeline":2,"revision":1018,"prefix":"L2Ev"}` + "\n",
		`{"key":"L2EvMA==","value":"dmFsdWUgPDA+","createRevision":3,"modRevision":9,"version":2}` + "\n",
		`{"key":"L2EvMg==","value":"dmFsdWUgPDI+","createRevision":3,"modRevision":10,"version":2}` + "\n",
		`{"keys":2,"sha256":"0fd1e0b637c87af8918a11144b1565850441e1f14ff4b8379c6c3b159c4c4800"}` + "\n",
	}
}

func TestAFileThatIsNotWhatWasWritten(t *testing.T) {
	for _, tc := range []struct {
		story string
		edit  func(f []string) []string
		kind  fault.Kind
		says  string
	}{
		{"nothing", func([]string) []string { return nil }, fault.Invalid, "no file of"},
		{"something else", func([]string) []string { return []string{"a: 1\n"} }, fault.Invalid, "no file of"},
		{"without its header", func(f []string) []string { return f[1:] }, fault.Invalid, "first line in place"},
		{"a later version", func(f []string) []string {
			f[0] = strings.Replace(f[0], `"version":1`, `"version":2`, 1)
			return f
		}, fault.Unsupported, "version 2"},
		{"cut short", func(f []string) []string { return f[:5] }, fault.Corrupt, "cut short"},
		{"cut in a line", func(f []string) []string { f[4] = f[4][:30]; return f[:5] }, fault.Corrupt, "line 5"},
		{"another value", func(f []string) []string {
			f[2] = strings.Replace(f[2], `"value":""`, `"value":"eA=="`, 1)
			return f
		}, fault.Corrupt, "line 3: it was changed"},
		{"another lease", func(f []string) []string { f[2] = strings.Replace(f[2], `"lease":7`, `"lease":8`, 1); return f }, fault.Corrupt, "line 3"},
		{"another revision in the header", func(f []string) []string { f[0] = strings.Replace(f[0], "1018", "1019", 1); return f }, fault.Corrupt, "line 2"},
		{"a line of another file", func(f []string) []string { f[2] = written(t, 1017, 5)[2]; return f }, fault.Corrupt, "comes from another file"},
		{"a line without its digest", func(f []string) []string {
			i := strings.Index(f[2], `,"sha256"`)
			f[2] = f[2][:i] + "}\n"
			return f
		}, fault.Corrupt, "carry no digests"},
		{"a line twice", func(f []string) []string { return slices.Insert(f, 2, f[1]) }, fault.Corrupt, "there twice"},
		{"lines in another order", func(f []string) []string { f[1], f[4] = f[4], f[1]; return f }, fault.Corrupt, "out of order"},
		{"a field of its own", func(f []string) []string { f[2] = `{"note":1,` + f[2][1:]; return f }, fault.Corrupt, "note"},
		{"two files", func(f []string) []string { return append(f, f...) }, fault.Corrupt, "follows the trailer"},
		{"two on a line", func(f []string) []string { f[1] = strings.TrimSpace(f[1]) + f[2]; return f }, fault.Corrupt, "line 2"},
		{"a trailer of fewer keys", func(f []string) []string { f[6] = strings.Replace(f[6], `"keys":5`, `"keys":4`, 1); return f }, fault.Corrupt, "has 5"},
		{"lines taken out of an old one", func([]string) []string { return slices.Delete(oldFile(), 1, 2) }, fault.Corrupt, "no digests"},
		{"a changed value in an old one", func([]string) []string {
			f := oldFile()
			f[1] = strings.Replace(f[1], "PDA", "PDE", 1)
			return f
		}, fault.Corrupt, "no digests"},
	} {
		if keys, _, err := read(tc.edit(written(t, 1018, 5))); fault.KindOf(err) != tc.kind || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%s: keys %s, %v", tc.story, keys, err)
		}
	}
}

// What there was to say when keys were taken goes with them, and is bound to them
// like the rest of the header.
func TestAFileCarriesItsWarnings(t *testing.T) {
	lines, first, err := extract.NewLines(extract.Header{Timeline: 2, Revision: 30, Prefix: []byte("/a/"), Suspect: true, Warnings: []string{"it is <suspect>", "not \xff valid"}})
	if err != nil {
		t.Fatal(err)
	}
	entry, err := lines.Entry(record.KeyValue{Key: []byte("/a/0"), Value: []byte("value <0>"), Create: 3, Mod: 9, Version: 2}, 0)
	last, lastErr := lines.Trailer()
	if err != nil || lastErr != nil {
		t.Fatal(err, lastErr)
	}
	r := extract.NewReader()
	for _, l := range [][]byte{first, entry, last} {
		if _, _, err := r.Line(l); err != nil {
			t.Fatal(err)
		}
	}
	if h := r.Header(); !h.Suspect || !slices.Equal(h.Warnings, []string{"it is <suspect>", "not \ufffd valid"}) {
		t.Errorf("%+v", h)
	}
	for _, less := range []string{`"suspect":true,`, `,"warnings":["it is \u003csuspect\u003e","not ` + "\ufffd" + ` valid"]`} {
		header := strings.Replace(string(first), less, "", 1)
		if header == string(first) {
			t.Fatalf("%s is not in %s", less, first)
		}
		r := extract.NewReader()
		_, _, headErr := r.Line([]byte(header))
		if _, _, err := r.Line(entry); headErr != nil || fault.KindOf(err) != fault.Corrupt {
			t.Errorf("without %s: %v, %v", less, headErr, err)
		}
	}
}
