// Package terminal is a conformance run against any PBOC terminal, whoever made it:
// cards that follow a script, good ones and bad ones, are put before the terminal one
// after the other, and what it sends to them is judged.
//
// Each case is one transaction, at a gate one tap or several: a card, an amount, what the person at the terminal does
// and what the issuer answers. The verdict stands on what the card has seen: which
// commands came in which order, what the terminal told in the data of PDOL, CDOL1 and
// CDOL2 (TVR, CVM results, amount, unpredictable number), which cryptogram it asked for,
// and that it stopped where the transaction is over. If the terminal reports how the
// transaction ended, in one of the words of [Outcomes], that is judged too.
//
// # The cards
//
// A case begins with a good card, made anew with keys that [Options] gives, and says what
// is different from it: objects changed before the issuer signed them, objects spoiled
// after that, and answers that are altered, late or lost on their way. The account number
// is another for every case, so that a terminal which counts by card is not led astray.
//
// The cards for gates carry their own journeys (JR/T 0025.14) or a purse of JT/T 978. They
// stay the same through the taps of a case, and obey the rules of their commands: what a
// right gate never sends is refused and noted.
//
// # The terminal
//
// Package terminal does not drive the terminal itself: [Terminal] does, in this process
// or through a virtual reader. The terminal must be set up as [Setup] says, development
// keys and limits included; cases that need what a terminal does not have are skipped
// with the reason.
//
// # Invariants
//
//   - The same terminal, options and random bytes give the same report: no clock, no
//     goroutine, no file here.
//   - Nothing that a terminal sends makes a panic or an endless loop: a card answers at
//     most [MaxCommands] commands, then it is gone.
//   - It judges terminals, so it uses no code of a terminal, and none of the cards of
//     this module: only the libraries that decode messages and know the algorithms.
//   - PINs and account numbers are masked in the report.
//
// Sources: EMV 4.3 Books 1 to 4; EMV Contactless Book B; JR/T 0025 parts 4, 5, 6, 7, 12,
// 13, 14 and 17; JT/T 978; LD/T 32; ISO/IEC 7816-3 and 7816-4. Where JR/T 0025 repeats EMV the clause of EMV is
// named, since anyone can read it.
package terminal
