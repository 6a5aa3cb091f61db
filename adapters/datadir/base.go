package datadir

import (
	"context"
	"io"
	"iter"
	"os"

	bolt "go.etcd.io/bbolt"
	"golang.org/x/sync/errgroup"

	"github.com/revkeeper/revkeeper/adapters/internal/etcddb"
	"github.com/revkeeper/revkeeper/domain/record"
)

// write writes a snapshot stream to the database's file and returns its SHA-256.
func (s *database) write(ctx context.Context, stream io.Reader) (record.Digest, error) {
	if s.unnamed != nil {
		return writeDatabase(ctx, s.unnamed, s.path, stream)
	}
	f, err := os.OpenFile(s.path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return record.Digest{}, diskError("write database", s.path, err)
	}
	defer f.Close()
	return writeDatabase(ctx, f, s.path, stream)
}

// writeDatabase writes a snapshot stream to f without its trailer, which it
// checks. Reading (and with it decompressing) goes on beside hashing and
// writing. Memory is three chunks.
func writeDatabase(ctx context.Context, f *os.File, path string, stream io.Reader) (digest record.Digest, err error) {
	const chunkSize, chunks = 1 << 20, 3
	free, full := make(chan []byte, chunks), make(chan []byte, chunks)
	for range chunks {
		free <- make([]byte, chunkSize)
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		defer close(full)
		for {
			var buf []byte
			select {
			case buf = <-free:
			case <-ctx.Done():
				return ctx.Err()
			}
			n, err := io.ReadFull(stream, buf[:chunkSize])
			if n > 0 {
				full <- buf[:n]
			}
			switch err {
			case nil:
			case io.EOF, io.ErrUnexpectedEOF:
				return nil
			default:
				return err
			}
		}
	})
	g.Go(func() error {
		trailer := etcddb.NewTrailer()
		var at, started int64
		for buf := range full {
			for _, part := range trailer.Write(buf) {
				n, err := f.Write(part)
				if err != nil {
					return diskError("write database", path, err)
				}
				at += int64(n)
			}
			free <- buf
			if at-started >= writebackStep {
				startWriteback(f, started, at-started)
				started = at
			}
		}
		if err := ctx.Err(); err != nil {
			return err // a stream cut short by the reader's error, not a bad one
		}
		digest, err = trailer.Check()
		return err
	})
	return digest, g.Wait()
}

// history reads the staged records, each walk in a transaction of its own.
type history struct {
	ctx context.Context
	db  *bolt.DB
}

// Forward implements proof.History.
func (h history) Forward() iter.Seq2[record.Record, error] {
	return h.walk(etcddb.History.Forward)
}

// Backward implements proof.History.
func (h history) Backward() iter.Seq2[record.Record, error] {
	return h.walk(etcddb.History.Backward)
}

func (h history) walk(direction func(etcddb.History) iter.Seq2[record.Record, error]) iter.Seq2[record.Record, error] {
	return func(yield func(record.Record, error) bool) {
		tx, err := h.db.Begin(false)
		if err != nil {
			yield(record.Record{}, diskError("read database", h.db.Path(), err))
			return
		}
		defer func() { _ = tx.Rollback() }()
		direction(etcddb.NewHistory(h.ctx, tx))(yield)
	}
}
