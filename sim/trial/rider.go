package trial

import (
	"math/rand/v2"
	"slices"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/txn"
)

// Limits of the trial.
const (
	// Limit is 9F78: the most that one counter takes.
	Limit money.Fen = 50_00
	// Window is the time within which terminals must present.
	Window int64 = 20 * daySeconds
	// Drift is how far a good clock may be out.
	Drift int64 = 2

	daySeconds int64 = 86400
	activeDays       = 21 // on which riders tap
	calmDays         = 3  // after them: one tap at which nothing goes wrong, for most
	// Days is how many nights are reconciled: the last row's window is over by then.
	Days = activeDays + calmDays + 21
	// Epoch is the midnight with which the first day begins, 2026-10-05 at UTC+8.
	Epoch int64 = 1_791_129_600

	lowValue money.Fen = 40_00 // below it the rider loads
)

// fact is what truly happened at one counter.
type fact struct {
	fault   Fault // faultCount if nothing went wrong
	atc     uint16
	amount  money.Fen
	at      int64 // by the true clock
	paid    bool  // the chip lost the amount
	load    bool
	ran     bool  // load
	doubted bool  // a doubt row was made for it
	served  bool  // that said that service was given
	arrives int64 // when its row as paid arrives, 0 if never; of a doubt row when that arrives
}

// tapped is something that happened at a terminal or at the host.
type tapped struct {
	at       int64
	terminal int // of the network
	rows     []*txn.Row
	host     *hostMessage
	fact     *fact
	calm     bool // nothing goes wrong on its way
}

// hostMessage is what the issuer's host has in its log, as it came.
type hostMessage struct {
	card   txn.CardKey
	atc    uint16
	arqc   [8]byte
	iad    cryptogram.IAD
	un     uint32
	load   money.Fen
	amount money.Fen // 9F02 of the ARQC
	time   int64
	told   bool   // the result of the script came back, and it ran
	log    []byte // the card's load log, if it was read in this session
	// What stands in it, and the counter at which it was read: for the judge.
	logged []loaded
	logATC uint16
}

// rider is one card and what is done with it.
type rider struct {
	r       *rand.Rand
	rates   *Rates
	chip    *chip
	opening money.Fen
	facts   []*fact
	taps    []*tapped
	copied  bool // a copy was made: nobody can tell the chips apart
}

// hits draws one fault out of those from a to b, or none.
func (d *rider) hits(a, b Fault) (Fault, bool) {
	n := d.r.IntN(certain)
	for f := a; f <= b; f++ {
		if n -= d.rates[f]; n < 0 {
			return f, true
		}
	}
	return faultCount, false
}

// live lives the active days and the calm ones.
func (d *rider) live() {
	_, clone := d.hits(Clone, Clone)
	_, rollback := d.hits(Rollback, Rollback)
	d.copied = clone || rollback
	copyDay := d.r.IntN(activeDays - 6)
	var twin chip
	var twins []*tapped
	for day := range activeDays {
		if d.copied && day == copyDay {
			twin = *d.chip
		}
		at := Epoch + int64(day)*daySeconds + 6*3600 + int64(d.r.IntN(3600))
		for range d.r.IntN(3) {
			at = d.journey(at)
		}
		if clone && day > copyDay && d.r.IntN(4) == 0 {
			twins = append(twins, d.useTwin(&twin, at+300))
		}
		if rollback && day == copyDay+5 {
			*d.chip = twin
		}
	}
	d.taps = append(d.taps, twins...)
	if d.r.IntN(10) == 0 {
		return // some never come back
	}
	day := activeDays + d.r.IntN(calmDays)
	t := d.tap(Epoch+int64(day)*daySeconds+12*3600, txn.Entry, 0)
	t.calm = true
}

// useTwin pays with a copy of the card.
func (d *rider) useTwin(twin *chip, at int64) *tapped {
	own := d.chip
	d.chip = twin
	defer func() { d.chip = own }()
	t := d.spend(at, txn.Purchase, d.price(), faultCount)
	d.taps = d.taps[:len(d.taps)-1]
	return t
}

// journey is an entry and an exit, or a ride on a bus, with a load before it if the
// value is low.
func (d *rider) journey(at int64) int64 {
	if d.chip.value < lowValue || d.r.IntN(20) == 0 {
		d.load(at)
		at += 600
	}
	if d.r.IntN(2) == 0 {
		d.tap(at, txn.Entry, 0)
		at += 1200 + int64(d.r.IntN(1800))
		d.tap(at, txn.Exit, d.price())
	} else {
		d.tap(at, txn.Purchase, d.price())
	}
	return at + 1800 + int64(d.r.IntN(7200))
}

func (d *rider) price() money.Fen {
	if d.r.IntN(10) == 0 {
		return money.Fen(1+d.r.IntN(30)) * 100
	}
	return money.Fen(2+d.r.IntN(8)) * 100
}

