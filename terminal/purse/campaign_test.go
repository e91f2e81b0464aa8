package purse_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/card/psam"
	cardpurse "github.com/citycard/citycard/card/purse"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/terminal/purse"
	"github.com/citycard/citycard/terminal/sam"
	"github.com/citycard/citycard/txn"
)

// holder is a card of the campaign with what is true of it: what its chip has paid where,
// by the chip itself.
type holder struct {
	card      *player
	misnamed  bool // it names purchases for a proof by the other number
	torn      *purse.Data
	tornPaid  bool // what the chip says of it
	here      money.Fen
	elsewhere money.Fen
	counted   money.Fen // what the terminal counted
	rows      map[uint16]bool
	recorded  map[byte][]byte // the card's last answers, by command: what a relay can replay
}

// campaign is one terminal, a shop's till beside it, and an issuer, with an adversary.
type campaign struct {
	t       *testing.T
	rnd     *rand.Rand
	gate    *stage
	shop    *stage
	holders []*holder
	seen    map[string]int
	hostile bool
}

const purseOpening = 1_000_000

func newCampaign(t *testing.T, seed uint64, tac, hostile bool) *campaign {
	c := &campaign{t: t, rnd: rand.New(rand.NewPCG(seed, 1)), seen: map[string]int{}, hostile: hostile}
	c.gate = stageWith(t, func(spec *psam.Spec) {
		if !tac {
			withoutTAC(spec)
		}
	})
	c.shop = newStage(t)
	for i, profile := range []string{"dev-tunion", "tunion", "dev-cityunion", "dev-tunion"} {
		x := c.gate.issueNumber(fmt.Sprint(i), profile, byte(i), purseOpening, func(spec *cardpurse.Spec) {
			spec.ProofBefore = i == 3
			spec.EP.Max = 1 << 30
		})
		c.holders = append(c.holders, &holder{card: x, misnamed: i == 3, rows: map[uint16]bool{}, recorded: map[byte][]byte{}})
	}
	return c
}

// trouble is one fault more.
func (c *campaign) trouble(f *fault) {
	n := 1 + c.rnd.IntN(12)
	tears := []cos.Tear{cos.TearNone, cos.TearFirst, cos.TearLast}
	switch c.rnd.IntN(7) {
	case 0:
		f.lost = n
	case 1:
		f.unheard = n
	case 2:
		f.samLost = 1 + n/2
	case 3:
		f.samCut = 1 + n/2
	case 4:
		f.cut, f.tear = n, tears[c.rnd.IntN(3)]
	case 5:
		f.samWrite, f.tear = 1+n%6, tears[c.rnd.IntN(3)]
	case 6:
		f.opened = true
	}
}

// lie changes an answer of the card on its way: what a relay can do without any key.
func (c *campaign) lie(h *holder, at int) func(n int, command, answer []byte) []byte {
	kind, bit := c.rnd.IntN(9), c.rnd.IntN(2000)
	return func(n int, command, answer []byte) []byte {
		ins := command[1]
		old, known := h.recorded[ins], false
		if n == at {
			out := append([]byte(nil), answer...)
			switch kind {
			case 0:
				out[bit/8%len(out)] ^= 1 << (bit % 8)
			case 1:
				out = []byte{0x61, byte(bit)}
			case 2:
				out = []byte{0x6C, byte(bit)}
			case 3:
				out = []byte{0x94, 0x06}
			case 4:
				out = out[:bit%(len(out)+1)]
			case 5:
				out, known = old, old != nil
			case 6:
				out = append(make([]byte, len(out)-2), 0x90, 0)
			case 7: // the answer of another card to the same command
				out, known = c.holders[bit%len(c.holders)].recorded[ins], c.holders[bit%len(c.holders)].recorded[ins] != nil
			case 8:
				out = []byte{0x90, 0}
			}
			if kind != 5 && kind != 7 || known {
				h.recorded[ins] = append([]byte(nil), answer...)
				return append([]byte{}, out...)
			}
		}
		h.recorded[ins] = append([]byte(nil), answer...)
		return answer
	}
}

// powerFails lets the terminal start anew with what it has stored.
func (c *campaign) powerFails() {
	for _, h := range c.holders {
		if h.torn != nil {
			d, err := purse.DecodeData(h.torn.Append(nil))
			check(c.t, err)
			h.torn = &d
		}
	}
	c.gate.sam = sam.New(sam.Usual)
	c.gate.install(purse.Config{Module: c.gate.sam})
}

// session is one visit of a random card.
func (c *campaign) session() {
	h := c.holders[c.rnd.IntN(len(c.holders))]
	c.gate.now += int64(c.rnd.IntN(3))
	switch c.rnd.IntN(20) {
	case 0:
		c.powerFails()
	case 1, 2:
		before := h.card.state()
		c.shop.now = c.gate.now
		c.shop.tap(h.card, wants{amount: money.Fen(1 + c.rnd.IntN(500)), compound: c.rnd.IntN(2) == 0})
		h.elsewhere += money.Fen(before.Balance - h.card.state().Balance)
		return
	}
	w := wants{amount: money.Fen(c.rnd.IntN(900)), compound: true, mark: byte(c.rnd.IntN(256)), again: true, prove: h.torn}
	if w.amount > 0 && c.rnd.IntN(4) == 0 {
		w.compound = false
	}
	for range c.rnd.IntN(3) {
		c.trouble(&w.fault)
	}
	honest := true
	at := 0
	if c.hostile && c.rnd.IntN(2) == 0 {
		honest, at = false, 1+c.rnd.IntN(11)
	}
	w.change = c.lie(h, at)
	c.judge(h, w, honest)
}

