package pos_test

import (
	"bytes"
	"testing"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/terminal/kernel/emv"
	"github.com/citycard/citycard/terminal/pos"
	"github.com/citycard/citycard/txn"
)

// hostile spoils what card, person and issuer say, as a string of bytes tells it to;
// when that ends, all are good.
type hostile struct {
	*run
	orders []byte
}

func (h *hostile) next() byte {
	if len(h.orders) == 0 {
		return 0
	}
	b := h.orders[0]
	h.orders = h.orders[1:]
	return b
}

// event is what happens instead of what was asked for.
func (h *hostile) event(a pos.Action) emv.Event {
	switch {
	case a.Send != nil:
		return h.answer(bytes.Clone(a.Send))
	case a.Choose != nil:
		if h.next()%4 == 1 {
			return emv.Event{Kind: emv.Cancelled}
		}
		return emv.Event{Kind: emv.Chosen, Choice: int(h.next()) % len(a.Choose.Names)}
	case a.PIN != nil:
		h.pin = [...]string{"123456", "000000", "none", "broken", "cancel"}[h.next()%5]
		return h.enter(a.PIN)
	case a.Online != nil:
		return h.issuerSays(a)
	case a.Again != nil:
		if h.next()%3 == 2 || h.count["again"] > 3 {
			return emv.Event{Kind: emv.Cancelled}
		}
		h.count["again"]++
		h.remove()
		h.insert(h.card)
		return emv.Event{Kind: emv.Start}
	}
	return h.run.event(a)
}

func (h *hostile) answer(cmd []byte) emv.Event {
	op := h.next()
	if !h.alive || op == 1 {
		h.remove()
		return emv.Event{Kind: emv.CardLeft}
	}
	before := h.card.chip.Inspect()
	answer, err := h.card.chip.Transmit(nil, cmd)
	h.must(err)
	h.observe(before)
	switch op {
	case 2: // lost
		h.remove()
		return emv.Event{Kind: emv.CardLeft}
	case 3: // one byte altered
		answer[int(h.next())*len(answer)/256] ^= h.next() | 1
	case 4: // cut off
		answer = answer[:int(h.next())*len(answer)/256]
	case 5: // another status word
		answer = append(answer[:max(len(answer)-2, 0)], h.next(), h.next())
	case 6: // invented
		n := min(int(h.next()), len(h.orders))
		answer, h.orders = bytes.Clone(h.orders[:n]), h.orders[n:]
	case 7: // invented data, good status word
		n := min(int(h.next()), len(h.orders))
		answer, h.orders = append(bytes.Clone(h.orders[:n]), 0x90, 0x00), h.orders[n:]
	case 8: // one byte more
		answer = append(answer, h.next())
	case 9: // one that was given before
		answer = append(answer[:len(answer)-2], answer...)
	}
	return emv.Answered(answer)
}

func (h *hostile) issuerSays(a pos.Action) emv.Event {
	switch h.next() % 5 {
	case 1:
		return emv.Event{Kind: emv.HostUnreachable}
	case 2:
		n := min(int(h.next()), len(h.orders))
		icc := bytes.Clone(h.orders[:n])
		h.orders = h.orders[n:]
		return emv.Event{Kind: emv.HostAnswered, Host: &txn.OnlineAnswer{Code: [2]byte{'0', '0'}, ICC: icc}}
	case 3:
		return emv.Event{Kind: emv.HostAnswered, Host: &txn.OnlineAnswer{Code: [2]byte{h.next(), h.next()}, AuthCode: "\x00"}}
	}
	return h.run.event(a)
}

// fuzzWorld is made once: certificates take their time.
func fuzzWorld(f *testing.F) (*world, *holder) {
	w := newWorld(f)
	return w, w.addCard("card", "dev-sm", 10_000)
}

// FuzzTill gives the till whatever a card, a person or an issuer may say. It must not
// panic, must end, and must say of money only what is true.
func FuzzTill(f *testing.F) {
	w, card := fuzzWorld(f)
	for kind := range byte(6) {
		for over := range byte(4) {
			for mode := range byte(4) {
				f.Add(kind, over, mode, []byte{})
				f.Add(kind, over, mode, []byte{0, 0, 0, 3, 40, 1})
				f.Add(kind, over, mode, []byte{0, 0, 0, 0, 0, 0, 2, 0})
				f.Add(kind, over, mode, []byte{0, 0, 6, 4, 0x77, 2, 0x82, 0, 0, 7, 2, 0x70, 0})
				f.Add(kind, over, mode, []byte{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 3, 0x72, 1, 0x86})
			}
		}
	}
	f.Fuzz(func(t *testing.T, kind, over, mode byte, orders []byte) {
		w.t = t
		w.cards = map[string]*holder{"card": card}
		w.truth = map[counter]*counterTruth{}
		w.must(card.chip.Insert(card.image, nil))
		cfg := w.config(pos.Mode(mode%3 + 1))
		cfg.Kernel.FloorLimit = money.Fen(mode/3%2) * 500
		w.setTill(cfg)
		s := story{sale: w.newSale(pos.Kind(kind%7), pos.Interface(over%5), money.Fen(len(orders))*100), card: card, lose: map[string]cut{}}
		s.sale.Track2 = orders
		s.sale.ForceOnline = mode&0x40 != 0
		h := &hostile{run: w.begin(s, nil), orders: orders}
		a := w.till.Begin(s.sale)
		for steps := 0; a.Done == nil; steps++ {
			if steps > 1000 {
				t.Fatal("the sale does not end")
			}
			pending := w.till.Pending(nil)
			for i := range pending {
				var raw [txn.RowSize]byte
				w.must(pending[i].Row.Encode(&raw))
			}
			h.restorable(t)
			a = w.till.Step(h.event(a))
		}
		h.remove()
		h.judge(t, a.Done)
	})
}

