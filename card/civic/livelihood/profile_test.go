package livelihood_test

import (
	"bytes"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/card/civic"
	"github.com/citycard/citycard/card/civic/livelihood"
	"github.com/citycard/citycard/card/ppse"
	"github.com/citycard/citycard/crypt/keystore"
	"github.com/citycard/citycard/role/devcard"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

const source = "profiles/livelihood.yaml"

// TestEmbeddedProfile carries the six partitions: finance, purse and four of files.
func TestEmbeddedProfile(t *testing.T) {
	if got := livelihood.EmbeddedNames(); !slices.Equal(got, []string{"livelihood"}) {
		t.Fatalf("profiles %q", got)
	}
	p := profile(t)
	var names []string
	for _, part := range p.Partitions() {
		names = append(names, part.Name())
	}
	slices.Sort(names)
	if !slices.Equal(names, civic.EmbeddedNames()) || p.Finance().Name() != "dev-sm" || p.Purse().Name() != "dev-tunion" {
		t.Errorf("partitions %q, finance %q, purse %q", names, p.Finance().Name(), p.Purse().Name())
	}
	if p.Name() != "livelihood" || p.Title() != "民生卡" {
		t.Errorf("name %q, title %q", p.Name(), p.Title())
	}
	if _, err := livelihood.Embedded("library"); !errors.Is(err, livelihood.ErrProfile) {
		t.Errorf("an unknown profile: %v", err)
	}
}

// TestFaultsNameLineAndKey edits the embedded profile, one thing at a time.
func TestFaultsNameLineAndKey(t *testing.T) {
	b, err := os.ReadFile(source)
	check(t, err)
	good := string(b)
	for _, c := range []struct{ old, new, want string }{
		{"finance: dev-sm", "finance: gold", "line 6, finance: card profile"},
		{"finance: dev-sm", "finance: sm", "line 6, finance: the profile is none of a whole chip"},
		{"purse: dev-tunion", "purse: leather", "line 7, purse: purse profile"},
		{"purse: dev-tunion ", "# ", "line 8, purse_entry: the profile has no purse"},
		{"priority: 2", "priority: 1", "line 8, purse_entry: directory entry A000000632010105: priority 1, want one of 1 to 15 that no other entry has"},
		{", priority: 2", "", "line 8, purse_entry: directory entry A000000632010105: priority 0"},
		{"MOT_T_EP", "MOT_T_EP_AND_MORE", "line 8, purse_entry.label: 17 characters"},
		{"8660 1100\n", "8660\n", "line 11, historical: 7 bytes, want 9 to 9"},
		{`area: "110000"`, `area: "1100"`, "line 12, area: 4 characters"},
		{"root: social-security", "root: library", "line 14, root: it is none of the partitions"},
		{"beijing-tong,", "fishing,", "line 15, partitions: partition \"fishing\""},
		{"beijing-tong,", "civil-affairs,", "line 15, partitions: civil-affairs is there twice"},
		{"title:", "titel:", `line 5, profile: key "titel" is not known`},
		{"region: 1100001100001100", "region: 11", "line 13, region: 1 bytes"},
	} {
		if strings.Count(good, c.old) != 1 {
			t.Fatalf("%q is there %d times", c.old, strings.Count(good, c.old))
		}
		_, err := livelihood.Parse([]byte(strings.Replace(good, c.old, c.new, 1)))
		if !errors.Is(err, livelihood.ErrProfile) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: error %v, want %q", c.new, err, c.want)
		}
	}
}

// TestDirectory: over the air the card names the bank's application, then the purse, and
// none of the partitions where nothing is paid.
func TestDirectory(t *testing.T) {
	entry := func(aid, label string, priority byte) []byte {
		e := tlv.Append(nil, tlv.TagADFName, unhex(t, aid))
		e = tlv.Append(e, tlv.TagApplicationLabel, []byte(label))
		return tlv.Append(nil, tlv.TagApplicationTemplate, tlv.Append(e, tlv.TagApplicationPriority, []byte{priority}))
	}
	want := append(entry("A000000333010101", "PBOC DEBIT", 1), entry("A000000632010105", "MOT_T_EP", 2)...)
	s := &session{t: t, chip: card.New()}
	s.chip.UseInterface(card.Contactless)
	check(t, s.chip.Insert(image(t), nil))
	check(t, s.chip.PowerOn(random(1)))
	fci := s.want(apdu.SWOK, selecting([]byte(ppse.Name)))
	if got, _ := tlv.Find(fci, tlv.TagFCITemplate, tlv.TagFCIProprietary, tlv.TagFCIIssuerDiscretionary); !bytes.Equal(got, want) {
		t.Errorf("directory %X, want %X", got, want)
	}
}

// TestUnknownValue: a value that no partition has is a mistake, not a silence.
func TestUnknownValue(t *testing.T) {
	_, err := profile(t).Image(&livelihood.Issue{Values: map[string]string{"shoe-size": "43"}, Master: keystore.DevelopmentKey})
	if !errors.Is(err, livelihood.ErrProfile) || !strings.Contains(err.Error(), "shoe-size") {
		t.Errorf("error %v", err)
	}
}

// TestCardsDiffer: another account number is another chip, other keys and another
// memory; the same one gives the same card.
func TestCardsDiffer(t *testing.T) {
	memory := func(pan string) []byte {
		b := []byte(`{"profile":"livelihood","pan":"` + pan + `","psn":"01"}`)
		r, err := devcard.ParseDescription(b)
		check(t, err)
		img, err := devcard.Issue(r)
		check(t, err)
		return append(insert(t, img, nil).chip.Snapshot(nil), img.ATR()...)
	}
	one := memory("6228000100001117")
	if string(one) != string(memory("6228000100001117")) {
		t.Error("two cards of one request differ")
	}
	if string(one) == string(memory("6228000100001125")) {
		t.Error("another account number gives the same card")
	}
}

// FuzzParse: whatever is accepted names parts that are there.
func FuzzParse(f *testing.F) {
	b, err := os.ReadFile(source)
	check(f, err)
	f.Add(b)
	f.Add([]byte("name: x\npartitions: [[a]]\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := livelihood.Parse(b)
		if err != nil {
			if !errors.Is(err, livelihood.ErrProfile) {
				t.Fatalf("error %v", err)
			}
			return
		}
		if p.Finance() == nil || len(p.Partitions()) == 0 {
			t.Fatal("a profile without parts")
		}
	})
}
