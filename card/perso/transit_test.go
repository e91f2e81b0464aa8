package perso_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"strings"
	"testing"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/card/capp"
	"github.com/citycard/citycard/card/gp"
	"github.com/citycard/citycard/card/perso"
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/crypt/oda/devkeys"
	"github.com/citycard/citycard/crypt/scp"
)

func TestCardFactor(t *testing.T) {
	for pan, want := range map[string]string{"6228000100001117": "2800010000111701", "6228480000000000017": "8000000000001701", "6228000000000": "0622800000000001"} {
		id := identity(t, pan)
		id.PSN = 1
		if got := fmt.Sprintf("%X", perso.CardFactor(id)); got != want {
			t.Errorf("%s: %s, want %s", pan, got, want)
		}
		// Security modules make a card's key from the factor as issuers do from number
		// and sequence number: E(factor), E(not factor).
		master, err := cryptogram.NewBlock(cryptogram.TDES, cryptogram.Key{1, 2, 3})
		if err != nil {
			t.Fatal(err)
		}
		f := perso.CardFactor(id)
		var key cryptogram.Key
		master.Encrypt(key[:], f[:])
		for i := range f {
			f[i] = ^f[i]
		}
		master.Encrypt(key[8:], f[:])
		if cryptogram.DeriveCardKey(cryptogram.TDES, master, [10]byte(id.PAN), 1) != key {
			t.Errorf("%s: the card's key does not follow from the factor", pan)
		}
	}
}

// transitIssue is a card of a profile with the extension and SM keys.
func transitIssue(t *testing.T, p *perso.Profile) *perso.Issue {
	t.Helper()
	in := &perso.Issue{Identity: identity(t, "6228000100001117"), Opening: 5000, Transit: &perso.TransitKeys{}}
	in.First.Private.SM2 = devkeys.SM2Key("a card of the tests")
	signer, err := oda.NewSM2Private(in.First.Private.SM2)
	if err != nil {
		t.Fatal(err)
	}
	in.First.Signer, in.First.Certs = signer, smCerts()
	for i := range p.Product().Extension.Files {
		in.Transit.Opening = append(in.Transit.Opening, cryptogram.Key{0x50, byte(i)})
	}
	for i := range p.Journeys() {
		in.Transit.Records = append(in.Transit.Records, cryptogram.Key{0x40, byte(i)})
	}
	return in
}

func TestTransitProfiles(t *testing.T) {
	for name, want := range map[string]string{"dev-transit-3des": "02 2000 false 4", "dev-transit-sm": "02 2000 false 4", "dev-quota": "01 1000 true 3"} {
		p := embedded(t, name)
		x := p.Product()
		if got := fmt.Sprintf("%02X %d %v %d", x.Transit, int64(x.Extension.Deposit), x.Extension.Quota, len(x.Extension.Files)); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
		if !bytes.Contains(x.FCI, []byte{0xDF, 0x61, 1, x.Transit}) || !bytes.Contains(x.FCI, []byte{0xDF, 0x60, 1}) {
			t.Errorf("%s: FCI %X", name, x.FCI)
		}
		if cash := len(x.Contact.Cash.AFL) > 0; cash == x.Extension.Quota {
			t.Errorf("%s: electronic cash over the contacts %v", name, cash)
		}
	}
	p := embedded(t, "dev-quota")
	in := transitIssue(t, p)
	c, err := p.Card(in)
	if err != nil {
		t.Fatal(err)
	}
	r := c.Transit.Records[0]
	if r.SFI != 0x15 || len(r.Data) != 128 || !capp.Whole(r.Data) || fmt.Sprintf("%X", r.Data[:14]) != "01107D0101002800010000111701" {
		t.Errorf("record %02X %X", r.SFI, r.Data)
	}
	in.Transit.Records = in.Transit.Records[1:]
	if _, err := p.Card(in); err == nil || !strings.Contains(err.Error(), "Issue.Transit") {
		t.Errorf("too few keys: %v", err)
	}
	in.Transit = nil
	if _, err := p.Card(in); err == nil {
		t.Error("no keys")
	}
}

