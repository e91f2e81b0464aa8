package certify

import (
	"bytes"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

const (
	fareClause    = "JR/T 0025.14, section fare"
	depositClause = "JR/T 0025.14, DF62 and DF63 (annex E)"
	indexClause   = "JR/T 0025.14, DF60 (annex E)"
)

var fareCases = []Case{
	{"fare-commit", Text{"Fare and record together", "扣费与记录同时提交"}, fareClause,
		Text{"Balance and record are as before until the last record is read, and both changed after it.", "读末条记录之前余额与记录不变，之后同时改变。"}, needUpdate, func(s *session) {
			s.selectAir()
			j := s.journey(0)
			old, before := s.journeyNow(j), s.balanceNow()
			defer s.putBack(j, old)
			p := s.trip(tradeFare, 1)
			s.ok(s.updateJourney(j.sfi, p.atc, altered(old)))
			s.readButLast(p.afl)
			s.mustBalance(before)
			s.must(bytes.Equal(s.journeyNow(j), old), "expected the record as it was before the last record of the payment")
			at := s.last(p)
			s.ok(readRecord(at.sfi, at.number))
			s.spent++
			s.mustBalance(before - 1)
			s.must(bytes.Equal(s.journeyNow(j), altered(old)), "expected the new record after the last record of the payment")
		}},
	{"fare-lasting", Text{"The new record lasts", "新记录掉电保持"}, fareClause,
		Text{"A record that was committed is the same after a reset.", "已提交的记录在复位后不变。"}, needUpdate, func(s *session) {
			s.selectAir()
			j := s.journey(0)
			old := s.journeyNow(j)
			defer s.putBack(j, old)
			s.pays(j, tradeFare, 0, altered(old))
			s.again()
			s.selectAir()
			s.must(bytes.Equal(s.journeyNow(j), altered(old)), "expected the new record after a reset")
		}},
	{"fare-entry", Text{"An entry costs nothing", "进站不扣费"}, fareClause,
		Text{"A fare of 0 fen is approved, writes the record and leaves the balance.", "零金额的分段扣费予以批准并写记录，余额不变。"}, needUpdate, func(s *session) {
			s.selectAir()
			before, atc := s.balanceNow(), s.atcNow()
			p := s.pays(s.journey(0), tradeFare, 0, nil)
			s.must(p.atc == atc+1, "expected counter %04X, got %04X", atc+1, p.atc)
			s.mustBalance(before)
		}},
	{"fare-amount", Text{"An exit takes the fare", "出站扣费"}, fareClause,
		Text{"A fare of 1 fen takes 1 fen, and its cryptogram and balance are those of a payment.", "1 分扣费减少 1 分，密文与余额同一般支付。"}, needUpdate, func(s *session) {
			s.selectAir()
			before := s.balanceNow()
			p := s.spends(s.journey(0), 1)
			s.mustBalance(before - 1)
			if told, ok := p.iad.Balance(); ok {
				s.must(told == before-1, "expected the balance %v in 9F10, got %v", before-1, told)
			}
		}},
	{"fare-cryptogram", Text{"Cryptogram of a fare", "扣费的应用密文"}, "JR/T 0025.7, application cryptogram",
		Text{"The cryptogram of a fare verifies under the issuer's keys.", "扣费的应用密文以发卡行密钥验证正确。"}, needRead | needKeys, func(s *session) {
			s.selectAir()
			s.journeyNow(s.journey(0))
			s.checkAnswerAC(s.trip(tradeFare, 0))
		}},
	{"fare-signature", Text{"Signature of a fare", "扣费的动态签名"}, "JR/T 0025.12, fDDA",
		Text{"The dynamic signature of a fare verifies, with DF61 in 9F69.", "扣费的动态签名验证正确，9F69 含 DF61。"}, needUpdate | needCA, func(s *session) {
			s.selectAir()
			now := s.journeyNow(s.journey(0))
			p := s.trip(tradeFare, 0)
			s.ok(s.updateJourney(s.journey(0).sfi, p.atc, now))
			r := s.readRecords(p.afl)
			if tag69 := r.values[tlv.TagCardAuthenticationData]; tag69 != nil {
				s.must(len(tag69) == 8 && tag69[7] == s.transit.support, "expected DF61 %02X at the end of 9F69, got %X", s.transit.support, tag69)
			}
			_, data := s.fddaData(p, r)
			reason := s.cardKey(p.aip, r).VerifyDynamic(p.sdad(r), p.atc, data)
			s.must(reason == oda.OK, "expected a dynamic signature that verifies, got: %v", reason)
		}},
	{"fare-torn-answer", Text{"Torn after the update", "更新后拔卡"}, fareClause,
		Text{"A reset after the update leaves balance and record as they were.", "更新之后复位，余额与记录不变。"}, needUpdate, func(s *session) {
			s.tornFare(func(*processing) { s.again() })
		}},
	{"fare-torn-records", Text{"Torn before the last record", "末条记录前拔卡"}, fareClause,
		Text{"A reset after all records but the last leaves balance and record as they were.", "读出除末条外的记录后复位，余额与记录不变。"}, needUpdate, func(s *session) {
			s.tornFare(func(p *processing) { s.readButLast(p.afl); s.again() })
		}},
	{"fare-torn-select", Text{"Fare torn by a selection", "重新选择使扣费作废"}, fareClause,
		Text{"SELECT after the update ends the payment: the last record then commits nothing.", "更新之后重新选择使交易作废，再读末条记录不提交。"}, needUpdate, func(s *session) {
			s.tornFare(func(p *processing) {
				s.selectAir()
				at := s.last(p)
				s.send(readRecord(at.sfi, at.number))
			})
		}},
	{"fare-not-updated", Text{"Fare without an update", "未更新记录的扣费"}, "JR/T 0025.14, status word 6974",
		Text{"If the record that was read was not updated, the last record answers 6974 and nothing is paid.", "所读记录未更新时，末条记录应答 6974 且不扣费。"}, needRead | needCash, func(s *session) {
			s.selectAir()
			before := s.balanceNow()
			s.journeyNow(s.journey(0))
			s.mustOtherRecord(s.trip(tradeFare, 1), before)
		}},
	{"fare-other-record", Text{"Another record updated", "更新了另一条记录"}, "JR/T 0025.14, status word 6974",
		Text{"If another record was updated than the one read last, the last record answers 6974 and nothing is paid.", "更新的不是最后所读的记录时，末条记录应答 6974 且不扣费。"}, needUpdate, func(s *session) {
			a, b := s.journey(0), s.journey(1)
			s.selectAir()
			before := s.balanceNow()
			nowA := s.journeyNow(a)
			nowB := s.journeyNow(b)
			p := s.trip(tradeFare, 1)
			s.ok(s.updateJourney(a.sfi, p.atc, altered(nowA)))
			s.mustOtherRecord(p, before)
			s.must(bytes.Equal(s.journeyNow(a), nowA) && bytes.Equal(s.journeyNow(b), nowB), "expected both records as they were")
		}},
	{"fare-two-records", Text{"Two records in one payment", "一次交易更新两条记录"}, updateClause,
		Text{"Two updates of one payment are both committed.", "同一交易中的两次更新均提交。"}, needUpdate, func(s *session) {
			a, b := s.journey(0), s.journey(1)
			s.selectAir()
			nowB, nowA := s.journeyNow(b), s.journeyNow(a)
			defer s.putBack(a, nowA)
			defer s.putBack(b, nowB)
			p := s.trip(tradeFare, 0)
			s.ok(s.updateJourney(a.sfi, p.atc, altered(nowA)))
			s.ok(s.updateJourney(b.sfi, p.atc, altered(nowB)))
			s.readRecords(p.afl)
			s.must(bytes.Equal(s.journeyNow(a), altered(nowA)), "expected the first record to be changed")
			s.must(bytes.Equal(s.journeyNow(b), altered(nowB)), "expected the second record to be changed")
		}},
	{"fare-trip-record", Text{"The journey is written down", "行程写入循环文件"}, tripClause,
		Text{"A record of file 1E in the same payment is the newest after it, and only after it.", "同一交易写入文件 1E 的记录在提交后成为最新一条。"}, needUpdate | needDestructive, func(s *session) {
			s.selectAir()
			j := s.journey(0)
			now := s.journeyNow(j)
			old, sw := s.send(readRecord(tripFile, 1))
			if sw != apdu.SWOK || len(old) < 10 {
				s.skip("file 1E is not open", "文件 1E 未开通")
			}
			trip := append(bytes.Clone(old[:len(old)-2]), s.random(2)...)
			trip[len(trip)-1] |= 1
			p := s.trip(tradeFare, 0)
			s.ok(s.updateJourney(tripFile, p.atc, trip))
			s.ok(s.updateJourney(j.sfi, p.atc, now))
			s.readButLast(p.afl)
			s.must(bytes.Equal(s.ok(readRecord(tripFile, 1)), old), "expected the newest journey to be the old one before the commit")
			at := s.last(p)
			s.ok(readRecord(at.sfi, at.number))
			s.must(bytes.Equal(s.ok(readRecord(tripFile, 1)), trip), "expected the journey %X as the newest", trip)
		}},
	{"fare-index-high", Text{"Unknown values of DF60", "DF60 未知值"}, indexClause,
		Text{"DF60 above 03 counts as 00: no update is taken.", "DF60 大于 03 视为 00，不接受更新。"}, needRead, func(s *session) {
			for _, trade := range []byte{4, 0x80, 0xFF} {
				s.selectAir()
				now := s.journeyNow(s.journey(0))
				data, sw := s.send(processingOptions(s.values(s.air.pdol, s.tripReader(trade, 0))))
				s.must(sw == apdu.SWOK && len(data) > 0, "expected an answer for DF60 %02X, got %v", trade, sw)
				// No other command may come before, it would close the way itself.
				s.refused(s.updateUnder(cryptogram.Key{}, s.journey(0).sfi, 0, now), apdu.SWConditions)
				s.again()
			}
		}},
	{"fare-plain-payment", Text{"A plain payment as ever", "普通支付不受影响"}, indexClause,
		Text{"With DF60 00 an extension card pays as any other, without an update.", "DF60 为 00 时扩展卡与普通卡同样支付，无需更新。"}, needTransit | needPay, func(s *session) {
			s.noQuota()
			s.selectAir()
			before := s.balanceNow()
			s.pay()
			s.mustBalance(before - 1)
		}},
	{"fare-above", Text{"More than balance and deposit", "超过余额与抵扣限额"}, fareClause,
		Text{"A fare above balance and deposit is declined.", "超过余额与抵扣限额之和的扣费被拒绝。"}, needRead | needCash | needOptions, func(s *session) {
			s.selectAir()
			l, amount := s.cashLimits(), s.room()+1
			before := s.balanceNow()
			s.mayAsk(amount)
			s.journeyNow(s.journey(0))
			s.declinedFare(s.gateFor(&l, amount), amount)
			s.mustBalance(before)
		}},
	{"fare-balance-first", Text{"The balance first", "先扣余额"}, depositClause,
		Text{"A fare that the balance covers leaves DF63.", "余额足够时 DF63 不变。"}, needUpdate, func(s *session) {
			s.selectAir()
			used := s.usedDeposit()
			s.spends(s.journey(0), 1)
			s.must(s.usedDeposit() == used, "expected DF63 %v, got %v", used, s.usedDeposit())
		}},
}

// tornFare goes up to the update of a fare of 1 fen, and then another way: nothing may
// have changed.
func (s *session) tornFare(then func(*processing)) {
	s.selectAir()
	j := s.journey(0)
	old, before := s.journeyNow(j), s.balanceNow()
	defer s.putBack(j, old)
	p := s.trip(tradeFare, 1)
	s.ok(s.updateJourney(j.sfi, p.atc, altered(old)))
	then(p)
	s.selectAir()
	s.mustBalance(before)
	s.must(bytes.Equal(s.journeyNow(j), old), "expected the record as it was before the torn fare")
	s.refused(prove(p.atc), apdu.SWProofNotAvailable)
}

// usedDeposit is DF63, 0 on a card that does not tell.
func (s *session) usedDeposit() money.Fen {
	if _, sw := s.send(getData(tlv.TagDeductionUsed)); sw != apdu.SWOK {
		return 0
	}
	return s.amount(tlv.TagDeductionUsed)
}

// room is what a fare may take: balance and the deposit that is left.
func (s *session) room() money.Fen {
	sum := s.balanceNow()
	if _, sw := s.send(getData(tlv.TagDeductionLimit)); sw == apdu.SWOK {
		sum += s.amount(tlv.TagDeductionLimit) - s.usedDeposit()
	}
	return sum
}

// declinedFare sends GET PROCESSING OPTIONS of a fare that a gate must not get.
func (s *session) declinedFare(ttq [4]byte, amount money.Fen) {
	t := s.reader(ttq, amount)
	t.trade = tradeFare
	p := s.qpbocHere(t)
	s.must(p.iad.Result() == cryptogram.AAC, "expected AAC for %s with DF60 01, got %v", p.reader, p.iad.Result())
}
