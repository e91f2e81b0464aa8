package perso

import (
	"encoding/hex"
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/citycard/citycard/card/pboc"
	"github.com/citycard/citycard/wire/tlv"
)

// Limits on the lists of a profile.
const (
	maxRecords = 16
	maxTags    = 32
	maxObjects = 64
)

// recordPlan says how a record is put together.
type recordPlan struct {
	at     pboc.Record
	signed bool
	pieces []piece
}

// piece is a part of a record: bytes that all cards share, or one data object of
// the single card.
type piece struct {
	tag   tlv.Tag // 0 for fixed
	fixed []byte
}

// Data objects that Build takes from the identity, the certificates and the
// product; a profile cannot give their values in "objects".
var (
	identityTags = []tlv.Tag{tlv.TagPAN, tlv.TagExpirationDate, tlv.TagEffectiveDate, tlv.TagTrack2Equivalent, tlv.TagPANSequence}
	certTags     = []tlv.Tag{tlv.TagCAKeyIndex, tlv.TagIssuerCertificate, tlv.TagIssuerKeyRemainder, tlv.TagIssuerKeyExponent,
		tlv.TagICCCertificate, tlv.TagICCKeyExponent, tlv.TagICCKeyRemainder}
)

// getDataTags are the data objects that GET DATA gives (JR/T 0025.5).
var getDataTags = []tlv.Tag{tlv.TagLogFormat, tlv.TagCardCurrency, tlv.TagADA, tlv.TagOfflineLimitCurrency, tlv.TagCTTAL,
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

// readObjects gives the product's own data objects and those of "objects".
func (p *Profile) readObjects(top *section) []object {
	x := p.product
	n12 := func(v interface{ N12() ([6]byte, error) }) []byte {
		b, err := v.N12()
		if err != nil {
			panic("perso: a limit was read without its range: " + err.Error())
		}
		return b[:]
	}
	version := []byte{0x00, 0x20}
	if x.FDDA01 {
		version = []byte{0x00, 0x30}
	}
	country := top.bytes("country", 2, 2, true)
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
	s := top.r.mapping(top.values["objects"], "objects")
	if len(s.keys) > maxObjects {
		top.r.fail(s.line, "objects", "%d data objects, at most %d are possible", len(s.keys), maxObjects)
		return o
	}
	for _, key := range s.keys {
		tag, ok := parseTag(key)
		value := s.bytes(key, 1, 250, true)
		switch info, known := tlv.Lookup(tag); {
		case !ok:
			s.failAt(key, "is no tag of a primitive data object")
		case slices.Contains(identityTags, tag) || slices.Contains(certTags, tag) || find(o, tag) != nil || computed(tag):
			s.failAt(key, "is made by the program from other keys or the card's own data")
		case known && value != nil && !info.LengthOK(len(value)):
			s.failAt(key, "%d bytes do not fit %s", len(value), info.Name)
		case tag == tlv.TagSDATagList && (len(value) != 1 || value[0] != byte(tlv.TagAIP)):
			s.failAt(key, "EMV Book 3, 10.3 allows only 82")
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
		tlv.TagSDAD, tlv.TagAIP, tlv.TagAFL, tlv.TagCTQ, tlv.TagCardAuthenticationData, tlv.TagPDOL, tlv.TagProductID, tlv.TagCardholderName:
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

// readRecords makes the plans of the records and the AFL from them.
func (p *Profile) readRecords(top *section, objects []object) {
	var seen []tlv.Tag
	nodes := top.list("records", maxRecords)
	for i, n := range nodes {
		s := top.r.mapping(n, "records", "file", "record", "tags", "signed")
		plan := recordPlan{
			at:     pboc.Record{SFI: byte(s.number("file", 1, 30, 0)), Number: byte(s.number("record", 1, 254, 0))},
			signed: s.flag("signed"),
		}
		switch {
		case plan.at.SFI == 0 || plan.at.Number == 0:
			top.r.fail(n.Line, "records", "file and record are needed")
		case plan.at.SFI == p.product.LogSFI:
			top.r.fail(n.Line, "records", "file %d is the log's", plan.at.SFI)
		case slices.ContainsFunc(p.records, func(o recordPlan) bool { return o.at == plan.at }):
			top.r.fail(n.Line, "records", "record %d of file %d is there twice", plan.at.Number, plan.at.SFI)
		}
		last := i == len(nodes)-1
		for _, t := range s.list("tags", maxTags) {
			p.readTag(top.r, t, &plan, objects, &seen, last)
		}
		if last && plan.signed {
			top.r.fail(n.Line, "records", "the last record cannot be signed: the card adds 9F69 to it")
		}
		p.records = append(p.records, plan)
	}
	for _, tag := range p.mandatory() {
		if !slices.Contains(seen, tag) {
			top.failAt("records", "no record holds %v, which offline data authentication needs", tag)
		}
	}
	if p.signedAIP && !slices.Contains(seen, tlv.TagSDATagList) {
		top.failAt("records", "no record holds 9F4A, so a reader would not know that the AIP is signed")
	}
	p.product.AFL = p.afl()
}

// readTag adds one data object to a record.
func (p *Profile) readTag(r *reader, n *yaml.Node, plan *recordPlan, objects []object, seen *[]tlv.Tag, last bool) {
	tag, ok := parseTag(n.Value)
	value := find(objects, tag)
	cert := slices.Contains(certTags, tag)
	single := cert || tag == tlv.TagPAN || tag == tlv.TagPANSequence || tag == tlv.TagExpirationDate || tag == tlv.TagEffectiveDate
	switch {
	case n.Kind != yaml.ScalarNode || !ok:
		r.fail(n.Line, "records.tags", "%.40q is no tag of a primitive data object", n.Value)
	case !single && value == nil:
		r.fail(n.Line, "records.tags", "%v has no value; give it one in objects", tag)
	case slices.Contains(*seen, tag):
		r.fail(n.Line, "records.tags", "%v is there twice", tag)
	case cert && plan.signed:
		r.fail(n.Line, "records.tags", "%v cannot be in a signed record: it is made after the signature", tag)
	case last && tag == tlv.TagExpirationDate:
		r.fail(n.Line, "records.tags", "5F24 must not be in the last record")
	}
	*seen = append(*seen, tag)
	if single {
		plan.pieces = append(plan.pieces, piece{tag: tag})
		return
	}
	if !ok || value == nil {
		return
	}
	if k := len(plan.pieces) - 1; k >= 0 && plan.pieces[k].tag == 0 {
		plan.pieces[k].fixed = tlv.Append(plan.pieces[k].fixed, tag, value)
		return
	}
	plan.pieces = append(plan.pieces, piece{fixed: tlv.Append(nil, tag, value)})
}

// mandatory are the data objects without which a reader cannot authenticate the
// card (EMV Book 2, 6.1; JR/T 0025.17).
func (p *Profile) mandatory() []tlv.Tag {
	t := []tlv.Tag{tlv.TagPAN, tlv.TagExpirationDate, tlv.TagCAKeyIndex, tlv.TagIssuerCertificate, tlv.TagICCCertificate}
	if p.SM() {
		return t
	}
	return append(t, tlv.TagIssuerKeyRemainder, tlv.TagIssuerKeyExponent, tlv.TagICCKeyExponent, tlv.TagICCKeyRemainder)
}

// afl groups neighbouring records of one file (EMV Book 3, 10.2). In an entry
// the signed records come first.
func (p *Profile) afl() []byte {
	var afl []byte
	for i, plan := range p.records {
		signed := byte(0)
		if plan.signed {
			signed = 1
		}
		if i > 0 {
			prev := p.records[i-1]
			if prev.at.SFI == plan.at.SFI && prev.at.Number+1 == plan.at.Number && (prev.signed || !plan.signed) {
				e := afl[len(afl)-4:]
				e[2] = plan.at.Number
				e[3] += signed
				continue
			}
		}
		afl = append(afl, plan.at.SFI<<3, plan.at.Number, plan.at.Number, signed)
	}
	return afl
}

// fixData gives the product what GET DATA answers.
func (p *Profile) fixData(objects []object) {
	for _, o := range objects {
		if slices.Contains(getDataTags, o.tag) {
			p.product.Data = append(p.product.Data, pboc.DataObject{Tag: o.tag, Value: o.value})
		}
	}
}
