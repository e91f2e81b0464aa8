package gate_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/citycard/citycard/card/capp"
	"github.com/citycard/citycard/card/psam"
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/fare"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/role/devcard"
	"github.com/citycard/citycard/terminal/gate"
	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/journey"
	"github.com/citycard/citycard/wire/tlv"
)

// relay stands between gate and card, both genuine, and makes a payment of the low-value
// extension a plain one: it changes DF60, which is under no signature, and says itself
// that the record was put by. Where other is set, the record is that of another card.
type relay struct {
	w     *world
	other *rider
	at    int // of DF60 in the data of GET PROCESSING OPTIONS
}

func (k *relay) between(cmd []byte, card func([]byte) []byte) []byte {
	switch commandName(cmd) {
	case "SELECT":
		answer := card(cmd)
		k.learn(answer)
		if k.other != nil {
			_, err := k.other.chip.Transmit(nil, cmd)
			k.w.must(err)
		}
		return answer
	case "READ CAPP DATA":
		answer := card(cmd)
		if k.other != nil {
			var err error
			answer, err = k.other.chip.Transmit(nil, cmd)
			k.w.must(err)
		}
		return answer
	case "GET PROCESSING OPTIONS":
		cmd = bytes.Clone(cmd)
		cmd[5+2+k.at] = 0
		return card(cmd)
	case "UPDATE CAPP DATA CACHE":
		return []byte{0x90, 0x00}
	}
	return card(cmd)
}

// learn finds DF60 in the PDOL of an FCI.
func (k *relay) learn(answer []byte) {
	data, _, err := apdu.ParseResponse(answer)
	k.w.must(err)
	raw, _ := tlv.Find(data, tlv.TagFCITemplate, tlv.TagFCIProprietary, tlv.TagPDOL)
	list, err := tlv.ParseDOL(raw)
	k.w.must(err)
	k.at = 0
	for _, e := range list {
		if e.Tag == tlv.TagCAPPIndicator {
			return
		}
		k.at += int(e.Len)
	}
}

// TestRelayOfThePayment: what a relay could win if the gate believed that the record was
// put by, or that record and payment are of one card. The gate refuses both while nothing
// is paid, and leaves a row for the counter.
func TestRelayOfThePayment(t *testing.T) {
	for _, c := range []struct {
		name           string
		twoCards       bool
		silent, unbind bool
		opens          bool
	}{
		{name: "a plain payment"},
		{name: "a plain payment, and silent cards are allowed", silent: true, opens: true},
		{name: "two cards", twoCards: true},
		{name: "two cards, and silent cards are allowed", twoCards: true, silent: true},
		{name: "two cards, silent and unbound", twoCards: true, silent: true, unbind: true, opens: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.unbound = c.unbind
			entry := w.addGate("near", "near", gate.Config{Terminal: 7, Mode: gate.Entry, Station: w.mustStation("建国门"), Transit: &gate.Transit{}})
			far := w.addGate("far", "far", gate.Config{Terminal: 8, Mode: gate.Entry, Station: w.mustStation("大兴机场"), Transit: &gate.Transit{}})
			st := w.exitGate(&gate.Transit{AllowSilent: c.silent})
			r, other := w.makeCard("rider", cardSpec{profile: "transit-sm", balance: 9000}), w.makeCard("other", cardSpec{profile: "transit-sm", balance: 9000})
			k := &relay{w: w}
			w.tap(entry, other, noCut, nil)
			if c.twoCards {
				w.tap(far, r, noCut, nil)
				k.other = other
				w.must(other.chip.PowerOn(other.random))
			} else {
				w.tap(entry, r, noCut, nil)
			}
			w.now += 1800
			before := r.chip.Inspect().Balance
			r.between = k.between
			res := w.tap(st, r, noCut, nil)
			paid := before - r.chip.Inspect().Balance
			if res.Opened != c.opens || res.Opened == (res.Display == gate.NotGenuine) || (paid != 0) != c.opens {
				t.Fatalf("%v (%v), the card paid %v", res.Display, res.Fault, paid)
			}
			if rows := appendRows(w, nil, res.Records); len(rows) != 1 || !c.opens && rows[0].Flags.Reason() != txn.LeftBeforeLast {
				t.Fatalf("%d rows", len(rows))
			}
			r.between = nil
			if res := w.tap(st, r, noCut, nil); !c.opens && (!res.Opened || res.Amount == 0) {
				t.Errorf("the card alone: %v", res.Display)
			}
		})
	}
}

