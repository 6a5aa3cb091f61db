// Package credential reads credentials from files, and again whenever a file
// changes: they are renewed while the process runs.
package credential

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/revkeeper/revkeeper/domain/fault"
)

// File is a credential that is kept in one file or several. It is safe for
// concurrent use.
type File[T any] struct {
	names []string
	load  func() (T, error)

	mu      sync.Mutex
	loaded  bool
	value   T
	version []os.FileInfo // of the files that value was made of
}

// Get returns what the files hold now. If they cannot be read, or do not hold
// what they should, it returns what they held before: half a renewal, the key
// before the certificate, mends itself. With nothing before it returns Invalid.
func (f *File[T]) Get() (T, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	version, err := f.look()
	if err == nil && (!f.loaded || !slices.EqualFunc(version, f.version, same)) {
		var value T
		if value, err = f.load(); err == nil {
			f.value, f.version, f.loaded = value, version, true
		}
	}
	if !f.loaded {
		return f.value, err
	}
	return f.value, nil
}

func (f *File[T]) look() ([]os.FileInfo, error) {
	out := make([]os.FileInfo, len(f.names))
	for i, name := range f.names {
		info, err := os.Stat(name)
		if err != nil {
			return nil, &fault.Error{Kind: fault.Invalid, Op: "read", Object: name, Err: err,
				Remedy: "name a file that this process may read"}
		}
		out[i] = info
	}
	return out, nil
}

func same(a, b os.FileInfo) bool {
	return os.SameFile(a, b) && a.ModTime().Equal(b.ModTime()) && a.Size() == b.Size()
}

// Pair is a certificate and its private key, both in PEM.
func Pair(cert, key string) *File[*tls.Certificate] {
	return &File[*tls.Certificate]{names: []string{cert, key}, load: func() (*tls.Certificate, error) {
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			return nil, &fault.Error{Kind: fault.Invalid, Op: "load certificate", Object: cert, Err: err,
				Remedy: "it must be in PEM, the leaf first, and " + key + " must hold its private key"}
		}
		return &pair, nil
	}}
}

// Authorities is a pool of certificates in PEM.
func Authorities(name string) *File[*x509.CertPool] {
	return &File[*x509.CertPool]{names: []string{name}, load: func() (*x509.CertPool, error) {
		pem, err := os.ReadFile(name)
		pool := x509.NewCertPool()
		if err == nil && !pool.AppendCertsFromPEM(pem) {
			err = errors.New("there is no certificate in it")
		}
		if err != nil {
			return nil, &fault.Error{Kind: fault.Invalid, Op: "load authorities", Object: name, Err: err,
				Remedy: "it must hold certificates in PEM"}
		}
		return pool, nil
	}}
}

// longestToken bounds a token, in bytes: it must fit into a header.
const longestToken = 4 << 10

// Token is a secret that is shown as it is. White space around it is cut.
func Token(name string) *File[string] {
	return &File[string]{names: []string{name}, load: func() (string, error) {
		token, err := readToken(name)
		if err != nil {
			return "", &fault.Error{Kind: fault.Invalid, Op: "read token", Object: name, Err: err,
				Remedy: "it must hold one word of at most 4096 printable ASCII characters, as from `openssl rand -hex 32`"}
		}
		return token, nil
	}}
}

func readToken(name string) (string, error) {
	file, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer func() { _ = file.Close() }()
	content, err := io.ReadAll(io.LimitReader(file, 2*longestToken))
	if err != nil {
		return "", err
	}
	token := strings.TrimSpace(string(content))
	switch {
	case token == "":
		return "", errors.New("it is empty")
	case len(token) > longestToken:
		return "", errors.New("it is too long")
	case strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }):
		return "", errors.New("it has characters that a header cannot carry") // never the content itself
	}
	return token, nil
}
