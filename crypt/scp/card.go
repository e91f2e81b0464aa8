package scp

import (
	"crypto/subtle"
	"encoding/binary"
	"fmt"
	"log/slog"

	"github.com/citycard/citycard/wire/apdu"
)

// Params is what a security domain brings to INITIALIZE UPDATE.
type Params struct {
	Protocol        Protocol
	Variant         Variant
	Keys            KeySet
	Diversification [10]byte // key diversification data of the answer
	// Sequence is the stored sequence counter: two bytes for SCP02, three for
	// SCP03. See the package comment for when it rises.
	Sequence uint32
	AID      []byte  // of the security domain, for a pseudo-random challenge
	Random   [8]byte // for a random challenge; SCP02 uses the left six bytes
}

// state is how far a session has come.
type state byte

const (
	closed  state = iota
	waiting       // INITIALIZE UPDATE is answered, EXTERNAL AUTHENTICATE is due
	open
)

// Card is the card's side of a session. The zero value has none. Bytes that
// prove something wrong end the session; a new INITIALIZE UPDATE replaces it.
type Card struct {
	session
	state    state
	owes     bool // the answer to an unwrapped command is due
	sequence uint32
	host     [8]byte // expected host cryptogram
}

const withheld = "[secure channel withheld]"

// Format answers every verb of fmt with a fixed text: a session holds keys.
func (Card) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(withheld)) }

// MarshalText gives the fixed text to encoding/json and others.
func (Card) MarshalText() ([]byte, error) { return []byte(withheld), nil }

// LogValue gives slog the fixed text.
func (Card) LogValue() slog.Value { return slog.StringValue(withheld) }

// InitializeUpdate begins a session, ending any other, and appends the data of
// the answer (GP Card Specification 2.2, E.5.1; Amendment D, 7.1.1):
//
//	diversification (10) | key version | 02 | sequence (2) | challenge (6) | cryptogram (8)
//	diversification (10) | key version | 03 | i | challenge (8) | cryptogram (8) [ | sequence (3) ]
//
// The SCP03 counter is there for pseudo-random challenges only; SCP03 callers
// store NextSequence before the answer leaves. Errors: ErrVariant, ErrSequence,
// ErrAID; the session is closed then and dst is as it was.
func (c *Card) InitializeUpdate(dst []byte, p Params, hostChallenge [8]byte) ([]byte, error) {
	c.Close()
	pseudo := p.Protocol.pseudo(p.Variant)
	switch {
	case !p.Protocol.Valid(p.Variant):
		return dst, fmt.Errorf("%v i=%02X: %w", p.Protocol, byte(p.Variant), ErrVariant)
	case p.Sequence >= p.Protocol.maxSequence():
		return dst, fmt.Errorf("sequence counter %X of %v: %w", p.Sequence, p.Protocol, ErrSequence)
	case pseudo && (len(p.AID) < 5 || len(p.AID) > 16):
		return dst, fmt.Errorf("AID of %d bytes: %w", len(p.AID), ErrAID)
	}
	dst = append(dst, p.Diversification[:]...)
	dst = append(dst, p.Keys.Version, byte(p.Protocol))
	challenge := p.Random
	var sequence [4]byte
	binary.BigEndian.PutUint32(sequence[:], p.Sequence)
	if p.Protocol == SCP02 {
		c.start02(&p.Keys, p.Variant, uint16(p.Sequence))
		six := [6]byte(p.Random[:6])
		if pseudo {
			six = c.challenge02(p.AID)
		}
		copy(challenge[:], sequence[2:])
		copy(challenge[2:], six[:])
	} else {
		if pseudo {
			challenge = challenge03(&p.Keys, [3]byte(sequence[1:]), p.AID)
		}
		c.start03(&p.Keys, p.Variant, hostChallenge, challenge)
		dst = append(dst, byte(p.Variant))
	}
	proof, host := c.cryptograms(hostChallenge, challenge)
	dst = append(append(dst, challenge[:]...), proof[:]...)
	if p.Protocol == SCP03 && pseudo {
		dst = append(dst, sequence[1:]...)
	}
	c.state, c.host, c.sequence = waiting, host, p.Sequence
	return dst, nil
}

// NextSequence is the counter to store for the session that InitializeUpdate began:
// SCP02 when ExternalAuthenticate has answered 9000, SCP03 at once. Without a
// session it is 0 and means nothing.
func (c *Card) NextSequence() uint32 {
	if c.state == closed {
		return 0
	}
	return c.sequence + 1
}

