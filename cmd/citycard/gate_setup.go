package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"strings"
	"time"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/fare"
	"github.com/citycard/citycard/role/cardstate"
	"github.com/citycard/citycard/role/devcard"
	"github.com/citycard/citycard/role/gate"
	"github.com/citycard/citycard/role/tap"
	"github.com/citycard/citycard/role/virtualcard"
	terminal "github.com/citycard/citycard/terminal/gate"
	"github.com/citycard/citycard/terminal/reader"
	"github.com/citycard/citycard/terminal/rf"
	"github.com/citycard/citycard/txn"
)

// noModule is the word of --sam for a terminal without a security module.
const noModule = "none"

// maxTaps bounds --taps.
const maxTaps = 1000

// The years that a terminal's clock can have.
const (
	firstYear = 2000
	lastYear  = 2099
)

// simulatedUID is the identifier of simulated cards.
const simulatedUID = "04C17900000001"

// gateRunner is everything that a run of taps needs.
type gateRunner struct {
	plant   *gate.Plant
	session *gate.Session
	works   []work // one for each tap, the last one stays
	last    error  // of the last tap
	taps    int
	start   int64
	every   time.Duration
	clock   func() int64                   // of taps after the first, where every is 0
	look    func(context.Context) cardKind // at a card that was refused
	file    *cardstate.File
}

// work is what is to be done with a card.
type work struct {
	gate.Setup
	inspects, bus bool // instead of a tap, in a bus
}

// arrayFile says in the file of --array what it is.
const arrayFile = "citycard gate: memory of gate arrays"

// prepare checks all flags before a card sees a command.
func (f *gateFlags) prepare(env *environment) (*gateRunner, error) {
	if err := f.check(); err != nil {
		return nil, err
	}
	city, err := gate.Beijing()
	if err != nil {
		return nil, err
	}
	r := &gateRunner{every: f.every, clock: func() int64 { return time.Now().Unix() }}
	if r.works, err = f.works(city); err != nil {
		return nil, err
	}
	if r.taps = f.taps; r.taps == 0 {
		r.taps = len(r.works)
	}
	if err := f.clock(r); err != nil {
		return nil, err
	}
	config, err := f.config(env)
	if err != nil {
		return nil, err
	}
	state, err := r.open(f.array)
	if err != nil {
		return nil, err
	}
	r.look = func(ctx context.Context) cardKind { return f.reader.look(ctx, config.Open) }
	r.session = gate.NewSession(*config)
	r.plant = gate.NewPlant(city, r.session, state)
	return r, nil
}

// check refuses what makes no sense by itself.
func (f *gateFlags) check() error {
	bad := func(err error, hint string) error { return fail(exitUsage, err, hint) }
	door, err := reader.ParseName(f.reader.name)
	switch {
	case f.reader.name == "":
		return bad(errors.New("no reader is named"), "add --reader sim:dev-transit-sm, --reader pcsc: or --reader vpcd:PORT")
	case err != nil:
		return readerError(err)
	case door.Door == reader.Recording || strings.HasPrefix(f.module, "replay:"):
		return bad(errors.New("a recorded card cannot answer a gate: each tap asks for fresh codes"), "use --reader sim:PROFILE, pcsc:NAME or vpcd:PORT")
	case door.Door != reader.Sim && f.module == f.reader.name:
		return bad(fmt.Errorf("--reader and --sam are both %s", f.module), "card and security module need a reader each")
	case f.faults != "" && door.Door != reader.Sim:
		return bad(errors.New("--fault is for a simulated card"), "use --reader sim:PROFILE, or citycard card serve --fault")
	case f.remove && (door.Door != reader.PCSC || door.Rest == ""):
		return bad(errors.New("--remove is for a card in a reader of pcscd that is named"), "use --reader pcsc:NAME or pcsc:0")
	case f.reader.wait < 0:
		return bad(fmt.Errorf("--wait %v: a time cannot be negative", f.reader.wait), "for example --wait 30s")
	case len(f.modes) == 0:
		return bad(errors.New("no mode is named"), "add --mode entry --station 天安门东, or --mode bus")
	case f.taps < 0 || f.taps > maxTaps || len(f.modes) > maxTaps || len(f.stations) > maxTaps:
		return bad(fmt.Errorf("--taps %d: want 1 to %d", f.taps, maxTaps), "leave it out for one tap in each mode")
	case f.every < 0 || f.every > 24*time.Hour:
		return bad(fmt.Errorf("--every %v: want 0 to 24h", f.every), "for example --every 20m")
	case f.answer <= 0 || f.answer > time.Hour:
		return bad(fmt.Errorf("--answer-timeout %v: want more than 0, at most 1h", f.answer), "for example --answer-timeout 10s")
	case f.cryptoMS < 0 || f.cryptoMS > 10_000:
		return bad(fmt.Errorf("--card-crypto-ms %d: want 0 to 10000", f.cryptoMS), "100 is a usual card")
	case f.direction != "ab" && f.direction != "ba":
		return bad(fmt.Errorf("--direction %q: want ab or ba", f.direction), "ab is the way to the end of the route")
	case f.metres < 0 || f.metres > 655_350:
		return bad(fmt.Errorf("--metres %d: want 0 to 655350", f.metres), "for example --metres 5000")
	}
	return nil
}

