package gardener

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"fmt"
	"hash"
	"io"

	"github.com/revkeeper/revkeeper/domain/fault"
)

// sealed reads what stands before a SHA-256 at the end of a stream, and compares
// the two there: its last read is io.EOF only if they agree, and Corrupt if not.
type sealed struct {
	r    *bufio.Reader
	hash hash.Hash
}

func newSealed(r io.Reader) *sealed {
	return &sealed{r: bufio.NewReaderSize(r, 64<<10), hash: sha256.New()}
}

// Read implements io.Reader. It never gives away the last 32 bytes.
func (s *sealed) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	ahead, err := s.r.Peek(sha256.Size + 1)
	if err == io.EOF { //nolint:errorlint // Peek returns it bare
		return 0, s.check(ahead)
	}
	if err != nil {
		return 0, err
	}
	n, err := s.r.Read(p[:min(len(p), s.r.Buffered()-sha256.Size)])
	s.hash.Write(p[:n])
	return n, err
}

func (s *sealed) check(end []byte) error {
	if len(end) < sha256.Size {
		return fault.New(fault.Corrupt, "check digest", "", fmt.Sprintf("%d bytes are left where 32 of a SHA-256 must be: it is truncated", len(end)))
	}
	if got := s.hash.Sum(nil); !bytes.Equal(got, end) {
		return fault.New(fault.Corrupt, "check digest", "", fmt.Sprintf("the content hashes to %x, its end says %x", got, end))
	}
	return io.EOF
}
