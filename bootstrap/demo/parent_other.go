//go:build !linux

package demo

import "syscall"

// dieWithParent keeps a child away from the terminal's signals: the demo ends it.
func dieWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
