package card_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/card/files"
	"github.com/citycard/citycard/card/gp"
	"github.com/citycard/citycard/card/ppse"
	"github.com/citycard/citycard/crypt/scp"
	"github.com/citycard/citycard/wire/apdu"
)

// directories is a file system with an ADF for each name.
func directories(t testing.TB, aid string, names ...string) *files.Template {
	t.Helper()
	mf := cos.FileSpec{Kind: cos.DF, ID: cos.MasterFile}
	for i, name := range names {
		mf.Children = append(mf.Children, cos.FileSpec{Kind: cos.DF, ID: 0x1001 + uint16(i), Name: []byte(name)})
	}
	template, err := files.NewTemplate([]byte(aid), cos.FileSystemSpec{MF: mf})
	check(t, err)
	return template
}

// assembled powers a chip of the given parts.
func assembled(t testing.TB, side card.Interface, parts card.Parts) *session {
	t.Helper()
	img, err := card.Assemble(parts)
	check(t, err)
	return &session{t: t, chip: powered(t, img, side)}
}

func oneEntry(t testing.TB) *ppse.Directory {
	t.Helper()
	dir, err := ppse.New(ppse.Entry{AID: unhex(t, "A000000333010106"), Label: "A", Priority: 1})
	check(t, err)
	return dir
}

func byName(p2 byte, name string) string {
	return fmt.Sprintf("00A404%02X%02X%X00", p2, len(name), name)
}

// TestEveryOccurrenceOnce: a reader that asks for the next one until 6A82 meets all
// applications and then all directories of the root, wherever the root stands and
// whatever was selected at first.
func TestEveryOccurrenceOnce(t *testing.T) {
	root := directories(t, "A.ROOT", "A.CITY.1", "B.CITY.2", "A.CITY.3")
	other := directories(t, "A.OTHER")
	// A MF that bears the application's name is no further occurrence.
	named, err := files.NewTemplate([]byte("A.ROOT"), cos.FileSystemSpec{MF: cos.FileSpec{Kind: cos.DF, ID: cos.MasterFile, Name: []byte("A.ROOT"), Children: []cos.FileSpec{
		{Kind: cos.DF, ID: 0x1001, Name: []byte("A.CITY.1")}, {Kind: cos.DF, ID: 0x1003, Name: []byte("A.CITY.3")},
	}}})
	check(t, err)
	for _, list := range [][]cos.Template{{root, other}, {other, root}, {named, other}, {other, named}} {
		s := assembled(t, card.Contactless, card.Parts{Directory: oneEntry(t), Applications: list, Root: []byte("A.ROOT")})
		for _, before := range []string{"", selectPPSE, "00A4000002100300", byName(0, "A.CITY.3"), byName(0, "A.OTHER")} {
			if before != "" {
				s.ok(before)
			}
			var found []string
			_, sw := s.send(byName(0, "A."))
			for ; sw == apdu.SWOK && len(found) < 9; _, sw = s.send(byName(2, "A.")) {
				// FMD holds the name of an ADF; a MF without a name stands for its application.
				found = append(found, string(s.ok("00A40008023FFF00")[2:]))
			}
			want := []string{"", "", "\x84\x08A.CITY.1", "\x84\x08A.CITY.3"}
			if i := slices.Index(list, cos.Template(named)); i >= 0 {
				want[i] = "\x84\x06A.ROOT"
			}
			if sw != apdu.SWFileNotFound || !slices.Equal(found, want) {
				t.Errorf("after %q: %q, then %v; want %q", before, found, sw, want)
			}
		}
	}
}

// TestNextAfterReset: when nothing was selected by name, the next one is the first.
func TestNextAfterReset(t *testing.T) {
	s := assembled(t, card.Contactless, card.Parts{
		Applications: []cos.Template{directories(t, "A.OTHER"), directories(t, "A.ROOT", "A.CITY.1")}, Root: []byte("A.ROOT"),
	})
	s.ok(byName(2, "A."))
	s.ok(byName(2, "A."))
	if got := s.ok(byName(2, "A.")); !contains(got, []byte("A.CITY.1")) {
		t.Errorf("the third is %X", got)
	}
	s.want(byName(2, "A."), apdu.SWFileNotFound)
}

