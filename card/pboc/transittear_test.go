package pboc_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/wire/apdu"
)

// transitTear is a piece of a card's life that is cut at every place.
type transitTear struct {
	name   string
	card   transitCard
	before func(g *gate)
	steps  []func(g *gate) []byte
	trade  bool // the last step commits a payment of the extension
}

// journeySteps is one payment of the extension with file 15 or 17 and the cyclic one.
func journeySteps(sfi byte, id uint16, amount money.Fen, trade byte, body string) []func(g *gate) []byte {
	return []func(g *gate) []byte{
		func(g *gate) []byte { return g.selects() },
		func(g *gate) []byte { return g.read(sfi, id, true, false) },
		func(g *gate) []byte { return g.options(gateTTQ, amount, "0156", trade) },
		func(g *gate) []byte { return g.update(sfi, recordKey(sfi, id), journeyRecord(id, body)) },
		func(g *gate) []byte { return g.update(0x1E, recordKey(0x1E, 0), []byte(body)) },
		func(g *gate) []byte { return g.last() },
	}
}

func parked(g *gate) {
	g.run(journeySteps(0x17, 0x0710, 3000, 2, "parked.."), -1)
}

// quotaObject is 9F79 with 40.00 yuan.
var quotaObject = []byte{0x9F, 0x79, 6, 0, 0, 0, 0, 0x40, 0}

var transitTears = []transitTear{
	{name: "entry", trade: true, steps: journeySteps(0x15, 0x0110, 0, 1, "entered.")},
	{name: "exit", trade: true, steps: journeySteps(0x15, 0x0110, 400, 1, "at.exit.")},
	{name: "exit beyond the balance", trade: true, card: transitCard{balance: 100}, steps: journeySteps(0x15, 0x0110, 400, 1, "at.exit.")},
	{name: "pre-authorisation", trade: true, steps: journeySteps(0x17, 0x0710, 3000, 2, "parked..")},
	{name: "completion", trade: true, before: parked, steps: journeySteps(0x17, 0x0710, 1000, 3, "left....")},
	{name: "quota", trade: true, card: transitCard{quota: true}, steps: journeySteps(0x15, 0x0110, 400, 1, "at.exit.")},
	{name: "push", card: transitCard{quota: true}, steps: []func(g *gate) []byte{
		func(g *gate) []byte { return g.selects() },
		func(g *gate) []byte { return g.push(1, quotaObject, 4) },
	}},
	{name: "exit, no contact side", trade: true, card: transitCard{light: true}, steps: journeySteps(0x15, 0x0110, 400, 1, "at.exit.")},
	{name: "pre-authorisation, no contact side", trade: true, card: transitCard{light: true}, steps: journeySteps(0x17, 0x0710, 3000, 2, "parked..")},
	{name: "quota, no contact side", trade: true, card: transitCard{light: true, quota: true}, steps: journeySteps(0x15, 0x0110, 400, 1, "at.exit.")},
	{name: "push, no contact side", card: transitCard{light: true, quota: true}, steps: []func(g *gate) []byte{
		func(g *gate) []byte { return g.selects() },
		func(g *gate) []byte { return g.push(1, quotaObject, 4) },
	}},
	{name: "append", steps: []func(g *gate) []byte{
		func(g *gate) []byte { return g.selects() },
		func(g *gate) []byte { return g.appends(0x15, recordKey(0x15, 0x0310), journeyRecord(0x0310, "third")) },
	}},
}

func (k *transitTear) gate(t testing.TB, alg cryptogram.Alg) *gate {
	t.Helper()
	w := k.card
	w.alg, w.deposit = alg, 2000
	if w.balance == 0 {
		w.balance = 10000
	}
	g := newGate(t, w)
	if k.before != nil {
		k.before(g)
		g.powerOn(card.Contactless)
		g.atc = 0
	}
	return g
}

// run sends stop commands, all for a negative number, or until the power fails. It
// gives how many were answered.
func (g *gate) run(steps []func(g *gate) []byte, stop int) (answered int, cut bool) {
	g.t.Helper()
	for i, step := range steps {
		if i == stop {
			break
		}
		cmd := step(g)
		data, sw, err := g.transmit(cmd)
		if errors.Is(err, card.ErrPowerCut) {
			return i, true
		}
		noError(g.t, err)
		if sw != apdu.SWOK {
			g.t.Fatalf("step %d, %X: %v", i, cmd, sw)
		}
		if cmd[1] == 0xA8 {
			g.paid(data)
		}
	}
	return len(steps), false
}

