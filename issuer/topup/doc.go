// Package topup says what became of a load or unload of electronic cash, in one of three
// words for rider and clerk: loaded (已到账), not loaded and the money back (未到账已退回), or
// being checked (核实中), and then until when at the latest and what will decide it.
//
// # Who owns which state
//
// A load or unload has one decision at the issuer's host and one observation in the
// card's timeline. Money moves for it in four ways, each at most once:
//
//	event                                      who moves         posting
//	load approved                              host              customer -> float
//	a terminal says: the load was not sent,    host: advance     float -> customer
//	did not run; the unload ran
//	the card's next balance says so            reconciliation    refund, less the advance
//	the card's next balance says the opposite  host              takes the advance back
//
// So the host acts on words, as long as the card was not seen since, reconciliation on
// proofs, and a refund is paid out of the advance first. The host never moves money because of a balance: it only notes the state.
//
// The package is pure: what the two know goes in, the word comes out.
//
// Sources: JR/T 0025.13 (load), the project's card timelines, sections 3, 4 and 11; the
// words are our choice.
package topup
