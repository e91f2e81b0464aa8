package agree

import (
	"encoding/binary"
	"slices"

	"pgregory.net/rapid"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/recon/timeline"
	"github.com/citycard/citycard/sim/oracle"
	"github.com/citycard/citycard/txn"
)

// kind of a card.
type kind int

const (
	bank kind = iota
	quota
	purse
)

const limit money.Fen = 6

// life is a chip that really lived, with what was told of it.
type life struct {
	t       *rapid.T
	kind    kind
	opening money.Fen
	deposit money.Fen

	atc           uint16
	balance, used money.Fen
	holds         []held
	psam          uint32
	pushed        uint16

	rows   []txn.Row
	pushes []timeline.PushMessage
	paid   map[uint16]money.Fen // doubt rows that paid, by counter
}

type held struct {
	atc    uint16
	amount money.Fen
}

func (l *life) draw(name string, least, most int) int {
	return rapid.IntRange(least, most).Draw(l.t, name)
}

func (l *life) one(name string, of ...string) string { return rapid.SampledFrom(of).Draw(l.t, name) }

func (l *life) put(v money.Fen) { l.balance, l.used = max(v, 0), max(-v, 0) }

func (l *life) value() money.Fen { return l.balance - l.used }

// covers reports whether the chip can pay an amount.
func (l *life) covers(a money.Fen) bool { return a <= l.balance+l.deposit-l.used }

func live(t *rapid.T, k kind) *life {
	l := &life{t: t, kind: k, paid: map[uint16]money.Fen{}}
	l.opening = money.Fen(l.draw("opening", 5, 20))
	if k == bank {
		l.deposit = rapid.SampledFrom([]money.Fen{0, 8}).Draw(t, "deposit")
	}
	l.balance = l.opening
	if k == quota {
		l.push(l.one("place of the first push", "read", "lost") == "read")
	}
	for range rapid.IntRange(1, 9).Draw(t, "events") {
		l.event()
	}
	return l
}

func (l *life) push(known bool) {
	l.pushed++
	m := timeline.PushMessage{Number: l.pushed, Value: l.opening, Read: l.atc, Placed: known, Executed: timeline.Yes, Time: int64(l.atc)*3600 + 60}
	if !known {
		m.After = uint16(max(0, int(l.atc)-l.draw("known before", 0, 2)))
	}
	l.pushes = append(l.pushes, m)
	l.balance = l.opening
}

// event is one counter, or one try of a purse.
func (l *life) event() {
	amount := money.Fen(l.draw("amount", 1, int(limit)))
	what := l.one("what", "pay", "pay", "entry", "flash", "left", "hold", "complete", "push", "hidden")
	switch {
	case what == "push" && l.kind == quota:
		l.push(l.one("place", "read", "read", "lost") == "read")
	case l.kind == purse:
		l.trade(what, amount)
	case what == "hold" && l.kind == bank && amount <= l.balance && len(l.holds) < 3:
		l.hold(amount)
	case what == "complete" && len(l.holds) > 0:
		l.complete(l.draw("which", 0, len(l.holds)-1))
	case what == "entry" || !l.covers(amount):
		l.atc++
		l.tell(txn.Entry, 0, l.value(), 0)
	default:
		l.pay(what, amount)
	}
}

func (l *life) pay(what string, amount money.Fen) {
	l.atc++
	after := l.value() - amount
	switch what {
	case "flash":
		l.tell(txn.Doubt, amount, after, doubt)
		l.paid[l.atc] = amount
	case "left":
		l.tell(txn.Doubt, amount, after, doubt)
		return
	case "hidden":
	default:
		l.tell(txn.Single, amount, after, txn.LastRecordRead)
	}
	l.put(after)
}

var doubt = txn.Flags(0).WithReason(txn.LastAnswerLost)

func (l *life) hold(amount money.Fen) {
	l.atc++
	after := l.balance - amount
	how := l.one("hold", "told", "told", "hidden", "doubt", "left")
	switch how {
	case "told":
		l.tell(txn.Hold, amount, after, txn.LastRecordRead)
	case "doubt", "left":
		l.tell(txn.Doubt, amount, after, doubt)
		l.rows[len(l.rows)-1].DF60 = 2
		l.rows[len(l.rows)-1].AC = [8]byte{}
	}
	if how != "left" {
		l.balance = after
		l.holds = append(l.holds, held{l.atc, amount})
	}
}

