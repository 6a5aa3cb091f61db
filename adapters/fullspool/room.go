package fullspool

import (
	"fmt"
	"os"

	"github.com/revkeeper/revkeeper/adapters/internal/disk"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/words"
)

// room refuses what the disk has no space for. A compressed full is seldom above
// half of the plain one. A spool that filled the disk would be worse than none
// where it shares it with etcd.
func (s *Spool) room(need int64) error {
	if need <= 0 {
		return nil
	}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return nil // writing will say it better
	}
	free, err := disk.Free(s.dir)
	if err != nil || free >= need {
		return nil // not every file system tells
	}
	return fault.New(fault.Unavailable, "spool full", s.dir, fmt.Sprintf("%s are free, the database needs about %s%s", words.Size(free), words.Size(need), words.Short(free, need))).
		WithRemedy("free space there or point spool.dir at a larger file system")
}
