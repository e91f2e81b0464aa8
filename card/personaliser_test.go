package card_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/card/gp"
	"github.com/citycard/citycard/card/perso"
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/scp"
	"github.com/citycard/citycard/wire/apdu"
)

// domainKeys are the manufacturer's keys of the blank cards: the usual test keys.
func domainKeys(t testing.TB, version byte) scp.KeySet {
	key := cryptogram.Key(unhex(t, "404142434445464748494A4B4C4D4E4F"))
	return scp.KeySet{Version: version, ENC: key, MAC: key, DEK: key}
}

// blank makes a chip for the profile that nobody has personalised.
func blank(t testing.TB, p *perso.Profile) *card.Image {
	t.Helper()
	img, err := p.Blank(gp.Profile{
		Channels: []gp.Channel{{Protocol: scp.SCP02, Variant: scp.SCP02Pseudo}, {Protocol: scp.SCP03, Variant: scp.SCP03Full}},
		Keys:     []gp.Keys{{Protocol: scp.SCP02, Set: domainKeys(t, 0x20)}, {Protocol: scp.SCP03, Set: domainKeys(t, 0x30)}},
		Heap:     8192,
	})
	check(t, err)
	return img
}

// channels are the secure channels over which cards are personalised here.
var channels = []struct {
	name    string
	version byte
	level   scp.Level
}{
	{"SCP02 C-MAC", 0x20, scp.CMAC},
	{"SCP02 C-MAC C-DECRYPTION", 0x20, scp.CMAC | scp.CDEC},
	{"SCP03 C-MAC", 0x30, scp.CMAC},
	{"SCP03 all", 0x30, scp.CMAC | scp.CDEC | scp.RMAC | scp.RENC},
}

// order is the order for one card of the profile.
func order(t testing.TB, p *perso.Profile, version byte, level scp.Level) perso.Order {
	t.Helper()
	list, err := p.DGIs(developmentCard(t, p))
	check(t, err)
	return perso.Order{Keys: domainKeys(t, version), Challenge: [8]byte{1, 2, 3, 4, 5, 6, 7, 8}, Level: level,
		Instance: p.Product().AID, Groupings: list}
}

// personalise lets the machine and a powered chip talk until it is done.
func personalise(chip *card.Chip, o perso.Order) error {
	m := perso.NewPersonaliser(o)
	var answer []byte
	for {
		cmd, done, err := m.Next(answer)
		if done || err != nil {
			return err
		}
		if answer, err = chip.Transmit(nil, cmd); err != nil {
			return err
		}
	}
}

// personalised is a chip that came blank and was personalised without trouble.
func personalised(t testing.TB, p *perso.Profile, o perso.Order, side card.Interface) *card.Chip {
	t.Helper()
	chip := powered(t, blank(t, p), side)
	check(t, personalise(chip, o))
	return chip
}

// TestPersonalise: a card that was personalised over its interface answers every
// command like one that was built.
func TestPersonalise(t *testing.T) {
	for _, p := range wholeProfiles(t) {
		built, err := p.Image(developmentCard(t, p))
		check(t, err)
		for _, c := range channels {
			for _, side := range []card.Interface{card.Contact, card.Contactless} {
				chip := personalised(t, p, order(t, p, c.version, c.level), side)
				check(t, chip.PowerOn(random(5)))
				same(t, powered(t, built, side), chip, conversation(t, p, side == card.Contactless))
			}
		}
	}
}

// TestGroupingsOverSeveralBlocks: a record of 256 bytes goes over several STORE DATA commands.
func TestGroupingsOverSeveralBlocks(t *testing.T) {
	profiles := wholeProfiles(t)
	o := order(t, profiles[len(profiles)-1], 0x30, scp.CMAC)
	longest := 0
	for _, g := range o.Groupings {
		longest = max(longest, len(g.Append(nil)))
	}
	if longest != 5+256 {
		t.Errorf("the longest grouping has %d bytes with its header, want 261", longest)
	}
	m := perso.NewPersonaliser(o)
	chip := powered(t, blank(t, profiles[len(profiles)-1]), card.Contact)
	var answer []byte
	for done := false; !done; {
		var cmd []byte
		var err error
		cmd, done, err = m.Next(answer)
		check(t, err)
		if len(cmd) > 5+255+1 {
			t.Fatalf("a command of %d bytes", len(cmd))
		}
		if !done {
			answer, err = chip.Transmit(nil, cmd)
			check(t, err)
		}
	}
	if sent, all := m.Progress(); sent != all || all != len(o.Groupings)+1 {
		t.Errorf("%d of %d STORE DATA for %d groupings, of which one takes two", sent, all, len(o.Groupings))
	}
}

