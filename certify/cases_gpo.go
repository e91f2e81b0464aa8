package certify

import (
	"bytes"
	"slices"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

const (
	emvGPO   = "EMV Book 3, 6.5.8"
	qpbocGPO = "JR/T 0025.12, answer to processing options of qPBOC"
)

var gpoCases = []Case{
	{"gpo-template", Text{"qPBOC answers template 77", "qPBOC 应答模板 77"}, emvGPO + ".4",
		Text{"The answer is one template 77, well formed to the last byte.", "应答为一个模板 77，逐字节符合 TLV 编码。"}, needContactless, func(s *session) {
			s.qpboc(s.reader(readerGate, 1))
		}},
	{"gpo-tc-objects", Text{"Objects of an approval", "脱机批准的数据对象"}, qpbocGPO,
		Text{"An offline approval has 82, 94, 9F36, 9F26, 9F10, 57 and 5F34.", "脱机批准的应答含 82、94、9F36、9F26、9F10、57 与 5F34。"}, needContactless | needCash, func(s *session) {
			p := s.approval()
			s.wants("the answer", p.fields, tlv.TagAIP, tlv.TagAFL, tlv.TagATC, tlv.TagAC, tlv.TagIAD, tlv.TagTrack2Equivalent, tlv.TagPANSequence)
		}},
	{"gpo-arqc-objects", Text{"Objects of an online request", "联机请求的数据对象"}, qpbocGPO,
		Text{"An online request has 82, 9F36, 57, 9F10, 9F26 and 5F34, and no file locator.", "联机请求的应答含 82、9F36、57、9F10、9F26 与 5F34，无文件定位器。"}, needContactless, func(s *session) {
			p := s.qpboc(s.reader(readerOnlineAsked, 0))
			if p.iad.Result() != cryptogram.ARQC {
				s.skip("this card does not go online here", "该卡此处不联机")
			}
			s.wants("the answer", p.fields, tlv.TagAIP, tlv.TagATC, tlv.TagTrack2Equivalent, tlv.TagIAD, tlv.TagAC, tlv.TagPANSequence)
			s.must(p.afl == nil, "expected no AFL beside an ARQC, got %X", p.afl)
		}},
	{"gpo-no-cid", Text{"qPBOC has no 9F27", "qPBOC 无 9F27"}, qpbocGPO,
		Text{"The result of qPBOC is told by the CVR alone, not by cryptogram information data.", "qPBOC 的结果仅由 CVR 表示，不含密文信息数据。"}, needContactless, func(s *session) {
			p := s.qpboc(s.reader(readerGate, 1))
			_, ok := p.fields[tlv.TagCID]
			s.must(!ok, "expected no 9F27, got %X", p.raw)
		}},
	{"gpo-no-repeats", Text{"No object twice in the answer", "应答中数据对象不重复"}, "EMV Book 3, 7.5",
		Text{"No data object stands twice in template 77.", "模板 77 中数据对象不重复。"}, needContactless, func(s *session) {
			inner, _ := tlv.Find(s.qpboc(s.reader(readerGate, 1)).raw, tlv.TagResponseFormat2)
			s.noRepeats("template 77", inner)
		}},
	{"gpo-lengths", Text{"Lengths of the answer's objects", "应答数据对象长度"}, "EMV Book 3, annex A",
		Text{"Every object of the answer has a length that its standard allows.", "应答中每个数据对象长度均在允许范围内。"}, needContactless, func(s *session) {
			for _, ttq := range [][4]byte{readerGate, readerOnlineAsked} {
				s.lengthsAllowed("the answer", s.qpboc(s.reader(ttq, 1)).raw)
			}
		}},
	{"gpo-aip", Text{"Interchange profile", "应用交互特征"}, "EMV Book 3, annex C1",
		Text{"82 has its reserved first bit zero, and DDA set where the answer has a dynamic signature.", "82 首位保留为零；应答有动态签名时置 DDA 位。"}, needContactless | needCash, func(s *session) {
			p := s.approval()
			s.must(p.aip[0]&0x80 == 0, "expected bit 8 of the first byte of 82 to be zero, got %X", p.aip)
			_, signed := p.fields[tlv.TagSDAD]
			s.must(!signed || p.aip[0]&0x20 != 0, "expected DDA in 82 beside 9F4B, got %X", p.aip)
		}},
	{"gpo-counter", Text{"Counter goes up by one", "交易计数器加一"}, "EMV Book 3, 6.5.8.2",
		Text{"Each GET PROCESSING OPTIONS takes the next value of 9F36.", "每次取处理选项使 9F36 加一。"}, needContactless, func(s *session) {
			first := s.qpboc(s.reader(readerOnlineAsked, 0))
			second := s.qpboc(s.reader(readerGate, 1))
			s.must(second.atc == first.atc+1, "expected 9F36 %04X after %04X, got %04X", first.atc+1, first.atc, second.atc)
		}},
	{"gpo-counter-stored", Text{"Counter is stored before the answer", "计数器先于应答存储"}, "JR/T 0025.12, card decision",
		Text{"A value of 9F36 that was given out is never given again, though the card was pulled out.", "已给出的 9F36 值即使拔卡也不再使用。"}, needContactless, func(s *session) {
			first := s.qpboc(s.reader(readerGate, 1))
			s.again()
			s.selectAir()
			s.must(s.atcNow() == first.atc, "expected GET DATA 9F36 %04X after the reset, got %04X", first.atc, s.atcNow())
			second := s.qpbocHere(s.reader(readerGate, 1))
			s.must(second.atc == first.atc+1, "expected 9F36 %04X after the reset, got %04X", first.atc+1, second.atc)
		}},
	{"gpo-twice", Text{"Processing options once a session", "一次会话只取一次处理选项"}, emvGPO + ".2",
		Text{"A second GET PROCESSING OPTIONS without a new SELECT is refused with 6985.", "未重新选择时再次取处理选项以 6985 拒绝。"}, needContactless, func(s *session) {
			t := s.reader(readerOnlineAsked, 0)
			s.qpboc(t)
			s.refused(processingOptions(s.values(s.air.pdol, t)), apdu.SWConditions)
		}},
	{"gpo-short", Text{"PDOL data too short", "PDOL 数据过短"}, emvGPO + ".5",
		Text{"Data with one byte less than the PDOL asks for are refused with 6700 and use no counter.", "数据比 PDOL 要求少一字节时以 6700 拒绝，不消耗计数器。"}, needContactless, func(s *session) {
			s.wrongData(func(v []byte) []byte { return v[:max(0, len(v)-1)] }, apdu.SWWrongLength, apdu.SWWrongData)
		}},
	{"gpo-long", Text{"PDOL data too long", "PDOL 数据过长"}, emvGPO + ".5",
		Text{"Data with one byte more than the PDOL asks for are refused with 6700 and use no counter.", "数据比 PDOL 要求多一字节时以 6700 拒绝，不消耗计数器。"}, needContactless, func(s *session) {
			s.wrongData(func(v []byte) []byte { return append(v, 0) }, apdu.SWWrongLength, apdu.SWWrongData)
		}},
	{"gpo-empty", Text{"No PDOL data", "无 PDOL 数据"}, emvGPO + ".5",
		Text{"An empty template 83 is refused by a card that has a PDOL.", "有 PDOL 的卡拒绝空的模板 83。"}, needContactless, func(s *session) {
			s.wrongData(func([]byte) []byte { return nil }, apdu.SWWrongLength, apdu.SWWrongData)
		}},
	{"gpo-template-83", Text{"Data must be in template 83", "数据须置于模板 83"}, emvGPO + ".3",
		Text{"PDOL values in another template than 83 are refused.", "PDOL 值置于 83 以外的模板被拒绝。"}, needContactless, func(s *session) {
			s.wrongCommand(func(c *apdu.Command) { c.Data[0] = 0x84 })
		}},
	{"gpo-inner-length", Text{"Length inside template 83", "模板 83 的长度域"}, emvGPO + ".3",
		Text{"A template 83 whose length differs from what follows is refused.", "模板 83 的长度与实际不符时拒绝。"}, needContactless, func(s *session) {
			s.wrongCommand(func(c *apdu.Command) { c.Data[1]++ })
		}},
	{"gpo-p1-p2", Text{"P1 and P2 must be zero", "P1、P2 须为零"}, emvGPO + ".2",
		Text{"GET PROCESSING OPTIONS with other parameters is refused with 6A86.", "参数非零的取处理选项以 6A86 拒绝。"}, needContactless, func(s *session) {
			t := s.reader(readerGate, 1)
			s.selectAir()
			before := s.standing()
			c := processingOptions(s.values(s.air.pdol, t))
			c.P1 = 1
			s.refused(c, apdu.SWWrongP1P2)
			c.P1, c.P2 = 0, 1
			s.refused(c, apdu.SWWrongP1P2)
			s.unchanged(before, "wrong parameters")
		}},
	{"gpo-refusal-recovers", Text{"A refused command leaves the session usable", "拒绝后会话仍可用"}, emvGPO + ".5",
		Text{"After a refused GET PROCESSING OPTIONS a right one in the same session is answered.", "错误的取处理选项被拒绝后，同一会话中正确的命令可得到应答。"}, needContactless, func(s *session) {
			s.selectAir()
			s.denied(processingOptions(nil))
			s.qpbocHere(s.reader(readerOnlineAsked, 0))
		}},
	{"gpo-no-mode", Text{"Reader without any mode", "终端不支持任何方式"}, "JR/T 0025.12, choice of the transaction path",
		Text{"A reader whose 9F66 offers none of the card's paths is refused with 6985.", "9F66 不含卡片支持的任何交易路径时以 6985 拒绝。"}, needContactless, func(s *session) {
			t := s.reader(readerNone, 1)
			s.selectAir()
			s.refused(processingOptions(s.values(s.air.pdol, t)), apdu.SWConditions)
		}},
	{"gpo-amount-digits", Text{"Amount must be decimal", "金额须为十进制"}, "EMV Book 3, 4.3",
		Text{"An amount that is not n12 is never approved.", "非 n12 格式的金额不得批准。"}, needContactless, func(s *session) {
			t := s.reader(readerGate, 0)
			t.amount = []byte{0, 0, 0, 0, 0, 0x0A}
			s.selectAir()
			data, sw := s.gpo(s.air, t)
			iad, _ := tlv.Find(data, tlv.TagResponseFormat2, tlv.TagIAD)
			s.must(sw != apdu.SWOK || len(iad) > 4 && iad[4]&0x30 == 0, "expected a refusal or an AAC for an amount of 00000000000A, got %X %v", data, sw)
		}},
	{"gpo-track2", Text{"Track 2 in the answer", "应答中的二磁道"}, "EMV Book 3, annex A",
		Text{"57 has a number of 8 to 19 digits, D, expiry, service code and is filled up with at most one F.", "57 为 8 至 19 位卡号、分隔符 D、有效期、服务码，至多以一个 F 填充。"}, needContactless, func(s *session) {
			p := s.qpboc(s.reader(readerGate, 1))
			s.must(track2OK(p.fields[tlv.TagTrack2Equivalent]), "expected number D YYMM service code data in 57, got %X", p.fields[tlv.TagTrack2Equivalent])
		}},
	{"gpo-track2-same", Text{"Track 2 is always the same account", "二磁道账号一致"}, "EMV Book 3, 7.5",
		Text{"Approval and online request give the same account and sequence number.", "脱机批准与联机请求给出相同的账号与序列号。"}, needContactless, func(s *session) {
			a := s.qpboc(s.reader(readerGate, 1))
			b := s.qpboc(s.reader(readerOnlineAsked, 0))
			for _, tag := range []tlv.Tag{tlv.TagTrack2Equivalent, tlv.TagPANSequence} {
				s.must(bytes.Equal(a.fields[tag], b.fields[tag]), "expected %X the same in two answers, got %X and %X", uint32(tag), a.fields[tag], b.fields[tag])
			}
		}},
	{"gpo-ctq", Text{"Card transaction qualifiers", "卡片交易属性"}, "JR/T 0025.12, 9F6C",
		Text{"9F6C has two bytes, the reserved bits zero.", "9F6C 为两字节，保留位为零。"}, needContactless, func(s *session) {
			p := s.qpboc(s.reader(readerGate, 1))
			v, ok := p.fields[tlv.TagCTQ]
			if !ok {
				s.skip("the card gives no 9F6C", "卡片不返回 9F6C")
			}
			s.must(len(v) == 2 && v[0]&0x0F == 0 && v[1]&0x7F == 0, "expected two bytes with reserved bits zero, got %X", v)
		}},
	{"gpo-available", Text{"Available amount in the answer", "应答中的脱机可用余额"}, "JR/T 0025.12, 9F5D",
		Text{"A card that 9F68 tells to show 9F5D gives it, after deduction for an approval.", "9F68 要求返回 9F5D 的卡予以返回，批准时为扣款后的值。"}, needContactless | needCash | needOptions, func(s *session) {
			s.selectAir()
			l := s.cashLimits()
			s.option(&l, bitShowAvailable, true, "9F68 does not ask for 9F5D", "9F68 未要求返回 9F5D")
			s.mayPay(1)
			p := s.qpboc(s.reader(readerGate, 1))
			s.mustResult(p, cryptogram.TC)
			want, err := (l.balance - 1).N12()
			s.must(err == nil, "expected a balance that can be coded, got %v", l.balance)
			s.must(bytes.Equal(p.fields[tlv.TagAvailableOffline], want[:]), "expected 9F5D %X, got %X", want, p.fields[tlv.TagAvailableOffline])
		}},
	{"gpo-hidden", Text{"Available amount is not shown unasked", "未要求时不返回可用余额"}, "JR/T 0025.12, 9F5D",
		Text{"A card that 9F68 does not tell to show 9F5D leaves it out.", "9F68 未要求返回 9F5D 的卡不返回该值。"}, needContactless | needOptions, func(s *session) {
			l, _ := s.limits()
			s.option(&l, bitShowAvailable, false, "9F68 asks for 9F5D", "9F68 要求返回 9F5D")
			_, ok := s.qpboc(s.reader(readerGate, 1)).fields[tlv.TagAvailableOffline]
			s.must(!ok, "expected no 9F5D")
		}},
	{"gpo-class", Text{"Answer fits one message", "应答不超过一条报文"}, "EMV Book 3, 6.2",
		Text{"No answer of the card has more than 256 bytes of data.", "卡片应答数据不超过 256 字节。"}, needContactless, func(s *session) {
			for _, ttq := range [][4]byte{readerGate, readerGate00, readerOnlineAsked} {
				n := len(s.qpboc(s.reader(ttq, 1)).raw)
				s.must(n <= 256, "expected at most 256 bytes, got %d", n)
			}
		}},
}

// approval is a payment of 1 fen up to the answer that approves it; nothing is paid
// since the last record is not read.
func (s *session) approval() *processing {
	s.selectAir()
	if s.balanceNow() < 1 {
		s.skip("not enough electronic cash on the card", "卡内电子现金余额不足")
	}
	p := s.qpbocHere(s.reader(readerGate, 1))
	s.mustResult(p, cryptogram.TC)
	return p
}

// wrongData sends PDOL values that were altered; the card must refuse them and
// nothing may change.
func (s *session) wrongData(alter func([]byte) []byte, allowed ...apdu.SW) {
	t := s.reader(readerGate, 1)
	s.selectAir()
	before := s.standing()
	s.refused(processingOptions(alter(s.values(s.air.pdol, t))), allowed...)
	s.unchanged(before, "wrong PDOL data")
}

func (s *session) wrongCommand(alter func(*apdu.Command)) {
	t := s.reader(readerGate, 1)
	s.selectAir()
	before := s.standing()
	c := processingOptions(s.values(s.air.pdol, t))
	c.Data = slices.Clone(c.Data)
	alter(&c)
	s.denied(c)
	s.unchanged(before, "a malformed template 83")
}

// track2OK judges track 2 equivalent data (EMV Book 3, annex A; ISO/IEC 7813).
func track2OK(b []byte) bool {
	var digits []byte
	for _, v := range b {
		digits = append(digits, v>>4, v&15)
	}
	if n := len(digits); n > 0 && digits[n-1] == 15 {
		digits = digits[:n-1]
	}
	sep := slices.Index(digits, 13)
	if sep < 8 || sep > 19 || len(digits) < sep+8 || len(b) > 19 {
		return false
	}
	for i, d := range digits {
		if d > 9 && i != sep {
			return false
		}
	}
	month := int(digits[sep+3])*10 + int(digits[sep+4])
	return month >= 1 && month <= 12
}
