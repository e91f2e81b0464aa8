package gate_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/fare"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/terminal/gate"
	"github.com/citycard/citycard/terminal/row"
	"github.com/citycard/citycard/txn"
)

// ride is one step of a rider's day: he taps at the terminals of one array until one of
// them lets him through.
type ride struct {
	array   string
	mode    gate.Mode
	station string
	metres  int
}

var rides = []ride{
	{"a", gate.Entry, "建国门", 0}, {"b", gate.Exit, "北京南站", 0}, {"bus", gate.Bus, "", 9000},
	{"front", gate.Board, "", 1000}, {"rear", gate.Alight, "", 16000},
	{"airport", gate.Entry, "大兴机场", 0}, {"c", gate.Exit, "草桥", 0},
}

// walker is a rider on his way through the rides.
type walker struct {
	*scene
	step  int
	tries int // taps of this step at which nothing went wrong
	rows  []txn.Row
	value money.Fen // on the card when the step began

}

// campaign is some riders at some gates, with a few faults.
type campaign struct {
	*world
	rand    *rand.Rand
	places  [][]*station // by step
	walkers []*walker
	faults  int
	log     []string
}

var (
	campaignSessions = flag.Int("sessions", 60, "sessions of TestCampaign")
	campaignSeed     = flag.Uint64("session", 0, "the first one of them")
)

// TestCampaign: sessions of several riders, each at two gates of every array, with up to
// two faults, at random among: a card torn, a module that fails, a write cut, the power of
// an array. Between the beginning and the end of every step each rider has lost exactly
// what his one row of it says, and was let through once and never for nothing; who stands
// there after that is let through once more, without a charge, or not.
func TestCampaign(t *testing.T) {
	sessions := *campaignSessions
	if testing.Short() {
		sessions = min(sessions, 15)
	}
	w := newWorld(t)
	for n := range sessions {
		seed := *campaignSeed + uint64(n)
		c := newCampaign(t, w, seed)
		if err := c.run(); err != nil {
			for _, line := range c.log {
				t.Log(line)
			}
			t.Fatalf("session %d: %v", seed, err)
		}
	}
}

func newCampaign(t *testing.T, w *world, seed uint64) *campaign {
	w.t, w.now, w.records, w.transit = t, startOfDay, newRecords(), &gate.Transit{AllowHold: true}
	w.arrays, w.gates, w.cards = map[string]*gate.Array{}, map[string]*station{}, map[string]*rider{}
	c := &campaign{world: w, rand: rand.New(rand.NewPCG(seed, 6))}
	c.faults = 1 + c.rand.IntN(2)
	for i, r := range rides {
		pair := make([]*station, 2)
		for n := range pair {
			cfg := gate.Config{Terminal: txn.TerminalID(10*i + n + 1), Mode: r.mode, Medium: fare.MunicipalCard, RetapWindow: time.Hour, Route: 300}
			if r.station != "" {
				cfg.Station, cfg.PassWindow = w.mustStation(r.station), 2*time.Minute
			}
			pair[n] = w.addGate(fmt.Sprint(i, n), r.array, cfg)
			w.must(pair[n].gate.SetStop(byte(i), 0, r.metres))
		}
		c.places = append(c.places, pair)
	}
	for i := range 2 + c.rand.IntN(2) {
		spec := cardSpec{profile: pick(c.rand, "transit-sm", "transit-3des", "quota-sm", "tunion", "tunion", "dev-cityunion"), balance: 20000, uid: pick(c.rand, "", "random")}
		s := &scene{world: w, rider: w.makeCard(fmt.Sprint(i), spec)}
		s.before = s.truth()
		c.walkers = append(c.walkers, &walker{scene: s, value: s.before.value})
	}
	return c
}

func pick[T any](r *rand.Rand, list ...T) T { return list[r.IntN(len(list))] }

func (c *campaign) run() error {
	for range 200 {
		k := pick(c.rand, c.walkers...)
		if k.step == len(rides) {
			continue
		}
		c.now += int64(1 + c.rand.IntN(9))
		if err := c.tapOnce(k); err != nil {
			return fmt.Errorf("%s %v, %s: %w", k.rider.profile, k.rider.key, rides[k.step].array, err)
		}
	}
	for _, a := range c.arrays {
		for _, rec := range a.Flush() {
			if k := c.walkerOf(&rec.Row); k.step == len(rides) {
				return fmt.Errorf("a torn tap of %v is left", rec.Row.Card)
			}
		}
	}
	return nil
}

func (c *campaign) walkerOf(r *txn.Row) *walker {
	for _, k := range c.walkers {
		if k.rider.key == r.Card {
			return k
		}
	}
	c.t.Fatalf("a row of %v", r.Card)
	return nil
}

