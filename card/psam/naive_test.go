package psam_test

import (
	"bytes"
	"crypto/cipher"
	"crypto/des"

	"github.com/emmansun/gmsm/sm4"

	"github.com/citycard/citycard/crypt/epurse"
)

// A second way to the same cryptograms, block by block with the ciphers of the
// standard library and of gmsm, and nothing of the module.

func must(b cipher.Block, err error) cipher.Block {
	if err != nil {
		panic(err)
	}
	return b
}

func naiveECB(alg epurse.Alg, key, data []byte) []byte {
	b := must(sm4.NewCipher(key[:16]))
	if alg == epurse.TDES {
		b = must(des.NewTripleDESCipher(append(bytes.Clone(key), key[:8]...)))
	}
	out := make([]byte, len(data))
	for i := 0; i < len(data); i += b.BlockSize() {
		b.Encrypt(out[i:], data[i:])
	}
	return out
}

// naiveDiversify applies factors from left to right.
func naiveDiversify(alg epurse.Alg, key []byte, factors ...[]byte) []byte {
	for _, f := range factors {
		in := bytes.Clone(f)
		for _, x := range f {
			in = append(in, ^x)
		}
		key = naiveECB(alg, key, in)
	}
	return key
}

// naiveMAC is over whole blocks: algorithm 3 of ISO 9797-1 or CBC-MAC.
func naiveMAC(alg epurse.Alg, key, iv, data []byte) []byte {
	if alg == epurse.SM4 {
		out := bytes.Clone(data)
		cipher.NewCBCEncrypter(must(sm4.NewCipher(key)), iv).CryptBlocks(out, out)
		return out[len(out)-16:][:4]
	}
	out := bytes.Clone(data)
	cipher.NewCBCEncrypter(must(des.NewCipher(key[:8])), iv).CryptBlocks(out, out)
	x := out[len(out)-8:]
	must(des.NewCipher(key[8:])).Decrypt(x, x)
	must(des.NewCipher(key[:8])).Encrypt(x, x)
	return x[:4]
}

func naivePad(alg epurse.Alg, data []byte) []byte {
	data = append(bytes.Clone(data), 0x80)
	for len(data)%alg.BlockSize() != 0 {
		data = append(data, 0)
	}
	return data
}

// naivePurchase gives MAC1 and MAC2 of the data of an INIT_SAM_FOR_PURCHASE.
func naivePurchase(alg epurse.Alg, master, data, terminal, code []byte, termSeq uint32) (mac1, mac2 []byte) {
	var list [][]byte
	for f := data[20:]; len(f) > 0; f = f[:len(f)-8] {
		list = append(list, f[len(f)-8:])
	}
	dpk := naiveDiversify(alg, master, list...)
	in := append(bytes.Clone(data[:6]), byte(termSeq>>8), byte(termSeq))
	if alg == epurse.SM4 {
		in = naivePad(alg, in)
	}
	key := naiveECB(alg, dpk, in)
	if alg == epurse.TDES {
		key = append(key, key...)
	}
	iv := make([]byte, 16)[:alg.BlockSize()]
	m := append(bytes.Clone(data[6:11]), terminal...)
	m = append(append(m, data[11:18]...), code...)
	return naiveMAC(alg, key, iv, naivePad(alg, m)), naiveMAC(alg, key, iv, naivePad(alg, data[6:10]))
}
