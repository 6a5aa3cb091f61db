package bench

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/revkeeper/revkeeper/tests/bench/member"
	"github.com/revkeeper/revkeeper/tests/bench/source"
	"github.com/revkeeper/revkeeper/tests/bench/watchserver"
	"github.com/revkeeper/revkeeper/tests/images"
)

// repetitions of each operation; those that are compared take turns.
const repetitions = 5

// comparison is a run of the benchmark.
type comparison struct {
	testing.TB
	data    *source.Source
	scratch string
	dirs    int
}

// BenchmarkCompare measures revkeeper and etcd's own tools on the same data and prints a table. It fails where a result is
// wrong, never where it is slow.
func BenchmarkCompare(b *testing.B) {
	c := &comparison{TB: b, data: Data(b), scratch: b.TempDir()}
	seeded := c.seed()
	chain, watching := c.follow(seeded)
	restoring := c.restore(seeded, chain)
	starting := c.starts(chain)
	replaying := c.replay()
	c.verify(seeded, c.data.Base)
	last := c.verify(chain, c.data.Last)
	fulls := c.fulls(last)

	say("\nMedians of %d repetitions in turns; wall and CPU of whole processes; anon is the peak of RssAnon\n", repetitions)
	t := table{{"operation", "wall", "ratio", "CPU", "anon", ""}}
	restoring.rows(&t)
	for _, s := range starting {
		s.row(&t, starting[0])
	}
	replaying.rows(&t, restoring)
	fulls.rows(&t)
	watching.rows(&t, c.data)
	t.print()
	b.ReportMetric(0, "ns/op") // it would be that of the whole comparison
}

// dir returns the path of a new directory that does not exist yet.
func (c *comparison) dir(name string) string {
	c.dirs++
	return filepath.Join(c.scratch, fmt.Sprintf("%s-%d", name, c.dirs))
}

func (c *comparison) remove(dir string) {
	c.Helper()
	if err := os.RemoveAll(dir); err != nil {
		c.Fatal(err)
	}
}

// serve plays the recorded etcd; head is what it says to be at.
func (c *comparison) serve(head int64) *watchserver.Server {
	c.Helper()
	server, err := watchserver.Start(c.Context(), watchserver.Config{Source: c.data, Head: head})
	if err != nil {
		c.Fatal(err)
	}
	return server
}

func (c *comparison) closeServer(server *watchserver.Server) {
	c.Helper()
	if err := server.Close(); err != nil {
		c.Fatal(err)
	}
}

// seed returns a store with the base and its proof.
func (c *comparison) seed() string {
	server := c.serve(c.data.Base.Revision)
	defer c.closeServer(server)
	store := c.dir("base")
	ours(c, order{Operation: "seed", Endpoint: server.Endpoint, Store: store, Dir: c.dir("spool")})
	return store
}

// copyStore returns a store with the same objects, which are never changed and so are shared; replace may give one another
// name and file.
func (c *comparison) copyStore(store string, replace func(path string) (name, from string)) string {
	c.Helper()
	copied := c.dir("store")
	err := filepath.WalkDir(store, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(store, path)
		if err != nil {
			return err
		}
		if entry.IsDir() {
			return os.MkdirAll(filepath.Join(copied, relative), 0o700)
		}
		name, from := replace(relative)
		if from == "" {
			return os.Link(path, filepath.Join(copied, relative))
		}
		content, err := os.ReadFile(from)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(copied, name), content, 0o600)
	})
	if err != nil {
		c.Fatal(err)
	}
	return copied
}

func asIs(string) (name, from string) { return "", "" }

// plain replaces the compressed full by the very file that etcd's tool is given.
func (c *comparison) plain(path string) (name, from string) {
	if name, compressed := strings.CutSuffix(path, ".zst"); compressed {
		return name, c.data.BasePath()
	}
	return "", ""
}

// watching is what was measured of the way from the watch to the store.
type watching struct{ ceiling, follow *line }

// follow measures how fast the recorded watch becomes deltas, and returns a store with the base and all of them.
func (c *comparison) follow(seeded string) (string, watching) {
	w := watching{ceiling: &line{name: "read the watch to nowhere"}, follow: &line{name: "watch to durable deltas"}}
	var last string
	for range repetitions {
		server := c.serve(c.data.Base.Revision)
		o := order{Endpoint: server.Endpoint, Target: c.data.Base.Revision + 1, Until: c.data.Last.Revision}
		o.Operation = "ceiling"
		w.ceiling.add(ours(c, o))
		if last != "" {
			c.remove(last)
		}
		last = c.copyStore(seeded, asIs)
		o.Operation, o.Store, o.Dir = "follow", last, c.dir("spool")
		w.follow.add(ours(c, o))
		c.closeServer(server)
	}
	c.prove(last)
	return last, w
}

