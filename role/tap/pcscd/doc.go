// Package pcscd holds the tests in which the program's terminal meets the program's
// cards through the readers of others: pcscd with the virtual reader of vsmartcard,
// the card as `citycard card serve` puts it there, the terminal as `citycard tap`
// drives it. It has no code of its own.
package pcscd
