package host_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/keystore"
	"github.com/citycard/citycard/crypt/pin"
	"github.com/citycard/citycard/issuer/authorise"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/role/devcard"
	"github.com/citycard/citycard/role/host"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

func issuer(t testing.TB) *host.InProcess {
	t.Helper()
	h, err := host.NewInProcess(host.OpeningAccount)
	noError(t, err)
	return h
}

func TestTheDevelopmentIssuerKeepsAnAccountForEachCard(t *testing.T) {
	h := issuer(t)
	d := newDesk(t, "dev-full", h)
	a, auth, cid, _ := d.talk(txn.OnlinePurchase, 30_000)
	if !a.Approved() || auth != apdu.SWOK || cid != 0x40 || a.Available != 70_000 {
		t.Fatalf("code %s, 91: %v, 9F27 %02X, %v left", a.Code[:], auth, cid, a.Available)
	}
	a, _, _, _ = d.talk(txn.OnlineInquiry, 0)
	if !a.Known || a.Available != 70_000 || h.Available(d.key) != 70_000 {
		t.Errorf("inquiry: %v, account %v", a.Available, h.Available(d.key))
	}
	if other := (txn.CardKey{PAN: d.key.PAN, PSN: 2}); h.Available(other) != host.OpeningAccount {
		t.Errorf("another card has %v", h.Available(other))
	}
	if h.Note() == "" {
		t.Error("no note")
	}
	if text := fmt.Sprintf("%v %+v", h, h.Name()); strings.Contains(text, "6228000100001117") {
		t.Error("the host prints an account number")
	}
}

func TestOnlinePINsAreCountedAtTheIssuer(t *testing.T) {
	d := newDesk(t, "dev-3des", issuer(t))
	try := func(digits, want string) {
		t.Helper()
		noError(t, d.chip.PowerOn(strings.NewReader(strings.Repeat("random", 100))))
		noError(t, d.Start(100, 0))
		_, err := d.Generate(0x80, "")
		noError(t, err)
		q := d.Request(txn.OnlinePurchase, d.key, 100)
		p, err := pin.New(digits)
		noError(t, err)
		q.PINBlock, err = host.EncipherPIN(d.key, p)
		noError(t, err)
		q.HasPIN = true
		a, err := d.host.Authorise(context.Background(), q)
		noError(t, err)
		if string(a.Code[:]) != want {
			t.Errorf("PIN %s: code %s, want %s", digits, a.Code[:], want)
		}
		d.chip.PowerOff()
	}
	d.chip.PowerOff()
	for _, c := range [][2]string{{"000000", "55"}, {"123456", "00"}, {"1234", "55"}, {"12345", "55"}, {"123457", "55"}, {"123456", "75"}} {
		try(c[0], c[1])
	}
	if _, err := host.EncipherPIN(d.key, pin.PIN{}); !errors.Is(err, pin.ErrPIN) {
		t.Errorf("a block without a PIN: %v", err)
	}
}

func TestOrdersOfTheDevelopmentIssuer(t *testing.T) {
	h := issuer(t)
	d := newDesk(t, "dev-sm", h)
	d.Values[tlv.TagSMSupport] = []byte{1}
	noError(t, h.Order(d.key, authorise.Order{Template: tlv.TagIssuerScript1, Commands: []authorise.Command{authorise.PutData(tlv.TagECSingleLimit, unhex("000000012300"))}}))
	if err := h.Order(d.key, authorise.Order{Template: tlv.TagIssuerScript1}); !errors.Is(err, authorise.ErrOrder) {
		t.Errorf("an empty order: %v", err)
	}
	for i, want := range []int{1, 0} {
		if _, _, _, scripts := d.talk(txn.OnlinePurchase, 100); len(scripts) != want {
			t.Errorf("answer %d brought %d commands, want %d", i+1, len(scripts), want)
		}
	}
	if got := d.data("80CA9F7800", tlv.TagECSingleLimit); got != "000000012300" {
		t.Errorf("9F78 is %s", got)
	}
}

// The host's master of dynamic check values is the one that development cards have.
func TestTheCheckValueKeyIsThatOfTheCards(t *testing.T) {
	d := newDesk(t, "dev-full", issuer(t))
	for _, alg := range []cryptogram.Alg{cryptogram.TDES, cryptogram.SM4} {
		keys, ok := devcard.Keys(alg, d.key.PAN, d.key.PSN)
		master, err := cryptogram.NewBlock(alg, keystore.DevelopmentKey(host.DCVNName))
		noError(t, err)
		if own := cryptogram.DeriveCardKey(alg, master, d.key.PAN, d.key.PSN); !ok || !own.Equal(keys.DCVN) {
			t.Errorf("%v: another key than the card's", alg)
		}
	}
}

