// Package strictyaml reads YAML documents that people write: card profiles, scripts
// of faults, answers of a test host. It is strict: a key that nobody knows, a key
// that is there twice and a value out of range are faults with line and path, and
// the first fault in the order of reading is the one that is reported.
//
// Code that takes values reads like the list of keys: nothing returns an error, and
// [Reader.Err] is asked once at the end.
//
// The package does no input or output and keeps no state of its own.
package strictyaml
