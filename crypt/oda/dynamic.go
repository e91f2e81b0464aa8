package oda

import (
	"crypto/sha1"
	"crypto/subtle"
	"fmt"
	"io"
)

// DynamicSigner makes tag 9F4B for DDA and fDDA, 69 bytes with SM2, the modulus'
// size with RSA. The ICC dynamic data is 02 and the ATC, 9F36, two bytes.
// terminalData is what the reader sent: the DDOL's values, or FDDATerminalData.
type DynamicSigner interface {
	SignDynamic(dst []byte, rand io.Reader, atc uint16, terminalData []byte) ([]byte, error)
}

var (
	_ DynamicSigner = (*SM2Private)(nil)
	_ DynamicSigner = (*RSAPrivate)(nil)
)

// SignDynamic appends tag 9F4B in SM2 format (JR/T 0025.17): 15, length 03, 02
// ATC(2), signature over these and terminalData.
func (k *SM2Private) SignDynamic(dst []byte, rand io.Reader, atc uint16, terminalData []byte) ([]byte, error) {
	at := len(dst)
	dst = append(dst, formatSM2|formatDynamic, 3, 2, byte(atc>>8), byte(atc))
	return k.Sign(dst, rand, dst[at:], terminalData)
}

// SignDynamic appends tag 9F4B in RSA format (EMV Book 2, 6.5, table 17): 6A 05
// 01, length 03, 02 ATC(2), BB.., SHA-1, BC; the hash also covers terminalData.
func (k *RSAPrivate) SignDynamic(dst []byte, rand io.Reader, atc uint16, terminalData []byte) ([]byte, error) {
	block := make([]byte, 0, maxModulus)
	block = append(block, rsaHeader, formatDynamic, sha1Code, 3, 2, byte(atc>>8), byte(atc))
	sig, err := k.seal(rand, block, terminalData)
	if err != nil {
		return nil, fmt.Errorf("sign dynamic data: %w", err)
	}
	return append(dst, sig...), nil
}

// FDDATerminalData appends what a qPBOC dynamic signature covers on the reader's
// side (JR/T 0025.12): version 00 only the unpredictable number 9F37; version 01
// also the amount 9F02, the currency 5F2A and tag 9F69, which the card gives in
// its last record.
func FDDATerminalData(dst []byte, version byte, un [4]byte, amount [6]byte, currency [2]byte, tag9F69 []byte) []byte {
	dst = append(dst, un[:]...)
	if version == 0 {
		return dst
	}
	dst = append(dst, amount[:]...)
	dst = append(dst, currency[:]...)
	return append(dst, tag9F69...)
}

// DynamicData checks tag 9F4B over terminalData and gives the ICC dynamic data
// inside: a length and the card's dynamic number. It is a copy.
func (k *CardKey) DynamicData(sdad, terminalData []byte) ([]byte, Reason) {
	if len(sdad) == 0 {
		return nil, MissingData
	}
	if k.sm2 != nil {
		end := len(sdad) - signatureSize
		if end < 2 || sdad[0] != formatSM2|formatDynamic || int(sdad[1]) != end-2 {
			return nil, Format
		}
		if !k.sm2.Verify(sdad[end:], sdad[:end], terminalData) {
			return nil, SDADBad
		}
		return append([]byte(nil), sdad[2:end]...), OK
	}
	block, ok := k.rsa.open(sdad, formatDynamic, terminalData)
	if !ok || block[2] != sha1Code || 4+int(block[3]) > len(block)-sha1Size-1 {
		return nil, SDADBad
	}
	return append([]byte(nil), block[4:4+int(block[3])]...), OK
}

// VerifyDynamic checks tag 9F4B over terminalData and that it signs this counter
// (9F36). The dynamic number must begin with the counter: it is the counter alone
// on the cards of JR/T 0025.12 made here, and has five more bytes on the UnionPay
// test card of the tests. Other cards need DynamicData.
func (k *CardKey) VerifyDynamic(sdad []byte, atc uint16, terminalData []byte) Reason {
	data, r := k.DynamicData(sdad, terminalData)
	if r != OK {
		return r
	}
	if len(data) < 3 || int(data[0]) != len(data)-1 || data[1] != byte(atc>>8) || data[2] != byte(atc) {
		return ATCMismatch
	}
	return OK
}

// open recovers a block, and checks its header, format, trailer and hash, which
// covers the block and then the further parts.
func (k *rsaPublic) open(sig []byte, format byte, parts ...[]byte) ([]byte, bool) {
	block, ok := k.recover(sig)
	if !ok {
		return nil, false
	}
	end := len(block) - sha1Size - 1
	if block[0] != rsaHeader || block[1] != format || block[len(block)-1] != rsaTrailer {
		return nil, false
	}
	var want [sha1Size]byte
	appendSHA1(want[:0], block[1:end], parts)
	return block, subtle.ConstantTimeCompare(want[:], block[end:end+sha1Size]) == 1
}

// appendSHA1 appends the hash of first and then parts. SHA-1 is what the RSA
// formats prescribe (hash algorithm indicator 01).
func appendSHA1(dst, first []byte, parts [][]byte) []byte {
	h := sha1.New()
	h.Write(first)
	for _, p := range parts {
		h.Write(p)
	}
	return h.Sum(dst)
}