// TestPersonalisedSnapshot: a chip taken out and put in again is the same card.
func TestPersonalisedSnapshot(t *testing.T) {
	p := embedded(t, "dev-dual")
	chip := personalised(t, p, order(t, p, 0x30, scp.CMAC), card.Contact)
	other := card.New()
	other.UseInterface(card.Contact)
	check(t, other.Insert(blank(t, p), chip.Snapshot(nil)))
	check(t, chip.PowerOn(random(5)))
	check(t, other.PowerOn(random(5)))
	same(t, chip, other, conversation(t, p, false))
}

// TestBlank: a card without data gives its name and nothing else, and the PSE
// leads to it already.
func TestBlank(t *testing.T) {
	p := embedded(t, "dev-sm")
	o := order(t, p, 0x20, scp.CMAC)
	list := o.Groupings
	o.Groupings = list[:3]
	chip := powered(t, blank(t, p), card.Contact)
	s := &session{t: t, chip: chip}
	s.want(selectDebit, apdu.SWFileNotFound)
	err := personalise(chip, o)
	if !errors.Is(err, perso.ErrRefused) || !strings.Contains(err.Error(), "STORE DATA: block 2, grouping 0201") || !strings.Contains(err.Error(), "6A88") {
		t.Errorf("three groupings: %v", err)
	}
	if got := hex.EncodeToString(s.ok(selectDebit)); got != "6f0c8408a000000333010101a500" {
		t.Errorf("a blank application answers SELECT with %s", got)
	}
	for _, cmd := range []string{"00B2010C00", "80CA9F3600", "80A8000002830000", "0084000000"} {
		s.want(cmd, apdu.SWConditions)
	}
	if got := s.ok("00A404000E 315041592E5359532E4444463031 00"); !contains(got, []byte{0x88, 1, 1}) {
		t.Errorf("PSE %X", got)
	}
	if got := s.ok("00B2010C00"); !contains(got, p.Product().AID) {
		t.Errorf("directory %X", got)
	}
	// It is taken up again and then left alone.
	o.Groupings = list
	check(t, personalise(chip, o))
	before := chip.Snapshot(nil)
	o.Groupings = list[:1]
	check(t, personalise(chip, o))
	s.ok(selectDebit)
	if after := chip.Snapshot(nil); bytes.Equal(before, after) {
		t.Error("the sequence counter did not rise")
	}
	if got := s.ok("80CA9F7900"); !contains(got, []byte{0x00, 0x10, 0x00, 0x00}) {
		t.Errorf("balance %X", got)
	}
}

// TestInstalledCardBlock: an application that was installed closes the card when the
// issuer sends CARD BLOCK.
func TestInstalledCardBlock(t *testing.T) {
	p := embedded(t, "dev-sm")
	chip := personalised(t, p, order(t, p, 0x30, scp.CMAC), card.Contact)
	check(t, chip.PowerOn(random(5)))
	s := &session{t: t, chip: chip}
	dialogue := transaction(t, p, false, 600000, "0156", "", 1)
	s.ok(dialogue[0])
	s.ok(dialogue[1])
	arqc := s.ok(strings.Replace(dialogue[len(dialogue)-3], "80AE40", "80AE80", 1))
	if arqc[2] != 0x80 {
		t.Fatalf("no ARQC but %X", arqc)
	}
	in := append([]byte{0x84, 0x16, 0, 0, 4}, arqc[3:13]...) // ATC and cryptogram
	key := cryptogram.DeriveSessionKey(cryptogram.SM4, developmentCard(t, p).First.Keys.MAC, uint16(arqc[3])<<8|uint16(arqc[4]))
	mac := cryptogram.MAC(cryptogram.SM4, key, in)
	s.ok("8416000004" + hex.EncodeToString(mac[:4]))
	for range 2 {
		for _, cmd := range []string{selectDebit, selectPPSE, "00A404000E 315041592E5359532E4444463031 00", "00A4040008 A000000151000000 00"} {
			s.want(cmd, 0x6A81)
		}
		check(t, chip.PowerOn(random(5)))
	}
}

