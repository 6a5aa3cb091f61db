package docker

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"

	"go.etcd.io/etcd/client/v3"

	"github.com/revkeeper/revkeeper/adapters/httpapi/openapi"
	"github.com/revkeeper/revkeeper/bootstrap/cli/render"
	"github.com/revkeeper/revkeeper/tests/images"
	"github.com/revkeeper/revkeeper/tests/oracle"
	"github.com/revkeeper/revkeeper/tests/servers"
)

// revkeeper runs a command on this machine against the cluster's store, as an
// operator would, and decodes what it prints as JSON.
func (c *cluster) revkeeper(into any, args ...string) {
	c.t.Helper()
	cmd := exec.CommandContext(c.t.Context(), images.Binary(c.t, "revkeeper"),
		append(args, "--store", storeURL(c.store.address()), "-o", "json")...)
	cmd.Env = append(os.Environ(), credentials...)
	var printed, complained bytes.Buffer
	cmd.Stdout, cmd.Stderr = &printed, &complained
	if err := cmd.Run(); err != nil {
		c.t.Fatalf("revkeeper %v: %v\n%s", args, err, complained.String())
	}
	if err := json.Unmarshal(printed.Bytes(), into); err != nil {
		c.t.Fatalf("revkeeper %v: %v\n%s", args, err, printed.String())
	}
}

// stored is the catalogue, each delta named.
func (c *cluster) stored() openapi.Catalogue {
	c.t.Helper()
	var found openapi.Catalogue
	c.revkeeper(&found, "list", "--deltas")
	return found
}

// unbroken fails the test unless the store holds one timeline without a gap or a
// dispute, and returns it.
func (c *cluster) unbroken() openapi.Timeline {
	c.t.Helper()
	found := c.stored()
	if len(found.Timelines) != 1 || found.ForeignCount != 0 {
		c.t.Fatalf("%d timelines and %d foreign objects, want one timeline: %+v", len(found.Timelines), found.ForeignCount, found)
	}
	line := found.Timelines[0]
	if len(line.Windows) != 1 || len(line.Gaps)+len(line.Baseless)+len(line.Disputed) != 0 {
		c.t.Fatalf("restorable: %v, gaps: %v, without a base: %v, disputed: %v; want one window alone",
			line.Windows, line.Gaps, line.Baseless, line.Disputed)
	}
	return line
}

// newest is the newest revision that can be restored of a timeline that is
// unbroken.
func newest(line openapi.Timeline) int64 { return line.Windows[0].Last }

// continues fails the test unless the first delta that was stored after another
// state of the timeline begins at the very next revision.
func (c *cluster) continues(before, after openapi.Timeline) {
	c.t.Helper()
	c.extends(before, after)
	known := map[string]bool{}
	for _, d := range before.Deltas {
		known[d.Key] = true
	}
	for _, d := range after.Deltas { // by first revision
		if known[d.Key] {
			continue
		}
		if next := newest(before) + 1; d.FirstRevision != next {
			c.t.Errorf("the first delta afterwards holds %d to %d, want it to begin at %d", d.FirstRevision, d.LastRevision, next)
		}
		c.t.Logf("%d was stored, the first delta afterwards holds %d to %d", newest(before), d.FirstRevision, d.LastRevision)
		return
	}
	c.t.Error("no delta was stored afterwards")
}

// extends fails the test unless a later state of the timeline reaches further
// without another full. Deltas may overlap: two sidecars that both believed for
// a moment that they led may have stored the same.
func (c *cluster) extends(before, after openapi.Timeline) {
	c.t.Helper()
	if before.Timeline != after.Timeline {
		c.t.Errorf("timeline %d, was %d", after.Timeline, before.Timeline)
	}
	if len(before.Fulls) != len(after.Fulls) {
		c.t.Errorf("%d fulls, there were %d: a full was taken", len(after.Fulls), len(before.Fulls))
	}
	if newest(after) <= newest(before) {
		c.t.Errorf("restorable up to %d, was %d", newest(after), newest(before))
	}
}

// restore makes a data directory with the operator's command and starts etcd on
// it. It returns a client of that.
func (c *cluster) restore(target string, flags ...string) (*clientv3.Client, render.ResultDocument) {
	c.t.Helper()
	var result render.ResultDocument
	dir := filepath.Join(c.t.TempDir(), "restored")
	c.revkeeper(&result, append([]string{"restore", "--to-revision", target, "--data-dir", dir}, flags...)...)
	return oracle.Connect(c.t, servers.StartRestored(c.t, c.version, dir)), result
}

// sameAt restores exactly what the cluster was at a revision and compares
// everything with what a member answers.
func (c *cluster) sameAt(source *clientv3.Client, revision int64) {
	c.t.Helper()
	restored, result := c.restore(strconv.FormatInt(revision, 10), "--keep-revisions", "--force")
	oracle.SameAt(c.t, source, restored, revision)
	if result.Proof != nil && result.Proof.Revision > revision {
		c.t.Errorf("revision %d was compared with a proof of %d", revision, result.Proof.Revision)
	}
}

// serves restores the newest revision, at least as new as given, for clients and
// is one: everything is there, at a revision that nobody has seen, and can be
// read and written.
func (c *cluster) serves(source *clientv3.Client, atLeast int64) {
	c.t.Helper()
	restored, result := c.restore("latest")
	if result.Revision < atLeast {
		c.t.Errorf("the newest revision is %d, want at least %d", result.Revision, atLeast)
	}
	oracle.SameKeys(c.t, source, restored, result.Revision)
	seen := oracle.Revision(c.t, source)
	if got := oracle.Revision(c.t, restored); got <= seen || got != result.BumpRevision {
		c.t.Errorf("the restored cluster is at revision %d, want %d, above the %d that clients have seen", got, result.BumpRevision, seen)
	}
	if _, err := restored.Put(c.t.Context(), "after", "the restore"); err != nil {
		c.t.Fatalf("write to the restored cluster: %v", err)
	}
	got, err := restored.Get(c.t.Context(), "after")
	if err != nil || len(got.Kvs) != 1 || string(got.Kvs[0].Value) != "the restore" {
		c.t.Errorf("read from the restored cluster: %v, %v", got, err)
	}
}
