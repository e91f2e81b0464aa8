package pos_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"unicode"

	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/terminal/kernel/emv"
	"github.com/citycard/citycard/terminal/pos"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/tlv"
)

func TestConfig(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct {
		name   string
		change func(*pos.Config)
		says   string // empty: it is taken
	}{
		{"as it is", func(*pos.Config) {}, ""},
		{"no mode is qPBOC", func(c *pos.Config) { c.Mode = 0 }, ""},
		{"unknown mode", func(c *pos.Config) { c.Mode = 4 }, "Mode"},
		{"negative window", func(c *pos.Config) { c.RetapWindow = -1 }, "RetapWindow"},
		{"no applications", func(c *pos.Config) { c.Kernel.AIDs = nil }, "AIDs"},
		{"no applications over the contacts", func(c *pos.Config) { c.EMV.Applications = nil }, "applications"},
		{"no action codes", func(c *pos.Config) { c.EMV.Applications[0].Actions = emv.ActionCodes{} }, ""},
		{"magnetic stripe data offline", func(c *pos.Config) { c.Mode, c.Kernel.TTQ[0] = pos.MSD, kernel.TTQ1OfflineOnly }, "TTQ"},
	} {
		cfg := w.config(pos.QPBOC)
		c.change(&cfg)
		_, err := pos.New(cfg)
		if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want an error with %q", c.name, err, c.says)
		}
	}
}

// TestModeBits: New sets the bits of 9F66 that the mode stands for, and no others.
func TestModeBits(t *testing.T) {
	for mode, want := range map[pos.Mode]byte{pos.QPBOC: 0x36, pos.DebitCredit: 0x56, pos.MSD: 0x96} {
		w := newWorld(t)
		w.setTill(w.config(mode))
		h := w.addCard("card", "dev-full", 10_000)
		var gpo []byte
		r := w.begin(story{sale: w.newSale(pos.Purchase, pos.Contactless, 100), card: h}, nil)
		for a := w.till.Begin(r.sale); a.Done == nil; a = r.step(a) {
			if a.Send != nil && a.Send[1] == 0xA8 {
				gpo = bytes.Clone(a.Send)
			}
		}
		r.remove()
		if len(gpo) < 8 || gpo[7] != want {
			t.Errorf("%v: GET PROCESSING OPTIONS %X, want 9F66 to begin with %02X", mode, gpo, want)
		}
	}
}

func TestSalesThatAreNone(t *testing.T) {
	w := newWorld(t)
	good := w.newSale(pos.Purchase, pos.Contactless, 100)
	for _, c := range []struct {
		name   string
		change func(*pos.Sale)
		tag    tlv.Tag
	}{
		{"no kind", func(s *pos.Sale) { s.Kind = 0 }, tlv.TagTransactionType},
		{"unknown kind", func(s *pos.Sale) { s.Kind = 6 }, tlv.TagTransactionType},
		{"no interface", func(s *pos.Sale) { s.Interface = 0 }, tlv.TagPOSEntryMode},
		{"negative", func(s *pos.Sale) { s.Amount = -1 }, tlv.TagAmountAuthorised},
		{"too much for a row", func(s *pos.Sale) { s.Amount = 1 << 32 }, tlv.TagAmountAuthorised},
		{"load of nothing", func(s *pos.Sale) { s.Kind, s.Amount = pos.Load, 0 }, tlv.TagAmountAuthorised},
		{"before 1970", func(s *pos.Sale) { s.Time = -1 }, tlv.TagTransactionDate},
		{"after 2106", func(s *pos.Sale) { s.Time = 1 << 32 }, tlv.TagTransactionDate},
		{"stripe without a track", func(s *pos.Sale) { s.Interface = pos.Stripe }, tlv.TagTrack2Equivalent},
	} {
		s := good
		c.change(&s)
		a := w.till.Begin(s)
		if a.Done == nil || a.Done.Outcome != pos.Error || a.Done.Fault != (kernel.Fault{Code: kernel.BadValue, Tag: c.tag}) || len(a.Done.Records) != 0 {
			t.Errorf("%s: %v %+v", c.name, a, a.Done)
		}
	}
}

// TestWrongEventsPanic: they are faults of the program, never of a card.
func TestWrongEventsPanic(t *testing.T) {
	w := newWorld(t)
	h := w.addCard("card", "dev-sm", 10_000)
	panics := func(name string, f func()) {
		t.Helper()
		defer func() {
			if recover() == nil {
				t.Errorf("%s: no panic", name)
			}
		}()
		f()
	}
	w.till.Begin(w.newSale(pos.Purchase, pos.Contactless, 100))
	panics("Begin in a sale", func() { w.till.Begin(w.newSale(pos.Purchase, pos.Contactless, 100)) })
	panics("Restore in a sale", func() { _, _ = w.till.Restore(nil) })
	panics("issuer instead of card", func() { w.till.Step(emv.Event{Kind: emv.HostUnreachable}) })
	w.setTill(w.cfg)
	w.till.Begin(w.newSale(pos.Balance, pos.Contactless, 0))
	panics("PIN instead of card", func() { w.till.Step(emv.Event{Kind: emv.PINEntered}) })
	w.setTill(w.cfg)
	stored := w.tornExport(h)
	if _, err := w.till.Restore(stored); err != nil {
		t.Fatal(err)
	}
	panics("answer while it waits", func() { w.till.Step(emv.Answered([]byte{0x90, 0})) })
}

