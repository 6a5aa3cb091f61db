//go:build !linux

package datadir

import (
	"errors"
	"os"
)

// startWriteback does nothing here: the sync at the end has all to do.
func startWriteback(*os.File, int64, int64) {}

// allocate is not supported here: the file grows with what is written.
func allocate(*os.File, int64, int64) error { return errors.ErrUnsupported }
