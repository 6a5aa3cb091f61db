package roundtrip

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/revkeeper/revkeeper/adapters/archive/revkeeper"
	"github.com/revkeeper/revkeeper/adapters/datadir"
	"github.com/revkeeper/revkeeper/adapters/etcd"
	"github.com/revkeeper/revkeeper/adapters/eventlog"
	"github.com/revkeeper/revkeeper/adapters/objectstore/local"
	"github.com/revkeeper/revkeeper/application/extract"
	"github.com/revkeeper/revkeeper/application/inspect"
	"github.com/revkeeper/revkeeper/bootstrap/cli"
	"github.com/revkeeper/revkeeper/bootstrap/cli/render"
	rule "github.com/revkeeper/revkeeper/domain/extract"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/ports"
	"github.com/revkeeper/revkeeper/tests/inprocess"
	"github.com/revkeeper/revkeeper/tests/oracle"
	"github.com/revkeeper/revkeeper/tests/servers"
)

// lost is a live etcd that lost keys, and a backup that has them as they were at a
// revision.
type lost struct {
	*testing.T
	live     *clientv3.Client
	endpoint string
	dir      string // of the store
	good     int64
}

// keys are more than one transaction takes.
const keys = 250

func loseKeys(t *testing.T, version string) *lost {
	source := servers.StartEtcd(t, version, 1)
	x := &lost{T: t, live: oracle.Connect(t, source.Endpoints()[0]), endpoint: source.Endpoints()[0], dir: t.TempDir()}
	stays, goes := x.lease(1000), x.lease(2000)
	for i := range keys / 2 {
		x.put(fmt.Sprintf("/app/k%03d", i), fmt.Sprint("value ", i))
	}
	x.put("/app/leased/stays", "x", clientv3.WithLease(stays))
	x.put("/app/leased/goes", "y", clientv3.WithLease(goes))
	store, err := local.New(x.dir)
	x.must(err)
	b := startBackup(t, x.endpoint, store)
	b.takeDelta(t)
	inprocess.Eventually(t, "a full is stored", func() bool { return b.state.Backup().LastFull != nil })
	later := x.lease(3000) // one that only a delta names
	x.put("/app/leased/later", "z", clientv3.WithLease(later))
	for i := keys / 2; i < keys; i++ {
		x.put(fmt.Sprintf("/app/k%03d", i), fmt.Sprint("value ", i))
	}
	x.good = x.put("/other/key", "not asked for")
	b.takeDelta(t)
	_, err = x.live.Delete(t.Context(), "/app/k", clientv3.WithRange("/app/k150"))
	x.must(err)
	x.put("/app/k150", "written since")
	for _, id := range []clientv3.LeaseID{goes, later} {
		_, err = x.live.Revoke(t.Context(), id)
		x.must(err)
	}
	b.takeDelta(t)
	b.stop()
	return x
}

func (x *lost) must(err error) {
	x.Helper()
	if err != nil {
		x.Fatal(err)
	}
}

func (x *lost) put(key, value string, opts ...clientv3.OpOption) int64 {
	x.Helper()
	r, err := x.live.Put(x.Context(), key, value, opts...)
	x.must(err)
	return r.Header.Revision
}

func (x *lost) lease(ttl int64) clientv3.LeaseID {
	x.Helper()
	g, err := x.live.Grant(x.Context(), ttl)
	x.must(err)
	return g.ID
}

// value is what the live cluster has.
func (x *lost) value(key string) string {
	x.Helper()
	r, err := x.live.Get(x.Context(), key)
	x.must(err)
	if len(r.Kvs) == 0 {
		return "(gone)"
	}
	return string(r.Kvs[0].Value)
}

// extract runs the command.
func (x *lost) extract(args ...string) (code int, stdout, stderr string) {
	x.Helper()
	var out, err bytes.Buffer
	args = append([]string{"extract", "--store", "file://" + x.dir, "--spool-dir", filepath.Join(x.TempDir(), "spool"),
		"--prefix", "/app/", "--at", fmt.Sprint(x.good)}, args...)
	code = cli.Program{Stdout: &out, Stderr: &err}.Run(x.Context(), args)
	return code, out.String(), err.String()
}

