package pboc

import (
	"errors"

	"github.com/citycard/citycard/card/capp"
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/wire/apdu"
)

// appendRecord is APPEND RECORD, 04E200 P2 Lc, the record's management key
// enciphered under the opening key of the file (16), record, code(4) under the opening
// key (JR/T 0025.14 annex C): a trade opens its record on the card. The same command
// again, its counter not yet used up, changes nothing (our choice: its answer may have
// been lost). 6700 lengths, 6985 while a payment waits, on a blocked application, or
// for a cyclic file that has its key; 6A86 P1 or P2, 6A82 no such file, 6988 a wrong
// code, 6A80 no whole record, 6A84 no room.
func (a *App) appendRecord(dst []byte, c *apdu.Command) ([]byte, error) {
	n := len(c.Data) - capp.MACLen
	switch {
	case n <= capp.KeyLen || c.Le != apdu.NoLe:
		return status(dst, apdu.SWWrongLength), nil
	case c.P1 != 0 || c.P2&7 != 0:
		return status(dst, apdu.SWWrongP1P2), nil
	}
	s, err := a.state()
	if err != nil {
		return dst, err
	}
	if a.pending.active || s.Blocked || s.Invalidated {
		return status(dst, apdu.SWConditions), nil
	}
	p := a.card.Product
	file, at, ok := capp.Find(p.Extension.Files, c.P2>>3)
	if !ok {
		return status(dst, apdu.SWFileNotFound), nil
	}
	opening := a.card.Transit.Opening[file]
	code := capp.UpdateMAC(p.Alg, opening, s.ATC, [5]byte{c.CLA, c.INS, c.P1, c.P2, byte(len(c.Data))}, c.Data[:n])
	if !capp.Genuine(code, c.Data[n:]) {
		return status(dst, apdu.SWMACWrong), nil
	}
	m, err := a.memory.Read()
	if err != nil {
		return dst, err
	}
	key := capp.UnwrapKey(p.Alg, opening, cryptogram.Key(c.Data[:capp.KeyLen]))
	writes, err := p.Extension.Files[file].Append(p.files(m)[at:], key, c.Data[capp.KeyLen:n])
	switch {
	case errors.Is(err, capp.ErrFull):
		return status(dst, apdu.SWNoSpace), nil
	case errors.Is(err, capp.ErrKeyed):
		return status(dst, apdu.SWConditions), nil
	case err != nil:
		return status(dst, apdu.SWWrongData), nil
	case len(writes) == 0:
		return status(dst, apdu.SWOK), nil
	}
	if err := a.memory.Begin(); err != nil {
		return dst, err
	}
	for _, w := range writes {
		a.memory.Put(p.transit()+trFiles+at+w.At, w.Data)
	}
	if err := a.memory.Commit(); err != nil {
		return dst, err
	}
	return status(dst, apdu.SWOK), nil
}
