package pos_test

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/terminal/kernel/emv"
	"github.com/citycard/citycard/terminal/pos"
	"github.com/citycard/citycard/txn"
)

// everywhere makes the card say new for old in every answer to a kind of command.
func (h *holder) everywhere(kind, old, new string) {
	for n := '1'; n <= '9'; n++ {
		h.edits = append(h.edits, edit{kind + "-" + string(n), []byte(old), []byte(new)})
	}
}

// TestNothingOfflineWithoutACardKey: a card whose certificate does not verify can make
// no combined signature. Whatever it says then, nothing is paid offline.
func TestNothingOfflineWithoutACardKey(t *testing.T) {
	for _, cash := range []bool{true, false} {
		for _, tag := range []string{"\x9F\x46", "\x90"} { // certificates of the card, of the issuer
			w := newWorld(t)
			cfg := w.config(pos.QPBOC)
			cfg.EMV.ElectronicCash = cash
			w.setTill(cfg)
			h := w.addCard("card", "dev-full", 10_000)
			if tag == "\x90" {
				h.everywhere("record", "\x90\x81", "\x91\x81")
			} else {
				h.everywhere("record", tag, "\x9F\x7F")
			}
			// The card's own codes, like the usual ones of terminals, do not name a CDA that failed.
			h.everywhere("record", "\x9F\x0D\x05\xDC", "\x9F\x0D\x05\xD8")
			h.everywhere("record", "\x9F\x0F\x05\xDC", "\x9F\x0F\x05\xD8")
			for _, host := range []string{"", "down"} {
				res := w.play(story{sale: w.newSale(pos.Purchase, pos.Contact, 1000), card: h, lose: map[string]cut{}, host: host}, nil)
				if res.Outcome == pos.OfflineApproved {
					t.Errorf("cash %v, without %X, host %q: offline approved, ODA %v, TVR %X", cash, tag, host, res.ODA, res.TVR)
				}
			}
		}
	}
}

// TestPendingAfterUnusableCryptogram: an answer to GENERATE AC that cannot be read does
// not tell that the card has not paid, neither before nor after it is taken away.
func TestPendingAfterUnusableCryptogram(t *testing.T) {
	for _, answer := range []string{"\x69\x85", "\x80\x01\x00\x90\x00", "\x90\x00", "\x77\x00\x90\x00", "\x01"} {
		w := newWorld(t)
		h := w.addCard("card", "dev-full", 10_000)
		r := w.begin(story{sale: w.newSale(pos.Purchase, pos.Contact, 1000), card: h, lose: map[string]cut{}}, nil)
		a := w.till.Begin(r.sale)
		for a.Send == nil || a.Send[1] != 0xAE {
			a = r.step(a)
		}
		r.event(a) // the card pays
		a = w.till.Step(emv.Answered([]byte(answer)))
		pending := w.till.Pending(nil)
		if !a.Remove || len(pending) != 1 || pending[0].Row.Kind != txn.Doubt {
			t.Fatalf("answer %X: %v, pending %+v", answer, a, pending)
		}
		res := w.till.Step(emv.Event{Kind: emv.CardRemoved}).Done
		if res.Outcome != pos.Doubt || len(res.Records) != 1 || res.Records[0].Row != pending[0].Row {
			t.Errorf("answer %X: %v with %+v, pending was %+v", answer, res.Outcome, res.Records, pending)
		}
	}
}

// TestPendingOfAnOnlineSale: electronic cash is not what pays when the issuer has agreed,
// so no doubt row about it may be left by a power failure.
func TestPendingOfAnOnlineSale(t *testing.T) {
	w := newWorld(t)
	h := w.addCard("card", "dev-full", 10_000)
	w.denied[h.key] = true // on the exception file: the issuer decides
	st := story{sale: w.newSale(pos.Purchase, pos.Contact, 1000), card: h, lose: map[string]cut{}}
	r := w.begin(st, nil)
	generated := 0
	a := w.till.Begin(st.sale)
	for ; a.Done == nil; a = r.step(a) {
		if a.Send != nil && a.Send[1] == 0xAE {
			generated++
		}
		if p := w.till.Pending(nil); len(p) != 0 {
			t.Fatalf("%v: pending %v (%v)", a, p[0].Row.Kind, p[0].Row.Flags.Reason())
		}
	}
	if a.Done.Outcome != pos.OnlineApproved || generated != 2 {
		t.Fatalf("%v after %d cryptograms", a.Done.Outcome, generated)
	}
}

