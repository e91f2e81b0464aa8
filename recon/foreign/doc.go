// Package foreign finds flash cards, flash loads, clones and duplicates in the files
// that a bank already has: clearing files, load journals, dumps of field 55 and lists of
// unfinished taps. No platform is needed.
//
// An Importer reads the files one after the other by a Mapping, which says what they
// are and where their fields stand, and makes an observation of each line that has a
// counter and a balance. Then each card is judged by its timeline (recon/timeline), day
// by day over the days on which lines arrived, so that every finding has the day on
// which it was decided.
//
// # Invariants
//
//   - Every line is a header, a trailer, blank, accepted, or refused for a reason.
//   - The result does not depend on the order of files or lines.
//   - A line of which the keys say that it is wrong is refused; without keys every
//     finding is soft, and says so.
//   - No card number appears whole in what is given back.
//   - Pure: files come in as streams, keys as verifiers, time as the days in the files.
//
// Arrival: the clearing date of a line, else that of its file's header, else the date in
// the file's name, else the line's own date. What the host itself wrote, load journal and
// dump of field 55, arrived on the line's own date.
//
// Sources: general transaction file (COM) as banks' programs read it; EMV Book 3, annex
// A (field 55); JR/T 0025.5 and 0025.12 (9F10); GB 18030 (text).
package foreign
