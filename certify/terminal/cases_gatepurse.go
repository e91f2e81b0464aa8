package terminal

import (
	"bytes"
	"encoding/binary"
	"slices"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/wire/apdu"
)

const (
	purseClause = "JT/T 978; JR/T 0025, electronic purse"
	moneyOfOne  = 80_00 // of the purses of these cases
)

// rides is a plan of a card with nothing but a purse.
func rides(card func(*spec), kinds ...Kind) plan {
	return ride(several(withPurse(moneyOfOne, true), card), kinds...)
}

// purseShut is a case of a purse's entry that must not open, before the purse is asked to
// pay.
func purseShut(id string, name, purpose [2]string, card func(*spec)) Case {
	return Case{"purse-" + id, text(name[0], name[1]), purseClause, text(purpose[0], purpose[1]), end(declined, failed), needPurse,
		rides(card, Entry), func(v *verdict) {
			v.must(len(v.all(insSelect)) > 0, "expected the terminal to look at the card")
			v.count(insInit, 0)
			v.count(insDebit, 0)
			v.unpaid()
		}}
}

// purseMoved wants a purse's record to say where the rider is now.
func (v *verdict) purseMoved(before, after []byte, state byte, amount money.Fen) {
	v.journey(before, after, state, amount)
	v.must(v.after.purse.balance == v.before.purse.balance-amount, "expected the balance %v, got %v", v.before.purse.balance-amount, v.after.purse.balance)
}

// purseEntered wants an entry by the purse.
func (v *verdict) purseEntered() {
	amount := v.bought()
	v.must(amount == 0, "expected nothing to be paid at the entry, got %v", amount)
	v.purseMoved(v.before.purse.metro, v.after.purse.metro, stateIn, 0)
}

// purseLeft wants an exit by the purse.
func (v *verdict) purseLeft() money.Fen {
	amount := v.bought()
	v.must(amount > 0, "expected the fare at the exit, got nothing")
	v.purseMoved(v.before.purse.metro, v.after.purse.metro, stateOut, amount)
	return amount
}

// purseTrip wants one new line in the purse's file 1E. Its type is the operator's.
func (v *verdict) purseTrip(trade byte, amount money.Fen) {
	if !v.must(len(v.after.purse.trips) == len(v.before.purse.trips)+1, "expected one new record in file 1E") {
		return
	}
	t := v.after.purse.trips[0]
	v.must(t[tripTrade] == trade, "expected the trade %02X in the record of file 1E, got %02X", trade, t[tripTrade])
	got := money.Fen(binary.BigEndian.Uint32(t[tripAmount:]))
	v.must(got == amount, "expected the amount %v in the record of file 1E, got %v", amount, got)
	balance := binary.BigEndian.Uint32(t[tripBalance:])
	v.must(balance == 0xFFFFFFFF || money.Fen(balance) == v.after.purse.balance, "expected the balance %v or FFFFFFFF in the record of file 1E, got %08X", v.after.purse.balance, balance)
}

// purseOnce wants one payment in all.
func (v *verdict) purseOnce() {
	n := len(v.after.purse.payments) - len(v.before.purse.payments)
	v.must(n == 1, "expected one payment in all, got %s", times(n))
}

// purseProofs wants GET TRANSACTION PROVE for the torn purchase: its number as the log
// has it, or the one before.
func (v *verdict) purseProofs() {
	before := v.before.purse.seq
	asked := slices.ContainsFunc(v.all(insProve), func(x *exchange) bool {
		n := uint16(0)
		if len(x.cmd.Data) == 2 {
			n = binary.BigEndian.Uint16(x.cmd.Data)
		}
		return n == before || n == before+1
	})
	v.must(asked, "expected GET TRANSACTION PROVE with the number %04X of the card that is back", before+1)
}

// purseBack is a ride by purse whose last tap is torn and whose card comes back.
func purseBack(card func(*spec), tear func() *edit, kinds ...Kind) plan {
	return back(several(withPurse(moneyOfOne, true), card), tear, kinds...)
}

func nothing(*spec) {}

