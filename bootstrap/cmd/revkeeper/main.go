// Command revkeeper backs an etcd cluster up continuously and restores it.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/revkeeper/revkeeper/bootstrap/cli"
)

var version string // set by the linker

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // so that a second signal ends the process at once
	os.Exit(cli.Program{Version: version, Environ: os.Environ(), Stdout: os.Stdout, Stderr: os.Stderr}.Run(ctx, os.Args[1:]))
}
