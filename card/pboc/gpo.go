package pboc

import (
	"io"

	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// maxATC is the counter value that blocks the application for good: no
// cryptogram is made with it.
const maxATC = 0xFFFF

// processingOptions is GET PROCESSING OPTIONS, 80A80000 Lc 83 L values 00. Over
// the air 9F66 says what the reader wants: debit/credit, else qPBOC, else magnetic
// stripe data (JR/T 0025.12); over the contacts it is debit/credit or electronic
// cash.
//
// Before the counter is touched it refuses: 6A86 P1 P2; 6700 data that is not a
// template 83 of the PDOL's length, or an Le that is not 00; 6985 an application
// that is blocked, a second call in one session, a reader that wants what the card
// does not have (9F66) or is without the algorithms that this card needs (DF69);
// 6A80 an amount that is not decimal. After that 6985 means that the reader should
// use another interface.
func (a *App) processingOptions(dst []byte, c *apdu.Command) ([]byte, error) {
	if c.P1 != 0 || c.P2 != 0 {
		return status(dst, apdu.SWWrongP1P2), nil
	}
	p := a.card.Product
	layout := &p.pdol
	if a.overContacts() {
		layout = &p.Contact.pdol
	}
	values, ok := commandTemplate(c.Data)
	if !ok || len(values) != layout.length || tooShort(c, MaxAnswer) {
		return status(dst, apdu.SWWrongLength), nil
	}
	s, err := a.state()
	if err != nil {
		return dst, err
	}
	w := a.wayFor(layout, values)
	if w == wayNone || a.way != wayNone || s.Blocked || !a.choose(layout.get(values, inSM)) {
		return status(dst, apdu.SWConditions), nil
	}
	switch w {
	case wayQuick:
		return a.quick(dst, values, &s)
	case wayMSD:
		return a.stripe(dst, values, &s)
	}
	return a.contactOptions(dst, layout, values, &s)
}

// wayFor is what the reader wants, wayNone if the card does not have it.
func (a *App) wayFor(layout *dolLayout, values []byte) way {
	if a.overContacts() {
		return wayDebit
	}
	k := a.card.Product.Contact
	b := layout.get(values, inTTQ)[0]
	switch {
	case b&ttq1Debit != 0 && k != nil:
		return wayDebit
	case b&ttq1QPBOC != 0:
		return wayQuick
	case b&ttq1MSD != 0 && k != nil && k.MSD != nil:
		return wayMSD
	}
	return wayNone
}

// quick decides a qPBOC payment and answers template 77.
func (a *App) quick(dst, values []byte, s *State) ([]byte, error) {
	p := a.card.Product
	r, sw := a.request(values, s)
	if sw != apdu.SWOK {
		return status(dst, sw), nil
	}
	if a.journey != nil {
		if sw := a.admit(values, &r, s); sw != apdu.SWOK {
			return status(dst, sw), nil
		}
	}
	if err := a.countUp(s, wayQuick); err != nil {
		return dst, err
	}
	if s.Blocked {
		return status(dst, apdu.SWConditions), nil
	}
	m, err := a.memory.Read()
	if err != nil {
		return dst, err
	}
	if a.scripts.second {
		s.Balance = s.Second
	}
	v := p.decide(a.limits(m), &r, s)
	if v.outcome == otherInterface {
		return status(dst, apdu.SWConditions), nil
	}
	if v.prepaid {
		if err := a.deduct(v.after.Balance); err != nil {
			return dst, err
		}
	}
	a.values = p.pdol.terminalInput(values)
	var data []byte
	if v.outcome == approve {
		data, err = a.approval(values, &r, s, &v)
	} else {
		data = a.refusal(s, &v)
	}
	if err != nil || len(data) > MaxAnswer {
		// No random numbers, or a signature that Check could not foresee.
		a.pending.active = false
		return status(dst, apdu.SWUnknown), nil
	}
	return apdu.AppendResponse(dst, data, apdu.SWOK), nil
}

// commandTemplate takes the value of template 83 out of the command's data.
func commandTemplate(b []byte) ([]byte, bool) {
	if len(b) < 2 || b[0] != 0x83 {
		return nil, false
	}
	n, v := int(b[1]), b[2:]
	if n == 0x81 && len(v) > 0 {
		n, v = int(v[0]), v[1:]
	} else if n > 0x7F {
		return nil, false
	}
	return v, n == len(v)
}

// request reads what the decision needs, or gives the status word of a command
// that consumes no counter.
func (a *App) request(values []byte, s *State) (request, apdu.SW) {
	p := a.card.Product
	r := request{ttq: [4]byte(p.pdol.get(values, inTTQ))}
	if s.Invalidated {
		return r, apdu.SWConditions
	}
	var err error
	if r.amount, err = money.FromN12(p.pdol.get(values, inAmount)); err != nil {
		return r, apdu.SWWrongData
	}
	r.match = a.ownCurrency([2]byte(p.pdol.get(values, inCurrency)))
	return r, apdu.SWOK
}

// countUp stores the next counter value and forgets the last answer, both at
// once and before anything is decided. The last value blocks the application.
func (a *App) countUp(s *State, w way) error {
	m, err := a.memory.Read()
	if err != nil {
		return err
	}
	s.ATC++
	s.LastAnswer = false
	flags := m[atFlags] &^ (flagLastAnswer | flagLast9F69 | flagLastSuite)
	if s.ATC == maxATC {
		s.Blocked = true
		flags |= flagBlocked
	}
	if err := a.memory.Begin(); err != nil {
		return err
	}
	a.memory.Put(atATC, []byte{byte(s.ATC >> 8), byte(s.ATC), flags})
	if err := a.memory.Commit(); err != nil {
		return err
	}
	if !s.Blocked {
		a.way = w
	}
	return nil
}

// deduct stores the balance of a prepaid ARQC.
func (a *App) deduct(balance money.Fen) error {
	var b [6]byte
	putN12(b[:], balance)
	if err := a.memory.Begin(); err != nil {
		return err
	}
	a.memory.Put(a.balanceAt(), b[:])
	return a.memory.Commit()
}

// approval makes the answer to a TC and prepares the commit. Order of the data
// objects: 82 94 9F36 9F26 9F10 57 5F34 9F4B 9F6C 9F5D; a pre-authorisation has no
// 9F26.
func (a *App) approval(values []byte, r *request, s *State, v *verdict) ([]byte, error) {
	p := a.card.Product
	w := &a.pending
	path := a.path(wayQuick)
	w.atc, w.after, w.suite = s.ATC, v.after, a.alternative
	w.with69 = p.FDDA01 && r.ttq[3]&ttq4FDDA01 != 0
	version := byte(0)
	if w.with69 {
		version = 1
		if err := a.make9F69(v.ctq, s); err != nil {
			return nil, err
		}
	}
	w.logged = len(p.appendLog(w.log[:0], values, s.ATC))

	b := a.body[template77:template77]
	b = tlv.Append(b, tlv.TagAIP, path.AIP[:])
	b = tlv.Append(b, tlv.TagAFL, path.AFL)
	b = append(b, 0x9F, 0x36, 2, byte(s.ATC>>8), byte(s.ATC))
	ac, iad := a.cryptograms(path.AIP, v.cvr, v.limits, &v.after)
	if !r.holdsBack() {
		b = tlv.Append(b, tlv.TagAC, ac[:])
	}
	b = appendIAD(b, &iad)
	b = tlv.Append(b, tlv.TagTrack2Equivalent, a.card.Track2)
	b = append(b, 0x5F, 0x34, 1, a.card.PSN)

	covered := oda.FDDATerminalData(a.input[:0], version, a.values.UN, a.values.Amount, a.values.Currency, w.tag9F69[:])
	at := len(b)
	b = append(b, 0x9F, 0x4B, 0x81, 0)
	b, err := a.signer().SignDynamic(b, a.rand, s.ATC, covered)
	if err != nil {
		return nil, err
	}
	b = shortenLength(b, at+2)
	b = tlv.Append(b, tlv.TagCTQ, v.ctq[:])
	b = p.appendAvailable(b, v.limits, &v.after)
	w.active = true
	if r.trade != tradeNone {
		a.journey.begin(r, ac)
	}
	return a.wrap77(b), nil
}

// refusal makes the answer to an ARQC or AAC, without AFL. Order of the data
// objects: 82 9F36 57 9F10 9F26 9F63 5F34 9F6C 9F5D 5F20.
func (a *App) refusal(s *State, v *verdict) []byte {
	p := a.card.Product
	path := a.path(wayQuick)
	ac, iad := a.cryptograms(path.AIP, v.cvr, v.limits, &v.after)
	b := a.body[template77:template77]
	b = tlv.Append(b, tlv.TagAIP, path.AIP[:])
	b = append(b, 0x9F, 0x36, 2, byte(s.ATC>>8), byte(s.ATC))
	b = tlv.Append(b, tlv.TagTrack2Equivalent, a.card.Track2)
	b = appendIAD(b, &iad)
	b = tlv.Append(b, tlv.TagAC, ac[:])
	if len(p.ProductInfo) > 0 {
		b = tlv.Append(b, tlv.TagProductID, p.ProductInfo)
	}
	b = append(b, 0x5F, 0x34, 1, a.card.PSN)
	b = tlv.Append(b, tlv.TagCTQ, v.ctq[:])
	b = p.appendAvailable(b, v.limits, &v.after)
	if len(a.card.Name) > 0 {
		b = tlv.Append(b, tlv.TagCardholderName, a.card.Name)
	}
	return a.wrap77(b)
}

// template77 is the room kept before the body for the template's tag and length.
const template77 = 3

// wrap77 puts the template around a body that starts at a.body[template77].
func (a *App) wrap77(b []byte) []byte {
	n := len(b)
	if n <= 0x7F {
		a.body[1], a.body[2] = 0x77, byte(n)
		return a.body[1 : template77+n]
	}
	if n > 0xFF {
		return a.body[:] // longer than any answer, refused by the caller
	}
	a.body[0], a.body[1], a.body[2] = 0x77, 0x81, byte(n)
	return a.body[:template77+n]
}

// shortenLength completes the two-byte length at b[at:] of the object that ends
// b, and closes the gap if one byte is enough.
func shortenLength(b []byte, at int) []byte {
	n := len(b) - at - 2
	if n > 0x7F {
		b[at+1] = byte(n)
		return b
	}
	b[at] = byte(n)
	copy(b[at+1:], b[at+2:])
	return b[:len(b)-1]
}

// make9F69 is card authentication related data: 01, card random number(4),
// 9F6C(2), DF61(1).
func (a *App) make9F69(ctq [2]byte, s *State) error {
	t := &a.pending.tag9F69
	t[0] = 1
	if _, err := io.ReadFull(a.rand, t[1:5]); err != nil {
		return err
	}
	t[5], t[6], t[7] = ctq[0], ctq[1], a.card.Product.Transit
	if a.journey != nil {
		t[7] = s.Support
	}
	return nil
}
