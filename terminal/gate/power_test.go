package gate_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/citycard/citycard/fare"
	"github.com/citycard/citycard/terminal/gate"
	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/txn"
)

// host is a computer of an array that loses its power, with what it has written
// down: rows, the rows of the running tap, the memory of the array.
type host struct {
	w       *world
	riders  []*party
	array   *gate.Array
	gates   map[string]*gate.Gate
	rows    []txn.Row
	pending []txn.Row
	stored  []byte
	opened  int
	answers []answered // of GET PROCESSING OPTIONS, not yet written down
	step    int        // steps until now
	cutAt   int        // power fails at this step
	moment  string     // before or after the card heard the command of that step
	modules map[string]*station
}

type answered struct {
	p   *party
	atc uint16
}

func (h *host) powerOn() {
	h.rows, h.pending = append(h.rows, h.pending...), nil
	h.array, h.gates = gate.NewArray(), map[string]*gate.Gate{}
	if h.stored != nil {
		h.w.must(h.array.Restore(h.stored))
	}
	station := func(name string) fare.StationID {
		id, ok := h.w.book.StationByName(name)
		if !ok {
			h.w.t.Fatal(name)
		}
		return id
	}
	for name, cfg := range map[string]gate.Config{
		"near": {Terminal: 1, Mode: gate.Entry, Station: station("建国门")},
		"far":  {Terminal: 2, Mode: gate.Entry, Station: station("古城")},
		"out":  {Terminal: 3, Mode: gate.Exit, Station: station("北京南站"), LookUpByCard: true},
	} {
		cfg.Kernel, cfg.Medium, cfg.RetapWindow, cfg.PassWindow = h.w.kernelConfig(), fare.MunicipalCard, time.Hour, 20*time.Second
		cfg.Transit = h.w.transit
		g, err := gate.New(cfg, h.array, h.w.records, h.w.book)
		h.w.must(err)
		h.gates[name] = g
		if cfg.Transit != nil {
			h.powerModule(name)
		}
	}
}

// powerModule gives power to the security module of a gate, which is new or has lost it.
func (h *host) powerModule(name string) {
	if h.modules == nil {
		h.modules = map[string]*station{}
	}
	if h.modules[name] == nil {
		h.modules[name] = &station{sam: h.w.newModule()}
	}
	h.modules[name].gate = h.gates[name]
	h.modules[name].sam.PowerOff()
	h.w.must(h.modules[name].sam.PowerOn(&stream{name: "module"}))
}

// written says that what the gate knows is on paper now.
func (h *host) written() {
	for _, a := range h.answers {
		a.p.truth[a.atc].heard = true
	}
	h.answers = nil
}

// writePending is what a host does before each command.
func (h *host) writePending(g *gate.Gate) {
	records := g.Pending(nil)
	h.w.checkPending(records)
	h.pending = h.pending[:0]
	for i := range records {
		h.pending = append(h.pending, records[i].Row)
	}
	h.written()
}

// writeResult is what a host does before it opens the gate, in one write.
func (h *host) writeResult(res *gate.Result) {
	h.rows, h.pending = appendRows(h.w, h.rows, res.Records), nil
	var err error
	h.stored, err = h.array.Export(nil)
	h.w.must(err)
	waiting := h.array.Doubts(nil)
	if len(waiting) != len(res.Waiting) {
		h.w.t.Fatalf("%d taps wait, the result lists %d", len(waiting), len(res.Waiting))
	}
	for i := range waiting {
		if waiting[i].Row != res.Waiting[i].Row {
			h.w.t.Fatal("the result lists another waiting tap than the array")
		}
	}
	h.written()
	h.w.must(res.Settle(h.w.records))
	if res.Opened && res.Display != gate.AlreadyPaid {
		h.opened++
	}
}

// tap is a tap with the power cut in it, if it is time; false if it was.
func (h *host) tap(name string, p *party, where cut) bool {
	w := h.w
	g := h.gates[name]
	uid := p.uid
	un := w.nextUN()
	if p.phone {
		uid, _ = gate.NewUID([]byte{0x08, un[0], un[1], un[2]})
	}
	w.must(p.chip.PowerOn(p.random))
	defer p.chip.PowerOff()
	watch := p.watch()
	h.answers = nil
	for a := g.Begin(w.now, gate.Field{Cards: 1, UID: uid}, un); ; {
		h.step++
		fails := h.step == h.cutAt
		if a.Done != nil {
			if fails && h.moment == "before" {
				return false
			}
			h.writeResult(a.Done)
			return !fails
		}
		h.writePending(g)
		if fails && h.moment == "before" {
			return false
		}
		if a.Remove {
			p.chip.PowerOff()
			a = g.Step(kernel.Event{Kind: kernel.CardRemoved})
			continue
		}
		if a.SAM != nil {
			answer := w.module(h.modules[name], a.SAM, where, nil)
			if fails {
				return false
			}
			a = g.StepSAM(answer)
			continue
		}
		cmd := bytes.Clone(a.Send)
		answer := w.exchange(&station{gate: g}, p.rider, cmd, where)
		if fails {
			watch(cmd, nil)
			return false
		}
		watch(cmd, nil)
		if answer == nil {
			a = g.Step(kernel.Event{Kind: kernel.CardLeft})
			continue
		}
		if commandName(cmd) == "GET PROCESSING OPTIONS" {
			h.answers = append(h.answers, answered{p, p.chip.Inspect().ATC})
		}
		a = g.Step(kernel.Answered(answer))
	}
}

