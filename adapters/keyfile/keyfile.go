// Package keyfile keeps extracted keys in a file.
package keyfile

import (
	"bufio"
	"context"

	"github.com/revkeeper/revkeeper/adapters/internal/wholefile"
)

// File is being written, line by line.
type File struct {
	*bufio.Writer
	file *wholefile.File
}

// bufferSize is how much is written at once, in bytes.
const bufferSize = 64 << 10

// Create begins the file at path, of mode 0600: keys hold secrets. One that exists
// already is Conflict, a folder that does not is Invalid. The caller discards it in
// the end, also after Commit.
func Create(path string) (*File, error) {
	file, err := wholefile.Create("write keys", path)
	if err != nil {
		return nil, err
	}
	return &File{bufio.NewWriterSize(file, bufferSize), file}, nil
}

// Commit makes the file durable and gives it its name, unless ctx has ended.
func (f *File) Commit(ctx context.Context) error {
	if err := f.Flush(); err != nil {
		return err
	}
	return f.file.Commit(ctx)
}

// Discard removes what was not given its name.
func (f *File) Discard() { f.file.Discard() }
