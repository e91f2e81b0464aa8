package psam_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"

	"pgregory.net/rapid"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/card/psam"
	"github.com/citycard/citycard/crypt/epurse"
	"github.com/citycard/citycard/wire/apdu"
)

// row is the state of T-Union's application in memory: counter, tries left of MAC2
// and of the directory's own key.
func row(memory []byte) (counter uint32, tries, moduleTries byte) {
	r := memory[4+8:]
	return binary.BigEndian.Uint32(r), r[4], r[5]
}

// scene is a command whose every write is cut.
type scene struct {
	name    string
	prepare func(s *session)
	command func(s *session) []byte
	sw      apdu.SW
	tryAt   int // offset in the row of the tries that go down first; 0 for none
}

func scenes() []scene {
	union := func(s *session) { s.union() }
	opened := func(s *session) {
		s.union()
		s.gives("00000123 29763771", initPurchase)
	}
	fixed := func(hexes string) func(*session) []byte {
		return func(s *session) []byte { return unhex(s.t, hexes) }
	}
	return []scene{
		{"INIT_SAM_FOR_PURCHASE", union, fixed(initPurchase), apdu.SWOK, 0},
		{"INIT_SAM_FOR_PURCHASE again", opened, fixed(initPurchase), apdu.SWOK, 0},
		{"CREDIT_SAM_FOR_PURCHASE", opened, fixed(rightMAC2), apdu.SWOK, 4},
		{"CREDIT_SAM_FOR_PURCHASE wrong", opened, fixed(wrongMAC2), apdu.SWPurseMAC, 4},
		{"CREDIT_SAM_FOR_PURCHASE right after wrong", func(s *session) {
			opened(s)
			s.want(apdu.SWPurseMAC, wrongMAC2)
			s.gives("00000124 B150C881", initPurchase)
		}, func(s *session) []byte { return closing(s.t, 0x124) }, apdu.SWOK, 4},
		{"CREDIT_SAM_FOR_PURCHASE wrong for the third time", func(s *session) {
			s.union()
			for range 2 {
				s.want(apdu.SWOK, initPurchase)
				s.want(apdu.SWPurseMAC, wrongMAC2)
			}
			s.want(apdu.SWOK, initPurchase)
		}, fixed(wrongMAC2), apdu.SWPurseLocked, 4},
		{"UPDATE BINARY", union, func(s *session) []byte {
			challenge := s.want(apdu.SWOK, "0084000008")
			return protect(s.t, unhex(s.t, "101112131415161718191A1B1C1D1E1F"), challenge,
				unhex(s.t, "04D69A0050"+string(bytes.Repeat([]byte("A5"), 80))))
		}, apdu.SWOK, 5},
		{"UPDATE BINARY wrong", union, func(s *session) []byte {
			s.want(apdu.SWOK, "0084000008")
			return unhex(s.t, "04D69A000A A5A5A5A5A5A5 00000000")
		}, apdu.SWMACWrong, 5},
	}
}

// closing is the right CREDIT_SAM_FOR_PURCHASE of the vectors' purchase under
// another terminal transaction number.
func closing(t testing.TB, number uint32) []byte {
	cmd := unhex(t, initPurchase)
	_, mac2 := naivePurchase(epurse.TDES, purchaseMaster, cmd[5:len(cmd)-1], make([]byte, 6), nil, number)
	return append([]byte{0x80, 0x72, 0x00, 0x00, 0x04}, mac2...)
}

// TestTearEveryWrite cuts the power before every write of every command that
// changes something, in all manners. What is left is the state before or after, or
// with one try fewer than before; never the state before once the module has
// answered.
func TestTearEveryWrite(t *testing.T) {
	img, err := psam.Image(spec(t, 0x122), nil)
	if err != nil {
		t.Fatal(err)
	}
	cuts := 0
	for _, c := range scenes() {
		t.Run(c.name, func(t *testing.T) { cuts += c.run(t, img) })
	}
	t.Logf("%d power cuts", cuts)
}

