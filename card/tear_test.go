package card_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/card/pboc"
	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// reading is what a reader held when a payment ended, well or badly.
type reading struct {
	gpo  map[tlv.Tag][]byte // nil if GPO was not answered
	last []byte             // nil if the last record was not answered
}

// try does a payment until the power fails.
func (s *session) try(p purchase) (r reading, err error) {
	s.t.Helper()
	for _, cmd := range []string{selectApp, s.gpo(p), readLast} {
		out, err := s.chip.Transmit(nil, unhex(s.t, cmd))
		if err != nil {
			return r, err
		}
		data, sw, err := apdu.ParseResponse(out)
		check(s.t, err)
		if sw != apdu.SWOK {
			s.t.Fatalf("%s: %v", cmd, sw)
		}
		switch {
		case cmd == readLast:
			r.last = data
		case cmd != selectApp:
			_, r.gpo = tags(s.t, tlv.TagResponseFormat2, data)
		}
	}
	return r, nil
}

var tears = []cos.Tear{cos.TearNone, cos.TearFirst, cos.TearLast}

// settledOrFail powers a torn card on and compares it with the only two states
// that it can have.
func (s *session) settledOrFail(before, after pboc.State, r reading) pboc.State {
	s.t.Helper()
	predicted := s.chip.Inspect()
	check(s.t, s.chip.PowerOn(random(9)))
	st := s.chip.Inspect()
	if st != predicted {
		s.t.Fatalf("Inspect without power said %+v, with power %+v", predicted, st)
	}
	switch {
	case st.Balance == after.Balance:
		if st != after {
			s.t.Fatalf("half a payment: %+v, want %+v", st, after)
		}
		if r.gpo == nil {
			s.t.Fatal("a payment was committed whose TC nobody has")
		}
	case st.Balance == before.Balance:
		if r.last != nil {
			s.t.Fatal("the last record was answered and nothing was paid")
		}
		if st.ATC != before.ATC && st.ATC != before.ATC+1 {
			s.t.Fatalf("ATC went from %d to %d", before.ATC, st.ATC)
		}
		if r.gpo != nil && st.ATC == before.ATC {
			s.t.Fatal("a cryptogram was given and its counter is free again")
		}
		want := before
		if st.ATC != before.ATC {
			want.ATC, want.LastAnswer = before.ATC+1, false
		}
		if st != want {
			s.t.Fatalf("something else changed: %+v, want %+v", st, want)
		}
	default:
		s.t.Fatalf("balance %v is neither %v nor %v", st.Balance, before.Balance, after.Balance)
	}
	return st
}

// repeatLast reads the last record again as a reader does at a re-tap and lets
// the certificate chain and 9F4B of the torn payment be checked with it.
func (s *session) repeatLast(p purchase, r reading) {
	s.t.Helper()
	s.ok(selectApp)
	s.ok("80CA9F3600")
	s.ok("80CA9F7900")
	again := s.ok(readLast)
	if r.last != nil && !bytes.Equal(again, r.last) {
		s.t.Fatalf("the last record was %X and is now %X", r.last, again)
	}
	if !bytes.Equal(again, s.ok(readLast)) {
		s.t.Fatal("the last record can be read only once")
	}
	if why := s.authenticate(p, r.gpo); why != oda.OK {
		s.t.Fatalf("with the repeated record the reader finds the card %v", why)
	}
}

// TestTearEveryWrite cuts the power before every write to the memory of a whole
// payment, with the write not done, half done or half done from its end, and once
// more after the last one: the answer was made and the reader did not get it.
func TestTearEveryWrite(t *testing.T) {
	const opening, price = 10000, 300
	cuts := 0
	for _, name := range profiles {
		k := newSample(t, name, opening)
		// A card that has paid before: it has a last answer to lose.
		s := k.insert(t, nil)
		s.pay(gate(1))
		used := s.chip.Snapshot(nil)
		for _, start := range [][]byte{nil, used} {
			s := k.insert(t, start)
			before := s.chip.Inspect()
			_, err := s.try(gate(price))
			check(t, err)
			total := s.chip.Memory().Writes()
			after := s.chip.Inspect()
			seen := map[money.Fen]int{}
			for n := 1; n <= total; n++ {
				for _, tear := range tears {
					s := k.insert(t, start)
					s.chip.Memory().CutAt(n, tear)
					r, err := s.try(gate(price))
					if !errors.Is(err, card.ErrPowerCut) {
						t.Fatalf("%s, write %d: error %v, want a power cut", name, n, err)
					}
					if _, err := s.chip.Transmit(nil, unhex(t, selectApp)); !errors.Is(err, card.ErrNotPowered) {
						t.Fatalf("a card without power answered: %v", err)
					}
					cuts++
					st := s.settledOrFail(before, after, r)
					seen[st.Balance]++
					if st.Balance == after.Balance {
						s.repeatLast(gate(price), r)
					}
					s.continues(st)
				}
			}
			if len(seen) != 2 {
				t.Errorf("%s: only %v was seen after the cuts", name, seen)
			}
		}
	}
	t.Logf("%d power cuts", cuts)
}