// tornSale is a sale whose card did not hear the request for its last record.
func tornSale(w *world, h *holder, again ...*holder) story {
	return story{sale: w.newSale(pos.Purchase, pos.Contactless, 1000), card: h, lose: map[string]cut{"last": unheard}, again: again}
}

// TestAnotherCardIsNotChargedForATornSale: a card that happens to have counter and
// balance of the torn one says who it is before it pays, and is let go then.
func TestAnotherCardIsNotChargedForATornSale(t *testing.T) {
	w := newWorld(t)
	w.truth = map[counter]*counterTruth{}
	one, two := w.addCard("one", "dev-full", 10_000), w.addCard("two", "dev-full", 10_000)
	// The second card comes to the same counter.
	w.play(story{sale: w.newSale(pos.Purchase, pos.Contactless, 1000), card: two, lose: map[string]cut{"gpo-1": answerLost}}, nil)
	res := w.play(tornSale(w, one, two, one), nil)
	if two.chip.Inspect().Balance != 10_000 {
		t.Fatal("the other card has paid")
	}
	if res.Outcome != pos.OfflineApproved || res.Card != one.key || one.chip.Inspect().Balance != 9_000 {
		t.Errorf("%v of card %v, which has %v", res.Outcome, res.Card, one.chip.Inspect().Balance)
	}
	var b book
	b.take(res, pos.Purchase)
	b.compare(t, w)
}

// TestTornSaleIsInDoubtWhateverComesNext: the first counter stays in doubt, and no later
// end of the same sale may say that nothing is to be remembered.
func TestTornSaleIsInDoubtWhateverComesNext(t *testing.T) {
	for name, spoil := range map[string]func(*holder, *story){
		"left before it answers":       func(_ *holder, s *story) { s.lose["gpo-2"] = answerLost },
		"left before it is selected":   func(_ *holder, s *story) { s.lose["select-5"] = unheard },
		"wants the contacts":           func(h *holder, _ *story) { h.edits = []edit{{"gpo-2", nil, []byte{0x69, 0x85}}} },
		"gives no options":             func(h *holder, _ *story) { h.edits = []edit{{"gpo-2", nil, []byte{0x6A, 0x81}}} },
		"has nothing in its directory": func(h *holder, _ *story) { h.edits = []edit{{"select-4", nil, []byte{0x6A, 0x82}}} },
	} {
		w := newWorld(t)
		h := w.addCard("card", "dev-full", 10_000)
		s := tornSale(w, h, h)
		spoil(h, &s)
		res := w.play(s, nil)
		if res.Outcome != pos.Doubt || res.Display != pos.ShowDoubt || len(res.Records) == 0 || !res.Identified || res.Card != h.key {
			t.Errorf("%s: %v (%v), %d rows, card %v", name, res.Outcome, res.Display, len(res.Records), res.Card)
		}
	}
	// The balance is gone: the card declines the second time.
	w := newWorld(t)
	h := w.addCard("card", "dev-full", 10_000)
	s := tornSale(w, h, h)
	w.denied[h.key] = false
	r := w.begin(s, nil)
	a := w.till.Begin(s.sale)
	for a.Done == nil {
		w.denied[h.key] = a.Again != nil || w.denied[h.key]
		a = r.step(a)
	}
	if a.Done.Outcome != pos.Doubt || a.Done.Display != pos.ShowDoubt || len(a.Done.Records) != 2 {
		t.Errorf("denied at the second try: %v (%v), %d rows", a.Done.Outcome, a.Done.Display, len(a.Done.Records))
	}
}

