package credential_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/revkeeper/revkeeper/adapters/internal/credential"
	"github.com/revkeeper/revkeeper/domain/fault"
)

// write gives each content a time of its own: two may come within one tick of
// the file system's clock.
func write(t *testing.T, name, content string, at time.Time) {
	t.Helper()
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(name, at, at); err != nil {
		t.Fatal(err)
	}
}

func TestTokenIsReadAgainWhenItChanges(t *testing.T) {
	name := filepath.Join(t.TempDir(), "token")
	began := time.Now().Add(-time.Hour)
	token := credential.Token(name)
	expect := func(when, want string) {
		t.Helper()
		if got, err := token.Get(); got != want || err != nil {
			t.Errorf("%s: %q, %v, want %q", when, got, err, want)
		}
	}
	if got, err := token.Get(); !errors.Is(err, fault.Invalid) || got != "" {
		t.Errorf("of no file: %q, %v", got, err)
	}
	write(t, name, " first\n", began)
	expect("at first", "first")
	write(t, name, "other\n\n", began.Add(time.Minute))
	expect("after a change", "other")
	write(t, name, "", began.Add(2*time.Minute))
	expect("while it is written", "other")
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	expect("while it is replaced", "other")
	write(t, name, "third", began.Add(3*time.Minute))
	expect("at the end", "third")
}

// A secret that is mounted by Kubernetes changes by a link that points elsewhere,
// and may have the same size and time.
func TestTokenBehindALink(t *testing.T) {
	dir, at := t.TempDir(), time.Now().Add(-time.Hour)
	link := filepath.Join(dir, "token")
	token := credential.Token(link)
	for _, content := range []string{"aaaa", "bbbb"} {
		name := filepath.Join(dir, content)
		write(t, name, content, at)
		if err := os.RemoveAll(link); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(name, link); err != nil {
			t.Fatal(err)
		}
		if got, err := token.Get(); got != content || err != nil {
			t.Errorf("%q, %v, want %q", got, err, content)
		}
	}
}

func TestTokensThatAreNone(t *testing.T) {
	for name, content := range map[string]string{
		"nothing": " \n", "two words": "hunter 2", "two lines": "hunter\n2", "another script": "hünter hunter", "too much": strings.Repeat("hunter", 1000),
		"far too much": strings.Repeat("hunter", 1e6),
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "token")
			write(t, file, content, time.Now())
			_, err := credential.Token(file).Get()
			if !errors.Is(err, fault.Invalid) || !strings.Contains(err.Error(), file) {
				t.Errorf("got %v", err)
			}
			if err != nil && strings.Contains(err.Error(), "hunter") {
				t.Errorf("the secret is shown: %v", err)
			}
		})
	}
}

func TestFilesThatHoldNoCertificate(t *testing.T) {
	file := filepath.Join(t.TempDir(), "x.pem")
	write(t, file, "not PEM", time.Now())
	if _, err := credential.Authorities(file).Get(); !errors.Is(err, fault.Invalid) || !strings.Contains(err.Error(), file) {
		t.Errorf("authorities: %v", err)
	}
	if _, err := credential.Pair(file, file).Get(); !errors.Is(err, fault.Invalid) || !strings.Contains(err.Error(), file) {
		t.Errorf("pair: %v", err)
	}
}