// TestDomainAsRoot: a root without directories does not find a name, and refuses
// files without ending what is selected.
func TestDomainAsRoot(t *testing.T) {
	d, err := gp.New(gp.Profile{
		Channels: []gp.Channel{{Protocol: scp.SCP03, Variant: scp.SCP03Full}},
		Keys:     []gp.Keys{{Protocol: scp.SCP03, Set: scp.KeySet{Version: 1}}},
	})
	check(t, err)
	s := assembled(t, card.Contact, card.Parts{Directory: oneEntry(t), Applications: []cos.Template{d}, Root: d.AID()})
	whole := s.ok("80CA006600") // selected by the reset
	s.want(selectApp, apdu.SWFileNotFound)
	s.want(byName(0, "1PAY.SYS.DDF01"), apdu.SWFileNotFound)
	s.ok("80CA006600")
	s.ok(selectPPSE)
	s.want("00A40000023F0000", apdu.SWWrongP1P2)
	s.want("80CA006600", apdu.SWUnknownINS) // the directory is still selected
	for _, short := range []string{"00A4040000", "00A40400"} {
		s.ok(selectPPSE)
		if got := s.ok(short); !contains(got, d.AID()) {
			t.Errorf("%s selects %X, want the domain", short, got)
		}
		if got := s.ok("80CA006600"); string(got) != string(whole) {
			t.Errorf("the domain answers %X", got)
		}
	}
	s.want("00A4041000", apdu.SWWrongP1P2)
}

// TestSelectOptions: bits of P2 that mean nothing are refused whatever they ask for.
func TestSelectOptions(t *testing.T) {
	s := assembled(t, card.Contact, card.Parts{Applications: []cos.Template{directories(t, "A.ROOT", "A.CITY.1")}, Root: []byte("A.ROOT")})
	for _, p2 := range []byte{0x01, 0x03, 0x10, 0x20, 0x40, 0x80, 0xF0, 0x82} {
		s.want(byName(p2, "A.ROOT"), apdu.SWWrongP1P2)
		s.want(byName(p2, "A.CITY.1"), apdu.SWWrongP1P2)
	}
	s.want("00A4040000", apdu.SWWrongLength) // no domain to be meant
	s.ok(byName(0x04, "A.CITY.1"))
}

// TestAutoInterface: only the PSE and a reset mean contacts, only the PPSE means
// the air; a directory of the city means neither. Over the contacts SELECT without
// Le is answered 61xx.
func TestAutoInterface(t *testing.T) {
	k := newSample(t, "sm", 5000)
	s := assembled(t, card.Auto, card.Parts{
		Directory:    oneEntry(t),
		Applications: []cos.Template{directories(t, "A.ROOT", "A.CITY.1", "1PAY.SYS.DDF01"), k.image.Cards()[0]}, Root: []byte("A.ROOT"),
	})
	noLe := selectApp[:len(selectApp)-3]
	for _, c := range []struct {
		before string
		air    bool
	}{
		{selectApp, false},
		{byName(0, "A.CITY.1"), false},
		{selectPPSE, true},
		{byName(0, "A.CITY.1"), true},
		{byName(0, "A.ROOT"), true},
		{byName(0, "1PAY.SYS.DDF01"), false},
		{byName(0, "A.CITY.1"), false},
	} {
		s.ok(c.before)
		if _, sw := s.send(noLe); (sw == apdu.SWOK) != c.air {
			t.Errorf("after %s: %v, over the air %v", c.before, sw, c.air)
		}
	}
	s.ok(selectPPSE)
	s.ok("00A4000002100100") // by identifier
	s.ok(noLe)
	check(t, s.chip.PowerOn(random(2)))
	if _, sw := s.send(noLe); sw>>8 != 0x61 {
		t.Errorf("after a reset: %v", sw)
	}
}
