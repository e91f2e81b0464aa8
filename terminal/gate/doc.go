// Package gate is the stage between a kernel and the road: a metro entry gate, a
// metro exit gate and a bus validator. It knows prices, station records and torn
// taps; the kernel knows cards.
//
// # One tap
//
// Begin and Step return an Action: send these bytes to the card, ask for its
// removal, or the Result. A Result says what to store and then what to show: the
// host first makes the Records durable, giving each the next sequence number of
// the terminal that its row names, and only then opens the gate.
//
// # The price must be known before the card
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
// share. A second tap there reads counter and balance; if they are those of a paid
// tap, the card repeats its last record, the old signature is checked with it, and
// the old tap is finished without a new charge. If the balance shows that the card
// did not pay, the old tap becomes a doubt row LeftBeforeLast and a new one begins.
// A tap that nobody comes back for becomes a doubt row LastAnswerLost when its
// window ends (Array.Expire).
//
// # Invariants
//
//   - A gate opens only for a tap that the kernel approved, for a torn tap that
//     was finished, or again for a card that has just paid and not yet passed.
//   - A card is charged at most once for one pass.
//   - Every counter of a card that a gate has seen used leaves exactly one row.
//   - The TVR of a row is the one sent to the card, because CVN 01 covers it.
//
// A Gate and its Array are for one goroutine: the host of the array.
//
// Sources: JR/T 0025.12 (tearing, fDDA), ISO/IEC 14443-3 (UID, random UID 08),
// EMV Book D (collision: exactly one card).
package gate
