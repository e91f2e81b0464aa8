package scp

import (
	"crypto/cipher"
	"crypto/des"
	"crypto/subtle"
	"encoding/binary"

	"github.com/citycard/citycard/crypt/cryptogram"
)

// macSize is the length of a C-MAC and of an R-MAC.
const macSize = 8

// Class bits (ISO/IEC 7816-4, 5.1.1; GP Card Specification 2.2, 11.1.4): the first
// coding has the secure messaging indicator in bits 4-3 and channels 0 to 3, the
// further one an indicator in bit 6 and channels 4 to 19.
const (
	classFurther       = 0x40
	classSecure        = 0x04
	classSecureMask    = 0x0C
	classSecureFurther = 0x20
)

// session is what both sides compute alike after INITIALIZE UPDATE.
type session struct {
	protocol Protocol
	variant  Variant
	level    Level

	enc cipher.Block // S-ENC
	dek cipher.Block // SCP02: session DEK, SCP03: static DEK

	macLeft, macRight cipher.Block // SCP02: the halves of S-MAC
	mac, rmac         cmac         // SCP03: S-MAC and S-RMAC

	chain   [16]byte // SCP02: the last C-MAC, SCP03: the MAC chaining value
	chained bool     // a C-MAC has been made; before it the ICV of SCP02 is zero
	counter uint64   // SCP03: commands since EXTERNAL AUTHENTICATE

	iv   [16]byte
	text [16 + 5 + 256 + 16]byte // chaining value, header, data, padding
}

// start02 derives the session keys of SCP02 (annex E.4.1): 3DES-CBC under the
// static key, zero ICV, of constant (2), sequence counter (2), twelve zeros.
func (s *session) start02(k *KeySet, v Variant, sequence uint16) {
	*s = session{protocol: SCP02, variant: v}
	derive := func(static cryptogram.Key, constant uint16) (out cryptogram.Key) {
		binary.BigEndian.PutUint16(out[:], constant)
		binary.BigEndian.PutUint16(out[2:], sequence)
		clear(s.iv[:])
		cbcEncrypt(newTDES(static), s.iv[:8], out[:])
		return out
	}
	s.enc = newTDES(derive(k.ENC, 0x0182))
	s.dek = newTDES(derive(k.DEK, 0x0181))
	mac := derive(k.MAC, 0x0101)
	s.macLeft, s.macRight = mustBlock(des.NewCipher(mac[:8])), mustBlock(des.NewCipher(mac[8:]))
}

// start03 derives the session keys of SCP03 (Amendment D, 6.2.1).
func (s *session) start03(k *KeySet, v Variant, host, card [8]byte) {
	*s = session{protocol: SCP03, variant: v}
	enc, mac := newCMAC(k.ENC), newCMAC(k.MAC)
	s.enc = newAES(enc.derive(deriveENC, 128, host[:], card[:]))
	s.mac = newCMAC(mac.derive(deriveMAC, 128, host[:], card[:]))
	s.rmac = newCMAC(mac.derive(deriveRMAC, 128, host[:], card[:]))
	s.dek = newAES(k.DEK)
}

// challenge02 is the well-known pseudo-random card challenge of i=55: the left six
// bytes of the MAC over the padded AID under S-MAC (annex E.4.2.3).
func (s *session) challenge02(aid []byte) [6]byte {
	m := pad(append(s.text[:0], aid...), 0, 8)
	clear(s.iv[:])
	mac := s.retail(m)
	return [6]byte(mac[:6])
}

// challenge03 is the pseudo-random card challenge of SCP03: derived from the
// static ENC key, sequence counter and AID (Amendment D, 6.2.2.1).
func challenge03(k *KeySet, sequence [3]byte, aid []byte) [8]byte {
	c := newCMAC(k.ENC)
	out := c.derive(deriveChallenge, 64, sequence[:], aid)
	return [8]byte(out[:8])
}

// cryptogram02 is the last block of 3DES-CBC under S-ENC over two challenges of
// eight bytes and a block of padding (annex E.4.2.1 and E.4.2.2).
func (s *session) cryptogram02(first, second [8]byte) [8]byte {
	m := append(s.text[:0], first[:]...)
	m = pad(append(m, second[:]...), 0, 8)
	clear(s.iv[:])
	cbcEncrypt(s.enc, s.iv[:8], m)
	return [8]byte(s.iv[:8])
}

// cryptogram03 is derived from S-MAC and both challenges (Amendment D, 6.2.2.2
// and 6.2.2.3).
func (s *session) cryptogram03(constant byte, host, card [8]byte) [8]byte {
	out := s.mac.derive(constant, 64, host[:], card[:])
	return [8]byte(out[:8])
}

// cryptograms gives both proofs. For SCP02 card is sequence counter and challenge.
func (s *session) cryptograms(host, card [8]byte) (ofCard, ofHost [8]byte) {
	if s.protocol == SCP02 {
		return s.cryptogram02(host, card), s.cryptogram02(card, host)
	}
	return s.cryptogram03(deriveCardCryptogram, host, card), s.cryptogram03(deriveHostCryptogram, host, card)
}

// retail is ISO/IEC 9797-1 MAC algorithm 3 of whole blocks under S-MAC, starting
// from s.iv.
func (s *session) retail(m []byte) [8]byte {
	x := s.iv[:8]
	for ; len(m) > 0; m = m[8:] {
		subtle.XORBytes(x, x, m[:8])
		s.macLeft.Encrypt(x, x)
	}
	s.macRight.Decrypt(x, x)
	s.macLeft.Encrypt(x, x)
	return [8]byte(x)
}

