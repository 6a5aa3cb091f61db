package etcd_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"

	"github.com/revkeeper/revkeeper/adapters/etcd"
	"github.com/revkeeper/revkeeper/domain/cluster"
	"github.com/revkeeper/revkeeper/domain/record"
	"github.com/revkeeper/revkeeper/tests/poll"
	"github.com/revkeeper/revkeeper/tests/servers"
)

// patience bounds waits. It is many times what is expected.
const patience = 60 * time.Second

func dial(t testing.TB, cfg etcd.Config) *etcd.Clients {
	t.Helper()
	clients, err := etcd.Dial(cfg, slog.New(slog.NewTextHandler(io.Discard, nil)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := clients.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return clients
}

// writer is etcd's own client, for what the adapter does not do.
func writer(t testing.TB, config clientv3.Config) *clientv3.Client {
	t.Helper()
	config.Logger, config.DialTimeout = zap.NewNop(), 10*time.Second
	c, err := clientv3.New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// clientTLS is a client's configuration for the writer.
func clientTLS(t testing.TB, pki *servers.PKI) *tls.Config {
	t.Helper()
	pem, err := os.ReadFile(pki.CA)
	if err != nil {
		t.Fatal(err)
	}
	cert, key := pki.Client("writer", time.Now().Add(time.Hour))
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	return &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{pair}}
}

func members(t testing.TB, clients *etcd.Clients) []cluster.Member {
	t.Helper()
	var all []cluster.Member
	eventually(t, "the member list", func() (err error) {
		all, err = clients.Cluster.Members(t.Context())
		return err
	})
	return all
}

// caughtUp returns a living member once it has applied everything.
func caughtUp(t testing.TB, clients *etcd.Clients) cluster.Member {
	t.Helper()
	head, err := clients.Cluster.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		for _, m := range members(t, clients) {
			if s, err := clients.Cluster.MemberStatus(t.Context(), m); err == nil && s.Revision >= head.Revision {
				return m
			}
		}
	}
	t.Fatal("no member caught up")
	return cluster.Member{}
}

// database returns the bucket "key" of a snapshot of m.
func database(t testing.TB, clients *etcd.Clients, m cluster.Member) []record.Record {
	t.Helper()
	stream, err := clients.Maintenance.Snapshot(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stream.Close() }()
	path := filepath.Join(t.TempDir(), "db")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(f, stream); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return records(t, path)
}

// records returns the bucket "key" of a database file.
func records(t testing.TB, path string) []record.Record {
	t.Helper()
	db, err := bolt.Open(path, 0o600, &bolt.Options{ReadOnly: true, Timeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	var all []record.Record
	err = db.View(func(tx *bolt.Tx) error {
		return tx.Bucket([]byte("key")).ForEach(func(k, v []byte) error {
			r, err := record.Parse(k, append([]byte(nil), v...))
			all = append(all, r)
			return err
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func eventually(t testing.TB, what string, try func() error) {
	t.Helper()
	poll.Until(t, patience, func() string {
		if err := try(); err != nil {
			return fmt.Sprintf("%s: %v", what, err)
		}
		return ""
	})
}

// watchUntil returns copies of the records from one revision to another.
func watchUntil(t testing.TB, clients *etcd.Clients, from, last int64) []record.Record {
	t.Helper()
	w, err := clients.Watcher.Watch(t.Context(), from)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	var all []record.Record
	for {
		changes, err := w.Next()
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range changes.Records {
			r.KeyValue = bytes.Clone(r.KeyValue)
			all = append(all, r)
		}
		if !changes.Open && all[len(all)-1].Main >= last {
			return all
		}
	}
}

// heap returns the bytes of live objects.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
