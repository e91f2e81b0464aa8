package main

import (
	"fmt"
	"strings"

	"github.com/citycard/citycard/certify"
)

// certifyText says how a run went.
func (e *environment) certifyText(r *certify.Report, page string) string {
	var b strings.Builder
	c := &r.Card
	if c.Contact || c.Contactless || c.Purse == "" && c.Terminal == "" && len(c.Partitions) == 0 {
		line(&b, e.say("Card", "卡"), strings.TrimSpace(fmt.Sprintf("%s  %s  %s", dash(c.PAN), c.AID, c.Label)))
		line(&b, e.say("Algorithms", "算法"), strings.Join(c.Algorithms, ", "))
		line(&b, e.say("Transaction counter", "交易计数器"), fmt.Sprintf(e.say("%s before, %s after", "测试前 %s，测试后 %s"), counter(c.ATCBefore), counter(c.ATCAfter)))
		line(&b, e.say("Spent", "消费"), fmt.Sprintf(e.say("%s yuan, %s left", "%s 元，余 %s"), c.Spent, c.Balance))
	}
	e.cityText(&b, c)
	line(&b, e.say("Passed", "通过"), fmt.Sprint(r.Passed))
	line(&b, e.say("Failed", "失败"), fmt.Sprint(r.Failed))
	line(&b, e.say("Skipped", "跳过"), fmt.Sprint(r.Skipped))
	if r.Incomplete != "" {
		line(&b, e.say("Ended early at", "提前结束于"), r.Incomplete)
	}
	if page != "" {
		line(&b, e.say("Report", "报告"), page)
	}
	for i := range r.Cases {
		c := &r.Cases[i]
		if c.Result != certify.Fail {
			continue
		}
		fmt.Fprintf(&b, "\n%s %s (%s)\n  %s\n  %s\n", c.ID, e.say(c.Name, c.NameZH), c.Clause, e.say(c.Purpose, c.PurposeZH), c.Detail)
	}
	e.skipped(&b, r)
	return b.String()
}

// counter is a transaction counter, or a dash if it is not known.
func counter(atc int) string {
	if atc < 0 {
		return dash("")
	}
	return fmt.Sprint(atc)
}

// skipped lists why cases were left out, each reason once.
func (e *environment) skipped(b *strings.Builder, r *certify.Report) {
	var order []string
	count := map[string]int{}
	for i := range r.Cases {
		if c := &r.Cases[i]; c.Result == certify.Skip {
			why := e.say(c.Reason, c.ReasonZH)
			if count[why] == 0 {
				order = append(order, why)
			}
			count[why]++
		}
	}
	if len(order) == 0 {
		return
	}
	b.WriteString(e.say("\nWhy cases were skipped\n", "\n跳过原因\n"))
	var rows [][]string
	for _, why := range order {
		rows = append(rows, []string{fmt.Sprint(count[why]), why})
	}
	columns(b, "  ", rows, 0)
}

// cityText says what the card has beside the finance application.
func (e *environment) cityText(b *strings.Builder, c *certify.CardFacts) {
	if c.Extension != "" {
		kind := e.say("low-value extension", "小额扩展应用")
		if c.Quota {
			kind = e.say("low-value extension with a quota", "小额扩展应用（额度）")
		}
		line(b, "DF61", c.Extension+"  "+kind)
	}
	if c.Purse != "" {
		line(b, e.say("Purse", "电子钱包"), fmt.Sprintf(e.say("%s  %s yuan spent, %s left", "%s  消费 %s 元，余 %s"), c.Purse, c.PurseSpent, c.PurseBalance))
	}
	if c.Terminal != "" {
		line(b, e.say("Security module", "安全模块"), c.Terminal)
	}
	if len(c.Partitions) > 0 {
		line(b, e.say("Public services", "民生应用"), strings.Join(c.Partitions, ", "))
	}
}

// cardCase is a case as --list --json prints it.
type cardCase struct {
	ID        string `json:"id"`
	Group     string `json:"group"`
	Clause    string `json:"clause"`
	Name      string `json:"name"`
	NameZH    string `json:"name_zh"`
	Purpose   string `json:"purpose"`
	PurposeZH string `json:"purpose_zh"`
}

// cardCases lists the cases for cards.
func (e *environment) cardCases() error {
	var rows [][]string
	var all []cardCase
	for _, g := range certify.Groups() {
		for _, c := range g.Cases {
			rows = append(rows, []string{g.Key, c.ID, e.say(c.Name.EN, c.Name.ZH)})
			all = append(all, cardCase{c.ID, g.Key, c.Clause, c.Name.EN, c.Name.ZH, c.Purpose.EN, c.Purpose.ZH})
		}
	}
	if e.json {
		return e.printJSON(all)
	}
	var b strings.Builder
	columns(&b, "", rows)
	return e.printText(b.String())
}
