package certify

import (
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// Terminal transaction qualifiers (9F66, JR/T 0025.12) of the readers that the
// cases play.
var (
	readerGate        = [4]byte{0x28, 0x00, 0x00, 0x80} // qPBOC, offline only, fDDA version 01
	readerGate00      = [4]byte{0x28, 0x00, 0x00, 0x00} // the same with fDDA version 00
	readerGateCVM     = [4]byte{0x28, 0x40, 0x00, 0x80} // offline only, CVM required, none supported
	readerGateSign    = [4]byte{0x2A, 0x40, 0x00, 0x80} // offline only, CVM required, signature supported
	readerShop        = [4]byte{0x26, 0x00, 0x00, 0x80} // online, online PIN, signature
	readerShopCVM     = [4]byte{0x20, 0x40, 0x00, 0x80} // online, CVM required, none supported
	readerShopSign    = [4]byte{0x22, 0x40, 0x00, 0x80} // online, CVM required, signature supported
	readerShopPIN     = [4]byte{0x24, 0x40, 0x00, 0x80} // online, CVM required, online PIN supported
	readerShopSlot    = [4]byte{0x36, 0x80, 0x00, 0x80} // online asked, also has a contact slot
	readerOnlineAsked = [4]byte{0x26, 0x80, 0x00, 0x80} // online cryptogram required
	readerNone        = [4]byte{0x00, 0x00, 0x00, 0x00} // supports nothing
	readerFull        = [4]byte{0x40, 0x00, 0x00, 0x00} // contactless full debit/credit
	readerStripe      = [4]byte{0x80, 0x00, 0x00, 0x00} // magnetic stripe path
	readerContact     = [4]byte{}                       // contact terminals have no 9F66
)

var renminbi = [2]byte{0x01, 0x56}

// reader is the terminal's side of one transaction.
type reader struct {
	ttq      [4]byte
	amount   []byte // 9F02, six bytes
	other    [6]byte
	country  [2]byte
	tvr      [5]byte
	currency [2]byte
	date     [3]byte
	clock    [3]byte
	kind     byte // 9C
	un       [4]byte
	sm       byte // DF69
	cash     byte // 9F7A
	trade    byte // DF60
	arc      [2]byte
	merchant [20]byte
}

// reader makes a terminal with a fresh unpredictable number that supports the
// algorithms of JR/T 0025.17.
func (s *session) reader(ttq [4]byte, amount money.Fen) *reader {
	t := &reader{ttq: ttq, country: renminbi, currency: renminbi, sm: 1, un: [4]byte(s.random(4))}
	n, err := amount.N12()
	if err != nil {
		s.skip("an amount beyond the limits of this card has no n12 form", "超出限额的金额无法以 n12 表示")
	}
	t.amount = n[:]
	at := s.opts.At
	t.date = [3]byte{bcd(at.Year() % 100), bcd(int(at.Month())), bcd(at.Day())}
	t.clock = [3]byte{bcd(at.Hour()), bcd(at.Minute()), bcd(at.Second())}
	copy(t.merchant[:], "CITYCARD CERTIFY")
	return t
}

func bcd(n int) byte { return byte(n/10<<4 | n%10) }

// value gives a data element to a DOL.
func (t *reader) value(tag tlv.Tag) []byte {
	switch tag {
	case tlv.TagTTQ:
		return t.ttq[:]
	case tlv.TagAmountAuthorised:
		return t.amount
	case tlv.TagAmountOther:
		return t.other[:]
	case tlv.TagTerminalCountry:
		return t.country[:]
	case tlv.TagTVR:
		return t.tvr[:]
	case tlv.TagTransactionCurrency:
		return t.currency[:]
	case tlv.TagTransactionDate:
		return t.date[:]
	case tlv.TagTransactionTime:
		return t.clock[:]
	case tlv.TagTransactionType:
		return []byte{t.kind}
	case tlv.TagUN:
		return t.un[:]
	case tlv.TagSMSupport:
		return []byte{t.sm}
	case tlv.TagCAPPIndicator:
		return []byte{t.trade}
	case tlv.TagECTerminalIndicator:
		return []byte{t.cash}
	case tlv.TagARC:
		return t.arc[:]
	case tlv.TagMerchantName:
		return t.merchant[:]
	case tlv.TagTerminalType:
		return []byte{0x22}
	case tlv.TagTerminalCapabilities:
		return []byte{0xE0, 0xE1, 0xC8}
	}
	return nil
}

// values makes the data that a list asks for.
func (s *session) values(d tlv.DOL, t *reader) []byte {
	b, err := d.Append(nil, t.value)
	s.must(err == nil, "expected a data object list that a terminal can answer, got %v", err)
	return b
}

// input is the terminal's part of a cryptogram: what the card has seen of it.
func (t *reader) input(d tlv.DOL) cryptogram.TerminalInput {
	var in cryptogram.TerminalInput
	for _, f := range []struct {
		tag tlv.Tag
		dst []byte
	}{
		{tlv.TagAmountAuthorised, in.Amount[:]}, {tlv.TagAmountOther, in.Other[:]}, {tlv.TagTerminalCountry, in.Country[:]},
		{tlv.TagTVR, in.TVR[:]}, {tlv.TagTransactionCurrency, in.Currency[:]}, {tlv.TagTransactionDate, in.Date[:]},
		{tlv.TagUN, in.UN[:]},
	} {
		if d.Has(f.tag) {
			copy(f.dst, t.value(f.tag))
		}
	}
	if d.Has(tlv.TagTransactionType) {
		in.Type = t.kind
	}
	return in
}

func selectName(name []byte) apdu.Command { return command(0x00, 0xA4, 0x04, 0x00, name, 256) }

func selectNext(name []byte) apdu.Command { return command(0x00, 0xA4, 0x04, 0x02, name, 256) }

func getData(tag tlv.Tag) apdu.Command {
	return command(0x80, 0xCA, byte(tag>>8), byte(tag), nil, 256)
}

func readRecord(sfi, n byte) apdu.Command { return command(0x00, 0xB2, n, sfi<<3|4, nil, 256) }

// processingOptions is GET PROCESSING OPTIONS with the values of the PDOL.
func processingOptions(values []byte) apdu.Command {
	return command(0x80, 0xA8, 0, 0, tlv.Append(nil, tlv.TagCommandTemplate, values), 256)
}

// selectAir selects the application as a contactless reader does.
func (s *session) selectAir() []byte {
	s.send(selectName([]byte(ppseName)))
	return s.ok(selectName(s.aid))
}

// selectContact selects the application as a contact reader does. It is good only
// right after a reset.
func (s *session) selectContact() []byte { return s.ok(selectName(s.aid)) }

// selectAny selects the application on the side that there is.
func (s *session) selectAny() {
	if s.air != nil {
		s.selectAir()
		return
	}
	s.selectContact()
}

// gpo sends GET PROCESSING OPTIONS to the selected application.
func (s *session) gpo(side *side, t *reader) ([]byte, apdu.SW) {
	return s.send(processingOptions(s.values(side.pdol, t)))
}
