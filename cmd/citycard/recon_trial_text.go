package main

import (
	"fmt"
	"strings"

	"github.com/citycard/citycard/sim/trial"
)

// trialTable is the outcome for people: one line for each set of rates, and the method of
// the papers below.
func trialTable(outcomes []*trial.Outcome, lang string) string {
	var b strings.Builder
	zh := lang == "zh"
	pick := func(en, other string) string {
		if zh {
			return other
		}
		return en
	}
	columns := func(name string, cells ...string) {
		b.WriteString(pad(name, 15))
		for _, c := range cells {
			b.WriteString(padLeft(c, 12))
		}
		b.WriteByte('\n')
	}
	columns(pick("rates", "比率"), pick("verdicts", "判定数"), pick("equal", "一致"), pick("provable", "可判定"), pick("found", "查出"), pick("on the day", "当日"),
		pick("invented", "误报"), pick("wrong fen", "错退（分）"), pick("in 24 h", "24小时内"), pick("policy fen", "政策损失（分）"))
	for _, o := range outcomes {
		sum := o.Sum()
		columns(o.Name, fmt.Sprint(o.Verdicts), fmt.Sprint(o.Agree), fmt.Sprint(sum.Decidable), fmt.Sprint(sum.Found), fmt.Sprint(sum.OnTheDay), fmt.Sprint(sum.Invented),
			fmt.Sprint(int64(o.Wrong)), fmt.Sprintf("%d/%d", o.Soon, o.Eligible), fmt.Sprint(int64(o.PolicyLoss)))
	}
	b.WriteByte('\n')
	columns(pick("true losses", "真实损失"), pick("method", "方法"), pick("cases", "件数"), pick("right", "正确"), pick("sum only", "仅金额"), pick("wrong", "错误"),
		pick("undecided", "未决"), pick("no answer", "无答案"), pick("mean days", "平均天数"), pick("longest", "最长天数"))
	for _, o := range outcomes {
		for _, m := range []struct {
			name string
			m    *trial.Method
		}{{pick("timeline", "时间线"), &o.Timeline}, {pick("two loads", "两次圈存"), &o.Papers}} {
			if m.m.Cases == 0 {
				continue
			}
			mean := m.m.MeanDays()
			columns(o.Name, m.name, fmt.Sprint(m.m.Cases), fmt.Sprint(m.m.Right), fmt.Sprint(m.m.RightSum), fmt.Sprint(m.m.Wrong), fmt.Sprint(m.m.Undecided),
				fmt.Sprint(m.m.None), fmt.Sprintf("%d.%02d", mean/100, mean%100), fmt.Sprint(m.m.MaxDays()))
		}
	}
	return b.String()
}

// padLeft fills a cell on its left to a width, counting a Chinese character as two.
func padLeft(s string, width int) string {
	filled := pad(s, width)
	if n := len(filled) - len(s); n > 0 {
		return strings.Repeat(" ", n) + s
	}
	return s
}
