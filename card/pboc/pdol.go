package pboc

import (
	"fmt"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/wire/tlv"
)

// The data elements of the PDOL and the CDOLs that the application uses, with their lengths.
const (
	inTTQ = iota
	inAmount
	inOther
	inCountry
	inTVR
	inCurrency
	inDate
	inType
	inUN
	inSM
	inECSupport
	inARC
	inTransit
	inputs
)

var inputTags = [inputs]struct {
	tag tlv.Tag
	len int
}{
	inTTQ:       {tlv.TagTTQ, 4},
	inAmount:    {tlv.TagAmountAuthorised, 6},
	inOther:     {tlv.TagAmountOther, 6},
	inCountry:   {tlv.TagTerminalCountry, 2},
	inTVR:       {tlv.TagTVR, 5},
	inCurrency:  {tlv.TagTransactionCurrency, 2},
	inDate:      {tlv.TagTransactionDate, 3},
	inType:      {tlv.TagTransactionType, 1},
	inUN:        {tlv.TagUN, 4},
	inSM:        {tlv.TagSMSupport, 1},
	inECSupport: {tlv.TagECTerminalIndicator, 1},
	inARC:       {tlv.TagARC, 2},
	inTransit:   {tlv.TagCAPPIndicator, 1},
}

// dolLayout is where each input stands in the data that a reader sends for a data
// object list: the PDOL, CDOL1 or CDOL2.
type dolLayout struct {
	length int
	at     [inputs]int // -1 if the list does not ask for it
}

// newLayout finds the inputs of a list and makes sure that those which are needed
// are there. room is how many bytes a command carries for it.
func newLayout(name string, d tlv.DOL, room int, need []int, who string) (dolLayout, error) {
	l := dolLayout{length: d.Len()}
	if l.length > room {
		return l, fmt.Errorf("%s asks for %d bytes, a command carries %d", name, l.length, room)
	}
	for i, in := range inputTags {
		at := 0
		l.at[i] = -1
		for _, e := range d {
			if e.Tag == in.tag && l.at[i] < 0 {
				if e.Len != in.len {
					return l, fmt.Errorf("%s asks for %v with %d bytes, want %d", name, e.Tag, e.Len, in.len)
				}
				l.at[i] = at
			}
			at += e.Len
		}
	}
	for _, i := range need {
		if l.at[i] < 0 {
			return l, fmt.Errorf("%s does not ask for %v, which %s needs", name, inputTags[i].tag, who)
		}
	}
	return l, nil
}

// preparePDOL finds the inputs of the contactless PDOL.
func (p *Product) preparePDOL() error {
	need := []int{inTTQ, inAmount, inCurrency, inUN}
	if p.CVN == cryptogram.CVN01 {
		need = append(need, inOther, inCountry, inTVR, inDate, inType)
	}
	var err error
	p.pdol, err = newLayout("PDOL", p.PDOL, tlv.MaxDOLData-3, need, fmt.Sprintf("qPBOC with %v", p.CVN))
	return err
}

// get gives the bytes of an input, or nil if the PDOL does not ask for it.
func (l *dolLayout) get(values []byte, input int) []byte {
	at := l.at[input]
	if at < 0 {
		return nil
	}
	return values[at : at+inputTags[input].len]
}

// terminalInput is the terminal's part of the cryptogram; what the PDOL does
// not ask for is zero, and not covered by CVN 17.
func (l *dolLayout) terminalInput(values []byte) cryptogram.TerminalInput {
	var t cryptogram.TerminalInput
	copy(t.Amount[:], l.get(values, inAmount))
	copy(t.Other[:], l.get(values, inOther))
	copy(t.Country[:], l.get(values, inCountry))
	copy(t.TVR[:], l.get(values, inTVR))
	copy(t.Currency[:], l.get(values, inCurrency))
	copy(t.Date[:], l.get(values, inDate))
	copy(t.UN[:], l.get(values, inUN))
	if b := l.get(values, inType); b != nil {
		t.Type = b[0]
	}
	return t
}

// logField says where the bytes of a log record come from.
type logField struct {
	len  int
	from int    // offset in the PDOL data, or one of the two below
	own  []byte // with fromCard: the card's data object, or zeros if it has none
}

const (
	fromATC  = -1 // 9F36
	fromCard = -2 // not the PDOL
)

// prepareLog turns 9F4F into copy instructions (JR/T 0025.5, transaction log:
// values from the PDOL, then from the card, else zeros).
func (p *Product) prepareLog() error {
	p.log, p.logLen = nil, 0
	if p.LogSFI == 0 {
		return nil
	}
	if p.LogSFI < 11 || p.LogSFI > 30 || p.LogCount == 0 || p.LogCount > MaxLog {
		return fmt.Errorf("log entry 9F4D %02X%02X: want SFI 0B to 1E and 1 to %d records", p.LogSFI, p.LogCount, MaxLog)
	}
	for _, e := range p.LogFormat {
		f := logField{len: e.Len, from: fromCard, own: make([]byte, e.Len)}
		if own := p.data(e.Tag); len(own) == e.Len {
			f.own = own
		}
		if e.Tag == tlv.TagATC && e.Len == 2 {
			f.from = fromATC
		}
		at := 0
		for _, d := range p.PDOL {
			if d.Tag == e.Tag {
				if d.Len != e.Len {
					return fmt.Errorf("log format has %v with %d bytes, the PDOL with %d", e.Tag, e.Len, d.Len)
				}
				f.from = at
				break
			}
			at += d.Len
		}
		p.log = append(p.log, f)
		p.logLen += e.Len
	}
	if p.logLen == 0 || p.logLen > MaxLogRecord {
		return fmt.Errorf("log format makes records of %d bytes, want 1 to %d", p.logLen, MaxLogRecord)
	}
	return nil
}

// appendLog makes the log record of a transaction.
func (p *Product) appendLog(dst, values []byte, atc uint16) []byte {
	for _, f := range p.log {
		switch f.from {
		case fromATC:
			dst = append(dst, byte(atc>>8), byte(atc))
		case fromCard:
			dst = append(dst, f.own...)
		default:
			dst = append(dst, values[f.from:f.from+f.len]...)
		}
	}
	return dst
}
