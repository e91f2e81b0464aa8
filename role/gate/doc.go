// Package gate lets cards meet a gate, a bus validator or an inspector's device at a
// reader: a simulated card, one behind PC/SC, or one that connects to a virtual reader;
// with a security module (PSAM) in a second slot or in the process. [Session.Tap] runs
// one tap of terminal/gate and gives a [Trace]: every command to card and module with its
// meaning and time, the rows that the tap leaves, the card's journey before and after,
// and what the rider reads.
//
// [Setup.Terminal] is the configuration of a development terminal with development keys;
// [State] is what an array of gates remembers between two runs of a program: torn taps,
// cards that have just paid, and station records of cards that carry no journeys.
//
// # Invariants
//
//   - Whatever card, module and reader do, a tap ends with a result that says what is
//     certain about the money. Only a reader that cannot be opened is an error.
//   - Card numbers are masked in a trace, also where they are the factor of a journey
//     record's key, unless the explainer was told to show them. What the module is told is
//     never shown but for the command's name.
//   - Time and random numbers come from the caller.
//
// Sources: those of terminal/gate; the form of the trace is our choice.
package gate