func (c *campaign) take(records []row.Record) {
	for _, r := range appendRows(c.world, nil, records) {
		k := c.walkerOf(&r)
		k.rows = append(k.rows, r)
	}
}

// tapOnce taps one rider once at his array. At times another one who is at the same array
// taps at its other gate in the meantime.
func (c *campaign) tapOnce(k *walker) error {
	pair, at := c.places[k.step], c.rand.IntN(2)
	who := []*walker{k}
	for _, o := range c.walkers {
		if o != k && o.step == k.step && len(who) == 1 && c.rand.IntN(2) == 0 {
			who = append(who, o)
		}
	}
	taps := make([]*liveTap, len(who))
	for i, o := range who {
		taps[i] = c.beginTap(pair[at^i], o.rider, c.fault())
	}
	for open := len(taps); open > 0; {
		i := c.rand.IntN(len(taps))
		if taps[i].a.Done == nil && !(taps[i].next() && taps[i].a.Done == nil) {
			open--
		}
	}
	results := make([]gate.Result, len(taps)) // they are the gates' until the next tap
	for i, t := range taps {
		results[i] = *t.ended().res
		c.take(results[i].Records)
	}
	for i, o := range who {
		if err := c.tapEnded(o, taps[i], &results[i]); err != nil {
			return err
		}
	}
	if c.faults > 0 && c.rand.IntN(25) == 0 {
		c.faults--
		array := pair[0].array
		for name, a := range c.arrays {
			if a == array {
				c.log = append(c.log, "power of "+name)
				c.restart(name, a)
			}
		}
	}
	return nil
}

// tapEnded judges the step if this was the last tap of it.
func (c *campaign) tapEnded(k *walker, t *liveTap, res *gate.Result) error {
	c.log = append(c.log, fmt.Sprintf("%d %s step %d gate %d: %v -> %v", c.now, k.rider.key, k.step, t.st.gate.Terminal(), t.f, res.Display))
	if t.f == (fault{forgetful: t.f.forgetful}) {
		k.tries++
	}
	switch {
	case res.Opened && res.Card != k.rider.key:
		return fmt.Errorf("it opened for %v", res.Card)
	case res.Opened:
		return c.through(k, res)
	case k.tries > 3:
		return fmt.Errorf("he is stuck: %v", res.Display)
	}
	return nil
}

// through judges a step at its end.
func (c *campaign) through(k *walker, res *gate.Result) error {
	paid := money.Fen(0)
	rows := 0
	for i := range k.rows {
		switch r := &k.rows[i]; {
		case r.Kind.Paid() || r.Kind == txn.Hold || r.Kind == txn.Entry:
			rows++
			paid += r.Amount
			if r.DF60 == 3 {
				paid -= r.Held
			}
		case r.Flags.Reason() != txn.LeftBeforeLast:
			return fmt.Errorf("row %v (%v)", r.Kind, r.Flags.Reason())
		}
	}
	if lost := k.value - k.truth().value; rows != 1 || lost != paid {
		return fmt.Errorf("%d paid rows over %v, the card lost %v (%v)", rows, paid, lost, res.Display)
	}
	if err := c.second(k); err != nil {
		return err
	}
	k.step, k.tries, k.rows, k.value = k.step+1, 0, nil, k.truth().value
	return nil
}

// second is another person who holds the same card before the gates of a metro array: one
// is let through, as the gate cannot tell him from a rider who was too slow.
func (c *campaign) second(k *walker) error {
	if rides[k.step].station == "" || c.rand.IntN(4) > 0 {
		return nil
	}
	value, free := k.truth().value, 0
	for range 3 {
		c.now += int64(1 + c.rand.IntN(5))
		res := c.tapWith(pick(c.rand, c.places[k.step]...), k.rider, fault{forgetful: c.rand.IntN(2) == 0}).res
		c.log = append(c.log, fmt.Sprintf("  again -> %v", res.Display))
		if res.Opened {
			free++
		}
		if len(res.Records) > 0 && res.Records[0].Row.Kind != txn.Doubt {
			return fmt.Errorf("the second person: row %v, %v", res.Records[0].Row.Kind, res.Display)
		}
	}
	if free > 1 || k.truth().value != value {
		return fmt.Errorf("%d more were let through, and the card lost %v", free, value-k.truth().value)
	}
	return nil
}

// fault is one of the few of a session, or none.
func (c *campaign) fault() fault {
	f := fault{forgetful: c.rand.IntN(2) == 0}
	if c.faults == 0 || c.rand.IntN(4) > 0 {
		return f
	}
	c.faults--
	f.heard = c.rand.IntN(2) == 0
	n := 1 + c.rand.IntN(12)
	switch c.rand.IntN(3) {
	case 0:
		f.card = n
	case 1:
		f.module = n
	default:
		f.write, f.tear = n, pick(c.rand, cos.TearNone, cos.TearFirst, cos.TearLast)
	}
	return f
}