// restorable: what the till exports, another till takes.
func (h *hostile) restorable(t *testing.T) {
	stored, err := h.till.Export(nil)
	h.must(err)
	if len(stored) == 0 {
		return
	}
	other, err := pos.New(h.cfg)
	h.must(err)
	a, err := other.Restore(stored)
	if err != nil || a.Again == nil {
		t.Fatalf("restore: %v, %v", a, err)
	}
	if again, err := other.Export(nil); err != nil || !bytes.Equal(again, stored) {
		t.Fatalf("a restored sale is stored as another: %v", err)
	}
}

// judge: offline approved needs a row with a TC of a card that proved itself, and over
// the air that card has paid.
func (h *hostile) judge(t *testing.T, res *pos.Result) {
	for i := range res.Records {
		var raw [txn.RowSize]byte
		h.must(res.Records[i].Row.Encode(&raw))
	}
	if res.Outcome < pos.OfflineApproved || res.Outcome > pos.Error || len(h.till.Pending(nil)) != 0 || h.till.Unsettled() != nil {
		t.Fatalf("outcome %d, pending %d, unsettled %v", res.Outcome, len(h.till.Pending(nil)), h.till.Unsettled())
	}
	if res.Outcome == pos.OnlineApproved && !(&txn.OnlineAnswer{Code: res.HostCode}).Approved() {
		t.Fatalf("online approved with host code %q", res.HostCode)
	}
	if h.sale.Kind != pos.Purchase || res.Outcome != pos.OfflineApproved {
		return
	}
	row := &res.Records[len(res.Records)-1].Row
	if row.Kind != txn.Purchase || !row.Flags.Has(txn.ODAVerified) || !res.ODA.OK() || res.CID&0xC0 != 0x40 {
		t.Fatalf("offline approved with row %v, flags %04X, ODA %v, CID %02X", row.Kind, row.Flags, res.ODA, res.CID)
	}
	if h.sale.Interface == pos.Contactless && h.cfg.Mode == pos.QPBOC {
		if c := h.truth[counter{row.Card, row.ATC}]; c == nil || c.debit != row.Amount {
			t.Fatalf("a paid row of %v for ATC %04X: the card paid %+v", row.Amount, row.ATC, c)
		}
	}
}

// FuzzRestore gives Restore any bytes: what it takes, Export gives back.
func FuzzRestore(f *testing.F) {
	w, card := fuzzWorld(f)
	stored := w.tornExport(card)
	f.Add(stored)
	f.Add(stored[:len(stored)-1])
	f.Add([]byte{})
	for i := 0; i < len(stored); i += 29 {
		b := bytes.Clone(stored)
		b[i] ^= 0x11
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		till, err := pos.New(w.cfg)
		if err != nil {
			t.Fatal(err)
		}
		a, err := till.Restore(b)
		if err != nil {
			if again, err := till.Export(nil); err != nil || len(again) != 0 {
				t.Fatal("a refused sale is kept")
			}
			return
		}
		again, err := till.Export(nil)
		if err != nil || !bytes.Equal(again, b) || a.Again == nil {
			t.Fatalf("taken, and stored as another: %v, %v", a, err)
		}
		// A card comes back, and gives parts of the same bytes as its record.
		a = till.Step(emv.Event{Kind: emv.Start})
		for n := len(b); a.Send != nil; n /= 2 {
			a = till.Step(emv.Answered(append(bytes.Clone(b[len(b)-min(n, 250):]), 0x90, 0x00)))
		}
		if a.Again != nil {
			a = till.Step(emv.Event{Kind: emv.Cancelled})
		}
		res := a.Done
		if res.Outcome != pos.Doubt || len(res.Records) != 1 || res.Records[0].Row.Flags.Reason() != txn.LastAnswerLost {
			t.Fatalf("given up: %v with %d rows", res.Outcome, len(res.Records))
		}
	})
}

// tornExport is the export of a till that waits for this card.
func (w *world) tornExport(card *holder) []byte {
	st := story{sale: w.newSale(pos.Purchase, pos.Contactless, 1000), card: card, lose: map[string]cut{"last": answerLost}}
	r := w.begin(st, nil)
	a := w.till.Begin(st.sale)
	for a.Again == nil {
		if a.Done != nil {
			w.t.Fatalf("the sale ends as %v", a.Done.Outcome)
		}
		a = r.step(a)
	}
	stored, err := w.till.Export(nil)
	w.must(err)
	if a = w.till.Step(emv.Event{Kind: emv.Cancelled}); a.Done == nil {
		w.t.Fatal("the sale goes on")
	}
	return stored
}
