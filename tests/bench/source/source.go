// Package source makes the data of the benchmarks once, out of a real etcd, and keeps it in the user's cache.
//
// A source is a plain etcd snapshot of the base and a recording of what a watch of the whole keyspace received while the
// stream was applied. While recording, every event that etcd sent is compared with the one the workload announced.
package source

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/revkeeper/revkeeper/tests/bench/workload"
)

// Config says which data to make and where to keep it.
type Config struct {
	// Binary is an etcd 3.7 server; it is not used when the data is there already.
	Binary string
	// Cache is the directory that keeps sources, one subdirectory each; empty means revkeeper-bench in the user's cache.
	Cache string
	// Workload is the data; about 1 GB on disk for workload.Full.
	Workload workload.Config
	// Log is told of progress; it may be nil.
	Log func(format string, args ...any)
}

// Hash is what etcd's HashKV answered.
type Hash struct {
	Revision        int64  `json:"revision"`
	CompactRevision int64  `json:"compactRevision"`
	Hash            uint32 `json:"hash"`
}

// Manifest describes a source.
type Manifest struct {
	Version     int             `json:"version"`
	Workload    workload.Config `json:"workload"`
	EtcdVersion string          `json:"etcdVersion"`
	// StorageVersion is that of the database's schema.
	StorageVersion string `json:"storageVersion"`
	ClusterID      uint64 `json:"clusterId"`
	MemberID       uint64 `json:"memberId"`
	RaftTerm       uint64 `json:"raftTerm"`
	// RaftIndex is that of the last step.
	RaftIndex uint64 `json:"raftIndex"`
	// Base is the hash at the last revision of the base, Last that at the end of the stream.
	Base Hash `json:"base"`
	Last Hash `json:"last"`
	// Leases are granted after the base was taken, so it holds none of them.
	Leases []workload.Lease `json:"leases"`
	// Batched counts responses in which etcd sent several revisions at once; they are recorded as one response each.
	Batched    int        `json:"batched"`
	Properties Properties `json:"properties"`
}

// Source is data ready for use. It holds nothing open.
type Source struct {
	Manifest
	dir string
}

// BasePath is the etcd snapshot of the base: the database followed by its SHA-256, as etcdctl snapshot save writes it.
func (s *Source) BasePath() string { return filepath.Join(s.dir, "base.snapshot") }

// RecordingPath is the recording; OpenRecording reads it.
func (s *Source) RecordingPath() string { return filepath.Join(s.dir, "watch.recording") }

// Open returns the source that the configuration names, making it first if the cache does not have it: two to four
// minutes for workload.Full on two cores.
func Open(ctx context.Context, config Config) (*Source, error) {
	if config.Log == nil {
		config.Log = func(string, ...any) {}
	}
	if config.Cache == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return nil, fmt.Errorf("find the user's cache: %w", err)
		}
		config.Cache = filepath.Join(user, "revkeeper-bench")
	}
	w := config.Workload
	dir := filepath.Join(config.Cache, fmt.Sprintf("v%d-seed%d-%d-%d", workload.Version, w.Seed, w.Objects, w.Events))
	if err := os.MkdirAll(config.Cache, 0o755); err != nil {
		return nil, err
	}
	unlock, err := lock(ctx, dir+".lock")
	if err != nil {
		return nil, err
	}
	defer unlock()
	if s, err := load(dir); err == nil && s.Version == workload.Version && s.Workload == w {
		return s, nil
	}
	if err := create(ctx, config, dir); err != nil {
		return nil, err
	}
	return load(dir)
}

// lock makes other processes wait while one makes the data. The kernel drops it when the process ends.
func lock(ctx context.Context, path string) (func(), error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	for {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { file.Close() }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), file.Close())
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), file.Close())
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// create makes the source beside its place and renames it there, so that a broken run leaves nothing that looks whole.
func create(ctx context.Context, config Config, dir string) error {
	staging := dir + ".making"
	if err := os.RemoveAll(staging); err != nil {
		return err
	}
	if err := os.Mkdir(staging, 0o755); err != nil {
		return err
	}
	defer os.RemoveAll(staging)
	config.Log("making the benchmark's data in %s", dir)
	s := &Source{dir: staging, Manifest: Manifest{Version: workload.Version, Workload: config.Workload}}
	if err := s.build(ctx, config); err != nil {
		return fmt.Errorf("make the benchmark's data: %w", err)
	}
	text, err := json.MarshalIndent(s.Manifest, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(s.manifestPath(), text, 0o644); err != nil {
		return err
	}
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	return os.Rename(staging, dir)
}

func (s *Source) manifestPath() string { return filepath.Join(s.dir, "manifest.json") }

// load reads a source that is there, and checks that its files have the lengths they were made with.
func load(dir string) (*Source, error) {
	s := &Source{dir: dir}
	text, err := os.ReadFile(s.manifestPath())
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(text, &s.Manifest); err != nil {
		return nil, fmt.Errorf("%s: %w", s.manifestPath(), err)
	}
	for path, size := range map[string]int64{
		s.BasePath(): s.Properties.DatabaseBytes + trailerSize, s.RecordingPath(): s.Properties.RecordingBytes,
	} {
		if info, err := os.Stat(path); err != nil {
			return nil, err
		} else if info.Size() != size {
			return nil, fmt.Errorf("%s has %d bytes, its manifest says %d", path, info.Size(), size)
		}
	}
	return s, nil
}
