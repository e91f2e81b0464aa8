package examine_test

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/citycard/citycard/role/examine"
	"github.com/citycard/citycard/role/tap"
	"github.com/citycard/citycard/terminal/reader/recording"
	"github.com/citycard/citycard/wire/tlv/describe"
)

const traces = "../../testdata/card-traces/"

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func read(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	check(t, err)
	return b
}

func sessions(t testing.TB) []recording.Session {
	t.Helper()
	list, err := recording.Parse(read(t, traces+"traces.jsonl"))
	check(t, err)
	return list
}

// published are the keys that are public: UnionPay's CA, and the test card of the
// vector pboc-ep-load.
func published(t testing.TB) examine.Keys {
	t.Helper()
	ca, err := tap.ParseCAKeys(read(t, traces+"capk-A000000333.json"))
	check(t, err)
	var vectors []struct {
		Name   string
		Inputs map[string]string
	}
	check(t, json.Unmarshal(read(t, "../../testdata/vectors/pboc.json"), &vectors))
	for _, v := range vectors {
		if v.Name != "pboc-ep-load" {
			continue
		}
		purses, err := examine.ParsePurseKeys(fmt.Appendf(nil, `[{"card": "4100000089999985", "load": %q, "tac": %q}]`, v.Inputs["load_key"], v.Inputs["tac_key"]))
		check(t, err)
		return examine.Keys{CA: ca, Purses: purses}
	}
	t.Fatal("testdata/vectors has no pboc-ep-load")
	return examine.Keys{}
}

// TestEveryRecordedSession: every session decodes, and says of all its proofs whether
// they verify or why nobody can say. testdata/findings lists them; -rewrite after a
// wanted change.
func TestEveryRecordedSession(t *testing.T) {
	keys := published(t)
	datadriven.RunTest(t, "testdata/findings", func(t *testing.T, d *datadriven.TestData) string {
		if d.HasArg("no-keys") {
			keys = examine.Keys{}
		}
		o := describe.Options{}
		d.MaybeScanArgs(t, "lang", &o.Lang)
		var b strings.Builder
		for _, s := range sessions(t) {
			if d.Input != "" && d.Input != s.Name {
				continue
			}
			r, err := examine.Session(&s, keys, o)
			check(t, err)
			fmt.Fprintf(&b, "%s\n", s.Name)
			for _, f := range r.Findings {
				fmt.Fprintf(&b, "  %d x%d %s: %s: %s\n", f.Seq, f.Count, f.What, f.Result, f.Why)
			}
		}
		return b.String()
	})
}

// TestEveryExchangeIsExplained: nothing of a recording is left out, and only frames
// that are no APDUs, and answers that were blanked or did not come whole, have notes.
func TestEveryExchangeIsExplained(t *testing.T) {
	notes := map[string]int{}
	for _, s := range sessions(t) {
		r, err := examine.Session(&s, examine.Keys{}, describe.Options{})
		check(t, err)
		if len(r.Steps) != len(s.Exchanges) || len(r.Findings) == 0 {
			t.Errorf("%s: %d steps of %d, %d findings", s.Name, len(r.Steps), len(s.Exchanges), len(r.Findings))
		}
		for i, step := range r.Steps {
			if step.Note != "" {
				notes[s.Name]++
			} else if !s.Exchanges[i].Reset() && (len(step.Command) == 0 || len(step.Response) == 0) {
				t.Errorf("%s %d: not explained", s.Name, step.Seq)
			}
		}
		for _, f := range r.Findings {
			if f.Why == "" || f.Result == examine.Verified || f.Result == examine.Wrong {
				t.Errorf("%s: without a key, %+v", s.Name, f)
			}
		}
	}
	want := map[string]int{"nfsee-Octo": 3, "bf-contact-visa": 1, // blanked, status word included
		"tec-connection_lost_before_GPO_response": 1, "tec-connection_lost_before_PPSE_response": 1, "tec-connection_lost_during_PPSE_response": 1}
	for name, n := range notes {
		if want[name] != n {
			t.Errorf("%s has %d notes, want %d", name, n, want[name])
		}
		delete(want, name)
	}
	if len(want) != 0 {
		t.Errorf("no notes in %v", want)
	}
}

// record makes a session of commands and answers.
func record(t testing.TB, lines ...string) *recording.Session {
	t.Helper()
	s := &recording.Session{Name: "own"}
	for i := 0; i < len(lines); i += 2 {
		s.Exchanges = append(s.Exchanges, recording.Exchange{Seq: i/2 + 1, Command: unhex(t, lines[i]), Response: unhex(t, lines[i+1])})
	}
	return s
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	check(t, err)
	return b
}

