package certify

import (
	"bytes"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/wire/tlv"
)

const fdda = "JR/T 0025.12, fDDA"

const needSigned = needContactless | needCash | needCA

var odaCases = []Case{
	{"oda-ca-key", Text{"CA key is known", "CA 公钥已知"}, "EMV Book 2, 5.2",
		Text{"8F names a CA public key that was given for this provider identifier.", "8F 指明所提供的、属于该注册标识的 CA 公钥。"}, needSigned, func(s *session) {
			p, r := s.approvalRecords()
			d := s.cardData(p.aip, r)
			for _, k := range s.opts.CAKeys {
				if k.RID == d.RID && k.Index == d.CAIndex {
					return
				}
			}
			s.fail("expected a CA key with index %02X for %X among those given", d.CAIndex, d.RID)
		}},
	{"oda-issuer-certificate", Text{"Issuer certificate", "发卡行公钥证书"}, "EMV Book 2, 6.3",
		Text{"90 verifies under the CA key, names the issuer of this number and has not expired.", "90 可用 CA 公钥验证，发卡行标识与账号相符且未过期。"}, needSigned, func(s *session) {
			p, r := s.approvalRecords()
			_, reason := s.oda.VerifyCardCert(s.cardData(p.aip, r), s.month())
			switch reason {
			case oda.IssuerCertBad, oda.IssuerMismatch, oda.IssuerCertExpired, oda.NoCAKey, oda.MissingData, oda.Format:
				s.fail("expected a good issuer certificate, got: %v", reason)
			}
		}},
	{"oda-card-certificate", Text{"Card certificate", "IC 卡公钥证书"}, "EMV Book 2, 6.4",
		Text{"9F46 verifies under the issuer's key with the signed records, for this number, and has not expired.", "9F46 可用发卡行公钥与签名记录验证，账号相符且未过期。"}, needSigned, func(s *session) {
			p, r := s.approvalRecords()
			s.cardKey(p.aip, r)
		}},
	{"oda-certificate-forms", Text{"Form of the certificates", "证书格式"}, "EMV Book 2, 5.1; JR/T 0025.17, certificates",
		Text{"SM2 certificates are 142 and 148 bytes beginning with 12 and 14; RSA ones come with exponents and as long as the key above.", "SM2 证书为 142 与 148 字节，以 12、14 开头；RSA 证书附指数，长度等于上级密钥。"}, needSigned, certificateForms},
	{"oda-signature-01", Text{"Dynamic signature version 01", "fDDA 版本 01 签名"}, fdda,
		Text{"9F4B covers number, amount, currency and 9F69 of this transaction.", "9F4B 覆盖本次交易的不可预知数、金额、货币与 9F69。"}, needSigned, func(s *session) {
			p, r := s.pay()
			if version := s.verifySignature(p, r); version != 1 {
				s.skip("the card does not use fDDA version 01", "卡片未采用 fDDA 版本 01")
			}
		}},
	{"oda-signature-00", Text{"Dynamic signature version 00", "fDDA 版本 00 签名"}, fdda,
		Text{"For a reader without version 01 9F4B covers the unpredictable number.", "对不支持版本 01 的终端，9F4B 覆盖不可预知数。"}, needSigned, func(s *session) {
			s.selectAir()
			s.mayPay(1)
			p := s.qpbocHere(s.reader(readerGate00, 1))
			s.mustResult(p, cryptogram.TC)
			s.spent++
			s.verifySignature(p, s.readRecords(p.afl))
		}},
	{"oda-signature-zero", Text{"Dynamic signature over nothing", "零金额交易签名"}, fdda,
		Text{"A payment of 0 fen, as at an entry gate, is signed like any other.", "零金额交易（如进站）同样有签名。"}, needSigned, func(s *session) {
			p := s.qpboc(s.reader(readerGate, 0))
			if p.afl == nil {
				s.skip("the card does not approve 0 fen offline", "卡片不脱机批准零金额交易")
			}
			s.verifySignature(p, s.readRecords(p.afl))
		}},
	{"oda-signature-fresh", Text{"Signatures are fresh", "签名不重复"}, fdda,
		Text{"Two transactions never have the same signature, and the second one verifies too.", "两次交易签名不同，且第二次签名可验证。"}, needSigned, func(s *session) {
			p, r := s.pay()
			q, t := s.pay()
			s.must(!bytes.Equal(p.sdad(r), q.sdad(t)), "expected another 9F4B in another transaction")
			s.verifySignature(q, t)
		}},
	{"oda-signature-counter", Text{"Signature names the counter", "签名含交易计数器"}, fdda,
		Text{"The dynamic number inside 9F4B begins with the transaction counter.", "9F4B 中的动态数以交易计数器开头。"}, needSigned, func(s *session) {
			p, r := s.pay()
			_, covered := s.fddaData(p, r)
			data, reason := s.cardKey(p.aip, r).DynamicData(p.sdad(r), covered)
			s.must(reason == oda.OK, "expected a signature that verifies, got: %v", reason)
			s.must(len(data) >= 3 && number16(data[1:]) == p.atc, "expected a dynamic number beginning with %04X, got %X", p.atc, data)
		}},
	{"oda-signature-place", Text{"Signature where the reader looks", "签名位置"}, fdda,
		Text{"9F4B is in the answer to processing options, or in a record if it is too long for that, never in both.", "9F4B 在处理选项应答中，过长时在记录中，不同时出现。"}, needSigned, func(s *session) {
			p, r := s.pay()
			_, inAnswer := p.fields[tlv.TagSDAD]
			_, inRecord := r.values[tlv.TagSDAD]
			s.must(inAnswer != inRecord, "expected 9F4B in the answer or in a record, found it in answer: %t, record: %t", inAnswer, inRecord)
		}},
	{"oda-arqc-unsigned", Text{"No signature without approval", "未批准则无签名"}, fdda,
		Text{"An online request or a decline has no 9F4B that a reader could take for an approval.", "联机请求或拒绝的应答不含 9F4B。"}, needContactless, func(s *session) {
			p := s.qpboc(s.reader(readerOnlineAsked, 0))
			_, ok := p.fields[tlv.TagSDAD]
			s.must(p.iad.Result() == cryptogram.TC || !ok, "expected no 9F4B with %v", p.iad.Result())
		}},
	{"oda-sm", Text{"Chinese algorithms", "国密算法"}, "JR/T 0025.17, choice of algorithms",
		Text{"A card that has SM algorithms uses them, certificates included, when the reader has them too.", "支持国密算法的卡在终端支持时采用国密算法，包括证书。"}, needSigned, func(s *session) {
			s.signedWith(1, cryptogram.SM4)
		}},
	{"oda-rsa", Text{"International algorithms", "国际算法"}, "JR/T 0025.17, choice of algorithms",
		Text{"A card that has RSA uses it, certificates included, when the reader has no SM algorithms.", "支持 RSA 的卡在终端不支持国密算法时采用 RSA，包括证书。"}, needSigned, func(s *session) {
			s.signedWith(0, cryptogram.TDES)
		}},
	{"oda-static", Text{"Signed static data", "静态数据签名"}, "EMV Book 2, 5.4",
		Text{"93, where the records have it, verifies over the signed records.", "如有 93，其签名对签名记录可验证。"}, needCA, func(s *session) {
			found := false
			s.eachSide(func(aip [2]byte, r *records) {
				if _, ok := r.values[tlv.TagSSAD]; !ok {
					return
				}
				found = true
				_, reason := s.oda.VerifyStatic(s.cardData(aip, r), s.month())
				s.must(reason == oda.OK, "expected signed static data that verify, got: %v", reason)
			})
			if !found {
				s.skip("the records have no 93", "记录中无 93")
			}
		}},
	{"oda-contact-certificates", Text{"Certificates over the contacts", "接触方式证书"}, "EMV Book 2, 6.4",
		Text{"The certificates in the contact records verify with their signed records.", "接触记录中的证书可与其签名记录一同验证。"}, needContact | needCA, func(s *session) {
			aip, r := s.contactRecords()
			s.cardKey(aip, r)
		}},
	{"oda-internal-authenticate", Text{"INTERNAL AUTHENTICATE", "内部认证"}, "EMV Book 2, 6.5; EMV Book 3, 6.5.9",
		Text{"DDA over the contacts signs the terminal's data with the card's certified key.", "接触 DDA 以经认证的卡片密钥对终端数据签名。"}, needContact | needCA, func(s *session) {
			aip, r := s.contactRecords()
			if aip[0]&0x20 == 0 {
				s.skip("the card does not support DDA over the contacts", "接触方式不支持 DDA")
			}
			t := s.reader(readerContact, 0)
			data := s.ok(command(0x00, 0x88, 0, 0, s.values(ddol(r), t), 256))
			sdad := s.format1or2(data, tlv.TagSDAD)
			_, reason := s.cardKey(aip, r).DynamicData(sdad, s.values(ddol(r), t))
			s.must(reason == oda.OK, "expected a signature that verifies, got: %v", reason)
		}},
	{"oda-internal-length", Text{"INTERNAL AUTHENTICATE with wrong data", "内部认证数据错误"}, "EMV Book 3, 6.5.9.5",
		Text{"Data of another length than the DDOL asks for are not signed.", "数据长度与 DDOL 不符时不签名。"}, needContact | needCA, func(s *session) {
			aip, r := s.contactRecords()
			if aip[0]&0x20 == 0 {
				s.skip("the card does not support DDA over the contacts", "接触方式不支持 DDA")
			}
			s.denied(command(0x00, 0x88, 0, 0, append(s.values(ddol(r), s.reader(readerContact, 0)), 0), 256))
		}},
	{"oda-internal-early", Text{"INTERNAL AUTHENTICATE before processing options", "取处理选项前的内部认证"}, "EMV Book 3, 6.5.9.2",
		Text{"The card signs nothing before GET PROCESSING OPTIONS.", "取处理选项之前卡片不签名。"}, needContact, func(s *session) {
			s.selectContact()
			s.denied(command(0x00, 0x88, 0, 0, s.random(4), 256))
		}},
}

