package terminal

import (
	"bytes"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

const (
	gpoClause   = "EMV Book 3, 10.1"
	dolClause   = "EMV Book 3, 5.4"
	limitClause = "JR/T 0025.12, transaction pre-processing"
)

// withPDOL gives a card another list.
func withPDOL(pairs ...int) func(*spec) {
	return func(s *spec) { s.fci.set(tlv.TagPDOL, dol(pairs...)...) }
}

var optionsCases = []Case{
	{"pdol-none", text("Card without a PDOL", "卡片无 PDOL"), gpoClause,
		text("Without 9F38 the command data are 8300.", "无 9F38 时命令数据为 8300。"), end(offline), 0,
		plan{face: Contact, card: func(s *spec) { s.fci.remove(tlv.TagPDOL) }}, func(v *verdict) {
			x := v.first(insGPO)
			v.must(bytes.Equal(x.cmd.Data, []byte{0x83, 0x00}), "expected 8300 in GET PROCESSING OPTIONS, got %X", x.cmd.Data)
			v.asked(0)
		}},
	{"pdol-unknown", text("Unknown object in the PDOL", "PDOL 含未知对象"), dolClause,
		text("An object that the terminal does not have is filled with zeros.", "终端没有的对象以零填充。"), end(offline), 0,
		plan{face: Contact, card: withPDOL(0x9F02, 6, 0xDF7F, 5, 0x9F1A, 2)}, func(v *verdict) {
			x := v.first(insGPO)
			v.value(x, 0xDF7F, 0, 0, 0, 0, 0)
			v.value(x, tlv.TagTerminalCountry, v.setup.Country[:]...)
			v.asked(0)
		}},
	{"pdol-short-numeric", text("Numeric object shorter than it is", "数值对象截短"), dolClause,
		text("A numeric object that is asked for shorter loses bytes on the left.", "数值对象请求较短时截去左侧字节。"), end(offline), 0,
		plan{face: Contact, card: withPDOL(0x9F02, 4)}, func(v *verdict) {
			b := n12(v.tx.Amount)
			v.value(v.first(insGPO), tlv.TagAmountAuthorised, b[2:]...)
			v.asked(0)
		}},
	{"pdol-long-numeric", text("Numeric object longer than it is", "数值对象补长"), dolClause,
		text("A numeric object that is asked for longer gets zeros on the left.", "数值对象请求较长时左补零。"), end(offline), 0,
		plan{face: Contact, card: withPDOL(0x9F02, 8)}, func(v *verdict) {
			v.value(v.first(insGPO), tlv.TagAmountAuthorised, append([]byte{0, 0}, n12(v.tx.Amount)...)...)
			v.asked(0)
		}},
	{"pdol-long-other", text("Other object longer than it is", "其他对象补长"), dolClause,
		text("An object that is not numeric gets zeros on the right, and loses bytes there.", "非数值对象在右侧补零或截短。"), end(offline), 0,
		plan{face: Contact, card: withPDOL(0x9F37, 8, 0x9F33, 2)}, func(v *verdict) {
			x := v.first(insGPO)
			un := x.values[tlv.TagUN]
			v.must(len(un) < 8 || bytes.Equal(un[4:], make([]byte, 4)), "expected 9F37 followed by zeros, got %X", un)
			v.asked(0)
		}},
	{"pdol-template", text("Template in the PDOL", "PDOL 含模板标签"), dolClause,
		text("A constructed object in the list is filled with zeros.", "列表中的结构对象以零填充。"), end(offline), 0,
		plan{face: Contact, card: withPDOL(0x9F02, 6, 0x70, 3)}, func(v *verdict) {
			v.value(v.first(insGPO), tlv.TagRecordTemplate, 0, 0, 0)
			v.asked(0)
		}},
	{"pdol-large", text("PDOL of more than 127 bytes", "PDOL 超过 127 字节"), gpoClause,
		text("From 128 bytes on the length in template 83 has two bytes.", "数据达 128 字节时模板 83 的长度为两字节。"), end(offline), 0,
		plan{face: Contact, card: withPDOL(0x9F02, 6, 0x9F1A, 2, 0xDF7F, 140)}, func(v *verdict) {
			x := v.first(insGPO)
			v.must(len(x.cmd.Data) == 151 && x.cmd.Data[1] == 0x81, "expected 83 81 94 and 148 bytes, got %X", x.cmd.Data)
			v.asked(0)
		}},
	{"pdol-format2", text("Answer of format 2", "格式 2 应答"), "EMV Book 3, 6.5.8.4",
		text("82 and 94 are also understood in template 77.", "终端也接受模板 77 中的 82 与 94。"), end(offline), 0,
		plan{face: Contact, card: func(s *spec) { s.format2 = true }}, func(v *verdict) {
			v.reads()
			v.asked(0)
		}},
	{"pdol-sm", text("Support of SM is told", "国密支持指示"), "JR/T 0025.17, DF69",
		text("A terminal with SM2 and SM4 says 01 in DF69.", "支持国密的终端在 DF69 中给出 01。"), end(offline), needSM,
		plan{face: Contactless, card: func(s *spec) { s.sm = true }}, func(v *verdict) {
			v.value(v.first(insGPO), tlv.TagSMSupport, 1)
			v.asked(0)
		}},
	{"pdol-fresh", text("Unpredictable numbers differ", "不可预知数各不相同"), "EMV Book 4, 6.5.6",
		text("Three transactions have three unpredictable numbers.", "三次交易的不可预知数互不相同。"), end(offline), 0, plan{face: Contactless, times: 3}, func(v *verdict) {
			var all [][]byte
			for n := range v.rounds {
				v.turn(n)
				un := v.first(insGPO).values[tlv.TagUN]
				for _, other := range all {
					v.must(!bytes.Equal(un, other), "expected a new unpredictable number, got %X again", un)
				}
				all = append(all, un)
			}
		}},
	{"options-status", text("Processing options fail", "取处理选项失败"), gpoClause,
		text("A status word other than 9000 and 6985 ends the transaction.", "应答既非 9000 也非 6985 时结束交易。"), end(failed, declined), 0,
		plan{face: Contact, card: func(s *spec) { s.refuse = apdu.SWDataInvalidated }}, func(v *verdict) {
			v.count(insRead, countDirectory(v))
			v.count(insGAC, 0)
		}},
	{"options-malformed", text("Malformed processing options", "处理选项格式错误"), "EMV Book 3, 6.5.8.4",
		text("An answer without 82 and 94 ends the transaction.", "应答缺少 82 与 94 时结束交易。"), end(failed, declined), 0,
		plan{face: Contact, card: func(s *spec) { s.edits = append(s.edits, at(insGPO, 0).data(0x80, 0x01, 0x7C)) }}, func(v *verdict) {
			v.count(insGAC, 0)
		}},
}

// countDirectory is how many records of the directory were read.
func countDirectory(v *verdict) int {
	n := 0
	for _, x := range v.card.seen {
		if x.cmd.INS == insGPO {
			break
		}
		if x.cmd.INS == insRead {
			n++
		}
	}
	return n
}

// limit makes an amount from a limit of the terminal; without the limit there is none.
func limit(of func(*Setup) money.Fen, more money.Fen) func(*Setup) money.Fen {
	return func(s *Setup) money.Fen {
		if l := of(s); l > 0 {
			return l + more
		}
		return -1
	}
}

func contactlessFloor(s *Setup) money.Fen { return s.ContactlessFloor }
func cvmLimit(s *Setup) money.Fen         { return s.CVMLimit }
func contactlessLimit(s *Setup) money.Fen { return s.ContactlessLimit }

// ttq wants a bit of 9F66 byte 2 in the processing options to be as it should be.
func (v *verdict) ttq(mask byte, on bool) {
	b := v.first(insGPO).values[tlv.TagTTQ]
	if len(b) == 4 {
		v.must(b[1]&mask != 0 == on, "expected bit %d of 9F66 byte 2 %s, got %X", bitNumber(mask), setName(on), b)
	}
}

func setName(on bool) string {
	if on {
		return "to be set"
	}
	return "not to be set"
}

// signs is a card that signs on paper where it must, and pays.
func signs(s *spec) { s.ctq[0] |= 0x40 }

// asks is a card that wants the issuer.
func asks(s *spec) { s.decide = cryptogram.ARQC }

var limitCases = []Case{
	{"limit-none", text("Small amount", "小额"), limitClause,
		text("Below every limit byte 2 of 9F66 asks neither for the issuer nor for verification.", "低于所有限额时 9F66 字节 2 不要求联机与验证。"), end(offline), 0, plan{face: Contactless}, func(v *verdict) {
			v.ttq(0x80, false)
			v.ttq(0x40, false)
			v.asked(0)
		}},
	{"limit-qpboc", text("qPBOC is offered", "声明支持 qPBOC"), "JR/T 0025.12, terminal transaction qualifiers",
		text("9F66 byte 1 bit 6 is set, and reserved bits are not.", "9F66 字节 1 的 b6 置位，保留位为零。"), end(offline), 0, plan{face: Contactless}, func(v *verdict) {
			b := v.first(insGPO).values[tlv.TagTTQ]
			v.must(len(b) == 4 && b[0]&0x20 != 0, "expected bit 6 of 9F66 byte 1 to be set, got %X", b)
			v.must(len(b) == 4 && b[1]&0x1F == 0 && b[3]&0x7F == 0, "expected reserved bits of 9F66 to be zero, got %X", b)
		}},
	{"limit-transaction", text("Contactless limit reached", "达到非接触交易限额"), limitClause,
		text("From the contactless limit on the terminal goes to another interface without processing options.", "达到非接触交易限额时转其他界面且不取处理选项。"), end(other), 0,
		plan{face: Contactless, amount: limit(contactlessLimit, 0)}, func(v *verdict) {
			v.count(insGPO, 0)
		}},
	{"limit-transaction-below", text("Just below the contactless limit", "略低于非接触交易限额"), limitClause,
		text("One fen below the limit the transaction goes on.", "低于限额一分时交易继续。"), end(online), needHost | needSignature,
		plan{face: Contactless, amount: limit(contactlessLimit, -1), card: func(s *spec) { asks(s); signs(s) }}, func(v *verdict) {
			v.count(insGPO, 1)
		}},
	{"limit-floor", text("Above the floor limit", "超过脱机最低限额"), limitClause,
		text("Above the offline floor limit byte 2 bit 8 of 9F66 asks for an online cryptogram.", "超过脱机最低限额时 9F66 字节 2 的 b8 置位。"), end(online), needHost | needSignature,
		plan{face: Contactless, amount: limit(contactlessFloor, 1), card: func(s *spec) { asks(s); signs(s) }}, func(v *verdict) {
			v.ttq(0x80, true)
			v.asked(1)
		}},
	{"limit-floor-at", text("At the floor limit", "等于脱机最低限额"), limitClause,
		text("At the offline floor limit no online cryptogram is asked for.", "等于脱机最低限额时不要求联机。"), follows, needSignature,
		plan{face: Contactless, amount: limit(contactlessFloor, 0), card: signs}, func(v *verdict) { v.ttq(0x80, false) }},
	{"limit-cvm", text("Verification limit reached", "达到验证限额"), limitClause,
		text("From the CVM limit on byte 2 bit 7 of 9F66 asks for verification.", "达到 CVM 限额时 9F66 字节 2 的 b7 置位。"), end(offline), needSignature,
		plan{face: Contactless, amount: limit(cvmLimit, 0), card: signs}, func(v *verdict) {
			v.ttq(0x40, true)
		}},
	{"limit-cvm-below", text("Just below the verification limit", "略低于验证限额"), limitClause,
		text("One fen below the CVM limit no verification is asked for.", "低于 CVM 限额一分时不要求验证。"), end(offline), 0,
		plan{face: Contactless, amount: limit(cvmLimit, -1)}, func(v *verdict) {
			v.ttq(0x40, false)
			v.asked(0)
		}},
	{"limit-offline-answer", text("Offline approval where the issuer was wanted", "要求联机时卡片脱机批准"), "JR/T 0025.12, card decision",
		text("A card that answers TC though an online cryptogram was required is not paid by and not approved.", "要求联机密文而卡片返回 TC 时不得扣款与批准。"), end(failed, declined, doubt, other), 0,
		plan{face: Contactless, amount: limit(contactlessFloor, 1)}, func(v *verdict) {
			v.paid(0)
		}},
}
