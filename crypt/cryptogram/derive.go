package cryptogram

// DeriveCardKey makes a card's own key from an issuer master key.
//
// Triple DES is option A of EMV Book 2, A1.4.1: Y is the rightmost 16 digits of
// PAN followed by the two digits of psn, left padded with zeros; the key is
// E(Y) followed by E(Y xor FF..FF). Option A is used for PANs of any length, as
// JR/T 0025.7 does. Parity bits are left as they come out.
//
// SM4 takes the same 16 bytes as one block, E(Y || not Y): the public texts do
// not give this rule, it has the shape of the SM4 session key (our choice).
//
// pan is BCD, left justified, filled up with F; digits end at the first F. The
// caller has checked that the other digits are decimal.
func DeriveCardKey(alg Alg, master Block, pan [10]byte, psn byte) Key {
	var w struct{ in, out [16]byte }
	diversifier(&w.in, &pan, psn)
	encryptMaster(alg, master, w.out[:], w.in[:])
	return w.out
}

// encryptMaster turns the 16 bytes of a derivation input under a foreign Block.
func encryptMaster(alg Alg, master Block, dst, src []byte) {
	if master.BlockSize() != alg.BlockSize() || !alg.Valid() {
		panic("cryptogram: the master key's block size does not fit " + alg.String())
	}
	master.Encrypt(dst, src)
	if alg == TDES {
		master.Encrypt(dst[8:16], src[8:16])
	}
}

// diversifier writes Y || not Y of option A.
func diversifier(dst *[16]byte, pan *[10]byte, psn byte) {
	n := 0
	for n < 20 && nibble(pan, n) != 0x0F {
		n++
	}
	for i := range 7 {
		// Byte i of Y holds PAN digits n-14+2i and the next one: fourteen PAN
		// digits stand before the two digits of the sequence number.
		d := n - 14 + 2*i
		dst[i] = nibble(pan, d)<<4 | nibble(pan, d+1)
	}
	dst[7] = psn
	for i := range 8 {
		dst[8+i] = ^dst[i]
	}
}

// nibble gives digit i of a PAN, and 0 before its first digit (left padding).
func nibble(pan *[10]byte, i int) byte {
	if i < 0 {
		return 0
	}
	if i&1 == 0 {
		return pan[i/2] >> 4
	}
	return pan[i/2] & 0x0F
}

// DeriveSessionKey makes the key of one transaction from a card key and the
// application transaction counter (9F36), the PBOC way (JR/T 0025.7; not the
// EMV common session key): the card key encrypts
// 000000000000 ATC 000000000000 (ATC xor FFFF), two 3DES blocks or one SM4 block.
func DeriveSessionKey(alg Alg, card Key, atc uint16) Key {
	s := newSchedule(alg, &card)
	var w struct{ in, out [16]byte }
	sessionInput(&w.in, atc)
	s.encrypt16(w.out[:], w.in[:])
	return w.out
}

func sessionInput(dst *[16]byte, atc uint16) {
	*dst = [16]byte{6: byte(atc >> 8), 7: byte(atc), 14: ^byte(atc >> 8), 15: ^byte(atc)}
}
