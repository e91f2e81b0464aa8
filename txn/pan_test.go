package txn_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/citycard/citycard/txn"
)

func pan(t testing.TB, digits string) txn.PAN {
	t.Helper()
	p, err := txn.ParsePAN(digits)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// digitsOf draws an account number of any allowed length.
func digitsOf(t *rapid.T, label string) string {
	return rapid.StringMatching(`[0-9]{12,19}`).Draw(t, label)
}

func TestPANIsPackedLeftJustifiedAndPaddedWithF(t *testing.T) {
	for _, c := range []struct{ digits, packed, masked string }{
		{"622800010000", "622800010000ffffffff", "622800**0000"},
		{"6228000100001", "6228000100001fffffff", "622800***0001"},
		{"6228000100001117", "6228000100001117ffff", "622800******1117"},
		{"4761739001010010", "4761739001010010ffff", "476173******0010"},
		{"6217000010012345678", "6217000010012345678f", "621700*********5678"},
		{"0000000000000", "0000000000000fffffff", "000000***0000"},
	} {
		p := pan(t, c.digits)
		if got := fmt.Sprintf("%x", p[:]); got != c.packed {
			t.Errorf("%s packs to %s, want %s", c.digits, got, c.packed)
		}
		if p.Digits() != c.digits || p.Len() != len(c.digits) || p.BIN() != c.digits[:6] || p.Masked() != c.masked {
			t.Errorf("%s comes back as %s (%d digits), BIN %s, masked %s", c.digits, p.Digits(), p.Len(), p.BIN(), p.Masked())
		}
	}
}

func TestPANRefusesWhatIsNoNumber(t *testing.T) {
	for _, digits := range []string{"", "62280001000", "62280001000011170000", "622800010000111F", "６２２８０００１００００", "62280001 0001117", "-62280001000111", "622800010000/117"} {
		if p, err := txn.ParsePAN(digits); !errors.Is(err, txn.ErrPAN) || p != (txn.PAN{}) {
			t.Errorf("%q: %x, %v", digits, p[:], err)
		} else if len(digits) > 6 && strings.Contains(err.Error(), digits) {
			t.Errorf("%q: the error shows the number: %v", digits, err)
		}
	}
	for name, b := range map[string][]byte{
		"no bytes":             {},
		"eleven bytes":         make([]byte, 11),
		"padding before digit": {0x62, 0x28, 0x00, 0xF1, 0x00, 0x00, 0x11, 0x17},
		"letter":               {0x62, 0x28, 0x00, 0xA1, 0x00, 0x00, 0x11, 0x17},
		"letter in the last":   {0x62, 0x28, 0x00, 0x01, 0x00, 0x00, 0x11, 0x17, 0x12, 0x3E},
		"eleven digits":        {0x62, 0x28, 0x00, 0x01, 0x00, 0x0F},
		"twenty digits":        bytes.Repeat([]byte{0x11}, 10),
		"padding of other":     {0x62, 0x28, 0x00, 0x01, 0x00, 0x00, 0xF0},
	} {
		if _, err := txn.PANFromBCD(b); !errors.Is(err, txn.ErrPAN) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPANFromTheValueOfTag5A(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		digits := digitsOf(t, "digits")
		want, err := txn.ParsePAN(digits)
		if err != nil {
			t.Fatal(err)
		}
		// The twin: text, padded with F to whole bytes, as hexadecimal.
		text := digits + strings.Repeat("F", (20-len(digits))%2+2*rapid.IntRange(0, (20-len(digits))/2).Draw(t, "padding bytes"))
		var value []byte
		if _, err := fmt.Sscanf(text, "%x", &value); err != nil {
			t.Fatal(err)
		}
		got, err := txn.PANFromBCD(value)
		if err != nil || got != want || got.Digits() != digits || got.Validate() != nil {
			t.Fatalf("tag 5A %X gives %x, %v, want %x", value, got[:], err, want[:])
		}
	})
}

// A whole number must come out of Digits only, whatever tool prints it.
func TestPANIsNeverPrintedWhole(t *testing.T) {
	const digits, masked = "6228000100001117", "622800******1117"
	p := pan(t, digits)
	card := txn.CardKey{PAN: p, PSN: 1}
	row := txn.Row{Kind: txn.Purchase, Card: card}
	presented := txn.Presented{Row: row}
	leaks := []string{digits, fmt.Sprintf("%x", p[:]), fmt.Sprintf("%X", p[:]), strings.Trim(fmt.Sprint(p[:]), "[]"), fmt.Sprintf("%x", digits), "00010000"}
	check := func(how, out string, shown bool) {
		for _, l := range leaks {
			if strings.Contains(out, l) {
				t.Errorf("%s shows the number: %s", how, out)
			}
		}
		if shown && !strings.Contains(out, masked) {
			t.Errorf("%s does not show the masked number: %s", how, out)
		}
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "% x", "%#x", "%d", "%o", "%b", "%c", "%U", "%e", "%t", "%20v", "%.3s", "%!"} {
		check("PAN "+verb, fmt.Sprintf(verb, p), verb != "%!")
		check("*PAN "+verb, fmt.Sprintf(verb, &p), verb != "%!")
		check("CardKey "+verb, fmt.Sprintf(verb, card), false)
		check("*CardKey "+verb, fmt.Sprintf(verb, &card), false)
		check("Row "+verb, fmt.Sprintf(verb, row), false)
		check("*Row "+verb, fmt.Sprintf(verb, &row), false)
		check("Presented "+verb, fmt.Sprintf(verb, presented), false)
		check("map "+verb, fmt.Sprintf(verb, map[txn.PAN]int{p: 1}), false)
	}
	check("String", p.String(), true)
	check("card String", card.String(), true)
	for _, v := range []any{p, &p, card, row, presented, map[txn.PAN]int{p: 1}, []txn.PAN{p}} {
		out, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		check(fmt.Sprintf("JSON of %T", v), string(out), true)
		var text bytes.Buffer
		slog.New(slog.NewJSONHandler(&text, nil)).Info("tap", "card", v)
		slog.New(slog.NewTextHandler(&text, nil)).Info("tap", "card", v, slog.Any("again", v))
		check(fmt.Sprintf("slog of %T", v), text.String(), true)
	}
	check("error", fmt.Errorf("card %w", &cardError{card}).Error(), true)
}

type cardError struct{ card txn.CardKey }

func (e *cardError) Error() string { return "refused " + e.card.String() }

// Examples published for the check digit of ISO/IEC 7812-1: the numbers of the
// textbooks and the account numbers that the card schemes publish for tests.
func TestLuhnPublishedExamples(t *testing.T) {
	for _, whole := range []string{"79927398713", "17893729974", "49927398716", "4111111111111111", "5500000000000004",
		"378282246310005", "30569309025904", "6011000990139424", "3530111333300000", "6250941006528599"} {
		body, check := whole[:len(whole)-1], whole[len(whole)-1]
		if got := txn.Luhn(body); got != check {
			t.Errorf("check digit of %s is %c, published is %c", body, got, check)
		}
	}
}

// What the formula was made for: one wrong digit and one exchanged pair of
// neighbours (but 09 and 90) are noticed.
func TestLuhnFindsOneWrongDigitAndExchangedNeighbours(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		digits := []byte(rapid.StringMatching(`[0-9]{2,18}`).Draw(t, "digits"))
		right := txn.Luhn(string(digits))
		at := rapid.IntRange(0, len(digits)-1).Draw(t, "at")
		wrong := bytes.Clone(digits)
		wrong[at] = '0' + (wrong[at]-'0'+byte(rapid.IntRange(1, 9).Draw(t, "by")))%10
		if txn.Luhn(string(wrong)) == right {
			t.Fatalf("%s and %s have the same check digit", digits, wrong)
		}
		at = rapid.IntRange(0, len(digits)-2).Draw(t, "pair")
		a, b := digits[at], digits[at+1]
		swapped := bytes.Clone(digits)
		swapped[at], swapped[at+1] = b, a
		blind := a == b || a == '0' && b == '9' || a == '9' && b == '0'
		if (txn.Luhn(string(swapped)) == right) != blind {
			t.Fatalf("%s and %s: same check digit %v", digits, swapped, !blind)
		}
	})
}

