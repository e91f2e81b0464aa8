package emv

import (
	"fmt"

	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// maxAnswers bounds what is kept of one card.
const maxAnswers = 64 << 10

// maxCommands bounds the conversation up to the cryptogram, whatever a card answers:
// real ones have thirty commands.
const maxCommands = 400

// Machine runs one transaction after another. It is not safe for concurrent use.
type Machine struct {
	cfg   *Config
	app   *Application // of the selected application
	in    Input
	data  Data
	out   Outcome
	found findings

	state    state
	commands int
	present  bool // the card is there

	sel      selection
	rec      reading
	counters counters
	pins     pinEntry
	gen      generation
	host     hosting

	hash    []byte // 98
	cmd     []byte // command being sent
	dolData []byte
	arena   []byte // the card's answers
	icc     []byte
	track   []byte
	scratch [20]byte
}

// New makes a machine for a configuration; Reset prepares each transaction.
func New(cfg *Config) (*Machine, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("make debit/credit kernel: %w", err)
	}
	m := &Machine{cfg: cfg, arena: make([]byte, 0, 4096), cmd: make([]byte, 0, 262)}
	m.data.value = m.value
	m.clear()
	return m, nil
}

// Reset forgets the last transaction and prepares the next. The error says which
// field of the input is out of range: amounts that do not fit 9F02 or 9F03, a
// sequence number or a percentage. After an error there is no transaction: Step gives
// a failed Outcome until the next Reset.
func (m *Machine) Reset(in Input) error {
	m.clear()
	m.state, m.out.Result, m.out.Fault = stDone, kernel.Failed, fault(kernel.BadValue, tlv.TagAmountAuthorised)
	amount, err := in.Amount.N12()
	if err != nil {
		return fmt.Errorf("prepare transaction: amount 9F02: %w", err)
	}
	other, err := in.Other.N12()
	if err != nil {
		return fmt.Errorf("prepare transaction: other amount 9F03: %w", err)
	}
	if in.Sequence > 99999999 {
		return fmt.Errorf("prepare transaction: sequence counter 9F41 is %d, want at most 99999999", in.Sequence)
	}
	if in.Percent > 99 {
		return fmt.Errorf("prepare transaction: random number is %d, want 0 to 99", in.Percent)
	}
	m.clear()
	m.in = in
	d := &m.data
	d.Amount = in.Amount
	d.Sent.Amount, d.Sent.Other, d.Sent.Country, d.Sent.Currency = amount, other, m.cfg.Country, m.cfg.Currency
	d.Sent.Date, d.Sent.Type, d.Sent.UN = txn.DateBCD(in.Time), in.Type, in.UN
	return nil
}

func (m *Machine) clear() {
	d := &m.data
	*d = Data{objects: d.objects[:0], static: d.static[:0], value: d.value}
	m.out = Outcome{Data: d}
	m.found.clear()
	m.sel.clear()
	m.rec, m.counters, m.gen, m.host = reading{}, counters{}, generation{}, hosting{}
	m.pins = pinEntry{tries: -1}
	m.app, m.state, m.commands, m.present = nil, stIdle, 0, false
	m.hash, m.arena = m.hash[:0], m.arena[:0]
	clear(m.cmd[:cap(m.cmd)])
}

// Data is what is known so far.
func (m *Machine) Data() *Data { return &m.data }

// Step takes an event and says what to do next. It panics if the event is not one
// that the last Ready allows: that is a fault of the program around the machine.
func (m *Machine) Step(ev Event) Ready {
	switch {
	case m.state == stDone:
		return Ready{Outcome: &m.out}
	case ev.Kind == CardLeft && m.state != stIdle:
		return m.cardLeft()
	}
	switch m.state {
	case stIdle:
		m.expect(ev, Start)
		m.present = true
		return m.start()
	case stRemove:
		m.expect(ev, CardRemoved)
		return m.finish()
	case stChoose:
		return m.chosen(ev)
	case stPIN:
		return m.pinEntered(ev)
	case stOnline:
		return m.hostEvent(ev)
	}
	m.expect(ev, Answer)
	return m.answered(ev.Data)
}

func (m *Machine) expect(ev Event, want EventKind) {
	if ev.Kind != want {
		m.unexpected(ev)
	}
}

func (m *Machine) unexpected(ev Event) {
	panic(fmt.Sprintf("emv: event %d in state %q: the owner of the machine did not do what Ready asked for", ev.Kind, stateNames[m.state]))
}

// answered copies the card's answer and hands it to the phase that waits for it.
func (m *Machine) answered(b []byte) Ready {
	data, sw, err := apdu.ParseResponse(b)
	if err != nil {
		return m.unusable(kernel.Fault{Code: kernel.BadAnswer})
	}
	if len(m.arena)+len(data) > maxAnswers {
		return m.unusable(kernel.Fault{Code: kernel.TooMuchData})
	}
	at := len(m.arena)
	m.arena = append(m.arena, data...)
	return m.dispatch(m.arena[at:len(m.arena):len(m.arena)], sw)
}

// send builds the command for the next state. The lengths are the kernel's own or
// checked before, so a refusal by apdu is impossible.
func (m *Machine) send(next state, c apdu.Command) Ready {
	if m.commands == maxCommands && next < stGenerate {
		return m.unusable(kernel.Fault{Code: kernel.TooMuchData})
	}
	m.commands++
	b, err := c.Append(m.cmd[:0])
	if err != nil {
		panic("emv: built an impossible command: " + err.Error())
	}
	return m.sendRaw(next, b)
}

func (m *Machine) sendRaw(next state, b []byte) Ready {
	m.cmd, m.state = b, next
	return Ready{Send: b}
}
