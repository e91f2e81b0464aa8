package kernel_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/wire/apdu"
)

// transitProfiles are those of cards that carry their journeys.
var transitProfiles = []string{"dev-transit-sm", "dev-transit-3des", "dev-quota", "transit-sm", "transit-3des", "quota-sm", "quota-3des"}

func transitStage(t testing.TB) *stage {
	t.Helper()
	s := newStage(t)
	s.config.Transit = true
	s.install()
	return s
}

func fare() *journey { return &journey{amount: 400, df60: 1, id: metroID, note: "exit", trip: true} }

// TestCommandsOfAJourney: an exit with the extension takes nine commands: directory,
// application, READ CAPP DATA, processing options, two records written and three read. A
// Probe takes five.
func TestCommandsOfAJourney(t *testing.T) {
	for _, profile := range transitProfiles {
		s := transitStage(t)
		p := s.issue("card", profile, 5000)
		commands := 0
		log := func([]byte, []byte) { commands++ }
		out := s.tap(p, kernel.Input{}, conversation{journey: fare(), log: log})
		if out.Result != kernel.Approved || !out.CADChecked || commands != 9 {
			t.Errorf("%s: %v, %v after %d commands", profile, out.Result, out.Fault, commands)
		}
		if out := s.tap(p, kernel.Input{}, conversation{journey: fare(), lost: 9}); out.Result != kernel.Torn || s.torn == nil {
			t.Fatalf("%s: %v", profile, out.Result)
		}
		commands = 0
		probe := s.probe(p, conversation{log: log})
		if v := probe.Verdict(s.torn); v != kernel.Finishable || probe.ProofOf(s.torn) != kernel.ProofCommitted || commands != 5 {
			t.Errorf("%s: %v, %v after %d commands", profile, v, probe.ProofOf(s.torn), commands)
		}
		if out := s.kernel.Resume(s.torn).Outcome; out.Result != kernel.Approved || !out.CADChecked {
			t.Errorf("%s: resumed %v, %v", profile, out.Result, out.Fault)
		}
		if state := p.chip.Inspect(); state.Balance != 5000-2*400 {
			t.Errorf("%s: the card has %v yuan", profile, state.Balance)
		}
	}
}

// recorded is an exit with the answers of a real card, and the commands of the host.
type recorded struct {
	answers [][]byte
	asked   []apdu.Command
}

func record(s *stage, profile string) recorded {
	s.t.Helper()
	var r recorded
	out := s.tap(s.issue("card", profile, 5000), kernel.Input{}, conversation{journey: fare(), log: func(cmd, answer []byte) {
		r.answers = append(r.answers, answer)
		if cmd[1] == 0xB4 || cmd[1] == 0xDE {
			c, err := apdu.ParseCommand(slices.Clone(cmd))
			check(s.t, err)
			r.asked = append(r.asked, c)
		}
	}})
	if out.Result != kernel.Approved {
		s.t.Fatal(out.Fault)
	}
	return r
}

func (rec *recorded) replay(m *kernel.Machine) *kernel.Outcome {
	answers, asked := rec.answers, rec.asked
	r := m.Step(kernel.Event{Kind: kernel.Start})
	for r.Outcome == nil {
		switch {
		case r.Transit, r.Identified, r.Reply != nil && m.Identified() && len(asked) > 0:
			r, asked = m.Ask(asked[0]), asked[1:]
		case r.Reply != nil && m.Identified():
			r = m.Step(kernel.Event{Kind: kernel.Continue})
		case r.Reply != nil:
			r = m.Trade(400, 1)
		case r.RemoveCard:
			r = m.Step(kernel.Event{Kind: kernel.CardRemoved})
		default:
			r = m.Step(kernel.Answered(answers[0]))
			answers = answers[1:]
		}
	}
	return r.Outcome
}

// TestJourneyDoesNotAllocate, signatures aside.
func TestJourneyDoesNotAllocate(t *testing.T) {
	s := transitStage(t)
	rec := record(s, "transit-sm")
	s.config.Verify = trusting{}
	s.install()
	n := testing.AllocsPerRun(50, func() {
		check(t, s.kernel.Reset(kernel.Input{Time: stageTime}))
		if out := rec.replay(s.kernel); out.Result != kernel.Approved {
			t.Fatal(out.Fault)
		}
	})
	if n > 0 {
		t.Errorf("%v allocations an exit", n)
	}
}

