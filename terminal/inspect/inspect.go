package inspect

import (
	"fmt"
	"time"

	"github.com/citycard/citycard/crypt/epurse"
	"github.com/citycard/citycard/terminal/gate"
	"github.com/citycard/citycard/terminal/sam"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/journey"
	"github.com/citycard/citycard/wire/tlv"
)

// Config is what a handheld is set to. It must not change while an Inspector uses it.
type Config struct {
	// Applications in the order in which they are looked for; nil: those of
	// gate.DefaultApplications.
	Applications []gate.Application
	// Module says where the security module has which keys; zero: sam.Usual.
	Module sam.Layout
	SM     bool // most cards have SM4 keys: they are tried first
	// Bus looks at the bus record, of this route and vehicle; else at the metro's.
	Bus     bool
	Route   uint16
	Vehicle [8]byte
	// MaxStay is how long a journey may last; OneTapStay how long a bus ride of one tap
	// is good for. 0: without a limit.
	MaxStay    time.Duration
	OneTapStay time.Duration
}

// Action is what the host does next: exactly one of its fields is set.
type Action struct {
	Send []byte // command for the card; valid until the next call
	SAM  []byte // command for the security module; report StepSAM
	Done *Report
}

// step is what the answer that comes next is to.
type step uint8

const (
	idle step = iota
	starting
	directory
	selecting
	logging
	reading
	checking
	proving
)

// Inspector inspects one card after another. It is not safe for concurrent use.
type Inspector struct {
	cfg    *Config
	order  []gate.Application
	module *sam.Module
	job    *sam.Job

	step   step
	now    int64
	random [8]byte
	app    gate.Chosen
	search int // next of order, for a card without a directory; 0 it has one
	record int // 0 metro, 1 bus
	line   byte
	raw    [journey.Size]byte
	alg    epurse.Alg
	codes  [2]bool // of metro and bus: the module found it genuine

	report Report
	kept   [2]journey.Record
	trips  [MaxTrips]journey.Trip
	cmd    []byte
	data   [16]byte
}

// New makes an inspector.
func New(cfg *Config) *Inspector {
	layout := cfg.Module
	if layout == (sam.Layout{}) {
		layout = sam.Usual
	}
	p := &Inspector{cfg: cfg, order: cfg.Applications, module: sam.New(layout)}
	if len(p.order) == 0 {
		p.order = gate.DefaultApplications()
	}
	return p
}

// Begin inspects the card in the field. now is unix seconds, random eight fresh random
// bytes.
func (p *Inspector) Begin(now int64, random [8]byte) Action {
	p.now, p.random = now, random
	p.search, p.record, p.line, p.codes, p.app = 0, 0, 0, [2]bool{}, gate.Chosen{}
	p.report = Report{Trips: p.trips[:0]}
	p.alg = epurse.TDES
	if p.cfg.SM {
		p.alg = epurse.SM4
	}
	if !p.module.Ready() {
		return p.work(starting, p.module.Start())
	}
	return p.askDirectory()
}

// StepSAM takes the answer of the security module; nil says that it did not answer.
func (p *Inspector) StepSAM(answer []byte) Action {
	if p.step != starting && p.step != checking {
		panic("inspect: an answer of the security module that was not asked for")
	}
	return p.worked(p.job.Next(answer))
}

// Step takes the card's answer, status word included; nil says that it has left.
func (p *Inspector) Step(answer []byte) Action {
	if answer == nil {
		return p.done(CardLeft)
	}
	data, sw, err := apdu.ParseResponse(answer)
	if err != nil {
		return p.done(Unreadable)
	}
	switch p.step {
	case directory:
		return p.directoryRead(data, sw)
	case selecting:
		return p.selected(data, sw)
	case logging:
		return p.logged(data, sw)
	case reading:
		return p.recordRead(data, sw)
	case proving:
		p.report.HasTC = sw == apdu.SWOK && len(data) == len(p.report.TC)
		if p.report.HasTC {
			copy(p.report.TC[:], data)
		}
		return p.done(Proved)
	}
	panic(fmt.Sprintf("inspect: an answer of the card in step %d", p.step))
}

