package scp

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/wire/apdu"
)

var testKeys = KeySet{
	Version: 0x30,
	ENC:     cryptogram.Key{0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 0x19, 0x1A, 0x1B, 0x1C, 0x1D, 0x1E, 0x1F},
	MAC:     cryptogram.Key{0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27, 0x28, 0x29, 0x2A, 0x2B, 0x2C, 0x2D, 0x2E, 0x2F},
	DEK:     cryptogram.Key{0x30, 0x31, 0x32, 0x33, 0x34, 0x35, 0x36, 0x37, 0x38, 0x39, 0x3A, 0x3B, 0x3C, 0x3D, 0x3E, 0x3F},
}

var testAID = []byte{0xA0, 0x00, 0x00, 0x01, 0x51, 0x00, 0x00, 0x00}

// kind is one way to run a session.
type kind struct {
	p Protocol
	v Variant
	l Level
}

func (k kind) String() string { return fmt.Sprintf("%v i=%02X level %02X", k.p, byte(k.v), byte(k.l)) }

// kinds are all sessions that the package offers: what Allows says, taken from
// every byte there is.
func kinds() (all []kind) {
	for _, p := range []Protocol{SCP02, SCP03} {
		for v := range 256 {
			for l := range 256 {
				if p.Allows(Variant(v), Level(l)) {
					all = append(all, kind{p, Variant(v), Level(l)})
				}
			}
		}
	}
	return all
}

func (k kind) params(sequence uint32) Params {
	return Params{Protocol: k.p, Variant: k.v, Keys: testKeys, Diversification: [10]byte{1, 2, 3}, Sequence: sequence,
		AID: testAID, Random: [8]byte{0xC1, 0xC2, 0xC3, 0xC4, 0xC5, 0xC6, 0xC7, 0xC8}}
}

// begin answers INITIALIZE UPDATE and makes the command that opens the session.
func (k kind) begin(t require) (*Host, *Card, apdu.Command) {
	host, card := NewHost(testKeys, [8]byte{0xA1, 0xA2, 0xA3, 0xA4, 0xA5, 0xA6, 0xA7, 0xA8}), new(Card)
	if k.p.pseudo(k.v) {
		host.ExpectChallenge(testAID)
	}
	first := host.InitializeUpdate(0)
	answer, err := card.InitializeUpdate(nil, k.params(5), [8]byte(first.Data))
	if err != nil {
		t.Fatalf("%v: %v", k, err)
	}
	external, err := host.Open(answer, k.l)
	if err != nil {
		t.Fatalf("%v: %v", k, err)
	}
	return host, card, external
}

func (k kind) open(t require) (*Host, *Card) {
	host, card, external := k.begin(t)
	if sw := card.ExternalAuthenticate(&external); sw != apdu.SWOK {
		t.Fatalf("%v: EXTERNAL AUTHENTICATE answers %v", k, sw)
	}
	if !card.Open() || card.Level() != k.l || host.Level() != k.l || card.NextSequence() != 6 {
		t.Fatalf("%v: open %v, levels %v and %v, next counter %d", k, card.Open(), card.Level(), host.Level(), card.NextSequence())
	}
	return host, card
}

// require is what *testing.T and *rapid.T share.
type require interface {
	Fatalf(format string, args ...any)
	Errorf(format string, args ...any)
}

// TestKinds pins which levels each variant has.
func TestKinds(t *testing.T) {
	want := map[string]string{
		"SCP02 15": "00 01 03", "SCP02 55": "00 01 03",
		"SCP03 00": "00 01 03", "SCP03 10": "00 01 03",
		"SCP03 20": "00 01 03 11 13", "SCP03 30": "00 01 03 11 13",
		"SCP03 60": "00 01 03 11 13 33", "SCP03 70": "00 01 03 11 13 33",
	}
	got := map[string]string{}
	for _, k := range kinds() {
		name := fmt.Sprintf("%v %02X", k.p, byte(k.v))
		if got[name] != "" {
			got[name] += " "
		}
		got[name] += fmt.Sprintf("%02X", byte(k.l))
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("levels are %v, want %v", got, want)
	}
}

func drawCommand(t *rapid.T, limit int) apdu.Command {
	c := apdu.Command{
		CLA: rapid.SampledFrom([]byte{0x00, 0x80, 0x81, 0x83, 0x90, 0xC0, 0xC5, 0x4F}).Draw(t, "CLA"),
		INS: rapid.Byte().Draw(t, "INS"), P1: rapid.Byte().Draw(t, "P1"), P2: rapid.Byte().Draw(t, "P2"), Le: apdu.NoLe,
	}
	if rapid.Bool().Draw(t, "has data") {
		c.Data = rapid.SliceOfN(rapid.Byte(), 1, limit).Draw(t, "data")
	}
	if rapid.Bool().Draw(t, "has Le") {
		c.Le = rapid.IntRange(1, 256).Draw(t, "Le")
	}
	return c
}

