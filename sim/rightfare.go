package sim

import (
	"fmt"

	"github.com/citycard/citycard/fare"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/sim/oracle"
	"github.com/citycard/citycard/terminal/gate"
	"github.com/citycard/citycard/txn"
)

// rightFares says what rides must cost: a twin of the fare book that shares nothing
// with it but the network. With a tariff of the user's own there is none.
type rightFares struct {
	*oracle.Fares
	stations []int // by place
}

func (c *City) findRightFares(files map[string][]byte) error {
	if _, own := c.opt.Files[fare.TariffFile]; own {
		return nil
	}
	twin, err := oracle.NewFares(files)
	if err != nil {
		return err
	}
	r := &rightFares{Fares: twin}
	for _, s := range c.stations {
		n, known := twin.Station(c.book.Name(s))
		if !known {
			return fmt.Errorf("station %s is missing", c.book.Name(s))
		}
		r.stations = append(r.stations, n)
	}
	c.right = r
	return nil
}

// account is what one rider should have paid, in fen, and what is needed to go on:
// the sums of the month as the gates' records have it, which never learn of a
// journey whose entry was not read, and as clearing does, which knows no more than
// rows told it.
type account struct {
	due, gates, clearing int32
	entered              int32  // second of D
	chip                 int32  // value in the card's memory when it was last read
	read                 uint16 // taps until then
	state                accountState
}

type accountState uint8

const (
	accountOdd   accountState = 1 << iota // no rule says what this rider should have paid
	accountBlind                          // a journey was charged without its entry
)

// charge notes what a tap should cost its rider.
func (k *worker) charge(p *place, f *followUp, res *gate.Result) {
	if k.right == nil {
		return
	}
	a := &k.dues[f.rider]
	if f.tear != tearNone || res.Display == gate.AlreadyPaid {
		a.state |= accountOdd
	}
	if !res.Opened {
		return
	}
	switch f.what {
	case wantEntry:
		a.entered = f.at
	case wantBus:
		a.due += int32(oracle.Bus(int(f.metres)))
	case wantExit:
		k.chargeJourney(p, a, f, res)
	}
}

func (k *worker) chargeJourney(p *place, a *account, f *followUp, res *gate.Result) {
	entered := k.midnight + int64(a.entered)
	if txn.MonthBCD(k.midnight+int64(f.at)) != txn.MonthBCD(k.midnight) {
		a.state |= accountOdd // two months
		return
	}
	ride := oracle.Ride{From: k.right.stations[k.origin[f.rider]], To: k.right.stations[f.place], Entered: a.entered, Exited: f.at,
		Workday: k.workday(entered), Month: money.Fen(a.gates)}
	unread := chargedBlind(res)
	blind := unread != nil && k.mayBeBlind(f)
	if blind {
		ride.Month = money.Fen(a.clearing)
		a.state |= accountBlind
		if f.at-a.entered > 4*3600 {
			a.state |= accountOdd // the highest fare has no surcharge in it, and nobody collects the rest
		}
	}
	pay, counted := k.right.Price(ride)
	a.due += int32(pay)
	if blind {
		p.truth.blind = append(p.truth.blind, commit{rider: f.rider, atc: unread.ATC, amount: int32(pay)})
		a.clearing += int32(counted)
		return
	}
	a.clearing = max(a.clearing, a.gates) + int32(counted)
	a.gates += int32(counted)
}

// mayBeBlind says whether a gate can have had a reason for not knowing the entry: no
// line to the records, or a phone, whose UID leads nowhere. A card that carries its
// journeys knows it, unless a torn tap has paid for the journey already.
func (k *worker) mayBeBlind(f *followUp) bool {
	if k.carries(f.rider) {
		return k.dues[f.rider].state&accountOdd != 0
	}
	view := recordsView{stationRecords: k.shared, place: k.places[f.place], now: k.midnight + int64(f.at)}
	return k.isPhone(f.rider) || view.unreachable()
}

// chargedBlind is the row of a journey that was charged without its entry, or nil.
func chargedBlind(res *gate.Result) *txn.Row {
	for i := range res.Records {
		if r := &res.Records[i].Row; r.Kind == txn.Exit && r.Flags.Has(txn.EntryUnread) {
			return r
		}
	}
	return nil
}

// auditFares compares what riders paid in the end with what is right. A rider counts
// if nothing happened to card or rows. spent is by rider: what left the chip, less
// what came back to the customer.
func (r *Run) auditFares(spent []int32, res *Result) {
	if r.world.right == nil {
		return
	}
	for i := range r.world.dues {
		if !r.odd(uint32(i)) {
			res.FareRiders++
			res.FareGap += distance(money.Fen(spent[i]), money.Fen(r.world.dues[i].due))
		}
	}
}

// odd says that something happened to a rider's card or rows, so that no rule says
// what was to be paid.
func (r *Run) odd(rider uint32) bool {
	a := &r.world.dues[rider]
	apart := a.state&accountBlind != 0 && r.carrier.apart[rider] // clearing need not have known the month's sum in time
	return a.state&accountOdd != 0 || r.truth.torn[rider] || r.world.injected.roles[rider] != 0 || r.carrier.touched[rider] || apart
}
