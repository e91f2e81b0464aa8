package purse_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/citycard/citycard/card/psam"
	cardpurse "github.com/citycard/citycard/card/purse"
	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/terminal/purse"
	"github.com/citycard/citycard/txn"
)

// change replaces the answers to commands, by instruction byte.
func change(t testing.TB, answers map[byte]string) func(int, []byte, []byte) []byte {
	return func(_ int, command, answer []byte) []byte {
		if s, ok := answers[command[1]]; ok {
			return unhex(t, s)
		}
		return answer
	}
}

// TestOddAnswers: what a card may not answer before DEBIT ends the purchase unpaid, with
// its fault.
func TestOddAnswers(t *testing.T) {
	info := "010110000101100002010310310481001000000120240101204012310000"
	for name, c := range map[string]struct {
		answers map[byte]string
		want    purse.FaultCode
	}{
		"counter at its end":         {map[byte]string{0x50: "00001388FFFF0000000100010203049000"}, purse.CounterSpent},
		"algorithm":                  {map[byte]string{0x50: "0000138800010000000107010203049000"}, purse.NoKey},
		"no key of this index":       {map[byte]string{0x50: "9403"}, purse.NoKey},
		"longer opening":             {map[byte]string{0x50: "000013880001000000010001020304009000"}, purse.BadAnswer},
		"cache answers data":         {map[byte]string{0xDC: "009000"}, purse.BadAnswer},
		"cache has more":             {map[byte]string{0xDC: "6101"}, purse.BadStatus},
		"file 15 with a warning":     {map[byte]string{0xA4: "9000", 0xB0: info + "6282"}, purse.BadInfo},
		"file 15 is short":           {map[byte]string{0xA4: "9000", 0xB0: info[2:] + "9000"}, purse.BadInfo},
		"file 15 is of no digits":    {map[byte]string{0xA4: "9000", 0xB0: info[:26] + "AA" + info[28:] + "9000"}, purse.BadInfo},
		"record of another mode":     {map[byte]string{0xB2: "270100009000"}, purse.BadAnswer},
		"record of one byte":         {map[byte]string{0xB2: "279000"}, purse.BadAnswer},
		"record is not to be read":   {map[byte]string{0xB2: "6982"}, purse.BadStatus},
		"blocked":                    {map[byte]string{0xA4: "6283"}, purse.Blocked},
		"endless more":               {map[byte]string{0xA4: "6100"}, purse.BadStatus},
		"not the application at all": {map[byte]string{0xA4: "6A82"}, purse.BadStatus},
	} {
		s := newStage(t)
		x := s.issue("card", "dev-tunion", 5000, nil)
		r := s.tap(x, wants{amount: 400, compound: true, change: change(t, c.answers)})
		if out := r.out; out.Fault.Code != c.want || out.Commit != kernel.NotCommitted || x.state().Offline != 0 {
			t.Errorf("%s: %v, %v", name, out.Commit, out.Fault)
		}
	}
	s := newStage(t)
	x := s.issue("card", "dev-tunion", 5000, nil)
	out := s.tap(x, wants{amount: 400, compound: true, fault: fault{opened: true}, change: change(t, map[byte]string{0x50: "8000138800010001000100010203049000"})}).out
	if out.Data.Balance != 5000 || out.Data.Limit != 256 || out.After() != 5000 {
		t.Errorf("the top bit of a balance is money: %d, limit %d", out.Data.Balance, out.Data.Limit)
	}
}

