// Package kernel is the qPBOC kernel of a terminal: the conversation with one
// contactless card, as a pure step machine. It reads magnetic stripe data over the air
// too (edition of 2010); debit/credit and electronic cash over contacts are
// terminal/kernel/emv.
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
//   - and that only if the signature is good: otherwise anybody may have given that
//     answer, and the card may never have heard the command.
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
// # Going online
//
// Where the card answers ARQC nothing is paid, and the Outcome OnlineRequired has what
// the issuer needs: Machine.ICC, Data.Track2, and the CVM that the card asks for. There
// is no second cryptogram in qPBOC: the card may be gone by then.
//
// # Cards that carry their journeys
//
// With Config.Transit the machine knows the low-value extension of JR/T 0025.14. A card
// that has it (Machine.Support) makes the machine wait twice for the host: at
// Ready.Transit, when its application is selected and nothing has been asked, where the
// host reads the journey (Ask, READ CAPP DATA), works out the fare and calls Trade with
// amount and DF60; and at Identified, where it gives the card the new records (Ask,
// UPDATE CAPP DATA CACHE), whose codes need the counter. Amount and records take effect
// together with the last record. Every other card is asked to pay at once, as ever.
//
//	Start .. Transit: Ask* Trade .. Identified: Ask* Continue .. RemoveCard .. Outcome
//
// Neither the records nor DF60 are under the card's signature: what was written is
// proved by READ CAPP DATA with a random number, of which Reply has the code.
//
// # Torn transactions
//
// If the card left after its last record was asked for, the host keeps a Clone of the
// Data. Back in the field the card is probed: SELECT, the last record again, for a
// payment of the extension GET TRANS PROVE, then 9F36 and 9F79, in this order, as real cards repeat the record only until another command
// comes. Resume then checks the old signature with the 9F69 of the repeated record.
// That proves that the card has paid; that it has not, nothing proves: counter and
// balance are under no MAC (Probe.Verdict), nor is the proof (Proof).
//
// # Invariants
//
//   - No answer of a card makes the machine panic or run for ever: at most
//     MaxRecords records are read.
//   - Every refusal has a Fault that names the data object or the status word.
//   - An answer that contradicts what the card was told, or itself, ends the
//     transaction before the last record.
//   - An event that the host may not send in the present state panics: that is a
//     fault of the program, never of a card.
//
// # Sources
//
// JR/T 0025.12 (qPBOC: pre-processing, TTQ, processing options, records, fDDA),
// JR/T 0025.5 (data elements), JR/T 0025.14 (low-value extension), JR/T 0025.17 (DF69),
// EMV Book 1, 12 (selection), EMV Book 3, 10.2 to 10.4 (records, offline data
// authentication, processing restrictions), EMV Book B (PPSE).
package kernel