// TestCodeOfTheAnswer: a card whose answer to UPDATE CAPP DATA CACHE has another code has
// not taken the record, whatever AllowSilent says; without any code it depends on that.
func TestCodeOfTheAnswer(t *testing.T) {
	for _, c := range []struct {
		name   string
		spoil  func(answer []byte) []byte
		silent bool
		want   gate.Display
	}{
		{"genuine", func(a []byte) []byte { return a }, false, gate.Goodbye},
		{"one bit", func(a []byte) []byte { a[3] ^= 1; return a }, false, gate.NotGenuine},
		{"one bit, silent", func(a []byte) []byte { a[0] ^= 0x80; return a }, true, gate.NotGenuine},
		{"three bytes, silent", func(a []byte) []byte { return a[1:] }, true, gate.NotGenuine},
		{"five bytes, silent", func(a []byte) []byte { return append([]byte{0}, a...) }, true, gate.NotGenuine},
		{"none", func(a []byte) []byte { return a[4:] }, false, gate.NotGenuine},
		{"none, silent", func(a []byte) []byte { return a[4:] }, true, gate.Goodbye},
	} {
		for _, profile := range []string{"transit-sm", "transit-3des"} {
			w := newWorld(t)
			st := w.exitGate(&gate.Transit{AllowSilent: c.silent})
			r := w.makeCard("rider", cardSpec{profile: profile, balance: 9000})
			r.between = func(cmd []byte, card func([]byte) []byte) []byte {
				answer := card(cmd)
				if commandName(cmd) == "UPDATE CAPP DATA CACHE" && cmd[3] == 0x15<<3 {
					answer = c.spoil(answer)
				}
				return answer
			}
			res := w.tap(st, r, noCut, nil)
			if res.Display != c.want || res.Opened != (c.want == gate.Goodbye) || (r.chip.Inspect().Balance == 9000) == res.Opened {
				t.Errorf("%s, %s: %v (%v), the card has %v", profile, c.name, res.Display, res.Fault, r.chip.Inspect().Balance)
			}
		}
	}
}

// TestUnclearProof: a purse that gives no usable answer about its torn purchase, with the
// counter where it was, is not charged again.
func TestUnclearProof(t *testing.T) {
	for _, mode := range []gate.Mode{gate.Exit, gate.Bus} {
		for name, c := range map[string]struct {
			answer []byte
			want   gate.Display
		}{
			"status word": {[]byte{0x6F, 0x00}, gate.CardNotKnown},
			"short":       {[]byte{1, 2, 0x90, 0x00}, gate.CardNotKnown},
			"other codes": {[]byte{1, 2, 3, 4, 5, 6, 7, 8, 0x90, 0x00}, gate.NotGenuine},
		} {
			w := newWorld(t)
			st := w.exitGate(&gate.Transit{})
			if mode == gate.Bus {
				st = w.addGate("bus", "south", gate.Config{Terminal: 3, Mode: gate.Bus, Route: 300, Medium: fare.MunicipalCard, RetapWindow: time.Minute, Transit: &gate.Transit{}})
				w.must(st.gate.SetStop(1, 0, 9000))
			}
			r := w.makeCard("rider", cardSpec{profile: "tunion", balance: 9000})
			if res := w.tap(st, r, cutAfterDebit, nil); !res.Retap {
				t.Fatal(res.Display)
			}
			paid, _ := r.purseState(w)
			r.between = func(cmd []byte, card func([]byte) []byte) []byte {
				if commandName(cmd) == "GET TRANS PROVE" {
					return c.answer
				}
				return card(cmd)
			}
			res := w.tap(st, r, noCut, nil)
			if balance, _ := r.purseState(w); res.Opened || res.Display != c.want || len(res.Records) != 0 || balance != paid {
				t.Errorf("%v, %s: %v, %d records, balance %d of %d", mode, name, res.Display, len(res.Records), balance, paid)
			}
			r.between = nil
			if res := w.tap(st, r, noCut, nil); !res.Opened || len(res.Records) != 1 || !res.Records[0].Row.Flags.Has(txn.ClosedByProve) {
				t.Errorf("%v, %s, and then: %v", mode, name, res.Display)
			}
			if balance, _ := r.purseState(w); money.Fen(balance) != money.Fen(paid) {
				t.Errorf("%v, %s: charged twice", mode, name)
			}
		}
	}
}

