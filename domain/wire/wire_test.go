package wire_test

import (
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/wire"
)

func TestEach(t *testing.T) {
	for _, tc := range []struct {
		name, message string
		want          []string
		malformed     bool
	}{
		{"nothing is a message without fields", "", nil, false},
		{"a number, as the encoding guide has it", "089601", []string{"1 0 150 "}, false},
		{"a text", "120774657374696e67", []string{"2 2 0 testing"}, false},
		{"both fixed sizes", "0d01000000" + "110200000000000000", []string{"1 5 1 ", "2 1 2 "}, false},
		{"a field number of two bytes", "800101", []string{"16 0 1 "}, false},
		{"what comes before the damage is seen", "0801" + "12ff", []string{"1 0 1 "}, true},
		{"a length beyond the end", "1202aa", nil, true},
		{"a length beyond any memory", "12ffffffffffffffffff01", nil, true},
		{"a number without its end", "08ff", nil, true},
		{"a fixed field cut short", "0d010000", nil, true},
		{"a group", "0b", nil, true},
		{"field number 0", "0001", nil, true},
		{"an endless tag", "ffffffffffffffffffffff01", nil, true},
	} {
		message, err := hex.DecodeString(tc.message)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		err = wire.Each("test", message, func(f wire.Field) {
			got = append(got, fmt.Sprintf("%d %d %d %s", f.Number, f.Type, f.Value, f.Data))
		})
		if !slices.Equal(got, tc.want) || (err != nil) != tc.malformed || err != nil && !errors.Is(err, fault.Corrupt) {
			t.Errorf("%s: %q, %v", tc.name, got, err)
		}
	}
}
