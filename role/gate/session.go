package gate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/citycard/citycard/role/tap"
	"github.com/citycard/citycard/terminal/gate"
	"github.com/citycard/citycard/terminal/inspect"
	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/terminal/reader"
	"github.com/citycard/citycard/terminal/rf"
	"github.com/citycard/citycard/wire/apdu"
)

// Config is what the taps of a session work with.
type Config struct {
	// Open gives a card when it is there; it is called once for each tap.
	Open func(ctx context.Context) (reader.Card, error)
	// OpenModule gives the security module, when it is needed for the first time and
	// again after it was lost. nil: there is none.
	OpenModule func(ctx context.Context) (reader.Card, error)
	// UID is the identifier of the anti-collision; with AskUID the reader is asked for it
	// (PC/SC part 3, GET DATA FFCA).
	UID    gate.UID
	AskUID bool
	Rand   io.Reader // of 9F37
	// AnswerTime is how long card or module may take for one answer; 0: for ever.
	AnswerTime time.Duration
	// Medium models how long the air takes, Card what the card itself needs. A nil
	// Medium models nothing.
	Medium rf.Medium
	Card   *rf.Card
	// Elapsed is a monotonic clock.
	Elapsed func() time.Duration
	// Explain is for the words of the trace. ShowPAN shows card numbers in journey
	// records too.
	Explain *tap.Explainer
	ShowPAN bool
	Lang    string // "en" or "zh"
	// Started, if not nil, is called when the card of a tap is there, and Step with each
	// step when it is complete.
	Started func()
	Step    func(*tap.Step)
}

// Session is a terminal's reader with its security module, for any number of taps. For
// one goroutine.
type Session struct {
	Config
	module reader.Card
	buf    []byte
}

// NewSession opens nothing yet.
func NewSession(c Config) *Session { return &Session{Config: c} }

// Close lets the security module go.
func (s *Session) Close() {
	if s.module != nil {
		_ = s.module.Close() // what was done with it is done
		s.module = nil
	}
}

// Tap lets one card tap at a terminal, at a time in unix seconds. The error is that of
// opening the reader, or of the random source, and then nothing has happened. Everything
// else is in the Trace: its result says what is certain about the money. When ctx ends,
// the tap ends as if the card had left.
func (s *Session) Tap(ctx context.Context, g *gate.Gate, at int64) (*Trace, error) {
	var un [4]byte
	t, err := s.begin(ctx, at, un[:])
	if err != nil {
		return nil, err
	}
	defer t.close()
	field := gate.Field{Cards: 1, UID: s.UID}
	if s.AskUID {
		field.UID = t.uid()
	}
	t.run(g, g.Begin(at, field, un))
	return t.trace, nil
}

// Inspect lets an inspector look at one card, at a time in unix seconds. The error is that
// of Tap.
func (s *Session) Inspect(ctx context.Context, p *inspect.Inspector, at int64) (*Trace, error) {
	var random [8]byte
	t, err := s.begin(ctx, at, random[:])
	if err != nil {
		return nil, err
	}
	defer t.close()
	t.inspect(p, p.Begin(at, random))
	return t.trace, nil
}

// begin draws random bytes and opens the card.
func (s *Session) begin(ctx context.Context, at int64, random []byte) (*session, error) {
	if _, err := io.ReadFull(s.Rand, random); err != nil {
		return nil, fmt.Errorf("draw random numbers: %w", err)
	}
	started := s.Elapsed()
	card, err := s.Open(ctx)
	if err != nil {
		return nil, fmt.Errorf("open the reader: %w", err)
	}
	t := &session{Session: s, ctx: ctx, card: card, trace: &Trace{Time: at}}
	t.opened(s.Elapsed() - started)
	return t, nil
}

// session is one tap.
type session struct {
	*Session
	ctx   context.Context
	card  reader.Card
	meter *rf.Meter
	trace *Trace
}

func (s *session) close() {
	if s.card != nil {
		_ = s.card.Close() // the result stands, whatever the reader says when it ends
		s.card = nil
	}
}

func (s *session) opened(took time.Duration) {
	step := tap.Step{Kind: tap.Opening, Took: took, Event: s.say("card in place", "卡已就位")}
	if atr := s.card.ATR(); len(atr) > 0 {
		step.Event = fmt.Sprintf(s.say("card in place, ATR %X", "卡已就位，ATR %X"), atr)
	}
	if s.Medium != nil {
		s.meter = rf.NewMeter(s.Medium, s.Card)
		step.Field = s.meter.Used().Time.Duration()
	}
	if s.Started != nil {
		s.Started()
	}
	s.add(&step)
}

func (s *session) say(en, zh string) string {
	if s.Lang == "zh" {
		return zh
	}
	return en
}

func (s *session) add(step *tap.Step) {
	s.trace.Field += step.Field
	s.trace.Steps = append(s.trace.Steps, *step)
	if s.Step != nil {
		s.Step(step)
	}
}

// uid asks the reader who the card is for the anti-collision; a reader that does not
// know it says none.
func (s *session) uid() gate.UID {
	ctx, stop := s.patience()
	defer stop()
	answer, err := s.card.Transmit(ctx, nil, []byte{0xFF, 0xCA, 0, 0, 0})
	if err != nil {
		return gate.UID{}
	}
	data, sw, err := apdu.ParseResponse(answer)
	if err != nil || sw != apdu.SWOK {
		return gate.UID{}
	}
	uid, err := gate.NewUID(data)
	if err != nil {
		return gate.UID{}
	}
	return uid
}

