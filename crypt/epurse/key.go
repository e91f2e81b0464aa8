package epurse

import (
	"crypto/des"
	"crypto/subtle"
	"fmt"
	"log/slog"

	"github.com/emmansun/gmsm/sm4"
)

// Factor is what a key is diversified by: the first eight bytes of file 15 (the
// issuer), or the card's serial number, bytes 12 to 19 of file 15.
type Factor [8]byte

// Diversify makes the key of a card, or of a region, from a master key: for each
// factor in turn, E(F) followed by E(F xor FF..FF); with SM4 one block of the two
// (our choice). The issuer's factor comes first, the card's last. Parity bits stay
// as they come out. In the commands of a PSAM factors stand the other way round.
// Without factors the key is the master itself, as a card of a test may have it.
func Diversify(alg Alg, master Key, factors ...Factor) Key {
	for _, f := range factors {
		b := whole(alg, &master)
		var out Key
		for i, x := range f {
			out[i], out[8+i] = x, ^x
		}
		for i := 0; i < len(out); i += b.BlockSize() {
			b.Encrypt(out[i:], out[i:])
		}
		master = out
	}
	return master
}

const withheld = "[session key withheld]"

// Session is the key of one trade: eight bytes of single DES, or sixteen of SM4.
// It prints a fixed text.
type Session struct {
	alg Alg
	key [16]byte
}

// Bytes appends the key itself, 8 bytes of triple DES or 16 of SM4, for a security
// module that must give it away, and for tests.
func (s Session) Bytes(dst []byte) []byte { return append(dst, s.key[:s.alg.BlockSize()]...) }

// Format answers every verb of fmt with a fixed text.
func (Session) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(withheld)) }

// MarshalText gives the fixed text, so encoding/json never sees the key.
func (Session) MarshalText() ([]byte, error) { return []byte(withheld), nil }

// LogValue gives slog the fixed text.
func (Session) LogValue() slog.Value { return slog.StringValue(withheld) }

// PurchaseSession is the key of a purchase, cash withdrawal or compound purchase
// (SESPK): the purchase key DPK enciphers the card's random number, the offline
// counter before the trade and the last two bytes of the terminal's counter.
func PurchaseSession(alg Alg, dpk Key, random [4]byte, offline uint16, terminalSeq uint32) Session {
	return session(alg, &dpk, [8]byte{random[0], random[1], random[2], random[3],
		byte(offline >> 8), byte(offline), byte(terminalSeq >> 8), byte(terminalSeq)}, 8)
}

// LoadSession is the key of a load (SESLK), and with their keys of an unload and of
// an overdraft update: the card's random number, the online counter before the
// trade, and 8000, are enciphered.
func LoadSession(alg Alg, key Key, random [4]byte, online uint16) Session {
	return session(alg, &key, [8]byte{random[0], random[1], random[2], random[3],
		byte(online >> 8), byte(online), 0x80, 0x00}, 6)
}

// session enciphers the eight bytes of data. SM4 has room for padding of its own,
// so it takes the first n of them and 80 00...
func session(alg Alg, key *Key, data [8]byte, n int) Session {
	s := Session{alg: alg.known()}
	if alg == SM4 {
		copy(s.key[:], data[:n])
		s.key[n] = 0x80
	} else {
		copy(s.key[:], data[:])
	}
	whole(alg, key).Encrypt(s.key[:], s.key[:])
	return s
}

// TACSession is the key of a transaction authentication code: the TAC key DTK, of
// triple DES its left half xor its right half.
func TACSession(alg Alg, dtk Key) Session { return folded(alg, dtk) }

func folded(alg Alg, key Key) Session {
	s := Session{alg: alg.known(), key: key}
	if alg == TDES {
		subtle.XORBytes(s.key[:8], key[:8], key[8:])
		clear(s.key[8:])
	}
	return s
}

// MAC is a MAC or TAC as it travels: the left four bytes.
type MAC [4]byte

// MAC is the message authentication code over data padded with 80 00.., start
// value zero: DES-CBC, or SM4 CBC-MAC.
func (s Session) MAC(data []byte) MAC {
	var x [16]byte
	if s.alg.known() == SM4 {
		b := must(sm4.NewCipher(s.key[:]))
		cbcMAC(x[:], data, b, b)
	} else {
		b := must(des.NewCipher(s.key[:8]))
		cbcMAC(x[:8], data, b, b)
	}
	return MAC(x[:4])
}

// Equal compares a MAC with bytes that came from outside in constant time.
func Equal(want MAC, got []byte) bool { return subtle.ConstantTimeCompare(want[:], got) == 1 }
