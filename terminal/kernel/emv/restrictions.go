package emv

import (
	"bytes"

	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/tlv"
)

// restrict applies the processing restrictions (EMV Book 3, 10.4): application
// versions, usage control and dates. It sets TVR byte 2; nothing ends here, terminal
// action analysis judges.
func (m *Machine) restrict() {
	if v := m.data.Get(tlv.TagVersionCard); v != nil && !bytes.Equal(v, m.app.Version[:]) {
		m.raise(Restrictions, NoteVersionsDiffer, tlv.TagVersionCard, v)
	}
	if auc := m.data.Get(tlv.TagAUC); auc != nil && !m.serviceAllowed(auc) {
		m.raise(Restrictions, NoteServiceRefused, tlv.TagAUC, auc)
	}
	date := txn.DateBCD(m.in.Time)
	today, _ := kernel.DateKey(date[:])
	if v := m.data.Get(tlv.TagEffectiveDate); v != nil {
		// A date that is none cannot have come.
		if day, ok := kernel.DateKey(v); !ok || day > today {
			m.raise(Restrictions, NoteNotYetEffective, tlv.TagEffectiveDate, v)
		}
	}
	if v := m.data.Get(tlv.TagExpirationDate); v != nil {
		if day, ok := kernel.DateKey(v); !ok || day < today {
			m.raise(Restrictions, NoteExpired, tlv.TagExpirationDate, v)
		}
	}
}

// Bits of the application usage control, tag 9F07 (EMV Book 3, annex C2). Where a
// pair has a domestic and an international bit, this is the domestic one.
const (
	auc1Cash     byte = 0x80
	auc1Goods    byte = 0x20
	auc1Services byte = 0x08
	auc1ATM      byte = 0x02
	auc1OtherPOS byte = 0x01
	auc2Cashback byte = 0x80
)

// Bits of additional terminal capabilities, tag 9F40 byte 1 (EMV Book 4, annex A3).
const (
	additional1Cash     byte = 0x80
	additional1Goods    byte = 0x40
	additional1Services byte = 0x20
)

// serviceAllowed looks at the usage control (EMV Book 3, 10.4.2). Domestic and
// international are told apart only if the card gives its country, 5F28.
func (m *Machine) serviceAllowed(auc []byte) bool {
	if len(auc) != 2 {
		return false
	}
	place := auc1OtherPOS
	if m.atm() {
		place = auc1ATM
	}
	if auc[0]&place == 0 {
		return false
	}
	country := m.data.Get(tlv.TagIssuerCountry)
	if country == nil {
		return true
	}
	abroad := 0
	if !bytes.Equal(country, m.cfg.Country[:]) {
		abroad = 1
	}
	if m.cashback() && auc[1]&(auc2Cashback>>abroad) == 0 {
		return false
	}
	switch m.in.Type {
	case typeCash:
		return auc[0]&(auc1Cash>>abroad) != 0
	case typePurchase, typeCashback:
		return auc[0]&(m.sells()>>abroad) != 0
	}
	return true // a load or an inquiry is no service of this list
}

// sells is the usage control bits of what the terminal sells, by 9F40. A terminal
// that does not say sells both.
func (m *Machine) sells() byte {
	var bits byte
	if m.cfg.Additional[0]&additional1Goods != 0 {
		bits |= auc1Goods
	}
	if m.cfg.Additional[0]&additional1Services != 0 {
		bits |= auc1Services
	}
	if bits == 0 {
		bits = auc1Goods | auc1Services
	}
	return bits
}

// Transaction types, tag 9C (ISO 8583 field 3, first two digits).
const (
	typePurchase byte = 0x00
	typeCash     byte = 0x01
	typeCashback byte = 0x09
)

func (m *Machine) cashback() bool { return m.in.Type == typeCashback }

// atm says that the terminal is a cash dispenser: type 14, 15 or 16 that gives cash
// (EMV Book 4, annex A1).
func (m *Machine) atm() bool {
	return m.cfg.Type>>4 == 1 && m.unattended() && m.cfg.Additional[0]&additional1Cash != 0
}

// unattended looks at the second digit of the terminal type, tag 9F35: 1 to 3 are
// attended, 4 to 6 are not.
func (m *Machine) unattended() bool { return m.cfg.Type&15 >= 4 }
