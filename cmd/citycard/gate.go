package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/citycard/citycard/role/gate"
	"github.com/citycard/citycard/role/tap"
	"github.com/citycard/citycard/role/tap/page"
	terminal "github.com/citycard/citycard/terminal/gate"
)

// gateFlags are the flags of `citycard gate`.
type gateFlags struct {
	reader    readerFlags
	module    string
	modes     []string
	stations  []string
	taps      int
	every     time.Duration
	time      string
	random    string
	array     string
	route     uint16
	stop      uint8
	direction string
	metres    int
	hold      bool
	sm        bool
	ca        string
	faults    string
	showPAN   bool
	answer    time.Duration
	cryptoMS  int
	bitrate   int
	uid       string
	remove    bool
}

const gateHelp = `Lets cards tap at a metro gate, a bus validator or an inspector's device behind a reader,
and explains each tap: the bytes both ways, what the security module was asked for, the
card's journey before and after, the rows that the terminal keeps, and what the rider reads.

A reader is named
  sim:PROFILE   a new card in this process, the same for all taps
  pcsc:NAME     a reader of pcscd: the beginning of its name, its number from 0,
                or nothing for the first one with a card
  vpcd:PORT     a card that connects to this program as to a virtual reader

The security module (--sam) sits in a second reader of the same kinds; sim:dev-psam is one
in this process, none is a terminal without. Cards that carry their journeys, and city
purses, need one; the others have station records, which --array FILE keeps from one run
to the next together with torn taps.

The modes are entry, exit, bus, board and alight; inspect and inspect-bus read from the
card, offline, whether its holder may be in the metro or in the bus of --route. Several
modes and stations are taken in turn, one for each tap; the last ones stay. Certificates
are trusted if they lead to the development CA keys or to those of --ca FILE.

The exit code is that of the last tap: 0 if the gate opens or the inspector has proof, 3 if
not, 5 if nothing came about or the terminal is out of order, and 1 if the card may have paid
or the inspector has no proof of anything.`

const gateExample = `  citycard gate --reader sim:dev-transit-sm --mode entry,exit --station 天安门东,国贸 --every 20m
  citycard gate --reader sim:dev-transit-3des --mode bus --route 300 --metres 5000
  citycard gate --reader pcsc:0 --sam pcsc:1 --mode entry --station 天安门东 --array gates.state
  citycard gate --reader sim:quota-sm --mode entry,inspect --station 天安门东 --json`