// TestPersonaliseRefused: what is wrong with a card's data is found by the card.
func TestPersonaliseRefused(t *testing.T) {
	p := embedded(t, "dev-3des")
	good := order(t, p, 0x20, scp.CMAC|scp.CDEC)
	edit := func(id uint16, change func(b []byte) []byte) perso.Order {
		o := good
		o.Groupings = nil
		for _, g := range good.Groupings {
			if g.ID == id {
				if g.Data = change(bytes.Clone(g.Data)); g.Data == nil {
					continue
				}
			}
			o.Groupings = append(o.Groupings, g)
		}
		return o
	}
	flip := func(b []byte) []byte { b[len(b)/2] ^= 0x10; return b }
	none := func([]byte) []byte { return nil }
	short := func(b []byte) []byte { return b[:1] }
	for _, c := range []struct {
		name string
		id   uint16
		edit func([]byte) []byte
		want string
	}{
		{"key", 0x8000, flip, "grouping 9000: the card refused: 6A80"},
		{"check value", 0x9000, flip, "grouping 9000: the card refused: 6A80"},
		{"no keys", 0x8000, none, "6A88"}, {"no check values", 0x9000, none, "6A88"},
		{"no record 9F47", 0x0102, none, "6A80"}, {"no last record", 0x0301, none, "6A80"},
		{"prime", 0x8205, flip, "6A80"}, {"no prime", 0x8205, none, "6A88"}, {"short prime", 0x8205, short, "6A80"},
		{"no FCI", 0x9103, none, "6A88"}, {"no GPO answer", 0x9207, none, "6A88"}, {"no tries", 0x9010, none, "6A88"},
		{"no amounts", 0x0D01, none, "6A88"}, {"AIP", 0x9104, short, "6A80"}, {"9F10", 0x9200, flip, "6A80"},
		{"record", 0x0201, short, "grouping 0201: the card refused: 6A80"},
	} {
		chip := powered(t, blank(t, p), card.Contact)
		err := personalise(chip, edit(c.id, c.edit))
		if !errors.Is(err, perso.ErrRefused) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", c.name, err, c.want)
		}
		// The same chip becomes a card with the right data.
		if err := personalise(chip, good); err != nil {
			t.Errorf("%s, then all right: %v", c.name, err)
		}
	}
	unknown := good
	unknown.Groupings = append(unknown.Groupings[:1:1], unknown.Groupings...)
	unknown.Groupings[0].ID = 0x7000
	if err := personalise(powered(t, blank(t, p), card.Contact), unknown); err == nil || !strings.Contains(err.Error(), "6A88") {
		t.Errorf("grouping 7000: %v", err)
	}
	small := good
	small.Params = []byte{0x06, 0x00}
	if err := personalise(powered(t, blank(t, p), card.Contact), small); err == nil || !strings.Contains(err.Error(), "6A84") {
		t.Errorf("an instance of 1536 bytes: %v", err)
	}
	wrong := good
	wrong.Keys.DEK[0] ^= 0x10
	if err := personalise(powered(t, blank(t, p), card.Contact), wrong); err == nil || !strings.Contains(err.Error(), "grouping 8000") && !strings.Contains(err.Error(), "grouping 9000") {
		t.Errorf("another DEK: %v", err)
	}
	wrong.Keys.MAC[0] ^= 0x10
	wrong.Keys.ENC[0] ^= 0x10
	if err := personalise(powered(t, blank(t, p), card.Contact), wrong); !errors.Is(err, scp.ErrCardCryptogram) {
		t.Errorf("other keys: %v", err)
	}
}

