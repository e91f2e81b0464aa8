package cardview_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/card/fault"
	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/crypt/oda/devkeys"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/role/cardview"
	"github.com/citycard/citycard/role/devcard"
	"github.com/citycard/citycard/role/virtualcard"
	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/terminal/reader"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.FixedZone("CST", 8*3600))

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func random(seed byte) *rand.ChaCha8 { return rand.NewChaCha8([32]byte{seed}) }

// newCard makes a card of a profile, with faults if there are any, in a reader.
func newCard(t testing.TB, profile, faults string) (*virtualcard.Card, reader.Card) {
	t.Helper()
	r, err := devcard.Default(profile)
	check(t, err)
	img, err := devcard.Issue(r)
	check(t, err)
	c := virtualcard.Config{Image: img, Interface: card.Auto, Rand: random(1)}
	if faults != "" {
		c.Faults, err = fault.Parse([]byte("name: x\nfaults:\n" + faults))
		check(t, err)
	}
	v, err := virtualcard.New(c)
	check(t, err)
	in, err := virtualcard.Reader(v)
	check(t, err)
	return v, in
}

func options(t testing.TB) cardview.Options {
	t.Helper()
	cas, err := devkeys.CAKeys()
	check(t, err)
	return cardview.Options{CAKeys: cas, Rand: random(2), At: noon}
}

func look(t testing.TB, c reader.Card, o cardview.Options) *cardview.View {
	t.Helper()
	v, err := cardview.Read(t.Context(), c, o)
	check(t, err)
	return v
}

// pay lets a gate take an amount from the card.
func pay(t testing.TB, c reader.Card, amount money.Fen) {
	t.Helper()
	cas, err := devkeys.CAKeys()
	check(t, err)
	verifier, err := oda.NewVerifier(cas, 2)
	check(t, err)
	m, err := kernel.New(&kernel.Config{TTQ: kernel.GateTTQ, Country: [2]byte{1, 0x56}, Currency: [2]byte{1, 0x56}, TerminalType: 0x26,
		Merchant: []byte("XIZHIMEN"), AppVersion: [2]byte{0, 0x30}, AIDs: kernel.DebitCredit(), SM: true, Verify: verifier})
	check(t, err)
	_, err = c.Reset(t.Context(), reader.Cold)
	check(t, err)
	check(t, m.Reset(kernel.Input{Amount: amount, UN: [4]byte{1, 2, 3, 4}, Time: noon.Unix()}))
	ready := m.Step(kernel.Event{Kind: kernel.Start})
	for ready.Outcome == nil {
		switch {
		case ready.Identified:
			ready = m.Step(kernel.Event{Kind: kernel.Continue})
		case ready.RemoveCard:
			ready = m.Step(kernel.Event{Kind: kernel.CardRemoved})
		default:
			out, err := c.Transmit(t.Context(), nil, ready.Send)
			check(t, err)
			ready = m.Step(kernel.Answered(out))
		}
	}
	if ready.Outcome.Result != kernel.Approved {
		t.Fatalf("the gate says %v, %v", ready.Outcome.Result, ready.Outcome.Fault)
	}
}

// TestNothingIsPaid: reading a card leaves balance and logs alone and uses one
// counter; a passive look and a look at the logs leave no trace at all.
func TestNothingIsPaid(t *testing.T) {
	for _, profile := range []string{"sm", "3des", "dev-sm", "dev-3des", "dev-dual"} {
		v, in := newCard(t, profile, "")
		pay(t, in, 300)
		before := v.Snapshot()
		for what, o := range map[string]func(*cardview.Options){
			"passive": func(o *cardview.Options) { o.Passive = true }, "logs": func(o *cardview.Options) { o.LogsOnly = true },
		} {
			opt := options(t)
			o(&opt)
			got := look(t, in, opt).Applications[0]
			if !bytes.Equal(v.Snapshot(), before) {
				t.Errorf("%s, %s: the card was changed", profile, what)
			}
			if got.PAN != "622800******1117" || got.PSN != "01" || got.Authentication.Result != cardview.NotChecked || len(got.Log) != 1 {
				t.Errorf("%s, %s: %+v", profile, what, got)
			}
		}
		a := look(t, in, options(t)).Applications[0]
		if a.Authentication.Result != cardview.Genuine || *a.ATC != 1 || *a.Authentication.Counter != 2 {
			t.Errorf("%s: %+v, counter %d", profile, a.Authentication, *a.ATC)
		}
		opt := options(t)
		opt.Passive = true
		again := look(t, in, opt).Applications[0]
		if again.Cash.Balance != a.Cash.Balance || again.Cash.Balance != 100000-300 || len(again.Log) != 1 || *again.ATC != 2 {
			t.Errorf("%s: after reading, %+v", profile, again)
		}
	}
}

