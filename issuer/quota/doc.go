// Package quota is the issuer's side of the quota scheme: a card whose balance (9F79) is
// no money but how much may be spent on journeys before the issuer debits the account.
//
// A Service is what the issuer knows of one card, a Machine the rules. Each method takes
// one event (a request, a row of the T+1 file, what the books or the card answered, time),
// changes the Service and returns Effects. The caller stores the Service first and carries
// the Effects out afterwards; what a crash takes away, Machine.Transfers and
// Service.Outgoing give again. A Session carries one stored push through a secure channel
// to the card, in a phone or at a reader.
//
// What always holds:
//
//   - A row is debited once: its transfer's id is made of card, chip generation and counter.
//   - What the card may still cost the issuer (Exposure) is bounded by counters and by
//     balances under MAC alone, and nothing is pushed that would lift it above the cap.
//   - A push is stored before its bytes leave; the same bytes are sent again until the card
//     has answered; a new value has a higher Push ATC.
//   - Nothing is ever given back: counters that were never presented lower the head-room
//     until the next push, not the account.
//   - The operator is paid whatever becomes of the account: what it cannot pay is a claim on
//     the customer, the card goes on the deny list and gets no quota until it is paid.
//   - The package is pure: no clock, no random source, no lock. A Machine belongs to one
//     goroutine.
//
// # The bound
//
// Between two neighbouring counters that are known, p and q, the card has spent what it
// had after p, less what it had before q, plus what pushes in between have added. No
// counter missing: nothing. A push adds at most its value, since it sets the balance (and
// pays the deposit that is used first). So the exposure is the sum of that over all pairs
// whose missing counters can still be presented, what the card had after the last counter,
// the deposit, and every push not yet placed in a pair. A balance that rises over a pair
// shows that a push lies there, since a card with a quota has no pre-authorisation whose
// completion could give something back. Counters before q are over when Terms.Window has
// passed since q came.
//
// Sources: Ye Fei, A new solution of mobile proximity payment applied to public
// transportation, 计算机时代 2016-9 (service, T+1 debit, restoring, Push PUT DATA, push
// session); JR/T 0025.14 (DF61 to DF63); JR/T 0025.12 annex D (balance
// in 9F10); GlobalPlatform Card Specification 2.2 annex E and Amendment D (secure
// channels); the project's card timelines (segments, exposure).
package quota
