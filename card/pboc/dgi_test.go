package pboc_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	mathrand "math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/card/pboc"
	"github.com/citycard/citycard/card/perso"
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/crypt/oda/devkeys"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/apdu"
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// secrets are keys that belong together; the certificates have the right lengths
// and vouch for nothing.
func secrets(sm bool) perso.Secrets {
	s := perso.Secrets{Keys: pboc.Keys{AC: cryptogram.Key{1}, MAC: cryptogram.Key{2}, ENC: cryptogram.Key{3}}}
	if sm {
		s.Private.SM2 = devkeys.SM2Key("a card of the tests")
		s.Signer = must(oda.NewSM2Private(s.Private.SM2))
		s.Certs = perso.Certs{CAIndex: 0x57, IssuerCert: bytes.Repeat([]byte{0x12}, 142), CardCert: bytes.Repeat([]byte{0x14}, 148), SignedStatic: make([]byte, 68)}
		return s
	}
	s.Private.RSA = devkeys.RSACard(1)
	s.Signer = must(oda.NewRSAPrivate(s.Private.RSA))
	s.Certs = perso.Certs{CAIndex: 0x80, IssuerCert: make([]byte, 176), IssuerRest: []byte{1}, IssuerExponent: []byte{3},
		CardCert: make([]byte, 160), CardRest: []byte{1}, CardExponent: []byte{3}, SignedStatic: make([]byte, 160)}
	return s
}

// groupings are the data groupings of a card of an embedded profile.
func groupings(name string) []pboc.DGI {
	p := must(perso.Embedded(name))
	in := &perso.Issue{First: secrets(p.SM()), Second: secrets(true), Opening: 1000}
	in.Identity = perso.Identity{PAN: must(txn.ParsePAN("6228000100001117")), PSN: 1, Effective: [3]byte{0x25, 1, 1}, Expiry: [3]byte{0x30, 0x12, 0x31}}
	if x := p.Product().Extension; x != nil {
		in.Transit = &perso.TransitKeys{Opening: make([]cryptogram.Key, len(x.Files)), Records: make([]cryptogram.Key, len(p.Journeys()))}
		for i := range in.Transit.Opening {
			in.Transit.Opening[i] = cryptogram.Key{0x50, byte(i)}
		}
		for i := range in.Transit.Records {
			in.Transit.Records[i] = cryptogram.Key{0x40, byte(i)}
		}
	}
	return must(p.DGIs(in))
}

var everyProfile = []string{"sm", "3des", "dev-sm", "dev-3des", "dev-dual", "dev-transit-3des", "dev-transit-sm", "dev-quota", "transit-sm", "transit-3des", "quota-sm", "quota-3des"}

var debit = []byte{0xA0, 0, 0, 3, 0x33, 1, 1, 1}

// split reads a stream of groupings; what does not make a whole one is left out.
func split(b []byte) (list []pboc.DGI) {
	for len(b) >= 3 && len(list) < 64 {
		id, n, at := uint16(b[0])<<8|uint16(b[1]), int(b[2]), 3
		if n == 0xFF && len(b) >= 5 {
			n, at = int(b[3])<<8|int(b[4]), 5
		}
		if at+n > len(b) {
			return list
		}
		list = append(list, pboc.DGI{ID: id, Data: b[at : at+n]})
		b = b[at+n:]
	}
	return list
}

func stream(list []pboc.DGI) (b []byte) {
	for _, d := range list {
		b = d.Append(b)
	}
	return b
}

func TestDGIStream(t *testing.T) {
	for n, head := range map[int]string{0: "820100", 0xFE: "8201FE", 0xFF: "8201FF00FF", 0x100: "8201FF0100"} {
		d := pboc.DGI{ID: 0x8201, Data: make([]byte, n)}
		if got := fmt.Sprintf("%X", d.Append(nil)); got != head+strings.Repeat("00", n) {
			t.Errorf("%d bytes: %.20s", n, got)
		}
	}
	for id, want := range map[uint16]bool{0x0101: false, 0x8000: true, 0x8010: true, 0x8201: true, 0x8401: true, 0x9000: false, 0x9103: false} {
		if got := (pboc.DGI{ID: id}).Secret(); got != want {
			t.Errorf("grouping %04X secret: %v", id, got)
		}
	}
}

