package pboc_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/card/pboc"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// tearCase is a transaction over the contacts, cut at every place.
type tearCase struct {
	name   string
	lines  [][]string // as in the dialogues
	sm     bool
	second bool // pays in the second currency
	cash   bool // a TC deducts
	ada    byte // byte 2 of 9F52
	tries  byte // PIN tries when issued
	air    bool // qPBOC
}

func line(w ...string) []string { return w }

var tearCases = []tearCase{
	{name: "cash", cash: true, lines: [][]string{line("select"), line("gpo", "cash"), line("gac", "tc")}},
	{name: "cash, CDA with SM2", cash: true, sm: true, lines: [][]string{line("select"), line("gpo", "cash"), line("dda"), line("gac", "tc", "cda")}},
	{name: "cash, second currency", cash: true, second: true, lines: [][]string{line("select"), line("gpo", "cash"), line("gac", "tc")}},
	{name: "cash, unable to go online", cash: true, lines: [][]string{line("select"), line("gpo", "cash"), line("gac", "arqc"), line("gac", "tc", "Y3")}},
	{name: "qPBOC", cash: true, air: true, lines: [][]string{line("select"), line(quickOptions("0156", 0)), line("read", "1C", "01")}},
	{name: "qPBOC with SM2", cash: true, air: true, sm: true, lines: [][]string{line("select"), line(quickOptions("0156", 1)), line("read", "3C", "01")}},
	{name: "qPBOC, second currency", cash: true, air: true, second: true, lines: [][]string{line("select"), line(quickOptions("0344", 0)), line("read", "1C", "01")}},
	{name: "debit", lines: [][]string{line("select"), line("gpo"), line("gac", "tc")}},
	{name: "debit, declined", lines: [][]string{line("select"), line("gpo"), line("gac", "aac")}},
	{name: "debit online", lines: [][]string{line("select"), line("gpo"), line("verify", "123456"), line("gac", "arqc"), line("arpc", "00"), line("gac", "tc", "00")}},
	{name: "debit, issuer refused", lines: [][]string{line("select"), line("gpo"), line("gac", "arqc"), line("arpc", "00"), line("arpc", "00"), line("gac", "tc", "00")}},
	{name: "wrong PIN", lines: [][]string{line("select"), line("gpo"), line("verify", "000000"), line("verify", "123456"), line("gac", "tc")}},
	{name: "last PIN try", tries: 1, ada: 0x80, lines: [][]string{line("select"), line("gpo"), line("verify", "000000"), line("gac", "tc")}},
}

// quickOptions is GET PROCESSING OPTIONS of qPBOC for an amount of 1.00.
func quickOptions(currency string, sm byte) string {
	return fmt.Sprintf("80A8000024832220000000000000000100000000000000015600000000%s%s25112000112233440%d00", "00", currency, sm)
}

func (k *tearCase) till(t testing.TB) *till {
	p := bothProduct(t)
	p.Contact.ADA[1] = k.ada
	if k.tries != 0 {
		p.PINTries = k.tries
	}
	side := card.Contact
	if k.air {
		side = card.Contactless
	}
	s := newTill(t, bothCard(t, p), side, nil)
	s.sm = k.sm
	if k.second {
		s.sale.currency = [2]byte{3, 0x44}
	}
	return s
}

// progress is what the terminal holds.
type progress struct {
	answered int     // commands
	last     *answer // of GENERATE AC
	tries    int     // that the last 63Cx said, -1 for none
}

// run plays a transaction until the power fails or stop commands were answered.
func (k *tearCase) run(s *till, stop int) (progress, error) {
	s.t.Helper()
	g := progress{tries: -1}
	for i, w := range k.lines {
		if i == stop {
			break
		}
		cmd := hexBytes(s.t, s.command(w))
		data, sw, err := s.transmit(cmd)
		if err != nil {
			return g, err
		}
		g.answered++
		switch w[0] {
		case "gac":
			if sw != apdu.SWOK {
				s.t.Fatalf("%s: %v", k.name, sw)
			}
			s.seen = append(s.seen, cmd[5:len(cmd)-1]...)
			a := s.read(data, s.aip)
			g.last = &a
		case "gpo":
			v, _ := tlv.Find(data, tlv.TagResponseFormat1)
			s.aip = [2]byte(v)
		case "verify":
			g.tries = -1
			if n, ok := sw.Remaining(); ok {
				g.tries = n
			}
		}
	}
	return g, nil
}

func (k *tearCase) balance(s pboc.State) money.Fen {
	if k.second {
		return s.Second
	}
	return s.Balance
}

