// Package keystore holds the keys of a role under names, each with one usage,
// one algorithm and a check value (KCV). Callers name a key and say what to do
// with it; they never see it.
//
// The Store here is software: keys live in the process's memory and, sealed
// with a passphrase, in a file. A hardware module would offer the same methods.
//
// What always holds:
//
//   - A key does only what its usage allows; any other call fails with ErrUsage.
//   - Card keys leave only wrapped under a transport key (CardKeys). In bulk
//     verification (Verifier) neither they nor anything that could make them leave:
//     no method encrypts a caller's data with a master.
//   - No secret prints itself, through fmt, slog or encoding/json.
//   - A file that was changed, cut or sealed with another passphrase opens to an
//     error and to nothing else.
//   - Development keys are public; a store that holds one says so in
//     IsDevelopment, and a production configuration must refuse it.
//
// A Store may be read by several goroutines once no more keys are added.
//
// Sources: scrypt (RFC 7914), AES-256-GCM (NIST SP 800-38D) for the file, whose
// layout is ours; GM/T 0003.4 for SM2 wrapping; JR/T 0025.13 and GlobalPlatform
// Card Specification B.5 for wrapped card keys with check values.
package keystore
