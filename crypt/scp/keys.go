package scp

import (
	"crypto/aes"
	"fmt"

	"github.com/citycard/citycard/crypt/cryptogram"
)

// KeySet is one version of a security domain's static keys. Its keys redact
// themselves, so it can be printed.
type KeySet struct {
	Version byte           // key version number, 01 to 7F; 0 when it does not matter
	ENC     cryptogram.Key // makes the session key of cryptograms and data
	MAC     cryptogram.Key // makes the session key of MACs
	DEK     cryptogram.Key // enciphers keys on their way into the card
}

// KCV is the key check value that identifies a key to the outside: the left three
// bytes of 8 zero bytes under triple DES for SCP02 (GP Card Specification 2.2,
// B.5), of 16 bytes 01 under AES for SCP03 (Amendment D, 4.1). It panics on
// another protocol.
func (p Protocol) KCV(k cryptogram.Key) [3]byte {
	switch p {
	case SCP02:
		return cryptogram.KCV(cryptogram.TDES, k)
	case SCP03:
		x := make([]byte, aes.BlockSize)
		for i := range x {
			x[i] = 0x01
		}
		newAES(k).Encrypt(x, x)
		return [3]byte(x[:3])
	}
	panic("scp: " + p.String() + " has no key check value")
}

// Diversification is how a card's static keys follow from an issuer's masters
// and the ten bytes of key diversification data.
type Diversification byte

const (
	// Undiversified takes the masters themselves, as development cards do.
	Undiversified Diversification = iota
	// Visa2 encrypts bytes 1-2 and 5-8 of the data (Visa GlobalPlatform 2.1.1
	// configuration): chip serial without the fabricator's batch.
	Visa2
	// EMVCPS encrypts bytes 5-10, the last six (EMV Card Personalization
	// Specification 1.1, 4.1.3).
	EMVCPS
)

// String names the method.
func (d Diversification) String() string {
	switch d {
	case Undiversified:
		return "none"
	case Visa2:
		return "Visa2"
	case EMVCPS:
		return "EMV CPS 1.1"
	}
	return fmt.Sprintf("diversification %d", byte(d))
}

// Diversify makes the keys of one card. Each of the three masters gives the key
// of its purpose; issuers with a single master (KMC) put it in all three places:
//
//	key = 3DES(master, six F0 n) || 3DES(master, six 0F n)
//
// where six are the bytes that the method takes of data and n is 01 for ENC, 02
// for MAC, 03 for DEK. The 16 bytes may also serve as AES keys (our choice; the
// specifications define triple DES only). It panics on an unknown method.
func (d Diversification) Diversify(master KeySet, data [10]byte) KeySet {
	var six [6]byte
	switch d {
	case Undiversified:
		return master
	case Visa2:
		copy(six[:2], data[:2])
		copy(six[2:], data[4:8])
	case EMVCPS:
		copy(six[:], data[4:])
	default:
		panic("scp: " + d.String() + " is not a diversification method")
	}
	derive := func(k cryptogram.Key, n byte) (out cryptogram.Key) {
		copy(out[:6], six[:])
		copy(out[8:], six[:])
		out[6], out[7], out[14], out[15] = 0xF0, n, 0x0F, n
		b := newTDES(k)
		b.Encrypt(out[:8], out[:8])
		b.Encrypt(out[8:], out[8:])
		return out
	}
	return KeySet{master.Version, derive(master.ENC, 1), derive(master.MAC, 2), derive(master.DEK, 3)}
}
