package local

import (
	"context"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/revkeeper/revkeeper/domain/fault"
)

func TestFailureKinds(t *testing.T) {
	for _, tc := range []struct {
		name   string
		err    error
		want   fault.Kind
		remedy string // a part of it
	}{
		{"a full disk", syscall.ENOSPC, fault.Unavailable, "free space"},
		{"a quota", syscall.EDQUOT, fault.Unavailable, "quota"},
		{"a read-only mount", syscall.EROFS, fault.Unavailable, "mount"},
		{"a broken disk", syscall.EIO, fault.Unavailable, "check the disk"},
		{"a stale network mount", syscall.ESTALE, fault.Unavailable, "network file system"},
		{"no permission", syscall.EACCES, fault.Unauthorized, "permission"},
		{"too many files", syscall.EMFILE, fault.Unavailable, "limit"},
		{"no such file", syscall.ENOENT, fault.NotFound, ""},
		{"a file in the path", syscall.ENOTDIR, fault.NotFound, ""},
		{"a long name", syscall.ENAMETOOLONG, fault.Invalid, ""},
		{"a done context", context.Canceled, fault.Unavailable, ""},
		{"anything else", syscall.EXDEV, fault.Internal, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			cause := fmt.Errorf("outer: %w", &os.PathError{Op: "write", Path: "p", Err: tc.err})
			err := failure("create object", "k", cause)
			if fault.KindOf(err) != tc.want || !strings.Contains(err.Error(), tc.remedy) {
				t.Errorf("%v of kind %s, want %s", err, fault.KindOf(err), tc.want)
			}
		})
	}
	if failure("op", "k", nil) != nil {
		t.Error("no error became one")
	}
}

func TestLinkFailureKinds(t *testing.T) {
	for err, want := range map[error]fault.Kind{
		syscall.EEXIST: fault.Conflict,
		syscall.EPERM:  fault.Unsupported,
		syscall.EXDEV:  fault.Unsupported,
		syscall.ENOSPC: fault.Unavailable,
	} {
		link := &os.LinkError{Op: "link", Old: "a", New: "b", Err: err}
		if got := fault.KindOf(linkFailure("create object", "k", link)); got != want {
			t.Errorf("%v is %s, want %s", err, got, want)
		}
	}
}
