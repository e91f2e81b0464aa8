package pboc_test

import (
	"bytes"
	"testing"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// words are the lines of dialogues that a fuzzed session is made of.
var words = [][]string{
	line("select"), line("gpo"), line("gpo", "cash"), line("gac", "aac"), line("gac", "tc"), line("gac", "arqc"),
	line("gac", "tc", "cda"), line("gac", "arqc", "cda"), line("gac", "tc", "00"), line("gac", "aac", "05"), line("gac", "tc", "Y3"),
	line("gac", "tc", "cda", "00"), line("arpc", "00"), line("challenge"), line("dda"), line("verify", "123456"), line("verify", "000000"),
	line("read", "0C", "01"), line("read", "1C", "01"), line("read", "3C", "01"), line("read", "5C", "01"), line("80CA9F7900"),
	line(airOptions("40")), line(airOptions("20")), line(airOptions("80")),
}

// airOptions is GET PROCESSING OPTIONS over the air with this byte 1 of 9F66.
func airOptions(ttq string) string {
	return "80A80000248322" + ttq + "000080000000000100000000000000015600000000000156251120001122334400" + "00"
}

// FuzzContact plays sessions in any order, commands changed at one byte among them.
// Whatever comes, the card answers, no money appears, a counter never falls, and no
// two cryptograms of one kind have one counter value.
func FuzzContact(f *testing.F) {
	for _, seed := range [][]byte{
		{0, 2, 4, 20}, {0, 1, 14, 15, 5, 12, 8}, {0, 1, 13, 16, 16, 16, 4}, {0, 2, 7, 10}, {0, 1, 5, 12, 12, 11},
		{0x80, 9, 0xFF, 0, 0x81, 4, 1}, {0, 23, 19, 18}, {0, 23, 19, 0, 18}, {0, 22, 4}, {0, 24, 17}, {0, 2, 0x84, 7, 1, 4},
	} {
		f.Add(seed, byte(0), false, false)
		f.Add(seed, byte(0xFF), true, true)
	}
	f.Fuzz(func(t *testing.T, script []byte, ada byte, sm, air bool) {
		if len(script) > 64 {
			return
		}
		p := bothProduct(t)
		p.Contact.ADA = [2]byte{ada, ada}
		side := card.Contact
		if air {
			side = card.Contactless
		}
		s := newTill(t, bothCard(t, p), side, nil)
		s.sm = sm
		before := s.chip.Inspect()
		given := map[[2]uint16]bool{}
		for len(script) > 0 {
			op := script[0]
			script = script[1:]
			cmd := hexBytes(t, s.command(words[int(op&0x7F)%len(words)]))
			if op&0x80 != 0 && len(script) >= 2 {
				cmd[int(script[0])%len(cmd)] ^= script[1]
				script = script[2:]
			}
			data, sw, err := s.transmit(cmd)
			noError(t, err)
			st := s.chip.Inspect()
			if st.Balance > before.Balance || st.Second > before.Second {
				t.Fatalf("%X: balances %v and %v rose to %v and %v", cmd, before.Balance, before.Second, st.Balance, st.Second)
			}
			if lost := before.Balance - st.Balance + before.Second - st.Second; lost != 0 && (sw != apdu.SWOK || cmd[1] != 0xAE && (!air || cmd[1] != 0xB2)) {
				t.Fatalf("%X: %v left the card with status %v", cmd, lost, sw)
			}
			if st.ATC < before.ATC || st.LastOnlineATC > max(st.ATC, p.LastOnline) {
				t.Fatalf("%X: ATC %d after %d, last online %d", cmd, st.ATC, before.ATC, st.LastOnlineATC)
			}
			if sw == apdu.SWOK && cmd[1] == 0xAE && len(data) > 5 {
				once(t, given, data, cmd)
			}
			before = st
		}
	})
}

// once remembers a cryptogram's counter and type and fails on the second. Its
// answer also has to be well formed.
func once(t *testing.T, given map[[2]uint16]bool, data, cmd []byte) {
	var cid byte
	var atc uint16
	var iad []byte
	if v, ok := tlv.Find(data, tlv.TagResponseFormat1); ok {
		cid, atc, iad = v[0], uint16(v[1])<<8|uint16(v[2]), v[11:]
	} else {
		c, _ := tlv.Find(data, tlv.TagResponseFormat2, tlv.TagCID)
		n, _ := tlv.Find(data, tlv.TagResponseFormat2, tlv.TagATC)
		iad, _ = tlv.Find(data, tlv.TagResponseFormat2, tlv.TagIAD)
		if len(c) != 1 || len(n) != 2 {
			t.Fatalf("%X: answer %X", cmd, data)
		}
		cid, atc = c[0], uint16(n[0])<<8|uint16(n[1])
	}
	d, err := cryptogram.ParseIAD(iad)
	if err != nil {
		t.Fatalf("%X: %v", cmd, err)
	}
	if balance, stated := d.Balance(); !stated || balance > money.Fen(10000) {
		t.Fatalf("%X: 9F10 states %v", cmd, balance)
	}
	k := [2]uint16{atc, uint16(cid >> 6)}
	if given[k] {
		t.Fatalf("%X: a second cryptogram of this type with counter %d", cmd, atc)
	}
	given[k] = true
}

// FuzzContactMemory puts hostile memory into a card with a contact side: it is
// refused, or every command is answered and the memory stays a possible one.
func FuzzContactMemory(f *testing.F) {
	k := &tearCases[9]
	for _, stop := range []int{0, 2, 3, len(k.lines)} {
		s := k.till(f)
		if _, err := k.run(s, stop); err != nil {
			f.Fatal(err)
		}
		f.Add(s.chip.Snapshot(nil), uint16(32), byte(0))
		f.Add(s.chip.Snapshot(nil), uint16(100), byte(0x7F))
	}
	c := bothCard(f, bothProduct(f))
	base := newTill(f, c, card.Contact, nil)
	f.Fuzz(func(t *testing.T, nvm []byte, at uint16, flip byte) {
		nvm = bytes.Clone(nvm)
		if int(at) < len(nvm) {
			nvm[at] ^= flip
		}
		s := *base
		s.t, s.chip = t, card.New()
		if s.chip.Insert(s.img, nvm) != nil {
			return
		}
		noError(t, s.chip.PowerOn(randomFrom(5)))
		for _, side := range []card.Interface{card.Contact, card.Contactless} {
			s.chip.UseInterface(side)
			s.chip.PowerOff()
			noError(t, s.chip.PowerOn(randomFrom(5)))
			for _, w := range words {
				if _, _, err := s.transmit(hexBytes(t, s.command(w))); err != nil {
					t.Fatal(err)
				}
			}
		}
		noError(t, card.New().Insert(s.img, s.chip.Snapshot(nil)))
	})
}
