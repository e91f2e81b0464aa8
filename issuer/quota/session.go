package quota

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// Step is how far a session has come. Numbers are for ever.
type Step uint8

// The steps; each is one list of pending commands.
const (
	StepLook  Step = 1 // SELECT of the domain, its counter
	StepOpen  Step = 2 // SELECT, INITIALIZE UPDATE and, if its answer is known, all the rest
	StepPush  Step = 3 // EXTERNAL AUTHENTICATE, SELECT of the application, the push
	StepPlain Step = 4 // SELECT of the application and the push: no domain
	StepOver  Step = 5
)

// Reached says how far a push has come when its session is over. Numbers are for ever.
type Reached uint8

// The results.
const (
	NotReached Reached = 1 // a command before the push failed; Session.Status says how
	Unanswered Reached = 2 // the push may have been executed: send the same bytes again
	Answered   Reached = 3 // Session.Status is the card's answer, for Machine.Answered
)

// Session carries one push to the card as lists of pending commands, between which the
// client (an app of the phone, a reader) may go away for as long as it likes. It is a
// value: store it as JSON under Card, and go on with it anywhere. Nothing in it is secret.
type Session struct {
	Card      txn.CardKey `json:"-"`
	Target    Target
	Challenge [8]byte // host challenge: random, never used before
	PushATC   uint16
	Push      []byte
	Step      Step
	// Counter is the domain's sequence counter, if HasCounter.
	Counter    uint32
	HasCounter bool
	// Opened is the data of the answer to INITIALIZE UPDATE.
	Opened  []byte
	Reached Reached
	Status  apdu.SW
}

// Pending is a command that waits for the client.
type Pending struct {
	Name    string
	Command []byte
	// Optional: the client goes on whatever the answer. All others end the list unless the
	// answer is 9000.
	Optional bool
}

// Errors of a session.
var (
	// ErrOver says that the session has come to its end.
	ErrOver = errors.New("the push session is over")
	// ErrAnswers says that the client has sent more answers than there were commands, or
	// went on after a refusal.
	ErrAnswers = errors.New("answers do not belong to the pending commands")
	// ErrProof says that what answered is not the issuer's card, whatever it said.
	ErrProof = errors.New("the card did not prove itself")
)

// NewSession begins a session for a push of the service (Service.Outgoing).
func NewSession(card txn.CardKey, t *Target, challenge [8]byte, p *Push) Session {
	s := Session{Card: card, Target: *t, Challenge: challenge, PushATC: p.ATC, Push: bytes.Clone(p.Command), Step: StepLook}
	if len(t.Domain) == 0 {
		s.Step = StepPlain
	}
	return s
}

// NamePush is the name of the pending command that is the push itself.
const NamePush = "PUSH PUT DATA"

// Names of the other pending commands.
const (
	nameSelect       = "SELECT"
	nameCounter      = "GET DATA C1"
	nameInitialize   = "INITIALIZE UPDATE"
	nameAuthenticate = "EXTERNAL AUTHENTICATE"
)

// tagSequence is the sequence counter of a security domain's first key set (GP Card
// Specification 2.2, table H-1 of GET DATA).
const tagSequence = 0xC1

// Pending gives the commands of this step, for the client to send in order. Asked twice it
// gives the same. The error is ErrOver, ErrProof, or that of Domains.
func (s *Session) Pending(d Domains) ([]Pending, error) {
	switch s.Step {
	case StepLook:
		return pending(nil,
			step{nameSelect, selectName(s.Target.Domain)},
			step{nameCounter, apdu.Command{CLA: 0x80, INS: 0xCA, P2: tagSequence, Le: apdu.MaxShortLe}})
	case StepOpen:
		list, err := pending(nil, step{nameSelect, selectName(s.Target.Domain)},
			step{nameInitialize, apdu.Command{CLA: 0x80, INS: 0x50, P1: s.Target.KeyVersion, Data: s.Challenge[:], Le: apdu.MaxShortLe}})
		if err != nil {
			return nil, err
		}
		if answer, ok := s.foreseen(d); ok {
			return s.last(list, d, answer)
		}
		return list, nil
	case StepPush:
		return s.last(nil, d, s.Opened)
	case StepPlain:
		list, err := pending(nil, step{nameSelect, selectName(s.Target.Application)})
		return append(list, Pending{Name: NamePush, Command: s.Push}), err
	}
	return nil, fmt.Errorf("push %d to %v: %w", s.PushATC, s.Card, ErrOver)
}

type step struct {
	name    string
	command apdu.Command
}

func selectName(aid []byte) apdu.Command {
	return apdu.Command{INS: 0xA4, P1: 0x04, Data: aid, Le: apdu.MaxShortLe}
}

