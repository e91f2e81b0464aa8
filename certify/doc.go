// Package certify is a conformance run against any PBOC card behind a reader,
// whoever made it: nearly four hundred named cases, each with the clause that it
// tests, in groups from reset to issuer scripts.
//
// Run sends commands and judges the answers with its own reading of the standards:
// it shares no code with the cards of this module, only the libraries that decode
// messages and know the algorithms. Secrets are optional: without issuer keys a
// cryptogram is looked at for its form only, and cases that need more are skipped
// with the reason.
//
// # What it does to a card
//
//   - Every case begins with a reset and stands alone; cases may run in any order.
//   - A run uses up some hundreds of values of the transaction counter (9F36). It
//     pays 1 fen at a time, at most Options.MaxSpend in all, and says how much.
//   - A wrong PIN is tried only if the right one is known and more than one try is
//     left beside it; the right one follows at once.
//   - Keys of the card manager are never tried.
//   - Issuer scripts, PIN changes and blocking run with Options.Destructive only,
//     and each case puts back what it changed.
//
// # Invariants
//
//   - The same card, options and random bytes give the same report: no clock, no
//     goroutine, no file. The card is behind a port.
//   - Nothing that a card answers makes a panic or an endless loop.
//   - Account numbers in a report are masked, PINs are never in it.
//
// Sources: ISO/IEC 7816-3 and 7816-4 (2005); EMV 4.3 Books 1 to 3; EMV Contactless
// Book B; JR/T 0025 parts 4, 5, 7, 12, 13, 15 and 17; GlobalPlatform Card
// Specification 2.3. Where JR/T 0025 repeats EMV the clause of EMV is named, since
// anyone can read it.
package certify
