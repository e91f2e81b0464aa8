package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/citycard/citycard/certify"
	"github.com/citycard/citycard/certify/terminal"
)

// operator is the person who makes the transactions where no program does.
type operator struct {
	env   *environment
	lines chan string // what he types, a line each; closed at the end of input
}

// ask tells him what to do and waits for a line: empty, or how the transaction ended.
func (o *operator) ask(ctx context.Context, tx terminal.Transaction) (outcome string, err error) {
	if o.lines == nil {
		o.lines = make(chan string)
		go func() {
			defer close(o.lines)
			for in := bufio.NewScanner(o.env.stdin); in.Scan(); {
				o.lines <- in.Text()
			}
		}()
	}
	fmt.Fprintln(o.env.stderr, o.env.instructions(tx))
	for {
		select {
		case <-ctx.Done():
			return "", nil // the time is over: what the card has seen is judged
		case text, more := <-o.lines:
			if !more {
				return "", errors.New("standard input has ended")
			}
			if text = strings.TrimSpace(text); text == "" || slices.Contains(terminal.Outcomes, text) {
				return text, nil
			}
			fmt.Fprintf(o.env.stderr, o.env.say("press Enter, or type one of %s\n", "请按回车，或输入 %s 之一\n"), strings.Join(terminal.Outcomes, " "))
		}
	}
}

// instructions say what the person has to do.
func (e *environment) instructions(tx terminal.Transaction) string {
	kinds := map[terminal.Kind][2]string{terminal.Purchase: {"purchase", "消费"}, terminal.Load: {"load", "圈存"}, terminal.Unload: {"unload", "圈提"}, terminal.Balance: {"balance enquiry", "余额查询"},
		terminal.Entry: {"entry", "进站"}, terminal.Exit: {"exit", "出站"}, terminal.Bus: {"bus ride", "乘公交"},
		terminal.Board: {"boarding", "上车"}, terminal.Alight: {"alighting", "下车"}}
	faces := map[terminal.Interface][2]string{terminal.Contactless: {"over the air", "非接触"}, terminal.Contact: {"over the contacts", "接触式"}}
	k, f := kinds[tx.Kind], faces[tx.Interface]
	what := e.say(k[0], k[1])
	if tx.Amount > 0 {
		what = fmt.Sprintf(e.say("%s of %v yuan", "%s %v 元"), what, tx.Amount)
	}
	parts := []string{fmt.Sprintf(e.say("%s: %s, %s", "%s：%s，%s"), tx.Case, what, e.say(f[0], f[1]))}
	if tx.OverAir != "" {
		parts = append(parts, e.say("as "+tx.OverAir, "按 "+tx.OverAir+" 方式"))
	}
	for _, p := range tx.PINs {
		parts = append(parts, map[terminal.PINEntry]string{
			terminal.PINRight: e.say("enter the PIN", "输入正确密码"), terminal.PINWrong: e.say("enter a wrong PIN", "输入错误密码"),
			terminal.PINBypass: e.say("enter no PIN", "不输入密码"), terminal.PINBroken: e.say("unplug the PIN pad", "断开密码键盘"),
		}[p])
	}
	if tx.Choice > 0 {
		parts = append(parts, fmt.Sprintf(e.say("choose application %d", "选择第 %d 个应用"), tx.Choice+1))
	}
	if tx.Online {
		parts = append(parts, e.say("ask for online processing", "要求联机"))
	}
	if !tx.Host {
		parts = append(parts, e.say("without a line to the issuer", "断开联机线路"))
	}
	return strings.Join(parts, e.say("; ", "；")) + e.say(" — then press Enter or type the outcome", "——完成后按回车或输入结果")
}

// terminalText says how a run went.
func (e *environment) terminalText(r *terminal.Report, page string) string {
	var b strings.Builder
	line(&b, e.say("Terminal", "终端"), dash(r.Terminal))
	line(&b, e.say("Passed", "通过"), fmt.Sprint(r.Passed))
	line(&b, e.say("Failed", "失败"), fmt.Sprint(r.Failed))
	line(&b, e.say("Skipped", "跳过"), fmt.Sprint(r.Skipped))
	if r.Incomplete != "" {
		line(&b, e.say("Ended early at", "提前结束于"), r.Incomplete)
	}
	if page != "" {
		line(&b, e.say("Report", "报告"), page)
	}
	names := map[string]string{}
	for _, g := range terminal.Groups() {
		names[g.Key] = e.say(g.Name.EN, g.Name.ZH)
	}
	var rows [][]string
	for _, g := range r.Groups {
		rows = append(rows, []string{fmt.Sprint(g.Passed), fmt.Sprint(g.Failed), fmt.Sprint(g.Skipped), names[g.Group]})
	}
	if len(rows) > 0 {
		b.WriteString(e.say("\nGroups (passed, failed, skipped)\n", "\n分组（通过、失败、跳过）\n"))
		columns(&b, "  ", rows, 0, 1, 2)
	}
	var skipped certify.Report // lists the reasons as for cards
	for i := range r.Cases {
		c := &r.Cases[i]
		skipped.Cases = append(skipped.Cases, *c)
		if c.Result != certify.Fail {
			continue
		}
		fmt.Fprintf(&b, "\n%s %s (%s)\n  %s\n  %s\n", c.ID, e.say(c.Name, c.NameZH), c.Clause, e.say(c.Purpose, c.PurposeZH), c.Detail)
		for _, x := range c.APDUs {
			fmt.Fprintf(&b, "    > %s\n    < %s\n", x.Command, x.Answer)
		}
	}
	e.skipped(&b, &skipped)
	return b.String()
}

// listedCase is a case as --list --json prints it.
type listedCase struct {
	ID        string `json:"id"`
	Group     string `json:"group"`
	Clause    string `json:"clause"`
	Name      string `json:"name"`
	NameZH    string `json:"name_zh"`
	Purpose   string `json:"purpose"`
	PurposeZH string `json:"purpose_zh"`
	// Expected are the words with which the transaction may end.
	Expected []string `json:"expected"`
}

// terminalCases lists the cases.
func (e *environment) terminalCases() error {
	var rows [][]string
	var all []listedCase
	for _, g := range terminal.Groups() {
		for _, c := range g.Cases {
			rows = append(rows, []string{g.Key, c.ID, strings.Join(c.Expected, ","), e.say(c.Name.EN, c.Name.ZH)})
			all = append(all, listedCase{c.ID, g.Key, c.Clause, c.Name.EN, c.Name.ZH, c.Purpose.EN, c.Purpose.ZH, c.Expected})
		}
	}
	if e.json {
		return e.printJSON(all)
	}
	var b strings.Builder
	columns(&b, "", rows)
	return e.printText(b.String())
}
