// Package report writes the page of a conformance run against a terminal: one HTML file
// that needs nothing else, in the form of the page for cards (certify/report).
//
// The page begins with the verdict and a chart of the groups. The failed cases come
// first, each with its clause, what was expected, what came and the commands that the
// card has seen; all cases follow by group.
//
// # Invariants
//
//   - The same report gives the same bytes: no clock, no map, no float.
//   - The file refers to nothing outside itself: style and drawings are inline, and a
//     content security policy forbids scripts and requests.
//   - Every text of the report is escaped. Account numbers and PINs are masked by package
//     terminal before they come here.
//   - Languages are switched by style alone: both, English, Chinese.
//
// Sources: the drawings are our own; what is said about a terminal is in terminal.Report.
package report
