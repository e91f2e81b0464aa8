// Package certify is a conformance run against any card of a city behind a reader,
// whoever made it: more than six hundred named cases, each with the clause that it
// tests. They are about bank cards (PBOC) with and without journeys of their own
// (JR/T 0025.14) or a quota, electronic purses (JT/T 978, City Union), security modules
// of terminals and the public service applications of a livelihood card; what is not
// on a card is skipped with the reason.
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
//   - Keys of the card manager are never tried. A wrong MAC or cryptogram is sent to a
//     purse or a partition where a right one can follow and give the tries back, to a
//     module too; three in a row, which lock a module for good, with
//     Options.Sacrifice alone. A key or PIN given that the card refuses is not tried
//     again in the run, so wrong ones lock nothing.
//   - Records of journeys get their content back. Two things stay: a record that
//     APPEND RECORD has opened, used again by later runs, and journeys in file 1E; both
//     with Options.Destructive only.
//   - A purse pays 1 fen at a time, at most Options.MaxSpend beside the electronic cash,
//     and a module uses up transaction numbers.
//   - Issuer scripts, PIN changes and blocking run with Options.Destructive only,
//     and each case puts back what it changed.
//
// # Invariants
//
//   - The same card, options and random bytes give the same report: no clock, no
//     goroutine, no file. The card is behind a port.
//   - Nothing that a card answers makes a panic or an endless loop.
//   - Numbers of cards in a report are masked, PINs and the holder's data are never in it.
//
// How the clauses of purse and module are named: JR/T 0025.1 and .2 in their edition of
// 2010 are the card and the application of the electronic purse, which JT/T 978 builds
// upon. "Ye Fei 2016" is A new solution of mobile proximity payment applied to public
// transportation, which describes the quota and the pushed PUT DATA.
//
// Sources: ISO/IEC 7816-3 and 7816-4 (2005); EMV 4.3 Books 1 to 3; EMV Contactless
// Book B; JR/T 0025 parts 4, 5, 7, 12, 13, 14, 15 and 17, and of 2010 parts 1,
// 2 and 9; JT/T 978; LD/T 32; DB11/T 1179; GlobalPlatform Card Specification 2.3. Where JR/T 0025 repeats EMV the clause of EMV is named, since
// anyone can read it.
package certify
