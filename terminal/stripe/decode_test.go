package stripe_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/citycard/citycard/terminal/stripe"
	"github.com/citycard/citycard/txn"
)

const (
	test1 = "%B6210948000000011^UNIONPAY/TEST CARD^30102010000000000?"
	test2 = ";6210948000000011=30102010000?"
	test3 = ";996210948000000011=1561560000000000001234?"
)

func Example() {
	swipe, err := stripe.Split([]byte(test1 + test2))
	if err != nil {
		fmt.Println(err)
		return
	}
	verdict := stripe.Decide(swipe.Track2, stripe.Circumstances{Time: 1_774_000_000, ChipReader: true, PINPad: true, Online: true})
	fmt.Println(swipe.Track2, string(swipe.Track2.Service[:]), verdict.Action, verdict.Reason)
	// Output:
	// track 2 of 621094******0011 201 use the chip insert the chip
}

// TestDecode reads bits in both directions, with any clocking around them.
func TestDecode(t *testing.T) {
	for _, row := range []struct {
		format stripe.Format
		text   string
		bits   string
	}{
		{stripe.Digits, test2, encode(test2, digitCode)},
		{stripe.Digits, test3, encode(test3, digitCode)},
		{stripe.Letters, test1, encode(test1, letterCode)},
	} {
		for _, before := range []int{0, 1, 7, 25} {
			for _, bits := range []string{row.bits, reverse(row.bits)} {
				got, err := stripe.Decode(row.format, pack(bits, before, 25-before))
				if err != nil || string(got) != row.text {
					t.Errorf("%q, %d zeros before: %q, %v", row.text, before, got, err)
				}
			}
		}
	}
}

// TestDecodeRejects: one wrong bit anywhere between the sentinels is found.
func TestDecodeRejects(t *testing.T) {
	bits := encode(test2, digitCode)
	for i := range bits {
		wrong := bits[:i] + string('0'+'1'-bits[i]) + bits[i+1:]
		if got, err := stripe.Decode(stripe.Digits, pack(wrong, 10, 10)); err == nil {
			t.Errorf("bit %d: read as %q", i, got)
		} else if !errors.Is(err, stripe.ErrTrack) || strings.Contains(err.Error(), "621094") {
			t.Errorf("bit %d: error %q", i, err)
		}
	}
	for what, b := range map[string][]byte{
		"nothing": nil, "only zeros": make([]byte, 40), "too long": make([]byte, 1000),
		"no end": pack(strings.Repeat(digitCodes['1'], 3), 0, 0), "cut": pack(bits[:len(bits)-3], 0, 0),
		"something after the LRC": pack(bits+"00000001", 5, 5), "two tracks": pack(bits+bits, 5, 5),
		"endless": pack(digitCodes[';']+strings.Repeat(digitCodes['1'], 120), 5, 5),
	} {
		if got, err := stripe.Decode(stripe.Digits, b); err == nil {
			t.Errorf("%s: read as %q", what, got)
		}
	}
	if _, err := stripe.Decode(9, nil); err == nil {
		t.Error("format 9 accepted")
	}
}

// TestParse: fields and errors of single tracks.
func TestParse(t *testing.T) {
	one, err := stripe.ParseTrack1([]byte(test1))
	if err != nil || one.Name != "UNIONPAY/TEST CARD" || one.PAN.Digits() != "6210948000000011" ||
		one.Expiry != [2]byte{0x30, 0x10} || one.Service != stripe.ServiceCode([]byte("201")) || one.Discretionary != "0000000000" {
		t.Errorf("track 1: %q %q %x %s, %v", one.Name, one.PAN.Digits(), one.Expiry, one.Service, err)
	}
	two, err := stripe.ParseTrack2([]byte(test2))
	if err != nil || two.Discretionary != "0000" || !two.HasService || !two.HasExpiry {
		t.Errorf("track 2: %v", err)
	}
	three, err := stripe.ParseTrack3([]byte(test3))
	if err != nil || three.Code != "99" || three.PAN != two.PAN || three.Rest != "1561560000000000001234" {
		t.Errorf("track 3: %v", err)
	}
	for _, row := range []struct{ text, field string }{
		{"", "start"}, {"6210948000000011=3010201?", "start"}, {";6210948000000011=3010201", "end"},
		{";6210948000000011?", "account number"}, {";62109480000=3010201?", "account number"}, {";621094800000001X=3010201?", "account number"},
		{";62109480000000111111=3010201?", "account number"}, {";6210948000000011=30?", "expiry"}, {";6210948000000011=3013201?", "expiry"},
		{";6210948000000011=3000201?", "expiry"}, {";6210948000000011=301020?", "service code"}, {";6210948000000011=3010201:?", "discretionary"},
		{";6210948000000011=3010201" + strings.Repeat("0", 30) + "?", "length"},
	} {
		_, err := stripe.ParseTrack2([]byte(row.text))
		if !errors.Is(err, stripe.ErrTrack) || !strings.Contains(err.Error(), row.field) {
			t.Errorf("track 2 %q: %v, want a fault of the %s", row.text, err, row.field)
		}
	}
	for _, row := range []struct{ text, field string }{
		{"%A6210948000000011^AB^3010201?", "format code"}, {"%?", "format code"}, {"%B6210948000000011?", "account number"},
		{"%B6210948000000011^A^3010201?", "name"}, {"%B6210948000000011^AB?", "name"}, {"%B62109^AB^3010201?", "account number"},
		{"%B6210948000000011^A\x1bB^3010201?", "name"}, {"%B6210948000000011^ab^3010201?", "name"}, {"%B6210948000000011^A%B^3010201?", "name"},
		{"%B6210948000000011^AB^3010201A^B?", "discretionary"}, {"%B6210948000000011^AB^?", "expiry"}, {"%B6210948000000011^AB^3010?", "service code"}, {"%B6210948000000011^AB^3010201a?", "discretionary"},
	} {
		_, err := stripe.ParseTrack1([]byte(row.text))
		if !errors.Is(err, stripe.ErrTrack) || !strings.Contains(err.Error(), row.field) {
			t.Errorf("track 1 %q: %v, want a fault of the %s", row.text, err, row.field)
		}
	}
	for _, text := range []string{";?", ";99=?", ";99621094800000001A=1?", ";996210948000000011=a?", ";996210948000000011?"} {
		if _, err := stripe.ParseTrack3([]byte(text)); !errors.Is(err, stripe.ErrTrack) {
			t.Errorf("track 3 %q: %v", text, err)
		}
	}
}

