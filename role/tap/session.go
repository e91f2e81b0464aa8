package tap

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/citycard/citycard/crypt/pin"
	"github.com/citycard/citycard/role/host"
	"github.com/citycard/citycard/terminal/kernel/emv"
	"github.com/citycard/citycard/terminal/pos"
	"github.com/citycard/citycard/terminal/reader"
	"github.com/citycard/citycard/terminal/rf"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// Config is what a terminal works with.
type Config struct {
	Till *pos.Till
	Mode pos.Mode // that the till was made with
	// Open gives the card when it is there, and again when it was held to the reader
	// again. It is called once for each time.
	Open func(ctx context.Context) (reader.Card, error)
	Host host.Host
	// Person may be nil: a choice is then cancelled, a PIN not entered, and a torn
	// sale given up.
	Person Person
	// Medium models how long the air or the contacts take, Card what the card itself
	// needs. A nil Medium models nothing.
	Medium rf.Medium
	Card   *rf.Card
	// Seal enciphers a PIN for the host; nil: no PIN can be sent.
	Seal func(card txn.CardKey, p pin.PIN) ([8]byte, error)
	// AnswerTime is how long a card may take for one answer, GET RESPONSE included; then
	// it counts as one that left. 0: for ever.
	AnswerTime time.Duration
	// Elapsed is a monotonic clock.
	Elapsed func() time.Duration
	// Explain is for the words of the trace.
	Explain *Explainer
	// Started, if not nil, is called when the card is there, and Step with each step
	// when it is complete.
	Started func()
	Step    func(*Step)
}

// session is one run.
type session struct {
	Config
	ctx   context.Context
	card  reader.Card
	trace *Trace
	meter *rf.Meter
	notes int // of the till that are in the trace
	buf   []byte
	asked *txn.OnlineRequest // what the issuer has answered last
}

// Run makes one sale. The error is that of opening the reader for the first time, and
// then nothing has happened. A card that is there and gives no answer to reset is no
// such error: it makes a Trace with Outcome Error. Whatever goes wrong afterwards is in the Trace: its
// result says what is certain about the money. When ctx ends, the sale ends as if the
// card had left.
func Run(ctx context.Context, c Config, sale pos.Sale) (*Trace, error) {
	s := &session{Config: c, ctx: ctx, trace: &Trace{Sale: sale, Mode: c.Mode, Host: c.Host.Name()}}
	if sale.Interface != pos.Stripe {
		if err := s.open(); errors.Is(err, reader.ErrMute) {
			s.dumb(err)
			return s.trace, nil
		} else if err != nil {
			return nil, err
		}
		defer s.close()
	}
	if s.Started != nil {
		s.Started()
	}
	s.run()
	return s.trace, nil
}

// dumb ends a sale with a card that gives no answer to reset, or one that is none.
func (s *session) dumb(err error) {
	t := s.trace
	t.Broken, t.Before = err, -1
	t.Result = pos.Result{Outcome: pos.Error, Display: pos.ShowCardError, Balance: -1, SecondBalance: -1, SpendingLimit: -1, Before: -1, Available: -1}
	if s.Started != nil {
		s.Started()
	}
	s.add(Step{Kind: Opening, Event: s.Explain.say("the card gives no answer to reset", "卡片无复位应答"), Lost: err})
	if s.Step != nil {
		s.Step(&t.Steps[0])
	}
}

// open puts the card into the field.
func (s *session) open() error {
	start := s.Elapsed()
	card, err := s.Open(s.ctx)
	if err != nil {
		return fmt.Errorf("open the reader: %w", err)
	}
	s.card = card
	step := Step{Kind: Opening, Took: s.Elapsed() - start, Event: s.Explain.present(card.ATR())}
	if s.Medium != nil {
		s.meter = rf.NewMeter(s.Medium, s.Card)
		step.Field = s.meter.Used().Time.Duration()
	}
	s.add(step)
	return nil
}

