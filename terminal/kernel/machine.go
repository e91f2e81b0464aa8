package kernel

import (
	"fmt"

	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// EventKind is what happened to the terminal.
type EventKind uint8

// The events.
const (
	Start       EventKind = 1 // one card is in the field and awake
	Answer      EventKind = 2 // the card answered Event.Data, status word included
	CardLeft    EventKind = 3 // no answer came: the card is gone
	CardRemoved EventKind = 4 // the card has left after RemoveCard, as asked
	Continue    EventKind = 5 // after Identified: go on
	Stop        EventKind = 6 // after Identified or Transit: do not let this card pay
)

// Event is one step's input.
type Event struct {
	Kind EventKind
	Data []byte // of Answer; the machine copies it
}

// Answered is the event that carries a card's answer.
func Answered(b []byte) Event { return Event{Kind: Answer, Data: b} }

// Ready says what the host has to do next, exactly one of these: send Send;
// go on from Transit with Ask, Trade or Stop; answer Identified with Continue or
// Stop; judge Reply, and go on from the pause in which it called Ask; take the card
// away from the field and report CardRemoved; act upon Probe; or take Outcome, after
// which only Reset, Probe, Recognise and, after a Probe, Resume, ProveOn and TradeOn
// are possible.
type Ready struct {
	Send       []byte // command APDU; belongs to the machine until the next Step
	Transit    bool   // an application with the low-value extension is selected, nothing is asked of it; see Machine.Support
	Identified bool   // the account number is known and nothing is paid; see Machine.Data
	Reply      *Reply // to Ask; belongs to the machine until the next Step, Ask, Trade
	RemoveCard bool
	Probe      *Probe
	Outcome    *Outcome // belongs to the machine until the next Reset
}

type state uint8

const (
	stIdle state = iota
	stPPSE
	stSelect
	stTransit
	stGPO
	stIdentified
	stAsk
	stRecord
	stStripe
	stRemove
	stProbeSelect
	stProbeRecord
	stProbeProve
	stProbeATC
	stProbeBalance
	stProbed
	stDone
)

var stateNames = [...]string{"idle", "PPSE", "select", "transit", "GPO", "identified", "ask", "record", "stripe record", "remove",
	"probe select", "probe record", "probe proof", "probe ATC", "probe balance", "probed", "done"}

// MaxRecords is the number of records that the machine is ready to read. Real
// cards have four to eight.
const MaxRecords = 32

// maxAnswers bounds what is kept of one card.
const maxAnswers = 16 << 10

// Machine runs one transaction after another. It is not safe for concurrent use.
type Machine struct {
	cfg  *Config
	in   Input
	data Data
	out  Outcome

	state      state
	candidates [maxCandidates]candidate
	candidateN int
	next       int // next candidate to select
	records    [MaxRecords]recordRef
	recordN    int
	recordAt   int  // record asked for
	lastSent   bool // the last record has been asked for
	resumed    bool
	signedLast bool // of Resume: the signature itself stands in the last record
	probe      Probe
	seen       Seen
	pause      state // stTransit or stIdentified: where Ask was called
	reply      Reply

	cmd, dolData []byte // command being sent
	arena        []byte // the card's answers
	repeated     []byte // what the card answered to the READ RECORD of a Probe
	replied      []byte // what it answered to Ask
	static       []byte
	signed       []byte // terminal data of the dynamic signature
	certs        oda.CardData
	pdolRaw      []byte // the PDOL that pdol was parsed from, kept between taps
	pdol         tlv.DOL
	value        func(tlv.Tag) []byte
	scratch      [6]byte
}

// New makes a machine for a configuration; Reset prepares each transaction.
func New(cfg *Config) (*Machine, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("make kernel: %w", err)
	}
	m := &Machine{cfg: cfg, arena: make([]byte, 0, 2048), cmd: make([]byte, 0, 262)}
	m.value = m.terminalValue
	return m, nil
}

// Reset forgets the last transaction and prepares the next. The error is
// money.ErrRange if the amount does not fit tag 9F02.
func (m *Machine) Reset(in Input) error {
	amount, err := in.Amount.N12()
	if err != nil {
		return fmt.Errorf("prepare transaction: amount 9F02: %w", err)
	}
	m.clear()
	m.in = in
	d := &m.data
	d.Amount, d.time = in.Amount, in.Time
	d.Sent.Amount, d.Sent.Country, d.Sent.Currency = amount, m.cfg.Country, m.cfg.Currency
	d.Sent.Date, d.Sent.Type, d.Sent.UN = txn.DateBCD(in.Time), in.Type, in.UN
	return nil
}

func (m *Machine) clear() {
	m.data = Data{}
	m.out = Outcome{Data: &m.data}
	m.state, m.candidateN, m.next, m.recordN, m.recordAt = stIdle, 0, 0, 0, 0
	m.lastSent, m.resumed, m.signedLast, m.probe, m.seen = false, false, false, Probe{}, Seen{}
	m.arena, m.static = m.arena[:0], m.static[:0]
}

