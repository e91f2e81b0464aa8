package pboc

import (
	"fmt"

	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/wire/tlv"
)

// param is a value of card risk management that the issuer can change with PUT
// DATA (JR/T 0025.5, JR/T 0025.13, JR/T 0025.15). Exactly one of amount, count and
// factor is set; it names the value's place in Limits.
type param struct {
	tag    tlv.Tag
	at     int // offset in the parameters' part of the memory
	amount func(*Limits) *money.Fen
	count  func(*Limits) *byte
	factor func(*Limits) *[4]byte
	second bool // belongs to the second currency: its amount is the first one's twin
}

// params is the table of JR/T 0025.5, PUT DATA, without the balances, which are
// part of the state proper. DF61 and DF62 belong to the transit extension.
var params = [...]param{
	{tag: tlv.TagOfflineLimitCurrency, at: 0, count: func(l *Limits) *byte { return &l.Foreign }},
	{tag: tlv.TagLowerOfflineLimit, at: 1, count: func(l *Limits) *byte { return &l.LCOL }},
	{tag: tlv.TagUpperOfflineLimit, at: 2, count: func(l *Limits) *byte { return &l.UCOL }},
	{tag: tlv.TagOfflineLimitCountry, at: 3, count: func(l *Limits) *byte { return &l.ForeignCountry }},
	{tag: tlv.TagCurrencyConversionFactor, at: 4, factor: func(l *Limits) *[4]byte { return &l.CurrencyFactor }},
	{tag: tlv.TagCTTAL, at: 8, amount: func(l *Limits) *money.Fen { return &l.CTTA }},
	{tag: tlv.TagCTTAUpper, at: 14, amount: func(l *Limits) *money.Fen { return &l.CTTAUpper }},
	{tag: tlv.TagCTTALDual, at: 20, amount: func(l *Limits) *money.Fen { return &l.CTTADual }},
	{tag: tlv.TagCardCVMLimit, at: 26, amount: func(l *Limits) *money.Fen { return &l.CVM }},
	{tag: tlv.TagECResetThreshold, at: 32, amount: func(l *Limits) *money.Fen { return &l.Threshold }},
	{tag: tlv.TagECBalanceLimit, at: 38, amount: func(l *Limits) *money.Fen { return &l.Balance }},
	{tag: tlv.TagECSingleLimit, at: 44, amount: func(l *Limits) *money.Fen { return &l.Single }},
	{tag: tlv.TagSecondECCVMLimit, at: 50, amount: func(l *Limits) *money.Fen { return &l.CVM }, second: true},
	{tag: tlv.TagSecondECResetThreshold, at: 56, amount: func(l *Limits) *money.Fen { return &l.Threshold }, second: true},
	{tag: tlv.TagSecondECBalanceLimit, at: 62, amount: func(l *Limits) *money.Fen { return &l.Balance }, second: true},
	{tag: tlv.TagSecondECSingleLimit, at: 68, amount: func(l *Limits) *money.Fen { return &l.Single }, second: true},
}

// paramsSize is how many bytes of memory the parameters take.
const paramsSize = 74

// len is the length of the value in bytes.
func (d *param) len() int {
	switch {
	case d.count != nil:
		return 1
	case d.factor != nil:
		return 4
	}
	return 6
}

// in gives the bytes of the value inside the parameters' part of the memory.
func (d *param) in(b []byte) []byte { return b[d.at : d.at+d.len()] }

// has tells whether cards of the product have the value at all.
func (p *Product) hasParam(d *param) bool {
	switch {
	case p.Contact == nil:
		return false
	case d.second:
		return p.Contact.Second != nil
	case d.tag == tlv.TagCTTAUpper:
		return p.Limits.HasCTTAUpper
	}
	return true
}

// findParam finds a value by its tag, nil if there is none.
func findParam(tag tlv.Tag) *param {
	for i := range params {
		if d := &params[i]; d.tag == tag {
			return d
		}
	}
	return nil
}

// params are the stored parameters in the whole memory of the application.
func (p *Product) params(m []byte) []byte {
	return m[p.extended()+extParams:][:paramsSize]
}

// check tells whether b can be the value.
func (d *param) check(b []byte) bool {
	if d.count != nil {
		return true
	}
	return decimal(b)
}

// decimal tells whether all digits of packed BCD are decimal.
func decimal(b []byte) bool {
	for _, v := range b {
		if v>>4 > 9 || v&15 > 9 {
			return false
		}
	}
	return true
}

// load takes the value out of its bytes into l. The bytes were checked before they
// were stored.
func (d *param) load(l *Limits, b []byte) {
	switch {
	case d.count != nil:
		*d.count(l) = b[0]
	case d.factor != nil:
		copy(d.factor(l)[:], b)
	default:
		v, err := money.FromN12(b)
		if err != nil {
			panic("pboc: a stored parameter is damaged: " + err.Error())
		}
		*d.amount(l) = v
	}
}

// store writes the value of l as bytes.
func (d *param) store(b []byte, l *Limits) {
	switch {
	case d.count != nil:
		b[0] = *d.count(l)
	case d.factor != nil:
		copy(b, d.factor(l)[:])
	default:
		putN12(b, *d.amount(l))
	}
}

// personaliseParams writes the parameters of a new card into b, paramsSize bytes:
// what the product says.
func (p *Product) personaliseParams(b []byte) {
	second := p.secondLimits()
	for i := range params {
		d := &params[i]
		if !p.hasParam(d) {
			continue
		}
		from := &p.Limits
		if d.second {
			from = &second
		}
		d.store(d.in(b), from)
	}
}

// secondLimits are the amounts of the second currency as the product says them.
func (p *Product) secondLimits() Limits {
	if p.Contact == nil || p.Contact.Second == nil {
		return Limits{}
	}
	s := p.Contact.Second
	return Limits{Balance: s.Balance, Single: s.Single, Threshold: s.Threshold, CVM: s.CVM}
}

// checkParams fails with cos.ErrMemory if b cannot be the parameters of a card of
// the product.
func (p *Product) checkParams(b []byte) error {
	for i := range params {
		d := &params[i]
		v := d.in(b)
		if !d.check(v) {
			return fmt.Errorf("card state, %v is %X and not decimal: %w", d.tag, v, cos.ErrMemory)
		}
		if !p.hasParam(d) && !zero(v) {
			return fmt.Errorf("card state, %v is %X and this product has none: %w", d.tag, v, cos.ErrMemory)
		}
	}
	return nil
}

func zero(b []byte) bool {
	for _, v := range b {
		if v != 0 {
			return false
		}
	}
	return true
}

// overlay gives the product's limits with the stored parameters in place of those
// that the issuer can change; for the second currency, its four amounts in place of
// their twins.
func (p *Product) overlay(l *Limits, b []byte, second bool) {
	*l = p.Limits
	for i := range params {
		if d := &params[i]; p.hasParam(d) && (second || !d.second) {
			d.load(l, d.in(b))
		}
	}
}
