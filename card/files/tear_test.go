package files_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/wire/apdu"
)

var tears = []cos.Tear{cos.TearNone, cos.TearFirst, cos.TearLast}

// scene is a command whose every write is cut.
type scene struct {
	name    string
	prepare func(s *session)
	command func(s *session) apdu.Command
	sw      apdu.SW
	// between are states that a cut may leave beside the one before and the one
	// after: made from the state before.
	between func(before []byte) [][]byte
}

func (s *session) enterTwo() {
	s.want(apdu.SWOK, "00A4080C02DF02")
}

// protectedBy makes a command under DF02's line key.
func protectedBy(hexes string, enciphered bool) func(*session) apdu.Command {
	return func(s *session) apdu.Command {
		h := host{cryptogram.TDES, key(0x80), s.want(apdu.SWOK, "0084000008")}
		return h.protect(parse(s.t, hexes), enciphered)
	}
}

func plain(hexes string) func(*session) apdu.Command {
	return func(s *session) apdu.Command { return parse(s.t, hexes) }
}

// fewer gives the states in which tries of the PINs and keys of DF02 are down by
// one: byte 4 of an entry of 32 bytes, found by usage and number.
func fewer(usage cos.KeyUsage, number byte, value []byte) func([]byte) [][]byte {
	return func(before []byte) [][]byte {
		at := bytes.Index(before, append(make([]byte, 4), value...)) - 12
		out := bytes.Clone(before)
		if out[at] != byte(usage) || out[at+1] != number {
			panic("the entry is not where it was expected")
		}
		out[at+4]--
		return [][]byte{out}
	}
}

func scenes() []scene {
	pin := []byte{0x65, 0x43, 0x21}
	two := func(s *session) { s.enterTwo() }
	withKey := func(s *session) {
		s.enterTwo()
		if sw := s.authenticate(cryptogram.TDES, 0x90); sw != apdu.SWOK {
			s.t.Fatal(sw)
		}
	}
	withPIN := func(s *session) {
		withKey(s)
		s.want(apdu.SWOK, "0020000103654321")
	}
	return []scene{
		{name: "UPDATE BINARY", prepare: two, command: protectedBy("04D69500140102030405060708090A0B0C0D0E0F1011121314", false), sw: apdu.SWOK},
		{name: "UPDATE BINARY enciphered", prepare: withPIN, command: protectedBy("04D699000401020304", true), sw: apdu.SWOK},
		{name: "UPDATE RECORD fixed", prepare: withPIN, command: plain("00DC02B40401020304"), sw: apdu.SWOK},
		{name: "UPDATE RECORD variable", prepare: two, command: plain("00DC01BC06010203040506"), sw: apdu.SWOK},
		{name: "APPEND RECORD fixed", prepare: withPIN, command: plain("00E200B00401020304"), sw: apdu.SWOK},
		{name: "APPEND RECORD variable", prepare: two, command: plain("00E200B803010203"), sw: apdu.SWOK},
		{name: "APPEND RECORD cyclic", prepare: two, command: plain("00E200C003070707"), sw: apdu.SWOK},
		{name: "APPEND RECORD cyclic, full", prepare: func(s *session) { two(s); s.want(apdu.SWOK, "00E200C003060606") }, command: plain("00DC00C303070707"), sw: apdu.SWOK},
		{name: "VERIFY right", prepare: two, command: plain("0020000103654321"), sw: apdu.SWOK, between: fewer(cos.UsePIN, 1, pin)},
		{name: "VERIFY wrong", prepare: two, command: plain("0020000103654322"), sw: 0x63C2},
		{name: "CHANGE REFERENCE DATA", prepare: two, command: plain("0024000107654321FF111213"), sw: apdu.SWOK, between: fewer(cos.UsePIN, 1, pin)},
		{name: "EXTERNAL AUTHENTICATE wrong", prepare: two, sw: 0x63C2, command: func(s *session) apdu.Command {
			s.want(apdu.SWOK, "0084000008")
			return parse(s.t, "00820002080102030405060708")
		}},
		{name: "WRITE KEY over", prepare: withKey, command: protectedBy("84D439021401003300C0C1C2C3C4C5C6C7C8C9CACBCCCDCECF", true), sw: apdu.SWOK},
		{name: "WRITE KEY beside", prepare: withKey, command: protectedBy("84D439051401003300C0C1C2C3C4C5C6C7C8C9CACBCCCDCECF", true), sw: apdu.SWOK},
		{name: "DEACTIVATE FILE", prepare: func(s *session) { withKey(s); s.want(apdu.SWOK, "00A4020C02EF15") }, command: plain("00040000"), sw: apdu.SWOK},
		{name: "DELETE FILE", prepare: withKey, command: plain("00E4000002EF15"), sw: apdu.SWOK},
		{name: "CREATE FILE", prepare: withKey, sw: apdu.SWOK,
			command: plain("00E000002B6229 820101 8302EF01 800200A0 880108 8619 00000000 00000000 0F000000 0F000000 01820000 01820000 00")},
	}
}

