package certify

import (
	"bytes"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

const (
	commitClause = "JR/T 0025.12, commit at the last record"
	tearClause   = "JR/T 0025.12, card removed early"
	cashClause   = "JR/T 0025.13, electronic cash balance"
)

const needPay = needContactless | needCash

var cashCases = []Case{
	{"cash-deducts", Text{"A payment takes its amount", "支付扣除其金额"}, commitClause,
		Text{"After the last record the balance is less by the amount, 1 fen.", "读出末条记录后余额减少交易金额 1 分。"}, needPay, func(s *session) {
			s.selectAir()
			before := s.balanceNow()
			s.pay()
			s.mustBalance(before - 1)
		}},
	{"cash-answer-pays-nothing", Text{"The answer alone pays nothing", "应答本身不扣款"}, commitClause,
		Text{"After GET PROCESSING OPTIONS the balance is as before.", "取处理选项之后余额不变。"}, needPay, func(s *session) {
			s.selectAir()
			before := s.balanceNow()
			s.approval()
			s.mustBalance(before)
		}},
	{"cash-records-pay-nothing", Text{"Other records pay nothing", "其他记录不扣款"}, commitClause,
		Text{"After all records but the last the balance is as before.", "读出除末条以外的全部记录后余额不变。"}, needPay, func(s *session) {
			s.selectAir()
			before := s.balanceNow()
			p := s.approval()
			s.readButLast(p.afl)
			s.mustBalance(before)
		}},
	{"cash-once", Text{"A payment is taken once", "只扣一次"}, commitClause,
		Text{"Reading the last record again takes nothing more.", "再次读末条记录不再扣款。"}, needPay, func(s *session) {
			s.selectAir()
			before := s.balanceNow()
			p, _ := s.pay()
			all := s.places(p.afl)
			last := all[len(all)-1]
			s.send(readRecord(last.sfi, last.number))
			s.mustBalance(before - 1)
		}},
	{"cash-twice", Text{"Two payments", "两次支付"}, commitClause,
		Text{"Two payments in a row take two amounts and two counter values.", "连续两次支付扣两次金额，计数器加二。"}, needPay, func(s *session) {
			s.selectAir()
			before, atc := s.balanceNow(), s.atcNow()
			s.pay()
			p, _ := s.pay()
			s.must(p.atc == atc+2, "expected counter %04X, got %04X", atc+2, p.atc)
			s.mustBalance(before - 2)
		}},
	{"cash-zero", Text{"Nothing paid takes nothing", "零金额不扣款"}, commitClause,
		Text{"A payment of 0 fen leaves the balance.", "零金额交易余额不变。"}, needPay, func(s *session) {
			s.selectAir()
			before := s.balanceNow()
			p := s.qpbocHere(s.reader(readerGate, 0))
			if p.afl == nil {
				s.skip("the card does not approve 0 fen offline", "卡片不脱机批准零金额交易")
			}
			s.readRecords(p.afl)
			s.mustBalance(before)
		}},
	{"cash-counter-kept", Text{"The commit uses no counter", "提交不计数"}, commitClause,
		Text{"Reading the last record leaves 9F36 as the answer gave it.", "读末条记录后 9F36 与应答一致。"}, needPay, func(s *session) {
			p, _ := s.pay()
			s.must(s.atcNow() == p.atc, "expected 9F36 %04X, got %04X", p.atc, s.atcNow())
		}},
	{"cash-lasting", Text{"The new balance lasts", "新余额掉电保持"}, commitClause,
		Text{"The balance after a payment is the same after a reset.", "支付后的余额在复位后不变。"}, needPay, func(s *session) {
			s.pay()
			after := s.balanceNow()
			s.again()
			s.selectAir()
			s.mustBalance(after)
		}},
	{"cash-foretold", Text{"The answer foretells the balance", "应答预告余额"}, commitClause,
		Text{"The balance that 9F10 states is the one on the card after the last record.", "9F10 所述余额与读末条记录后的卡内余额一致。"}, needPay, func(s *session) {
			p, _ := s.pay()
			told, ok := p.iad.Balance()
			if !ok {
				s.skip("9F10 does not state the balance", "9F10 不含余额")
			}
			s.mustBalance(told)
		}},
	{"cash-within-limit", Text{"Balance within its limit", "余额不超过上限"}, cashClause,
		Text{"The balance 9F79 is not above its limit 9F77.", "余额 9F79 不高于上限 9F77。"}, needCash, func(s *session) {
			s.selectAny()
			limit, err := money.FromN12(s.object(tlv.TagECBalanceLimit))
			s.must(err == nil && s.balanceNow() <= limit, "expected 9F79 at most %v, got %v", limit, s.balanceNow())
		}},
	{"cash-single-within-limit", Text{"Single limit within the balance limit", "单笔限额不超过余额上限"}, cashClause,
		Text{"The single limit 9F78 is not above the balance limit 9F77.", "单笔限额 9F78 不高于余额上限 9F77。"}, needCash, func(s *session) {
			s.selectAny()
			limit, err := money.FromN12(s.object(tlv.TagECBalanceLimit))
			single, err2 := money.FromN12(s.object(tlv.TagECSingleLimit))
			s.must(err == nil && err2 == nil && single <= limit, "expected 9F78 at most %v, got %v", limit, single)
		}},
	{"cash-available", Text{"Available amount equals the balance", "可用余额等于余额"}, "JR/T 0025.12, 9F5D",
		Text{"With the electronic cash check GET DATA 9F5D is the balance.", "采用电子现金检查时 GET DATA 9F5D 等于余额。"}, needPay | needOptions, func(s *session) {
			l := s.decisionLimits()
			s.option(&l, bitCash, true, "the funds test is another", "脱机资金检查为其他方式")
			if _, ok := s.objects[tlv.TagAvailableOffline]; !ok {
				s.skip("the card does not give 9F5D", "卡片不提供 9F5D")
			}
			v, err := money.FromN12(s.object(tlv.TagAvailableOffline))
			s.must(err == nil && v == l.balance, "expected 9F5D %v, got %v", l.balance, v)
		}},
	{"tear-after-answer", Text{"Card pulled out after the answer", "应答后拔卡"}, tearClause,
		Text{"A reset after GET PROCESSING OPTIONS leaves the balance, and the payment is gone.", "取处理选项后复位，余额不变，该笔支付作废。"}, needPay, func(s *session) {
			s.torn(func(p *processing) {})
		}},
	{"tear-between-records", Text{"Card pulled out between records", "读记录间拔卡"}, tearClause,
		Text{"A reset before the last record leaves the balance.", "读末条记录前复位，余额不变。"}, needPay, func(s *session) {
			s.torn(func(p *processing) { s.readButLast(p.afl) })
		}},
	{"tear-counter-used", Text{"A torn payment has used its counter", "中断的支付消耗计数器"}, tearClause,
		Text{"After a torn payment the next one has the next counter.", "中断后下一笔交易使用下一个计数器。"}, needPay, func(s *session) {
			p := s.approval()
			s.again()
			q, _ := s.pay()
			s.must(q.atc == p.atc+1, "expected counter %04X, got %04X", p.atc+1, q.atc)
		}},
	{"tear-after-last", Text{"Card pulled out after the last record", "末条记录后拔卡"}, tearClause,
		Text{"A reset after the last record leaves the payment taken, once.", "读末条记录后复位，该笔支付已扣且仅扣一次。"}, needPay, func(s *session) {
			s.selectAir()
			before := s.balanceNow()
			s.pay()
			s.again()
			s.selectAir()
			s.mustBalance(before - 1)
		}},
	{"tear-last-again", Text{"Last record again after a reset", "复位后重读末条记录"}, "JR/T 0025.12, annex F",
		Text{"A card that gives its last answer again gives it as it was, and takes nothing more.", "能重发末次应答的卡应答内容不变且不再扣款。"}, needPay, func(s *session) {
			p, r := s.pay()
			all := s.places(p.afl)
			last := all[len(all)-1]
			s.again()
			s.selectAir()
			before := s.balanceNow()
			data, sw := s.send(readRecord(last.sfi, last.number))
			s.mustBalance(before)
			if sw == apdu.SWConditions {
				s.skip("the card does not give its last answer again", "卡片不重发末次应答")
			}
			s.must(sw == apdu.SWOK && bytes.Equal(data, r.list[len(r.list)-1].raw), "expected the last record %X again, got %X %v", r.list[len(r.list)-1].raw, data, sw)
		}},
	{"tear-reselect", Text{"Selection instead of the last record", "未读末条记录即重新选择"}, tearClause,
		Text{"SELECT between answer and last record ends the payment without taking it.", "应答与末条记录之间重新选择，支付作废不扣款。"}, needPay, func(s *session) {
			s.selectAir()
			before := s.balanceNow()
			p := s.approval()
			all := s.places(p.afl)
			last := all[len(all)-1]
			s.selectAir()
			s.send(readRecord(last.sfi, last.number))
			s.mustBalance(before)
		}},
	{"tear-next-works", Text{"The next payment works", "下一笔支付正常"}, tearClause,
		Text{"After a torn payment a whole one is taken and signed with a counter of its own.", "中断之后完整的支付可正常完成。"}, needPay, func(s *session) {
			s.selectAir()
			before := s.balanceNow()
			p := s.approval()
			s.readButLast(p.afl)
			s.again()
			s.pay()
			s.mustBalance(before - 1)
		}},
	{"tear-old-last", Text{"Last record of a torn payment", "中断支付的末条记录"}, tearClause,
		Text{"After a new GET PROCESSING OPTIONS was torn, its last record is not the answer of an earlier payment.", "新交易中断后，其末条记录不得是先前交易的应答。"}, needPay, func(s *session) {
			_, r := s.pay()
			if _, ok := r.values[tlv.TagCardAuthenticationData]; !ok {
				s.skip("the card does not use fDDA version 01", "卡片未采用 fDDA 版本 01")
			}
			old := r.list[len(r.list)-1].raw
			p := s.approval()
			all := s.places(p.afl)
			last := all[len(all)-1]
			s.again()
			s.selectAir()
			data, _ := s.send(readRecord(last.sfi, last.number))
			s.must(!bytes.Equal(data, old), "expected the last record of the earlier payment to be gone, got %X", data)
		}},
}

func (s *session) mustBalance(want money.Fen) {
	got := s.balanceNow()
	s.must(got == want, "expected the balance 9F79 %v, got %v", want, got)
}

// torn goes through a part of a payment and resets the card: nothing may be paid.
func (s *session) torn(part func(*processing)) {
	s.selectAir()
	before := s.balanceNow()
	p := s.approval()
	s.must(p.iad.Result() == cryptogram.TC, "expected an approval, got %v", p.iad.Result())
	part(p)
	s.again()
	s.selectAir()
	s.mustBalance(before)
	all := s.places(p.afl)
	last := all[len(all)-1]
	s.send(readRecord(last.sfi, last.number))
	s.mustBalance(before)
}