// TestLog: what a gate took stands in the log as it was.
func TestLog(t *testing.T) {
	_, in := newCard(t, "dev-sm", "")
	pay(t, in, 300)
	pay(t, in, 45)
	a := look(t, in, options(t)).Applications[0]
	if len(a.Log) != 2 {
		t.Fatalf("%d records", len(a.Log))
	}
	p := a.Log[0]
	if p.Date != "2026-11-22" || *p.Amount != 45 || *p.Other != 0 || p.Currency != "156" || p.Country != "156" || p.Type != "00" || *p.ATC != 2 || *a.Log[1].Amount != 300 {
		b, err := json.Marshal(a.Log)
		check(t, err)
		t.Errorf("%s", b)
	}
}

// TestForgeries: a wrong signature, a wrong certificate and a stranger's authority
// are told from a genuine card, and the reason is said.
func TestForgeries(t *testing.T) {
	for _, c := range []struct{ name, faults, result, reason string }{
		{"signature", "- {name: f, when: {ins: A8}, then: {alter: [{how: flip, tag: 9F4B}]}}", cardview.NotGenuine, oda.SDADBad.String()},
		{"card certificate", "- {name: f, when: {ins: B2}, then: {alter: [{how: flip, tag: 9F46}]}}", cardview.NotGenuine, oda.CardCertBad.String()},
		{"issuer certificate", "- {name: f, when: {ins: B2}, then: {alter: [{how: flip, tag: '90'}]}}", cardview.NotGenuine, oda.IssuerCertBad.String()},
		{"other authority", "- {name: f, when: {ins: B2}, then: {alter: [{how: set, tag: 8F, value: '99'}]}}", cardview.NotChecked, oda.NoCAKey.String()},
		{"no signature", "- {name: f, when: {ins: A8}, then: {alter: [{how: remove, tag: 9F4B}]}}", cardview.NotChecked, "the card gave no signature"},
		{"no AFL", "- {name: f, when: {ins: A8}, then: {alter: [{how: remove, tag: '94'}]}}", cardview.NotChecked, "the card declines an offline transaction of 0.00"},
		{"refused", "- {name: f, when: {ins: A8}, then: {sw: '6985', no_data: true}}", cardview.NotChecked, "GET PROCESSING OPTIONS answers 6985"},
		{"a record is missing", "- {name: f, when: {ins: B2, p1: '01', p2: '14'}, then: {sw: 6A83, no_data: true}}", cardview.NotChecked, "a signed record could not be read"},
		{"blocked", "- {name: f, when: {ins: A4, aid: A000000333}, then: {sw: '6283'}}", cardview.Genuine, ""},
	} {
		_, in := newCard(t, "dev-sm", c.faults)
		a := look(t, in, options(t)).Applications[0]
		if a.Authentication.Result != c.result || a.Authentication.Reason != c.reason || a.Blocked != (c.name == "blocked") {
			t.Errorf("%s: %+v", c.name, a.Authentication)
		}
	}
}

// TestContactSide: a card that only the PSE names is authenticated by DDA over the
// contacts.
func TestContactSide(t *testing.T) {
	for _, profile := range []string{"dev-3des", "dev-sm", "dev-dual"} {
		_, in := newCard(t, profile, "- {name: no PPSE, when: {ins: A4, aid: '3250'}, then: {sw: 6A82, no_data: true}}")
		v := look(t, in, options(t))
		a := v.Applications[0]
		if a.Contactless || !a.Contact || a.Authentication.Method != "DDA" || a.Authentication.Result != cardview.Genuine {
			t.Errorf("%s: %+v, notes %q", profile, a, v.Notes)
		}
	}
}

// TestNoDirectory: applications are found by the beginning of their names.
func TestNoDirectory(t *testing.T) {
	_, in := newCard(t, "dev-sm", "- {name: no PPSE, when: {ins: A4, aid: '3250'}, then: {sw: 6A82, no_data: true}}\n- {name: no PSE, when: {ins: A4, aid: '3150'}, then: {sw: 6A82, no_data: true}}")
	v := look(t, in, options(t))
	if len(v.Applications) != 1 || v.Contact || v.Contactless || v.Applications[0].AID != "A000000333010101" || v.Applications[0].Authentication.Result != cardview.Genuine {
		t.Errorf("%+v", v)
	}
}

