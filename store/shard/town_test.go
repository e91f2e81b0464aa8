package shard

import (
	"encoding/binary"
	"iter"
	"testing"

	"github.com/citycard/citycard/crypt/keystore"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/recon"
	"github.com/citycard/citycard/recon/timeline"
	"github.com/citycard/citycard/store/sqlite"
	"github.com/citycard/citycard/txn"
)

func newVault(t testing.TB) *sqlite.Vault {
	t.Helper()
	seal, open, err := keystore.Development(1).TokenCipher(keystore.TokenName)
	if err != nil {
		t.Fatal(err)
	}
	return sqlite.NewVault(seal, open)
}

// town is a row generator: cards that live from day to day. One tap in 75 is torn before
// the card pays, and one in 300 after it, as in the simulated city; one row in 100 comes
// one to nine days late, one in 600 never, one is refused, and one load in 500 fails.
type town struct {
	seed  uint64
	atc   []uint16
	value []uint32
}

func newTown(seed uint64, n int) *town {
	w := &town{seed: seed, atc: make([]uint16, n), value: make([]uint32, n)}
	for i := range w.value {
		w.value[i] = 20_000
	}
	return w
}

// townStart is midnight before day 0.
const townStart = 1_790_000_000 / day * day

// townKey is the card of number i.
func townKey(i int) txn.CardKey {
	p := txn.PAN{0x62, 0x28, 0x00, 0x01}
	for at, n := 7, i; at >= 4; at-- {
		p[at] = byte(n/10%10<<4 | n%10)
		n /= 100
	}
	p[8], p[9] = 0xFF, 0xFF
	return txn.CardKey{PAN: p, PSN: 1}
}

// opening is what the issuer knows of every card before day 0.
func (w *town) opening(yield func(recon.Event, error) bool) {
	for i := range w.value {
		o := timeline.Observation{Kind: timeline.Opening, B: money.Fen(w.value[i]), Time: townStart - day}
		if !yield(recon.Event{Card: townKey(i), Obs: o}, nil) {
			return
		}
	}
}

// dice are the numbers that one card draws on one day.
type dice uint64

func (d *dice) n(sides uint64) uint64 { // splitmix64
	*d += 0x9E3779B97F4A7C15
	z := uint64(*d)
	z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
	z = (z ^ z>>27) * 0x94D049BB133111EB
	return (z ^ z>>31) % sides
}

// taps is how often a card is used on a day: of ten cards two hardly ever, four now and
// then, three to work and back, one all day. With entries and loads that makes 1.25 rows.
func taps(card int, d *dice) int {
	switch kind := uint64(card) * 0x9E3779B97F4A7C15 >> 32 % 10; {
	case kind < 2:
		return int(d.n(10) / 9)
	case kind < 6:
		return 2 * int(d.n(4)/3)
	case kind < 9:
		return 2 * int((9+d.n(10))/10)
	}
	return 2 + int(d.n(3))
}

// day makes the rows of one day. late is by how many days a row comes too late.
func (w *town) day(n int, emit func(late int, card int, o *timeline.Observation)) {
	for i := range w.atc {
		d := dice(w.seed ^ uint64(i)<<20 ^ uint64(n))
		d.n(2)
		count := taps(i, &d)
		for k := range count {
			w.tap(i, townStart+int64(n)*day+int64(6+17*k/count)*3600+int64(d.n(3600)), &d, emit)
		}
	}
}

// delay is by how many days a late row comes too late.
func delay(d *dice) int {
	if d.n(4) == 0 {
		return 1 + int(d.n(9))
	}
	return 1 + int(d.n(2))
}

// tap is one use of a card.
func (w *town) tap(i int, at int64, d *dice, emit func(late int, card int, o *timeline.Observation)) {
	row := func() timeline.Observation {
		w.atc[i]++
		terminal := d.n(20_000)
		return timeline.Observation{ATC: w.atc[i], B: money.Fen(w.value[i]), Content: d.n(1 << 63), Time: at, Terminal: txn.TerminalID(terminal + 1), Sequence: uint32(d.n(1 << 30))}
	}
	if w.value[i] < 1000 {
		o := row()
		o.Kind, o.Debit, o.Terminal, o.Time = timeline.Load, 10_000, 0, at-1800
		if d.n(500) > 0 { // else a flash load
			w.value[i] += 10_000
		}
		emit(0, i, &o)
	}
	fare := uint32(100 * (2 + d.n(5)))
	if d.n(5) == 0 { // an entry
		o := row()
		o.Kind, o.Time = timeline.Zero, at-1200
		late := 0
		if d.n(100) == 0 {
			late = delay(d)
		}
		emit(late, i, &o)
	}
	switch d.n(150) { // torn before it paid: the rider taps again
	case 0:
		w.atc[i]++
	case 1:
		o := row()
		o.Kind, o.Debit = timeline.Doubt, money.Fen(fare)
		emit(0, i, &o)
	}
	o := row()
	late := 0
	o.Kind, o.Debit, o.Commit = timeline.Paid, money.Fen(fare), timeline.Yes
	w.value[i] -= fare
	switch d.n(600) {
	case 0: // a flash card
		o.Kind, o.Commit = timeline.Doubt, timeline.Open
	case 1:
		o.Kind, o.Commit, o.Service = timeline.Doubt, timeline.Open, true
	case 2, 3, 4, 5, 6, 7:
		late = delay(d)
	case 8:
		late = 1 << 20 // lost for ever
	case 9:
		o.Refused = true
	}
	emit(late, i, &o)
}

// calendar sorts a town's rows by the day on which they come.
type calendar [][]recon.Event

func (w *town) calendar(days int) calendar {
	c := make(calendar, days)
	for n := range days {
		w.day(n, func(late, card int, o *timeline.Observation) {
			if n+late < days {
				c[n+late] = append(c[n+late], recon.Event{Card: townKey(card), Obs: *o})
			}
		})
	}
	return c
}

// on is the source of one day's events.
func (c calendar) on(n int) iter.Seq2[recon.Event, error] {
	return func(yield func(recon.Event, error) bool) {
		for _, e := range c[n] {
			if !yield(e, nil) {
				return
			}
		}
	}
}

// closing is the time at which a day is reconciled.
func closing(n int) int64 { return townStart + int64(n+1)*day + 3*3600 }

// postingName names a posting in the notebook of runs.
func postingName(p *recon.Posting) string {
	b := p.Key.Bytes()
	return "posting " + string(appendHex(nil, b[:]))
}

func appendHex(dst, b []byte) []byte {
	const digits = "0123456789abcdef"
	for _, c := range b {
		dst = append(dst, digits[c>>4], digits[c&15])
	}
	return dst
}

// note is a book of postings: a name each, and what was posted under it.
func note(tx *sqlite.Tx, postings []recon.Posting) error {
	for i := range postings {
		p := &postings[i]
		if err := tx.PutRunState(postingName(p), binary.BigEndian.AppendUint64([]byte{byte(p.From), byte(p.To)}, uint64(p.Amount))); err != nil {
			return err
		}
	}
	return nil
}