// present says that a card is there; recorded ones may have no answer to reset.
func (x *Explainer) present(atr []byte) string {
	if len(atr) == 0 {
		return x.say("card in place", "卡已就位")
	}
	return fmt.Sprintf(x.say("card in place, ATR %X", "卡已就位，ATR %X"), atr)
}

func (s *session) close() {
	if s.card != nil {
		_ = s.card.Close() // the result stands, whatever the reader says when it ends
		s.card = nil
	}
}

// add puts a step into the trace; finish completes it.
func (s *session) add(step Step) {
	s.trace.Field += step.Field
	s.trace.Steps = append(s.trace.Steps, step)
}

// finish gives the last step what the till has found since.
func (s *session) finish() {
	last := &s.trace.Steps[len(s.trace.Steps)-1]
	all := s.Till.Notes()
	last.Notes = append(last.Notes, all[s.notes:]...)
	s.notes = len(all)
	if s.Step != nil {
		s.Step(last)
	}
}

// run steps the till to its result.
func (s *session) run() {
	started := s.Elapsed()
	a := s.Till.Begin(s.trace.Sale)
	s.trace.Computed += s.Elapsed() - started
	if s.card == nil {
		s.add(Step{Kind: Opening, Event: s.Explain.say("the magnetic stripe was read", "已刷磁条")})
	}
	s.finish()
	for a.Done == nil {
		ev := s.act(&a)
		started = s.Elapsed()
		a = s.Till.Step(ev)
		s.trace.Computed += s.Elapsed() - started
		s.finish()
	}
	s.trace.Result = keep(a.Done)
	if s.trace.Broken != nil && s.trace.Result.Outcome == pos.CardLost {
		s.trace.Result.Outcome = pos.Error // the card did not leave: the reader failed
	}
	s.trace.Before = balanceBefore(s.trace.Sale.Kind, &s.trace.Result)
	s.reverse()
	s.advise()
}

// act does what the till asks for.
func (s *session) act(a *pos.Action) emv.Event {
	switch {
	case a.Send != nil:
		return s.send(a.Send)
	case a.Choose != nil:
		return s.choose(a.Choose)
	case a.PIN != nil:
		return s.pin(a.PIN)
	case a.Online != nil:
		return s.online(a.Online)
	case a.Again != nil:
		return s.again(a.Again)
	case a.Remove:
		s.close()
		s.add(Step{Kind: Removal, Event: s.Explain.say("the card may be taken away", "可以取走卡片")})
		return emv.Event{Kind: emv.CardRemoved}
	}
	panic("tap: the till asks for nothing")
}

func (s *session) send(cmd []byte) emv.Event {
	step := Step{Kind: Exchange, Command: s.Explain.Command(cmd)}
	if s.card == nil {
		step.Lost = &reader.Error{Doing: "sending a command", Kind: reader.ErrCardGone}
		s.add(step)
		return emv.Event{Kind: emv.CardLeft}
	}
	answer, err := s.exchange(&step, cmd)
	if err != nil {
		step.Lost = err
		s.count(&step, cmd, nil)
		s.judge(err)
		s.add(step)
		s.close()
		if errors.Is(err, reader.ErrEndless) {
			return emv.Answered(nil) // there was an answer, and it is none
		}
		return emv.Event{Kind: emv.CardLeft}
	}
	s.buf = answer
	step.Answer = s.Explain.Answer(cmd, answer)
	if _, sw, err := apdu.ParseResponse(answer); err == nil {
		step.SW = sw.String()
	}
	s.count(&step, cmd, answer)
	s.add(step)
	return emv.Answered(answer)
}

