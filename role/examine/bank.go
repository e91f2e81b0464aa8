package examine

import (
	"bytes"
	"fmt"

	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/terminal/reader/recording"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// application is what the conversation told of a bank application.
type application struct {
	values  map[tlv.Tag][]byte // the first of a kind
	records map[[2]byte][]byte // by file and number, with their template
	afl     []byte
	dynamic []byte // data of INTERNAL AUTHENTICATE
	proof   int    // exchange of the first certificate or signature
	cda     int    // exchange of a combined signature
}

// keep notes the objects in b, at any depth.
func (a *application) keep(b []byte) {
	if a.values == nil {
		a.values, a.records = map[tlv.Tag][]byte{}, map[[2]byte][]byte{}
	}
	for it := tlv.Iterate(b); it.Next(); {
		if it.Tag.Constructed() {
			a.keep(it.Value)
			continue
		}
		if _, there := a.values[it.Tag]; !there {
			a.values[it.Tag] = bytes.Clone(it.Value)
		}
	}
}

// pan is the account number, from 5A or from track 2.
func (a *application) pan() (txn.PAN, bool) {
	if v, ok := a.values[tlv.TagPAN]; ok {
		pan, err := txn.PANFromBCD(v)
		return pan, err == nil
	}
	digits, _, found := bytes.Cut(fmt.Appendf(nil, "%X", a.values[tlv.TagTrack2Equivalent]), []byte{'D'})
	if !found {
		return txn.PAN{}, false
	}
	pan, err := txn.ParsePAN(string(digits))
	return pan, err == nil
}

// proofs are the objects that a CA's key stands behind.
var proofs = [...]tlv.Tag{tlv.TagIssuerCertificate, tlv.TagICCCertificate, tlv.TagSSAD, tlv.TagSDAD}

// objects looks at the answers of a bank application.
func (e *examiner) objects(seq int, c apdu.Command, data []byte, sw apdu.SW) {
	if sw != apdu.SWOK || len(data) == 0 {
		return
	}
	a := &e.app
	before := a.values[tlv.TagAC]
	switch c.INS {
	case 0xB2:
		a.keep(data)
		if a.records != nil {
			a.records[[2]byte{c.P2 >> 3, c.P1}] = bytes.Clone(data)
		}
	case 0xA8:
		a.keep(data)
		if v, ok := tlv.Find(data, tlv.TagResponseFormat1); ok && len(v) >= 2 {
			a.values[tlv.TagAIP], a.values[tlv.TagAFL] = v[:2], v[2:]
		}
		a.afl = a.values[tlv.TagAFL]
	case 0xAE:
		e.generated(seq, data)
		return
	case 0x88:
		a.dynamic = bytes.Clone(c.Data)
		a.keep(data)
		if v, ok := tlv.Find(data, tlv.TagResponseFormat1); ok {
			a.values[tlv.TagSDAD] = v
		}
	default:
		a.keep(data)
	}
	for _, tag := range proofs {
		if _, ok := a.values[tag]; ok && a.proof == 0 {
			a.proof = seq
		}
	}
	if ac, ok := a.values[tlv.TagAC]; ok && before == nil {
		e.cryptogram(seq, a.values[tlv.TagCID], a.values[tlv.TagATC], ac)
	}
}

// generated is an answer to GENERATE AC: format 1 is CID, counter, cryptogram.
func (e *examiner) generated(seq int, data []byte) {
	if v, ok := tlv.Find(data, tlv.TagResponseFormat1); ok {
		if len(v) >= 11 {
			e.cryptogram(seq, v[:1], v[1:3], v[3:11])
		}
		return
	}
	in := func(tag tlv.Tag) []byte {
		v, _ := tlv.Find(data, tlv.TagResponseFormat2, tag)
		return v
	}
	if ac := in(tlv.TagAC); ac != nil {
		e.cryptogram(seq, in(tlv.TagCID), in(tlv.TagATC), ac)
	}
	if in(tlv.TagSDAD) != nil && e.app.cda == 0 {
		e.app.cda = seq
	}
}

// cryptogram is one application cryptogram: only its issuer has the key.
func (e *examiner) cryptogram(seq int, cid, atc, ac []byte) {
	if len(ac) != 8 || len(atc) != 2 {
		return
	}
	kind := e.say("application cryptogram", "应用密文")
	if len(cid) == 1 {
		kind += " " + [...]string{"AAC", "TC", "ARQC", "RFU"}[cid[0]>>6]
	}
	e.find(seq, fmt.Sprintf(e.say("%s of counter %d", "%s，计数器 %d"), kind, int(atc[0])<<8|int(atc[1])), Unknown, e.noKeys())
}

// judge verifies what the CA's keys stand behind.
func (e *examiner) judge() {
	a := &e.app
	if a.proof == 0 && a.cda == 0 {
		return
	}
	what, seq := e.say("certificates and signature of the card", "卡片证书和签名"), a.proof
	if seq == 0 {
		seq = a.cda
	}
	result, why := e.authenticate()
	e.find(seq, what, result, why)
}

// authenticate gives the result of offline data authentication, and why.
func (e *examiner) authenticate() (result, why string) {
	a := &e.app
	index := a.values[tlv.TagCAKeyIndex]
	switch {
	case len(index) != 1 || len(e.aid) < 5:
		return Unknown, e.say("the conversation does not name the CA's key (8F)", "会话中没有CA公钥索引（8F）")
	case !e.hasCA(index[0]):
		return Unknown, fmt.Sprintf(e.say("published key missing: CA %X, index %02X", "缺少已公布的公钥：CA %X，索引 %02X"), e.aid[:5], index[0])
	}
	data, missing := e.cardData(index[0])
	if missing != "" {
		return Unknown, missing
	}
	const anyTime = oda.Month(0) // a recording stays as good as it was when it was made
	by := fmt.Sprintf(e.say("by CA key %02X", "使用CA公钥 %02X"), index[0])
	if data.CardCert == nil {
		_, r := e.verifier.VerifyStatic(data, anyTime)
		return e.concluded(r, by+e.say(": static signature", "：静态签名"))
	}
	key, r := e.verifier.VerifyCardCert(data, anyTime)
	if r != oda.OK {
		return e.concluded(r, by)
	}
	sdad := a.values[tlv.TagSDAD]
	signed, ok := e.signed()
	switch {
	case sdad == nil && a.cda > 0:
		return Verified, by + e.say(": the certificates; the combined signature is checked by a terminal (citycard tap --reader replay:)", "：证书；复合签名由终端验证（citycard tap --reader replay:）")
	case sdad == nil:
		return Verified, by + e.say(": the certificates; there is no signature", "：证书；没有动态签名")
	case !ok:
		return Verified, by + e.say(": the certificates; what the signature covers is not in the conversation", "：证书；会话中没有签名所覆盖的数据")
	}
	_, r = key.DynamicData(sdad, signed)
	return e.concluded(r, by+e.say(": certificates and dynamic signature", "：证书和动态签名"))
}

func (e *examiner) hasCA(index byte) bool {
	for _, k := range e.keys.CA {
		if k.Index == index && bytes.Equal(k.RID[:], e.aid[:5]) {
			return true
		}
	}
	return false
}

// concluded is a reason as a result. In a masked conversation nothing can be wrong:
// the parts that certificates cover are not there.
func (e *examiner) concluded(r oda.Reason, how string) (result, why string) {
	switch {
	case r == oda.OK:
		return Verified, how
	case e.s.Masked:
		return Unknown, fmt.Sprintf(e.say("the conversation is masked, so that its certificates cannot fit (%s)", "会话已屏蔽敏感数据，证书无法验证（%s）"), r)
	case r == oda.MissingData || r == oda.NoCAKey || r == oda.NotVerified:
		return Unknown, r.String()
	}
	return Wrong, r.String()
}

// cardData gathers what certificates are checked with, or says what is missing.
func (e *examiner) cardData(index byte) (*oda.CardData, string) {
	a := &e.app
	pan, ok := a.pan()
	aip := a.values[tlv.TagAIP]
	if !ok || len(aip) != 2 {
		return nil, e.say("the conversation has no account number, or no AIP", "会话中没有账号或AIP")
	}
	static, ok := a.static()
	if !ok {
		return nil, e.say("a record that is signed is not in the conversation", "会话中缺少被签名的记录")
	}
	v := a.values
	return &oda.CardData{
		RID: [5]byte(e.aid[:5]), CAIndex: index, PAN: pan, AIP: [2]byte(aip),
		IssuerCert: v[tlv.TagIssuerCertificate], IssuerRest: v[tlv.TagIssuerKeyRemainder], IssuerExponent: v[tlv.TagIssuerKeyExponent],
		CardCert: v[tlv.TagICCCertificate], CardRest: v[tlv.TagICCKeyRemainder], CardExponent: v[tlv.TagICCKeyExponent],
		SignedStatic: v[tlv.TagSSAD], StaticData: static, StaticTags: v[tlv.TagSDATagList],
	}, ""
}

// static is the data of the records that the AFL marks (EMV Book 3, 10.3).
func (a *application) static() ([]byte, bool) {
	var out []byte
	for i := 0; i+4 <= len(a.afl); i += 4 {
		file, first, signed := a.afl[i]>>3, a.afl[i+1], a.afl[i+3]
		for n := range signed {
			record, ok := a.records[[2]byte{file, first + n}]
			if !ok {
				return nil, false
			}
			if inside, ok := tlv.Find(record, tlv.TagRecordTemplate); ok && file <= 10 {
				record = inside
			}
			out = append(out, record...)
		}
	}
	return out, true
}

// signed is what the dynamic signature covers on the terminal's side: the data of
// INTERNAL AUTHENTICATE, or of a qPBOC payment.
func (e *examiner) signed() ([]byte, bool) {
	if e.app.dynamic != nil {
		return e.app.dynamic, true
	}
	t := e.s.Terminal().Options
	un := t[tlv.TagUN]
	if len(un) != 4 {
		return nil, false
	}
	own := e.app.values[tlv.TagCardAuthenticationData]
	if len(own) == 0 || own[0] == 0 {
		return un, true
	}
	if !fits(t) {
		return nil, false
	}
	return oda.FDDATerminalData(nil, own[0], [4]byte(un), [6]byte(t[tlv.TagAmountAuthorised]), [2]byte(t[tlv.TagTransactionCurrency]), own), true
}

func fits(t recording.Values) bool {
	return len(t[tlv.TagAmountAuthorised]) == 6 && len(t[tlv.TagTransactionCurrency]) == 2
}
