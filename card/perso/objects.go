package perso

import (
	"encoding/hex"
	"slices"

	"github.com/citycard/citycard/card/pboc"
	"github.com/citycard/citycard/internal/strictyaml"
	"github.com/citycard/citycard/wire/tlv"
)

// maxObjects is how many data objects a profile can give values.
const maxObjects = 64

// Data objects that Build takes from the identity, the certificates and the
// product; a profile cannot give their values in "objects".
var (
	identityTags = []tlv.Tag{tlv.TagPAN, tlv.TagExpirationDate, tlv.TagEffectiveDate, tlv.TagTrack2Equivalent, tlv.TagPANSequence}
	certTags     = []tlv.Tag{tlv.TagCAKeyIndex, tlv.TagIssuerCertificate, tlv.TagIssuerKeyRemainder, tlv.TagIssuerKeyExponent,
		tlv.TagICCCertificate, tlv.TagICCKeyExponent, tlv.TagICCKeyRemainder, tlv.TagSSAD}
)

// getDataTags are the data objects that GET DATA gives (JR/T 0025.5).
var getDataTags = []tlv.Tag{tlv.TagLogFormat, tlv.TagLoadLogFormat, tlv.TagCardCurrency, tlv.TagADA, tlv.TagOfflineLimitCurrency, tlv.TagCTTAL,
	tlv.TagIssuerAuthenticationIndicator, tlv.TagCardIssuerCountry, tlv.TagLowerOfflineLimit, tlv.TagUpperOfflineLimit,
	tlv.TagCTTAUpper, tlv.TagCardAdditionalProcessing, tlv.TagCardCVMLimit, tlv.TagECResetThreshold, tlv.TagOfflineLimitCountry,
	tlv.TagCurrencyConversionFactor, tlv.TagCTTALDual, tlv.TagSecondCurrency, tlv.TagECBalanceLimit, tlv.TagECSingleLimit,
	tlv.TagCAPPSupport}

// object is a data object whose value all cards share.
type object struct {
	tag   tlv.Tag
	value []byte
}

func find(objects []object, tag tlv.Tag) []byte {
	for _, o := range objects {
		if o.tag == tag {
			return o.value
		}
	}
	return nil
}

// readObjects gives the product's own data objects, more of them from the contact
// side, and those of "objects".
func (p *Profile) readObjects(top *strictyaml.Section, contact []object) []object {
	x := p.product
	version := []byte{0x00, 0x20}
	if x.FDDA01 {
		version = []byte{0x00, 0x30}
	}
	country := top.Bytes("country", 2, 2, true)
	o := []object{
		{tlv.TagVersionCard, version}, {tlv.TagIssuerCountry, country}, {tlv.TagCardIssuerCountry, country},
		{tlv.TagCardCurrency, x.Currency[:]},
		{tlv.TagCardAdditionalProcessing, []byte{byte(x.Options >> 24), byte(x.Options >> 16), byte(x.Options >> 8), byte(x.Options)}},
		{tlv.TagECBalanceLimit, n12(x.Limits.Balance)}, {tlv.TagECSingleLimit, n12(x.Limits.Single)},
		{tlv.TagECResetThreshold, n12(x.Limits.Threshold)}, {tlv.TagCardCVMLimit, n12(x.Limits.CVM)},
		{tlv.TagCTTAL, n12(x.Limits.CTTA)}, {tlv.TagOfflineLimitCurrency, []byte{x.Limits.Foreign}},
	}
	if x.Limits.HasCTTAUpper {
		o = append(o, object{tlv.TagCTTAUpper, n12(x.Limits.CTTAUpper)})
	}
	if x.LogSFI != 0 {
		o = append(o, object{tlv.TagLogFormat, appendDOL(nil, x.LogFormat)})
	}
	if x.Transit != 0 {
		o = append(o, object{tlv.TagCAPPSupport, []byte{x.Transit}})
	}
	if len(p.name5F20) > 0 {
		o = append(o, object{tlv.TagCardholderName, p.name5F20})
	}
	o = append(o, contact...)
	s := top.Reader.Mapping(top.Node("objects"), "objects")
	if len(s.Keys) > maxObjects {
		top.Reader.Fail(s.Line, "objects", "%d data objects, at most %d are possible", len(s.Keys), maxObjects)
		return o
	}
	for _, key := range s.Keys {
		tag, ok := parseTag(key)
		value := s.Bytes(key, 1, 250, true)
		switch info, known := tlv.Lookup(tag); {
		case !ok:
			s.FailAt(key, "is no tag of a primitive data object")
		case slices.Contains(identityTags, tag) || slices.Contains(certTags, tag) || find(o, tag) != nil || computed(tag):
			s.FailAt(key, "is made by the program from other keys or the card's own data")
		case known && value != nil && !info.LengthOK(len(value)):
			s.FailAt(key, "%d bytes do not fit %s", len(value), info.Name)
		case tag == tlv.TagSDATagList && (len(value) != 1 || value[0] != byte(tlv.TagAIP)):
			s.FailAt(key, "EMV Book 3, 10.3 allows only 82")
		}
		o = append(o, object{tag, value})
	}
	p.signedAIP = find(o, tlv.TagSDATagList) != nil
	return o
}

// computed tells of data objects that the card keeps or makes in a transaction.
func computed(tag tlv.Tag) bool {
	switch tag {
	case tlv.TagATC, tlv.TagLastOnlineATC, tlv.TagPINTryCounter, tlv.TagECBalance, tlv.TagAvailableOffline, tlv.TagAC, tlv.TagIAD,
		tlv.TagSDAD, tlv.TagAIP, tlv.TagAFL, tlv.TagCTQ, tlv.TagCardAuthenticationData, tlv.TagPDOL, tlv.TagProductID, tlv.TagCardholderName,
		tlv.TagCAPPSupport, tlv.TagDeductionLimit, tlv.TagDeductionUsed:
		return true
	}
	return false
}

// parseTag reads a tag written in hexadecimal.
func parseTag(text string) (tlv.Tag, bool) {
	b, err := hex.DecodeString(text)
	if err != nil || len(b) < 1 || len(b) > 3 {
		return 0, false
	}
	var t tlv.Tag
	for _, c := range b {
		t = t<<8 | tlv.Tag(c)
	}
	return t, t.Valid() && !t.Constructed() && t.Size() == len(b)
}

// fixData gives the product what GET DATA answers.
func (p *Profile) fixData(objects []object) {
	for _, o := range objects {
		if slices.Contains(getDataTags, o.tag) {
			p.product.Data = append(p.product.Data, pboc.DataObject{Tag: o.tag, Value: o.value})
		}
	}
}
