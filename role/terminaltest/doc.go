// Package terminaltest puts terminals before the scripted cards of certify/terminal: a
// till of this program in the same process, or any terminal that reads its cards through
// PC/SC, with the cards in a virtual reader (vpcd of the vsmartcard project).
//
// What always holds:
//
//   - One transaction at a time: the card of a case is in the reader only while its
//     transaction runs, and is taken out when the terminal has ended or the time is over.
//   - Card and issuer of a case are never used by two goroutines at once.
//   - A program that is run as a terminal is ended with its case.
//
// Sources: vsmartcard's vpcd protocol (package wire/vpcd), ISO/IEC 7816-3, 8 (reset).
package terminaltest