// ExternalAuthenticate judges 84 82 level 00 10 host-cryptogram (8) C-MAC (8) and
// opens the session. It answers 9000; 6985 when no INITIALIZE UPDATE came before;
// 6E00 for a class without secure messaging; 6A86 for a level that the variant
// lacks or a P2 other than 00; 6700 for another length; 6300 for a wrong
// cryptogram; 6982 for a wrong MAC. All but 9000 end the session. SCP02 callers
// store NextSequence before the 9000 leaves.
func (c *Card) ExternalAuthenticate(cmd *apdu.Command) apdu.SW {
	level := Level(cmd.P1)
	switch {
	case c.state != waiting:
		return c.fail(apdu.SWConditions)
	case !isSecure(cmd.CLA):
		return c.fail(apdu.SWUnknownCLA)
	case cmd.P2 != 0 || !c.protocol.Allows(c.variant, level):
		return c.fail(apdu.SWWrongP1P2)
	case len(cmd.Data) != 8+macSize:
		return c.fail(apdu.SWWrongLength)
	}
	mac := c.commandMAC(cmd.CLA, cmd.INS, cmd.P1, cmd.P2, cmd.Data[:8])
	proven := subtle.ConstantTimeCompare(c.host[:], cmd.Data[:8])
	intact := subtle.ConstantTimeCompare(mac[:macSize], cmd.Data[8:])
	switch {
	case proven != 1:
		return c.fail(apdu.SWFailed)
	case intact != 1:
		return c.fail(apdu.SWSecurity)
	}
	c.accept(mac)
	c.level, c.state = level, open
	return apdu.SWOK
}

// Open tells whether a host has authenticated itself.
func (c *Card) Open() bool { return c.state == open }

// Level is the security level of the open session, 0 without one. An open session
// may have level 0 too.
func (c *Card) Level() Level { return c.level }

// Protocol is the protocol of the session that is open or being opened, 0 without
// one.
func (c *Card) Protocol() Protocol { return c.protocol }

// Close ends the session and forgets its keys.
func (c *Card) Close() { *c = Card{} }

func (c *Card) fail(sw apdu.SW) apdu.SW {
	c.Close()
	return sw
}

// Unwrap checks and removes the protection of a command: the class byte loses its
// secure messaging bits (the logical channel stays), data lose their MAC and are
// deciphered into buf[:0], which must not overlap cmd.Data; Le stays as it is. The
// result refers to buf or to cmd.Data.
//
// In an open session with C-MAC every failure answers 6982 and ends it: no secure
// messaging, a wrong MAC, padding or length. Without C-MAC, or without a session,
// plain commands pass through as they are, and commands that announce secure
// messaging answer 6982. The caller lets EXTERNAL AUTHENTICATE and INITIALIZE
// UPDATE bypass Unwrap.
func (c *Card) Unwrap(cmd *apdu.Command, buf []byte) (apdu.Command, apdu.SW) {
	if c.state != open || !c.level.Has(CMAC) {
		if isPlain(cmd.CLA) {
			return *cmd, apdu.SWOK
		}
		return apdu.Command{}, c.fail(apdu.SWSecurity)
	}
	n := len(cmd.Data) - macSize
	if !isSecure(cmd.CLA) || n < 0 || n > apdu.MaxShortData-macSize {
		return apdu.Command{}, c.fail(apdu.SWSecurity)
	}
	out := *cmd
	out.CLA, out.Data = plainClass(cmd.CLA), cmd.Data[:n:n]
	sealed := c.level.Has(CDEC) && n > 0
	c.counter++
	sound := true
	var mac [16]byte
	if c.protocol == SCP02 && sealed {
		out.Data, sound = c.decipher(buf[:0], out.Data, false)
		mac = c.commandMAC(cmd.CLA, cmd.INS, cmd.P1, cmd.P2, out.Data)
	} else {
		mac = c.commandMAC(cmd.CLA, cmd.INS, cmd.P1, cmd.P2, out.Data)
	}
	if subtle.ConstantTimeCompare(mac[:macSize], cmd.Data[n:]) != 1 || !sound {
		return apdu.Command{}, c.fail(apdu.SWSecurity)
	}
	if c.protocol == SCP03 && sealed {
		if out.Data, sound = c.decipher(buf[:0], out.Data, false); !sound {
			return apdu.Command{}, c.fail(apdu.SWSecurity)
		}
	}
	c.accept(mac)
	c.owes = true
	return out, apdu.SWOK
}

// Wrap appends the data of the answer to the command unwrapped last, protected as
// the level asks: enciphered, then with an R-MAC over data and sw. sw itself is not
// appended. An answer with an error status has neither data nor R-MAC in a session
// with R-MAC. Answers to commands that Unwrap has not seen, such as EXTERNAL
// AUTHENTICATE, are appended plain. Keep data within Protocol.MaxAnswer; longer
// data are left out together with their R-MAC, so that the host refuses them.
func (c *Card) Wrap(dst, data []byte, sw apdu.SW) []byte {
	if c.state != open || !c.level.Has(RMAC) || !c.owes {
		return append(dst, data...)
	}
	c.owes = false
	if !protected(uint16(sw)) || len(data) > c.protocol.MaxAnswer(c.level) {
		return dst
	}
	start := len(dst)
	if c.level.Has(RENC) && len(data) > 0 {
		dst = c.encipher(dst, data, true)
	} else {
		dst = append(dst, data...)
	}
	mac := c.answerMAC(dst[start:], uint16(sw))
	return append(dst, mac[:]...)
}

// DecryptDEK appends src, keys that the host enciphered with EncryptDEK, in clear:
// 3DES-ECB under the session's DEK for SCP02, AES-CBC with zero ICV under the
// static DEK for SCP03. Errors: ErrClosed, ErrBlocks.
func (c *Card) DecryptDEK(dst, src []byte) ([]byte, error) {
	if c.state != open {
		return dst, ErrClosed
	}
	return c.cryptDEK(dst, src, false)
}