// Data is what is known of the card so far; complete enough for a decision once
// Ready.Identified was seen.
func (m *Machine) Data() *Data { return &m.data }

// LastSent says that the last record has been asked for: from now on, and until
// an answer comes, the card may have paid or not.
func (m *Machine) LastSent() bool { return m.lastSent }

// Identified says that the card has told who it is in the running transaction.
func (m *Machine) Identified() bool { return m.out.Identified }

// Step takes an event and says what to do next.
func (m *Machine) Step(ev Event) Ready {
	switch {
	case m.state == stDone:
		return Ready{Outcome: &m.out}
	case m.state == stProbed:
		return Ready{Probe: &m.probe}
	case ev.Kind == CardLeft:
		return m.left()
	}
	switch m.state {
	case stIdle:
		m.expect(ev, Start)
		return m.start()
	case stIdentified:
		if ev.Kind == Stop {
			return m.end(Stopped, NotCommitted, txn.LeftBeforeLast, Fault{})
		}
		m.expect(ev, Continue)
		return m.readNext()
	case stTransit:
		m.expect(ev, Stop)
		return m.end(Stopped, NotCommitted, txn.NoDoubt, Fault{})
	case stRemove:
		m.expect(ev, CardRemoved)
		return m.finish()
	}
	m.expect(ev, Answer)
	return m.answered(ev.Data)
}

func (m *Machine) expect(ev Event, want EventKind) {
	if ev.Kind != want {
		panic(fmt.Sprintf("kernel: event %d in state %q, want %d: the host did not do what Ready asked for", ev.Kind, stateNames[m.state], want))
	}
}

// answered copies the card's answer and hands it to the phase that waits for it.
func (m *Machine) answered(b []byte) Ready {
	data, sw, err := apdu.ParseResponse(b)
	if err != nil {
		return m.unusable(Fault{Code: BadAnswer})
	}
	if m.state == stAsk {
		return m.told(data, sw)
	}
	if len(m.arena)+len(data) > maxAnswers {
		return m.unusable(Fault{Code: TooMuchData})
	}
	at := len(m.arena)
	m.arena = append(m.arena, data...)
	data = m.arena[at:len(m.arena):len(m.arena)]
	switch m.state {
	case stPPSE:
		return m.directory(data, sw)
	case stSelect:
		return m.selected(data, sw)
	case stGPO:
		return m.options(data, sw)
	case stRecord:
		return m.record(data, sw)
	case stStripe:
		return m.stripeRecord(data, sw)
	case stProbeSelect, stProbeRecord, stProbeProve, stProbeATC, stProbeBalance:
		return m.probed(data, sw)
	}
	panic("kernel: an answer in state " + stateNames[m.state])
}

// unusable ends the transaction for an answer that cannot be worked with.
func (m *Machine) unusable(f Fault) Ready {
	switch {
	case m.asking():
		return m.probeEnd(f)
	case !m.out.Identified:
		return m.end(Failed, NotCommitted, txn.NoDoubt, f)
	case m.lastSent:
		// The card did something else than answer 9000: it may have paid all the
		// same, so nothing is claimed.
		return m.end(Failed, CommitUnknown, txn.LastAnswerLost, f)
	}
	return m.end(Failed, NotCommitted, txn.MissingCardData, f)
}

// asking says that a card is being asked who it is, outside any transaction.
func (m *Machine) asking() bool { return m.state >= stProbeSelect && m.state <= stProbeBalance }

// left ends the transaction of a card that has gone.
func (m *Machine) left() Ready {
	switch {
	case m.state == stRemove:
		return m.finish()
	case m.asking():
		m.probe.Left = true
		return m.probeEnd(Fault{})
	case m.lastSent:
		return m.end(Torn, CommitUnknown, txn.LastAnswerLost, Fault{})
	case m.out.Identified:
		return m.end(Torn, NotCommitted, txn.LeftBeforeLast, Fault{})
	}
	return m.end(Torn, NotCommitted, txn.NoDoubt, Fault{})
}

func (m *Machine) end(r Result, c Commit, reason txn.DoubtReason, f Fault) Ready {
	m.state = stDone
	m.out.Result, m.out.Commit, m.out.Reason, m.out.Fault = r, c, reason, f
	if m.out.Identified && m.out.TSI[0]&tsi1ODA == 0 {
		m.out.TVR[0] |= tvr1NoODA
	}
	return Ready{Outcome: &m.out}
}

// send builds the command for the next state. The lengths are the kernel's own,
// so a refusal by apdu is impossible.
func (m *Machine) send(next state, c apdu.Command) Ready {
	b, err := c.Append(m.cmd[:0])
	if err != nil {
		panic("kernel: built an impossible command: " + err.Error())
	}
	m.cmd, m.state = b, next
	return Ready{Send: b}
}

// oneYuan is the amount of a status check.
const oneYuan money.Fen = 100
