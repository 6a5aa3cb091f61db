package words_test

import (
	"math"
	"testing"

	"github.com/revkeeper/revkeeper/domain/words"
)

func TestSize(t *testing.T) {
	for bytes, want := range map[int64]string{
		0: "0 B", 1023: "1023 B", 1024: "1.0 KiB", 1536: "1.5 KiB", 64 << 20: "64.0 MiB", 5 << 40: "5.0 TiB", math.MaxInt64: "8.0 EiB",
	} {
		if got := words.Size(bytes); got != want {
			t.Errorf("%d: %q, want %q", bytes, got, want)
		}
	}
}

func TestCount(t *testing.T) {
	for n, want := range map[int]string{0: "0 leases", 1: "1 lease", 2: "2 leases"} {
		if got := words.Count(n, "lease", "leases"); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}

func TestShort(t *testing.T) {
	for _, tc := range []struct {
		have, need int64
		want       string
	}{
		{1 << 20, 2 << 20, ""}, // that it is too little shows
		{2<<30 - 1<<20, 2 << 30, ", 1.0 MiB too little"},
		{2<<30 - 1, 2 << 30, ", 1 B too little"},
		{1022, 1023, ""},
		{2 << 30, 2 << 30, ""},
		{2<<30 + 1, 2 << 30, ""},
	} {
		if got := words.Short(tc.have, tc.need); got != tc.want {
			t.Errorf("%d of %d: %q, want %q", tc.have, tc.need, got, tc.want)
		}
	}
}