// TestACardThatNeverGivesItsLastRecord must not use up counter after counter while it
// lies on the reader.
func TestACardThatNeverGivesItsLastRecord(t *testing.T) {
	w := newWorld(t)
	h := w.addCard("card", "dev-full", 10_000)
	s := tornSale(w, h)
	for range 50 {
		s.again = append(s.again, h)
	}
	s.lose = map[string]cut{}
	r := w.begin(s, nil)
	steps := 0
	a := w.till.Begin(s.sale)
	for ; a.Done == nil; steps++ {
		if steps > 200 {
			t.Fatalf("the sale goes on, counter %04X", h.chip.Inspect().ATC)
		}
		if a.Send != nil && a.Send[1] == 0xB2 && a.Send[2] == 1 && a.Send[3] == 3<<3|4 {
			a = w.till.Step(emv.Answered([]byte{0x6A, 0x83})) // the card does not see it
			continue
		}
		a = r.step(a)
	}
	if a.Done.Outcome != pos.Doubt || len(a.Done.Records) > 3 {
		t.Errorf("%v with %d rows", a.Done.Outcome, len(a.Done.Records))
	}
}

// TestAStrangeCardDoesNotEndTheWait: one that tells nothing of itself is not the answer.
func TestAStrangeCardDoesNotEndTheWait(t *testing.T) {
	w := newWorld(t)
	h, strange := w.addCard("card", "dev-full", 10_000), w.addCard("strange", "dev-full", 500)
	for n := '1'; n <= '9'; n++ {
		for _, kind := range []string{"select-", "data-"} {
			strange.edits = append(strange.edits, edit{kind + string(n), nil, []byte{0x6F, 0x00}})
		}
	}
	s := tornSale(w, h, strange, strange, h)
	s.lose["last"] = answerLost
	res := w.play(s, nil)
	if res.Outcome != pos.OfflineApproved || h.chip.Inspect().Balance != 9_000 {
		t.Errorf("%v, the card has %v", res.Outcome, h.chip.Inspect().Balance)
	}
}

// TestARepeatedRecordIsEnough: the signature needs nothing that comes after it, so a card
// that leaves then need not come a third time.
func TestARepeatedRecordIsEnough(t *testing.T) {
	w := newWorld(t)
	h := w.addCard("card", "dev-full", 10_000)
	s := tornSale(w, h, h)
	s.lose = map[string]cut{"last": answerLost, "data-1": unheard}
	res := w.play(s, nil)
	if res.Outcome != pos.OfflineApproved || len(res.Records) != 1 || !res.Records[0].Row.Flags.Has(txn.ClosedByRetap) {
		t.Errorf("%v with %d rows", res.Outcome, len(res.Records))
	}
}

// TestATornSaleKeepsItsSignature: the card asked for one, and its coming back changes
// nothing of that.
func TestATornSaleKeepsItsSignature(t *testing.T) {
	for _, lose := range []map[string]cut{{}, {"last": answerLost}} {
		w := newWorld(t)
		cfg := w.config(pos.QPBOC)
		cfg.Kernel.TTQ[0] &^= kernel.TTQ1OnlinePIN
		cfg.Kernel.CVMLimit = 500
		w.setTill(cfg)
		h := w.addCard("card", "dev-full", 10_000)
		torn := len(lose) > 0
		res := w.play(story{sale: w.newSale(pos.Purchase, pos.Contactless, 1000), card: h, lose: lose, again: []*holder{h}}, nil)
		if res.Outcome != pos.OfflineApproved || !res.Signature || res.Display != pos.ShowSign || res.CVMResults[0] != 0x1E {
			t.Errorf("torn %v: %v, signature %v, %v, 9F34 %X", torn, res.Outcome, res.Signature, res.Display, res.CVMResults)
		}
	}
}

// msdSale plays a purchase by magnetic stripe data whose track 2 is in a record.
func msdSale(w *world, h *holder, host, pin string) *pos.Result {
	return w.play(story{sale: w.newSale(pos.Purchase, pos.Contactless, 1000), card: h, lose: map[string]cut{}, host: host, pin: pin}, nil)
}

// TestMSDLeavesNoRowWithoutACounter: where the counter is inside track 2, a card that is
// refused has used one that the till does not know.
func TestMSDLeavesNoRowWithoutACounter(t *testing.T) {
	w := newWorld(t)
	w.setTill(w.config(pos.MSD))
	h := w.addCard("card", "dev-full", 10_000)
	w.denied[h.key] = true
	w.denied[txn.CardKey{PAN: h.key.PAN}] = true
	if res := msdSale(w, h, "bare", "123456"); res.Outcome != pos.Declined || res.Display != pos.ShowDenied || len(res.Records) != 0 {
		t.Errorf("%v (%v) with %d rows", res.Outcome, res.Display, len(res.Records))
	}
}

