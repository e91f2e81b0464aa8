package quota_test

import (
	"errors"
	"testing"

	"github.com/citycard/citycard/issuer/quota"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/txn"
)

func present(t testing.TB, m *quota.Machine, s *quota.Service, p txn.Presented, now int64) quota.Taken {
	t.Helper()
	taken, _, err := m.Present(s, &p, txn.Cleared, 1, now)
	noError(t, err)
	return taken
}

// What becomes of rows, one after the other, and how much the card can still cost.
func TestRows(t *testing.T) {
	m := newMachine(t, terms)
	s := running(t, m)
	for i, c := range []struct {
		row      txn.Presented
		taken    quota.Taken
		exposure money.Fen
		shadow   money.Fen
	}{
		{row(t, txn.Entry, 1, 0, 5000), quota.Noted, 5000, 5000},
		{row(t, txn.Exit, 2, 300, 4700), quota.Debited, 4700, 4700},
		{row(t, txn.Exit, 2, 300, 4700), quota.Repeated, 4700, 4700},
		{row(t, txn.Declined, 3, 9900, 4700), quota.Noted, 4700, 4700},
		{row(t, txn.Doubt, 4, 200, 4500), quota.Ignored, 4700, 4700},
		{row(t, txn.Single, 6, 500, 4000), quota.Debited, 4200, 4000}, // 4 and 5 took 200
		{row(t, txn.Entry, 4, 0, 4700), quota.Noted, 4200, 4000},
		{row(t, txn.Single, 5, 200, 4500), quota.Debited, 4000, 4000},
		{row(t, txn.Single, 1, 300, 4700), quota.Over, 4000, 4000}, // before what is still open
		{row(t, txn.Single, 6, 500, 3999), quota.Conflict, 4000, 4000},
	} {
		if taken := present(t, m, &s, c.row, start+int64(i)); taken != c.taken || m.Exposure(&s, start) != c.exposure || s.Shadow() != c.shadow {
			t.Errorf("row %d: %d, exposure %v, shadow %v; want %d, %v, %v", i, taken, m.Exposure(&s, start), s.Shadow(), c.taken, c.exposure, c.shadow)
		}
	}
	if s.Stops != quota.StopConflict || !s.Denied() {
		t.Errorf("two contents of one counter: stops %b", s.Stops)
	}
	if len(s.Debts) != 3 {
		t.Errorf("%d debts, want 3", len(s.Debts))
	}
}