func (p *Inspector) send(next step, c apdu.Command) Action {
	b, err := c.Append(p.cmd[:0])
	if err != nil {
		panic("inspect: built an impossible command: " + err.Error())
	}
	p.cmd, p.step = b, next
	return Action{Send: b}
}

func (p *Inspector) work(next step, j *sam.Job) Action {
	p.step, p.job = next, j
	return p.worked(j.Next(nil))
}

func (p *Inspector) worked(command []byte, done bool, err error) Action {
	switch {
	case !done:
		return Action{SAM: command}
	case err != nil:
		p.report.Err, p.report.Why = err, ModuleFailed
	case p.step == checking && p.job.Check() != sam.Genuine:
		p.report.Why = WrongCode
	case p.step == checking:
		p.alg = p.job.Alg()
		p.codes[p.record] = true
	}
	if p.step == starting {
		return p.askDirectory()
	}
	return p.keep()
}

func (p *Inspector) askDirectory() Action {
	return p.send(directory, apdu.Command{INS: 0xA4, P1: 0x04, Data: []byte(gate.DirectoryName), Le: apdu.MaxShortLe})
}

func (p *Inspector) directoryRead(data []byte, sw apdu.SW) Action {
	switch sw {
	case apdu.SWOK:
		var ok bool
		if p.app, ok = gate.Choose(p.order, data); !ok {
			return p.done(NoJourneys)
		}
		return p.sendSelect()
	case apdu.SWFileNotFound:
		return p.searchOn()
	}
	return p.done(NoJourneys)
}

// searchOn asks for the next application of the order.
func (p *Inspector) searchOn() Action {
	if p.search == len(p.order) {
		p.app = gate.Chosen{}
		return p.done(NoJourneys)
	}
	p.app.Set(p.order[p.search].Kind, p.order[p.search].Prefix)
	p.search++
	return p.sendSelect()
}

func (p *Inspector) sendSelect() Action {
	return p.send(selecting, apdu.Command{INS: 0xA4, P1: 0x04, Data: p.app.Name(), Le: apdu.MaxShortLe})
}

// Tags of a purse's FCI.
const (
	tagProprietary tlv.Tag = 0xA5
	tagInfo        tlv.Tag = 0x9F0C
)

// selected goes on with an application; one that is blocked can be read all the same.
func (p *Inspector) selected(data []byte, sw apdu.SW) Action {
	switch {
	case sw == apdu.SWFileNotFound && p.search > 0:
		return p.searchOn()
	case sw != apdu.SWOK && sw != apdu.SWInvalidated && sw != apdu.SWNotSupported:
		return p.done(NoJourneys)
	}
	p.report.Application = p.app.Kind
	if network, ok := p.network(); ok {
		info, _ := tlv.Find(data, tlv.TagFCITemplate, tagProprietary, tagInfo)
		if len(info) < 20 {
			return p.done(Unreadable)
		}
		key, err := txn.PurseCard(byte(network), [10]byte(info[10:]))
		if err != nil {
			return p.done(Unreadable)
		}
		p.report.Card, p.report.Serial, p.report.Why = key, journey.Serial(info[12:]), NoCode
	}
	return p.readLog()
}

// network is whose purse the application is; false for a bank card's.
func (p *Inspector) network() (sam.Network, bool) {
	switch p.app.Kind {
	case gate.TUnionPurse:
		return sam.TUnion, true
	case gate.CityUnionPurse:
		return sam.CityUnion, true
	}
	return 0, false
}

// File 1E, the log of journeys.
const fileLog = 0x1E

func (p *Inspector) readLog() Action {
	if p.app.Kind == gate.CityUnionPurse || int(p.line) == MaxTrips {
		return p.readRecord()
	}
	p.line++
	return p.send(logging, apdu.Command{INS: 0xB2, P1: p.line, P2: fileLog<<3 | 4, Le: apdu.MaxShortLe})
}

func (p *Inspector) logged(data []byte, sw apdu.SW) Action {
	trip, err := journey.DecodeTrip(data)
	if sw != apdu.SWOK || err != nil || trip.Type == journey.NoTrip {
		return p.readRecord()
	}
	p.report.Trips = append(p.report.Trips, trip)
	return p.readLog()
}

