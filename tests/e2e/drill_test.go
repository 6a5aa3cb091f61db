package e2e

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/revkeeper/revkeeper/adapters/httpapi/openapi"
	"github.com/revkeeper/revkeeper/tests/oracle"
	"github.com/revkeeper/revkeeper/tests/servers"
)

// Somebody asks a follower's sidecar for a drill: the leader's has it carried out
// beside a follower, writes down what it showed, and answers with it.
func TestADrillOnDemand(t *testing.T) {
	etcd := servers.StartEtcd(t, "etcd37", 3)
	_, store := folder(t)
	var sidecars []*sidecar
	for i, m := range etcd.Members {
		sidecars = append(sidecars, run(t, m.Endpoint, store, "--name", fmt.Sprintf("m%d", i), "--drill-schedule", ""))
	}
	leader := leaderOf(t, sidecars)
	client := oracle.Connect(t, etcd.Endpoints()...)
	for i := range 50 {
		if _, err := client.Put(t.Context(), fmt.Sprint("key", i), "value"); err != nil {
			t.Fatal(err)
		}
	}
	sidecars[leader].await("a proof", func(st openapi.Status) bool { return st.Proof.Recorded.Revision > 0 })
	other := sidecars[(leader+1)%len(sidecars)]
	code, out, errs := revkeeper(t, "drill", "--address", "http://"+other.address, "-o", "json")
	var d openapi.Drilled
	if err := json.Unmarshal([]byte(out), &d); err != nil || code != 0 || errs != "" {
		t.Fatalf("exit %d, %v: %s%s", code, err, out, errs)
	}
	if d.Verdict != openapi.DrillVerdictPassed || d.Where == fmt.Sprintf("m%d", leader) || d.Rebuilt.Revision == 0 || d.Rebuilt.Proof.Revision == 0 {
		t.Errorf("%+v", d)
	}
	sidecars[leader].await("the drill in the status", func(st openapi.Status) bool { return st.Proof.Verified.Revision == d.Rebuilt.Proof.Revision })
}