// TestMSDFollowsTheServiceCode as a stripe does: what needs a PIN is not sold without a
// PIN pad, and a card that is not for goods buys none.
func TestMSDFollowsTheServiceCode(t *testing.T) {
	for _, c := range []struct {
		service string // digits 2 and 3 of "2xx"
		pad     bool
		want    pos.Outcome
		sign    bool
	}{
		{"20", true, pos.OnlineApproved, false},
		{"20", false, pos.Declined, false},
		{"23", true, pos.Declined, false}, // cash machines only
		{"24", true, pos.Declined, false}, // cash only
		{"21", true, pos.OnlineApproved, false},
		{"26", false, pos.OnlineApproved, true},
		{"26", true, pos.OnlineApproved, false},
	} {
		w := newWorld(t)
		cfg := w.config(pos.MSD)
		if !c.pad {
			cfg.Kernel.TTQ[0] &^= kernel.TTQ1OnlinePIN
		}
		w.setTill(cfg)
		h := w.addCard("card", "dev-full", 10_000)
		digits, err := hex.DecodeString(c.service)
		w.must(err)
		h.everywhere("record", "\x22\x20", "\x22"+string(digits))
		res := msdSale(w, h, "bare", "123456")
		if res.Outcome != c.want || res.Signature != c.sign {
			t.Errorf("service code 2%s, PIN pad %v: %v, signature %v [%v]", c.service, c.pad, res.Outcome, res.Signature, res.Fault)
		}
	}
}

// TestStripeInquiryShowsTheBalance, and nobody signs for it.
func TestStripeInquiryShowsTheBalance(t *testing.T) {
	w := newWorld(t)
	s := w.newSale(pos.Inquiry, pos.Stripe, 0)
	s.Track2 = []byte(";6228000100001117=30121010000000000123?")
	res := w.play(story{sale: s, lose: map[string]cut{}}, nil)
	if res.Outcome != pos.OnlineApproved || res.Display != pos.ShowBalance || res.Signature || res.Available < 0 {
		t.Errorf("%v, %v, signature %v, available %v", res.Outcome, res.Display, res.Signature, res.Available)
	}
}

// TestReversalOfAnUnansweredTapHasField55: the issuer finds the cryptogram by it.
func TestReversalOfAnUnansweredTapHasField55(t *testing.T) {
	w := newWorld(t)
	cfg := w.config(pos.QPBOC)
	cfg.Kernel.FloorLimit = 500
	w.setTill(cfg)
	h := w.addCard("card", "dev-full", 10_000)
	res := w.play(story{sale: w.newSale(pos.Purchase, pos.Contactless, 1000), card: h, lose: map[string]cut{}, host: "down"}, nil)
	if res.Reversal == nil || len(res.Reversal.ICC) == 0 || string(res.Reversal.ICC) != string(res.Reversal.Request.ICC) {
		t.Errorf("%v, reversal %v", res.Outcome, res.Reversal)
	}
}

// lowOnCash makes the card say that it should be filled up: the issuer is asked, and if
// he cannot be, the card may pay all the same.
func (h *holder) lowOnCash() {
	h.edits = append(h.edits, edit{"data-3", nil, []byte{0x9F, 0x6D, 6, 0, 0, 0, 9, 0, 0, 0x90, 0}})
}

// TestAnUnusableApprovalGivesNoCode: what the terminal takes back at once is not printed.
func TestAnUnusableApprovalGivesNoCode(t *testing.T) {
	w := newWorld(t)
	h := w.addCard("card", "dev-full", 10_000)
	st := story{sale: w.newSale(pos.Purchase, pos.Contact, 1000), card: h, lose: map[string]cut{}, pin: "none"}
	h.lowOnCash()
	r := w.begin(st, nil)
	a := w.till.Begin(st.sale)
	for a.Online == nil {
		a = r.step(a)
	}
	r.askIssuer(a.Online)
	a = w.till.Step(emv.Event{Kind: emv.HostAnswered, Host: &txn.OnlineAnswer{Code: [2]byte{'0', '0'}, AuthCode: "123456", ICC: []byte{0x91, 0x7F}}})
	for a.Done == nil {
		a = r.step(a)
	}
	if res := a.Done; res.Outcome != pos.OfflineApproved || res.AuthCode != "" || res.Reversal == nil || res.Reversal.Reason != emv.AnswerLost {
		t.Errorf("%v, code %q, reversal %v", res.Outcome, res.AuthCode, res.Reversal)
	}
}

