package cardview

import (
	"fmt"

	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// maxLog is how many records of a log are read: more than any card keeps.
const maxLog = 100

// logs reads the transaction log and the load log that the FCI names (JR/T 0025.5,
// 9F4D and 9F4F; JR/T 0025.13, DF4D and DF4F).
func (d *dialogue) logs(a *Application, proprietary []byte) error {
	entry, _ := tlv.Find(proprietary, tlv.TagFCIIssuerDiscretionary, tlv.TagLogEntry)
	err := d.log(a, entry, tlv.TagLogFormat, 0, func(_, values []byte, format tlv.DOL) bool {
		a.Log = append(a.Log, payment(values, format))
		return true
	})
	if err != nil {
		return err
	}
	entry, _ = tlv.Find(proprietary, tlv.TagFCIIssuerDiscretionary, tlv.TagLoadLogEntry)
	return d.log(a, entry, tlv.TagLoadLogFormat, loadHead, func(head, values []byte, format tlv.DOL) bool {
		l, ok := load(head, values, format)
		if ok {
			a.LoadLog = append(a.LoadLog, l)
		}
		return ok
	})
}

// loadHead is the length of what stands in front of the values in the load log: P1
// P2 of PUT DATA, the balance before and after.
const loadHead = 2 + 6 + 6

// log reads the records of a log, the newest first. take is false for a record
// that it cannot read.
func (d *dialogue) log(a *Application, entry []byte, formatTag tlv.Tag, head int, take func(head, values []byte, format tlv.DOL) bool) error {
	if len(entry) != 2 || entry[0] < 1 || entry[0] > 30 {
		if entry != nil {
			d.note("%s: log entry %X, want a file and a number of records", a.AID, entry)
		}
		return nil
	}
	v, err := d.getData(formatTag)
	if err != nil {
		return err
	}
	format, bad := tlv.ParseDOL(v)
	if v == nil || bad != nil {
		d.note("%s: the log's format %X cannot be read", a.AID, uint32(formatTag))
		return nil
	}
	for n := range min(int(entry[1]), maxLog) {
		data, sw, err := d.readRecord(entry[0], byte(n+1))
		if err != nil {
			return err
		}
		if sw != apdu.SWOK {
			if sw != apdu.SWRecordNotFound {
				d.note("%s: log record %d answers %04X", a.AID, n+1, uint16(sw))
			}
			return nil
		}
		if len(data) != head+format.Len() || !take(data[:head], data[head:], format) {
			d.note("%s: log record %d does not fit its format", a.AID, n+1)
		}
	}
	return nil
}

// each calls f with the values of a log record, which stand one after the other.
func each(values []byte, format tlv.DOL, f func(tlv.Tag, []byte)) {
	for _, e := range format {
		f(e.Tag, values[:e.Len])
		values = values[e.Len:]
	}
}

func payment(values []byte, format tlv.DOL) Payment {
	var p Payment
	each(values, format, func(tag tlv.Tag, v []byte) {
		switch tag {
		case tlv.TagTransactionDate:
			p.Date = date(v)
		case tlv.TagTransactionTime:
			p.Time = clock(v)
		case tlv.TagAmountAuthorised:
			p.Amount = fen(v)
		case tlv.TagAmountOther:
			p.Other = fen(v)
		case tlv.TagTransactionCurrency:
			p.Currency = code(v)
		case tlv.TagTerminalCountry:
			p.Country = code(v)
		case tlv.TagTransactionType:
			p.Type = fmt.Sprintf("%X", v)
		case tlv.TagATC:
			p.ATC = number(v)
		case tlv.TagMerchantName:
			p.Merchant = merchant(v)
		}
	})
	return p
}

func load(head, values []byte, format tlv.DOL) (Load, bool) {
	before, after := fen(head[2:8]), fen(head[8:14])
	if before == nil || after == nil {
		return Load{}, false
	}
	l := Load{Tag: fmt.Sprintf("%X", head[:2]), Before: *before, After: *after}
	each(values, format, func(tag tlv.Tag, v []byte) {
		switch tag {
		case tlv.TagTransactionDate:
			l.Date = date(v)
		case tlv.TagTransactionTime:
			l.Time = clock(v)
		case tlv.TagATC:
			l.ATC = number(v)
		case tlv.TagTerminalCountry:
			l.Country = code(v)
		case tlv.TagMerchantName:
			l.Merchant = merchant(v)
		}
	})
	return l, true
}

// merchant gives a name without the zeros or spaces that fill it up; names that
// are not ASCII are given in hexadecimal.
func merchant(v []byte) string {
	for len(v) > 0 && (v[len(v)-1] == 0 || v[len(v)-1] == ' ') {
		v = v[:len(v)-1]
	}
	if text := printable(v); text != "" || len(v) == 0 {
		return text
	}
	return fmt.Sprintf("%X", v)
}
