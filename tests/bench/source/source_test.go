package source

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/protobuf/proto"

	"github.com/revkeeper/revkeeper/tests/bench/member"
	"github.com/revkeeper/revkeeper/tests/bench/workload"
	"github.com/revkeeper/revkeeper/tests/images"
)

// The story of one small source: made by a real etcd, held against the workload, opened again, damaged and made anew.
func TestASourceIsWhatARealEtcdSays(t *testing.T) {
	config := Config{Binary: images.Binary(t, "etcd37"), Cache: t.TempDir(), Workload: workload.Small(), Log: t.Logf}
	s, err := Open(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Run("the recording is the workload's events, one live response for each revision", func(t *testing.T) { checkRecording(t, s) })
	t.Run("the mix is right", func(t *testing.T) {
		if s.Properties.Events != workload.Small().Events {
			t.Errorf("%d events", s.Properties.Events)
		}
		for class, want := range workload.Mix() {
			// 4,400 operations are too few for one percentage point; the large workload's test asks for that.
			if got := s.Properties.Share(class); got < want-0.02 || got > want+0.02 {
				t.Errorf("%.3f of the operations are of class %s, want %.2f", got, class, want)
			}
		}
		if s.Properties.Check() == nil {
			t.Error("small data passes for that of the published figures")
		}
	})
	t.Run("the base restores with etcd's own tool and hashes to what etcd said", func(t *testing.T) { checkBase(t, s, config.Binary) })
	t.Run("the second time it is there already", func(t *testing.T) {
		again, err := Open(t.Context(), Config{Cache: config.Cache, Workload: config.Workload})
		if err != nil {
			t.Fatal(err)
		}
		if again.Last != s.Last || again.Properties.EventBytes != s.Properties.EventBytes {
			t.Errorf("opened %+v, made %+v", again.Manifest, s.Manifest)
		}
	})
	t.Run("a damaged one is not used", func(t *testing.T) {
		if err := os.Truncate(s.RecordingPath(), s.Properties.RecordingBytes-1); err != nil {
			t.Fatal(err)
		}
		if _, err := Measure(t.Context(), s); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("measuring a truncated recording says %v", err)
		}
		broken := config
		broken.Binary = filepath.Join(t.TempDir(), "absent")
		if _, err := Open(t.Context(), broken); err == nil {
			t.Error("a source with a truncated recording was opened")
		}
	})
}

// checkRecording reads the recording beside a new generator.
func checkRecording(t *testing.T, s *Source) {
	recording, err := s.OpenRecording()
	if err != nil {
		t.Fatal(err)
	}
	defer recording.Close()
	generator := workload.New(s.Workload)
	for range generator.Base() {
	}
	for step := range generator.Stream() {
		raw, err := recording.Next()
		if err != nil {
			t.Fatalf("revision %d: %v", step.Revision, err)
		}
		got := new(pb.WatchResponse)
		if err := proto.Unmarshal(raw, got); err != nil {
			t.Fatal(err)
		}
		want := &pb.WatchResponse{
			Header: &pb.ResponseHeader{ClusterId: s.ClusterID, MemberId: s.MemberID, RaftTerm: s.RaftTerm, Revision: step.Revision},
			Events: step.Events,
		}
		if !proto.Equal(got, want) {
			t.Fatalf("the recording has %v, want %v", got, want)
		}
	}
	if _, err := recording.Next(); !errors.Is(err, io.EOF) {
		t.Errorf("after the last response: %v", err)
	}
	if generator.Revision() != s.Last.Revision {
		t.Errorf("etcd stood at %d, the workload at %d", s.Last.Revision, generator.Revision())
	}
}