// TestAnotherModule: the security module is changed for one with another terminal number
// while nobody looks, at rest and with a purchase torn. The next tap finds out, the one
// after it is paid under the new number, and what was torn is proved under the old one.
func TestAnotherModule(t *testing.T) {
	for _, torn := range []bool{false, true} {
		for _, profile := range []string{"tunion", "transit-sm"} {
			w := newWorld(t)
			st := w.exitGate(&gate.Transit{})
			r := w.makeCard("rider", cardSpec{profile: profile, balance: 9000})
			if torn {
				r.forgetful = profile == "transit-sm"
				if res := w.tap(st, r, map[string]cut{"tunion": cutAfterDebit, "transit-sm": cutAfterLast}[profile], nil); !res.Retap {
					t.Fatal(res.Display)
				}
			} else {
				w.tap(st, w.makeCard("other", cardSpec{profile: profile, balance: 9000}), noCut, nil)
			}
			other := [6]byte{0x99, 0, 0, 0, 0, 0x42}
			st.sam = w.moduleOf(func(s *psam.Spec) { s.Terminal = other })
			var rows []txn.Row
			opened := 0
			for n := 0; n < 3 && opened == 0; n++ {
				res := w.tap(st, r, noCut, nil)
				if rows = appendRows(w, rows, res.Records); res.Opened {
					opened++
				}
				if n == 0 && (res.Opened || res.Display != gate.ModuleFailed || res.Module == nil) {
					t.Errorf("%s, torn %v: %v by a module that was never started", profile, torn, res.Display)
				}
			}
			if opened != 1 || len(rows) != 1 || rows[0].Flags.Has(txn.ClosedByProve) != torn {
				t.Fatalf("%s, torn %v: opened %d times, %d rows", profile, torn, opened, len(rows))
			}
			if p, ok := rows[0].Purse(); ok && (p.Terminal == other) == torn {
				t.Errorf("torn %v: paid under module %X", torn, p.Terminal)
			}
		}
	}
}