// run does what the gate asks for, to the end.
func (s *session) run(g *gate.Gate, a gate.Action) {
	for a.Done == nil {
		var next func() gate.Action
		switch {
		case a.Send != nil:
			ev := s.send(a.Send)
			next = func() gate.Action { return g.Step(ev) }
		case a.SAM != nil:
			answer := s.ask(a.SAM)
			next = func() gate.Action { return g.StepSAM(answer) }
		default:
			s.close()
			s.add(&tap.Step{Kind: tap.Removal, Event: s.say("the card may be taken away", "可以取走卡片")})
			next = func() gate.Action { return g.Step(kernel.Event{Kind: kernel.CardRemoved}) }
		}
		started := s.Elapsed()
		a = next()
		s.trace.Computed += s.Elapsed() - started
	}
	s.trace.take(a.Done)
}

// inspect does what the inspector asks for, to the end.
func (s *session) inspect(p *inspect.Inspector, a inspect.Action) {
	for a.Done == nil {
		var answer []byte
		next := p.StepSAM
		if a.Send != nil {
			answer, next = s.transmit(a.Send), p.Step
		} else {
			answer = s.ask(a.SAM)
		}
		started := s.Elapsed()
		a = next(answer)
		s.trace.Computed += s.Elapsed() - started
	}
	s.trace.found(a.Done)
}

// patience is the context of one exchange.
func (s *session) patience() (context.Context, context.CancelFunc) {
	if s.AnswerTime <= 0 {
		return s.ctx, func() {}
	}
	return context.WithTimeoutCause(s.ctx, s.AnswerTime, &reader.Error{
		Doing: "waiting for an answer", Kind: reader.ErrMute, Cause: fmt.Errorf("none within %v", s.AnswerTime),
	})
}

// send takes a command to the card.
func (s *session) send(cmd []byte) kernel.Event {
	if answer := s.transmit(cmd); answer != nil {
		return kernel.Answered(answer)
	}
	return kernel.Event{Kind: kernel.CardLeft}
}

// transmit takes a command to the card; nil says that it has left.
func (s *session) transmit(cmd []byte) []byte {
	step := tap.Step{Kind: tap.Exchange, Command: s.Explain.Command(cmd)}
	s.hideCommand(&step.Command, cmd)
	if s.card == nil {
		step.Lost = &reader.Error{Doing: "sending a command", Kind: reader.ErrCardGone}
		s.add(&step)
		return nil
	}
	ctx, stop := s.patience()
	defer stop()
	started := s.Elapsed()
	answer, err := s.card.Transmit(ctx, s.buf[:0], cmd)
	step.Took = s.Elapsed() - started
	s.trace.Measured += step.Took
	u := &s.trace.Used
	u.APDUs, u.Sent, u.Received = u.APDUs+1, u.Sent+len(cmd), u.Received+len(answer)
	if s.meter != nil {
		step.Field = s.meter.Exchange(cmd, answer).Duration()
	}
	if err != nil {
		if cause := context.Cause(ctx); cause != nil && s.ctx.Err() == nil {
			err = cause // however the reader words that it gave up
		}
		step.Lost = err
		s.broken(err)
		s.add(&step)
		s.close()
		if errors.Is(err, reader.ErrEndless) {
			return []byte{} // there was an answer, and it is none
		}
		return nil
	}
	s.buf = answer
	step.Answer = s.Explain.Answer(cmd, answer)
	if _, sw, err := apdu.ParseResponse(answer); err == nil {
		step.SW = sw.String()
	}
	s.hideAnswer(&step.Answer, cmd, answer)
	s.trace.journey(cmd, answer)
	s.add(&step)
	return answer
}

// broken keeps an error that is more than a card which left.
func (s *session) broken(err error) {
	if !errors.Is(err, reader.ErrCardGone) && !errors.Is(err, reader.ErrMute) && s.ctx.Err() == nil {
		s.trace.Broken = err
	}
}

// ask takes a command to the security module; nil says that it does not answer.
func (s *session) ask(cmd []byte) []byte {
	step := tap.Step{Kind: tap.Module, Command: tap.Side{Title: moduleTitle(cmd), Hex: hidden(cmd, moduleShown)}}
	answer, err := s.exchange(&step, cmd)
	if err != nil {
		step.Lost, s.trace.Mute = err, err
		s.Session.Close()
		s.add(&step)
		return nil
	}
	if data, sw, err := apdu.ParseResponse(answer); err == nil {
		step.SW = sw.String()
		step.Answer = tap.Side{Title: sw.String() + " " + sw.Meaning(s.Lang), Hex: hidden(data, 0) + step.SW}
	}
	s.add(&step)
	return answer
}

func (s *session) exchange(step *tap.Step, cmd []byte) ([]byte, error) {
	ctx, stop := s.patience()
	defer stop()
	if s.module == nil {
		if s.OpenModule == nil {
			return nil, &reader.Error{Doing: "asking the security module", Kind: reader.ErrNoCard}
		}
		module, err := s.OpenModule(ctx)
		if err != nil {
			return nil, err
		}
		s.module = module
	}
	started := s.Elapsed()
	answer, err := s.module.Transmit(ctx, nil, cmd)
	step.Took = s.Elapsed() - started
	s.trace.Module += step.Took
	return answer, err
}
