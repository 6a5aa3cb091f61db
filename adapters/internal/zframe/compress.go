package zframe

import (
	"context"
	"io"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/sync/errgroup"

	"github.com/revkeeper/revkeeper/domain/fault"
)

// chunk is one frame's worth of input on its way through the workers.
type chunk struct {
	raw, frame []byte
	done       chan struct{} // closed by the worker that filled frame
}

// Compress reads src to its end and writes its frames to dst, with workers
// goroutines compressing. tap, if not nil, sees the raw bytes in order before
// their frame is written. It returns the raw size. Memory is bounded by a few
// MiB a worker; all goroutines have ended when it returns.
func Compress(ctx context.Context, dst io.Writer, src io.Reader, workers int, tap func(raw []byte) error) (int64, error) {
	enc, err := NewEncoder(workers)
	if err != nil {
		return 0, fault.Wrap(fault.Internal, "compress", "", err)
	}
	defer enc.Close()

	inOrder, work := make(chan *chunk, workers+1), make(chan *chunk, workers+1)
	free := make(chan *chunk, 2*workers+2)
	for range cap(free) {
		free <- &chunk{raw: make([]byte, 0, Size)}
	}
	var total int64
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		defer close(inOrder)
		defer close(work)
		return readChunks(ctx, src, free, inOrder, work)
	})
	for range workers {
		g.Go(func() error { return compressChunks(work, enc) })
	}
	g.Go(func() error {
		for c := range inOrder {
			select {
			case <-c.done:
			case <-ctx.Done():
				return ctx.Err()
			}
			if tap != nil {
				if err := tap(c.raw); err != nil {
					return err
				}
			}
			if _, err := dst.Write(c.frame); err != nil {
				return err
			}
			total += int64(len(c.raw))
			free <- c
		}
		return nil
	})
	err = g.Wait()
	return total, err
}

func readChunks(ctx context.Context, src io.Reader, free <-chan *chunk, inOrder, work chan<- *chunk) error {
	for {
		var c *chunk
		select {
		case c = <-free:
		case <-ctx.Done():
			return ctx.Err()
		}
		n, err := io.ReadFull(src, c.raw[:Size])
		if n > 0 {
			c.raw, c.done = c.raw[:n], make(chan struct{})
			select {
			case inOrder <- c:
			case <-ctx.Done():
				return ctx.Err()
			}
			work <- c
		}
		if err == io.EOF || err == io.ErrUnexpectedEOF && n > 0 {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// compressChunks ends when work is closed; it cannot fail or block.
func compressChunks(work <-chan *chunk, enc *zstd.Encoder) error {
	for c := range work {
		c.frame = Append(c.frame[:0], c.raw, enc)
		close(c.done)
	}
	return nil
}
