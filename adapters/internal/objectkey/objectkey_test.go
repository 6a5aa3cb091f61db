package objectkey_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/revkeeper/revkeeper/adapters/internal/objectkey"
	"github.com/revkeeper/revkeeper/domain/fault"
)

func TestCheck(t *testing.T) {
	for _, tc := range []struct {
		name, key string
		valid     bool
	}{
		{"a plain name", "format.json", true},
		{"a path", "timelines/00000001/delta/1-2.delta", true},
		{"dots inside a segment", "a..b/.hidden/...", true},
		{"letters beyond ASCII", "größe/日本", true},
		{"as long as allowed", strings.Repeat("k", objectkey.MaxLength), true},
		{"too long", strings.Repeat("k", objectkey.MaxLength+1), false},
		{"nothing", "", false},
		{"absolute", "/a", false},
		{"ends like a folder", "a/", false},
		{"an empty segment", "a//b", false},
		{"the folder itself", "a/./b", false},
		{"the way out", "../a", false},
		{"the way out at the end", "a/..", false},
		{"a zero byte", "a\x00b", false},
		{"not UTF-8", "a\xff", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			err := objectkey.Check("stat", tc.key)
			if (err == nil) != tc.valid || objectkey.Valid(tc.key) != tc.valid {
				t.Errorf("Check(%q) = %v", tc.key, err)
			}
			if err != nil && !errors.Is(err, fault.Invalid) {
				t.Errorf("kind %v", fault.KindOf(err))
			}
		})
	}
}

func TestCheckRange(t *testing.T) {
	const size = 10
	for _, tc := range []struct {
		name           string
		offset, length int64
		valid          bool
	}{
		{"everything", 0, -1, true},
		{"everything by length", 0, 10, true},
		{"the last byte", 9, 1, true},
		{"nothing at the end", 10, 0, true},
		{"to the end from the end", 10, -1, true},
		{"one too many", 9, 2, false},
		{"beyond the end", 11, -1, false},
		{"nothing beyond the end", 11, 0, false},
		{"before the start", -1, 1, false},
		{"a length that would overflow", 1, 1<<63 - 1, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			err := objectkey.CheckRange("open", "k", tc.offset, tc.length, size)
			if (err == nil) != tc.valid {
				t.Errorf("CheckRange(%d, %d, %d) = %v", tc.offset, tc.length, size, err)
			}
		})
	}
}
