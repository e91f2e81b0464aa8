package pboc

import (
	"crypto/subtle"
	"encoding/binary"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// Lengths in the data of Push PUT DATA.
const (
	pushHead   = 2 // Push ATC
	minPushMAC = 4
	maxPushMAC = 8
)

// Status words that only Push PUT DATA gives.
const (
	swNotNow       = apdu.SWNoFile     // 6986: command not allowed
	swInconsistent = apdu.SW(0x6A85)   // Lc and the data object do not agree
	swMACMissing   = apdu.SWMACMissing // 6987
)

// pushData is Push PUT DATA, 04DA0000 Lc, Push ATC(2), one data object, MAC of four to
// eight bytes: the issuer sets a value without a transaction before it (card with a
// quota; Ye Fei, A new solution of mobile proximity payment applied to public
// transportation, 2016, 2.2.2.1). The MAC covers all before it, under the session key
// that the card's MAC key gives for the Push ATC. The values are those of PUT DATA.
//
// 6A81 a card without a quota; 6700 too short, or with Le; 6986 while a transaction
// runs and on a blocked application; 6A85 a data object that is not whole, or too much
// or too little behind it; 6987 no MAC; 6982 a Push ATC that is not greater than the
// last one; 6988 a wrong MAC; 6A80, 6A86, 6A88 and 6700 as PUT DATA. The value, the
// load log and Last Push ATC change in one transaction of the memory.
func (a *App) pushData(dst []byte, c *apdu.Command) ([]byte, error) {
	switch {
	case !a.card.Product.Extension.Quota:
		return status(dst, apdu.SWNotSupported), nil
	case len(c.Data) < pushHead || c.Le != apdu.NoLe:
		return status(dst, apdu.SWWrongLength), nil
	}
	s, err := a.state()
	if err != nil {
		return dst, err
	}
	if a.way != wayNone || s.Blocked || s.Invalidated {
		return status(dst, swNotNow), nil
	}
	a.alternative = false // what a refused GET PROCESSING OPTIONS has asked for
	tag, value, end, sw := pushObject(c.Data)
	atc := binary.BigEndian.Uint16(c.Data)
	switch {
	case sw != apdu.SWOK:
		return status(dst, sw), nil
	case atc <= s.PushATC:
		return status(dst, apdu.SWSecurity), nil
	case !a.pushGenuine(c, atc, end):
		return status(dst, apdu.SWMACWrong), nil
	}
	m, err := a.memory.Read()
	if err != nil {
		return dst, err
	}
	if err := a.memory.Begin(); err != nil {
		return dst, err
	}
	if sw = a.putData(tag, value, &s, m); sw == apdu.SWOK {
		a.memory.Put(a.card.Product.transit()+trPush, c.Data[:pushHead])
	}
	if err := a.memory.Commit(); err != nil {
		return dst, err
	}
	return status(dst, sw), nil
}

// pushObject takes the data object out of the data; end is where its MAC begins.
func pushObject(data []byte) (tag uint16, value []byte, end int, sw apdu.SW) {
	it := tlv.Iterate(data[pushHead:])
	if !it.Next() || it.Tag > 0xFFFF {
		return 0, nil, 0, swInconsistent
	}
	end = pushHead + it.ValueOffset() + len(it.Value)
	switch n := len(data) - end; {
	case n == 0:
		return 0, nil, 0, swMACMissing
	case n < minPushMAC || n > maxPushMAC:
		return 0, nil, 0, swInconsistent
	}
	return uint16(it.Tag), it.Value, end, apdu.SWOK
}

func (a *App) pushGenuine(c *apdu.Command, atc uint16, end int) bool {
	var room [5 + apdu.MaxShortData]byte
	covered := append(append(room[:0], c.CLA, c.INS, c.P1, c.P2, byte(len(c.Data))), c.Data[:end]...)
	want := cryptogram.MAC(a.alg(), cryptogram.DeriveSessionKey(a.alg(), a.keys().MAC, atc), covered)
	got := c.Data[end:]
	return subtle.ConstantTimeCompare(want[:len(got)], got) == 1
}
