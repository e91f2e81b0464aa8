// Package tap lets one card meet a terminal and tells the story: every command and
// answer with its meaning, the time that each took and would take on the air, what
// the terminal concluded and why, and how the sale ended.
//
// [Run] drives a till (terminal/pos) with a card behind any reader, a host
// (role/host), a person and a clock, and gives a [Trace]. [Shop] is the
// configuration of a development terminal, [Trace.Report] the JSON form; package
// role/tap/page prints a trace for people.
//
// # Invariants
//
//   - Whatever card, host and reader do, a run ends with a result that says what is
//     certain about the money. Only a reader that cannot be opened at first is an
//     error.
//   - Card numbers in the trace are masked unless the explainer was told to show them;
//     PINs, PIN blocks and enciphered PINs are never there.
//   - A reversal is sent to the host even if the run was interrupted, and stays in the
//     result for later if it does not arrive.
//   - Time comes from the caller's clock.
//
// Sources: EMV Book 3, 6.5 (commands), EMV Book 4 (terminals), JR/T 0025.12 (qPBOC);
// the form of the trace is our choice.
package tap