// TestTransitTears cuts the power before every write of payments of the extension, of
// a push and of an append, with the write not done or half done, again before every
// write of the recovery, and between all commands. What was to change together has
// changed or not, GET TRANS PROVE says which, and the next journey works.
func TestTransitTears(t *testing.T) {
	cuts := 0
	for _, alg := range scriptAlgs {
		for i := range transitTears {
			k := &transitTears[i]
			g := k.gate(t, alg)
			at := [][]byte{g.chip.Snapshot(nil)} // after each command
			first := g.chip.Memory().Writes()
			for n := range k.steps {
				g.run(k.steps[n:n+1], -1)
				at = append(at, g.chip.Snapshot(nil))
			}
			total := g.chip.Memory().Writes() - first
			outcomes := map[bool]int{}
			for n := 1; n <= total; n++ {
				for _, tear := range []cos.Tear{cos.TearNone, cos.TearFirst, cos.TearLast} {
					for recovery := 0; ; recovery++ {
						g := k.gate(t, alg)
						g.chip.Memory().CutAt(first+n, tear)
						answered, cut := g.run(k.steps, -1)
						if !cut {
							t.Fatalf("%v, %s: write %d of %d was not cut", alg, k.name, n, total)
						}
						if alg != cryptogram.TDES && recovery > 0 {
							break // how the memory recovers has nothing to do with the algorithm
						}
						if !g.recover(recovery, tear) {
							break
						}
						cuts++
						outcomes[k.judge(g, at, answered)]++
					}
				}
			}
			for stop := range len(k.steps) + 1 {
				g := k.gate(t, alg)
				g.run(k.steps, stop)
				g.powerOn(card.Contactless)
				cuts++
				done := k.judge(g, at, stop-1)
				if done != (stop == len(k.steps)) {
					t.Errorf("%v, %s, %d commands: done %v", alg, k.name, stop, done)
				}
			}
			if len(outcomes) != 2 {
				t.Errorf("%v, %s: only %v was seen", alg, k.name, outcomes)
			}
		}
	}
	t.Logf("%d power cuts", cuts)
}

// recover starts the card after a cut; with a number other than 0 it is cut again before
// that write of the recovery. It gives false if there are fewer.
func (g *gate) recover(recovery int, tear cos.Tear) bool {
	g.t.Helper()
	if recovery > 0 {
		m := g.chip.Memory()
		m.CutAt(m.Writes()+recovery, tear)
		err := g.chip.PowerOn(randomFrom(6))
		if err == nil {
			m.CutAt(0, cos.TearNone)
			return false
		}
		if !errors.Is(err, card.ErrPowerCut) {
			g.t.Fatalf("recovery: %v", err)
		}
	}
	noError(g.t, g.chip.PowerOn(randomFrom(7)))
	return true
}

// judge looks at a card whose power failed during command answered, or right after
// it: it tells whether the last command was carried out.
func (k *transitTear) judge(g *gate, at [][]byte, answered int) bool {
	g.t.Helper()
	got := g.chip.Snapshot(nil)
	done := bytes.Equal(got, at[len(at)-1])
	if !done && !bytes.Equal(got, at[max(answered, 0)]) && !bytes.Equal(got, at[answered+1]) {
		g.t.Fatalf("%s, %d answers: neither before nor after", k.name, answered)
	}
	g.ok(g.selects())
	if k.trade && g.atc != 0 {
		data, sw := g.send(g.prove(g.atc))
		if (sw == apdu.SWOK) != done || done && g.tc != nil && !bytes.Equal(data, g.tc) {
			g.t.Fatalf("%s: GET TRANS PROVE %X %v, committed %v", k.name, data, sw, done)
		}
	}
	before := g.state()
	g.run(journeySteps(0x15, 0x0210, 10, 1, "onwards."), -1)
	after := g.state()
	if before.Balance-before.Used-after.Balance+after.Used != 10 || after.ProofATC != before.ATC+1 {
		g.t.Fatalf("%s: after %+v a journey gives %+v", k.name, before, after)
	}
	return done
}

// TestTransitLoadTears cuts the power before every write of a load that gives deposit
// back: balance, deposit and load log change together.
func TestTransitLoadTears(t *testing.T) {
	cuts := 0
	prepare := func() (*gate, *issuer) {
		g := newGate(t, transitCard{balance: 100, deposit: 2000})
		g.run(journeySteps(0x15, 0x0110, 400, 1, "at.exit."), -1)
		g.powerOn(card.Contact)
		i := &issuer{t: t, chip: g.chip, card: g.card, image: g.image}
		noError(t, i.online())
		return g, i
	}
	g, i := prepare()
	first := g.chip.Memory().Writes()
	i.ok(i.load(1000))
	total := g.chip.Memory().Writes() - first
	for n := 1; n <= total; n++ {
		for _, tear := range []cos.Tear{cos.TearNone, cos.TearFirst, cos.TearLast} {
			g, i := prepare()
			g.chip.Memory().CutAt(first+n, tear)
			if _, _, err := i.transmit(i.load(1000)); !errors.Is(err, card.ErrPowerCut) {
				t.Fatalf("write %d: %v", n, err)
			}
			cuts++
			noError(t, g.chip.PowerOn(randomFrom(8)))
			s := g.state()
			if old := s.Balance == 0 && s.Used == 300 && s.LoadRecords == 0; !old && (s.Balance != 700 || s.Used != 0 || s.LoadRecords != 1) {
				t.Fatalf("write %d: %+v", n, s)
			}
		}
	}
	t.Logf("%d power cuts", cuts)
}
