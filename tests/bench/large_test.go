//go:build acceptance

package bench

import (
	"testing"

	"github.com/revkeeper/revkeeper/tests/bench/source"
	"github.com/revkeeper/revkeeper/tests/bench/workload"
	"github.com/revkeeper/revkeeper/tests/images"
)

// mostAnonymous is how much anonymous memory a restore may take, in bytes, however large the database and long the chain.
const mostAnonymous = 128 << 20

// TestAcceptanceMemoryOfALargeRestore restores a database of 2 GiB and a million events after it, with the comparison of
// HashKV, and looks at the memory of the process. The first run on a machine makes the data, which takes a quarter of an hour.
func TestAcceptanceMemoryOfALargeRestore(t *testing.T) {
	data, err := source.Open(t.Context(), source.Config{Binary: images.Binary(t, "etcd37"), Workload: workload.Large(), Log: say})
	if err != nil {
		t.Fatal(err)
	}
	say("\nThe data\n%v\n", data.Properties)
	if p := data.Properties; p.DatabaseBytes < 2<<30 || p.Events < 1_000_000 {
		t.Fatalf("the data is not what the figure is about: %d bytes, %d events", p.DatabaseBytes, p.Events)
	}
	c := &comparison{TB: t, data: data, scratch: t.TempDir()}
	chain := c.seed()
	server := c.serve(data.Base.Revision)
	followed := &line{name: "watch to durable deltas"}
	followed.add(ours(c, order{Operation: "follow", Endpoint: server.Endpoint, Store: chain, Dir: c.dir("spool"),
		Target: data.Base.Revision + 1, Until: data.Last.Revision}))
	c.closeServer(server)
	c.prove(chain)

	restored := &line{name: "restore base and deltas, HashKV compared"}
	spent, r := c.restored(order{Store: chain, Prove: true})
	restored.add(spent, r)
	built := &line{name: "build a full of base and deltas, HashKV compared"}
	built.add(c.built(order{Operation: "build", Store: chain}))
	if r.Records < int64(data.Properties.Events) || r.HashKV != data.Last.Hash {
		t.Errorf("%d records, HashKV %d, want %d", r.Records, r.HashKV, data.Last.Hash)
	}
	for _, l := range []*line{restored, built} {
		if l.anon() > mostAnonymous {
			t.Errorf("%s: %.0f MiB of anonymous memory, at most %d", l.name, mebi(l.anon()), mostAnonymous>>20)
		}
	}
	say("a built full took %.2f x the restore, at that size", built.wall().Seconds()/restored.wall().Seconds())
	say("%.2f GiB on disk restored, peak of anonymous memory %.0f MiB (%d or less)", float64(data.Properties.DatabaseBytes)/(1<<30), mebi(restored.anon()), mostAnonymous>>20)
}
