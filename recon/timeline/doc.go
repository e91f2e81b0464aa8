// Package timeline proves, from one card's counters and balances, what the card
// paid and to whom money is due: flash cards, flash loads, lost uploads, clones.
//
// # The argument
//
// The application transaction counter (ATC, 9F36) rises at GET PROCESSING OPTIONS,
// before any decision; the balance changes only when the card answers the last
// record (JR/T 0025.12, qPBOC). So a valid transaction certificate (TC) does not
// prove that the card paid, and a missing counter is not a lost purchase: only a
// fall of the value over it is. Tag 9F10 states the balance under a MAC that
// the issuer can check, and with it the balance before the tap, B, which holds
// even when the card left too early.
//
// Two neighbouring observations p and q with g missing counters between them and a
// fall D = B(p) - B(q) hold at most one unknown bit u: whether p committed (a
// payment) or ran its script (a load). What the missing counters took together is
// R(u) = D - u*e, and u is feasible only if R(u) lies between 0 and g times the
// card's limit for one transaction (9F78). Verdict has the table of outcomes.
//
// # Invariants
//
//   - The verdicts depend on the set of observations, never on their order.
//   - The value after the last observation has no verdict.
//   - Money moves at most once for a break; a late row undoes a refund by a new
//     action with a key of its own. Judge asked twice asks for nothing twice.
//   - A refund is never larger than what the customer lacks in every feasible
//     assignment.
//   - The package is pure: time is an argument, nothing is logged, no clock is read.
//
// # Beyond the pair
//
// Pre-authorisations stay open over several pairs, a balance of 0 hides how much of a
// deposit is used (DF63), what a purse had before a trade is the terminal's word, and a
// push of a quota cuts the timeline. Such cards get a plan: values are ranges that get
// narrower from neighbour to neighbour, each pair is decided with the words of terminals
// and with MACs alone, and Basis tells which of the two a verdict needs. A plain card
// takes the short way, which allocates nothing, and both ways say the same of it.
//
//   - A word never accuses card or acquirer; a wrong one raises WordAlarm.
//   - What missing counters give back is taken off what earlier ones took: no hold that
//     was completed is refunded.
//   - A quota card moves no money at all.
//
// # The card's own logs
//
// The load log is under a MAC and decides whether a load ran (FromLoadLog). The log of
// transactions and that of journeys are not: they name the counters that nobody
// presented (Card.Note), and decide softly what is still open when the window is over.
//
// # People
//
// A refund above a limit waits until two people have approved it, and they may have
// money given before the window is over (Card.Grant). Break.Age and Card.Value answer
// what a clerk is asked: since when, and how much is on the card.
//
// Sources: JR/T 0025.5 (9F10), JR/T 0025.12 (qPBOC, fDDA), JR/T 0025.13 (load),
// JR/T 0025.14 (DF60 to DF63, pre-authorisation), JT/T 978 (purse);
// Ye Fei, 计算机时代 2016-9 and 2017-6 (the 20 days, the comparison of two loads).
// Section numbers in comments and tests are those of the chapter "The card
// timeline" of the project's reference: 2 counters, 3 pairs, 4 states, 5 repeats,
// 6 deposit, 7 quota, 8 purse, 9 logs, value, approval and age, 11 books, 12 journeys, 13 the worked example.
package timeline
