// Package bench compares revkeeper with etcd's own tools on the same data in the same run.
package bench

import (
	"fmt"
	"testing"

	"github.com/revkeeper/revkeeper/tests/bench/source"
	"github.com/revkeeper/revkeeper/tests/bench/workload"
	"github.com/revkeeper/revkeeper/tests/images"
)

// Data returns the data of the published figures after printing its properties, and fails the benchmark if they are not
// what the figures are about. The first call on a machine makes the data, which takes minutes; later ones find it.
func Data(tb testing.TB) *source.Source {
	tb.Helper()
	data, err := source.Open(tb.Context(), source.Config{
		Binary: images.Binary(tb, "etcd37"), Workload: workload.Full(), Log: say,
	})
	if err != nil {
		tb.Fatal(err)
	}
	say("\nThe data\n%v\n", data.Properties)
	if err := data.Properties.Check(); err != nil {
		tb.Fatalf("the data is not what the figures are about:\n%v", err)
	}
	return data
}

// say prints at once: a benchmark's own log appears when it has ended, which is minutes later.
func say(format string, args ...any) { fmt.Printf(format+"\n", args...) }
