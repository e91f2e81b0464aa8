package main

import (
	"fmt"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/recon"
	"github.com/citycard/citycard/recon/timeline"
	"github.com/citycard/citycard/role/clerk"
	"github.com/citycard/citycard/store/sqlite"
)

// bothTexts is a text in both languages.
type bothTexts struct {
	EN string `json:"en"`
	ZH string `json:"zh"`
}

// in picks the language.
func (t bothTexts) in(l language) string {
	if l == "zh" {
		return t.ZH
	}
	return t.EN
}

type reconCardJSON struct {
	Card        string           `json:"card"`
	Token       string           `json:"token"`
	At          string           `json:"at"`
	Frozen      bool             `json:"frozen"`
	Quota       bool             `json:"quota"`
	Value       valueJSON        `json:"value"`
	Due         dueJSON          `json:"due"`
	Unexplained money.Fen        `json:"unexplained_fen"`
	Rows        []reconRowJSON   `json:"rows"`
	Breaks      []reconBreakJSON `json:"breaks"`
	Loads       []cardLoadJSON   `json:"loads"`
	Refunds     []refundJSON     `json:"refunds"`
	Next        []stepJSON       `json:"next"`
	Alarms      []alarmJSON      `json:"alarms"`
	Evidence    struct {
		Verified     int `json:"verified"`
		NotAvailable int `json:"not_available"`
		Failed       int `json:"failed"`
	} `json:"evidence"`
}

type valueJSON struct {
	Least     money.Fen `json:"least_fen"`
	Most      money.Fen `json:"most_fen"`
	At        string    `json:"at"`
	CertainOn string    `json:"certain_on"` // empty: certain
}

type dueJSON struct {
	Least     money.Fen `json:"least_fen"`
	Most      money.Fen `json:"most_fen"`
	Paid      money.Fen `json:"paid_fen"` // in the books: refunds and credits less what was taken back
	CertainOn string    `json:"certain_on"`
}

type reconRowJSON struct {
	ATC      uint16         `json:"atc"`
	Kind     string         `json:"kind"`
	Time     string         `json:"time"`
	Terminal uint32         `json:"terminal"`
	Sequence uint32         `json:"sequence"`
	Place    string         `json:"place,omitempty"`
	Amount   money.Fen      `json:"amount_fen"`
	Held     money.Fen      `json:"held_fen,omitempty"`
	Before   money.Fen      `json:"before_fen"`
	After    *money.Fen     `json:"after_fen"` // null while it is open
	Happened string         `json:"happened"`
	Missing  int            `json:"missing_before"`
	Service  bool           `json:"service"`
	Refused  bool           `json:"refused"`
	Source   string         `json:"source"` // row, doubt, host, issuer
	Evidence clerk.Evidence `json:"evidence"`
}

type reconBreakJSON struct {
	Card      string    `json:"card"`
	Token     string    `json:"token"`
	P         uint16    `json:"p"`
	Q         uint16    `json:"q"`
	Part      string    `json:"part"`
	State     string    `json:"state"`
	Amount    money.Fen `json:"amount_fen"`
	Contested money.Fen `json:"contested_fen"`
	Missing   int       `json:"missing"`
	Named     bool      `json:"named"`
	Certainty string    `json:"certainty"`
	Held      bool      `json:"held"`
	Waits     bool      `json:"waits"`
	Closed    bool      `json:"closed"`
	Arose     string    `json:"arose"`
	Since     string    `json:"since"`
	Final     string    `json:"final"` // day, empty if it needs no time
	Days      int64     `json:"days"`
	Age       string    `json:"age"`
	Terminal  uint32    `json:"terminal"`
	Sentence  bothTexts `json:"sentence"`
}

type cardLoadJSON struct {
	ATC    uint16    `json:"atc"`
	At     string    `json:"at"`
	Amount money.Fen `json:"amount_fen"`
	Word   string    `json:"word"`
	Until  string    `json:"until"` // day, empty if it is decided
	Text   bothTexts `json:"text"`
}

type refundJSON struct {
	P        uint16        `json:"p"`
	Q        uint16        `json:"q"`
	Amount   money.Fen     `json:"amount_fen"`
	At       string        `json:"at"`
	What     string        `json:"what"` // posting: refund, provisional credit and so on; or proposal
	Proposal *proposalJSON `json:"proposal,omitempty"`
}

type proposalJSON struct {
	ID        int64     `json:"id"`
	Kind      string    `json:"kind"`            // refund, close, admit, dismiss, dispute step
	Clerk     string    `json:"clerk,omitempty"` // of admit and dismiss, which name no card
	Card      string    `json:"card,omitempty"`
	Token     string    `json:"token,omitempty"`
	P         uint16    `json:"p"`
	Q         uint16    `json:"q"`
	Due       money.Fen `json:"due_fen"`
	Pending   money.Fen `json:"pending_fen"`
	Reason    string    `json:"reason"`
	By        string    `json:"by"`
	At        string    `json:"at"`
	Expires   string    `json:"expires"`
	Status    string    `json:"status"`
	DecidedBy string    `json:"decided_by,omitempty"`
	DecidedAt string    `json:"decided_at,omitempty"`
	Why       string    `json:"why,omitempty"`
	Case      int64     `json:"case,omitempty"` // of a step of a dispute
	Step      string    `json:"step,omitempty"`
	Code      string    `json:"code,omitempty"`
}

type stepJSON struct {
	On       string    `json:"on"` // day; empty: a tap, a row or a person must come
	What     string    `json:"what"`
	P        uint16    `json:"p"`
	Q        uint16    `json:"q"`
	Proposal int64     `json:"proposal,omitempty"`
	Text     bothTexts `json:"text"`
}

