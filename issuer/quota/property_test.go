package quota_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/citycard/citycard/card/capp"
	"github.com/citycard/citycard/issuer/quota"
	"github.com/citycard/citycard/ledger"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/apdu"
)

// world is a card, its issuer and its books, with all that may go wrong in between. The
// card is a capp.Purse; what the issuer can only bound is plain to see here.
type world struct {
	t     *testing.T
	r     *rapid.T
	m     *quota.Machine
	s     quota.Service
	terms quota.Terms
	now   int64

	purse    capp.Purse
	atc      uint16
	lastPush uint16
	sent     map[uint16][]byte // by Push ATC

	rows   []txn.Presented // made and not yet presented
	came   []arrival
	paid   map[uint16]money.Fen
	old    []txn.Presented
	book   *books
	undone []ledger.Transfer // asked for; the answer has not come
}

type arrival struct {
	atc uint16
	at  int64
}

func newWorld(t *testing.T, r *rapid.T) *world {
	w := &world{t: t, r: r, terms: terms, now: start, sent: map[uint16][]byte{}, paid: map[uint16]money.Fen{}}
	w.terms.Deposit = rapid.SampledFrom([]money.Fen{0, 700}).Draw(r, "deposit")
	w.terms.Cap = w.terms.Quota + w.terms.Deposit + w.terms.Threshold + money.Fen(rapid.IntRange(0, 9000).Draw(r, "cap above"))
	w.m = newMachine(t, w.terms)
	w.book = newBooks(t, money.Fen(rapid.IntRange(0, 40_000).Draw(r, "funds")))
	w.s = open(t, w.m, quota.Request{})
	return w
}

// truth is what the card can still cost: what it can spend, and what was spent and can still be presented.
func (w *world) truth() money.Fen {
	sum := w.purse.Balance + w.purse.Deposit - w.purse.Used
	for i := range w.rows {
		if x := &w.rows[i].Row; x.Kind.Paid() && !w.tooLate(x.ATC) {
			sum += x.Amount
		}
	}
	return sum
}

func (w *world) tooLate(atc uint16) bool {
	return slices.ContainsFunc(w.came, func(a arrival) bool { return a.atc > atc && a.at+w.terms.Window < w.now })
}

// check compares what the issuer believes with the truth, stores the service and loads it
// again.
func (w *world) check() {
	w.r.Helper()
	bound := w.m.Exposure(&w.s, w.now)
	if truth := w.truth(); truth > bound || bound > w.terms.Cap {
		w.r.Fatalf("exposure is %v, the issuer says %v, the cap is %v\n%+v", truth, bound, w.terms.Cap, w.s)
	}
	if w.s.Stops&(quota.StopImpossible|quota.StopConflict) != 0 {
		w.r.Fatalf("an honest card is stopped: %b\n%+v", w.s.Stops, w.s)
	}
	if err := w.s.Validate(); err != nil {
		w.r.Fatal(err)
	}
	b, err := json.Marshal(&w.s)
	if err != nil || bytes.Contains(b, []byte("6228000100001117")) {
		w.r.Fatalf("store: %v, number in clear: %s", err, b)
	}
	again := quota.Service{Card: w.s.Card}
	if err := json.Unmarshal(b, &again); err != nil {
		w.r.Fatal(err)
	}
	w.s = again
	if p, ok := w.s.Outgoing(); ok {
		if was, known := w.sent[p.ATC]; known && !bytes.Equal(was, p.Command) {
			w.r.Fatalf("push %d with other content", p.ATC)
		} else if !known && int(p.ATC) != len(w.sent)+1 {
			w.r.Fatalf("push %d after %d pushes", p.ATC, len(w.sent))
		}
		w.sent[p.ATC] = p.Command
	}
}

func (w *world) effects(e quota.Effects, err error) {
	w.r.Helper()
	if err != nil {
		w.r.Fatal(err)
	}
	for _, a := range e.Accounts {
		w.book.open(a)
	}
	w.undone = append(w.undone, e.Transfers...)
}

