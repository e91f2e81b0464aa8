package perso_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/card/pboc"
	"github.com/citycard/citycard/card/perso"
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/tlv"
)

func embedded(t testing.TB, name string) *perso.Profile {
	t.Helper()
	p, err := perso.Embedded(name)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func source(t testing.TB, name string) string {
	t.Helper()
	b, err := perso.EmbeddedSource(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func identity(t testing.TB, pan string) perso.Identity {
	t.Helper()
	p, err := txn.ParsePAN(pan)
	if err != nil {
		t.Fatal(err)
	}
	return perso.Identity{PAN: p, PSN: 0x01, Effective: [3]byte{0x25, 0x01, 0x01}, Expiry: [3]byte{0x30, 0x12, 0x31}}
}

// stub stands where no signature is made.
type stub struct{ size int }

func (s stub) Size() int { return s.size }

func (s stub) SignDynamic(dst []byte, _ io.Reader, _ uint16, _ []byte) ([]byte, error) {
	return append(dst, make([]byte, s.size)...), nil
}

func smCerts() perso.Certs {
	return perso.Certs{CAIndex: 0x57, IssuerCert: bytes.Repeat([]byte{0x90}, 142), CardCert: bytes.Repeat([]byte{0x46}, 148), SignedStatic: make([]byte, 68)}
}

func TestEmbedded(t *testing.T) {
	if got := strings.Join(perso.EmbeddedNames(), " "); got != "3des dev-3des dev-dual dev-full dev-quota dev-sm dev-transit-3des dev-transit-sm quota-3des quota-sm sm transit-3des transit-sm" {
		t.Errorf("embedded profiles: %s", got)
	}
	for _, name := range []string{"3des", "sm"} {
		p := embedded(t, name)
		if p.Name() != name || p.SM() != (name == "sm") {
			t.Errorf("profile %s says it is %s, SM %v", name, p.Name(), p.SM())
		}
		x := p.Product()
		if want, _ := hex.DecodeString("080102001001010118010100"); !bytes.Equal(x.AFL, want) {
			t.Errorf("%s: AFL %X", name, x.AFL)
		}
		if got := x.LastRecord(); got != (pboc.Record{SFI: 3, Number: 1}) {
			t.Errorf("%s: last record %+v", name, got)
		}
		if n := x.MemorySize(); n > 600 {
			t.Errorf("%s: a card needs %d bytes", name, n)
		}
	}
	if _, err := perso.Embedded("../doc"); !errors.Is(err, perso.ErrProfile) {
		t.Errorf("unknown profile: %v", err)
	}
	if _, err := perso.EmbeddedSource("none"); !errors.Is(err, perso.ErrProfile) {
		t.Errorf("unknown source: %v", err)
	}
}

// TestFCI is the answer to SELECT byte by byte.
func TestFCI(t *testing.T) {
	want := "6F45 8408A000000333010106 A539 500750424F43204543 870101 9F381B 9F6604 9F0206 9F0306 9F1A02 9505 5F2A02 9A03 9C01 9F3704 DF6901" +
		" 5F2D047A68656E BF0C05 9F4D020B0A"
	if got := fmt.Sprintf("%X", embedded(t, "sm").Product().FCI); got != strings.ReplaceAll(want, " ", "") {
		t.Errorf("FCI %s", got)
	}
}

// TestRecords is what a card's records hold, tag by tag.
func TestRecords(t *testing.T) {
	img, err := perso.Build(embedded(t, "sm"), identity(t, "6228000100001117"), pboc.Keys{}, smCerts(), stub{69}, 500)
	if err != nil {
		t.Fatal(err)
	}
	c := img.Cards()[0]
	want := []string{
		"708194 8F0157 90818E" + strings.Repeat("90", 142),
		"708198 9F468194" + strings.Repeat("46", 148),
		"702D 5A086228000100001117 5F340101 5F2403301231 5F2503250101 5F28020156 9F0702FF00 9F08020030 9F4A0182",
		"9F7406454343303031",
	}
	for i, r := range c.Records {
		if got := fmt.Sprintf("%X", r.Body); got != strings.ReplaceAll(want[i], " ", "") {
			t.Errorf("record %d of file %d: %s", r.Number, r.SFI, got)
		}
	}
	if got := fmt.Sprintf("%X", c.Track2); got != "6228000100001117D3012220" {
		t.Errorf("track 2 %s", got)
	}
}

// TestStaticData is EMV Book 3, 10.3: the inside of the signed record, then the
// AIP because of 9F4A.
func TestStaticData(t *testing.T) {
	got, err := perso.StaticData(embedded(t, "sm"), identity(t, "6228000100001117"))
	want := "5A086228000100001117 5F340101 5F2403301231 5F2503250101 5F28020156 9F0702FF00 9F08020030 9F4A0182 7C00"
	if err != nil || fmt.Sprintf("%X", got) != strings.ReplaceAll(want, " ", "") {
		t.Errorf("static data %X: %v", got, err)
	}
	// In files from 11 on the template is part of it.
	text := strings.Replace(source(t, "sm"), "{file: 2, record: 1,", "{file: 12, record: 1,", 1)
	p, err := perso.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	got, err = perso.StaticData(p, identity(t, "6228000100001117"))
	if err != nil || fmt.Sprintf("%X", got) != strings.ReplaceAll("702D"+want, " ", "") {
		t.Errorf("static data of file 12: %X: %v", got, err)
	}
}

// TestOddPAN: an odd number of digits is padded in 5A and joins D in 57.
func TestOddPAN(t *testing.T) {
	img, err := perso.Build(embedded(t, "sm"), identity(t, "6228000100001117003"), pboc.Keys{}, smCerts(), stub{69}, 0)
	if err != nil {
		t.Fatal(err)
	}
	c := img.Cards()[0]
	if got := fmt.Sprintf("%X", c.Track2); got != "6228000100001117003D3012220F" {
		t.Errorf("track 2 %s", got)
	}
	if pan, _ := tlv.Find(c.Records[2].Body, tlv.TagRecordTemplate, tlv.TagPAN); fmt.Sprintf("%X", pan) != "6228000100001117003F" {
		t.Errorf("5A %X", pan)
	}
}

func TestBuildRefuses(t *testing.T) {
	good := identity(t, "6228000100001117")
	p := embedded(t, "sm")
	for _, c := range []struct {
		name string
		edit func(id *perso.Identity, certs *perso.Certs)
		size int
		open int64
		want string
	}{
		{"PAN", func(id *perso.Identity, _ *perso.Certs) { id.PAN[0] = 0xAA }, 69, 0, "account number"},
		{"PSN", func(id *perso.Identity, _ *perso.Certs) { id.PSN = 0x1F }, 69, 0, "5F34"},
		{"expiry not decimal", func(id *perso.Identity, _ *perso.Certs) { id.Expiry[0] = 0xA0 }, 69, 0, "5F24"},
		{"expiry no date", func(id *perso.Identity, _ *perso.Certs) { id.Expiry[1] = 0x13 }, 69, 0, "5F24"},
		{"effective", func(id *perso.Identity, _ *perso.Certs) { id.Effective[2] = 0x0F }, 69, 0, "5F25"},
		{"long certificate", func(_ *perso.Identity, c *perso.Certs) { c.CardCert = make([]byte, 251) }, 69, 0, "record 2 of file 1"},
		{"long signature", nil, 129, 0, "room for 128"},
		{"opening below 0", nil, 69, -1, "opening balance"},
		{"opening above 9F77", nil, 69, 100001, "opening balance"},
	} {
		id, certs := good, smCerts()
		if c.edit != nil {
			c.edit(&id, &certs)
		}
		_, err := perso.Build(p, id, pboc.Keys{}, certs, stub{c.size}, moneyFen(c.open))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if _, err := perso.Build(p, good, pboc.Keys{}, smCerts(), nil, 0); err == nil {
		t.Error("a card without a private key was made")
	}
	if _, err := perso.StaticData(p, perso.Identity{}); err == nil {
		t.Error("static data of nobody")
	}
}

// TestRedaction: nothing that is printed of a card shows a key or a whole PAN.
func TestRedaction(t *testing.T) {
	keys := pboc.Keys{AC: cryptogram.Key{0xAB, 0xCD, 0xEF, 1, 2, 3, 4, 5}}
	id := identity(t, "6228000100001117")
	certs := smCerts()
	certs.CardCert = append([]byte{0x14}, id.PAN[:]...)
	img, err := perso.Build(embedded(t, "sm"), id, keys, certs, stub{69}, 500)
	if err != nil {
		t.Fatal(err)
	}
	chip := card.New()
	if err := chip.Insert(img, nil); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	log := slog.New(slog.NewJSONHandler(&out, nil))
	c := img.Cards()[0]
	log.Info("card", "card", c, "keys", keys, "image", img, "chip", chip, "id", id)
	log.Info("parts", "records", c.Records, "certs", certs, "record", c.Records[2])
	for _, v := range []any{c, *c, keys, img, *img, chip, *chip, id, certs, &certs, c.Records, c.Records[2], &c.Records[2]} {
		fmt.Fprintf(&out, "%v %+v %#v %s %x %d\n", v, v, v, v, v, v)
		if b, err := json.Marshal(v); err == nil {
			out.Write(b)
		}
	}
	for _, secret := range []string{"6228000100001117", "YigAAQAAERc", "abcdef01", "ABCDEF01", "171 205 239", "0xab, 0xcd", "98 40 0 1 0", "q83v"} {
		if strings.Contains(out.String(), secret) {
			t.Errorf("%q is in the output", secret)
		}
	}
}
