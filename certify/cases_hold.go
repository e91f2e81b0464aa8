package certify

import (
	"bytes"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

const (
	holdClause     = "JR/T 0025.14, pre-authorisation"
	completeClause = "JR/T 0025.14, completion of a pre-authorisation"
)

var holdCases = []Case{
	{"hold-unread", Text{"Hold without a record", "未读记录的预授权"}, holdClause,
		Text{"DF60 02 without READ CAPP DATA before it is answered with 6985.", "未先读扩展数据的 DF60 02 应答 6985。"}, needTransit | needCash, func(s *session) {
			s.holding()
			s.selectAir()
			s.refused(processingOptions(s.values(s.air.pdol, s.tripReader(tradeHold, 1))), apdu.SWConditions)
		}},
	{"hold-unsupported", Text{"Hold on a card without holds", "不支持预授权的卡"}, extensionClause,
		Text{"A card with DF61 01 refuses DF60 02 with 6985.", "DF61 为 01 的卡以 6985 拒绝 DF60 02。"}, needRead | needCash, func(s *session) {
			if s.transit.support != 1 {
				s.skip("the card has pre-authorisation", "卡片支持预授权")
			}
			s.selectAir()
			s.journeyNow(s.journey(0))
			s.refused(processingOptions(s.values(s.air.pdol, s.tripReader(tradeHold, 1))), apdu.SWConditions)
		}},
	{"hold-none", Text{"Completion without a hold", "无预授权的完成"}, completeClause,
		Text{"DF60 03 for a record without a hold is answered with 6973.", "无预授权记录的 DF60 03 应答 6973。"}, needRead | needCash, func(s *session) {
			s.holding()
			s.selectAir()
			s.journeyNow(s.journey(0))
			s.refused(processingOptions(s.values(s.air.pdol, s.tripReader(tradeComplete, 1))), apdu.SWCAPPNoHold)
		}},
	{"hold-no-cryptogram", Text{"A hold has no cryptogram", "预授权无应用密文"}, holdClause,
		Text{"The answer to a pre-authorisation is without 9F26.", "预授权的应答不含 9F26。"}, needRead | needCash, func(s *session) {
			s.holding()
			s.selectAir()
			s.journeyNow(s.journey(0))
			p := s.trip(tradeHold, 1)
			s.must(p.fields[tlv.TagAC] == nil, "expected no 9F26, got %X", p.raw)
		}},
	{"hold-takes", Text{"A hold takes and gives back", "预授权冻结与释放"}, holdClause,
		Text{"A hold of 3 fen takes 3 fen from the balance at the last record; a completion of 0 gives them back.", "预授权 3 分在末条记录时减少余额，零金额完成后恢复。"}, needUpdate, func(s *session) {
			before := s.held(3)
			s.mustBalance(before - 3)
			s.completes(0)
			s.mustBalance(before)
		}},
	{"hold-torn", Text{"A torn hold holds nothing", "中断的预授权不冻结"}, holdClause,
		Text{"A reset before the last record leaves the balance, and there is nothing to complete.", "末条记录前复位，余额不变，且无可完成的预授权。"}, needUpdate, func(s *session) {
			s.holding()
			s.selectAir()
			j := s.journey(0)
			now, before := s.journeyNow(j), s.balanceNow()
			p := s.trip(tradeHold, 3)
			s.ok(s.updateJourney(j.sfi, p.atc, now))
			s.readButLast(p.afl)
			s.again()
			s.selectAir()
			s.mustBalance(before)
			s.journeyNow(j)
			s.refused(processingOptions(s.values(s.air.pdol, s.tripReader(tradeComplete, 0))), apdu.SWCAPPNoHold)
		}},
	{"hold-again", Text{"Second hold of a record", "同一记录再次预授权"}, holdClause,
		Text{"A second hold for the same record is answered with 6972.", "同一记录的第二次预授权应答 6972。"}, needUpdate, func(s *session) {
			before := s.held(1)
			s.again()
			s.selectAir()
			s.journeyNow(s.journey(0))
			s.refused(processingOptions(s.values(s.air.pdol, s.tripReader(tradeHold, 1))), apdu.SWCAPPHoldOpen)
			s.mustBalance(before - 1)
		}},
	{"hold-fourth", Text{"Fourth hold", "第四笔预授权"}, holdClause,
		Text{"With three holds open a fourth is answered with 6971.", "已有三笔预授权时第四笔应答 6971。"}, needUpdate | needDestructive, func(s *session) {
			s.holding()
			list := []journeyRecord{s.journey(0), s.journey(1), s.journey(2)}
			extra := s.addedRecord()
			for _, j := range list {
				s.mayHold(j, 1)
			}
			s.again()
			s.selectAir()
			s.journeyNow(extra)
			s.refused(processingOptions(s.values(s.air.pdol, s.tripReader(tradeHold, 1))), apdu.SWCAPPTooManyHolds)
		}},
	{"hold-proof", Text{"Proof of a hold", "预授权的凭证"}, proveClause,
		Text{"GET TRANS PROVE of a hold gives eight zeros.", "预授权的交易凭证为八字节零。"}, needUpdate, func(s *session) {
			s.holding()
			p := s.mayHold(s.journey(0), 1)
			s.mustProve(p.atc, make([]byte, 8))
		}},
	{"hold-above", Text{"Hold above the balance", "预授权超过余额"}, holdClause,
		Text{"A hold of more than balance and deposit is declined.", "超过余额与抵扣限额之和的预授权被拒绝。"}, needRead | needCash | needOptions, func(s *session) {
			s.holding()
			s.selectAir()
			l, amount := s.cashLimits(), s.room()+1
			before := s.balanceNow()
			s.mayAsk(amount)
			s.journeyNow(s.journey(0))
			t := s.reader(s.gateFor(&l, amount), amount)
			t.trade = tradeHold
			data, sw := s.gpo(s.air, t)
			iad, _ := tlv.Find(data, tlv.TagResponseFormat2, tlv.TagIAD)
			s.must(sw != apdu.SWOK || len(iad) > 4 && iad[4]&0x30 == 0, "expected a refusal or an AAC, got %X %v", data, sw)
			s.mustBalance(before)
		}},
	{"complete-less", Text{"Completion of less than was held", "完成金额少于冻结"}, completeClause,
		Text{"Of 3 fen held 1 is taken and 2 come back.", "冻结 3 分完成 1 分，退回 2 分。"}, needUpdate, func(s *session) {
			before := s.held(3)
			s.completes(1)
			s.spent++
			s.mustBalance(before - 1)
		}},
	{"complete-more", Text{"Completion of more than was held", "完成金额多于冻结"}, completeClause,
		Text{"With 1 fen held a completion of 2 takes one more from the balance.", "冻结 1 分完成 2 分，再扣余额 1 分。"}, needUpdate, func(s *session) {
			before := s.held(1)
			s.completes(2)
			s.spent += 2
			s.mustBalance(before - 2)
		}},
	{"complete-ends", Text{"A completion ends the hold", "完成后预授权结束"}, completeClause,
		Text{"A second completion is answered with 6973.", "再次完成应答 6973。"}, needUpdate, func(s *session) {
			s.held(1)
			s.completes(0)
			s.again()
			s.selectAir()
			s.journeyNow(s.journey(0))
			s.refused(processingOptions(s.values(s.air.pdol, s.tripReader(tradeComplete, 0))), apdu.SWCAPPNoHold)
		}},
	{"complete-cryptogram", Text{"Cryptogram of a completion", "完成交易的应用密文"}, "JR/T 0025.7, application cryptogram",
		Text{"The cryptogram of a completion verifies, and GET TRANS PROVE gives it.", "完成交易的应用密文验证正确，取交易凭证给出该密文。"}, needUpdate | needKeys, func(s *session) {
			s.held(1)
			p := s.completes(0)
			s.checkAnswerAC(p)
			s.mustProve(p.atc, p.ac[:])
		}},
	{"complete-torn", Text{"A torn completion leaves the hold", "中断的完成保留预授权"}, completeClause,
		Text{"A reset before the last record leaves the hold, which can be completed then.", "末条记录前复位，预授权仍在，可再次完成。"}, needUpdate, func(s *session) {
			before := s.held(2)
			s.again()
			s.selectAir()
			j := s.journey(0)
			now := s.journeyNow(j)
			p := s.trip(tradeComplete, 0)
			s.ok(s.updateJourney(j.sfi, p.atc, now))
			s.readButLast(p.afl)
			s.again()
			s.selectAir()
			s.mustBalance(before - 2)
			s.completes(0)
			s.mustBalance(before)
		}},
	{"complete-deposit", Text{"A completion gives the deposit back first", "完成时先补足抵扣额"}, completeClause,
		Text{"Balance 10: hold 6, fare 8, completion 3 leave balance 0 and DF63 1.", "余额 10 分：预授权 6 分、扣费 8 分、完成 3 分后，余额为零，DF63 为 1 分。"}, needDeposit, func(s *session) {
			s.holding()
			a, b := s.journey(0), s.journey(1)
			s.poor(10, 4)
			s.mayHold(a, 6)
			s.selectAir()
			s.mustMoney(4, 0)
			s.pays(b, tradeFare, 8, nil)
			s.selectAir()
			s.mustMoney(0, 4)
			s.again()
			s.pays(a, tradeComplete, 3, nil)
			s.selectAir()
			s.mustMoney(0, 1)
		}},
	{"hold-record", Text{"A hold writes its record", "预授权写记录"}, holdClause,
		Text{"The record updated with a hold is committed with it.", "预授权交易中的记录更新一并提交。"}, needUpdate, func(s *session) {
			s.holding()
			s.selectAir()
			j := s.journey(0)
			old := s.journeyNow(j)
			defer s.putBack(j, old)
			s.freeing(j)
			s.pays(j, tradeHold, 1, altered(old))
			s.selectAir()
			s.must(bytes.Equal(s.journeyNow(j), altered(old)), "expected the new record after the hold")
		}},
}

// holding skips cards without pre-authorisation.
func (s *session) holding() {
	if s.transit.support != 2 {
		s.skip("the card has no pre-authorisation (DF61)", "卡片不支持预授权（DF61）")
	}
}

// mayHold makes a hold for a record, which is completed with nothing when the case is
// over, if it is still open then.
func (s *session) mayHold(j journeyRecord, amount money.Fen) *processing {
	s.freeing(j)
	return s.pays(j, tradeHold, amount, nil)
}

// freeing sees to it that no hold for a record outlives the case.
func (s *session) freeing(j journeyRecord) {
	s.atEnd = append([]func(*session){func(s *session) {
		s.selectAir()
		now := s.journeyNow(j)
		t := s.tripReader(tradeComplete, 0)
		data, sw := s.gpo(s.air, t)
		if sw != apdu.SWOK {
			return
		}
		p := &processing{side: s.air, reader: t, raw: data}
		_, p.fields = s.openTemplate("the answer to GET PROCESSING OPTIONS", tlv.TagResponseFormat2, data)
		atc := p.fields[tlv.TagATC]
		s.must(len(atc) == 2, "expected 9F36")
		s.ok(s.updateJourney(j.sfi, number16(atc), now))
		s.readRecords(p.fields[tlv.TagAFL])
	}}, s.atEnd...)
}

// held makes a hold for the first record and gives the balance before it.
func (s *session) held(amount money.Fen) (before money.Fen) {
	s.holding()
	s.selectAir()
	before = s.balanceNow()
	s.mayHold(s.journey(0), amount)
	return before
}

// completes ends the hold of the first record.
func (s *session) completes(amount money.Fen) *processing {
	p := s.pays(s.journey(0), tradeComplete, amount, nil)
	s.must(p.iad.Result() == cryptogram.TC, "expected a TC for a completion, got %v", p.iad.Result())
	return p
}
