//go:build acceptance

package housekeeping

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/revkeeper/revkeeper/adapters/httpapi/openapi"
	"github.com/revkeeper/revkeeper/tests/images"
	"github.com/revkeeper/revkeeper/tests/load"
	"github.com/revkeeper/revkeeper/tests/oracle"
	"github.com/revkeeper/revkeeper/tests/servers"
)

const (
	defragLive  = 256 << 20
	defragFree  = 256 << 20
	defragQuiet = 30 * time.Second
	// defragPatience bounds each wait; nothing takes a tenth of it.
	defragPatience = 10 * time.Minute
)

// TestAcceptanceDefragmentation prints what a rolling run costs clients: reads and
// writes through all members while nothing happens, and during the run, with the
// lead moved away before its member stalls and without.
func TestAcceptanceDefragmentation(t *testing.T) {
	for _, tc := range []struct {
		name  string
		flags []string
	}{
		{"the lead moves first", nil},
		{"the leader as it is", []string{"--defrag-move-leader=false"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			e := servers.StartEtcd(t, "etcd37", 3)
			store := "file://" + filepath.Join(t.TempDir(), "store")
			var apis []string
			for i, m := range e.Members {
				apis = append(apis, beside(t, m, fmt.Sprintf("m%d", i), store, tc.flags...))
			}
			ctx, cancel := context.WithTimeout(t.Context(), defragPatience)
			defer cancel()
			if err := load.Litter(ctx, oracle.Connect(t, e.Endpoints()...), defragLive, defragFree); err != nil {
				t.Fatal(err)
			}
			steady, err := load.NewSteady(e.Endpoints()...)
			if err != nil {
				t.Fatal(err)
			}
			work, stop := context.WithCancel(t.Context())
			var working sync.WaitGroup
			working.Go(func() { steady.Run(work) })
			defer func() { stop(); working.Wait(); steady.Close() }()
			awaitDefragPlan(t, apis[0])

			quiet := time.Now()
			<-time.After(defragQuiet)
			began := time.Now()
			out, err := exec.CommandContext(ctx, images.Binary(t, "revkeeper"), "defrag", "--address", apis[0]).CombinedOutput()
			ended := time.Now()
			if err != nil {
				t.Errorf("%v", err)
			}
			t.Logf("%s\nrun of %s, %d MiB of which %d are in use, no fsync\n  writes quiet:  %s\n  writes in run: %s\n  reads quiet:   %s\n  reads in run:  %s\n  calls that failed on a second member too: %d",
				out, ended.Sub(began).Round(100*time.Millisecond), (defragLive+defragFree)>>20, defragLive>>20,
				steady.Between(quiet, began, true), steady.Between(began, ended, true),
				steady.Between(quiet, began, false), steady.Between(began, ended, false), len(steady.Failures()))
			if failed := steady.Failures(); tc.flags == nil && len(failed) > 0 {
				t.Errorf("with the lead moved no call may fail: %q", failed)
			}
		})
	}
}

// beside starts a sidecar and returns its base URL.
func beside(t *testing.T, m *servers.EtcdMember, name, store string, flags ...string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(images.Binary(t, "revkeeper"), append([]string{"run", "--name", name, "--etcd-endpoint", m.Endpoint, "--store-url", store,
		"--http-listen", address, "--spool-dir", filepath.Join(t.TempDir(), "spool"), "--defrag-rule", "dbSizeFree > 0.2*dbSize", "--log-format", "json"}, flags...)...)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("the sidecar of %s said:\n%s", name, said.String())
		}
	})
	return "http://" + address
}

// awaitDefragPlan waits until a run would do all three members.
func awaitDefragPlan(t *testing.T, api string) {
	t.Helper()
	last := ""
	for deadline := time.Now().Add(defragPatience); time.Now().Before(deadline); <-time.After(200 * time.Millisecond) {
		answer, err := http.Post(api+"/v1/defragmentations?dryRun=true", "", nil)
		if err != nil {
			continue
		}
		var plan openapi.Defragmentation
		err = json.NewDecoder(answer.Body).Decode(&plan)
		_ = answer.Body.Close()
		waiting := 0
		for _, m := range plan.Members {
			if m.Stage == openapi.DefragmentedMemberStageWaits {
				waiting++
			}
		}
		if last = fmt.Sprintf("%s: %s; %d members", plan.Outcome, plan.Reason, waiting); err == nil && plan.Outcome == openapi.DefragmentationOutcomePlanned && waiting == 3 {
			return
		}
	}
	t.Fatalf("no plan of three members: %s", last)
}
