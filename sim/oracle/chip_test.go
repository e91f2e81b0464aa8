package oracle_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/sim/oracle"
	"github.com/citycard/citycard/txn"
)

// chipRow is a row of a card with the extension that states a balance.
func chipRow(k txn.Kind, atc uint16, amount, stated money.Fen, more ...func(*txn.Row)) oracle.Seen {
	r := txn.Row{Kind: k, ATC: atc, Amount: amount, AC: [8]byte{1, byte(atc), byte(amount), byte(stated)}, DF63: txn.DF63Unread, Time: int64(atc) * 3600, Flags: txn.LastRecordRead}
	if k == txn.Doubt {
		r.Flags = lost
	}
	if k == txn.Hold {
		r.AC = [8]byte{}
	}
	n12, err := stated.N12()
	if err != nil {
		panic(err)
	}
	iad := cryptogram.IAD{DKI: 1, CVN: cryptogram.CVN17, CVR: [3]byte{byte(cryptogram.TC) << 4}, Alg: cryptogram.SM4, IDD: cryptogram.IDDBalance, Amount1: [5]byte(n12[1:]), MAC: [4]byte{byte(atc), byte(stated)}}
	iad.Append(r.IAD[:0])
	for _, f := range more {
		f(&r)
	}
	return oracle.Seen{Row: r}
}

func completes(hold uint16, held money.Fen) func(*txn.Row) {
	return func(r *txn.Row) { r.Held, r.EntryATC, r.DF60 = held, hold, 3 }
}

func df63(used uint32) func(*txn.Row) { return func(r *txn.Row) { r.DF63 = used } }

func trade(k txn.Kind, seq uint16, amount, before money.Fen, psam uint32) oracle.Seen {
	r := txn.Row{Kind: k, Amount: amount, Time: int64(psam)}
	d := txn.PurseData{Sequence: seq, Before: before, TerminalSequence: psam}
	if k == txn.Doubt {
		r.Flags = lost
	} else {
		d.TAC = [4]byte{1, byte(psam)}
	}
	if err := d.Put(&r); err != nil {
		panic(err)
	}
	return oracle.Seen{Row: r}
}

