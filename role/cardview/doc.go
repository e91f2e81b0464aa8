// Package cardview reads what a bank card shows to anybody: its applications,
// balances, limits, counters, logs and certificates, and whether it is genuine.
//
// It works with any card of JR/T 0025 behind a reader, over the contact and the
// contactless side as far as the card has them: PPSE and PSE, and well-known names
// where a card has neither.
//
// What always holds:
//
//   - Nothing is paid: the reader asks for an amount of 0 and never reads the record
//     at which a payment takes effect. To authenticate a card, one transaction counter
//     is used up for each application; a passive look uses none and cannot
//     authenticate.
//   - PINs are not tried, and keys are not asked for.
//   - Whatever the card answers, the view is made of what could be read; malformed
//     data are named in Notes and never end the reading. Only a reader that fails
//     does.
//   - Card numbers in a View are masked.
//
// Sources: EMV Book 1, 11 and 12 (selection), EMV Book 2, 5 and 6 and JR/T 0025.12
// (offline data authentication), EMV Book 3, 6 and 10; JR/T 0025.5 and JR/T 0025.13
// (GET DATA, logs), JR/T 0025.15 (second currency).
package cardview
