package certify

import (
	"slices"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

const (
	pushClause = "JR/T 0025.5, PUT DATA pushed by the issuer (Ye Fei 2016, 2.2.2.1)"

	needPush     = needQuota | needContactless | needCash
	needPushKeys = needPush | needKeys
	needPushSet  = needPushKeys | needDestructive

	swInconsistent apdu.SW = 0x6A85 // Lc and the data object do not agree
)

var pushCases = []Case{
	{"push-unknown", Text{"Push on a card without a quota", "非额度卡的推送"}, pushClause,
		Text{"A card without a quota refuses 04DA0000 and changes nothing.", "非额度卡拒绝 04DA0000 且不改变任何数据。"}, needTransit | needCash, func(s *session) {
			if s.transit.quota {
				s.skip("the card has a quota", "该卡为额度卡")
			}
			s.selectAir()
			before := s.standing()
			s.denied(pushed(0xFFFF, tlv.TagECBalance, n12(0), s.random(4)))
			s.unchanged(before, "a pushed PUT DATA")
		}},
	{"push-zero", Text{"Push ATC 0000", "推送计数器 0000"}, pushClause,
		Text{"A Push ATC of 0000 is never greater than the last: 6982, before the MAC is judged.", "推送计数器 0000 不可能大于前值，先于 MAC 判断应答 6982。"}, needPush, func(s *session) {
			s.selectAir()
			before := s.standing()
			s.refused(pushed(0, tlv.TagECBalance, n12(0), s.random(4)), apdu.SWSecurity)
			s.unchanged(before, "a pushed PUT DATA with an old counter")
		}},
	{"push-mac-wrong", Text{"Push with a wrong MAC", "MAC 错误的推送"}, pushClause,
		Text{"A wrong MAC is answered with 6988 and changes nothing.", "MAC 错误应答 6988 且不改变数据。"}, needPush, func(s *session) {
			s.selectAir()
			before := s.standing()
			s.refused(pushed(0xFFFF, tlv.TagECBalance, n12(1), s.random(8)), apdu.SWMACWrong)
			s.unchanged(before, "a pushed PUT DATA with a wrong MAC")
		}},
	{"push-mac-missing", Text{"Push without a MAC", "无 MAC 的推送"}, pushClause,
		Text{"A data object with nothing behind it is answered with 6987.", "数据对象之后无 MAC 时应答 6987。"}, needPush, func(s *session) {
			s.selectAir()
			s.refused(pushed(0xFFFF, tlv.TagECBalance, n12(1), nil), apdu.SWMACMissing)
		}},
	{"push-inconsistent", Text{"Push whose lengths do not agree", "长度不一致的推送"}, pushClause,
		Text{"A data object that is cut, or more or less behind it than a MAC, is answered with 6A85.", "数据对象不完整或其后字节数不符 MAC 长度时应答 6A85。"}, needPush, func(s *session) {
			s.selectAir()
			cut := pushed(0xFFFF, tlv.TagECBalance, n12(1), nil)
			cut.Data = cut.Data[:len(cut.Data)-2]
			s.refused(cut, swInconsistent)
			for _, n := range []int{1, 3, 9} {
				s.refused(pushed(0xFFFF, tlv.TagECBalance, n12(1), s.random(n)), swInconsistent)
			}
		}},
	{"push-short", Text{"Push without a counter", "无计数器的推送"}, pushClause,
		Text{"Fewer than two bytes are answered with 6700.", "不足两字节应答 6700。"}, needPush, func(s *session) {
			s.selectAir()
			s.refused(command(0x04, 0xDA, 0, 0, []byte{0xFF}, apdu.NoLe), apdu.SWWrongLength)
		}},
	{"push-running", Text{"Push in a transaction", "交易中的推送"}, pushClause,
		Text{"After GET PROCESSING OPTIONS a push is answered with 6986.", "取处理选项之后推送应答 6986。"}, needPush, func(s *session) {
			s.selectAir()
			s.qpbocHere(s.reader(readerGate, 1))
			s.refused(pushed(0xFFFF, tlv.TagECBalance, n12(1), s.random(4)), apdu.SWNoFile)
		}},
	{"push-class", Text{"Class of a push", "推送的类别"}, pushClause,
		Text{"The same command with class 00 or 80 is refused.", "以类别 00 或 80 发出的同一命令被拒绝。"}, needPush, func(s *session) {
			s.selectAir()
			for _, cla := range []byte{0x00, 0x80} {
				c := pushed(0xFFFF, tlv.TagECBalance, n12(1), s.random(4))
				c.CLA = cla
				s.denied(c)
			}
		}},
	{"push-tag", Text{"Push of what nobody sets", "推送不可设置的数据"}, pushClause,
		Text{"With a right MAC a tag that the issuer may not set is answered with 6A80, and one that does not exist with 6A80 or 6A88.", "MAC 正确而标签不可设置时应答 6A80，不存在时应答 6A80 或 6A88。"}, needPushKeys, func(s *session) {
			next := s.nextPush()
			s.refused(s.push(next, tlv.TagATC, []byte{0, 1}, 4), apdu.SWWrongData)
			s.refused(s.push(next, 0x9F1E, []byte{0, 1}, 4), apdu.SWWrongData, apdu.SWDataNotFound)
		}},
	{"push-length", Text{"Push of a wrong length", "推送长度错误"}, pushClause,
		Text{"9F79 of five bytes is answered with 6700 though the MAC is right.", "MAC 正确而 9F79 仅五字节时应答 6700。"}, needPushKeys, func(s *session) {
			s.refused(s.push(s.nextPush(), tlv.TagECBalance, make([]byte, 5), 4), apdu.SWWrongLength)
		}},
	{"push-above-limit", Text{"Push above the limit", "推送超过上限"}, pushClause,
		Text{"A 9F79 above 9F77 is answered with 6A80 and changes nothing.", "9F79 超过 9F77 时应答 6A80 且不改变数据。"}, needPushKeys, func(s *session) {
			next := s.nextPush()
			before := s.standing()
			s.refused(s.push(next, tlv.TagECBalance, n12(s.amount(tlv.TagECBalanceLimit)+1), 4), apdu.SWWrongData)
			s.unchanged(before, "a push above the limit")
		}},
	{"push-not-decimal", Text{"Push of what is no amount", "推送非数字金额"}, pushClause,
		Text{"A 9F79 that is not n12 is answered with 6A80.", "非 n12 格式的 9F79 应答 6A80。"}, needPushKeys, func(s *session) {
			s.refused(s.push(s.nextPush(), tlv.TagECBalance, []byte{0, 0, 0, 0, 0, 0x0A}, 4), apdu.SWWrongData)
		}},
	{"push-other-key", Text{"MAC of another counter", "其他计数器的 MAC"}, pushClause,
		Text{"A MAC under the session key of another Push ATC is answered with 6988.", "以其他推送计数器过程密钥计算的 MAC 应答 6988。"}, needPushKeys, func(s *session) {
			next := s.nextPush()
			c := s.push(next, tlv.TagECBalance, n12(s.balanceNow()), 4)
			other := s.push(next+1, tlv.TagECBalance, n12(s.balanceNow()), 4)
			copy(c.Data[len(c.Data)-4:], other.Data[len(other.Data)-4:])
			s.refused(c, apdu.SWMACWrong)
		}},
	{"push-sets", Text{"Push sets the quota", "推送设置额度"}, pushClause,
		Text{"A push sets 9F79 to its value, also after a reset; another sets it back.", "推送将 9F79 置为新值，复位后保持；再次推送恢复。"}, needPushSet, func(s *session) {
			before := s.pushesBack()
			s.ok(s.push(s.nextPush(), tlv.TagECBalance, n12(before-1), 4))
			s.mustBalance(before - 1)
			s.again()
			s.selectAir()
			s.mustBalance(before - 1)
		}},
	{"push-replayed", Text{"Push sent again", "推送重放"}, pushClause,
		Text{"The same bytes again are answered with 6982, also after a reset, and change nothing.", "同一命令再次发送应答 6982，复位后亦然，且不改变数据。"}, needPushSet, func(s *session) {
			before := s.pushesBack()
			c := s.push(s.nextPush(), tlv.TagECBalance, n12(before-1), 4)
			s.ok(c)
			s.refused(c, apdu.SWSecurity)
			s.again()
			s.selectAir()
			s.refused(c, apdu.SWSecurity)
			s.mustBalance(before - 1)
		}},
	{"push-order", Text{"Push ATC grows", "推送计数器递增"}, pushClause,
		Text{"A greater Push ATC is taken, and one below it is refused afterwards with 6982 though its MAC is right.", "较大的推送计数器被接受，其后较小者即使 MAC 正确也应答 6982。"}, needPushSet, func(s *session) {
			before := s.pushesBack()
			next := s.nextPush()
			s.ok(s.push(next+2, tlv.TagECBalance, n12(before), 4))
			s.refused(s.push(next+1, tlv.TagECBalance, n12(before-1), 4), apdu.SWSecurity)
			s.mustBalance(before)
		}},
	{"push-refused-keeps", Text{"A refused push uses no counter", "被拒绝的推送不占用计数器"}, pushClause,
		Text{"After a wrong MAC and a value that is refused, the same Push ATC is taken with a good one.", "MAC 错误与数值被拒之后，同一推送计数器仍可使用。"}, needPushSet, func(s *session) {
			before := s.pushesBack()
			next := s.nextPush()
			s.refused(pushed(next, tlv.TagECBalance, n12(before), s.random(4)), apdu.SWMACWrong)
			s.refused(s.push(next, tlv.TagECBalance, make([]byte, 5), 4), apdu.SWWrongLength)
			s.ok(s.push(next, tlv.TagECBalance, n12(before), 4))
		}},
	{"push-mac-lengths", Text{"MAC of four to eight bytes", "四至八字节 MAC"}, pushClause,
		Text{"Each length of MAC from four to eight bytes is taken.", "四至八字节的 MAC 均被接受。"}, needPushSet, func(s *session) {
			before := s.pushesBack()
			next := s.nextPush()
			for n := 4; n <= 8; n++ {
				s.ok(s.push(next, tlv.TagECBalance, n12(before), n))
				next++
			}
		}},
	{"push-cvm-limit", Text{"Push of another object", "推送其他数据对象"}, pushClause,
		Text{"A push sets 9F6B too, and sets it back.", "推送同样可设置 9F6B，随后恢复。"}, needPushSet, func(s *session) {
			next := s.nextPush()
			limit := s.amount(tlv.TagCardCVMLimit)
			s.atEnd = append(s.atEnd, func(s *session) { s.ok(s.push(s.nextPush(), tlv.TagCardCVMLimit, n12(limit), 4)) })
			c := s.push(next, tlv.TagCardCVMLimit, n12(limit+1), 4)
			_, sw := s.send(c)
			if sw == apdu.SWDataNotFound {
				s.skip("the issuer cannot change 9F6B on this card", "该卡的 9F6B 不可由发卡行修改")
			}
			s.mustOK(c, sw)
			got := s.amount(tlv.TagCardCVMLimit)
			s.must(got == limit+1, "expected 9F6B %v, got %v", limit+1, got)
		}},
}

// pushed is Push PUT DATA with whatever stands in place of its MAC.
func pushed(atc uint16, tag tlv.Tag, value, mac []byte) apdu.Command {
	data := tlv.Append([]byte{byte(atc >> 8), byte(atc)}, tag, value)
	return command(0x04, 0xDA, 0, 0, append(data, mac...), apdu.NoLe)
}

// push is Push PUT DATA as the issuer sends it, with n bytes of MAC.
func (s *session) push(atc uint16, tag tlv.Tag, value []byte, n int) apdu.Command {
	alg := s.alg()
	c := pushed(atc, tag, value, make([]byte, n))
	covered := append([]byte{c.CLA, c.INS, c.P1, c.P2, byte(len(c.Data))}, c.Data[:len(c.Data)-n]...)
	mac := cryptogram.MAC(alg, cryptogram.DeriveSessionKey(alg, s.keys(alg).MAC, atc), covered)
	c.Data = append(slices.Clone(c.Data[:len(c.Data)-n]), mac[:n]...)
	return c
}

// nextPush selects the application and finds the smallest Push ATC that the card takes:
// it judges the counter before the MAC, so a wrong MAC tells.
func (s *session) nextPush() uint16 {
	s.selectAir()
	low, high := 1, 0xFFFF
	for low < high {
		at := (low + high) / 2
		switch _, sw := s.send(pushed(uint16(at), tlv.TagECBalance, n12(0), make([]byte, 4))); sw {
		case apdu.SWSecurity:
			low = at + 1
		case apdu.SWMACWrong:
			high = at
		default:
			s.fail("expected 6982 or 6988 to a push with a wrong MAC, got %v", sw)
		}
	}
	if low > 0xFF00 {
		s.skip("the card's Push ATC is nearly used up", "推送计数器即将用尽")
	}
	return uint16(low)
}

// pushesBack gives the balance, which is pushed again when the case is over.
func (s *session) pushesBack() (before money.Fen) {
	s.selectAir()
	before = s.balanceNow()
	if before < 1 {
		s.skip("the quota is used up", "额度已用尽")
	}
	s.atEnd = append(s.atEnd, func(s *session) {
		next := s.nextPush()
		if s.balanceNow() != before {
			s.ok(s.push(next, tlv.TagECBalance, n12(before), 4))
		}
	})
	return before
}
