package source

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"google.golang.org/protobuf/proto"
)

// A recording is a sequence of WatchResponse messages, each after its length as four bytes, big-endian: one response for
// each revision, as a watch that is not behind receives them.

// recorder writes a recording.
type recorder struct {
	file   *os.File
	buffer *bufio.Writer
	frame  []byte
}

func newRecorder(path string) (*recorder, error) {
	file, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	return &recorder{file: file, buffer: bufio.NewWriterSize(file, 1<<20)}, nil
}

func (r *recorder) write(response *pb.WatchResponse) error {
	var err error
	if r.frame, err = (proto.MarshalOptions{}).MarshalAppend(append(r.frame[:0], 0, 0, 0, 0), response); err != nil {
		return err
	}
	binary.BigEndian.PutUint32(r.frame, uint32(len(r.frame)-4))
	_, err = r.buffer.Write(r.frame)
	return err
}

func (r *recorder) finish() error { return errors.Join(r.buffer.Flush(), r.file.Close()) }

// chunkSize is how much of a recording is read at once, in bytes.
const chunkSize = 1 << 20

// Recording reads a recording from its beginning. The caller closes it.
type Recording struct {
	file  *os.File
	chunk []byte
}

// OpenRecording opens the recording at its first response.
func (s *Source) OpenRecording() (*Recording, error) {
	file, err := os.Open(s.RecordingPath())
	if err != nil {
		return nil, err
	}
	return &Recording{file: file}, nil
}

// Next returns the next response as it is on the wire, and io.EOF after the last. The bytes stay valid and must not be
// written to; they are part of a chunk of 1 MiB, which lives as long as any response in it.
func (r *Recording) Next() ([]byte, error) {
	head, err := r.take(4)
	if err != nil {
		return nil, err
	}
	body, err := r.take(int(binary.BigEndian.Uint32(head)))
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return body, err
}

// Close closes the file.
func (r *Recording) Close() error { return r.file.Close() }

// take returns the next n bytes, io.EOF if there is none and io.ErrUnexpectedEOF if there are fewer.
func (r *Recording) take(n int) ([]byte, error) {
	if len(r.chunk) < n {
		chunk := make([]byte, max(chunkSize, n))
		kept := copy(chunk, r.chunk)
		read, err := io.ReadAtLeast(r.file, chunk[kept:], n-kept)
		r.chunk = chunk[:kept+read]
		switch {
		case err == nil:
		case len(r.chunk) == 0:
			return nil, io.EOF
		case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
			return nil, io.ErrUnexpectedEOF
		default:
			return nil, fmt.Errorf("read recording: %w", err)
		}
	}
	taken := r.chunk[:n:n]
	r.chunk = r.chunk[n:]
	return taken, nil
}
