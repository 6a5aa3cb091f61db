package bench

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"hash"
	"io"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/revkeeper/revkeeper/adapters/archive/revkeeper"
	"github.com/revkeeper/revkeeper/adapters/datadir"
	"github.com/revkeeper/revkeeper/adapters/etcd"
	"github.com/revkeeper/revkeeper/adapters/eventlog"
	"github.com/revkeeper/revkeeper/adapters/fullspool"
	"github.com/revkeeper/revkeeper/adapters/objectstore/local"
	"github.com/revkeeper/revkeeper/application/compact"
	"github.com/revkeeper/revkeeper/application/restore"
	takefull "github.com/revkeeper/revkeeper/application/snapshot"
	"github.com/revkeeper/revkeeper/bootstrap/config"
	"github.com/revkeeper/revkeeper/domain/chain"
	"github.com/revkeeper/revkeeper/domain/cluster"
	rule "github.com/revkeeper/revkeeper/domain/compact"
	"github.com/revkeeper/revkeeper/domain/proof"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/domain/timeline"
	"github.com/revkeeper/revkeeper/ports"
	"github.com/revkeeper/revkeeper/tests/bench/member"
)

// operations are what a child process can do.
var operations = map[string]func(order) (report, error){
	"seed": seed, "restore": restoreStore, "follow": follow, "ceiling": ceiling, "full": full, "drain": drain, "prove": prove, "build": build, "pack": pack,
}

var (
	quiet   = slog.New(slog.DiscardHandler)
	observe = eventlog.Logger(quiet)
	about   = snapshot.Writer{MemberID: "bench"}
)

func signed(context.Context) (snapshot.Writer, error) { return about, nil }

// settings are the defaults of production.
func settings() config.Config { return config.Default() }

// sidecar is what the operations on etcd are made of.
type sidecar struct {
	*etcd.Clients
	archive *revkeeper.Archive
	writer  *revkeeper.Writer
	spool   *fullspool.Spool
}

// assemble puts a sidecar together. The caller closes it.
func assemble(o order) (*sidecar, error) {
	store, err := local.New(o.Store)
	if err != nil {
		return nil, err
	}
	writer, err := revkeeper.NewWriter(store, o.Dir)
	if err != nil {
		return nil, err
	}
	clients, err := etcd.Dial(etcd.Config{Endpoint: "http://" + o.Endpoint}, quiet)
	if err != nil {
		return nil, err
	}
	return &sidecar{clients, revkeeper.New(store), writer, fullspool.New(o.Dir)}, nil
}

func (s *sidecar) taker() *takefull.Taker {
	return takefull.NewTaker(s.Cluster, s.Maintenance, s.spool, s.writer, observe,
		func(context.Context, cluster.ID, string, time.Time) func() { return func() {} })
}

// seed begins a timeline in an empty store with a full and its proof.
func seed(o order) (report, error) {
	ctx := context.Background()
	s, err := assemble(o)
	if err != nil {
		return report{}, err
	}
	defer s.Close()
	head, err := s.Cluster.Head(ctx)
	if err != nil {
		return report{}, err
	}
	auth, err := s.Cluster.Auth(ctx)
	if err != nil {
		return report{}, err
	}
	w := about
	w.ClusterID = head.ClusterID
	t, err := s.writer.Begin(ctx, timeline.Timeline{Reason: "benchmark", First: head.Revision + 1, BeganAt: time.Now().UTC(), Writer: w})
	if err != nil {
		return report{}, err
	}
	stored, err := s.taker().Take(ctx, takefull.Request{
		Epoch: t.Epoch, Writer: w, AtLeast: head.Revision, Auth: auth, Raft: head.Raft, Reason: "benchmark",
	})
	return report{Bytes: stored.Size}, err
}

// prove stores a proof for the newest timeline.
func prove(o order) (report, error) {
	ctx := context.Background()
	store, err := local.New(o.Store)
	if err != nil {
		return report{}, err
	}
	writer, err := revkeeper.NewWriter(store, o.Dir)
	if err != nil {
		return report{}, err
	}
	return report{}, writer.StoreProof(ctx, 1, proof.Recorded{RecordedAt: time.Now().UTC().Truncate(time.Millisecond), Hash: proof.Hash{
		Revision: o.Hash.Revision, Compact: o.Hash.CompactRevision, HashKV: o.Hash.Hash,
	}})
}

// full takes a full out of etcd into the store, without the hash that is asked of etcd beside it.
func full(o order) (report, error) {
	ctx := context.Background()
	s, err := assemble(o)
	if err != nil {
		return report{}, err
	}
	defer s.Close()
	stream, err := s.snapshot(ctx)
	if err != nil {
		return report{}, err
	}
	defer stream.Close()
	spooled, err := s.spool.Spool(ctx, stream, 0, chain.Range{})
	if err != nil {
		return report{}, err
	}
	defer spooled.Release()
	stored, err := s.writer.StoreFull(ctx, snapshot.Ref{Epoch: 1, At: time.Now().UTC().Truncate(time.Millisecond)},
		snapshot.Manifest{Writer: about, TakenAt: time.Now().UTC()}, spooled)
	return report{Bytes: stored.Size}, err
}

