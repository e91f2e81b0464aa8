package pos_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/terminal/kernel/emv"
	"github.com/citycard/citycard/terminal/pos"
	"github.com/citycard/citycard/txn"
)

// book is what a shop's computer has on paper: rows, and what was sold online.
type book struct {
	rows   []txn.Row
	online money.Fen // approved purchases
}

func (b *book) take(res *pos.Result, kind pos.Kind) {
	for i := range res.Records {
		b.rows = append(b.rows, res.Records[i].Row)
	}
	if res.Outcome == pos.OnlineApproved && kind == pos.Purchase {
		b.online += res.Amount
	}
}

// fataler is a testing.T or a rapid.T.
type fataler interface {
	Fatalf(string, ...any)
	Helper()
}

// compare holds the rows against the truth in the chips.
func (b *book) compare(t fataler, w *world) {
	t.Helper()
	seen := map[counter]bool{}
	for i := range b.rows {
		row := &b.rows[i]
		key := counter{row.Card, row.ATC}
		c := w.truth[key]
		if c == nil || seen[key] {
			t.Fatalf("row %v (%v) of ATC %04X: known to the card %v, second row %v", row.Kind, row.Flags.Reason(), row.ATC, c != nil, seen[key])
		}
		seen[key] = true
		cash := row.Flags.Has(txn.LastRecordRead)
		switch {
		case row.Kind == txn.Purchase && cash && c.debit != row.Amount, row.Kind == txn.Purchase && !cash && c.debit != 0:
			t.Fatalf("ATC %04X: the row says paid %v, cash %v; the card paid %v", row.ATC, row.Amount, cash, c.debit)
		case (row.Kind == txn.Declined || row.Flags.Reason() == txn.LeftBeforeLast) && c.debit != 0:
			t.Fatalf("ATC %04X: the row says %v (%v), the card paid %v", row.ATC, row.Kind, row.Flags.Reason(), c.debit)
		case row.Kind == txn.Purchase && !row.Flags.Has(txn.ODAVerified):
			t.Fatalf("ATC %04X: paid offline without a signature", row.ATC)
		}
	}
	for key, c := range w.truth {
		if (c.debit != 0 || c.heard) && !seen[key] {
			t.Fatalf("no row for ATC %04X of %v, which paid %v", key.atc, key.card, c.debit)
		}
	}
}

// conserve checks that no money came from nowhere or went there: what account and card
// hold together is what they had, less what was sold online and what the card paid.
func (b *book) conserve(t fataler, w *world, h *holder, had money.Fen) {
	t.Helper()
	var cash money.Fen
	for key, c := range w.truth {
		if key.card == h.key {
			cash += c.debit
		}
	}
	account, balance := w.issuer.Available(h.key), h.chip.Inspect().Balance
	if account+balance != had-b.online-cash {
		t.Fatalf("account %v and card %v; they had %v, of which %v was sold online and %v from the card", account, balance, had, b.online, cash)
	}
}

var cutNames = []string{
	"", "", "select-1", "gpo-1", "record-1", "record-2", "record-4", "last", "last", "data-1", "data-2", "generate-1", "generate-2", "external-1", "script-1", "verify-1",
}

// drawStory makes up a sale.
func drawStory(t *rapid.T, w *world, cards []*holder) story {
	kind := rapid.SampledFrom([]pos.Kind{pos.Purchase, pos.Purchase, pos.Purchase, pos.Load, pos.Inquiry, pos.Balance}).Draw(t, "kind")
	over := rapid.SampledFrom([]pos.Interface{pos.Contactless, pos.Contactless, pos.Contact}).Draw(t, "over")
	s := story{
		sale: w.newSale(kind, over, money.Fen(rapid.SampledFrom([]int{1, 500, 3000, 12000}).Draw(t, "amount"))),
		card: cards[rapid.IntRange(0, len(cards)-1).Draw(t, "card")], lose: map[string]cut{},
		host: rapid.SampledFrom([]string{"", "", "", "decline", "down", "wrong-arpc"}).Draw(t, "host"),
		pin:  rapid.SampledFrom([]string{"123456", "none", "broken", "cancel"}).Draw(t, "pin"),
	}
	s.sale.ForceOnline = rapid.Bool().Draw(t, "force online")
	if name := rapid.SampledFrom(cutNames).Draw(t, "cut"); name != "" {
		s.lose[name] = cut(rapid.IntRange(1, 3).Draw(t, "how"))
	}
	for range rapid.IntRange(0, 3).Draw(t, "again") {
		s.again = append(s.again, cards[rapid.IntRange(0, len(cards)-1).Draw(t, "who")])
	}
	return s
}

