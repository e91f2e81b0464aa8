// Package pcscd tests gates at real readers of the PC/SC daemon, with the card in one
// slot and the security module in the other. It has no code of its own; without pcscd and
// its virtual reader its tests are skipped.
package pcscd