type alarmJSON struct {
	Kind      string    `json:"kind"`
	P         uint16    `json:"p"`
	Q         uint16    `json:"q"`
	Terminals []uint32  `json:"terminals"`
	Text      bothTexts `json:"text"`
}

func tokenText(t sqlite.Token) string { return fmt.Sprintf("%x", t[:]) }

func cardObject(c *clerk.Card) *reconCardJSON {
	o := &reconCardJSON{Card: c.Key.String(), Token: tokenText(c.Token), At: clockText(c.At), Frozen: c.Frozen, Quota: c.Quota, Unexplained: c.Unexplained,
		Value: valueJSON{c.Value.Least, c.Value.Most, momentText(c.Value.At), laterDay(c.Value.CertainOn, c.At)},
		Due:   dueJSON{c.Due.Least, c.Due.Most, c.Paid, laterDay(c.Due.CertainOn, c.At)},
		Rows:  []reconRowJSON{}, Breaks: []reconBreakJSON{}, Loads: []cardLoadJSON{}, Refunds: []refundJSON{}, Next: []stepJSON{}, Alarms: []alarmJSON{}}
	o.Evidence.Verified, o.Evidence.NotAvailable, o.Evidence.Failed = verifiedOf(c)
	for i := range c.Rows {
		o.Rows = append(o.Rows, cardRowObject(&c.Rows[i]))
	}
	for i := range c.Breaks {
		o.Breaks = append(o.Breaks, breakObject(&c.Breaks[i], c.Token, c.At))
	}
	for i := range c.Loads {
		l := &c.Loads[i]
		o.Loads = append(o.Loads, cardLoadJSON{l.ATC, clockText(l.Time), l.Answer.Amount, l.Answer.Word.String(), dayOnly(l.Answer.Until), bothTexts{l.Answer.Text("en"), l.Answer.Text("zh")}})
	}
	for i := range c.Refunds {
		r := &c.Refunds[i]
		x := refundJSON{P: r.P, Q: r.Q, Amount: r.Amount, At: clockText(r.At), What: postingName(r.Code).EN}
		if r.Proposal != nil {
			p := proposalObject(r.Proposal)
			x.What, x.Proposal = "proposal", &p
		}
		o.Refunds = append(o.Refunds, x)
	}
	for _, s := range c.Steps {
		o.Next = append(o.Next, stepJSON{On: dayOnly(s.On), What: stepNames[s.What].name, P: s.P, Q: s.Q, Proposal: s.ID, Text: stepText(&s)})
	}
	for _, a := range c.Alarms {
		o.Alarms = append(o.Alarms, alarmJSON{Kind: a.Kind.String(), P: a.P, Q: a.Q, Terminals: []uint32{uint32(a.A), uint32(a.B)}, Text: alarmText(&a)})
	}
	return o
}

// laterDay is a day that is still to come, else empty.
func laterDay(at, now int64) string {
	if at <= now {
		return ""
	}
	return dayOnly(at)
}

func cardRowObject(r *clerk.Row) reconRowJSON {
	o := reconRowJSON{ATC: r.ATC, Kind: r.Kind.String(), Time: momentText(r.Time), Terminal: uint32(r.Terminal), Sequence: r.Sequence, Place: r.Place,
		Amount: r.Debit, Held: r.Held, Before: r.Before, Happened: r.Happened.String(), Missing: r.Missing, Service: r.Service, Refused: r.Refused,
		Source: sourceName(r), Evidence: r.Evidence}
	if r.Known {
		o.After = &r.After
	}
	return o
}

func sourceName(r *clerk.Row) string {
	if r.Unload {
		return "host"
	}
	switch r.Kind {
	case timeline.Opening, timeline.Push:
		return "issuer"
	case timeline.Load, timeline.Online:
		return "host"
	case timeline.Doubt:
		return "doubt"
	}
	return "row"
}

func breakObject(b *clerk.Break, token sqlite.Token, now int64) reconBreakJSON {
	return reconBreakJSON{Card: b.Card.String(), Token: tokenText(token), P: b.P, Q: b.Q, Part: b.Part.String(), State: b.State.String(), Amount: b.Amount, Contested: b.Contested,
		Missing: b.Missing, Named: b.Named, Certainty: b.Basis.String(), Held: b.Held, Waits: b.Waits, Closed: b.Closed, Arose: momentText(b.Arose), Since: momentText(b.Since),
		Final: dayOnly(b.Final), Days: b.Days(now), Age: b.Age(now).String(), Terminal: uint32(b.Terminal), Sentence: breakSentence(b)}
}

func breakSentence(b *clerk.Break) bothTexts {
	x := recon.Break{Card: b.Card, Break: b.Break}
	return bothTexts{x.Sentence(recon.EN), x.Sentence(recon.ZH)}
}

func proposalObject(p *clerk.Proposal) proposalJSON {
	o := proposalJSON{ID: p.ID, Kind: p.Kind.String(), Clerk: p.Clerk, P: p.P, Q: p.Q, Due: p.Amount, Pending: p.Credit, Reason: p.Reason,
		By: p.By, At: clockText(p.At), Expires: clockText(p.Expires), Status: p.Status.String(), DecidedBy: p.DecidedBy, DecidedAt: momentText(p.DecidedAt), Why: p.Why,
		Case: p.Step.Case, Step: p.Step.Step, Code: p.Step.Code}
	if !p.Kind.AboutClerk() {
		o.Card, o.Token = p.Card.String(), tokenText(p.Token)
	}
	return o
}
