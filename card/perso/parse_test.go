package perso_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/card/pboc"
	"github.com/citycard/citycard/card/perso"
	"github.com/citycard/citycard/money"
)

func moneyFen(v int64) money.Fen { return money.Fen(v) }

// TestParseRefuses: every fault is named with its line and key.
func TestParseRefuses(t *testing.T) {
	for _, c := range []struct{ old, new, want string }{
		{"name: sm\n", "name: sm\nnme: x\n", `line 4, profile: key "nme" is not known`},
		{"name: sm\n", "name: sm\nname: sm\n", `key "name" is there twice`},
		{"name: sm\n", "", "name: is missing"},
		{"name: sm\n", "name: [sm]\n", "line 3, name: want a single value"},
		{"name: sm\n", "name: 中文\n", "line 3, name: only printable ASCII"},
		{"label: PBOC EC", "label: A LABEL THAT IS TOO LONG", "line 6, application.label"},
		{"  priority: 1\n", "  priority: 16\n", "line 7, application.priority: want a number from 0 to 15"},
		{"A000000333010106", "A00000033301010", "line 5, application.aid: want hexadecimal"},
		{"A000000333010106", "A0000003", "line 5, application.aid: 4 bytes, want 5 to 16"},
		{"algorithm: sm4", "algorithm: des", "line 9, algorithm: want 3des or sm4"},
		{"algorithm: sm4\n", "", "algorithm: is missing"},
		{`cvn: "01"`, `cvn: "02"`, "line 10, cvn"},
		{"idd: 1", "idd: 6", "idd: want a number from 0 to 5"},
		{"idd: 1", "idd: one", "idd: want a number from 0 to 5"},
		{"aip: 7C00", "aip: 7C0000", "aip: 3 bytes, want 2 to 2"},
		{"DF6901", "DF69", "pdol"},
		{"9F6604 ", "", "PDOL does not ask for 9F66"},
		{"9F6604 ", "9F6605 ", "PDOL asks for 9F66 with 5 bytes, want 4"},
		{"9A03 9C01 9F3704", "9A03 9C01", "PDOL does not ask for 9F37"},
		{`options: "81109000"`, `options: "C1109000"`, "more than one funds test"},
		{"balance: 100000", "balance: -1", "limits.balance"},
		{"balance: 100000", "balance: 1.5", "limits.balance"},
		{"balance: 100000", "ballance: 100000", `key "ballance" is not known`},
		{"limits: ", "limits: 5 ", "line"},
		{`service_code: "220"`, `service_code: "2X0"`, "track2.service_code: want decimal digits"},
		{`service_code: "220"`, `service_code: "22"`, "track2.service_code"},
		{"  9F07: FF00", "  9F07: FF", "objects.9F07: 1 bytes do not fit"},
		{"  9F07: FF00", "  9F7: FF00", "objects.9F7: is no tag"},
		{"  9F07: FF00", "  70: FF00", "objects.70: is no tag"},
		{"  9F07: FF00", "  9F77: \"000000000000\"", "objects.9F77: is made by the program"},
		{"  9F07: FF00", "  9F79: \"000000000000\"", "objects.9F79: is made by the program"},
		{"  9F07: FF00", "  5A: \"6228000100001117\"", "objects.5A: is made by the program"},
		{`  9F4A: "82"`, `  9F4A: "94"`, "objects.9F4A"},
		{"9F07, 9F08, 9F4A]", "9F07, 9F08]", "no record holds 9F4A"},
		{"[5A, 5F34, 5F24,", "[5F24,", "no record holds 5A"},
		{`[8F, "90"]`, `[8F]`, "no record holds 90"},
		{`[8F, "90"]`, `[8F, 8F, "90"]`, "records.tags: 8F is there twice"},
		{`[8F, "90"]`, `[8F, "90", 9F0D]`, "9F0D has no value"},
		{`[8F, "90"]`, `[8F, {a: b}]`, "records.tags"},
		{"{file: 3, record: 1, tags: [9F74]}", "{file: 3, record: 1, tags: [9F74], signed: true}", "the last record cannot be signed"},
		{"{file: 3, record: 1, tags: [9F74]}", "{file: 2, record: 1, tags: [9F74]}", "record 1 of file 2 is there twice"},
		{"{file: 3, record: 1, tags: [9F74]}", "{file: 11, record: 1, tags: [9F74]}", "file 11 is the log's"},
		{"{file: 3, record: 1, tags: [9F74]}", "{file: 3, tags: [9F74]}", "file and record are needed"},
		{"{file: 1, record: 2, tags: [9F46]}", "{file: 1, record: 2, tags: [9F46], signed: true}", "9F46 cannot be in a signed record"},
		{"{file: 1, record: 2, tags: [9F46]}", "{file: 1, record: 2, tags: [9F46], signed: yes}", "want true or false"},
		{"9F08, 9F4A], signed: true}", "9F08, 9F4A]}\n  - {file: 4, record: 1, tags: [5F30]}", "5F30 has no value"},
		{"  count: 10\n", "", "file and count are needed"},
		{"format: 9A03 9F0206", "format: 9A03 9F0205", "log format has 9F02 with 5 bytes"},
		{"9C01 9F3602", "9C01 9F3602 9F4EFF", "log format makes records of"},
		{"product: 00000000000000004343310000000000", "product: 00", "product: 1 bytes, want 16 to 16"},
		{"name: sm\n", "name: &a sm\nalias: *a\n", "is not known"},
		{"name: sm\n", "name: sm\n---\n", "a second document"},
		{"name: sm\n", "name: {sm\n", "yaml: line 2"},
	} {
		text := source(t, "sm")
		if !strings.Contains(text, c.old) {
			t.Fatalf("the profile does not contain %q", c.old)
		}
		_, err := perso.Parse([]byte(strings.Replace(text, c.old, c.new, 1)))
		if !errors.Is(err, perso.ErrProfile) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q for %q: error %v, want %q", c.new, c.old, err, c.want)
		}
	}
	for _, text := range []string{"", "# nothing", "[]", "text", "null", "- a: b", "{}", strings.Repeat(" ", perso.MaxProfileSize+1)} {
		if _, err := perso.Parse([]byte(text)); !errors.Is(err, perso.ErrProfile) {
			t.Errorf("%.20q: %v", text, err)
		}
	}
}

