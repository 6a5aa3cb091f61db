package cli

import (
	"crypto/rand"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/revkeeper/revkeeper/application/restore"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/release"
	"github.com/revkeeper/revkeeper/ports"
)

// latest stands for the newest restorable revision on the command line.
const latest = "latest"

// pointFlags say what is to be restored, as text.
type pointFlags struct {
	target       restoreTarget
	epoch        int
	allowSuspect bool
}

func (f *pointFlags) register(fs *pflag.FlagSet) {
	f.target.register(fs)
	fs.IntVar(&f.epoch, "timeline", 0, "timeline to restore from; 0 for the newest that has the revision")
	fs.BoolVar(&f.allowSuspect, "allow-suspect", false, "restore also revisions that failed a proof; with --skip-proof, since they would fail it again")
}

func (f *pointFlags) read(r *flagReader, req *restore.Request, now time.Time) {
	req.Epoch, req.Target, req.AllowSuspect = f.epoch, f.target.read(r, now), f.allowSuspect
	r.timeline(f.epoch)
}

// bumpFlags say from which revision the restored history goes on.
type bumpFlags struct {
	keep   bool
	force  bool
	seen   int64
	bumpTo int64
}

func (f *bumpFlags) register(fs *pflag.FlagSet) {
	fs.BoolVar(&f.keep, "keep-revisions", false, "make an exact copy, whose revisions do not jump: for proofs, not for clients that saw later revisions; refused where the store has such, see --force")
	fs.BoolVar(&f.force, "force", false, "with --keep-revisions: make the copy although the store has later revisions, which clients may have seen; no such client may meet it")
	fs.Int64Var(&f.seen, "seen-revision", 0, "largest revision that a client is known to have seen")
	fs.Int64Var(&f.bumpTo, "bump-to", 0, "revision to continue from, the same for every member of a restored cluster; 0 to choose one")
}

func (f *bumpFlags) read(r *flagReader, req *restore.Request) {
	req.KeepRevisions, req.Force, req.SeenRevision, req.BumpTo = f.keep, f.force, f.seen, f.bumpTo
	if f.seen < 0 {
		r.add("--seen-revision", strconv.FormatInt(f.seen, 10), "is negative", "a revision, or 0")
	}
	if f.force && !f.keep {
		r.add("--force", "", "has nothing to force: only --keep-revisions is refused where the store has later revisions, and it is not given", "leave --force out; or add --keep-revisions for an exact copy")
	}
	if f.keep && f.seen != 0 {
		r.add("--seen-revision", strconv.FormatInt(f.seen, 10), "means nothing with --keep-revisions", "give one of the two")
	}
	switch bump := strconv.FormatInt(f.bumpTo, 10); {
	case f.bumpTo < 0:
		r.add("--bump-to", bump, "is negative", "a revision above all that clients may have seen, or leave it out")
	case f.bumpTo > 0 && f.keep:
		r.add("--bump-to", bump, "continues from another revision, and --keep-revisions from the same", "give one of the two")
	}
}

// contentFlags say what the restored database is like.
type contentFlags struct {
	folded     bool
	defragment bool
	leaseTTL   time.Duration
	etcd       string
}

func (f *contentFlags) register(fs *pflag.FlagSet) {
	fs.BoolVar(&f.folded, "folded", false, "leave the past out: only what lives at the target, marked compacted; a smaller file, on which etcd starts faster")
	fs.BoolVar(&f.defragment, "defragment", false, "write the database without free pages; --folded does it too")
	leaseTTLFlag(fs, &f.leaseTTL)
	fs.StringVar(&f.etcd, "etcd-version", "", "release of etcd to start on the directory, as in 3.6, where that is an older one than was backed up")
}

func (f *contentFlags) read(r *flagReader, req *restore.Request) {
	req.Fold, req.Defragment, req.DefaultLeaseTTL = f.folded, f.defragment, r.leaseTTL(f.leaseTTL)
	if f.etcd != "" {
		var err error
		if req.Etcd, err = release.Parse(f.etcd); err != nil {
			r.add("--etcd-version", f.etcd, "is not a version of etcd", "as in 3.6")
		}
	}
}

// placeFlags say where a member is restored, and what is left out meanwhile.
type placeFlags struct {
	dir            string
	unnamed        bool // dir is the default
	name           string
	skipProof      bool
	skipSpaceCheck bool
}

