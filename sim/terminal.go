package sim

import (
	"fmt"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/card/perso"
	"github.com/citycard/citycard/clearing"
	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/crypt/seal"
	"github.com/citycard/citycard/fare"
	"github.com/citycard/citycard/terminal/gate"
	"github.com/citycard/citycard/terminal/journal"
	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/block"
	"github.com/citycard/citycard/wire/journey"
)

type participantID = clearing.Participant

// Numbers of terminals: metro gates from 1,000,000 by station, array and
// direction; bus validators from 5,000,000 by route and door; the injector's own
// terminals from 9,000,000.
const (
	metroTerminals = 1_000_000
	busTerminals   = 5_000_000
	shopTerminals  = 9_000_000
)

// terminal is one gate or validator with its journal.
type terminal struct {
	id      txn.TerminalID
	place   *place
	array   *gate.Array
	gate    *gate.Gate
	journal *journal.Journal
	module  *card.Chip // security module; nil until a card needs it
	taps    uint64     // for the unpredictable numbers
	hauls   uint64     // sealed blocks, for the randomness of sealing
}

// place is a metro station or a bus route: what one goroutine works at a time.
type place struct {
	index   int
	station fare.StationID // 0 for a bus route
	route   int
	arrays  []*array
	pending []followUp // taps that follow from earlier ones, by time
	outbox  []sealedBlock
	truth   truth
	passes  passes // for the report
	view    *recordsView
	err     error // the first failure of the machinery, not of a card or gate
}

// array is a group of gates that share the memory of torn taps.
type array struct {
	memory *gate.Array
	in     []*terminal // entry gates; on a bus the validators
	out    []*terminal
}

type sealedBlock struct {
	terminal *terminal
	hash     seal.Hash
	raw      []byte
	content  journal.Content
}

func (c *City) terminalKey(id txn.TerminalID) *oda.SM2Private {
	for n := uint64(0); ; n++ {
		var d [32]byte
		_, _ = c.stream(forTerminalKey, uint64(id), n).Read(d[:]) // ChaCha8 never fails
		if k, err := oda.NewSM2Private(d); err == nil {
			return k
		}
	}
}

// Key implements acquirer.Keys: the register of terminals.
func (c *City) Key(id txn.TerminalID) (*oda.SM2Public, bool) {
	if _, known := c.Terminal(id); !known {
		return nil, false
	}
	k, err := oda.NewSM2Public(c.terminalKey(id).Public())
	return k, err == nil
}

// Terminal implements clearing.Register.
func (c *City) Terminal(id txn.TerminalID) (clearing.Terminal, bool) {
	if id == shopTerminals+1 {
		return clearing.Terminal{Acquirer: busAcquirer, Operator: shopOperator}, true
	}
	t, known := c.terminals[uint32(id)]
	if !known {
		return clearing.Terminal{}, false
	}
	if t.place.station == 0 {
		return clearing.Terminal{Acquirer: busAcquirer, Operator: busOperator, Bus: true}, true
	}
	return clearing.Terminal{Acquirer: metroAcquirer, Station: t.place.station, Operator: c.operatorAt(t.place.station)}, true
}

// operatorAt is the company that runs the first line at a station: it gets the
// fare of a journey whose entry is not known.
func (c *City) operatorAt(s fare.StationID) fare.OperatorID {
	lines := c.book.Lines(s)
	if len(lines) == 0 {
		return 0
	}
	l, _ := c.book.Line(lines[0])
	return l.Operator
}

// build makes places and terminals, as many as the sampled taps need.
func (c *City) build() error {
	var err error
	if c.verifier, err = oda.NewVerifier(c.cas, 64); err != nil {
		return fmt.Errorf("terminals' verifier: %w", err)
	}
	metro, bus := c.countTaps()
	for i, station := range c.stations {
		p := &place{index: i, station: station, route: -1}
		arrays := 2 + metro[i]/60_000
		gates := min(max(metro[i]/(arrays*2*1500), 1), 12)
		for a := range arrays {
			if err := c.addArray(p, a, gates, gates); err != nil {
				return err
			}
		}
		c.places = append(c.places, p)
	}
	for r := range bus {
		p := &place{index: len(c.stations) + r, route: r}
		for v := range 2 * min(max(bus[r]/800, 1), 200) {
			if err := c.addArray(p, v, 1, 0); err != nil {
				return err
			}
		}
		c.places = append(c.places, p)
	}
	return nil
}

