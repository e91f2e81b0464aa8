// Package gate is the stage between a kernel and the road: a metro entry gate, a
// metro exit gate, a bus validator and the two readers of a bus with distance fares. It
// knows prices, journey and station records and torn taps; the kernel knows bank cards
// (terminal/kernel), the purse's machine purses (terminal/purse), and terminal/journey
// the rules.
//
// # One tap
//
// Begin, Step and StepSAM return an Action: send these bytes to the card or to the
// terminal's security module, ask for the card's removal, or the Result. A Result says what to store and then what to show: the
// host first makes the Records durable, giving each the next sequence number of
// the terminal that its row names, then tells the station records (Result.Settle),
// and only then opens the gate.
//
// # Power failures
//
// A host that outlives them writes down Gate.Pending before each command, and with
// the Records of each Result, in one write, what the array remembers: Array.Export,
// or Result.Waiting if riders need not come back. After the failure the pending rows
// are rows like others, and Array.Restore gives a new array the old memory.
//
// # Cards that carry their journeys
//
// With Config.Transit a bank card with the low-value extension tells by its own record
// where the rider entered and what counts in the month, and a purse likewise: no station
// record is read or written for them. The record of a bank card is read with a random
// number and its code checked by the security module, before anything is asked of the
// card; the rules decide; GET PROCESSING OPTIONS names the amount and what it is (DF60);
// record and log are handed over under codes of the module; and the card's last record
// commits it all together. Two things that no signature covers are compared before that
// last record: the number in the record with the card that answers GET PROCESSING OPTIONS
// (Transit.Factor), so that the record of one card does not price the payment of another;
// and the code in the card's answer to UPDATE CAPP DATA CACHE, which it gives only in a
// payment of the extension with this counter, so that nobody has made it a plain one by
// another DF60. Whether it is a fare or a completion (DF60 1 or 3) is still the word of
// who stands between: with 1 in place of 3 a card pays and keeps its hold, with 3 in place
// of 1 it refuses if it has none for this record. An entry may hold an amount that the exit completes. Station
// records remain for cards that cannot carry records, which have no extension or no
// record of this trade.
//
//	PPSE, SELECT, READ CAPP DATA, GET PROCESSING OPTIONS,
//	UPDATE CAPP DATA CACHE (record), the same (log), READ RECORD, three of them
//
// The module has seven commands in such a tap, if it is started.
//
// Which application pays is the operator's order (Transit.Applications) applied to the
// card's directory (Choose); a card without a directory is asked for each application in
// that order. An application that is then blocked does not give way to the next one.
//
// The module is started by the first tap, and by the next one after it has failed. As
// long as it does not answer, cards that need it are turned away (ModuleFailed), and a
// tap under way ends where the card has certainly not paid.
//
// # The price must be known before the card
//
// This is for the other cards.
//
// The exit fare goes into GET PROCESSING OPTIONS, but plain qPBOC tells the
// account number only in the answer to it. So the anti-collision UID (ISO/IEC
// 14443-3, known before any APDU) is taken as a hint into the station records, and
// the account number is compared with the record before the last record is read.
// If it is another card's record, the transaction is stopped where the card has
// certainly not paid (doubt row LeftBeforeLast, since a counter was used) and run
// again with the right price. Where no record can be read, the highest fare of the
// station is deducted (flag EntryUnread); where only the month's sum cannot, the
// fare without the monthly discount (MonthUnread). A rebate later is not the
// gate's work.
//
// # Torn taps
//
// If the card leaves after the last record was asked for, nobody knows whether it
// paid. The tap then waits in the Array, the memory that the gates of one array
// share. At a second tap there the card is asked first of all to repeat its last
// record, as real cards do so only until another command comes, and then for counter
// and balance; once for each application and record at which a waiting tap was torn, the
// latest first. If it is at the counter of a waiting tap, the old signature is checked
// with the record, and the old tap is finished without a new charge. Each tap that
// matches is tried before a new one begins. A card that leaves after the record is judged
// by the signature alone. A tap that nobody finishes becomes a doubt row LastAnswerLost,
// when its window ends (Array.Expire) or when its card has paid another: counter and
// balance are under no signature, so that they prove nothing. Until then the terminal's
// blocks must not end after its time (Gate.SealUntil).
//
// Where the card carries its journey there is better proof. Record and payment are
// committed together, so the record that the next READ CAPP DATA gives under a code for
// a random number decides: the one that was to be written says that the card has paid
// (ClosedByProve), the one before that it has not and never will (doubt row
// LeftBeforeLast), and the tap begins anew in the same touch. Nothing else but a signature
// decides: GET TRANS PROVE is asked, but anybody may give its answers, as the TC went over
// the air. Only a card whose record was changed elsewhere since leaves a doubt.
//
// A tap waits in the same way, with its own reason in the doubt row, if the card's last
// answer came and the gate stayed shut: the signature is wrong or the record is spoilt, or
// the leaves broke (GateFault). The card has perhaps paid, and its record says so at the
// next tap: then the row is closed (ClosedByProve, ServiceGiven) and the rider is let
// through, since what was spoilt was not the card. A card that was refused as denied,
// expired or not yet valid is refused again and not charged, and so is one that was put on
// the deny list meanwhile. If a doubt row was given, a card whose record says that it has
// just paid here is sent to the staff within PassWindow. Only if the tap was before the
// memory of the array begins does the gate open once without a row.
//
// A torn purchase of a purse is known by the card's number and closed by GET TRANSACTION
// PROVE, whose TAC the module checks (terminal/purse). Where the module has no key for it,
// the doubt row takes the codes for the issuer and the rider goes to the staff
// (Transit.AllowUnverified); any other answer that leaves open whether the purse has paid
// ends the tap without a new purchase, except that its counter has moved on. A purchase
// whose answer was spoilt on the way waits likewise. A number that was not used may be
// used by the next purchase, so the row of the torn one can have the counter of a paid one.
//
// # Paid and not yet through
//
// A card that has paid may tap again within PassWindow. It is found by its UID and
// must repeat the record that it gave when it paid; a card that cannot is known by
// its number, in its journey record or in its application, and stopped before it pays. The gate opens once more, never a third
// time, and not after Passage.
//
// # Invariants
//
//   - A gate opens only for a tap that the kernel approved, for a torn tap that
//     was finished, or once more for a card that has just paid and not yet passed.
//   - A card is charged at most once for one pass.
//   - Every counter of a bank card that a gate has seen used leaves exactly one row.
//   - Nothing is written into a card but together with its payment.
//   - A row has the price that the card was asked for.
//   - The TVR of a row is the one sent to the card, because CVN 01 covers it.
//
// A Gate and its Array are for one goroutine: the host of the array.
//
// Sources: JR/T 0025.12 (tearing, fDDA), JR/T 0025.14 (low-value extension), JT/T 978
// (purse, journey records), ISO/IEC 14443-3 (UID, random UID 08), EMV Book 1, 12.4
// (directory), EMV Book D (collision: exactly one card).
package gate
