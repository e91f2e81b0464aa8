package pin

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/citycard/citycard/crypt/cryptogram"
)

var (
	drawPIN = rapid.Custom(func(t *rapid.T) PIN { return mustPINOf(rapid.StringMatching(`[0-9]{4,12}`).Draw(t, "PIN")) })
	drawPAN = rapid.Custom(func(t *rapid.T) string { return rapid.StringMatching(`[0-9]{8,19}`).Draw(t, "PAN") })
	drawKey = rapid.Custom(func(t *rapid.T) cryptogram.Key {
		return cryptogram.Key(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "key"))
	})
)

func mustPINOf(digits string) PIN {
	p, err := New(digits)
	if err != nil {
		panic("pin: " + err.Error())
	}
	return p
}

func TestNew(t *testing.T) {
	for _, digits := range []string{"1234", "000000", "123456789012"} {
		if p := mustPIN(t, digits); p.Digits() != digits || p.Len() != len(digits) {
			t.Errorf("%s comes back as %s with %d digits", digits, p.Digits(), p.Len())
		}
	}
	for _, bad := range []string{"", "123", "1234567890123", "12a4", "12 4", "123\xff", "１２３４", "-123"} {
		if _, err := New(bad); !errors.Is(err, ErrPIN) || strings.Contains(err.Error(), bad) && bad != "" {
			t.Errorf("%q: %v", bad, err)
		}
	}
	a, b := mustPIN(t, "1234"), mustPIN(t, "12340")
	if !a.Equal(mustPIN(t, "1234")) || a.Equal(b) || a.Equal(mustPIN(t, "1235")) || (PIN{}).Equal(PIN{}) {
		t.Error("Equal is wrong")
	}
}

// twinBlock writes a block of format 0 to 3 as text, from the standard's table.
func twinBlock(f Format, digits, filling, pan string) string {
	text := fmt.Sprintf("%d%X%s", f, len(digits), digits)
	text += filling[len(text):]
	if f != Format0 && f != Format3 {
		return text
	}
	body := strings.Repeat("0", 16) + pan[:len(pan)-1]
	field := "0000" + body[len(body)-12:]
	var out strings.Builder
	for i := range 16 {
		var a, b int
		fmt.Sscanf(text[i:i+1]+" "+field[i:i+1], "%x %x", &a, &b)
		fmt.Fprintf(&out, "%X", a^b)
	}
	return out.String()
}

func TestBlocksAgainstTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := Format(rapid.IntRange(0, 3).Draw(t, "format"))
		p, number := drawPIN.Draw(t, "p"), drawPAN.Draw(t, "pan")
		var bcd [10]byte
		fmt.Sscanf(number+strings.Repeat("F", 20-len(number)), "%20x", hexField{bcd[:]})
		filling, fill := strings.Repeat("F", 16), io.Reader(nil)
		switch f {
		case Format1:
			b := rapid.SliceOfN(rapid.Byte(), 8, 8).Draw(t, "fill")
			filling, fill = fmt.Sprintf("%X", b), bytes.NewReader(b)
		case Format3:
			b := rapid.SliceOfN(rapid.ByteRange(0, 251), 16, 16).Draw(t, "fill")
			var text strings.Builder
			for _, v := range b {
				fmt.Fprintf(&text, "%X", 0xA+v%6)
			}
			filling, fill = text.String(), bytes.NewReader(append([]byte{252, 255}, b...))
		}
		block, err := Encode(f, p, bcd, fill)
		if want := twinBlock(f, p.Digits(), filling, number); err != nil || fmt.Sprintf("%X", block) != want {
			t.Fatalf("block is %X, %v, want %s", block, err, want)
		}
		got, format, err := Decode(block, bcd)
		if err != nil || format != f || !got.Equal(p) {
			t.Fatalf("%X opens as %v, %s, %v", block, format, got.Digits(), err)
		}
	})
}

// hexField lets Sscanf fill a slice.
type hexField struct{ b []byte }

func (h hexField) Scan(s fmt.ScanState, _ rune) error {
	text, err := s.Token(true, nil)
	for i := range h.b {
		fmt.Sscanf(string(text[2*i:2*i+2]), "%x", &h.b[i])
	}
	return err
}

