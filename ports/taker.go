package ports

import "context"

// SnapshotTaker keeps a snapshot in a form that others read. Nothing that is there
// is replaced.
type SnapshotTaker interface {
	// Ready finds out before the work whether a snapshot that ends at revision could
	// be taken: a place that is taken is Conflict, one that may not be written to is
	// what its medium says.
	Ready(ctx context.Context, revision int64) error

	// Take reads the snapshot to its end and keeps it: whole, durable and under its
	// name, or not at all. The stream stays the caller's to close.
	Take(ctx context.Context, s BuiltSnapshot) (Written, error)
}

// Written says where a snapshot was put.
type Written struct {
	Place string // a path, or a key in a store
	Size  int64  // bytes as stored
}
