package gate_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/fare"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/terminal/gate"
	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/terminal/row"
	"github.com/citycard/citycard/txn"
)

// fault is one thing that goes wrong in a tap.
type fault struct {
	card, module int  // number of the command, from 1; 0 none
	heard        bool // the command was carried out, only its answer is lost
	write        int  // number of the card's memory write before which its power fails
	tear         cos.Tear
	spoil        spoil
	forgetful    bool // the card does not repeat its last record, as real ones do after another command
}

func (f fault) String() string {
	return fmt.Sprintf("card command %d, module command %d, heard %v, write %d/%v, spoilt %q, forgetful %v", f.card, f.module, f.heard, f.write, f.tear, f.spoil, f.forgetful)
}

// tapped is what came of a tap, and how far it went.
type tapped struct {
	res          *gate.Result
	card, module int // commands
	writes       int
	heardGPO     []uint16 // counters that the gate got to know of
	lastRead     int      // the command with which the card pays
}

// liveTap is a tap under way, one step after the other.
type liveTap struct {
	w     *world
	st    *station
	r     *rider
	f     fault
	a     gate.Action
	first int // writes of the card's memory before
	steps int
	out   tapped
}

// beginTap puts a card into a gate's field.
func (w *world) beginTap(st *station, r *rider, f fault) *liveTap {
	w.t.Helper()
	w.must(r.chip.PowerOn(r.random))
	memory := r.chip.Memory()
	t := &liveTap{w: w, st: st, r: r, f: f, first: memory.Writes()}
	if f.write > 0 {
		memory.CutAt(t.first+f.write, f.tear)
	}
	field := gate.Field{Cards: 1, UID: r.uid}
	un := w.nextUN()
	if r.phone {
		uid, err := gate.NewUID([]byte{0x08, un[0], un[1], un[2]})
		w.must(err)
		field.UID = uid
	}
	t.a = st.gate.Begin(w.now, field, un)
	return t
}

// next does one step; false once the tap has ended.
func (t *liveTap) next() bool {
	w, st, r := t.w, t.st, t.r
	w.t.Helper()
	if t.steps++; t.steps > 80 {
		w.t.Fatal("the tap does not end")
	}
	switch a := &t.a; {
	case a.Done != nil:
		return false
	case a.Remove:
		r.chip.PowerOff()
		*a = st.gate.Step(kernel.Event{Kind: kernel.CardRemoved})
	case a.SAM != nil:
		t.out.module++
		*a = st.gate.StepSAM(w.moduleWith(st, a.SAM, t.out.module == t.f.module, t.f.heard))
	default:
		t.out.card++
		w.checkHeard(st.gate.Pending(nil), t.out.heardGPO)
		answer := w.cardWith(st, r, bytes.Clone(a.Send), &t.out, t.f)
		if answer == nil {
			*a = st.gate.Step(kernel.Event{Kind: kernel.CardLeft})
		} else {
			*a = st.gate.Step(kernel.Answered(answer))
		}
	}
	return true
}

// ended takes the card away and says what came of the tap.
func (t *liveTap) ended() tapped {
	memory := t.r.chip.Memory()
	t.out.writes = memory.Writes() - t.first
	memory.CutAt(0, cos.TearNone)
	t.r.chip.PowerOff()
	t.w.must(t.a.Done.Settle(t.w.records))
	t.out.res = t.a.Done
	return t.out
}

// tapWith runs a tap in which something goes wrong.
func (w *world) tapWith(st *station, r *rider, f fault) tapped {
	w.t.Helper()
	t := w.beginTap(st, r, f)
	for t.next() {
	}
	return t.ended()
}

// checkHeard: before the result a gate leaves rows behind of the counters of this tap
// alone.
func (w *world) checkHeard(pending []row.Record, heard []uint16) {
	w.t.Helper()
	w.checkPending(pending)
	for i := range pending {
		if r := &pending[i].Row; r.Scheme == txn.Finance && !slices.Contains(heard, r.ATC) {
			w.t.Fatalf("a pending row of ATC %d, heard of %v", pending[i].Row.ATC, heard)
		}
	}
}

func (w *world) moduleWith(st *station, cmd []byte, fails, heard bool) []byte {
	w.t.Helper()
	if fails && !heard { // it has lost its power
		st.sam.PowerOff()
		w.must(st.sam.PowerOn(&stream{name: "module"}))
		return nil
	}
	answer, err := st.sam.Transmit(nil, cmd)
	w.must(err)
	if fails {
		return nil
	}
	return answer
}