// drain reads etcd's snapshot to nowhere: no full can be faster.
func drain(o order) (report, error) {
	ctx := context.Background()
	s, err := assemble(o)
	if err != nil {
		return report{}, err
	}
	defer s.Close()
	stream, err := s.snapshot(ctx)
	if err != nil {
		return report{}, err
	}
	defer stream.Close()
	n, err := io.Copy(io.Discard, stream)
	return report{Bytes: n}, err
}

func (s *sidecar) snapshot(ctx context.Context) (io.ReadCloser, error) {
	members, err := s.Cluster.Members(ctx)
	if err != nil {
		return nil, err
	}
	if len(members) != 1 {
		return nil, errors.New("the benchmark's etcd has one member")
	}
	return s.Maintenance.Snapshot(ctx, members[0])
}

// restoreStore restores a revision with its history.
func restoreStore(o order) (report, error) {
	store, err := local.New(o.Store)
	if err != nil {
		return report{}, err
	}
	target := o.Target
	if target == 0 {
		target = chain.Latest
	}
	phases := map[string]time.Time{}
	progress := func(s restore.Step) {
		if _, known := phases[s.Phase]; !known {
			phases[s.Phase] = time.Now()
		}
	}
	began := time.Now()
	result, err := restore.New(revkeeper.New(store), datadir.Dirs{}, observe).Run(context.Background(), restore.Request{
		Target: target, Dir: o.Dir, Identity: identity(), KeepRevisions: true, Force: true, SkipProof: !o.Prove, Defragment: o.Defragment, Fold: o.Fold,
	}, progress)
	if err != nil {
		return report{}, err
	}
	if o.Prove && result.Proof == nil {
		return report{}, errors.New("the store has no proof for this revision")
	}
	ended := time.Now()
	finish := phases["finish"]
	return report{
		Took: ended.Sub(began), Base: phases["deltas"].Sub(began), Deltas: finish.Sub(phases["deltas"]) - result.Hashing,
		Hashing: result.Hashing, Finish: ended.Sub(finish), Records: result.Records, Bytes: result.Plan.Bytes(), HashKV: result.Computed,
	}, nil
}

// build makes a full of a store's full and deltas, into another store.
func build(o order) (report, error) {
	ctx := context.Background()
	from, err := local.New(o.Store)
	if err != nil {
		return report{}, err
	}
	to, err := local.New(filepath.Join(o.Dir, "store"))
	if err != nil {
		return report{}, err
	}
	writer, err := revkeeper.NewWriter(to, o.Dir)
	if err != nil {
		return report{}, err
	}
	k := compact.New(revkeeper.New(from), writer, writer, datadir.NewBuilder(o.Dir), fullspool.New(o.Dir), signed, observe)
	began := time.Now()
	plan, err := k.PlanFull(ctx, rule.Full{})
	if err != nil {
		return report{}, err
	}
	full, err := k.BuildFull(ctx, plan)
	return report{Took: time.Since(began), Bytes: full.Size}, err
}

// pack makes a full of a database, whose file is given as the store: the part of a build that is no restore.
func pack(o order) (report, error) {
	ctx := context.Background()
	database, err := os.Open(o.Store)
	if err != nil {
		return report{}, err
	}
	defer database.Close()
	to, err := local.New(filepath.Join(o.Dir, "store"))
	if err != nil {
		return report{}, err
	}
	writer, err := revkeeper.NewWriter(to, o.Dir)
	if err != nil {
		return report{}, err
	}
	spooled, err := fullspool.New(o.Dir).Pack(ctx, &trailed{database: database, digest: sha256.New()}, 0, ports.FullFacts{Last: 1})
	if err != nil {
		return report{}, err
	}
	defer spooled.Release()
	stored, err := writer.StoreFull(ctx, snapshot.Ref{Epoch: 1, At: time.Now().UTC().Truncate(time.Millisecond)},
		snapshot.Manifest{Writer: about, TakenAt: time.Now().UTC()}, spooled)
	return report{Bytes: stored.Size}, err
}

// trailed reads a database and then its SHA-256, as etcd streams it.
type trailed struct {
	database io.Reader
	digest   hash.Hash
	ended    bool
}

func (t *trailed) Read(p []byte) (int, error) {
	n, err := t.database.Read(p)
	if t.ended {
		return n, err
	}
	t.digest.Write(p[:n])
	if err == io.EOF {
		t.ended, t.database, err = true, bytes.NewReader(t.digest.Sum(nil)), nil
	}
	return n, err
}

// identity is that of the member which package member starts.
func identity() ports.MemberIdentity {
	peer := url.URL{Scheme: "http", Host: member.Advertised}
	return ports.MemberIdentity{
		Name: member.Name, ClusterToken: member.Token,
		InitialCluster: map[string][]url.URL{member.Name: {peer}}, InitialAdvertisePeer: []url.URL{peer},
	}
}