// TestTable is what the groupings of one card hold, for people who know them.
func TestTable(t *testing.T) {
	want := []string{
		"0101", "0102",
		"0201 7050 5A086228000100001117",
		"0202", "0302 7009 9F7406454343303031", "0301 7009 9F7406454343303031",
		"0D01 9F580105 9F59010A 9F730400000000 9F4F199A039F2103",
		"0E01 9F51020156 9F52028008 9F560100 9F57020156 9F36020000 9F13020000 5F340101 9F76020000",
		"8400 01000000000000000000000000000000 02000000000000000000000000000000 03000000000000000000000000000000",
		"9400", "8401",
		"8010 26123456FFFFFFFF", "9010 0303",
		"9103 A53C 500A50424F43204445424954 870101 9F3818", "9207 82027D00 9F100A 07010103000000040A01 940C 080102001001010118010100",
		"9102 A530", "9104 82027D00 9408 0801020010010201", "9203 82027D00 940C 080102001001020118020200",
		"9208 570C 6228000100001117D3012220 5F200D 43495459434152442F54455354 9F6310 00000000000000004343310000000000 C1020100",
		"9200 9F100A 07010103000000040A01",
	}
	list := groupings("dev-sm")
	if len(list) != len(want) {
		t.Fatalf("%d groupings, want %d", len(list), len(want))
	}
	for i, d := range list {
		id, body, _ := strings.Cut(want[i], " ")
		body = strings.ReplaceAll(body, " ", "")
		if fmt.Sprintf("%04X", d.ID) != id || !strings.HasPrefix(fmt.Sprintf("%X", d.Data), body) && i != 2 && i != 13 && i != 15 {
			t.Errorf("grouping %04X %X, want %s %s..", d.ID, d.Data, id, body)
		}
	}
}

// TestParseDGIs: a card comes back whole from its groupings, of every profile.
func TestParseDGIs(t *testing.T) {
	for _, name := range everyProfile {
		list := groupings(name)
		c, err := pboc.ParseDGIs(must(perso.Embedded(name)).Product().AID, list)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		s := secrets(true)
		again := must(c.DGIs(secrets(must(perso.Embedded(name)).SM()).Private, s.Private))
		if !bytes.Equal(stream(again), stream(list)) {
			t.Errorf("%s: the groupings of the decoded card are others", name)
		}
	}
}

// TestOutsideForms: forms that other personalisation bureaus send.
func TestOutsideForms(t *testing.T) {
	list := groupings("dev-3des")
	for i := range list {
		switch d := &list[i]; d.ID {
		case 0x8010: // padded for a cipher with long blocks
			d.Data = append(bytes.Clone(d.Data), 0x80, 0, 0, 0, 0, 0, 0, 0)
		case 0x8201, 0x8202, 0x8203, 0x8204, 0x8205: // padded for triple DES
			d.Data = d.Data[:72]
		}
	}
	// A grouping that came twice: the later counts.
	list = append([]pboc.DGI{{ID: 0x9010, Data: []byte{9, 9}}}, list...)
	c, err := pboc.ParseDGIs(debit, list)
	if err != nil || c.Product.PINTries != 3 || fmt.Sprintf("%X", [8]byte(c.PIN)) != "26123456FFFFFFFF" {
		t.Errorf("%v", err)
	}
}