// exchange sends one command and waits for its answer for as long as a card may take.
func (s *session) exchange(step *Step, cmd []byte) ([]byte, error) {
	ctx, stop := s.ctx, context.CancelFunc(func() {})
	if s.AnswerTime > 0 {
		ctx, stop = context.WithTimeoutCause(s.ctx, s.AnswerTime, &reader.Error{
			Doing: "waiting for an answer", Kind: reader.ErrMute, Cause: late(s.AnswerTime),
		})
	}
	defer stop()
	started := s.Elapsed()
	answer, err := s.card.Transmit(ctx, s.buf[:0], cmd)
	step.Took = s.Elapsed() - started
	s.trace.Measured += step.Took
	if cause := context.Cause(ctx); err != nil && isLate(cause) {
		err = cause // however the reader words that it gave up
	}
	return answer, err
}

// late is how long an answer was waited for.
type late time.Duration

// Error implements error.
func (l late) Error() string { return fmt.Sprintf("none within %v", time.Duration(l)) }

func isLate(err error) bool {
	var l late
	return errors.As(err, &l)
}

// count gives a step its modelled time.
func (s *session) count(step *Step, cmd, answer []byte) {
	u := &s.trace.Used
	u.APDUs++
	u.Sent += len(cmd)
	u.Received += len(answer)
	if s.meter != nil {
		step.Field = s.meter.Exchange(cmd, answer).Duration()
	}
}

// judge keeps an error that is more than a card which left.
func (s *session) judge(err error) {
	if isLate(err) || errors.Is(err, reader.ErrEndless) {
		s.trace.Misbehaved = err
	}
	if !errors.Is(err, reader.ErrCardGone) && !errors.Is(err, reader.ErrMute) && s.ctx.Err() == nil {
		s.trace.Broken = err
	}
}

func (s *session) choose(c *emv.Choice) emv.Event {
	started := s.Elapsed()
	ev := emv.Event{Kind: emv.Cancelled}
	if s.Person != nil && s.ctx.Err() == nil {
		ev = s.Person.Choose(s.ctx, c)
	}
	step := Step{Kind: Choice, Took: s.Elapsed() - started}
	step.Event = s.Explain.say("nothing was chosen", "未选择应用")
	if ev.Kind == emv.Chosen && ev.Choice >= 0 && ev.Choice < len(c.Names) {
		step.Event = fmt.Sprintf(s.Explain.say("%d of %d: %s", "第%d个，共%d个：%s"), ev.Choice+1, len(c.Names), c.Names[ev.Choice])
	}
	s.add(step)
	return ev
}

func (s *session) pin(r *emv.PINRequest) emv.Event {
	started := s.Elapsed()
	ev := emv.Event{Kind: emv.PINBypassed}
	if s.Person != nil && s.ctx.Err() == nil {
		ev = s.Person.PIN(s.ctx, r)
	}
	s.add(Step{Kind: PIN, Took: s.Elapsed() - started, Event: s.Explain.pinEvent(r, ev.Kind), Entered: ev.Kind == emv.PINEntered})
	return ev
}

func (x *Explainer) pinEvent(r *emv.PINRequest, got emv.EventKind) string {
	text := x.say("PIN for the card", "脱机PIN")
	if r.Online {
		text = x.say("PIN for the issuer", "联机PIN")
	}
	if r.Again {
		text += x.say(", the one before was wrong", "，前一次输入错误")
	}
	if r.Tries >= 0 {
		text += fmt.Sprintf(x.say(", %d tries left", "，剩余%d次"), r.Tries)
	}
	switch got {
	case emv.PINEntered:
		return text + x.say(": entered", "：已输入")
	case emv.PINBypassed:
		return text + x.say(": not entered", "：未输入")
	case emv.PINPadFailed:
		return text + x.say(": the PIN pad does not work", "：密码键盘故障")
	}
	return text + x.say(": cancelled", "：已取消")
}

