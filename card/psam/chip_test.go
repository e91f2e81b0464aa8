package psam_test

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/card/psam"
	"github.com/citycard/citycard/crypt/epurse"
	"github.com/citycard/citycard/wire/apdu"
)

// TestIsolation goes through every ordered pair of directories: what is done in the
// first changes nothing in the second, and nothing of the first can be used there.
func TestIsolation(t *testing.T) {
	m := spec(t, 0)
	m.Applications = nil
	for i := range byte(4) {
		var keys []psam.KeySpec
		for kind := psam.TypeModule; kind <= psam.TypeBoth; kind++ {
			k := psam.KeySpec{Type: kind, Index: 0x10 + i, Levels: 1, Value: epurse.Key{byte(kind) << 1, i << 1}} // the lowest bits are parity
			if kind == psam.TypeModule {
				k.Levels = 0
			}
			keys = append(keys, k)
		}
		m.Applications = append(m.Applications, psam.Directory{ID: 0xDF00 | uint16(i), Counter: 100 * uint32(i),
			Files: []psam.FileSpec{{SFI: 0x15, Size: 8, Content: []byte{0xF0, i}, Protected: true}, {SFI: i + 1, Size: 1}}, Keys: keys})
	}
	img, err := psam.Image(m, nil)
	if err != nil {
		t.Fatal(err)
	}
	enter := func(s *session, i int) { s.want(apdu.SWOK, fmt.Sprintf("00A4000C02DF%02X", i)) }
	open := func(i int) string {
		return "80700000" + lc(fmt.Sprintf("55667788 0010 000000C8 06 20260115101112 %02X 00", 0x10+i)+cardFactor) + "08"
	}
	for a := range 4 {
		for b := range 4 {
			if a == b {
				continue
			}
			s := place(t, img, nil)
			enter(s, b)
			before := s.settled()
			enter(s, a)
			// Lock a, and its own key too.
			for range 3 {
				s.want(apdu.SWOK, open(a))
				s.do("807200000400000000")
				s.want(apdu.SWOK, "0084000004")
				s.want(apdu.SWMACWrong, "04D695000500"+"00000000")
			}
			s.want(apdu.SWPurseLocked, open(a))
			after := s.settled()
			row := func(memory []byte, i int) []byte { return memory[4+8*(1+i):][:8] }
			for i := range 4 {
				if i != a && !bytes.Equal(row(before, i), row(after, i)) {
					t.Fatalf("what was done in %d changed %d", a, i)
				}
			}
			// In b nothing of a is there.
			enter(s, b)
			s.want(apdu.SWPurseKeyIndex, open(a))
			for kind := 3; kind <= 8; kind++ {
				s.want(apdu.SWDataNotFound, fmt.Sprintf("801A%02X%02X08%s", 0x20|kind, 0x10+a, cardFactor))
			}
			s.want(apdu.SWFileNotFound, fmt.Sprintf("00B0%02X0000", 0x80|a+1))
			s.gives(fmt.Sprintf("F0%02X000000000000", b), "00B0950008")
			challenge := s.want(apdu.SWOK, "0084000004")
			key := epurse.Key{byte(psam.TypeModule) << 1, byte(a) << 1}
			if _, sw, _ := s.send(protect(t, key[:], challenge, unhex(t, "04D69500011F"))); sw != apdu.SWMACWrong {
				t.Fatalf("a file of %d is changed under the key of %d: %v", b, a, sw)
			}
			// Working keys and purchases of b end when a is selected.
			s.want(apdu.SWOK, open(b))
			s.want(apdu.SWOK, fmt.Sprintf("801A28%02X08%s", 0x10+b, cardFactor))
			s.want(apdu.SWInvalidated, fmt.Sprintf("00A4000C02DF%02X", a))
			s.want(apdu.SWPurseLocked, "80FA000008"+cardFactor+"00")
			enter(s, b)
			s.want(apdu.SWWrongState, "80FA000008"+cardFactor+"00")
			s.want(apdu.SWWrongState, "807200000400000000")
			s.gives(fmt.Sprintf("%08X", 100*b+1), "00B0980004")
		}
	}
}

