//go:build !linux

package servers

// Elsewhere nobody can be asked; the signal has been sent.
func stopped(int) bool { return true }
