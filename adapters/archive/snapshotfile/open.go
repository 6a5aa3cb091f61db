package snapshotfile

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime/debug"
	"syscall"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/revkeeper/revkeeper/adapters/internal/etcddb"
	"github.com/revkeeper/revkeeper/adapters/internal/spill"
	"github.com/revkeeper/revkeeper/adapters/internal/zframe"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/record"
	"github.com/revkeeper/revkeeper/domain/release"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/ports"
)

// opened is a snapshot that was checked.
type opened struct {
	file   *os.File // plain; closed by its finalizer
	size   int64    // bytes of the database, without its SHA-256
	sha256 record.Digest
	stored int64 // bytes of the file as it lies there
	at     time.Time
	facts  ports.FullFacts
	auth   snapshot.Auth
	etcd   release.Release
}

func open(ctx context.Context, path string, skipHash bool) (*opened, error) {
	const op = "open snapshot"
	f, err := os.Open(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fault.New(fault.NotFound, op, path, "no such file").
			WithRemedy("name a file that `etcdctl snapshot save` wrote; a bucket or a folder of backups is a --store")
	case err != nil:
		return nil, fault.Wrap(fault.Invalid, op, path, err)
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fault.New(fault.Invalid, op, path, "it is no file").WithRemedy("name a file of `etcdctl snapshot save`; a folder of backups is a --store")
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	o := &opened{stored: info.Size(), at: info.ModTime().UTC().Truncate(time.Millisecond)}
	if o.file, err = unwrapped(ctx, f); o.file != f {
		_ = f.Close() // it was read only: nothing is lost by an error
	}
	if err == nil {
		if err = o.check(ctx, skipHash); err != nil {
			_ = o.file.Close()
		}
	}
	if err != nil {
		return nil, cutShort(&fault.Error{Kind: fault.KindOf(err), Op: op, Object: path, Err: err})
	}
	return o, nil
}

// again is what to do about a file that is not what it was.
const again = "copy it again and compare its size and SHA-256 with the original's, or use another"

// cutShort gives an error about a damaged file a remedy, where it has none.
func cutShort(e *fault.Error) *fault.Error {
	var cause *fault.Error
	if e.Kind == fault.Corrupt && !(errors.As(e.Err, &cause) && cause.Remedy != "") {
		e.Remedy = again
	}
	return e
}

// unwrapped returns f, or a new file with what is wrapped in it. f stays the caller's.
func unwrapped(ctx context.Context, f *os.File) (*os.File, error) {
	buffered := bufio.NewReaderSize(f, 1<<20)
	magic, err := buffered.Peek(4)
	if err != nil && err != io.EOF {
		return nil, fault.Wrap(fault.Unavailable, "read snapshot", "", err)
	}
	var plain io.Reader
	switch {
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		plain, err = gzip.NewReader(buffered)
	case bytes.Equal(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}), len(magic) == 4 && magic[0]&0xf0 == 0x50 && bytes.Equal(magic[1:], []byte{0x2a, 0x4d, 0x18}):
		var z *zframe.Reader
		if z, err = zframe.NewReader(buffered); err == nil {
			defer z.Close()
		}
		plain = z
	default:
		return f, nil
	}
	if err != nil {
		return nil, unwrap(err)
	}
	out, err := spill.Temporary(os.TempDir(), "snapshot-")
	if err != nil {
		return nil, err
	}
	if _, err := io.Copy(out, reader{ctx, plain}); err != nil {
		_ = out.Close()
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case errors.Is(err, syscall.ENOSPC):
			return nil, (&fault.Error{Kind: fault.Unavailable, Op: "unwrap snapshot", Object: os.TempDir(), Err: err}).
				WithRemedy("free space there, point TMPDIR elsewhere, or unwrap the file by zstd -d or gunzip")
		}
		return nil, unwrap(err)
	}
	return out, nil
}

func unwrap(err error) error {
	return &fault.Error{Kind: fault.Corrupt, Op: "unwrap snapshot", Detail: "what it is wrapped in was cut short or damaged", Err: err}
}

