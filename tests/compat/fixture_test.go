// Package compat restores backups that other programs took.
package compat

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"hash"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"go.etcd.io/etcd/api/v3/mvccpb"

	"github.com/revkeeper/revkeeper/adapters/archive/gardener"
	"github.com/revkeeper/revkeeper/adapters/eventlog"
	"github.com/revkeeper/revkeeper/adapters/objectstore/local"
	"github.com/revkeeper/revkeeper/ports"
)

// fixtures are backups of small clusters of etcd 3.5 that were never compacted,
// taken by etcd-backup-restore 0.44 in each of its compressions.
var fixtures = []string{"gardener-raw", "gardener-gzip", "gardener-zlib"}

// expectation is what the source cluster answered.
type expectation struct {
	Last   int64   `json:"last_revision"`
	Points []point `json:"points"`
}

// point is what it answered at one revision.
type point struct {
	Revision int64  `json:"revision"`
	HashKV   uint32 `json:"hashkv"`
	Compact  int64  `json:"compact_revision"`
	Keys     int    `json:"keys"`
	Leased   int    `json:"leased_keys"`
	SHA256   string `json:"sha256_of_sorted_kvs"`
}

func fixture(t *testing.T, name string) (store string, want expectation) {
	t.Helper()
	dir := filepath.Join("testdata", "gardener-v2", name)
	content, err := os.ReadFile(filepath.Join(dir, "expect.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(content, &want); err != nil {
		t.Fatal(err)
	}
	if len(want.Points) == 0 || want.Points[len(want.Points)-1].Revision != want.Last {
		t.Fatalf("%s expects %+v", name, want)
	}
	return filepath.Join(dir, "store"), want
}

func archive(t *testing.T, dir string) *gardener.Archive {
	t.Helper()
	s, err := local.New(dir)
	if err != nil {
		t.Fatal(err)
	}
	return gardener.New(s)
}

func observer() ports.Observer { return eventlog.Logger(slog.New(slog.DiscardHandler)) }

// summary counts living keys, which come in the order of the keys, and hashes them
// as expect.json's were.
type summary struct {
	point
	hash hash.Hash
}

func (s *summary) add(kv *mvccpb.KeyValue) {
	s.Keys++
	if kv.Lease != 0 {
		s.Leased++
	}
	text := base64.StdEncoding.EncodeToString
	fmt.Fprintf(s.hash, "[%q, %q, %d, %d, %d, %d]", text(kv.Key), text(kv.Value), kv.CreateRevision, kv.ModRevision, kv.Version, kv.Lease)
}

func (s *summary) result() point {
	s.SHA256 = fmt.Sprintf("%x", s.hash.Sum(nil))
	return s.point
}
