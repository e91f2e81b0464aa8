package cryptogram

import (
	"crypto/subtle"
	"fmt"
)

// BalanceMAC is the MAC over the amounts of the issuer discretionary data in
// 9F10 (JR/T 0025.12 annex D), left four bytes, under the session key of the
// card's MAC key. One amount (ids 1, 2, 5) is covered as ATC amount 00, two
// (ids 3, 4) as ATC amount amount 00000000; both are then padded with 80 00..
// like every other message (the public sources differ on ids 3 and 4: our
// choice). It panics on another id: ParseIAD lets none through.
func BalanceMAC(alg Alg, skMAC Key, atc uint16, idd byte, a1, a2 [5]byte) [4]byte {
	var w struct {
		in  [16]byte
		mac macState
	}
	s := newSchedule(alg, &skMAC)
	mac := w.mac.sum(&s, balanceInput(&w.in, atc, idd, &a1, &a2))
	return [4]byte(mac[:4])
}

func balanceInput(buf *[16]byte, atc uint16, idd byte, a1, a2 *[5]byte) []byte {
	*buf = [16]byte{byte(atc >> 8), byte(atc)}
	copy(buf[2:], a1[:])
	switch iddAmounts(idd) {
	case 1:
		return buf[:8]
	case 2:
		copy(buf[7:], a2[:])
		return buf[:]
	}
	panic(fmt.Sprintf("cryptogram: no balance MAC is defined for discretionary data %02X", idd))
}

// ARPC is the issuer's answer to a cryptogram, method 1 (EMV Book 2, 8.2.1;
// JR/T 0025.7): ARQC xor (arc 000000000000) encrypted under the session key of
// the card's AC key. arc is tag 8A, two ASCII characters. SM4 fills the block
// with eight zero bytes and keeps the left eight of the result (JR/T 0025.17).
// Tag 91 is these eight bytes followed by arc.
func ARPC(alg Alg, skAC Key, arqc [8]byte, arc [2]byte) [8]byte {
	s := newSchedule(alg, &skAC)
	var x [16]byte
	copy(x[:], arqc[:])
	x[0] ^= arc[0]
	x[1] ^= arc[1]
	s.encrypt(x[:], x[:])
	return [8]byte(x[:8])
}

// VerifyARPC compares an answer in constant time, as the card does at EXTERNAL
// AUTHENTICATE.
func VerifyARPC(alg Alg, skAC Key, arqc [8]byte, arc [2]byte, got [8]byte) bool {
	want := ARPC(alg, skAC, arqc, arc)
	return subtle.ConstantTimeCompare(want[:], got[:]) == 1
}

// MaxScriptData is how much data a script command carries beside its MAC.
const MaxScriptData = 251

// ScriptMAC is the secure messaging MAC of an issuer script command (EMV Book 2,
// 9.2; JR/T 0025.5), left four bytes under the session key of the card's MAC
// key. header is CLA INS P1 P2; logical channel bits are cleared first. The MAC
// covers header, Lc (data plus four MAC bytes), ATC, ac (the first cryptogram of
// the transaction) and data as sent, that is after encipherment. It fails if
// data is longer than MaxScriptData.
func ScriptMAC(alg Alg, skMAC Key, header [4]byte, atc uint16, ac [8]byte, data []byte) ([4]byte, error) {
	if len(data) > MaxScriptData {
		return [4]byte{}, fmt.Errorf("MAC script command %X: %d bytes of data, the most is %d", header, len(data), MaxScriptData)
	}
	in := make([]byte, 0, 15+len(data))
	in = append(in, header[0]&^3, header[1], header[2], header[3], byte(len(data)+4), byte(atc>>8), byte(atc))
	in = append(in, ac[:]...)
	mac := MAC(alg, skMAC, append(in, data...))
	return [4]byte(mac[:4]), nil
}
