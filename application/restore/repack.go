package restore

import (
	"context"
	"fmt"

	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/proof"
	"github.com/revkeeper/revkeeper/ports"
)

// repack writes a staged database anew and reads back what came of it: it must
// hash to what the whole history hashed to. It has been compared with the live
// cluster's hash before, where there is one.
func repack(ctx context.Context, p Plan, staged ports.StagedDatabase, fold bool) (*ports.Repacked, *proof.Hash, error) {
	hash := proof.Hash{Revision: p.Target, Compact: p.Base.First}
	if fold {
		hash.Compact = p.Target
	}
	before, err := hashOf(ctx, staged, hash)
	if err != nil {
		return nil, nil, err
	}
	out, err := staged.Repack(ctx, fold)
	if err != nil {
		return nil, nil, err
	}
	if hash.HashKV, err = hashOf(ctx, staged, hash); err != nil {
		return nil, nil, err
	}
	if hash.HashKV != before {
		return nil, nil, fault.New(fault.Internal, "repack", "", fmt.Sprintf("the records hashed to %d before and to %d after, at revision %d", before, hash.HashKV, p.Target)).
			WithRemedy("restore without --defragment and --folded, and report this")
	}
	if !fold {
		return &out, nil, nil
	}
	return &out, &hash, nil
}

func hashOf(ctx context.Context, staged ports.StagedDatabase, at proof.Hash) (uint32, error) {
	history, err := staged.History(ctx)
	if err != nil {
		return 0, err
	}
	return proof.HashKV(history, at.Revision, at.Compact)
}
