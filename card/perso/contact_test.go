package perso_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/card/pboc"
	"github.com/citycard/citycard/card/perso"
	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/crypt/pin"
	"github.com/citycard/citycard/crypt/scp"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/wire/tlv"
)

// TestDevelopment: what the embedded development profiles say, in the words of
// their YAML.
func TestDevelopment(t *testing.T) {
	for name, afls := range map[string][5]string{
		"dev-3des": {"080102001001010118010100", "080103001001020118020200", "0801030010010201"},
		"dev-sm":   {"080102001001010118010100", "080102001001020118020200", "0801020010010201"},
		"dev-dual": {"080102001001010118010100", "080103001001020118020200", "0801030010010201", "080405001001010118010100", "0804050010010201"},
	} {
		p := embedded(t, name)
		x := p.Product()
		k := x.Contact
		got := [5]string{fmt.Sprintf("%X", x.AFL), fmt.Sprintf("%X", k.Cash.AFL), fmt.Sprintf("%X", k.Debit.AFL)}
		if p.Dual() != (name == "dev-dual") || p.SM() != (name == "dev-sm") {
			t.Errorf("%s: SM %v, dual %v", name, p.SM(), p.Dual())
		}
		if p.Dual() {
			got[3], got[4] = fmt.Sprintf("%X", x.Alternative.Contactless.AFL), fmt.Sprintf("%X", x.Alternative.Debit.AFL)
			if x.Alternative.Debit.AIP != [2]byte{0x7D} || x.Alternative.Cash.AIP != [2]byte{0x7D} {
				t.Errorf("%s: AIPs of the second set %+v", name, x.Alternative)
			}
		}
		if got != afls {
			t.Errorf("%s: AFLs %v, want %v", name, got, afls)
		}
		want := pboc.Limits{Balance: 500000, Single: 50000, CVM: 50000, CTTA: 100000, CTTAUpper: 200000, HasCTTAUpper: true,
			Foreign: 3, ForeignCountry: 3, LCOL: 5, UCOL: 10}
		if x.Limits != want || p.Opening() != 100000 || x.PINTries != 3 || k.PINLimit != 3 || p.PIN().Digits() != "123456" {
			t.Errorf("%s: %+v, opening %v, tries %d of %d", name, x.Limits, p.Opening(), x.PINTries, k.PINLimit)
		}
		if k.ADA != [2]byte{0x80, 0x08} || k.Country != [2]byte{0x01, 0x56} || k.LoadLogSFI != 12 || k.LoadLogCount != 10 || k.Updatable != 256 {
			t.Errorf("%s: %+v", name, k)
		}
		for _, fci := range [][]byte{x.FCI, k.FCI} {
			if !bytes.Contains(fci, []byte{0xBF, 0x0C, 0x0A, 0x9F, 0x4D, 2, 0x0B, 0x0A, 0xDF, 0x4D, 2, 0x0C, 0x0A}) {
				t.Errorf("%s: FCI %X does not tell both logs", name, fci)
			}
		}
		if x.PDOL.Has(tlv.TagSMSupport) == (name == "dev-3des") || k.PDOL.Has(tlv.TagSMSupport) == (name == "dev-3des") {
			t.Errorf("%s: DF69 does not fit the algorithms", name)
		}
		if bytes.Contains(k.FCI, []byte{0x9F, 0x66}) {
			t.Errorf("%s: the contact FCI %X asks for 9F66", name, k.FCI)
		}
	}
}

// rich is dev-dual with what the embedded profiles leave out.
func rich(t testing.TB) string {
	text := source(t, "dev-dual")
	for _, x := range [][2]string{
		{"  updatable: 256\n", `  updatable: 300
  cash_aip: 7D00
  dual_currency: {currency: "0840", factor: "20070000"}
  second_currency: {currency: "0344", balance: 200000, single: 30000, threshold: 100, cvm: 20000, opening: 7700}
  msd: {aip: "0000", afl: "28010100"}
`},
		{"  foreign: 3 ", "  ctta_dual: 90000\n  foreign: 3 "},
		{"objects:\n", "objects:\n  DF7A: " + strings.Repeat("A5", 240) + "\n"},
		{"paths: [cash]}\n", "paths: [cash]}\n  - {file: 4, record: 1, tags: [DF7A], paths: [debit]}\n"},
	} {
		if !strings.Contains(text, x[0]) {
			t.Fatalf("the profile does not contain %q", x[0])
		}
		text = strings.Replace(text, x[0], x[1], 1)
	}
	return text
}

