// Package authorise is the issuer's side of an online request: is it the card that
// asks, may it, does the account cover it, and what is the card told.
//
// An Authoriser reads field 55 strictly, recomputes the card's cryptogram (versions 01
// and 17, triple DES and SM4) and the MAC over the balance in 9F10, or the dynamic
// check value on track 2, or the check value of a stripe; it looks at the counter, the
// card, the PIN and the account; and it answers with a code (field 39), 91, and the
// scripts of a load, of an unload and of the orders that wait for the card.
//
// What always holds:
//
//   - Nothing moves, and no counter counts as seen, before the request is proved.
//   - A number (a card's counter; terminal and sequence number of a stripe) is decided
//     once. The same request gets the stored answer, another one is refused.
//   - Decision, account, counter and orders change in one call of Cards.Store.
//   - Chip, stripe and stripe data of one card are one account and one counter: where a
//     request has no sequence number, the card is found by its number and its proof.
//   - A load sets the balance itself, computed from the balance that the card states
//     under its MAC, never a difference: a script that comes twice changes nothing.
//   - An order stays in the queue until the card itself shows what became of it.
//   - A load or unload is taken back only on evidence; otherwise it stays open until
//     the card shows its balance. That is believed above what any terminal has said.
//   - An unload is credited when the card shows that it ran, or its terminal reports the
//     script as carried out; never on approval.
//   - The package is pure: no clock, no random source, no lock. Masters and Authoriser
//     belong to one goroutine.
//
// Sources: JR/T 0025.5 (ARQC, ARPC, scripts), JR/T 0025.7 (keys), JR/T 0025.12 annexes
// D and E (9F10, version 17; dynamic check value: edition of 2010), JR/T 0025.13 (load),
// JR/T 0025.17 (SM4), GB/T 15150 (fields 39 and 55), EMV Book 4 annex A5 (script
// results). Where the balance after consecutive loads decides: the project's card
// timelines.
package authorise
