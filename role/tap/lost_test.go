package tap_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/citycard/citycard/issuer/topup"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/role/host"
	"github.com/citycard/citycard/terminal/pos"
	"github.com/citycard/citycard/txn"
)

// loss is what goes wrong with one load or unload.
type loss struct {
	question, answer, reversal, notice bool
	tear                               int // exchange at which the card leaves, 0 for none
	after                              bool
}

func (l loss) String() string {
	s := fmt.Sprintf("tear %d", l.tear)
	for name, on := range map[string]bool{" after": l.after, " question": l.question, " answer": l.answer, " reversal": l.reversal, " notice": l.notice} {
		if on {
			s += name
		}
	}
	return s
}

// losses are all messages that can be lost: on the line each by itself, and those that
// tell of it; and the card at every exchange, before and after it was carried out.
func losses() (out []loss) {
	for _, reversal := range []bool{false, true} {
		out = append(out, loss{question: true, reversal: reversal}, loss{answer: true, reversal: reversal}, loss{notice: reversal})
		for tear := 1; tear <= 16; tear++ {
			out = append(out, loss{tear: tear, reversal: reversal}, loss{tear: tear, after: true, reversal: reversal})
		}
	}
	return out
}

// next is how the card speaks next.
type next struct {
	name string
	skip bool // a counter is used of which nobody hears
	row  bool // an offline payment; else a question
}

var nexts = []next{{name: "question"}, {name: "payment", row: true}, {name: "question after a skipped counter", skip: true}, {name: "payment after a skipped counter", skip: true, row: true}}

// TestLostMessages: whatever is lost of a load or unload, and however the card speaks
// next, host and reconciliation together give the money back once or not at all, and the
// word is right. TestLongLostMessages takes every case.
func TestLostMessages(t *testing.T) {
	stride := 5
	if testing.Short() {
		stride = 23
	}
	lostMessages(t, stride)
}

func TestLongLostMessages(t *testing.T) { lostMessages(t, 1) }

func lostMessages(t *testing.T, stride int) {
	n := 0
	for _, kind := range []pos.Kind{pos.Load, pos.Unload} {
		for _, l := range losses() {
			for _, then := range nexts {
				if n++; n%stride == 0 {
					t.Run(fmt.Sprintf("kind %d/%v/%s", kind, l, then.name), func(t *testing.T) { lostMessage(t, kind, l, then) })
				}
			}
		}
	}
}

func lostMessage(t *testing.T, kind pos.Kind, l loss, n next) {
	dir := folder(t)
	c := openCampaign(t, dir, 1, func() {})
	const amount money.Fen = 7000
	before := c.value(0)
	sale := pos.Sale{Kind: kind, Interface: pos.Contact}
	if kind == pos.Load {
		sale.Amount = amount
	}
	told := c.sale(0, sale, &line{Kept: c.bank, question: l.question, answer: l.answer, reversal: l.reversal, notice: l.notice}, l.tear, l.after)
	ran := c.value(0) != before
	if told.Result.Outcome.Approved() && !ran {
		t.Fatalf("approved, and the card has %v", before)
	}
	loads, err := c.bank.Loads(t.Context(), c.key(0))
	check(t, err)
	for _, x := range loads { // the terminal of this test does not lie
		if w := x.Answer.Word; w == topup.Done && !ran || w == topup.Back && ran {
			t.Errorf("ran %v, and the word after the sale is: %s", ran, x.Answer.Text("en"))
		}
	}
	c.log.Now += 600
	if n.skip {
		c.sale(0, pos.Sale{Kind: pos.Purchase, Interface: pos.Contactless, Amount: 100}, &line{Kept: c.bank}, 3, true)
	}
	if n.row && !(ran && kind == pos.Unload) { // an empty card pays nothing offline
		tr := c.sale(0, pos.Sale{Kind: pos.Purchase, Interface: pos.Contactless, Amount: 300}, &line{Kept: c.bank}, 0, false)
		if len(tr.Result.Records) != 1 {
			t.Fatalf("%v: %d rows", tr.Result.Outcome, len(tr.Result.Records))
		}
		r := tr.Result.Records[0].Row
		r.Sequence = tr.Sale.Sequence
		if _, err := c.bank.Present(t.Context(), []txn.Row{r, r}); err != nil {
			t.Fatal(err)
		}
		c.log.Paid = append(c.log.Paid, paidRow{0, r.ATC, r.Amount})
	} else {
		c.sale(0, pos.Sale{Kind: pos.Inquiry, Interface: pos.Contact}, &line{Kept: c.bank}, 0, false)
	}
	loads, err = c.bank.Loads(t.Context(), c.key(0))
	check(t, err)
	if !n.skip && len(loads) > 0 {
		wantWord(t, loads[0], ran, true)
	}
	if v := told.Result.Reversal; v != nil && l.reversal { // the terminal sends it again, late
		if err := c.bank.Reverse(t.Context(), v.Request, host.Reason(v.Reason), v.ICC); err != nil && !errors.Is(err, host.ErrRefused) {
			t.Fatal(err)
		}
	}
	c.log.Now += 30 * 86400
	_, err = c.bank.Reconcile(t.Context(), c.log.Now)
	check(t, err)
	if loads, err = c.bank.Loads(t.Context(), c.key(0)); err != nil {
		t.Fatal(err)
	}
	for _, x := range loads {
		wantWord(t, x, ran, !n.skip)
	}
	value := c.value(0)
	c.note()
	c.close()
	if got := c.audited(-1)[0]; len(loads) > 0 && (got.float != value || got.stands != 0) {
		t.Errorf("the card holds %v, its float is %v, advances of %v stand", value, got.float, got.stands)
	}
}

// wantWord checks the word of a load of which the truth is known. Where a counter is
// missing, only the total may be known.
func wantWord(t *testing.T, l host.Load, ran, named bool) {
	t.Helper()
	want := topup.Back
	if ran {
		want = topup.Done
	}
	if l.Answer.Word != want && (named || l.Answer.Why != topup.WindowOver) {
		t.Errorf("ran %v, and the word is: %s", ran, l.Answer.Text("en"))
	}
}
