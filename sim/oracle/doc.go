// Package oracle says what is true in the simulated city, and what can be known.
//
// Reconciliation answers two questions from the evidence that reached it: did this
// card pay at this counter, and to whom is money due. This package answers the same
// questions a second time, from as little cleverness as possible, so that the two can
// be compared. It imports nothing of reconciliation, and reconciliation cannot reach it.
//
// # What can be known
//
// Decide takes the rows of one card that arrived, plays every history that the card
// can have had, and keeps the histories in which every stated balance is right. A row
// is decided if all of them agree on its end. Judge compares that with what the
// injector caused, so that caused = decidable + undecided. Chip.Decide does so for cards
// that hold, use a deposit, have a quota or are purses; it believes what terminals say
// beside the MACs.
//
// # What is decided, and since when
//
// Case is one card with all its evidence: rows and, as Seen.Load, the load requests of
// the host log (ARQC: balance before, amount; whether the script ran is what histories
// differ in), each with the moment of its arrival. Case.At says what is known at a
// moment: every pair of neighbours, flash cards, flash loads, clones, what missing
// counters certainly took once their window is over, and what is due to the customer.
// Case.Decided asks again at each of several moments and dates what is decided:
//
//	c := oracle.Case{Limit: cap, Window: 20 * 86400, Seen: []oracle.Seen{
//		{Load: &oracle.Load{ATC: 1, Before: 0, Amount: 5000, Time: t0}, Arrived: t0},
//		{Row: row, Arrived: t1},
//	}}
//	for _, d := range c.Decided([]int64{day1, day2, day3}, nil) { ... d.Sort, d.P, d.Flash.Amount, d.At ... }
//
// A pair is played by itself, because each balance is under a MAC: a contradiction
// says something about its own pair only. Words of terminals choose between histories
// that the balances leave, and never against them.
//
// # What is true
//
// Books is told what left each chip, what the issuer posted for it and what was given
// back, and matches them event by event. From it follows what the issuers' float must
// be at any moment.
//
// # Invariants
//
//   - The truth is always one of the histories: a decided row is decided as it was.
//   - The answers depend on the set of rows and, for each card, on the sums of what
//     was posted and refunded, not on their order.
//   - A posting is backed by one commit of the same counter and amount, or by none.
//   - Total committed - posted - refunded + undone = outstanding - unbacked -
//     overpaid + overtaken, in total and for every card.
//   - Pure: no clock, no random source, no goroutine. One goroutine at a time.
//
// # Limits
//
// Chip and Books know no loads after the issue, quota cards are loaded by pushes only.
// Case is for cards without holds, deposit, pushes or purse. Cards whose 9F10 states no electronic cash balance do not speak here. Holds,
// completions, deposits, pushes and purses are for Chip.Decide; to Decide they are
// silent.
//
// Sources: JR/T 0025.5 (9F10, issuer discretionary data 01), JR/T 0025.12 (qPBOC: the
// counter rises at GET PROCESSING OPTIONS, the value falls with the last record; fDDA
// and 9F69). Section numbers in comments and tests are those of the chapter "The card
// timeline" of the project's reference: 1 facts, 3 pairs, 4 states, 5 repeats, 11
// books, 13 the worked example.
package oracle