func newGateCommand(env *environment) *cobra.Command {
	var f gateFlags
	cmd := &cobra.Command{
		Use: "gate", Short: "Let cards tap at a gate, a bus or an inspector's device", Long: gateHelp, Example: gateExample,
		Args: arguments(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd.Context(), env) },
	}
	f.reader.add(cmd)
	flags := cmd.Flags()
	flags.StringVar(&f.module, "sam", "sim:dev-psam", "security module: sim:PROFILE, pcsc:NAME, vpcd:PORT or none")
	flags.StringSliceVar(&f.modes, "mode", nil, "entry, exit, bus, board, alight, inspect or inspect-bus, one for each tap")
	flags.StringSliceVar(&f.stations, "station", nil, "metro station by `name`, one for each tap")
	flags.IntVar(&f.taps, "taps", 0, "number of taps (default as many as modes or stations)")
	flags.DurationVar(&f.every, "every", 0, "time between two taps by the terminal's clock, for example 20m (default as it is)")
	flags.StringVar(&f.time, "time", "", "the terminal's time at the first tap as `RFC 3339` (default now)")
	flags.StringVar(&f.random, "random", "", "16 random bytes in `hex`: terminal and simulated card follow from them")
	flags.StringVar(&f.array, "array", "", "`file` that keeps what the gates remember")
	flags.Uint16Var(&f.route, "route", 1, "route of the bus")
	flags.Uint8Var(&f.stop, "stop", 0, "stop of the bus")
	flags.StringVar(&f.direction, "direction", "ab", "direction of the bus: ab or ba")
	flags.IntVar(&f.metres, "metres", 0, "bus: how far one pays for who boards here; board, alight: where the bus is on its route")
	flags.BoolVar(&f.hold, "hold", false, "hold an amount at the entry where the rule book says so")
	flags.BoolVar(&f.sm, "sm", true, "offer SM2 and SM4 to cards that have them")
	flags.StringVar(&f.ca, "ca", "", "`file` with CA public keys to trust besides those of development, JSON")
	flags.StringVar(&f.faults, "fault", "", "YAML `file` that says how a simulated card misbehaves")
	flags.BoolVar(&f.showPAN, "show-pan", false, "show card numbers whole")
	flags.DurationVar(&f.answer, "answer-timeout", 10*time.Second, "a card or module that takes longer for an answer counts as one that left")
	flags.IntVar(&f.cryptoMS, "card-crypto-ms", 100, "time model: `ms` that the card takes for a cryptogram with its signature")
	flags.IntVar(&f.bitrate, "bitrate", 106, "time model: 106, 212, 424 or 848 `kbit/s` on the air")
	flags.StringVar(&f.uid, "uid", "", "identifier of the anti-collision in `hex` (default: asked of pcsc:, 04C17900000001 for sim:)")
	flags.BoolVar(&f.remove, "remove", false, "wait between two taps until the card has left its reader; for pcsc:")
	_ = cmd.RegisterFlagCompletionFunc("mode", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return names(gateModes), cobra.ShellCompDirectiveNoFileComp
	})
	return cmd
}

// gateRun is the output of `citycard gate --json`: a gate.Report for each tap, a
// gate.Inspection for each inspection.
type gateRun struct {
	Taps []any `json:"taps"`
}

// run makes the taps and prints them.
func (f *gateFlags) run(ctx context.Context, env *environment) error {
	p, err := f.prepare(env)
	if err != nil {
		return err
	}
	defer p.close()
	var out *page.Printer
	if !env.json {
		out = page.New(env.stdout, page.Options{Lang: string(env.lang), Width: env.pageWidth(), Colour: env.colour()})
		p.session.Step = out.Step
	}
	all := gateRun{Taps: []any{}}
	for n := range p.taps {
		if n > 0 && f.remove {
			if p.last = f.removed(ctx, env); p.last != nil {
				break
			}
		}
		w, at := p.at(n)
		if out != nil {
			p.session.Started = func() { out.Head(p.title(env, &w), clockText(at)) }
		}
		one, err := p.touch(ctx, env, &w, at)
		if err != nil {
			p.last = err
			break
		}
		all.Taps = append(all.Taps, one.json)
		if out != nil {
			out.Panel(one.panel)
			out.Blank()
		}
		if p.last = one.err; one.broken {
			break
		}
	}
	switch {
	case !env.json:
		if err = out.Err(); err != nil {
			err = fmt.Errorf("write the result: %w", err)
		}
	case len(all.Taps) > 0: // before an error too: what they have paid is known here alone
		err = env.printJSON(all)
	}
	return cmp.Or(err, p.last)
}

// touched is what one tap or inspection gives.
type touched struct {
	json   any
	panel  page.Panel
	err    error // with its exit code; nil if the rider may pass
	broken bool  // the reader is, or the file of --array
}

// touch makes one tap or inspection.
func (r *gateRunner) touch(ctx context.Context, env *environment, w *work, at int64) (*touched, error) {
	book := r.plant.City.Book
	if w.inspects {
		trace, err := r.plant.Inspect(ctx, w.Setup, w.bus, at)
		if err != nil {
			return nil, tapReaderError(err)
		}
		report := trace.Inspection(w.bus, book)
		return &touched{report, inspectionPanel(env, trace, report), r.advise(ctx, trace, w, inspectionError(env, report)), trace.Broken != nil}, nil
	}
	trace, err := r.plant.Tap(ctx, w.Setup, at)
	if err != nil {
		return nil, tapReaderError(err)
	}
	report := trace.Report(&w.Setup, book)
	one := &touched{report, gatePanel(env, trace, report), r.advise(ctx, trace, w, gateError(env, trace, report)), trace.Broken != nil}
	if err := r.store(); err != nil {
		one.err, one.broken = err, true // the tap has happened all the same
	}
	return one, nil
}

