package sim

import (
	"slices"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/fare"
	"github.com/citycard/citycard/terminal/gate"
	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/terminal/row"
	"github.com/citycard/citycard/txn"
)

// injection decides what goes wrong, and keeps the log of it.
type injection struct {
	each  int // how often each kind of fault is injected, at least
	roles map[uint32]role
	pay   int // one paying tap in so many is torn after the card has paid
	other int // one tap in so many is torn before
}

// role is what is special about a rider.
type role uint8

const (
	roleDenied role = 1 // on the acquirer's deny list, not yet on that of the gates
	roleKnown  role = 2 // on both lists: gates refuse the card
	roleCloned role = 3 // somebody has a copy of the card
)

func newInjection(c *City) *injection {
	n := c.riders.Len()
	in := &injection{each: max(1, n/4000), roles: map[uint32]role{}, pay: 1, other: 1}
	if n < smallestInjected {
		in.each = 0
	}
	want := []role{}
	for range in.each {
		want = append(want, roleDenied, roleKnown, roleCloned, roleCloned, roleCloned, roleCloned)
	}
	for k := uint64(0); len(want) > 0 && k < uint64(64*n); k++ { // with few bank cards fewer
		rider := uint32(c.below(n, forInject, k))
		if in.roles[rider] == 0 && !c.isEmpty(rider) && !c.isPhone(rider) && c.isBank(rider) {
			in.roles[rider], want = want[0], want[1:]
		}
	}
	return in
}

// smallestInjected is the number of riders from which every kind of fault is
// injected; smaller cities are for looking at, and only taps are torn in them.
const smallestInjected = 800

func (in *injection) chooseRates(c *City) {
	paying := c.riders.Journeys() + c.riders.BusRides()
	in.pay = min(max(paying/16, 20), 300)
	in.other = 150
}

// tearOf decides whether a planned tap is torn, and how.
func (in *injection) tearOf(c *City, e *event) tear {
	if in.roles[e.rider] != 0 || c.isEmpty(e.rider) {
		return tearNone
	}
	h := c.draw(forTear, uint64(e.rider), uint64(e.at))
	if e.what != wantEntry && int(h%uint64(in.pay)) == 0 {
		return tearRecovered // which of those after the commit, spread decides
	}
	switch int(h >> 20 % uint64(in.other)) {
	case 0:
		return tearNoAnswer
	case 1:
		return tearBeforeLast
	case 2:
		if c.carries(e.rider) {
			return tearWriting
		}
	case 3:
		if c.carries(e.rider) {
			return tearModule
		}
	}
	return tearNone
}

// ends are the ways in which a tap that was torn after the card had paid goes on,
// in the order in which they are dealt out: half of them finish at the gate, and of
// the rest most leave evidence that decides.
var ends = [...]tear{tearElsewhere, tearRecovered, tearElsewhere, tearRecovered, tearGivenUp, tearRecovered, tearElsewhere, tearRecovered,
	tearUndecidable, tearRecovered}

// spread deals out the ends.
func (in *injection) spread(events []event) {
	n := 0
	for i := range events {
		if events[i].tear.afterCommit() {
			events[i].tear = ends[n%len(ends)]
			n++
		}
	}
}

// deniedAtAcquirer says whether the acquirer's deny list has the rider's card.
func (in *injection) deniedAtAcquirer(rider uint32) bool {
	r := in.roles[rider]
	return r == roleDenied || r == roleKnown
}

// knownAtGates is the deny list that the gates have: yesterday's.
func (c *City) knownAtGates(card txn.CardKey) bool {
	rider, known := c.riderOf(card)
	return known && (c.injected.roles[rider] == roleKnown || c.listed.before(rider, c.today))
}

// Denied implements acquirer.DenyList: today's list, and for cards with a quota that
// of the time of the tap.
func (c *City) Denied(card txn.CardKey, at int64) bool {
	rider, known := c.riderOf(card)
	return known && (c.injected.deniedAtAcquirer(rider) || c.listed.before(rider, c.listDay(at)))
}

// samplesPerPlace is how many paid rows of a place the injector may copy.
const samplesPerPlace = 3

// sample keeps a paid row that the injector may copy later.
func (in *injection) sample(c *City, p *place, rec *row.Record) {
	if len(p.truth.samples) >= samplesPerPlace || !rec.Row.Kind.Paid() {
		return
	}
	if rider, known := c.riderOf(rec.Row.Card); known && in.roles[rider] == 0 && !c.isPhone(rider) {
		p.truth.samples = append(p.truth.samples, rec.Row)
		p.truth.sampleSource = append(p.truth.sampleSource, rec.Row.Terminal)
	}
}