// BenchmarkJourney is an exit at a card that carries its journeys, both sides: chip and
// kernel, signature made and checked, and the codes of the terminal's security module.
func BenchmarkJourney(b *testing.B) {
	for _, profile := range []string{"transit-sm", "transit-3des"} {
		b.Run(profile, func(b *testing.B) {
			s := transitStage(b)
			p := s.issue("card", profile, 50000)
			rng := rand.NewChaCha8([32]byte{})
			j := fare()
			b.ReportAllocs()
			for b.Loop() {
				*j = journey{amount: 1, df60: 1, id: metroID, note: "exit", trip: true, writes: j.writes[:0]}
				check(b, p.chip.PowerOn(rng))
				check(b, s.kernel.Reset(kernel.Input{Time: stageTime, UN: [4]byte{1, 2, 3, 4}}))
				r := s.kernel.Step(kernel.Event{Kind: kernel.Start})
				for r.Outcome == nil {
					switch {
					case r.Send != nil:
						answer, err := p.chip.Transmit(nil, r.Send)
						check(b, err)
						r = s.kernel.Step(kernel.Answered(answer))
					case r.RemoveCard:
						p.chip.PowerOff()
						r = s.kernel.Step(kernel.Event{Kind: kernel.CardRemoved})
					default:
						r = s.travel(p, j, r)
					}
				}
				if r.Outcome.Result != kernel.Approved {
					b.Fatal(r.Outcome.Fault)
				}
			}
		})
	}
}

// FuzzJourney lets somebody stand between a card that carries its journeys and the
// kernel. The kernel never panics and always ends, never approves unless the card has
// paid, and never says that nothing was paid when it has, unless the file locator was
// changed.
func FuzzJourney(f *testing.F) {
	f.Add([]byte{}, byte(0), byte(1))
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0x60, 20, 1}, byte(1), byte(1))
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0xD0, 0, 0}, byte(2), byte(1))
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0, 0, 0, 0xB0, 0, 1}, byte(0), byte(2))
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xD0, 0, 0}, byte(3), byte(2))
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xD0, 0, 0}, byte(0), byte(1))
	s := transitStage(f)
	s.config.RequireFDDA01 = true
	s.install()
	f.Fuzz(func(t *testing.T, script []byte, which, df60 byte) {
		s.t = t
		s.torn, s.cards = nil, map[string]*player{}
		p := s.issue("card", transitProfiles[int(which)%len(transitProfiles)], 5000)
		before := p.chip.Inspect()
		options := false // the answer to GET PROCESSING OPTIONS was changed
		p.meddle = func(cmd, answer []byte) []byte {
			original := string(answer)
			answer, script = mutation(script, answer)
			options = options || cmd[1] == 0xA8 && string(answer) != original
			return answer
		}
		j := fare()
		j.df60 = df60 % 4
		out := s.tap(p, kernel.Input{Amount: 400}, conversation{journey: j})
		after := p.chip.Inspect()
		paid := after.LastATC != before.LastATC
		switch {
		case out.Result == kernel.Approved && (!paid || !out.CADChecked || out.Commit != kernel.Committed || out.Data.ATC != after.LastATC):
			t.Fatalf("approved, but the card has not paid: %+v", out)
		case out.Commit == kernel.NotCommitted && paid && !options:
			t.Fatalf("%v, but the card has paid", out.Commit)
		case out.Reason != 0 && !out.Identified, out.Result == 0:
			t.Fatalf("an outcome that is none: %+v", out)
		}
		if s.torn == nil {
			return
		}
		probe := s.probe(p, conversation{})
		if probe.ProofOf(s.torn) == kernel.ProofCommitted && s.torn.DF60 == 0 {
			t.Fatal("proof of a payment without the extension")
		}
		if out := s.kernel.Resume(s.torn).Outcome; out.Result == kernel.Approved && (!paid || !out.CADChecked) {
			t.Fatalf("finished, but the card has not paid: %+v", out)
		}
	})
}
