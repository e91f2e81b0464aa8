// Package emv is the debit/credit kernel of a terminal: EMV as JR/T 0025.5 and
// JR/T 0025.6 take it over, over the contacts and over the air, electronic cash over
// the contacts (JR/T 0025.13), and loads and unloads of electronic cash by issuer
// script. qPBOC and magnetic stripe data are package kernel's.
//
// A Machine is a pure step machine, like that of package kernel: its owner feeds
// events to Step and does what the Ready says: send this command, let the cardholder
// choose, ask for the PIN, ask the issuer, let the card be taken away, or take the
// Outcome. It knows no reader, no PIN pad, no host, no clock and no random source.
//
// # Order
//
//  1. Selection: payment directory (PSE or PPSE) or list of names, choice, SELECT.
//  2. GET PROCESSING OPTIONS, READ RECORD as the file locator says.
//  3. GET DATA 9F36 and 9F13 if the card has limits for velocity checking.
//  4. Offline data authentication: SDA, DDA with INTERNAL AUTHENTICATE, or CDA, whose
//     signature comes with the cryptogram; RSA or SM2.
//  5. Processing restrictions, cardholder verification, terminal risk management.
//  6. For electronic cash GET DATA 9F79 and 9F6D.
//  7. Terminal action analysis and the first GENERATE AC.
//  8. After an ARQC: the issuer, EXTERNAL AUTHENTICATE, scripts 71, the second
//     GENERATE AC, scripts 72.
//
// # What is certain
//
//   - Approved is never said without a TC, and if CDA was asked for, without its
//     signature.
//   - A debit/credit card holds no money: whatever happens, nothing is committed.
//   - Electronic cash pays with the answer to a GENERATE AC that asks for a TC. Once
//     that was sent and no answer came, the commit is unknown; before, the card
//     cannot have paid.
//   - Whatever the issuer has approved, or may have, and has not come about, has its
//     reversal. A load or unload has come about if the card has taken the new balance;
//     one that it may have taken is not to be undone but asked about (ScriptUnknown).
//
// Bad answers of a card or an issuer end in an Outcome with a fault, never in a
// panic. Step panics only if its owner feeds an event that the last Ready did not
// ask for.
//
// Sources: EMV Book 1, 12 (selection); EMV Book 3, 5 to 10 (data, commands,
// functions); EMV Book 4, 6 (terminal); EMV Book 2, 5 to 7 (authentication); JR/T
// 0025.5, JR/T 0025.6, JR/T 0025.7, JR/T 0025.13, JR/T 0025.17.
package emv