func (w *world) cardWith(st *station, r *rider, cmd []byte, out *tapped, f fault) []byte {
	w.t.Helper()
	name := commandName(cmd)
	if name == "READ RECORD" && f.forgetful && !purseProfile(r.profile) && len(st.gate.Pending(nil)) == 0 {
		return []byte{0x69, 0x85}
	}
	fails := out.card == f.card && f.spoil == ""
	if fails && !f.heard {
		return nil
	}
	answer, err := r.chip.Transmit(nil, cmd)
	if name == "READ RECORD" || name == "DEBIT FOR PURCHASE" {
		out.lastRead = out.card
	}
	if err != nil {
		if !errors.Is(err, cos.ErrPowerCut) {
			w.t.Fatal(err)
		}
		return nil
	}
	if fails {
		return nil
	}
	if name == "GET PROCESSING OPTIONS" && len(answer) > 2 {
		out.heardGPO = append(out.heardGPO, r.chip.Inspect().ATC)
	}
	if f.spoil != "" {
		return f.spoil.alter(answer, out.card == f.card)
	}
	return answer
}

// transitStory is a tap that is to be torn at every place.
type transitStory struct {
	name     string
	profiles []string
	balance  money.Fen
	mode     gate.Mode
	entered  string // station entered before; empty none
	station  string
	hold     bool
	kind     txn.Kind
	amount   money.Fen // in the row
	takes    money.Fen // what balance and deposit together lose
}

var transitStories = []transitStory{
	{name: "entry", profiles: []string{"transit-sm", "transit-3des"}, balance: 5000, mode: gate.Entry, station: "建国门", kind: txn.Entry},
	{name: "exit", profiles: []string{"transit-sm", "transit-3des", "quota-sm"}, balance: 5000, mode: gate.Exit, entered: "建国门", station: "北京南站", kind: txn.Exit, amount: 400, takes: 400},
	{name: "exit without an entry", profiles: []string{"transit-sm"}, balance: 5000, mode: gate.Exit, station: "四惠", kind: txn.Exit, amount: -1, takes: -1},
	{name: "exit with the deposit", profiles: []string{"dev-transit-sm"}, balance: 100, mode: gate.Exit, entered: "建国门", station: "北京南站", kind: txn.Exit, amount: 400, takes: 400},
	{name: "hold", profiles: []string{"transit-sm"}, balance: 9000, mode: gate.Entry, station: "大兴机场", hold: true, kind: txn.Hold, amount: -1, takes: -1},
	{name: "completion", profiles: []string{"transit-sm", "transit-3des"}, balance: 9000, mode: gate.Exit, entered: "大兴机场", station: "草桥", hold: true, kind: txn.Completion, amount: -1, takes: -1},
	{name: "bus", profiles: []string{"transit-sm", "quota-3des"}, balance: 5000, mode: gate.Bus, kind: txn.Single, amount: 200, takes: 200},
	{name: "purse entry", profiles: []string{"tunion", "dev-cityunion"}, mode: gate.Entry, station: "建国门", kind: txn.Entry},
	{name: "purse exit", profiles: []string{"tunion", "dev-cityunion", "tunion-bare"}, mode: gate.Exit, entered: "建国门", station: "北京南站", kind: txn.Exit, amount: 400, takes: 400},
	{name: "purse bus", profiles: []string{"tunion"}, mode: gate.Bus, kind: txn.Single, amount: 200, takes: 200},
	{name: "alight", profiles: []string{"transit-3des", "tunion"}, balance: 5000, mode: gate.Alight, kind: txn.Exit, amount: 150, takes: 150},
	{name: "board", profiles: []string{"transit-sm"}, balance: 5000, mode: gate.Board, kind: txn.Entry},
}

// scene is a story at its beginning, from which it can be played again and again.
type scene struct {
	*world
	story  *transitStory
	rider  *rider
	start  []byte // the card's memory
	before truth
}

// truth is what a card really holds.
type truth struct {
	value money.Fen // balance, less the deposit that is used
	last  uint16    // counter of the last payment that is committed
}

func (s *scene) truth() truth {
	s.t.Helper()
	if purseProfile(s.rider.profile) {
		balance, last := s.rider.purseState(s.world)
		return truth{money.Fen(balance), last}
	}
	state := s.rider.chip.Inspect()
	return truth{state.Balance - state.Used, state.ProofATC}
}

func (k *transitStory) set(t *testing.T, w *world, profile string) *scene {
	w.t, w.records, w.cards = t, newRecords(), map[string]*rider{}
	w.arrays, w.gates = map[string]*gate.Array{}, map[string]*station{}
	s := &scene{world: w, story: k}
	s.rider = w.makeCard("rider", cardSpec{profile: profile, balance: k.balance})
	if k.entered != "" {
		in := s.gate("in", gate.Entry, k.entered)
		if res := w.tapWith(in, s.rider, fault{}).res; !res.Opened {
			t.Fatalf("entry: %v %v", res.Display, res.Fault)
		}
		w.now += 1800
	}
	if k.mode == gate.Alight {
		front := s.gate("front", gate.Board, "")
		s.must(front.gate.SetStop(1, 0, 1000))
		if res := w.tapWith(front, s.rider, fault{}).res; !res.Opened {
			t.Fatalf("boarding: %v %v", res.Display, res.Fault)
		}
		w.now += 1800
	}
	s.start, s.before = s.rider.chip.Snapshot(nil), s.truth()
	return s
}

