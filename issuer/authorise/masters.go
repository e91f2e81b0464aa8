package authorise

import (
	"fmt"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/pin"
	"github.com/citycard/citycard/txn"
)

// Masters are the master keys of one issuer in memory. They belong to one goroutine.
type Masters struct {
	alg                cryptogram.Alg
	ac, mac, enc, dcvn cryptogram.Block
	cvn                cryptogram.Key
	verifier           *cryptogram.Verifier
}

// MasterKeys names what NewMasters needs. CVN is the key pair of check values on
// stripes; the others are masters from which card keys are derived.
type MasterKeys struct{ AC, MAC, ENC, DCVN, CVN cryptogram.Key }

// NewMasters prepares the master keys of one algorithm. The error is that of
// cryptogram.NewBlock.
func NewMasters(alg cryptogram.Alg, k MasterKeys) (*Masters, error) {
	m := &Masters{alg: alg, cvn: k.CVN}
	for _, x := range []struct {
		name string
		key  cryptogram.Key
		to   *cryptogram.Block
	}{{"AC", k.AC, &m.ac}, {"MAC", k.MAC, &m.mac}, {"ENC", k.ENC, &m.enc}, {"dCVN", k.DCVN, &m.dcvn}} {
		b, err := cryptogram.NewBlock(alg, x.key)
		if err != nil {
			return nil, fmt.Errorf("master key %s: %w", x.name, err)
		}
		*x.to = b
	}
	m.verifier = cryptogram.NewVerifier(alg, m.ac, m.mac)
	return m, nil
}

// Format withholds the keys.
func (Masters) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("[issuer masters withheld]")) }

func (m *Masters) session(master cryptogram.Block, card txn.CardKey, atc uint16) cryptogram.Key {
	return cryptogram.DeriveSessionKey(m.alg, cryptogram.DeriveCardKey(m.alg, master, card.PAN, card.PSN), atc)
}

// Check implements Keys.
func (m *Masters) Check(card txn.CardKey, t *cryptogram.TerminalInput, c *cryptogram.CardInput, iad []byte, ac [8]byte) cryptogram.Verdict {
	return m.verifier.Check(card.PAN, card.PSN, t, c, iad, ac, true)
}

// ARPC implements Keys.
func (m *Masters) ARPC(card txn.CardKey, atc uint16, arqc [8]byte, arc [2]byte) [8]byte {
	return cryptogram.ARPC(m.alg, m.session(m.ac, card, atc), arqc, arc)
}

// ScriptMAC implements Keys.
func (m *Masters) ScriptMAC(card txn.CardKey, header [4]byte, atc uint16, ac [8]byte, data []byte) ([4]byte, error) {
	return cryptogram.ScriptMAC(m.alg, m.session(m.mac, card, atc), header, atc, ac, data)
}

// ChangePIN implements Keys.
func (m *Masters) ChangePIN(card txn.CardKey, atc uint16, to pin.PIN, current *pin.PIN) ([16]byte, error) {
	own := cryptogram.DeriveCardKey(m.alg, m.enc, card.PAN, card.PSN)
	return pin.ChangeBlock(pin.ChangeKeys{Alg: m.alg, Card: own, Session: cryptogram.DeriveSessionKey(m.alg, own, atc)}, to, current)
}

// DCVN implements Keys.
func (m *Masters) DCVN(card txn.CardKey, t pin.Track, atc uint16) (pin.Code, error) {
	return pin.DCVN(m.alg, cryptogram.DeriveCardKey(m.alg, m.dcvn, card.PAN, card.PSN), card.PAN, t, atc)
}

// CVN implements Keys. The value is triple DES whatever the algorithm of the masters.
func (m *Masters) CVN(card txn.CardKey, t pin.Track) (pin.Code, error) {
	return pin.CVV(m.cvn, card.PAN, t)
}