// prove adds what the real etcd answered at the end of the stream.
func (c *comparison) prove(store string) {
	ours(c, order{Operation: "prove", Store: store, Hash: c.data.Last})
}

func (w watching) rows(t *table, data *source.Source) {
	events := float64(data.Properties.Events)
	rate := func(l *line) string {
		return fmt.Sprintf("%.0f events/s", events/l.inside(func(r report) time.Duration { return r.Took }).Seconds())
	}
	t.operation(w.ceiling, nil, rate(w.ceiling))
	t.operation(w.follow, w.ceiling, rate(w.follow)+" (50000 or more; 128 MiB or less)",
		fmt.Sprintf("%.0f bytes stored an event (600 or less) in %d deltas", float64(w.follow.stored())/events, w.follow.reports[0].Records))
}

// restoring is what was measured of restores.
type restoring struct{ etcdutl, base, plain, chain, proven, folded, packed, built *line }

// restore measures them; the results end in the same state of disk, fsync of file and directory included.
func (c *comparison) restore(seeded, chain string) restoring {
	r := restoring{
		etcdutl: &line{name: "etcdutl snapshot restore, sync -f"},
		base:    &line{name: "restore the base"},
		plain:   &line{name: "restore the base, uncompressed"},
		chain:   &line{name: "restore base and deltas"},
		proven:  &line{name: "restore base and deltas, HashKV compared"},
		folded:  &line{name: "restore base and deltas folded, HashKV compared"},
		packed:  &line{name: "compress and store the restored database"},
		built:   &line{name: "build a full of base and deltas, HashKV compared"},
	}
	plain := c.copyStore(seeded, c.plain)
	utl := images.Binary(c, "etcd37utl")
	whole := c.dir("whole")
	defer c.remove(whole)
	ours(c, order{Operation: "restore", Store: chain, Dir: whole})
	for range repetitions {
		r.etcdutl.add(c.restoredByEtcd(utl), report{})
		r.base.add(c.restored(order{Store: seeded}))
		r.plain.add(c.restored(order{Store: plain}))
		r.chain.add(c.restored(order{Store: chain}))
		r.proven.add(c.restored(order{Store: chain, Prove: true}))
		r.folded.add(c.restored(order{Store: chain, Prove: true, Fold: true}))
		r.packed.add(c.built(order{Operation: "pack", Store: filepath.Join(whole, "member", "snap", "db")}))
		r.built.add(c.built(order{Operation: "build", Store: chain}))
	}
	return r
}

// restored restores into a directory that is removed again.
func (c *comparison) restored(o order) (cost, report) {
	o.Operation, o.Dir = "restore", c.dir("restored")
	defer c.remove(o.Dir)
	return ours(c, o)
}

// built makes a full in a store that is removed again.
func (c *comparison) built(o order) (cost, report) {
	o.Dir = c.dir("built")
	defer c.remove(o.Dir)
	return ours(c, o)
}

// restoredByEtcd restores the base into a directory that is removed again.
func (c *comparison) restoredByEtcd(utl string) cost {
	dir := c.dir("etcdutl")
	defer c.remove(dir)
	return c.etcdutl(utl, dir)
}

// etcdutl restores the base into dir.
func (c *comparison) etcdutl(binary, dir string) cost {
	peer := "http://" + member.Advertised
	restored, _ := run(c, exec.CommandContext(c.Context(), binary, "snapshot", "restore", c.data.BasePath(), "--data-dir", dir,
		"--name", member.Name, "--initial-cluster", member.Name+"="+peer, "--initial-cluster-token", member.Token,
		"--initial-advertise-peer-urls", peer))
	snap := filepath.Join(dir, "member", "snap")
	synced, _ := runNow(c, exec.CommandContext(c.Context(), "sync", "-f", filepath.Join(snap, "db"), snap))
	return restored.then(synced)
}