func (s *scene) gate(array string, mode gate.Mode, station string) *station {
	cfg := gate.Config{
		Terminal: txn.TerminalID(1 + len(s.gates)), Mode: mode, Medium: fare.MunicipalCard, RetapWindow: time.Hour, PassWindow: time.Minute, Route: 300,
		Transit: &gate.Transit{AllowHold: s.story.hold},
	}
	if mode == gate.Entry || mode == gate.Exit {
		id, ok := s.book.StationByName(station)
		if !ok {
			s.t.Fatalf("no station %q", station)
		}
		cfg.Station = id
	}
	st := s.addGate(fmt.Sprint("gate", len(s.gates)), array, cfg)
	s.must(st.gate.SetStop(3, 0, 16000))
	return st
}

// again makes the beginning anew: card, gate and array.
func (s *scene) again() *station {
	delete(s.arrays, "here")
	s.gates = map[string]*station{}
	s.must(s.rider.chip.Insert(s.rider.image, s.start))
	return s.gate("here", s.story.mode, s.story.station)
}

// judge compares the rows of some taps with the card: every counter that a gate knows of
// has one row, and what the rows say was paid is what the card has paid.
func (s *scene) judge(taps []tapped, rows []txn.Row, opened int, final bool) error {
	heard := map[uint16]bool{}
	for _, tap := range taps {
		for _, atc := range tap.heardGPO {
			heard[atc] = true
		}
	}
	now := s.truth()
	finance := !purseProfile(s.rider.profile)
	seen, paid, doubts := map[uint16]bool{}, 0, 0
	for i := range rows {
		r := &rows[i]
		if finance && (!heard[r.ATC] || seen[r.ATC]) {
			return fmt.Errorf("row %v for ATC %d: heard %v, second row %v", r.Kind, r.ATC, heard[r.ATC], seen[r.ATC])
		}
		seen[r.ATC] = true
		switch {
		case r.Kind == s.story.kind:
			paid++
			if r.ATC != now.last || r.Amount != s.story.amount {
				return fmt.Errorf("row %v of ATC %d over %v; the card paid last at %d, want %v", r.Kind, r.ATC, r.Amount, now.last, s.story.amount)
			}
			if p, ok := r.Purse(); ok && (p.TAC == [4]byte{} || s.checkPurse(r) != "TAC true, MAC2 true") {
				return fmt.Errorf("the row of number %d: %s", r.ATC, s.checkPurse(r))
			}
		case r.Kind == txn.Doubt && slices.Contains([]txn.DoubtReason{txn.LastAnswerLost, txn.ODAFailed, txn.MissingCardData}, r.Flags.Reason()):
			doubts++
		case r.Kind == txn.Doubt && r.Flags.Reason() == txn.LeftBeforeLast:
			if finance && r.ATC == now.last {
				return fmt.Errorf("the row of ATC %d says that it was not paid, but it was", r.ATC)
			}
		default:
			return fmt.Errorf("row %v (%v)", r.Kind, r.Flags.Reason())
		}
	}
	for atc := range heard {
		if !seen[atc] {
			return fmt.Errorf("no row for ATC %d", atc)
		}
	}
	spent, committed := s.before.value-now.value, now.last != s.before.last
	want := money.Fen(0)
	if committed {
		want = s.story.takes
	}
	switch {
	case spent != want:
		return fmt.Errorf("the card lost %v, committed %v, want %v", spent, committed, want)
	case opened > 1 || opened != paid:
		return fmt.Errorf("opened %d times for %d paid rows", opened, paid)
	case final && (opened != 1 || doubts != 0 || !committed):
		return fmt.Errorf("the card is back and works: opened %d times, %d doubt rows, committed %v", opened, doubts, committed)
	case !final && committed && paid == 0 && doubts == 0:
		return errors.New("the card has paid and no row says so or leaves it open")
	}
	return nil
}

