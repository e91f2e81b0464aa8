package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/recon/foreign"
)

// importText is the summary for a person.
func (e *environment) importText(dir, out string, r *foreign.Result) string {
	var b strings.Builder
	if r.AsOf == "" {
		fmt.Fprintf(&b, e.say("%s: no line could be used\n", "%s：没有可用的记录\n"), dir)
	} else {
		fmt.Fprintf(&b, e.say("%s as of %s: %d cards, %d files\n", "%s，截至 %s：%d 张卡，%d 个文件\n"), dir, r.AsOf, r.Cards, len(r.Files))
	}
	fmt.Fprintf(&b, e.say("lines: %d accepted (%d of them duplicates), %d refused\n\n", "记录：接受 %d 行（其中重复 %d 行），拒绝 %d 行\n\n"),
		r.Lines.Accepted, r.Lines.Duplicates, r.Lines.Refused)
	cards, loads := sumOf(r.FlashCards), sumOf(r.FlashLoads)
	columns(&b, "", [][]string{
		{e.say("found", "结论"), e.say("number", "笔数"), e.say("yuan", "金额（元）")},
		{e.say("flash cards", "闪卡"), strconv.Itoa(len(r.FlashCards)), cards.String()},
		{e.say("flash loads", "闪圈"), strconv.Itoa(len(r.FlashLoads)), loads.String()},
		{e.say("clones", "克隆"), strconv.Itoa(len(r.Clones)), ""},
		{e.say("duplicates", "重复"), strconv.Itoa(len(r.Duplicates)), ""},
		{e.say("replays", "重放"), strconv.Itoa(len(r.Replays)), ""},
		{e.say("undecided", "待定"), strconv.Itoa(len(r.Undecided)), ""},
		{e.say("other breaks", "其他差错"), strconv.Itoa(len(r.Breaks)), ""},
	}, 1, 2)
	b.WriteString("\n")
	e.flashText(&b, r.FlashCards)
	e.flashText(&b, r.FlashLoads)
	e.refusedText(&b, r)
	e.gapsText(&b, r)
	fmt.Fprintln(&b, r.Certainty)
	if out != "" {
		fmt.Fprintf(&b, e.say("%s: lists as CSV, result.json and report.html\n", "%s：CSV 清单、result.json 与 report.html\n"), out)
	}
	return b.String()
}

func sumOf(list []foreign.Flash) money.Fen {
	sum := money.Fen(0)
	for i := range list {
		sum += list[i].Amount
	}
	return sum
}

// shownFlashes is how many findings of a list the summary shows.
const shownFlashes = 3

// flashText shows the first findings with their sentences.
func (e *environment) flashText(b *strings.Builder, list []foreign.Flash) {
	for _, f := range list[:min(len(list), shownFlashes)] {
		fmt.Fprintf(b, "%s  %s  %s\n  %s\n", f.Card, f.DecidedOn, e.certaintyWord(f.Certainty), f.Sentence)
	}
	if more := len(list) - shownFlashes; more > 0 {
		fmt.Fprintf(b, e.say("and %d more: --json lists all, --out writes them\n", "另有 %d 笔：--json 列出全部，--out 写入文件\n"), more)
	}
	if len(list) > 0 {
		b.WriteString("\n")
	}
}

func (e *environment) certaintyWord(c string) string {
	if c == foreign.Hard {
		return e.say("hard", "硬")
	}
	return e.say("soft", "软")
}

// shownGaps is how many days without a file the summary shows.
const shownGaps = 8

// gapsText lists the days on which a series of daily files has none.
func (e *environment) gapsText(b *strings.Builder, r *foreign.Result) {
	shown, empty := 0, 0
	for _, g := range r.Gaps {
		if g.MayBeEmpty {
			empty++
			continue
		}
		if shown++; shown <= shownGaps {
			fmt.Fprintf(b, e.say("%s: no file of %s between %s and %s\n", "%s：缺少 %s 的文件（%s 与 %s 之间）\n"), g.Pattern, g.Date, g.Before, g.After)
		}
	}
	if shown > shownGaps {
		fmt.Fprintf(b, e.say("and %d more days without a file: --json lists all, --out writes them\n", "另有 %d 日缺少文件：--json 列出全部，--out 写入文件\n"), shown-shownGaps)
	}
	if empty > 0 {
		fmt.Fprintf(b, e.say("%d days without a file in daily series of so few lines that the day may have had none\n", "%d 个日期无文件，但该序列行数很少，当日可能本无记录\n"), empty)
	}
	if shown+empty > 0 {
		b.WriteString("\n")
	}
}

// shownReasons is how many reasons for refused lines the summary shows.
const shownReasons = 8

func (e *environment) refusedText(b *strings.Builder, r *foreign.Result) {
	shown := 0
	for i := range r.Files {
		f := &r.Files[i]
		if f.Note != "" && len(f.Reasons) == 0 || f.Trailer != "" {
			fmt.Fprintf(b, "%s: %s\n", f.Name, strings.Trim(f.Note+"; "+f.Trailer, "; "))
		}
		for _, why := range f.Reasons {
			if shown++; shown > shownReasons {
				continue
			}
			fmt.Fprintf(b, e.say("%s: %d refused from line %d on: %s", "%s：拒绝 %d 行，首见于第 %d 行：%s"), f.Name, why.Lines, why.First, why.Text)
			if why.Detail != "" {
				fmt.Fprintf(b, " (%s)", why.Detail)
			}
			b.WriteString("\n")
		}
	}
	if shown > shownReasons {
		fmt.Fprintf(b, e.say("and %d more reasons: --out writes every refused line\n", "另有 %d 项原因：--out 写出每条被拒记录\n"), shown-shownReasons)
	}
	if shown > 0 {
		b.WriteString("\n")
	}
}
