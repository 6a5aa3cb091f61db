package servers

import "syscall"

func setUserXattr(dir string) error {
	return syscall.Setxattr(dir, "user.revkeeper.probe", []byte("1"), 0)
}
