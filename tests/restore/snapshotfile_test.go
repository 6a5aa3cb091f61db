package restore

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/revkeeper/revkeeper/tests/load"
	"github.com/revkeeper/revkeeper/tests/oracle"
	"github.com/revkeeper/revkeeper/tests/servers"
)

// saved writes what `etcdctl snapshot save` would.
func saved(t *testing.T, c *clientv3.Client) (file string, content []byte) {
	t.Helper()
	stream, err := c.Snapshot(t.Context())
	must(t, err)
	defer stream.Close()
	content, err = io.ReadAll(stream)
	must(t, err)
	file = filepath.Join(t.TempDir(), "snapshot.db")
	must(t, os.WriteFile(file, content, 0o600))
	return file, content
}

func wrapped(t *testing.T, file string, content []byte, wrap func(io.Writer) io.WriteCloser) string {
	t.Helper()
	var b bytes.Buffer
	w := wrap(&b)
	_, err := w.Write(content)
	must(t, err)
	must(t, w.Close())
	must(t, os.WriteFile(file, b.Bytes(), 0o600))
	return file
}

// ends runs a command and expects how it ends and what it says.
func ends(t *testing.T, code int, says string, args ...string) {
	t.Helper()
	got, out, errs := command(t, args...)
	if got != code || !strings.Contains(out+errs, says) {
		t.Errorf("%v: exit %d, want %d and %q:\n%s%s", args, got, code, says, out, errs)
	}
}

// A snapshot of a real etcd is restored at its head and at an older revision, in
// every wrapper; whatever reads a backup reads it.
func TestASnapshotFileIsABackup(t *testing.T) {
	source := servers.StartEtcd(t, etcdVersion, 1)
	client := oracle.Connect(t, source.Endpoints()[0])
	must(t, load.New(client, 3).Do(t.Context(), 200))
	head := oracle.Revision(t, client)
	plain, content := saved(t, client)
	zst := wrapped(t, plain+".zst", content, func(w io.Writer) io.WriteCloser { z, _ := zstd.NewWriter(w); return z })
	gz := wrapped(t, plain+".gz", content, func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) })
	for file, target := range map[string]int64{plain: head, zst: head - 50, gz: head - 1} {
		dir := filepath.Join(t.TempDir(), "data")
		ends(t, 0, "restored revision", "restore", "--snapshot", file, "--to-revision", fmt.Sprint(target), "--data-dir", dir, "--keep-revisions", "--force")
		oracle.SameAt(t, client, oracle.Connect(t, servers.StartRestored(t, etcdVersion, dir)), target)
	}
	ends(t, 0, "as backed up from 3.7: for 3.7 and newer", "restore", "--snapshot", plain, "--to-revision", "latest", "--data-dir", filepath.Join(t.TempDir(), "data"))
	ends(t, 0, "made for 3.6 and newer", "restore", "--snapshot", plain, "--to-revision", "latest", "--etcd-version", "3.6", "--data-dir", filepath.Join(t.TempDir(), "data"))
	ends(t, 0, "as backed up from 3.7: for 3.7 and newer", "restore", "--snapshot", zst, "--to-revision", "latest", "--dry-run")
	url := "snapshot://" + plain
	ends(t, 0, fmt.Sprintf("1–%d", head), "list", "--store", url)
	ends(t, 0, "restor", "verify", "--store", url, "--spool-dir", t.TempDir())
	ends(t, 0, fmt.Sprintf("%d → %d", head, head+1_000_000_000), "restore", "--snapshot", plain, "--to-revision", "latest", "--dry-run")
	plan := filepath.Join(t.TempDir(), "plan.json")
	ends(t, 0, "2 members", "restore", "plan", plan, "--snapshot", zst, "--to-revision", "latest", "--initial-cluster", "m1=http://a:2380,m2=http://b:2380")
	ends(t, 0, "m2 of a cluster of 2", "restore", "apply", plan, "--snapshot", zst, "--name", "m2", "--data-dir", filepath.Join(t.TempDir(), "data"))
	ends(t, 3, "make another plan", "restore", "apply", plan, "--snapshot", plain, "--name", "m2", "--data-dir", filepath.Join(t.TempDir(), "data"))

	ends(t, 3, "restorable: 1–", "restore", "--snapshot", plain, "--to-revision", fmt.Sprint(head+1), "--data-dir", filepath.Join(t.TempDir(), "data"))
	ends(t, 9, "only read", "pin", fmt.Sprint(head), "--store", url)
	ends(t, 9, "only read", "gc", "--yes", "--store", url)
	ends(t, 9, "only read", "compact", "--store", url)
	ends(t, 2, "only read", "run", "--store", url, "--endpoint", source.Endpoints()[0], "--spool-dir", t.TempDir())
	ends(t, 2, "beside --store", "restore", "--snapshot", plain, "--store", url, "--to-revision", "latest")
	ends(t, 2, "about a file of --snapshot", "restore", "--store", url, "--skip-hash-check", "--to-revision", "latest")
}