// Rows that the machine does not take.
func TestRowsRefused(t *testing.T) {
	m := newMachine(t, terms)
	s := running(t, m)
	other := row(t, txn.Exit, 1, 100, 4900)
	other.Row.Card.PSN++
	silent := row(t, txn.Exit, 1, 100, 4900)
	silent.Row.IAD = [24]byte{0x07, 0x01, 0x01, 0x03, 0, 0, 0, 0x04}
	broken := row(t, txn.Exit, 1, 100, 4900)
	broken.Row.IAD[0] = 0x08
	for name, c := range map[string]struct {
		row     txn.Presented
		verdict txn.Verdict
	}{
		"refused by the issuer":  {row(t, txn.Exit, 1, 100, 4900), txn.BadCryptogram},
		"another card":           {other, txn.Cleared},
		"no balance in 9F10":     {silent, txn.Cleared},
		"no 9F10":                {broken, txn.Cleared},
		"pre-authorisation":      {row(t, txn.Hold, 1, 100, 4900), txn.Cleared},
		"end of such a one":      {row(t, txn.Completion, 1, 100, 4900), txn.Cleared},
		"clearing has it before": {row(t, txn.Exit, 1, 100, 4900), txn.Duplicate},
	} {
		if _, _, err := m.Present(&s, &c.row, c.verdict, 1, start); !errors.Is(err, quota.ErrRow) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(s.Debts) != 0 || len(s.Seen) != 1 {
		t.Errorf("a refused row left %+v", s)
	}
}

// A row that comes when its window is over is not debited, and no longer counts.
func TestTooLate(t *testing.T) {
	m := newMachine(t, terms)
	s := running(t, m)
	present(t, m, &s, row(t, txn.Single, 2, 100, 4000), start)
	if e := m.Exposure(&s, start); e != 4900 {
		t.Errorf("exposure %v, want 49 yuan: counter 1 has taken 9", e)
	}
	if e := m.Exposure(&s, start+terms.Window); e != 4900 {
		t.Errorf("exposure %v at the end of the window", e)
	}
	if e := m.Exposure(&s, start+terms.Window+1); e != 4000 {
		t.Errorf("exposure %v after the window, want 40 yuan", e)
	}
	if taken := present(t, m, &s, row(t, txn.Single, 1, 900, 4100), start+terms.Window+1); taken != quota.Over {
		t.Errorf("late row: %d", taken)
	}
}

// Value from nowhere: no push explains the rise. The card is denied until staff has looked
// at it.
func TestImpossible(t *testing.T) {
	m := newMachine(t, terms)
	s := running(t, m)
	present(t, m, &s, row(t, txn.Single, 1, 1000, 4000), start)
	present(t, m, &s, row(t, txn.Single, 3, 100, 4200), start)
	if s.Stops != quota.StopImpossible || !s.Denied() {
		t.Fatalf("stops %b", s.Stops)
	}
	e, err := m.Resume(&s, start)
	noError(t, err)
	if s.Stops != 0 || !e.Listed || m.Exposure(&s, start) != 4200 {
		t.Errorf("after resume: stops %b, listed %t, exposure %v", s.Stops, e.Listed, m.Exposure(&s, start))
	}
}

// Restoring waits for missing counters if it would lift the exposure above the cap.
func TestRestoreWaitsForTheCap(t *testing.T) {
	for cap, want := range map[money.Fen]bool{7999: false, 8000: true} {
		tight := terms
		tight.Cap = cap
		m := newMachine(t, tight)
		s := running(t, m)
		present(t, m, &s, row(t, txn.Single, 2, 2000, 400), start) // 26 yuan are missing
		p, ok := s.Outgoing()
		if ok != want || m.Exposure(&s, start) != map[bool]money.Fen{false: 3000, true: 8000}[want] {
			t.Fatalf("cap %v: pushed %t, exposure %v", cap, ok, m.Exposure(&s, start))
		}
		if want {
			continue
		}
		_, e, err := m.Present(&s, at(row(t, txn.Single, 1, 2600, 2400)), txn.Cleared, 1, start+day)
		noError(t, err)
		if p, ok = s.Outgoing(); !e.Push || !ok || p.ATC != 2 || m.Exposure(&s, start+day) != 5400 {
			t.Errorf("after the row came: push %t, %+v, exposure %v", e.Push, p, m.Exposure(&s, start+day))
		}
	}
}

// A balance of 0 does not say how much of the deposit is used; the amounts alone bound
// what is left then.
func TestBoundByAmounts(t *testing.T) {
	with := terms
	with.Deposit = 700
	m := newMachine(t, with)
	s := open(t, m, quota.Request{Deposit: 700})
	answer(t, m, &s, 0x9000, start)
	present(t, m, &s, row(t, txn.Single, 2, 100, 0), start)
	if p, ok := s.Outgoing(); !ok || p.ATC != 2 || m.Exposure(&s, start) != 5600+5000 {
		t.Errorf("push %t, exposure %v, want 56 yuan and the new quota", ok, m.Exposure(&s, start))
	}
}

// A push explains no rise before the counter that was known when it was stored.
func TestPushExplainsNothingBefore(t *testing.T) {
	m := newMachine(t, terms)
	s := running(t, m)
	present(t, m, &s, row(t, txn.Single, 1, 1000, 4000), start)
	present(t, m, &s, row(t, txn.Single, 6, 100, 200), start)
	answer(t, m, &s, 0x9000, start)
	present(t, m, &s, row(t, txn.Single, 3, 100, 4300), start)
	if s.Stops != quota.StopImpossible {
		t.Errorf("stops %b", s.Stops)
	}
}

// Two pushes of different values, one rise: the larger one goes on counting.
func TestWhichPushIsNotKnown(t *testing.T) {
	first, later := terms, terms
	first.Cap, later.Cap = 20_000, 20_000
	later.From, later.Quota = start+day, 4000
	m := newMachine(t, first, later)
	s := open(t, m, quota.Request{Balance: 400})
	answer(t, m, &s, 0x9000, start)
	present(t, m, &s, row(t, txn.Single, 5, 50, 300), start+day)
	present(t, m, &s, row(t, txn.Single, 6, 100, 3800), start+day)
	if e := m.Exposure(&s, start+day); e != 50+3800+5000 {
		t.Errorf("exposure %v", e)
	}
}

func at(p txn.Presented) *txn.Presented { return &p }

// The parameters in force on the day count.
func TestDatedTerms(t *testing.T) {
	later := terms
	later.From, later.Quota, later.Cap, later.Threshold = start+10*day, 8000, 20_000, 1000
	m := newMachine(t, terms, later)
	s := running(t, m)
	present(t, m, &s, row(t, txn.Single, 1, 4400, 600), start+day)
	if _, ok := s.Outgoing(); ok {
		t.Fatal("6 yuan are above the threshold of 5")
	}
	e, err := m.Tick(&s, start+10*day)
	noError(t, err)
	if p, ok := s.Outgoing(); !ok || !e.Push || p.Value != 8000 {
		t.Errorf("under the new terms: %t %+v", ok, p)
	}
}

// A terminal that turned the card away after it had offered to pay (deny-listed, leaves
// that would not open) does not know whether it has paid: the balance in its row is what
// would be left, and must not lower the bound.
func TestDeclinedOfferProvesNothing(t *testing.T) {
	m := newMachine(t, terms)
	s := running(t, m)
	offer := row(t, txn.Declined, 1, 400, 4600)
	offer.Row.IAD[4] = 0x90 // CVR: second GENERATE AC not asked for, first one TC
	if taken := present(t, m, &s, offer, start); taken != quota.Ignored || m.Exposure(&s, start) != 5000 || s.Shadow() != 5000 {
		t.Errorf("%d, exposure %v, shadow %v", taken, m.Exposure(&s, start), s.Shadow())
	}
	entry := row(t, txn.Declined, 2, 0, 5000)
	entry.Row.IAD[4] = 0x90
	if taken := present(t, m, &s, entry, start); taken != quota.Noted {
		t.Errorf("an entry that was turned away: %d, want noted", taken)
	}
}
