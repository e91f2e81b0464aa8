package gp

import (
	"encoding/binary"
	"slices"

	"github.com/citycard/citycard/wire/apdu"
)

// P1 of STORE DATA (GP Card Specification 2.2, table 11-89).
const (
	storeLast     = 0x80
	storeSealed   = 0x60 // both bits: the data are enciphered under the DEK
	storeFormat   = 0x18
	storeGrouping = 0x08
	storeObjects  = 0x10
	storeUnknown  = 0x07
)

// MaxGrouping is how many bytes one data grouping can have.
const MaxGrouping = 2048

const (
	groupingHeader = 3 // identifier (2), length (1)
	longLength     = 0xFF
	noTarget       = -1
)

// personalisation is a run of STORE DATA commands.
type personalisation struct {
	target int    // place of the instance, or noTarget for the domain itself
	failed bool   // the run has failed; INSTALL [for personalisation] comes first
	next   byte   // number of the next block
	sealed bool   // what is in stream is enciphered
	stream []byte // what is left of the blocks before: the beginning of a grouping
}

func (p *personalisation) reset() { p.begin(noTarget) }

func (p *personalisation) begin(target int) {
	clear(p.stream[:cap(p.stream)])
	*p = personalisation{target: target, stream: p.stream[:0]}
}

// fail ends the run. For the domain itself every command stands alone.
func (p *personalisation) fail(sw apdu.SW) apdu.SW {
	target := p.target
	p.begin(target)
	p.failed = target != noTarget
	return sw
}

// storeData is 80 E2 P1 block (GP Card Specification 2.2, 11.11; EMV Card
// Personalization Specification 1.1, 4.3): data groupings for the instance of the
// last INSTALL [for personalisation], or objects for the domain itself. Blocks are
// numbered from 00, after FF comes 00. P1: 80 the last block; 60 the data of the
// groupings are enciphered under the DEK; 08 groupings, 10 objects. 6985: the run
// has failed before; 6A80: data; 6A84: a grouping is too long; 6A86: P1, or the
// block has another number; any status word of the instance.
func (a *App) storeData(r *request) (apdu.SW, error) {
	p := &a.perso
	switch {
	case p.failed:
		return apdu.SWConditions, nil
	case r.P1&storeUnknown != 0 || r.P1&storeFormat == storeFormat || r.P2 != p.next:
		return p.fail(apdu.SWWrongP1P2), nil
	case r.P1&storeSealed != 0 && r.P1&storeSealed != storeSealed:
		return p.fail(apdu.SWWrongP1P2), nil
	}
	if p.target == noTarget {
		return a.storeOwn(r)
	}
	if r.P1&storeFormat == storeObjects {
		return p.fail(apdu.SWWrongP1P2), nil
	}
	sw, err := a.storeGroupings(r)
	if sw != apdu.SWOK || err != nil {
		return p.fail(sw), err
	}
	if r.P1&storeLast == 0 {
		p.next++
		return apdu.SWOK, nil
	}
	if len(p.stream) != 0 {
		return p.fail(apdu.SWWrongData), nil
	}
	sw, err = a.placed[p.target].instance.Complete()
	if sw != apdu.SWOK || err != nil {
		return p.fail(sw), err
	}
	p.reset()
	return apdu.SWOK, nil
}

// storeGroupings gives the instance every grouping that is whole:
//
//	identifier (2) | length (1), or FF and length (2) | data
func (a *App) storeGroupings(r *request) (apdu.SW, error) {
	p := &a.perso
	sealed := r.P1&storeSealed != 0
	if len(p.stream) != 0 && p.sealed != sealed {
		return apdu.SWWrongData, nil
	}
	p.sealed = sealed
	p.stream = append(p.stream, r.Data...)
	rest := p.stream
	for len(rest) >= groupingHeader {
		n, header := int(rest[2]), groupingHeader
		if n == longLength {
			header += 2
			if len(rest) < header {
				break
			}
			n = int(binary.BigEndian.Uint16(rest[3:]))
		}
		if n > MaxGrouping {
			return apdu.SWNoSpace, nil
		}
		if len(rest) < header+n {
			break
		}
		if sw, err := a.storeGrouping(binary.BigEndian.Uint16(rest), rest[header:header+n]); sw != apdu.SWOK || err != nil {
			return sw, err
		}
		rest = rest[header+n:]
	}
	left := copy(p.stream, rest)
	clear(p.stream[left:])
	p.stream = p.stream[:left]
	return apdu.SWOK, nil
}

func (a *App) storeGrouping(dgi uint16, data []byte) (apdu.SW, error) {
	if a.perso.sealed {
		plain, err := a.channel.DecryptDEK(nil, data)
		if err != nil {
			return apdu.SWWrongData, nil
		}
		defer clear(plain)
		data = plain
	}
	return a.placed[a.perso.target].instance.StoreData(dgi, data)
}

// own is what STORE DATA can set of the domain itself.
type own struct {
	at int
	b  []byte
}

// storeOwn sets the domain's own data: 42 IIN, 45 CIN, and until the card is
// SECURED 9F7F CPLC, as objects or as groupings with the tag as identifier. What
// one command brings takes effect altogether.
func (a *App) storeOwn(r *request) (apdu.SW, error) {
	p := &a.perso
	if r.P1&storeSealed != 0 {
		return p.fail(apdu.SWWrongP1P2), nil
	}
	var puts []own
	for b := r.Data; len(b) > 0; {
		tag, value, rest, ok := object(b)
		if r.P1&storeFormat == storeGrouping {
			tag, value, rest, ok = grouping(b)
		}
		if !ok {
			return p.fail(apdu.SWWrongData), nil
		}
		put, sw := a.ownData(r.memory, tag, value)
		if sw != apdu.SWOK {
			return p.fail(sw), nil
		}
		if slices.ContainsFunc(puts, func(o own) bool { return o.at == put.at }) {
			return p.fail(apdu.SWWrongData), nil
		}
		puts, b = append(puts, put), rest
	}
	if err := a.commit(func() {
		for _, x := range puts {
			a.memory.Put(x.at, x.b)
		}
	}); err != nil {
		return 0, err
	}
	p.next++
	if r.P1&storeLast != 0 {
		p.reset()
	}
	return apdu.SWOK, nil
}

// grouping takes a short data grouping from the front of b.
func grouping(b []byte) (dgi uint16, data, rest []byte, ok bool) {
	if len(b) < groupingHeader || b[2] == longLength {
		return 0, nil, nil, false
	}
	data, rest, ok = counted(b[2:])
	return binary.BigEndian.Uint16(b), data, rest, ok
}

// ownData says what one object of the domain changes.
func (a *App) ownData(m memory, tag uint16, value []byte) (own, apdu.SW) {
	number := func(at int) (own, apdu.SW) {
		if len(value) == 0 || len(value) > maxNumber {
			return own{}, apdu.SWWrongData
		}
		b := make([]byte, numberSize)
		putNumber(b, value)
		return own{at, b}, apdu.SWOK
	}
	switch tag {
	case tagIIN:
		return number(offIIN)
	case tagCIN:
		return number(offCIN)
	case tagCPLC:
		switch {
		case len(value) != cplcSize:
			return own{}, apdu.SWWrongData
		case m.life() != OPReady && m.life() != Initialized:
			return own{}, apdu.SWConditions
		}
		return own{offCPLC, value}, apdu.SWOK
	}
	return own{}, apdu.SWDataNotFound
}
