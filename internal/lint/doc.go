// Package lint holds the house rules as tests about the code itself: who may
// import whom, which packages are pure, where floating point is banned, how long
// a file or a function may be, what must be documented, formatted and fuzzed.
//
// `go test ./internal/lint` is the gate. It needs nothing but the Go tree: files
// are parsed, never type-checked, so that a package which does not compile at
// this moment is still judged by the same rules.
//
// # Invariants
//
//   - A rule is data where it can be (import_table.go, limits in the rule's file)
//     and has no list of exceptions for code that ships. Where a table names a
//     package it names the reason too, and an entry that is no longer needed is a
//     finding itself.
//   - Every rule has at least one case in testdata that it must refuse, with the
//     exact findings, and one that it must accept: a rule that cannot fire fails.
//   - Findings come in order of file and line and say what to do.
//
// # Sources
//
// The idea of house rules as tests is TigerBeetle's src/tidy.zig and Pebble's
// internal/lint; the limits of 70 lines a function and 600 a file are this
// project's.
package lint
