package etcd_test

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/revkeeper/revkeeper/adapters/etcd"
	"github.com/revkeeper/revkeeper/domain/cluster"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/tests/servers"
)

func TestUnreachableAtStartIsFineAndSaidAtOnce(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	clients := dial(t, etcd.Config{Endpoint: "http://" + address})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for what, ask := range map[string]func() error{
		"status":  func() error { _, err := clients.Member.Status(ctx); return err },
		"head":    func() error { _, err := clients.Cluster.Head(ctx); return err },
		"members": func() error { _, err := clients.Cluster.Members(ctx); return err },
		"watch":   func() error { _, err := clients.Watcher.Watch(ctx, 1); return err },
	} {
		// A refusal must not be waited out: only then can it be told from silence.
		if err := ask(); !errors.Is(err, fault.Unavailable) || errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil {
			t.Errorf("%s: got %v, want Unavailable at once", what, err)
		}
	}
}

func TestStatusTellsRefusalFromSilence(t *testing.T) {
	e := servers.StartEtcd(t, "etcd37", 1)
	m := e.Members[0]
	clients := dial(t, etcd.Config{Endpoint: m.Endpoint})
	status := func(limit time.Duration) (cluster.Status, error) {
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		defer cancel()
		return clients.Member.Status(ctx)
	}
	good, err := status(patience)
	if err != nil {
		t.Fatal(err)
	}
	if good.MemberID == 0 || good.ClusterID == 0 || good.Leader != good.MemberID || good.Learner || good.Version == "" ||
		good.Revision != 1 || good.RaftTerm == 0 || good.RaftIndex == 0 || good.DBSize == 0 || good.DBQuota == 0 {
		t.Errorf("status %+v", good)
	}

	m.Pause()
	for range 3 {
		if _, err := status(300 * time.Millisecond); !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, fault.Unavailable) {
			t.Errorf("paused: got %v, want a deadline that passed", err)
		}
	}
	m.Resume()
	eventually(t, "the resumed member answers", func() error { _, err := status(time.Second); return err })

	m.Kill()
	for range 3 {
		if _, err := status(patience); !errors.Is(err, fault.Unavailable) || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("killed: got %v, want Unavailable without a deadline", err)
		}
	}
	m.Restart()
	if again, err := status(patience); err != nil || again.MemberID != good.MemberID {
		t.Errorf("restarted: got %+v, %v", again, err)
	}
}

// The keep-alive gives a silent connection up after 15 s. What follows is
// silence, too: the address still accepts.
func TestLongSilenceStaysSilence(t *testing.T) {
	t.Parallel()
	e := servers.StartEtcd(t, "etcd37", 1)
	clients := dial(t, etcd.Config{Endpoint: e.Members[0].Endpoint, DialTimeout: time.Second})
	if _, err := clients.Member.Status(t.Context()); err != nil {
		t.Fatal(err)
	}
	e.Members[0].Pause()
	for until := time.Now().Add(22 * time.Second); time.Now().Before(until); {
		ctx, cancel := context.WithTimeout(t.Context(), 700*time.Millisecond)
		_, err := clients.Member.Status(ctx)
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("got %v, want a deadline that passed", err)
		}
	}
}

