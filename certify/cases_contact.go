package certify

import (
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

var contactCases = []Case{
	{"contact-gpo", Text{"Processing options over the contacts", "接触取处理选项"}, emvGPO + ".4",
		Text{"The answer is template 80 with AIP and AFL, or 77 with 82 and 94.", "应答为含 AIP 与 AFL 的模板 80，或含 82 与 94 的模板 77。"}, needContact, func(s *session) {
			s.selectContact()
			s.contactGPO(s.reader(readerContact, 0))
		}},
	{"contact-gpo-alone", Text{"Nothing behind the template", "模板之后无数据"}, emvGPO + ".4",
		Text{"The answer to processing options is one object to the last byte.", "处理选项应答为单一数据对象，其后无多余字节。"}, needContact, func(s *session) {
			s.selectContact()
			raw := s.contactGPO(s.reader(readerContact, 0)).raw
			it := tlv.Iterate(raw)
			s.must(it.Next() && !it.Next() && it.Err() == nil, "expected one object, got %X", raw)
		}},
	{"contact-gpo-length", Text{"Wrong PDOL data over the contacts", "接触 PDOL 数据长度错误"}, emvGPO + ".5",
		Text{"PDOL data of another length are refused and use no counter.", "PDOL 数据长度错误时拒绝，不消耗计数器。"}, needContact, func(s *session) {
			t := s.reader(readerContact, 0)
			s.selectContact()
			before := s.standing()
			s.refused(processingOptions(append(s.values(s.contact.pdol, t), 0)), apdu.SWWrongLength, apdu.SWWrongData, apdu.SWConditions)
			s.unchanged(before, "wrong PDOL data")
		}},
	{"contact-gpo-twice", Text{"Processing options once over the contacts", "接触会话只取一次处理选项"}, emvGPO + ".2",
		Text{"A second GET PROCESSING OPTIONS in one session is refused with 6985.", "同一会话中再次取处理选项以 6985 拒绝。"}, needContact, func(s *session) {
			t := s.reader(readerContact, 0)
			s.selectContact()
			s.contactGPO(t)
			s.refused(processingOptions(s.values(s.contact.pdol, t)), apdu.SWConditions)
		}},
	{"contact-gpo-p1-p2", Text{"Parameters over the contacts", "接触取处理选项参数"}, emvGPO + ".2",
		Text{"GET PROCESSING OPTIONS with P1 or P2 other than zero is refused with 6A86.", "P1 或 P2 非零时以 6A86 拒绝。"}, needContact, func(s *session) {
			s.selectContact()
			c := processingOptions(s.values(s.contact.pdol, s.reader(readerContact, 0)))
			c.P2 = 1
			s.refused(c, apdu.SWWrongP1P2)
		}},
	{"contact-counter", Text{"One counter for both sides", "两种界面共用计数器"}, "JR/T 0025.12, two interfaces",
		Text{"A transaction over the contacts takes the value after that of one over the air.", "接触交易的计数器接续非接触交易。"}, needContact | needContactless, func(s *session) {
			p := s.qpboc(s.reader(readerOnlineAsked, 0))
			s.again()
			s.selectContact()
			s.contactGPO(s.reader(readerContact, 0))
			s.must(s.atcNow() == p.atc+1, "expected 9F36 %04X, got %04X", p.atc+1, s.atcNow())
		}},
	{"contact-balance", Text{"One balance for both sides", "两种界面共用余额"}, "JR/T 0025.13, electronic cash balance",
		Text{"GET DATA gives the same balance over both interfaces.", "两种界面取得的余额相同。"}, needContact | needContactless | needCash, func(s *session) {
			s.selectContact()
			over := s.balanceNow()
			s.again()
			s.selectAir()
			s.mustBalance(over)
		}},
	{"contact-account", Text{"One account for both sides", "两种界面账号一致"}, "JR/T 0025.12, two interfaces",
		Text{"Account number and sequence number are the same over both interfaces.", "两种界面的账号与序列号相同。"}, needContact | needContactless, func(s *session) {
			_, r := s.contactRecords()
			s.again()
			p := s.qpboc(s.reader(readerOnlineAsked, 0))
			over, air := trimF(r.values[tlv.TagPAN]), trimF(track2PAN(p.fields[tlv.TagTrack2Equivalent]))
			s.must(over == air, "expected the same account number, got %s and %s", over, air)
			psn, ok := r.values[tlv.TagPANSequence]
			s.must(!ok || string(psn) == string(p.fields[tlv.TagPANSequence]), "expected the same 5F34, got %X and %X", psn, p.fields[tlv.TagPANSequence])
		}},
	{"contact-records", Text{"Mandatory contact records", "接触必备记录"}, emvFiles + ", table 26",
		Text{"The contact records have 5A, 5F24, 8C and 8D, and a CVM list where the AIP says so.", "接触记录含 5A、5F24、8C、8D，AIP 支持持卡人验证时含 CVM 列表。"}, needContact, func(s *session) {
			aip, r := s.contactRecords()
			s.wants("the contact records", r.values, tlv.TagPAN, tlv.TagExpirationDate, tlv.TagCDOL1, tlv.TagCDOL2)
			if aip[0]&0x10 != 0 {
				s.wants("the contact records", r.values, tlv.TagCVMList)
			}
		}},
	{"contact-certificates", Text{"Certificates that the AIP promises", "AIP 所示证书齐备"}, emvFiles + ", tables 28 to 30",
		Text{"With DDA or CDA in the AIP the records have CA index, issuer and card certificate.", "AIP 支持 DDA 或 CDA 时记录含 CA 索引、发卡行与卡片证书。"}, needContact, func(s *session) {
			aip, r := s.contactRecords()
			if aip[0]&0x21 == 0 {
				s.skip("the card does not support DDA over the contacts", "接触方式不支持 DDA")
			}
			s.wants("the contact records", r.values, tlv.TagCAKeyIndex, tlv.TagIssuerCertificate, tlv.TagICCCertificate)
		}},
	{"contact-cdol1", Text{"First list covers the cryptogram", "CDOL1 覆盖密文输入"}, acClause,
		Text{"8C asks for the eight elements that cryptogram version 01 covers.", "8C 要求密文版本 01 覆盖的八个数据元。"}, needContact, func(s *session) {
			s.listCovers(tlv.TagCDOL1)
		}},
	{"contact-cdol2", Text{"Second list has the response code", "CDOL2 含授权响应码"}, "EMV Book 3, 9.2.1",
		Text{"8D asks for the response code 8A and the same eight elements.", "8D 要求授权响应码 8A 与同样八个数据元。"}, needContact, func(s *session) {
			s.listCovers(tlv.TagCDOL2, tlv.TagARC)
		}},
	{"contact-torn", Text{"Card pulled out before the cryptogram", "生成密文前拔卡"}, "EMV Book 3, 6.5.8.2",
		Text{"A transaction that ended after the records has used its counter and changed nothing else.", "读记录后中断的交易只消耗计数器。"}, needContact, func(s *session) {
			s.selectContact()
			before := s.standing()
			s.again()
			s.debit(1)
			s.again()
			s.selectContact()
			before.atc++
			s.unchanged(before, "a transaction without a cryptogram but its counter")
		}},
	{"full-gpo", Text{"Full transaction over the air", "非接触借贷记"}, "JR/T 0025.12, choice of the transaction path",
		Text{"A reader with full debit/credit over the air gets AIP and AFL, and records with both lists.", "支持非接触借贷记的终端得到 AIP 与 AFL，记录含 8C 与 8D。"}, needContactless | needContact, func(s *session) {
			s.fullDialogue()
		}},
	{"full-cryptogram", Text{"Cryptogram of a full transaction over the air", "非接触借贷记密文"}, acClause,
		Text{"GENERATE AC works over the air and its cryptogram is right.", "非接触方式可生成应用密文且正确。"}, needContactless | needContact | needKeys, func(s *session) {
			d := s.fullDialogue()
			g := s.generate1(d, askARQC)
			s.checkDialogueAC(d, &g, d.cdol1)
		}},
}

func (s *session) listCovers(list tlv.Tag, more ...tlv.Tag) {
	_, r := s.contactRecords()
	d, err := tlv.ParseDOL(r.values[list])
	s.must(err == nil, "expected a data object list in %X, got %X", uint32(list), r.values[list])
	for _, tag := range append(more, tlv.TagAmountAuthorised, tlv.TagAmountOther, tlv.TagTerminalCountry, tlv.TagTVR,
		tlv.TagTransactionCurrency, tlv.TagTransactionDate, tlv.TagTransactionType, tlv.TagUN) {
		s.must(d.Has(tag), "expected %X in %X, got %X", uint32(tag), uint32(list), r.values[list])
	}
}

// fullDialogue begins a full debit/credit transaction over the air; cards without
// it skip the case.
func (s *session) fullDialogue() *dialogue {
	t := s.reader(readerFull, 1)
	s.selectAir()
	data, sw := s.gpo(s.air, t)
	if sw == apdu.SWConditions {
		s.skip("the card has no full debit/credit over the air", "卡片无非接触借贷记")
	}
	s.must(sw == apdu.SWOK, "expected 9000 or 6985 to a full transaction over the air, got %v", sw)
	p := s.contactAnswer(t, data)
	p.side = s.air
	return s.readDialogue(p)
}