// judge taps and compares what the machine says with the chip and the issuer.
func (c *campaign) judge(h *holder, w wants, honest bool) {
	t := c.t
	before, torn := h.card.state(), h.torn
	r := c.gate.tap(h.card, w)
	after := h.card.state()
	cost := money.Fen(before.Balance - after.Balance)
	paid := after.Offline != before.Offline
	h.here += cost
	if after.Offline-before.Offline > 1 || cost < 0 || !paid && cost != 0 || paid && cost != w.amount {
		t.Fatalf("the chip went from %+v to %+v for %v", before, after, w.amount)
	}
	if p := r.probe; p != nil {
		c.seen[p.Verdict.String()]++
		switch {
		case p.Verdict == purse.Paid && !h.tornPaid:
			t.Fatalf("the torn purchase is called paid, and the chip has not paid it (%+v)", w.fault)
		case p.Verdict == purse.Paid:
			c.count(h, p.Data, honest)
			h.torn = nil
		case p.Verdict == purse.NotPaid && h.tornPaid && honest:
			t.Fatalf("the torn purchase is called not paid, and the chip has paid it (%+v)", w.fault)
		case p.Verdict == purse.NotPaid && !h.tornPaid, p.Verdict == purse.Unclear && honest && p.Fault.Code == purse.NoFault && !p.Left:
			h.torn = nil // the doubt row is the issuer's to judge
		case p.Verdict == purse.Unverified && honest:
			if got := verdict(t, row(t, txn.Doubt, txn.Flags(0).WithReason(txn.LastAnswerLost), p.Data)); got == txn.Cleared && !h.tornPaid || got != txn.Cleared && h.tornPaid && !h.misnamed {
				t.Fatalf("the chip has paid: %v; the issuer says %s", h.tornPaid, got)
			}
			h.torn = nil // the doubt row is the issuer's to judge
		case p.Verdict == purse.OtherCard:
			if !c.hostile {
				t.Fatal("another card")
			}
			h.torn = nil // a relay had given the torn one another number
		}
	}
	out := r.out
	if out == nil {
		if paid {
			t.Fatal("the chip has paid for a proof")
		}
		return
	}
	c.seen[fmt.Sprint(out.Result, ", ", out.Commit)]++
	switch {
	case out.Result == kernel.Approved:
		if !paid || out.Commit != kernel.Committed || out.Data.LoggedNumber() != after.Offline || out.Data.Amount != cost {
			t.Fatalf("approved %v under number %d; the chip has paid %v and has number %d", out.Data.Amount, out.Data.LoggedNumber(), cost, after.Offline)
		}
		c.count(h, out.Data, honest)
	case out.Commit == kernel.Committed:
		t.Fatal("committed, and not approved")
	case out.Commit == kernel.NotCommitted && paid:
		t.Fatalf("not committed, and the chip has paid: %v (%+v)", out.Fault, w.fault)
	case out.Commit == kernel.CommitUnknown && out.Reason == txn.LastAnswerLost:
		if torn == nil || h.torn == nil {
			h.torn, h.tornPaid = out.Data, paid
		}
	}
}

// count takes a purchase as paid; its row must be the only one under its number, be taken
// by the issuer, and not be of use for anything else.
func (c *campaign) count(h *holder, d *purse.Data, honest bool) {
	if h.rows[d.LoggedNumber()] {
		c.t.Fatalf("number %d is counted twice", d.LoggedNumber())
	}
	h.rows[d.LoggedNumber()] = true
	h.counted += d.Amount
	kind := kindOf(wants{amount: d.Amount, compound: d.Type == 9})
	r := row(c.t, kind, txn.LastRecordRead, d)
	if v := verdict(c.t, r); v != txn.Cleared {
		if honest {
			c.t.Fatalf("the row is %s", v)
		}
		c.seen["row spoilt on its way"]++
		return
	}
	forged := []txn.Row{r, r, r, r, r, r, r, r}
	forged[0].Amount++
	forged[1].ATC++
	forged[2].Time++
	forged[3].IAD[17] ^= 1 // the module's terminal
	forged[4].UN[3]++
	forged[5].IAD[5] ^= 1 // random number
	forged[6].Type ^= 6 ^ 9
	forged[7].Card.PAN[6] ^= 0x10
	for i, f := range forged {
		if verdict(c.t, f) == txn.Cleared {
			c.t.Fatalf("forged row %d is cleared", i)
		}
	}
}

// TestCampaign plays thousands of visits with no, one or two faults each, in one half of
// them with a relay that changes or replays what the card answers. The chip is the truth.
func TestCampaign(t *testing.T) {
	for _, c := range []struct{ tac, hostile bool }{{true, false}, {false, false}, {true, true}} {
		t.Run(fmt.Sprintf("TAC key %v, relay %v", c.tac, c.hostile), func(t *testing.T) {
			all := map[string]int{}
			rounds := 10
			if testing.Short() {
				rounds = 3
			}
			for seed := range rounds {
				x := newCampaign(t, uint64(seed), c.tac, c.hostile)
				for range 120 {
					x.session()
				}
				for _, h := range x.holders {
					if left := money.Fen(h.card.state().Balance); left+h.here+h.elsewhere != purseOpening || h.counted > h.here {
						t.Fatalf("the chip has %v after %v here and %v elsewhere; %v was counted", left, h.here, h.elsewhere, h.counted)
					}
				}
				for k, n := range x.seen {
					all[k] += n
				}
			}
			t.Log(all)
			for _, end := range []string{"paid", "not paid", "approved, committed"} {
				if all[end] == 0 && (c.tac || end != "paid") {
					t.Errorf("no visit ended %q", end)
				}
			}
		})
	}
}
