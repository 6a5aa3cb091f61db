package defrag

import "fmt"

// A follower that falls behind while it defragments, and is sent a snapshot,
// could end with a damaged database before these releases.
var mended = map[string]int{"3.4": 38, "3.5": 23, "3.6": 5}

// endangered returns why a release must not be defragmented, if so. A release
// that is not known is taken for a newer one if its minor version is.
func endangered(version string) string {
	var major, minor, patch int
	if n, _ := fmt.Sscanf(version, "%d.%d.%d", &major, &minor, &patch); n != 3 {
		return "its version cannot be read, so nobody knows whether it is safe"
	}
	since, listed := mended[fmt.Sprintf("%d.%d", major, minor)]
	switch {
	case listed && patch < since:
		return fmt.Sprintf("a follower that lags can be damaged while it defragments; %d.%d.%d and later are safe", major, minor, since)
	case !listed && (major < 3 || major == 3 && minor < 4):
		return "a follower that lags can be damaged while it defragments; update etcd"
	}
	return ""
}
