package gate

import (
	"time"

	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/terminal/row"
	"github.com/citycard/citycard/txn"
)

// ended turns the kernel's outcome into rows and a display.
func (g *Gate) ended(out *kernel.Outcome) Action {
	g.result.Fault = out.Fault
	if !out.Identified {
		return g.done(g.unidentified(out))
	}
	d := out.Data
	g.result.Card, g.result.Balance = d.Card, row.Balance(out)
	flags := txn.Flags(0).WithReason(out.Reason)
	switch {
	case out.Reason == txn.LastAnswerLost:
		return g.wait(d)
	case out.Result == kernel.Approved:
		return g.accept(row.Record{Row: g.row(modeKinds[g.cfg.Mode], 0, d, &g.quote)}, out)
	case out.Commit == kernel.CommitUnknown:
		g.refused(flags) // nothing proves that the card gave the last record
	case out.Result == kernel.Torn:
		g.unpaid(txn.Doubt, out.Reason)
	default:
		return g.declined(out)
	}
	return g.done(displayOf(out))
}

// declined records a card that was refused before it paid. If it has paid for the
// pass already, it may have too little for another. If it refused another card's
// price, it is asked for its own.
func (g *Gate) declined(out *kernel.Outcome) Action {
	g.unpaid(txn.Declined, out.Reason)
	if p := g.passOfCard(out.Data.Card); p != nil {
		return g.again(p)
	}
	if out.Fault.Code != kernel.CardRefused || g.runs > 1 {
		return g.done(displayOf(out))
	}
	if right, wrong := g.rightPrice(out.Data.Card); wrong {
		return g.run(right)
	}
	return g.done(displayOf(out))
}

// wait keeps a tap whose end is unknown until its card comes back.
func (g *Gate) wait(d *kernel.Data) Action {
	t := &tornTap{
		Torn: row.Torn{
			Data: d.Clone(), Until: g.now + seconds(g.cfg.RetapWindow),
			Row: g.row(txn.Doubt, txn.Flags(0).WithReason(txn.LastAnswerLost), d, &g.quote),
		},
		mode: g.cfg.Mode, uid: g.field.UID, quote: g.quote,
	}
	g.array.torn = append(g.array.torn, t)
	g.result.Retap = true
	return g.done(TapAgain)
}

// accept records a paid tap and opens the gate.
func (g *Gate) accept(r row.Record, out *kernel.Outcome) Action {
	d := out.Data
	g.settleTorn(d.Card)
	r.Accept(out)
	if g.broken {
		r.Row.Kind = txn.Doubt
		r.Row.Flags = r.Row.Flags&^txn.ServiceGiven | txn.Flags(0).WithReason(txn.GateFault)
	}
	g.result.Records = append(g.result.Records, r)
	g.result.Card, g.result.Amount, g.result.Balance = d.Card, d.Amount, row.Balance(out)
	if g.broken {
		return g.done(OutOfOrder)
	}
	g.array.dropPasses(g.cfg.Mode, g.field.UID, d.Card)
	if g.cfg.PassWindow > 0 {
		g.array.notePass(pass{mode: g.cfg.Mode, uid: g.field.UID, card: d.Card, seen: d.Seen(), until: g.now + seconds(g.cfg.PassWindow)}, g.now)
	}
	g.tellRecords(&r.Row)
	g.result.Opened = true
	return g.done([...]Display{Entry: Welcome, Exit: Goodbye, Bus: Paid}[g.cfg.Mode])
}

// tellRecords prepares what the station records will be told.
func (g *Gate) tellRecords(r *txn.Row) {
	switch g.cfg.Mode {
	case Entry:
		g.entered = EntryRecord{
			Card: r.Card, UID: g.field.UID, Station: g.cfg.Station, Terminal: r.Terminal, Time: r.Time, ATC: r.ATC,
		}
		g.result.Entered = &g.entered
	case Exit:
		g.closed = Closing{
			Card: r.Card, Entry: g.quote.entry, Station: g.cfg.Station, Terminal: r.Terminal, Time: r.Time, ATC: r.ATC,
			Month: r.Month, Paid: r.Amount, Counted: g.quote.counted, Flags: r.Flags,
		}
		g.result.Closed = &g.closed
	}
}

// unidentified is the display for a card that never told who it is. No row: the
// card may have used a counter, but nobody can name it.
func (g *Gate) unidentified(out *kernel.Outcome) Display {
	switch out.Result {
	case kernel.Torn:
		return TapAgain
	case kernel.OtherInterface:
		return AskStaff
	}
	return CardNotKnown
}

// displayOf is what to say about a tap that was refused.
func displayOf(out *kernel.Outcome) Display {
	switch out.Reason {
	case txn.LeftBeforeLast:
		return TapAgain
	case txn.ODAFailed:
		return NotGenuine
	case txn.DenyListed:
		return CardDenied
	case txn.NotYetValid:
		return CardNotValid
	case txn.Expired:
		return CardExpired
	case txn.OnlineAsked:
		return AskStaff
	case txn.CardDeclined:
		if left, stated := out.Data.IAD.Balance(); stated && left < out.Data.Amount {
			return BalanceLow
		}
		return CardRefused
	}
	return CardNotKnown
}

func seconds(d time.Duration) int64 { return int64(d / time.Second) }