func results(t testing.TB, s *recording.Session, k examine.Keys) string {
	t.Helper()
	r, err := examine.Session(s, k, describe.Options{})
	check(t, err)
	var list []string
	for _, f := range r.Findings {
		list = append(list, f.What+": "+f.Result)
	}
	return strings.Join(list, "; ")
}

// A purchase with the keys, factors and values of crypt/epurse's vectors, marked ours.
var purchase = []string{
	"00A4040008 A000000632010105", "6F318408A000000632010105A5259F0801029F0C1E 0101100001011000 0201 0000 3104810010000001 2019080620401231 0000 9000",
	"805001020B 01 000000C8 112233445566 0F", "00002774 0010 000000 01 00 55667788 9000",
	"805401000F 00000123 20260115101112 29763771 08", "676AED93 75D66360 9000",
	"805A000602 0011 08", "75D66360 676AED93 9000",
}

const purseKeys = `[{"card": "3104810010000001", "purchase": "D3BEFC059F0BC278CB801BCE33DB02D8", "tac": "50A828FA7CD8F56AC61239B769B6D077"}]`

func TestPurchaseOfAPurse(t *testing.T) {
	purses, err := examine.ParsePurseKeys([]byte(purseKeys))
	check(t, err)
	keys := examine.Keys{Purses: purses}
	want := "MAC1 of the purchase, by the security module: verified; TAC of the purchase: verified; MAC2 of the purchase, by the card: verified; " +
		"proof of an earlier trade (GET TRANSACTION PROVE): unknown"
	if got := results(t, record(t, purchase...), keys); got != want {
		t.Errorf("%s", got)
	}
	spoilt := slices.Clone(purchase)
	spoilt[5] = "676AED94 75D66360 9000"
	if got := results(t, record(t, spoilt...), keys); got != strings.Replace(want, "TAC of the purchase: verified", "TAC of the purchase: wrong", 1) {
		t.Errorf("%s", got)
	}
	spoilt = slices.Clone(purchase)
	spoilt[1] = strings.Replace(spoilt[1], "3104810010000001", "3104810010000002", 1)
	if got := results(t, record(t, spoilt...), keys); got != strings.ReplaceAll(want, "verified", "unknown") {
		t.Errorf("another card: %s", got)
	}
	if got := results(t, record(t, purchase[4:]...), keys); !strings.HasPrefix(got, "MAC1, MAC2 and TAC of a purchase: unknown") {
		t.Errorf("without its beginning: %s", got)
	}
	spoilt = slices.Clone(purchase)
	spoilt[3] = "00002774 0010 000000 01 07 55667788 9000"
	if got := results(t, record(t, spoilt...), keys); !strings.HasPrefix(got, "codes of the trade: unknown") {
		t.Errorf("algorithm 07: %s", got)
	}
}

// A published compound purchase of a city card, of whose keys nothing is known, and the
// one of a test card with City Union's authentication code, whose purchase key is
// (crypt/epurse, testdata/SOURCE.md).
func TestPublishedCompoundPurchases(t *testing.T) {
	foreign := record(t, "00A4040009 A00000000386980701", "6F2E8409A00000000386980701A5219F0C1E 0000000100000000 0101 0000 0102030405060708 2017010120271231 0000 9000",
		"805003020B 01 000000C8 200041599997 0F", "000162AF 0036 003200 01 00 84176AD7 9000",
		"805401000F 00000057 20180313164329 66CBC863 08", "C630C2C8 ABCC913B 9000")
	r, err := examine.Session(foreign, published(t), describe.Options{})
	check(t, err)
	if len(r.Findings) != 3 {
		t.Errorf("%+v", r.Findings)
	}
	for _, f := range r.Findings {
		if f.Result != examine.Unknown || f.Why != "no keys known for issuer 0000000100000000 of the purse" {
			t.Errorf("%+v", f)
		}
	}
	purses, err := examine.ParsePurseKeys([]byte(`[{"card": "4100000089999985", "purchase": "A338D92A10C8285411E761445C831C22", "tac": "CAA6025290114BFCC3C9043F70F7A07A"}]`))
	check(t, err)
	own := record(t, "00A4040009 A00000000386980701", "6F328409A00000000386980701A5259F0801019F0C1E 0731410000000000 0101 0000 4100000089999985 2015060520380808 0000 9000",
		"80CA000009", "8588D32B7688D32B76 9000", "805003020B 01 00001C37 000000000001 0F", "00001C37 0000 000000 01 00 9AC87503 9000",
		"805401000F 00000001 20110919204812 303D735D 08", "44A8E04A 350AC480 9000")
	want := "MAC1 of the purchase, by the security module: verified; TAC of the purchase: verified; MAC2 of the purchase, by the card: verified"
	if got := results(t, own, examine.Keys{Purses: purses}); got != want {
		t.Error(got)
	}
}