// judge compares a card that lost its power with what the terminal holds. before is
// the card at first, allowed are all states that an uncut transaction passes.
func (k *tearCase) judge(s *till, before pboc.State, g progress, allowed map[pboc.State]bool) {
	s.t.Helper()
	predicted := s.chip.Inspect()
	noError(s.t, s.chip.PowerOn(randomFrom(7)))
	st := s.chip.Inspect()
	if st != predicted {
		s.t.Fatalf("Inspect without power said %+v, with power %+v", predicted, st)
	}
	if !allowed[st] {
		s.t.Fatalf("half a change: %+v after %d answers", st, g.answered)
	}
	paid := k.balance(before) - k.balance(st)
	if k.air && g.answered == len(k.lines) && paid == 0 {
		s.t.Fatal("the last record was answered and nothing was paid")
	}
	approved := g.last != nil && g.last.cid&0xC0 == 0x40
	switch {
	case paid != 0 && (!k.cash || paid != s.sale.amount):
		s.t.Fatalf("%v is gone", paid)
	case paid != 0 && st.LogRecords != before.LogRecords+1:
		s.t.Fatal("a payment without a log record")
	case k.cash && approved && paid == 0:
		s.t.Fatal("a TC was answered and nothing was paid")
	case g.last != nil && st.ATC != g.last.atc:
		s.t.Fatalf("a cryptogram was given and the counter %d is free again", g.last.atc)
	case g.last != nil && g.last.cid&0xC0 == 0x80 && st.Memory&pboc.OnlineOpen == 0 && st.LastOnlineATC != st.ATC:
		s.t.Fatal("an ARQC was given and the card has forgotten it")
	}
}

// goesOn does a payment on a fresh session, whatever happened before; a blocked
// application must say so.
func (k *tearCase) goesOn(s *till) {
	s.t.Helper()
	next := *s
	next.sale.amount = 1
	next.chip.UseInterface(card.Contact)
	next.chip.PowerOff()
	noError(s.t, next.chip.PowerOn(randomFrom(8)))
	before := s.chip.Inspect()
	again := &tearCase{name: "next", cash: true, second: k.second, lines: [][]string{line("select"), line("gpo", "cash"), line("gac", "tc")}}
	g, err := again.run(&next, len(again.lines))
	noError(s.t, err)
	st := s.chip.Inspect()
	switch approved := g.last.cid&0xC0 == 0x40; {
	case before.Invalidated:
		if approved {
			s.t.Fatal("a blocked application approved")
		}
	case before.Memory&(pboc.IssuerAuthFailed|pboc.ScriptFailed) != 0 || before.PINTries == 0:
		if k.balance(st) != k.balance(before) {
			s.t.Fatal("electronic cash paid after a failure")
		}
	case !approved || k.balance(before)-k.balance(st) != 1:
		s.t.Fatalf("the next payment: CID %02X, balance %v from %v", g.last.cid, k.balance(st), k.balance(before))
	}
	if st.ATC != before.ATC+1 {
		s.t.Fatalf("the next payment moved the counter from %d to %d", before.ATC, st.ATC)
	}
}

// TestContactTears cuts the power before every write of each transaction, with the
// write not done or half done, and before and after every answer.
func TestContactTears(t *testing.T) {
	cuts := 0
	for i := range tearCases {
		k := &tearCases[i]
		t.Run(k.name, func(t *testing.T) {
			whole := k.till(t)
			before := whole.chip.Inspect()
			allowed := map[pboc.State]bool{before: true}
			// The states between the transactions of the memory.
			for n := 1; ; n++ {
				s := k.till(t)
				s.chip.Memory().CutAt(n, cos.TearNone)
				if _, err := k.run(s, len(k.lines)); err == nil {
					break
				}
				allowed[s.chip.Inspect()] = true
			}
			for stop := range len(k.lines) + 1 {
				s := k.till(t)
				g, err := k.run(s, stop)
				noError(t, err)
				allowed[s.chip.Inspect()] = true
				s.chip.PowerOff()
				k.judge(s, before, g, allowed)
				if st := s.chip.Inspect(); g.tries >= 0 && int(st.PINTries) != g.tries {
					t.Fatalf("a wrong PIN left %d tries and the card has %d", g.tries, st.PINTries)
				}
				k.goesOn(s)
				cuts++
			}
			writes := whole.writes(k)
			for n := 1; n <= writes; n++ {
				for _, tear := range []cos.Tear{cos.TearNone, cos.TearFirst, cos.TearLast} {
					s := k.till(t)
					s.chip.Memory().CutAt(n, tear)
					g, err := k.run(s, len(k.lines))
					if !errors.Is(err, card.ErrPowerCut) {
						t.Fatalf("write %d: %v", n, err)
					}
					k.judge(s, before, g, allowed)
					k.goesOn(s)
					cuts++
				}
			}
			if len(allowed) > 2+2*len(k.lines) {
				t.Errorf("%d states between the transactions of the memory are too many for %d commands", len(allowed), len(k.lines))
			}
		})
	}
	t.Logf("%d cuts", cuts)
}

// writes is how many writes a whole transaction does.
func (s *till) writes(k *tearCase) int {
	s.t.Helper()
	_, err := k.run(s, len(k.lines))
	noError(s.t, err)
	return s.chip.Memory().Writes()
}
