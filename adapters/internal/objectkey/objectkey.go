// Package objectkey holds the rule for object keys that every store applies, so
// that a key that works on one store works on all.
package objectkey

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/revkeeper/revkeeper/domain/fault"
)

// MaxLength is the longest key in bytes, the store's own prefix not counted. S3
// allows 1,024 with the prefix.
const MaxLength = 900

// Check returns an error of kind Invalid unless key is a relative,
// slash-separated path of non-empty UTF-8 segments, none of them "." or "..".
// op is what was attempted.
func Check(op, key string) error {
	if detail := problem(key); detail != "" {
		return fault.New(fault.Invalid, op, key, detail)
	}
	return nil
}

// Valid reports whether Check would accept key.
func Valid(key string) bool { return problem(key) == "" }

func problem(key string) string {
	switch {
	case key == "":
		return "the key is empty"
	case len(key) > MaxLength:
		return "the key is too long"
	case !utf8.ValidString(key):
		return "the key is not UTF-8"
	case strings.ContainsRune(key, 0):
		return "the key holds a zero byte"
	}
	for segment := range strings.SplitSeq(key, "/") {
		switch segment {
		case "":
			return "the key starts or ends with a slash or holds two in a row"
		case ".", "..":
			return "the key holds a \".\" or \"..\" segment"
		}
	}
	return ""
}

// CheckRange returns an error of kind Invalid unless the bytes [offset,
// offset+length) lie within an object of size bytes; length < 0 means to its
// end, and a range may be empty.
func CheckRange(op, key string, offset, length, size int64) error {
	if offset < 0 || offset > size || length > size-offset {
		return &fault.Error{
			Kind: fault.Invalid, Op: op, Object: key,
			Detail: rangeDetail(offset, length, size),
		}
	}
	return nil
}

func rangeDetail(offset, length, size int64) string {
	if length < 0 {
		return fmt.Sprintf("offset %d is outside the object of %d bytes", offset, size)
	}
	return fmt.Sprintf("%d bytes from offset %d are not within the object of %d bytes", length, offset, size)
}
