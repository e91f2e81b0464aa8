package certify

import (
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/wire/tlv"
)

const secondClause = "JR/T 0025.15, electronic cash in a second currency"

var secondCases = []Case{
	{"second-deducts", Text{"A payment in the second currency", "第二币种支付"}, secondClause,
		Text{"A payment in the currency DF71 takes its amount from DF79 and leaves 9F79.", "以 DF71 货币支付从 DF79 扣款，9F79 不变。"}, needContactless, func(s *session) {
			first, second := s.purses()
			s.paySecond()
			s.again()
			s.selectAir()
			s.must(s.balanceNow() == first, "expected 9F79 %v, got %v", first, s.balanceNow())
			s.must(s.secondNow() == second-1, "expected DF79 %v, got %v", second-1, s.secondNow())
		}},
	{"second-shown", Text{"Balance shown within the transaction", "交易中显示第二币种余额"}, secondClause,
		Text{"While a transaction in the second currency runs GET DATA 9F79 answers the balance of that currency.", "第二币种交易进行中 GET DATA 9F79 返回该币种余额。"}, needContactless, func(s *session) {
			_, second := s.purses()
			s.secondApproval()
			s.must(s.balanceNow() == second, "expected DF79 %v as 9F79, got %v", second, s.balanceNow())
			s.again()
			s.selectAir()
			first, _ := s.purses()
			s.must(s.balanceNow() == first, "expected 9F79 %v in a new session, got %v", first, s.balanceNow())
		}},
	{"second-torn", Text{"Second currency pulled out early", "第二币种交易中断"}, secondClause,
		Text{"Without the last record neither balance changes.", "未读末条记录则两种余额均不变。"}, needContactless, func(s *session) {
			first, second := s.purses()
			s.readButLast(s.secondApproval().afl)
			s.again()
			s.selectAir()
			a, b := s.purses()
			s.must(a == first && b == second, "expected balances %v and %v, got %v and %v", first, second, a, b)
		}},
	{"second-above-balance", Text{"Above the balance in the second currency", "超过第二币种余额"}, secondClause,
		Text{"One unit more than DF79 is declined at a gate, whatever 9F79 is.", "超过 DF79 一个单位在闸机上拒绝，与 9F79 无关。"}, needContactless, func(s *session) {
			_, second := s.purses()
			s.mustResult(s.qpbocHere(s.secondReader(second+1)), cryptogram.AAC)
		}},
	{"second-limit", Text{"Balance within the limit of the second currency", "第二币种余额不超过上限"}, secondClause,
		Text{"DF79 is not above DF77, nor DF78 above DF77.", "DF79 与 DF78 均不高于 DF77。"}, needContactless, func(s *session) {
			_, second := s.purses()
			limit, err := money.FromN12(s.object(tlv.TagSecondECBalanceLimit))
			single, err2 := money.FromN12(s.object(tlv.TagSecondECSingleLimit))
			s.must(err == nil && err2 == nil && second <= limit && single <= limit, "expected DF79 and DF78 at most %v, got %v and %v", limit, second, single)
		}},
	{"second-signed", Text{"Signature in the second currency", "第二币种签名"}, fdda,
		Text{"The dynamic signature of a payment in the second currency verifies over that currency.", "第二币种支付的动态签名覆盖该货币并可验证。"}, needContactless | needCA, func(s *session) {
			s.purses()
			p, r := s.paySecond()
			s.verifySignature(p, r)
		}},
	{"second-logged", Text{"Second currency in the log", "日志中的第二币种"}, logClause,
		Text{"The newest log record of such a payment has the second currency.", "该类支付的最新日志记录含第二币种。"}, needContactless, func(s *session) {
			s.purses()
			p, _ := s.paySecond()
			s.logged(p, tlv.TagTransactionCurrency, p.reader.currency[:])
		}},
}

// purses selects the application and reads both balances; cards with one skip the
// case.
func (s *session) purses() (first, second money.Fen) {
	if len(s.objects[tlv.TagSecondECCurrency]) != 2 || len(s.objects[tlv.TagSecondECBalance]) != 6 {
		s.skip("the card has no second currency", "卡片无第二币种")
	}
	s.selectAir()
	return s.balanceNow(), s.secondNow()
}

func (s *session) secondNow() money.Fen {
	v := s.object(tlv.TagSecondECBalance)
	f, err := money.FromN12(v)
	s.must(err == nil, "expected DF79 as twelve digits, got %X", v)
	return f
}

// secondReader is a gate that asks for an amount in the second currency.
func (s *session) secondReader(amount money.Fen) *reader {
	t := s.reader(readerGate, amount)
	t.currency = [2]byte(s.objects[tlv.TagSecondECCurrency])
	return t
}

// secondApproval is an approval of one unit that is not completed. The application
// is selected.
func (s *session) secondApproval() *processing {
	if s.secondNow() < 1 {
		s.skip("not enough of the second currency on the card", "第二币种余额不足")
	}
	p := s.qpbocHere(s.secondReader(1))
	s.mustResult(p, cryptogram.TC)
	return p
}

// paySecond pays one unit of the second currency, which counts as 1 fen of what may
// be spent.
func (s *session) paySecond() (*processing, *records) {
	if s.spentSecond+s.spent+1 > s.opts.MaxSpend {
		s.skip("the run has spent what it may", "本次运行已达允许消费的上限")
	}
	p := s.secondApproval()
	s.spentSecond++
	return p, s.readRecords(p.afl)
}
