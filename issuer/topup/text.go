package topup

import (
	"fmt"
	"time"

	"github.com/citycard/citycard/txn"
)

// String is the word as programs print it: done, back or checking.
func (w Word) String() string {
	if w < Done || w > Checking {
		return "invalid"
	}
	return [...]string{"", "done", "back", "checking"}[w]
}

var whyNames = [...]string{"", "card_showed", "terminal_told", "terminal_undid", "never_came", "window_over",
	"awaits_card", "awaits_rows", "awaits_person", "awaits_release", "awaits_transfer"}

// String is the reason as programs print it, for example "awaits_card".
func (w Why) String() string {
	if w < CardShowed || int(w) >= len(whyNames) {
		return "invalid"
	}
	return whyNames[w]
}

// Short is the word for rider and clerk, in the language "zh" or else English.
func (a *Answer) Short(lang string) string {
	words := [...][2]string{Done: {"loaded", "已到账"}, Back: {"not loaded, money back", "未到账已退回"}, Checking: {"being checked", "核实中"}}
	if a.Kind == txn.OnlineUnload {
		words = [...][2]string{Done: {"unloaded, money in the account", "已退回账户"}, Back: {"not unloaded, money still on the card", "未圈提，余额仍在卡内"},
			Checking: {"being checked", "核实中"}}
	}
	return words[a.Word][index(lang)]
}

func index(lang string) int {
	if lang == "zh" {
		return 1
	}
	return 0
}

var whyTexts = [...][2]string{
	CardShowed:     {"the card's own balance proves it", "由卡片自身余额证明"},
	TerminalTold:   {"the terminal reports that the card took it; the card's next use proves it", "终端报告卡片已执行；下次用卡即可证实"},
	TerminalUndid:  {"the terminal reports that the card did not take it; the card's next use proves it", "终端报告卡片未执行；下次用卡即可证实"},
	NeverCame:      {"it was taken back before it was approved, and no money moved", "批准前已撤销，未发生资金变动"},
	WindowOver:     {"no record can come any more; what the card lacked was given back", "期限已过，不会再有记录；差额已退回"},
	AwaitsCard:     {"the next use of the card decides: hold it to any reader", "下次用卡即可判定：在任一读卡器上刷卡"},
	AwaitsRows:     {"records of taps in between may still come", "其间的交易记录可能尚未上传"},
	AwaitsPerson:   {"it is decided; a second person must approve the refund", "已判定；退款待第二人批准"},
	AwaitsRelease:  {"the card is stopped, and nothing is paid until that is explained", "卡片已止付，查明之前不付款"},
	AwaitsTransfer: {"it is decided; the money comes with the next reconciliation", "已判定；款项随下次对账入账"},
}

// Text is the word with amount, reason and date in one line.
func (a *Answer) Text(lang string) string {
	i := index(lang)
	s := a.Short(lang)
	if a.Amount > 0 { // what never came has none
		s += fmt.Sprintf([...]string{": %v yuan", "：%v元"}[i], a.Amount)
	}
	s += [...]string{"; ", "；"}[i] + whyTexts[a.Why][i]
	if a.Until == 0 {
		return s
	}
	day := Day(a.Until)
	if a.Why == AwaitsCard {
		return s + fmt.Sprintf([...]string{"; by %s at the latest if it is used today", "；今日用卡最迟%s有结果"}[i], day)
	}
	return s + fmt.Sprintf([...]string{"; by %s at the latest", "；最迟%s有结果"}[i], day)
}

// Day is the date of a time at UTC+8, as 2026-11-05.
func Day(unix int64) string { return time.Unix(unix, 0).In(txn.CityTime).Format("2006-01-02") }
