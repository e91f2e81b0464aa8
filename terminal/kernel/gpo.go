package kernel

import (
	"encoding/binary"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// sendGPO sends GET PROCESSING OPTIONS with the data that the PDOL asks for.
func (m *Machine) sendGPO() Ready {
	values, err := m.pdol.Append(m.dolData[:0], m.value)
	if err != nil {
		return m.selectNext(Fault{Code: TooMuchData, Tag: tlv.TagPDOL})
	}
	n := len(values)
	m.dolData = tlv.Append(values, tlv.TagCommandTemplate, values)
	return m.send(stGPO, apdu.Command{CLA: 0x80, INS: 0xA8, Data: m.dolData[n:], Le: apdu.MaxShortLe})
}

// terminalValue gives the terminal's data elements; nil where it has none, which
// the list fills with zeros (EMV Book 3, 5.4). 9F03 and 95 are zero at that time.
func (m *Machine) terminalValue(tag tlv.Tag) []byte {
	s := &m.data.Sent
	switch tag {
	case tlv.TagTTQ:
		return m.data.TTQ[:]
	case tlv.TagAmountAuthorised:
		return s.Amount[:]
	case tlv.TagAmountOther:
		return s.Other[:]
	case tlv.TagTerminalCountry:
		return s.Country[:]
	case tlv.TagTVR:
		return s.TVR[:]
	case tlv.TagTransactionCurrency:
		return s.Currency[:]
	case tlv.TagTransactionDate:
		return s.Date[:]
	case tlv.TagTransactionTime:
		t := txn.TimeBCD(m.in.Time)
		return append(m.scratch[:0], t[:]...)
	case tlv.TagTransactionType:
		return append(m.scratch[:0], s.Type)
	case tlv.TagUN:
		return s.UN[:]
	case tlv.TagTerminalType:
		return append(m.scratch[:0], m.cfg.TerminalType)
	case tlv.TagMerchantName:
		return m.cfg.Merchant
	case tlv.TagCAPPIndicator:
		return append(m.scratch[:0], m.data.DF60)
	case tlv.TagSMSupport:
		if m.cfg.SM {
			return append(m.scratch[:0], 0x01)
		}
	}
	return nil
}

// options reads the answer to GET PROCESSING OPTIONS: template 77 with 82, 9F36,
// 57, 9F26 and 9F10, for a TC also 94 (JR/T 0025.12). There is no 9F27 in qPBOC:
// the card's decision stands in the first CVR byte of 9F10.
func (m *Machine) options(data []byte, sw apdu.SW) Ready {
	switch sw {
	case apdu.SWOK:
	case apdu.SWConditions:
		return m.end(OtherInterface, NotCommitted, txn.NoDoubt, Fault{Code: BadStatus, SW: sw, Tag: tlv.TagResponseFormat2})
	default:
		return m.unusable(Fault{Code: BadStatus, SW: sw, Tag: tlv.TagResponseFormat2})
	}
	it := tlv.Iterate(data)
	if !it.Next() {
		if it.Err() != nil {
			return m.unusable(Fault{Code: BadTLV, Tag: tlv.TagResponseFormat2})
		}
		return m.unusable(Fault{Code: Missing, Tag: tlv.TagResponseFormat2})
	}
	if rest := it; rest.Next() || rest.Err() != nil {
		return m.unusable(Fault{Code: BadTLV, Tag: it.Tag}) // one template, and nothing behind it
	}
	switch {
	case it.Tag == tlv.TagResponseFormat1 && m.takesStripe():
		return m.stripeOptions(it.Value)
	case it.Tag != tlv.TagResponseFormat2:
		return m.unusable(Fault{Code: NotQPBOC, Tag: it.Tag})
	}
	d := &m.data
	if f := putAll(it.Enter(), tlv.TagResponseFormat2, d.put); f.Code != NoFault {
		return m.unusable(f)
	}
	if f := d.identify(); f.Code != NoFault {
		return m.unusable(f)
	}
	if d.IAD.Result() == cryptogram.TC {
		if f := m.parseAFL(d.objects[objAFL]); f.Code != NoFault {
			return m.unusable(f)
		}
	}
	return m.decision()
}

// identify turns the mandatory objects into typed fields. A card that holds an amount
// (DF60 02) keeps the cryptogram to itself: nothing is owed yet (JR/T 0025.14).
func (d *Data) identify() Fault {
	for _, o := range [...]object{objAIP, objATC, objTrack2, objIAD, objAC} {
		if d.objects[o] == nil && (o != objAC || !d.holds()) {
			return Fault{Code: Missing, Tag: objectTable[o].tag}
		}
	}
	pan, expiry, _, ok := parseTrack2(d.objects[objTrack2])
	if !ok {
		return Fault{Code: BadValue, Tag: tlv.TagTrack2Equivalent}
	}
	iad, err := cryptogram.ParseIAD(d.objects[objIAD])
	if err != nil || iad.Result() == cryptogram.RFU {
		return Fault{Code: BadValue, Tag: tlv.TagIAD}
	}
	d.Card.PAN, d.Expiry, d.IAD = pan, expiry, iad
	if psn := d.objects[objPSN]; psn != nil {
		d.Card.PSN = psn[0]
	}
	d.ATC = binary.BigEndian.Uint16(d.objects[objATC])
	copy(d.AIP[:], d.objects[objAIP])
	copy(d.AC[:], d.objects[objAC])
	copy(d.CTQ[:], d.objects[objCTQ])
	if iad.Result() == cryptogram.TC && d.objects[objAFL] == nil {
		return Fault{Code: Missing, Tag: tlv.TagAFL}
	}
	return Fault{}
}

// holds says that the card answered a pre-authorisation with a TC.
func (d *Data) holds() bool {
	iad, err := cryptogram.ParseIAD(d.objects[objIAD])
	return d.DF60 == df60Hold && err == nil && iad.Result() == cryptogram.TC
}

// decision acts on what the card decided. A card on the deny list is refused
// here, where it has not paid, whatever it decided.
func (m *Machine) decision() Ready {
	m.out.Identified = true
	d := &m.data
	m.out.MSD = d.TTQ[0]&TTQ1QPBOC == 0
	switch {
	case m.denied():
		return m.end(Declined, NotCommitted, txn.DenyListed, Fault{Code: OnDenyList, Tag: tlv.TagPAN})
	case d.IAD.Result() == cryptogram.AAC:
		return m.end(Declined, NotCommitted, txn.CardDeclined, Fault{Code: CardRefused, Tag: tlv.TagIAD})
	}
	if f := m.contradiction(); f.Code != NoFault {
		return m.end(Failed, NotCommitted, txn.MissingCardData, f)
	}
	m.out.CVM = m.verification()
	if d.IAD.Result() == cryptogram.ARQC {
		if m.out.MSD && m.expired() {
			return m.end(Declined, NotCommitted, txn.Expired, Fault{Code: Restricted, Tag: tlv.TagTrack2Equivalent})
		}
		return m.end(OnlineRequired, NotCommitted, txn.OnlineAsked, Fault{Code: CardAsksOnline, Tag: tlv.TagIAD})
	}
	m.state = stIdentified
	return Ready{Identified: true}
}

// verification is how the cardholder is to be verified: as the card asks, and where the
// terminal demands it and the card leaves it open, as the terminal can.
func (m *Machine) verification() CVM {
	d := &m.data
	open := d.CTQ[0]&(ctqOnlinePIN|ctqSignature) == 0 && d.TTQ[1]&TTQ2CVMRequired != 0
	switch {
	case d.CTQ[0]&ctqOnlinePIN != 0, open && d.TTQ[0]&TTQ1OnlinePIN != 0:
		return OnlinePIN
	case d.CTQ[0]&ctqSignature != 0, open && d.TTQ[0]&TTQ1Signature != 0:
		return Signature
	}
	return NoCVM
}

// denied looks the card up in the deny list.
func (m *Machine) denied() bool {
	if m.cfg.Denied == nil || !m.cfg.Denied(m.data.Card) {
		return false
	}
	m.out.TVR[0] |= tvr1ExceptionFile
	return true
}

// contradiction finds an answer that no card gives to what it was told: whoever gave
// it, nothing may be paid. A TC where an online cryptogram was demanded, or over a
// magnetic stripe; file locator and ARQC at once; a verification of the cardholder
// that the terminal does not have, an online PIN for a TC, or a TC without any where the
// terminal demanded one (JR/T 0025.12: the card answers 6985 then). An ARQC without any
// costs nothing: the terminal chooses (verification), if it can. And the cryptogram of
// a pre-authorisation, as if it were a payment (JR/T 0025.14).
func (m *Machine) contradiction() Fault {
	d := &m.data
	tc := d.IAD.Result() == cryptogram.TC
	pin, signature := d.CTQ[0]&ctqOnlinePIN != 0, d.CTQ[0]&ctqSignature != 0
	switch {
	case tc && (m.out.MSD || d.TTQ[1]&TTQ2OnlineCryptogram != 0):
		return Fault{Code: WrongOrder, Tag: tlv.TagIAD}
	case d.holds() && d.objects[objAC] != nil:
		return Fault{Code: WrongOrder, Tag: tlv.TagAC}
	case !tc && d.objects[objAFL] != nil:
		return Fault{Code: WrongOrder, Tag: tlv.TagAFL}
	case pin && (tc || d.TTQ[0]&TTQ1OnlinePIN == 0),
		signature && !pin && d.TTQ[0]&TTQ1Signature == 0,
		!pin && !signature && !m.out.MSD && d.TTQ[1]&TTQ2CVMRequired != 0 && (tc || m.verification() == NoCVM):
		return Fault{Code: WrongOrder, Tag: tlv.TagCTQ}
	}
	return Fault{}
}
