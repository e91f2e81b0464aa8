// Package migrate brings a database forward through one embedded list of
// numbered SQL files.
//
// A file is named NNNN_name.sql, numbered from 0001 without a gap, and begins
// with a line "-- note: ..." that says what the step is for. A database records
// the number, name and SHA-256 of each step it has taken. There is no way back:
// a mistake is mended by the next number.
//
// Two things are refused, because going on would lose data silently: a step that
// was changed after it was applied (ErrAltered), and a database that has taken
// steps this program does not know (ErrNewer).
//
// The package runs no SQL itself. A store implements Target.
package migrate
