// Package recon is the last stage of the road: it keeps the timeline of every card,
// finds what is missing, and says what is to be paid back, by whom and when.
//
// Day is the use case. It first adds the window's observations to their cards, then
// judges every card that is open. Both steps can be repeated after a crash at any
// point: adding an observation twice changes nothing, and a judgement asks for an
// action only once, because the store keeps the card and the postings that it asked
// for in one transaction (Store.Save).
//
// The stage owns its ports (Store) and reads other stages' results as txn records.
// The logic is in package timeline, which is pure; this package holds no clock either.
//
// Invariants: money moves at most once for a break; what does not verify is never an
// observation; a card whose stored form is damaged is reported and left alone, and
// stops nobody else's day.
//
// Sources: as package timeline.
package recon
