//go:build extended

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/revkeeper/revkeeper/adapters/httpapi/openapi"
	"github.com/revkeeper/revkeeper/tests/oracle"
	"github.com/revkeeper/revkeeper/tests/servers"
)

// Three sidecars as they are run: the leader has a follower drill by schedule, each
// minute, writes down what it showed, and every sidecar tells of it.
func TestExtendedADrillIsCarriedOutBesideAFollower(t *testing.T) {
	etcd := servers.StartEtcd(t, "etcd37", 3)
	dir, store := folder(t)
	var sidecars []*sidecar
	for i, m := range etcd.Members {
		sidecars = append(sidecars, run(t, m.Endpoint, store, "--name", fmt.Sprintf("m%d", i), "--drill-schedule", "* * * * *"))
	}
	leader := leaderOf(t, sidecars)
	client := oracle.Connect(t, etcd.Endpoints()...)
	for i := range 50 {
		if _, err := client.Put(t.Context(), fmt.Sprint("key", i), "value"); err != nil {
			t.Fatal(err)
		}
	}
	st := sidecars[leader].await("a drill", func(st openapi.Status) bool { return st.Proof.Verified.Revision > 0 })
	if st.Proof.Verified.TookSeconds <= 0 {
		t.Errorf("%+v", st.Proof)
	}
	found, err := filepath.Glob(filepath.Join(dir, "timelines/00000001/proof/*-verified.json"))
	if err != nil || len(found) == 0 {
		t.Fatal(found, err)
	}
	text, err := os.ReadFile(found[0])
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), fmt.Sprintf(`"where": "m%d"`, leader)) {
		t.Errorf("the leader drilled itself: %s\n%s", text, sidecars[leader].output.String())
	}
	contains(t, page(t, sidecars[leader]), "rebuilt and compared up to revision")
	for _, s := range sidecars {
		s.await("the drill in the status", func(st openapi.Status) bool { return st.Proof.Verified.Revision > 0 })
	}
	code, out, errs := revkeeper(t, "status", "--address", "http://"+sidecars[leader].address)
	if code != 0 {
		t.Errorf("status: exit %d: %s%s", code, out, errs)
	}
	contains(t, out, "rebuilt from the store in")
}
