// Package devkeys holds DEVELOPMENT KEYS for offline data authentication. Every
// private key here is PUBLIC: it stands in the source tree. They make the
// simulated city, the examples and the tests work without any set-up; a
// certificate under them proves nothing, and a production configuration must not
// trust CA index 57 or 80 of these keys.
//
// RSA keys come from the embedded file rsa.txt, made once by `go generate`: one
// CA key of 1408 bits, four issuer keys of 1280 bits, a pool of 32 card keys of
// 1024 bits, all with exponent 3. SM2 scalars are derived: the SM3 hash of a
// label, see SM2Key.
package devkeys

//go:generate go run ./gen -o rsa.txt