// powerStories are taps: gate, rider and how the card leaves.
var powerStories = []struct {
	name  string
	uids  []string
	taps  string
	steps int // at least so many steps, so that the story is what it says
}{
	{"a way", []string{""}, "near 0, out 0", 17},
	{"torn and finished", []string{""}, "near 0, out 0 after-last-record, out 0", 20},
	{"torn, not heard, paid anew", []string{""}, "near 0, out 0 last-unheard, out 0, out 0", 28},
	{"torn twice", []string{""}, "near 0, out 0 power-in-commit, out 0 last-unheard, out 0", 35},
	{"another card's entry", []string{"04AABBCCDDEE01", "04AABBCCDDEE01"}, "near 0, far 1, out 0, out 1", 36},
	{"phones", []string{"random", "random"}, "near 0, far 1, out 0 after-last-record, out 1 after-last-record, out 1, out 0", 50},
	{"a phone leaves in the second run", []string{"random"}, "near 0, out 0 before-last-record, out 0, out 0", 30},
	{"torn while it is resumed", []string{""}, "near 0, out 0 after-last-record, out 0 repeated-record, out 0 get-data, out 0", 27},
}

// TestPowerCutAtEveryStep lets the power of the gates fail at every step of some
// stories, just before a command and just after it. The riders go on with the story,
// and in the end every counter that was on paper has exactly one row, which is true.
func TestPowerCutAtEveryStep(t *testing.T) { newWorld(t).powerCuts(t, "sm", "3des") }

// TestPowerCutOfCarriedJourneys is the same with cards that carry their journeys: the
// security module loses its power too.
func TestPowerCutOfCarriedJourneys(t *testing.T) {
	w := newWorld(t)
	w.transit = &gate.Transit{}
	w.powerCuts(t, "transit-sm", "transit-3des")
}

func (w *world) powerCuts(t *testing.T, profile, second string) {
	for _, story := range powerStories {
		t.Run(strings.ReplaceAll(story.name, " ", "_"), func(t *testing.T) {
			w.t = t
			profiles := []string{profile}
			if story.name == "torn and finished" {
				profiles = append(profiles, second)
			}
			for _, profile := range profiles {
				for cutAt := 1; ; cutAt++ {
					var steps int
					for _, moment := range []string{"before", "after"} {
						w.records, w.cards = newRecords(), map[string]*rider{}
						h := &host{w: w, cutAt: cutAt, moment: moment}
						for i, uid := range story.uids {
							spec := goodSpec(profile)
							spec.uid = uid
							h.riders = append(h.riders, &party{rider: w.makeCard(fmt.Sprint(i), spec), truth: map[uint16]*counterTruth{}})
						}
						h.play(story.taps)
						compare(t, h.rows, h.riders, h.opened)
						steps = h.step
					}
					if cutAt > steps {
						if steps < story.steps {
							t.Errorf("the story has %d steps, want %d", steps, story.steps)
						}
						break
					}
				}
			}
		})
	}
}

func (h *host) play(taps string) {
	h.powerOn()
	for tap := range strings.SplitSeq(taps, ", ") {
		h.w.now += 5
		word := append(strings.Fields(tap), "")
		p := h.riders[word[1][0]-'0']
		if !h.tap(word[0], p, cut(word[2])) {
			h.powerOn()
			h.tap(word[0], p, noCut)
		}
	}
	h.rows = appendRows(h.w, h.rows, h.array.Flush())
	slices.SortFunc(h.rows, func(a, b txn.Row) int { return int(a.ATC) - int(b.ATC) })
}

// TestWaitingRowsAreEnough: a host that keeps only Result.Waiting beside its journal
// loses no counter either; its riders cannot finish torn taps any more.
func TestWaitingRowsAreEnough(t *testing.T) {
	w := newWorld(t)
	station, _ := w.book.StationByName("北京南站")
	st := w.addGate("out", "south", gate.Config{Terminal: 1, Mode: gate.Exit, Station: station, Medium: fare.MunicipalCard, RetapWindow: time.Minute})
	first, second := w.makeCard("first", goodSpec("sm")), w.makeCard("second", goodSpec("3des"))
	for n, r := range []*rider{first, second} {
		if res := w.tap(st, r, cutAfterLast, nil); len(res.Waiting) != n+1 || len(res.Records) != 0 {
			t.Fatalf("tap %d: %d waiting, %d records", n, len(res.Waiting), len(res.Records))
		}
	}
	res := w.tap(st, first, noCut, nil)
	if len(res.Waiting) != 1 || res.Waiting[0].Row.Card != second.key || res.Waiting[0].Row.Flags.Reason() != txn.LastAnswerLost {
		t.Fatalf("waiting %+v", res.Waiting)
	}
}
