package pboc

import (
	"bytes"

	"github.com/citycard/citycard/wire/tlv"
)

// dolValue finds a data object among the values that a reader sent for a data
// object list; nil if the list does not ask for it.
func dolValue(d tlv.DOL, values []byte, tag tlv.Tag) []byte {
	at := 0
	for _, e := range d {
		if at+e.Len > len(values) {
			return nil
		}
		if e.Tag == tag {
			return values[at : at+e.Len]
		}
		at += e.Len
	}
	return nil
}

// options is the PDOL of the interface in use.
func (a *App) options() tlv.DOL {
	if a.overContacts() {
		return a.card.Product.Contact.PDOL
	}
	return a.card.Product.PDOL
}

// sameValues tells whether the values of a CDOL repeat those of the PDOL, as
// electronic cash asks (JR/T 0025.13): all that both ask for, but for TVR, TSI
// and the unpredictable number, which may differ.
func (a *App) sameValues(d tlv.DOL, values []byte) bool {
	at := 0
	for _, e := range d {
		v := values[at : at+e.Len]
		at += e.Len
		if e.Tag == tlv.TagTVR || e.Tag == tlv.TagTSI || e.Tag == tlv.TagUN {
			continue
		}
		if before := dolValue(a.options(), a.seen[:a.pdol], e.Tag); before != nil && !bytes.Equal(before, v) {
			return false
		}
	}
	return true
}

// transactionValue finds a data object of the transaction as the logs want it
// (JR/T 0025.5): in the data of the first and the second GENERATE AC, in those of
// GET PROCESSING OPTIONS, among the card's own; nil if no one has it.
func (a *App) transactionValue(tag tlv.Tag) []byte {
	k := a.card.Product.Contact
	cdol1 := a.seen[a.pdol : a.pdol+a.cdol1]
	cdol2 := a.seen[a.pdol+a.cdol1 : a.pdol+a.cdol1+a.cdol2]
	if v := dolValue(k.CDOL1, cdol1, tag); v != nil {
		return v
	}
	if v := dolValue(k.CDOL2, cdol2, tag); v != nil {
		return v
	}
	if v := dolValue(a.options(), a.seen[:a.pdol], tag); v != nil {
		return v
	}
	return a.card.Product.data(tag)
}

// appendTransactionLog makes the log record of a debit/credit or contact
// electronic cash transaction.
func (a *App) appendTransactionLog(dst []byte, atc uint16) []byte {
	for _, e := range a.card.Product.LogFormat {
		dst = a.appendLogValue(dst, e, atc)
	}
	return dst
}

// appendLogValue appends one value of a log format, zeros if no one has it with
// this length.
func (a *App) appendLogValue(dst []byte, e tlv.DOLEntry, atc uint16) []byte {
	if e.Tag == tlv.TagATC && e.Len == 2 {
		return append(dst, byte(atc>>8), byte(atc))
	}
	v := a.transactionValue(e.Tag)
	if len(v) != e.Len {
		for range e.Len {
			dst = append(dst, 0)
		}
		return dst
	}
	return append(dst, v...)
}