// TestOddProofs: nothing that is no answer to a proof says that a purchase was not paid,
// nor that it was.
func TestOddProofs(t *testing.T) {
	for name, c := range map[string]struct {
		answers map[byte]string
		want    purse.FaultCode
	}{
		"nothing":             {map[byte]string{0x5A: ""}, purse.BadAnswer},
		"one byte":            {map[byte]string{0x5A: "90"}, purse.BadAnswer},
		"no data":             {map[byte]string{0x5A: "9000"}, purse.BadAnswer},
		"seven bytes":         {map[byte]string{0x5A: "010203040506079000"}, purse.BadAnswer},
		"unknown command":     {map[byte]string{0x5A: "6D00"}, purse.BadStatus},
		"more":                {map[byte]string{0x5A: "6108"}, purse.BadStatus},
		"refusal with data":   {map[byte]string{0x5A: "019406"}, purse.BadStatus},
		"counter: nothing":    {map[byte]string{0x5A: "9406", 0x50: ""}, purse.BadAnswer},
		"counter: short":      {map[byte]string{0x5A: "9406", 0x50: "0000138800009000"}, purse.BadAnswer},
		"counter: refused":    {map[byte]string{0x5A: "9406", 0x50: "6985"}, purse.BadStatus},
		"counter at its end":  {map[byte]string{0x5A: "9406", 0x50: "00001388FFFF0000000100010203049000"}, purse.CounterSpent},
		"counter: warning":    {map[byte]string{0x5A: "9406", 0x50: "0000138800000000000100010203046282"}, purse.BadStatus},
		"counter has gone on": {map[byte]string{0x5A: "9406", 0x50: "0000138800050000000100010203049000"}, purse.NoFault},
		"counter went back":   {map[byte]string{0x5A: "9406", 0x50: "0000138800000000000100010203049000"}, purse.NoFault},
	} {
		s := newStage(t)
		x := s.issue("card", "dev-tunion", 5000, nil)
		if s.tap(x, wants{amount: 1}).out.Result != kernel.Approved {
			t.Fatal("the purchase before")
		}
		torn := *s.tap(x, wants{amount: 400, compound: true, fault: fault{lost: 7}}).out.Data
		p := s.tap(x, wants{prove: &torn, change: change(t, c.answers)}).probe
		if p.Verdict != purse.Unclear || p.Fault.Code != c.want || p.Left || p.Data.TAC != torn.TAC || p.Data.Answered {
			t.Errorf("%s: %v, %v", name, p.Verdict, p.Fault)
		}
		if p := s.tap(x, wants{prove: &torn}).probe; p.Verdict != purse.Paid {
			t.Errorf("%s: the genuine proof afterwards: %v, %v", name, p.Verdict, p.Fault)
		}
	}
}

// The last number of a card is used, proved and written into a row.
func TestLastNumber(t *testing.T) {
	s := newStage(t)
	x := s.issue("card", "dev-tunion", 5000, nil)
	d := s.tap(x, wants{amount: 400, compound: true}).out.Data
	d.Sequence = 0xFFFE
	r := row(t, txn.Exit, 0, d)
	if p, ok := r.Purse(); !ok || p.Sequence != 0xFFFF {
		t.Errorf("number %d", p.Sequence)
	}
}

// An answer to DEBIT with another status word than 9000 is none, whatever data it has: the
// card comes back and proves it.
func TestDebitWithAWarning(t *testing.T) {
	s := newStage(t)
	x := s.issue("card", "dev-tunion", 5000, nil)
	out := s.tap(x, wants{amount: 400, compound: true, change: func(_ int, command, answer []byte) []byte {
		if command[1] == 0x54 {
			answer[8], answer[9] = 0x62, 0x81
		}
		return answer
	}}).out
	if out.Commit != kernel.CommitUnknown || out.Reason != txn.LastAnswerLost || out.Fault.SW != 0x6281 || out.Data.Answered {
		t.Fatalf("%v, %v", out.Commit, out.Fault)
	}
	if p := s.tap(x, wants{prove: out.Data}).probe; p.Verdict != purse.Paid {
		t.Errorf("%v, %v", p.Verdict, p.Fault)
	}
}

// TestOneModuleForTwoTerminals: while one terminal waits for its card at any command,
// another one makes a whole purchase with the same module. What is said of the first is
// true, and its fare is not lost: the TAC proves it without the module's purchase.
func TestOneModuleForTwoTerminals(t *testing.T) {
	for _, tac := range []bool{true, false} {
		for at := 1; at <= 7; at++ {
			s := stageWith(t, func(spec *psam.Spec) {
				if !tac {
					withoutTAC(spec)
				}
			})
			beside := *s
			beside.install(s.config)
			x := s.issue("x", "dev-tunion", 5000, nil)
			for _, other := range []string{"tunion", "dev-cityunion"} {
				y := beside.issueNumber("y", other, 7, 5000, nil)
				begin := x.state()
				out := s.tap(x, wants{amount: 400, compound: true, change: func(n int, _, answer []byte) []byte {
					if n == at {
						if got := beside.tap(y, wants{amount: 100, compound: true}).out; got.Result != kernel.Approved {
							t.Fatalf("beside command %d: %v", n, got.Fault)
						}
					}
					return answer
				}}).out
				paid := x.state().Offline != begin.Offline
				lost := !tac && at >= 5 // after the module has opened it, and no TAC is judged
				switch {
				case !paid, (out.Result == kernel.Approved) == lost, lost && (out.Commit != kernel.CommitUnknown || out.Reason != txn.LastAnswerLost):
					t.Errorf("TAC key %v, beside command %d, %s: paid %v, %v, %v: %v", tac, at, other, paid, out.Result, out.Commit, out.Fault)
				}
				if r := row(t, txn.Exit, 0, out.Data); verdict(t, r) != txn.Cleared {
					t.Errorf("TAC key %v, beside command %d, %s: the row is %s", tac, at, other, verdict(t, r))
				}
			}
		}
	}
}