// TestParseLast: 5F24 in the last record is refused, wherever the others are.
func TestParseLast(t *testing.T) {
	text := strings.Replace(source(t, "sm"), "5F24, ", "", 1)
	text = strings.Replace(text, "tags: [9F74]", "tags: [9F74, 5F24]", 1)
	if _, err := perso.Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), "5F24 must not be in the last record") {
		t.Error(err)
	}
}

// TestRichProfile uses every key that the embedded profiles leave out.
func TestRichProfile(t *testing.T) {
	text := source(t, "3des")
	for old, new := range map[string]string{
		"  language: zhen\n": "  language: zhen\n  code_table: \"05\"\n  preferred_name: B5E7D7D3CFD6BDF0\n",
		"pin_tries: 3\n":     "pin_tries: 3\nlast_online: 5\n",
		"  cvm: 50000":       "  cvm: 50000\n  ctta: 200\n  ctta_upper: 300\n  foreign: 4",
		`  service_code: "220"`: `  service_code: "220"
  discretionary: "12345"`,
		"objects:\n": "objects:\n  9F52: C000\n",
	} {
		if !strings.Contains(text, old) {
			t.Fatalf("the profile does not contain %q", old)
		}
		text = strings.Replace(text, old, new, 1)
	}
	p, err := perso.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	x := p.Product()
	want := pboc.Limits{Balance: 100000, Single: 50000, CVM: 50000, CTTA: 200, CTTAUpper: 300, HasCTTAUpper: true, Foreign: 4}
	if x.Limits != want || x.LastOnline != 5 || x.PINTries != 3 {
		t.Errorf("%+v", x)
	}
	for _, part := range [][]byte{{0x9F, 0x11, 1, 5}, {0x9F, 0x12, 8, 0xB5}} {
		if !bytes.Contains(x.FCI, part) {
			t.Errorf("FCI %X does not hold %X", x.FCI, part)
		}
	}
}

// FuzzParse feeds hostile profiles: an error or a profile that makes cards which
// can be put into a chip.
func FuzzParse(f *testing.F) {
	for _, name := range perso.EmbeddedNames() {
		f.Add([]byte(source(f, name)))
	}
	f.Add([]byte("a: &a [*a]"))
	f.Add([]byte("{name: [[[[[[[[[["))
	f.Add([]byte("? [a]\n: b"))
	id := identity(f, "6228000100001117")
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := perso.Parse(text)
		if err != nil {
			if !errors.Is(err, perso.ErrProfile) {
				t.Fatalf("%v does not wrap ErrProfile", err)
			}
			return
		}
		keys := perso.Secrets{Certs: smCerts(), Signer: signs{stub{69}}}
		img, err := p.Image(&perso.Issue{Identity: id, First: keys, Second: keys})
		if err != nil {
			return
		}
		if err := card.New().Insert(img, nil); err != nil {
			t.Fatalf("a card of an accepted profile cannot be inserted: %v", err)
		}
	})
}
