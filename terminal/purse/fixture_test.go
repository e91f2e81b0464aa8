package purse_test

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/card/psam"
	cardpurse "github.com/citycard/citycard/card/purse"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/terminal/purse"
	"github.com/citycard/citycard/terminal/sam"
	"github.com/citycard/citycard/txn"
)

const (
	tunionAID    = "A000000632010105"
	cityUnionAID = "A00000000386980701"
	now          = 1768443000 // 2026-01-15 10:10 at UTC+8
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatalf("%q: %v", s, err)
	}
	return b
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// counter is a random source that counts up.
type counter byte

func (c *counter) Read(p []byte) (int, error) {
	for i := range p {
		*c++
		p[i] = byte(*c)
	}
	return len(p), nil
}

// player is a card with a purse.
type player struct {
	profile string
	chip    *card.Chip
	image   *card.Image
	purse   *cardpurse.Template
	network sam.Network
	aid     []byte
	rand    counter
	balance uint32
	seq     uint16
}

// stage is a terminal with its module, and cards.
type stage struct {
	t       testing.TB
	module  *card.Chip
	sam     *sam.Module
	machine *purse.Machine
	config  purse.Config
	cards   map[string]*player
	torn    *purse.Data
	load    *purse.LoadData
	loader  purse.Loader
	pin     string
	now     int64
}

func newStage(t testing.TB) *stage { return stageWith(t, nil) }

// stageWith makes a terminal whose module a test has changed.
func stageWith(t testing.TB, change func(*psam.Spec)) *stage {
	t.Helper()
	p, err := psam.Embedded("dev-psam")
	check(t, err)
	spec := p.Spec()
	for i := range spec.Applications {
		spec.Applications[i].Counter = 0x122
	}
	if change != nil {
		change(&spec)
	}
	img, err := psam.Image(spec, nil)
	check(t, err)
	s := &stage{t: t, module: card.New(), sam: sam.New(sam.Usual), cards: map[string]*player{}, now: now}
	check(t, s.module.Insert(img, nil))
	check(t, s.module.PowerOn(new(counter)))
	s.install(purse.Config{Module: s.sam})
	s.start()
	return s
}

func (s *stage) install(c purse.Config) {
	s.t.Helper()
	s.config = c
	var err error
	s.machine, err = purse.New(c)
	check(s.t, err)
}

// start reads the module, as a host does when it is new or has failed.
func (s *stage) start() {
	s.t.Helper()
	s.module.PowerOff()
	check(s.t, s.module.PowerOn(new(counter)))
	j := s.sam.Start()
	command, done, err := j.Next(nil)
	for !done {
		command, done, err = j.Next(s.transmit(s.module, command))
	}
	check(s.t, err)
}

func (s *stage) transmit(chip *card.Chip, command []byte) []byte {
	s.t.Helper()
	b, err := chip.Transmit(nil, command)
	check(s.t, err)
	return b
}

// issue makes a development card with a balance.
func (s *stage) issue(name, profile string, balance uint32, change func(*cardpurse.Spec)) *player {
	s.t.Helper()
	return s.issueNumber(name, profile, 0, balance, change)
}

// issueNumber makes one of several cards of a profile.
func (s *stage) issueNumber(name, profile string, number byte, balance uint32, change func(*cardpurse.Spec)) *player {
	s.t.Helper()
	p, err := cardpurse.Embedded(profile)
	check(s.t, err)
	who := p.Card()
	who.Number[8] ^= number
	spec := p.Spec(who)
	account := *spec.EP
	account.Opening = balance
	spec.EP = &account
	if change != nil {
		change(&spec)
	}
	t, err := cardpurse.NewTemplate(spec)
	check(s.t, err)
	img, err := card.Assemble(card.Parts{Applications: []cos.Template{t}})
	check(s.t, err)
	x := &player{profile: profile, chip: card.New(), image: img, purse: t, network: sam.TUnion, aid: p.AID()}
	if string(x.aid) == string(unhex(s.t, cityUnionAID)) {
		x.network = sam.CityUnion
	}
	check(s.t, x.chip.Insert(img, nil))
	s.cards[name] = x
	return x
}

// state is what the chip really holds.
func (x *player) state() cardpurse.Money {
	return x.purse.Inspect(x.chip.Memory().Settled(nil)).EP
}

// refs are the journey records of a network: metro, then bus.
func (x *player) refs() []purse.RecordRef {
	if x.network == sam.CityUnion {
		return []purse.RecordRef{{File: 0x17, ID: 0x02}, {File: 0x17, ID: 0x01}}
	}
	return []purse.RecordRef{{File: 0x1A, ID: 0x2702}, {File: 0x1A, ID: 0x2701}}
}

// fault is what goes wrong in a conversation; commands are counted from 1.
type fault struct {
	lost, unheard     int // card's command whose answer is lost, or which it never hears
	samLost, samCut   int // module's command whose answer is lost, or which it never gets
	samWrite          int // write of the module's memory at which its power fails, from 1
	cut               int // write of the card's memory at which the power fails, from 1
	tear              cos.Tear
	stopKnown, opened bool // the host stops at Known, or at Opened
}

// wants is what the host does.
type wants struct {
	amount   money.Fen
	compound bool
	mark     byte // what is written into the records
	prove    *purse.Data
	again    bool // trade after the proof, unless it was paid or cannot be verified
	fault    fault
	log      func(who string, command, answer []byte)
	change   func(n int, command, answer []byte) []byte // of the card's answers
}

