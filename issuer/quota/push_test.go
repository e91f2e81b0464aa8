package quota_test

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/issuer/quota"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/apdu"
)

// answer sends the push that waits and gives the card's answer.
func answer(t testing.TB, m *quota.Machine, s *quota.Service, sw apdu.SW, now int64) quota.Effects {
	t.Helper()
	p, ok := s.Outgoing()
	if !ok {
		t.Fatal("no push waits")
	}
	noError(t, m.Sent(s, p.ATC, now))
	e, err := m.Answered(s, p.ATC, sw, now)
	noError(t, err)
	return e
}

// Every status word of Push PUT DATA (Ye Fei 2016, 2.2.2.1, table), and those of PUT DATA
// that the card adds.
var statusWords = []struct {
	sw   apdu.SW
	next quota.Next
}{
	{0x9000, quota.Done}, {0x6200, quota.Again}, {0x6281, quota.Again}, {0x6400, quota.Again}, {0x6581, quota.Again},
	{0x6700, quota.Stop}, {0x6882, quota.Stop}, {0x6982, quota.Done}, {0x6986, quota.Again}, {0x6987, quota.Stop},
	{0x6988, quota.Stop}, {0x6A80, quota.Stop}, {0x6A81, quota.Stop}, {0x6A84, quota.Stop}, {0x6A85, quota.Stop},
	{0x6A86, quota.Stop}, {0x6A88, quota.Stop},
	{0x6F00, quota.Again}, // not in the table
}

func TestEveryStatusWord(t *testing.T) {
	m := newMachine(t, terms)
	for _, c := range statusWords {
		t.Run(fmt.Sprintf("%04X", uint16(c.sw)), func(t *testing.T) {
			s := open(t, m, quota.Request{})
			sent, _ := s.Outgoing()
			answer(t, m, &s, c.sw, start)
			again, waits := s.Outgoing()
			switch c.next {
			case quota.Done:
				if waits || s.State != quota.Active || s.Shadow() != terms.Quota || s.Stops != 0 {
					t.Errorf("after done: waits %t, %v, shadow %v, stops %b", waits, s.State, s.Shadow(), s.Stops)
				}
			case quota.Again:
				if !waits || string(again.Command) != string(sent.Command) || s.State != quota.Opening || s.Stops != 0 {
					t.Errorf("the same bytes do not wait: %t %v, stops %b", waits, s.State, s.Stops)
				}
			case quota.Stop:
				if waits || s.Stops != quota.StopPush || s.State != quota.Opening || s.Denied() {
					t.Errorf("after stop: waits %t, %v, stops %b", waits, s.State, s.Stops)
				}
				if m.Exposure(&s, start) != terms.Quota {
					t.Error("a push that was refused counts until staff has looked at the card")
				}
				e, err := m.Resume(&s, start)
				noError(t, err)
				if p, ok := s.Outgoing(); !ok || !e.Push || p.ATC != 2 {
					t.Errorf("after resume: %+v %t, want a push 2", p, ok)
				}
			}
		})
	}
}

// 04DA0000 Lc, Push ATC, 9F79, MAC: under the SM4 and the triple DES key of the worked
// examples' card.
func TestPushBytes(t *testing.T) {
	for _, c := range []struct {
		alg  cryptogram.Alg
		want string
	}{
		{cryptogram.TDES, "04DA00001300019F7906000000005000"},
		{cryptogram.SM4, "04DA00001300019F7906000000005000"},
	} {
		keys, err := quota.NewMasters(c.alg, master)
		noError(t, err)
		m, err := quota.New(quota.Config{Terms: quota.Schedule{terms}, Keys: keys, Tokens: tokens{}, Settlement: settlement})
		noError(t, err)
		s := open(t, m, quota.Request{})
		p, _ := s.Outgoing()
		got := strings.ToUpper(hex.EncodeToString(p.Command))
		if !strings.HasPrefix(got, c.want) || len(got) != len(c.want)+16 {
			t.Errorf("%v: push %s, want %s and eight bytes of MAC", c.alg, got, c.want)
		}
		block, err := cryptogram.NewBlock(c.alg, master)
		noError(t, err)
		sk := cryptogram.DeriveSessionKey(c.alg, cryptogram.DeriveCardKey(c.alg, block, s.Card.PAN, s.Card.PSN), 1)
		if mac := cryptogram.MAC(c.alg, sk, p.Command[:len(p.Command)-8]); string(mac[:]) != string(p.Command[len(p.Command)-8:]) {
			t.Errorf("%v: MAC of %s is not over all before it", c.alg, got)
		}
	}
}

