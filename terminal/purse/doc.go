// Package purse is a terminal's side of electronic purses: T-Union cards of JT/T 978
// and City Union cards. [Machine] takes purchases at gates, in buses and at tills;
// [Loader] loads and unloads with a host. Both are pure step machines, like
// terminal/kernel for bank cards: no reader, no clock and no random source; bytes and
// times come in, commands go out.
//
// # A purchase
//
// Begin selects the application; its name comes from the directory that the host has
// read. The machine reads file 15 and the journey records that the host names, and
// stops at Ready.Known: who the card is, and where the rider came from, is known, and
// nothing is charged. Trade begins the purchase with the amount that the host has
// decided; Ready.Opened stops once more, when the card has told its counter and
// balance, so that Write can hand in the records that are written together with the
// fare. Then the security module opens the purchase (terminal/sam), the records go into
// the card's cache (80DC), and DEBIT (8054) commits all at once.
//
// # What is certain
//
//   - Before DEBIT was sent the card has not paid, whatever happens.
//   - After it was sent only TAC and MAC2 that the module accepts make it certain that
//     the card has paid. Any other answer to it, none, or a module that fails then,
//     leaves a doubt.
//   - The TAC is checked first, where the module has the key: a wrong MAC2 counts in
//     the module, and three lock it for good.
//
// # Torn purchases
//
// When the card comes back, Prove at Ready.Known asks it for the proof of the torn
// purchase: GET TRANSACTION PROVE with the number that the purchase would have been
// logged under. A TAC that the module accepts is proof that the card has paid. 9406, and
// a counter that shows that the number was not used or was used by another purchase, is
// the card's word that it has not; no card gains by a lie there, since it is charged
// anew and the gate opens once. Cards that name purchases by the number before are told
// from that by asking once more with it, where only a genuine TAC counts, since it may
// be the number of the purchase before. Unverified is no proof: any card can answer
// eight bytes, and no gate opens for them.
//
// # Invariants
//
//   - No answer of a card or module makes the machine panic or run for ever.
//   - Every refusal has a Fault that names the status word or what is wrong.
//   - INITIALIZE uses up no number; only a purchase that is in doubt or paid needs a
//     row.
//   - No value prints or stores a card number or a PIN, but Data.Append, which is for the
//     terminal's own store.
//   - An event that the host may not send in the present state panics: that is a fault
//     of the program.
//
// Journey records of purses are read without a MAC, as terminals in the field do.
//
// Sources: the electronic purse of JR/T 0025 (PBOC), JT/T 978, published conversations
// of City Union cards. Our choices are told where they are made.
package purse
