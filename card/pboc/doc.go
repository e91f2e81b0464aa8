// Package pboc is the finance application of the chip: qPBOC electronic cash
// (JR/T 0025.12, JR/T 0025.13), and for products with a [Contact] side debit/credit
// (JR/T 0025.5) over both interfaces, electronic cash over the contacts, issuer
// scripts with load and unload, a second currency (JR/T 0025.15) and magnetic
// stripe data.
//
// A [Product] is what all cards of one kind share, a [Card] is one personalised
// card, an [App] is the application running in a powered chip.
//
// What always holds:
//
//   - The application transaction counter (9F36) is stored, increased by one,
//     before anything is decided, and no two cryptograms of one type are made with
//     one value. At FFFF the application is blocked for good.
//   - In qPBOC a balance changes only when the last record of the AFL is read after
//     a TC, together with the counters, the log and the store of the last answer,
//     in one transaction of the memory; a prepaid ARQC (9F68 byte 2 b8) is the one
//     exception and deducts before its answer. What was answered to that READ
//     RECORD can be read again, also after the power has failed, until the next GET
//     PROCESSING OPTIONS.
//   - What GENERATE AC, EXTERNAL AUTHENTICATE and a script change is stored in one
//     transaction of the memory before the answer: a TC that nobody received has
//     paid, and an ARQC that nobody received is in the CVR of the next transaction.
//   - The counter of PIN tries falls in the memory before a PIN is looked at. What the
//     comparison then changes, all tries again or an application that is blocked, is
//     a second transaction of the memory before the answer.
//   - A product without a contact side keeps [Product.MemorySize] small: its memory,
//     its commands and its speed are those of qPBOC alone.
//   - No answer holds a key or a PIN; no input makes the application panic.
//
// With an [Extension] the card carries its own journeys (JR/T 0025.14): records that a
// gate updates wait in RAM and are stored in the transaction of the memory that
// deducts, or not at all; a fare beyond the balance is taken from the deposit; a
// quota, which the issuer sets by a pushed command that cannot come twice, is spent by
// gates only. A card without it is the same to the byte as if there were none.
//
// Sources: JR/T 0025.5 (data elements, FCI, commands, card risk management),
// JR/T 0025.7 (keys), JR/T 0025.12 (qPBOC card decision, 9F10, fDDA, magnetic stripe
// data in the edition of 2010), JR/T 0025.13 (electronic cash), JR/T 0025.15 (second
// currency), JR/T 0025.14 (low-value extension), JR/T 0025.17 (SM algorithms, DF69), EMV Book 1, 11 (SELECT), EMV Book 2,
// 5 to 7 (DDA, CDA, PIN), EMV Book 3, 6.5 (commands) and 10.
package pboc
