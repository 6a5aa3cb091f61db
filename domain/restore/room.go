package restore

import (
	"fmt"

	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/domain/timeline"
	"github.com/revkeeper/revkeeper/domain/words"
)

// Work is what a path holds once it is unwrapped.
type Work struct {
	Database int64 // bytes of the full's database
	Deltas   int64 // bytes of the deltas, decompressed
	Records  int64 // in the deltas
	Repack   bool  // the database is written anew at the end, beside the first
}

const (
	// recordOverhead is what bbolt adds to a record: the rest of its key and the
	// element of the page, in bytes.
	recordOverhead = 32
	// pagesFilled is how full bbolt's pages become, of 10.
	pagesFilled = 9
	// logSize is what etcd's write-ahead log reserves at once, and what it and the
	// raft snapshot need beside, in bytes.
	logSize = 64_000_000 + 1<<20
)

// Needs is how much disk a restore takes, in bytes.
type Needs struct {
	Database int64 // at its largest; about, for what deltas add
	Log      int64
}

// Total is all of it.
func (n Needs) Total() int64 { return n.Database + n.Log }

// Content returns how many bytes of records a delta holds; at least, where that is
// not described.
func Content(d timeline.Delta, env snapshot.Envelope) (n int64) {
	if d.Undescribed {
		return d.Size
	}
	for _, s := range env.Segments {
		n += s.Raw
	}
	return n
}

// Needs returns how much disk the work takes. Pages that are free in the full's
// database may take some of the records, so it is rather too much.
func (w Work) Needs() Needs {
	n := Needs{Database: w.Database + (w.Deltas+w.Records*recordOverhead)*10/pagesFilled, Log: logSize}
	if w.Repack {
		n.Database *= 2
	}
	return n
}

// Fits returns nil if free bytes are enough for a restore into dir; else
// Unavailable, with what is missing.
func (n Needs) Fits(dir string, free int64) error {
	if free >= n.Total() {
		return nil
	}
	return fault.New(fault.Unavailable, "restore", dir,
		fmt.Sprintf("%s are free there, the restore needs about %s%s: %s for the database, %s for the write-ahead log; nothing was written",
			words.Size(free), words.Size(n.Total()), words.Short(free, n.Total()), words.Size(n.Database), words.Size(n.Log))).
		WithRemedy("free space, or name a --data-dir on a larger file system; --skip-space-check tries all the same, for one that compresses")
}