func (l *life) complete(k int) {
	h := l.holds[k]
	final := money.Fen(l.draw("final", 0, int(h.amount)+2))
	if final > h.amount && !l.covers(final-h.amount) {
		return
	}
	l.atc++
	after := l.value() + h.amount - final
	how := l.one("completion", "told", "told", "hidden", "doubt", "left")
	switch {
	case how == "told":
		l.tell(txn.Completion, final, after, txn.LastRecordRead)
	case how != "hidden":
		l.tell(txn.Doubt, final, after, doubt)
		l.rows[len(l.rows)-1].DF60 = 3
		if how == "doubt" && final > 0 {
			l.paid[l.atc] = final
		}
	}
	if how != "hidden" {
		r := &l.rows[len(l.rows)-1]
		r.Held, r.EntryATC = h.amount, h.atc
	}
	if how != "left" {
		l.put(after)
		l.holds = slices.Delete(l.holds, k, k+1)
	}
}

// tell writes the row of a tap after which the chip would have a value. DF63 is read
// where the gate does so.
func (l *life) tell(k txn.Kind, amount, after money.Fen, flags txn.Flags) {
	r := txn.Row{Kind: k, Flags: flags, ATC: l.atc, Amount: amount, Time: int64(l.atc) * 3600, Terminal: 7, Sequence: uint32(len(l.rows) + 1), DF63: txn.DF63Unread}
	if after <= 0 && l.one("DF63", "read", "read", "not read") == "read" {
		r.DF63 = uint32(-after)
	}
	stated, err := max(after, 0).N12()
	if err != nil {
		l.t.Fatal(err)
	}
	iad := cryptogram.IAD{DKI: 1, CVN: cryptogram.CVN17, CVR: [3]byte{byte(cryptogram.TC) << 4}, Alg: cryptogram.SM4, IDD: cryptogram.IDDBalance, Amount1: [5]byte(stated[1:])}
	binary.BigEndian.PutUint16(iad.MAC[:], l.atc)
	iad.Append(r.IAD[:0])
	r.AC = [8]byte{1, byte(l.atc)}
	if k == txn.Hold {
		r.AC = [8]byte{}
	}
	l.rows = append(l.rows, r)
}

// trade is an event of a purse: the counter rises only if it pays.
func (l *life) trade(what string, amount money.Fen) {
	l.psam++
	if amount > l.balance || what == "entry" {
		amount = 0
	}
	d := txn.PurseData{Sequence: l.atc + 1, Before: l.balance, Terminal: [6]byte{5: 7}, TerminalSequence: l.psam}
	r := txn.Row{Kind: txn.Single, Amount: amount, Time: int64(l.psam) * 3600, Terminal: 7, Sequence: l.psam}
	commits := true
	switch what {
	case "flash", "left":
		r.Kind, r.Flags = txn.Doubt, doubt
		commits = what == "flash"
	default:
		d.TAC, d.MAC2 = [4]byte{1, byte(l.psam)}, [4]byte{2}
	}
	if err := d.Put(&r); err != nil {
		l.t.Fatal(err)
	}
	if what != "hidden" {
		l.rows = append(l.rows, r)
	}
	if commits {
		l.atc++
		l.balance -= amount
		if what == "flash" && amount > 0 {
			l.paid[l.atc] = amount
		}
	}
}

// card is what reconciliation makes of it.
func (l *life) card() *timeline.Card {
	c := new(timeline.Card)
	if l.kind != quota {
		c.Add(timeline.Observation{Kind: timeline.Opening, B: l.opening})
	}
	for _, m := range l.pushes {
		o, err := timeline.FromPush(m)
		l.must(err)
		c.Add(o)
	}
	for i := range l.rows {
		o, err := l.observe(&l.rows[i])
		l.must(err)
		c.Add(o)
	}
	return c
}

func (l *life) observe(r *txn.Row) (timeline.Observation, error) {
	if r.Scheme == txn.Purse {
		return timeline.FromPurse(r, false)
	}
	iad, err := cryptogram.ParseIAD(r.IssuerData())
	l.must(err)
	return timeline.FromRow(r, iad, false)
}

func (l *life) must(err error) {
	if err != nil {
		l.t.Fatal(err)
	}
}

// open is what the oracle makes of it.
func (l *life) open() []oracle.Open {
	var seen []oracle.Seen
	for _, r := range l.rows {
		seen = append(seen, oracle.Seen{Row: r})
	}
	chip := oracle.Chip{Opening: l.opening, Limit: limit, Deposit: l.deposit, Holds: l.kind == bank}
	if l.kind == quota {
		chip.Opening = 0
	}
	for _, m := range l.pushes {
		p := oracle.Push{Number: m.Number, Value: m.Value, After: m.After, Placed: m.Placed}
		if m.Placed {
			p.After = m.Read
		}
		chip.Pushes = append(chip.Pushes, p)
	}
	return chip.Decide(seen)
}
