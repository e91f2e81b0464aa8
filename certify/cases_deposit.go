package certify

import (
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

const needDeposit = needUpdate | needScript

var depositCases = []Case{
	{"deposit-data", Text{"DF62 and DF63 can be read", "可读取 DF62、DF63"}, depositClause,
		Text{"Both have six bytes of n12, and DF63 is not above DF62.", "两者均为六字节 n12，且 DF63 不大于 DF62。"}, needTransit, func(s *session) {
			s.selectAir()
			limit, used := s.amount(tlv.TagDeductionLimit), s.amount(tlv.TagDeductionUsed)
			s.must(used <= limit, "expected DF63 at most %v, got %v", limit, used)
		}},
	{"deposit-pays", Text{"The deposit pays the rest", "余额不足由抵扣限额支付"}, depositClause,
		Text{"With 1 fen left a fare of 3 fen makes the balance 0 and DF63 2 fen more.", "余额 1 分时扣费 3 分，余额为零，DF63 增加 2 分。"}, needDeposit, func(s *session) {
			s.poor(1, 2)
			s.pays(s.journey(0), tradeFare, 3, nil)
			s.mustMoney(0, 2)
		}},
	{"deposit-exact", Text{"Balance and deposit cover a fare", "余额与抵扣限额恰好足够"}, depositClause,
		Text{"A fare of exactly the balance and the deposit that is left is approved, one fen more is declined.", "金额恰为余额与剩余抵扣限额之和时批准，多一分则拒绝。"}, needDeposit, func(s *session) {
			s.poor(1, 1)
			s.selectAir()
			room := s.room()
			if l := s.cashLimits(); room+1 > l.single || l.haveCVM && room+1 > l.cvm {
				s.skip("the limits 9F78 or 9F6B lie below the deposit", "限额 9F78 或 9F6B 低于抵扣限额")
			}
			s.journeyNow(s.journey(0))
			p := s.qpbocHere(s.tripReader(tradeFare, room))
			s.must(p.iad.Result() == cryptogram.TC, "expected TC for %v yuan, got %v", room, p.iad.Result())
			s.selectAir()
			s.journeyNow(s.journey(0))
			s.declinedFare(readerGate, room+1)
		}},
	{"deposit-less-left", Text{"A deposit that was used is gone", "已抵扣部分不可再用"}, depositClause,
		Text{"After a fare that used the deposit, what it covers is less by that.", "抵扣之后可用抵扣额相应减少。"}, needDeposit, func(s *session) {
			s.poor(0, 2)
			s.selectAir()
			room := s.room()
			s.pays(s.journey(0), tradeFare, 2, nil)
			s.selectAir()
			s.journeyNow(s.journey(0))
			s.declinedFare(readerGate, room-1)
		}},
	{"deposit-shops", Text{"No deposit for shops", "抵扣限额不供商户使用"}, indexClause,
		Text{"With DF60 00 more than the balance is declined, whatever the deposit.", "DF60 为 00 时超过余额即拒绝，与抵扣限额无关。"}, needDeposit, func(s *session) {
			s.noQuota()
			s.poor(1, 1)
			s.selectAir()
			p := s.qpbocHere(s.reader(readerGate, 2))
			s.must(p.iad.Result() == cryptogram.AAC, "expected AAC for 2 fen of 1, got %v", p.iad.Result())
		}},
	{"deposit-torn", Text{"A torn fare uses no deposit", "中断的扣费不占用抵扣限额"}, depositClause,
		Text{"A reset before the last record leaves balance and DF63.", "末条记录前复位，余额与 DF63 不变。"}, needDeposit, func(s *session) {
			s.poor(1, 2)
			s.selectAir()
			j := s.journey(0)
			now := s.journeyNow(j)
			p := s.trip(tradeFare, 1)
			s.ok(s.updateJourney(j.sfi, p.atc, now))
			s.again()
			s.selectAir()
			s.mustMoney(1, 0)
		}},
	{"deposit-load", Text{"A load gives the deposit back", "圈存先补足抵扣额"}, depositClause,
		Text{"A load of 5 fen with DF63 2 fen makes the balance 3 fen and DF63 0.", "DF63 为 2 分时圈存 5 分，余额为 3 分，DF63 为零。"}, needDeposit, func(s *session) {
			s.poor(0, 2)
			s.pays(s.journey(0), tradeFare, 2, nil)
			s.setBalance(5)
			s.again()
			s.selectAir()
			s.mustMoney(3, 0)
		}},
	{"deposit-small-load", Text{"A load below the deposit used", "圈存少于已抵扣额"}, depositClause,
		Text{"A load of 1 fen with DF63 2 fen leaves the balance 0 and DF63 1 fen.", "DF63 为 2 分时圈存 1 分，余额仍为零，DF63 为 1 分。"}, needDeposit, func(s *session) {
			s.poor(0, 2)
			s.pays(s.journey(0), tradeFare, 2, nil)
			s.setBalance(1)
			s.again()
			s.selectAir()
			s.mustMoney(0, 1)
		}},
	{"deposit-limit-below", Text{"Limit below what is used", "限额低于已用额"}, depositClause,
		Text{"PUT DATA of a DF62 below DF63 is refused with 6A80.", "DF62 低于 DF63 的设置以 6A80 拒绝。"}, needDeposit, func(s *session) {
			s.poor(0, 2)
			s.pays(s.journey(0), tradeFare, 2, nil)
			s.again()
			d := s.authenticated()
			s.refused(s.putData(d, tlv.TagDeductionLimit, n12(1)), apdu.SWWrongData)
		}},
	{"deposit-used-fixed", Text{"Nobody sets DF63", "DF63 不可设置"}, depositClause,
		Text{"PUT DATA of DF63 is refused with 6A86.", "对 DF63 的设置以 6A86 拒绝。"}, needTransit | needScript, func(s *session) {
			d := s.authenticated()
			s.refused(s.putData(d, tlv.TagDeductionUsed, n12(0)), apdu.SWWrongP1P2)
			s.again()
			s.settled()
		}},
}

// poor leaves the card with a balance and an unused deposit of at least so much, and
// puts the money back when the case is over. The application stays unselected.
func (s *session) poor(balance, deposit money.Fen) {
	s.selectAir()
	before, used := s.balanceNow(), s.usedDeposit()
	if used > 0 {
		s.skip("a part of the deposit is used", "抵扣限额已有占用")
	}
	if _, sw := s.send(getData(tlv.TagDeductionLimit)); sw != apdu.SWOK || s.amount(tlv.TagDeductionLimit) < deposit {
		s.skip("the deposit DF62 is too low", "抵扣限额 DF62 过低")
	}
	s.atEnd = append(s.atEnd, func(s *session) { s.rich(before) })
	s.lent = true
	s.setBalance(balance)
	s.again()
	s.selectAir()
	s.mustMoney(balance, 0)
	s.again()
}

// rich loads a balance, after it has given back what was used of the deposit.
func (s *session) rich(balance money.Fen) {
	s.selectAir()
	if used := s.usedDeposit(); used > 0 {
		s.setBalance(used)
	}
	s.setBalance(balance)
}

// mustMoney judges 9F79 and DF63.
func (s *session) mustMoney(balance, used money.Fen) {
	s.mustBalance(balance)
	got := s.usedDeposit()
	s.must(got == used, "expected DF63 %v, got %v", used, got)
}