// TestReaderErrorsEndTheReading.
func TestReaderErrorsEndTheReading(t *testing.T) {
	_, in := newCard(t, "dev-sm", "- {name: mute, when: {ins: B2, nth: 3}, then: {silent: true}}")
	if _, err := cardview.Read(t.Context(), in, options(t)); !errors.Is(err, reader.ErrCardGone) {
		t.Errorf("%v", err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	_, in = newCard(t, "dev-sm", "")
	if _, err := cardview.Read(ctx, in, options(t)); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if _, err := cardview.Read(t.Context(), in, cardview.Options{}); err == nil {
		t.Error("options without time and randomness are taken")
	}
}

// TestNoSecretInAView: no card number stands in it.
func TestNoSecretInAView(t *testing.T) {
	for _, profile := range []string{"sm", "dev-dual"} {
		_, in := newCard(t, profile, "")
		b, err := json.Marshal(look(t, in, options(t)))
		check(t, err)
		if strings.Contains(string(b), "6228000100001117") || !strings.Contains(string(b), "622800******1117") {
			t.Errorf("%s: %s", profile, b)
		}
	}
}

// hostile is a card whose answers have wrong bits, lengths and status words.
type hostile struct {
	reader.Card
	rnd   *rand.Rand
	sent  int
	abuse int // one answer in so many is spoilt
}

func (h *hostile) Transmit(ctx context.Context, dst, cmd []byte) ([]byte, error) {
	h.sent++
	out, err := h.Card.Transmit(ctx, dst, cmd)
	if err != nil || h.rnd.IntN(h.abuse) != 0 {
		return out, err
	}
	answer := bytes.Clone(out[len(dst):])
	n := len(answer) - 2
	switch h.rnd.IntN(5) {
	case 0:
		for range 1 + h.rnd.IntN(4) {
			answer[h.rnd.IntN(len(answer))] ^= byte(1 << h.rnd.IntN(8))
		}
	case 1:
		answer = append(answer[:h.rnd.IntN(n+1)], answer[n:]...)
	case 2:
		answer = append(bytes.Repeat([]byte{byte(h.rnd.Uint32())}, h.rnd.IntN(256)), 0x90, 0x00)
	case 3:
		answer = []byte{0x90, 0x00}
	case 4:
		answer = append(answer[:n:n], answer[n:]...)
		answer[n], answer[n+1] = 0x90, 0x00
	}
	return append(dst, answer...), nil
}

// TestHostileCards: whatever a card answers, the reading ends, with a bounded
// number of commands, and a forged card is never genuine by accident.
func TestHostileCards(t *testing.T) {
	for seed := range uint64(400) {
		profile := []string{"sm", "3des", "dev-sm", "dev-3des", "dev-dual"}[seed%5]
		_, in := newCard(t, profile, "")
		h := &hostile{Card: in, rnd: rand.New(rand.NewPCG(seed, 1)), abuse: 1 + int(seed%7)}
		v, err := cardview.Read(t.Context(), reader.Cook(h), options(t))
		if err != nil {
			var r *reader.Error
			if !errors.As(err, &r) {
				t.Fatalf("seed %d: %v", seed, err)
			}
			continue
		}
		if h.sent > 20000 || len(v.Applications) > 20 || len(v.Notes) > 50 {
			t.Fatalf("seed %d: %d commands, %d applications, %d notes", seed, h.sent, len(v.Applications), len(v.Notes))
		}
	}
}

// transcript is a card that knows some commands, in hexadecimal.
type transcript map[string]string

func (transcript) ATR() []byte { return []byte{0x3B, 0x62, 0x00, 0x00, 'A', 'B'} }

func (c transcript) Reset(context.Context, reader.ResetKind) ([]byte, error) { return c.ATR(), nil }

func (transcript) Close() error { return nil }

func (c transcript) Transmit(_ context.Context, dst, cmd []byte) ([]byte, error) {
	answer, ok := c[strings.ToUpper(hex.EncodeToString(cmd))]
	if !ok {
		answer = "6A82"
	}
	b, err := hex.DecodeString(strings.ReplaceAll(answer, " ", ""))
	return append(dst, b...), err
}

// TestLoadLogAndSecondCurrency, from a card that is written down.
func TestLoadLogAndSecondCurrency(t *testing.T) {
	c := transcript{
		"00A4040005A00000033300":       "6F19 8408A000000333010101 A50D BF0C0A 9F4D020B02 DF4D020C03 9000",
		"00A4040008A00000033301010100": "6F19 8408A000000333010101 A50D BF0C0A 9F4D020B02 DF4D020C03 9000",
		"80CA9F7900":                   "9F7906000000012345 9000",
		"80CADF7900":                   "DF7906000000000777 9000",
		"80CADF7100":                   "DF71020344 9000",
		"80CA9F4F00":                   "9F4F069A039F02069C01 9000", // a DOL that is one byte too long
		"80CADF4F00":                   "DF4F0B9A039F21039F36029F4E02 9000",
		"00B2016400":                   "9F79 000000000100 000000012345 261122 235959 0012 4142 9000",
		"00B2026400":                   "9F79 000000000100 00000001234A 261122 235959 0011 4142 9000",
		"00B2036400":                   "6A83",
	}
	v := look(t, c, options(t))
	if len(v.Applications) != 1 || v.Historical != "AB" {
		t.Fatalf("%+v", v)
	}
	a := v.Applications[0]
	if a.Cash.Balance != 12345 || a.Second.Balance != 777 || a.Second.Currency != "344" || a.Second.Limit != nil {
		t.Errorf("%+v, %+v", a.Cash, a.Second)
	}
	if len(a.LoadLog) != 1 {
		t.Fatalf("load log %+v, notes %q", a.LoadLog, v.Notes)
	}
	if l := a.LoadLog[0]; l.Tag != "9F79" || l.Before != 100 || l.After != 12345 || l.Date != "2026-11-22" || l.Time != "23:59:59" || *l.ATC != 18 || l.Merchant != "AB" {
		t.Errorf("%+v", l)
	}
	if len(a.Log) != 0 || len(v.Notes) != 2 || a.Authentication.Reason != "GET PROCESSING OPTIONS answers 6A82" {
		t.Errorf("notes %q, %+v", v.Notes, a.Authentication)
	}
}
