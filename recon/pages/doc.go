// Package pages writes what reconciliation found as pages for people: an import of a
// bank's own files, one card for a clerk, a trial against the simulator's truth. Each
// page is one HTML file that needs nothing else.
//
// Plain values in, one page out: whoever has the findings fills Import, Card or Trial,
// and a page says nothing that is not in them. Times are unix seconds and 0 for none;
// pages show them at UTC+8. Words come in two languages, and the reader switches between
// English, Chinese and both without any script.
//
// # Invariants
//
//   - The same data gives the same bytes, on every machine: no clock, no map, no float.
//     Positions in drawings are whole hundredths of a percent.
//   - A page refers to nothing outside its file: style and drawings are inline, and a
//     content security policy forbids scripts and requests.
//   - Every text that comes from the data is escaped. Account numbers are shown masked
//     only (txn.PAN), and whatever looks like one in a text of others is masked too.
//   - Sizes are bounded: lists are cut with a word for the rest, sums and charts cover all
//     of them.
//   - Data that nobody would expect (unknown states, extreme values) gives a page all the
//     same, never a panic.
//
// # The chart of a card
//
// Value over counters: every observation has a slot, with the value before it on the left
// and the value after it on the right; where the value is known to a range there is a
// band. Missing counters are hatched, up to three slots wide. Breaks are coloured behind,
// with their number in the list.
//
// To look at pages made from invented data:
//
//	go test ./recon/pages -run TestSamplePages -sample /tmp
//
// Sources: the drawings are our own; states, parts and bases are those of package
// recon/timeline (chapter "The card timeline" of the reference), the other method is
// recon/twoloads.
package pages
