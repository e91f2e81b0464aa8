package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/citycard/citycard/recon/foreign"
	"github.com/citycard/citycard/recon/pages"
)

// fileKinds are the words of the page for kinds of files.
var fileKinds = map[string]pages.Text{
	"clearing": {EN: "clearing", ZH: "清算"}, "chip": {EN: "chip data", ZH: "IC 卡数据"}, "loads": {EN: "loads", ZH: "圈存"},
	"f55": {EN: "field 55", ZH: "55 域"}, "doubts": {EN: "unfinished taps", ZH: "未完成交易"}, "unknown": {EN: "unknown", ZH: "未知"},
}

// importPage fills the report.
func importPage(source string, r *foreign.Result) *pages.Import {
	p := &pages.Import{Source: source, At: r.AsOfTime, From: r.From, To: r.To, Keys: r.Keys != "none", Cards: r.Cards, Observations: r.Observations, Loads: r.Loads, Window: r.Window}
	for i := range r.Files {
		f := &r.Files[i]
		p.Files = append(p.Files, pages.File{Name: f.Name, Content: fileKinds[f.Kind], Encoding: strings.ToUpper(f.Encoding), Accepted: f.Accepted, Refused: f.Refused})
	}
	p.Refusals = pageRefusals(r)
	for _, g := range r.Gaps {
		p.Gaps = append(p.Gaps, pages.Gap{Pattern: g.Pattern, Day: g.Date, Before: g.Before, After: g.After, MayBeEmpty: g.MayBeEmpty})
	}
	for _, f := range r.FlashCards {
		p.FlashCards = append(p.FlashCards, flashFinding(&f))
	}
	for _, f := range r.FlashLoads {
		p.FlashLoads = append(p.FlashLoads, flashFinding(&f))
	}
	for _, c := range r.Clones {
		en, zh := c.Words()
		p.Clones = append(p.Clones, pages.Finding{Card: c.Key, ATC: c.ATC, Hard: c.Certainty == foreign.Hard, At: c.At, DecidedOn: c.Decided, Sentence: pages.Text{EN: en, ZH: zh}, Where: c.Evidence})
	}
	for _, d := range slices.Concat(r.Duplicates, r.Replays) {
		p.Duplicates = append(p.Duplicates, pages.Finding{Card: d.Key, ATC: d.ATC, Amount: d.Amount, At: d.At, Where: d.Evidence})
	}
	for _, u := range r.Undecided {
		en, zh := u.Words()
		p.Undecided = append(p.Undecided, pages.Finding{Card: u.Key, ATC: u.ATC, Next: u.Next, Open: u.Amount, Amount: u.Total, Hard: u.Certainty == foreign.Hard, At: u.At,
			Final: u.FinalAt(), Sentence: pages.Text{EN: en, ZH: zh}, Where: u.Evidence})
	}
	for _, b := range r.Breaks {
		en, zh := b.Words()
		p.Open = append(p.Open, pages.Finding{Card: b.Key, ATC: b.P, Next: b.Q, Amount: b.Amount, Open: b.Contested, Hard: b.Certainty == foreign.Hard, At: b.At, Final: b.FinalAt,
			State: b.State, Sentence: pages.Text{EN: en, ZH: zh}, Where: b.Evidence})
	}
	for _, c := range r.Cases {
		p.Cases = append(p.Cases, pages.Case{Card: c.Key, ATC: c.ATC, What: c.What, At: c.At, Knew: c.Knew})
	}
	if len(r.Cases) > 0 {
		p.Compared = &pages.Compared{Timeline: pageMethod(&r.Methods.Timeline), TwoLoads: pageMethod(&r.Methods.TwoLoads)}
	}
	return p
}

func flashFinding(f *foreign.Flash) pages.Finding {
	en, zh := f.Words()
	return pages.Finding{Card: f.Key, ATC: f.ATC, Amount: f.Amount, Hard: f.Certainty == foreign.Hard, At: f.At, Latest: f.Latest, DecidedOn: f.Decided, Sentence: pages.Text{EN: en, ZH: zh}, Where: f.Evidence}
}

func pageMethod(m *foreign.Method) pages.Method {
	return pages.Method{Cases: m.Cases, Right: m.Right, RightSum: m.Amount, Wrong: m.Wrong, Undecided: m.Undecided, None: m.None, Days: m.Days}
}

// pageRefusals adds up the reasons of all files.
func pageRefusals(r *foreign.Result) []pages.Refusal {
	at := map[foreign.Reason]int{}
	var out []pages.Refusal
	for i := range r.Files {
		f := &r.Files[i]
		for _, why := range f.Reasons {
			k, known := at[why.Reason]
			if !known {
				k = len(out)
				at[why.Reason] = k
				out = append(out, pages.Refusal{Reason: pages.Text{EN: why.Reason.In("en"), ZH: why.Reason.In("zh")}, Example: fmt.Sprintf("%s:%d", f.Name, why.First)})
			}
			out[k].Lines += why.Lines
		}
	}
	slices.SortStableFunc(out, func(a, b pages.Refusal) int { return int(b.Lines - a.Lines) })
	return out
}