// TestChipDecide is worked by hand. Limit 600.
func TestChipDecide(t *testing.T) {
	type open = oracle.Open
	doubt := func(atc uint16, amount money.Fen, must, can bool) open {
		return open{ATC: atc, Kind: txn.Doubt, Amount: amount, MustHavePaid: must, CanHavePaid: can}
	}
	bank := oracle.Chip{Opening: 1000, Limit: 600, Holds: true}
	loan := oracle.Chip{Opening: 100, Limit: 600, Deposit: 500}
	quota := oracle.Chip{Limit: 600, Pushes: []oracle.Push{{Number: 1, Value: 1000, Placed: true}, {Number: 2, Value: 1000, After: 1}}}
	placed := oracle.Chip{Limit: 600, Pushes: []oracle.Push{{Number: 1, Value: 1000, Placed: true}, {Number: 2, Value: 1000, After: 2, Placed: true}}}
	purse := oracle.Chip{Opening: 1000, Limit: 600}
	gone := oracle.Chip{Opening: 1000, Limit: 600, Holds: true}
	for _, c := range []struct {
		name string
		chip oracle.Chip
		rows []oracle.Seen
		want []open
	}{
		{"a doubt row between hold and completion", bank, []oracle.Seen{chipRow(txn.Hold, 1, 400, 600), chipRow(txn.Doubt, 2, 200, 400),
			chipRow(txn.Completion, 3, 300, 500, completes(1, 400))}, []open{doubt(2, 200, true, true)}},
		{"a missing counter may have completed the hold: 200 paid, 200 back", bank, []oracle.Seen{chipRow(txn.Hold, 1, 400, 600), chipRow(txn.Doubt, 2, 200, 400),
			chipRow(txn.Entry, 4, 0, 600)}, []open{doubt(2, 200, false, true)}},
		{"a completion in doubt", bank, []oracle.Seen{chipRow(txn.Hold, 1, 400, 600), chipRow(txn.Doubt, 2, 300, 700, completes(1, 400)), chipRow(txn.Entry, 3, 0, 700)},
			[]open{doubt(2, 300, true, true)}},
		{"a later completion of the same hold", bank, []oracle.Seen{chipRow(txn.Hold, 1, 400, 600), chipRow(txn.Doubt, 2, 400, 600, completes(1, 400)),
			chipRow(txn.Completion, 3, 300, 700, completes(1, 400))}, []open{doubt(2, 400, false, false)}},
		{"a completion of what was never held", oracle.Chip{Opening: 1000, Limit: 600}, []oracle.Seen{chipRow(txn.Doubt, 1, 100, 900), chipRow(txn.Completion, 2, 300, 1000, completes(1, 400))},
			[]open{{ATC: 1, Kind: txn.Doubt, Amount: 100, Contradicted: true}}},
		{"a hold that only its completion names took the missing 400", gone, []oracle.Seen{chipRow(txn.Doubt, 1, 400, 600), chipRow(txn.Completion, 3, 100, 900, completes(2, 400))},
			[]open{doubt(1, 400, false, false)}},
		{"on the deposit nothing shows", loan, []oracle.Seen{chipRow(txn.Exit, 1, 200, 0), chipRow(txn.Doubt, 2, 100, 0), chipRow(txn.Entry, 3, 0, 0)},
			[]open{doubt(2, 100, false, true)}},
		{"unless DF63 was read", loan, []oracle.Seen{chipRow(txn.Exit, 1, 200, 0), chipRow(txn.Doubt, 2, 100, 0), chipRow(txn.Entry, 3, 0, 0), chipRow(txn.Entry, 4, 0, 0, df63(200))},
			[]open{doubt(2, 100, true, true)}},
		{"the card would not have offered what its deposit does not cover", loan, []oracle.Seen{chipRow(txn.Exit, 1, 500, 0), chipRow(txn.Doubt, 2, 200, 0), chipRow(txn.Entry, 3, 0, 0)},
			[]open{{ATC: 2, Kind: txn.Doubt, Amount: 200, Contradicted: true}}},
		{"a push may have covered it up", quota, []oracle.Seen{chipRow(txn.Entry, 1, 0, 1000), chipRow(txn.Doubt, 2, 300, 700), chipRow(txn.Entry, 3, 0, 1000)},
			[]open{doubt(2, 300, false, true)}},
		{"without a push it did not pay", placed, []oracle.Seen{chipRow(txn.Doubt, 1, 300, 700), chipRow(txn.Entry, 2, 0, 1000), chipRow(txn.Entry, 3, 0, 1000)},
			[]open{doubt(1, 300, false, false)}},
		{"the place of the push is not as the card said", placed, []oracle.Seen{chipRow(txn.Exit, 1, 400, 600), chipRow(txn.Entry, 2, 0, 600), chipRow(txn.Entry, 3, 0, 600),
			chipRow(txn.Doubt, 4, 100, 500), chipRow(txn.Entry, 5, 0, 1000)}, []open{doubt(4, 100, false, true)}},
		{"no push explains a second rise", placed, []oracle.Seen{chipRow(txn.Doubt, 1, 400, 600), chipRow(txn.Entry, 2, 0, 600), chipRow(txn.Entry, 3, 0, 1000),
			chipRow(txn.Exit, 4, 100, 900), chipRow(txn.Entry, 5, 0, 1000)}, []open{{ATC: 1, Kind: txn.Doubt, Amount: 400, Contradicted: true}}},
		{"a try that another trade disproves", purse, []oracle.Seen{trade(txn.Doubt, 1, 300, 1000, 1), trade(txn.Exit, 1, 200, 1000, 2), trade(txn.Exit, 2, 100, 800, 3)},
			[]open{doubt(1, 300, false, false)}},
		{"another trade may have paid just as much", purse, []oracle.Seen{trade(txn.Doubt, 1, 300, 1000, 1), trade(txn.Exit, 2, 100, 700, 3)},
			[]open{doubt(1, 300, false, true)}},
		{"the first of two tries did not pay", purse, []oracle.Seen{trade(txn.Doubt, 1, 300, 1000, 1), trade(txn.Doubt, 1, 400, 1000, 2), trade(txn.Exit, 2, 100, 600, 3)},
			[]open{doubt(1, 300, false, false), doubt(1, 400, false, true)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			rows := append(slices.Clone(c.rows), c.rows[len(c.rows)/2])
			for range 2 {
				if diff := cmp.Diff(c.want, c.chip.Decide(rows)); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
				slices.Reverse(rows)
			}
		})
	}
}

// TestChipDecideIsDecideForPlainCards plays plain cards with Chip.Decide's own player.
func TestChipDecideIsDecideForPlainCards(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := drawLife(t)
		want := oracle.Decide(l.rows(), l.opening, l.limit)
		chip := oracle.Chip{Opening: l.opening, Limit: l.limit, Pushes: []oracle.Push{{Number: 1, Value: l.opening, Placed: true}}}
		rows := l.rows()
		for i := range rows {
			rows[i].Row.DF63 = txn.DF63Unread
		}
		if diff := cmp.Diff(want, chip.Decide(rows)); diff != "" {
			t.Fatalf("%+v (-Decide +Chip.Decide):\n%s", l, diff)
		}
	})
}

func TestBooksOfHolds(t *testing.T) {
	b := oracle.NewBooks(1)
	check := func(what string, err error, want oracle.Sums) {
		t.Helper()
		if got := b.Sums(); err != nil || got != want {
			t.Errorf("%s: %+v, %v, want %+v", what, got, err, want)
		}
	}
	check("hold", b.Hold(0, 2, 600), oracle.Sums{Outstanding: 600})
	check("released", b.Refunded(0, 2, 4, 600), oracle.Sums{})
	check("completed after the release", b.Complete(0, 2, 5, 250), oracle.Sums{Outstanding: 250, Overpaid: 600})
	check("release taken back", b.Undone(0, 2, 4, 600), oracle.Sums{Outstanding: 250})
	check("presented", b.Posted(0, 5, 250), oracle.Sums{})
	for name, err := range map[string]error{"again": b.Complete(0, 2, 6, 100), "never held": b.Complete(0, 9, 10, 100)} {
		if !errors.Is(err, oracle.ErrNothing) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := b.Complete(1, 2, 6, 100); !errors.Is(err, oracle.ErrCard) {
		t.Errorf("another card: %v", err)
	}
}