// removed waits for the card of the last tap to leave.
func (f *gateFlags) removed(ctx context.Context, env *environment) error {
	wait := f.reader.wait
	if wait == 0 {
		wait = defaultWait
	}
	ctx, stop := context.WithTimeoutCause(ctx, wait, &reader.Error{
		Doing: "waiting for the card to leave", Kind: reader.ErrNoCard, Cause: fmt.Errorf("still there after %v", wait), Hint: "take it away, or wait longer with --wait",
	})
	defer stop()
	fmt.Fprintln(env.stderr, env.say("take the card away", "请取走卡片"))
	door, err := reader.ParseName(f.reader.name)
	if err == nil {
		err = gate.Removed(ctx, door.Rest)
	}
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		return tapReaderError(err)
	}
	return nil
}

// works are the terminals of the taps.
func (f *gateFlags) works(city gate.City) ([]work, error) {
	cas, err := caKeys(f.ca)
	if err != nil {
		return nil, err
	}
	list := make([]work, max(len(f.modes), len(f.stations), 1))
	for i := range list {
		s := &list[i]
		s.Setup = gate.Setup{Route: f.route, Stop: f.stop, Metres: f.metres, Hold: f.hold, SM: f.sm, Module: f.module != noModule, CAKeys: cas}
		if f.direction == "ba" {
			s.Direction = 1
		}
		mode := f.modes[min(i, len(f.modes)-1)]
		known := false
		if s.Mode, known = gateModes[mode]; !known {
			return nil, fail(exitUsage, fmt.Errorf("--mode %q: want %s", mode, strings.Join(names(gateModes), ", ")), "several are written with commas: --mode entry,exit")
		}
		s.inspects, s.bus = s.Mode == 0, mode == inspectBus
		if (s.Mode > terminal.Bus || s.inspects) && !s.Module {
			return nil, fail(exitUsage, fmt.Errorf("--mode %s without a security module", mode), "it is for cards that carry their journeys: add --sam sim:dev-psam")
		}
		if s.Mode > terminal.Exit || s.inspects {
			continue
		}
		if len(f.stations) == 0 {
			return nil, fail(exitUsage, fmt.Errorf("--mode %s needs a station", mode), "for example --station 天安门东")
		}
		if s.Station, err = stationNamed(city.Book, f.stations[min(i, len(f.stations)-1)]); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// stationNamed finds a station by its name, Chinese or English.
func stationNamed(book *fare.Book, name string) (fare.StationID, error) {
	if id, ok := book.StationByName(name); ok {
		return id, nil
	}
	for _, s := range book.Stations() {
		if s.NameEN != "" && s.NameEN == name {
			return s.ID, nil
		}
	}
	return 0, fail(exitNotFound, fmt.Errorf("--station %.60q is not in the rule book of %s", name, book.City()), "write it as the metro does, for example 天安门东")
}

// clock sets the times of the taps.
func (f *gateFlags) clock(r *gateRunner) error {
	r.start = r.clock()
	if f.time == "" {
		return nil
	}
	at, err := time.Parse(time.RFC3339, f.time)
	if err != nil {
		return fail(exitUsage, fmt.Errorf("--time %q is no time by RFC 3339", f.time), "for example --time 2026-11-23T12:00:00+08:00")
	}
	if year := at.In(txn.CityTime).Year(); year < firstYear || year > lastYear {
		return fail(exitUsage, fmt.Errorf("--time %q: want the years %d to %d", f.time, firstYear, lastYear), "cards know the last two digits of a year only")
	}
	began := time.Now()
	r.start = at.Unix()
	r.clock = func() int64 { return at.Add(time.Since(began)).Unix() }
	return nil
}

// at is the terminal and the time of a tap, counted from 0.
func (r *gateRunner) at(n int) (work, int64) {
	s := r.works[min(n, len(r.works)-1)]
	switch {
	case n == 0:
		return s, r.start
	case r.every > 0:
		return s, r.start + int64(time.Duration(n)*r.every/time.Second)
	}
	return s, r.clock()
}

// config is how card and security module are reached.
func (f *gateFlags) config(env *environment) (*gate.Config, error) {
	rate, ok := rf.RateOf(f.bitrate)
	if !ok {
		return nil, fail(exitUsage, fmt.Errorf("--bitrate %d: want 106, 212, 424 or 848", f.bitrate), "106 is what every card can")
	}
	random, err := f.source()
	if err != nil {
		return nil, err
	}
	started := time.Now()
	c := &gate.Config{
		Rand: random, AnswerTime: f.answer, Medium: rf.NewLink(rf.TypeA, rate), Card: rf.DefaultCard(time.Duration(f.cryptoMS) * time.Millisecond),
		Elapsed: func() time.Duration { return time.Since(started) }, Explain: tap.NewExplainer(string(env.lang), f.showPAN), ShowPAN: f.showPAN, Lang: string(env.lang),
		Open: func(ctx context.Context) (reader.Card, error) { return f.reader.open(ctx, env) },
	}
	if err := f.identify(c); err != nil {
		return nil, err
	}
	if profile := f.reader.sim(); profile != "" {
		if err := f.simulate(env, profile, c); err != nil {
			return nil, err
		}
	}
	return c, f.secure(env, c)
}

// source is where random numbers come from.
func (f *gateFlags) source() (io.Reader, error) {
	if f.random == "" {
		return rand.Reader, nil
	}
	b, err := hex.DecodeString(f.random)
	if err != nil || len(b) != 16 {
		return nil, fail(exitUsage, errors.New("--random: want 32 hexadecimal digits"), "leave it out to draw fresh ones")
	}
	var seed [32]byte
	copy(seed[:], b)
	return mathrand.NewChaCha8(seed), nil
}

// identify says what the anti-collision finds.
func (f *gateFlags) identify(c *gate.Config) error {
	uid := f.uid
	if door, err := reader.ParseName(f.reader.name); err == nil && uid == "" {
		c.AskUID = door.Door == reader.PCSC
		if door.Door == reader.Sim {
			uid = simulatedUID
		}
	}
	if uid == "" {
		return nil
	}
	var err error
	if c.UID, err = terminal.ParseUID(uid); err != nil {
		return fail(exitUsage, fmt.Errorf("--uid: %w", err), "four bytes that begin with 08 change with each tap, as telephones have them")
	}
	return nil
}

// simulate makes the card of sim:PROFILE; all taps are its.
func (f *gateFlags) simulate(env *environment, profile string, c *gate.Config) error {
	script, err := readFaults(f.faults)
	if err != nil {
		return err
	}
	r, err := devcard.Default(profile)
	if err != nil {
		return profileError(err)
	}
	img, err := devcard.Issue(r)
	if err != nil {
		return profileError(err)
	}
	v, err := virtualcard.New(virtualcard.Config{
		Image: img, Interface: card.Contactless, Faults: script, Rand: c.Rand,
		Note: func(text string) {
			fmt.Fprintf(env.stderr, env.say("the card's fault: %s\n", "卡片故障：%s\n"), text)
		},
	})
	if err != nil {
		return err
	}
	env.developmentBanner()
	c.Open = func(context.Context) (reader.Card, error) { return virtualcard.Reader(v) }
	return nil
}

// secure prepares the way to the security module.
func (f *gateFlags) secure(env *environment, c *gate.Config) error {
	if f.module == noModule {
		return nil
	}
	flags := readerFlags{name: f.module, wait: f.reader.wait}
	if _, err := reader.ParseName(f.module); err != nil {
		return readerError(err)
	}
	if profile := flags.sim(); profile != "" {
		r, err := devcard.Default(profile)
		if err != nil {
			return profileError(err)
		}
		img, err := devcard.Issue(r)
		if err != nil {
			return profileError(err)
		}
		v, err := virtualcard.New(virtualcard.Config{Image: img, Interface: card.Contact, Rand: rand.Reader})
		if err != nil {
			return err
		}
		c.OpenModule = func(context.Context) (reader.Card, error) { return virtualcard.Reader(v) }
		return nil
	}
	c.OpenModule = func(ctx context.Context) (reader.Card, error) { return flags.open(ctx, env) }
	return nil
}

// open reads the file of --array.
func (r *gateRunner) open(path string) (*gate.State, error) {
	if path == "" {
		return gate.NewState(), nil
	}
	file, err := cardstate.Open(path, "memory of gates")
	if errors.Is(err, cardstate.ErrLocked) {
		return nil, fail(exitUnavailable, fmt.Errorf("--array %s: another gate uses this file", path), "wait until the other gate has ended")
	}
	if errors.Is(err, cardstate.ErrState) {
		return nil, fail(exitUsage, fmt.Errorf("--array: %w", err), "name a file that citycard gate has made, or a new one")
	}
	if err != nil {
		return nil, cannotRead(fmt.Errorf("--array: %w", err))
	}
	r.file = file
	if file.Fresh() {
		return gate.NewState(), file.Describe([]byte(arrayFile))
	}
	if string(file.Description()) != arrayFile {
		file.Close()
		return nil, fail(exitUsage, fmt.Errorf("--array %s: this is another file", path), "name a file that citycard gate has made, or a new one")
	}
	state, err := gate.ParseState(file.Memory())
	if err != nil {
		file.Close()
		return nil, fail(exitUsage, fmt.Errorf("--array %s: %w", path, err), "restore the file from a copy, or name a new one")
	}
	return state, nil
}

// store keeps what the gates remember.
func (r *gateRunner) store() error {
	if r.file == nil {
		return nil
	}
	b, err := r.plant.State.Append(nil)
	if err == nil {
		err = r.file.Store(b)
	}
	if err != nil {
		return fail(exitFailed, fmt.Errorf("--array: %w", err), "what the gates remember of this tap is lost; look after the disk")
	}
	return nil
}

func (r *gateRunner) close() {
	r.session.Close()
	if r.file != nil {
		_ = r.file.Close() // it was stored after each tap
	}
}
