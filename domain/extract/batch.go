package extract

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/record"
)

// Put is a write that is carried out only if the live key is as it was looked at.
type Put struct {
	Key, Value []byte
	Lease      int64 // 0 for none
	// Mod is the revision that the live key must have, 0: it must not be there.
	Mod int64
	// Force leaves that out.
	Force bool
}

// Bounds of one transaction: etcd takes 128 operations and 1.5 MiB by default, in
// which each key stands three times (etcd server/embed/config.go).
const (
	MaxPuts  = 100
	MaxBytes = 1 << 20
)

// ErrTooLarge says that etcd takes no request as large as a transaction was.
// Nothing of the transaction was carried out.
var ErrTooLarge = errors.New("etcd takes no request so large")

// Size is about how many bytes a key takes in a transaction.
func Size(kv record.KeyValue) int { return 3*len(kv.Key) + len(kv.Value) + 64 }

// Room is how many bytes of keys a transaction may have. It shrinks where etcd was
// told to take less than it does by default.
type Room int

// Fits reports whether one more key of a size may join a transaction of so many
// keys and bytes. A single one always may: etcd had it, too.
func (r Room) Fits(keys, bytes, size int) bool {
	return keys == 0 || keys < MaxPuts && bytes+size <= int(r)
}

// Refused returns the room that is left to try after etcd found a transaction of
// so many bytes too large: half of them.
func (r Room) Refused(bytes int) Room { return min(r, Room(bytes/2)) }

// TooLarge is the error for a key that etcd does not take even alone, so that
// somebody has to decide. before is how many keys were dealt with.
func TooLarge(kv record.KeyValue, before int64, cause error) error {
	e := fault.New(fault.Invalid, "put keys back", strconv.Quote(string(kv.Key)),
		fmt.Sprintf("its value has %d bytes; it was not written, and %d keys were dealt with before", len(kv.Value), before)).
		WithRemedy("start etcd with a --max-request-bytes above that, as the one had that the key is from, or name other keys by --prefix; what was written is found and left")
	e.Err = cause
	return e
}
