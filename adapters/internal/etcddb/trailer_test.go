package etcddb

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/revkeeper/revkeeper/domain/fault"
)

func snapshotOf(sectors int) []byte {
	db := make([]byte, sectors*Sector)
	for i := range db {
		db[i] = byte(i * 7)
	}
	sum := sha256.Sum256(db)
	return append(db, sum[:]...)
}

// chunked feeds stream in pieces of random sizes, small ones and whole ones.
func chunked(stream []byte, rng *rand.Rand) (database []byte, err error) {
	t := NewTrailer()
	for rest := stream; len(rest) > 0; {
		limit := []int{1, 5, 31, 32, 33, 64, 700, len(stream)}[rng.IntN(8)]
		n := min(len(rest), 1+rng.IntN(limit))
		piece := bytes.Clone(rest[:n])
		for _, part := range t.Write(piece) {
			database = append(database, part...)
		}
		for i := range piece {
			piece[i] = 0xee // the caller uses its buffer again
		}
		rest = rest[n:]
	}
	_, err = t.Check()
	return database, err
}

func TestAnyChunkingGivesTheDatabase(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for range 2000 {
		stream := snapshotOf(1 + rng.IntN(5))
		db, err := chunked(stream, rng)
		if err != nil || !bytes.Equal(db, stream[:len(stream)-DigestSize]) {
			t.Fatalf("%d of %d bytes, %v", len(db), len(stream)-DigestSize, err)
		}
	}
}

func TestADamagedStreamIsCorrupt(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	good := snapshotOf(2)
	for at := range good {
		bad := bytes.Clone(good)
		bad[at] ^= 0x80
		if _, err := chunked(bad, rng); !errors.Is(err, fault.Corrupt) {
			t.Fatalf("byte %d: %v", at, err)
		}
	}
	for n := range len(good) {
		if _, err := chunked(good[:n], rng); !errors.Is(err, fault.Corrupt) {
			t.Fatalf("cut after %d: %v", n, err)
		}
	}
}
