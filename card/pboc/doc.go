// Package pboc is the finance application of the chip: qPBOC electronic cash
// (JR/T 0025.12, JR/T 0025.13).
//
// A [Product] is what all cards of one kind share, a [Card] is one personalised
// card, an [App] is the application running in a powered chip. The application
// knows SELECT, GET PROCESSING OPTIONS, READ RECORD and GET DATA.
//
// What always holds:
//
//   - The application transaction counter (9F36) is stored, increased by one,
//     before anything is decided, and no two cryptograms are made with one value.
//   - A balance changes only when the last record of the AFL is read after a TC,
//     together with the counters, the log and the store of the last answer, in
//     one transaction of the memory; a prepaid ARQC (9F68 byte 2 b8) is the one
//     exception and deducts before its answer.
//   - What was answered to that READ RECORD can be read again, also after the
//     power has failed, until the next GET PROCESSING OPTIONS.
//   - No answer holds a key; no input makes the application panic.
//
// Room is left for the contact side, scripts, the second currency and the
// transit extension: their counters, commands and files are not here yet.
//
// Sources: JR/T 0025.5 (data elements, FCI, commands), JR/T 0025.12 (qPBOC card
// decision, 9F10, fDDA), JR/T 0025.13 (electronic cash), EMV Book 1, 11 (SELECT),
// EMV Book 3, 6.5 (READ RECORD, GET DATA, GET PROCESSING OPTIONS).
package pboc
