package etcd_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/revkeeper/revkeeper/adapters/heartbeat/etcd"
	contract "github.com/revkeeper/revkeeper/tests/contract/heartbeat"
	"github.com/revkeeper/revkeeper/tests/contract/heartbeat/voters"
	"github.com/revkeeper/revkeeper/tests/servers"
)

func TestContract(t *testing.T) {
	for _, of := range versions() {
		t.Run(of.version, func(t *testing.T) {
			t.Parallel()
			e := servers.StartEtcd(t, of.version, of.members)
			c := writer(t, clientv3.Config{Endpoints: e.Endpoints()})
			worlds := 0
			contract.Run(t, of.version, func(t *testing.T) contract.World {
				worlds++
				return world(t, c, fmt.Sprintf("case-%d", worlds), func(t *testing.T, n int) etcd.Voters {
					m := e.Members[n%len(e.Members)]
					return voters.Dial(t, voters.Config{Endpoint: m.Endpoint})
				})
			})
		})
	}
}

// The sidecar's user needs to read and write no more than the heartbeats.
func TestContractWithTLSAndAuthentication(t *testing.T) {
	t.Parallel()
	pki := servers.NewPKI(t)
	e := servers.StartEtcd(t, "etcd37", 3, servers.EtcdTLS(pki), servers.EtcdArgs("--auth-token-ttl", "1"))
	secure := clientTLS(t, pki)
	enableAuth(t, writer(t, clientv3.Config{Endpoints: e.Endpoints(), TLS: secure}))
	password := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(password, []byte("beats\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := writer(t, clientv3.Config{Endpoints: e.Endpoints(), TLS: secure, Username: "root", Password: "secret"})
	cert, certKey := pki.Client("sidecar", time.Now().Add(time.Hour))
	worlds := 0
	contract.Run(t, "etcd37 with TLS and authentication", func(t *testing.T) contract.World {
		worlds++
		return world(t, c, fmt.Sprintf("beats/%d", worlds), func(t *testing.T, n int) etcd.Voters {
			return voters.Dial(t, voters.Config{
				Endpoint: e.Members[n%3].Endpoint, CA: pki.CA, Cert: cert, Key: certKey,
				Username: "sidecar", PasswordFile: password,
			})
		})
	})
}

// enableAuth turns authentication on. Beside root there are sidecar, who may read
// and write below "beats/", narrow, who may do so below "narrow/members/", and
// stranger, who may nothing.
func enableAuth(t *testing.T, c *clientv3.Client) {
	t.Helper()
	ctx := t.Context()
	user := func(name, below string) error {
		_, errRole := c.RoleAdd(ctx, name)
		_, errPermission := c.RoleGrantPermission(ctx, name, below, clientv3.GetPrefixRangeEnd(below), clientv3.PermissionType(clientv3.PermReadWrite))
		_, errUser := c.UserAdd(ctx, name, "beats")
		_, errGrant := c.UserGrantRole(ctx, name, name)
		return errors.Join(errRole, errPermission, errUser, errGrant)
	}
	for _, do := range []func() error{
		func() error { return user("sidecar", "beats/") },
		func() error { return user("narrow", "narrow/members/") },
		func() error { _, err := c.UserAdd(ctx, "root", "secret"); return err },
		func() error { _, err := c.UserGrantRole(ctx, "root", "root"); return err },
		func() error { _, err := c.UserAdd(ctx, "stranger", "beats"); return err },
		func() error { _, err := c.AuthEnable(ctx); return err },
	} {
		if err := do(); err != nil {
			t.Fatal(err)
		}
	}
}

// clientTLS is a client's configuration for the writer.
func clientTLS(t *testing.T, pki *servers.PKI) *tls.Config {
	t.Helper()
	pem, err := os.ReadFile(pki.CA)
	if err != nil {
		t.Fatal(err)
	}
	cert, certKey := pki.Client("writer", time.Now().Add(time.Hour))
	pair, err := tls.LoadX509KeyPair(cert, certKey)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	return &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{pair}}
}