// TestRestoreRefusesOtherTerminals and other forms.
func TestRestoreRefuses(t *testing.T) {
	w := newWorld(t)
	stored := w.tornExport(w.addCard("card", "dev-sm", 10_000))
	cfg := w.cfg
	cfg.Terminal++
	other, err := pos.New(cfg)
	w.must(err)
	if _, err := other.Restore(stored); err == nil || !strings.Contains(err.Error(), "terminal") {
		t.Errorf("a sale of another terminal: %v", err)
	}
	for i := range stored {
		if _, err := w.till.Restore(stored[:i]); err == nil {
			t.Fatalf("%d of %d bytes are taken", i, len(stored))
		}
	}
	if _, err := w.till.Restore(append(bytes.Clone(stored), 0)); err == nil {
		t.Error("a byte more is taken")
	}
	a, err := w.till.Restore(stored)
	w.must(err)
	if a.Again == nil || a.Again.Amount != 1000 || a.Again.Record.Row.Flags.Reason() != txn.LastAnswerLost || len(w.till.Pending(nil)) != 0 {
		t.Errorf("restored: %+v", a.Again)
	}
}

// TestRestoredSaleIsNotChargedAnew: after a power failure nobody may be waiting, so a
// card that looks unpaid ends the sale in doubt.
func TestRestoredSaleIsNotChargedAnew(t *testing.T) {
	w := newWorld(t)
	h := w.addCard("card", "dev-sm", 10_000)
	st := story{sale: w.newSale(pos.Purchase, pos.Contactless, 1000), card: h, lose: map[string]cut{"last": unheard}}
	r := w.begin(st, nil)
	a := w.till.Begin(st.sale)
	for a.Again == nil {
		a = r.step(a)
	}
	stored, err := w.till.Export(nil)
	w.must(err)
	w.setTill(w.cfg)
	a, err = w.till.Restore(stored)
	w.must(err)
	r.again = []*holder{h}
	for a.Done == nil {
		a = r.step(a)
	}
	res := a.Done
	if res.Outcome != pos.Doubt || len(res.Records) != 1 || h.chip.Inspect().Balance != 10_000 || res.Card != h.key {
		t.Errorf("%v with %d rows, card has %v", res.Outcome, len(res.Records), h.chip.Inspect().Balance)
	}
}

// TestTexts: everything that people read is there in both languages.
func TestTexts(t *testing.T) {
	chinese := func(s string) bool {
		return strings.ContainsFunc(s, func(r rune) bool { return unicode.Is(unicode.Han, r) })
	}
	for d := pos.ShowApproved; d <= pos.ShowHostError; d++ {
		if d.EN() == "" || d.String() != d.EN() || !chinese(d.ZH()) || chinese(d.EN()) {
			t.Errorf("display %d: %q %q", d, d.EN(), d.ZH())
		}
	}
	if pos.Display(200).EN() != "" {
		t.Error("a display that does not exist has a text")
	}
	words := map[string]bool{}
	for o := pos.OfflineApproved; o <= pos.Error; o++ {
		words[o.String()] = true
	}
	for _, want := range []string{"offline_approved", "online_approved", "declined", "other_interface", "card_lost", "doubt", "error"} {
		if !words[want] {
			t.Errorf("no outcome %q", want)
		}
	}
	if pos.Outcome(99).String()+pos.ODA(99).String()+pos.Mode(99).String() != "" {
		t.Error("what does not exist has a name")
	}
	w := newWorld(t)
	h := w.addCard("card", "dev-full", 10_000)
	for _, mode := range []pos.Mode{pos.QPBOC, pos.DebitCredit, pos.MSD} {
		w.setTill(w.config(mode))
		w.play(story{sale: w.newSale(pos.Purchase, pos.Contactless, 100), card: h, lose: map[string]cut{}, again: []*holder{h}}, nil)
		if len(w.till.Notes()) == 0 {
			t.Errorf("%v: no notes", mode)
		}
		for _, n := range w.till.Notes() {
			if n.Text("en") == "" || n.Text("zh") == "" || n.Text("en") == n.Text("zh") {
				t.Errorf("note %q %q", n.EN, n.ZH)
			}
		}
	}
}

// TestNothingTellsACard: whatever is printed of a sale, no account number, track or PIN
// is in it.
func TestNothingTellsACard(t *testing.T) {
	w := newWorld(t)
	h := w.addCard("card", "dev-full", 10_000)
	number := h.key.PAN.Digits()
	var seen []any
	sale := w.newSale(pos.Purchase, pos.Contactless, 100)
	sale.Track2 = []byte(";" + number + "=3012101?")
	seen = append(seen, sale, w.till)
	st := story{sale: w.newSale(pos.Purchase, pos.Contact, 60_000), card: h, lose: map[string]cut{"generate-2": answerLost}, pin: "123456"}
	r := w.begin(st, nil)
	for a := w.till.Begin(st.sale); ; a = r.step(a) {
		seen = append(seen, a, w.till)
		if a.Online != nil {
			seen = append(seen, *a.Online)
		}
		if a.Done != nil {
			seen = append(seen, *a.Done, *a.Done.Reversal)
			break
		}
	}
	r.remove()
	st = story{sale: w.newSale(pos.Purchase, pos.Contactless, 100), card: h, lose: map[string]cut{}}
	seen = append(seen, *w.play(st, nil))
	for i, v := range seen {
		var b strings.Builder
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%X", "%d", "%q"} {
			fmt.Fprintf(&b, verb+"\n", v)
		}
		slog.New(slog.NewTextHandler(&b, nil)).Info("sale", "it", v)
		if j, err := json.Marshal(v); err == nil {
			b.Write(j)
		}
		for _, secret := range []string{number, number[6:12], fmt.Sprintf("%x", number), fmt.Sprintf("%X", number)} {
			if strings.Contains(b.String(), secret) {
				t.Fatalf("value %d (%T) tells %s: %s", i, v, secret, b.String())
			}
		}
	}
}
