package terminal

import (
	"bytes"

	"github.com/citycard/citycard/wire/apdu"
)

const proveClause = "JR/T 0025.14 annex C, GET TRANS PROVE"

// back is a ride whose last tap is torn, and whose card comes back within it.
func back(card func(*spec), tear func() *edit, kinds ...Kind) plan {
	p := ride(several(card, func(s *spec) {
		e := tear()
		e.tap = len(kinds)
		s.edits = append(s.edits, e)
	}), kinds...)
	p.again = true
	return p
}

// forgetful is a card that does not repeat its last record behind SELECT: only GET TRANS
// PROVE tells what became of a torn tap.
func forgetful(support byte) func(*spec) {
	return several(transit(support), func(s *spec) { s.forgets = true })
}

// proveAnswer changes what GET TRANS PROVE answers.
func proveAnswer(f func(*exchange)) func(*spec) {
	return func(s *spec) {
		e := at(insProve, 0)
		e.do = f
		s.edits = append(s.edits, e)
	}
}

// once wants one payment in all, and an opening only for one.
func (v *verdict) once() {
	n := len(v.after.commits) - len(v.before.commits)
	v.must(n == 1, "expected one payment in all, got %s", times(n))
}

// recordAgain tells whether the record of the card that is back was read under its code.
func (v *verdict) recordAgain() bool {
	for _, x := range v.all(insReadCAPP) {
		if x.life > v.seen[0].life && len(x.cmd.Data) == 10 && x.sw() == apdu.SWOK {
			return true
		}
	}
	return false
}

var lastUnheard = func() *edit { return atRecord(1, 2).paying().unheard() }

var lastLost = func() *edit { return atRecord(1, 2).paying().lost() }

