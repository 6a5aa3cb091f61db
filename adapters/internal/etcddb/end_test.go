package etcddb

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/revkeeper/revkeeper/domain/fault"
)

func TestEndIsTheTrailerHoweverTheStreamIsCut(t *testing.T) {
	stream := snapshotOf(3)
	rng := rand.New(rand.NewPCG(2, 2))
	for range 200 {
		var e End
		for rest := stream; len(rest) > 0; {
			n := min(len(rest), 1+rng.IntN([]int{1, 31, 33, 700, len(stream)}[rng.IntN(5)]))
			piece := bytes.Clone(rest[:n])
			e.Write(piece)
			clear(piece) // the caller uses its buffer again
			rest = rest[n:]
		}
		if sum, err := e.Digest(); err != nil || !bytes.Equal(sum[:], stream[len(stream)-DigestSize:]) {
			t.Fatalf("%s, %v", sum, err)
		}
	}
	var cut End
	cut.Write(stream[:len(stream)-1])
	if _, err := cut.Digest(); !errors.Is(err, fault.Corrupt) {
		t.Errorf("a stream that was cut: %v", err)
	}
	if _, err := new(End).Digest(); !errors.Is(err, fault.Corrupt) {
		t.Errorf("no stream: %v", err)
	}
}
