package stripe_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/citycard/citycard/terminal/stripe"
	"github.com/citycard/citycard/txn"
)

// shop is a terminal that has all: 2026-03-27.
var shop = stripe.Circumstances{
	Time: time.Date(2026, 3, 27, 4, 0, 0, 0, time.UTC).Unix(), ChipReader: true, Fallback: true, PINPad: true, Online: true,
}

// TestDecide: the rules, each with the circumstances that set it apart.
func TestDecide(t *testing.T) {
	for _, row := range []struct {
		what   string
		track  string // expiry and service code
		change func(*stripe.Circumstances)
		action stripe.Action
		reason stripe.Reason
	}{
		{"a card without a chip", "3010120", nil, stripe.Accept, stripe.Usual},
		{"no service code", "3010=", nil, stripe.Accept, stripe.Usual},
		{"chip card, chip not tried", "3010220", nil, stripe.UseChip, stripe.ChipFirst},
		{"national chip card", "3010620", nil, stripe.UseChip, stripe.ChipFirst},
		{"chip card, no chip reader", "3010220", func(c *stripe.Circumstances) { c.ChipReader = false }, stripe.Accept, stripe.Usual},
		{"mute once", "3010220", func(c *stripe.Circumstances) { c.Chip, c.Mute = stripe.ChipMute, 1 }, stripe.UseChip, stripe.ChipAgain},
		{"mute twice", "3010220", func(c *stripe.Circumstances) { c.Chip, c.Mute = stripe.ChipMute, 2 }, stripe.UseChip, stripe.ChipAgain},
		{"mute three times", "3010220", func(c *stripe.Circumstances) { c.Chip, c.Mute = stripe.ChipMute, 3 }, stripe.Accept, stripe.Fallback},
		{"mute, acquirer without fallback", "3010220", func(c *stripe.Circumstances) { c.Chip, c.Mute, c.Fallback = stripe.ChipMute, 3, false }, stripe.Refuse, stripe.FallbackRefused},
		{"mute, issuer not reached", "3010220", func(c *stripe.Circumstances) { c.Chip, c.Mute, c.Online = stripe.ChipMute, 3, false }, stripe.Refuse, stripe.IssuerOffline},
		{"chip card whose stripe has expired", "2602220", nil, stripe.UseChip, stripe.ChipFirst},
		{"chip card whose stripe is for cash machines", "3010223", nil, stripe.UseChip, stripe.ChipFirst},
		{"chip card, no PIN pad", "3010220", func(c *stripe.Circumstances) { c.PINPad = false }, stripe.UseChip, stripe.ChipFirst},
		{"mute three times, stripe expired", "2602220", func(c *stripe.Circumstances) { c.Chip, c.Mute = stripe.ChipMute, 3 }, stripe.Refuse, stripe.Expired},
		{"mute, and the chip reader broke", "3010220", func(c *stripe.Circumstances) { c.Chip, c.Mute, c.ChipReader = stripe.ChipMute, 1, false }, stripe.Accept, stripe.Fallback},
		{"the same, acquirer without fallback", "3010220", func(c *stripe.Circumstances) { c.Chip, c.ChipReader, c.Fallback = stripe.ChipMute, false, false }, stripe.Refuse, stripe.FallbackRefused},
		{"a chip did what has no name", "3010220", func(c *stripe.Circumstances) { c.Chip, c.Mute = 7, 9 }, stripe.Refuse, stripe.ChipDecides},
		{"the same without service code", "3010=", func(c *stripe.Circumstances) { c.Chip = 255 }, stripe.Refuse, stripe.ChipDecides},
		{"no common application", "3010220", func(c *stripe.Circumstances) { c.Chip = stripe.ChipNoCommon }, stripe.Refuse, stripe.NoCommon},
		{"blocked", "3010220", func(c *stripe.Circumstances) { c.Chip = stripe.ChipBlocked }, stripe.Refuse, stripe.Blocked},
		{"blocked, after mute", "3010220", func(c *stripe.Circumstances) { c.Chip, c.Mute = stripe.ChipBlocked, 9 }, stripe.Refuse, stripe.Blocked},
		{"refused by the chip", "3010220", func(c *stripe.Circumstances) { c.Chip = stripe.ChipRefused }, stripe.Refuse, stripe.ChipDecides},
		{"broken off", "3010120", func(c *stripe.Circumstances) { c.Chip = stripe.ChipBroken }, stripe.Refuse, stripe.ChipDecides},
		{"cancelled", "3010220", func(c *stripe.Circumstances) { c.Chip = stripe.ChipCancelled }, stripe.Refuse, stripe.ChipDecides},
		{"expired last month", "2602120", nil, stripe.Refuse, stripe.Expired},
		{"expires this month", "2603120", nil, stripe.Accept, stripe.Usual},
		{"expired in 1999", "9912120", nil, stripe.Refuse, stripe.Expired},
		{"no expiry date", "=120", nil, stripe.Refuse, stripe.NoExpiry},
		{"service code 320", "3010320", nil, stripe.Refuse, stripe.UnknownService},
		{"service code 110", "3010110", nil, stripe.Refuse, stripe.UnknownService},
		{"service code 128", "3010128", nil, stripe.Refuse, stripe.UnknownService},
		{"private", "3010721", nil, stripe.Refuse, stripe.OnlyByAgreement},
		{"test card", "3010921", nil, stripe.Refuse, stripe.TestOnly},
		{"test card at a test terminal", "3010921", func(c *stripe.Circumstances) { c.TestCard = true }, stripe.Accept, stripe.Usual},
		{"cash machines only", "3010123", nil, stripe.Refuse, stripe.NotForThis},
		{"cash only", "3010124", nil, stripe.Refuse, stripe.NotForThis},
		{"cash only, for cash", "3010124", func(c *stripe.Circumstances) { c.Cash = true }, stripe.Accept, stripe.Usual},
		{"goods only, for cash", "3010122", func(c *stripe.Circumstances) { c.Cash = true }, stripe.Refuse, stripe.NotForThis},
		{"PIN and no PIN pad", "3010120", func(c *stripe.Circumstances) { c.PINPad = false }, stripe.Refuse, stripe.NoPINPad},
		{"PIN where possible, no PIN pad", "3010126", func(c *stripe.Circumstances) { c.PINPad = false }, stripe.Accept, stripe.Usual},
		{"issuer not reached", "3010101", func(c *stripe.Circumstances) { c.Online = false }, stripe.Refuse, stripe.IssuerOffline},
	} {
		two, err := stripe.ParseTrack2([]byte(";6210948000000011=" + row.track + "0000?"))
		if err != nil {
			t.Fatalf("%s: %v", row.what, err)
		}
		c := shop
		if row.change != nil {
			row.change(&c)
		}
		v := stripe.Decide(two, c)
		if v.Action != row.action || v.Reason != row.reason {
			t.Errorf("%s: %v, %v; want %v, %v", row.what, v.Action, v.Reason, row.action, row.reason)
		}
		entry := map[stripe.Reason]txn.EntryMode{stripe.Usual: txn.EntryStripe, stripe.Fallback: txn.EntryFallback}[row.reason]
		if v.Entry != entry {
			t.Errorf("%s: entry mode %d, want %d", row.what, v.Entry, entry)
		}
		if v.Reason.String() == "" || v.Reason.Chinese() == "" || v.Action.String() == "" {
			t.Errorf("%s: no text", row.what)
		}
	}
}

