package gate

import (
	"time"

	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/tlv"
)

// probed compares a card that may be back with the torn taps that wait.
func (g *Gate) probed(p *kernel.Probe) Action {
	if p.Left {
		g.result.Retap = true
		return g.done(TapAgain)
	}
	g.probe = *p
	for _, t := range g.torn {
		if p.Matches(t.data) {
			g.old = t
			return g.follow(g.kernel.Resume(t.data))
		}
	}
	return g.run(g.byHint())
}

// resumed ends the attempt to finish an old tap. Only a signature over something
// that the card gave in its last record proves that it paid: 9F69, or the signature
// itself if that is where it stood. Otherwise a new transaction begins.
func (g *Gate) resumed(out *kernel.Outcome) Action {
	old := g.old
	g.old = nil
	proven := out.CADChecked || old.data.Get(tlv.TagSDAD) == nil
	switch {
	case out.Result == kernel.Approved && proven && g.array.remove(old):
		g.quote = old.quote
		r := Record{Row: old.row}
		r.Row.Kind = modeKinds[old.mode]
		r.Row.Flags = r.Row.Flags.WithReason(txn.NoDoubt) | txn.ClosedByRetap
		r.Row.Tag9F69, r.Row.Expiry = out.Data.CAD, out.Data.Expiry
		return g.accept(r, out)
	case out.Result == kernel.Torn:
		g.result.Retap = true
		return g.done(TapAgain)
	}
	return g.run(g.byHint())
}

// settleTorn decides the torn taps of a card that is now known: before this
// transaction it had its money still, so it did not pay then.
func (g *Gate) settleTorn(d *kernel.Data) {
	kept := g.torn[:0]
	for _, t := range g.torn {
		if t.data.Card == d.Card && g.probe.Unpaid(t.data) && g.array.remove(t) {
			t.claims--
			g.result.Records = append(g.result.Records, t.doubt(txn.LeftBeforeLast))
		} else {
			kept = append(kept, t)
		}
	}
	g.torn = kept
}

// ended turns the kernel's outcome into rows and a display.
func (g *Gate) ended(out *kernel.Outcome) Action {
	g.result.Fault = out.Fault
	if !out.Identified {
		return g.done(g.unidentified(out))
	}
	d := out.Data
	g.settleTorn(d)
	g.result.Card, g.result.Balance = d.Card, balanceOf(out)
	flags := txn.Flags(0).WithReason(out.Reason)
	switch {
	case out.Commit == kernel.CommitUnknown:
		return g.wait(d)
	case out.Result == kernel.Approved:
		return g.accept(Record{Row: g.row(modeKinds[g.cfg.Mode], 0, d, &g.quote)}, out)
	case out.Commit == kernel.Committed:
		g.committed(txn.Doubt, flags)
	case out.Result == kernel.Torn:
		g.unpaid(txn.Doubt, out.Reason)
	default:
		return g.declined(out)
	}
	return g.done(displayOf(out))
}

// declined records a card that was refused before it paid. If it refused another
// card's price, it is asked for its own.
func (g *Gate) declined(out *kernel.Outcome) Action {
	again := false
	var right quote
	if out.Fault.Code == kernel.CardRefused && g.runs == 1 {
		if right, again = g.rightPrice(out.Data.Card); again {
			g.quote = right
		}
	}
	g.unpaid(txn.Declined, out.Reason)
	if again {
		return g.run(right)
	}
	return g.done(displayOf(out))
}

// wait keeps a tap whose end is unknown until its card comes back.
func (g *Gate) wait(d *kernel.Data) Action {
	t := &tornTap{
		mode: g.cfg.Mode, uid: g.field.UID, data: d.Clone(), quote: g.quote,
		until: g.now + seconds(g.cfg.RetapWindow),
	}
	t.row = g.row(txn.Doubt, txn.Flags(0).WithReason(txn.LastAnswerLost), t.data, &g.quote)
	g.array.torn = append(g.array.torn, t)
	g.result.Retap = true
	return g.done(TapAgain)
}

// accept records a paid tap and opens the gate.
func (g *Gate) accept(r Record, out *kernel.Outcome) Action {
	d := out.Data
	r.Row.Flags |= txn.LastRecordRead | txn.ODAVerified | txn.ServiceGiven
	if out.CADChecked {
		r.Row.Flags |= txn.Tag9F69Checked
	}
	if g.broken {
		r.Row.Kind = txn.Doubt
		r.Row.Flags = r.Row.Flags&^txn.ServiceGiven | txn.Flags(0).WithReason(txn.GateFault)
	}
	attach(&r, d)
	g.result.Records = append(g.result.Records, r)
	g.result.Card, g.result.Amount, g.result.Balance = d.Card, d.Amount, balanceOf(out)
	if g.broken {
		return g.done(OutOfOrder)
	}
	if g.cfg.PassWindow > 0 {
		g.array.notePass(pass{mode: g.cfg.Mode, uid: g.field.UID, card: d.Card, until: g.now + seconds(g.cfg.PassWindow)}, g.now)
	}
	g.result.RecordsErr = g.keepRecords(&r.Row)
	g.result.Opened = true
	return g.done([...]Display{Entry: Welcome, Exit: Goodbye, Bus: Paid}[g.cfg.Mode])
}

// keepRecords tells the station records of an entry or the end of a journey.
func (g *Gate) keepRecords(r *txn.Row) error {
	switch g.cfg.Mode {
	case Entry:
		return g.records.PutEntry(EntryRecord{
			Card: r.Card, UID: g.field.UID, Station: g.cfg.Station, Terminal: r.Terminal, Time: r.Time, ATC: r.ATC,
		})
	case Exit:
		return g.records.CloseJourney(Closing{
			Card: r.Card, Entry: g.quote.entry, Station: g.cfg.Station, Terminal: r.Terminal, Time: r.Time, ATC: r.ATC,
			Month: r.Month, Paid: r.Amount, Counted: g.quote.counted, Flags: r.Flags,
		})
	}
	return nil
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
