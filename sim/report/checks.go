package report

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/citycard/citycard/money"
)

// Check is one thing that must hold on a closed day.
type Check struct {
	Name Text
	OK   bool
	Got  string // the figures behind it
}

// Checks is the verdict on the day, in the order of the page.
func Checks(d *Data) []Check {
	f := &d.Flash
	net := positions(d)
	agree := 0
	for i := range d.Participants {
		if net[i] == d.Participants[i].Position {
			agree++
		}
	}
	right := 0
	for _, r := range d.Refusals {
		if r.Injected == r.Refused {
			right++
		}
	}
	checks := []Check{
		{Text{"Nothing is unexplained", "无未解释差额"}, d.Unexplained == 0, fen(d.Unexplained)},
		{Text{"Float equals the value on the cards", "备付金与卡内余额相符"}, d.FloatGap == 0, fen(d.FloatGap)},
		{Text{"Net positions add to zero", "净额合计为零"}, netSum(d) == 0, fen(netSum(d))},
		{Text{"Settlement accounts agree with the matrix", "结算账户与净额矩阵一致"}, agree == len(d.Participants),
			fmt.Sprintf("%d / %d", agree, len(d.Participants))},
		{Text{"Every decidable flash card is found", "可判定的闪卡全部找到"}, f.Found == f.Decidable && f.Caused == f.Decidable+f.Undecided,
			count(f.Found) + " / " + count(f.Decidable)},
		{Text{"No flash card is invented", "无误报闪卡"}, f.Invented == 0, count(f.Invented)},
		{Text{"Every injected fault is refused as what it is", "注入的差错均按类拒绝"}, right == len(d.Refusals),
			fmt.Sprintf("%d / %d", right, len(d.Refusals))},
		{Text{"Every figure of the close is in order", "日终各项指标均合格"}, len(d.Failed) == 0, cmp.Or(strings.Join(d.Failed, " "), "0")},
	}
	if q := d.Quota; q != nil {
		checks = append(checks,
			Check{Text{"No quota card could cost more than the cap", "额度卡敞口不超上限"}, q.CapHeld, yuan(q.Exposure) + " / " + yuan(q.Cap)},
			Check{Text{"Quota cards, shadows and accounts agree: debited + not covered", "额度卡、影子额度与账户相符：已扣款 + 账户不足"}, q.Explained, yuan(q.Debited) + " + " + yuan(q.Owed)})
	}
	return checks
}

// Balanced reports whether every check holds.
func Balanced(d *Data) bool {
	for _, c := range Checks(d) {
		if !c.OK {
			return false
		}
	}
	return true
}

// netSum adds the settlement accounts.
func netSum(d *Data) money.Fen {
	var sum money.Fen
	for i := range d.Participants {
		sum += d.Participants[i].Position
	}
	return sum
}

// positions gives each participant's net by the bilateral positions.
func positions(d *Data) []money.Fen {
	out := make([]money.Fen, len(d.Participants))
	for _, n := range d.Nets {
		if n.valid(len(out)) {
			out[n.From] -= n.Amount
			out[n.To] += n.Amount
		}
	}
	return out
}

// valid reports whether the pair names two different participants out of n.
func (n Net) valid(count int) bool {
	return n.From >= 0 && n.To >= 0 && n.From < count && n.To < count && n.From != n.To
}

func (d *Data) validate() error {
	for i, n := range d.Nets {
		if !n.valid(len(d.Participants)) {
			return fmt.Errorf("net %d is from participant %d to %d: want two different indexes below %d", i, n.From, n.To, len(d.Participants))
		}
	}
	return nil
}
