package capp

import (
	"crypto/cipher"
	"crypto/des"
	"crypto/subtle"

	"github.com/citycard/citycard/crypt/cryptogram"
)

// MACLen is how many bytes of a code go over the air.
const MACLen = 4

// mac is the code of the extension's commands: padding 80 00.. always, the key used
// as it is, and a start value that carries the freshness (JR/T 0025.14 annex C);
// ISO/IEC 9797-1 algorithm 3 for triple DES, for SM4 see the package comment.
func mac(alg cryptogram.Alg, key cryptogram.Key, start [8]byte, parts ...[]byte) [MACLen]byte {
	var x [16]byte
	size := alg.BlockSize()
	left, right := halves(alg, key)
	copy(x[size-8:], start[:])
	n := 0
	for _, part := range parts {
		for _, b := range part {
			x[n] ^= b
			if n++; n == size {
				left.Encrypt(x[:size], x[:size])
				n = 0
			}
		}
	}
	x[n] ^= 0x80
	left.Encrypt(x[:size], x[:size])
	if right != nil {
		right.Decrypt(x[:size], x[:size])
		left.Encrypt(x[:size], x[:size])
	}
	return [MACLen]byte(x[:])
}

// halves are the ciphers of algorithm 3; right is nil for SM4.
func halves(alg cryptogram.Alg, key cryptogram.Key) (left, right cipher.Block) {
	if alg != cryptogram.TDES {
		return block(alg, key), nil
	}
	for i, to := range []*cipher.Block{&left, &right} {
		b, err := des.NewCipher(key[8*i : 8*i+8])
		if err != nil {
			panic("capp: a key of the right length was refused: " + err.Error())
		}
		*to = b
	}
	return left, right
}

func block(alg cryptogram.Alg, key cryptogram.Key) cipher.Block {
	b, err := cryptogram.NewBlock(alg, key)
	if err != nil {
		panic("capp: " + err.Error())
	}
	full, ok := b.(cipher.Block)
	if !ok {
		panic("capp: the cipher of a key in clear cannot decipher")
	}
	return full
}

// counter is the start value of commands that change a record: the counter of
// transactions, 9F36, behind zeros.
func counter(atc uint16) [8]byte { return [8]byte{6: byte(atc >> 8), 7: byte(atc)} }

// ReadMAC is the code that READ CAPP DATA answers for a random number: over the
// record, with its management key.
func ReadMAC(alg cryptogram.Alg, key cryptogram.Key, random [8]byte, record []byte) [MACLen]byte {
	return mac(alg, key, random, record)
}

// UpdateMAC is the code of UPDATE CAPP DATA CACHE with the record's management key,
// and of APPEND RECORD with the opening key of the file. header is CLA INS P1 P2 Lc;
// data is all between Lc and the code.
func UpdateMAC(alg cryptogram.Alg, key cryptogram.Key, atc uint16, header [5]byte, data []byte) [MACLen]byte {
	return mac(alg, key, counter(atc), header[:], data)
}

// AnswerMAC is the code in the answer to UPDATE CAPP DATA CACHE, over 9000, when the
// record was read with a random number; command is the code of the command.
func AnswerMAC(alg cryptogram.Alg, key cryptogram.Key, command [MACLen]byte) [MACLen]byte {
	var start [8]byte
	copy(start[4:], command[:])
	return mac(alg, key, start, []byte{0x90, 0x00})
}

// Genuine compares a code in constant time.
func Genuine(want [MACLen]byte, got []byte) bool {
	return subtle.ConstantTimeCompare(want[:], got) == 1
}

// WrapKey enciphers a management key for APPEND RECORD under the opening key of its
// file: two blocks of triple DES in ECB, or one block of SM4.
func WrapKey(alg cryptogram.Alg, opening, key cryptogram.Key) (out cryptogram.Key) {
	b := block(alg, opening)
	for at := 0; at < len(key); at += b.BlockSize() {
		b.Encrypt(out[at:], key[at:])
	}
	return out
}

// UnwrapKey is the reverse of WrapKey.
func UnwrapKey(alg cryptogram.Alg, opening, wrapped cryptogram.Key) (out cryptogram.Key) {
	b := block(alg, opening)
	for at := 0; at < len(wrapped); at += b.BlockSize() {
		b.Decrypt(out[at:], wrapped[at:])
	}
	return out
}
