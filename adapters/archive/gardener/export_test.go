package gardener

import "github.com/revkeeper/revkeeper/ports"

// NewBounded returns an Archive that takes events of at most so many bytes.
func NewBounded(store ports.ObjectStore, event int) *Archive { return &Archive{store, event} }