func TestCardKeyBytes(t *testing.T) {
	k := txn.CardKey{PAN: pan(t, "6228000100001117"), PSN: 0x01}
	b := k.Bytes()
	if got := fmt.Sprintf("%x", b); got != "6228000100001117ffff01" {
		t.Errorf("bytes %s", got)
	}
	if back, err := txn.CardKeyFromBytes(b[:]); err != nil || back != k {
		t.Errorf("comes back as %v, %v", back, err)
	}
	if k.String() != "622800******1117/01" {
		t.Errorf("string %s", k)
	}
	for _, bad := range [][]byte{nil, b[:10], append(b[:], 0), make([]byte, 11), append([]byte{0xA2}, b[1:]...)} {
		if _, err := txn.CardKeyFromBytes(bad); err == nil {
			t.Errorf("%d bytes %x were taken for a card key", len(bad), bad)
		}
	}
}

func FuzzParsePAN(f *testing.F) {
	for _, s := range []string{"", "6228000100001117", "6217000010012345678", "622800010000111F", "００００００００００００"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := txn.ParsePAN(s)
		if err != nil {
			if !errors.Is(err, txn.ErrPAN) || p != (txn.PAN{}) {
				t.Fatalf("%q: %x, %v", s, p[:], err)
			}
			return
		}
		if p.Digits() != s {
			t.Fatalf("%q comes back as %q", s, p.Digits())
		}
		if back, err := txn.PANFromBCD(p[:]); err != nil || back != p {
			t.Fatalf("%q packed is not valid: %v", s, err)
		}
	})
}
