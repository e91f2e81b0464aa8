package host_test

import (
	"context"
	mathrand "math/rand/v2"
	"testing"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/crypt/oda/devkeys"
	"github.com/citycard/citycard/crypt/pin"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/role/host"
	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/terminal/kernel/emv"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/tlv"
)

func kernelConfig(t testing.TB) *emv.Config {
	t.Helper()
	keys, err := devkeys.CAKeys()
	noError(t, err)
	v, err := oda.NewVerifier(keys, 8)
	noError(t, err)
	return &emv.Config{
		Country: [2]byte{1, 0x56}, Currency: [2]byte{1, 0x56}, Exponent: 2, Type: 0x22, TTQ: [4]byte{0x46, 0, 0, 0},
		Capabilities: [3]byte{0xE0, 0xF8, 0xC8}, Additional: [5]byte{0x60, 0, 0xF0, 0xF0, 0x01}, Merchant: []byte("CITY SHOP"),
		TerminalID: [8]byte([]byte("CITY0001")), MerchantID: [15]byte([]byte("SHOP00000000001")), Directory: true, SM: true, Authenticate: v,
		Applications: []emv.Application{{Name: unhex("A000000333010101"), Partial: true, Version: [2]byte{0, 0x30}, FloorLimit: 100_000}},
	}
}

// sale runs the whole kernel with a card and the host, and gives the outcome.
func sale(d *desk, kind txn.OnlineKind, in emv.Input) *emv.Outcome {
	d.t.Helper()
	m, err := emv.New(kernelConfig(d.t))
	noError(d.t, err)
	noError(d.t, m.Reset(in))
	d.chip.PowerOff()
	side, entry := card.Contact, txn.EntryChip
	if in.Contactless {
		side, entry = card.Contactless, txn.EntryContactless
	}
	d.chip.UseInterface(side)
	noError(d.t, d.chip.PowerOn(mathrand.NewChaCha8([32]byte{9})))
	ev := emv.Event{Kind: emv.Start}
	for {
		r := m.Step(ev)
		switch {
		case r.Outcome != nil:
			return r.Outcome
		case r.RemoveCard:
			ev = emv.Event{Kind: emv.CardRemoved}
		case r.Choose != nil:
			ev = emv.Event{Kind: emv.Chosen}
		case r.PIN != nil:
			p, err := pin.New(host.DevelopmentPIN)
			noError(d.t, err)
			ev = emv.Event{Kind: emv.PINEntered, PIN: p}
		case r.Online != nil:
			k := m.Data()
			q := txn.OnlineRequest{Kind: kind, Card: k.Card, Expiry: k.Expiry, Amount: in.Amount, Currency: [2]byte{1, 0x56}, Time: in.Time,
				Terminal: 1, Sequence: in.Sequence, Entry: entry, ICC: r.Online.ICC, Track2: r.Online.Track2}
			if r.Online.PIN.Len() > 0 {
				q.PINBlock, err = host.EncipherPIN(k.Card, r.Online.PIN)
				noError(d.t, err)
				q.HasPIN = true
			}
			a, err := d.host.Authorise(context.Background(), q)
			noError(d.t, err)
			ev = emv.Event{Kind: emv.HostAnswered, Host: &a}
		default:
			out, err := d.chip.Transmit(nil, r.Send)
			noError(d.t, err)
			ev = emv.Answered(out)
		}
	}
}