// TestParseDGIsRefuses: what is missing or wrong is named by its identifier.
func TestParseDGIsRefuses(t *testing.T) {
	for _, c := range []struct {
		profile, old, new string
		err               error
	}{
		{"dev-sm", "9208", "", pboc.ErrDGIMissing}, {"dev-sm", "9103", "", pboc.ErrDGIMissing}, {"dev-sm", "8401", "", pboc.ErrDGIMissing},
		{"dev-sm", "9104", "", pboc.ErrDGIMissing}, {"dev-dual", "8400", "", pboc.ErrDGIMissing}, {"dev-dual", "8401", "", pboc.ErrDGIMissing},
		{"dev-dual", "9404", "", pboc.ErrDGI}, {"dev-sm", "0301", "", pboc.ErrDGI}, {"dev-sm", "0202", "", pboc.ErrDGI},
		{"dev-sm", "9208", "9F3602 0000", pboc.ErrDGI}, {"dev-sm", "9208", "57", pboc.ErrDGI}, {"dev-sm", "9208", "5701 62 C10101", pboc.ErrDGI},
		{"dev-sm", "9103", "A503 5001 41", pboc.ErrDGI}, {"dev-sm", "9103", "6F03 5001 41", pboc.ErrDGI}, {"dev-sm", "9103", "A502 5005", pboc.ErrDGI},
		{"dev-sm", "9103", "A505 BF0C02 5005", pboc.ErrDGI}, {"dev-sm", "9103", "A505 9F3802 9F66", pboc.ErrDGI},
		{"dev-sm", "9104", "82017D 9400", pboc.ErrDGI}, {"dev-sm", "9104", "82027D00 9F3600", pboc.ErrDGI}, {"dev-sm", "9104", "82027D00 94", pboc.ErrDGI},
		{"dev-sm", "9200", "9F1008 0701010300000004", pboc.ErrDGI}, {"dev-sm", "9200", "9F1108 0701010300000004", pboc.ErrDGI},
		{"dev-sm", "9207", "82027D00 9F1008 0601010300000004 9404 08010100", pboc.ErrDGI},
		{"dev-sm", "0E01", "9F36020000", nil}, {"dev-sm", "0E01", "9F36020001", pboc.ErrDGI},
		{"dev-sm", "0E01", "9F5103 015600", pboc.ErrDGI}, {"dev-sm", "0E01", "9F51", pboc.ErrDGI}, {"dev-sm", "0E01", "9F51020156 9F51020156", pboc.ErrDGI},
		{"dev-sm", "0D01", "9F7706 0000000000AA", pboc.ErrDGI}, {"dev-sm", "0D01", "9F4F02 9F66", pboc.ErrDGI},
		{"dev-sm", "8401", strings.Repeat("00", 32), pboc.ErrDGI}, {"dev-sm", "8401", "01", pboc.ErrDGI},
		{"dev-sm", "8010", "26123456FFFFFFFF 81", pboc.ErrDGI}, {"dev-sm", "8010", "36123456FFFFFFFF", pboc.ErrDGI},
		{"dev-sm", "9400", "010203040506070809", pboc.ErrDGI}, {"dev-3des", "8204", strings.Repeat("11", 40), pboc.ErrDGI},
		{"dev-3des", "8204", strings.Repeat("11", 63) + "80", pboc.ErrDGI}, {"dev-3des", "0102", "7003 9F4700", pboc.ErrDGI},
		{"dev-sm", "0101", "7003 5001", pboc.ErrDGI}, {"dev-sm", "0101", "7103 500141", pboc.ErrDGI}, {"dev-sm", "9010", "03", pboc.ErrDGI},
	} {
		list := groupings(c.profile)
		at := slices.IndexFunc(list, func(d pboc.DGI) bool { return fmt.Sprintf("%04X", d.ID) == c.old })
		if c.new == "" {
			list = slices.Delete(list, at, at+1)
		} else {
			list[at].Data = hexBytes(t, c.new)
		}
		_, err := pboc.ParseDGIs(debit, list)
		if !errors.Is(err, c.err) {
			t.Errorf("%s, grouping %s = %q: %v", c.profile, c.old, c.new, err)
		}
	}
	for _, c := range []struct{ profile, id string }{
		{"dev-3des", "8400"}, {"dev-3des", "9400"}, {"dev-3des", "8401"}, {"dev-3des", "9404"}, {"dev-3des", "9403"}, {"dev-sm", "9404"},
	} {
		dual := groupings("dev-dual")
		at := slices.IndexFunc(dual, func(d pboc.DGI) bool { return fmt.Sprintf("%04X", d.ID) == c.id })
		_, err := pboc.ParseDGIs(debit, append(groupings(c.profile), dual[at]))
		if !errors.Is(err, pboc.ErrDGI) || !strings.Contains(err.Error(), "grouping "+c.id) {
			t.Errorf("%s with %s of a second set: %v", c.profile, c.id, err)
		}
	}
	whole := groupings("dev-dual")
	without := slices.DeleteFunc(slices.Clone(whole), func(d pboc.DGI) bool { return d.ID == 0x9407 })
	if _, err := pboc.ParseDGIs(debit, without); len(without) != len(whole)-1 || !errors.Is(err, pboc.ErrDGI) || !strings.Contains(err.Error(), "grouping 9404") {
		t.Errorf("no 9407: %v", err)
	}
	if _, err := pboc.ParseDGIs(debit, append(groupings("sm"), pboc.DGI{ID: 0x7000})); !errors.Is(err, pboc.ErrDGI) {
		t.Errorf("an unknown grouping: %v", err)
	}
	if _, err := pboc.ParseDGIs(nil, groupings("sm")); !errors.Is(err, pboc.ErrDGI) {
		t.Errorf("no name: %v", err)
	}
}