func TestAnEndpointOfAnotherMemberShows(t *testing.T) {
	e := servers.StartEtcd(t, "etcd37", 2)
	first := dial(t, etcd.Config{Endpoint: e.Members[0].Endpoint})
	second := dial(t, etcd.Config{Endpoint: e.Members[1].Endpoint})
	a, errA := first.Member.Status(t.Context())
	b, errB := second.Member.Status(t.Context())
	if errA != nil || errB != nil {
		t.Fatal(errA, errB)
	}
	if a.MemberID == b.MemberID || a.ClusterID != b.ClusterID {
		t.Errorf("members %s and %s of clusters %s and %s", a.MemberID, b.MemberID, a.ClusterID, b.ClusterID)
	}
	// A member list that names the wrong address must not lead to wrong answers.
	all := members(t, first)
	i := slices.IndexFunc(all, func(m cluster.Member) bool { return m.ID == b.MemberID })
	impostor := all[i]
	impostor.ClientURLs = []string{e.Members[0].Endpoint}
	if _, err := first.Cluster.MemberStatus(t.Context(), impostor); !errors.Is(err, fault.Unavailable) {
		t.Errorf("status: got %v, want Unavailable", err)
	}
	if _, err := first.Maintenance.HashKV(t.Context(), impostor, 1); !errors.Is(err, fault.Unavailable) {
		t.Errorf("HashKV: got %v, want Unavailable", err)
	}
	if _, err := first.Maintenance.Snapshot(t.Context(), impostor); !errors.Is(err, fault.Unavailable) {
		t.Errorf("snapshot: got %v, want Unavailable", err)
	}
}

func TestCertificates(t *testing.T) {
	pki, stranger := servers.NewPKI(t), servers.NewPKI(t)
	e := servers.StartEtcd(t, "etcd37", 1, servers.EtcdTLS(pki))
	endpoint := e.Members[0].Endpoint
	cert, key := pki.Client("sidecar", time.Now().Add(time.Hour))
	expiredCert, expiredKey := pki.Client("sidecar", time.Now().Add(-time.Hour))
	strangeCert, strangeKey := stranger.Client("sidecar", time.Now().Add(time.Hour))
	for _, tc := range []struct {
		name string
		cfg  etcd.Config
		want error
	}{
		{"good", etcd.Config{Endpoint: endpoint, CA: pki.CA, Cert: cert, Key: key}, nil},
		{"wrong CA", etcd.Config{Endpoint: endpoint, CA: stranger.CA, Cert: cert, Key: key}, fault.Unauthorized},
		{"no CA", etcd.Config{Endpoint: endpoint, Cert: cert, Key: key}, fault.Unauthorized},
		{"wrong CA not verified", etcd.Config{Endpoint: endpoint, CA: stranger.CA, Cert: cert, Key: key, InsecureSkipVerify: true}, nil},
		{"expired client certificate", etcd.Config{Endpoint: endpoint, CA: pki.CA, Cert: expiredCert, Key: expiredKey}, fault.Unauthorized},
		{"client certificate of a stranger", etcd.Config{Endpoint: endpoint, CA: pki.CA, Cert: strangeCert, Key: strangeKey}, fault.Unauthorized},
		{"no client certificate", etcd.Config{Endpoint: endpoint, CA: pki.CA}, fault.Unauthorized},
		{"a CA file that is gone", etcd.Config{Endpoint: endpoint, CA: pki.CA + ".gone", Cert: cert, Key: key}, fault.Unauthorized},
		{"plain text to a TLS port", etcd.Config{Endpoint: "http" + endpoint[len("https"):]}, fault.Unavailable},
	} {
		t.Run(tc.name, func(t *testing.T) {
			clients := dial(t, tc.cfg)
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			_, errStatus := clients.Member.Status(ctx)
			_, errHead := clients.Cluster.Head(ctx)
			for _, err := range []error{errStatus, errHead} {
				if tc.want == nil && err != nil || tc.want != nil && !errors.Is(err, tc.want) || ctx.Err() != nil {
					t.Errorf("got %v, want %v", err, tc.want)
				}
			}
		})
	}
}

