// Package report writes the page of a conformance run: one HTML file that needs
// nothing else.
//
// The page begins with the verdict and a chart of the groups. The failed cases come
// first, each with its clause, what was expected, what came and the commands that led
// there; all cases follow by group. [Page] is what it says, of a card ([Write]) or of a
// terminal (package certify/terminal/report).
//
// # Invariants
//
//   - The same report gives the same bytes: no clock, no map, no float.
//   - The file refers to nothing outside itself: style and drawings are inline, and a
//     content security policy forbids scripts and requests.
//   - Every text of the report is escaped. Account numbers are masked by package
//     certify before they come here.
//   - Languages are switched by style alone: both, English, Chinese.
//
// To look at the page of a run against a development card with a fault:
//
//	go test ./certify/report -run TestPage -sample /tmp/certify.html
//
// Sources: the drawings are our own; what is said about a card is in
// certify.Report.
package report
