package pboc

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/wire/tlv"
)

// DGI is a data grouping, the unit in which a card is personalised (JR/T 0025.10;
// GlobalPlatform Card Specification 2.2, 11.11). It prints its identifier and
// length only.
//
// Identifiers that an application takes, data objects in any order:
//
//	SSRR   record RR of file SS (01 to 1E), template 70; not 0D01 and 0E01
//	0D01   9F58 9F59 9F73 9F4F 9F54 9F5C 9F75 9F53 9F72 DF4F 9F77 9F78 9F79 9F6D 9F6B 9F6C 9F68
//	0E01   9F51 9F52 9F56 9F57 9F36 9F13 5F34 9F76 DF71 DF72 DF76 DF77 DF78 DF79 DF62 DF63
//	8000   triple DES keys AC, MAC, ENC (48)    9000  their check values (9)
//	8001   key of the dynamic check value (16)  9001  its check value (3)
//	8010   PIN block, ISO 9564 format 2 (8)     9010  tries left, tries after an unblock
//	8020   opening keys of the extension's files (16 each)   9020  their check values
//	8021 to 8028  one journey record each: SFI, management key(16), record, 80 00..
//	8201   q^-1 mod p  8202 d mod q-1  8203 d mod p-1  8204 q  8205 p
//	8400   SM4 keys AC, MAC, ENC (48)           9400  their check values (9)
//	8401   SM2 private key (32)
//	8402   SM4 key of the dynamic check value   9402  its check value (3)
//	9102   A5 of the contact FCI                9103  A5 of the contactless FCI
//	9104   82 94 of debit/credit                9203  82 94 of electronic cash over contacts
//	9206   82 [94] of magnetic stripe data      9207  82 9F10 94 of qPBOC
//	9404   9403   9407   82 94 of the same with SM4 and SM2, when there is 3DES too
//	9208   57 [5F20] [9F63] [C1: memory for changed records, 2 bytes] [C2: 01 for a quota]
//	9200   9F10 of debit/credit
//	A001   files of the low-value extension
//
// 8021 to 8028, 84xx, 94xx, 9001 and 9208 are our choice: no public text has them.
// Groupings 80xx, 82xx and 84xx travel enciphered. The parts of an RSA key, and a
// PIN block under a key with blocks of 16 bytes, are padded with 80 00.. first.
type DGI struct {
	ID   uint16
	Data []byte
}

// Identifiers of data groupings.
const (
	dgiFirst      = 0x0D01
	dgiSecond     = 0x0E01
	dgiKeys       = 0x8000
	dgiDCVN       = 0x8001
	dgiPIN        = 0x8010
	dgiOpening    = 0x8020
	dgiJourney    = 0x8021
	dgiQInv       = 0x8201
	dgiDQ         = 0x8202
	dgiDP         = 0x8203
	dgiQ          = 0x8204
	dgiP          = 0x8205
	dgiSMKeys     = 0x8400
	dgiSM2        = 0x8401
	dgiSMDCVN     = 0x8402
	dgiKCV        = 0x9000
	dgiDCVNKCV    = 0x9001
	dgiPINTries   = 0x9010
	dgiOpeningKCV = 0x9020
	dgiFCI        = 0x9102
	dgiAirFCI     = 0x9103
	dgiDebit      = 0x9104
	dgiIAD        = 0x9200
	dgiCash       = 0x9203
	dgiMSD        = 0x9206
	dgiQPBOC      = 0x9207
	dgiOwn        = 0x9208
	dgiSMKCV      = 0x9400
	dgiSMDCVNKCV  = 0x9402
	dgiSMCash     = 0x9403
	dgiSMDebit    = 0x9404
	dgiSMQPBOC    = 0x9407
	dgiFiles      = 0xA001
	tagUpdatable  = tlv.Tag(0xC1)
	tagQuota      = tlv.Tag(0xC2)
	lenKeys       = 48
	lenKCVs       = 9
	padding       = 0x80
	maxDGI        = 512 // bytes; the longest is a record or a part of a key
	maxDGIRecord  = MaxAnswer
	minCRT        = 32
	maxCRT        = 124 // half of the longest modulus, EMV Book 2, D1
	updatableSize = 2
)

// Errors of decoding data groupings.
var (
	// ErrDGI says that a data grouping has the wrong length or content, or that
	// groupings contradict each other.
	ErrDGI = errors.New("unusable data grouping")
	// ErrDGIMissing says that a card cannot be made because a grouping is missing.
	ErrDGIMissing = errors.New("a data grouping is missing")
)

// Secret tells whether the grouping holds keys or a PIN, which must be enciphered
// on their way into the card.
func (d DGI) Secret() bool { return secretDGI(d.ID) }

func secretDGI(id uint16) bool {
	switch id >> 8 {
	case 0x80, 0x82, 0x84:
		return true
	}
	return false
}

// Append appends the grouping as STORE DATA carries it: identifier (2), length
// (1, or FF and 2 bytes from 255 on), data.
func (d DGI) Append(dst []byte) []byte {
	n := len(d.Data)
	dst = append(dst, byte(d.ID>>8), byte(d.ID))
	if n < 0xFF {
		dst = append(dst, byte(n))
	} else {
		dst = append(dst, 0xFF, byte(n>>8), byte(n))
	}
	return append(dst, d.Data...)
}

