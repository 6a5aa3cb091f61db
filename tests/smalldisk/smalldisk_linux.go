// Package smalldisk gives tests a file system that is soon full.
package smalldisk

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"
)

// child tells a process of the test that it is already in its own namespace.
const child = "REVKEEPER_TEST_SMALL_DISK"

// Run calls f with an empty directory on a file system of size bytes. It is a
// tmpfs in a mount namespace of its own, for which the test runs again in a
// child process; no privilege is needed where the kernel allows user namespaces.
// A machine that allows neither fails the test rather than skip it.
func Run(t *testing.T, size int, f func(t *testing.T, disk string)) {
	t.Helper()
	if os.Getenv(child) == t.Name() {
		disk := t.TempDir()
		if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, fmt.Sprintf("size=%d", size)); err != nil {
			t.Fatalf("mount a small file system: %v", err)
		}
		t.Cleanup(func() { _ = syscall.Unmount(disk, syscall.MNT_DETACH) })
		f(t, disk)
		return
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), child+"="+t.Name())
	// Unshare, not clone: it also keeps the mount from spreading to other namespaces.
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	if os.Geteuid() != 0 {
		cmd.SysProcAttr.Cloneflags = syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("with a disk of %d bytes: %v\n%s", size, err, out)
	}
}
