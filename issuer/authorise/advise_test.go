package authorise_test

import (
	"errors"
	"testing"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/issuer/authorise"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// performed is a script result notice: the script of the load or unload was carried out.
func performed(q txn.OnlineRequest) []byte {
	x, err := authorise.ParseICC(q.ICC)
	if err != nil {
		panic(err)
	}
	return tlv.Append(nil, tlv.TagIssuerScriptResult, []byte{0x20, 0x9F, 0x79, byte(x.Card.ATC >> 8), byte(x.Card.ATC)})
}

// TestUnloadIsCreditedWhenSomebodySaysThatItRan: by the terminal's notice at once, by the
// card's next balance else; once, and taken back if the card shows otherwise.
func TestUnloadIsCreditedWhenSomebodySaysThatItRan(t *testing.T) {
	for _, c := range []struct {
		name            string
		runs, told      bool
		before, settled money.Fen // account, less what it opened with: before and after the card's next request
		state           authorise.State
	}{
		{"ran and told", true, true, 100_000, 100_000, authorise.Confirmed},
		{"ran", true, false, 0, 100_000, authorise.Confirmed},
		{"not run, called done", false, true, 100_000, 0, authorise.Undone},
		{"not run", false, false, 0, 0, authorise.Undone},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, "dev-3des", card.Contact)
			q := w.arqc(txn.OnlineUnload, 0, 0)
			a := w.ask(q, "00")
			if c.runs {
				w.finish(a, 0x40, 0x40, apdu.SWOK)
			}
			for range 2 { // a notice may come twice
				if c.told {
					noError(t, w.issuer.Advise(&q, performed(q)))
				}
			}
			if got := w.book.card.Available - 100_000; got != c.before {
				t.Errorf("account moved by %v before the card has spoken, want %v", got, c.before)
			}
			w.again()
			w.ask(w.arqc(txn.OnlineInquiry, 0, 0), "00")
			d := w.book.decisions[authorise.Number{Counter: true, ATC: 1}]
			if got := w.book.card.Available - 100_000; got != c.settled || d.State != c.state || !d.Shown {
				t.Errorf("account moved by %v, state %d, shown %v; want %v, %d, true", got, d.State, d.Shown, c.settled, c.state)
			}
			noError(t, w.issuer.Advise(&q, performed(q)))
			if got := w.book.card.Available - 100_000; got != c.settled {
				t.Errorf("a notice after the card's word moves the account to %v", got)
			}
		})
	}
}

// TestNoticesThatSayNothing change nothing, and those that cannot be right are refused.
func TestNoticesThatSayNothing(t *testing.T) {
	w := newWorld(t, "dev-3des", card.Contact)
	q := w.arqc(txn.OnlineLoad, 100, 0x60)
	if err := w.issuer.Advise(&q, performed(q)); !errors.Is(err, authorise.ErrRefused) {
		t.Errorf("notice before the request: %v", err)
	}
	w.ask(q, "00")
	for _, icc := range [][]byte{nil, result(1), result(0), tlv.Append(nil, tlv.TagIssuerScriptResult, []byte{0x20, 1, 2, 3, 4})} {
		noError(t, w.issuer.Advise(&q, icc))
	}
	d := w.book.decisions[authorise.Number{Counter: true, ATC: 1}]
	if d.Told || d.State != authorise.Agreed || w.book.card.Available != 99_900 {
		t.Errorf("told %v, state %d, account %v", d.Told, d.State, w.book.card.Available)
	}
	other := q
	other.Amount++
	for _, bad := range []struct {
		q   *txn.OnlineRequest
		icc []byte
	}{{&q, []byte{1}}, {&other, performed(q)}, {&txn.OnlineRequest{}, nil}} {
		if err := w.issuer.Advise(bad.q, bad.icc); !errors.Is(err, authorise.ErrRefused) {
			t.Errorf("notice %X: %v", bad.icc, err)
		}
	}
	noError(t, w.issuer.Reverse(&q, authorise.ScriptUnknown, nil))
	noError(t, w.issuer.Advise(&q, performed(q)))
	if d = w.book.decisions[authorise.Number{Counter: true, ATC: 1}]; !d.Told || d.State != authorise.Agreed {
		t.Errorf("after a doubt and a notice: told %v, state %d", d.Told, d.State)
	}
}

// TestLateNoticeIsNoNewLoad: a notice about an unload that comes when the card has loaded
// since does not make the later balance a proof that the unload did not run.
func TestLateNoticeIsNoNewLoad(t *testing.T) {
	w := newWorld(t, "dev-3des", card.Contact)
	before := w.balance()
	w.again()
	q := w.arqc(txn.OnlineUnload, 0, 0)
	w.finish(w.ask(q, "00"), 0x40, 0x40, apdu.SWOK)
	w.again()
	noError(t, w.Start(100, 0)) // a counter between, so that the load does not settle the unload
	w.again()
	w.finish(w.ask(w.arqc(txn.OnlineLoad, 300, 0x60), "00"), 0x40, 0x40, apdu.SWOK)
	noError(t, w.issuer.Advise(&q, performed(q)))
	w.again()
	w.ask(w.arqc(txn.OnlineInquiry, 0, 0), "00")
	if d := w.book.decisions[authorise.Number{Counter: true, ATC: 1}]; d.State != authorise.Agreed || !d.Told || w.book.card.Available != 100_000+before-300 {
		t.Errorf("state %d, told %v, account %v", d.State, d.Told, w.book.card.Available)
	}
	if d := w.book.decisions[authorise.Number{Counter: true, ATC: 3}]; d.State != authorise.Confirmed {
		t.Errorf("the load that the card has shown is in state %d", d.State)
	}
}