func TestEncodeRefuses(t *testing.T) {
	p, number := mustPIN(t, "1234"), pan(t, "4111111111111111")
	short := bytes.NewReader(nil)
	for name, tc := range map[string]struct {
		f    Format
		p    PIN
		pan  [10]byte
		want error
	}{
		"no PIN":         {Format2, PIN{}, number, ErrPIN},
		"format 4":       {Format4, p, number, ErrFormat},
		"format 15":      {15, p, number, ErrFormat},
		"short PAN":      {Format0, p, pan(t, "1234567"), ErrPAN},
		"letter in PAN":  {Format0, p, pan(t, "411111A111111111"), ErrPAN},
		"digit behind F": {Format3, p, pan(t, "4111111111111F1"), ErrPAN},
		"20 digits":      {Format0, p, pan(t, "41111111111111111111"), ErrPAN},
		"no randomness":  {Format1, p, number, io.EOF},
		"none for A-F":   {Format3, p, number, io.EOF},
	} {
		fill := io.Reader(short)
		if name == "digit behind F" {
			fill = bytes.NewReader(make([]byte, 64))
		}
		if b, err := Encode(tc.f, tc.p, tc.pan, fill); !errors.Is(err, tc.want) || b != [8]byte{} {
			t.Errorf("%s: %X, %v, want %v", name, b, err, tc.want)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	number := pan(t, "4111111111111111")
	for name, block := range map[string]string{
		"format 5":              "541234FFFFFFFFFF",
		"length 3":              "23123FFFFFFFFFFF",
		"length 13":             "2D1234567890123F",
		"letter in the PIN":     "24123AFFFFFFFFFF",
		"digit in the filling":  "241234FFFFFFFFF1",
		"filling shorter":       "251234FFFFFFFFFF",
		"format 3 with a digit": "341234ABCDEFABC9",
	} {
		b := [8]byte(unhex(t, block))
		if name == "format 3 with a digit" {
			var err error
			if b, err = xorPAN(b, number); err != nil {
				t.Fatal(err)
			}
		}
		if p, _, err := Decode(b, number); !errors.Is(err, ErrBlock) || p != (PIN{}) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, _, err := Decode([8]byte{0x04}, [10]byte{}); !errors.Is(err, ErrPAN) {
		t.Errorf("no PAN: %v", err)
	}
}

func TestFormat4(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, k := drawPIN.Draw(t, "p"), drawKey.Draw(t, "k")
		digits := drawPAN.Draw(t, "pan")
		var number [10]byte
		fmt.Sscanf(digits+strings.Repeat("F", 20-len(digits)), "%20x", hexField{number[:]})
		b, err := EncipherAES(k, p, number, bytes.NewReader(rapid.SliceOfN(rapid.Byte(), 8, 8).Draw(t, "fill")))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := DecipherAES(k, b, number); err != nil || !got.Equal(p) {
			t.Fatalf("opens as %s, %v", got.Digits(), err)
		}
		if len(digits) > 11 {
			number[1] ^= 1 // another digit, or none at all
			if got, err := DecipherAES(k, b, number); err == nil && got.Equal(p) {
				t.Fatalf("opens for another PAN")
			}
		}
	})
	// The PAN field of short numbers is filled from the left and says no length.
	for digits, want := range map[string]string{
		"12345678":            "00000123456780000000000000000000",
		"123456789012":        "01234567890120000000000000000000",
		"1234567890123":       "11234567890123000000000000000000",
		"1234567890123456789": "71234567890123456789000000000000",
	} {
		if got, err := panField(pan(t, digits)); err != nil || !bytes.Equal(got[:], unhex(t, want)) {
			t.Errorf("PAN field of %s is %X, %v, want %s", digits, got, err, want)
		}
	}
	if _, err := EncipherAES(cryptogram.Key{}, PIN{}, pan(t, "12345678"), nil); !errors.Is(err, ErrPIN) {
		t.Errorf("no PIN: %v", err)
	}
	if _, err := EncipherAES(cryptogram.Key{}, mustPIN(t, "1234"), pan(t, "12345678"), bytes.NewReader(nil)); !errors.Is(err, io.EOF) {
		t.Errorf("no randomness: %v", err)
	}
	if _, err := DecipherAES(cryptogram.Key{}, [16]byte{}, [10]byte{}); !errors.Is(err, ErrPAN) {
		t.Errorf("no PAN: %v", err)
	}
	if _, err := DecipherAES(cryptogram.Key{}, [16]byte{}, pan(t, "12345678")); !errors.Is(err, ErrBlock) {
		t.Errorf("wrong block: %v", err)
	}
}

func TestChangeBothWays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k := ChangeKeys{
			Alg:  rapid.SampledFrom([]cryptogram.Alg{cryptogram.TDES, cryptogram.SM4}).Draw(t, "alg"),
			Card: drawKey.Draw(t, "card"), Session: drawKey.Draw(t, "session"),
		}
		want := drawPIN.Draw(t, "new")
		var current *PIN
		if rapid.Bool().Draw(t, "with current") {
			p := drawPIN.Draw(t, "current")
			current = &p
		}
		b, err := ChangeBlock(k, want, current)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := OpenChange(k, b[:], current); err != nil || !got.Equal(want) {
			t.Fatalf("opens as %s, %v", got.Digits(), err)
		}
		b[rapid.IntRange(0, 15).Draw(t, "byte")] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
		if got, err := OpenChange(k, b[:], current); err == nil && got.Equal(want) {
			t.Fatal("an altered block opens as the same PIN")
		}
	})
}