// TestDGIsRefuses: cards of which a grouping cannot tell everything.
func TestDGIsRefuses(t *testing.T) {
	card := func() *pboc.Card {
		c := *must(pboc.ParseDGIs(debit, groupings("dev-sm")))
		p := *c.Product
		c.Product, c.Records = &p, slices.Clone(c.Records)
		return &c
	}
	key := secrets(true).Private
	for want, edit := range map[string]func(c *pboc.Card){
		"grouping 0D01 is something else": func(c *pboc.Card) {
			c.Records = append(c.Records, pboc.RecordData{Record: pboc.Record{SFI: 13, Number: 1}, Body: []byte{0x70, 0}})
		},
		"9F08 is 0030, want 0020":       func(c *pboc.Card) { c.Product.FDDA01 = false },
		"no record holds 9F08":          func(c *pboc.Card) { c.Records[2].Body = []byte{0x70, 0} },
		"want a record of one template": func(c *pboc.Card) { c.Records[0].Body = []byte{0x50, 0} },
		"is not 6F with 84 and A5":      func(c *pboc.Card) { c.Product.FCI = []byte{0x6F, 0} },
		"57 of 0 bytes":                 func(c *pboc.Card) { c.Track2 = nil },
	} {
		c := card()
		edit(c)
		if _, err := c.DGIs(key, key); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q: %v", want, err)
		}
	}
	rsa := must(pboc.ParseDGIs(debit, groupings("dev-3des")))
	if _, err := rsa.DGIs(key, key); !errors.Is(err, oda.ErrRSAKey) {
		t.Errorf("no RSA key: %v", err)
	}
}

// TestDGIRedaction: what is printed of groupings and keys shows nothing of them.
func TestDGIRedaction(t *testing.T) {
	var out strings.Builder
	log := slog.New(slog.NewJSONHandler(&out, nil))
	d, k := pboc.DGI{ID: 0x8000, Data: bytes.Repeat([]byte{0xAB}, 48)}, pboc.PrivateKey{SM2: [32]byte{0xAB, 0xAB}}
	log.Info("secrets", "grouping", d, "key", k)
	for _, v := range []any{d, &d, []pboc.DGI{d}, k, &k, pboc.Instance{}} {
		fmt.Fprintf(&out, "%v %+v %#v %s %x %d\n", v, v, v, v, v, v)
		if b, err := json.Marshal(v); err == nil {
			out.Write(b)
		}
	}
	if text := strings.ToLower(out.String()); strings.Contains(text, "abab") || strings.Contains(text, "171") || strings.Contains(text, "q6ur") {
		t.Errorf("printed: %s", text)
	}
	if !strings.Contains(out.String(), "[DGI 8000, 48 bytes]") {
		t.Errorf("a grouping does not tell its name: %s", out.String())
	}
}