// result is how it ended.
type result struct {
	probe           *purse.Probe
	out             *purse.Outcome
	commands, steps int // of the card, of the module
	writes          int // of the card's memory
	samWrites       int // of the module's
	record          []byte
}

// tap brings a card before the terminal for as long as the machine wants.
func (s *stage) tap(x *player, w wants) (r result) {
	s.t.Helper()
	if !s.sam.Ready() {
		s.start()
	}
	x.chip.PowerOff()
	check(s.t, x.chip.PowerOn(&x.rand))
	defer x.chip.PowerOff()
	before := x.chip.Memory().Writes()
	if w.fault.cut > 0 {
		x.chip.Memory().CutAt(w.fault.cut, w.fault.tear)
	}
	left := false
	ready, err := s.machine.Begin(&purse.Input{AID: x.aid, Network: x.network, Records: x.refs(), Time: s.now})
	check(s.t, err)
	for range 100 {
		switch {
		case ready.Send != nil:
			ready = s.card(x, &r, &w, &left, ready.Send)
		case ready.SAM != nil:
			ready = s.samStep(&r, &w, ready.SAM)
		case ready.Known:
			ready = s.known(&r, &w)
		case ready.Opened:
			ready = s.write(x, &r, &w)
		case ready.Probe != nil:
			p := *ready.Probe
			d := *p.Data
			p.Data, r.probe = &d, &p
			if p.Left || p.Verdict == purse.Paid || p.Verdict == purse.Unverified || !w.again {
				r.writes = x.chip.Memory().Writes() - before
				return r
			}
			ready = s.trade(&w)
		case ready.Outcome != nil:
			out := *ready.Outcome
			d := *out.Data
			out.Data, r.out = &d, &out
			r.writes = x.chip.Memory().Writes() - before
			return r
		}
	}
	s.t.Fatal("the machine does not end")
	return r
}

func (s *stage) card(x *player, r *result, w *wants, left *bool, command []byte) purse.Ready {
	r.commands++
	var answer []byte
	if !*left && r.commands != w.fault.unheard {
		out, err := x.chip.Transmit(nil, command)
		switch {
		case errors.Is(err, cos.ErrPowerCut):
			*left = true
		case err != nil:
			s.t.Fatal(err)
		case r.commands != w.fault.lost:
			answer = out
		}
	}
	if w.change != nil && answer != nil {
		answer = w.change(r.commands, command, answer)
	}
	if w.log != nil {
		w.log("", command, answer)
	}
	if answer == nil {
		*left = true
		return s.machine.Left()
	}
	return s.machine.Answer(answer)
}

func (s *stage) samStep(r *result, w *wants, command []byte) purse.Ready {
	r.steps++
	var answer []byte
	if r.steps == 1 && w.fault.samWrite > 0 {
		s.module.Memory().CutAt(w.fault.samWrite, w.fault.tear)
	}
	if r.steps != w.fault.samCut {
		before := s.module.Memory().Writes()
		out, err := s.module.Transmit(nil, command)
		if !errors.Is(err, cos.ErrPowerCut) {
			check(s.t, err)
			answer = out
		}
		r.samWrites += s.module.Memory().Writes() - before
	}
	if r.steps == w.fault.samLost {
		answer = nil
	}
	if w.log != nil {
		w.log("module", command, answer)
	}
	return s.machine.Module(answer)
}

func (s *stage) known(r *result, w *wants) purse.Ready {
	if w.fault.stopKnown {
		return s.machine.Stop()
	}
	r.record = append([]byte(nil), s.machine.Record(0)...)
	if w.prove != nil {
		torn := *w.prove
		w.prove = nil
		return s.machine.Prove(&torn)
	}
	return s.trade(w)
}

func (s *stage) trade(w *wants) purse.Ready {
	ready, err := s.machine.Trade(w.amount, w.compound)
	check(s.t, err)
	return ready
}

// write hands in the metro's record, and with T-Union a trip for the log.
func (s *stage) write(x *player, r *result, w *wants) purse.Ready {
	if w.fault.opened {
		return s.machine.Stop()
	}
	if !w.compound {
		ready, err := s.machine.Write()
		check(s.t, err)
		return ready
	}
	record := append([]byte(nil), r.record...)
	record[len(record)-1] = w.mark
	list := []purse.Write{{File: x.refs()[0].File, ID: x.refs()[0].ID, Data: record}}
	if x.network == sam.TUnion {
		trip := make([]byte, 48)
		trip[0], trip[47] = 6, w.mark
		list = append(list, purse.Write{File: 0x1E, Data: trip})
	}
	ready, err := s.machine.Write(list...)
	check(s.t, err)
	return ready
}

// mark is the last byte of the metro's record in the chip, by a plain READ RECORD.
func (x *player) mark(t testing.TB) byte {
	t.Helper()
	x.chip.PowerOff()
	check(t, x.chip.PowerOn(&x.rand))
	defer x.chip.PowerOff()
	ref := x.refs()[0]
	var out []byte
	for _, c := range []string{fmt.Sprintf("00A40400%02X%X00", len(x.aid), x.aid), fmt.Sprintf("00B2%02X%02X00", byte(ref.ID), ref.File<<3)} {
		b, err := x.chip.Transmit(nil, unhex(t, c))
		check(t, err)
		out = b
	}
	return out[len(out)-3]
}

// row encodes the row of a purchase: what it holds must be a row.
func row(t testing.TB, kind txn.Kind, flags txn.Flags, d *purse.Data) txn.Row {
	t.Helper()
	r := d.Row(kind, flags, 7)
	var b [txn.RowSize]byte
	check(t, r.Encode(&b))
	return r
}
