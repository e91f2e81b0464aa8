// Package psam is the purchase secure access module: the card inside a terminal
// that holds the keys of an industry and does for the terminal what needs them. It
// opens and closes purchases from electronic purses (INIT_SAM_FOR_PURCHASE and
// CREDIT_SAM_FOR_PURCHASE), protects commands to cards and makes MACs and TACs
// (INIT_FOR_DESCRYPT, DES CRYPT), and proves a terminal to a social security card
// (DELIVERY KEY).
//
// A module has an MF with its own serial number and the terminal number, and below
// it applications with keys and a terminal transaction counter each: 8011 for
// T-Union, 1001 for City Union. It is a [cos.Template] like any card, so it can sit
// in any reader's slot.
//
// What always holds:
//
//   - A key is never in an answer, and works only for what its type, its form and
//     its number of diversification levels say. So no command can be led to
//     encipher what would give away the key of a card.
//   - A terminal transaction number is answered after the counter that holds it
//     was committed, so it is never given twice, whenever the power fails. It never
//     wraps round.
//   - A try is taken off in memory before a MAC is compared, in constant time.
//     Three wrong MAC2 in a row lock the application for good.
//   - An application knows no key, counter or file of another.
//   - Every malformed command is answered by a status word. The only error is
//     cos.ErrPowerCut.
//
// Record keys of the low-value extension (JR/T 0025.14) are keys of type
// [TypeMAC]: the industry's master key is diversified by the card's factor of
// eight bytes, and UPDATE CAPP DATA CACHE is protected by DES CRYPT with the
// initial value 000000000000 ATC.
//
// Sources: the PSAM of the electronic purse (JR/T 0025, PBOC), as terminals of
// JT/T 978, of City Union, of toll roads and of social security cards (LD/T 32) use
// it. Where they are silent the choices are ours and told at the commands.
package psam
