package files

import (
	"crypto/cipher"
	"crypto/subtle"

	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/wire/apdu"
)

const lineMAC = 4 // bytes of a MAC on the line

// line protects one command and its answer.
type line struct {
	alg        cryptogram.Alg
	key        cryptogram.Key
	iv         [16]byte
	enciphered bool
}

func newLine(k *cos.KeyEntry, c *challenge, enciphered bool) *line {
	return &line{k.Alg, cryptogram.Key(k.Value), c.value, enciphered}
}

// block prepares a key that was checked.
func block(alg cryptogram.Alg, key cryptogram.Key) cipher.Block {
	b, err := cryptogram.NewBlock(alg, key)
	if err != nil {
		panic("files: a key that was checked was refused: " + err.Error())
	}
	c, ok := b.(cipher.Block)
	if !ok {
		panic("files: a block cipher cannot decipher")
	}
	return c
}

// mac is the MAC over a message. Triple DES chains with its left half alone but
// for the last block, ISO 9797-1 algorithm 3: E(D(E(x))) is the whole cipher.
func (l *line) mac(message []byte) [lineMAC]byte {
	last := block(l.alg, l.key)
	chain := last
	if l.alg == cryptogram.TDES {
		half := l.key
		copy(half[8:], half[:8])
		chain = block(l.alg, half)
	}
	size := last.BlockSize()
	padded := append(make([]byte, 0, len(message)+size), message...)
	for padded = append(padded, 0x80); len(padded)%size != 0; {
		padded = append(padded, 0)
	}
	x := l.iv
	for len(padded) > size {
		subtle.XORBytes(x[:size], x[:size], padded[:size])
		chain.Encrypt(x[:size], x[:size])
		padded = padded[size:]
	}
	subtle.XORBytes(x[:size], x[:size], padded)
	last.Encrypt(x[:size], x[:size])
	return [lineMAC]byte(x[:lineMAC])
}

// open checks the MAC of a command and gives its data: 6987 without a MAC, 6988 if
// it is wrong or the data behind it has no right form.
func (l *line) open(c *apdu.Command) ([]byte, apdu.SW) {
	n := len(c.Data) - lineMAC
	if n < 0 {
		return nil, apdu.SWMACMissing
	}
	message := append([]byte{c.CLA, c.INS, c.P1, c.P2, byte(len(c.Data))}, c.Data[:n]...)
	want := l.mac(message)
	if subtle.ConstantTimeCompare(want[:], c.Data[n:]) != 1 {
		return nil, apdu.SWMACWrong
	}
	if !l.enciphered || n == 0 {
		return c.Data[:n], apdu.SWOK
	}
	data, ok := l.decipher(c.Data[:n])
	if !ok {
		return nil, apdu.SWMACWrong
	}
	return data, apdu.SWOK
}

// decipher opens: length, data, 80 00.. up to a whole block where one is needed.
func (l *line) decipher(src []byte) ([]byte, bool) {
	b := block(l.alg, l.key)
	size := b.BlockSize()
	if len(src)%size != 0 {
		return nil, false
	}
	out := make([]byte, len(src))
	for i := 0; i < len(src); i += size {
		b.Decrypt(out[i:i+size], src[i:i+size])
	}
	n := int(out[0])
	if 1+n > len(out) || len(out)-1-n >= size {
		return nil, false
	}
	for i, p := range out[1+n:] {
		if i == 0 && p != 0x80 || i > 0 && p != 0 {
			return nil, false
		}
	}
	return out[1 : 1+n], true
}

// encipher is the inverse of decipher for at most 255 bytes.
func (l *line) encipher(data []byte) []byte {
	b := block(l.alg, l.key)
	size := b.BlockSize()
	out := append(make([]byte, 0, l.length(len(data))), byte(len(data)))
	out = append(out, data...)
	for pad := byte(0x80); len(out)%size != 0; pad = 0 {
		out = append(out, pad)
	}
	for i := 0; i < len(out); i += size {
		b.Encrypt(out[i:i+size], out[i:i+size])
	}
	return out
}

// protect gives the data as sent; without a line as they are.
func (l *line) protect(data []byte) []byte {
	if l == nil {
		return data
	}
	if l.enciphered {
		data = l.encipher(data)
	}
	m := l.mac(data)
	return append(append(make([]byte, 0, len(data)+lineMAC), data...), m[:]...)
}

// length is how many bytes an answer of n bytes becomes.
func (l *line) length(n int) int {
	switch {
	case l == nil:
		return n
	case l.enciphered:
		size := l.alg.BlockSize()
		n = (n + size) / size * size
	}
	return n + lineMAC
}

// room is the greatest n whose length is at most limit; 0 if there is none.
func (l *line) room(limit int) int {
	n := min(limit, apdu.MaxShortData)
	if l == nil {
		n = limit
	}
	for n > 0 && l.length(n) > limit {
		n--
	}
	return n
}
