package gate

import (
	"time"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/terminal/row"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/apdu"
)

// ended turns the kernel's outcome into rows and a display.
func (g *Gate) ended(out *kernel.Outcome) Action {
	g.result.Fault = out.Fault
	if !out.Identified {
		return g.done(g.unidentified(out))
	}
	d := out.Data
	g.result.Card, g.result.Balance = d.Card, g.balance(out)
	flags := txn.Flags(0).WithReason(out.Reason)
	switch {
	case out.Reason == txn.LastAnswerLost:
		return g.wait(d)
	case out.Result == kernel.Approved && g.broken && g.quote.carried():
		return g.stuck(out)
	case out.Result == kernel.Approved:
		return g.accept(row.Record{Row: g.row(g.kind(&g.quote), 0, d, &g.quote)}, out)
	case out.Commit == kernel.CommitUnknown && g.quote.carried():
		g.keep(d, out.Reason)
	case out.Commit == kernel.CommitUnknown:
		g.refused(flags) // nothing proves that the card gave the last record
	case out.Result == kernel.Torn:
		g.unpaid(txn.Doubt, out.Reason)
	default:
		return g.declined(out)
	}
	return g.done(displayOf(out))
}

// balance is what the card holds after the tap by its own word, -1 if that is not known.
// A payment of the low-value extension can leave open what it was before.
func (g *Gate) balance(out *kernel.Outcome) money.Fen {
	if b, ok := out.Data.BalanceAfter(); ok && g.quote.carried() && out.Commit == kernel.Committed {
		return b
	}
	return row.Balance(out)
}

// declined records a card that was refused before it paid. If it has paid for the
// pass already, it may have too little for another. If it refused another card's
// price, it is asked for its own.
func (g *Gate) declined(out *kernel.Outcome) Action {
	g.unpaid(txn.Declined, out.Reason)
	if p := g.passOfCard(out.Data.Card); p != nil && !g.strange(out.Data.Card) {
		return g.again(p)
	}
	if out.Fault.Code != kernel.CardRefused || g.runs > 1 || g.quote.carried() {
		return g.done(displayOf(out))
	}
	if right, wrong := g.rightPrice(out.Data.Card); wrong {
		return g.run(right)
	}
	return g.done(displayOf(out))
}

// wait keeps a tap whose end is unknown until its card comes back.
func (g *Gate) wait(d *kernel.Data) Action {
	g.keep(d, txn.NoDoubt)
	return g.done(TapAgain)
}

// accept records a paid tap and opens the gate.
func (g *Gate) accept(r row.Record, out *kernel.Outcome) Action {
	r.Accept(out)
	g.result.Balance = g.balance(out)
	return g.letThrough(r, out.Data.Seen())
}

// modeTexts are what a rider reads whose tap is accepted.
var modeTexts = [...]Display{Entry: Welcome, Exit: Goodbye, Bus: Paid, Board: Boarded, Alight: Paid}

// letThrough stores the record of a paid tap and opens the gate. seen is what the card
// can be known again by.
func (g *Gate) letThrough(r row.Record, seen kernel.Seen) Action {
	card := r.Row.Card
	g.settleTorn(card)
	g.settlePurse(card)
	g.result.Records = g.array.settled(g.result.Records)
	if g.broken { // a card without records of its own: there is no other proof of the journey
		r.Row.Kind = txn.Doubt
		r.Row.Flags = r.Row.Flags&^txn.ServiceGiven | txn.Flags(0).WithReason(txn.GateFault)
	}
	g.result.Records = append(g.result.Records, r)
	g.result.Card, g.result.Amount = card, r.Row.Amount
	if g.quote.kind == txn.Hold {
		g.result.Amount, g.result.Held = 0, r.Row.Amount
	}
	if g.broken {
		return g.done(OutOfOrder)
	}
	g.array.dropPasses(g.cfg.Mode, g.field.UID, card)
	if g.cfg.PassWindow > 0 {
		p := pass{mode: g.cfg.Mode, uid: g.field.UID, card: card, seen: seen, until: g.now + seconds(g.cfg.PassWindow)}
		if g.quote.carried() && r.Row.Scheme == txn.Finance {
			p.serial = g.trip.serial()
		}
		g.array.notePass(p, g.now)
	}
	if !g.quote.carried() && r.Row.Scheme == txn.Finance {
		g.tellRecords(&r.Row)
	}
	g.result.Opened = true
	return g.done(modeTexts[g.cfg.Mode])
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
	if g.cfg.Transit != nil && out.Fault.SW == apdu.SWInvalidated {
		return CardDenied // the application is blocked, and no other takes its place
	}
	return CardNotKnown
}

// displayOf is what to say about a tap that was refused.
func displayOf(out *kernel.Outcome) Display {
	if out.Reason == txn.CardDeclined {
		if left, stated := out.Data.IAD.Balance(); stated && left < out.Data.Amount {
			return BalanceLow
		}
		return CardRefused
	}
	return reasonText(out.Reason)
}

// reasonText is what to say about a tap that was refused for this reason.
func reasonText(reason txn.DoubtReason) Display {
	switch reason {
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
	}
	return CardNotKnown
}

func seconds(d time.Duration) int64 { return int64(d / time.Second) }