func TestRichContact(t *testing.T) {
	p, err := perso.Parse([]byte(rich(t)))
	if err != nil {
		t.Fatal(err)
	}
	k := p.Product().Contact
	second := pboc.SecondCurrency{Currency: [2]byte{0x03, 0x44}, Balance: 200000, Single: 30000, Threshold: 100, CVM: 20000}
	if *k.Second != second || p.SecondOpening() != 7700 {
		t.Errorf("second currency %+v, opening %v", k.Second, p.SecondOpening())
	}
	if k.DualCurrency != [2]byte{0x08, 0x40} || p.Product().Limits.CurrencyFactor != [4]byte{0x20, 0x07} || p.Product().Limits.CTTADual != 90000 {
		t.Errorf("dual currency %X, %+v", k.DualCurrency, p.Product().Limits)
	}
	if k.MSD == nil || !bytes.Equal(k.MSD.Path.AFL, []byte{0x28, 1, 1, 0}) || k.Updatable != 300 {
		t.Errorf("MSD %+v, %d bytes for changed records", k.MSD, k.Updatable)
	}
}

// TestContactRefuses: every fault of the contact side is named with its key.
func TestContactRefuses(t *testing.T) {
	for _, c := range []struct{ old, new, want string }{
		{"second_algorithm: sm4", "second_algorithm: 3des", "second_algorithm: want sm4, beside algorithm 3des"},
		{"algorithm: 3des\nsecond", "algorithm: sm4\nsecond", "second_algorithm: want sm4, beside algorithm 3des"},
		{"second_algorithm: sm4\n", "", "records.set: the card has no second_algorithm"},
		{", set: 2}", ", set: 3}", "records.set: want a number from 1 to 2"},
		{"[9F46], set: 2}", "[9F46]}", "differs between the two sets of algorithms"},
		{"contact:", "contact: 5\ncontacts:", `key "contacts" is not known`},
		{"  updatable: 256\n", "  updatable: 2049\n", "contact.updatable: want a number from 0 to 2048"},
		{"fdda: 1 ", "fdda: 0 ", "fdda: a card with a contact side needs version 01"},
		{"fdda: 1 ", "# ", "fdda: a card with a contact side needs version 01"},
		{`tags: ["93"], paths: [debit, cash], set: 1}`, `tags: ["9F74"], set: 1, paths: [debit]}`, "the AIP announces SDA and no record"},
		{`tags: [8F, "90", "93"]`, `tags: [8F, "90"]`, "the AIP announces SDA and no record"},
		{"objects:\n", "objects:\n  \"93\": \"00\"\n", "is made by the program"},
		{"  aip: 7D00\n", "  aip: 7C00\n", "aip: 9F4A has the AIP signed"},
		{"  aip: 7D00\n", "", "contact.aip: is missing"},
		{`  ddol: "9F3704"` + "\n", "", "contact.ddol: is missing"},
		{`  ddol: "9F3704"`, `  ddol: "9F0206"`, "DDOL asks for 6 bytes"},
		{"cdol1: 9F0206", "cdol1: 9F0205", "CDOL1 asks for 9F02 with 5 bytes"},
		{"cdol2: 8A02", "cdol2: 8A03", "CDOL2 asks for 8A with 3 bytes"},
		{"1F06 4403", "1F06 44", "contact.cvm_list: 19 bytes, want two amounts"},
		{"    denial: \"0010800000\"\n", "", "contact.action_codes.denial: is missing"},
		{"    default: DC6004A800", "    default: DC6004A8", "contact.action_codes.default: 4 bytes"},
		{`default_action: "8008"`, `default_action: "80"`, "contact.default_action: 1 bytes"},
		{`issuer_authentication: "00"`, `issuer_authentication: "0000"`, "contact.issuer_authentication: 2 bytes"},
		{"    file: 12\n", "    file: 11\n", "want a free SFI"},
		{"    file: 12\n", "    file: 10\n", "contact.load_log.file: want a number from 11 to 30"},
		{"    file: 12\n", "", "contact.load_log: file and count are needed"},
		{"format: 9A03 9F2103 9F3602 9F1A02", "format: 9A03 9F3602 9F1A02", "contact.load_log: format does not hold 9F21"},
		{"paths: [cash]}", "paths: [cash, metro]}", `records.paths: "metro" is no path`},
		{"paths: [contactless]}", "paths: [contactless, debit]}", "commits a payment, so it belongs to no other path"},
		{", signed: true}", ", signed: true, paths: [debit]}", "a signed record belongs to all paths"},
		{", signed: true}", ", signed: true, set: 1}", "a signed record belongs to all paths"},
		{`5F30, 8C, 8D, 9F42`, `5F30, 8C, 9F42`, "holds 8D"},
		{`{file: 3, record: 2, tags: [9F74], paths: [cash]}`, `{file: 12, record: 2, tags: [9F74], paths: [cash]}`, "file 12 is the log's"},
		{"  limit: 3 ", "  limit: 16 ", "pin.limit: want a number from 1 to 15"},
		{`  reference: "123456"`, `  reference: "123"`, "pin.reference: 3 characters, want 4 to 12"},
		{`  reference: "123456"`, `  reference: "12345X"`, "pin.reference: want decimal digits"},
		{"  historical: CITYCARD", "  historical: CITYCARDCITYCARD", "chip.historical: 16 characters"},
		{"  pse: true ", "  pse: yes ", "chip.pse: want true or false"},
		{"DF6901\n  aip", "9F6601\n  aip", "contact PDOL asks for 9F66 with 1 bytes"},
		{"pdol: 9F7A01 9F0206", "pdol: 9F0206", "contact PDOL does not ask for 9F7A"},
		{"  updatable: 256\n", "  updatable: 256\n  msd: {aip: \"0000\", afl: \"28010200\"}\n", "contact.msd.afl: want one record"},
		{"  updatable: 256\n", "  updatable: 256\n  second_currency: {balance: 5}\n", "contact.second_currency.currency: is missing"},
		{"  updatable: 256\n", "  updatable: 256\n  second_currency: {currency: \"0156\"}\n", "DF71 is"},
		{"  updatable: 256\n", "  updatable: 256\n  dual_currency: {currency: \"0840\"}\n", "contact.dual_currency.factor: is missing"},
	} {
		text := source(t, "dev-dual")
		if !strings.Contains(text, c.old) {
			t.Fatalf("the profile does not contain %q", c.old)
		}
		_, err := perso.Parse([]byte(strings.Replace(text, c.old, c.new, 1)))
		if !errors.Is(err, perso.ErrProfile) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q for %q: error %v, want %q", c.new, c.old, err, c.want)
		}
	}
	text := strings.Replace(source(t, "sm"), "pin_tries: 3\n", "pin_tries: 3\npin: {reference: \"1234\"}\n", 1)
	if _, err := perso.Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), "only a card with a contact side checks a PIN") {
		t.Error(err)
	}
	text = strings.Replace(source(t, "sm"), "tags: [9F74]}", "tags: [9F74], paths: [debit]}", 1)
	if _, err := perso.Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), "is no path of this card") {
		t.Error(err)
	}
}