// wantsClone says whether a copy of this card is to be made before this tap.
func (in *injection) wantsClone(k *worker, f *followUp) bool {
	return in.roles[f.rider] == roleCloned && f.what != wantEntry && k.taps[f.rider] <= 2
}

// clone taps the copy of a card, as it was before the rider's own tap, at a
// shop: the same counter, another amount, a valid cryptogram.
func (k *worker) clone(p *place, f *followUp, nvm []byte, source txn.TerminalID) error {
	img, err := k.issuing.image(f.rider)
	if err != nil {
		return err
	}
	shop, err := k.shopGate(p)
	if err != nil {
		return err
	}
	chip := card.New()
	if err := chip.Insert(img, nvm); err != nil {
		return err
	}
	twin := worker{World: k.World, chip: chip}
	res, err := twin.session(&terminal{id: shopTerminals + 1, gate: shop, place: p, taps: uint64(f.rider) << 20}, img, k.uidOf(f.rider, 0), k.midnight+int64(f.at)+3600, tearNone,
		k.stream(forCard, uint64(f.rider), 1<<50))
	if err != nil {
		return err
	}
	for i := range res.Records {
		if res.Records[i].Row.Kind == txn.Purchase {
			rec := res.Records[i]
			rec.Evidence = row.Evidence{}
			rec.Row.Flags &^= txn.EvidenceKept
			p.truth.clones = append(p.truth.clones, rec)
			p.truth.cloneSource = append(p.truth.cloneSource, source)
		}
	}
	return nil
}

// shopGate is a till at the injector's shop: it takes an amount that no bus ride
// of the city costs.
func (k *worker) shopGate(p *place) (*gate.Gate, error) {
	g, err := gate.New(gate.Config{Terminal: shopTerminals + 1, Mode: gate.Bus, Medium: fare.MunicipalCard, PassWindow: 0, Workday: k.workday,
		Kernel: kernel.Config{TTQ: kernel.GateTTQ, Country: [2]byte{0x01, 0x56}, Currency: [2]byte{0x01, 0x56}, AIDs: kernel.DebitCredit(),
			SM: true, AppVersion: [2]byte{0x00, 0x30}, Verify: k.verifier}}, gate.NewArray(), p.view, k.book)
	if err != nil {
		return nil, err
	}
	return g, g.SetStop(0, 0, 59_000)
}

// forgeries are the rows of the injector's shop, in the order in which they are
// stored there, and what each of them is.
func (w *World) forgeries(calm func(txn.TerminalID) bool) (rows []row.Record, injected map[txn.Verdict]int) {
	injected = map[txn.Verdict]int{}
	var clones []row.Record
	var samples []txn.Row
	for _, p := range w.places {
		for i, c := range p.truth.clones {
			if calm(p.truth.cloneSource[i]) {
				clones = append(clones, c)
			}
		}
		for i, s := range p.truth.samples {
			if calm(p.truth.sampleSource[i]) {
				samples = append(samples, s)
			}
		}
	}
	slices.SortFunc(samples, func(a, b txn.Row) int {
		x, y := w.draw(forInject, 1<<60, uint64(a.Terminal), uint64(a.Time)), w.draw(forInject, 1<<60, uint64(b.Terminal), uint64(b.Time))
		switch {
		case x < y:
			return -1
		case x > y:
			return 1
		}
		return 0
	})
	add := func(v txn.Verdict, r txn.Row) {
		r.Terminal = shopTerminals + 1
		r.Flags &^= txn.EvidenceKept
		rows = append(rows, row.Record{Row: r})
		injected[v]++
	}
	for n := 0; len(samples) >= 3 && n < w.injected.each; n++ {
		forged := samples[0]
		forged.AC[3] ^= 0x40
		add(txn.BadCryptogram, forged)
		// The balance of a purse's row is under no MAC: only a bank card's can be moved.
		if i := slices.IndexFunc(samples[1:], func(r txn.Row) bool { return r.Scheme == txn.Finance }); i >= 0 {
			moved := samples[1+i]
			moved.IAD[15] ^= 0x01
			add(txn.BadBalanceMAC, moved)
			samples = slices.Delete(samples, 1+i, 2+i)
		}
		add(txn.Duplicate, samples[1])
		samples = samples[2:]
	}
	if i := slices.IndexFunc(samples, func(r txn.Row) bool { return r.Scheme == txn.Purse }); i >= 0 && w.injected.each > 0 {
		forged := samples[i]
		forged.AC[3] ^= 0x40 // in the TAC
		add(txn.BadCryptogram, forged)
	}
	for i, c := range clones {
		if i < w.injected.each {
			add(txn.ConflictingCounter, c.Row)
		}
	}
	return rows, injected
}
