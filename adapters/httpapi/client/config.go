package client

// Config says how other sidecars are asked. The files are read again when they
// change.
type Config struct {
	TokenFile string // the token that sidecars want; empty for none
	CA        string // PEM file of the authorities of their certificates; empty: the system's
	Cert, Key string // PEM files of our own certificate, for sidecars that want one; both or none
	// TLSOnly refuses addresses that begin with http://, as CA does: an address
	// comes from a heartbeat, and must not talk us into sending a token in plain.
	TLSOnly bool
}
