package gate

import (
	"encoding/hex"
	"fmt"
)

// UID is the anti-collision identifier of a contactless card (ISO/IEC 14443-3,
// 6.5.4): 4, 7 or 10 bytes. It is a hint, never a proof. The zero UID is none.
type UID struct {
	n byte
	b [10]byte
}

// NewUID takes 4, 7 or 10 bytes.
func NewUID(b []byte) (UID, error) {
	if len(b) != 4 && len(b) != 7 && len(b) != 10 {
		return UID{}, fmt.Errorf("UID of %d bytes: ISO/IEC 14443-3 has 4, 7 or 10", len(b))
	}
	u := UID{n: byte(len(b))}
	copy(u.b[:], b)
	return u, nil
}

// Random reports an identifier that changes at every activation, as phones have:
// four bytes beginning with 08 (ISO/IEC 14443-3, table 8).
func (u UID) Random() bool { return u.n == 4 && u.b[0] == 0x08 }

// fixed says that the UID can stand for a card.
func (u UID) fixed() bool { return u.n != 0 && !u.Random() }

// valid reports whether u is none or one that NewUID gives.
func (u UID) valid() bool {
	tail := [10]byte{}
	return (u.n == 0 || u.n == 4 || u.n == 7 || u.n == 10) && string(u.b[u.n:]) == string(tail[u.n:])
}

// Bytes appends the identifier to dst.
func (u UID) Bytes(dst []byte) []byte { return append(dst, u.b[:u.n]...) }

// String is upper-case hexadecimal.
func (u UID) String() string { return fmt.Sprintf("%X", u.b[:u.n]) }

// ParseUID reads hexadecimal of 4, 7 or 10 bytes.
func ParseUID(s string) (UID, error) {
	b, err := hex.DecodeString(s)
	if err != nil {
		return UID{}, fmt.Errorf("UID %q: %w", s, err)
	}
	return NewUID(b)
}