// TestTearEveryWrite cuts the power before every write of every command that
// changes something, in all manners: what is left is the state before or after,
// and never the state before once the card has answered. Space that no file has
// is not looked at; it holds rubbish here.
func TestTearEveryWrite(t *testing.T) {
	cuts := 0
	for _, c := range scenes() {
		t.Run(c.name, func(t *testing.T) {
			cuts += c.run(t)
		})
	}
	t.Logf("%d power cuts", cuts)
}

// dirty is the test card with rubbish in its spare space.
func dirty(t *testing.T) *session {
	s := insert(t, rootName, city())
	image := s.template.Personalise(nil)
	for i := len(image) - 200; i < len(image); i++ {
		image[i] = 0xDB
	}
	return place(t, s.template, image)
}

func (c scene) run(t *testing.T) (cuts int) {
	whole := dirty(t)
	c.prepare(whole)
	cmd := c.command(whole)
	before := whole.memory.Settled(nil)
	if _, sw, err := whole.send(cmd); err != nil || sw != c.sw {
		t.Fatalf("%v %v, want %v", sw, err, c.sw)
	}
	after := whole.memory.Settled(nil)
	allowed := [][]byte{before, after}
	if c.between != nil {
		allowed = append(allowed, c.between(before)...)
	}
	for _, tear := range tears {
		for n := 1; ; n++ {
			s := dirty(t)
			c.prepare(s)
			cmd := c.command(s)
			s.memory.CutAt(s.memory.Writes()+n, tear)
			_, sw, err := s.send(cmd)
			if err == nil {
				if sw != c.sw || !bytes.Equal(s.memory.Settled(nil), after) {
					t.Fatalf("uncut: %v", sw)
				}
				break
			}
			cuts++
			if !errors.Is(err, cos.ErrPowerCut) {
				t.Fatal(err)
			}
			s.powerOn()
			got := s.memory.Settled(nil)
			if err := s.template.CheckMemory(got); err != nil {
				t.Fatalf("write %d: %v", n, err)
			}
			if !oneOf(got, allowed) {
				t.Fatalf("write %d, tear %d: neither before nor after", n, tear)
			}
		}
	}
	return cuts
}

// oneOf compares with the spare space left out, unless a file lies there in the
// state that is expected.
func oneOf(got []byte, allowed [][]byte) bool {
	used := len(got) - 200
	for _, want := range allowed {
		if bytes.Equal(got[:used], want[:used]) {
			return true
		}
	}
	return false
}

// TestCreatedIsEmpty: a file that was created after cuts holds zeros, though rubbish
// stood in its space.
func TestCreatedIsEmpty(t *testing.T) {
	create := "00E000002B6229 820101 8302EF01 800200A0 880108 8619 00000000 00000000 0F000000 0F000000 01820000 01820000 00"
	s := dirty(t)
	for n := 1; ; n++ {
		s.enterTwo()
		if sw := s.authenticate(cryptogram.TDES, 0x90); sw != apdu.SWOK {
			t.Fatal(sw)
		}
		s.memory.CutAt(s.memory.Writes()+n, cos.TearLast)
		_, sw, err := s.send(parse(t, create))
		if err != nil {
			s.powerOn()
			continue
		}
		s.memory.CutAt(0, cos.TearNone)
		if sw != apdu.SWOK && sw != 0x6A89 {
			t.Fatal(sw)
		}
		break
	}
	if got := s.want(apdu.SWOK, "00B0810000"); !bytes.Equal(got, make([]byte, 160)) {
		t.Errorf("the new file holds %X", got)
	}
}

// TestGuessingByCuts: whoever cuts the power at any write of VERIFY with wrong PINs
// learns nothing from a write that happens only with the right one: the try is
// gone by then. So three guesses are all, however they are cut.
func TestGuessingByCuts(t *testing.T) {
	writes := func(pin string) int {
		s := insert(t, rootName, city())
		n := s.memory.Writes()
		s.do("0020000103" + pin)
		return s.memory.Writes() - n
	}
	wrong, right := writes("111112"), writes("111111")
	if right <= wrong {
		t.Fatalf("the right PIN takes %d writes, a wrong one %d", right, wrong)
	}
	for _, tear := range tears {
		s := insert(t, rootName, city())
		for guess := 1; guess <= 3; guess++ {
			// At this write the guess is known to be right.
			s.memory.CutAt(s.memory.Writes()+wrong+1, tear)
			if _, _, err := s.send(parse(t, "0020000103111111")); !errors.Is(err, cos.ErrPowerCut) {
				t.Fatal(err)
			}
			s.powerOn()
			want := apdu.SW(0x63C0 + 3 - guess)
			if guess == 3 {
				want = apdu.SWBlocked
			}
			s.want(want, "00200001")
		}
		s.want(apdu.SWBlocked, "0020000103111111")
	}
}
