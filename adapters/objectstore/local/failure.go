package local

import (
	"context"
	"errors"
	"io/fs"
	"syscall"

	"github.com/revkeeper/revkeeper/domain/fault"
)

// unreadable is failure of what only reads: whoever does needs no permission to write.
// object is what could not be read, a key or, of the listing, its prefix.
func unreadable(op, object string, err error) error {
	err = failure(op, object, err)
	var e *fault.Error
	if errors.As(err, &e) && e.Kind == fault.Unauthorized {
		e.Remedy = mayRead
	}
	return err
}

// mayRead is what to do about what cannot be read.
const mayRead = "give this user read permission on what is in the store's folder, and on its folders also the right to enter them"

// failure classifies an error of the operating system; nil stays nil.
func failure(op, object string, err error) error {
	if err == nil {
		return nil
	}
	var f *fault.Error
	if errors.As(err, &f) {
		return err
	}
	e := &fault.Error{Kind: fault.Internal, Op: op, Object: object, Err: err}
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		e.Kind = fault.Unavailable
	case missing(err):
		e.Kind = fault.NotFound
	case errors.Is(err, fs.ErrPermission):
		// Also EPERM of link(2) where the file system has no hard links.
		e.Kind, e.Remedy = fault.Unauthorized, "give this user read and write permission on the store's folder"
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		e.Kind, e.Remedy = fault.Unavailable, "free space on the store's file system or raise its quota"
	case errors.Is(err, syscall.EROFS):
		e.Kind, e.Remedy = fault.Unavailable, "mount the store's file system for writing"
	case errors.Is(err, syscall.EIO), errors.Is(err, syscall.ESTALE), errors.Is(err, syscall.ETIMEDOUT):
		e.Kind, e.Remedy = fault.Unavailable, "check the disk or the network file system of the store"
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		e.Kind, e.Remedy = fault.Unavailable, "raise the limit of open files"
	case errors.Is(err, syscall.ENAMETOOLONG):
		e.Kind, e.Detail = fault.Invalid, "the file system has no names this long"
	}
	return e
}

// linkFailure adds what only link(2) means.
func linkFailure(op, key string, err error) error {
	e := &fault.Error{Op: op, Object: key, Err: err}
	switch {
	case errors.Is(err, fs.ErrExist):
		e.Kind, e.Detail, e.Err = fault.Conflict, "it exists already", nil
	case errors.Is(err, syscall.EPERM), errors.Is(err, errors.ErrUnsupported), errors.Is(err, syscall.EOPNOTSUPP):
		e.Kind, e.Remedy = fault.Unsupported, "keep the store on a file system with hard links"
	case errors.Is(err, syscall.EXDEV):
		e.Kind, e.Remedy = fault.Unsupported, "keep the store's folder on one file system, without mounts inside"
	default:
		return failure(op, key, err)
	}
	return e
}
