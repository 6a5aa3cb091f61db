package httpapi_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/revkeeper/revkeeper/adapters/httpapi"
)

func TestCertificateIsReadAgainWhenItChanges(t *testing.T) {
	dir := t.TempDir()
	files := httpapi.TLSConfig{CertFile: filepath.Join(dir, "tls.crt"), KeyFile: filepath.Join(dir, "tls.key")}
	began := time.Now().Add(-time.Hour)
	issue(t, files, 1, began)

	ctx, cancel := context.WithCancel(t.Context())
	server := serverOf(&sidecar{}, httpapi.Config{Listen: "127.0.0.1:0", TLS: files})
	result := make(chan error, 1)
	go func() { result <- server.Run(ctx) }()
	<-server.Listening()

	serial := func() int64 {
		t.Helper()
		dialer := tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true}} // whose it is does not matter here
		conn, err := dialer.DialContext(ctx, "tcp", server.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		return conn.(*tls.Conn).ConnectionState().PeerCertificates[0].SerialNumber.Int64()
	}
	if got := serial(); got != 1 {
		t.Errorf("serial %d, want 1", got)
	}
	issue(t, files, 2, began.Add(time.Minute))
	if got := serial(); got != 2 {
		t.Errorf("serial %d after a renewal, want 2", got)
	}
	if err := os.WriteFile(files.KeyFile, []byte("half a renewal"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := serial(); got != 2 {
		t.Errorf("serial %d during a renewal, want 2", got)
	}
	cancel()
	if err := <-result; err != nil {
		t.Error(err)
	}
}

// issue writes a certificate that signs itself. The files' time is given, for
// two renewals may come within one tick of the file system's clock.
func issue(t *testing.T, files httpapi.TLSConfig, serial int64, modified time.Time) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), NotAfter: time.Now().Add(time.Hour)}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{
		files.CertFile: {Type: "CERTIFICATE", Bytes: cert}, files.KeyFile: {Type: "PRIVATE KEY", Bytes: der},
	} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(name, modified, modified); err != nil {
			t.Fatal(err)
		}
	}
}

// copyOf copies a file and gives the copy a time of its own.
func copyOf(t *testing.T, name string, modified time.Time) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), filepath.Base(name))
	replace(t, to, name, modified)
	return to
}

func replace(t *testing.T, to, from string, modified time.Time) {
	t.Helper()
	content, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, content, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(to, modified, modified); err != nil {
		t.Fatal(err)
	}
}