// TestTearPersonalisation cuts the power before every write of a personalisation,
// with each kind of tear. The same order, given again, makes the same card.
func TestTearPersonalisation(t *testing.T) {
	cuts, finished := 0, 0
	for i, name := range []string{"dev-sm", "dev-3des"} {
		p := embedded(t, name)
		o := order(t, p, channels[2*i].version, channels[2*i].level)
		img := blank(t, p)
		start := card.New()
		start.UseInterface(card.Contact)
		check(t, start.Insert(img, nil))
		check(t, start.PowerOn(random(5)))
		check(t, personalise(start, o))
		total := start.Memory().Writes()
		built, err := p.Image(developmentCard(t, p))
		check(t, err)
		commands := append([]string{selectDebit}, transaction(t, p, false, 300, "0156", "", 1)...)
		chip, reader := card.New(), card.New()
		chip.UseInterface(card.Contact)
		reader.UseInterface(card.Contact)
		for n := 1; n <= total; n++ {
			for _, tear := range tears {
				finished += cutPersonalisation(t, img, chip, o, n, tear)
				cuts++
				check(t, reader.Insert(built, nil))
				check(t, reader.PowerOn(random(6)))
				agree(t, reader, chip, commands)
			}
		}
	}
	if finished == 0 || finished == cuts {
		t.Errorf("%d of %d cuts left a personalised card: the end was not cut on both sides", finished, cuts)
	}
	t.Logf("%d power cuts during personalisation, %d after its end took effect", cuts, finished)
}

// cutPersonalisation cuts at write n, gives the order again and leaves the chip
// powered on; it tells (1 or 0) whether the first try had made the card.
func cutPersonalisation(t *testing.T, img *card.Image, chip *card.Chip, o perso.Order, n int, tear cos.Tear) int {
	t.Helper()
	check(t, chip.Insert(img, nil))
	check(t, chip.PowerOn(random(5)))
	chip.Memory().CutAt(n, tear)
	if err := personalise(chip, o); !errors.Is(err, card.ErrPowerCut) {
		t.Fatalf("write %d: error %v, want a power cut", n, err)
	}
	check(t, chip.PowerOn(random(5)))
	s := &session{t: t, chip: chip}
	done := 0
	if _, sw := s.send(selectDebit); sw == apdu.SWOK {
		if _, sw := s.send("80CA9F3600"); sw == apdu.SWOK {
			done = 1
		}
	}
	check(t, personalise(chip, o))
	check(t, chip.PowerOn(random(6)))
	return done
}

// agree is same for a short conversation that need not hold every command.
func agree(t testing.TB, a, b *card.Chip, commands []string) {
	t.Helper()
	for _, text := range commands {
		one, err := a.Transmit(nil, unhex(t, text))
		check(t, err)
		two, err := b.Transmit(nil, unhex(t, text))
		check(t, err)
		if !bytes.Equal(one, two) {
			t.Fatalf("%s: the built card answers %X, the torn one %X", text, one, two)
		}
	}
}

// TestPersonaliseDialogue shows a whole personalisation command by command, in
// testdata/personalise.txt; -rewrite makes the text anew.
func TestPersonaliseDialogue(t *testing.T) {
	datadriven.RunTest(t, "testdata/personalise.txt", func(t *testing.T, d *datadriven.TestData) string {
		var name string
		var version, level int
		d.ScanArgs(t, "profile", &name)
		d.ScanArgs(t, "keys", &version)
		d.ScanArgs(t, "level", &level)
		p := embedded(t, name)
		chip := powered(t, blank(t, p), card.Contact)
		m := perso.NewPersonaliser(order(t, p, byte(version), scp.Level(level)))
		var out strings.Builder
		var answer []byte
		for {
			cmd, done, err := m.Next(answer)
			check(t, err)
			if done {
				return out.String()
			}
			answer, err = chip.Transmit(nil, cmd)
			check(t, err)
			fmt.Fprintf(&out, "> %X\n< %X\n", cmd, answer)
		}
	})
}
