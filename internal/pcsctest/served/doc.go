// Package served holds the tests that put the program's own card, citycard card
// serve, behind pcscd and let the programs of others read it: opensc-tool,
// scriptor, pyscard and cardpeek.
package served
