package certify

import (
	"bytes"

	"github.com/citycard/citycard/crypt/epurse"
	"github.com/citycard/citycard/wire/apdu"
)

const (
	purseLoad      = "JR/T 0025.1 (2010), INITIALIZE and CREDIT FOR LOAD"
	purseUnload    = "JR/T 0025.1 (2010), INITIALIZE and DEBIT FOR UNLOAD"
	purseOverdraft = "JR/T 0025.1 (2010), UPDATE OVERDRAFT LIMIT"
	pursePINClause = "JR/T 0025.1 (2010), VERIFY"
	lineClause     = "JR/T 0025.1 (2010), line protection"

	needPurseLoad = needPurchases | needPursePIN | needDestructive
)

var issuerCases = []Case{
	{"load-pin", Text{"Load without PIN", "未验证密码的圈存"}, purseLoad,
		Text{"INITIALIZE FOR LOAD without PIN is answered with 6982 where the purse wants it, and so after a new selection.", "要求密码的电子钱包，未验证密码时圈存初始化应答 6982，重新选择后亦然。"}, needPurse | needPursePIN, func(s *session) {
			s.selectPurse()
			c := initialize(initLoad, 1, 1)
			if _, sw := s.send(c); sw == apdu.SWOK {
				s.skip("the purse is loaded without PIN", "电子钱包圈存无需密码")
			}
			s.refused(c, apdu.SWSecurity)
			s.shows(0)
			s.ok(c)
			s.selectPurse()
			s.refused(c, apdu.SWSecurity)
		}},
	{"load-mac1", Text{"MAC1 of a load", "圈存 MAC1"}, purseLoad,
		Text{"The answer to INITIALIZE FOR LOAD has the balance and a MAC1 that verifies.", "圈存初始化应答含余额，MAC1 验证正确。"}, needPurchases | needPursePIN, func(s *session) {
			s.selectPurse()
			before := s.purseBalance()
			s.mayLoad()
			t := s.begins(initLoad, 1, 1)
			s.must(t.balance == before, "expected the balance %d, got %d", before, t.balance)
			s.mustMAC1(t)
			s.again()
			s.selectPurse()
			s.mustPurse(before)
		}},
	{"load-above", Text{"Load beyond all limits", "圈存金额溢出"}, purseLoad,
		Text{"A load by which the balance would overflow is refused.", "使余额溢出的圈存被拒绝。"}, needPurse | needPursePIN, func(s *session) {
			s.selectPurse()
			s.mayLoad()
			s.denied(initialize(initLoad, 1, 0xFFFFFFFF))
		}},
	{"purse-load", Text{"A load", "圈存"}, purseLoad,
		Text{"A load of 1 fen adds 1 fen, its TAC verifies, and a purchase takes it back.", "圈存 1 分余额增加 1 分，TAC 验证正确，随后消费取回。"}, needPurseLoad, func(s *session) {
			t, answer := s.loads(1)
			defer s.unloads()
			s.mustPurse(t.balance + 1)
			tac := epurse.LoadTAC(s.tacSession(t), t.balance+1, t.seq, &t.what)
			s.must(epurse.Equal(tac, answer), "expected TAC of the load, got %X", answer)
		}},
	{"load-counter", Text{"Online counter", "联机交易序号"}, purseLoad,
		Text{"The online counter grows by one with a load, and with purchases it does not.", "联机序号随圈存加一，不随消费变化。"}, needPurseLoad, func(s *session) {
			t, _ := s.loads(1)
			s.unloads()
			s.again()
			s.selectPurse()
			s.mayLoad()
			next := s.begins(initLoad, 1, 1)
			s.must(next.seq == t.seq+1, "expected counter %04X, got %04X", t.seq+1, next.seq)
		}},
	{"load-mac2", Text{"Load with a wrong MAC2", "MAC2 错误的圈存"}, purseLoad,
		Text{"A wrong MAC2 is answered with 9302 and adds nothing; a good load follows.", "MAC2 错误应答 9302 且余额不变，随后可正常圈存。"}, needPurseLoad, func(s *session) {
			s.selectPurse()
			s.mayLoad()
			t := s.begins(initLoad, 1, 1)
			s.mustMAC1(t)
			mac := epurse.LoadMAC2(s.hostSession(t), &t.what)
			mac[1] ^= 1
			s.atEnd = append(s.atEnd, func(s *session) { s.loads(1); s.unloads() })
			s.refused(credits(0x80, 0x52, 0, t, mac), apdu.SWPurseMAC)
			s.mustPurse(t.balance)
		}},
	{"load-replayed", Text{"Load sent again", "圈存重放"}, purseLoad,
		Text{"The same CREDIT FOR LOAD again is answered with 6901, and with 9302 after another beginning.", "再次发送同一圈存命令应答 6901，重新初始化后应答 9302。"}, needPurseLoad, func(s *session) {
			s.selectPurse()
			s.mayLoad()
			t := s.begins(initLoad, 1, 1)
			s.mustMAC1(t)
			c := credits(0x80, 0x52, 0, t, epurse.LoadMAC2(s.hostSession(t), &t.what))
			s.ok(c)
			s.atEnd = append(s.atEnd, func(s *session) { s.unloads() }, func(s *session) { s.loads(1); s.unloads() })
			s.refused(c, apdu.SWWrongState)
			s.begins(initLoad, 1, 1)
			s.refused(c, apdu.SWPurseMAC)
			s.mustPurse(t.balance + 1)
		}},
	{"load-log", Text{"A load is logged", "圈存日志"}, purseLog,
		Text{"The log of loads has counter, amount, type 02, terminal, date and time.", "圈存日志含序号、金额、类型 02、终端号、日期与时间。"}, needPurseLoad, func(s *session) {
			t, _ := s.loads(1)
			defer s.unloads()
			s.mustLog(s.purse.log, t)
		}},
	{"load-proof", Text{"Proof of a load", "圈存凭证"}, purseProve,
		Text{"After a reset GET TRANSACTION PROVE gives MAC2 and TAC of the load.", "复位后取交易认证得到该圈存的 MAC2 与 TAC。"}, needPurseLoad, func(s *session) {
			t, answer := s.loads(1)
			defer s.unloads()
			mac := epurse.LoadMAC2(s.hostSession(t), &t.what)
			s.again()
			s.selectPurse()
			got := s.ok(provesTrade(t))
			s.must(bytes.Equal(got, append(bytes.Clone(mac[:]), answer...)), "expected MAC2 and TAC of the load, got %X", got)
		}},
	{"purse-unload", Text{"An unload", "圈提"}, purseUnload,
		Text{"What was loaded can be unloaded again: MAC1 and MAC3 verify and the balance is as before.", "圈存后圈提：MAC1、MAC3 验证正确，余额复原。"}, needPurseLoad, func(s *session) {
			first, _ := s.loads(1)
			t := s.beginUnload()
			answer := s.ok(credits(0x80, 0x54, 3, t, epurse.LoadMAC2(s.hostSession(t), &t.what)))
			mac3 := epurse.UnloadMAC3(s.hostSession(t), t.balance-1, t.seq, &t.what)
			s.must(epurse.Equal(mac3, answer), "expected MAC3 of the unload, got %X", answer)
			s.mustPurse(first.balance)
		}},
	{"unload-mac2", Text{"Unload with a wrong MAC2", "MAC2 错误的圈提"}, purseUnload,
		Text{"A wrong MAC2 is answered with 9302 and takes nothing; a good unload follows.", "MAC2 错误应答 9302 且余额不变，随后可正常圈提。"}, needPurseLoad, func(s *session) {
			s.loads(1)
			t := s.beginUnload()
			mac := epurse.LoadMAC2(s.hostSession(t), &t.what)
			mac[2] ^= 1
			s.refused(credits(0x80, 0x54, 3, t, mac), apdu.SWPurseMAC)
			s.mustPurse(t.balance)
			t = s.beginUnload()
			s.ok(credits(0x80, 0x54, 3, t, epurse.LoadMAC2(s.hostSession(t), &t.what)))
		}},
	{"purse-overdraft", Text{"Overdraft limit", "透支限额"}, purseOverdraft,
		Text{"A limit of 10 fen more raises the balance by it, MAC1 and TAC verify, and it is taken back.", "限额提高 10 分使余额相应增加，MAC1、TAC 验证正确，随后恢复。"}, needPurseLoad, func(s *session) {
			t := s.overdraft(func(limit uint32) uint32 { return limit + 10 })
			s.atEnd = append(s.atEnd, func(s *session) { s.overdraft(func(uint32) uint32 { return t.limit }) })
			s.mustPurse(t.balance + 10)
		}},
	{"overdraft-mac2", Text{"Overdraft with a wrong MAC2", "MAC2 错误的透支更新"}, purseOverdraft,
		Text{"A wrong MAC2 is answered with 9302, and the balance stays; a good update follows.", "MAC2 错误应答 9302 且余额不变，随后可正常更新。"}, needPurseLoad, func(s *session) {
			s.selectPurse()
			s.mayLoad()
			t := s.beginOverdraft()
			t.what.Amount = t.limit + 10
			mac := epurse.OverdraftMAC2(s.hostSession(t), &t.what)
			mac[0] ^= 1
			s.atEnd = append(s.atEnd, func(s *session) { s.overdraft(func(limit uint32) uint32 { return limit }) })
			s.refused(raises(t, mac), apdu.SWPurseMAC)
			s.mustPurse(t.balance)
		}},
	{"purse-pin-wrong", Text{"Wrong PIN of a purse", "电子钱包密码错误"}, pursePINClause,
		Text{"A wrong PIN is answered with 63Cx, one less each time; the right one gives all tries back.", "密码错误应答 63Cx 且次数递减，正确密码恢复全部次数。"}, needPurse | needPursePIN, func(s *session) {
			s.selectPurse()
			right := s.cityPIN()
			s.spareCity(0)
			s.shows(0)
			wrong := bytes.Clone(right)
			wrong[0] ^= 0x11
			defer s.aside(func(s *session) { s.selectPurse(); s.ok(verifyCity(0, right)) })
			_, sw := s.send(verifyCity(0, wrong))
			tries, ok := sw.Remaining()
			s.must(ok, "expected 63Cx to a wrong PIN, got %v", sw)
			if tries == 0 {
				s.fail("expected tries to be left after one wrong PIN")
			}
			s.ok(verifyCity(0, right))
			s.refused(verifyCity(0, wrong), sw)
		}},
	{"purse-pin-lengths", Text{"Length of a purse's PIN", "电子钱包密码长度"}, pursePINClause,
		Text{"One byte and seven bytes are answered with 6700 and cost no try.", "一字节与七字节应答 6700，不消耗次数。"}, needPurse | needPursePIN, func(s *session) {
			s.selectPurse()
			s.refused(verifyCity(0, []byte{0x12}), apdu.SWWrongLength)
			s.refused(verifyCity(0, make([]byte, 7)), apdu.SWWrongLength)
			s.shows(0)
		}},
	{"purse-pin-change", Text{"CHANGE PIN of a purse", "电子钱包修改密码"}, "JR/T 0025.1 (2010), CHANGE PIN",
		Text{"A new PIN takes the place of the old one, which is then wrong, and is changed back.", "新密码取代旧密码，旧密码失效，随后改回。"}, needPurseLoad, func(s *session) {
			s.selectPurse()
			right := s.cityPIN()
			s.spareCity(0)
			s.shows(0)
			next := bytes.Clone(right)
			next[0] ^= 0x11
			s.ok(changesCity(right, next))
			s.atEnd = append(s.atEnd, func(s *session) { s.selectPurse(); s.ok(changesCity(next, right)) })
			s.ok(verifyCity(0, next))
			_, sw := s.send(verifyCity(0, right))
			_, ok := sw.Remaining()
			s.must(ok, "expected 63Cx to the old PIN, got %v", sw)
			s.ok(verifyCity(0, next))
		}},
	{"line-plain", Text{"File without protection", "无保护修改文件"}, lineClause,
		Text{"UPDATE BINARY of file 15 with class 00 is refused and changes nothing.", "以类别 00 修改文件 15 被拒绝且不改变内容。"}, needPurse, func(s *session) {
			s.selectPurse()
			s.denied(command(0x00, 0xD6, 0x95, 0, bytes.Repeat([]byte{0xAA}, 4), apdu.NoLe))
			s.sameInfo()
		}},
	{"line-no-challenge", Text{"Protection without a challenge", "无随机数的保护命令"}, lineClause,
		Text{"A protected command without GET CHALLENGE right before it is answered with 6984.", "未先取随机数的保护命令应答 6984。"}, needPurse, func(s *session) {
			s.selectPurse()
			c := command(0x04, 0xD6, 0x95, 0, s.random(8), apdu.NoLe)
			s.refused(c, apdu.SWDataInvalidated)
			s.nonce(4)
			s.purseBalance()
			s.refused(c, apdu.SWDataInvalidated)
			s.sameInfo()
		}},
	{"line-update", Text{"Protected change of a file", "保护修改文件"}, lineClause,
		Text{"UPDATE BINARY with a right MAC is taken, with the file's own content; the challenge serves once.", "MAC 正确的修改被接受（写入原内容）；随机数仅可使用一次。"}, needPurchases | needDestructive, func(s *session) {
			s.selectPurse()
			c := s.infoUpdate()
			s.taken(c, purseKeyName("maintenance", 1))
			s.refused(c, apdu.SWDataInvalidated)
			s.sameInfo()
		}},
	{"line-mac", Text{"Protected change with a wrong MAC", "MAC 错误的保护修改"}, lineClause,
		Text{"A wrong MAC is answered with 6988 and changes nothing; a right one follows.", "MAC 错误应答 6988 且不改变内容，随后可正常修改。"}, needPurchases | needDestructive, func(s *session) {
			s.selectPurse()
			c := s.infoUpdate()
			c.Data[0] ^= 1
			s.atEnd = append(s.atEnd, func(s *session) { s.selectPurse(); s.taken(s.infoUpdate(), purseKeyName("maintenance", 1)) })
			s.refused(c, apdu.SWMACWrong)
			s.sameInfo()
		}},
	{"external-challenge", Text{"EXTERNAL AUTHENTICATE without a challenge", "无随机数的外部认证"}, "JR/T 0025.1 (2010), EXTERNAL AUTHENTICATION",
		Text{"EXTERNAL AUTHENTICATE without GET CHALLENGE right before it is answered with 6984.", "未先取随机数的外部认证应答 6984。"}, needPurse, func(s *session) {
			s.selectPurse()
			s.refused(authenticates(1, s.random(8)), apdu.SWDataInvalidated, apdu.SWDataNotFound)
		}},
	{"external-key", Text{"EXTERNAL AUTHENTICATE of a purse", "电子钱包外部认证"}, "JR/T 0025.1 (2010), EXTERNAL AUTHENTICATION",
		Text{"The enciphered challenge is taken once; the same again is answered with 6984.", "加密的随机数被接受一次，再次发送应答 6984。"}, needPurchases, func(s *session) {
			key := s.purseKey(epurse.TDES, "external", 1)
			s.selectPurse()
			x := epurse.Authentication(epurse.TDES, key, s.nonce(8))
			s.taken(authenticates(1, x[:]), purseKeyName("external", 1))
			s.refused(authenticates(1, x[:]), apdu.SWDataInvalidated)
		}},
	{"purse-block", Text{"Block and unblock of a purse", "电子钱包锁定与解锁"}, "JR/T 0025.1 (2010), APPLICATION BLOCK",
		Text{"A blocked purse says so at SELECT and pays nothing, other applications are as before, and UNBLOCK frees it.", "锁定的电子钱包在选择时示明且不可消费，其他应用不受影响，解锁后恢复。"}, needPurchases | needDestructive, func(s *session) {
			block, unblock := s.blockKeys()
			s.selectPurse()
			s.taken(s.protected(epurse.TDES, block, s.nonce(4), epurse.Header{0x84, 0x1E, 0, 0}, nil), s.blockName("block"))
			s.atEnd = append(s.atEnd, func(s *session) {
				s.send(selectName(s.purse.aid))
				s.ok(s.protected(epurse.TDES, unblock, s.nonce(4), epurse.Header{0x84, 0x18, 0, 0}, nil))
			})
			_, sw := s.send(selectName(s.purse.aid))
			s.must(sw == apdu.SWNotSupported || sw == apdu.SWInvalidated, "expected 6A81 or 6283 to SELECT of a blocked purse, got %v", sw)
			s.denied(initialize(initPurchase, 1, 1))
			for _, aid := range s.names() {
				if !bytes.Equal(aid, s.purse.aid) {
					s.ok(selectName(aid))
				}
			}
		}},
}

