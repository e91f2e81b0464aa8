package certify

import (
	"bytes"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/wire/apdu"
)

const (
	quotaClause = "JR/T 0025.14, quota at GET PROCESSING OPTIONS (Ye Fei 2016, 2.2.1)"
	needShop    = needQuota | needContactless | needCash
)

var quotaCases = []Case{
	{"quota-gate", Text{"DF60 00 at a gate", "闸机 DF60 为 00"}, quotaClause,
		Text{"An offline reader that does not know the extension gets an ARQC and no quota.", "不支持扩展应用的脱机终端得到 ARQC，不消耗额度。"}, needShop, func(s *session) {
			s.asksIssuer(readerGate, tradeNone, 1)
		}},
	{"quota-shop", Text{"DF60 00 in a shop", "商户 DF60 为 00"}, quotaClause,
		Text{"A shop's reader gets an ARQC and no quota, whatever it can verify.", "商户终端得到 ARQC，不消耗额度，与其验证能力无关。"}, needShop, func(s *session) {
			for _, ttq := range [][4]byte{readerShop, readerShopSign, readerOnlineAsked, readerGate00} {
				s.asksIssuer(ttq, tradeNone, 1)
			}
		}},
	{"quota-shop-nothing", Text{"Nothing to pay in a shop", "商户零金额"}, quotaClause,
		Text{"A payment of 0 fen without the extension is not approved offline either.", "无扩展应用的零金额交易同样不予脱机批准。"}, needShop, func(s *session) {
			s.asksIssuer(readerShop, tradeNone, 0)
		}},
	{"quota-index-high", Text{"Unknown DF60 on a quota card", "额度卡未知 DF60"}, indexClause,
		Text{"DF60 above 03 is no way to the quota: an ARQC.", "DF60 大于 03 不能使用额度，应为 ARQC。"}, needShop | needTransit, func(s *session) {
			for _, trade := range []byte{4, 0x7F, 0xFF} {
				s.asksIssuer(readerGate, trade, 1)
			}
		}},
	{"quota-unread", Text{"DF60 01 without a record", "未读记录的 DF60 01"}, quotaClause,
		Text{"DF60 01 without READ CAPP DATA before it is declined.", "未先读扩展数据的 DF60 01 被拒绝。"}, needShop | needTransit, func(s *session) {
			for _, ttq := range [][4]byte{readerGate, readerShop} {
				s.declinesQuota(func() {}, ttq)
			}
		}},
	{"quota-read-failed", Text{"A record that was not there", "未读到记录"}, quotaClause,
		Text{"A READ CAPP DATA that was refused does not count: declined.", "被拒绝的读扩展数据不算数，交易拒绝。"}, needShop | needRead, func(s *session) {
			s.declinesQuota(func() {
				s.denied(readJourney(s.journey(0).sfi, 0xFFFE, false, nil))
			}, readerGate)
		}},
	{"quota-read-before", Text{"A record of an earlier selection", "前次选择所读记录"}, quotaClause,
		Text{"A record read before the application was selected again does not count: declined.", "重新选择之前所读的记录不算数，交易拒绝。"}, needShop | needRead, func(s *session) {
			s.selectAir()
			s.journeyNow(s.journey(0))
			s.declinesQuota(func() {}, readerGate)
		}},
	{"quota-trips", Text{"Reading journeys is no reading of a record", "读循环文件不算读记录"}, quotaClause,
		Text{"READ RECORD of file 1E does not count: declined.", "读取文件 1E 不算数，交易拒绝。"}, needShop | needRead, func(s *session) {
			s.declinesQuota(func() { s.send(readRecord(tripFile, 1)) }, readerGate)
		}},
	{"quota-read", Text{"DF60 01 with a record", "读记录后的 DF60 01"}, quotaClause,
		Text{"DF60 01 after READ CAPP DATA is approved offline.", "先读扩展数据的 DF60 01 予以脱机批准。"}, needShop | needRead, func(s *session) {
			s.selectAir()
			s.journeyNow(s.journey(0))
			s.trip(tradeFare, 1)
		}},
	{"quota-spends", Text{"A fare spends the quota", "扣费消耗额度"}, fareClause,
		Text{"A fare of 1 fen with its record takes 1 fen of 9F79.", "1 分扣费连同记录使 9F79 减少 1 分。"}, needShop | needUpdate, func(s *session) {
			s.selectAir()
			before := s.balanceNow()
			s.spends(s.journey(0), 1)
			s.mustBalance(before - 1)
		}},
	{"quota-needs-key", Text{"No quota without the record's key", "无记录密钥不可消费"}, "JR/T 0025.14, status word 6974",
		Text{"A shop that sends DF60 01 and reads a record, but has no key to update it, spends nothing.", "商户即使置 DF60 01 并读记录，无更新密钥亦不能消费。"}, needShop | needRead, func(s *session) {
			s.selectAir()
			before := s.balanceNow()
			j := s.journey(0)
			now := s.journeyNow(j)
			p := s.trip(tradeFare, 1)
			s.refused(s.updateUnder(cryptogram.Key(s.random(16)), j.sfi, p.atc, now), apdu.SWMACWrong)
			s.mustOtherRecord(p, before)
			s.again()
			s.selectAir()
			s.mustBalance(before)
		}},
	{"quota-online-record", Text{"No record pays after an ARQC", "联机请求后读记录不扣"}, quotaClause,
		Text{"After an ARQC the last record of a fare commits nothing.", "ARQC 之后读末条记录不提交任何扣费。"}, needShop | needRead, func(s *session) {
			s.selectAir()
			before := s.balanceNow()
			s.journeyNow(s.journey(0))
			p := s.trip(tradeFare, 0)
			s.again()
			at := s.last(p)
			s.asksIssuer(readerShop, tradeNone, 1)
			s.send(readRecord(at.sfi, at.number))
			s.mustBalance(before)
		}},
	{"quota-contact", Text{"No quota over the contacts", "接触方式不可用额度"}, quotaClause,
		Text{"Over the contacts a terminal for electronic cash is not given its records, and a TC takes nothing.", "接触方式下电子现金终端得不到电子现金记录，TC 亦不扣额度。"}, needQuota | needContact | needCash, func(s *session) {
			s.selectContact()
			before := s.balanceNow()
			s.again()
			d := s.cash(1)
			s.must(!d.isCash(), "expected no records of electronic cash, got 9F74")
			s.generate1(d, askTC)
			s.again()
			s.selectContact()
			s.mustBalance(before)
			s.again()
			s.settleIfMay()
		}},
	{"quota-torn", Text{"A torn fare keeps the quota", "中断的扣费不消耗额度"}, fareClause,
		Text{"A reset before the last record leaves 9F79.", "末条记录前复位，9F79 不变。"}, needShop | needRead, func(s *session) {
			s.selectAir()
			before := s.balanceNow()
			s.journeyNow(s.journey(0))
			s.trip(tradeFare, 1)
			s.again()
			s.selectAir()
			s.mustBalance(before)
		}},
}