func TestChangeRefuses(t *testing.T) {
	p, none := mustPIN(t, "1234"), PIN{}
	good := ChangeKeys{Alg: cryptogram.SM4}
	b, err := ChangeBlock(good, p, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, noNew := ChangeBlock(good, none, nil)
	_, noCurrent := ChangeBlock(good, p, &none)
	_, noAlg := ChangeBlock(ChangeKeys{}, p, nil)
	_, openAlg := OpenChange(ChangeKeys{Alg: 9}, b[:], nil)
	_, openCurrent := OpenChange(good, b[:], &none)
	_, short := OpenChange(good, b[:15], nil)
	_, long := OpenChange(good, append(b[:], 0), nil)
	_, otherAlg := OpenChange(ChangeKeys{Alg: cryptogram.TDES}, b[:], nil)
	for name, tc := range map[string]struct{ got, want error }{
		"no new PIN": {noNew, ErrPIN}, "no current PIN": {noCurrent, ErrPIN}, "algorithm": {noAlg, cryptogram.ErrAlgorithm},
		"open, algorithm": {openAlg, cryptogram.ErrAlgorithm}, "open, no current PIN": {openCurrent, ErrPIN},
		"short": {short, ErrBlock}, "long": {long, ErrBlock}, "other cipher": {otherAlg, ErrBlock},
	} {
		if !errors.Is(tc.got, tc.want) {
			t.Errorf("%s: %v, want %v", name, tc.got, tc.want)
		}
	}
}

func TestCVVRefuses(t *testing.T) {
	number, good := pan(t, "4123456789012345"), Track{Expiry: [2]byte{0x87, 0x01}, Service: [2]byte{0x01, 0x01}}
	for name, tc := range map[string]struct {
		pan   [10]byte
		track Track
		want  error
	}{
		"PAN":                 {[10]byte{}, good, ErrPAN},
		"expiry":              {number, Track{Expiry: [2]byte{0x8A, 0x01}, Service: good.Service}, ErrTrack},
		"service code":        {number, Track{Expiry: good.Expiry, Service: [2]byte{0x01, 0x0F}}, ErrTrack},
		"service code, four":  {number, Track{Expiry: good.Expiry, Service: [2]byte{0x11, 0x01}}, ErrTrack},
		"service code, digit": {number, Track{Expiry: good.Expiry, Service: [2]byte{0xA1, 0x01}}, ErrTrack},
	} {
		if c, err := CVV(cryptogram.Key{}, tc.pan, tc.track); !errors.Is(err, tc.want) || c != (Code{}) {
			t.Errorf("%s: %v, want %v", name, err, tc.want)
		}
		if _, err := DCVN(cryptogram.SM4, cryptogram.Key{}, tc.pan, tc.track, 1); !errors.Is(err, tc.want) {
			t.Errorf("%s: dCVN: %v, want %v", name, err, tc.want)
		}
	}
	if _, err := DCVN(2, cryptogram.Key{}, number, good, 1); !errors.Is(err, cryptogram.ErrAlgorithm) {
		t.Errorf("algorithm: %v", err)
	}
}

// TestDCVN: it is the CVV of a PAN that begins with the counter; the SM4 form is
// written out once more.
func TestDCVN(t *testing.T) {
	k := key(t, "0123456789ABCDEFFEDCBA9876543210")
	track := Track{Expiry: [2]byte{0x30, 0x12}, Service: [2]byte{0x02, 0x20}}
	differ := map[Code]bool{}
	for _, atc := range []uint16{0, 1, 9, 10, 1234, 9999, 10000, 65535} {
		text := fmt.Sprintf("%04d000100001117", atc%10000)
		got, err := DCVN(cryptogram.TDES, k, pan(t, "6228000100001117"), track, atc)
		want, err2 := CVV(k, pan(t, text), track)
		if err != nil || err2 != nil || got != want {
			t.Errorf("counter %d: %s, %v, want %s, %v", atc, got[:], err, want[:], err2)
		}
		differ[got] = true

		block, err := cryptogram.NewBlock(cryptogram.SM4, k)
		if err != nil {
			t.Fatal(err)
		}
		b := unhex(t, text+"3012220"+"000000000")
		block.Encrypt(b, b)
		hexText, digits := fmt.Sprintf("%X", b), ""
		for _, r := range hexText {
			if r <= '9' && len(digits) < 3 {
				digits += string(r)
			}
		}
		got, err = DCVN(cryptogram.SM4, k, pan(t, "6228000100001117"), track, atc)
		if err != nil || string(got[:]) != digits {
			t.Errorf("counter %d, SM4: %s, %v, want %s", atc, got[:], err, digits)
		}
	}
	if len(differ) < 5 {
		t.Errorf("eight counters give %d values", len(differ))
	}
}

func TestDecimalise(t *testing.T) {
	for text, want := range map[string]string{
		"123456789ABCDEF0": "123", "ABCDEFABCDEF1A2B": "120", "FFFFFFFFFFFFFFFF": "555", "ABCDEFAAAAAAAAA7": "701", "A1BCDEFAAAAAAAAA": "101",
	} {
		if got := decimalise(unhex(t, text)); string(got[:]) != want {
			t.Errorf("%s gives %s, want %s", text, got[:], want)
		}
	}
}

func TestNothingIsPrinted(t *testing.T) {
	p := mustPIN(t, "987654")
	c := Code{'7', '3', '1'}
	if !c.Equal(Code{'7', '3', '1'}) || c.Equal(Code{'7', '3', '2'}) {
		t.Error("Code.Equal is wrong")
	}
	k := ChangeKeys{Alg: cryptogram.SM4, Card: cryptogram.Key{0x98, 0x76, 0x54}, Session: cryptogram.Key{0x73, 0x31}}
	for _, v := range []any{p, &p, c, &c, k, struct{ P PIN }{p}, map[string]Code{"c": c}, []PIN{p}} {
		var out bytes.Buffer
		fmt.Fprintf(&out, "%v %+v %#v %s %q %x %X %d % x\n", v, v, v, v, v, v, v, v, v)
		slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		}})).Info("m", "v", v)
		raw, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		text := out.String() + string(raw)
		for _, sign := range []string{"987654", "9 8 7", "9, 8, 7", "0x9, 0x8", "090807", "731", "55 51 49", "373331", "55, 51", "0x37", "152 118", "0x98"} {
			if strings.Contains(text, sign) {
				t.Errorf("%T shows %q in %s", v, sign, text)
			}
		}
	}
	if text := fmt.Sprint([3]byte(c)); !strings.Contains(text, "55 51 49") {
		t.Errorf("bare digits are not found in %s: the search is blind", text)
	}
}
