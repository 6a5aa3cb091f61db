package extract

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/revkeeper/revkeeper/application/inspect"
	rule "github.com/revkeeper/revkeeper/domain/extract"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/record"
	"github.com/revkeeper/revkeeper/domain/snapshot"
)

// maxLine bounds a line of a file, in bytes: it holds one value, in base64, and etcd
// takes values of some megabytes at most.
const maxLine = 256 << 20

// ApplyFile is Apply with the keys of a file that Write made, less those whose lines
// were taken out; name is for people. The whole file is checked before the first key is
// dealt with.
func ApplyFile(ctx context.Context, name string, file io.ReadSeeker, target Target, o Order) (Applied, error) {
	checked := rule.NewReader()
	taken, err := readKeys(ctx, file, checked, func(rule.Entry) error { return nil })
	if err != nil {
		return Applied{}, fault.Wrap(fault.KindOf(err), "look through", name, err)
	}
	a, err := begin(ctx, target, o)
	if err != nil {
		return a.out, err
	}
	h := checked.Header()
	a.out.View = inspect.View{Epoch: h.Timeline, Revision: h.Revision, Suspect: h.Suspect, Warnings: h.Warnings}
	if taken > 0 {
		a.out.Warnings = append(a.out.Warnings, fmt.Sprintf("keys that were taken out of the file: %d", taken))
	}
	a.known = snapshot.Leases{}
	_, err = readKeys(ctx, file, rule.NewReader(), func(e rule.Entry) error {
		if e.TTL > 0 {
			a.known[e.Lease] = snapshot.Lease{ID: e.Lease, TTL: e.TTL, State: snapshot.LeaseGranted}
		}
		return a.add(ctx, record.KeyValue{Key: e.Key, Value: e.Value, Create: e.Create, Mod: e.Mod, Version: e.Ver, Lease: e.Lease})
	})
	if err != nil {
		return a.out, err
	}
	return a.out, a.flush(ctx)
}

// readKeys reads a file from its beginning and returns how many keys were taken out of
// it.
func readKeys(ctx context.Context, file io.ReadSeeker, r *rule.Reader, each func(rule.Entry) error) (taken int64, err error) {
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return 0, fault.Wrap(fault.Unavailable, "read keys", "", err)
	}
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		entry, is, err := r.Line(lines.Bytes())
		if err == nil && is {
			err = each(entry)
		}
		if err != nil {
			return 0, err
		}
	}
	switch err := lines.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		return 0, fault.New(fault.Corrupt, "read keys", "", fmt.Sprintf("a line is longer than %d bytes", maxLine))
	case err != nil:
		return 0, fault.Wrap(fault.Unavailable, "read keys", "", err)
	}
	return r.Finish()
}
