package certify

import (
	"bytes"

	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/crypt/pin"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

const (
	emvChallenge = "EMV Book 3, 6.5.6"
	emvExternal  = "EMV Book 3, 6.5.4"
	emvVerify    = "EMV Book 3, 6.5.12"
)

const needVerify = needContact | needPIN

var authCases = []Case{
	{"challenge-length", Text{"Challenge of eight bytes", "随机数为八字节"}, emvChallenge + ".4",
		Text{"GET CHALLENGE answers eight bytes.", "取随机数应答八字节。"}, needContact, func(s *session) {
			s.selectContact()
			s.challenge()
		}},
	{"challenge-fresh", Text{"Challenges differ", "随机数不重复"}, emvChallenge + ".4",
		Text{"Thirty-two challenges, half of them each after a reset, are all different.", "三十二个随机数（半数各在复位之后）互不相同。"}, needContact, func(s *session) {
			seen := map[string]bool{}
			for i := range 32 {
				if i >= 16 {
					s.again()
				}
				if i == 0 || i >= 16 {
					s.selectContact()
				}
				c := s.challenge()
				s.must(!seen[string(c)], "expected a new challenge, got %X again", c)
				seen[string(c)] = true
			}
		}},
	{"challenge-spread", Text{"Challenges look random", "随机数分布"}, emvChallenge + ".4",
		Text{"In 32 challenges no bit is always 0 or always 1.", "三十二个随机数中没有恒为 0 或恒为 1 的位。"}, needContact, func(s *session) {
			s.selectContact()
			var and, or [8]byte
			for i := range and {
				and[i] = 0xFF
			}
			for range 32 {
				for i, b := range s.challenge() {
					and[i] &= b
					or[i] |= b
				}
			}
			for i := range and {
				s.must(and[i] == 0 && or[i] == 0xFF, "expected every bit to change, byte %d had %02X always set and %02X ever set", i+1, and[i], or[i])
			}
		}},
	{"challenge-p1-p2", Text{"Parameters of GET CHALLENGE", "取随机数参数"}, emvChallenge + ".2",
		Text{"GET CHALLENGE with P1 or P2 other than zero is refused.", "P1 或 P2 非零的取随机数被拒绝。"}, needContact, func(s *session) {
			s.selectContact()
			s.denied(command(0x00, 0x84, 1, 0, nil, 256))
			s.denied(command(0x00, 0x84, 0, 1, nil, 256))
		}},
	{"external-good", Text{"Issuer authentication", "发卡行认证"}, emvExternal + "; EMV Book 2, 8.2",
		Text{"The issuer's right answer to the cryptogram is accepted with 9000.", "发卡行对密文的正确应答以 9000 接受。"}, needIssuer, func(s *session) {
			d := s.debit(1)
			s.askIssuer(d)
			s.approveOnline(d)
		}},
	{"external-wrong", Text{"Wrong issuer authentication", "错误的发卡行认证"}, emvExternal + ".5",
		Text{"A wrong answer is refused with 6300 and the second CVR says that it failed.", "错误应答以 6300 拒绝，第二次 CVR 标明失败。"}, needIssuer, func(s *session) {
			d := s.debit(1)
			s.askIssuer(d)
			data := s.arpc(d.first.iad.Alg, d.first.ac, d.first.atc, arcApproved)
			data[0] ^= 1
			s.refused(externalAuthenticate(data), apdu.SWFailed)
			g := s.generate2(d, askAAC, arcDeclined)
			s.must(g.iad.CVR[0]&0x08 != 0, "expected the bit for a failed issuer authentication in the CVR, got %X", g.iad.CVR)
			s.again()
			s.settled()
		}},
	{"external-remembered", Text{"Failed issuer authentication is remembered", "认证失败被记录"}, cvrClause,
		Text{"The transaction after a failed issuer authentication says so in the CVR; a good one clears it.", "认证失败后的交易在 CVR 中标明，正常交易后清除。"}, needIssuer, func(s *session) {
			d := s.debit(1)
			s.askIssuer(d)
			data := s.arpc(d.first.iad.Alg, d.first.ac, d.first.atc, arcApproved)
			data[7] ^= 0x80
			s.denied(externalAuthenticate(data))
			s.generate2(d, askAAC, arcDeclined)
			s.again()
			d = s.debit(1)
			g := s.askIssuer(d)
			s.must(g.iad.CVR[1]&0x08 != 0, "expected the bit for a failed issuer authentication last time in the CVR, got %X", g.iad.CVR)
			s.approveOnline(d)
			s.again()
			g = s.generate1(s.debit(1), askAAC)
			s.must(g.iad.CVR[1]&0x08 == 0, "expected the bit to be cleared after a good transaction, got %X", g.iad.CVR)
		}},
	{"external-twice", Text{"Issuer authentication once", "只认证一次"}, emvExternal + ".2",
		Text{"A second EXTERNAL AUTHENTICATE in one transaction is refused with 6985.", "同一交易中第二次外部认证以 6985 拒绝。"}, needIssuer, func(s *session) {
			d := s.debit(1)
			s.askIssuer(d)
			data := s.arpc(d.first.iad.Alg, d.first.ac, d.first.atc, arcApproved)
			s.ok(externalAuthenticate(data))
			s.refused(externalAuthenticate(data), apdu.SWConditions)
			s.again()
			s.settled()
		}},
	{"external-early", Text{"Issuer authentication before the cryptogram", "生成密文前外部认证"}, emvExternal + ".2",
		Text{"EXTERNAL AUTHENTICATE before the first cryptogram is refused.", "首次密文之前外部认证被拒绝。"}, needContact, func(s *session) {
			s.debit(1)
			s.denied(externalAuthenticate(s.random(10)))
		}},
	{"external-length", Text{"Length of the issuer's answer", "外部认证数据长度"}, emvExternal + ".3",
		Text{"Data of less than eight or more than sixteen bytes are refused.", "少于八或多于十六字节的数据被拒绝。"}, needContact, func(s *session) {
			d := s.debit(1)
			s.askIssuer(d)
			s.denied(externalAuthenticate(s.random(7)))
			s.denied(externalAuthenticate(s.random(17)))
		}},
	{"external-other-code", Text{"Response code is covered", "响应码受保护"}, "EMV Book 2, 8.2.1",
		Text{"An answer made for another response code than the one beside it is refused.", "与所附响应码不符的应答被拒绝。"}, needIssuer, func(s *session) {
			d := s.debit(1)
			s.askIssuer(d)
			data := s.arpc(d.first.iad.Alg, d.first.ac, d.first.atc, arcDeclined)
			copy(data[8:], arcApproved[:])
			s.denied(externalAuthenticate(data))
			s.generate2(d, askAAC, arcDeclined)
			s.again()
			s.settled()
		}},
	{"verify-right", Text{"Right PIN", "正确密码"}, emvVerify,
		Text{"The right PIN is accepted and the tries are all there again.", "正确密码被接受，剩余次数恢复。"}, needVerify, func(s *session) {
			d := s.debit(1)
			tries := s.spareTries()
			s.ok(s.verify(s.opts.PIN))
			s.must(s.tries() >= tries, "expected at least %d tries after the right PIN, got %d", tries, s.tries())
			g := s.generate1(d, askAAC)
			s.must(g.iad.CVR[0]&0x06 == 0x04, "expected an offline PIN performed and not failed in the CVR, got %X", g.iad.CVR)
		}},
	{"verify-wrong", Text{"Wrong PIN", "错误密码"}, emvVerify + ".5",
		Text{"A wrong PIN is answered with the tries that are left, and the right one restores them.", "错误密码应答剩余次数，正确密码使其恢复。"}, needVerify, func(s *session) {
			d := s.debit(1)
			tries := s.spareTries()
			defer s.restoreTries()
			s.wrongPIN(tries)
			s.ok(s.verify(s.opts.PIN))
			s.must(s.tries() == tries, "expected %d tries after the right PIN, got %d", tries, s.tries())
			s.generate1(d, askAAC)
		}},
	{"verify-wrong-lasts", Text{"Tries are not given back by a reset", "复位不恢复次数"}, emvVerify + ".5",
		Text{"After a wrong PIN and a reset one try is still missing.", "错误密码后复位，次数不恢复。"}, needVerify, func(s *session) {
			s.debit(1)
			tries := s.spareTries()
			defer s.restoreTries()
			s.wrongPIN(tries)
			s.again()
			s.debit(1)
			left := s.tries()
			s.ok(s.verify(s.opts.PIN))
			s.must(left == tries-1, "expected %d tries after a wrong PIN and a reset, got %d", tries-1, left)
		}},
	{"verify-form", Text{"Form of the PIN block", "密码数据块格式"}, emvVerify + ".3",
		Text{"A PIN block of another length or format is never accepted.", "长度或格式错误的密码数据块不被接受。"}, needVerify | needDestructive, func(s *session) {
			s.debit(1)
			s.spareTries()
			defer s.restoreTries()
			s.denied(command(0x00, 0x20, 0, 0x80, s.pinBlock(s.opts.PIN)[:7], apdu.NoLe))
			if s.tries() > 1 {
				bad := s.pinBlock(s.opts.PIN)
				bad[0] = 0x40 | bad[0]&15
				s.denied(command(0x00, 0x20, 0, 0x80, bad, apdu.NoLe))
			}
			s.ok(s.verify(s.opts.PIN))
		}},
	{"verify-p2", Text{"Reserved qualifier of VERIFY", "VERIFY 的保留 P2"}, emvVerify + ".2",
		Text{"A way of giving the PIN that is not defined is refused and uses no try.", "未定义的密码提交方式被拒绝，不消耗次数。"}, needVerify, func(s *session) {
			s.debit(1)
			before := s.spareTries()
			defer s.restoreTries()
			s.denied(command(0x00, 0x20, 0, 0x9F, s.pinBlock(s.opts.PIN), apdu.NoLe))
			s.must(s.tries() == before, "expected %d tries, got %d", before, s.tries())
		}},
	{"verify-enciphered", Text{"Enciphered PIN", "加密密码"}, "EMV Book 2, 7.2",
		Text{"The PIN enciphered for the card with its challenge is accepted.", "以卡片公钥与随机数加密的密码被接受。"}, needVerify | needCA, func(s *session) {
			c := s.encipheredPIN()
			defer s.restoreTries()
			s.ok(c)
		}},
	{"verify-enciphered-once", Text{"Enciphered PIN is good once", "加密密码不可重放"}, "EMV Book 2, 7.2",
		Text{"The same enciphered PIN without a new challenge is refused.", "未取新随机数而重放加密密码被拒绝。"}, needVerify | needCA, func(s *session) {
			c := s.encipheredPIN()
			defer s.restoreTries()
			s.ok(c)
			s.denied(c)
			s.ok(s.verify(s.opts.PIN))
		}},
	{"verify-no-pin-in-data", Text{"PIN cannot be read back", "密码不可读出"}, getDataClause,
		Text{"No record and no data object has the PIN's block in it.", "任何记录与数据对象均不含密码数据块。"}, needVerify, func(s *session) {
			d := s.debit(1)
			block := s.pinBlock(s.opts.PIN)
			for _, r := range d.records.list {
				s.must(!bytes.Contains(r.raw, block), "expected no PIN in record %d of file %d", r.number, r.sfi)
			}
			for _, o := range dataObjects {
				data, _ := s.send(getData(o.tag))
				s.must(!bytes.Contains(data, block), "expected no PIN in %X", uint32(o.tag))
			}
		}},
}

func (s *session) challenge() []byte {
	c := s.ok(command(0x00, 0x84, 0, 0, nil, 256))
	s.must(len(c) == 8, "expected eight bytes from GET CHALLENGE, got %X", c)
	return c
}

// tries reads 9F17.
func (s *session) tries() int {
	v := s.object(tlv.TagPINTryCounter)
	s.must(len(v) == 1, "expected 9F17 with one byte, got %X", v)
	return int(v[0])
}

// spareTries is tries for a case that is about to use one: it stops where one is
// left.
func (s *session) spareTries() int {
	n := s.tries()
	if n <= 1 {
		s.skip("no more than one PIN try is left", "密码剩余次数不多于一次")
	}
	return n
}

// restoreTries gives the right PIN in a transaction of its own, so that a case that
// ended early leaves no try missing.
func (s *session) restoreTries() {
	s.aside(func(s *session) {
		d := s.debit(1)
		if s.tries() > 0 {
			s.send(s.verify(s.opts.PIN))
		}
		s.generate1(d, askAAC)
	})
}

func (s *session) verify(p pin.PIN) apdu.Command {
	return command(0x00, 0x20, 0, 0x80, s.pinBlock(p), apdu.NoLe)
}

// wrongPIN tries a wrong PIN; the caller has seen that there are tries to spare.
func (s *session) wrongPIN(tries int) {
	s.refused(s.verify(s.otherPIN()), 0x63C0|apdu.SW(tries-1))
}

// otherPIN is a PIN that is not the card's.
func (s *session) otherPIN() pin.PIN {
	for _, digits := range []string{"0000", "1111"} {
		p, err := pin.New(digits)
		if err == nil && !p.Equal(s.opts.PIN) {
			return p
		}
	}
	s.fail("no wrong PIN could be made")
	return pin.PIN{}
}

// encipheredPIN is VERIFY with the PIN enciphered for a new challenge.
func (s *session) encipheredPIN() apdu.Command {
	d := s.debit(1)
	s.spareTries()
	key, reason := s.oda.VerifyPINKey(s.cardData(d.aip, d.records), s.month())
	s.must(reason == oda.OK, "expected a certified key for PINs, got: %v", reason)
	if !hasEncipheredRule(d.records.values[tlv.TagCVMList]) {
		s.skip("the CVM list has no enciphered offline PIN", "CVM 列表无脱机加密密码")
	}
	data, err := key.EncipherPIN(nil, s.opts.Rand, oda.PINBlock(s.pinBlock(s.opts.PIN)), [8]byte(s.challenge()))
	s.must(err == nil, "expected a key that can encipher a PIN: %v", err)
	return command(0x00, 0x20, 0, 0x88, data, apdu.NoLe)
}

// hasEncipheredRule reports whether a CVM list has a rule with an enciphered offline PIN
// (EMV Book 3, annex C3: codes 04 and 05).
func hasEncipheredRule(list []byte) bool {
	for i := 8; i+1 < len(list); i += 2 {
		if code := list[i] & 0x3F; code == 0x04 || code == 0x05 {
			return true
		}
	}
	return false
}
