package cli

import (
	"crypto/rand"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/revkeeper/revkeeper/application/restore"
	"github.com/revkeeper/revkeeper/domain/chain"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/release"
	"github.com/revkeeper/revkeeper/ports"
)

// latest stands for the newest restorable revision on the command line.
const latest = "latest"

// restoreFlags is what restore is told, as text. Names and defaults of the
// member's identity are those of `etcdutl snapshot restore`.
type restoreFlags struct {
	target         restoreTarget
	epoch          int
	dir            string
	name           string
	initialCluster string
	token          string
	peerURLs       string
	keep           bool
	force          bool
	seen           int64
	bumpTo         int64
	skipProof      bool
	folded         bool
	defragment     bool
	leaseTTL       time.Duration
	etcdVersion    string
}

func (f *restoreFlags) register(fs *pflag.FlagSet) {
	f.target.register(fs)
	fs.IntVar(&f.epoch, "timeline", 0, "timeline to restore from; 0 for the newest that has the revision")
	fs.StringVar(&f.dir, "data-dir", "", "directory to make; default: the member's name with .etcd")
	fs.StringVar(&f.name, "name", "default", "name of the restored member")
	fs.StringVar(&f.initialCluster, "initial-cluster", "", "members of the restored cluster, as name=peerURL,…; default: the restored member alone")
	fs.StringVar(&f.token, "initial-cluster-token", "", "token of the restored cluster, the same for all of its members; default: a fresh one, for a cluster of one")
	fs.StringVar(&f.peerURLs, "initial-advertise-peer-urls", "http://localhost:2380", "peer URLs of the restored member")
	fs.BoolVar(&f.keep, "keep-revisions", false, "make an exact copy: for proofs, not for clients that saw later revisions; refused where the store has such")
	fs.BoolVar(&f.force, "force", false, "with --keep-revisions: also where the store has later revisions")
	fs.Int64Var(&f.seen, "seen-revision", 0, "largest revision that a client is known to have seen")
	fs.Int64Var(&f.bumpTo, "bump-to", 0, "revision to continue from, the same for every member of a restored cluster; 0 to choose one")
	fs.BoolVar(&f.folded, "folded", false, "leave the past out: only what lives at the target, marked compacted; a smaller file, on which etcd starts faster")
	fs.BoolVar(&f.defragment, "defragment", false, "write the database without free pages; --folded does it too")
	leaseTTLFlag(fs, &f.leaseTTL)
	fs.StringVar(&f.etcdVersion, "etcd-version", "", "release of etcd to start on the directory, as in 3.6, where that is an older one than was backed up")
	fs.BoolVar(&f.skipProof, "skip-proof", false, "do not compare with the hash that the live cluster gave")
}

// request reads the flags and returns everything that is wrong with them. A dry
// run may leave open what it will tell.
func (f *restoreFlags) request(now time.Time, dryRun bool) (restore.Request, []fault.Problem) {
	r := flagReader{}
	req := restore.Request{
		Epoch: f.epoch, Target: f.target.read(&r, now), Dir: f.dir, KeepRevisions: f.keep, Force: f.force, SeenRevision: f.seen, BumpTo: f.bumpTo, SkipProof: f.skipProof,
		Fold: f.folded, Defragment: f.defragment, DefaultLeaseTTL: r.leaseTTL(f.leaseTTL),
		Identity: ports.MemberIdentity{Name: f.name, ClusterToken: f.token},
	}
	if f.name == "" {
		r.add("--name", "", "is empty", "the name that the member is started with")
	}
	if f.epoch < 0 {
		r.add("--timeline", itoa(f.epoch), "is negative", "a timeline of `revkeeper list`, or 0")
	}
	if f.seen < 0 {
		r.add("--seen-revision", strconv.FormatInt(f.seen, 10), "is negative", "a revision, or 0")
	}
	if f.force && !f.keep {
		r.add("--force", "true", "means nothing without --keep-revisions", "give both, or none")
	}
	if f.keep && f.seen != 0 {
		r.add("--seen-revision", strconv.FormatInt(f.seen, 10), "means nothing with --keep-revisions", "give one of the two")
	}
	if f.bumpTo != 0 && (f.bumpTo < 0 || f.keep) {
		r.add("--bump-to", strconv.FormatInt(f.bumpTo, 10), "is negative, or given with --keep-revisions", "a revision, without --keep-revisions")
	}
	if f.etcdVersion != "" {
		var err error
		if req.Etcd, err = release.Parse(f.etcdVersion); err != nil {
			r.add("--etcd-version", f.etcdVersion, "is not a version of etcd", "as in 3.6")
		}
	}
	if req.Dir == "" {
		req.Dir = f.name + ".etcd"
	}
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
		r.add("--to-revision", target.revision, "may not be the same for every member of --initial-cluster", "for all members the revision that --dry-run prints on one of them")
	}
	if req.Identity.ClusterToken == "" {
		r.add("--initial-cluster-token", "", "would be another for every member of --initial-cluster", "for all members the same, which no cluster had before")
	}
	if !req.KeepRevisions && req.BumpTo == 0 {
		r.add("--bump-to", "0", "would let every member of --initial-cluster continue from another revision", "for all members the revision that --dry-run prints on one of them")
	}
}

// freshToken is one that no cluster had before: ids of members and cluster follow
// from it, so nobody of the old cluster is taken for a member of the new one.
func freshToken() string { return "restored-" + strings.ToLower(rand.Text()) }

// flagReader parses flags and collects what is wrong.
type flagReader struct{ problems []fault.Problem }

func (r *flagReader) add(key, value, detail, remedy string) {
	r.problems = append(r.problems, fault.Problem{Key: key, Value: value, Detail: detail, Remedy: remedy})
}

func leaseTTLFlag(fs *pflag.FlagSet, ttl *time.Duration) {
	fs.DurationVar(ttl, "default-lease-ttl", restore.DefaultLeaseTTL*time.Second, "for leases whose TTL the backup does not have, in whole seconds")
}

// leaseTTL returns the flag of that name in seconds.
func (r *flagReader) leaseTTL(ttl time.Duration) int64 {
	if ttl < time.Second || ttl%time.Second != 0 {
		r.add("--default-lease-ttl", ttl.String(), "is no whole number of seconds above 0", "as in 1m, or 1h")
	}
	return int64(ttl / time.Second)
}

func (r *flagReader) revision(text string) int64 {
	const remedy = "a revision, or " + latest
	if text == latest {
		return chain.Latest
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 1 {
		r.add("--to-revision", text, "is not a revision", remedy)
	}
	return n
}

func (r *flagReader) urls(flag, text string) []url.URL {
	var out []url.URL
	for _, item := range strings.Split(text, ",") {
		u, err := url.Parse(strings.TrimSpace(item))
		if err != nil || u.Host == "" || u.User != nil || u.Path != "" || u.Scheme != "http" && u.Scheme != "https" {
			r.add(flag, item, "is not a peer URL", "as in http://10.0.0.1:2380")
			continue
		}
		out = append(out, *u)
	}
	return out
}

func (r *flagReader) cluster(text string) map[string][]url.URL {
	out := map[string][]url.URL{}
	for _, item := range strings.Split(text, ",") {
		name, peer, ok := strings.Cut(strings.TrimSpace(item), "=")
		if !ok || name == "" {
			r.add("--initial-cluster", item, "is not of the form name=peerURL", "as in m1=http://10.0.0.1:2380,m2=http://10.0.0.2:2380")
			continue
		}
		out[name] = append(out[name], r.urls("--initial-cluster", peer)...)
	}
	return out
}