func certificateForms(s *session) {
	p, r := s.approvalRecords()
	issuer, card := r.values[tlv.TagIssuerCertificate], r.values[tlv.TagICCCertificate]
	if p.iad.Alg == cryptogram.SM4 {
		s.must(len(issuer) == 142 && issuer[0] == 0x12, "expected 142 bytes beginning with 12 in 90, got %d: %X", len(issuer), issuer)
		s.must(len(card) == 148 && card[0] == 0x14, "expected 148 bytes beginning with 14 in 9F46, got %d", len(card))
		return
	}
	s.wants("the records", r.values, tlv.TagIssuerKeyExponent, tlv.TagICCKeyExponent)
	for _, k := range s.opts.CAKeys {
		if index := r.values[tlv.TagCAKeyIndex]; k.RSA != nil && len(index) == 1 && k.Index == index[0] {
			s.must(len(issuer) == len(k.RSA.Modulus), "expected 90 as long as the CA key, %d bytes, got %d", len(k.RSA.Modulus), len(issuer))
		}
	}
	for _, tag := range []tlv.Tag{tlv.TagIssuerKeyExponent, tlv.TagICCKeyExponent} {
		v := r.values[tag]
		s.must(bytes.Equal(v, []byte{3}) || bytes.Equal(v, []byte{1, 0, 1}), "expected 3 or 65537 in %X, got %X", uint32(tag), v)
	}
}

