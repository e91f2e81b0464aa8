package cryptogram

import (
	"crypto/subtle"
	"fmt"
	"log/slog"
)

// Key is a 16-byte secret key: double length DES (left half, right half) or SM4.
// Printing, logging and JSON give a fixed text instead of the bytes. DES parity
// bits are neither set nor looked at: two keys that differ only there are equal
// to the cipher but not to Equal; compare KCVs where parity may differ. A struct
// that keeps a Key in an unexported field needs a Format of its own: fmt does not
// call methods there.
type Key [16]byte

const redacted = "[key withheld]"

// String gives a fixed text, never the key.
func (Key) String() string { return redacted }

// Format answers every verb of fmt, %x and %#v included, with the fixed text.
func (Key) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// MarshalText gives the fixed text, so encoding/json and others never see the key.
func (Key) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue gives slog the fixed text.
func (Key) LogValue() slog.Value { return slog.StringValue(redacted) }

// Equal compares two keys in constant time, parity bits included.
func (k Key) Equal(o Key) bool { return subtle.ConstantTimeCompare(k[:], o[:]) == 1 }

// KCV is the key check value: the left three bytes of a block of zeros encrypted
// under the key (GlobalPlatform Card Specification B.5; for SM4 the same over
// 16 zero bytes, our choice). It tells keys apart without showing them.
func KCV(alg Alg, key Key) [3]byte {
	s := newSchedule(alg, &key)
	var out [3]byte
	x := make([]byte, alg.BlockSize())
	s.encrypt(x, x)
	copy(out[:], x)
	return out
}