// TestMoneyIsCertainOrInDoubt makes sales of all kinds with cards that leave at any
// moment and an issuer that answers as it likes, and compares rows, account and chips.
func TestMoneyIsCertainOrInDoubt(t *testing.T) {
	const account, opening = 1_000_000, 9000
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t)
		w.truth = map[counter]*counterTruth{}
		w.setTill(w.config(rapid.SampledFrom([]pos.Mode{pos.QPBOC, pos.QPBOC, pos.DebitCredit}).Draw(rt, "mode")))
		profile := rapid.SampledFrom([]string{"dev-sm", "dev-full"}).Draw(rt, "profile")
		cards := []*holder{w.addCard("first", profile, opening), w.addCard("second", profile, opening)}
		books := map[*holder]*book{cards[0]: {}, cards[1]: {}}
		for range rapid.IntRange(1, 8).Draw(rt, "sales") {
			w.now += 60
			s := drawStory(rt, w, cards)
			res := w.play(s, nil)
			checkResult(rt, res, s.sale.Kind)
			b := books[s.card]
			if res.Identified && res.Card != s.card.key {
				rt.Fatalf("%v: the sale began with card %v and ends with %v", res.Outcome, s.card.key, res.Card)
			}
			b.take(res, s.sale.Kind)
			if v := res.Reversal; v != nil && v.Reason == emv.ScriptUnknown {
				ask := story{sale: w.newSale(pos.Inquiry, pos.Contact, 0), card: s.card, lose: map[string]cut{}}
				if res := w.play(ask, nil); res.Outcome != pos.OnlineApproved {
					rt.Fatalf("the inquiry that settles the load ends as %v", res.Outcome)
				}
			}
		}
		all := &book{}
		for _, h := range cards {
			books[h].conserve(rt, w, h, account+opening)
			all.rows = append(all.rows, books[h].rows...)
		}
		all.compare(rt, w)
	})
}

// checkResult holds for every sale with a genuine card.
func checkResult(t fataler, res *pos.Result, kind pos.Kind) {
	t.Helper()
	paid := 0
	for i := range res.Records {
		if res.Records[i].Row.Kind == txn.Purchase {
			paid++
		}
	}
	approved := res.Outcome.Approved()
	switch {
	case res.Outcome < pos.OfflineApproved || res.Outcome > pos.Error:
		t.Fatalf("outcome %d", res.Outcome)
	case kind == pos.Purchase && (paid == 1) != (res.Outcome == pos.OfflineApproved) || paid > 1:
		t.Fatalf("%v with %d paid rows", res.Outcome, paid)
	case kind != pos.Purchase && (paid != 0 || kind != pos.Balance && res.Outcome == pos.OfflineApproved):
		t.Fatalf("kind %d is %v with %d paid rows", kind, res.Outcome, paid)
	case res.Outcome == pos.OfflineApproved && kind == pos.Purchase && !(res.ODA.OK() && res.CID == 0x40):
		t.Fatalf("offline approved with ODA %v, CID %02X", res.ODA, res.CID)
	case res.Outcome == pos.OnlineApproved && string(res.HostCode[:]) != "00":
		t.Fatalf("online approved with host code %q", res.HostCode)
	case !approved && (res.Amount != 0 || res.Fault.Code == 0 && res.Outcome == pos.Declined):
		t.Fatalf("%v with amount %v and fault %v", res.Outcome, res.Amount, res.Fault)
	case strings.TrimSpace(res.Display.EN()) == "" || res.Display.ZH() == "":
		t.Fatalf("%v shows nothing", res.Outcome)
	}
}
