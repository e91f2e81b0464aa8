package tlv_test

import (
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"github.com/citycard/citycard/wire/tlv"
)

func TestDictionaryIsSortedAndComplete(t *testing.T) {
	all := tlv.Dictionary()
	for i, info := range all {
		if i > 0 && info.Tag <= all[i-1].Tag {
			t.Errorf("%s stands behind %s", info.Tag, all[i-1].Tag)
		}
		if !info.Tag.Valid() {
			t.Errorf("%s is not a valid tag", info.Tag)
		}
		if info.Tag.Constructed() != (info.Format == tlv.FormatTemplate) {
			t.Errorf("%s: constructed %v, format %s", info.Tag, info.Tag.Constructed(), info.Format)
		}
		if info.Name == "" || info.Source == "" || !hasHan(info.NameZH) {
			t.Errorf("%s lacks a name or a source: %+v", info.Tag, info)
		}
		if info.Min < 0 || info.Max != 0 && info.Max < info.Min {
			t.Errorf("%s has lengths %d to %d", info.Tag, info.Min, info.Max)
		}
		got, ok := tlv.Lookup(info.Tag)
		if diff := cmp.Diff(info, got); !ok || diff != "" {
			t.Errorf("%s is not found: %s", info.Tag, diff)
		}
	}
}

func hasHan(s string) bool {
	for _, r := range s {
		if unicode.Is(unicode.Han, r) {
			return true
		}
	}
	return false
}

func TestLookupOfUnknownTags(t *testing.T) {
	for _, tag := range []tlv.Tag{0, 0x41, 0x9F7F, 0xDF7A, 0xFFFFFF} {
		if info, ok := tlv.Lookup(tag); ok {
			t.Errorf("%s is found as %s", tag, info.Name)
		}
	}
}

func TestInfo(t *testing.T) {
	info, _ := tlv.Lookup(tlv.TagECBalance)
	if info.NameIn("zh") != "电子现金余额" || info.NameIn("en") != "EC Balance" || info.NameIn("") != "EC Balance" {
		t.Errorf("names %q, %q", info.NameIn("zh"), info.NameIn("en"))
	}
	if info.LengthOK(5) || !info.LengthOK(6) || info.LengthOK(7) {
		t.Error("an EC balance has 6 bytes")
	}
	if got := info.Format.String(); got != "n" {
		t.Errorf("format %s", got)
	}
}

// Card numbers must not become public by a change of the table.
func TestSecretTags(t *testing.T) {
	for tag, want := range map[tlv.Tag]tlv.Secrecy{
		tlv.TagPAN: tlv.HoldsPAN, tlv.TagTrack2Equivalent: tlv.HoldsPAN, tlv.TagTrack1Equivalent: tlv.HoldsPAN,
		tlv.TagTrack1Discretionary: tlv.HoldsPAN, tlv.TagTrack2Discretionary: tlv.HoldsPAN, tlv.TagCardholderID: tlv.HoldsPAN,
		tlv.TagICCCertificate: tlv.HoldsPANInClearCertificate, tlv.TagPINData: tlv.HoldsPIN, tlv.TagATC: tlv.Public,
	} {
		if info, _ := tlv.Lookup(tag); info.Secret != want {
			t.Errorf("%s: %d, want %d", tag, info.Secret, want)
		}
	}
}
