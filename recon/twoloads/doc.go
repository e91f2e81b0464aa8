// Package twoloads is the method of the papers that first described how flash cards
// and flash loads are found: two loads are compared by balance and counter. It stands
// beside the card timeline so that the two can be compared; no money depends on it.
//
// # What the papers say
//
// The older paper (1) describes what banks did: the customer leaves the card at the
// branch for 20 days, the time within which merchants must send their offline
// transactions, and comes twice. Its own answer is a quota in place of a balance, so
// that a flash card costs head-room and no money.
//
// The younger one (2) compares two loads. The customer who misses money is asked to
// load once more, and the host then has from 9F10 and 9F36 of both requests the
// counters A1 and A2 and the balances Y1 and Y2, L1 from the first load, and T, the sum
// of the offline transactions that merchants sent for the time between:
//
//   - Normally Y1 + L1 - T = Y2.
//   - Flash card (2, section 3.1): after the merchants' clearing period Y2 is less. The
//     printed sentence breaks off at the sign; that the amount is the difference
//     Y1 + L1 - T - Y2 follows from "normally equal".
//   - Flash load (2, section 3.2): if A1 + 1 = A2 nothing lies between, and Y2 = Y1 says
//     at once that the first load did not run. Otherwise, after the clearing period,
//     Y2 = Y1 - T says so. The amount is L1 either way.
//
// # Which formula speaks
//
// Y2 = Y1 - T and Y1 + L1 - T - Y2 = L1 are the same equation, so a flash load always
// looks like flash cards of its amount too. The papers choose by what the customer
// complains of. Here the load's own result chooses: a flash load is one whose result
// never came back (2, section 1), so a load that the host knows to have run is never
// called one; otherwise the more special formula, the one for loads, goes first.
// Answer.Either marks these answers.
//
// # What it cannot tell apart
//
//   - A load that did not run, and flash cards of its exact amount.
//   - A load that did not run together with a flash card: it answers one flash card of
//     the sum; the total is right, the name is wrong.
//   - A flash card, a row that a merchant lost and one that comes after the window: all
//     are called flash cards.
//   - A row that the card never paid hides as much of a flash card.
//   - Rows are summed by time and not by counter, so a terminal's wrong clock puts a row
//     between the wrong loads: one flash card too many, and one sum that fits nothing.
//   - Where Y2 is more than Y1 + L1 - T the papers have no sentence: Undecided.
//   - What is behind the last load has no answer at all.
//
// Every one of these is a test of this package.
//
// # Invariants
//
//   - The answers depend on the sets of loads and spends, not on their order.
//   - An answer once given does not change.
//   - Pure: time is an argument.
//
// Sources: (1) Ye Fei, Computer Era 2016(9), on proximity payment in public transport;
// (2) Ye Fei, Computer Era 2017(6) 19-21, on flash cards and flash loads in TSM
// business. JR/T 0025.5 and 0025.12 for 9F10 and 9F36.
package twoloads
