package scp

import (
	"errors"
	"fmt"
	"strings"
)

// Protocol is the secure channel protocol identifier, the byte after the key
// version in the answer to INITIALIZE UPDATE.
type Protocol byte

const (
	SCP02 Protocol = 0x02 // two-key triple DES, GP Card Specification 2.2, annex E
	SCP03 Protocol = 0x03 // AES-128, GP Amendment D
)

// String gives "SCP02", "SCP03" or the byte in hexadecimal.
func (p Protocol) String() string {
	if p == SCP02 || p == SCP03 {
		return fmt.Sprintf("SCP%02X", byte(p))
	}
	return fmt.Sprintf("protocol %02X", byte(p))
}

// BlockSize is the size of a cipher block: 8 bytes for SCP02, 16 for SCP03, 0 for
// any other.
func (p Protocol) BlockSize() int {
	switch p {
	case SCP02:
		return 8
	case SCP03:
		return 16
	}
	return 0
}

// Variant is the "i" parameter: which options of the protocol a card has.
type Variant byte

// The variants in common use.
const (
	SCP02Random Variant = 0x15 // three keys, C-MAC on the modified command, encrypted ICV, random challenge
	SCP02Pseudo Variant = 0x55 // the same with the well-known pseudo-random challenge
	SCP03NoRMAC Variant = 0x10 // pseudo-random challenge, answers are not protected
	SCP03Full   Variant = 0x70 // pseudo-random challenge, R-MAC and R-ENCRYPTION
)

// Bits of the SCP03 variant (Amendment D, 5.1).
const (
	bitPseudo = 0x10
	bitRMAC   = 0x20
	bitRENC   = 0x40
)

// Level is the security level of a session, P1 of EXTERNAL AUTHENTICATE (GP Card
// Specification 2.2, E.5.2.3; Amendment D, 7.1.2.1): the sum of its bits.
type Level byte

const (
	CMAC Level = 0x01 // commands carry a MAC
	CDEC Level = 0x02 // command data are enciphered
	RMAC Level = 0x10 // answers carry a MAC
	RENC Level = 0x20 // answer data are enciphered
)

// Has tells whether all bits of o are in l.
func (l Level) Has(o Level) bool { return l&o == o }

// String gives the names of the bits: "C-MAC C-DECRYPTION", or "none".
func (l Level) String() string {
	if l == 0 {
		return "none"
	}
	var names []string
	for _, b := range []struct {
		bit  Level
		name string
	}{{CMAC, "C-MAC"}, {CDEC, "C-DECRYPTION"}, {RMAC, "R-MAC"}, {RENC, "R-ENCRYPTION"}} {
		if l.Has(b.bit) {
			names = append(names, b.name)
			l &^= b.bit
		}
	}
	if l != 0 {
		names = append(names, fmt.Sprintf("%02X", byte(l)))
	}
	return strings.Join(names, " ")
}

// What can go wrong.
var (
	// ErrVariant says that protocol and i are not among those of this package.
	ErrVariant = errors.New("unknown secure channel: want SCP02 with i 15 or 55, or SCP03 with i 00, 10, 20, 30, 60 or 70")
	// ErrLevel says that the card's variant has no such security level.
	ErrLevel = errors.New("security level not offered by this variant")
	// ErrSequence says that the sequence counter is used up: the keys open no more sessions.
	ErrSequence = errors.New("secure channel sequence counter used up: replace the keys")
	// ErrAID says that a pseudo-random challenge needs the security domain's AID, 5 to 16 bytes.
	ErrAID = errors.New("AID of the security domain must have 5 to 16 bytes")
	// ErrAnswer says that an answer to INITIALIZE UPDATE has an impossible layout.
	ErrAnswer = errors.New("not an answer to INITIALIZE UPDATE")
	// ErrKeyVersion says that the card answered with keys of another version.
	ErrKeyVersion = errors.New("card uses another key version")
	// ErrCardCryptogram says that the card does not have the keys of this KeySet.
	ErrCardCryptogram = errors.New("card cryptogram is wrong: the card has other keys")
	// ErrChallenge says that the card challenge is not the well-known pseudo-random one.
	ErrChallenge = errors.New("card challenge is not the pseudo-random one of this AID and counter")
	// ErrClosed says that no session is open.
	ErrClosed = errors.New("no open secure channel session")
	// ErrCommand says that a command cannot be wrapped: it is secured already, or too long.
	ErrCommand = errors.New("command cannot be wrapped")
	// ErrRMAC says that an answer was altered, replayed or left without its MAC. The session is over.
	ErrRMAC = errors.New("answer fails the R-MAC check, session ended")
	// ErrBlocks says that data for the data encryption key are not whole cipher blocks.
	ErrBlocks = errors.New("data under the DEK must be one or more whole cipher blocks")
)

// Valid tells whether the package knows protocol p with variant v.
func (p Protocol) Valid(v Variant) bool {
	switch p {
	case SCP02:
		return v == SCP02Random || v == SCP02Pseudo
	case SCP03:
		return v&^(bitPseudo|bitRMAC|bitRENC) == 0 && (v&bitRENC == 0 || v&bitRMAC != 0)
	}
	return false
}

// pseudo tells whether the card challenge can be computed by the host.
func (p Protocol) pseudo(v Variant) bool {
	if p == SCP02 {
		return v == SCP02Pseudo
	}
	return v&bitPseudo != 0
}

// Allows tells whether a session of protocol p and variant v can have level l.
func (p Protocol) Allows(v Variant, l Level) bool {
	if !p.Valid(v) {
		return false
	}
	switch l {
	case 0, CMAC, CMAC | CDEC:
		return true
	case CMAC | RMAC, CMAC | CDEC | RMAC:
		return p == SCP03 && v&bitRMAC != 0
	case CMAC | CDEC | RMAC | RENC:
		return p == SCP03 && v&bitRENC != 0
	}
	return false
}

// MaxData is how many bytes of plain data a command of a session can have, so
// that it stays within 255 bytes when wrapped.
func (p Protocol) MaxData(l Level) int {
	switch {
	case l.Has(CDEC):
		n := p.BlockSize()
		return (255-macSize)/n*n - 1 // at least one byte of padding
	case l.Has(CMAC):
		return 255 - macSize
	}
	return 255
}

// MaxAnswer is how many bytes of plain data an answer of a session can have, so
// that it stays within 256 bytes when wrapped.
func (p Protocol) MaxAnswer(l Level) int {
	switch {
	case l.Has(RENC):
		n := p.BlockSize()
		return (256-macSize)/n*n - 1
	case l.Has(RMAC):
		return 256 - macSize
	}
	return 256
}

// maxSequence is where the counter of a protocol stops: two bytes for SCP02,
// three for SCP03.
func (p Protocol) maxSequence() uint32 {
	if p == SCP02 {
		return 0xFFFF
	}
	return 0xFFFFFF
}