func TestRotatedCertificatesNeedNoRestart(t *testing.T) {
	pki, stranger := servers.NewPKI(t), servers.NewPKI(t)
	e := servers.StartEtcd(t, "etcd37", 1, servers.EtcdTLS(pki))
	dir := t.TempDir()
	cfg := etcd.Config{
		Endpoint: e.Members[0].Endpoint,
		CA:       filepath.Join(dir, "ca"), Cert: filepath.Join(dir, "cert"), Key: filepath.Join(dir, "key"),
	}
	install := func(from *servers.PKI) {
		cert, key := from.Client("sidecar", time.Now().Add(time.Hour))
		for to, source := range map[string]string{cfg.CA: from.CA, cfg.Cert: cert, cfg.Key: key} {
			content, err := os.ReadFile(source)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(to, content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	install(stranger)
	clients := dial(t, cfg)
	if _, err := clients.Member.Status(t.Context()); !errors.Is(err, fault.Unauthorized) {
		t.Fatalf("got %v, want Unauthorized", err)
	}
	install(pki)
	if _, err := clients.Member.Status(t.Context()); err != nil {
		t.Errorf("after the rotation: %v", err)
	}
}

func TestAuthentication(t *testing.T) {
	t.Parallel()
	e := servers.StartEtcd(t, "etcd37", 3, servers.EtcdArgs("--auth-token-ttl", "1"))
	c := writer(t, clientv3.Config{Endpoints: e.Endpoints()})
	ctx := t.Context()
	for _, do := range []func() error{
		func() error { _, err := c.UserAdd(ctx, "root", "secret"); return err },
		func() error { _, err := c.UserGrantRole(ctx, "root", "root"); return err },
		func() error { _, err := c.Put(ctx, "k", "v"); return err },
	} {
		if err := do(); err != nil {
			t.Fatal(err)
		}
	}
	password := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(password, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := etcd.Config{Endpoint: e.Members[0].Endpoint, Username: "root", PasswordFile: password}
	clients := dial(t, cfg)
	before, err := clients.Cluster.Auth(ctx)
	if err != nil || before.Enabled {
		t.Fatalf("auth %+v, %v", before, err)
	}
	if _, err := c.AuthEnable(ctx); err != nil {
		t.Fatal(err)
	}
	everything := func(clients *etcd.Clients) error {
		_, errStatus := clients.Member.Status(ctx)
		_, errHead := clients.Cluster.Head(ctx)
		w, errWatch := clients.Watcher.Watch(ctx, 2)
		if errWatch == nil {
			defer w.Close()
			_, errWatch = w.Next()
		}
		all, errMembers := clients.Cluster.Members(ctx)
		errs := []error{errStatus, errHead, errWatch, errMembers}
		for _, m := range all {
			_, errHash := clients.Maintenance.HashKV(ctx, m, 2)
			s, errSnapshot := clients.Maintenance.Snapshot(ctx, m)
			if errSnapshot == nil {
				_, errSnapshot = io.Copy(io.Discard, s)
			}
			errs = append(errs, errHash, errSnapshot)
		}
		return errors.Join(errs...)
	}
	if err := everything(clients); err != nil {
		t.Errorf("with a password: %v", err)
	}
	after, err := clients.Cluster.Auth(ctx)
	if err != nil || !after.Enabled || after.Revision < before.Revision {
		t.Errorf("auth %+v after %+v, %v", after, before, err)
	}
	// Tokens of etcd's simple provider do not outlive an idle TTL or the members.
	for _, m := range e.Members {
		m.Stop()
	}
	e.Restart(e.Members...)
	eventually(t, "the cluster answers with a new token", func() error { return everything(clients) })

	if err := os.WriteFile(password, []byte("wrong"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, cfg := range map[string]etcd.Config{
		"wrong password":   cfg,
		"no password":      {Endpoint: cfg.Endpoint},
		"no password file": {Endpoint: cfg.Endpoint, Username: "root", PasswordFile: password + ".gone"},
	} {
		other := dial(t, cfg)
		_, errHead := other.Cluster.Head(ctx)
		_, errStatus := other.Member.Status(ctx)
		_, errWatch := other.Watcher.Watch(ctx, 1)
		for _, err := range []error{errHead, errStatus, errWatch} {
			if !errors.Is(err, fault.Unauthorized) {
				t.Errorf("%s: got %v, want Unauthorized", name, err)
			}
		}
	}
}