func (c scene) run(t *testing.T, img *card.Image) (cuts int) {
	whole := place(t, img, nil)
	c.prepare(whole)
	before := whole.settled()
	want, sw, err := whole.send(c.command(whole))
	if err != nil || sw != c.sw {
		t.Fatalf("%v %v, want %v", sw, err, c.sw)
	}
	after := whole.settled()
	allowed := [][]byte{before, after}
	if c.tryAt != 0 {
		fewer := bytes.Clone(before)
		fewer[4+8+c.tryAt]--
		allowed = append(allowed, fewer)
	}
	for _, tear := range tears {
		for n := 1; ; n++ {
			s := place(t, img, nil)
			c.prepare(s)
			cmd := c.command(s)
			m := s.chip.Memory()
			m.CutAt(m.Writes()+n, tear)
			got, sw, err := s.send(cmd)
			if err == nil {
				if sw != c.sw || !bytes.Equal(got, want) || !bytes.Equal(s.settled(), after) {
					t.Fatalf("uncut: %X %v", got, sw)
				}
				break
			}
			cuts++
			if !errors.Is(err, cos.ErrPowerCut) {
				t.Fatal(err)
			}
			s.powerOn()
			left := s.settled()
			ok := false
			for _, w := range allowed {
				ok = ok || bytes.Equal(left, w)
			}
			if !ok {
				t.Fatalf("write %d, tear %d: neither before nor after", n, tear)
			}
			place(t, img, s.chip.Snapshot(nil)) // it can be put into another chip
			s.want(apdu.SWFileNotFound, "00B0980004")
			if _, sw := s.do("00A4000C028011"); sw == apdu.SWOK {
				s.want(apdu.SWWrongState, rightMAC2)
			}
		}
	}
	return cuts
}

// TestNumbersOnce opens purchases while the power fails at any write, at the next
// power on as well: no number comes twice, and numbers only grow.
func TestNumbersOnce(t *testing.T) {
	img, err := psam.Image(spec(t, 0), nil)
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(rt *rapid.T) {
		s := place(t, img, nil)
		s.union()
		last := uint32(0)
		for range rapid.IntRange(1, 30).Draw(rt, "purchases") {
			m := s.chip.Memory()
			if rapid.Bool().Draw(rt, "cut") {
				m.CutAt(m.Writes()+rapid.IntRange(1, 6).Draw(rt, "write"), rapid.SampledFrom(tears).Draw(rt, "tear"))
			}
			data, sw, err := s.send(unhex(t, initPurchase))
			if err == nil {
				number := binary.BigEndian.Uint32(data)
				if sw != apdu.SWOK || number <= last {
					rt.Fatalf("%v: number %d after %d", sw, number, last)
				}
				last = number
				continue
			}
			if rapid.Bool().Draw(rt, "cut again") {
				m.CutAt(m.Writes()+rapid.IntRange(1, 2).Draw(rt, "write at power on"), rapid.SampledFrom(tears).Draw(rt, "tear"))
			}
			for s.chip.PowerOn(s.rand) != nil {
				m.CutAt(0, cos.TearNone)
			}
			m.CutAt(0, cos.TearNone)
			s.union()
		}
	})
}

// TestGuessingByCuts: whoever cuts the power where only a right MAC2 leads to a
// write gains no try: three such purchases lock the module.
func TestGuessingByCuts(t *testing.T) {
	writes := func(mac2 string) int {
		s := insert(t, spec(t, 0x122))
		s.union()
		s.want(apdu.SWOK, initPurchase)
		n := s.chip.Memory().Writes()
		s.do(mac2)
		return s.chip.Memory().Writes() - n
	}
	wrong, right := writes(wrongMAC2), writes(rightMAC2)
	if right <= wrong {
		t.Fatalf("the right MAC2 takes %d writes, a wrong one %d", right, wrong)
	}
	s := insert(t, spec(t, 0x122))
	for guess := range 3 {
		s.union()
		data := s.want(apdu.SWOK, initPurchase)
		if n := binary.BigEndian.Uint32(data); n != uint32(0x123+guess) {
			t.Fatalf("number %X", n)
		}
		m := s.chip.Memory()
		m.CutAt(m.Writes()+wrong+1, cos.TearFirst)
		if _, _, err := s.send(closing(t, uint32(0x123+guess))); !errors.Is(err, cos.ErrPowerCut) {
			t.Fatal(err)
		}
		s.powerOn()
	}
	s.want(apdu.SWInvalidated, "00A4000C028011")
	s.want(apdu.SWPurseLocked, initPurchase)
	if _, tries, _ := row(s.settled()); tries != 0 {
		t.Errorf("%d tries are left", tries)
	}
}