// What a store gives back that no purchase wrote is refused, field by field.
func TestDecodeDataRefuses(t *testing.T) {
	s := newStage(t)
	x := s.issue("card", "dev-tunion", 5000, nil)
	good := s.tap(x, wants{amount: 400, compound: true}).out.Data.Append(nil)
	for name, c := range map[string]struct {
		at int
		b  []byte
	}{
		"version": {0, []byte{2}}, "network": {1, []byte{3}}, "card number": {12, []byte{0xAA}}, "type": {32, []byte{5}}, "time": {37, []byte{0, 0, 0, 1, 0, 0, 0, 0}},
		"time before 1970": {37, []byte{0xFF}}, "flags": {45, []byte{4}}, "balance": {46, []byte{0x80}}, "limit": {50, []byte{1}}, "number": {54, []byte{0xFF, 0xFF}}, "algorithm": {57, []byte{9}},
	} {
		b := append([]byte(nil), good...)
		copy(b[c.at:], c.b)
		if d, err := purse.DecodeData(b); !errors.Is(err, purse.ErrData) || d.Begun {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, b := range [][]byte{nil, good[:len(good)-1], append(append([]byte(nil), good...), 0)} {
		if _, err := purse.DecodeData(b); !errors.Is(err, purse.ErrData) {
			t.Errorf("%d bytes: %v", len(b), err)
		}
	}
}

// A card is valid from the first second of its first day to the last of its last, by the
// clock of the city; days of zeros or of F are no limit.
func TestDaysOfValidity(t *testing.T) {
	first, after := int64(1704038400), int64(2240582400) // 2024-01-01 and 2041-01-01, 0:00 at UTC+8
	for _, c := range []struct {
		from, to string
		at       int64
		want     purse.FaultCode
	}{
		{"20240101", "20401231", first - 1, purse.NotYetValid}, {"20240101", "20401231", first, purse.NoFault},
		{"20240101", "20401231", after - 1, purse.NoFault}, {"20240101", "20401231", after, purse.Expired},
		{"00000000", "00000000", first - 1, purse.NoFault}, {"FFFFFFFF", "FFFFFFFF", after, purse.NoFault},
	} {
		s := newStage(t)
		s.now = c.at
		x := s.issue("card", "dev-tunion", 5000, func(spec *cardpurse.Spec) {
			f := &spec.Files[0]
			f.Content = append([]byte(nil), f.Content...)
			copy(f.Content[20:], unhex(t, c.from+c.to))
		})
		if out := s.tap(x, wants{amount: 100}).out; out.Fault.Code != c.want || (out.Result == kernel.Approved) != (c.want == purse.NoFault) {
			t.Errorf("%s to %s at %d: %v", c.from, c.to, c.at, out.Fault)
		}
	}
}

// A card without a journey record has none, though the card before it had one.
func TestRecordsAreTheCardsOwn(t *testing.T) {
	s := newStage(t)
	a, b := s.issue("a", "dev-tunion", 5000, nil), s.issueNumber("b", "dev-tunion", 1, 5000, nil)
	if r := s.tap(a, wants{amount: 1}); len(r.record) == 0 {
		t.Fatal("the first card has no record")
	}
	for _, sw := range []string{"6A83", "6A82"} {
		if r := s.tap(b, wants{amount: 1, change: change(t, map[byte]string{0xB2: sw})}); len(r.record) != 0 || r.out.Result != kernel.Approved {
			t.Errorf("%s: the record of another card, %v", sw, r.out.Fault)
		}
	}
	long := unhex(t, "2702"+strings.Repeat("00", 298)+"9000")
	if out := s.tap(a, wants{amount: 1, change: func(_ int, command, answer []byte) []byte {
		if command[1] == 0xB2 && command[2] == 0x02 {
			return long
		}
		return answer
	}}).out; out.Fault.Code != purse.BadAnswer {
		t.Errorf("a record of 300 bytes: %v", out.Fault)
	}
}

// From DEBIT to the end the card may have paid: a terminal that loses its power in between
// keeps the purchase, and one that loses it before does not.
func TestDebitSent(t *testing.T) {
	s := newStage(t)
	x := s.issue("card", "dev-tunion", 5000, nil)
	sent, commands := false, 0
	s.tap(x, wants{amount: 400, compound: true, log: func(who string, command, _ []byte) {
		sent = sent || who == "" && command[1] == 0x54
		if s.machine.DebitSent() != sent {
			t.Errorf("%s command %02X: DEBIT sent %v", who, command[1], s.machine.DebitSent())
		}
		if sent {
			commands++
		}
	}})
	if s.machine.DebitSent() || commands < 4 {
		t.Errorf("at the end: %v after %d commands", s.machine.DebitSent(), commands)
	}
}
