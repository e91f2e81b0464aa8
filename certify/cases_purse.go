package certify

import (
	"bytes"
	"encoding/binary"

	"github.com/citycard/citycard/crypt/epurse"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

const (
	purseFiles    = "JT/T 978, files of the purse"
	purseInit     = "JR/T 0025.1 (2010), INITIALIZE FOR PURCHASE"
	purseDebit    = "JR/T 0025.1 (2010), DEBIT FOR PURCHASE"
	purseState    = "JR/T 0025.1 (2010), states of a purse"
	purseProve    = "JR/T 0025.1 (2010), GET TRANSACTION PROVE"
	purseLog      = "JR/T 0025.1 (2010), transaction log"
	codeClause    = "JT/T 978, authentication code of City Union"
	needPurchases = needPurse | needSecrets
)

var purseCases = []Case{
	{"purse-fci", Text{"Answer to SELECT of a purse", "电子钱包选择应答"}, purseFiles,
		Text{"6F with the name and A5 with 9F08 and 9F0C, and nothing behind it.", "6F 含名称与带 9F08、9F0C 的 A5，其后无多余数据。"}, needPurse, func(s *session) {
			_, f := s.openTemplate("the answer to SELECT", tlv.TagFCITemplate, s.selectPurse())
			s.must(bytes.HasPrefix(f[tlv.TagDFName], s.purse.aid), "expected the name %X in 84, got %X", s.purse.aid, f[tlv.TagDFName])
			inner := f[tlv.TagFCIProprietary]
			version, ok := tlv.Find(inner, 0x9F08)
			s.must(ok && len(version) == 1, "expected one byte of 9F08, got %X", version)
			head, ok := tlv.Find(inner, tagInfoHead)
			s.must(ok && len(head) == 30, "expected 30 bytes of 9F0C, got %d", len(head))
		}},
	{"purse-info", Text{"File 15", "文件 15"}, purseFiles,
		Text{"File 15 can be read by everybody, and 9F0C shows its first 30 bytes.", "文件 15 可自由读取，9F0C 为其前 30 字节。"}, needPurse, func(s *session) {
			head, _ := tlv.Find(s.selectPurse(), tlv.TagFCITemplate, tlv.TagFCIProprietary, tagInfoHead)
			info := s.ok(readBinary(0x15, 30))
			s.must(bytes.Equal(info, head), "expected file 15 to begin with 9F0C")
		}},
	{"purse-validity", Text{"Validity of the purse", "电子钱包有效期"}, purseFiles,
		Text{"The dates of file 15 are BCD, and the first is not behind the second.", "文件 15 中的日期为 BCD，启用日期不晚于有效日期。"}, needPurse, func(s *session) {
			from, to := s.purse.info[20:24], s.purse.info[24:28]
			s.must(decimal(from) && decimal(to) && bytes.Compare(from, to) <= 0, "expected two dates in order, got %X and %X", from, to)
		}},
	{"purse-balance", Text{"Balance of the purse", "电子钱包余额"}, "JR/T 0025.1 (2010), GET BALANCE",
		Text{"GET BALANCE gives four bytes, the same as the answer to INITIALIZE.", "GET BALANCE 给出四字节，与初始化应答一致。"}, needPurse, func(s *session) {
			s.selectPurse()
			before := s.purseBalance()
			if before < 1 {
				s.skip("the purse is empty", "电子钱包余额为零")
			}
			t := s.begins(initPurchase, 1, 1)
			s.must(t.balance == before, "expected the balance %d from INITIALIZE FOR PURCHASE, got %d", before, t.balance)
		}},
	{"purse-purchase", Text{"A purchase", "消费"}, purseDebit,
		Text{"A purchase of 1 fen takes 1 fen, and MAC2 and TAC verify.", "消费 1 分余额减少 1 分，MAC2 与 TAC 验证正确。"}, needPurchases, func(s *session) {
			t, answer := s.buys()
			s.mustPurse(t.balance - 1)
			s.checkDebit(t, answer)
		}},
	{"purse-purchase-sm4", Text{"A purchase with SM4", "SM4 消费"}, purseDebit,
		Text{"With key 41 the algorithm byte is 04, and MAC2 and TAC verify with SM4.", "密钥 41 的算法标识为 04，MAC2 与 TAC 以 SM4 验证正确。"}, needPurchases, func(s *session) {
			s.selectPurse()
			s.mayBuy()
			data, sw := s.send(initialize(initPurchase, 0x41, 1))
			if sw == apdu.SWPurseKeyIndex {
				s.skip("the purse has no SM4 key 41", "电子钱包无 SM4 密钥 41")
			}
			s.must(sw == apdu.SWOK, "expected 9000 or 9403, got %v", sw)
			t := s.opened(initPurchase, 0x41, 1, data)
			s.must(t.alg == epurse.SM4, "expected algorithm 04 for key 41, got %v", t.alg)
			s.checkDebit(t, s.settles(t))
		}},
	{"purse-mac1", Text{"A wrong MAC1", "MAC1 错误"}, purseDebit,
		Text{"A wrong MAC1 is answered with 9302 and takes nothing; a good purchase follows.", "MAC1 错误应答 9302 且不扣款，随后可正常消费。"}, needPurchases, func(s *session) {
			s.selectPurse()
			s.mayBuy()
			t := s.begins(initPurchase, 1, 1)
			mac := epurse.PurchaseMAC1(s.purchaseSession(t), &t.what)
			defer s.unlocks()
			mac[0] ^= 1
			s.refused(debits(t, mac), apdu.SWPurseMAC)
			s.mustPurse(t.balance)
		}},
	{"purse-mac1-covers", Text{"What MAC1 covers", "MAC1 覆盖的数据"}, purseDebit,
		Text{"A MAC1 made for another date, or with another counter of the terminal, is answered with 9302.", "以其他日期或其他终端交易序号计算的 MAC1 应答 9302。"}, needPurchases, func(s *session) {
			s.selectPurse()
			s.mayBuy()
			defer s.unlocks()
			for _, change := range []func(*purseTrade){func(t *purseTrade) { t.what.Stamp[6] ^= 1 }, func(t *purseTrade) { t.what.TerminalSeq++ }} {
				t := s.begins(initPurchase, 1, 1)
				other := *t
				change(&other)
				s.refused(debits(t, epurse.PurchaseMAC1(s.purchaseSession(&other), &other.what)), apdu.SWPurseMAC)
			}
		}},
	{"purse-funds", Text{"More than the balance", "超过余额"}, purseInit,
		Text{"A purchase above the balance is answered with 9401.", "超过余额的消费应答 9401。"}, needPurse, func(s *session) {
			s.selectPurse()
			s.refused(initialize(initPurchase, 1, s.purseBalance()+1), apdu.SWPurseFunds)
			s.refused(initialize(initPurchase, 1, 0xFFFFFFFF), apdu.SWPurseFunds)
		}},
	{"purse-key-index", Text{"Unknown key index", "未知密钥索引"}, purseInit,
		Text{"A key index that the purse does not have is answered with 9403.", "不存在的密钥索引应答 9403。"}, needPurse, func(s *session) {
			s.selectPurse()
			if s.purseBalance() < 1 {
				s.skip("the purse is empty", "电子钱包余额为零")
			}
			s.refused(initialize(initPurchase, 0xEE, 1), apdu.SWPurseKeyIndex)
		}},
	{"purse-init-length", Text{"Length of INITIALIZE", "初始化命令长度"}, purseInit,
		Text{"INITIALIZE FOR PURCHASE with a byte less or more is answered with 6700.", "消费初始化少一字节或多一字节应答 6700。"}, needPurse, func(s *session) {
			s.selectPurse()
			c := initialize(initPurchase, 1, 1)
			long := c
			long.Data = append(bytes.Clone(c.Data), 0)
			s.refused(long, apdu.SWWrongLength)
			c.Data = c.Data[:len(c.Data)-1]
			s.refused(c, apdu.SWWrongLength)
		}},
	{"purse-random", Text{"Random number of each trade", "每笔交易的随机数"}, purseInit,
		Text{"Two trades get two random numbers, also after a reset.", "两笔交易的随机数不同，复位后亦然。"}, needPurse, func(s *session) {
			seen := map[[4]byte]bool{}
			for i := range 4 {
				if i == 2 {
					s.again()
				}
				s.selectPurse()
				if s.purseBalance() < 1 {
					s.skip("the purse is empty", "电子钱包余额为零")
				}
				t := s.begins(initPurchase, 1, 1)
				s.must(!seen[t.random], "expected a random number of its own for each trade, got %X again", t.random)
				seen[t.random] = true
			}
		}},
	{"purse-debit-early", Text{"Debit without a beginning", "未初始化即扣款"}, purseState,
		Text{"DEBIT FOR PURCHASE without INITIALIZE before it is answered with 6901.", "未初始化的消费命令应答 6901。"}, needPurse, func(s *session) {
			s.selectPurse()
			s.refused(debits(&purseTrade{}, epurse.MAC{}), apdu.SWWrongState)
		}},
	{"purse-debit-twice", Text{"Debit twice", "重复扣款"}, purseState,
		Text{"The same DEBIT again is answered with 6901 and takes nothing more.", "再次发送同一消费命令应答 6901，不再扣款。"}, needPurchases, func(s *session) {
			s.selectPurse()
			s.mayBuy()
			t := s.begins(initPurchase, 1, 1)
			c := debits(t, epurse.PurchaseMAC1(s.purchaseSession(t), &t.what))
			s.ok(c)
			s.purse.spent++
			s.refused(c, apdu.SWWrongState)
			s.mustPurse(t.balance - 1)
		}},
	{"purse-select-ends", Text{"Selection ends a trade", "选择终止交易"}, purseState,
		Text{"A trade that was begun is over after SELECT or a reset: 6901.", "选择或复位后，已初始化的交易终止，应答 6901。"}, needPurchases, func(s *session) {
			s.brokenOff(func() { s.selectPurse() })
			s.brokenOff(func() { s.again(); s.selectPurse() })
		}},
	{"purse-command-ends", Text{"Another command ends a trade", "其他命令终止交易"}, purseState,
		Text{"After GET BALANCE or a refused command in between, DEBIT is answered with 6901.", "其间插入 GET BALANCE 或被拒绝的命令后，消费应答 6901。"}, needPurchases, func(s *session) {
			s.brokenOff(func() { s.purseBalance() })
			s.brokenOff(func() { s.denied(command(0x80, unknownINS, 0, 0, nil, 4)) })
		}},
	{"purse-other-step", Text{"The step of another trade", "其他交易的步骤"}, purseState,
		Text{"CREDIT FOR LOAD and UPDATE OVERDRAFT LIMIT after INITIALIZE FOR PURCHASE are answered with 6901.", "消费初始化之后的圈存或透支更新命令应答 6901。"}, needPurse, func(s *session) {
			s.selectPurse()
			if s.purseBalance() < 1 {
				s.skip("the purse is empty", "电子钱包余额为零")
			}
			t := s.begins(initPurchase, 1, 1)
			s.refused(credits(0x80, 0x52, 0, t, epurse.MAC{}), apdu.SWWrongState)
			s.begins(initPurchase, 1, 1)
			s.refused(command(0x80, 0x58, 0, 0, make([]byte, 14), 4), apdu.SWWrongState)
		}},
	{"purse-counter", Text{"Offline counter", "脱机交易序号"}, purseInit,
		Text{"The counter grows by one with each purchase, and not with one that was broken off.", "每次消费序号加一，中断的交易不增加。"}, needPurchases, func(s *session) {
			first, _ := s.buys()
			s.begins(initPurchase, 1, 1)
			s.again()
			second, _ := s.buys()
			s.must(second.seq == first.seq+1, "expected counter %04X, got %04X", first.seq+1, second.seq)
		}},
	{"purse-log", Text{"A purchase is logged", "消费日志"}, purseLog,
		Text{"Record 1 of file 18 has counter, amount, type, terminal, date and time of the purchase.", "文件 18 第一条记录含消费的序号、金额、类型、终端号、日期与时间。"}, needPurchases, func(s *session) {
			t, _ := s.buys()
			s.mustLog(0x18, t)
		}},
	{"purse-log-fixed", Text{"Nobody writes the log", "日志不可写"}, purseLog,
		Text{"UPDATE RECORD of file 18 is refused.", "对文件 18 的修改记录被拒绝。"}, needPurse, func(s *session) {
			s.selectPurse()
			s.denied(command(0x00, 0xDC, 1, 0x18<<3|4, make([]byte, 23), apdu.NoLe))
			s.denied(command(0x00, 0xDC, 0, 0x18<<3|3, make([]byte, 23), apdu.NoLe))
		}},
	{"purse-torn", Text{"Torn before the debit", "扣款前拔卡"}, purseState,
		Text{"A reset after INITIALIZE leaves balance and log.", "初始化后复位，余额与日志不变。"}, needPurse, func(s *session) {
			s.selectPurse()
			before := s.purseBalance()
			if before < 1 {
				s.skip("the purse is empty", "电子钱包余额为零")
			}
			log, _ := s.send(readRecord(0x18, 1))
			s.begins(initPurchase, 1, 1)
			s.again()
			s.selectPurse()
			s.mustPurse(before)
			now, _ := s.send(readRecord(0x18, 1))
			s.must(bytes.Equal(log, now), "expected the log as it was, got %X", now)
		}},
	{"purse-proof", Text{"Proof of a purchase", "消费凭证"}, purseProve,
		Text{"After a reset GET TRANSACTION PROVE gives MAC2 and TAC of the purchase with the logged counter.", "复位后以日志序号取交易认证，得到该消费的 MAC2 与 TAC。"}, needPurchases, func(s *session) {
			t, answer := s.buys()
			s.again()
			s.selectPurse()
			got := s.ok(provesTrade(t))
			s.must(bytes.Equal(got, append(bytes.Clone(answer[4:]), answer[:4]...)), "expected MAC2 and TAC of the purchase, got %X", got)
		}},
	{"purse-proof-unknown", Text{"Proof of no purchase", "无凭证"}, purseProve,
		Text{"A counter that was not used, or another type, is answered with 9406.", "未使用的序号或其他类型应答 9406。"}, needPurchases, func(s *session) {
			t, _ := s.buys()
			other := *t
			other.seq++
			s.refused(provesTrade(&other), apdu.SWProofNotAvailable)
			other.seq, other.what.Type = t.seq, epurse.Compound
			s.refused(provesTrade(&other), apdu.SWProofNotAvailable)
		}},
	{"purse-proof-last", Text{"Proof of the last purchase alone", "仅保留最后一笔凭证"}, purseProve,
		Text{"After another purchase the one before is answered with 9406.", "发生新的消费后，前一笔应答 9406。"}, needPurchases, func(s *session) {
			first, _ := s.buys()
			s.buys()
			s.refused(provesTrade(first), apdu.SWProofNotAvailable)
		}},
	{"purse-code", Text{"Authentication code in MAC1", "MAC1 含认证码"}, codeClause,
		Text{"A purse that answers GET AUTH CODE refuses a MAC1 without it with 9302.", "应答认证码的电子钱包对不含认证码的 MAC1 应答 9302。"}, needPurchases, func(s *session) {
			if s.purse.code == nil {
				s.skip("the purse has no authentication code", "电子钱包无认证码")
			}
			s.selectPurse()
			s.mayBuy()
			t := s.begins(initPurchase, 1, 1)
			defer s.unlocks()
			plain := t.what
			plain.AuthCode = nil
			s.refused(debits(t, epurse.PurchaseMAC1(s.purchaseSession(t), &plain)), apdu.SWPurseMAC)
		}},
	{"purse-code-none", Text{"No authentication code", "无认证码"}, codeClause,
		Text{"A T-Union purse has no authentication code: GET AUTH CODE is refused.", "交通联合电子钱包无认证码，取认证码命令被拒绝。"}, needPurse, func(s *session) {
			if !bytes.Equal(s.purse.aid, nameTUnion) {
				s.skip("the purse is not one of T-Union", "该电子钱包不属交通联合")
			}
			s.selectPurse()
			s.denied(command(0x80, 0xCA, 0, 0, nil, 9))
		}},
	{"purse-commands", Text{"Unknown commands of a purse", "电子钱包未知命令"}, "ISO/IEC 7816-4, 5.1.2",
		Text{"An unknown instruction is answered with 6D00, a class that is not the command's with 6E00.", "未知指令应答 6D00，类别不符应答 6E00。"}, needPurse, func(s *session) {
			s.selectPurse()
			s.refused(command(0x80, unknownINS, 0, 0, nil, 4), apdu.SWUnknownINS)
			s.refused(command(0x00, 0x5C, 0, accountEP, nil, 4), apdu.SWUnknownCLA)
		}},
}

// checkDebit judges TAC and MAC2 of a purchase.
func (s *session) checkDebit(t *purseTrade, answer []byte) {
	mac2, tac := epurse.PurchaseMAC2(s.purchaseSession(t), t.what.Amount), epurse.PurchaseTAC(s.tacSession(t), &t.what)
	s.must(epurse.Equal(mac2, answer[4:8]), "expected MAC2 of the purchase, got %X", answer[4:8])
	s.must(epurse.Equal(tac, answer[:4]), "expected TAC of the purchase, got %X", answer[:4])
}

// unlocks makes a good purchase after wrong MACs, so that all tries are back.
func (s *session) unlocks() {
	s.aside(func(s *session) { s.buys() })
}

// brokenOff begins a purchase, does something else, and must find it over.
func (s *session) brokenOff(do func()) {
	s.selectPurse()
	s.mayBuy()
	t := s.begins(initPurchase, 1, 1)
	c := debits(t, epurse.PurchaseMAC1(s.purchaseSession(t), &t.what))
	do()
	s.refused(c, apdu.SWWrongState)
	s.mustPurse(t.balance)
}

// mustLog judges the newest record of a log: counter after the trade, overdraft limit,
// amount, type, terminal, date and time.
func (s *session) mustLog(sfi byte, t *purseTrade) {
	b := s.ok(readRecord(sfi, 1))
	s.must(len(b) == 23, "expected 23 bytes in record 1 of file %02X, got %X", sfi, b)
	want := binary.BigEndian.AppendUint32(nil, t.what.Amount)
	want = append(append(append(want, byte(t.what.Type)), t.what.Terminal[:]...), t.what.Stamp[:]...)
	s.must(number16(b) == t.seq+1 && bytes.Equal(b[5:], want), "expected counter %04X and %X in record 1 of file %02X, got %X", t.seq+1, want, sfi, b)
}

// provesTrade is GET TRANSACTION PROVE with the logged counter.
func provesTrade(t *purseTrade) apdu.Command {
	seq := t.seq + 1
	return command(0x80, 0x5A, 0, byte(t.what.Type), []byte{byte(seq >> 8), byte(seq)}, 8)
}