// drive sends a running application what makes it use every part of its card.
func drive(t testing.TB, a cos.Application) {
	t.Helper()
	a.PowerOn(mathrand.NewChaCha8([32]byte{7}))
	for _, contactless := range []bool{true, false} {
		_, err := a.Select(nil, cos.Selection{Contactless: contactless})
		for _, cmd := range []string{"00B2010C00", "00B2011C00", "80CA9F4F00", "80CA9F5D00", "0084000000", "0020008008 26123456FFFFFFFF",
			"80A8000023 8321 36000080 000000000300 000000000000 0156 0000000000 0156 261121 00 11223344 00",
			"80A8000024 8322 B6800080 000000000300 000000000000 0156 0000000000 0156 261121 00 11223344 01 00",
			"80A8000002 8300 00", "0088000004 11223344 00", "00B2011C00", "00B2015C00", "00B2006400"} {
			if err != nil {
				t.Fatal(err)
			}
			c := must(apdu.ParseCommand(hexBytes(t, cmd)))
			_, err = a.Do(nil, &c)
		}
	}
}

// run puts a card into a memory and drives it.
func run(t testing.TB, c *pboc.Card) {
	t.Helper()
	var m cos.Memory
	if m.FormatWith(c.MemorySize(), cos.MaxJournal) != nil {
		return // more memory than a chip has
	}
	m.Fill(0, c.Personalise(nil))
	if err := c.CheckMemory(m.Settled(nil)); err != nil {
		t.Fatalf("a new card has an impossible memory: %v", err)
	}
	a := c.Place(m.Partition(0, c.MemorySize()), nil)
	if err := m.PowerOn(); err != nil {
		t.Fatal(err)
	}
	drive(t, a)
}

// TestDamagedDGIs: a card of which some groupings were changed is refused, or runs.
func TestDamagedDGIs(t *testing.T) {
	profiles := map[string][]pboc.DGI{}
	for _, name := range everyProfile {
		profiles[name] = groupings(name)
	}
	refused, taken := 0, 0
	rapid.Check(t, func(r *rapid.T) {
		list := slices.Clone(profiles[rapid.SampledFrom(everyProfile).Draw(r, "profile")])
		for range rapid.IntRange(0, 3).Draw(r, "changes") {
			at := rapid.IntRange(0, len(list)-1).Draw(r, "grouping")
			b := bytes.Clone(list[at].Data)
			switch rapid.IntRange(0, 5).Draw(r, "change") {
			case 0:
				list = slices.Delete(list, at, at+1)
				continue
			case 1:
				b = b[:rapid.IntRange(0, len(b)).Draw(r, "length")]
			case 2:
				list[at].ID = rapid.Uint16().Draw(r, "identifier")
			default:
				for range rapid.IntRange(1, 3).Draw(r, "bytes") {
					if len(b) > 0 {
						b[rapid.IntRange(0, len(b)-1).Draw(r, "at")] = rapid.Byte().Draw(r, "byte")
					}
				}
			}
			list[at].Data = b
		}
		c, err := pboc.ParseDGIs(debit, list)
		if err != nil {
			if !errors.Is(err, pboc.ErrDGI) && !errors.Is(err, pboc.ErrDGIMissing) {
				r.Fatal(err)
			}
			refused++
			return
		}
		taken++
		run(t, c)
	})
	t.Logf("%d cards refused, %d taken", refused, taken)
	// The few tries of -short may all be refused.
	if !testing.Short() && (refused == 0 || taken == 0) {
		t.Errorf("%d cards refused, %d taken: both are wanted", refused, taken)
	}
}

// FuzzParseDGIs feeds hostile groupings: an error, or a card that can be put into a
// chip and answers commands.
func FuzzParseDGIs(f *testing.F) {
	for _, name := range everyProfile {
		f.Add(stream(groupings(name)))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := pboc.ParseDGIs(debit, split(b))
		if err != nil {
			return
		}
		run(t, c)
	})
}
