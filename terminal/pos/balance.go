package pos

import (
	"bytes"

	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/terminal/kernel/emv"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// inquiry reads the electronic cash on a card without a transaction: SELECT and GET
// DATA, which change nothing and use no counter (JR/T 0025.13). The account number is
// in records that only a transaction names, so it stays unknown.
type inquiry struct {
	state inquiryState
	names [][]byte // applications to select, in order
	next  int
	fault kernel.Fault // of the last one that could not be selected
}

type inquiryState uint8

const (
	readDirectory inquiryState = iota
	readSelect
	readBalance
	readSecond
	readSpending
	readATC
)

// ppse is the directory of contactless cards (EMV Book B).
var ppse = []byte("2PAY.SYS.DDF01")

// maxNames bounds the applications that are tried.
const maxNames = 16

// inquire begins. Over the air the card's directory says which applications there are;
// over the contacts, and where there is no directory, the till's own list is tried (EMV
// Book 1, 12.3.3).
func (t *Till) inquire() Action {
	t.phase = asking
	t.read = inquiry{fault: kernel.Fault{Code: kernel.NoApplication}}
	if t.sale.Interface == Contactless {
		return Action{Send: selectName(ppse)}
	}
	t.read.names = t.ownNames(nil)
	return t.read.selectNext(t)
}

func (t *Till) ownNames(dst [][]byte) [][]byte {
	if t.sale.Interface == Contactless {
		for i := range t.cfg.Kernel.AIDs {
			dst = append(dst, t.cfg.Kernel.AIDs[i].Name)
		}
		return dst
	}
	for i := range t.cfg.EMV.Applications {
		dst = append(dst, t.cfg.EMV.Applications[i].Name)
	}
	return dst
}

// step takes the card's answer.
func (q *inquiry) step(t *Till, ev emv.Event) Action {
	if ev.Kind == emv.CardLeft {
		return t.done(CardLost, ShowTryAgain)
	}
	if ev.Kind != emv.Answer {
		return t.unexpected(ev)
	}
	switch q.state {
	case readDirectory:
		q.names = t.listed(ev.Data)
		if len(q.names) == 0 {
			q.names = t.ownNames(q.names)
		}
		return q.selectNext(t)
	case readSelect:
		return q.selected(t, ev.Data)
	case readBalance:
		amount, ok := amountIn(ev.Data, tlv.TagECBalance)
		if !ok {
			return t.refuse(kernel.Fault{Code: kernel.Missing, Tag: tlv.TagECBalance})
		}
		t.result.Balance = amount
		return q.get(readSecond, tlv.TagSecondECBalance)
	case readSecond:
		if amount, ok := amountIn(ev.Data, tlv.TagSecondECBalance); ok {
			t.result.SecondBalance = amount
		}
		return q.get(readSpending, tlv.TagAvailableOffline)
	case readSpending:
		if amount, ok := amountIn(ev.Data, tlv.TagAvailableOffline); ok {
			t.result.SpendingLimit = amount
		}
		return q.get(readATC, tlv.TagATC)
	}
	if data, sw, err := apdu.ParseResponse(ev.Data); err == nil && sw == apdu.SWOK {
		if v, ok := tlv.Find(data, tlv.TagATC); ok && len(v) == 2 {
			t.result.ATC = uint16(v[0])<<8 | uint16(v[1])
		}
	}
	return t.done(OfflineApproved, ShowBalance)
}

func (q *inquiry) get(next inquiryState, tag tlv.Tag) Action {
	q.state = next
	return Action{Send: getData(tag)}
}

// selectNext selects the next application.
func (q *inquiry) selectNext(t *Till) Action {
	if q.next >= min(len(q.names), maxNames) {
		t.result.Fault = q.fault
		return t.done(Error, ShowNotAccepted)
	}
	q.state = readSelect
	q.next++
	return Action{Send: selectName(q.names[q.next-1])}
}

// selected reads the answer to SELECT. A blocked application (6283) still holds its
// money, but a till may not use it (EMV Book 1, 12.4).
func (q *inquiry) selected(t *Till, answer []byte) Action {
	data, sw, err := apdu.ParseResponse(answer)
	switch {
	case err != nil:
		q.fault = kernel.Fault{Code: kernel.BadAnswer}
		return q.selectNext(t)
	case sw != apdu.SWOK:
		if sw != apdu.SWFileNotFound {
			q.fault = kernel.Fault{Code: kernel.BadStatus, SW: sw, Tag: tlv.TagADFName}
		}
		return q.selectNext(t)
	}
	name, ok := tlv.Find(data, tlv.TagFCITemplate, tlv.TagDFName)
	if !ok || len(name) > 16 || !bytes.HasPrefix(name, q.names[q.next-1]) {
		q.fault = kernel.Fault{Code: kernel.Mismatch, Tag: tlv.TagDFName}
		return q.selectNext(t)
	}
	t.result.AID = append(t.result.AID[:0], name...)
	return q.get(readBalance, tlv.TagECBalance)
}

// listed gives the applications of the directory that the till takes, by the card's
// priority (87, low nibble; 1 is first, 0 means none), then as listed.
func (t *Till) listed(answer []byte) (names [][]byte) {
	data, sw, err := apdu.ParseResponse(answer)
	if err != nil || sw != apdu.SWOK {
		return nil
	}
	entries, _ := tlv.Find(data, tlv.TagFCITemplate, tlv.TagFCIProprietary, tlv.TagFCIIssuerDiscretionary)
	var priorities []byte
	it := tlv.Iterate(entries)
	for it.Next() {
		aid, ok := tlv.Find(it.Value, tlv.TagADFName)
		if it.Tag != tlv.TagApplicationTemplate || !ok || len(names) == maxNames || !t.takes(aid) {
			continue
		}
		priority := byte(15)
		if p, ok := tlv.Find(it.Value, tlv.TagApplicationPriority); ok && len(p) == 1 && p[0]&15 != 0 {
			priority = p[0] & 15
		}
		names, priorities = append(names, nil), append(priorities, 0)
		at := len(names) - 1
		for ; at > 0 && priorities[at-1] > priority; at-- {
			names[at], priorities[at] = names[at-1], priorities[at-1]
		}
		names[at], priorities[at] = bytes.Clone(aid), priority
	}
	return names
}

func (t *Till) takes(aid []byte) bool {
	if len(aid) < 5 || len(aid) > 16 {
		return false
	}
	for i := range t.cfg.Kernel.AIDs {
		a := &t.cfg.Kernel.AIDs[i]
		if bytes.Equal(aid, a.Name) || a.Partial && bytes.HasPrefix(aid, a.Name) {
			return true
		}
	}
	return false
}

// selectName is SELECT by DF name.
func selectName(name []byte) []byte {
	b, err := apdu.Command{INS: 0xA4, P1: 0x04, Data: name, Le: apdu.MaxShortLe}.Append(nil)
	if err != nil {
		panic("pos: built an impossible command: " + err.Error())
	}
	return b
}