func (s *session) online(o *pos.Online) emv.Event {
	q := lent(o.Request)
	step := Step{Kind: Issuer, Command: s.Explain.request(s.Host, &q)}
	if o.PIN.Len() > 0 {
		block, err := s.sealed(q.Card, o.PIN)
		if err != nil {
			step.Lost = err
			s.add(step)
			return emv.Event{Kind: emv.HostUnreachable}
		}
		q.PINBlock, q.HasPIN = block, true
	}
	started := s.Elapsed()
	ctx, stop := context.WithTimeout(s.ctx, host.AnswerTime)
	defer stop()
	answer, err := s.Host.Authorise(ctx, q)
	step.Took = s.Elapsed() - started
	if err != nil {
		step.Lost = err
		s.add(step)
		return emv.Event{Kind: emv.HostUnreachable}
	}
	s.asked = &q
	step.Answer = s.Explain.reply(&answer)
	if h, ok := s.Host.(interface{ Note() string }); ok {
		step.Event = h.Note()
	}
	s.add(step)
	return emv.Event{Kind: emv.HostAnswered, Host: &answer}
}

func (s *session) sealed(card txn.CardKey, p pin.PIN) ([8]byte, error) {
	if s.Seal == nil {
		return [8]byte{}, errors.New("this terminal has no key for the PIN")
	}
	return s.Seal(card, p)
}

// again waits for the card of a torn sale.
func (s *session) again(torn *pos.TornSale) emv.Event {
	s.close()
	event := fmt.Sprintf(s.Explain.say("card %v left after it was asked to pay %v, counter %d: hold it here again", "卡%v在请求扣款%v后离场，计数器%d：请再次刷卡"),
		torn.Card, torn.Amount, torn.ATC)
	if torn.Other {
		event = s.Explain.say("this is another card; the torn sale waits for its own", "这是另一张卡，未完成的交易仍在等原卡")
	}
	step := Step{Kind: Again, Event: event}
	if s.Person == nil || s.ctx.Err() != nil || !s.Person.Again(s.ctx, torn) {
		step.Event += s.Explain.say("; it does not come back", "；卡未返回")
		s.add(step)
		return emv.Event{Kind: emv.Cancelled}
	}
	s.add(step)
	s.finish()
	if err := s.open(); err != nil {
		s.add(Step{Kind: Opening, Event: s.Explain.say("no card in place", "无卡"), Lost: err})
		s.judge(err)
		return emv.Event{Kind: emv.Cancelled}
	}
	return emv.Event{Kind: emv.Start}
}

// reverse tells the issuer what has not come about. A reversal that does not arrive
// stays in the result: its owner stores it and tries again.
func (s *session) reverse() {
	v := s.trace.Result.Reversal
	if v == nil {
		return
	}
	if _, nobody := s.Host.(host.None); nobody {
		s.trace.Result.Reversal = nil // what was never sent needs no undoing
		return
	}
	step := Step{Kind: Reversal, Event: host.Reason(v.Reason).String()}
	started := s.Elapsed()
	// The issuer must hear of it even if the person at the terminal has given up.
	ctx, stop := context.WithTimeout(context.WithoutCancel(s.ctx), reversalTime)
	defer stop()
	step.Lost = s.Host.Reverse(ctx, v.Request, host.Reason(v.Reason), v.ICC)
	step.Took = s.Elapsed() - started
	s.add(step)
	if s.Step != nil {
		s.Step(&s.trace.Steps[len(s.trace.Steps)-1])
	}
}

// advise tells the issuer that the card has carried out the script of a load or unload.
// It is no step of the sale: a notice that does not arrive costs nothing, because the
// card's next question says the same.
func (s *session) advise() {
	r := &s.trace.Result
	h, hears := s.Host.(host.Adviser)
	if !hears || !r.Outcome.Approved() || s.trace.Sale.Kind != pos.Load && s.trace.Sale.Kind != pos.Unload || s.asked == nil {
		return
	}
	var results []byte
	for _, script := range r.Scripts {
		results = script.Append(results)
	}
	ctx, stop := context.WithTimeout(context.WithoutCancel(s.ctx), reversalTime)
	defer stop()
	_ = h.Advise(ctx, *s.asked, tlv.Append(nil, tlv.TagIssuerScriptResult, results))
}

// reversalTime is how long a reversal may take before it is left for later: our choice.
const reversalTime = 10 * time.Second