// TestChipIsNeverOverruled: whatever stripe and terminal say, a chip that has
// spoken is not replaced, and an accepted stripe of a chip card is marked.
func TestChipIsNeverOverruled(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		two := drawTrack2(t)
		c := stripe.Circumstances{
			Time: rapid.Int64Range(0, 4_000_000_000).Draw(t, "time"), ChipReader: rapid.Bool().Draw(t, "reader"),
			Chip: stripe.ChipTry(rapid.IntRange(0, 9).Draw(t, "chip")), Mute: rapid.IntRange(0, 5).Draw(t, "mute"),
			Fallback: rapid.Bool().Draw(t, "fallback"), PINPad: rapid.Bool().Draw(t, "pad"),
			Online: rapid.Bool().Draw(t, "online"), Cash: rapid.Bool().Draw(t, "cash"), TestCard: rapid.Bool().Draw(t, "test"),
		}
		v := stripe.Decide(two, c)
		if v.Action != stripe.Accept {
			return
		}
		chip := two.HasService && two.Service.Chip() && (c.ChipReader || c.Chip == stripe.ChipMute)
		switch {
		case c.Chip > stripe.ChipMute:
			t.Fatalf("accepted after the chip did %d", c.Chip)
		case !c.Online:
			t.Fatal("accepted offline")
		case chip != (v.Entry == txn.EntryFallback):
			t.Fatalf("chip card %v, entry mode %d", chip, v.Entry)
		case chip && c.ChipReader && c.Mute < 3:
			t.Fatalf("fallback after %d tries", c.Mute)
		}
	})
}

// TestLuhn: the check digit is told and decides nothing.
func TestLuhn(t *testing.T) {
	for text, want := range map[string]bool{";4761739001010119=30101200000?": true, ";4761739001010118=30101200000?": false} {
		two, err := stripe.ParseTrack2([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if v := stripe.Decide(two, shop); v.Luhn != want || v.Action != stripe.Accept {
			t.Errorf("%s: %+v", text, v)
		}
	}
}

// TestServiceCode: the third digits of ISO/IEC 7813, 4.2.2.
func TestServiceCode(t *testing.T) {
	for digit, want := range map[byte]struct {
		goods, cash bool
		pin         stripe.PINRule
	}{
		'0': {true, true, stripe.PINRequired}, '1': {true, true, stripe.PINNotAsked}, '2': {true, false, stripe.PINNotAsked},
		'3': {false, false, stripe.PINRequired}, '4': {false, true, stripe.PINNotAsked}, '5': {true, false, stripe.PINRequired},
		'6': {true, true, stripe.PINIfPossible}, '7': {true, false, stripe.PINIfPossible},
	} {
		s := stripe.ServiceCode{'1', '2', digit}
		if s.Goods() != want.goods || s.Cash() != want.cash || s.PIN() != want.pin || !s.Known() || !s.Online() || s.Chip() {
			t.Errorf("%c: %v %v %v", digit, s.Goods(), s.Cash(), s.PIN())
		}
	}
}