// checkBase restores the base and runs etcd on it.
func checkBase(t *testing.T, s *Source, binary string) {
	whole, err := os.ReadFile(s.BasePath())
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(whole[:len(whole)-trailerSize])
	if !bytes.Equal(sum[:], whole[len(whole)-trailerSize:]) {
		t.Error("the trailer is not the SHA-256 of the database")
	}
	dir := t.TempDir()
	restore := exec.CommandContext(t.Context(), images.Binary(t, "etcd37utl"), "snapshot", "restore", s.BasePath(), "--data-dir", filepath.Join(dir, "data"))
	if out, err := restore.CombinedOutput(); err != nil {
		t.Fatalf("etcdutl snapshot restore: %v\n%s", err, out)
	}
	etcd, err := member.Start(t.Context(), member.Config{Binary: binary, Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer etcd.Stop()
	client, err := etcd.Client(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if got, err := hash(t.Context(), client, etcd.Endpoint); err != nil || got != s.Base {
		t.Errorf("the restored base hashes to %+v (%v), etcd said %+v", got, err, s.Base)
	}
	leases, err := client.Leases(t.Context())
	if err != nil || len(leases.Leases) != 0 {
		t.Errorf("the base has leases %v (%v)", leases, err)
	}
	live, err := client.Get(t.Context(), "\x00", clientv3.WithFromKey(), clientv3.WithCountOnly())
	if err != nil || live.Count != int64(s.Workload.Objects) {
		t.Errorf("the base has %v keys (%v)", live, err)
	}
}

// replies is a watch that says what it was given.
type replies struct {
	pb.Watch_WatchClient
	left []*pb.WatchResponse
}

func (r *replies) Recv() (*pb.WatchResponse, error) {
	if len(r.left) == 0 {
		return nil, io.EOF
	}
	next := r.left[0]
	r.left = r.left[1:]
	return next, nil
}

func TestTheRecorderChecksWhatEtcdSends(t *testing.T) {
	put := func(key string, revision int64) *mvccpb.Event {
		return &mvccpb.Event{Kv: &mvccpb.KeyValue{Key: []byte(key), CreateRevision: revision, ModRevision: revision, Version: 1}}
	}
	response := func(events ...*mvccpb.Event) *pb.WatchResponse {
		return &pb.WatchResponse{Header: &pb.ResponseHeader{Revision: events[len(events)-1].Kv.ModRevision}, Events: events}
	}
	steps := []workload.Step{
		{Revision: 7, Events: []*mvccpb.Event{put("a", 7)}},
		{Revision: 8, Events: []*mvccpb.Event{put("b", 8), put("c", 8)}},
	}
	for _, story := range []struct {
		name    string
		sent    []*pb.WatchResponse
		good    bool
		batched int
	}{
		{"as applied", []*pb.WatchResponse{response(put("a", 7)), response(put("b", 8), put("c", 8))}, true, 0},
		{"two revisions at once are split", []*pb.WatchResponse{response(put("a", 7), put("b", 8), put("c", 8))}, true, 1},
		{"another key", []*pb.WatchResponse{response(put("a", 7)), response(put("b", 8), put("d", 8))}, false, 0},
		{"another order", []*pb.WatchResponse{response(put("a", 7)), response(put("c", 8), put("b", 8))}, false, 0},
		{"another version", []*pb.WatchResponse{response(put("a", 6))}, false, 0},
		{"too few", []*pb.WatchResponse{response(put("a", 7)), response(put("b", 8))}, false, 0},
		{"cancelled", []*pb.WatchResponse{{Canceled: true, CompactRevision: 9}}, false, 0},
	} {
		t.Run(story.name, func(t *testing.T) {
			s := &Source{dir: t.TempDir(), Manifest: Manifest{Base: Hash{Revision: 6}, Last: Hash{Revision: 8}}}
			applied := make(chan workload.Step, len(steps))
			for _, step := range steps {
				applied <- step
			}
			close(applied)
			err := s.check(&replies{left: story.sent}, applied)
			if (err == nil) != story.good {
				t.Fatalf("check says %v", err)
			}
			if s.Batched != story.batched {
				t.Errorf("%d batched responses, want %d", s.Batched, story.batched)
			}
			if !story.good {
				return
			}
			var p Properties
			if err := p.count(t.Context(), s); err != nil || p.Revisions != 2 || p.Events != 3 {
				t.Errorf("the recording has %+v (%v)", p, err)
			}
		})
	}
}
