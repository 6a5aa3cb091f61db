// Package ports holds the interfaces through which the application reaches the
// world. Each interface's comment is its contract: every implementation, the
// fake among them, passes the contract suite of the same name under
// tests/contract.
//
// Readers who know other hexagonal Go projects: interfaces only live here; the
// HTTP server, which drives the application, is an adapter.
package ports
