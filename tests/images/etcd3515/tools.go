//go:build tools

// Package etcd3515 pins the last etcd release whose compaction takes away the
// tombstone of its own revision, so that a watch from there misses a delete
// (https://github.com/etcd-io/etcd/issues/18089, mended in 3.5.16).
package etcd3515

import _ "go.etcd.io/etcd/server/v3"
