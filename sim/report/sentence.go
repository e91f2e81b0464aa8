package report

import "fmt"

// sentence is what a clerk would say about a break, in both languages.
func sentence(b *Break) Text {
	if b.Verdict != (Text{}) {
		return b.Verdict
	}
	v := verdict{b: b, amount: yuan(b.Amount), p: fmt.Sprintf("%04X", b.P), q: fmt.Sprintf("%04X", b.Q)}
	if say, found := sentences[key(b.State)]; found {
		return say(v)
	}
	return Text{}
}

type verdict struct {
	b            *Break
	amount, p, q string
}

// between names the counter, or the pair around the missing ones.
func (v verdict) between() Text {
	if v.b.Q == 0 || v.b.Q == v.b.P {
		return Text{"at counter " + v.p, "计数器 " + v.p + " 处"}
	}
	return Text{"between counters " + v.p + " and " + v.q, "计数器 " + v.p + " 与 " + v.q + " 之间"}
}

var sentences = map[string]func(verdict) Text{
	"suspected": func(v verdict) Text {
		return Text{"The terminal cannot tell whether the card paid " + v.amount + " at counter " + v.p + "; the card has not been seen since.",
			"终端无法确定计数器 " + v.p + " 处是否已扣 " + v.amount + "，该卡此后未再出现。"}
	},
	"expected": func(v verdict) Text {
		w := v.between()
		return Text{v.amount + " left the card " + w.EN + " and nobody has presented it yet; rows may still arrive.",
			w.ZH + "卡内减少 " + v.amount + "，尚无流水对应，仍可能补传。"}
	},
	"provisional": func(v verdict) Text {
		return Text{v.amount + " was credited by policy before the window is over.", "时限未到，已按政策先行垫付 " + v.amount + "。"}
	},
	"proven": func(v verdict) Text {
		w := v.between()
		return Text{"The card paid " + v.amount + " " + w.EN + " and got nothing for it: refunded once.", w.ZH + "已扣 " + v.amount + " 而未获服务，已证实，退款一次。"}
	},
	"collectable": func(v verdict) Text {
		return Text{"The card paid " + v.amount + " at counter " + v.p + " and the passenger went through: due to the operator.",
			"计数器 " + v.p + " 处已扣 " + v.amount + " 且乘客已通行，应付运营商。"}
	},
	"late": func(v verdict) Text {
		return Text{"The row over " + v.amount + " came after the refund: the refund is taken back by a new posting.",
			v.amount + " 的流水在退款之后到达，以新分录冲回退款。"}
	},
	"disproved": func(v verdict) Text {
		return Text{"The next balance shows that nothing is missing: the card did not pay " + v.amount + " at counter " + v.p + ".",
			"后续余额表明并无短缺，计数器 " + v.p + " 处未扣 " + v.amount + "。"}
	},
	"unbacked": func(v verdict) Text {
		return Text{"A row over " + v.amount + " was presented at counter " + v.p + ", but the card never paid it: claim on the acquirer.",
			"计数器 " + v.p + " 处提交了 " + v.amount + " 的流水，但卡并未扣款，向收单方追索。"}
	},
	"impossible": func(v verdict) Text {
		w := v.between()
		return Text{"Value came from nowhere " + w.EN + ": the card is frozen and reported.", w.ZH + "余额无来由增加，该卡已冻结并上报。"}
	},
	"lost_upload": func(v verdict) Text {
		return Text{fmt.Sprintf("%s is missing, and terminal %d has a gap in its sequence in that time.", v.amount, v.b.Terminal),
			fmt.Sprintf("短缺 %s，其间终端 %d 的流水序号有缺口。", v.amount, v.b.Terminal)}
	},
}
