package certify

import (
	"fmt"
	"io"
	"slices"

	"github.com/citycard/citycard/wire/apdu"
)

// session is one case on its way. A method that judges ends the case at the first
// fault, as in package testing: what follows would rest on a wrong answer.
type session struct {
	*run
	clause  string
	trace   []rawExchange
	ended   bool
	verdict Outcome
	detail  string
	reason  Text
	atEnd   []func(*session) // put back what the case has changed, each in a reset of its own
	lent    bool             // the balance is the case's own doing and is put back
}

// rawExchange is an exchange before masking.
type rawExchange struct {
	reset        bool
	command      []byte
	answer       []byte
	failed       string // why no answer came
	secretInside bool
}

// end leaves the case.
func (s *session) end() {
	s.ended = true
	panic("certify: end of a case")
}

// fail ends the case with what was expected and what came.
func (s *session) fail(format string, args ...any) {
	s.verdict = Fail
	s.detail = fmt.Sprintf(format, args...) + " (" + s.clause + ")"
	s.end()
}

// skip ends the case because it does not apply to this card.
func (s *session) skip(en, zh string) {
	s.verdict, s.reason = Skip, Text{en, zh}
	s.end()
}

// must fails the case unless ok.
func (s *session) must(ok bool, format string, args ...any) {
	if !ok {
		s.fail(format, args...)
	}
}

// reset resets the card.
func (s *session) reset() error {
	atr, err := s.card.Reset()
	x := rawExchange{reset: true, answer: slices.Clone(atr)}
	if err != nil {
		x.failed, s.mute = err.Error(), true
	}
	s.keep(x)
	return err
}

// again resets the card within a case: what was in its working memory is gone.
func (s *session) again() {
	if err := s.reset(); err != nil {
		s.fail("expected an answer to reset, got none: %v", err)
	}
}

func (s *session) keep(x rawExchange) {
	if len(s.trace) < maxTrace {
		s.trace = append(s.trace, x)
	}
}

// transmit sends one command as it is and splits the answer.
func (s *session) transmit(cmd []byte, secret bool) ([]byte, apdu.SW) {
	out, err := s.card.Transmit(nil, cmd)
	x := rawExchange{command: slices.Clone(cmd), answer: out, secretInside: secret}
	if err != nil {
		x.failed, s.mute = err.Error(), true
	}
	s.keep(x)
	if err != nil {
		s.fail("expected an answer to %s, got none: %v", name(cmd), err)
	}
	data, sw, err := apdu.ParseResponse(out)
	if err != nil {
		s.fail("expected at least a status word in answer to %s, got %X", name(cmd), out)
	}
	s.mask.learn(data)
	return data, sw
}

// name is what a command is called in a text.
func name(cmd []byte) string {
	if c, err := apdu.ParseCommand(cmd); err == nil && c.Name() != "" {
		return fmt.Sprintf("%s %X", c.Name(), cmd[:4])
	}
	return fmt.Sprintf("command %X", cmd[:min(4, len(cmd))])
}

// command is a command in the making: le is apdu.NoLe or 256 nearly always.
func command(cla, ins, p1, p2 byte, data []byte, le int) apdu.Command {
	return apdu.Command{CLA: cla, INS: ins, P1: p1, P2: p2, Data: data, Le: le}
}

// bytesOf encodes a command that this package has made.
func bytesOf(c apdu.Command) []byte {
	b, err := c.Append(nil)
	if err != nil {
		panic("certify: a command that cannot be encoded: " + err.Error())
	}
	return b
}

// send sends a command and fetches with GET RESPONSE what is waiting (61xx).
func (s *session) send(c apdu.Command) ([]byte, apdu.SW) {
	data, sw := s.transmit(bytesOf(c), c.CarriesPIN())
	if le, again := sw.CorrectLe(); again && c.Le == 256 {
		c.Le = le
		data, sw = s.transmit(bytesOf(c), c.CarriesPIN())
	}
	all := slices.Clone(data)
	for range 8 {
		n, more := sw.More()
		if !more {
			break
		}
		if n == 0 {
			n = 256
		}
		data, sw = s.transmit(bytesOf(command(0x00, 0xC0, 0, 0, nil, n)), false)
		all = append(all, data...)
	}
	return all, sw
}

// ok sends a command that must be answered with 9000.
func (s *session) ok(c apdu.Command) []byte {
	data, sw := s.send(c)
	s.mustOK(c, sw)
	return data
}

func (s *session) mustOK(c apdu.Command, sw apdu.SW) {
	s.must(sw == apdu.SWOK, "expected 9000 to %s, got %v (%s)", name(bytesOf(c)), sw, sw.Meaning("en"))
}

// refused sends a command that must be answered with one of the status words, and
// no data.
func (s *session) refused(c apdu.Command, allowed ...apdu.SW) {
	data, sw := s.send(c)
	s.must(slices.Contains(allowed, sw), "expected %v to %s, got %v (%s)", allowed, name(bytesOf(c)), sw, sw.Meaning("en"))
	s.must(len(data) == 0, "expected no data with %v to %s, got %X", sw, name(bytesOf(c)), data)
}

// denied sends a command that must not succeed, however the card says so.
func (s *session) denied(c apdu.Command) apdu.SW {
	_, sw := s.send(c)
	s.must(!sw.OK() && sw>>8 != 0x62, "expected %s to be refused, got %v", name(bytesOf(c)), sw)
	return sw
}

// random gives n bytes of the run's random source.
func (s *session) random(n int) []byte {
	b := make([]byte, n)
	if _, err := io.ReadFull(s.opts.Rand, b); err != nil {
		s.fail("the run's random source failed: %v", err)
	}
	return b
}