func (r restoring) rows(t *table) {
	t.operation(r.etcdutl, nil)
	t.operation(r.base, r.etcdutl, "0.9 or less")
	t.operation(r.plain, r.etcdutl, "0.9 or less")
	deltas := r.chain.inside(func(r report) time.Duration { return r.Deltas })
	t.operation(r.chain, r.etcdutl, "3.5 or less; 128 MiB or less",
		fmt.Sprintf("base %.2f s, deltas %.2f s, finish %.2f s", r.chain.inside(func(r report) time.Duration { return r.Base }).Seconds(),
			deltas.Seconds(), r.chain.inside(func(r report) time.Duration { return r.Finish }).Seconds()))
	t.row("- of it, deltas into the base", fmt.Sprintf("%.2f s", deltas.Seconds()), "", "", "",
		fmt.Sprintf("%.0f events/s (200000 or more)", float64(r.chain.reports[0].Records)/deltas.Seconds()))
	t.operation(r.proven, r.etcdutl)
	t.row("- of it, the HashKV check", fmt.Sprintf("%.2f s", r.proven.inside(func(r report) time.Duration { return r.Hashing }).Seconds()))
	t.operation(r.folded, r.proven, "of that restore")
	t.operation(r.packed, r.proven, "of that restore")
	t.operation(r.built, r.proven, "1.3 wanted, of that restore", r.work(), fmt.Sprintf("%.0f MB stored", float64(r.built.stored())/1e6))
}

// work says what a built full costs in processor time, and what it cannot cost less than: the restore that it is, and the
// compressing of what came of it. Shared out evenly among the cores that is the shortest it can take.
func (r restoring) work() string {
	restored := r.proven.cpu().Seconds()
	apart := restored + r.packed.cpu().Seconds()
	return fmt.Sprintf("CPU %.2f x, the two lines above %.2f x together, %.2f s on %d cores", r.built.cpu().Seconds()/restored, apart/restored,
		apart/float64(runtime.NumCPU()), runtime.NumCPU())
}

// verify restores a store, compares HashKV offline and in a real etcd, and returns the directory with its data.
func (c *comparison) verify(store string, want source.Hash) string {
	dir := c.dir("verified")
	if err := os.Mkdir(dir, 0o700); err != nil {
		c.Fatal(err)
	}
	_, r := ours(c, order{Operation: "restore", Store: store, Dir: filepath.Join(dir, "data"), Prove: true})
	etcd := c.start(dir)
	defer etcd.Stop()
	client, err := etcd.Client(c.Context())
	if err != nil {
		c.Fatal(err)
	}
	defer client.Close()
	answer, err := client.HashKV(c.Context(), etcd.Endpoint, want.Revision)
	if err != nil {
		c.Fatal(err)
	}
	if r.HashKV != want.Hash || answer.Hash != want.Hash || answer.Header.Revision != want.Revision {
		c.Fatalf("revision %d: the source hashed to %d, the restored records to %d, etcd on them is at %d and answers %d",
			want.Revision, want.Hash, r.HashKV, answer.Header.Revision, answer.Hash)
	}
	say("  revision %d restored: HashKV %d of the source = offline = etcd on the result", want.Revision, want.Hash)
	return dir
}

func (c *comparison) start(dir string, args ...string) *member.Member {
	c.Helper()
	etcd, err := member.Start(c.Context(), member.Config{Binary: images.Binary(c, "etcd37"), Dir: dir, Args: args})
	if err != nil {
		c.Fatal(err)
	}
	return etcd
}

// fulling is what was measured of full snapshots.
type fulling struct{ drain, etcdctl, full *line }

// fulls measures full snapshots of an etcd on a directory.
func (c *comparison) fulls(dir string) fulling {
	f := fulling{
		drain:   &line{name: "read the snapshot to nowhere"},
		etcdctl: &line{name: "etcdctl snapshot save"},
		full:    &line{name: "full into a store, zstd"},
	}
	etcd := c.start(dir)
	defer etcd.Stop()
	ctl := images.Binary(c, "etcd37ctl")
	for range repetitions {
		o := order{Operation: "drain", Endpoint: etcd.Endpoint, Store: c.dir("store"), Dir: c.dir("spool")}
		f.drain.add(ours(c, o))
		saved := c.dir("saved")
		save, _ := run(c, exec.CommandContext(c.Context(), ctl, "--endpoints", etcd.Endpoint, "snapshot", "save", saved))
		f.etcdctl.add(save, report{})
		o.Operation = "full"
		f.full.add(ours(c, o))
		c.remove(saved)
		c.remove(o.Store)
	}
	return f
}

func (f fulling) rows(t *table) {
	t.operation(f.drain, f.etcdctl, fmt.Sprintf("%.0f MB", float64(f.drain.stored())/1e6))
	t.operation(f.etcdctl, nil)
	t.operation(f.full, f.etcdctl, "1.6 or less; 64 MiB or less", fmt.Sprintf("%.0f MB stored", float64(f.full.stored())/1e6))
}
