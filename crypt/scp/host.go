package scp

import (
	"crypto/subtle"
	"encoding/binary"
	"fmt"
	"log/slog"

	"github.com/citycard/citycard/wire/apdu"
)

// Host is the host's side of a session: a personalisation machine, or whoever
// manages a security domain.
type Host struct {
	session
	keys      KeySet
	challenge [8]byte
	aid       []byte // set by ExpectChallenge
	open      bool
	awaits    bool // the answer to a wrapped command is due
}

// NewHost prepares a session under the card's static keys (diversified, where the
// issuer does that). The host challenge must be random and never used before. When
// keys.Version is not 0, the card must answer with that version.
func NewHost(keys KeySet, hostChallenge [8]byte) *Host {
	return &Host{keys: keys, challenge: hostChallenge}
}

// Format answers every verb of fmt with a fixed text: a session holds keys.
func (Host) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(withheld)) }

// MarshalText gives the fixed text to encoding/json and others.
func (Host) MarshalText() ([]byte, error) { return []byte(withheld), nil }

// LogValue gives slog the fixed text.
func (Host) LogValue() slog.Value { return slog.StringValue(withheld) }

// ExpectChallenge makes Open check that the card challenge is the well-known
// pseudo-random one for the security domain aid and the counter in the answer. For
// SCP02 this asks for i=55: the answer does not tell i=15 and 55 apart, and the two
// differ in nothing else. SCP03 says in its i whether the challenge is such.
func (h *Host) ExpectChallenge(aid []byte) { h.aid = append([]byte(nil), aid...) }

// InitializeUpdate is the command that begins the session: 80 50 kvn 00 08
// challenge 00. kvn 0 asks for the card's first key set.
func (h *Host) InitializeUpdate(kvn byte) apdu.Command {
	h.close()
	return apdu.Command{CLA: 0x80, INS: 0x50, P1: kvn, Data: append([]byte(nil), h.challenge[:]...), Le: 256}
}

// KeyDiversification reads the diversification data and key version out of an
// answer to INITIALIZE UPDATE, for hosts that must derive the card's keys before
// they can make a Host.
func KeyDiversification(answer []byte) (data [10]byte, version byte, err error) {
	if _, _, err := parseAnswer(answer); err != nil {
		return data, 0, err
	}
	return [10]byte(answer), answer[10], nil
}

// parseAnswer tells protocol and variant; the variant of SCP02 is taken as 15.
func parseAnswer(answer []byte) (Protocol, Variant, error) {
	if len(answer) < 28 || len(answer) > 32 {
		return 0, 0, fmt.Errorf("%d bytes: %w", len(answer), ErrAnswer)
	}
	p, v, want := Protocol(answer[11]), SCP02Random, 28
	if p == SCP03 {
		v, want = Variant(answer[12]), 29
		if v&bitPseudo != 0 {
			want = 32
		}
	}
	switch {
	case !p.Valid(v):
		return p, v, fmt.Errorf("%v i=%02X: %w", p, byte(v), ErrVariant)
	case len(answer) != want:
		return p, v, fmt.Errorf("%d bytes, want %d for %v i=%02X: %w", len(answer), want, p, byte(v), ErrAnswer)
	}
	return p, v, nil
}

// Open checks the data of the answer to INITIALIZE UPDATE (without status word)
// and gives the EXTERNAL AUTHENTICATE command that opens the session at level; it
// is open when the card answers 9000. The protocol is the card's choice. Errors:
// ErrAnswer, ErrVariant, ErrLevel, ErrKeyVersion, ErrChallenge, ErrCardCryptogram.
func (h *Host) Open(answer []byte, level Level) (apdu.Command, error) {
	h.close()
	p, v, err := parseAnswer(answer)
	switch {
	case err != nil:
		return apdu.Command{}, fmt.Errorf("read answer to INITIALIZE UPDATE: %w", err)
	case !p.Allows(v, level):
		return apdu.Command{}, fmt.Errorf("level %02X (%v) of %v i=%02X: %w", byte(level), level, p, byte(v), ErrLevel)
	case h.keys.Version != 0 && h.keys.Version != answer[10]:
		return apdu.Command{}, fmt.Errorf("key version %02X, want %02X: %w", answer[10], h.keys.Version, ErrKeyVersion)
	}
	at := 12 + int(p-SCP02) // SCP03 has i in front of the challenge
	challenge, proof := [8]byte(answer[at:]), answer[at+8:at+16]
	if p == SCP02 {
		h.start02(&h.keys, v, binary.BigEndian.Uint16(challenge[:]))
	} else {
		h.start03(&h.keys, v, h.challenge, challenge)
	}
	want, own := h.cryptograms(h.challenge, challenge)
	switch {
	case subtle.ConstantTimeCompare(want[:], proof) != 1:
		h.close()
		return apdu.Command{}, ErrCardCryptogram
	case h.aid != nil && !h.pseudoRandom(answer, challenge):
		h.close()
		return apdu.Command{}, ErrChallenge
	}
	mac := h.commandMAC(0x84, 0x82, byte(level), 0, own[:])
	h.accept(mac)
	h.level, h.open = level, true
	data := append(own[:], mac[:macSize]...)
	return apdu.Command{CLA: 0x84, INS: 0x82, P1: byte(level), Data: data, Le: apdu.NoLe}, nil
}

