package terminal

import (
	"bytes"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

const (
	cappClause = "JR/T 0025.14 annex C; JT/T 978"
	holdClause = "JR/T 0025.14, DF60 and pre-authorisation"
)

// taps are steps with one card.
func taps(kinds ...Kind) []step {
	var out []step
	for _, k := range kinds {
		out = append(out, step{kind: k})
	}
	return out
}

// ride is a plan of a gate's card.
func ride(card func(*spec), kinds ...Kind) plan {
	return plan{face: Contactless, taps: taps(kinds...), card: card}
}

// rider gives a card some money beside the extension.
func rider(support byte, balance, depositLimit, used money.Fen) func(*spec) {
	return several(transit(support), func(s *spec) {
		s.balance, s.extension.deposit, s.extension.used = balance, depositLimit, used
	})
}

// earlier judges a tap before the last one.
func (v *verdict) earlier(n int, f func()) {
	last := len(v.rounds) - 1
	if n < last {
		v.turn(n)
		v.must(v.reported.Outcome == "" || v.reported.Outcome == offline, "expected tap %d to open, got %s", n+1, v.reported.Outcome)
		f()
		v.turn(last)
	}
}

var gateCases = []Case{
	{"gate-entry", text("Entry", "进站"), cappClause,
		text("READ CAPP DATA, processing options with DF60 01 and amount 0, UPDATE of the record under its code, then the records: the card says that it is inside.", "读行程记录，DF60=01 金额 0 取处理选项，带 MAC 更新记录后读记录：卡内为已进站。"), end(offline), 0,
		ride(transit(1), Entry), func(v *verdict) {
			v.entered()
			v.reads()
		}},
	{"gate-entry-trip", text("Entry in file 1E", "进站流水"), cappClause,
		text("The entry leaves one record in file 1E: type 01, amount 0.", "进站在 1E 文件留下一条类型 01、金额 0 的记录。"), end(offline), 0,
		ride(transit(1), Entry), func(v *verdict) { v.trip(cashEntry, tradeMetro, 0) }},
	{"gate-exit", text("Exit", "出站"), cappClause,
		text("Behind an entry the exit pays the fare with DF60 01, and the record says so.", "进站后出站以 DF60=01 支付车费并更新记录。"), end(offline), 0,
		ride(transit(1), Entry, Exit), func(v *verdict) {
			v.earlier(0, v.entered)
			v.left(tradeFare)
			v.reads()
		}},
	{"gate-exit-trip", text("Exit in file 1E", "出站流水"), cappClause,
		text("The exit leaves one record in file 1E: type 02, the fare, and the balance behind it.", "出站在 1E 文件留下类型 02、车费与余额。"), end(offline), 0,
		ride(transit(1), Entry, Exit), func(v *verdict) { v.trip(cashExit, tradeMetro, v.made(tradeFare).amount) }},
	{"gate-sm", text("Journey of an SM card", "国密卡行程"), cappClause + "; JR/T 0025.17",
		text("A card with SM4 has its records' codes made with SM4.", "SM4 卡片的记录以 SM4 计算 MAC。"), end(offline), needSM,
		ride(several(transit(1), national), Entry, Exit), func(v *verdict) {
			v.earlier(0, v.entered)
			v.left(tradeFare)
			v.trip(cashExit, tradeMetro, v.made(tradeFare).amount)
		}},
	{"gate-random", text("Another random number for every tap", "每次随机数不同"), cappClause,
		text("READ CAPP DATA and processing options have another number in every tap.", "每次刷卡的读记录随机数与不可预知数均不同。"), end(offline), 0,
		ride(transit(1), Entry, Exit), func(v *verdict) {
			seen := map[string]bool{}
			for n := range v.rounds {
				v.turn(n)
				for _, x := range []struct {
					what string
					b    []byte
				}{{"random number of READ CAPP DATA", v.first(insReadCAPP).cmd.Data}, {"9F37", v.first(insGPO).values[tlv.TagUN]}} {
					v.must(len(x.b) > 0 && !seen[x.what+string(x.b)], "expected another %s in every tap, got %X", x.what, x.b)
					seen[x.what+string(x.b)] = true
				}
			}
		}},
	{"gate-before", text("Record before processing options", "先读记录后取处理选项"), cappClause,
		text("READ CAPP DATA comes right behind SELECT, before processing options, and the record that is updated is the one read last.", "读记录在选择之后、取处理选项之前，更新的记录为最后读取的记录。"), end(offline), 0,
		ride(transit(1), Entry), func(v *verdict) {
			v.made(tradeFare)
			for _, x := range v.seen {
				switch x.cmd.INS {
				case insSelect:
					continue
				case insReadCAPP:
					return
				}
				v.must(false, "expected READ CAPP DATA behind SELECT, got %s", insName(x.cmd.INS))
				return
			}
		}},
	{"gate-few", text("Few commands", "命令条数"), "JR/T 0025.14; EMV Contactless Book A, transaction time",
		text("An exit with a card of four records takes at most 11 commands.", "四条记录的卡片出站不超过 11 条命令。"), end(offline), 0,
		ride(transit(1), Entry, Exit), func(v *verdict) {
			v.made(tradeFare)
			v.must(len(v.seen) <= 11, "expected at most 11 commands, got %d", len(v.seen))
		}},
	{"gate-no-entry", text("Exit without an entry", "无进站记录出站"), cappClause,
		text("A card that never entered pays something, or is refused.", "无进站记录的卡片须付费或拒绝。"), end(offline, declined, failed), 0,
		ride(transit(1), Exit), func(v *verdict) {
			v.first(insReadCAPP)
			if v.after.paid > v.before.paid {
				p := v.made(tradeFare)
				v.must(p.amount > 0, "expected a fare from a card that never entered, got nothing")
				v.journey(v.before.metro, v.after.metro, stateOut, p.amount)
			}
			v.must(v.reported.Outcome != offline || v.after.paid > v.before.paid, "expected no opening without a payment")
		}},
	{"gate-entry-twice", text("Entry without an exit before", "未出站再次进站"), cappClause,
		text("A card that is inside already is inside behind a second entry too, or passes as one that has just entered, or is refused.", "已进站的卡片再次进站后仍为已进站，或按刚进站放行，或拒绝。"), end(offline, declined, failed), 0,
		ride(transit(1), Entry, Entry), func(v *verdict) {
			v.earlier(0, v.entered)
			if v.after.paid > v.before.paid {
				v.must(v.after.metro[atState] == stateIn, "expected the state 01 in byte 15 of the journey record, got %02X", v.after.metro[atState])
			}
		}},
	{"gate-two-riders", text("Two riders", "两名乘客"), cappClause,
		text("While one rider is inside another one enters and leaves: each pays by his own record.", "一名乘客在站内时另一名进出站，各按自身记录计费。"), end(offline), 0,
		plan{face: Contactless, card: transit(1), taps: []step{{Entry, 0}, {Entry, 1}, {Exit, 1}, {Exit, 0}}}, func(v *verdict) {
			v.earlier(0, v.entered)
			v.earlier(1, v.entered)
			var other money.Fen
			v.earlier(2, func() { other = v.left(tradeFare) })
			own := v.left(tradeFare)
			v.must(own == other, "expected both riders to pay the same fare, got %v and %v", other, own)
		}},
	{"gate-quota", text("Quota card at a gate", "额度卡过闸"), quotaClause,
		text("A quota card pays a gate offline, since the gate has read its record.", "闸机读取记录后额度卡脱机支付。"), end(offline), 0,
		ride(quota, Entry, Exit), func(v *verdict) {
			v.earlier(0, v.entered)
			v.left(tradeFare)
		}},
	{"gate-quota-spent", text("Quota is spent", "额度不足"), quotaClause,
		text("A quota card that declines the fare does not leave: nothing is updated and the gate stays shut.", "额度不足拒付时不更新记录且不开闸。"), end(declined, failed), 0,
		ride(several(quota, func(s *spec) { s.balance = 1 }), Entry, Exit), func(v *verdict) { v.stopped(0) }},
	{"gate-deposit", text("Fare beyond the balance", "车费超过余额"), "JR/T 0025.14, DF62 and DF63",
		text("A card whose deposit covers what is lacking lets its rider out.", "押金可补足差额时放行。"), end(offline), 0,
		ride(rider(1, 1, 100_00, 0), Entry, Exit), func(v *verdict) {
			fare := v.left(tradeFare)
			v.must(v.after.balance == 0 && v.after.used == fare-1, "expected the deposit to pay what the balance did not, got balance %v and DF63 %v", v.after.balance, v.after.used)
		}},
	{"gate-deposit-spent", text("Deposit is used up", "押金用尽"), "JR/T 0025.14, DF62 and DF63",
		text("Where balance and deposit do not cover the fare the card declines and the gate stays shut.", "余额与押金均不足时卡片拒付，不开闸。"), end(declined, failed), 0,
		ride(rider(1, 0, 20_00, 20_00), Entry, Exit), func(v *verdict) { v.stopped(0) }},
	{"gate-old-card", text("Card without the extension", "无扩展应用的卡"), df61Clause,
		text("A card without DF61 gets no command of the extension; the gate takes it by records of its own, or refuses it.", "无 DF61 的卡片不发送扩展命令，由闸机自身记录处理或拒绝。"), end(offline, declined, failed), 0,
		ride(func(*spec) {}, Entry), func(v *verdict) {
			v.count(insReadCAPP, 0)
			v.count(insUpdate, 0)
			v.count(insProve, 0)
			v.must(len(v.seen) > 0, "expected the terminal to look at the card")
		}},
	{"gate-hold", text("Pre-authorisation at the entry", "进站预授权"), holdClause,
		text("A gate that holds asks with DF60 02 for more than nothing, and takes an answer without 9F26.", "预授权闸机以 DF60=02 请求金额，接受无 9F26 的应答。"), end(offline), needHold,
		ride(transit(2), Entry), func(v *verdict) {
			p := v.made(tradeHold)
			v.must(p.amount > 0 && v.after.held == p.amount, "expected an amount to be held, got %v", v.after.held)
			v.journey(v.before.metro, v.after.metro, stateIn, 0)
			v.reads()
		}},
	{"gate-completion", text("Completion at the exit", "出站完成预授权"), holdClause,
		text("The exit completes what the entry held with DF60 03 for the fare, and the rest goes back.", "出站以 DF60=03 按车费完成预授权，余额退回。"), end(offline), needHold,
		ride(transit(2), Entry, Exit), func(v *verdict) {
			fare := v.left(tradeComplete)
			v.must(v.after.held == 0, "expected nothing to be held behind the exit, got %v", v.after.held)
			v.must(v.rounds[0].before.balance-fare == v.after.balance, "expected the balance %v, got %v", v.rounds[0].before.balance-fare, v.after.balance)
		}},
	{"gate-hold-unsupported", text("Card without pre-authorisation", "不支持预授权的卡"), holdClause,
		text("A card with DF61 01 is never asked for a pre-authorisation.", "DF61 为 01 的卡片不得请求预授权。"), end(offline), needHold,
		ride(transit(1), Entry), func(v *verdict) { v.made(tradeFare) }},
	{"gate-hold-open", text("Pre-authorisation is open already", "预授权已存在"), holdClause,
		text("If the card answers 6972 to a pre-authorisation nothing is updated and the gate stays shut.", "预授权应答 6972 时不更新记录且不开闸。"), end(declined, failed), needHold,
		ride(several(transit(2), func(s *spec) { s.refuse = apdu.SWCAPPHoldOpen }), Entry), func(v *verdict) { v.stopped(0) }},
	{"gate-bus", text("Bus, one tap", "公交单次刷卡"), cappClause,
		text("A ride pays its fare in one tap with DF60 01, and the bus's record is updated.", "单次刷卡以 DF60=01 付费并更新公交记录。"), end(offline), 0,
		ride(transit(1), Bus), func(v *verdict) {
			p := v.made(tradeFare)
			v.must(p.amount > 0, "expected a fare, got nothing")
			v.journey(v.before.bus, v.after.bus, stateOut, p.amount)
			v.must(bytes.Equal(v.before.metro, v.after.metro), "expected the metro's record to stay as it is")
		}},
	{"gate-bus-trip", text("Bus in file 1E", "公交流水"), cappClause,
		text("The ride leaves one record in file 1E: type 05, the fare.", "乘车在 1E 文件留下类型 05 与车费。"), end(offline), 0,
		ride(transit(1), Bus), func(v *verdict) { v.trip(cashSingle, tradeBus, v.made(tradeFare).amount) }},
	{"gate-bus-twice", text("Two rides", "两次乘车"), cappClause,
		text("A second tap in a bus is a second ride: a card may pay for two persons.", "公交第二次刷卡为第二次乘车，一卡可为两人付费。"), end(offline, declined, failed), 0,
		ride(transit(1), Bus, Bus), func(v *verdict) {
			v.earlier(0, func() { v.made(tradeFare) })
			v.first(insReadCAPP)
			if v.after.paid > v.before.paid {
				p := v.made(tradeFare)
				v.trip(cashSingle, tradeBus, p.amount)
			}
		}},
	{"gate-board", text("Boarding", "上车"), cappClause,
		text("Where the fare depends on the way boarding costs nothing, and the bus's record says that the rider is in.", "按里程计费时上车不扣款，公交记录为已上车。"), end(offline), 0,
		ride(transit(1), Board), func(v *verdict) {
			p := v.made(tradeFare)
			v.must(p.amount == 0, "expected nothing to be paid at boarding, got %v", p.amount)
			v.journey(v.before.bus, v.after.bus, stateIn, 0)
		}},
	{"gate-alight", text("Alighting", "下车"), cappClause,
		text("Behind boarding the rider pays when he alights, and the record says so.", "上车后下车付费并更新记录。"), end(offline), 0,
		ride(transit(1), Board, Alight), func(v *verdict) {
			v.earlier(0, func() { v.journey(v.before.bus, v.after.bus, stateIn, 0) })
			p := v.made(tradeFare)
			v.must(p.amount > 0, "expected a fare, got nothing")
			v.journey(v.before.bus, v.after.bus, stateOut, p.amount)
			v.trip(cashExit, tradeBus, p.amount)
		}},
	{"gate-alight-only", text("Alighting without boarding", "无上车记录下车"), cappClause,
		text("A card that never boarded pays something, or is refused.", "无上车记录的卡片须付费或拒绝。"), end(offline, declined, failed), 0,
		ride(transit(1), Alight), func(v *verdict) {
			v.first(insReadCAPP)
			if v.after.paid > v.before.paid {
				p := v.made(tradeFare)
				v.must(p.amount > 0, "expected a fare from a card that never boarded, got nothing")
			}
			v.must(v.reported.Outcome != offline || v.after.paid > v.before.paid, "expected no opening without a payment")
		}},
	{"gate-metro-and-bus", text("Metro and bus keep apart", "地铁与公交记录互不影响"), cappClause,
		text("A ride by bus while the metro's record says inside changes the bus's record only, and the exit pays as if there had been none.", "在站内状态下乘公交仅更新公交记录，出站计费不受影响。"), end(offline), 0,
		ride(transit(1), Entry, Bus, Exit), func(v *verdict) {
			v.earlier(0, v.entered)
			v.earlier(1, func() {
				v.made(tradeFare)
				v.must(bytes.Equal(v.before.metro, v.after.metro), "expected the metro's record to stay as it is")
			})
			v.left(tradeFare)
			v.must(bytes.Equal(v.before.bus, v.after.bus), "expected the bus's record to stay as it is")
		}},
}

// refusing has the card answer a status word instead of carrying a command out.
func refusing(ins byte, nth int, sw apdu.SW) func(*spec) {
	return func(s *spec) { s.edits = append(s.edits, at(ins, nth).refused(sw)) }
}
