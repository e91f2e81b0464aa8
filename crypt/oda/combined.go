package oda

import (
	"crypto/sha1"
	"crypto/subtle"
	"fmt"
	"io"

	"github.com/emmansun/gmsm/sm3"
)

// Combined is what combined dynamic data authentication (CDA) signs in the answer
// to GENERATE AC: the cryptogram and the whole of the transaction around it.
type Combined struct {
	ATC uint16  // 9F36, the ICC dynamic number
	CID byte    // 9F27 of the answer
	AC  [8]byte // 9F26; with CDA it travels inside 9F4B only
	UN  [4]byte // 9F37 that the terminal sent with this GENERATE AC

	// Transaction is what both sides saw of the transaction (EMV Book 2, 6.6.1):
	// the values of the PDOL as sent, those of CDOL1, with the second GENERATE AC
	// those of CDOL2, and the objects of the answer, tag, length and value in the
	// order of the answer, without 9F4B.
	Transaction []byte
}

// CombinedSigner makes tag 9F4B for CDA, 114 bytes with SM2, the modulus' size
// with RSA. An AAC is never signed (EMV Book 2, 6.6): asking for it is an error.
type CombinedSigner interface {
	SignCombined(dst []byte, rand io.Reader, in Combined) ([]byte, error)
}

var (
	_ CombinedSigner = (*SM2Private)(nil)
	_ CombinedSigner = (*RSAPrivate)(nil)
)

// Lengths of the ICC dynamic data of CDA: dynamic number with its length, CID,
// cryptogram and hash (EMV Book 2, 6.6.1, table 19); 32 bytes with SHA-1, 44 with
// SM3.
const (
	combinedHead = 1 + 2 + 1 + 8
	combinedRSA  = combinedHead + sha1Size
	combinedSM2  = combinedHead + sm3.Size
)

// SignCombined appends tag 9F4B in SM2 format: 15, length 2C, 02 ATC(2), CID,
// cryptogram(8), SM3 of the transaction(32), unpredictable number(4), signature
// over all before it. The hash is SM3 because the signature is (our choice; no
// public text shows it).
func (k *SM2Private) SignCombined(dst []byte, rand io.Reader, in Combined) ([]byte, error) {
	if err := in.signable(); err != nil {
		return nil, err
	}
	at := len(dst)
	dst = in.head(append(dst, formatSM2|formatDynamic, combinedSM2))
	hash := sm3.Sum(in.Transaction)
	dst = append(dst, hash[:]...)
	dst = append(dst, in.UN[:]...)
	return k.Sign(dst, rand, dst[at:])
}

// SignCombined appends tag 9F4B in RSA format (EMV Book 2, 6.6.1, tables 18 and
// 19): 6A 05 01, length 20, 02 ATC(2), CID, cryptogram(8), SHA-1 of the
// transaction(20), BB.., SHA-1, BC; the outer hash also covers the unpredictable
// number.
func (k *RSAPrivate) SignCombined(dst []byte, rand io.Reader, in Combined) ([]byte, error) {
	if err := in.signable(); err != nil {
		return nil, err
	}
	block := make([]byte, 0, maxModulus)
	block = in.head(append(block, rsaHeader, formatDynamic, sha1Code, combinedRSA))
	hash := sha1.Sum(in.Transaction)
	sig, err := k.seal(rand, append(block, hash[:]...), in.UN[:])
	if err != nil {
		return nil, fmt.Errorf("sign combined data: %w", err)
	}
	return append(dst, sig...), nil
}

func (in *Combined) signable() error {
	if in.CID&0xC0 == 0 {
		return fmt.Errorf("sign combined data: CID %02X is an AAC, which EMV Book 2, 6.6 leaves unsigned; answer it without CDA", in.CID)
	}
	return nil
}

func (in *Combined) head(dst []byte) []byte {
	dst = append(dst, 2, byte(in.ATC>>8), byte(in.ATC), in.CID)
	return append(dst, in.AC[:]...)
}

// CombinedData checks tag 9F4B of a GENERATE AC answer with CDA (EMV Book 2,
// 6.6.2), and gives the ICC dynamic number (9F4C, a copy) and the cryptogram
// (9F26) that are inside. The signature must be over in.UN, the CID be in.CID and
// the hash that of in.Transaction; in.ATC and in.AC are not looked at.
func (k *CardKey) CombinedData(sdad []byte, in Combined) (number []byte, ac [8]byte, r Reason) {
	data, hash, r := k.openCombined(sdad, &in)
	if r != OK {
		return nil, ac, r
	}
	// A dynamic number has two to eight bytes (EMV Book 2, 6.6.1).
	n := int(data[0])
	if n < 2 || n > 8 || len(data) < 1+n+1+len(ac)+len(hash) {
		return nil, ac, SDADBad
	}
	cid, rest := data[1+n], data[2+n:]
	if cid != in.CID {
		return nil, ac, CIDMismatch
	}
	if subtle.ConstantTimeCompare(rest[len(ac):len(ac)+len(hash)], hash) != 1 {
		return nil, ac, TransactionMismatch
	}
	return append([]byte(nil), data[1:1+n]...), [8]byte(rest), OK
}

// VerifyCombined is CombinedData for the cards made here, whose dynamic number
// begins with the counter: it must be in.ATC. The cryptogram is given with OK
// only.
func (k *CardKey) VerifyCombined(sdad []byte, in Combined) (ac [8]byte, r Reason) {
	number, ac, r := k.CombinedData(sdad, in)
	if r == OK && (number[0] != byte(in.ATC>>8) || number[1] != byte(in.ATC)) {
		return [8]byte{}, ATCMismatch
	}
	return ac, r
}

// openCombined checks the signature and gives the ICC dynamic data, of at least
// one byte, and the hash that they should hold.
func (k *CardKey) openCombined(sdad []byte, in *Combined) (data, hash []byte, r Reason) {
	if len(sdad) == 0 {
		return nil, nil, MissingData
	}
	if k.sm2 == nil {
		block, ok := k.rsa.open(sdad, formatDynamic, in.UN[:])
		if !ok || block[2] != sha1Code || block[3] == 0 || 4+int(block[3]) > len(block)-sha1Size-1 {
			return nil, nil, SDADBad
		}
		h := sha1.Sum(in.Transaction)
		return block[4 : 4+int(block[3])], h[:], OK
	}
	end := len(sdad) - signatureSize
	un := end - len(in.UN)
	if un < 3 || sdad[0] != formatSM2|formatDynamic || int(sdad[1]) != un-2 {
		return nil, nil, Format
	}
	if [4]byte(sdad[un:end]) != in.UN || !k.sm2.Verify(sdad[end:], sdad[:end]) {
		return nil, nil, SDADBad
	}
	h := sm3.Sum(in.Transaction)
	return sdad[2:un], h[:], OK
}