// TestAFaultBeforePaymentIsNoDoubt: electronic cash over the contacts that breaks off
// before GENERATE AC has used a counter and paid nothing.
func TestAFaultBeforePaymentIsNoDoubt(t *testing.T) {
	w := newWorld(t)
	cfg := w.config(pos.QPBOC)
	cfg.EMV.Capabilities[2] = 0x40 // DDA
	w.setTill(cfg)
	h := w.addCard("card", "dev-full", 10_000)
	h.edits = []edit{{"internal-1", nil, []byte{0x6F, 0x00}}}
	res := w.play(story{sale: w.newSale(pos.Purchase, pos.Contact, 1000), card: h, lose: map[string]cut{}}, nil)
	if res.Outcome != pos.Error || len(res.Records) != 1 || res.Records[0].Row.Kind != txn.Declined {
		t.Errorf("%v with %+v", res.Outcome, res.Records)
	}
}

// TestAskedAndGoneLeavesNoRow: the issuer's log has the cryptogram, or nobody.
func TestAskedAndGoneLeavesNoRow(t *testing.T) {
	w := newWorld(t)
	h := w.addCard("card", "dev-full", 10_000)
	h.lowOnCash()
	for _, host := range []string{"down", "garbage", "", "decline"} {
		st := story{sale: w.newSale(pos.Purchase, pos.Contact, 1000), card: h, lose: map[string]cut{"generate-2": unheard}, host: host, pin: "none"}
		res := w.play(st, nil)
		doubt := host == "down" || host == "garbage" // GENERATE AC for a TC was sent: it may have paid
		want := map[bool]pos.Outcome{true: pos.Doubt, false: pos.CardLost}[doubt]
		if host == "decline" {
			want = pos.Declined
		}
		if res.Outcome != want || len(res.Records) != map[bool]int{true: 1}[doubt] || (res.Reversal == nil) != (host == "decline") {
			t.Errorf("host %q: %v with %d rows, reversal %v", host, res.Outcome, len(res.Records), res.Reversal)
		}
	}
}

// TestPendingOfDebitCredit: a card that has decided and is not taken away yet has used a
// counter, and electronic cash has paid nothing.
func TestPendingOfDebitCredit(t *testing.T) {
	for _, c := range []struct {
		denial byte // of TVR byte 1: whether the terminal declines
		kind   txn.Kind
		reason txn.DoubtReason
		row    txn.Kind // of the Result
	}{
		{0x00, txn.Doubt, txn.LeftBeforeLast, txn.Purchase},
		{0x10, txn.Declined, txn.CardDeclined, txn.Declined},
	} {
		w := newWorld(t)
		cfg := w.config(pos.QPBOC)
		cfg.EMV.ElectronicCash = false
		for i := range cfg.EMV.Applications {
			cfg.EMV.Applications[i].Actions.Denial[0] = c.denial
		}
		w.setTill(cfg)
		h := w.addCard("card", "dev-full", 10_000)
		w.denied[h.key] = c.denial != 0
		r := w.begin(story{sale: w.newSale(pos.Purchase, pos.Contact, 1000), card: h, lose: map[string]cut{}}, nil)
		a := w.till.Begin(r.sale)
		for !a.Remove {
			if p := w.till.Pending(nil); len(p) != 0 {
				t.Fatalf("before the card has decided: pending %v", p[0].Row.Kind)
			}
			a = r.step(a)
		}
		p := w.till.Pending(nil)
		if len(p) != 1 || p[0].Row.Kind != c.kind || p[0].Row.Flags.Reason() != c.reason {
			t.Fatalf("denial %02X: pending %+v", c.denial, p)
		}
		res := r.step(a).Done
		if len(res.Records) != 1 || res.Records[0].Row.Kind != c.row || res.Records[0].Row.ATC != p[0].Row.ATC {
			t.Errorf("denial %02X: %v with %+v", c.denial, res.Outcome, res.Records)
		}
	}
}