func (c *City) addArray(p *place, n, in, out int) error {
	a := &array{memory: gate.NewArray()}
	base := metroTerminals + uint32(p.index)*1000 + uint32(n)*30
	if p.station == 0 {
		base = busTerminals + uint32(p.route)*1000 + uint32(n)
	}
	for i := range in + out {
		mode := gate.Entry
		switch {
		case p.station == 0:
			mode = gate.Bus
		case i >= in:
			mode = gate.Exit
		}
		t, err := c.newTerminal(p, a, txn.TerminalID(base+uint32(i)), mode)
		if err != nil {
			return err
		}
		if mode == gate.Exit {
			a.out = append(a.out, t)
		} else {
			a.in = append(a.in, t)
		}
		c.terminals[uint32(t.id)] = t
	}
	p.arrays = append(p.arrays, a)
	return nil
}

func (c *City) newTerminal(p *place, a *array, id txn.TerminalID, mode gate.Mode) (*terminal, error) {
	cfg := gate.Config{
		Terminal: id, Mode: mode, Station: p.station, Route: uint16(max(p.route, 0)), Medium: fare.MunicipalCard,
		RetapWindow: gate.DefaultRetapWindow, PassWindow: gate.DefaultPassWindow, LookUpByCard: true, Workday: c.workday,
		Kernel: kernel.Config{TTQ: kernel.GateTTQ, Country: [2]byte{0x01, 0x56}, Currency: [2]byte{0x01, 0x56}, AIDs: kernel.DebitCredit(),
			SM: true, AppVersion: [2]byte{0x00, 0x30}, Verify: c.verifier, Denied: c.knownAtGates},
	}
	if !c.opt.Mix.IsZero() {
		cfg.Transit = &gate.Transit{Line: uint16(max(p.route, 0)), AllowHold: true, Factor: cardFactor}
	}
	if mode == gate.Bus {
		cfg.PassWindow = gate.DefaultBusPassWindow
	}
	g, err := gate.New(cfg, a.memory, c.records(p), c.prices)
	if err != nil {
		return nil, err
	}
	return &terminal{id: id, place: p, array: a.memory, gate: g, journal: journal.New(id, 1, c.midnight)}, nil
}

// cardFactor is the factor of a bank card's record keys, as the bureau personalises it.
func cardFactor(k txn.CardKey) journey.Serial {
	return perso.CardFactor(perso.Identity{PAN: k.PAN, PSN: k.PSN})
}

// countTaps counts the planned taps at each station and on each route.
func (c *City) countTaps() (metro, bus []int) {
	metro, bus = make([]int, len(c.stations)), make([]int, len(c.model.BusRoutes()))
	var r riderPlan
	for i := range c.riders.Len() {
		c.riders.At(i, &r)
		for _, j := range r.Journeys {
			metro[j.Origin]++
			metro[j.Dest]++
		}
		for _, b := range r.Bus {
			bus[b.Route]++
		}
	}
	return metro, bus
}

// unpredictable is the next 9F37 of a terminal.
func (c *City) unpredictable(t *terminal) [4]byte {
	t.taps++
	h := c.draw(forUN, uint64(t.id), t.taps)
	return [4]byte{byte(h), byte(h >> 8), byte(h >> 16), byte(h >> 24)}
}

// haul seals what waits in a terminal's journal, up to a time or that of a row that
// is still to come, and puts it into the outbox of its place.
func (c *City) haul(t *terminal, until int64) error {
	t.hauls++
	until = t.gate.SealUntil(until)
	raw, content, err := t.journal.Seal(block.SM4GCM, 1, until, c.acquirerPublic, c.terminalKey(t.id), c.stream(forSeal, uint64(t.id), t.hauls))
	if err != nil {
		return err
	}
	t.place.outbox = append(t.place.outbox, sealedBlock{terminal: t, hash: seal.HashOf(raw[:len(raw)-block.SignatureSize]), raw: raw, content: content})
	return nil
}