// tap is one tap at a gate, with all that can go wrong at it.
func (d *rider) tap(at int64, kind txn.Kind, amount money.Fen) *tapped {
	amount = min(amount, d.chip.value)
	f, bad := d.hits(FlashDoubt, Unbacked)
	if !bad {
		return d.spend(at, kind, amount, faultCount)
	}
	switch f {
	case Poll:
		d.poll(at, 1)
		return d.spend(at+5, kind, amount, faultCount)
	case Burst:
		d.poll(at, 30+d.r.IntN(270))
		return d.spend(at+5, kind, amount, faultCount)
	case Declined:
		d.put(at, d.chip.row(txn.Declined, txn.Flags(0).WithReason(txn.CardDeclined), cryptogram.AAC, amount, d.r.Uint32()))
		return d.spend(at+5, kind, amount, faultCount)
	case Question:
		d.ask(at, 0)
		return d.spend(at+5, kind, amount, faultCount)
	}
	if amount == 0 {
		return d.spend(at, kind, 0, faultCount)
	}
	return d.spend(at, kind, amount, f)
}

// ending is how a tap over an amount ends: whether the chip pays, and the rows.
type ending struct {
	pays, doubt, row, served bool
	doubtFlags, rowFlags     txn.Flags
}

var (
	lost   = txn.Flags(0).WithReason(txn.LastAnswerLost)
	left   = txn.Flags(0).WithReason(txn.LeftBeforeLast)
	proven = txn.LastRecordRead | txn.ODAVerified | txn.Tag9F69Checked
)

var endings = map[Fault]ending{
	faultCount:  {pays: true, row: true, rowFlags: proven},
	FlashDoubt:  {pays: true, doubt: true, doubtFlags: lost},
	FlashServed: {pays: true, doubt: true, doubtFlags: lost | txn.ServiceGiven, served: true},
	FlashSilent: {pays: true},
	Recovered:   {pays: true, doubt: true, doubtFlags: lost, row: true, rowFlags: txn.ClosedByRetap},
	Left:        {doubt: true, doubtFlags: lost},
	LeftKnown:   {doubt: true, doubtFlags: left},
	Unproven:    {pays: true, row: true, rowFlags: txn.ODAVerified},
	Unbacked:    {row: true, rowFlags: txn.ODAVerified},
}

// spend is a tap that ends in the given way.
func (d *rider) spend(at int64, kind txn.Kind, amount money.Fen, f Fault) *tapped {
	amount = min(amount, d.chip.value)
	e := endings[f]
	r := d.chip.row(kind, 0, cryptogram.TC, amount, d.r.Uint32())
	x := &fact{fault: f, atc: d.chip.atc, amount: amount, at: at, paid: e.pays && amount > 0, doubted: e.doubt, served: e.served}
	if x.paid {
		d.chip.value -= amount
	}
	d.facts = append(d.facts, x)
	var rows []*txn.Row
	if e.doubt {
		doubt := *r
		doubt.Kind, doubt.Flags = txn.Doubt, e.doubtFlags
		rows = append(rows, &doubt)
	}
	if e.row {
		r.Flags = e.rowFlags
		rows = append(rows, r)
	}
	t := d.put(at, rows...)
	t.fact = x
	return t
}

func (d *rider) put(at int64, rows ...*txn.Row) *tapped {
	t := &tapped{at: at, terminal: d.r.IntN(terminals), rows: rows}
	d.taps = append(d.taps, t)
	return t
}

// poll uses up counters of which nobody hears.
func (d *rider) poll(at int64, n int) {
	for range n {
		if d.chip.atc > 60_000 {
			return
		}
		d.chip.atc++
		d.facts = append(d.facts, &fact{fault: Poll, atc: d.chip.atc, at: at})
	}
}

// load asks the host for a load; the card may get it or not.
func (d *rider) load(at int64) {
	amount := money.Fen(1+d.r.IntN(4)) * 50_00
	f, bad := d.hits(FlashLoad, ResultLost)
	d.ask(at, amount)
	x := &fact{fault: faultCount, atc: d.chip.atc, amount: amount, at: at, load: true, ran: !bad || f == ResultLost}
	if bad {
		x.fault = f
	}
	if x.ran {
		d.chip.credit(amount, at)
	}
	host := d.taps[len(d.taps)-1].host
	host.told = !bad
	d.facts = append(d.facts, x)
	if _, read := d.hits(LogRead, LogRead); read {
		host.log, host.logged, host.logATC = d.chip.loadLog(), slices.Clone(d.chip.loads), d.chip.atc
	}
}

// ask is an ARQC to the issuer's host, which answers with a load or without.
func (d *rider) ask(at int64, load money.Fen) {
	un := d.r.Uint32()
	ac, iad := d.chip.answer(cryptogram.ARQC, 0, un)
	d.taps = append(d.taps, &tapped{at: at, host: &hostMessage{card: d.chip.card, atc: d.chip.atc, arqc: ac, iad: iad, un: un, load: load, time: at}})
}
