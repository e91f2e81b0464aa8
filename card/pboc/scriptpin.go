package pboc

import (
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/pin"
	"github.com/citycard/citycard/wire/apdu"
)

// P2 of PIN CHANGE/UNBLOCK (JR/T 0025.5).
const (
	pinUnblock       = 0 // give back the tries
	pinChangeCurrent = 1 // and a new PIN, enciphered with the help of the current one
	pinChange        = 2 // and a new PIN
)

// pinChangeLen is the length of an enciphered new PIN.
const pinChangeLen = 16

// changePIN stages PIN CHANGE/UNBLOCK, 8424 00 P2 (EMV Book 3, 6.5.10; JR/T
// 0025.5): all tries are there again, and with P2 01 and 02 another PIN is. 6A86
// other P1 or P2, 6700 other lengths, 6984 a card without a PIN, 6A80 a block that
// does not open.
func (a *App) changePIN(c *apdu.Command, data []byte, s *State, m []byte) apdu.SW {
	p := a.card.Product
	at := p.extended() + extPIN
	want := 0
	switch {
	case c.P1 != 0 || c.P2 > pinChange:
		return apdu.SWWrongP1P2
	case c.P2 != pinUnblock:
		want = pinChangeLen
	}
	if len(data) != want {
		return apdu.SWWrongLength
	}
	stored := [8]byte(m[at : at+8])
	if stored == ([8]byte{}) {
		return apdu.SWDataInvalidated
	}
	if c.P2 != pinUnblock {
		block, ok := a.openPIN(c.P2, data, stored, s.ATC)
		if !ok {
			return apdu.SWWrongData
		}
		a.memory.Put(at, block[:])
	}
	a.memory.Put(atPINTries, []byte{p.Contact.PINLimit})
	return apdu.SWOK
}

// openPIN deciphers a new PIN and gives it as the card keeps it, ISO 9564 format 2.
func (a *App) openPIN(p2 byte, data []byte, stored [8]byte, atc uint16) (block [8]byte, ok bool) {
	var current *pin.PIN
	if p2 == pinChangeCurrent {
		now, _, err := pin.Decode(stored, [10]byte{})
		if err != nil {
			return block, false
		}
		current = &now
	}
	enc := a.keys().ENC
	k := pin.ChangeKeys{Alg: a.alg(), Card: enc, Session: cryptogram.DeriveSessionKey(a.alg(), enc, atc)}
	next, err := pin.OpenChange(k, data, current)
	if err != nil {
		return block, false
	}
	block, err = pin.Encode(pin.Format2, next, [10]byte{}, nil)
	return block, err == nil
}
