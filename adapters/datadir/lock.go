package datadir

import (
	"errors"
	"os"
	"syscall"

	"github.com/revkeeper/revkeeper/domain/fault"
)

// lockDirectory takes a directory for one restore. The kernel lets go of the
// lock when the process ends, however it ends, so what a restore that holds none
// left behind is certainly abandoned. One that another process holds is Conflict.
//
// Not every file system locks directories; NFS does not. exclusive is then false,
// and nothing is known of other restores.
func lockDirectory(dir string) (lock *os.File, exclusive bool, err error) {
	if lock, err = os.Open(dir); err != nil {
		return nil, false, diskError("open data directory", dir, err)
	}
	switch err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); {
	case err == nil:
		return lock, true, nil
	case errors.Is(err, syscall.EWOULDBLOCK):
		_ = lock.Close()
		return nil, false, fault.New(fault.Conflict, prepare, dir, "another restore is at work in it").
			WithRemedy("let it end, or restore into another directory")
	default:
		return lock, false, nil
	}
}
