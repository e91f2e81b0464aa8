package authorise_test

import (
	"testing"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/issuer/authorise"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// limit is an order that sets 9F78; with a value of another length the card refuses it.
func limit(template tlv.Tag, id byte, value string) authorise.Order {
	return authorise.Order{Template: template, ID: [4]byte{id}, Commands: []authorise.Command{authorise.PutData(tlv.TagECSingleLimit, unhex(value))}}
}

// ordersIn are the script identifiers of an answer, but for the one of a load.
func ordersIn(t *testing.T, a txn.OnlineAnswer) (ids string) {
	t.Helper()
	it := tlv.Iterate(a.ICC)
	for it.Next() {
		if id, ok := tlv.Find(it.Value, tlv.TagIssuerScriptID); ok && it.Tag != tlv.TagIssuerAuthenticationData && id[0] != 0x9F {
			ids += string('0' + rune(id[0]))
		}
	}
	noError(t, it.Err())
	return ids
}

// An order is sent until the card shows that it had it.
func TestOrdersWaitUntilTheCardHasThem(t *testing.T) {
	const good, bad = "000000012300", "0000000123"
	before, after := tlv.TagIssuerScript1, tlv.TagIssuerScript2
	gone := func(*world, txn.OnlineAnswer) {}
	whole := func(w *world, a txn.OnlineAnswer) { w.deliver(a, 99) }
	take := func(most int) func(*world, txn.OnlineAnswer) {
		return func(w *world, a txn.OnlineAnswer) { w.deliver(a, most) }
	}
	for _, c := range []struct {
		name   string
		kind   txn.OnlineKind
		orders []authorise.Order
		then   func(*world, txn.OnlineAnswer)
		next   string // orders in the next answer
	}{
		{"carried out", txn.OnlinePurchase, []authorise.Order{limit(after, 1, good)}, whole, ""},
		{"the card has left before its second cryptogram", txn.OnlinePurchase, []authorise.Order{limit(after, 1, good), limit(before, 2, good)}, gone, "12"},
		{"the card has left before the second cryptogram", txn.OnlinePurchase, []authorise.Order{limit(before, 1, good)}, gone, "1"},
		{"the card has left after its second cryptogram", txn.OnlinePurchase, []authorise.Order{limit(after, 1, good)}, take(0), "1"},
		{"the card has left between two", txn.OnlinePurchase, []authorise.Order{limit(after, 1, good), limit(after, 2, good)}, take(1), "2"},
		{"failed", txn.OnlinePurchase, []authorise.Order{limit(after, 1, bad)}, whole, ""},
		{"before the second cryptogram", txn.OnlinePurchase, []authorise.Order{limit(before, 1, good)}, whole, ""},
		{"failed before the second cryptogram", txn.OnlinePurchase, []authorise.Order{limit(before, 1, bad)}, whole, ""},
		{"with a load", txn.OnlineLoad, []authorise.Order{limit(after, 1, good)}, whole, ""},
		{"the card has left after the load itself", txn.OnlineLoad, []authorise.Order{limit(after, 1, good)}, take(1), "1"},
	} {
		for _, rides := range []int{0, 2} { // transactions between, of which the issuer does not hear
			t.Run(c.name, func(t *testing.T) {
				w := newWorld(t, "dev-3des", card.Contact)
				w.book.card.Orders = c.orders
				a := w.ask(w.arqc(c.kind, 100, map[txn.OnlineKind]byte{txn.OnlineLoad: 0x60}[c.kind]), "00")
				if len(ordersIn(t, a)) != len(c.orders) || len(w.book.card.Orders) != len(c.orders) {
					t.Fatalf("orders %q sent, %d wait", ordersIn(t, a), len(w.book.card.Orders))
				}
				c.then(w, a)
				for range rides {
					w.again()
					noError(t, w.Start(100, 0))
				}
				w.again()
				a = w.ask(w.arqc(txn.OnlinePurchase, 100, 0), "00")
				if got := ordersIn(t, a); got != c.next || len(w.book.card.Orders) != len(c.next) {
					t.Fatalf("next answer with orders %q, %d wait, want %q", got, len(w.book.card.Orders), c.next)
				}
				w.deliver(a, 99)
				w.again()
				if got := ordersIn(t, w.ask(w.arqc(txn.OnlinePurchase, 100, 0), "00")); got != "" || len(w.book.card.Orders) != 0 {
					t.Errorf("orders %q were sent again after the card had them", got)
				}
			})
		}
	}
}

// What the card counts is of the last transaction that it completed: a new order that
// never came to it does not pass for the one before.
func TestTheCountOfAnOlderAnswerShowsNothing(t *testing.T) {
	w := newWorld(t, "dev-3des", card.Contact)
	for id := byte(1); id <= 2; id++ {
		w.book.card.Orders = append(w.book.card.Orders, limit(tlv.TagIssuerScript2, id, "000000012300"))
		a := w.ask(w.arqc(txn.OnlinePurchase, 100, 0), "00")
		if got := ordersIn(t, a); got != string('0'+rune(id)) {
			t.Fatalf("answer %d with orders %q", id, got)
		}
		if id == 1 {
			w.deliver(a, 99)
		}
		w.again()
	}
	if got := ordersIn(t, w.ask(w.arqc(txn.OnlinePurchase, 100, 0), "00")); got != "2" {
		t.Errorf("orders %q in the answer after one that the card never got, want 2", got)
	}
}

// A request whose reversal comes first shows what became of the orders, too, and one
// over the air, which may be qPBOC, does not.
func TestWhatShowsThatAnOrderWasCarriedOut(t *testing.T) {
	w := newWorld(t, "dev-3des", card.Contact)
	w.book.card.Orders = []authorise.Order{limit(tlv.TagIssuerScript2, 1, "000000012300")}
	w.deliver(w.ask(w.arqc(txn.OnlinePurchase, 100, 0), "00"), 99)
	w.again()
	q := w.arqc(txn.OnlinePurchase, 100, 0)
	q.Entry = txn.EntryContactless
	w.ask(q, "00")
	if len(w.book.card.Orders) != 1 {
		t.Fatal("a request that may be qPBOC has shown something of orders")
	}
	w.again()
	w.deliver(w.ask(w.arqc(txn.OnlinePurchase, 100, 0), "00"), 99) // sent again: the card was asked in between
	w.again()
	q = w.arqc(txn.OnlinePurchase, 100, 0)
	noError(t, w.issuer.Reverse(&q, authorise.AnswerLost, nil))
	if len(w.book.card.Orders) != 0 {
		t.Errorf("%d orders wait after a reversed request has shown that the card had them", len(w.book.card.Orders))
	}
}

// deliver gives an answer to the card, and at most so many commands of template 72.
func (w *world) deliver(a txn.OnlineAnswer, most int) {
	w.t.Helper()
	_, err := w.Authenticate(a.ICC)
	noError(w.t, err)
	_, err = w.Scripts(a.ICC, tlv.TagIssuerScript1)
	noError(w.t, err)
	if cid, err := w.Generate(0x40, "00"); err != nil || cid != 0x40 {
		w.t.Fatalf("second cryptogram: 9F27 %02X, %v", cid, err)
	}
	it := tlv.Iterate(a.ICC)
	for it.Next() {
		inner := it.Enter()
		for it.Tag == tlv.TagIssuerScript2 && inner.Next() {
			if inner.Tag != tlv.TagIssuerScriptCommand {
				continue
			}
			if most--; most < 0 {
				return
			}
			if _, sw, err := w.Send(inner.Value); err != nil || sw == apdu.SWMACWrong {
				w.t.Fatalf("script: %v, %v", sw, err)
			}
		}
	}
}