// noQuota skips cases about money that every terminal may take.
func (s *session) noQuota() {
	if s.transit.quota {
		s.skip("the card's balance is a quota, which fares alone spend", "卡片余额是额度，仅供扣费")
	}
}

// asksIssuer selects the application and must get an ARQC, which takes nothing.
func (s *session) asksIssuer(ttq [4]byte, trade byte, amount money.Fen) {
	s.selectAir()
	before := s.balanceNow()
	t := s.reader(ttq, amount)
	t.trade = trade
	p := s.qpbocHere(t)
	s.must(p.iad.Result() == cryptogram.ARQC, "expected ARQC for %s with DF60 %02X, got %v", t, trade, p.iad.Result())
	s.must(len(p.afl) == 0, "expected no file locator with an ARQC, got %X", p.afl)
	s.mustBalance(before)
}

// declinesQuota selects the application, does something, and must get an AAC for a
// fare.
func (s *session) declinesQuota(do func(), ttq [4]byte) {
	s.selectAir()
	before := s.balanceNow()
	do()
	t := s.reader(ttq, 1)
	t.trade = tradeFare
	p := s.qpbocHere(t)
	s.must(p.iad.Result() == cryptogram.AAC, "expected AAC for %s with DF60 01 and no record read, got %v", t, p.iad.Result())
	s.must(bytes.Equal(p.afl, nil), "expected no file locator with an AAC, got %X", p.afl)
	s.mustBalance(before)
}

// settleIfMay ends what an open transaction left in the card's memory, where keys
// allow it.
func (s *session) settleIfMay() {
	if s.opts.Keys != nil {
		s.settled()
	}
}
