package restore

import (
	"bytes"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/revkeeper/revkeeper/adapters/archive/revkeeper"
	"github.com/revkeeper/revkeeper/adapters/objectstore/local"
	"github.com/revkeeper/revkeeper/domain/chain"
	"github.com/revkeeper/revkeeper/tests/images"
	"github.com/revkeeper/revkeeper/tests/load"
	"github.com/revkeeper/revkeeper/tests/oracle"
	"github.com/revkeeper/revkeeper/tests/poll"
	"github.com/revkeeper/revkeeper/tests/servers"
)

const patience = 2 * time.Minute

// eventually polls until nothing is wrong any more.
func eventually(t *testing.T, wrong func() string) {
	t.Helper()
	poll.Until(t, patience, wrong)
}

// backUp lets a real sidecar follow a cluster into a folder until it has revision.
func backUp(t *testing.T, endpoint string, work func(), revision func() int64) (dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "store")
	sidecar := exec.Command(images.Binary(t, "revkeeper"), "run", "--endpoint", endpoint, "--store", "file://"+dir,
		"--spool-dir", t.TempDir(), "--http-listen", "127.0.0.1:0", "--heartbeat-kind", "none", "--backup-flush-age", "100ms", "--backup-head-interval", "200ms")
	var said bytes.Buffer
	sidecar.Stdout, sidecar.Stderr = &said, &said
	must(t, sidecar.Start())
	defer func() {
		_ = sidecar.Process.Signal(syscall.SIGTERM)
		_ = sidecar.Wait()
		if t.Failed() {
			t.Log(said.String())
		}
	}()
	store, err := local.New(dir)
	must(t, err)
	stored := func(want int64) func() string {
		return func() string {
			c, err := revkeeper.New(store).Catalogue(t.Context())
			if err == nil && len(c.Timelines) == 1 {
				if newest, _ := chain.Cover(&c.Timelines[0]).Newest(); newest >= want && len(c.Timelines[0].Proofs) > 0 {
					return ""
				}
			}
			return fmt.Sprintf("revision %d is not stored: %v", want, err)
		}
	}
	eventually(t, stored(revision()))
	work()
	eventually(t, stored(revision()))
	return dir
}

// Three real members restore by one plan, each by itself: they form a cluster,
// with the same hash.
func TestAPlanRestoresThreeMembersAlike(t *testing.T) {
	binary := images.Binary(t, "revkeeper")
	source := servers.StartEtcd(t, etcdVersion, 1)
	client := oracle.Connect(t, source.Endpoints()[0])
	w := load.New(client, 11)
	must(t, w.Do(t.Context(), 200))
	store := backUp(t, source.Endpoints()[0], func() { must(t, w.Do(t.Context(), 300)) }, func() int64 { return oracle.Revision(t, client) })
	head := oracle.Revision(t, client)
	target := head - 40

	restored := servers.PrepareEtcd(t, etcdVersion, 3)
	plan := filepath.Join(t.TempDir(), "plan.json")
	run := func(args ...string) string {
		t.Helper()
		out, err := exec.Command(binary, append(args, "--store", "file://"+store)...).CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
		return string(out)
	}
	t.Log(run("restore", "plan", plan, "--to-revision", fmt.Sprint(target), "--initial-cluster", restored.InitialCluster()))
	for _, m := range restored.Members {
		said := run("restore", "apply", plan, "--name", m.Name, "--data-dir", m.DataDir)
		if !strings.Contains(said, fmt.Sprintf("%d → %d", target, head+chain.BumpDistance)) {
			t.Errorf("%s", said)
		}
	}
	restored.Restart(restored.Members...)
	hashes := map[string][]string{}
	for _, m := range restored.Members {
		c := oracle.Connect(t, m.Endpoint)
		hash, compact := oracle.HashKV(t, c, head+chain.BumpDistance)
		of := fmt.Sprintf("%d, compacted at %d", hash, compact)
		hashes[of] = append(hashes[of], m.Name)
		oracle.SameKeys(t, client, c, target)
	}
	t.Logf("HashKV at %d: %v", head+chain.BumpDistance, hashes)
	if len(hashes) != 1 {
		t.Error("the members differ")
	}
	c := oracle.Connect(t, restored.Endpoints()...)
	members, err := c.MemberList(t.Context())
	must(t, err)
	if len(members.Members) != 3 {
		t.Errorf("members: %v", members.Members)
	}
	if _, err := c.Put(t.Context(), "after", "restore"); err != nil {
		t.Errorf("write after the restore: %v", err)
	}
	restored.Members[0].Kill() // the other two go on: each of the three is whole
	rest := oracle.Connect(t, restored.Endpoints()[1:]...)
	eventually(t, func() string {
		if _, err := rest.Put(t.Context(), "after", "a member died"); err != nil {
			return fmt.Sprintf("write without the first member: %v", err) // it may have led
		}
		return ""
	})
}