// TestRemembered: what was committed is there in another chip with the same image,
// and a content that cannot be is refused.
func TestRemembered(t *testing.T) {
	img, err := psam.Image(spec(t, 0x122), nil)
	if err != nil {
		t.Fatal(err)
	}
	s := place(t, img, nil)
	s.union()
	s.want(apdu.SWOK, initPurchase)
	nvm := s.chip.Snapshot(nil)
	other := place(t, img, nvm)
	other.union()
	other.gives("00000123", "00B0980004")
	other.want(apdu.SWWrongState, rightMAC2)

	template, err := psam.New(spec(t, 0x122))
	if err != nil {
		t.Fatal(err)
	}
	good := template.Personalise([]byte("xy"))[2:]
	if err := template.CheckMemory(good); err != nil {
		t.Fatal(err)
	}
	last := len(good) - 1
	for name, at := range map[string]int{"magic": 0, "version": 2, "directories": 3, "counter": 4 + 8 + 3, "tries": 4 + 8 + 4, "module tries": 4 + 8 + 5, "spare": 4 + 7, "file": last} {
		bad := bytes.Clone(good)
		bad[at] += 4
		if at == 4+8+3 {
			bad[at] = 0x21
		}
		if err := template.CheckMemory(bad); !errors.Is(err, cos.ErrMemory) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := template.CheckMemory(good[:last]); !errors.Is(err, cos.ErrMemory) {
		t.Errorf("short: %v", err)
	}
}

// TestTwoSlots runs two modules at the same places of two chips, and then one chip
// with one after the other: nothing of the first stays.
func TestTwoSlots(t *testing.T) {
	one, two := insert(t, spec(t, 0x122)), insert(t, spec(t, 0x500))
	one.union()
	two.union()
	one.gives("00000123 29763771", initPurchase)
	two.want(apdu.SWOK, initPurchase)
	two.gives("00000501", "00B0980004")
	one.want(apdu.SWOK, rightMAC2)

	one.want(apdu.SWOK, initPurchase)
	if err := one.chip.Insert(two.img, nil); err != nil {
		t.Fatal(err)
	}
	one.powerOn()
	one.want(apdu.SWFileNotFound, "00B0980004")
	one.union()
	one.want(apdu.SWWrongState, rightMAC2)
	one.gives("00000500", "00B0980004")
}

// TestNoPower: without power, and without a random source that gives bytes, there
// are errors and status words.
func TestNoPower(t *testing.T) {
	s := insert(t, spec(t, 0))
	s.chip.PowerOff()
	if _, err := s.chip.Transmit(nil, unhex(t, "00B0950000")); !errors.Is(err, card.ErrNotPowered) {
		t.Errorf("%v", err)
	}
	if err := s.chip.PowerOn(bytes.NewReader(nil)); err != nil {
		t.Fatal(err)
	}
	s.want(apdu.SWUnknown, "0084000004")
}

// benchPurchase opens and closes one purchase.
func benchPurchase(b *testing.B, alg epurse.Alg, index byte) {
	s := insert(b, spec(b, 0))
	s.union()
	open := unhex(b, initPurchase)
	open[5+18], open[5+19] = index, byte(alg)
	number := uint32(0)
	out := make([]byte, 0, 64)
	b.ReportAllocs()
	for b.Loop() {
		number++
		_, mac2 := []byte(nil), epurse.PurchaseMAC2(session2(alg, open, number), 0xC8)
		var err error
		if out, err = s.chip.Transmit(out[:0], open); err != nil {
			b.Fatal(err)
		}
		cmd := append([]byte{0x80, 0x72, 0, 0, 4}, mac2[:]...)
		if out, err = s.chip.Transmit(out[:0], cmd); err != nil || out[0] != 0x90 {
			b.Fatalf("%X %v", out, err)
		}
	}
}

// session2 is the session key of the purchase in a command, made as the card does.
func session2(alg epurse.Alg, open []byte, number uint32) epurse.Session {
	key := epurse.Diversify(alg, epurse.Key(purchaseMaster), epurse.Factor(open[5+28:]), epurse.Factor(open[5+20:]))
	return epurse.PurchaseSession(alg, key, [4]byte(open[5:]), 0x10, number)
}

// A purchase of the module, with the card's MAC2 worked out beside it.
func BenchmarkPurchase3DES(b *testing.B) { benchPurchase(b, epurse.TDES, 0x01) }
func BenchmarkPurchaseSM4(b *testing.B)  { benchPurchase(b, epurse.SM4, 0x01) }

// BenchmarkRecordMAC protects UPDATE CAPP DATA CACHE of a record of 128 bytes.
func BenchmarkRecordMAC(b *testing.B) {
	s := insert(b, spec(b, 0))
	s.want(apdu.SWOK, "00A4000C02DF14")
	prepare := unhex(b, "801A261A"+lc(cardFactor))
	mac := append([]byte{0x80, 0xFA, 0x05, 0x00, 0x90}, make([]byte, 0x90)...)
	out := make([]byte, 0, 64)
	b.ReportAllocs()
	for b.Loop() {
		for _, cmd := range [][]byte{prepare, mac} {
			var err error
			if out, err = s.chip.Transmit(out[:0], cmd); err != nil || out[len(out)-2] != 0x90 {
				b.Fatalf("%X %v", out, err)
			}
		}
	}
}