// TestAbsentFields: a separator stands for a field that is not there.
func TestAbsentFields(t *testing.T) {
	for _, row := range []struct {
		text            string
		expiry, service bool
		valid           bool
	}{
		{";6210948000000011=3010=12?", true, false, true},
		{";6210948000000011==20112?", false, true, true},
		{";6210948000000011===12?", false, false, true},
		{";6210948000000011===?", false, false, true},
		{text: ";6210948000000011=3010==12?"}, // a second separator where only digits may be
		{text: ";6210948000000011==?"},        // neither service code nor separator
	} {
		two, err := stripe.ParseTrack2([]byte(row.text))
		if (err == nil) != row.valid {
			t.Errorf("%s: %v", row.text, err)
		}
		if err == nil && (two.HasExpiry != row.expiry || two.HasService != row.service) {
			t.Errorf("%s: expiry %v, service code %v", row.text, two.HasExpiry, two.HasService)
		}
	}
}

// TestSplit: what readers give as text.
func TestSplit(t *testing.T) {
	for text, want := range map[string][3]bool{
		test1:                                    {true, false, false},
		test2:                                    {false, true, false},
		test3:                                    {false, false, true},
		test1 + test2:                            {true, true, false},
		test2 + test3 + "\r\n":                   {false, true, true},
		test1 + "\n" + test3:                     {true, false, true},
		test1 + test2 + test3:                    {true, true, true},
		"":                                       {},
		"\r\n":                                   {},
		"x" + test2:                              {},
		test2 + "x":                              {},
		test1 + test1:                            {},
		test2 + test3 + test3:                    {},
		test3 + test2:                            {},
		test2 + ";6210948=12?":                   {},
		";12?":                                   {},
		test1 + ";6210948000000029=30102010000?": {},
		test1 + ";6210948000000011=31102010000?": {},
		test1 + ";6210948000000011=30101010000?": {}, // another service code: no chip
		test1 + ";6210948000000011=3010=10000?":  {},
		test2 + ";996210948000000029=1561560000000000001234?": {},
		test1 + ";996210948000000029=1561560000000000001234?": {},
	} {
		s, err := stripe.Split([]byte(text))
		if got := [3]bool{s.Has1, s.Has2, s.Has3}; got != want || (err == nil) != (want != [3]bool{}) {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
}

// TestRedaction: no verb shows what only the issuer may know.
func TestRedaction(t *testing.T) {
	s, err := stripe.Split([]byte(test1 + test2 + test3))
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range []any{s, s.Track1, s.Track2, s.Track3, &s.Track2} {
		b, err := json.Marshal(v)
		var log bytes.Buffer
		slog.New(slog.NewJSONHandler(&log, nil)).Info("swipe", "v", v)
		slog.New(slog.NewTextHandler(&log, nil)).Info("swipe", "v", v)
		if text := string(b) + log.String(); err != nil || strings.Contains(text, "80000000") || strings.Contains(text, "TEST CARD") {
			t.Errorf("JSON and log of %T: %s, %v", v, text, err)
		}
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d"} {
			if text := fmt.Sprintf(verb, v); strings.Contains(text, "80000000") || strings.Contains(text, "TEST CARD") {
				t.Errorf("%s of %T: %s", verb, v, text)
			}
		}
	}
}

// drawTrack2 makes any track 2.
func drawTrack2(t *rapid.T) stripe.Track2 {
	var v stripe.Track2
	pan, err := txn.ParsePAN(rapid.StringMatching(`[0-9]{12,19}`).Draw(t, "pan"))
	if err != nil {
		t.Fatal(err)
	}
	v.PAN = pan
	if v.HasExpiry = rapid.Bool().Draw(t, "has expiry"); v.HasExpiry {
		month := rapid.IntRange(1, 12).Draw(t, "month")
		year := rapid.IntRange(0, 99).Draw(t, "year")
		v.Expiry = [2]byte{byte(year/10<<4 | year%10), byte(month/10<<4 | month%10)}
	}
	if v.HasService = rapid.Bool().Draw(t, "has service"); v.HasService {
		v.Service = stripe.ServiceCode([]byte(rapid.StringMatching(`[0-9]{3}`).Draw(t, "service")))
	}
	v.Discretionary = rapid.StringMatching(`[0-9]{0,9}`).Draw(t, "discretionary")
	return v
}

// TestEquivalent: tag 57 there and back, and the same as the text of the track.
func TestEquivalent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := drawTrack2(t)
		b := want.AppendEquivalent([]byte{0xAA})[1:]
		got, err := stripe.ParseEquivalent(b)
		if err != nil || got != want {
			t.Fatalf("%X: %v", b, err)
		}
		text := strings.TrimSuffix(strings.ReplaceAll(fmt.Sprintf("%X", b), "D", "="), "F")
		if same, err := stripe.ParseTrack2([]byte(";" + text + "?")); err != nil || same != want {
			t.Fatalf("%s: %v", text, err)
		}
	})
	for _, s := range []string{"", "6210948000000011", "6210948000000011D3010201A", "621094800000F011D3010201"} {
		if _, err := stripe.ParseEquivalent(fromHex(t, s)); !errors.Is(err, stripe.ErrTrack) {
			t.Errorf("%s: %v", s, err)
		}
	}
	if _, err := stripe.ParseEquivalent(make([]byte, 20)); !errors.Is(err, stripe.ErrTrack) {
		t.Errorf("20 bytes: %v", err)
	}
}