// play lets a fault happen, then the rider tap until he is let through; power says that
// the gate's power fails in between.
func (s *scene) play(first, second fault, power bool) error {
	st := s.again()
	var rows []txn.Row
	var taps []tapped
	opened := 0
	take := func(records []row.Record) {
		rows = appendRows(s.world, rows, records)
	}
	for n, f := range []fault{first, second, {forgetful: second.forgetful}, {forgetful: second.forgetful}} {
		if opened > 0 {
			break
		}
		s.now += 7
		tap := s.tapWith(st, s.rider, f)
		taps = append(taps, tap)
		take(tap.res.Records)
		if tap.res.Opened {
			opened++
		}
		if power && n == 0 {
			s.restart("here", st.array)
		}
	}
	take(st.array.Flush())
	return s.judge(taps, rows, opened, true)
}

// leave lets a fault happen to a rider who never comes back.
func (s *scene) leave(f fault) error {
	st := s.again()
	tap := s.tapWith(st, s.rider, f)
	rows := appendRows(s.world, nil, tap.res.Records)
	rows = appendRows(s.world, rows, st.array.Flush())
	opened := 0
	if tap.res.Opened {
		opened = 1
	}
	return s.judge([]tapped{tap}, rows, opened, false)
}

// faults are all that can go wrong in a tap that went like this.
func (t tapped) faults() []fault {
	var list []fault
	for n := 1; n <= t.card; n++ {
		list = append(list, fault{card: n}, fault{card: n, heard: true})
	}
	for n := 1; n <= t.module; n++ {
		list = append(list, fault{module: n}, fault{module: n, heard: true})
	}
	for n := 1; n <= t.writes; n++ {
		for _, tear := range []cos.Tear{cos.TearNone, cos.TearFirst, cos.TearLast} {
			list = append(list, fault{write: n, tear: tear})
		}
	}
	return list
}

// TestTransitTears tears every kind of tap of a card that carries its journeys at every
// command of the card and of the module, heard or not, and at every write of the card's
// memory, the comeback too. The rider is charged once and let through once, no fare that
// the card has paid is lost, and no doubt is left where the card can be asked.
func TestTransitTears(t *testing.T) {
	w := newWorld(t)
	for i := range transitStories {
		k := transitStories[i]
		for n, profile := range k.profiles {
			if n > 0 && testing.Short() {
				break
			}
			t.Run(k.name+" "+profile, func(t *testing.T) {
				s := k.set(t, w, profile)
				k := s.measure()
				played := 0
				for _, f := range k.faults() {
					for _, forgetful := range []bool{false, true} {
						for _, power := range []bool{false, true} {
							played++
							if err := s.play(f, fault{forgetful: forgetful}, power); err != nil {
								t.Fatalf("%v, forgetful %v, power %v: %v", f, forgetful, power, err)
							}
						}
					}
					if err := s.leave(f); err != nil {
						t.Fatalf("%v, never back: %v", f, err)
					}
				}
				t.Logf("%d taps torn", played)
			})
		}
	}
}

// TestTransitTornTwice tears the comeback of a rider whose last answer was lost, at
// every place again.
func TestTransitTornTwice(t *testing.T) {
	w := newWorld(t)
	for _, i := range []int{1, 4, 5, 8} {
		k := transitStories[i]
		t.Run(k.name, func(t *testing.T) {
			s := k.set(t, w, k.profiles[0])
			first := s.measure()
			played := 0
			for _, forgetful := range []bool{false, true} {
				for _, f := range []fault{{card: first.card}, {card: first.card, heard: true}} {
					st := s.again()
					s.tapWith(st, s.rider, f)
					s.now += 7
					back := s.tapWith(st, s.rider, fault{forgetful: forgetful})
					if !back.res.Opened {
						t.Fatalf("%v: %v", f, back.res.Display)
					}
					for _, g := range back.faults() {
						g.forgetful = forgetful
						for _, power := range []bool{false, true} {
							played++
							if err := s.play(f, g, power); err != nil {
								t.Fatalf("%v, then %v, power %v: %v", f, g, power, err)
							}
						}
					}
				}
			}
			t.Logf("%d pairs of torn taps", played)
		})
	}
}

// measure plays the story without a fault, and fills in the amounts that the rule book
// says.
func (s *scene) measure() tapped {
	s.t.Helper()
	st := s.again()
	s.now += 7
	tap := s.tapWith(st, s.rider, fault{})
	res := tap.res
	if !res.Opened || len(res.Records) != 1 {
		s.t.Fatalf("%v %v, %d records", res.Display, res.Fault, len(res.Records))
	}
	if s.story.amount < 0 {
		s.story.amount = res.Records[0].Row.Amount
		s.story.takes = s.before.value - s.truth().value
		if slices.Contains([]txn.Kind{txn.Exit, txn.Hold}, s.story.kind) && s.story.takes != s.story.amount {
			s.t.Fatalf("the card lost %v of %v", s.story.takes, s.story.amount)
		}
	}
	if err := s.judge([]tapped{tap}, appendRows(s.world, nil, res.Records), 1, true); err != nil {
		s.t.Fatal(err)
	}
	return tap
}
