package pboc

import (
	"encoding/binary"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/wire/tlv"
)

// Data objects of groupings 0D01 and 0E01, in the order of JR/T 0025.10.
var (
	tags0D01 = []tlv.Tag{tlv.TagLowerOfflineLimit, tlv.TagUpperOfflineLimit, tlv.TagCurrencyConversionFactor, tlv.TagLogFormat,
		tlv.TagCTTAL, tlv.TagCTTAUpper, tlv.TagCTTALDual, tlv.TagOfflineLimitCurrency, tlv.TagOfflineLimitCountry,
		tlv.TagLoadLogFormat, tlv.TagECBalanceLimit, tlv.TagECSingleLimit, tlv.TagECBalance, tlv.TagECResetThreshold,
		tlv.TagCardCVMLimit, tlv.TagCTQ, tlv.TagCardAdditionalProcessing}
	tags0E01 = []tlv.Tag{tlv.TagCardCurrency, tlv.TagADA, tlv.TagIssuerAuthenticationIndicator, tlv.TagCardIssuerCountry,
		tlv.TagATC, tlv.TagLastOnlineATC, tlv.TagPANSequence, tlv.TagSecondCurrency, tlv.TagSecondECCurrency,
		tlv.TagSecondECCVMLimit, tlv.TagSecondECResetThreshold, tlv.TagSecondECBalanceLimit, tlv.TagSecondECSingleLimit,
		tlv.TagSecondECBalance, tlv.TagCAPPSupport, tlv.TagDeductionLimit, tlv.TagDeductionUsed}
)

// value gives what the card keeps outside Product.Data.
func (e *encoder) value(tag tlv.Tag) []byte {
	p, l := e.card.Product, &e.card.Product.Limits
	switch tag {
	case tlv.TagECBalance:
		return n12(e.card.Opening)
	case tlv.TagCTQ:
		return p.Qualifiers[:]
	case tlv.TagCardAdditionalProcessing:
		return binary.BigEndian.AppendUint32(nil, p.Options)
	case tlv.TagCardCurrency:
		return p.Currency[:]
	case tlv.TagATC:
		return []byte{0, 0}
	case tlv.TagLastOnlineATC:
		return binary.BigEndian.AppendUint16(nil, p.LastOnline)
	case tlv.TagPANSequence:
		return []byte{e.card.PSN}
	case tlv.TagLogFormat:
		return dol(p.LogFormat)
	case tlv.TagECBalanceLimit:
		return n12(l.Balance)
	case tlv.TagECSingleLimit:
		return n12(l.Single)
	case tlv.TagECResetThreshold:
		return n12(l.Threshold)
	case tlv.TagCardCVMLimit:
		return n12(l.CVM)
	case tlv.TagCTTAL:
		return n12(l.CTTA)
	case tlv.TagOfflineLimitCurrency:
		return []byte{l.Foreign}
	case tlv.TagDeductionLimit:
		if p.Extension != nil {
			return n12(p.Extension.Deposit)
		}
	case tlv.TagDeductionUsed:
		if p.Extension != nil {
			return n12(0)
		}
	case tlv.TagCTTAUpper:
		if l.HasCTTAUpper {
			return n12(l.CTTAUpper)
		}
	}
	if p.Contact == nil {
		return nil
	}
	return e.contactValue(tag)
}

func (e *encoder) contactValue(tag tlv.Tag) []byte {
	x, l := e.card.Product.Contact, &e.card.Product.Limits
	switch tag {
	case tlv.TagLowerOfflineLimit:
		return []byte{l.LCOL}
	case tlv.TagUpperOfflineLimit:
		return []byte{l.UCOL}
	case tlv.TagOfflineLimitCountry:
		return []byte{l.ForeignCountry}
	case tlv.TagCTTALDual:
		return n12(l.CTTADual)
	case tlv.TagCurrencyConversionFactor:
		return l.CurrencyFactor[:]
	case tlv.TagLoadLogFormat:
		return dol(x.LoadLogFormat)
	case tlv.TagADA:
		return x.ADA[:]
	case tlv.TagIssuerAuthenticationIndicator:
		return []byte{x.IssuerAuthentication}
	case tlv.TagCardIssuerCountry:
		return x.Country[:]
	case tlv.TagSecondCurrency:
		return x.DualCurrency[:]
	}
	if x.Second == nil {
		return nil
	}
	return e.secondValue(tag, x.Second)
}

func (e *encoder) secondValue(tag tlv.Tag, s *SecondCurrency) []byte {
	switch tag {
	case tlv.TagSecondECCurrency:
		return s.Currency[:]
	case tlv.TagSecondECCVMLimit:
		return n12(s.CVM)
	case tlv.TagSecondECResetThreshold:
		return n12(s.Threshold)
	case tlv.TagSecondECBalanceLimit:
		return n12(s.Balance)
	case tlv.TagSecondECSingleLimit:
		return n12(s.Single)
	case tlv.TagSecondECBalance:
		return n12(e.card.SecondOpening)
	}
	return nil
}

func n12(v money.Fen) []byte {
	var b [6]byte
	putN12(b[:], v)
	return b[:]
}

// dol gives a list as bytes, nil if it is empty.
func dol(d tlv.DOL) []byte {
	var out []byte
	for _, e := range d {
		for i := e.Tag.Size() - 1; i >= 0; i-- {
			out = append(out, byte(e.Tag>>(8*i)))
		}
		out = append(out, byte(e.Len))
	}
	return out
}