// apply puts keys back and checks what became of them.
func (x *lost) apply(want map[rule.Action]int64, args ...string) render.AppliedDocument {
	x.Helper()
	code, stdout, stderr := x.extract(append(args, "--apply", "--endpoint", x.endpoint, "-o", "json")...)
	var d render.AppliedDocument
	if err := json.Unmarshal([]byte(stdout), &d); err != nil || code != 0 {
		x.Fatalf("%q: exit %d, %v: %s", args, code, err, stderr)
	}
	for _, action := range rule.Actions() {
		if d.Total[action] != want[action] {
			x.Errorf("%q: %d keys %s, want %d", args, d.Total[action], action, want[action])
		}
	}
	x.Logf("%q: %v, leases %v, looked at revision %d, wrote up to %d", args, d.Total, d.Leases, d.Planned, d.Last)
	return d
}

func TestExtractApply(t *testing.T) { extractApply(t, "etcd37") }

func extractApply(t *testing.T, version string) {
	x := loseKeys(t, version)
	before := oracle.Revision(t, x.live)
	plan := x.apply(map[rule.Action]int64{rule.Create: 152, rule.Differs: 1, rule.Same: 100}, "--dry-run")
	if now := oracle.Revision(t, x.live); now != before || plan.Planned != before || plan.Last != 0 || plan.Leases[rule.Grant] != 2 {
		t.Errorf("a dry run led from revision %d to %d, looked at %d, wrote up to %d, leases %v", before, now, plan.Planned, plan.Last, plan.Leases)
	}

	// Meanwhile others write: what they wrote must stay.
	x.put("/app/k000", "mine")
	x.put("/app/k001", "value 1") // the very value
	x.put("/app/k150", "mine, too")
	x.put("/app/k200", "was the same")
	_, err := x.live.Delete(t.Context(), "/app/k249")
	x.must(err)
	at := []string{"--planned-at", fmt.Sprint(plan.Planned), "--yes"}
	d := x.apply(map[rule.Action]int64{rule.Create: 150, rule.Same: 99, rule.Changed: 4}, append(at, "--overwrite")...)
	for key, want := range map[string]string{"/app/k000": "mine", "/app/k001": "value 1", "/app/k002": "value 2", "/app/k149": "value 149",
		"/app/k150": "mine, too", "/app/k249": "(gone)", "/app/leased/goes": "y"} {
		if got := x.value(key); got != want {
			t.Errorf("%s is %q, want %q", key, got, want)
		}
	}
	if d.Last != oracle.Revision(t, x.live) || d.Last-before > 8 {
		t.Errorf("%d keys took until revision %d, from %d on", d.Total[rule.Create], d.Last, before)
	}
	// Leases have their ids and TTLs again: one is from the full, one from a delta.
	for key, ttl := range map[string]int64{"/app/leased/goes": 2000, "/app/leased/later": 3000} {
		r, err := x.live.Get(t.Context(), key)
		x.must(err)
		if len(r.Kvs) != 1 || oracle.LeaseTTL(t, x.live, r.Kvs[0].Lease) != ttl {
			t.Errorf("%s: %v", key, r.Kvs)
		}
	}

	// Without a plan, what is there now counts.
	x.apply(map[rule.Action]int64{rule.Create: 1, rule.Same: 249, rule.Differs: 3}, "--yes")
	x.apply(map[rule.Action]int64{rule.Same: 250, rule.Overwrite: 3}, "--yes", "--overwrite")
	d = x.apply(map[rule.Action]int64{rule.Same: 253}, "--yes", "--overwrite")
	if d.Last != 0 {
		t.Errorf("nothing was to do, and revision %d was written", d.Last)
	}
	// Only who says so overwrites a change made meanwhile.
	x.put("/app/k000", "mine again")
	d = x.apply(map[rule.Action]int64{rule.Create: 1}, append(at, "--overwrite", "--force", "--prefix", "/app/k000", "--exact")...)
	if got := x.value("/app/k000"); got != "value 0" || d.Total[rule.Changed] != 0 {
		t.Errorf("forced: %q, %v", got, d.Total)
	}
	_, err = x.live.Compact(t.Context(), plan.Planned+1)
	x.must(err)
	if code, _, stderr := x.extract(append(at, "--apply", "--endpoint", x.endpoint)...); code != 4 || !strings.Contains(stderr, "plan again") {
		t.Errorf("a plan that was compacted: exit %d: %s", code, stderr)
	}
	if code, _, stderr := x.extract("--planned-at", "99999", "--yes", "--apply", "--endpoint", x.endpoint); code != 2 || !strings.Contains(stderr, "another cluster's") {
		t.Errorf("a plan of the future: exit %d: %s", code, stderr)
	}
}

