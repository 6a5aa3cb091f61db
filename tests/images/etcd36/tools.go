//go:build tools

// Package etcd36 pins the etcd release that the image of the same name is built from.
// It is a module of its own because the three releases cannot share one go.mod.
package etcd36

import (
	_ "go.etcd.io/etcd/etcdctl/v3"
	_ "go.etcd.io/etcd/etcdutl/v3"
	_ "go.etcd.io/etcd/server/v3"
)
