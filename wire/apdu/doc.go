// Package apdu reads and writes the command and response messages of chip
// cards (ISO/IEC 7816-4, 5.1; EMV Book 1, 11.1; JR/T 0025.5) and knows what
// status words mean in English and Chinese.
//
// Invariants: what ParseCommand accepts, Append writes back with the same
// meaning and the fewest length bytes; parsed data are slices of the input,
// never copies; every error is an [*Error] that names the field and the offset.
package apdu