// With authentication on, who may read everything and write these keys may put them
// back; the role root is not needed. Who may not write them is told so, and nothing
// was done.
func TestExtractWithoutRoot(t *testing.T) {
	x := loseKeys(t, "etcd37")
	password := filepath.Join(t.TempDir(), "password")
	x.must(os.WriteFile(password, []byte("secret"), 0o600))
	ctx := t.Context()
	for _, user := range []string{"root", "reader", "restorer"} {
		_, err := x.live.UserAdd(ctx, user, "secret")
		x.must(err)
		if user != "root" {
			_, err = x.live.RoleAdd(ctx, user)
			x.must(err)
			_, err = x.live.RoleGrantPermission(ctx, user, "\x00", "\x00", clientv3.PermissionType(clientv3.PermRead))
			x.must(err)
		}
		_, err = x.live.UserGrantRole(ctx, user, user)
		x.must(err)
	}
	_, err := x.live.RoleGrantPermission(ctx, "restorer", "/app/", clientv3.GetPrefixRangeEnd("/app/"), clientv3.PermissionType(clientv3.PermReadWrite))
	x.must(err)
	_, err = x.live.AuthEnable(ctx)
	x.must(err)
	as := func(user string) []string {
		return []string{"--etcd-username", user, "--etcd-password-file", password}
	}
	if code, stdout, stderr := x.extract(append(as("reader"), "--apply", "--yes", "--endpoint", x.endpoint)...); code != 8 || stdout != "" || !strings.Contains(stderr, "may write these keys") || !strings.Contains(stderr, "none of the 100") {
		t.Errorf("a reader: exit %d: %s%s", code, stdout, stderr)
	}
	x.apply(map[rule.Action]int64{rule.Create: 152, rule.Differs: 1, rule.Same: 100}, append(as("restorer"), "--yes")...)
}

func TestExtractToFile(t *testing.T) {
	x := loseKeys(t, "etcd37")
	path := filepath.Join(t.TempDir(), "keys.jsonl")
	if code, stdout, stderr := x.extract("--to", path); code != 0 || !strings.Contains(stdout, "253 keys") {
		t.Fatalf("exit %d: %s%s", code, stdout, stderr)
	}
	file, err := os.ReadFile(path)
	x.must(err)
	if _, again, _ := x.extract("--to", "-"); again != string(file) {
		t.Error("the standard output gets something else")
	}
	if code, _, _ := x.extract("--to", path); code != 4 {
		t.Errorf("a file that is there: exit %d", code)
	}
	want := map[string]string{}
	r, err := x.live.Get(t.Context(), "/app/", clientv3.WithPrefix(), clientv3.WithRev(x.good))
	x.must(err)
	for _, kv := range r.Kvs {
		want[string(kv.Key)] = describe(kv)
	}
	scanner, sum := bufio.NewScanner(bytes.NewReader(file)), sha256.New()
	var lines [][]byte
	for scanner.Scan() {
		lines = append(lines, bytes.Clone(scanner.Bytes()))
	}
	var trailer rule.Trailer
	last := len(lines) - 1
	x.must(json.Unmarshal(lines[last], &trailer))
	for _, line := range lines[:last] {
		_, _ = sum.Write(append(line, '\n'))
	}
	if !bytes.Equal(sum.Sum(nil), trailer.SHA256[:]) || trailer.Keys != int64(len(want)) || len(lines) != len(want)+2 {
		t.Fatalf("%d lines, %+v, want %d keys", len(lines), trailer, len(want))
	}
	mod := int64(0)
	for _, line := range lines[1:last] {
		var e rule.Entry
		x.must(json.Unmarshal(line, &e))
		if got := fmt.Sprintf("%q %d %d %d %x %q", e.Key, e.Create, e.Mod, e.Ver, e.Lease, e.Value); got != want[string(e.Key)] {
			t.Errorf("%s, the cluster had %s", got, want[string(e.Key)])
		}
		if ttl := map[string]int64{"/app/leased/stays": 1000, "/app/leased/goes": 2000, "/app/leased/later": 3000}[string(e.Key)]; e.TTL != ttl || e.Mod < mod {
			t.Errorf("%s has a lease of %d s, want %d", e.Key, e.TTL, ttl)
		}
		mod = e.Mod
	}
}