// verifySignature judges 9F4B of a finished payment and tells its version.
func (s *session) verifySignature(p *processing, r *records) byte {
	version, covered := s.fddaData(p, r)
	sdad := p.sdad(r)
	s.must(sdad != nil, "expected 9F4B in the answer or in a record, got none")
	_, reason := s.cardKey(p.aip, r).DynamicData(sdad, covered)
	s.must(reason == oda.OK, "expected a dynamic signature of version %02d that verifies, got: %v", version, reason)
	return version
}

// signedWith makes a payment at a reader with or without SM algorithms and wants
// the algorithm of the card that belongs to it.
func (s *session) signedWith(sm byte, alg cryptogram.Alg) {
	has := false
	for _, a := range s.algs {
		has = has || a == alg
	}
	if !has {
		s.skip("the card does not have these algorithms", "卡片不支持该类算法")
	}
	s.selectAir()
	s.mayPay(1)
	t := s.reader(readerGate, 1)
	t.sm = sm
	p := s.qpbocHere(t)
	s.mustResult(p, cryptogram.TC)
	s.must(p.iad.Alg == alg, "expected %v in 9F10, got %v", alg, p.iad.Alg)
	s.spent++
	r := s.readRecords(p.afl)
	s.verifySignature(p, r)
	key := s.cardKey(p.aip, r)
	s.must((key.SM2() != nil) == (alg == cryptogram.SM4), "expected certificates of the same family as %v in 9F10", alg)
}