// TestAnotherRecord: a card, or who stands before it, gives another record of the file than
// the one that was asked for, genuine all the same.
func TestAnotherRecord(t *testing.T) {
	w := newWorld(t)
	st := w.exitGate(&gate.Transit{})
	bank := w.makeCard("bank", cardSpec{profile: "transit-sm", balance: 9000})
	master, err := cryptogram.NewBlock(cryptogram.SM4, devcard.RecordMaster(0x15))
	w.must(err)
	key := cryptogram.DeriveCardKey(cryptogram.SM4, master, bank.key.PAN, bank.key.PSN)
	bank.between = func(cmd []byte, card func([]byte) []byte) []byte {
		answer := card(cmd)
		if commandName(cmd) == "READ CAPP DATA" {
			record := answer[:journey.Size]
			record[0], record[1] = 0x27, 0x01
			code := capp.ReadMAC(cryptogram.SM4, key, [8]byte(cmd[7:]), record)
			copy(answer[journey.Size:], code[:])
		}
		return answer
	}
	purse := w.makeCard("purse", cardSpec{profile: "tunion", balance: 9000})
	purse.between = func(cmd []byte, card func([]byte) []byte) []byte {
		if commandName(cmd) == "READ RECORD" && cmd[3]>>3 == 0x1A && cmd[2] == 2 {
			cmd[2] = 1
		}
		return card(cmd)
	}
	for r, want := range map[*rider]gate.Display{bank: gate.CardNotValid, purse: gate.CardNotKnown} {
		if res := w.tap(st, r, noCut, nil); res.Opened || res.Display != want || len(res.Records) != 0 {
			t.Errorf("%s: %v (%v, %v), %d records", r.profile, res.Display, res.Fault, res.Purse, len(res.Records))
		}
	}
}

// TestBalanceBelowTheFare: a purse that says before it pays that it has less than the fare,
// and would pay all the same, is not a purse.
func TestBalanceBelowTheFare(t *testing.T) {
	w := newWorld(t)
	st := w.exitGate(&gate.Transit{})
	r := w.makeCard("purse", cardSpec{profile: "tunion", balance: 9000})
	r.between = func(cmd []byte, card func([]byte) []byte) []byte {
		answer := card(cmd)
		if commandName(cmd) == "INITIALIZE" {
			copy(answer, []byte{0, 0, 0, 1})
		}
		return answer
	}
	if res := w.tap(st, r, noCut, nil); res.Opened || res.Display != gate.CardNotValid || len(res.Records) != 0 {
		t.Errorf("%v (%v), %d records", res.Display, res.Purse, len(res.Records))
	}
}

// stepTo runs a tap until a command of this name is to be sent.
func (t *liveTap) stepTo(name string) {
	for t.a.Send == nil || commandName(t.a.Send) != name {
		if !t.next() {
			t.w.t.Fatalf("no %s, but %v", name, t.a.Done.Display)
		}
	}
}

// TestProofTakesTime: a torn purchase does not end while its card is asked for the proof.
func TestProofTakesTime(t *testing.T) {
	w := newWorld(t)
	st := w.exitGate(&gate.Transit{})
	r := w.makeCard("purse", cardSpec{profile: "tunion", balance: 9000})
	w.tap(st, r, cutAfterDebit, nil)
	w.now += 59
	tap := w.beginTap(st, r, fault{})
	tap.stepTo("GET TRANS PROVE")
	if rows := st.array.Expire(w.now + 5); len(rows) != 0 {
		t.Errorf("%d rows while the card is asked", len(rows))
	}
	for tap.next() {
	}
	if res := tap.ended().res; !res.Opened || len(res.Records) != 1 || !res.Records[0].Row.Flags.Has(txn.ClosedByProve) || st.array.Waiting() != 0 {
		t.Errorf("%v, %d records", res.Display, len(res.Records))
	}
	w.tap(st, w.makeCard("other", cardSpec{profile: "tunion", balance: 9000}), cutAfterDebit, nil)
	if rows := st.array.Expire(w.now + 100); len(rows) != 1 {
		t.Errorf("%d rows once nobody asks", len(rows))
	}
}

