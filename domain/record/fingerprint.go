package record

import "crypto/sha256"

// Fingerprint stands for some bytes in a set of many: 128 bits of their SHA-256,
// so that the memory does not depend on how long they are.
type Fingerprint [16]byte

// FingerprintOf returns the fingerprint of b.
func FingerprintOf(b []byte) Fingerprint {
	sum := sha256.Sum256(b)
	return Fingerprint(sum[:16])
}
