// Package contract holds the tests that every storage engine must pass, so that
// roles can be moved from one engine to another. An engine's own tests call
// Ledger with a function that opens it.
package contract