// A database that was copied has no SHA-256: it is refused with the remedy, and
// taken on demand. What is not whole is refused either way.
func TestACopiedDatabase(t *testing.T) {
	source := servers.StartEtcd(t, etcdVersion, 1)
	client := oracle.Connect(t, source.Endpoints()[0])
	must(t, load.New(client, 5).Do(t.Context(), 100))
	head := oracle.Revision(t, client)
	_, content := saved(t, client)
	database := content[:len(content)-32]
	at := func(name string, b []byte) []string {
		file := filepath.Join(t.TempDir(), name)
		must(t, os.WriteFile(file, b, 0o600))
		return []string{"restore", "--snapshot", file, "--to-revision", "latest", "--data-dir", filepath.Join(t.TempDir(), "data"), "--keep-revisions"}
	}
	ends(t, 5, "--skip-hash-check takes it", at("copied.db", database)...)
	args := at("copied.db", database)
	ends(t, 0, "restored revision", append(args, "--skip-hash-check")...)
	oracle.SameAt(t, client, oracle.Connect(t, servers.StartRestored(t, etcdVersion, args[6])), head)

	flipped := bytes.Clone(content)
	flipped[len(content)-1] ^= 1 // the SHA-256 itself: the database is good
	ends(t, 5, "the file's last 32 bytes say", at("flipped.db", flipped)...)
	ends(t, 0, "restored revision", append(at("flipped.db", flipped), "--skip-hash-check")...)
	for name, bad := range map[string][]byte{
		"nothing": nil, "text": []byte("hello"), "half": database[:len(database)/2], "a page": database[:4096], "zeros": make([]byte, 1<<16),
		"gzip of nothing": {0x1f, 0x8b}, "zstd cut short": {0x28, 0xb5, 0x2f, 0xfd, 0x04},
	} {
		for _, more := range [][]string{nil, {"--skip-hash-check"}} {
			if code, out, errs := command(t, append(at("bad.db", bad), more...)...); code != 5 || !strings.Contains(errs, "bad.db") {
				t.Errorf("%s %v: exit %d: %s%s", name, more, code, out, errs)
			}
		}
	}
	// Pages of rubbish in an unhashed file: refused, or, where nothing points to them
	// and values alone are hit, taken; never the end of the process.
	taken := 0
	for page := 2; page*4096 < len(database); page += 9 {
		bad := bytes.Clone(database)
		for i := range 64 {
			bad[page*4096+i] ^= byte(37 * (i + 1))
		}
		if code, _, errs := command(t, append(at("bad.db", bad), "--skip-hash-check")...); code == 0 {
			taken++
		} else if code != 5 {
			t.Errorf("page %d: exit %d: %s", page, code, errs)
		}
	}
	t.Logf("%d pages, %d taken with rubbish in them", len(database)/4096, taken)
	ends(t, 3, "nowhere.db", "restore", "--snapshot", "nowhere.db", "--to-revision", "latest")
	ends(t, 2, "it is no file", "restore", "--snapshot", t.TempDir(), "--to-revision", "latest")
}

// With the NOSPACE alarm a restored cluster would refuse every write; with CORRUPT
// nobody knows what the data is worth.
func TestAlarmsOfTheSource(t *testing.T) {
	for alarm, refused := range map[etcdserverpb.AlarmType]bool{etcdserverpb.AlarmType_NOSPACE: false, etcdserverpb.AlarmType_CORRUPT: true} {
		t.Run(alarm.String(), func(t *testing.T) {
			source := servers.StartEtcd(t, etcdVersion, 1)
			client := oracle.Connect(t, source.Endpoints()[0])
			must(t, load.New(client, 7).Do(t.Context(), 20))
			members, err := client.MemberList(t.Context())
			must(t, err)
			_, err = etcdserverpb.NewMaintenanceClient(client.ActiveConnection()).Alarm(t.Context(),
				&etcdserverpb.AlarmRequest{Action: etcdserverpb.AlarmRequest_ACTIVATE, MemberID: members.Members[0].ID, Alarm: alarm})
			must(t, err)
			if _, err := client.Put(t.Context(), "k", "v"); err == nil {
				t.Fatal("the alarm is not raised")
			}
			var file string
			eventually(t, func() string { // etcd writes its database now and then
				var content []byte
				if file, content = saved(t, client); bytes.Contains(content, []byte{0x10, byte(alarm)}) {
					return ""
				}
				return "the alarm is not in the snapshot"
			})
			dir := filepath.Join(t.TempDir(), "data")
			args := []string{"restore", "--snapshot", file, "--to-revision", "latest", "--data-dir", dir}
			if refused {
				ends(t, 5, "CORRUPT alarm", args...)
				if _, err := os.Stat(dir); !os.IsNotExist(err) {
					t.Errorf("%s was made: %v", dir, err)
				}
				return
			}
			ends(t, 0, "restored revision", args...)
			restored := oracle.Connect(t, servers.StartRestored(t, etcdVersion, dir))
			alarms, err := restored.AlarmList(t.Context())
			if err != nil || len(alarms.Alarms) != 0 {
				t.Errorf("alarms %v, %v", alarms, err)
			}
			if _, err := restored.Put(t.Context(), "k", "v"); err != nil {
				t.Errorf("a write to the restored cluster: %v", err)
			}
		})
	}
}
