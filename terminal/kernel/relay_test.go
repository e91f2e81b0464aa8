package kernel_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/txn"
)

// relay stands between the terminal and a real card. It changes, keeps and repeats
// commands and answers, and gives answers of its own, at random.
type relay struct {
	rand    *rand.Rand
	chip    *player
	heard   [][]byte // answers of this card, of all taps
	rate    int      // one exchange in so many is meddled with
	touched bool     // something was lost or altered
	altered bool     // the terminal saw something that the card did not say
}

func (r *relay) transmit(t testing.TB, cmd []byte) []byte {
	answer, how, err := r.chip.door.Transmit(nil, cmd)
	check(t, err)
	if how.Silent {
		return nil
	}
	answer = bytes.Clone(answer)
	r.heard = append(r.heard, answer)
	return answer
}

// exchange gives what the terminal gets to see; nil: the card has left.
func (r *relay) exchange(t testing.TB, cmd []byte) []byte {
	cmd = bytes.Clone(cmd)
	if r.rand.IntN(r.rate) != 0 {
		return r.transmit(t, cmd)
	}
	kind := r.rand.IntN(8)
	r.touched, r.altered = true, r.altered || kind != 3 && kind != 4
	switch kind {
	case 0: // the card does not hear it, the terminal gets an old answer
		if len(r.heard) > 0 {
			return r.heard[r.rand.IntN(len(r.heard))]
		}
		return nil
	case 1: // another command than the terminal's
		if len(cmd) > 5 {
			cmd[5+r.rand.IntN(len(cmd)-5)] ^= 1 << r.rand.IntN(8)
		}
		return r.transmit(t, cmd)
	case 2: // 9F66 without byte 4 bit 8
		if cmd[1] == 0xA8 {
			cmd[10] = 0
		}
		return r.transmit(t, cmd)
	case 3: // the answer is lost
		r.transmit(t, cmd)
		return nil
	case 4: // the command is lost
		return nil
	case 5: // another status word
		answer := r.transmit(t, cmd)
		if len(answer) >= 2 {
			copy(answer[len(answer)-2:], [][]byte{{0x90, 0x00}, {0x69, 0x85}, {0x62, 0x83}, {0x6A, 0x82}}[r.rand.IntN(4)])
		}
		return answer
	case 6: // a record of nothing
		return []byte{0x70, 0x00, 0x90, 0x00}
	}
	answer := r.transmit(t, cmd)
	if len(answer) > 0 {
		answer[r.rand.IntN(len(answer))] ^= 1 << r.rand.IntN(8)
	}
	return answer
}

// run plays one stay in the field to its end.
func (r *relay) run(s *stage, ready kernel.Ready) kernel.Ready {
	defer r.chip.chip.PowerOff()
	for steps := 0; ready.Outcome == nil && ready.Probe == nil; steps++ {
		switch {
		case steps > 100:
			s.t.Fatal("the conversation does not end")
		case ready.Identified:
			ready = s.kernel.Step(kernel.Event{Kind: kernel.Continue})
		case ready.RemoveCard:
			ready = s.kernel.Step(kernel.Event{Kind: kernel.CardRemoved})
		default:
			answer := r.exchange(s.t, ready.Send)
			if answer == nil {
				ready = s.kernel.Step(kernel.Event{Kind: kernel.CardLeft})
			} else {
				ready = s.kernel.Step(kernel.Answered(answer))
			}
		}
	}
	return ready
}

// TestRelayNeverWins: whatever a relay does to a real card, what is approved was paid,
// what is said to be unpaid was not, and a torn payment is finished only if there was
// one. One Machine serves all taps, so nothing of one card may help the next.
func TestRelayNeverWins(t *testing.T) {
	const amount money.Fen = 10
	s := newStage(t)
	s.config.RequireFDDA01 = true
	s.install()
	approved, finished, tornPaid, altered := 0, 0, 0, false
	for round := range 3000 {
		profile := []string{"sm", "3des", "dev-sm", "dev-dual"}[round%4]
		name := fmt.Sprint(profile, round/1000)
		if s.cards[name] == nil {
			s.issue(name, profile, 100000)
		}
		p := s.cards[name]
		r := &relay{rand: rand.New(rand.NewPCG(uint64(round), 1)), chip: p, rate: 6}
		balance := func() money.Fen { return p.chip.Inspect().Balance }
		before := balance()
		s.hold(p)
		in := kernel.Input{Amount: amount, Time: stageTime, UN: [4]byte{byte(round), byte(round >> 8), 1, 2}}
		check(t, s.kernel.Reset(in))
		out := r.run(s, s.kernel.Step(kernel.Event{Kind: kernel.Start})).Outcome
		paid := before - balance()
		switch {
		case out.Result == kernel.Approved && (paid != amount || out.Data.Amount != amount || !out.CADChecked):
			t.Fatalf("round %d: approved, and the card paid %v", round, paid)
		case out.Commit == kernel.Committed && paid != amount:
			t.Fatalf("round %d: %v, %v, and the card paid %v", round, out.Result, out.Commit, paid)
		case out.Commit == kernel.NotCommitted && paid != 0:
			t.Fatalf("round %d: %v, %v, and the card paid %v", round, out.Result, out.Fault, paid)
		case out.Identified && out.Result != kernel.Approved && out.Reason == txn.NoDoubt:
			t.Fatalf("round %d: %v leaves no reason for its row", round, out.Result)
		case !r.touched && out.Result != kernel.Approved:
			t.Fatalf("round %d: an honest tap: %v, %v", round, out.Result, out.Fault)
		}
		if out.Result == kernel.Approved {
			approved++
		}
		if out.Reason != txn.LastAnswerLost {
			continue
		}
		s.torn, altered = out.Data.Clone(), r.altered
		for range 3 {
			s.hold(p)
			r.touched = false
			probe := *r.run(s, s.kernel.Probe(s.torn)).Probe
			verdict := probe.Verdict(s.torn)
			if verdict == kernel.Finishable {
				out = s.kernel.Resume(s.torn).Outcome
			}
			done := verdict == kernel.Finishable && out.Result == kernel.Approved
			switch {
			case done && (paid != amount || out.Data.ATC != s.torn.ATC):
				t.Fatalf("round %d: finished a payment of %v", round, paid)
			case !r.touched && !altered && paid == amount && !done:
				t.Fatalf("round %d: the card repeats its record, verdict %v, %v", round, verdict, out.Fault)
			case !r.touched && !altered && paid == 0 && verdict != kernel.LooksUnpaid:
				t.Fatalf("round %d: not paid, verdict %v", round, verdict)
			}
			if paid == amount {
				tornPaid++
			}
			if done {
				finished++
			}
		}
	}
	if approved < 500 || finished < 100 || finished == tornPaid {
		t.Errorf("%d approved, %d of %d torn payments finished: the relay does not try much", approved, finished, tornPaid)
	}
}