// eachSide hands over interchange profile and records of every side.
func (s *session) eachSide(f func(aip [2]byte, r *records)) {
	if s.contact != nil {
		f(s.contactRecords())
	}
	if s.air != nil {
		s.selectAir()
		p := s.qpbocHere(s.reader(readerGate, 0))
		if p.afl == nil && s.transit.quota && s.contact != nil {
			return // it approves fares alone
		}
		if p.afl == nil {
			s.skip("the card does not approve offline", "卡片不脱机批准")
		}
		f(p.aip, s.readRecords(p.afl))
	}
}

// ddol is 9F49, or the default list with the unpredictable number alone.
func ddol(r *records) tlv.DOL {
	if d, err := tlv.ParseDOL(r.values[tlv.TagDDOL]); err == nil && len(d) > 0 {
		return d
	}
	return tlv.DOL{{Tag: tlv.TagUN, Len: 4}}
}

// format1or2 takes a single value out of template 80 or 77.
func (s *session) format1or2(data []byte, tag tlv.Tag) []byte {
	if v, ok := tlv.Find(data, tlv.TagResponseFormat1); ok {
		return v
	}
	v, ok := tlv.Find(data, tlv.TagResponseFormat2, tag)
	s.must(ok, "expected template 80, or 77 with %X, got %X", uint32(tag), data)
	return v
}

// contactRecords selects over the contacts, starts a transaction and reads what it
// names.
func (s *session) contactRecords() ([2]byte, *records) {
	s.selectContact()
	p := s.contactGPO(s.reader(readerContact, 0))
	return p.aip, s.readRecords(p.afl)
}

// contactGPO starts a transaction over the contacts and must get AIP and AFL, in
// template 80 or 77.
func (s *session) contactGPO(t *reader) *processing {
	data := s.ok(processingOptions(s.values(s.contact.pdol, t)))
	return s.contactAnswer(t, data)
}

func (s *session) contactAnswer(t *reader, data []byte) *processing {
	p := &processing{side: s.contact, reader: t, raw: data}
	if v, ok := tlv.Find(data, tlv.TagResponseFormat1); ok {
		s.must(len(v) >= 6 && (len(v)-2)%4 == 0, "expected AIP and AFL in template 80, got %X", data)
		p.aip, p.afl = [2]byte(v), v[2:]
		return p
	}
	aip, _ := tlv.Find(data, tlv.TagResponseFormat2, tlv.TagAIP)
	p.afl, _ = tlv.Find(data, tlv.TagResponseFormat2, tlv.TagAFL)
	s.must(len(aip) == 2 && len(p.afl) > 0, "expected AIP and AFL in template 80 or 77, got %X", data)
	p.aip = [2]byte(aip)
	return p
}