// signs stands where no signature is made and no PIN opened.
type signs struct{ stub }

func (signs) DecipherPIN(io.Reader, []byte, [8]byte) (oda.PINBlock, bool) {
	return oda.PINBlock{}, false
}

func (signs) SignCombined(dst []byte, _ io.Reader, _ oda.Combined) ([]byte, error) { return dst, nil }

// TestPINs: the PIN of a card is that of the order, else that of the profile.
func TestPINs(t *testing.T) {
	p := embedded(t, "dev-sm")
	in := &perso.Issue{Identity: identity(t, "6228000100001117"), First: perso.Secrets{Certs: smCerts(), Signer: signs{stub{69}}}}
	own, err := pin.New("4711")
	if err != nil {
		t.Fatal(err)
	}
	for want, given := range map[string]pin.PIN{"26123456FFFFFFFF": {}, "244711FFFFFFFFFF": own} {
		in.PIN = given
		c, err := p.Card(in)
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprintf("%X", [8]byte(c.PIN)); got != want || c.PINSigner == nil {
			t.Errorf("PIN block %s, want %s; key for enciphered PINs %v", got, want, c.PINSigner)
		}
	}
}

// TestImage: a whole chip holds the finance application and the files.
func TestImage(t *testing.T) {
	in := &perso.Issue{Identity: identity(t, "6228000100001117"), First: perso.Secrets{Certs: smCerts(), Signer: signs{stub{69}}}, Opening: money.Fen(500)}
	img, err := embedded(t, "dev-sm").Image(in)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(img.Templates()); n != 2 || !bytes.Equal(img.Templates()[1].AID(), perso.RootAID) {
		t.Errorf("%d applications", n)
	}
	if img, err = embedded(t, "sm").Image(in); err != nil || len(img.Templates()) != 1 {
		t.Errorf("a profile without chip: %v", err)
	}
	in.Opening = 500001
	if _, err := embedded(t, "dev-sm").Image(in); err == nil || !strings.Contains(err.Error(), "opening balance") {
		t.Errorf("too much money: %v", err)
	}
	if _, err := embedded(t, "dev-dual").Card(in); err == nil || !strings.Contains(err.Error(), "second set of algorithms") {
		t.Errorf("no second key: %v", err)
	}
	in.First.Certs.SignedStatic = nil
	if _, err := embedded(t, "dev-sm").Card(in); err == nil || !strings.Contains(err.Error(), "record 1 of file 1 is to hold 93") {
		t.Errorf("no signed static data: %v", err)
	}
	if _, err := embedded(t, "sm").Card(in); err != nil {
		t.Errorf("a profile without 93 asks for signed static data: %v", err)
	}
}