// The kernel, the card and the issuer of this project understand each other, on every
// profile and both interfaces.
func TestTheWholeKernelLoadsAndUnloadsACard(t *testing.T) {
	for _, profile := range []string{"dev-3des", "dev-sm", "dev-dual", "dev-full"} {
		for _, contactless := range []bool{false, true} {
			t.Run(profile+map[bool]string{false: "/contact", true: "/contactless"}[contactless], func(t *testing.T) {
				h := issuer(t)
				d := newDesk(t, profile, h)
				in := emv.Input{Amount: 20_000, Type: 0x60, Time: now, UN: [4]byte{1, 2, 3, 4}, CardUN: [4]byte{5, 6, 7, 8}, Sequence: 1, Percent: 99,
					Contactless: contactless, ForceOnline: true, Rand: mathrand.NewChaCha8([32]byte{1})}
				finish := func(kind txn.OnlineKind, cash, account money.Fen) {
					t.Helper()
					out := sale(d, kind, in)
					if out.Result != kernel.Approved || !out.Online || len(out.Scripts) != 1 || out.Scripts[0].Outcome != 2 || out.Reversal != emv.NoReversal {
						t.Fatalf("%v: %v (%v), %s, scripts %+v, reversal %d", kind, out.Result, out.Fault, h.Note(), out.Scripts, out.Reversal)
					}
					v, err := money.FromN12(unhex(d.data("80CA9F7900", tlv.TagECBalance)))
					if err != nil || v != cash || h.Available(d.key) != account {
						t.Errorf("%v: card %v, account %v, want %v and %v", kind, v, h.Available(d.key), cash, account)
					}
					in.Sequence++
				}
				finish(txn.OnlineLoad, 120_000, 80_000)
				in.Amount, in.Type = 0, 0
				finish(txn.OnlineUnload, 0, 80_000) // credited when the card shows it
				d.chip.UseInterface(card.Contact)
				if profile == "dev-sm" {
					d.Values[tlv.TagSMSupport] = []byte{1}
				}
				if _, _, err := d.ask(txn.OnlineInquiry, 0); err != nil || h.Available(d.key) != 200_000 {
					t.Errorf("the card has shown the unload: account %v, %v", h.Available(d.key), err)
				}
			})
		}
	}
}

// A qPBOC card that has to ask its issuer: the answer comes when it has left.
func TestTheQuickKernelAsksTheIssuer(t *testing.T) {
	for _, profile := range []string{"dev-3des", "dev-sm", "dev-dual", "dev-full"} {
		t.Run(profile, func(t *testing.T) {
			h := issuer(t)
			d := newDesk(t, profile, h)
			c := kernelConfig(t)
			quick := kernel.Config{TTQ: [4]byte{0x26, 0x80, 0, 0x80}, Country: c.Country, Currency: c.Currency, TerminalType: 0x22,
				Merchant: c.Merchant, AppVersion: [2]byte{0, 0x30}, AIDs: kernel.DebitCredit(), SM: true, Verify: c.Authenticate.(*oda.Verifier)}
			m, err := kernel.New(&quick)
			noError(t, err)
			noError(t, m.Reset(kernel.Input{Amount: 3_000, UN: [4]byte{1, 2, 3, 4}, Time: now, Sequence: 1}))
			d.chip.PowerOff()
			d.chip.UseInterface(card.Contactless)
			noError(t, d.chip.PowerOn(mathrand.NewChaCha8([32]byte{9})))
			ev := kernel.Event{Kind: kernel.Start}
			for {
				r := m.Step(ev)
				if r.Outcome != nil {
					if r.Outcome.Result != kernel.OnlineRequired {
						t.Fatalf("result %v", r.Outcome.Result)
					}
					break
				}
				switch {
				case r.RemoveCard:
					ev = kernel.Event{Kind: kernel.CardRemoved}
				case r.Identified:
					ev = kernel.Event{Kind: kernel.Continue}
				default:
					out, err := d.chip.Transmit(nil, r.Send)
					noError(t, err)
					ev = kernel.Answered(out)
				}
			}
			k := m.Data()
			a, err := h.Authorise(context.Background(), txn.OnlineRequest{Kind: txn.OnlinePurchase, Card: k.Card, Expiry: k.Expiry, Amount: 3_000,
				Currency: c.Currency, Time: now, Terminal: 1, Sequence: 1, Entry: txn.EntryContactless, ICC: m.ICC(nil)})
			if err != nil || !a.Approved() || h.Available(d.key) != host.OpeningAccount-3_000 {
				t.Fatalf("code %s (%s), account %v: %v", a.Code[:], h.Note(), h.Available(d.key), err)
			}
		})
	}
}
