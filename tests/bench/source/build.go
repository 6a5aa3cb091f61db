package source

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"
	"golang.org/x/sync/errgroup"
	"google.golang.org/protobuf/proto"

	"github.com/revkeeper/revkeeper/tests/bench/member"
	"github.com/revkeeper/revkeeper/tests/bench/workload"
)

// trailerSize is the length of the SHA-256 that etcd appends to a snapshot, in bytes.
const trailerSize = 32

// unchecked is how many steps may be applied before the watch showed them.
const unchecked = 256

// build fills the source's directory and manifest out of an etcd of its own.
func (s *Source) build(ctx context.Context, config Config) error {
	work := filepath.Join(s.dir, "etcd")
	if err := os.Mkdir(work, 0o700); err != nil {
		return err
	}
	defer os.RemoveAll(work)
	// One put at a time keeps one core busy; etcd is a third faster when it does not look for a second.
	etcd, err := member.Start(ctx, member.Config{Binary: config.Binary, Dir: work, Env: []string{"GOMAXPROCS=1"}})
	if err != nil {
		return err
	}
	defer etcd.Stop()
	client, err := etcd.Client(ctx)
	if err != nil {
		return err
	}
	defer client.Close()

	mix := map[workload.Class]int{}
	if err := s.fill(ctx, config, client, etcd.Endpoint, mix); err != nil {
		return err
	}
	if err := s.identify(ctx, client, etcd.Endpoint); err != nil {
		return err
	}
	etcd.Stop()
	config.Log("measuring the data")
	s.Properties, err = Measure(ctx, s)
	s.Properties.Mix = mix
	return err
}

// fill puts the base and takes it, then grants the leases and records the stream.
func (s *Source) fill(ctx context.Context, config Config, client *clientv3.Client, endpoint string, mix map[workload.Class]int) error {
	generator := workload.New(config.Workload)
	config.Log("putting %d objects", config.Workload.Objects)
	for step := range generator.Base() {
		if err := apply(ctx, client, step); err != nil {
			return err
		}
	}
	var err error
	if s.Base, err = hash(ctx, client, endpoint); err != nil {
		return err
	}
	if err := s.takeBase(ctx, client); err != nil {
		return err
	}
	lease := pb.NewLeaseClient(client.ActiveConnection())
	s.Leases = generator.Leases()
	for _, l := range s.Leases {
		if _, err := lease.LeaseGrant(ctx, &pb.LeaseGrantRequest{ID: l.ID, TTL: l.TTL}); err != nil {
			return fmt.Errorf("grant lease %d: %w", l.ID, err)
		}
	}
	config.Log("applying and recording %d events", config.Workload.Events)
	if err := s.record(ctx, client, generator, mix); err != nil {
		return err
	}
	s.Last, err = hash(ctx, client, endpoint)
	return err
}

// apply does one step and checks that it became the revision that was announced.
func apply(ctx context.Context, client *clientv3.Client, step workload.Step) error {
	ops := make([]clientv3.Op, len(step.Changes))
	for i, c := range step.Changes {
		switch {
		case !c.Delete:
			ops[i] = clientv3.OpPut(string(c.Key), string(c.Value), clientv3.WithLease(clientv3.LeaseID(c.Lease)))
		case len(c.End) > 0:
			ops[i] = clientv3.OpDelete(string(c.Key), clientv3.WithRange(string(c.End)))
		default:
			ops[i] = clientv3.OpDelete(string(c.Key))
		}
	}
	var revision int64
	if len(ops) > 1 {
		answer, err := client.Txn(ctx).Then(ops...).Commit()
		if err != nil {
			return fmt.Errorf("apply revision %d: %w", step.Revision, err)
		}
		revision = answer.Header.Revision
	} else {
		answer, err := client.Do(ctx, ops[0])
		if err != nil {
			return fmt.Errorf("apply revision %d: %w", step.Revision, err)
		}
		switch {
		case answer.Put() != nil:
			revision = answer.Put().Header.Revision
		default:
			revision = answer.Del().Header.Revision
		}
	}
	if revision != step.Revision {
		return fmt.Errorf("%s became revision %d, the workload announced %d", step.Class, revision, step.Revision)
	}
	return nil
}

