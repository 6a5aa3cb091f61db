package watchserver

import (
	"bytes"
	"context"
	"io"
	"os"
	"testing"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/protobuf/proto"

	"github.com/revkeeper/revkeeper/tests/bench/source"
	"github.com/revkeeper/revkeeper/tests/bench/workload"
	"github.com/revkeeper/revkeeper/tests/images"
)

// start serves the small source, which stays in the user's cache, and connects to it.
func start(t *testing.T) (*Server, *clientv3.Client) {
	t.Helper()
	s, err := source.Open(t.Context(), source.Config{Binary: images.Binary(t, "etcd37"), Workload: workload.Small(), Log: t.Logf})
	if err != nil {
		t.Fatal(err)
	}
	server, err := Start(t.Context(), Config{Source: s})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	client, err := clientv3.New(clientv3.Config{Endpoints: []string{server.Endpoint}, Context: t.Context(), Logger: zap.NewNop()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return server, client
}

// watch opens a stream that ends with the test, at most two minutes later.
func watch(t *testing.T, client *clientv3.Client) pb.Watch_WatchClient {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	stream, err := pb.NewWatchClient(client.ActiveConnection()).Watch(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return stream
}

// create asks for everything from a revision on and returns the number of the watch.
func create(t *testing.T, stream pb.Watch_WatchClient, from int64) int64 {
	t.Helper()
	err := stream.Send(&pb.WatchRequest{RequestUnion: &pb.WatchRequest_CreateRequest{CreateRequest: &pb.WatchCreateRequest{
		Key: []byte{0}, RangeEnd: []byte{0}, StartRevision: from, Fragment: true,
	}}})
	if err != nil {
		t.Fatal(err)
	}
	created := receive(t, stream)
	if !created.Created || len(created.Events) != 0 {
		t.Fatalf("instead of Created: %v", created)
	}
	return created.WatchId
}

func receive(t *testing.T, stream pb.Watch_WatchClient) *pb.WatchResponse {
	t.Helper()
	response, err := stream.Recv()
	if err != nil {
		t.Fatal(err)
	}
	return response
}

func TestAWatchReceivesTheRecording(t *testing.T) {
	server, client := start(t)
	s := server.source
	for _, from := range []int64{s.Base.Revision + 1, s.Base.Revision + 1000, s.Last.Revision} {
		stream := watch(t, client)
		if id := create(t, stream, from); id != 0 {
			t.Errorf("the first watch is number %d", id)
		}
		recording, err := s.OpenRecording()
		if err != nil {
			t.Fatal(err)
		}
		defer recording.Close()
		for revision := s.Base.Revision + 1; revision <= s.Last.Revision; revision++ {
			raw, err := recording.Next()
			if err != nil {
				t.Fatal(err)
			}
			if revision < from {
				continue
			}
			got := receive(t, stream)
			if got.Header.Revision != revision || got.Events[0].Kv.ModRevision != revision {
				t.Fatalf("revision %d arrives as %v", revision, got)
			}
			again, err := proto.Marshal(got)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(again, raw) {
				t.Fatalf("revision %d is not as it was recorded", revision)
			}
		}
		// It stays open: the next thing to come is the answer to a question.
		if err := stream.Send(&pb.WatchRequest{RequestUnion: &pb.WatchRequest_ProgressRequest{ProgressRequest: &pb.WatchProgressRequest{}}}); err != nil {
			t.Fatal(err)
		}
		if got := receive(t, stream); got.WatchId != -1 || got.Header.Revision != s.Last.Revision {
			t.Errorf("progress is %v", got)
		}
	}
}

func TestWatchesOfOneStream(t *testing.T) {
	server, client := start(t)
	s := server.source
	stream := watch(t, client)
	compacted := create(t, stream, 1)
	if got := receive(t, stream); !got.Canceled || got.WatchId != compacted || got.CompactRevision != s.Base.Revision {
		t.Errorf("a watch at revision 1 gets %v", got)
	}
	second := create(t, stream, s.Last.Revision)
	if got := receive(t, stream); second != 1 || got.WatchId != second || got.Events[0].Kv.ModRevision != s.Last.Revision {
		t.Errorf("watch %d gets %v", second, got)
	}
	if err := stream.Send(&pb.WatchRequest{RequestUnion: &pb.WatchRequest_CancelRequest{CancelRequest: &pb.WatchCancelRequest{WatchId: second}}}); err != nil {
		t.Fatal(err)
	}
	if got := receive(t, stream); !got.Canceled || got.WatchId != second || got.CompactRevision != 0 {
		t.Errorf("a cancelled watch gets %v", got)
	}
}

func TestAReaderThatDoesNotReadHoldsNothingUp(t *testing.T) {
	server, client := start(t)
	stalled := watch(t, client)
	create(t, stalled, server.source.Base.Revision+1)
	// The stream above fills its window and waits; another is served meanwhile, and Close in the cleanup returns.
	other := watch(t, client)
	create(t, other, server.source.Last.Revision)
	if got := receive(t, other); got.Header.Revision != server.source.Last.Revision {
		t.Errorf("the other stream gets %v", got)
	}
}

func TestWhatABackupAsksOfAMember(t *testing.T) {
	server, client := start(t)
	s, ctx := server.source, t.Context()
	if got, err := client.Get(ctx, "any"); err != nil || got.Header.Revision != s.Last.Revision || got.Header.ClusterId != s.ClusterID {
		t.Errorf("Range: %v, %v", got, err)
	}
	if got, err := client.Status(ctx, server.Endpoint); err != nil || got.Leader != s.MemberID || got.Header.MemberId != s.MemberID || got.RaftTerm == 0 || got.Version == "" {
		t.Errorf("Status: %v, %v", got, err)
	}
	if got, err := client.MemberList(ctx); err != nil || len(got.Members) != 1 || got.Members[0].ID != s.MemberID {
		t.Errorf("MemberList: %v, %v", got, err)
	}
	lease := s.Leases[0]
	if got, err := client.TimeToLive(ctx, clientv3.LeaseID(lease.ID)); err != nil || got.GrantedTTL != lease.TTL {
		t.Errorf("LeaseTimeToLive: %v, %v", got, err)
	}
	if got, err := client.TimeToLive(ctx, 1); err != nil || got.TTL != -1 {
		t.Errorf("LeaseTimeToLive of no lease: %v, %v", got, err)
	}
	if got, err := client.HashKV(ctx, server.Endpoint, s.Base.Revision); err != nil || got.Hash != s.Base.Hash {
		t.Errorf("HashKV: %v, %v", got, err)
	}
	if got, err := client.HashKV(ctx, server.Endpoint, s.Base.Revision+1); err == nil {
		t.Errorf("HashKV of an unknown revision: %v", got)
	}
	if got, err := client.AuthStatus(ctx); err != nil || got.Enabled {
		t.Errorf("AuthStatus: %v, %v", got, err)
	}
	snapshot, err := client.Snapshot(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer snapshot.Close()
	got, err := io.ReadAll(snapshot)
	if err != nil {
		t.Fatal(err)
	}
	if want, err := os.ReadFile(s.BasePath()); err != nil || !bytes.Equal(got, want) {
		t.Errorf("Snapshot gives %d bytes, the base has %d (%v)", len(got), len(want), err)
	}
}

// A reader that polls the head while it is behind must not think that history went back; the next one finds it where the
// first did.
func TestTheHeadIsWhatWasSent(t *testing.T) {
	server, client := start(t)
	s := server.source
	server.first = s.Base.Revision
	server.head.Store(server.first)
	head := func() int64 {
		answer, err := client.Get(t.Context(), "any")
		if err != nil {
			t.Fatal(err)
		}
		return answer.Header.Revision
	}
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	stream, err := pb.NewWatchClient(client.ActiveConnection()).Watch(ctx)
	if err != nil {
		t.Fatal(err)
	}
	create(t, stream, s.Base.Revision+1)
	for revision := s.Base.Revision + 1; revision <= s.Last.Revision; revision++ {
		if receive(t, stream); revision%1000 == 0 && head() < revision {
			t.Fatalf("revision %d has come, and the head is at %d", revision, head())
		}
	}
	leave()
	for deadline := time.Now().Add(time.Minute); head() != s.Base.Revision; {
		if time.Now().After(deadline) {
			t.Fatalf("the head stays at %d", head())
		}
	}
}
