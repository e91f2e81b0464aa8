package main

import "github.com/citycard/citycard/recon/dispute"

// disputeJSON is a case as --json shows it: its times are text, in place of the seconds of
// the embedded types.
type disputeJSON struct {
	*dispute.Case
	Subject disputeSubjectJSON `json:"subject"`
	Events  []disputeEventJSON `json:"events"`
	Moves   []disputeMoveJSON  `json:"moves"`
	Due     string             `json:"due"` // day, empty for none
	Next    []disputeNextJSON  `json:"next"`
}

type disputeSubjectJSON struct {
	dispute.Subject
	TradeAt string `json:"trade_at"`
}

type disputeEventJSON struct {
	dispute.Event
	At string `json:"at"`
}

type disputeMoveJSON struct {
	dispute.Move
	At string `json:"at"`
}

type disputeNextJSON struct {
	dispute.Next
	Deadline string `json:"deadline"` // day
}

func (o *disputeObject) object() disputeJSON {
	out := disputeJSON{Case: o.Case, Subject: disputeSubjectJSON{o.Subject, momentText(o.Subject.TradeAt)}, Due: dayOnly(o.Due),
		Events: []disputeEventJSON{}, Moves: []disputeMoveJSON{}, Next: []disputeNextJSON{}}
	for _, e := range o.Events {
		out.Events = append(out.Events, disputeEventJSON{e, momentText(e.At)})
	}
	for _, m := range o.Moves {
		out.Moves = append(out.Moves, disputeMoveJSON{m, momentText(m.At)})
	}
	for _, n := range o.Next {
		out.Next = append(out.Next, disputeNextJSON{n, dayOnly(n.Deadline)})
	}
	return out
}