// The low-value extension of a bank card: journey records under codes that the PSAM has
// the keys of.
func TestJourneyRecords(t *testing.T) {
	s := record(t, "00A4040008A000000333010101", "6F0A8408A0000003330101019000",
		"80B400A80A01100102030405060708", "01107D0101000062280001001117"+strings.Repeat("00", 114)+"01020304 9000",
		"84DE00A884"+"01107D0101000062280001001117"+strings.Repeat("00", 114)+"01020304", "9000",
		"805A00000200 0A 08", "0000000000000000 9000", "80B400A802 0110", "6A83")
	want := "MAC of a journey record (READ CAPP DATA): unknown; MAC of the command UPDATE CAPP DATA CACHE: unknown; proof of an earlier trade (GET TRANSACTION PROVE): unknown"
	if got := results(t, s, examine.Keys{}); got != want {
		t.Errorf("%s", got)
	}
}

// TestWrongSignature: one bit in the signature of the published test card, and the
// same in a conversation that says it is masked.
func TestWrongSignature(t *testing.T) {
	keys := published(t)
	s, err := recording.Find(sessions(t), "upi-contact")
	check(t, err)
	for i := range s.Exchanges {
		if x := &s.Exchanges[i]; len(x.Command) > 1 && x.Command[1] == 0x88 {
			x.Response[20] ^= 1
		}
	}
	const what = "certificates and signature of the card: "
	if got := results(t, s, keys); !strings.Contains(got, what+examine.Wrong) {
		t.Error(got)
	}
	s.Masked = true
	if got := results(t, s, keys); !strings.Contains(got, what+examine.Unknown) {
		t.Error(got)
	}
}

func TestFilesOfKeys(t *testing.T) {
	for text, want := range map[string]string{
		"": "byte 0", "{}": "not a JSON list", "[] x": "more text after the list", `[{"card": "11"}]`: "purse 1 of the list: card: want hexadecimal of 8 bytes",
		`[{"card": "1122334455667788", "tac": "55"}]`: "purse 1 of the list: tac: want hexadecimal of 16 bytes", `[{"cards": "1122334455667788"}]`: "not a JSON list",
	} {
		if _, err := examine.ParsePurseKeys([]byte(text)); !errors.Is(err, examine.ErrKeys) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// A file may have any text as a name; a screen must not obey it. And a broken command
// after a SELECT makes no other system of it.
func TestHostileSession(t *testing.T) {
	s := record(t, "00A4040002AAAA", "9000", "8050000208FF", "6700")
	s.Name, s.Source = "\x1b[31m乘车\a", "a\nb\u202ec"
	r, err := examine.Session(s, examine.Keys{}, describe.Options{})
	check(t, err)
	if r.Session != "?[31m乘车?" || r.Source != "a?b?c" {
		t.Errorf("%q, %q", r.Session, r.Source)
	}
	if f := r.Findings[0]; f.Result != examine.Nothing || !strings.Contains(f.Why, "application AAAA") {
		t.Errorf("%+v", f)
	}
}

func FuzzParsePurseKeys(f *testing.F) {
	f.Add([]byte(purseKeys))
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, err := examine.ParsePurseKeys(b); err != nil && !errors.Is(err, examine.ErrKeys) {
			t.Fatal(err)
		}
	})
}

// FuzzSession: whatever bytes went to and fro, the examination ends and finds something.
func FuzzSession(f *testing.F) {
	for i := 0; i < len(purchase); i += 2 {
		f.Add(unhex(f, purchase[i]), unhex(f, purchase[i+1]), byte(i/2))
	}
	f.Add(unhex(f, "80AE800004FFFFFFFF"), unhex(f, "8013800006B04398D218017BF907000103A0A802019000"), byte(9))
	f.Add(unhex(f, "00B2010C00"), unhex(f, "61FF"), byte(3))
	purses, err := examine.ParsePurseKeys([]byte(purseKeys))
	check(f, err)
	keys := published(f)
	keys.Purses = append(keys.Purses, purses...)
	all := sessions(f)
	upi := slices.IndexFunc(all, func(s recording.Session) bool { return s.Name == "upi-contact" })
	f.Fuzz(func(t *testing.T, command, response []byte, place byte) {
		for _, list := range [][]recording.Exchange{record(t, purchase...).Exchanges, all[upi].Exchanges} {
			at := int(place) % len(list)
			own := &recording.Session{Exchanges: slices.Clone(list)}
			own.Exchanges[at] = recording.Exchange{Seq: at + 1, Command: command, Response: response}
			if r, err := examine.Session(own, keys, describe.Options{}); err != nil || len(r.Findings) == 0 {
				t.Fatalf("%+v, %v", r, err)
			}
		}
	})
}