// continues does another payment and checks that value is conserved and the
// counter goes on.
func (s *session) continues(st pboc.State) {
	s.t.Helper()
	s.pay(gate(7))
	next := s.chip.Inspect()
	if next.ATC != st.ATC+1 || next.Balance != st.Balance-7 {
		s.t.Fatalf("after %+v the next payment gave %+v", st, next)
	}
}

// TestTearDuringRecovery cuts the power during the payment and then before every
// write of the recovery.
func TestTearDuringRecovery(t *testing.T) {
	const opening, price = 10000, 300
	k := newSample(t, "3des", opening)
	s := k.insert(t, nil)
	before := s.chip.Inspect()
	_, err := s.try(gate(price))
	check(t, err)
	total, after := s.chip.Memory().Writes(), s.chip.Inspect()
	cuts := 0
	for n := 1; n <= total; n++ {
		for _, tear := range tears {
			for recovery := 1; ; recovery++ {
				s := k.insert(t, nil)
				m := s.chip.Memory()
				m.CutAt(n, tear)
				r, err := s.try(gate(price))
				if !errors.Is(err, card.ErrPowerCut) {
					t.Fatalf("write %d: %v", n, err)
				}
				m.CutAt(m.Writes()+recovery, tear)
				err = s.chip.PowerOn(random(4))
				if err == nil {
					m.CutAt(0, cos.TearNone)
					break // the recovery has fewer writes
				}
				if !errors.Is(err, card.ErrPowerCut) {
					t.Fatalf("recovery of write %d: %v", n, err)
				}
				cuts++
				s.continues(s.settledOrFail(before, after, r))
			}
		}
	}
	if cuts == 0 {
		t.Error("no recovery wrote anything")
	}
	t.Logf("%d power cuts during recovery", cuts)
}

// TestAnswerLost: the power fails after the commit; the reader has the GPO
// answer, and gets the last record again also from a snapshot of the card.
func TestAnswerLost(t *testing.T) {
	for _, name := range profiles {
		k := newSample(t, name, 10000)
		s := k.insert(t, nil)
		r, err := s.try(gate(300))
		check(t, err)
		nvm := s.chip.Snapshot(nil)
		r.last = nil
		s = k.insert(t, nvm)
		s.repeatLast(gate(300), r)
		if st := s.chip.Inspect(); st.Balance != 9700 || st.ATC != 1 {
			t.Errorf("%s: repeating changed the card: %+v", name, st)
		}
		// GET PROCESSING OPTIONS forgets it, even when nothing is paid then.
		s.ok(selectApp)
		s.ok(s.gpo(gate(5)))
		s.ok(selectApp)
		s.want(readLast, apdu.SWConditions)
	}
}

// TestLeftBeforeLast: a card that leaves between the GPO answer and the last
// record, or is selected again, has not paid.
func TestLeftBeforeLast(t *testing.T) {
	k := newSample(t, "sm", 10000)
	s := k.insert(t, nil)
	s.ok(selectApp)
	s.ok(s.gpo(gate(300)))
	s.ok(selectPPSE)
	s.ok(selectApp)
	s.want(readLast, apdu.SWConditions)
	s.ok(s.gpo(gate(300)))
	s.chip.PowerOff()
	check(t, s.chip.PowerOn(random(5)))
	s.ok(selectApp)
	s.want(readLast, apdu.SWConditions)
	if st := s.chip.Inspect(); st.Balance != 10000 || st.ATC != 2 {
		t.Errorf("%+v", st)
	}
}

// TestShortLe: a last record that the reader would not get in full commits
// nothing; asked for again in full it does.
func TestShortLe(t *testing.T) {
	k := newSample(t, "sm", 10000)
	s := k.insert(t, nil)
	s.ok(selectApp)
	s.ok(s.gpo(gate(300)))
	s.want("00B2011C10", 0x6C16)
	if st := s.chip.Inspect(); st.Balance != 10000 || st.LogRecords != 0 {
		t.Errorf("6C16 committed: %+v", st)
	}
	s.ok("00B2011C16")
	if st := s.chip.Inspect(); st.Balance != 9700 {
		t.Errorf("%+v", st)
	}
}
