package certify

import (
	"bytes"

	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

const emvGAC = "EMV Book 3, 6.5.5"

const needIssuer = needContact | needKeys

var gacCases = []Case{
	{"gac-decline", Text{"Asked for a decline", "请求 AAC"}, emvGAC + ".2",
		Text{"A card asked for an AAC gives an AAC.", "请求 AAC 时卡片返回 AAC。"}, needContact, func(s *session) {
			g := s.generate1(s.debit(1), askAAC)
			s.must(g.cid&0xC0 == 0, "expected an AAC in 9F27, got %02X", g.cid)
		}},
	{"gac-online", Text{"Asked for an online request", "请求 ARQC"}, emvGAC + ".2",
		Text{"A card asked for an ARQC gives an ARQC or an AAC.", "请求 ARQC 时卡片返回 ARQC 或 AAC。"}, needContact, func(s *session) {
			s.generate1(s.debit(1), askARQC)
		}},
	{"gac-approve", Text{"Asked for an approval", "请求 TC"}, emvGAC + ".2",
		Text{"A card asked for a TC gives a TC, an ARQC or an AAC, well formed.", "请求 TC 时卡片返回格式正确的 TC、ARQC 或 AAC。"}, needContact, func(s *session) {
			s.generate1(s.debit(1), askTC)
		}},
	{"gac-agrees", Text{"Information data and CVR agree", "9F27 与 CVR 一致"}, cvrClause,
		Text{"The type in 9F27 is that of the first cryptogram in the CVR, the second not asked for.", "9F27 的密文类型与 CVR 首次密文一致，第二次未请求。"}, needContact, func(s *session) {
			for _, p1 := range []byte{askAAC, askARQC, askTC} {
				g := s.generate1(s.debit(1), p1)
				want := 0x80 | g.cid&0xC0>>2
				s.must(g.iad.CVR[0]&0xF0 == want, "expected %02X in the upper half of the first CVR byte beside 9F27 %02X, got %X", want, g.cid, g.iad.CVR)
				s.again()
			}
		}},
	{"gac-counter", Text{"Counter in the answer", "应答中的计数器"}, emvGAC + ".4",
		Text{"9F36 in the answer is the counter of this transaction.", "应答中的 9F36 为本次交易计数器。"}, needContact, func(s *session) {
			d := s.debit(1)
			atc := s.atcNow()
			g := s.generate1(d, askAAC)
			s.must(g.atc == atc, "expected 9F36 %04X, got %04X", atc, g.atc)
		}},
	{"gac-length", Text{"Wrong CDOL data", "CDOL 数据长度错误"}, emvGAC + ".5",
		Text{"Data of another length than CDOL1 asks for are refused.", "数据长度与 CDOL1 不符时拒绝。"}, needContact, func(s *session) {
			d := s.debit(1)
			v := s.values(d.cdol1, d.reader)
			s.refused(generateAC(askAAC, v[:max(0, len(v)-1)]), apdu.SWWrongLength, apdu.SWWrongData, apdu.SWConditions)
		}},
	{"gac-early", Text{"Cryptogram before processing options", "取处理选项前生成密文"}, emvGAC + ".2",
		Text{"GENERATE AC before GET PROCESSING OPTIONS is refused.", "取处理选项之前生成应用密文被拒绝。"}, needContact, func(s *session) {
			d := s.debit(1)
			s.again()
			s.selectContact()
			s.denied(generateAC(askAAC, s.values(d.cdol1, d.reader)))
		}},
	{"gac-p1", Text{"Reserved P1 of GENERATE AC", "GENERATE AC 的保留 P1"}, emvGAC + ".2",
		Text{"A type of cryptogram that is not defined is refused.", "未定义的密文类型被拒绝。"}, needContact, func(s *session) {
			d := s.debit(1)
			s.refused(generateAC(0xC0, s.values(d.cdol1, d.reader)), apdu.SWWrongP1P2, apdu.SWConditions, apdu.SWWrongData)
		}},
	{"gac-after-decline", Text{"Nothing after a decline", "拒绝后不再生成"}, "EMV Book 3, 9.3.2",
		Text{"After an AAC no other cryptogram is given in the transaction.", "返回 AAC 之后本次交易不再产生密文。"}, needContact, func(s *session) {
			d := s.debit(1)
			s.generate1(d, askAAC)
			d.reader.arc = arcApproved
			s.denied(generateAC(askTC, s.values(d.cdol2, d.reader)))
		}},
	{"gac-second-online", Text{"No second online request", "不得第二次请求联机"}, "JR/T 0025.5, GENERATE AC",
		Text{"The second GENERATE AC must not ask for an ARQC: 6985.", "第二次生成密文不得请求 ARQC，应答 6985。"}, needContact, func(s *session) {
			d := s.debit(1)
			s.askIssuer(d)
			d.reader.arc = arcApproved
			s.refused(generateAC(askARQC, s.values(d.cdol2, d.reader)), apdu.SWConditions)
		}},
	{"gac-third", Text{"No third cryptogram", "不得第三次生成"}, "EMV Book 3, 9.3",
		Text{"A third GENERATE AC is refused with 6985.", "第三次生成应用密文以 6985 拒绝。"}, needContact, func(s *session) {
			d := s.debit(1)
			s.askIssuer(d)
			s.generate2(d, askAAC, arcDeclined)
			s.refused(generateAC(askAAC, s.values(d.cdol2, d.reader)), apdu.SWConditions)
		}},
	{"gac-second-decline", Text{"Second cryptogram declines", "第二次请求 AAC"}, "EMV Book 3, 9.3.2",
		Text{"Asked for an AAC at the end the card gives one, and says so in the CVR.", "最后请求 AAC 时卡片返回 AAC 并在 CVR 中标明。"}, needContact, func(s *session) {
			d := s.debit(1)
			s.askIssuer(d)
			g := s.generate2(d, askAAC, arcDeclined)
			s.must(g.iad.CVR[0]&0xF0 == 0x20, "expected 2x as the first byte of the CVR, got %X", g.iad.CVR)
		}},
	{"gac-unable-online", Text{"Unable to go online", "无法联机"}, "JR/T 0025.5, second GENERATE AC",
		Text{"With response code Z3 the card declines and remembers in the CVR that the terminal could not go online.", "授权响应码为 Z3 时卡片拒绝，并在 CVR 标明无法联机。"}, needContact, func(s *session) {
			d := s.debit(1)
			s.askIssuer(d)
			g := s.generate2(d, askAAC, arcUnable)
			s.must(g.iad.CVR[0]&0x01 != 0, "expected the bit for unable to go online in the CVR, got %X", g.iad.CVR)
		}},
	{"gac-right-1", Text{"First cryptogram is right", "首次密文正确"}, acClause,
		Text{"ARQC and AAC are right under the issuer's keys over the values of CDOL1.", "ARQC 与 AAC 对 CDOL1 数据在发卡行密钥下正确。"}, needIssuer, func(s *session) {
			for _, p1 := range []byte{askARQC, askAAC} {
				d := s.debit(123)
				g := s.generate1(d, p1)
				s.checkDialogueAC(d, &g, d.cdol1)
				s.again()
			}
		}},
	{"gac-right-2", Text{"Second cryptogram is right", "第二次密文正确"}, acClause,
		Text{"The cryptogram after the issuer's answer is right over the values of CDOL2.", "发卡行应答后的密文对 CDOL2 数据正确。"}, needIssuer, func(s *session) {
			d := s.debit(123)
			s.askIssuer(d)
			g := s.approveOnline(d)
			s.checkDialogueAC(d, &g, d.cdol2)
		}},
	{"gac-issuer-approves", Text{"Issuer approves", "发卡行批准"}, "EMV Book 3, 10.11",
		Text{"After a right answer of the issuer the card gives the TC that it is asked for.", "发卡行应答正确时卡片按请求返回 TC。"}, needIssuer, func(s *session) {
			d := s.debit(1)
			s.askIssuer(d)
			g := s.approveOnline(d)
			s.must(g.cid&0xC0 == askTC, "expected a TC in 9F27, got %02X", g.cid)
			s.must(g.iad.CVR[0]&0xF0 == 0x60, "expected 6x as the first byte of the CVR, got %X", g.iad.CVR)
		}},
	{"gac-last-online", Text{"Last online counter follows", "上次联机计数器更新"}, "JR/T 0025.5, after an online approval",
		Text{"After an approval by the issuer 9F13 is the counter of that transaction.", "发卡行批准后 9F13 为该笔交易计数器。"}, needIssuer, func(s *session) {
			d := s.debit(1)
			s.askIssuer(d)
			g := s.approveOnline(d)
			v := s.object(tlv.TagLastOnlineATC)
			s.must(len(v) == 2 && number16(v) == g.atc, "expected 9F13 %04X, got %X", g.atc, v)
		}},
	{"gac-not-completed", Text{"An unfinished online request is remembered", "未完成的联机被记录"}, cvrClause,
		Text{"After an ARQC without an end the next CVR says so, and a good transaction clears it.", "ARQC 未完成时下一笔 CVR 标明，正常交易后清除。"}, needIssuer, func(s *session) {
			s.settled()
			d := s.debit(1)
			s.askIssuer(d)
			s.again()
			d = s.debit(1)
			g := s.askIssuer(d)
			s.must(g.iad.CVR[1]&0x80 != 0, "expected the bit for an unfinished online request in the CVR, got %X", g.iad.CVR)
			s.approveOnline(d)
			s.again()
			g = s.generate1(s.debit(1), askAAC)
			s.must(g.iad.CVR[1]&0x80 == 0, "expected the bit to be cleared after a good transaction, got %X", g.iad.CVR)
		}},
	{"gac-combined", Text{"Combined data authentication", "复合动态数据认证 CDA"}, "EMV Book 2, 6.6",
		Text{"Asked for CDA the card signs its ARQC together with the transaction.", "请求 CDA 时卡片将 ARQC 与交易数据一同签名。"}, needContact | needCA, func(s *session) {
			d := s.debit(1)
			if d.aip[0]&0x01 == 0 {
				s.skip("the card does not support CDA", "卡片不支持 CDA")
			}
			g := s.generate1(d, askARQC|askCDA)
			if g.cid&0xC0 == askAAC {
				s.skip("the card declines debit/credit transactions", "卡片拒绝借记/贷记交易")
			}
			s.must(g.sdad != nil, "expected 9F4B in template 77, got %X", g.raw)
			s.combined(d, &g)
		}},
	{"gac-combined-right", Text{"Cryptogram inside the combined signature", "CDA 内的密文正确"}, "EMV Book 2, 6.6",
		Text{"The cryptogram inside 9F4B is right under the issuer's keys.", "9F4B 内的密文在发卡行密钥下正确。"}, needIssuer | needCA, func(s *session) {
			d := s.debit(1)
			if d.aip[0]&0x01 == 0 {
				s.skip("the card does not support CDA", "卡片不支持 CDA")
			}
			g := s.generate1(d, askARQC|askCDA)
			if g.sdad == nil {
				s.skip("the card declines debit/credit transactions", "卡片拒绝借记/贷记交易")
			}
			g.ac = s.combined(d, &g)
			s.checkDialogueAC(d, &g, d.cdol1)
		}},
	{"gac-combined-decline", Text{"A decline is not signed", "拒绝不签名"}, "EMV Book 2, 6.6.1",
		Text{"An AAC comes without a combined signature though one was asked for.", "即使请求 CDA，AAC 也不附签名。"}, needContact, func(s *session) {
			d := s.debit(1)
			if d.aip[0]&0x01 == 0 {
				s.skip("the card does not support CDA", "卡片不支持 CDA")
			}
			data, sw := s.send(generateAC(askAAC|askCDA, s.values(d.cdol1, d.reader)))
			s.must(sw != apdu.SWOK || s.generated(data).sdad == nil, "expected an AAC without 9F4B, got %X", data)
		}},
	{"gac-balance-kept", Text{"Debit leaves the electronic cash", "借记交易不动电子现金"}, "JR/T 0025.13, electronic cash balance",
		Text{"A debit transaction that the issuer approves leaves 9F79.", "发卡行批准的借记交易不改变 9F79。"}, needIssuer | needCash, func(s *session) {
			s.selectContact()
			before := s.balanceNow()
			s.again()
			d := s.debit(100)
			s.askIssuer(d)
			s.approveOnline(d)
			s.mustBalance(before)
		}},
	{"gac-logged", Text{"An approved transaction is logged", "批准的交易记日志"}, logClause,
		Text{"A transaction that the issuer approves is the newest record of the log.", "发卡行批准的交易为日志最新记录。"}, needIssuer, func(s *session) {
			d := s.debit(123)
			s.askIssuer(d)
			g := s.approveOnline(d)
			s.logged(d.processing, tlv.TagAmountAuthorised, d.reader.amount)
			s.logged(d.processing, tlv.TagATC, []byte{byte(g.atc >> 8), byte(g.atc)})
		}},
	{"gac-unique", Text{"Cryptograms over the contacts differ", "接触密文互不相同"}, acClause,
		Text{"Three transactions of the same amount have three cryptograms.", "三次同额交易产生三个不同密文。"}, needContact, func(s *session) {
			var all [][]byte
			for range 3 {
				g := s.generate1(s.debit(1), askAAC)
				for _, other := range all {
					s.must(!bytes.Equal(other, g.ac[:]), "expected a new cryptogram, got %X again", g.ac)
				}
				all = append(all, g.ac[:])
				s.again()
			}
		}},
}
