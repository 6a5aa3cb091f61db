package httpapi_test

import (
	"strings"
	"testing"
	"time"

	"github.com/revkeeper/revkeeper/domain/proof"
	"github.com/revkeeper/revkeeper/domain/role"
)

// The loudest alarm is the first thing that the page says.
func TestThePageSaysHowFarTheBackupIsProven(t *testing.T) {
	at := time.Now().Add(-3 * time.Hour)
	view := everything()
	view.Role = role.Leader
	view.Proof = proof.Standing{Recorded: proof.Point{Epoch: 1, Revision: 812000, At: at}, Verified: proof.Point{Epoch: 1, Revision: 811500, At: at, Took: 41500 * time.Millisecond}}
	page := ask(t, &sidecar{view: view}, "GET", "/", "").Body.String()
	for _, want := range []string{"revision 812,000", "rebuilt and compared up to revision 811,500 in 41.5s", "3 h ago"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(page, "disagree") {
		t.Error("the page raises an alarm")
	}
	view.Proof.Differ = &proof.Disagreement{Detail: "m1 77, m2 <88>", At: at}
	page = ask(t, &sidecar{view: view}, "GET", "/", "").Body.String()
	for _, want := range []string{`<p class="verdict bad">The members of etcd disagree`, "The members disagree, found", "m1 77, m2 &lt;88&gt;"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}
