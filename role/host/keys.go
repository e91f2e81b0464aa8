package host

import (
	"crypto/des"
	"fmt"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/keystore"
	"github.com/citycard/citycard/crypt/pin"
	"github.com/citycard/citycard/issuer/authorise"
	"github.com/citycard/citycard/txn"
)

// Names of the development keys of the host, whose values keystore.DevelopmentKey
// gives: the masters of issuer 0 by keystore.IssuerMasters, and these.
const (
	DCVNName = "issuer/0/dcvn" // master of dynamic check values
	CVNName  = "issuer/0/cvn"  // key pair of check values on stripes
	PINName  = "terminal/pin"  // triple DES key of PIN blocks between terminal and host
)

// developmentKeys gives the masters of issuer 0 for every card: all development cards
// are its.
func developmentKeys() (authorise.KeyFinder, error) {
	masters := map[cryptogram.Alg]*authorise.Masters{}
	for _, alg := range []cryptogram.Alg{cryptogram.TDES, cryptogram.SM4} {
		n := keystore.IssuerMasters(0, alg)
		k := authorise.MasterKeys{DCVN: keystore.DevelopmentKey(DCVNName), CVN: keystore.DevelopmentKey(CVNName)}
		k.AC, k.MAC, k.ENC = keystore.DevelopmentKey(n.AC), keystore.DevelopmentKey(n.MAC), keystore.DevelopmentKey(n.ENC)
		m, err := authorise.NewMasters(alg, k)
		if err != nil {
			return nil, fmt.Errorf("development issuer, %v: %w", alg, err)
		}
		masters[alg] = m
	}
	return func(_ string, alg cryptogram.Alg) authorise.Keys {
		if m := masters[alg]; m != nil {
			return m
		}
		return nil
	}, nil
}

// EncipherPIN makes the PIN block of a request to a development host: format 0 (ISO
// 9564-1) under the triple DES key PINName. Everybody has that key. The error is
// pin.ErrPIN for no PIN, or pin.ErrPAN.
func EncipherPIN(card txn.CardKey, p pin.PIN) ([8]byte, error) {
	clear, err := pin.Encode(pin.Format0, p, card.PAN, nil)
	if err != nil {
		return clear, fmt.Errorf("PIN block of format 0: %w", err)
	}
	block, err := cryptogram.NewBlock(cryptogram.TDES, keystore.DevelopmentKey(PINName))
	if err != nil {
		return [8]byte{}, err
	}
	block.Encrypt(clear[:], clear[:])
	return clear, nil
}

// decipherPIN is the way back.
func decipherPIN(card txn.CardKey, block [8]byte) (pin.PIN, error) {
	k := keystore.DevelopmentKey(PINName)
	c, err := des.NewTripleDESCipher(append(append(make([]byte, 0, 24), k[:]...), k[:8]...))
	if err != nil {
		return pin.PIN{}, err
	}
	c.Decrypt(block[:], block[:])
	p, f, err := pin.Decode(block, card.PAN)
	if err == nil && f != pin.Format0 {
		err = pin.ErrBlock
	}
	return p, err
}
