package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/citycard/citycard/recon/desk"
	"github.com/citycard/citycard/recon/pages"
	"github.com/citycard/citycard/recon/timeline"
	"github.com/citycard/citycard/role/clerk"
)

// writeCardPage writes the page of a card: the file is complete or not there.
func writeCardPage(path string, c *clerk.Card, lang language) error {
	var b bytes.Buffer
	if err := pages.WriteCard(&b, cardPage(c), string(lang)); err != nil {
		return fmt.Errorf("--html: %w", err)
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), ".card-*.html")
	if err != nil {
		return fail(exitFailed, fmt.Errorf("--html: %w", err), "name a file in a folder that can be written")
	}
	_, err = tmp.Write(b.Bytes())
	if err = errors.Join(err, tmp.Close()); err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		return fail(exitFailed, fmt.Errorf("--html: %w", errors.Join(err, os.Remove(tmp.Name()))), "name a file in a folder that can be written")
	}
	return nil
}

func pageText(t bothTexts) pages.Text { return pages.Text{EN: t.EN, ZH: t.ZH} }

// cardPage is what the page shows of a card.
func cardPage(c *clerk.Card) *pages.Card {
	d := &pages.Card{Key: c.Key, Kind: pages.Text{EN: "electronic cash", ZH: "电子现金"}, At: c.At, Frozen: c.Frozen, Least: c.Value.Least, Most: c.Value.Most, ValueAt: c.Value.At,
		CertainOn: still(c.Value.CertainOn, c.At), DueLeast: c.Due.Least, DueMost: c.Due.Most, DueOn: still(c.Due.CertainOn, c.At), Paid: c.Paid}
	switch {
	case c.Quota:
		d.Kind = pages.Text{EN: "quota", ZH: "额度卡"}
	case len(c.Rows) > 0 && c.Rows[len(c.Rows)-1].Purse:
		d.Kind = pages.Text{EN: "purse", ZH: "电子钱包"}
	}
	for i := range c.Rows {
		r := &c.Rows[i]
		if r.Kind != timeline.Push {
			d.Points = append(d.Points, pagePoint(r))
		}
		d.Evidence = append(d.Evidence, pageEvidence(r))
	}
	for i := range c.Breaks {
		b := &c.Breaks[i]
		d.Breaks = append(d.Breaks, pages.Break{P: b.P, Q: b.Q, State: b.State.String(), Amount: b.Amount, Open: b.Contested, Missing: b.Missing, Hard: b.Basis == timeline.Hard,
			Since: b.Arose, Final: b.Final, Terminal: b.Terminal, Sentence: pageText(breakSentence(b))})
		if state, waits := pageWaits(c, b); waits {
			d.Refunds = append(d.Refunds, pages.Refund{P: b.P, Q: b.Q, Amount: b.Amount, State: state, At: b.Since})
		}
	}
	for i := range c.Refunds {
		d.Refunds = append(d.Refunds, pageRefund(&c.Refunds[i]))
	}
	for i := range c.Steps {
		d.Steps = append(d.Steps, pages.Step{On: c.Steps[i].On, What: pageText(stepText(&c.Steps[i]))})
	}
	for i := range c.Alarms {
		t := alarmText(&c.Alarms[i])
		at := pairText(c.Alarms[i].P, c.Alarms[i].Q) + ": "
		d.Alarms = append(d.Alarms, pages.Text{EN: at + t.EN, ZH: at + t.ZH})
	}
	return d
}

// still is a moment that lies ahead, else 0.
func still(at, now int64) int64 {
	if at <= now {
		return 0
	}
	return at
}

var pageCertainty = map[timeline.Certainty]pages.Certainty{timeline.Yes: pages.Yes, timeline.No: pages.No, timeline.Open: pages.Open}

