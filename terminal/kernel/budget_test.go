package kernel_test

import (
	"testing"

	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/wire/apdu"
)

// TestCommandsOfAPurchase: a plain qPBOC purchase takes at most 7 commands, whatever
// card of ours; one that carries signed static data beside them for terminals over
// the contacts takes one more where it is read over RSA. A Probe takes 4.
func TestCommandsOfAPurchase(t *testing.T) {
	for _, c := range []struct {
		profile         string
		sm              bool
		commands, bytes int // at most; bytes both ways, status words included
	}{
		{"sm", true, 7, 1000}, {"3des", true, 7, 1100}, {"dev-sm", true, 7, 1150}, {"dev-3des", true, 8, 1350},
		{"dev-dual", true, 7, 1150}, {"dev-dual", false, 8, 1350}, {"dev-full", true, 7, 1150}, {"dev-full", false, 8, 1350},
	} {
		s := newStage(t)
		s.config.SM = c.sm
		s.install()
		p := s.issue("card", c.profile, 10000)
		commands, bytes := 0, 0
		count := conversation{log: func(cmd, answer []byte) { commands, bytes = commands+1, bytes+len(cmd)+len(answer) }}
		out := s.tap(p, kernel.Input{Amount: 400}, count)
		if out.Result != kernel.Approved || commands > c.commands || bytes > c.bytes {
			t.Errorf("%s: %v after %d commands and %d bytes, want at most %d and %d", c.profile, out.Result, commands, bytes, c.commands, c.bytes)
		}
		last := conversation{lost: commands}
		if out := s.tap(p, kernel.Input{Amount: 400}, last); out.Result != kernel.Torn || s.torn == nil {
			t.Fatalf("%s: %v", c.profile, out.Result)
		}
		commands = 0
		if v := s.probe(p, count).Verdict(s.torn); v != kernel.Finishable || commands != 4 {
			t.Errorf("%s: %v after %d commands", c.profile, v, commands)
		}
		if out := s.kernel.Resume(s.torn).Outcome; out.Result != kernel.Approved || !out.CADChecked {
			t.Errorf("%s: resumed %v, %v", c.profile, out.Result, out.Fault)
		}
	}
}

// trusting is a Verifier that finds every signature good, for measuring the rest.
type trusting struct{}

func (trusting) Verify(*oda.CardData, []byte, uint16, []byte, oda.Month) oda.Result {
	return oda.Result{Reason: oda.OK}
}

// BenchmarkKernelAlone is a purchase without the card and without signatures: the
// answers are those of a real card, played again.
func BenchmarkKernelAlone(b *testing.B) {
	for _, profile := range []string{"sm", "3des"} {
		b.Run(profile, func(b *testing.B) {
			s := newStage(b)
			var answers [][]byte
			out := s.tap(s.issue("card", profile, 10000), kernel.Input{Amount: 400}, conversation{log: func(_, answer []byte) {
				answers = append(answers, answer)
			}})
			if out.Result != kernel.Approved {
				b.Fatal(out.Fault)
			}
			s.config.Verify = trusting{}
			s.install()
			in := kernel.Input{Amount: 400, UN: [4]byte{1, 2, 3, 4}, Time: stageTime}
			b.ReportAllocs()
			for b.Loop() {
				if err := s.kernel.Reset(in); err != nil {
					b.Fatal(err)
				}
				if out := replay(s.kernel, answers); out.Result != kernel.Approved {
					b.Fatal(out.Fault)
				}
			}
		})
	}
}

func replay(m *kernel.Machine, answers [][]byte) *kernel.Outcome {
	r := m.Step(kernel.Event{Kind: kernel.Start})
	for r.Outcome == nil {
		switch {
		case r.Identified:
			r = m.Step(kernel.Event{Kind: kernel.Continue})
		case r.RemoveCard:
			r = m.Step(kernel.Event{Kind: kernel.CardRemoved})
		default:
			r = m.Step(kernel.Answered(answers[0]))
			answers = answers[1:]
		}
	}
	return r.Outcome
}