// A push that nobody answers is sent again with the same bytes after the time of the
// terms, and so often as they say; then staff must look.
func TestPushIsSentAgain(t *testing.T) {
	m := newMachine(t, terms)
	s := open(t, m, quota.Request{})
	first, _ := s.Outgoing()
	now := int64(start)
	for n := range terms.MaxSends {
		p, ok := s.Outgoing()
		if !ok || string(p.Command) != string(first.Command) || p.Sends != n {
			t.Fatalf("send %d: %+v %t", n, p, ok)
		}
		noError(t, m.Sent(&s, p.ATC, now))
		e, err := m.Tick(&s, now+terms.Retry-1)
		noError(t, err)
		if e.Push {
			t.Fatal("sent again too early")
		}
		now += terms.Retry
		if e, err = m.Tick(&s, now); err != nil || e.Push != (n+1 < terms.MaxSends) {
			t.Fatalf("after send %d: push %t, %v", n+1, e.Push, err)
		}
	}
	if s.Stops != quota.StopPush {
		t.Fatalf("stops %b", s.Stops)
	}
	e, err := m.Resume(&s, now)
	noError(t, err)
	if p, ok := s.Outgoing(); !ok || !e.Push || string(p.Command) != string(first.Command) {
		t.Error("after resume the same bytes do not wait")
	}
}

// Answers that come twice, late, or to numbers never used.
func TestStrayAnswers(t *testing.T) {
	m := newMachine(t, terms)
	s := running(t, m)
	before := s.Shadow()
	_, err := m.Answered(&s, 1, 0x6988, start+5)
	noError(t, err)
	if s.Stops != 0 || s.Shadow() != before {
		t.Error("a second answer has changed the service")
	}
	for _, atc := range []uint16{0, 2} {
		if _, err := m.Answered(&s, atc, 0x9000, start); !errors.Is(err, quota.ErrPush) {
			t.Errorf("answer to push %d: %v", atc, err)
		}
		if err := m.Sent(&s, atc, start); !errors.Is(err, quota.ErrPush) {
			t.Errorf("push %d sent: %v", atc, err)
		}
	}
}

// A deposit is set before the quota, each with a Push ATC of its own.
func TestDepositFirst(t *testing.T) {
	with := terms
	with.Deposit = 1000
	m := newMachine(t, with)
	s := open(t, m, quota.Request{LastPush: 7})
	p, _ := s.Outgoing()
	if got := hex.EncodeToString(p.Command[:16]); got != "04da00001300"+"08df6206000000001000"[0:20] {
		t.Errorf("first push %s", got)
	}
	answer(t, m, &s, 0x9000, start)
	if p, _ = s.Outgoing(); p.ATC != 9 || p.Value != with.Quota || s.State != quota.Opening {
		t.Errorf("second push %+v, %v", p, s.State)
	}
	answer(t, m, &s, 0x9000, start)
	if s.State != quota.Active || m.Exposure(&s, start) != with.Quota+with.Deposit {
		t.Errorf("%v, exposure %v", s.State, m.Exposure(&s, start))
	}
}

// The last Push ATC is FFFF: then the card must be replaced.
func TestPushCounterAtItsEnd(t *testing.T) {
	m := newMachine(t, terms)
	s := open(t, m, quota.Request{LastPush: 0xFFFE})
	answer(t, m, &s, 0x9000, start)
	p := row(t, txn.Single, 1, 4900, 100)
	_, _, err := m.Present(&s, &p, 0, 1, start)
	noError(t, err)
	if _, ok := s.Outgoing(); ok || s.Stops != quota.StopPush || s.LastPush != 0xFFFF {
		t.Errorf("push %t, stops %b, last %d", ok, s.Stops, s.LastPush)
	}
}

func TestWords(t *testing.T) {
	got := fmt.Sprint(quota.Done, quota.Again, quota.Stop, quota.Next(9), quota.Opening, quota.Active, quota.Closing, quota.Closed, quota.State(9))
	if want := "done send again stop unknown step opening active closing closed unknown state"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