func (f *placeFlags) register(fs *pflag.FlagSet) {
	fs.StringVar(&f.dir, "data-dir", "", "directory to make; default: the member's name with .etcd")
	fs.StringVar(&f.name, "name", "default", "name of the restored member")
	fs.BoolVar(&f.skipProof, "skip-proof", false, "do not compare with the hash that the live cluster gave")
	fs.BoolVar(&f.skipSpaceCheck, "skip-space-check", false, "begin even if the disk seems too small, as where the file system compresses")
}

func (f *placeFlags) read(r *flagReader) {
	if f.name == "" {
		r.add("--name", "", "is empty", "the name that the member is started with")
	}
	if f.unnamed = f.dir == ""; f.unnamed {
		f.dir = f.name + ".etcd"
	}
}

// restoreFlags is what restore is told, as text. Names and defaults of the
// member's identity are those of `etcdutl snapshot restore`.
type restoreFlags struct {
	pointFlags
	bumpFlags
	contentFlags
	placeFlags
	initialCluster string
	token          string
	peerURLs       string
}

func (f *restoreFlags) register(fs *pflag.FlagSet) {
	f.pointFlags.register(fs)
	f.bumpFlags.register(fs)
	f.contentFlags.register(fs)
	f.placeFlags.register(fs)
	fs.StringVar(&f.initialCluster, "initial-cluster", "", "members of the restored cluster, as name=peerURL,…; default: the restored member alone")
	fs.StringVar(&f.token, "initial-cluster-token", "", "token of the restored cluster, the same for all of its members; default: a fresh one, for a cluster of one")
	fs.StringVar(&f.peerURLs, "initial-advertise-peer-urls", "http://localhost:2380", "peer URLs of the restored member")
}

// request reads the flags and returns everything that is wrong with them. A dry
// run may leave open what it will tell.
func (f *restoreFlags) request(now time.Time, dryRun bool) (restore.Request, []fault.Problem) {
	r := flagReader{}
	var req restore.Request
	f.pointFlags.read(&r, &req, now)
	f.placeFlags.read(&r)
	f.bumpFlags.read(&r, &req)
	f.contentFlags.read(&r, &req)
	req.Dir, req.DirUnnamed, req.SkipProof, req.SkipSpaceCheck = f.dir, f.unnamed, f.skipProof, f.skipSpaceCheck
	req.Identity = ports.MemberIdentity{Name: f.name, ClusterToken: f.token}
	req.Identity.InitialAdvertisePeer = r.urls("--initial-advertise-peer-urls", f.peerURLs)
	if f.initialCluster == "" {
		req.Identity.InitialCluster = map[string][]url.URL{f.name: req.Identity.InitialAdvertisePeer}
	} else {
		req.Identity.InitialCluster = r.cluster(f.initialCluster)
		if _, ok := req.Identity.InitialCluster[f.name]; !ok && len(r.problems) == 0 {
			r.add("--initial-cluster", f.initialCluster, "does not name the member "+f.name, "add "+f.name+"=peerURL, or correct --name")
		}
	}
	if !dryRun {
		r.sameForAll(req, f.target)
		if req.Identity.ClusterToken == "" {
			req.Identity.ClusterToken = freshToken()
		}
	}
	return req, r.problems
}

// sameForAll refuses what could give the members of one cluster different data
// or revisions, since each restores at a moment of its own.
func (r *flagReader) sameForAll(req restore.Request, target restoreTarget) {
	if len(req.Identity.InitialCluster) < 2 {
		return
	}
	if !target.fixed() {
		r.add("--to-revision", target.revision, "may not be the same for every member of --initial-cluster", "`revkeeper restore plan` for all members at once, or for each the revision that --dry-run prints on one of them")
	}
	if req.Identity.ClusterToken == "" {
		r.add("--initial-cluster-token", "", "is missing, and every member of --initial-cluster would get another", "`revkeeper restore plan`, or for all members the same, which no cluster had before")
	}
	if !req.KeepRevisions && req.BumpTo == 0 {
		r.add("--bump-to", "", "is missing, and every member of --initial-cluster might continue from another revision", "`revkeeper restore plan`, or for each the revision that --dry-run prints on one of them")
	}
}

// freshToken is one that no cluster had before: ids of members and cluster follow
// from it, so nobody of the old cluster is taken for a member of the new one.
func freshToken() string { return "restored-" + strings.ToLower(rand.Text()) }