var gateTornCases = []Case{
	{"gate-torn-entry", text("Entry torn at the update", "进站更新时离开"), tornClause,
		text("A card that left at UPDATE has paid nothing: it enters when it is back, once.", "更新时离开的卡片未交易，重刷后进站一次。"), end(offline), needAgain,
		back(transit(1), func() *edit { return at(insUpdate, 1).unheard() }, Entry), func(v *verdict) {
			v.once()
			v.entered()
		}},
	{"gate-torn-log", text("Torn at the second update", "第二次更新时离开"), tornClause,
		text("A card that left between the updates has neither record: both are written when it is back.", "两次更新之间离开的卡片重刷后写入两条记录。"), end(offline), needAgain,
		back(transit(1), func() *edit { return at(insUpdate, 2).lost() }, Entry), func(v *verdict) {
			v.once()
			v.trip(cashEntry, tradeMetro, 0)
		}},
	{"gate-torn-unpaid", text("Exit torn before it was paid", "出站扣款前离开"), proveClause,
		text("If the last READ RECORD did not reach the card it pays when it is back, once.", "最后读记录未达卡片时重刷扣款一次。"), end(offline), needAgain,
		back(transit(1), lastLost, Entry, Exit), func(v *verdict) {
			v.once()
			v.left(tradeFare)
		}},
	{"gate-torn-paid", text("Exit torn when it was paid", "出站扣款后闪卡"), proveClause,
		text("A card that has paid and comes back is let out without paying again.", "已扣款的卡片重刷时放行且不再扣款。"), end(offline), needAgain,
		back(transit(1), lastUnheard, Entry, Exit), func(v *verdict) {
			v.once()
			v.count(insGPO, 1)
			v.left(tradeFare)
		}},
	{"gate-torn-proved", text("Proved by GET TRANS PROVE", "以 GET TRANS PROVE 证明"), proveClause,
		text("If the card does not repeat its last record GET TRANS PROVE with the old counter tells that it has paid.", "卡片不重发最后记录时以旧计数器 GET TRANS PROVE 证明已扣款。"), end(offline), needAgain,
		back(forgetful(1), lastUnheard, Entry, Exit), func(v *verdict) {
			v.once()
			v.count(insGPO, 1)
			v.proofs()
			v.left(tradeFare)
		}},
	{"gate-torn-unproved", text("9406 to GET TRANS PROVE", "GET TRANS PROVE 应答 9406"), proveClause,
		text("9406 to the old counter says that nothing was paid: the exit begins anew and pays once.", "旧计数器应答 9406 表示未扣款，重新出站扣款一次。"), end(offline), needAgain,
		back(forgetful(1), lastLost, Entry, Exit), func(v *verdict) {
			v.proofs()
			v.once()
			v.left(tradeFare)
		}},
	{"gate-torn-other-code", text("Another TC from GET TRANS PROVE", "GET TRANS PROVE 返回其他 TC"), proveClause,
		text("A TC that is not the torn tap's proves nothing: the record under its code may, and the card does not pay a second time.", "返回的 TC 与闪卡交易不符时不构成证明，可凭带 MAC 的记录证明，且不得再次扣款。"), end(offline, declined, doubt, failed), needAgain,
		back(several(forgetful(1), proveAnswer(func(x *exchange) {
			if x.sw() == apdu.SWOK {
				x.answer[0] ^= 1
			}
		})), lastUnheard, Entry, Exit), func(v *verdict) {
			v.once()
			v.proofs()
			v.must(v.reported.Outcome != offline || v.recordAgain(), "expected no opening for another TC without the record under its code")
		}},
	{"gate-torn-replayed", text("TC replayed by a stranger", "TC 被重放"), proveClause,
		text("The TC went over the air before the payment, so it alone opens nothing: the record under its code must say so too.", "TC 在扣款前已经过空中传输，仅凭 TC 不得开闸，须以带 MAC 的记录佐证。"), end(offline, declined, doubt, failed), needAgain,
		back(forgetful(1), lastLost, Entry, Exit).editing(func(s *spec) {
			proveAnswer(func(x *exchange) { x.answer = good9000(s.extension.tc[:]) })(s)
		}), func(v *verdict) {
			n := len(v.after.commits) - len(v.before.commits)
			v.must(n <= 1, "expected one payment at most, got %s", times(n))
			v.must(v.reported.Outcome != offline || n == 1, "expected no opening for a TC without a payment")
			v.proofs()
		}},
	{"gate-torn-hold", text("Pre-authorisation torn when it was made", "预授权完成后闪卡"), proveClause + "; " + holdClause,
		text("GET TRANS PROVE answers zeros for a pre-authorisation: the rider enters, and nothing is held twice.", "预授权的 GET TRANS PROVE 应答为零，放行且不重复预授权。"), end(offline), needAgain | needHold,
		back(forgetful(2), lastUnheard, Entry), func(v *verdict) {
			v.once()
			v.count(insGPO, 1)
			v.made(tradeHold)
		}},
	{"gate-torn-completion", text("Completion torn when it was made", "预授权完成闪卡"), proveClause + "; " + holdClause,
		text("A completion that was paid is proved and not made again.", "已完成的预授权经证明后不再重复。"), end(offline), needAgain | needHold,
		back(forgetful(2), lastUnheard, Entry, Exit), func(v *verdict) {
			v.once()
			v.left(tradeComplete)
		}},
	{"gate-torn-bus", text("Bus ride torn when it was paid", "公交扣款后闪卡"), proveClause,
		text("A ride that was paid is proved and not paid again.", "已扣款的乘车经证明后不再扣款。"), end(offline), needAgain,
		back(forgetful(1), lastUnheard, Bus), func(v *verdict) {
			v.once()
			v.proofs()
			v.trip(cashSingle, tradeBus, v.made(tradeFare).amount)
		}},
	{"gate-torn-gone", text("Torn and gone", "闪卡后未返回"), tornClause,
		text("A torn exit whose card does not come back is a doubt, and does not open.", "闪卡未重刷时存疑且不开闸。"), end(doubt), 0,
		ride(several(transit(1), func(s *spec) {
			e := lastUnheard()
			e.tap = 2
			s.edits = append(s.edits, e)
		}), Entry, Exit), func(v *verdict) { v.made(tradeFare) }},
	{"gate-torn-stranger", text("Another card instead of the torn one", "闪卡后他人刷卡"), proveClause,
		text("The rider who comes behind a torn card is not taken for it: he pays his own fare.", "闪卡之后的乘客不得被当作闪卡者，须支付自己的车费。"), end(offline), needMemory,
		plan{face: Contactless, taps: []step{{Entry, 0}, {Entry, 1}, {Exit, 0}, {Exit, 1}}, card: several(transit(1), func(s *spec) {
			e := lastUnheard()
			e.tap = 2
			s.edits = append(s.edits, e)
		}), second: transit(1)}, func(v *verdict) {
			v.once()
			v.left(tradeFare)
		}},
	{"gate-torn-later", text("Back behind another card", "他人刷卡后重刷"), proveClause,
		text("A torn card that comes back behind another rider is let out without paying again.", "其他乘客之后重刷的闪卡放行且不再扣款。"), end(offline), needMemory,
		plan{face: Contactless, taps: []step{{Entry, 0}, {Entry, 1}, {Exit, 0}, {Exit, 1}, {Exit, 0}}, card: several(transit(1), func(s *spec) {
			e := lastUnheard()
			e.tap = 2
			s.edits = append(s.edits, e)
		}), second: transit(1)}, func(v *verdict) {
			v.unpaid()
			v.count(insGPO, 0)
			v.must(bytes.Equal(v.before.metro, v.after.metro), "expected the journey record to stay as the torn tap left it")
		}},
}

// editing adds a change of the card to a plan.
func (p plan) editing(f func(*spec)) plan {
	p.card = several(p.card, f)
	return p
}