// Stripe data over the air, with a dynamic check value or with a cryptogram, are of the
// account that the chip of the card has, though track 2 has no sequence number.
func TestStripeDataOverTheAirAreOfTheCardsAccount(t *testing.T) {
	for _, first := range []string{"80000000", "80800000"} { // 9F66
		h := issuer(t)
		d := newDesk(t, "dev-full", h)
		d.Entry = txn.EntryMSD
		nameless := txn.CardKey{PAN: d.key.PAN}
		tap := func(ttq string, left money.Fen) {
			t.Helper()
			d.chip.PowerOff()
			d.chip.UseInterface(card.Contactless)
			noError(t, d.chip.PowerOn(strings.NewReader(strings.Repeat("random", 100))))
			d.Values[tlv.TagTTQ] = unhex(ttq)
			noError(t, d.Start(100, 0))
			q := d.Request(txn.OnlinePurchase, nameless, 100)
			for range 2 {
				a, err := d.host.Authorise(context.Background(), q)
				if err != nil || !a.Approved() || h.Available(d.key) != left {
					t.Errorf("9F66 %s: code %s (%s), account %v: %v", ttq, a.Code[:], h.Note(), h.Available(d.key), err)
				}
			}
		}
		tap(first, host.OpeningAccount-100)
		tap("80000000", host.OpeningAccount-200)
		tap("80800000", host.OpeningAccount-300)
		d.chip.PowerOff()
		d.chip.UseInterface(card.Contact)
		d.Entry, d.Values[tlv.TagTTQ] = txn.EntryChip, unhex("40000000")
		_, a, err := d.ask(txn.OnlinePurchase, 100)
		noError(t, err)
		if left := host.OpeningAccount - 400; !a.Approved() || a.Available != left {
			t.Errorf("the chip after that: code %s, %v left, want %v", a.Code[:], a.Available, left)
		}
	}
}

// A card with another sequence number than most is known once its chip was here, and
// two cards of one number are told apart by the dynamic check value.
func TestStripeDataOfTwoCardsOfOneNumber(t *testing.T) {
	h := issuer(t)
	for _, psn := range []byte{2, 1} {
		d := newCard(t, "dev-full", psn, h)
		tap := func(want string) {
			t.Helper()
			d.chip.PowerOff()
			d.chip.UseInterface(card.Contactless)
			noError(t, d.chip.PowerOn(strings.NewReader(strings.Repeat("random", 100))))
			d.Entry, d.Values[tlv.TagTTQ] = txn.EntryMSD, unhex("80000000")
			noError(t, d.Start(100, 0))
			a, err := h.Authorise(context.Background(), d.Request(txn.OnlinePurchase, txn.CardKey{PAN: d.key.PAN}, 100))
			if err != nil || string(a.Code[:]) != want {
				t.Errorf("card %02d: code %s (%s), want %s: %v", psn, a.Code[:], h.Note(), want, err)
			}
		}
		tap("59") // the host takes it for a card of the other number
		d.chip.PowerOff()
		d.chip.UseInterface(card.Contact)
		d.Entry, d.Values[tlv.TagTTQ] = txn.EntryChip, unhex("40000000")
		_, a, err := d.ask(txn.OnlineInquiry, 0)
		if err != nil || !a.Approved() {
			t.Fatalf("inquiry of card %02d: code %s, %v", psn, a.Code[:], err)
		}
		tap("00")
		if got := h.Available(d.key); got != host.OpeningAccount-100 {
			t.Errorf("account of card %02d: %v", psn, got)
		}
	}
}

func TestManyTerminalsAtOneIssuer(t *testing.T) {
	h := issuer(t)
	d := newDesk(t, "dev-3des", h)
	q, _, err := d.ask(txn.OnlinePurchase, 100)
	noError(t, err)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if a, err := h.Authorise(context.Background(), q); err != nil || !a.Approved() {
				t.Errorf("code %s: %v", a.Code[:], err)
			}
		})
	}
	all.Wait()
	if got := h.Available(d.key); got != host.OpeningAccount-100 {
		t.Errorf("one request, eight times: %v is left", got)
	}
	noError(t, h.Reverse(context.Background(), q, host.CardGone, nil))
	if got := h.Available(d.key); got != host.OpeningAccount {
		t.Errorf("after the reversal: %v", got)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := h.Authorise(ctx, q); !errors.Is(err, host.ErrUnreachable) {
		t.Errorf("a context that has ended: %v", err)
	}
}