// TestProofAtTwoGates: a relay shows one torn purse at two gates at once. The proof that
// has let the rider through at the one is worth nothing at the other.
func TestProofAtTwoGates(t *testing.T) {
	w := newWorld(t)
	first := w.exitGate(&gate.Transit{})
	second := w.addGate("second", "south", gate.Config{
		Terminal: 3, Mode: gate.Exit, Station: w.mustStation("北京南站"), Medium: fare.MunicipalCard, RetapWindow: time.Minute, PassWindow: time.Minute, Transit: &gate.Transit{},
	})
	r := w.makeCard("purse", cardSpec{profile: "tunion", balance: 9000})
	w.tap(first, r, cutAfterDebit, nil)
	tap := w.beginTap(first, r, fault{})
	tap.stepTo("GET TRANS PROVE")
	var proof []byte
	res := w.tap(second, r, noCut, func(cmd, answer []byte) {
		if commandName(cmd) == "GET TRANS PROVE" {
			proof = bytes.Clone(answer)
		}
	})
	if !res.Opened || proof == nil {
		t.Fatalf("the second gate: %v", res.Display)
	}
	second.gate.Passage(r.key)
	for a := first.gate.Step(kernel.Answered(proof)); ; {
		if a.Done != nil {
			if a.Done.Opened || a.Done.Display != gate.AlreadyUsed || len(a.Done.Records) != 0 {
				t.Errorf("the first gate: %v, %d records", a.Done.Display, len(a.Done.Records))
			}
			return
		}
		if a.SAM == nil {
			t.Fatalf("the first gate asks %s", commandName(a.Send))
		}
		answer, err := first.sam.Transmit(nil, a.SAM)
		w.must(err)
		a = first.gate.StepSAM(answer)
	}
}

// TestPassOfAnotherCard: a card that has paid and may pass once more does not lend that to
// the record of another card, nor to one that only says its number and then declines.
func TestPassOfAnotherCard(t *testing.T) {
	for _, declines := range []bool{false, true} {
		w := newWorld(t)
		st := w.exitGate(&gate.Transit{})
		r, other := w.makeCard("rider", cardSpec{profile: "transit-sm", balance: 9000}), w.makeCard("other", cardSpec{profile: "transit-sm", balance: 9000})
		if declines {
			r = w.makeCard("poor", cardSpec{profile: "transit-sm", balance: 4000}) // enough for one fare
		}
		r.phone = true // not known by its UID
		if res := w.tap(st, r, noCut, nil); !res.Opened {
			t.Fatal(res.Display)
		}
		w.must(other.chip.PowerOn(other.random))
		r.between = (&relay{w: w, other: other}).between
		if res := w.tap(st, r, noCut, nil); res.Opened || len(res.Records) != 1 {
			t.Errorf("declines %v: %v, %d records", declines, res.Display, len(res.Records))
		}
		r.between = nil
		if res := w.tap(st, r, noCut, nil); res.Display != gate.AlreadyPaid {
			t.Errorf("the card alone: %v", res.Display)
		}
	}
}

// TestSpoiltAnswer: the answer of a purse that has paid is spoilt on the way. It is closed by
// its proof at the next tap and not charged again.
func TestSpoiltAnswer(t *testing.T) {
	for at := range 8 {
		w := newWorld(t)
		st := w.exitGate(&gate.Transit{})
		r := w.makeCard("purse", cardSpec{profile: "tunion", balance: 9000})
		r.between = func(cmd []byte, card func([]byte) []byte) []byte {
			answer := card(cmd)
			if commandName(cmd) == "DEBIT FOR PURCHASE" {
				answer[at] ^= 1
			}
			return answer
		}
		if res := w.tap(st, r, noCut, nil); res.Opened || !res.Retap || res.Display != gate.TapAgain || len(res.Records) != 0 {
			t.Fatalf("byte %d: %v (%v), %d records", at, res.Display, res.Purse, len(res.Records))
		}
		paid, _ := r.purseState(w)
		r.between = nil
		w.restart("south", st.array)
		res := w.tap(st, r, noCut, nil)
		rows := appendRows(w, nil, res.Records)
		if balance, _ := r.purseState(w); !res.Opened || len(rows) != 1 || !rows[0].Flags.Has(txn.ClosedByProve|txn.ServiceGiven) || balance != paid || paid == 9000 {
			t.Errorf("byte %d: %v, %d rows, balance %d of %d", at, res.Display, len(rows), balance, paid)
		}
	}
}