func pagePoint(r *clerk.Row) pages.Point {
	p := pages.Point{ATC: r.ATC, Time: r.Time, What: pageText(kindName(r)), Terminal: r.Terminal, Least: r.Before, Most: r.Before,
		Doubt: r.Kind == timeline.Doubt || r.Kind == timeline.Load}
	switch {
	case r.Kind == timeline.Load:
		p.Change = r.Debit
	case r.Kind == timeline.Hold:
		p.Change = -r.Held
	case r.Completes:
		p.Change = r.Held - r.Debit
	default:
		p.Change = -r.Debit
	}
	if offers := r.Kind == timeline.Paid || p.Doubt; offers {
		p.Happened = pageCertainty[r.Happened]
	}
	return p
}

// whyZH are the reasons that are no fault, in Chinese.
var whyZH = map[string]string{clerk.WhyIssuer: "发卡方自有记录", clerk.WhyHost: "发卡方主机记录", clerk.WhyNotKept: "终端未留存", clerk.WhyHold: "预授权无应用密文"}

var checkNames = map[string]bothTexts{
	clerk.CheckRecord: {"record of a terminal", "终端记录"},
	clerk.CheckBlock:  {"block and chain", "区块与链"}, clerk.CheckTerminal: {"terminal's signature", "终端签名"}, clerk.CheckContent: {"row as in the timeline", "与时间线一致"},
	clerk.CheckCryptogram: {"cryptogram", "应用密文"}, clerk.CheckBalance: {"balance MAC", "余额 MAC"}, clerk.CheckSignature: {"card's signature", "卡片动态签名"},
}

func pageEvidence(r *clerk.Row) pages.Evidence {
	e := pages.Evidence{ATC: r.ATC, What: pageText(kindName(r)), Source: r.Evidence.File, Stated: r.B - r.Debit, States: true}
	if r.Kind == timeline.Load || r.Kind == timeline.Doubt && r.Happened == timeline.No {
		e.Stated = r.B
	}
	for _, x := range r.Evidence.Checks {
		result := pages.NotDone
		switch x.Result {
		case clerk.Verified:
			result = pages.Passed
		case clerk.Failed:
			result = pages.Failed
		}
		e.Checks = append(e.Checks, pages.Check{Name: pageText(checkNames[x.Name]), Result: result, Note: pages.Text{EN: x.Why, ZH: whyZH[x.Why]}})
	}
	return e
}

// pageWaits tells of a break that is due and not paid.
func pageWaits(c *clerk.Card, b *clerk.Break) (pages.RefundState, bool) {
	switch {
	case b.Closed:
		return 0, false
	case b.Held && !b.Waits:
		return pages.Withheld, true
	case !b.Waits:
		return 0, false
	}
	for i := range c.Refunds {
		if p := c.Refunds[i].Proposal; p != nil && p.Kind == desk.Refund && p.P == b.P && p.Q == b.Q && p.Status == desk.Proposed {
			return 0, false // the proposal tells of it
		}
	}
	return pages.Waits, true
}

// pageRefund is a posting or a proposal.
func pageRefund(r *clerk.Refund) pages.Refund {
	p := r.Proposal
	if p == nil {
		return pages.Refund{P: r.P, Q: r.Q, Amount: r.Amount, State: pages.Posted, What: pageText(postingName(r.Code)), At: r.At}
	}
	out := pages.Refund{P: r.P, Q: r.Q, Amount: r.Amount, State: pages.Asked, At: p.At, First: p.By, Second: p.DecidedBy, What: pages.Text{EN: "proposal", ZH: "申请"}, Note: pages.Text{EN: p.Reason}}
	if p.Kind == desk.Close {
		out.What = pages.Text{EN: "closing", ZH: "结案"}
	}
	if p.Kind == desk.Dispute {
		out.What = pages.Text{EN: "step of a dispute", ZH: "争议步骤"}
	}
	switch p.Status {
	case desk.Proposed:
	case desk.Approved:
		out.State = pages.Approved
	default:
		s := proposalStates[p.Status]
		out.State, out.What = pages.Dropped, pages.Text{EN: out.What.EN + ", " + s.EN, ZH: out.What.ZH + "，" + s.ZH}
	}
	return out
}
