package reader_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/citycard/citycard/terminal/stripe"
	"github.com/citycard/citycard/wire/tlv"
)

// TestEverySourceIsNamed: the texts beside the data name where each session comes
// from, and under which licence.
func TestEverySourceIsNamed(t *testing.T) {
	for _, file := range []string{"SOURCE.md", "LICENSES.md"} {
		b, err := os.ReadFile(traces + file)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range recorded(t) {
			words := strings.Fields(s.Source)
			if len(words) < 2 || words[0] != "GitHub" || !strings.Contains(string(b), words[1]) {
				t.Errorf("%s: %s says nothing of %q", s.Name, file, s.Source)
			}
		}
	}
	if _, err := os.Stat(traces + "LICENSE-APACHE-2.0.txt"); err != nil {
		t.Error(err)
	}
}

// TestShippedNumbersAreMasked: but for test cards, no number that is shipped has
// more than its first six and last four digits.
func TestShippedNumbersAreMasked(t *testing.T) {
	found := 0
	for _, s := range recorded(t) {
		if s.Name == "upi-contact" || strings.HasPrefix(s.Name, "bf-") || felica(s.Name) {
			continue
		}
		for _, x := range s.Exchanges {
			for _, tag := range []tlv.Tag{tlv.TagPAN, tlv.TagTrack2Equivalent, 0x9F6B} {
				v, ok := findDeep(x.Response[:max(0, len(x.Response)-2)], tag)
				if !ok {
					continue
				}
				found++
				number, rest, _ := strings.Cut(strings.TrimRight(fmt.Sprintf("%X", v), "F"), "D")
				if len(number) <= 10 {
					continue
				}
				if middle := number[6 : len(number)-4]; strings.Trim(middle, middle[:1]) != "" {
					t.Errorf("%s %d: digits in the middle of the number in %X", s.Name, x.Seq, uint32(tag))
				}
				if len(rest) > 7 && s.Name != "qpboc-debit" && strings.Trim(rest[7:], "0F") != "" {
					t.Errorf("%s %d: discretionary data in %X", s.Name, x.Seq, uint32(tag))
				}
			}
		}
	}
	if found < 10 {
		t.Errorf("only %d numbers found", found)
	}
}

// blankedTracks are the sessions whose tag 57 is no track, because its publisher wrote
// F over digits.
var blankedTracks = map[string]bool{
	"dn-MasterCardPpse": true, "dn-VisaCardNullTransaction": true, "dn-VisaCardPpse": true, "dn-VisaCardPpse2": true,
	"dn-VisaCardPpseNoCplc": true, "dn-VisaCardPpseNoOptions": true, "dn-VisaCardPse": true, "tec-bug20": true,
	"tec-visa-exp2202-0884": true, "tec-visa-exp2402-5398": true, "tec-visa_auspost-exp1708-3033": true,
}

// TestRecordedTracksAreRead: the track 2 equivalent data of every recorded card is
// read as a track 2, and written back the same.
func TestRecordedTracksAreRead(t *testing.T) {
	for _, s := range recorded(t) {
		if felica(s.Name) {
			continue
		}
		for _, x := range s.Exchanges {
			v, ok := findDeep(x.Response[:max(0, len(x.Response)-2)], tlv.TagTrack2Equivalent)
			if !ok {
				continue
			}
			track, err := stripe.ParseEquivalent(v)
			if blankedTracks[s.Name] != (err != nil) {
				t.Errorf("%s %d: %v", s.Name, x.Seq, err)
			}
			if err == nil && string(track.AppendEquivalent(nil)) != string(v) {
				t.Errorf("%s %d: written back otherwise", s.Name, x.Seq)
			}
		}
	}
}
