package main

import (
	"fmt"
	"strings"

	"github.com/citycard/citycard/sim"
)

// showDay prints the figures of a run: one JSON object, or a summary for people.
func (e *environment) showDay(f *dayFlags, res *sim.Result) error {
	switch {
	case e.json:
		return e.printJSON(res)
	case f.quiet:
		return nil
	}
	return e.printText(daySummary(res, string(e.lang)))
}

func daySummary(r *sim.Result, lang string) string {
	var b strings.Builder
	line := func(en, zh, format, formatZH string, args ...any) {
		label := en
		if lang == "zh" {
			label, format = zh, formatZH
		}
		fmt.Fprintf(&b, "%s %s\n", pad(label, 34), fmt.Sprintf(format, args...))
	}
	line("Business day, seed, cards", "营业日、种子、卡型", "%s, %d, %s", "%s，%d，%s", r.Date, r.Seed, r.Profile)
	line("Riders and taps", "乘客数、刷卡数", "%d riders, %d taps", "%d 人，%d 次", r.Riders, r.Taps)
	line("Offline transactions, verified", "脱机交易、已验证", "%d, %d", "%d，%d", r.OfflineTxns, r.Verified)
	line("Money cleared", "清算金额", "%s yuan", "%s 元", r.ClearedFen)
	line("Cards torn before / after paying", "扣款前/后离场", "%d / %d, of the latter %d finished at the gate", "%d / %d，后者中 %d 次在闸机补完", r.TornBeforeCommit, r.TornAfterCommit, r.RecoveredAtGate)
	line("Flash cards", "闪卡", "%d caused, %d provable, %d found, %d open", "发生 %d，可证 %d，查出 %d，未决 %d", r.FlashCard.Caused, r.FlashCard.Decidable, r.FlashCard.Found, r.FlashCard.Undecided)
	if r.Mix != nil {
		line("Cards of a bank, quota, T-Union", "银行卡、额度卡、交通联合", "%d, %d, %d", "%d，%d，%d", r.Mix.Bank.Cards, r.Mix.Quota.Cards, r.Mix.TUnion.Cards)
		line("Amounts held at entry, completed", "进站预授权、完成", "%d, %d", "%d，%d", r.Mix.Holds, r.Mix.Completions)
	}
	if q := r.Quota; q != nil {
		line("Quota: debited from accounts", "额度：账户已扣款", "%s yuan; not covered %s, of it paid later %s", "%s 元；账户不足 %s 元，其中事后收回 %s 元", q.DebitedFen, q.OwedFen, q.RecoveredFen)
		line("Quota: below threshold, restored", "额度：低于阈值、恢复", "%d, %d, of these %d in the same closing", "%d，%d，其中 %d 在同一日终内", q.BelowThreshold, q.Restored, q.RestoredSameClosing)
		line("Exposure of a quota card, cap", "单卡敞口、上限", "%s, %s yuan", "%s、%s 元", q.ExposureMaxFen, q.ExposureCapFen)
	}
	line("Refunds and credits, rebates", "退款与垫付、补差", "%d, %d", "%d，%d", r.Refunds, r.Rebates)
	verdict := func(ok bool) string {
		switch {
		case ok && lang == "zh":
			return "一致"
		case ok:
			return "yes"
		case lang == "zh":
			return "不一致"
		}
		return "NO"
	}
	line("Faults rejected as injected", "注入与拒绝一致", "%s", "%s", verdict(r.Rejected == r.Injected))
	line("Ledger balances", "总账平衡", "%s (%d postings)", "%s（%d 笔）", verdict(r.LedgerBalanced), r.Postings)
	line("Nets add up to", "轧差合计", "%d fen", "%d 分", r.NetsSumFen)
	line("Float less what cards hold", "备付金差额", "%d fen", "%d 分", int64(r.FloatIdentityGap))
	line("Unexplained", "未解释差额", "%d fen", "%d 分", int64(r.Unexplained))
	line("Time", "用时", "%.1f s", "%.1f 秒", float64(r.ElapsedMS)/1000)
	return b.String()
}

// pad fills a label to a width, counting a Chinese character as two.
func pad(s string, width int) string {
	n := 0
	for _, r := range s {
		n++
		if r > 0x2E80 {
			n++
		}
	}
	return s + strings.Repeat(" ", max(1, width-n))
}