var gatePurseCases = []Case{
	{"purse-entry", text("Entry by purse", "钱包进站"), purseClause,
		text("The record is read, INITIALIZE FOR CAPP PURCHASE with nothing, the records, DEBIT under MAC1: the purse says that it is inside.", "读记录，复合消费初始化金额 0，写缓存，带 MAC1 扣款：钱包记为已进站。"), end(offline), needPurse,
		rides(nothing, Entry), func(v *verdict) {
			v.purseEntered()
			v.stamped()
		}},
	{"purse-exit", text("Exit by purse", "钱包出站"), purseClause,
		text("Behind an entry the exit pays the fare from the purse, and the record says so.", "进站后出站由钱包支付车费并更新记录。"), end(offline), needPurse,
		rides(nothing, Entry, Exit), func(v *verdict) {
			v.earlier(0, v.purseEntered)
			v.purseLeft()
		}},
	{"purse-trips", text("Purse journey in file 1E", "钱包行程流水"), purseClause,
		text("Each tap leaves one record in file 1E with its amount and the balance behind it.", "每次刷卡在 1E 文件留下含金额与余额的记录。"), end(offline), needPurse,
		rides(nothing, Entry, Exit), func(v *verdict) {
			v.earlier(0, func() { v.purseTrip(tradeMetro, v.bought()) })
			v.purseTrip(tradeMetro, v.bought())
		}},
	{"purse-bus", text("Bus by purse", "钱包乘公交"), purseClause,
		text("A ride is paid from the purse in one tap, and only the bus's record changes.", "单次刷卡由钱包支付，仅更新公交记录。"), end(offline), needPurse,
		rides(nothing, Bus), func(v *verdict) {
			amount := v.bought()
			v.must(amount > 0, "expected a fare, got nothing")
			v.purseMoved(v.before.purse.bus, v.after.purse.bus, stateOut, amount)
			v.must(bytes.Equal(v.before.purse.metro, v.after.purse.metro), "expected the metro's record to stay as it is")
		}},
	{"purse-and-bank", text("Purse and bank application", "钱包与银行应用并存"), appsClause,
		text("A card with both pays entry and exit by the same application; the other one stays as it is.", "同时有钱包与银行应用的卡片进出站使用同一应用，另一应用不变。"), end(offline), needPurse,
		ride(several(transit(1), withPurse(moneyOfOne, false)), Entry, Exit), func(v *verdict) {
			byPurse := []int{}
			for n := range v.rounds {
				v.turn(n)
				purse, bank := len(v.after.purse.payments)-len(v.before.purse.payments), len(v.after.commits)-len(v.before.commits)
				v.must(purse+bank == 1, "expected one of purse and bank application to pay in tap %d, got %d payments", n+1, purse+bank)
				byPurse = append(byPurse, purse)
			}
			v.must(byPurse[0] == byPurse[1], "expected entry and exit to be paid by the same application")
		}},
	{"purse-short", text("Not enough in the purse", "钱包余额不足"), purseClause,
		text("9401 to INITIALIZE FOR CAPP PURCHASE: nothing is debited and the gate stays shut.", "初始化应答 9401 时不扣款、不开闸。"), end(declined, failed), needPurse,
		rides(func(s *spec) { s.union.balance = 1 }, Entry, Exit), func(v *verdict) {
			v.first(insInit)
			v.count(insCache, 0)
			v.count(insDebit, 0)
			v.unpaid()
		}},
	{"purse-update-refused", text("Record of the purse refused", "钱包记录被拒"), purseClause,
		text("If the purse refuses the record it is not debited.", "钱包拒绝记录时不扣款。"), end(declined, failed), needPurse,
		rides(refusing(insCache, 1, apdu.SWWrongData), Entry), func(v *verdict) {
			v.first(insCache)
			v.count(insDebit, 0)
			v.unpaid()
		}},
	{"purse-debit-refused", text("Debit refused", "扣款被拒"), purseClause,
		text("A purse that refuses DEBIT has not paid: the gate stays shut.", "钱包拒绝扣款时不开闸。"), end(declined, failed, doubt), needPurse,
		rides(refusing(insDebit, 1, apdu.SWPurseMAC), Entry), func(v *verdict) {
			v.first(insDebit)
			v.unpaid()
		}},
	{"purse-wrong-answer", text("Wrong MAC2", "MAC2 错误"), purseClause,
		text("A debit whose MAC2 is wrong is not the card's: the gate stays shut.", "MAC2 错误的扣款应答不可信，不开闸。"), end(declined, failed, doubt), needPurse,
		rides(func(s *spec) {
			s.edits = append(s.edits, at(insDebit, 1).change(func(b []byte) []byte { b[len(b)-1] ^= 1; return b }))
		}, Entry), func(v *verdict) { v.first(insDebit) }},
	purseShut("expired", [2]string{"Purse has expired", "钱包已过期"}, [2]string{"A purse past its last day is not asked to pay.", "超过有效期的钱包不发起消费。"},
		func(s *spec) { s.purse = func(u *unionPurse) { copy(u.info[24:], []byte{0x20, 0x20, 0x12, 0x31}) } }),
	purseShut("not-yet", [2]string{"Purse is not valid yet", "钱包尚未生效"}, [2]string{"A purse before its first day is not asked to pay.", "未到生效日期的钱包不发起消费。"},
		func(s *spec) { s.purse = func(u *unionPurse) { copy(u.info[20:], []byte{0x20, 0x48, 0x01, 0x01}) } }),
	purseShut("locked", [2]string{"Locked record of a purse", "钱包记录锁定"}, [2]string{"A purse whose record is locked does not enter.", "记录锁定的钱包不得进站。"},
		func(s *spec) { s.purse = func(u *unionPurse) { u.metro[atLocked] = 1 } }),
	purseShut("blocked", [2]string{"Blocked purse", "钱包锁定"}, [2]string{"A purse that answers 6283 to SELECT is not asked to pay.", "选择应答 6283 的钱包不发起消费。"},
		func(s *spec) { s.entries[0].status = apdu.SWInvalidated }),
	purseShut("garbled", [2]string{"Senseless record of a purse", "钱包记录非法"}, [2]string{"A purse whose record has a state that is none leads to no journey.", "记录状态非法的钱包不构成行程。"},
		func(s *spec) { s.purse = func(u *unionPurse) { u.metro[atState] = 0x7F } }),
	{"purse-torn-paid", text("Purse torn when it had paid", "钱包扣款后闪卡"), purseClause + ", GET TRANSACTION PROVE",
		text("A purse that has paid and comes back proves it, and is let through without paying again.", "已扣款的钱包重刷时以交易证明放行，不再扣款。"), end(offline), needPurse | needAgain,
		purseBack(nothing, func() *edit { return at(insDebit, 1).unheard() }, Entry, Exit), func(v *verdict) {
			v.purseOnce()
			v.purseProofs()
			v.count(insDebit, 1)
			v.purseLeft()
		}},
	{"purse-torn-unpaid", text("Purse torn before it paid", "钱包扣款前离开"), purseClause + ", GET TRANSACTION PROVE",
		text("9406 says that nothing was paid: the purse pays when it is back, once.", "应答 9406 表示未扣款，重刷后扣款一次。"), end(offline), needPurse | needAgain,
		purseBack(nothing, func() *edit { return at(insDebit, 1).lost() }, Entry, Exit), func(v *verdict) {
			v.purseOnce()
			v.purseProofs()
			v.purseLeft()
		}},
	{"purse-torn-early", text("Purse torn at its record", "钱包写缓存时离开"), purseClause,
		text("A purse that left before DEBIT has paid nothing: it pays when it is back, once.", "扣款前离开的钱包未扣款，重刷后扣款一次。"), end(offline), needPurse | needAgain,
		purseBack(nothing, func() *edit { return at(insCache, 1).unheard() }, Entry), func(v *verdict) {
			v.purseOnce()
			v.purseEntered()
		}},
	{"purse-torn-gone", text("Purse torn and gone", "钱包闪卡后未返回"), purseClause,
		text("A purse whose answer to DEBIT is lost is a doubt, and the gate does not open.", "扣款应答丢失时存疑且不开闸。"), end(doubt), needPurse,
		rides(func(s *spec) { s.edits = append(s.edits, at(insDebit, 1).unheard()) }, Entry), func(v *verdict) { v.purseOnce() }},
	{"purse-torn-forged", text("Forged proof of a purse", "钱包交易证明被改"), purseClause + ", GET TRANSACTION PROVE",
		text("A proof whose codes are wrong opens nothing for a purse that has not paid.", "证明码错误时不得为未扣款的钱包开闸。"), end(offline, declined, doubt, failed), needPurse | needAgain,
		purseBack(func(s *spec) {
			s.edits = append(s.edits, &edit{ins: insProve, p1: -1, p2: -1, do: func(x *exchange) { x.answer = good9000(make([]byte, 8)) }})
		}, func() *edit { return at(insDebit, 1).lost() }, Entry, Exit), func(v *verdict) {
			n := len(v.after.purse.payments) - len(v.before.purse.payments)
			v.must(n <= 1, "expected one payment at most, got %s", times(n))
			v.must(v.reported.Outcome != offline || n == 1, "expected no opening for a proof without a payment")
			v.purseProofs()
		}},
}
