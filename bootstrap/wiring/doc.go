// Package wiring puts the program together. The sets say what there is, layer by
// layer; Wire writes wire_gen.go from them with `make generate`.
package wiring
