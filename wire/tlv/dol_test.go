package tlv_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/citycard/citycard/wire/tlv"
)

func TestParseDOL(t *testing.T) {
	for _, c := range []struct {
		name, in string
		want     tlv.DOL
		length   int
	}{
		{"empty", "", nil, 0},
		{"PDOL of a qPBOC card", "9F66049F02069F03069F1A0295055F2A029A039C019F3704", tlv.DOL{
			{tlv.TagTTQ, 4}, {tlv.TagAmountAuthorised, 6}, {tlv.TagAmountOther, 6}, {tlv.TagTerminalCountry, 2}, {tlv.TagTVR, 5},
			{tlv.TagTransactionCurrency, 2}, {tlv.TagTransactionDate, 3}, {tlv.TagTransactionType, 1}, {tlv.TagUN, 4}}, 33},
		{"repeats and a three-byte tag", "DF810103 5A0A 5A0A", tlv.DOL{{0xDF8101, 3}, {tlv.TagPAN, 10}, {tlv.TagPAN, 10}}, 23},
		{"length 255 is one byte", "9F4EFF", tlv.DOL{{tlv.TagMerchantName, 255}}, 255},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, err := tlv.ParseDOL(unhex(t, c.in))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, d); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if d.Len() != c.length {
				t.Errorf("Len %d, want %d", d.Len(), c.length)
			}
		})
	}
}

func TestParseDOLNamesThePlaceOfTheFault(t *testing.T) {
	for _, c := range []struct {
		name, in string
		want     tlv.Error
	}{
		{"no length", "9F0206 95", tlv.Error{Offset: 4, Path: []tlv.Tag{0x95}, Reason: "the list ends where the length should be"}},
		{"tag cut short", "9506 9F", tlv.Error{Offset: 3, Reason: "the list ends inside a tag"}},
		{"four-byte tag", "9F81828301", tlv.Error{Offset: 3, Reason: "the tag has more than three bytes"}},
		{"padding", "9505 0000", tlv.Error{Offset: 2, Reason: "padding is not allowed in a list"}},
		{"too long", strings.Repeat("9505", 128), tlv.Error{Offset: 255, Reason: "a list of 256 bytes; at most 255 are allowed"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := tlv.ParseDOL(unhex(t, c.in))
			var got *tlv.Error
			if !errors.As(err, &got) {
				t.Fatalf("error %v, want a *tlv.Error", err)
			}
			if diff := cmp.Diff(c.want, *got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// EMV Book 3, 5.4.
func TestDOLAppendPadsAndTruncates(t *testing.T) {
	for _, c := range []struct {
		name  string
		entry tlv.DOLEntry
		value string
		want  string
	}{
		{"exact", tlv.DOLEntry{Tag: tlv.TagTVR, Len: 5}, "0102030405", "0102030405"},
		{"n too long loses the left", tlv.DOLEntry{Tag: tlv.TagAmountAuthorised, Len: 4}, "001122334455", "22334455"},
		{"n too short gets zeros at the left", tlv.DOLEntry{Tag: tlv.TagTerminalCountry, Len: 4}, "0156", "00000156"},
		{"cn too long loses the right", tlv.DOLEntry{Tag: tlv.TagPAN, Len: 3}, "622848FF", "622848"},
		{"cn too short gets FF at the right", tlv.DOLEntry{Tag: tlv.TagPAN, Len: 4}, "6228", "6228FFFF"},
		{"b too long loses the right", tlv.DOLEntry{Tag: tlv.TagUN, Len: 2}, "11223344", "1122"},
		{"b too short gets zeros at the right", tlv.DOLEntry{Tag: tlv.TagUN, Len: 5}, "11223344", "1122334400"},
		{"ans too short gets zeros at the right", tlv.DOLEntry{Tag: tlv.TagMerchantName, Len: 4}, "4142", "41420000"},
		{"not known to the terminal", tlv.DOLEntry{Tag: tlv.TagTVR, Len: 5}, "", "0000000000"},
		{"cn without a value is zeros", tlv.DOLEntry{Tag: tlv.TagPAN, Len: 3}, "", "000000"},
		{"not in the dictionary counts as b", tlv.DOLEntry{Tag: 0x9F7F, Len: 3}, "AABB", "AABB00"},
		{"constructed is zeros", tlv.DOLEntry{Tag: tlv.TagFCITemplate, Len: 2}, "AABB", "0000"},
		{"length 0", tlv.DOLEntry{Tag: tlv.TagTVR, Len: 0}, "0102030405", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := tlv.DOL{c.entry}.Append(nil, func(tlv.Tag) []byte { return unhex(t, c.value) })
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, unhex(t, c.want)) {
				t.Errorf("got %X, want %s", got, c.want)
			}
		})
	}
}

// A terminal must not use qPBOC with a card whose PDOL lacks 9F66.
func TestDOLHas(t *testing.T) {
	d := tlv.DOL{{tlv.TagTTQ, 4}, {tlv.TagUN, 4}}
	if !d.Has(tlv.TagTTQ) || !d.Has(tlv.TagUN) || d.Has(tlv.TagSMSupport) || (tlv.DOL)(nil).Has(tlv.TagTTQ) {
		t.Error("wrong answer for a tag")
	}
}

func TestDOLAppendRefuses(t *testing.T) {
	for name, d := range map[string]tlv.DOL{
		"more than a command carries": {{tlv.TagMerchantName, 200}, {tlv.TagMerchantName, 56}},
		"negative length":             {{tlv.TagTVR, -1}},
		"length above one byte":       {{tlv.TagTVR, 256}},
	} {
		t.Run(name, func(t *testing.T) {
			before := []byte{0x83}
			got, err := d.Append(before, func(tlv.Tag) []byte { return nil })
			if err == nil || !bytes.Equal(got, before) {
				t.Errorf("got %X, %v; want 83 and an error", got, err)
			}
		})
	}
}

// naiveFit is the text of EMV Book 3, 5.4 written without regard to speed.
func naiveFit(v []byte, n int, f tlv.Format) []byte {
	if len(v) == 0 {
		return make([]byte, n)
	}
	for len(v) > n {
		if f == tlv.FormatNumeric {
			v = v[1:]
		} else {
			v = v[:len(v)-1]
		}
	}
	for len(v) < n {
		switch f {
		case tlv.FormatNumeric:
			v = append([]byte{0}, v...)
		case tlv.FormatCompressed:
			v = append(bytes.Clone(v), 0xFF)
		default:
			v = append(bytes.Clone(v), 0)
		}
	}
	return v
}

func TestDOLAppendAgreesWithTheNaiveReading(t *testing.T) {
	all := tlv.Dictionary()
	rapid.Check(t, func(t *rapid.T) {
		var d tlv.DOL
		var want []byte
		values := map[tlv.Tag][]byte{}
		for range rapid.IntRange(0, 12).Draw(t, "entries") {
			info := rapid.SampledFrom(all).Draw(t, "info")
			if _, seen := values[info.Tag]; !seen {
				values[info.Tag] = rapid.SliceOfN(rapid.Byte(), 0, 12).Draw(t, "value")
			}
			e := tlv.DOLEntry{Tag: info.Tag, Len: rapid.IntRange(0, 16).Draw(t, "length")}
			d = append(d, e)
			v := values[info.Tag]
			if info.Format == tlv.FormatTemplate {
				v = nil
			}
			want = append(want, naiveFit(v, e.Len, info.Format)...)
		}
		got, err := d.Append(nil, func(tag tlv.Tag) []byte { return values[tag] })
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) || len(got) != d.Len() {
			t.Fatalf("got %X, want %X", got, want)
		}
	})
}
