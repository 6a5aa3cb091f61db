// Command revkeeper-demo shows revkeeper's main job on this machine alone: a
// three-member etcd, a sidecar beside each, a store in a folder, and the loss
// of the leading pair. It links an etcd server, which the sidecar never does.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/revkeeper/revkeeper/bootstrap/demo"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := demo.Main(ctx, os.Args[1:], os.Stdout)
	stop()
	os.Exit(code)
}