// takeBase writes etcd's snapshot, trailer included.
func (s *Source) takeBase(ctx context.Context, client *clientv3.Client) error {
	stream, err := client.Snapshot(ctx)
	if err != nil {
		return fmt.Errorf("snapshot: %w", err)
	}
	defer stream.Close()
	file, err := os.Create(s.BasePath())
	if err != nil {
		return err
	}
	_, err = io.Copy(file, stream)
	return errors.Join(err, file.Close())
}

// record applies the stream and, at the same time, writes down what a watch receives.
func (s *Source) record(ctx context.Context, client *clientv3.Client, generator *workload.Generator, mix map[workload.Class]int) error {
	group, ctx := errgroup.WithContext(ctx)
	watch, err := pb.NewWatchClient(client.ActiveConnection()).Watch(ctx)
	if err != nil {
		return fmt.Errorf("watch: %w", err)
	}
	err = watch.Send(&pb.WatchRequest{RequestUnion: &pb.WatchRequest_CreateRequest{CreateRequest: &pb.WatchCreateRequest{
		Key: []byte{0}, RangeEnd: []byte{0}, StartRevision: generator.Revision() + 1,
	}}})
	if err != nil {
		return fmt.Errorf("watch: %w", err)
	}
	if created, err := watch.Recv(); err != nil || !created.Created {
		return fmt.Errorf("watch was not created: %v, %w", created, err)
	}
	applied := make(chan workload.Step, unchecked)
	group.Go(func() error {
		defer close(applied)
		for step := range generator.Stream() {
			mix[step.Class]++
			if err := apply(ctx, client, step); err != nil {
				return err
			}
			select {
			case applied <- step:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	})
	group.Go(func() error { return s.check(watch, applied) })
	return group.Wait()
}

// check reads the watch, compares it with what was applied byte for byte, and writes the recording.
func (s *Source) check(watch pb.Watch_WatchClient, applied <-chan workload.Step) error {
	recorder, err := newRecorder(s.RecordingPath())
	if err != nil {
		return err
	}
	defer recorder.file.Close()
	var received *pb.WatchResponse
	for step := range applied {
		for i, want := range step.Events {
			if received == nil || len(received.Events) == 0 {
				if received, err = watch.Recv(); err != nil {
					return fmt.Errorf("watch at revision %d: %w", step.Revision, err)
				}
				if received.Canceled || len(received.Events) == 0 {
					return fmt.Errorf("watch at revision %d: %v", step.Revision, received)
				}
				if last := received.Events[len(received.Events)-1]; last.Kv.ModRevision != received.Events[0].Kv.ModRevision {
					s.Batched++
				}
			}
			got := received.Events[0]
			received.Events = received.Events[1:]
			if err := equal(got, want); err != nil {
				return fmt.Errorf("event %d of revision %d: %w", i, step.Revision, err)
			}
		}
		header := proto.CloneOf(received.Header)
		header.Revision = step.Revision
		if err := recorder.write(&pb.WatchResponse{Header: header, Events: step.Events}); err != nil {
			return err
		}
	}
	return recorder.finish()
}

// equal compares the bytes of two messages.
func equal(got, want proto.Message) error {
	g, err := proto.Marshal(got)
	if err != nil {
		return err
	}
	w, err := proto.Marshal(want)
	if err != nil {
		return err
	}
	if !bytes.Equal(g, w) {
		return fmt.Errorf("etcd sent %v, the workload announced %v", got, want)
	}
	return nil
}

// hash asks for HashKV at the newest revision.
func hash(ctx context.Context, client *clientv3.Client, endpoint string) (Hash, error) {
	answer, err := client.HashKV(ctx, endpoint, 0)
	if err != nil {
		return Hash{}, fmt.Errorf("HashKV: %w", err)
	}
	return Hash{Revision: answer.Header.Revision, CompactRevision: answer.CompactRevision, Hash: answer.Hash}, nil
}

// identify notes who etcd was.
func (s *Source) identify(ctx context.Context, client *clientv3.Client, endpoint string) error {
	status, err := client.Status(ctx, endpoint)
	if err != nil {
		return fmt.Errorf("status: %w", err)
	}
	s.EtcdVersion, s.RaftTerm, s.RaftIndex = status.Version, status.RaftTerm, status.RaftIndex
	s.StorageVersion = status.StorageVersion
	s.ClusterID, s.MemberID = status.Header.ClusterId, status.Header.MemberId
	return nil
}