// beginUnload begins an unload of 1 fen, if the purse and the run know how.
func (s *session) beginUnload() *purseTrade {
	c := initialize(initUnload, 1, 1)
	data, sw := s.send(c)
	if sw != apdu.SWOK {
		s.unloads()
		s.skip("the purse cannot be unloaded", "电子钱包不支持圈提")
	}
	t := s.opened(initUnload, 1, 1, data)
	s.mustMAC1(t)
	return t
}

func (s *session) beginOverdraft() *purseTrade {
	data, sw := s.send(initialize(initOverdraft, 1, 0))
	if sw != apdu.SWOK {
		s.skip("the purse has no overdraft limit", "电子钱包无透支限额")
	}
	t := s.opened(initOverdraft, 1, 0, data)
	s.mustMAC1(t)
	return t
}

// raises is UPDATE OVERDRAFT LIMIT.
func raises(t *purseTrade, mac2 epurse.MAC) apdu.Command {
	data := []byte{byte(t.what.Amount >> 16), byte(t.what.Amount >> 8), byte(t.what.Amount)}
	return command(0x80, 0x58, 0, 0, append(append(data, t.what.Stamp[:]...), mac2[:]...), 4)
}

// overdraft sets the overdraft limit and judges the TAC.
func (s *session) overdraft(limit func(uint32) uint32) *purseTrade {
	s.selectPurse()
	s.mayLoad()
	t := s.beginOverdraft()
	t.what.Amount = limit(t.limit)
	answer := s.ok(raises(t, epurse.OverdraftMAC2(s.hostSession(t), &t.what)))
	tac := epurse.OverdraftTAC(s.tacSession(t), t.balance+t.what.Amount-t.limit, t.seq, &t.what)
	s.must(epurse.Equal(tac, answer), "expected TAC of the update, got %X", answer)
	return t
}