// made is a row of the tap that the card has just committed.
func (w *world) made(kind txn.Kind, amount money.Fen) {
	p := row(w.t, kind, w.atc, amount, w.purse.Balance)
	p.Row.Time = w.now
	w.rows = append(w.rows, p)
}

// tap is one tap, of any kind and with any end.
func (w *world) tap() {
	w.atc++
	amount := money.Fen(rapid.IntRange(1, 2500).Draw(w.r, "fare"))
	switch rapid.IntRange(0, 9).Draw(w.r, "tap") {
	case 0: // the counter is used up and nobody hears of it
	case 1:
		w.made(txn.Entry, 0)
	case 2:
		w.made(txn.Declined, amount)
	case 3, 4: // paid, and the row is lost for ever
		w.purse.Pay(amount)
	default:
		if w.purse.Pay(amount) {
			w.made(txn.Single, amount)
		}
	}
}

// present presents any row that waits, or one again.
func (w *world) present() {
	if len(w.old) > 0 && rapid.IntRange(0, 4).Draw(w.r, "again") == 0 {
		p := rapid.SampledFrom(w.old).Draw(w.r, "old row")
		taken, e, err := w.m.Present(&w.s, &p, txn.Cleared, 1, w.now)
		if taken != quota.Repeated && taken != quota.Over {
			w.r.Fatalf("counter %d again: %v", p.Row.ATC, taken)
		}
		w.effects(e, err)
		return
	}
	if len(w.rows) == 0 {
		return
	}
	i := rapid.IntRange(0, len(w.rows)-1).Draw(w.r, "row")
	w.take(i)
}

func (w *world) take(i int) {
	p, late := w.rows[i], w.tooLate(w.rows[i].Row.ATC)
	w.rows = slices.Delete(w.rows, i, i+1)
	taken, e, err := w.m.Present(&w.s, &p, txn.Cleared, 1, w.now)
	w.effects(e, err)
	want := quota.Noted
	switch {
	case late:
		want = quota.Over
	case p.Row.Kind.Paid():
		want = quota.Debited
		w.paid[p.Row.ATC] += p.Row.Amount
	}
	if taken != want {
		w.r.Fatalf("counter %d, %v: %v, want %v\n%+v", p.Row.ATC, p.Row.Kind, taken, want, w.s)
	}
	if !late {
		w.came = append(w.came, arrival{p.Row.ATC, w.now})
		w.old = append(w.old, p)
	}
}

// put is the card's Push PUT DATA.
func (w *world) put(command []byte) apdu.SW {
	atc := binary.BigEndian.Uint16(command[5:])
	value, err := money.FromN12(command[len(command)-14 : len(command)-8])
	if err != nil {
		w.r.Fatal(err)
	}
	if atc <= w.lastPush {
		return apdu.SWSecurity
	}
	w.lastPush = atc
	if command[7] == 0xDF {
		w.purse.Deposit = value
		return apdu.SWOK
	}
	w.purse.Load(value)
	return apdu.SWOK
}

// deliver takes the push that waits to the card, and perhaps its answer back.
func (w *world) deliver(safely bool) {
	p, ok := w.s.Outgoing()
	if !ok {
		return
	}
	if err := w.m.Sent(&w.s, p.ATC, w.now); err != nil {
		w.r.Fatal(err)
	}
	sw := apdu.SW(0x6581)
	end := 4
	if !safely {
		end = rapid.IntRange(0, 5).Draw(w.r, "way of a push")
	}
	switch end {
	case 0: // lost on the way there
		return
	case 1: // the card could not
	case 2: // lost on the way back
		w.put(p.Command)
		return
	case 3: // the card has no room, which staff looks into at some time
		if binary.BigEndian.Uint16(p.Command[5:]) <= w.lastPush {
			sw = apdu.SWSecurity
			break
		}
		sw = apdu.SWNoSpace
	default:
		sw = w.put(p.Command)
	}
	w.effects(w.m.Answered(&w.s, p.ATC, sw, w.now))
}