// place is where the card has a record: file and identifier.
func (p *Inspector) place() (file byte, id uint16) {
	switch p.app.Kind {
	case gate.TUnionPurse:
		return 0x1A, [...]uint16{journey.UnionMetro, journey.Bus}[p.record]
	case gate.CityUnionPurse:
		return 0x17, [...]uint16{2, 1}[p.record]
	}
	return [...]byte{0x15, 0x1A}[p.record], [...]uint16{journey.Metro, journey.Bus}[p.record]
}

// readRecord reads the next record; behind the last one the card is asked for its proof.
func (p *Inspector) readRecord() Action {
	if p.record == len(p.kept) {
		return p.prove()
	}
	file, id := p.place()
	if p.app.Kind != gate.FinanceApplication {
		return p.send(reading, apdu.Command{INS: 0xB2, P1: byte(id), P2: file << 3, Le: apdu.MaxShortLe})
	}
	p.random[7] ^= byte(p.record)
	data := append(append(p.data[:0], byte(id>>8), byte(id)), p.random[:]...)
	return p.send(reading, apdu.Command{CLA: 0x80, INS: 0xB4, P2: file << 3, Data: data, Le: apdu.MaxShortLe})
}

func (p *Inspector) recordRead(data []byte, sw apdu.SW) Action {
	switch {
	case sw != apdu.SWOK:
		p.record++
		return p.readRecord()
	case p.app.Kind != gate.FinanceApplication:
		p.keepPurse(data)
		p.record++
		return p.readRecord()
	case len(data) != journey.Size+4:
		p.record++
		return p.readRecord()
	}
	copy(p.raw[:], data)
	file, _ := p.place()
	key := sam.RecordKey{File: file, Factor: epurse.Factor(p.raw[6:14]), Alg: p.alg}
	return p.work(checking, p.module.CheckRecord(key, p.random, p.raw[:], [4]byte(data[journey.Size:])))
}

// keep takes a record that the module has judged. One that is not genuine is not shown.
func (p *Inspector) keep() Action {
	if p.report.Why == Proved || p.report.Why == ModuleFailed {
		rec, err := journey.Decode(p.raw[:])
		if _, id := p.place(); err != nil || rec.ID != id { // it is not the one that was asked for
			p.report.Why = Unreadable
		} else {
			p.show(rec)
			p.report.Serial = rec.Serial
		}
	}
	p.record++
	return p.readRecord()
}

// keepPurse takes a record of a purse; one that was never written is fresh.
func (p *Inspector) keepPurse(data []byte) {
	var rec journey.Record
	var err error
	if p.app.Kind == gate.CityUnionPurse {
		rec, err = journey.DecodeCompact(data, p.report.Serial)
		rec.Entry.Vehicle = [8]byte{}
	} else if len(data) == journey.Size && [journey.Size - 3]byte(data[3:]) == [journey.Size - 3]byte{} {
		rec = journey.Record{Valid: true, Serial: p.report.Serial}
	} else {
		rec, err = journey.Decode(data)
	}
	if err == nil {
		p.show(rec)
	}
}

func (p *Inspector) show(rec journey.Record) {
	p.kept[p.record] = rec
	if p.record == 0 {
		p.report.Metro = &p.kept[0]
	} else {
		p.report.Bus = &p.kept[1]
	}
}

// prove asks for the TC of the last journey in the log.
func (p *Inspector) prove() Action {
	if p.app.Kind != gate.FinanceApplication || len(p.report.Trips) == 0 {
		return p.done(p.report.Why)
	}
	atc := p.report.Trips[0].ATC
	data := append(p.data[:0], byte(atc>>8), byte(atc))
	return p.send(proving, apdu.Command{CLA: 0x80, INS: 0x5A, Data: data, Le: 8})
}

// done ends the inspection. A reason that was found before stays.
func (p *Inspector) done(why Why) Action {
	r := &p.report
	if r.Why == Proved || why == CardLeft {
		r.Why = why
	}
	own := 0
	if p.cfg.Bus {
		own = 1
	}
	if r.Why == Proved && !p.codes[own] {
		r.Why = NoJourneys
	}
	r.Verified = r.Why == Proved
	p.cfg.judge(r, p.now)
	p.step = idle
	return Action{Done: r}
}