// check compares the SHA-256 at the end of the file with what is before it, and
// reads what the database says of itself.
func (o *opened) check(ctx context.Context, skipHash bool) error {
	info, err := o.file.Stat()
	if err != nil {
		return fault.Wrap(fault.Unavailable, "read snapshot", "", err)
	}
	sealed := etcddb.CheckSize(info.Size()) == nil
	if !sealed && !skipHash {
		return fault.New(fault.Corrupt, "check snapshot", "", fmt.Sprintf("it is %d bytes long, and a snapshot is a multiple of %d for the database and %d bytes of its SHA-256: it was cut short, or copied from a data directory",
			info.Size(), etcddb.Sector, etcddb.DigestSize)).
			WithRemedy(again + " of `etcdctl snapshot save`; if it was copied from member/snap/db of a member that was stopped, --skip-hash-check takes it")
	}
	if o.size = info.Size(); sealed {
		o.size -= etcddb.DigestSize
	}
	hash := sha256.New()
	if _, err := io.Copy(hash, reader{ctx, io.NewSectionReader(o.file, 0, o.size)}); err != nil {
		return errors.Join(ctx.Err(), fault.Wrap(fault.Unavailable, "read snapshot", "", err))
	}
	o.sha256 = record.Digest(hash.Sum(nil))
	if sealed && !skipHash {
		var end record.Digest
		if _, err := o.file.ReadAt(end[:], o.size); err != nil {
			return fault.Wrap(fault.Unavailable, "read snapshot", "", err)
		}
		if end != o.sha256 {
			return fault.New(fault.Corrupt, "check snapshot", "", fmt.Sprintf("the database, %d bytes, hashes to SHA-256 %s, and the file's last %d bytes say %s: it was cut short or changed", o.size, o.sha256, etcddb.DigestSize, end)).
				WithRemedy(again + "; --skip-hash-check takes it without this check")
		}
	}
	return o.read(ctx, skipHash)
}

// read opens the database. One that no SHA-256 vouches for is walked first: what
// is not whole in it must not end the process.
func (o *opened) read(ctx context.Context, walk bool) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			err = fault.New(fault.Corrupt, "read database", "", fmt.Sprint("it is not whole: ", r))
		}
	}()
	db, err := etcddb.Open(o.file)
	if err != nil {
		return err
	}
	defer db.Close()
	return db.View(func(tx *bolt.Tx) error {
		if walk {
			if err := whole(ctx, tx, o.size); err != nil {
				return err
			}
		}
		o.auth, o.etcd = etcddb.Auth(tx), etcddb.Release(tx)
		o.facts, err = etcddb.Facts(ctx, tx)
		return err
	})
}

// whole reads every page of every bucket.
func whole(ctx context.Context, tx *bolt.Tx, size int64) error {
	if tx.Size() > size {
		return fault.New(fault.Corrupt, "read database", "", fmt.Sprintf("the database has %d bytes by its own account, the file %d: it was cut short", tx.Size(), size))
	}
	return tx.ForEach(func(name []byte, b *bolt.Bucket) error {
		n := 0
		var last []byte
		return b.ForEach(func(k, _ []byte) error {
			if n++; n%4096 == 0 && ctx.Err() != nil {
				return ctx.Err()
			}
			if n > 1 && bytes.Compare(last, k) >= 0 {
				return fault.New(fault.Corrupt, "read database", string(name), fmt.Sprintf("key %x comes after %x", k, last))
			}
			last = append(last[:0], k...)
			return nil
		})
	})
}

// stream is the snapshot as etcd sends it.
func (o *opened) stream(ctx context.Context) io.Reader {
	return reader{ctx, io.MultiReader(io.NewSectionReader(o.file, 0, o.size), bytes.NewReader(o.sha256[:]))}
}

// reader ends with its context.
type reader struct {
	ctx context.Context
	r   io.Reader
}

func (r reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}
