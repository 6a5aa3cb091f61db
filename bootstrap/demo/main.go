// Package demo tells the main job as a story with real parts: it starts them,
// watches what they say of themselves, breaks them, and checks what is left.
package demo

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// Main runs the demo, or one of its etcd members when it was re-executed as
// such, and returns the exit code: 0 if every proof held.
func Main(ctx context.Context, args []string, out io.Writer) int {
	if len(args) > 0 && args[0] == memberCommand {
		if err := runMember(ctx, args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, "etcd member:", err)
			return 1
		}
		return 0
	}
	flags := flag.NewFlagSet("revkeeper-demo", flag.ContinueOnError)
	binary := flags.String("revkeeper", "bin/revkeeper", "the sidecar's binary")
	dir := flags.String("dir", "", "where everything is kept; removed at the end unless given")
	keep := flags.Bool("keep", false, "stay up until interrupted")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	s := &story{say: newNarrator(out), keep: *keep}
	if err := s.prepare(*binary, *dir); err != nil {
		fmt.Fprintln(out, "demo:", err)
		return 1
	}
	defer s.clean()
	if err := s.tell(ctx); err != nil {
		if errors.Is(err, context.Canceled) {
			fmt.Fprintln(out, "\ninterrupted")
			return 130
		}
		fmt.Fprintf(out, "\ndemo: %v\n", err)
		fmt.Fprintf(out, "the logs of all processes are in %s\n", s.dir)
		s.keepDir = true
		return 1
	}
	return s.say.table()
}

// prepare finds the binaries and makes the working directory.
func (s *story) prepare(binary, dir string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if s.revkeeper, err = filepath.Abs(binary); err != nil {
		return err
	}
	if _, err := os.Stat(s.revkeeper); err != nil {
		return fmt.Errorf("%w (build it with `make build`)", err)
	}
	s.self, s.keepDir = self, dir != ""
	if dir != "" {
		if s.dir, err = filepath.Abs(dir); err != nil {
			return err
		}
		return os.MkdirAll(s.dir, 0o700)
	}
	s.dir, err = os.MkdirTemp("", "revkeeper-demo-")
	return err
}

// clean ends every process that is still there and removes the directory.
func (s *story) clean() {
	for _, p := range s.processes {
		p.kill()
	}
	if !s.keepDir {
		_ = os.RemoveAll(s.dir)
	}
}

// until polls done until it is true, or fails with what after the patience.
func until(ctx context.Context, patience time.Duration, what string, done func() bool) error {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("waited %s for %s", patience, what))
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}
