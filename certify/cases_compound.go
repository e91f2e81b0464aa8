package certify

import (
	"bytes"
	"slices"

	"github.com/citycard/citycard/crypt/epurse"
	"github.com/citycard/citycard/wire/apdu"
)

const compoundClause = "JR/T 0025.9 (2010), compound purchase"

var compoundCases = []Case{
	{"compound-purchase", Text{"Fare and record of a purse together", "钱包扣费与记录同时提交"}, compoundClause,
		Text{"A compound purchase writes balance and record together at the debit, and not before.", "复合消费在扣款时同时写入余额与记录，之前不变。"}, needPurchases, func(s *session) {
			s.selectPurse()
			s.mayBuy()
			old := s.purseRecord()
			defer s.purseRecordBack(old)
			t := s.begins(initCompound, 1, 1)
			s.ok(s.caches(altered(old)))
			answer := s.settles(t)
			s.checkDebit(t, answer)
			s.mustPurse(t.balance - 1)
			s.must(bytes.Equal(s.purseRecord(), altered(old)), "expected the new record after the debit")
		}},
	{"compound-entry", Text{"An entry with a purse", "电子钱包进站"}, compoundClause,
		Text{"A compound purchase of 0 fen writes the record and leaves the balance.", "零金额复合消费写记录，余额不变。"}, needPurchases, func(s *session) {
			s.selectPurse()
			old, before := s.purseRecord(), s.purseBalance()
			defer s.purseRecordBack(old)
			s.compound(altered(old))
			s.mustPurse(before)
			s.must(bytes.Equal(s.purseRecord(), altered(old)), "expected the new record after the debit")
		}},
	{"compound-no-record", Text{"Compound purchase without a record", "无记录的复合消费"}, compoundClause,
		Text{"The debit of a compound purchase without a record is refused.", "未更新记录的复合消费扣款被拒绝。"}, needPurchases, func(s *session) {
			s.selectPurse()
			t := s.begins(initCompound, 1, 0)
			s.denied(debits(t, epurse.PurchaseMAC1(s.purchaseSession(t), &t.what)))
			s.mustPurse(t.balance)
		}},
	{"compound-torn", Text{"Compound purchase torn", "复合消费中断"}, compoundClause,
		Text{"A reset after UPDATE CAPP DATA CACHE leaves balance and record.", "更新缓存后复位，余额与记录不变。"}, needPurse, func(s *session) {
			s.selectPurse()
			old, before := s.purseRecord(), s.purseBalance()
			s.begins(initCompound, 1, 0)
			s.ok(s.caches(altered(old)))
			s.again()
			s.selectPurse()
			s.mustPurse(before)
			s.must(bytes.Equal(s.purseRecord(), old), "expected the record as it was")
		}},
	{"compound-wrong-mac", Text{"Compound purchase with a wrong MAC1", "MAC1 错误的复合消费"}, compoundClause,
		Text{"A wrong MAC1 is answered with 9302, and neither balance nor record changes.", "MAC1 错误应答 9302，余额与记录不变。"}, needPurchases, func(s *session) {
			s.selectPurse()
			old := s.purseRecord()
			t := s.begins(initCompound, 1, 0)
			s.ok(s.caches(altered(old)))
			mac := epurse.PurchaseMAC1(s.purchaseSession(t), &t.what)
			mac[3] ^= 1
			defer s.purseRecordBack(nil)
			s.refused(debits(t, mac), apdu.SWPurseMAC)
			s.mustPurse(t.balance)
			s.must(bytes.Equal(s.purseRecord(), old), "expected the record as it was")
		}},
	{"compound-early", Text{"Record without a compound purchase", "未初始化即更新缓存"}, compoundClause,
		Text{"UPDATE CAPP DATA CACHE of a purse outside a compound purchase is answered with 6901.", "复合消费之外的更新缓存应答 6901。"}, needPurse, func(s *session) {
			s.selectPurse()
			old := s.purseRecord()
			s.refused(s.caches(old), apdu.SWWrongState)
			if s.purseBalance() > 0 {
				s.begins(initPurchase, 1, 1)
				s.refused(s.caches(old), apdu.SWWrongState)
			}
		}},
	{"compound-length", Text{"Record of another length", "记录长度不符"}, compoundClause,
		Text{"A record longer or shorter than the one it replaces is refused.", "比原记录长或短的更新被拒绝。"}, needPurse, func(s *session) {
			s.selectPurse()
			old := s.purseRecord()
			for _, record := range [][]byte{old[:len(old)-1], append(slices.Clone(old), 0)} {
				s.begins(initCompound, 1, 0)
				s.denied(s.caches(record))
			}
		}},
	{"compound-identifier", Text{"Record of another identifier", "记录标识不符"}, compoundClause,
		Text{"A record whose identifier or length byte is not that of the one it replaces is answered with 6A80.", "标识或长度字节与原记录不符的更新应答 6A80。"}, needPurse, func(s *session) {
			s.selectPurse()
			old := s.purseRecord()
			for at := range s.purse.record.head {
				record := slices.Clone(old)
				record[at] ^= 0x40
				s.begins(initCompound, 1, 0)
				s.refused(s.caches(record), apdu.SWWrongData)
			}
		}},
	{"compound-unknown", Text{"Record that the purse does not have", "不存在的钱包记录"}, compoundClause,
		Text{"An identifier that the file does not have is answered with 6A83.", "文件中不存在的标识应答 6A83。"}, needPurse, func(s *session) {
			s.selectPurse()
			old := s.purseRecord()
			s.begins(initCompound, 1, 0)
			c := s.caches(old)
			c.P1 = 0xEE
			s.refused(c, apdu.SWRecordNotFound)
		}},
	{"compound-other-file", Text{"Files that trips do not write", "复合消费不可写的文件"}, compoundClause,
		Text{"A compound purchase cannot write the log.", "复合消费不可写交易日志。"}, needPurse, func(s *session) {
			s.selectPurse()
			s.begins(initCompound, 1, 0)
			s.denied(command(0x80, 0xDC, 0, 0x18<<3, make([]byte, 23), apdu.NoLe))
		}},
	{"compound-proof", Text{"Proof of a compound purchase", "复合消费凭证"}, purseProve,
		Text{"GET TRANSACTION PROVE with type 09 gives MAC2 and TAC of the compound purchase.", "以类型 09 取交易认证，得到复合消费的 MAC2 与 TAC。"}, needPurchases, func(s *session) {
			s.selectPurse()
			old := s.purseRecord()
			t, answer := s.compound(old)
			s.again()
			s.selectPurse()
			got := s.ok(provesTrade(t))
			s.must(bytes.Equal(got, append(bytes.Clone(answer[4:]), answer[:4]...)), "expected MAC2 and TAC of the compound purchase, got %X", got)
		}},
	{"compound-log", Text{"Log of a compound purchase", "复合消费日志"}, purseLog,
		Text{"The log has the compound purchase with type 09.", "日志中复合消费的类型为 09。"}, needPurchases, func(s *session) {
			s.selectPurse()
			t, _ := s.compound(s.purseRecord())
			s.mustLog(0x18, t)
		}},
	{"compound-trip", Text{"Journey in file 1E of a purse", "钱包行程记录"}, "JT/T 978, file 1E",
		Text{"A compound purchase writes a new record 1 of file 1E.", "复合消费在文件 1E 写入新的第一条记录。"}, needPurchases | needDestructive, func(s *session) {
			if !bytes.Equal(s.purse.aid, nameTUnion) {
				s.skip("the purse is not one of T-Union", "该电子钱包不属交通联合")
			}
			s.selectPurse()
			old := s.purseRecord()
			trip := append([]byte{1}, s.random(47)...)
			t := s.begins(initCompound, 1, 0)
			s.ok(s.caches(old))
			s.ok(command(0x80, 0xDC, 0, tripFile<<3, trip, apdu.NoLe))
			s.settles(t)
			got := s.ok(readRecord(tripFile, 1))
			s.must(bytes.Equal(got, trip), "expected the journey %X as record 1 of file 1E, got %X", trip, got)
		}},
}

// compound makes a compound purchase of nothing that writes the record.
func (s *session) compound(record []byte) (*purseTrade, []byte) {
	t := s.begins(initCompound, 1, 0)
	s.ok(s.caches(record))
	return t, s.settles(t)
}

// purseRecordBack gives the record its content again, or writes it anew for nil, which
// also brings back all tries of the key.
func (s *session) purseRecordBack(record []byte) {
	s.aside(func(s *session) {
		s.selectPurse()
		now := s.purseRecord()
		if record == nil {
			record = now
		} else if bytes.Equal(now, record) {
			return
		}
		s.compound(record)
	})
}