// changesCity is CHANGE PIN of a purse.
func changesCity(old, next []byte) apdu.Command {
	return command(0x80, 0x5E, 1, 0, append(append(bytes.Clone(old), 0xFF), next...), apdu.NoLe)
}

// infoUpdate is a protected UPDATE BINARY of file 15 with its own first bytes.
func (s *session) infoUpdate() apdu.Command {
	key := s.purseKey(epurse.TDES, "maintenance", 1)
	return s.protected(epurse.TDES, key, s.nonce(4), epurse.Header{0x04, 0xD6, 0x95, 0}, s.purse.info[:4])
}

func (s *session) sameInfo() {
	info := s.ok(readBinary(0x15, 30))
	s.must(bytes.Equal(info, s.purse.info[:]), "expected file 15 as it was")
}

// blockKeys are the keys of APPLICATION BLOCK and UNBLOCK: of City Union keys of their
// own, of T-Union the one of line protection.
func (s *session) blockKeys() (block, unblock epurse.Key) {
	s.trusted(s.blockName("block"))
	if bytes.Equal(s.purse.aid, nameCityUnion) {
		return s.purseKey(epurse.TDES, "block", 1), s.purseKey(epurse.TDES, "unblock", 1)
	}
	key := s.purseKey(epurse.TDES, "maintenance", 1)
	return key, key
}

// blockName is the name of the key that blocks or unblocks.
func (s *session) blockName(use string) string {
	if bytes.Equal(s.purse.aid, nameCityUnion) {
		return purseKeyName(use, 1)
	}
	return purseKeyName("maintenance", 1)
}