func pending(list []Pending, steps ...step) ([]Pending, error) {
	for _, x := range steps {
		b, err := x.command.Append(nil)
		if err != nil {
			return nil, fmt.Errorf("pending command %s: %w", x.name, err)
		}
		list = append(list, Pending{Name: x.name, Command: b, Optional: x.name == nameCounter})
	}
	return list, nil
}

// foreseen gives what the card will answer to INITIALIZE UPDATE, if that can be known.
func (s *Session) foreseen(d Domains) ([]byte, bool) {
	if !s.HasCounter {
		return nil, false
	}
	answer, err := d.Foresee(s.Card, &s.Target, s.Challenge, s.Counter)
	return answer, err == nil
}

// last are the commands after INITIALIZE UPDATE with that answer. SELECT of another
// application ends the channel: it has proved the card, the push has a MAC of its own.
func (s *Session) last(list []Pending, d Domains, answer []byte) ([]Pending, error) {
	external, err := d.Open(s.Card, &s.Target, s.Challenge, answer)
	if err != nil {
		return nil, fmt.Errorf("open channel to %v: %w: %w", s.Card, ErrProof, err)
	}
	steps := []step{{nameAuthenticate, external}, {nameSelect, selectName(s.Target.Application)}}
	if bytes.Equal(s.Target.Domain, s.Target.Application) {
		steps = steps[:1]
	}
	list, err = pending(list, steps...)
	return append(list, Pending{Name: NamePush, Command: s.Push}), err
}

// Feed takes the answers to the pending commands, with status words, in their order; fewer
// than there were commands if the client stopped or was cut off. The session goes on to
// the next step or is over. An error leaves it over: ErrAnswers, ErrProof, or that of a
// malformed answer; whether the push was executed is then not known (Unanswered) if it was
// among the commands.
func (s *Session) Feed(d Domains, answers [][]byte) error {
	list, err := s.Pending(d)
	if err != nil {
		return err
	}
	at := s.Step
	s.Step, s.Reached, s.Status = StepOver, NotReached, 0
	holdsPush := list[len(list)-1].Name == NamePush
	if holdsPush {
		s.Reached = Unanswered
	}
	if len(answers) > len(list) {
		return fmt.Errorf("%d answers to %d commands: %w", len(answers), len(list), ErrAnswers)
	}
	stopped := false
	for i, b := range answers {
		data, sw, err := apdu.ParseResponse(b)
		switch {
		case err != nil:
			return fmt.Errorf("answer to %s: %w", list[i].Name, err)
		case stopped:
			return fmt.Errorf("answer to %s after a refusal: %w", list[i].Name, ErrAnswers)
		}
		s.Status = sw
		if err := s.take(d, at, list[i].Name, data, sw); err != nil {
			return fmt.Errorf("answer to %s: %w", list[i].Name, err)
		}
		stopped = sw != apdu.SWOK && !list[i].Optional
	}
	switch {
	case stopped && s.Reached != Answered:
		s.Reached = NotReached
	case !stopped && len(answers) == len(list) && !holdsPush:
		s.Reached, s.Status = 0, 0
		s.Step = StepPush
		if at == StepLook {
			s.Step = StepOpen
		}
	}
	return nil
}

// take keeps what an answer says. A genuine card whose answer to INITIALIZE UPDATE is not
// the foreseen one (its counter has gone on) will refuse EXTERNAL AUTHENTICATE.
func (s *Session) take(d Domains, at Step, name string, data []byte, sw apdu.SW) error {
	switch {
	case name == NamePush:
		s.Reached = Answered // INITIALIZE UPDATE came before, and was proved
	case sw != apdu.SWOK:
	case name == nameCounter:
		s.Counter, s.HasCounter = counterIn(data)
	case name == nameInitialize:
		if _, err := d.Open(s.Card, &s.Target, s.Challenge, data); err != nil {
			return fmt.Errorf("%w: %w", ErrProof, err)
		}
		s.Opened = bytes.Clone(data)
	case name == nameSelect && at == StepLook:
		if v, ok := tlv.Find(data, tlv.TagFCITemplate, 0xA5, tagSequence); ok && len(v) > 0 && len(v) <= 3 {
			s.Counter, s.HasCounter = number(v), true
		}
	}
	return nil
}

// counterIn reads C1 02 or 03 and the counter.
func counterIn(data []byte) (uint32, bool) {
	v, ok := tlv.Find(data, tagSequence)
	if !ok || len(v) != 2 && len(v) != 3 {
		return 0, false
	}
	return number(v), true
}

func number(b []byte) (n uint32) {
	for _, c := range b {
		n = n<<8 | uint32(c)
	}
	return n
}
