// Package gate is the stage between a kernel and the road: a metro entry gate, a
// metro exit gate and a bus validator. It knows prices, station records and torn
// taps; the kernel knows cards.
//
// # One tap
//
// Begin and Step return an Action: send these bytes to the card, ask for its
// removal, or the Result. A Result says what to store and then what to show: the
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
// # Paid and not yet through
//
// A card that has paid may tap again within PassWindow. It is found by its UID and
// must repeat the record that it gave when it paid; a card that cannot is known by
// its number, and stopped before it pays. The gate opens once more, never a third
// time, and not after Passage.
//
// # Invariants
//
//   - A gate opens only for a tap that the kernel approved, for a torn tap that
//     was finished, or once more for a card that has just paid and not yet passed.
//   - A card is charged at most once for one pass.
//   - Every counter of a card that a gate has seen used leaves exactly one row.
//   - A row has the price that the card was asked for.
//   - The TVR of a row is the one sent to the card, because CVN 01 covers it.
//
// A Gate and its Array are for one goroutine: the host of the array.
//
// Sources: JR/T 0025.12 (tearing, fDDA), ISO/IEC 14443-3 (UID, random UID 08),
// EMV Book D (collision: exactly one card).
package gate
