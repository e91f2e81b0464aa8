// Package files is the text of the T+1 files that a clearing network gives to
// its participants: the general transaction file (一般交易流水, COM) and a file of
// the chip card data behind each of its lines.
//
// A file has a header line, one line for each transaction and a trailer line
// with counts and sums. Lines end in LF. A line is fields of fixed width with one
// space between them; what a field holds is said by a table of Columns, so that
// the tables below are the format and there is no other description of it.
//
// Invariants:
//
//   - A line has one form only: what Parse accepts, Append writes again byte for
//     byte.
//   - Every error of reading is an *Error with the line, the column's number and
//     its name.
//   - A Reader gives the end of a file only when the trailer is there and its
//     counts and sums are those of the lines.
//   - Values do not print themselves: a file holds whole card numbers. Column.Show
//     is the way to text, and masks them unless told otherwise.
//
// Sources: the columns of Transaction up to OtherData and their widths, and the
// order of those from SenderClearing on, are the general transaction file and its
// extended form (COMA) as banks' programs read it. The header line, the trailer
// line, the chip data file and the names of the latter are our choice: no public
// text describes them.
package files