// commandMAC computes the next C-MAC over header and data as the protocol sees
// them: before encipherment in SCP02, after it in SCP03. The left eight bytes go
// into the command, all of it into s.chain once the command is accepted. data has
// at most 247 bytes.
func (s *session) commandMAC(cla, ins, p1, p2 byte, data []byte) [16]byte {
	m := s.text[:0]
	if s.protocol == SCP03 {
		m = append(m, s.chain[:]...)
	}
	m = append(m, macClass(cla), ins, p1, p2, byte(len(data)+macSize))
	m = append(m, data...)
	if s.protocol == SCP03 {
		return s.mac.sum(m)
	}
	copy(s.iv[:8], s.chain[:8])
	if s.chained {
		s.macLeft.Encrypt(s.iv[:8], s.iv[:8])
	}
	var out [16]byte
	mac := s.retail(pad(m, 0, 8))
	copy(out[:], mac[:])
	return out
}

// accept takes a C-MAC into the chain.
func (s *session) accept(mac [16]byte) { s.chain, s.chained = mac, true }

// answerMAC is the R-MAC of SCP03 (Amendment D, 6.2.5): over the chaining value of
// the command, the data as sent and the status word.
func (s *session) answerMAC(data []byte, sw uint16) [8]byte {
	m := append(s.text[:0], s.chain[:]...)
	m = append(m, data...)
	out := s.rmac.sum(append(m, byte(sw>>8), byte(sw)))
	return [8]byte(out[:8])
}

// startIV sets the initial value for data: zero in SCP02; the enciphered command
// counter in SCP03, with the top bit set for an answer (Amendment D, 6.2.6, 6.2.7).
func (s *session) startIV(answer bool) []byte {
	clear(s.iv[:])
	if s.protocol == SCP02 {
		return s.iv[:8]
	}
	binary.BigEndian.PutUint64(s.iv[8:], s.counter)
	if answer {
		s.iv[0] = 0x80
	}
	s.enc.Encrypt(s.iv[:], s.iv[:])
	return s.iv[:]
}

// encipher appends padded and enciphered data.
func (s *session) encipher(dst, data []byte, answer bool) []byte {
	start := len(dst)
	dst = pad(append(dst, data...), start, s.protocol.BlockSize())
	cbcEncrypt(s.enc, s.startIV(answer), dst[start:])
	return dst
}

// decipher appends the plain data, without padding.
func (s *session) decipher(dst, data []byte, answer bool) ([]byte, bool) {
	n := s.protocol.BlockSize()
	if len(data) == 0 || len(data)%n != 0 {
		return dst, false
	}
	start := len(dst)
	iv := s.startIV(answer)
	dst = append(dst, data...)
	plain := dst[start:]
	for at := 0; at < len(plain); at += n {
		s.enc.Decrypt(plain[at:at+n], plain[at:at+n])
		subtle.XORBytes(plain[at:at+n], plain[at:at+n], iv)
		iv = data[at : at+n]
	}
	length, ok := unpad(plain, n)
	return dst[:start+length], ok
}

// cryptDEK enciphers or deciphers keys on their way into the card: 3DES-ECB under
// the session DEK (annex E.4.7), AES-CBC with zero ICV under the static DEK
// (Amendment D, 6.2.8).
func (s *session) cryptDEK(dst, src []byte, encrypt bool) ([]byte, error) {
	n := s.dek.BlockSize()
	if len(src) == 0 || len(src)%n != 0 {
		return dst, ErrBlocks
	}
	start := len(dst)
	dst = append(dst, src...)
	out := dst[start:]
	var previous, taken [16]byte
	for at := 0; at < len(out); at += n {
		b := out[at : at+n]
		if s.protocol == SCP02 {
			clear(previous[:])
		}
		if encrypt {
			subtle.XORBytes(b, b, previous[:n])
			s.dek.Encrypt(b, b)
			copy(previous[:], b)
			continue
		}
		copy(taken[:], b)
		s.dek.Decrypt(b, b)
		subtle.XORBytes(b, b, previous[:n])
		previous = taken
	}
	return dst, nil
}

// protected tells whether an answer with this status word carries an R-MAC:
// success and warnings do, errors do not (Amendment D, 6.2.5).
func protected(sw uint16) bool {
	return sw == 0x9000 || sw>>8 == 0x62 || sw>>8 == 0x63
}

// isSecure tells whether a class byte announces GlobalPlatform secure messaging.
func isSecure(cla byte) bool {
	if cla&classFurther != 0 {
		return cla&classSecureFurther != 0
	}
	return cla&classSecureMask == classSecure
}

// isPlain tells whether a class byte announces no secure messaging of any kind.
func isPlain(cla byte) bool {
	if cla&classFurther != 0 {
		return cla&classSecureFurther == 0
	}
	return cla&classSecureMask == 0
}

func secureClass(cla byte) byte {
	if cla&classFurther != 0 {
		return cla | classSecureFurther
	}
	return cla | classSecure
}

func plainClass(cla byte) byte {
	if cla&classFurther != 0 {
		return cla &^ classSecureFurther
	}
	return cla &^ classSecureMask
}

// macClass is the class byte under the MAC: secure, on logical channel 0, since a
// channel is a matter of the line (GP Card Specification 2.2, E.4.4).
func macClass(cla byte) byte {
	if cla&classFurther != 0 {
		return cla&0x90 | classSecure
	}
	return cla&0xFC | classSecure
}
