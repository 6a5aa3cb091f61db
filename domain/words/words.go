// Package words writes numbers as people read them.
package words

import "fmt"

// Size is a number of bytes in binary units, with one decimal from 1 KiB on: 512 B,
// 1.5 KiB, 64.0 MiB.
func Size(bytes int64) string {
	const unit = 1024
	if bytes < unit {
		return fmt.Sprintf("%d B", bytes)
	}
	value, names := float64(bytes)/unit, "KMGTPE"
	for value >= unit && len(names) > 1 {
		value, names = value/unit, names[1:]
	}
	return fmt.Sprintf("%.1f %ciB", value, names[0])
}

// Short says by how much a size falls short of another where both read the same, as
// 1.9999 GiB and 2.0 GiB; else it is empty.
func Short(have, need int64) string {
	if have >= need || Size(have) != Size(need) {
		return ""
	}
	return ", " + Size(need-have) + " too little"
}

// Count is a number with its noun: 1 lease, 2 leases.
func Count(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, more)
}