// pseudoRandom computes the card challenge again.
func (h *Host) pseudoRandom(answer []byte, challenge [8]byte) bool {
	switch {
	case h.protocol == SCP02:
		return h.challenge02(h.aid) == [6]byte(challenge[2:])
	case h.variant&bitPseudo != 0:
		return challenge03(&h.keys, [3]byte(answer[29:]), h.aid) == challenge
	}
	return false
}

// Level is the security level of the session, 0 without one.
func (h *Host) Level() Level { return h.level }

// Protocol is the protocol of the session, 0 without one.
func (h *Host) Protocol() Protocol { return h.protocol }

func (h *Host) close() {
	h.session, h.open, h.awaits = session{}, false, false
}

// Wrap protects a command as the level asks. The result has data of its own; Le
// stays as it is. It fails, and changes nothing, with ErrClosed without a session,
// or with ErrCommand when the class announces secure messaging already or there is
// more than Protocol.MaxData of data.
func (h *Host) Wrap(cmd apdu.Command) (apdu.Command, error) {
	if !h.open {
		return apdu.Command{}, ErrClosed
	}
	if limit := h.protocol.MaxData(h.level); len(cmd.Data) > limit || cmd.Le > apdu.MaxShortLe {
		return apdu.Command{}, fmt.Errorf("data of %d bytes and Le %d, at most %d and 256 at level %02X: %w",
			len(cmd.Data), cmd.Le, limit, byte(h.level), ErrCommand)
	}
	if !isPlain(cmd.CLA) {
		return apdu.Command{}, fmt.Errorf("class %02X is secured already: %w", cmd.CLA, ErrCommand)
	}
	out := cmd
	if !h.level.Has(CMAC) {
		out.Data = append([]byte(nil), cmd.Data...)
		return out, nil
	}
	h.counter++
	out.CLA = secureClass(cmd.CLA)
	out.Data = make([]byte, 0, len(cmd.Data)+16+macSize)
	sealed := h.level.Has(CDEC) && len(cmd.Data) > 0
	if sealed {
		out.Data = h.encipher(out.Data, cmd.Data, false)
	} else {
		out.Data = append(out.Data, cmd.Data...)
	}
	covered := out.Data
	if h.protocol == SCP02 {
		covered = cmd.Data
	}
	mac := h.commandMAC(cmd.CLA, cmd.INS, cmd.P1, cmd.P2, covered)
	h.accept(mac)
	h.awaits = true
	out.Data = append(out.Data, mac[:macSize]...)
	return out, nil
}

// Unwrap checks the answer to the command wrapped last and gives its plain data.
// Without R-MAC that is data itself. With it, the error is ErrRMAC and the session
// is over when the MAC is wrong or an error status comes with data; an error status
// alone is not protected and passes. ErrClosed without a session or a command.
func (h *Host) Unwrap(data []byte, sw apdu.SW) ([]byte, error) {
	switch {
	case !h.open:
		return nil, ErrClosed
	case !h.level.Has(RMAC):
		return data, nil
	case !h.awaits:
		return nil, fmt.Errorf("no command is waiting for an answer: %w", ErrClosed)
	}
	h.awaits = false
	n := len(data) - macSize
	switch {
	case !protected(uint16(sw)) && len(data) == 0:
		return nil, nil
	case !protected(uint16(sw)) || n < 0 || len(data) > 256:
		h.close()
		return nil, ErrRMAC
	}
	mac := h.answerMAC(data[:n], uint16(sw))
	if subtle.ConstantTimeCompare(mac[:], data[n:]) != 1 {
		h.close()
		return nil, ErrRMAC
	}
	if !h.level.Has(RENC) || n == 0 {
		return data[:n:n], nil
	}
	plain, ok := h.decipher(make([]byte, 0, n), data[:n], true)
	if !ok {
		h.close()
		return nil, ErrRMAC
	}
	return plain, nil
}

// EncryptDEK appends src enciphered for the way into the card, see
// Card.DecryptDEK. Errors: ErrClosed, ErrBlocks.
func (h *Host) EncryptDEK(dst, src []byte) ([]byte, error) {
	if !h.open {
		return dst, ErrClosed
	}
	return h.cryptDEK(dst, src, true)
}
