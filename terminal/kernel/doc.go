// Package kernel is the qPBOC kernel of a terminal: the conversation with one
// contactless card, as a pure step machine.
//
// The host feeds events (Start, what the card answered, the card has left) to
// Machine.Step and does what the returned Ready says: send this command, ask for
// the card's removal, or take the Outcome. The machine never blocks, knows no
// reader, no clock and no random source: amount, time and unpredictable number
// come in with Input. A Machine is reused for any number of taps and does not
// allocate for a card that behaves.
//
// # What is certain
//
// A qPBOC card makes its cryptogram at GET PROCESSING OPTIONS and pays when the
// last record of the file locator is read. Commit in the Outcome follows from that:
//
//   - before the last READ RECORD was sent the card has certainly not paid;
//   - after it was sent, only an answer 9000 makes it certain that the card paid;
//   - and that only if the card is genuine: of one that is not, nothing is certain.
//
// The proof that the genuine card itself gave the last record is fDDA version 01,
// whose signature covers 9F69. Nothing that the card signs covers the bit of 9F66
// that asks for it, so a card whose signed 9F08 says that it can must give 9F69;
// Config.RequireFDDA01 demands it of every card.
//
// So the machine stops at Identified, when the account number is known and nothing
// is paid yet, and lets the host say Continue or Stop. The deny list, and the
// dates of the application as far as they are known by then, are looked at before
// the last record too: refusing a card must not cost its holder money.
//
// Certificates and the dynamic signature are checked when the card has left the
// field (CardRemoved), before the Outcome; only Approved may open a gate.
//
// # Invariants
//
//   - No answer of a card makes the machine panic or run for ever: at most
//     MaxRecords records are read.
//   - Every refusal has a Fault that names the data object or the status word.
//   - An event that the host may not send in the present state panics: that is a
//     fault of the program, never of a card.
//
// # Sources
//
// JR/T 0025.12 (qPBOC: pre-processing, TTQ, processing options, records, fDDA),
// JR/T 0025.5 (data elements), JR/T 0025.17 (DF69), EMV Book 1, 12 (selection),
// EMV Book 3, 10.2 to 10.4 (records, offline data authentication, processing
// restrictions), EMV Book B (PPSE).
package kernel
