package pboc

import (
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// Layout of a load log record (JR/T 0025.13): tag of the balance(2), balance before
// (6) and after(6), then the values of DF4F.
const (
	loadBefore = 2
	loadAfter  = 8
	loadValues = 14
)

// maxLoadSummary is how many records READ RECORD with P1 00 gives at most.
const maxLoadSummary = 10

// loadSummaryTags are the values of DF4F that the summary holds.
var loadSummaryTags = [...]tlv.DOLEntry{{Tag: tlv.TagTransactionDate, Len: 3}, {Tag: tlv.TagTransactionTime, Len: 3}, {Tag: tlv.TagATC, Len: 2}}

// logLoad stages a record of the load log.
func (a *App) logLoad(tag tlv.Tag, before, after money.Fen, atc uint16, m []byte) {
	p := a.card.Product
	k := p.Contact
	if k == nil || k.LoadLogCount == 0 {
		return
	}
	n := p.loadLen()
	b := append(make([]byte, 0, n), byte(tag>>8), byte(tag))
	b = appendN12(b, before)
	b = appendN12(b, after)
	for _, e := range k.LoadLogFormat {
		b = a.appendLogValue(b, e, atc)
	}
	at := p.extended() + extLoadLog
	next := m[at]
	a.memory.Put(at+2+int(next)*n, b)
	a.memory.Put(at, []byte{(next + 1) % k.LoadLogCount, min(m[at+1]+1, k.LoadLogCount)})
}

func appendN12(dst []byte, v money.Fen) []byte {
	var b [6]byte
	putN12(b[:], v)
	return append(dst, b[:]...)
}

// loadRecord gives record n of the load log, 1 being the newest, nil if there is
// none.
func (p *Product) loadRecord(n int, m []byte) []byte {
	at := p.extended() + extLoadLog
	count := int(p.Contact.LoadLogCount)
	if n > int(m[at+1]) {
		return nil
	}
	slot := (int(m[at]) - n + count) % count
	size := p.loadLen()
	return m[at+2+slot*size:][:size]
}

// readLoadLog answers a record of the load log, 1 being the newest: bare values in
// the order of DF4F behind tag and balances. P1 00 gives the summary (JR/T 0025.13).
func (a *App) readLoadLog(dst []byte, c *apdu.Command) ([]byte, error) {
	m, err := a.memory.Read()
	if err != nil {
		return dst, err
	}
	if c.P1 == 0 {
		return a.loadSummary(dst, c, m)
	}
	r := a.card.Product.loadRecord(int(c.P1), m)
	if r == nil {
		return status(dst, apdu.SWRecordNotFound), nil
	}
	return answer(dst, c, r), nil
}

// loadSummary answers the newest records under a MAC, so that whoever holds the
// card's key can trust them: 9F36(2), count(1), for each tag(2) before(6) after(6)
// 9A(3) 9F21(3) 9F36(2), at last four bytes of MAC over all that under the session
// key of the counter in front, with the algorithms of the transaction that runs, else
// the primary ones. Script commands have their MACs under the same key;
// none can be had this way, for where a summary has its count, at most 10, and the
// tag of a balance, no script command has the same bytes and length.
func (a *App) loadSummary(dst []byte, c *apdu.Command, m []byte) ([]byte, error) {
	s, err := a.state()
	if err != nil {
		return dst, err
	}
	if a.way == wayNone {
		a.alternative = false // what a refused GET PROCESSING OPTIONS has asked for
	}
	p := a.card.Product
	n := min(s.LoadRecords, maxLoadSummary)
	b := append(a.body[:0], byte(s.ATC>>8), byte(s.ATC), byte(n))
	for i := 1; i <= n; i++ {
		r := p.loadRecord(i, m)
		b = append(b, r[:loadValues]...)
		for _, e := range loadSummaryTags {
			b = append(b, p.loadValue(r, e)...)
		}
	}
	mac := cryptogram.MAC(a.alg(), cryptogram.DeriveSessionKey(a.alg(), a.keys().MAC, s.ATC), b)
	return answer(dst, c, append(b, mac[:4]...)), nil
}

// loadValue finds a value of DF4F in a record; Prepare made sure that it is there.
func (p *Product) loadValue(r []byte, want tlv.DOLEntry) []byte {
	at := loadValues
	for _, e := range p.Contact.LoadLogFormat {
		if e == want {
			return r[at : at+e.Len]
		}
		at += e.Len
	}
	panic("pboc: a load log format without " + want.Tag.String())
}
