// Package page prints the trace of a terminal (role/tap) for people: one block for
// each command with bytes and meanings, between them what the terminal concluded, and
// at the end a summary with a chart of the time in the field.
//
// Invariants:
//
//   - No line is wider than the page, in either language; a Chinese character takes
//     two places.
//   - Without colour the output has no control characters, whatever a card says.
//   - It prints what the trace holds: masking is done there.
package page
