package purse_test

import (
	"errors"
	"testing"

	cardpurse "github.com/citycard/citycard/card/purse"
	"github.com/citycard/citycard/crypt/epurse"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/terminal/purse"
	"github.com/citycard/citycard/terminal/sam"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/apdu"
)

// ask reads a card's statement; it leaves before command gone, if that is not 0.
func (s *stage) ask(x *player, gone int) *purse.Statement {
	s.t.Helper()
	x.chip.PowerOff()
	check(s.t, x.chip.PowerOn(&x.rand))
	defer x.chip.PowerOff()
	var q purse.Inquiry
	ready, err := q.Begin(x.aid, x.network)
	check(s.t, err)
	for n := 1; ready.Statement == nil; n++ {
		if n > 20 {
			s.t.Fatal("the inquiry does not end")
		}
		if n == gone {
			ready = q.Left()
			continue
		}
		ready = q.Answer(s.transmit(x.chip, ready.Send))
	}
	return ready.Statement
}

func TestStatement(t *testing.T) {
	for _, profile := range []string{"dev-tunion", "dev-cityunion", "tunion"} {
		s := newStage(t)
		x := s.issue("card", profile, 5000, nil)
		if st := s.ask(x, 0); st.Balance != 5000 || len(st.Log) != 0 || st.Fault.Code != purse.NoFault {
			t.Errorf("%s, new: %v, %d trades, %v", profile, st.Balance, len(st.Log), st.Fault)
		}
		for i := range 12 {
			s.now = now + int64(i)*60
			s.tap(x, wants{amount: money.Fen(100 + i), compound: true})
		}
		st := s.ask(x, 0)
		if st.Balance != money.Fen(x.state().Balance) || len(st.Log) != 10 {
			t.Fatalf("%s: %v, %d trades", profile, st.Balance, len(st.Log))
		}
		for i, e := range st.Log {
			if want := (purse.LogEntry{Sequence: uint16(12 - i), Amount: money.Fen(111 - i), Type: epurse.Compound, Terminal: s.sam.Terminal(), Stamp: txn.StampBCD(now + int64(11-i)*60)}); e != want {
				t.Errorf("%s, trade %d: %+v, want %+v", profile, i+1, e, want)
			}
		}
		for gone := 1; gone <= 5; gone++ {
			if st := s.ask(x, gone); !st.Left {
				t.Errorf("%s: the card has left before command %d", profile, gone)
			}
		}
	}
}

// What is lent cannot be spent twice: a T-Union card tells it apart from the balance.
func TestStatementOfALentBalance(t *testing.T) {
	s := newStage(t)
	x := s.issue("card", "dev-tunion", 5000, func(spec *cardpurse.Spec) { spec.EP.Limit = 2000 })
	if st := s.ask(x, 0); st.Balance != 3000 {
		t.Errorf("%v", st.Balance)
	}
}

func TestStatementFaults(t *testing.T) {
	var q purse.Inquiry
	if _, err := q.Begin(nil, sam.TUnion); !errors.Is(err, purse.ErrConfig) {
		t.Errorf("%v", err)
	}
	for n := 1; n <= 3; n++ {
		for _, c := range []struct {
			answer []byte
			code   purse.FaultCode
		}{{[]byte{}, purse.BadAnswer}, {[]byte{0x69, 0x99}, purse.BadStatus}, {[]byte{1, 2, 0x90, 0}, purse.BadAnswer}, {[]byte{0x6A, 0x81}, purse.BadStatus}} {
			s := newStage(t)
			x := s.issue("card", "dev-cityunion", 5000, nil)
			check(t, x.chip.PowerOn(&x.rand))
			ready, err := q.Begin(x.aid, x.network)
			check(t, err)
			want := c.code
			for k := 1; ready.Statement == nil; k++ {
				answer := s.transmit(x.chip, ready.Send)
				if k == n {
					answer = c.answer
					_, sw, _ := apdu.ParseResponse(answer)
					switch {
					case n == 1 && sw == apdu.SWNotSupported:
						want = purse.Blocked
					case n == 1 && sw == apdu.SWOK:
						want = purse.NoFault // file 15 is read then
					}
				}
				ready = q.Answer(answer)
			}
			if got := ready.Statement.Fault; got.Code != want {
				t.Errorf("answer %d is %X: %v, want %v", n, c.answer, got, want)
			}
		}
	}
}

func FuzzDecodeLog(f *testing.F) {
	f.Add(unhex(f, "0006 000000 00002710 02 112233445566 20260115093000"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := purse.DecodeLog(b)
		if err != nil {
			if !errors.Is(err, purse.ErrLog) {
				t.Fatal(err)
			}
			return
		}
		if e.Amount < 0 || e.Limit < 0 || e.Limit > 1<<24-1 || len(b) != purse.LogSize {
			t.Fatalf("%+v", e)
		}
	})
}

// The top bit of a balance is not money.
func TestStatementTopBit(t *testing.T) {
	s := newStage(t)
	x := s.issue("card", "dev-tunion", 5000, nil)
	x.chip.PowerOff()
	check(t, x.chip.PowerOn(&x.rand))
	var q purse.Inquiry
	ready, err := q.Begin(x.aid, x.network)
	check(t, err)
	for ready.Statement == nil {
		answer := s.transmit(x.chip, ready.Send)
		if ready.Send[1] == 0x5C && ready.Send[2] == 0 {
			answer[0] |= 0x80
		}
		ready = q.Answer(answer)
	}
	if ready.Statement.Balance != 5000 {
		t.Errorf("%v", ready.Statement.Balance)
	}
}
