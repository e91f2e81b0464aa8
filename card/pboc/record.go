package pboc

import (
	"encoding/binary"

	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// readRecord is READ RECORD, 00B2 number (SFI shifted left by three, or 4) 00.
//
// Every record of a file and the log can be read at any time after SELECT. The
// last record of the AFL commits a payment, or repeats the last committed answer,
// or answers 6985 if there is neither: a reader never takes a record that
// committed nothing for one that did (our choice).
func (a *App) readRecord(dst []byte, c *apdu.Command) ([]byte, error) {
	sfi := c.P2 >> 3
	p := a.card.Product
	loads := p.Contact != nil && sfi == p.Contact.LoadLogSFI
	switch {
	case len(c.Data) != 0 || c.Le == apdu.NoLe:
		return status(dst, apdu.SWWrongLength), nil
	case c.P2&7 != 4 || c.P1 == 0 && !loads || sfi == 0 || sfi > 30:
		return status(dst, apdu.SWWrongP1P2), nil
	case loads:
		return a.readLoadLog(dst, c)
	case sfi == p.LogSFI:
		return a.readLog(dst, c)
	case p.hasFile(sfi):
		return a.readExtensionRecord(dst, c)
	case p.isMSDRecord(Record{SFI: sfi, Number: c.P1}):
		return a.readStripe(dst, c)
	}
	r, fileKnown := a.card.record(Record{SFI: sfi, Number: c.P1})
	switch {
	case r != nil && p.commits(r.Record):
		return a.readLast(dst, c, r)
	case r != nil:
		return a.readPlain(dst, c, r)
	case fileKnown:
		return status(dst, apdu.SWRecordNotFound), nil
	}
	return status(dst, apdu.SWFileNotFound), nil
}

// readPlain answers a record as it was personalised, or as UPDATE RECORD left it.
func (a *App) readPlain(dst []byte, c *apdu.Command, r *RecordData) ([]byte, error) {
	p := a.card.Product
	if p.Contact == nil {
		return answer(dst, c, r.Body), nil
	}
	m, err := a.memory.Read()
	if err != nil {
		return dst, err
	}
	body := r.Body
	if b := p.updated(m, r.Record); b != nil {
		body = b
	}
	if p.commits(r.Record) {
		b := tlv.AppendHeader(a.body[:0], tlv.TagRecordTemplate, len(body))
		body = append(b, body...)
	}
	return answer(dst, c, body), nil
}

// readLast commits the pending payment and answers the last record, or gives the
// stored answer again. In the ways that have no such commit, over the contacts and
// in contactless debit/credit, it is a record like others; but as long as no way is
// chosen the stored answer is given over either interface: a terminal that looks
// for a torn payment selects the application by its name, so that a chip which goes
// by the directory does not know yet over which interface it is asked.
func (a *App) readLast(dst []byte, c *apdu.Command, r *RecordData) ([]byte, error) {
	if a.way != wayNone && (a.way != wayQuick || a.overContacts()) {
		return a.readPlain(dst, c, r)
	}
	m, err := a.memory.Read()
	if err != nil {
		return dst, err
	}
	p := a.card.Product
	if a.overContacts() && m[atFlags]&flagLastAnswer == 0 {
		return a.readPlain(dst, c, r)
	}
	w := &a.pending
	active := w.active && r.Record == p.lastOf(w.suite)
	var tag9F69 []byte
	switch {
	case active && w.with69:
		tag9F69 = w.tag9F69[:]
	case active:
	case m[atFlags]&flagLastAnswer == 0 || r.Record != p.lastOf(m[atFlags]&flagLastSuite != 0):
		return status(dst, apdu.SWConditions), nil
	case m[atFlags]&flagLast9F69 != 0:
		tag9F69 = m[at9F69 : at9F69+len9F69Value]
	}
	trade := active && a.journey != nil && a.journey.trade != tradeNone
	if trade && !a.journey.updated() {
		w.active = false
		return status(dst, apdu.SWCAPPOtherRecord), nil
	}
	n := len(r.Body)
	if tag9F69 != nil {
		n += len9F69
	}
	b := tlv.AppendHeader(a.body[:0], tlv.TagRecordTemplate, n)
	b = append(b, r.Body...)
	if tag9F69 != nil {
		b = tlv.Append(b, tlv.TagCardAuthenticationData, tag9F69)
	}
	if !active || tooShort(c, len(b)) {
		return answer(dst, c, b), nil
	}
	if err := a.memory.Begin(); err != nil {
		return dst, err
	}
	a.putState(m)
	if trade {
		a.putJourney(m)
	}
	if err := a.memory.Commit(); err != nil {
		return dst, err
	}
	w.active = false
	return answer(dst, c, b), nil
}

// readLog answers a record of the transaction log, 1 being the newest: bare
// values in the order of 9F4F (JR/T 0025.5).
func (a *App) readLog(dst []byte, c *apdu.Command) ([]byte, error) {
	m, err := a.memory.Read()
	if err != nil {
		return dst, err
	}
	p := a.card.Product
	n := int(c.P1)
	if n > int(m[atLogCount]) {
		return status(dst, apdu.SWRecordNotFound), nil
	}
	slot := (int(m[atLogNext]) - n + int(p.LogCount)) % int(p.LogCount)
	at := atLog + slot*p.logLen
	return answer(dst, c, m[at:at+p.logLen]), nil
}

// putState stages the changing values of a committed payment.
func (a *App) putState(m []byte) {
	w := &a.pending
	p := a.card.Product
	var head [atBalance - atFlags]byte
	copy(head[:], m[atFlags:])
	head[0] |= flagLastAnswer
	if w.with69 {
		head[0] |= flagLast9F69
	}
	if w.suite {
		head[0] |= flagLastSuite
	}
	head[atForeign-atFlags] = w.after.Foreign
	if p.logLen > 0 {
		next := m[atLogNext]
		a.memory.Put(atLog+int(next)*p.logLen, w.log[:w.logged])
		head[atLogNext-atFlags] = (next + 1) % p.LogCount
		head[atLogCount-atFlags] = min(m[atLogCount]+1, p.LogCount)
	}
	a.memory.Put(atFlags, head[:])

	var values [atLog - atBalance]byte
	if a.scripts.second {
		var b [6]byte
		putN12(b[:], w.after.Balance)
		a.memory.Put(a.balanceAt(), b[:])
		copy(values[:], m[atBalance:atCTTA])
	} else {
		putN12(values[:], w.after.Balance)
	}
	putN12(values[atCTTA-atBalance:], w.after.CTTA)
	binary.BigEndian.PutUint16(values[atLastATC-atBalance:], w.atc)
	if w.with69 {
		copy(values[at9F69-atBalance:], w.tag9F69[:])
	}
	a.memory.Put(atBalance, values[:])
}