func fromHex(t testing.TB, s string) []byte {
	t.Helper()
	if len(s)%2 == 1 {
		s += "F"
	}
	var b []byte
	if _, err := fmt.Sscanf(s, "%X", &b); err != nil && s != "" {
		t.Fatal(err)
	}
	return b
}

func FuzzDecode(f *testing.F) {
	for _, b := range [][]byte{nil, pack(encode(test2, digitCode), 9, 9), pack(reverse(encode(test2, digitCode)), 9, 9)} {
		f.Add(byte(stripe.Digits), b)
	}
	f.Add(byte(stripe.Letters), pack(encode(test1, letterCode), 9, 9))
	f.Fuzz(func(t *testing.T, format byte, b []byte) {
		text, err := stripe.Decode(stripe.Format(format), b)
		if err != nil {
			return
		}
		code := digitCode
		if stripe.Format(format) == stripe.Letters {
			code = letterCode
		}
		bits := encode(string(text), code)
		if again, err := stripe.Decode(stripe.Format(format), pack(bits, 3, 3)); err != nil || !bytes.Equal(again, text) {
			t.Fatalf("%q: %q, %v", text, again, err)
		}
	})
}

func FuzzTracks(f *testing.F) {
	for _, s := range []string{test1, test2, test3, ";6210948000000011===?", ""} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if two, err := stripe.ParseTrack2(b); err == nil {
			if same, err := stripe.ParseEquivalent(two.AppendEquivalent(nil)); err != nil || same != two {
				t.Fatalf("%q does not come back from tag 57: %v", b, err)
			}
		}
		if _, err := stripe.ParseTrack1(b); err == nil && b[0] != '%' {
			t.Fatalf("%q is no track 1", b)
		}
		if _, err := stripe.ParseTrack3(b); err == nil && b[0] != ';' {
			t.Fatalf("%q is no track 3", b)
		}
		if two, err := stripe.ParseEquivalent(b); err == nil {
			if same, err := stripe.ParseEquivalent(two.AppendEquivalent(nil)); err != nil || same != two {
				t.Fatalf("%X does not come back: %v", b, err)
			}
		}
		if s, err := stripe.Split(b); err == nil && !s.Has1 && !s.Has2 && !s.Has3 {
			t.Fatalf("%q has no track and no error", b)
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	swipe := pack(encode(test2, digitCode), 25, 25)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := stripe.Decode(stripe.Digits, swipe); err != nil {
			b.Fatal(err)
		}
	}
}