// TestMostUpdatable: a chip has room for all the memory for changed records that a
// profile can ask for.
func TestMostUpdatable(t *testing.T) {
	text := strings.Replace(source(t, "dev-sm"), "updatable: 256", fmt.Sprintf("updatable: %d", pboc.MaxUpdatable), 1)
	p, err := perso.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	img, err := p.Image(&perso.Issue{Identity: identity(t, "6228000100001117"), First: perso.Secrets{Certs: smCerts(), Signer: signs{stub{69}}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := card.New().Insert(img, nil); err != nil || p.Product().Contact.Updatable != pboc.MaxUpdatable {
		t.Errorf("%d bytes for changed records: %v", p.Product().Contact.Updatable, err)
	}
}

// TestPersonaliserOrder: the machine takes nothing after its end, names the step at
// which a card refuses, and prints no key.
func TestPersonaliserOrder(t *testing.T) {
	o := perso.Order{Keys: scp.KeySet{ENC: [16]byte{0xAB, 0xCD}}, Level: scp.CMAC, Instance: []byte{0xA0, 0, 0, 3, 0x33}}
	m := perso.NewPersonaliser(o)
	cmd, done, err := m.Next(nil)
	if err != nil || done || fmt.Sprintf("%X", cmd) != "00A4040008A00000015100000000" {
		t.Errorf("first command %X, %v, %v", cmd, done, err)
	}
	cmd, _, err = m.Next([]byte{0x90, 0x00})
	if err != nil || fmt.Sprintf("%X", cmd) != "8050000008000000000000000000" {
		t.Errorf("second command %X, %v", cmd, err)
	}
	if _, _, err = m.Next([]byte{0x69, 0x82}); !errors.Is(err, perso.ErrRefused) || !strings.Contains(err.Error(), "INITIALIZE UPDATE: the card refused: 6982") {
		t.Errorf("6982: %v", err)
	}
	if _, done, err = m.Next([]byte{0x90, 0x00}); !errors.Is(err, perso.ErrOver) || done {
		t.Errorf("after the end: %v", err)
	}
	if out := fmt.Sprintf("%v %+v %#v %x %v %x", o, o, m, m, *m, *m); strings.Contains(strings.ToLower(out), "abcd") || strings.Contains(out, "171") {
		t.Errorf("printed: %s", out)
	}
	m = perso.NewPersonaliser(o)
	_, _, _ = m.Next(nil)
	if _, _, err = m.Next([]byte{0x90}); err == nil {
		t.Error("half a status word was taken")
	}
}
