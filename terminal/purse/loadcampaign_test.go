package purse_test

import (
	"math/rand/v2"
	"testing"

	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/crypt/epurse"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/terminal/purse"
)

// TestLoadCampaign plays loads and unloads with no, one or two faults each, in the second
// half with a relay that changes or replays what the card answers. Card and account never
// hold more together than they held, and as much when an honest card has come back.
func TestLoadCampaign(t *testing.T) {
	const total = 205000
	for _, hostile := range []bool{false, true} {
		seen := map[purse.Verdict]int{}
		for seed := range 10 {
			rnd := rand.New(rand.NewPCG(uint64(seed), 2))
			s := newStage(t)
			x := s.issue("card", []string{"dev-tunion", "dev-cityunion"}[seed%2], 5000, nil)
			b := &bank{t: t, account: total - 5000}
			old := map[byte][]byte{}
			var torn *purse.LoadData
			var in *purse.LoadInput
			step := func(f fault, lie int) {
				n, bit, replay := 0, rnd.IntN(256), rnd.IntN(2) == 0
				hear := func(command, answer []byte) {
					if n++; n == lie && len(answer) > 0 {
						if before := old[command[1]]; replay && len(before) == len(answer) {
							copy(answer, before)
							return
						}
						answer[bit/8%len(answer)] ^= 1 << (bit % 8)
						return
					}
					old[command[1]] = append([]byte(nil), answer...)
				}
				if torn == nil {
					in = loadInput(x, money.Fen(1+rnd.IntN(300)), rnd.IntN(3) == 0)
				}
				out, p, _, _ := s.visit(x, b, in, torn, f, hear)
				again := false
				if p != nil {
					seen[p.Verdict]++
					switch {
					case p.Verdict == purse.Unverified && b.done(torn, p.Code):
						torn = nil
					case p.Verdict == purse.Unclear && p.Again != nil && b.genuine(p.Again) && p.Again.Sequence == torn.Request.Sequence+1:
						b.reached(torn)
						torn = nil
					case p.Verdict == purse.NotPaid:
						again = true
					}
				}
				if again {
					out, _, _, _ = s.visit(x, b, in, nil, fault{}, nil)
					if out.Result == kernel.Approved && b.settle(out) {
						torn = nil
					}
					out = nil
				}
				if out != nil && !b.settle(out) {
					torn = &out.Data
				}
				if sum := b.account + money.Fen(x.state().Balance); sum > total {
					t.Fatalf("hostile %v, seed %d: card and account hold %v", hostile, seed, sum)
				}
			}
			for range 60 {
				var f fault
				for range rnd.IntN(3) {
					switch at := 1 + rnd.IntN(5); rnd.IntN(3) {
					case 0:
						f.lost = at
					case 1:
						f.unheard = at
					case 2:
						f.cut, f.tear = 1+rnd.IntN(8), []cos.Tear{cos.TearNone, cos.TearFirst, cos.TearLast}[rnd.IntN(3)]
					}
				}
				lie := 0
				if hostile && rnd.IntN(2) == 0 {
					lie = 1 + rnd.IntN(5)
				}
				step(f, lie)
			}
			for range 3 {
				if torn != nil {
					step(fault{}, 0)
				}
			}
			if sum := b.account + money.Fen(x.state().Balance); !hostile && (torn != nil || sum != total) {
				t.Fatalf("seed %d: in the end card and account hold %v; torn %v", seed, sum, torn != nil)
			}
		}
		if seen[purse.Unverified] == 0 || seen[purse.NotPaid] == 0 {
			t.Errorf("hostile %v: %v", hostile, seen)
		}
	}
}

// reached is what the host does when the card has shown the number after a trade.
func (b *bank) reached(d *purse.LoadData) {
	r := &d.Request
	if r.Trade.Type == epurse.Unload && !b.settled[onlineOf(r)] {
		b.account += b.granted[onlineOf(r)]
	}
	b.settled[onlineOf(r)] = true
}
