// Package report writes the page that a simulated business day leaves behind:
// report.html, one file that needs nothing else.
//
// Data is plain values; whoever ran the day fills it, and the page says nothing
// that is not in it. Checks is the verdict on the day: what must hold, what was
// found. The stamp at the head of the page is green only if every check holds.
//
// # Invariants
//
//   - The same Data gives the same bytes, on every machine: no clock, no map, no
//     float. Positions in drawings are whole hundredths of a percent.
//   - The file refers to nothing outside itself: style and drawings are inline, and
//     a content security policy forbids scripts and requests.
//   - Every text that comes from Data is escaped; a colour that is not #RRGGBB is
//     drawn grey.
//   - Account numbers are shown masked only (txn.PAN).
//   - Languages are switched by style alone: both, English, Chinese.
//
// To look at a page made from invented figures:
//
//	go test ./sim/report -run TestFullDay -sample /tmp/report.html
//
// Sources: the drawings are our own; the states of breaks are those of package
// recon/timeline, the outcomes those of packages acquirer and clearing.
package report