// TestATornSaleTellsNoCard: what waits for its card, what is stored meanwhile, and what
// is refused of a stripe, are printed without the account number.
func TestATornSaleTellsNoCard(t *testing.T) {
	w := newWorld(t)
	h := w.addCard("card", "dev-full", 10_000)
	number := h.key.PAN.Digits()
	var seen []any
	r := w.begin(tornSale(w, h), nil)
	a := w.till.Begin(r.sale)
	for ; a.Again == nil; a = r.step(a) {
		seen = append(seen, w.till.Pending(nil))
	}
	stored, err := w.till.Export(nil)
	w.must(err)
	seen = append(seen, a, *a.Again, a.Again, w.till.Notes())
	other, err := pos.New(w.cfg)
	w.must(err)
	for i := range stored {
		_, err := other.Restore(stored[:i])
		seen = append(seen, err)
	}
	for i := range number {
		for _, c := range []string{"A", "=", ";", "?"} {
			s := w.newSale(pos.Purchase, pos.Stripe, 100)
			s.Track2 = []byte(";" + number[:i] + c + number[i:] + "=3012101?")
			till, err := pos.New(w.cfg)
			w.must(err)
			seen = append(seen, *till.Begin(s).Done, till.Notes())
		}
	}
	for i, v := range seen {
		b, _ := json.Marshal(v)
		text := fmt.Sprintf("%v %+v %#v %x %X %s", v, v, v, v, v, b)
		for _, secret := range []string{number, number[6:12], fmt.Sprintf("%x", number), fmt.Sprintf("%X", number)} {
			if strings.Contains(text, secret) {
				t.Fatalf("value %d (%T) tells %s: %s", i, v, secret, text)
			}
		}
	}
}

// TestTheMerchantsWishCountsOverTheAir, in every mode; a reader that is never online asks
// for another interface.
func TestTheMerchantsWishCountsOverTheAir(t *testing.T) {
	for _, mode := range []pos.Mode{pos.QPBOC, pos.DebitCredit, pos.MSD} {
		w := newWorld(t)
		w.setTill(w.config(mode))
		h := w.addCard("card", "dev-full", 10_000)
		st := story{sale: w.newSale(pos.Purchase, pos.Contactless, 1000), card: h, lose: map[string]cut{}, pin: "123456"}
		st.sale.ForceOnline = true
		if res := w.play(st, nil); res.Outcome != pos.OnlineApproved || len(res.Records) != 0 || h.chip.Inspect().Balance != 10_000 {
			t.Errorf("%v: %v with %d rows", mode, res.Outcome, len(res.Records))
		}
	}
	w := newWorld(t)
	cfg := w.config(pos.QPBOC)
	cfg.Kernel.TTQ[0] |= kernel.TTQ1OfflineOnly
	w.setTill(cfg)
	st := story{sale: w.newSale(pos.Purchase, pos.Contactless, 1000), card: w.addCard("card", "dev-full", 10_000), lose: map[string]cut{}}
	st.sale.ForceOnline = true
	if res := w.play(st, nil); res.Outcome != pos.OtherInterface {
		t.Errorf("offline only: %v", res.Outcome)
	}
}

// TestAStripeOnEitherList is refused before the issuer is asked.
func TestAStripeOnEitherList(t *testing.T) {
	for _, list := range []func(*pos.Config){func(c *pos.Config) { c.Kernel.Denied = nil }, func(c *pos.Config) { c.EMV.Exception = nil }} {
		w := newWorld(t)
		cfg := w.config(pos.QPBOC)
		list(&cfg)
		w.setTill(cfg)
		pan, err := txn.ParsePAN("6228000100001117")
		w.must(err)
		w.denied[txn.CardKey{PAN: pan}] = true
		s := w.newSale(pos.Purchase, pos.Stripe, 100)
		s.Track2 = []byte(";6228000100001117=30121010000000000123?")
		if a := w.till.Begin(s); a.Done == nil || a.Done.Outcome != pos.Declined || a.Done.Display != pos.ShowDenied {
			t.Errorf("%v", a)
		}
	}
}