// Format answers every verb of fmt with identifier and length.
func (d DGI) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(d.text())) }

// MarshalText gives identifier and length to encoding/json and others.
func (d DGI) MarshalText() ([]byte, error) { return []byte(d.text()), nil }

// LogValue gives slog identifier and length.
func (d DGI) LogValue() slog.Value { return slog.StringValue(d.text()) }

func (d DGI) text() string { return fmt.Sprintf("[DGI %04X, %d bytes]", d.ID, len(d.Data)) }

// PrivateKey are the secret numbers behind a card's certificate 9F46, of the
// algorithm of its set: RSA beside triple DES, SM2 beside SM4. It prints a fixed
// text.
type PrivateKey struct {
	RSA oda.RSAComponents
	SM2 [32]byte
}

// Format answers every verb of fmt with a fixed text.
func (PrivateKey) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(withheld)) }

// MarshalText gives the fixed text to encoding/json and others.
func (PrivateKey) MarshalText() ([]byte, error) { return []byte(withheld), nil }

// LogValue gives slog the fixed text.
func (PrivateKey) LogValue() slog.Value { return slog.StringValue(withheld) }

// recordOf gives the record that an identifier stands for.
func recordOf(id uint16) (Record, bool) {
	r := Record{SFI: byte(id >> 8), Number: byte(id)}
	ok := r.SFI >= 1 && r.SFI <= 30 && r.Number >= 1 && r.Number <= 254 && id != dgiFirst && id != dgiSecond
	return r, ok
}

// dgiLengths are the groupings of the table above, without the records, and their
// least and greatest length.
var dgiLengths = map[uint16][2]int{
	dgiFirst: {3, maxDGI}, dgiSecond: {3, maxDGI},
	dgiKeys: {lenKeys, lenKeys}, dgiDCVN: {16, 16}, dgiPIN: {8, 16}, dgiSMKeys: {lenKeys, lenKeys}, dgiSM2: {32, 32}, dgiSMDCVN: {16, 16}, dgiSMDCVNKCV: {3, 3},
	dgiQInv: {minCRT, maxCRT + 16}, dgiDQ: {minCRT, maxCRT + 16}, dgiDP: {minCRT, maxCRT + 16},
	dgiQ: {minCRT, maxCRT + 16}, dgiP: {minCRT, maxCRT + 16},
	dgiKCV: {lenKCVs, lenKCVs}, dgiDCVNKCV: {3, 3}, dgiSMKCV: {lenKCVs, lenKCVs}, dgiPINTries: {2, 2},
	dgiFCI: {2, MaxAnswer}, dgiAirFCI: {2, MaxAnswer}, dgiDebit: {4, MaxAnswer}, dgiCash: {4, MaxAnswer},
	dgiMSD: {4, MaxAnswer}, dgiQPBOC: {4, MaxAnswer}, dgiOwn: {2, MaxAnswer}, dgiIAD: {3, 40},
	dgiFiles: {7, 70}, dgiOpening: {16, 160}, dgiOpeningKCV: {3, 30},
	dgiSMDebit: {4, MaxAnswer}, dgiSMCash: {4, MaxAnswer}, dgiSMQPBOC: {4, MaxAnswer},
}

// check fails with ErrDGI if a grouping is not known or has an impossible length;
// a record must be one template 70.
func (d DGI) check() error {
	if _, ok := recordOf(d.ID); ok {
		it := tlv.Iterate(d.Data)
		if !it.Next() || it.Tag != tlv.TagRecordTemplate || it.ValueOffset()+len(it.Value) != len(d.Data) || len(d.Data) > maxDGIRecord {
			return fmt.Errorf("%v: want a record of one template 70, at most %d bytes: %w", d, maxDGIRecord, ErrDGI)
		}
		return nil
	}
	limit, ok := dgiLengths[d.ID]
	if journeyDGI(d.ID) {
		limit, ok = [2]int{minJourney, maxJourney}, true
	}
	if !ok {
		return fmt.Errorf("%v: %w: %w", d, errDGIUnknown, ErrDGI)
	}
	if n := len(d.Data); n < limit[0] || n > limit[1] {
		return fmt.Errorf("%v: want %d to %d bytes: %w", d, limit[0], limit[1], ErrDGI)
	}
	return nil
}

var errDGIUnknown = errors.New("not known")

// kcvOf names the keys that a grouping of check values vouches for.
func kcvOf(id uint16) (keys uint16, alg cryptogram.Alg, ok bool) {
	switch id {
	case dgiKCV:
		return dgiKeys, cryptogram.TDES, true
	case dgiSMKCV:
		return dgiSMKeys, cryptogram.SM4, true
	case dgiDCVNKCV:
		return dgiDCVN, cryptogram.TDES, true
	case dgiSMDCVNKCV:
		return dgiSMDCVN, cryptogram.SM4, true
	}
	return 0, 0, false
}

// checkValues are the check values of keys that stand one after the other.
func checkValues(alg cryptogram.Alg, keys []byte) []byte {
	var out []byte
	for ; len(keys) >= 16; keys = keys[16:] {
		kcv := cryptogram.KCV(alg, cryptogram.Key(keys))
		out = append(out, kcv[:]...)
	}
	return out
}