// TestHostAgainstCard runs every kind of session with random commands of every case
// and random answers.
func TestHostAgainstCard(t *testing.T) {
	for _, k := range kinds() {
		t.Run(k.String(), func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				host, card := k.open(t)
				buf := make([]byte, 0, 256)
				for range rapid.IntRange(1, 8).Draw(t, "commands") {
					c := drawCommand(t, k.p.MaxData(k.l))
					wrapped, err := host.Wrap(c)
					if err != nil {
						t.Fatalf("wrap %X: %v", c, err)
					}
					if len(wrapped.Data) > 255 || wrapped.Le != c.Le {
						t.Fatalf("%X becomes %X", c, wrapped)
					}
					if k.l.Has(CDEC) && len(c.Data) > 7 && bytes.Contains(wrapped.Data, c.Data) {
						t.Fatalf("%X goes out in clear: %X", c, wrapped)
					}
					plain, sw := card.Unwrap(&wrapped, buf)
					if sw != apdu.SWOK || plain.CLA != c.CLA || plain.INS != c.INS || plain.P1 != c.P1 || plain.P2 != c.P2 ||
						plain.Le != c.Le || !bytes.Equal(plain.Data, c.Data) {
						t.Fatalf("%X arrives as %X, %v", c, plain, sw)
					}
					checkRandomAnswer(t, k, host, card)
				}
			})
		})
	}
}

func checkRandomAnswer(t *rapid.T, k kind, host *Host, card *Card) {
	sw := rapid.SampledFrom([]apdu.SW{apdu.SWOK, 0x6310, 0x6283, apdu.SWConditions, apdu.SWWrongData}).Draw(t, "SW")
	var data []byte
	if protected(uint16(sw)) {
		data = rapid.SliceOfN(rapid.Byte(), 0, k.p.MaxAnswer(k.l)).Draw(t, "answer")
	}
	answer := card.Wrap([]byte{0xEE}, data, sw)[1:]
	if len(answer) > 256 {
		t.Fatalf("answer of %d bytes", len(answer))
	}
	got, err := host.Unwrap(answer, sw)
	if err != nil || !bytes.Equal(got, data) {
		t.Fatalf("answer %X %v arrives as %X, %v", data, sw, got, err)
	}
}

// TestLimits finds MaxData and MaxAnswer by trying.
func TestLimits(t *testing.T) {
	for _, k := range kinds() {
		host, card := k.open(t)
		n := k.p.MaxData(k.l)
		wrapped, err := host.Wrap(apdu.Command{CLA: 0x80, INS: 0xE8, Data: make([]byte, n), Le: 256})
		if err != nil {
			t.Fatalf("%v: %d bytes: %v", k, n, err)
		}
		if _, sw := card.Unwrap(&wrapped, nil); sw != apdu.SWOK {
			t.Errorf("%v: %d bytes: %v", k, n, sw)
		}
		if _, err := host.Wrap(apdu.Command{CLA: 0x80, INS: 0xE8, Data: make([]byte, n+1), Le: apdu.NoLe}); !errors.Is(err, ErrCommand) {
			t.Errorf("%v: %d bytes: %v", k, n+1, err)
		}
		if _, err := host.Wrap(apdu.Command{CLA: 0x80, Le: 257}); !errors.Is(err, ErrCommand) {
			t.Errorf("%v: extended Le: %v", k, err)
		}
		if _, err := host.Wrap(apdu.Command{CLA: 0x84, Le: apdu.NoLe}); !errors.Is(err, ErrCommand) {
			t.Errorf("%v: secured class: %v", k, err)
		}
		most := k.p.MaxAnswer(k.l)
		if answer := card.Wrap(nil, make([]byte, most), apdu.SWOK); len(answer) > 256 || len(answer)+16 < 256 {
			t.Errorf("%v: %d bytes make an answer of %d", k, most, len(answer))
		} else if _, err := host.Unwrap(answer, apdu.SWOK); err != nil {
			t.Errorf("%v: greatest answer: %v", k, err)
		}
		if !k.l.Has(RMAC) {
			continue
		}
		again, err := host.Wrap(apdu.Command{CLA: 0x80, Le: 256})
		if err != nil {
			t.Fatal(err)
		}
		card.Unwrap(&again, nil)
		if answer := card.Wrap(nil, make([]byte, most+1), apdu.SWOK); len(answer) != 0 {
			t.Errorf("%v: %d bytes make an answer of %d", k, most+1, len(answer))
		}
		if _, err := host.Unwrap(nil, apdu.SWOK); !errors.Is(err, ErrRMAC) {
			t.Errorf("%v: answer without MAC: %v", k, err)
		}
	}
}

