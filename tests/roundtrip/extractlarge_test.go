package roundtrip

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/revkeeper/revkeeper/adapters/objectstore/local"
	"github.com/revkeeper/revkeeper/bootstrap/cli/render"
	rule "github.com/revkeeper/revkeeper/domain/extract"
	"github.com/revkeeper/revkeeper/tests/inprocess"
	"github.com/revkeeper/revkeeper/tests/oracle"
	"github.com/revkeeper/revkeeper/tests/servers"
)

// TestExtractWithinTheLimitOfRequests puts keys back into members that take less in
// a request than the one that had them, or just as much as by default.
func TestExtractWithinTheLimitOfRequests(t *testing.T) {
	source := servers.StartEtcd(t, "etcd37", 1, servers.EtcdArgs("--max-request-bytes", fmt.Sprint(16<<20)))
	client, err := clientv3.New(clientv3.Config{Endpoints: source.Endpoints(), MaxCallSendMsgSize: 16 << 20})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	x := &lost{T: t, live: client, endpoint: source.Endpoints()[0], dir: t.TempDir()}
	const small, large = 120, 3
	value := func(bytes int) string { return strings.Repeat("v", bytes) }
	for i := range small { // two transactions of a hundred keys, each near 1 MiB
		x.put(fmt.Sprintf("/app/a%03d", i), value(10_000+i))
	}
	for i := range large { // each as much as etcd takes by default, with room for its key and guard
		x.put(fmt.Sprintf("/app/b%d", i), value(1_500_000+i))
	}
	x.put("/app/c", value(1_800_000)) // more than etcd takes, and less than gRPC does
	x.good = x.put("/app/d", "after it")
	x.put("/big/e", value(5_000_000)) // more than gRPC takes
	store, err := local.New(x.dir)
	x.must(err)
	b := startBackup(t, x.endpoint, store)
	b.takeDelta(t)
	inprocess.Eventually(t, "a full is stored", func() bool { return b.state.Backup().LastFull != nil })
	x.good = x.put("/other/key", "to have a delta")
	b.takeDelta(t)
	b.stop()

	into := func(t *testing.T, limit int) *lost {
		target := servers.StartEtcd(t, "etcd37", 1, servers.EtcdArgs("--max-request-bytes", fmt.Sprint(limit)))
		y := *x
		y.T = t
		y.live, y.endpoint = oracle.Connect(t, target.Endpoints()[0]), target.Endpoints()[0]
		return &y
	}
	same := func(y *lost, keys ...string) {
		y.Helper()
		for _, key := range keys {
			if got, want := y.value(key), x.value(key); got != want {
				y.Errorf("%s has %d bytes, want %d", key, len(got), len(want))
			}
		}
	}
	// refused runs a command that a key is too large for, and returns what was done.
	refused := func(y *lost, key string, bytes, before int, args ...string) render.AppliedDocument {
		y.Helper()
		code, stdout, stderr := y.extract(append(args, "--apply", "--yes", "--endpoint", y.endpoint, "-o", "json")...)
		for _, part := range []string{fmt.Sprintf("%q", key), fmt.Sprintf("%d bytes", bytes), "it was not written", fmt.Sprintf("%d keys were dealt with before", before), "--max-request-bytes"} {
			if code != 2 || !strings.Contains(stderr, part) {
				y.Errorf("exit %d, without %q: %s", code, part, stderr)
			}
		}
		var d render.AppliedDocument
		if before > 0 {
			y.must(json.Unmarshal([]byte(stdout), &d))
		} else if stdout != "" {
			y.Errorf("nothing was done, and it said %s", stdout)
		}
		if d.Total[rule.Create] != int64(before) {
			y.Errorf("it says that %d keys were created, want %d", d.Total[rule.Create], before)
		}
		if r, err := y.live.Get(y.Context(), key); err != nil || len(r.Kvs) != 0 {
			y.Errorf("%s is there: %v", key, err)
		}
		return d
	}

	t.Run("as by default", func(t *testing.T) {
		y := into(t, 1.5*1024*1024)
		refused(y, "/app/c", 1_800_000, small+large)
		same(y, "/app/a000", fmt.Sprintf("/app/a%03d", small-1), "/app/b0", fmt.Sprintf("/app/b%d", large-1))
		if got := y.value("/app/d"); got != "(gone)" {
			t.Errorf("what comes after it is %s", got)
		}
		y.apply(map[rule.Action]int64{rule.Create: 1}, "--yes", "--prefix", "/app/d")
		refused(y, "/big/e", 5_000_000, 0, "--prefix", "/big/")
	})
	t.Run("less than by default", func(t *testing.T) {
		y := into(t, 256<<10)
		d := y.apply(map[rule.Action]int64{rule.Create: small}, "--yes", "--prefix", "/app/a")
		same(y, "/app/a000", "/app/a050", fmt.Sprintf("/app/a%03d", small-1))
		if d.Last > 15 {
			t.Errorf("%d keys took until revision %d", small, d.Last)
		}
		refused(y, "/app/b0", 1_500_000, 0, "--prefix", "/app/b")
	})
	t.Run("so little that keys go one by one", func(t *testing.T) {
		y := into(t, 11<<10)
		y.apply(map[rule.Action]int64{rule.Create: small}, "--yes", "--prefix", "/app/a")
		same(y, "/app/a000", "/app/a050", fmt.Sprintf("/app/a%03d", small-1))
	})
}
