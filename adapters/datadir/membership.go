package datadir

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"

	bolt "go.etcd.io/bbolt"
	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/client/pkg/v3/types"
	"go.etcd.io/etcd/server/v3/etcdserver/api/membership"
	"go.etcd.io/etcd/server/v3/etcdserver/api/snap"
	"go.etcd.io/etcd/server/v3/etcdserver/api/v2store"
	"go.etcd.io/etcd/server/v3/storage/wal"
	"go.etcd.io/etcd/server/v3/storage/wal/walpb"
	"go.etcd.io/raft/v3/raftpb"
	"go.uber.org/zap"
	"google.golang.org/protobuf/proto"

	"os"

	"github.com/revkeeper/revkeeper/adapters/internal/etcddb"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/ports"
)

// firstTerm is the raft term of a cluster that was made from a snapshot.
const firstTerm = 1

// newCluster is the cluster that the restored member is the first state of.
type newCluster struct {
	cluster *membership.RaftCluster
	own     *membership.Member
	ids     []uint64 // of all members, ascending: the order of the log's entries
}

// newMembership derives member and cluster ids as etcd does: from the peer URLs
// and the cluster token.
func newMembership(id ports.MemberIdentity) (*newCluster, error) {
	urls := types.URLsMap{}
	for name, us := range id.InitialCluster {
		list := types.URLs(slices.Clone(us))
		list.Sort()
		urls[name] = list
	}
	advertised := types.URLs(slices.Clone(id.InitialAdvertisePeer))
	advertised.Sort()
	if own, ok := urls[id.Name]; !ok || own.String() != advertised.String() {
		return nil, fault.New(fault.Invalid, "identify member", id.Name,
			fmt.Sprintf("initial-cluster says %q for it, initial-advertise-peer-urls says %q", own.String(), advertised.String())).
			WithRemedy("give the member the same peer URLs in --initial-cluster and --initial-advertise-peer-urls")
	}
	cl, err := membership.NewClusterFromURLsMap(zap.NewNop(), id.ClusterToken, urls)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, "identify member", id.Name, err)
	}
	m := &newCluster{cluster: cl, own: cl.MemberByName(id.Name)}
	for _, id := range cl.MemberIDs() {
		m.ids = append(m.ids, uint64(id))
	}
	return m, nil
}

func (m *newCluster) confState() *raftpb.ConfState { return &raftpb.ConfState{Voters: m.ids} }

// commit is the raft index that the log starts at: one entry a member.
func (m *newCluster) commit() uint64 { return uint64(len(m.ids)) }

// writeTo replaces the source cluster's membership and raft position in the
// database by this cluster's.
func (m *newCluster) writeTo(tx *bolt.Tx) error {
	for _, name := range [][]byte{etcddb.Members, etcddb.MembersRemoved} {
		if tx.Bucket(name) != nil {
			if err := tx.DeleteBucket(name); err != nil {
				return err
			}
		}
		if _, err := tx.CreateBucket(name); err != nil {
			return err
		}
	}
	for _, id := range m.cluster.MemberIDs() {
		value, err := json.Marshal(m.cluster.Member(id))
		if err != nil {
			return err
		}
		if err := tx.Bucket(etcddb.Members).Put([]byte(id.String()), value); err != nil {
			return err
		}
	}
	voters, err := json.Marshal(m.confState())
	if err != nil {
		return err
	}
	meta := tx.Bucket(etcddb.Meta)
	for _, kv := range []struct{ k, v []byte }{
		{etcddb.ConsistentIndex, binary.BigEndian.AppendUint64(nil, m.commit())},
		{etcddb.Term, binary.BigEndian.AppendUint64(nil, firstTerm)},
		{etcddb.ConfState, voters},
	} {
		if err := meta.Put(kv.k, kv.v); err != nil {
			return err
		}
	}
	return nil
}

// writeLog writes the WAL and the raft snapshot. etcd 3.5 reads the membership
// from the snapshot in the format of its old store, so it is always written.
func (m *newCluster) writeLog(walDir, snapDir string) error {
	metadata, err := proto.Marshal(&etcdserverpb.Metadata{NodeID: new(uint64(m.own.ID)), ClusterID: new(uint64(m.cluster.ID()))})
	if err != nil {
		return fault.Wrap(fault.Internal, "write WAL", walDir, err)
	}
	entries, err := m.entries()
	if err != nil {
		return fault.Wrap(fault.Internal, "write WAL", walDir, err)
	}
	if err := os.MkdirAll(walDir, 0o700); err != nil {
		return diskError("write WAL", walDir, err)
	}
	w, err := wal.Create(zap.NewNop(), walDir, metadata)
	if err != nil {
		return diskError("write WAL", walDir, err)
	}
	defer w.Close()
	state := &raftpb.HardState{Term: new(uint64(firstTerm)), Vote: new(m.ids[0]), Commit: new(m.commit())}
	if err := w.Save(state, entries); err != nil {
		return diskError("write WAL", walDir, err)
	}
	members, err := m.inOldStore()
	if err != nil {
		return fault.Wrap(fault.Internal, "write raft snapshot", snapDir, err)
	}
	at := &raftpb.SnapshotMetadata{Index: new(m.commit()), Term: new(uint64(firstTerm)), ConfState: m.confState()}
	if err := snap.New(zap.NewNop(), snapDir).SaveSnap(&raftpb.Snapshot{Data: members, Metadata: at}); err != nil {
		return diskError("write raft snapshot", snapDir, err)
	}
	return diskError("write WAL", walDir,
		w.SaveSnapshot(&walpb.Snapshot{Index: at.Index, Term: at.Term, ConfState: m.confState()}))
}

// entries are the configuration changes by which the members joined.
func (m *newCluster) entries() ([]*raftpb.Entry, error) {
	out := make([]*raftpb.Entry, len(m.ids))
	for i, id := range m.ids {
		about, err := json.Marshal(m.cluster.Member(types.ID(id)))
		if err != nil {
			return nil, err
		}
		change, err := proto.Marshal(&raftpb.ConfChange{Type: raftpb.ConfChangeAddNode.Enum(), NodeId: new(id), Context: about})
		if err != nil {
			return nil, err
		}
		out[i] = &raftpb.Entry{Type: raftpb.EntryConfChange.Enum(), Term: new(uint64(firstTerm)), Index: new(uint64(i + 1)), Data: change}
	}
	return out, nil
}

func (m *newCluster) inOldStore() ([]byte, error) {
	st := v2store.New("/0", "/1") // etcd's own two roots: cluster and keys
	m.cluster.Store(st)
	return st.SaveNoCopy()
}