// advise gives the error of a tap the hint that only a second look at the card can give:
// it is a purse that needs a security module, or a module itself.
func (r *gateRunner) advise(ctx context.Context, t *gate.Trace, w *work, err error) error {
	var e *exitError
	unknown := t.Outcome() == gate.Refused || t.Outcome() == gate.Unverified
	if !unknown || askedMore(t) || t.Broken != nil || !errors.As(err, &e) {
		return err
	}
	switch kind := r.look(ctx); {
	case kind == purseCard && !w.Module:
		return fail(e.code, e.err, "this card is an electronic purse, which pays with a security module only: add --sam sim:dev-psam or --sam pcsc:NAME")
	case kind == moduleCard:
		return fail(e.code, e.err, "this is a security module, not a card: use it with --sam")
	}
	return err
}

// askedMore reports a card that has an application which the terminal takes: it was asked
// for more than SELECT.
func askedMore(t *gate.Trace) bool {
	return slices.ContainsFunc(t.Steps, func(s tap.Step) bool {
		return s.Kind == tap.Exchange && !strings.HasPrefix(s.Command.Hex, "00A4")
	})
}

// inspectionError gives an inspection its exit code; nil if it proves that the rider may
// be here.
func inspectionError(env *environment, r *gate.Inspection) error {
	switch r.Outcome {
	case gate.Valid.String():
		return nil
	case gate.NotValid.String():
		return fail(exitRefused, errors.New(env.say(r.Verdict, r.VerdictZH)), "the card proves it; ask for another proof of payment")
	case gate.Again.String():
		return fail(exitUnavailable, errors.New(env.say(r.Why, r.WhyZH)), "hold the card to the reader again")
	case gate.OutOfOrder.String():
		return fail(exitUnavailable, errors.New(env.say(r.Why, r.WhyZH)+": "+r.Module), "look after the security module (--sam)")
	}
	return fail(exitFailed, errors.New(env.say(r.Why, r.WhyZH)), "nothing is proved, neither that the rider has paid nor that he has not")
}

// gateError gives an outcome its exit code; nil if the gate opens.
func gateError(env *environment, t *gate.Trace, r *gate.Report) error {
	if r.Opened {
		return nil
	}
	text := strings.Join(append([]string{env.say(r.Display, r.DisplayZH)}, gateReasons(env, t, r)...), ": ")
	code, hint := exitRefused, ""
	switch r.Outcome {
	case gate.Again.String():
		code, hint = exitUnavailable, "nothing was paid; tap again"
	case gate.OutOfOrder.String():
		code, hint = exitUnavailable, "look after the terminal and its security module (--sam)"
	case gate.Torn.String():
		code, hint = exitFailed, "the card may have paid: tap it again at the same place, with the same --array FILE"
	case gate.Doubt.String():
		code, hint = exitFailed, "the card may have paid; the row tells the back office"
	}
	return fail(code, errors.New(text), hint)
}

// gateModes are the words of --mode; 0 is an inspection, which has no mode of a gate.
var gateModes = map[string]terminal.Mode{
	"entry": terminal.Entry, "exit": terminal.Exit, "bus": terminal.Bus, "board": terminal.Board, "alight": terminal.Alight,
	inspectMetro: 0, inspectBus: 0,
}

// The modes of an inspector.
const (
	inspectMetro = "inspect"
	inspectBus   = "inspect-bus"
)
