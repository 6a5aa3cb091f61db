package ports

import (
	"context"
	"io"
	"iter"
)

// ObjectStore keeps immutable objects under slash-separated keys.
//
// The medium must give: read after write (a Create that returned nil is seen by
// every later call of any client), objects that appear whole or not at all, and
// lists in byte order of the key. An implementation that cannot give these by
// itself emulates them or refuses to open.
//
// Every method returns promptly with the context's error once ctx is done, and
// leaves no goroutine, connection or partial object behind. Errors carry a
// fault.Kind: Unavailable may be retried by the caller, Unauthorized and
// Invalid not. Keys are relative to the store's own prefix, never start or end
// with a slash, and have no empty, "." or ".." segment; others are Invalid.
type ObjectStore interface {
	// Create writes size bytes of body under key. It never replaces: if key
	// exists it returns Conflict and leaves the object as it was, also when
	// two clients create the same key at the same time, where exactly one
	// succeeds. After an error other than Conflict the object either exists
	// whole or does not exist; which of the two is unknown. Memory use is
	// bounded whatever the size. body is read concurrently, perhaps more than
	// once, and not after Create returned.
	Create(ctx context.Context, key string, body io.ReaderAt, size int64) error

	// Open reads an object from offset; length < 0 means to its end. An
	// offset or range beyond the end is Invalid; a missing object is NotFound.
	// The caller closes the reader. A stream that breaks returns an error, never
	// io.EOF, before the last byte.
	Open(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error)

	// Stat returns what List would for this key; NotFound if it is missing.
	Stat(ctx context.Context, key string) (Object, error)

	// List yields the objects whose key starts with prefix and is greater than
	// after, in byte order. prefix is a plain string prefix and may be empty,
	// as may after. It yields at most one error, as the last pair.
	List(ctx context.Context, prefix, after string) iter.Seq2[Object, error]

	// Delete removes an object. A missing object is not an error.
	Delete(ctx context.Context, key string) error

	// Capabilities says what the store can do; decorators pass it through.
	Capabilities() Capabilities
}

// Object is what a listing says of one object. There is no time in it: order
// comes from the key, never from a clock.
type Object struct {
	Key  string
	Size int64 // bytes
}

// Capabilities is what callers may rely on beyond the contract.
type Capabilities struct {
	Location string // for people: "file:///backup", "s3://bucket/prefix"; no secrets
	// AtomicCreate is false where the store has no conditional put, so that two
	// concurrent Creates of one key may both succeed. Only format.json and
	// timeline.json need it.
	AtomicCreate bool
}