// bookOne books a transfer of those asked for, and tells the outcome, perhaps only later
// once more.
func (w *world) bookOne() {
	if len(w.undone) == 0 {
		return
	}
	x := w.undone[0]
	outcome := w.book.book(x)
	if rapid.IntRange(0, 4).Draw(w.r, "crash") == 0 {
		return // booked, and nobody heard: asked again
	}
	w.undone = w.undone[1:]
	w.effects(w.m.Booked(&w.s, &x, outcome, w.now))
}

func (w *world) step() {
	switch rapid.IntRange(0, 15).Draw(w.r, "step") {
	case 0, 1, 2, 3:
		w.tap()
	case 4, 5, 6, 7, 8:
		w.present()
	case 9, 10:
		w.deliver(false)
	case 11:
		w.bookOne()
	case 12:
		w.book.fund(money.Fen(rapid.IntRange(1, 5000).Draw(w.r, "pay in")))
		w.effects(w.m.Recover(&w.s, w.now), nil)
	case 13: // somebody kept an old push
		if n := rapid.IntRange(0, len(w.sent)).Draw(w.r, "replay"); n > 0 && n <= int(w.lastPush) && w.put(w.sent[uint16(n)]) != apdu.SWSecurity {
			w.r.Fatal("an old push was taken")
		}
	case 14:
		w.undone = w.m.Transfers(&w.s).Transfers // a crash; asked again from what is stored
	case 15:
		w.now += rapid.Int64Range(1, 8*day).Draw(w.r, "time")
		w.effects(w.m.Tick(&w.s, w.now))
		if w.s.Stops == quota.StopPush {
			w.effects(w.m.Resume(&w.s, w.now))
		}
	}
	w.now++
	w.check()
}

// Whatever is spent, lost, late, repeated, resent and not paid: the exposure stays within
// what the issuer says, and that within the cap; each row is debited once; no money goes
// back; each push has its number and its bytes for ever.
func TestExposureAgainstTheTruth(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		w := newWorld(t, r)
		w.check()
		for range rapid.IntRange(1, 60).Draw(r, "steps") {
			w.step()
		}
		if rapid.Bool().Draw(r, "close") {
			w.effects(w.m.Close(&w.s, w.now))
			w.check()
		}
		w.quiet()
	})
}

// quiet lets all that is under way come to its end, and looks at the money and whether the
// quota was restored.
func (w *world) quiet() {
	for range 6 {
		w.now += w.terms.Window + 1
		w.effects(w.m.Tick(&w.s, w.now))
		if w.s.Stops&quota.StopPush != 0 {
			w.effects(w.m.Resume(&w.s, w.now))
		}
		w.deliver(true)
		w.now += 2
		w.atc++
		w.made(txn.Entry, 0)
		for len(w.rows) > 0 {
			w.take(0)
			w.check()
		}
		w.book.fund(100_000)
		w.effects(w.m.Recover(&w.s, w.now), nil)
		w.undone = w.m.Transfers(&w.s).Transfers
		for len(w.undone) > 0 {
			w.bookOne()
		}
		w.check()
	}
	var presented, debited money.Fen
	for _, a := range w.paid {
		presented += a
	}
	for _, x := range w.book.transfers {
		if x.Credit == w.book.customer() {
			w.r.Fatalf("money goes back: %+v", x)
		}
		if x.Debit == w.book.customer() {
			debited += x.Amount
		}
	}
	if got := w.book.net(settlement); got != presented || debited != presented || len(w.s.Debts) != 0 {
		w.r.Fatalf("presented %v, paid %v, debited %v, still due %+v", presented, got, debited, w.s.Debts)
	}
	if w.s.Stops != 0 {
		w.r.Fatalf("all is paid and the card is stopped: %b", w.s.Stops)
	}
	switch w.s.State {
	case quota.Active:
		if w.purse.Balance < w.terms.Threshold {
			w.r.Fatalf("the quota was not restored: %v left, %v\n%+v", w.purse.Balance, w.m.Exposure(&w.s, w.now), w.s)
		}
	case quota.Closed:
		if w.purse.Balance != 0 {
			w.r.Fatalf("closed with %v on the card", w.purse.Balance)
		}
	default:
		w.r.Fatalf("the service is %v\n%+v", w.s.State, w.s)
	}
}