// TestFlippedCommands flips every bit that a MAC covers, and cuts and lengthens the
// data: each is refused and ends the session. Le and the logical channel are not
// covered.
func TestFlippedCommands(t *testing.T) {
	plain := []apdu.Command{
		{CLA: 0x80, INS: 0xF2, P1: 0x20, P2: 0x02, Le: apdu.NoLe},
		{CLA: 0x80, INS: 0xCA, P1: 0x00, P2: 0x66, Le: 256},
		{CLA: 0x80, INS: 0xE4, Data: []byte{0x4F, 0x05, 1, 2, 3, 4, 5}, Le: 256},
		{CLA: 0x80, INS: 0xE2, P1: 0x80, Data: bytes.Repeat([]byte{0x5A}, 32), Le: apdu.NoLe},
	}
	tried := 0
	for _, k := range kinds() {
		if !k.l.Has(CMAC) {
			continue
		}
		for _, c := range plain {
			host, card := k.open(t)
			wrapped, err := host.Wrap(c)
			if err != nil {
				t.Fatal(err)
			}
			for _, bad := range spoiled(wrapped) {
				tried++
				victim := *card
				if _, sw := victim.Unwrap(&bad, nil); sw != apdu.SWSecurity || victim.Open() {
					t.Errorf("%v: %X instead of %X answers %v, session open: %v", k, bad, wrapped, sw, victim.Open())
				}
				if _, sw := victim.Unwrap(&wrapped, nil); sw != apdu.SWSecurity {
					t.Errorf("%v: the right command after the end answers %v", k, sw)
				}
			}
			if _, sw := card.Unwrap(&wrapped, nil); sw != apdu.SWOK {
				t.Errorf("%v: the right command answers %v", k, sw)
			}
		}
	}
	t.Logf("%d spoiled commands refused", tried)
}

// spoiled makes every command that differs from c in one bit, or by a byte of
// data less or more.
func spoiled(c apdu.Command) (all []apdu.Command) {
	for bit := range 8 {
		m := byte(1) << bit
		a, b, d, e := c, c, c, c
		a.CLA ^= m
		b.INS ^= m
		d.P1 ^= m
		e.P2 ^= m
		all = append(all, b, d, e)
		if m > 0x02 { // the two lowest are the logical channel
			all = append(all, a)
		}
		for i := range c.Data {
			f := c
			f.Data = bytes.Clone(c.Data)
			f.Data[i] ^= m
			all = append(all, f)
		}
	}
	for _, data := range [][]byte{nil, c.Data[:len(c.Data)-1], c.Data[1:], append(bytes.Clone(c.Data), 0), make([]byte, 248), make([]byte, 300)} {
		f := c
		f.Data = data
		all = append(all, f)
	}
	return all
}

func TestReplayIsRefused(t *testing.T) {
	for _, k := range kinds() {
		if !k.l.Has(CMAC) {
			continue
		}
		host, card := k.open(t)
		first, err := host.Wrap(apdu.Command{CLA: 0x80, INS: 0xF0, Data: []byte{1}, Le: apdu.NoLe})
		if err != nil {
			t.Fatal(err)
		}
		if _, sw := card.Unwrap(&first, nil); sw != apdu.SWOK {
			t.Fatalf("%v: %v", k, sw)
		}
		if _, sw := card.Unwrap(&first, nil); sw != apdu.SWSecurity || card.Open() {
			t.Errorf("%v: the same command again answers %v, session open: %v", k, sw, card.Open())
		}
		// A session of the past does not open a second time: the card's next
		// challenge is another one, for SCP02 and pseudo-random ones by the counter.
		if !k.p.pseudo(k.v) {
			continue
		}
		_, card, external := k.begin(t)
		if sw := card.ExternalAuthenticate(&external); sw != apdu.SWOK {
			t.Fatalf("%v: %v", k, sw)
		}
		next := k.params(card.NextSequence())
		if _, err := card.InitializeUpdate(nil, next, [8]byte{0xA1, 0xA2, 0xA3, 0xA4, 0xA5, 0xA6, 0xA7, 0xA8}); err != nil {
			t.Fatal(err)
		}
		if sw := card.ExternalAuthenticate(&external); sw != apdu.SWFailed {
			t.Errorf("%v: an old EXTERNAL AUTHENTICATE answers %v", k, sw)
		}
	}
}

// TestPlainCommandEndsSession: inside a session with C-MAC, a command without
// secure messaging is an intruder.
func TestPlainCommandEndsSession(t *testing.T) {
	for _, k := range kinds() {
		_, card := k.open(t)
		plain := apdu.Command{CLA: 0x80, INS: 0xF2, Data: make([]byte, 16), Le: apdu.NoLe}
		_, sw := card.Unwrap(&plain, nil)
		if want := k.l == 0; (sw == apdu.SWOK) != want || card.Open() != want {
			t.Errorf("%v: answers %v, session open: %v", k, sw, card.Open())
		}
	}
	card := new(Card)
	for cla, want := range map[byte]apdu.SW{
		0x00: apdu.SWOK, 0x80: apdu.SWOK, 0x83: apdu.SWOK, 0xC0: apdu.SWOK,
		0x04: apdu.SWSecurity, 0x84: apdu.SWSecurity, 0x88: apdu.SWSecurity, 0x8C: apdu.SWSecurity, 0xE0: apdu.SWSecurity,
	} {
		c := apdu.Command{CLA: cla, INS: 0xCA, Le: 256}
		if _, sw := card.Unwrap(&c, nil); sw != want {
			t.Errorf("without a session, class %02X answers %v, want %v", cla, sw, want)
		}
	}
}
