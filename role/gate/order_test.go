package gate_test

import (
	"bytes"
	"context"
	"slices"
	"testing"

	"github.com/citycard/citycard/role/gate"
	"github.com/citycard/citycard/role/virtualcard"
	terminal "github.com/citycard/citycard/terminal/gate"
	"github.com/citycard/citycard/wire/apdu"
)

// Names on the livelihood card.
var (
	bankName  = []byte{0xA0, 0x00, 0x00, 0x03, 0x33, 0x01, 0x01, 0x01}
	purseName = []byte{0xA0, 0x00, 0x00, 0x06, 0x32, 0x01, 0x01, 0x05}
)

// TestPurseOfAWholeCard: in the usual order a gate pays with the purse of a livelihood
// card, which carries the journey, and not with the bank's application, though that
// stands before it in the card's directory.
func TestPurseOfAWholeCard(t *testing.T) {
	p := newPlant(t, "livelihood", true)
	tr, r := p.tap(gate.Setup{Mode: terminal.Entry, Station: p.station("天安门东")}, noon)
	if tr.Outcome() != gate.Opened || r.Rows[0].Scheme != "purse" || r.After[0].State != "in" {
		t.Fatalf("entry: %+v", r)
	}
	tr, r = p.tap(gate.Setup{Mode: terminal.Exit, Station: p.station("国贸")}, noon+1200)
	x := r.Rows[0]
	if tr.Outcome() != gate.Opened || r.Amount == 0 || x.Scheme != "purse" || x.Purse == nil || x.Purse.Before-r.Amount != *r.Balance || x.EntryATC != 1 {
		t.Fatalf("exit: %+v", r)
	}
	if r.Before[0].State != "in" || r.After[0].State != "out" || r.After[0].Amount != r.Amount || r.Trip == nil || r.Trip.Station != "国贸" {
		t.Errorf("before %+v, after %+v, trip %+v", r.Before, r.After, r.Trip)
	}
	// A terminal without a module takes no purses: the same card pays as a bank card.
	p.module = false
	p.tap(gate.Setup{Mode: terminal.Entry, Station: p.station("天安门东")}, noon+3600)
	if tr, r = p.tap(gate.Setup{Mode: terminal.Exit, Station: p.station("国贸")}, noon+4800); tr.Outcome() != gate.Opened || r.Amount == 0 || r.Rows[len(r.Rows)-1].Scheme != "finance" {
		t.Errorf("without a module: %+v", r)
	}
}

// TestOrderChooses: what the card's directory says over the air leaves the choice to the
// terminal's order, and where the order does not choose, to the card's priorities.
func TestOrderChooses(t *testing.T) {
	p := newPlant(t, "livelihood", true)
	c, err := virtualcard.Reader(p.card)
	check(t, err)
	defer c.Close()
	selecting := apdu.Command{INS: 0xA4, P1: 0x04, Data: []byte(terminal.DirectoryName), Le: apdu.MaxShortLe}
	cmd, err := selecting.Append(nil)
	check(t, err)
	answer, err := c.Transmit(context.Background(), nil, cmd)
	check(t, err)
	fci, sw, err := apdu.ParseResponse(answer)
	if err != nil || sw != apdu.SWOK {
		t.Fatalf("SELECT of the directory: %v, %v", sw, err)
	}
	bankFirst := terminal.DefaultApplications()
	slices.Reverse(bankFirst)
	bank := terminal.Application{Prefix: bankName[:7], Kind: terminal.FinanceApplication}
	for what, c := range map[string]struct {
		order []terminal.Application
		kind  terminal.ApplicationKind
		name  []byte
	}{
		"usual":             {terminal.DefaultApplications(), terminal.TUnionPurse, purseName},
		"the bank first":    {bankFirst, terminal.FinanceApplication, bankName},
		"the bank alone":    {[]terminal.Application{bank}, terminal.FinanceApplication, bankName},
		"City Union first":  {append([]terminal.Application{{Prefix: []byte{0xA0, 0x00, 0x00, 0x00, 0x03}, Kind: terminal.CityUnionPurse}}, bank), terminal.FinanceApplication, bankName},
		"one line for both": {[]terminal.Application{{Prefix: bankName[:3], Kind: terminal.FinanceApplication}}, terminal.FinanceApplication, bankName},
	} {
		if got, ok := terminal.Choose(c.order, fci); !ok || got.Kind != c.kind || !bytes.Equal(got.Name(), c.name) {
			t.Errorf("%s: %v, kind %d, %X", what, ok, got.Kind, got.Name())
		}
	}
}