// A file that was looked through is put back as the store itself is, without the store.
func TestExtractFromFile(t *testing.T) {
	x := loseKeys(t, "etcd37")
	path := filepath.Join(t.TempDir(), "keys.jsonl")
	if code, _, stderr := x.extract("--to", path); code != 0 {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	text, err := os.ReadFile(path)
	x.must(err)
	unwanted := base64.StdEncoding.EncodeToString([]byte("/app/k007"))
	kept := slices.DeleteFunc(strings.SplitAfter(string(text), "\n"), func(line string) bool { return strings.Contains(line, unwanted) })
	x.must(os.WriteFile(path, []byte(strings.Join(kept, "")), 0o600))
	from := func(args ...string) (int, string, string) {
		var out, errs bytes.Buffer
		code := cli.Program{Stdout: &out, Stderr: &errs}.Run(t.Context(), append([]string{"extract", "--from", path, "--apply", "--endpoint", x.endpoint}, args...))
		return code, out.String(), errs.String()
	}
	apply := func(want map[rule.Action]int64, args ...string) (d render.AppliedDocument) {
		t.Helper()
		code, stdout, stderr := from(append(args, "-o", "json")...)
		if err := json.Unmarshal([]byte(stdout), &d); err != nil || code != 0 {
			t.Fatalf("%q: exit %d, %v: %s", args, code, err, stderr)
		}
		for _, action := range rule.Actions() {
			if d.Total[action] != want[action] {
				t.Errorf("%q: %d keys %s, want %d", args, d.Total[action], action, want[action])
			}
		}
		return d
	}
	before := oracle.Revision(t, x.live)
	plan := apply(map[rule.Action]int64{rule.Create: 151, rule.Differs: 1, rule.Same: 100}, "--dry-run")
	if now := oracle.Revision(t, x.live); now != before || plan.Planned != before || plan.Leases[rule.Grant] != 2 || plan.Revision != x.good || len(plan.Warnings) != 1 {
		t.Errorf("a dry run led from revision %d to %d: %+v", before, now, plan)
	}
	x.put("/app/k000", "mine")
	at := []string{"--planned-at", fmt.Sprint(plan.Planned), "--yes"}
	apply(map[rule.Action]int64{rule.Create: 150, rule.Changed: 1, rule.Differs: 1, rule.Same: 100}, at...)
	for key, want := range map[string]string{"/app/k000": "mine", "/app/k002": "value 2", "/app/k007": "(gone)", "/app/k150": "written since", "/app/leased/goes": "y"} {
		if got := x.value(key); got != want {
			t.Errorf("%s is %q, want %q", key, got, want)
		}
	}
	r, err := x.live.Get(t.Context(), "/app/leased/later")
	x.must(err)
	if len(r.Kvs) != 1 || oracle.LeaseTTL(t, x.live, r.Kvs[0].Lease) != 3000 {
		t.Errorf("%v", r.Kvs)
	}
	// What was changed is refused before anything is written.
	_, err = x.live.Delete(t.Context(), "/app/k002")
	x.must(err)
	last := len(kept) - 2
	kept[last-1] = strings.Replace(kept[last-1], `"version":1`, `"version":2`, 1)
	x.must(os.WriteFile(path, []byte(strings.Join(kept, "")), 0o600))
	if code, stdout, stderr := from("--yes"); code != 5 || stdout != "" || !strings.Contains(stderr, path) || !strings.Contains(stderr, "it was changed") {
		t.Errorf("a changed line: exit %d: %s%s", code, stdout, stderr)
	}
	if got := x.value("/app/k002"); got != "(gone)" {
		t.Errorf("something was written: %q", got)
	}
}

// Whoever puts back a file is told what whoever took the keys consented to.
func TestExtractOfWhatIsSuspectSaysSoInTheFile(t *testing.T) {
	x := loseKeys(t, "etcd37")
	store, err := local.New(x.dir)
	x.must(err)
	mark := snapshot.Ref{Kind: snapshot.KindSuspect, Epoch: 1, Last: x.good - 1, At: time.Now()}
	x.must(store.Create(t.Context(), mark.Key(), strings.NewReader("{}"), 2))
	path := filepath.Join(t.TempDir(), "keys.jsonl")
	if code, stdout, stderr := x.extract("--to", path); code != 6 {
		t.Fatalf("exit %d: %s%s", code, stdout, stderr)
	}
	if code, stdout, stderr := x.extract("--to", path, "--allow-suspect", "--skip-proof"); code != 0 {
		t.Fatalf("exit %d: %s%s", code, stdout, stderr)
	}
	const says = "the revision is suspect"
	for _, args := range []string{"--dry-run", "--dry-run -o json", "--yes", "--yes -o json"} {
		var out, errs bytes.Buffer
		all := append([]string{"extract", "--from", path, "--apply", "--endpoint", x.endpoint}, strings.Fields(args)...)
		if code := (cli.Program{Stdout: &out, Stderr: &errs}).Run(t.Context(), all); code != 0 || !strings.Contains(out.String(), says) {
			t.Errorf("%s: exit %d: %s%s", args, code, out.String(), errs.String())
		}
		var d render.AppliedDocument
		if strings.Contains(args, "json") && (json.Unmarshal(out.Bytes(), &d) != nil || !d.Suspect) {
			t.Errorf("%s: %s", args, out.String())
		}
	}
}

// breaking is a keyspace whose connection breaks at a write, before or after it
// was carried out.
type breaking struct {
	ports.Keyspace
	left  int // writes that go well
	after bool
}

func (b *breaking) Put(ctx context.Context, puts []rule.Put) ([]bool, int64, error) {
	if b.left--; b.left >= 0 {
		return b.Keyspace.Put(ctx, puts)
	}
	if b.after {
		if _, _, err := b.Keyspace.Put(ctx, puts); err != nil {
			return nil, 0, err
		}
	}
	return nil, 0, fault.Wrap(fault.Unavailable, "write keys", "", io.ErrUnexpectedEOF)
}

// What was done before an error is said, and done again it goes on.
func TestExtractGoesOnAfterAnError(t *testing.T) {
	x := loseKeys(t, "etcd37")
	_, err := x.live.Delete(t.Context(), "/app/", clientv3.WithPrefix())
	x.must(err)
	log := slog.New(slog.DiscardHandler)
	clients, err := etcd.Dial(etcd.Config{Endpoint: x.endpoint}, log)
	x.must(err)
	t.Cleanup(func() { _ = clients.Close() })
	store, err := local.New(x.dir)
	x.must(err)
	extractor := extract.New(inspect.New(revkeeper.New(store), datadir.NewBuilder(t.TempDir()), eventlog.Logger(log)))
	req := extract.Request{Where: at(x.good), Prefix: []byte("/app/")}
	keyspace := &breaking{Keyspace: clients.Keyspace, left: 1, after: true}
	target := extract.Target{Cluster: clients.Cluster, Keyspace: keyspace}
	applied, err := extractor.Apply(t.Context(), req, target, extract.Order{})
	if fault.KindOf(err) != fault.Unavailable || !strings.Contains(err.Error(), "100 keys were dealt with before; whether the 100 of this transaction") || applied.Keys[rule.Create] != 100 {
		t.Fatalf("%+v, %v", applied.Keys, err)
	}
	planned := applied.Planned
	keyspace.left = 9
	applied, err = extractor.Apply(t.Context(), req, target, extract.Order{Planned: planned})
	if err != nil || applied.Keys[rule.Create] != keys+3-200 || applied.Keys[rule.Same] != 200 {
		t.Errorf("going on: %+v, %v", applied.Keys, err)
	}
	if got := x.value("/app/k249"); got != "value 249" {
		t.Error(got)
	}
}
