package pboc

import (
	"encoding/binary"

	"github.com/citycard/citycard/wire/tlv"
)

// contact takes what only the contact side has.
func (d *decoder) contact(x *Contact, c *Card) {
	l := &c.Product.Limits
	d.fci(dgiFCI, func(tag tlv.Tag, v []byte) {
		switch {
		case tag == tlv.TagPDOL:
			x.PDOL = d.dol(dgiFCI, v)
		case tag == tlv.TagLoadLogEntry && len(v) == 2:
			x.LoadLogSFI, x.LoadLogCount = v[0], v[1]
		}
	})
	x.FCI = fciOf(c.Product.AID, d.data[dgiFCI])
	d.need(dgiDebit)
	x.Debit, _ = d.path(dgiDebit)
	x.Cash, _ = d.path(dgiCash)
	if d.data[dgiMSD] != nil {
		x.MSD = &MSD{}
		x.MSD.Path, _ = d.path(dgiMSD)
	}
	x.CDOL1 = d.dol(dgiDebit, d.inRecords(tlv.TagCDOL1))
	x.CDOL2 = d.dol(dgiDebit, d.inRecords(tlv.TagCDOL2))
	x.DDOL = d.dol(dgiDebit, d.inRecords(tlv.TagDDOL))
	x.ADA = [2]byte(d.fixed(tlv.TagADA, 2))
	x.IssuerAuthentication = d.fixed(tlv.TagIssuerAuthenticationIndicator, 1)[0]
	x.Country = [2]byte(d.fixed(tlv.TagCardIssuerCountry, 2))
	x.DualCurrency = [2]byte(d.fixed(tlv.TagSecondCurrency, 2))
	x.LoadLogFormat = d.dol(dgiFirst, d.objects[tlv.TagLoadLogFormat])
	if b := d.data[dgiPINTries]; b != nil {
		x.PINLimit = b[1]
	}
	if v, ok := tlv.Find(d.data[dgiOwn], tagUpdatable); ok && len(v) == updatableSize {
		x.Updatable = int(binary.BigEndian.Uint16(v))
	}
	l.LCOL, l.UCOL = d.fixed(tlv.TagLowerOfflineLimit, 1)[0], d.fixed(tlv.TagUpperOfflineLimit, 1)[0]
	l.ForeignCountry = d.fixed(tlv.TagOfflineLimitCountry, 1)[0]
	l.CTTADual = d.amount(tlv.TagCTTALDual)
	l.CurrencyFactor = [4]byte(d.fixed(tlv.TagCurrencyConversionFactor, 4))
	if v := d.objects[tlv.TagSecondECCurrency]; v != nil {
		x.Second = &SecondCurrency{
			Currency: [2]byte(d.fixed(tlv.TagSecondECCurrency, 2)), Balance: d.amount(tlv.TagSecondECBalanceLimit),
			Single: d.amount(tlv.TagSecondECSingleLimit), Threshold: d.amount(tlv.TagSecondECResetThreshold),
			CVM: d.amount(tlv.TagSecondECCVMLimit),
		}
		c.SecondOpening = d.amount(tlv.TagSecondECBalance)
	}
}
