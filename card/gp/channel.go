package gp

import (
	"encoding/binary"
	"io"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/scp"
	"github.com/citycard/citycard/wire/apdu"
)

// maxFailed is how many EXTERNAL AUTHENTICATE commands may fail one after the
// other before the domain opens no more channels: 255, our choice; the
// specification leaves it to the card (GP Card Specification 2.2, 10.2.1).
const maxFailed = 0xFF

// open carries out INITIALIZE UPDATE and EXTERNAL AUTHENTICATE, which bypass the
// protection of the channel.
func (a *App) open(dst []byte, m memory, c *apdu.Command) ([]byte, error) {
	a.perso.reset()
	a.listing = listing{}
	from := len(dst)
	do := a.externalAuthenticate
	if c.INS == insInitializeUpdate {
		do = a.initializeUpdate
	}
	dst, sw, err := do(dst, m, c)
	if err != nil {
		return dst[:from], err
	}
	if sw != apdu.SWOK {
		a.closeChannel()
		dst = dst[:from]
	}
	return append(dst, byte(sw>>8), byte(sw)), nil
}

// set gives a key set in the form of package scp.
func (k keyPlace) set() scp.KeySet {
	return scp.KeySet{Version: k.version(), ENC: cryptogram.Key(k.key(0)), MAC: cryptogram.Key(k.key(1)), DEK: cryptogram.Key(k.key(2))}
}

// initializeUpdate is 80 50 KVN 00 08 host-challenge 00. KVN 00 asks for the
// default key set. 6A88: no such whole set; 6983: too many failed attempts; 6985:
// the sequence counter is used up, or the card is terminated.
func (a *App) initializeUpdate(dst []byte, m memory, c *apdu.Command) ([]byte, apdu.SW, error) {
	a.channel.Close()
	at := m.defaultKeys()
	if c.P1 != 0 {
		at = m.findKeys(c.P1)
	}
	switch {
	case c.CLA != classProprietary:
		return dst, apdu.SWUnknownCLA, nil
	case m.life() == Terminated:
		return dst, apdu.SWConditions, nil
	case c.P2 != 0:
		return dst, apdu.SWWrongP1P2, nil
	case len(c.Data) != 8:
		return dst, apdu.SWWrongLength, nil
	case at < 0 || !m.keys(at).whole():
		return dst, apdu.SWDataNotFound, nil
	case m[offFailed] == maxFailed:
		return dst, apdu.SWBlocked, nil
	}
	k := m.keys(at)
	channel, _ := a.domain.channel(k.kind())
	p := scp.Params{
		Protocol: channel.Protocol, Variant: channel.Variant, Keys: k.set(),
		Diversification: a.domain.profile.Diversification, Sequence: k.sequence(), AID: a.domain.aid,
	}
	if _, err := io.ReadFull(a.rand, p.Random[:]); err != nil {
		return dst, apdu.SWUnknown, nil
	}
	out, err := a.channel.InitializeUpdate(dst, p, [8]byte(c.Data))
	if err != nil {
		return dst, apdu.SWConditions, nil
	}
	if channel.Protocol == scp.SCP03 {
		if err := a.commit(func() { a.putSequence(at, a.channel.NextSequence()) }); err != nil {
			return dst, 0, err
		}
	}
	a.version = k.version()
	return out, apdu.SWOK, nil
}

func (a *App) putSequence(at int, sequence uint32) {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], sequence)
	a.memory.Put(offKeys+at*keyPlaceSize+4, b[1:])
}

// externalAuthenticate is 84 82 level 00 10 host-cryptogram C-MAC. The attempt is
// counted before it is judged, so that cutting the power saves nobody a try.
func (a *App) externalAuthenticate(dst []byte, m memory, c *apdu.Command) ([]byte, apdu.SW, error) {
	next, at := a.channel.NextSequence(), m.findKeys(a.version)
	if next == 0 || a.channel.Open() {
		return dst, apdu.SWConditions, nil
	}
	if err := a.commit(func() { a.memory.Put(offFailed, []byte{m[offFailed] + 1}) }); err != nil {
		return dst, 0, err
	}
	if sw := a.channel.ExternalAuthenticate(c); sw != apdu.SWOK {
		return dst, sw, nil
	}
	return dst, apdu.SWOK, a.commit(func() {
		a.memory.Put(offFailed, []byte{0})
		if a.channel.Protocol() == scp.SCP02 {
			a.putSequence(at, next)
		}
	})
}