// TestKernelAloneDoesNotAllocate, signatures aside.
func TestKernelAloneDoesNotAllocate(t *testing.T) {
	s := newStage(t)
	var answers [][]byte
	s.tap(s.issue("card", "sm", 10000), kernel.Input{Amount: 400}, conversation{log: func(_, answer []byte) { answers = append(answers, answer) }})
	s.config.Verify = trusting{}
	s.install()
	n := testing.AllocsPerRun(50, func() {
		check(t, s.kernel.Reset(kernel.Input{Amount: 400, Time: stageTime}))
		if out := replay(s.kernel, answers); out.Result != kernel.Approved {
			t.Fatal(out.Fault)
		}
	})
	if n > 0 {
		t.Errorf("%v allocations a tap", n)
	}
}

// mutation changes an answer as a byte string says: the first byte what, the others
// how. It returns what is left of the script.
func mutation(script, answer []byte) (changed, rest []byte) {
	if len(script) < 3 {
		return answer, nil
	}
	what, a, b, rest := script[0], int(script[1]), script[2], script[3:]
	at := 0
	if len(answer) > 0 {
		at = a % len(answer)
	}
	switch {
	case what < 0x60 || len(answer) == 0:
		return answer, rest // as the card gave it
	case what < 0x90:
		answer[at] ^= b | 1
		return answer, rest
	case what < 0xA0:
		return answer[:at], rest
	case what < 0xB0:
		return append(append(answer[:at:at], b, b), answer[at:]...), rest
	case what < 0xC0:
		sw := [...]apdu.SW{0x6283, 0x6985, 0x6A82, 0x6A83, 0x6D00, 0x9000, 0x6581, 0x61FF}[b%8]
		n := len(answer) - 2
		return append(answer[:n:n], byte(sw>>8), byte(sw)), rest
	case what < 0xD0:
		n := min(a, len(rest))
		return rest[:n], rest[n:]
	case what < 0xD4:
		return nil, rest // the card leaves
	}
	return answer, rest
}

// FuzzMachine lets somebody stand between a real card and the kernel and change
// answers as he likes. The kernel never panics and always ends. It never approves
// unless the card has really paid for this counter; and it never says that nothing was
// paid when the card has paid, unless the file locator itself was changed.
func FuzzMachine(f *testing.F) {
	f.Add([]byte{}, byte(0x28), byte(0))
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0x60, 20, 1}, byte(0x28), byte(1))
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0xB0, 0, 1}, byte(0x26), byte(2))
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0, 0, 0, 0x60, 3, 1}, byte(0x84), byte(2))
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xD0, 0, 0, 0, 0, 0, 0, 0, 0, 0xD0, 0, 0}, byte(0x36), byte(0))
	s := newStage(f)
	base := s.config
	f.Fuzz(func(t *testing.T, script []byte, ttq, which byte) {
		s.t = t
		s.config = base
		s.config.TTQ[0] = ttq
		s.config.RequireFDDA01 = true
		if s.config.Validate() != nil {
			return
		}
		s.install()
		s.torn, s.cards = nil, map[string]*player{}
		p := s.issue("card", []string{"sm", "3des", "dev-full"}[which%3], 10000)
		before := p.chip.Inspect().Balance
		options := false // the answer to GET PROCESSING OPTIONS was changed
		p.meddle = func(cmd, answer []byte) []byte {
			original := string(answer)
			answer, script = mutation(script, answer)
			options = options || cmd[1] == 0xA8 && string(answer) != original
			return answer
		}
		out := s.tap(p, kernel.Input{Amount: 400}, conversation{})
		paid := p.chip.Inspect().Balance != before
		switch {
		case out.Result == kernel.Approved && (!paid || !out.CADChecked || out.Commit != kernel.Committed || out.Data.ATC != p.chip.Inspect().LastATC):
			t.Fatalf("approved, but the card has not paid: %+v", out)
		case out.Commit == kernel.NotCommitted && paid && !options:
			t.Fatalf("%v, but the card has paid", out.Commit)
		case out.Reason != 0 && !out.Identified, out.Result == 0:
			t.Fatalf("an outcome that is none: %+v", out)
		}
		s.kernel.ICC(nil)
		if s.torn == nil {
			return
		}
		s.probe(p, conversation{})
		if out := s.kernel.Resume(s.torn).Outcome; out.Result == kernel.Approved && (!paid || !out.CADChecked) {
			t.Fatalf("finished, but the card has not paid: %+v", out)
		}
	})
}