// TestTransitRefuses: what a profile says wrong of the extension.
func TestTransitRefuses(t *testing.T) {
	for _, c := range []struct{ old, new, named string }{
		{"support: 1 ", "support: 3 ", "support"},
		{"record: 128, size: 512", "record: 3, size: 512", "files"},
		{"file: 30, record: 48, count: 10", "file: 30, record: 48, size: 10", "files"},
		{`id: "0110", length: 125`, `id: "0110", length: 126`, "length"},
		{`id: "0110", length: 125`, `id: "0110", length: 2`, "length"},
		{`id: "2701", length: 125, body: "010100", factor: 3`, `id: "2701", length: 125, body: "010100", factor: 118`, "factor"},
		{`{file: 26, id: "2701"`, `{file: 25, id: "2701"`, "file"},
		{`{file: 26, id: "2701"`, `{file: 26, id: "27"`, "id"},
		{"deposit: 1000 ", "deposit: 999999999999 ", "DF62"},
		{"quota: true", "quota: 2", "quota"},
		{"paths: [debit]}", "paths: [debit, cash]}", "paths"},
		{" DF6901 DF6001", " DF6901 DF6002", "DF60"},
		{"objects:\n", "objects:\n  DF62: \"000000001000\"\n", "DF62"},
	} {
		text := source(t, "dev-quota")
		if !strings.Contains(text, c.old) {
			t.Fatalf("the profile does not contain %q", c.old)
		}
		_, err := perso.Parse([]byte(strings.Replace(text, c.old, c.new, 1)))
		if !errors.Is(err, perso.ErrProfile) || !strings.Contains(err.Error(), c.named) {
			t.Errorf("%s: %v, want an error about %s", c.new, err, c.named)
		}
	}
	text := strings.Replace(source(t, "dev-transit-sm"), " DF6001", "", 1)
	if _, err := perso.Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), "DF60") {
		t.Errorf("PDOL without DF60: %v", err)
	}
}

// TestTransitOverTheInterface personalises a blank chip over secure channels: its
// journeys are those of a card that was built.
func TestTransitOverTheInterface(t *testing.T) {
	key := cryptogram.Key{0x40, 0x41, 0x42}
	for _, level := range []scp.Level{scp.CMAC, scp.CMAC | scp.CDEC} {
		p := embedded(t, "dev-transit-sm")
		in := transitIssue(t, p)
		set := scp.KeySet{Version: 0x20, ENC: key, MAC: key, DEK: key}
		blank, err := p.Blank(gp.Profile{Channels: []gp.Channel{{Protocol: scp.SCP02, Variant: scp.SCP02Pseudo}},
			Keys: []gp.Keys{{Protocol: scp.SCP02, Set: set}}, Heap: 16384})
		if err != nil {
			t.Fatal(err)
		}
		list, err := p.DGIs(in)
		if err != nil {
			t.Fatal(err)
		}
		chip := powered(t, blank)
		m := perso.NewPersonaliser(perso.Order{Keys: set, Challenge: [8]byte{1}, Level: level, Instance: p.Product().AID, Params: []byte{0x30, 0}, Groupings: list})
		var answer []byte
		for {
			cmd, done, err := m.Next(answer)
			if err != nil {
				t.Fatal(err)
			}
			if done {
				break
			}
			if answer, err = chip.Transmit(nil, cmd); err != nil {
				t.Fatal(err)
			}
		}
		img, err := p.Image(in)
		if err != nil {
			t.Fatal(err)
		}
		built := powered(t, img)
		record := bytes.Clone(journey(t, p, in))
		code := capp.UpdateMAC(cryptogram.SM4, in.Transit.Records[0], 1, [5]byte{0x84, 0xDE, 0, 0xA8, byte(len(record) + 4)}, record)
		update := append(append([]byte{0x84, 0xDE, 0, 0xA8, byte(len(record) + 4)}, record...), code[:]...)
		if err := chip.PowerOn(mathrand.NewChaCha8([32]byte{5})); err != nil {
			t.Fatal(err)
		}
		for _, cmd := range [][]byte{unhex(t, "00A4040008A00000033301010100"), unhex(t, "80B400A80A0110010203040506070800"), unhex(t, "80A80000258323"+
			"28000080"+"000000000300"+"000000000000"+"0156"+"0000000000"+"0156"+"261122"+"00"+"11223344"+"01"+"01"+"00"), update, unhex(t, "00B2011C00"), unhex(t, "805A000002000108"), unhex(t, "00B201F400")} {
			one, err := chip.Transmit(nil, cmd)
			if err != nil {
				t.Fatal(err)
			}
			two, err := built.Transmit(nil, cmd)
			if err != nil || !bytes.Equal(one, two) || !bytes.HasSuffix(one, []byte{0x90, 0}) {
				t.Fatalf("%X: %X over the interface, %X built, %v", cmd, one, two, err)
			}
		}
	}
}

// journey is the first journey record of a card, changed.
func journey(t *testing.T, p *perso.Profile, in *perso.Issue) []byte {
	t.Helper()
	c, err := p.Card(in)
	if err != nil {
		t.Fatal(err)
	}
	b := c.Transit.Records[0].Data
	b[len(b)-1] = 1
	return b
}

func powered(t *testing.T, img *card.Image) *card.Chip {
	t.Helper()
	chip := card.New()
	chip.UseInterface(card.Contactless)
	if err := chip.Insert(img, nil); err != nil {
		t.Fatal(err)
	}
	if err := chip.PowerOn(mathrand.NewChaCha8([32]byte{5})); err != nil {
		t.Fatal(err)
	}
	return chip
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
