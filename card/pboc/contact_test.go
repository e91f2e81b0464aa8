package pboc_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/card/pboc"
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// TestVersion17 pays over the contacts with cryptograms of version 17.
func TestVersion17(t *testing.T) {
	p := bothProduct(t)
	p.CVN = cryptogram.CVN17
	s := newTill(t, bothCard(t, p), card.Contact, nil)
	for _, w := range [][]string{line("select"), line("gpo", "cash"), line("gac", "tc")} {
		data := s.ok(s.command(w))
		if w[0] != "gac" {
			continue
		}
		if a := s.read(data, [2]byte{0x7D, 1}); a.cid != 0x40 || a.iad.CVN != cryptogram.CVN17 {
			t.Errorf("CID %02X, %v", a.cid, a.iad.CVN)
		}
	}
}

// TestLastCounter: the last value of 9F36 blocks the application for good, over the
// contacts as over the air.
func TestLastCounter(t *testing.T) {
	c := bothCard(t, bothProduct(t))
	nvm := newTill(t, c, card.Contact, nil).chip.Snapshot(nil)
	nvm[1], nvm[2] = 0xFF, 0xFD
	s := newTill(t, c, card.Contact, nvm)
	s.ok(selectDC)
	s.ok(s.options(true))
	if data := s.ok(s.generate(0x40, "")); s.read(data, [2]byte{0x7D, 1}).atc != 0xFFFE {
		t.Fatal("the counter is not FFFE")
	}
	s.ok(selectDC)
	for range 2 {
		if _, sw := s.send(s.options(true)); sw != apdu.SWConditions {
			t.Fatalf("with counter FFFF: %v", sw)
		}
	}
	if _, sw := s.send(s.generate(0x40, "")); sw != apdu.SWConditions {
		t.Fatalf("GENERATE AC with counter FFFF: %v", sw)
	}
	if data, sw := s.send(selectDC); sw != apdu.SWInvalidated || len(data) == 0 {
		t.Fatalf("SELECT: %X %v", data, sw)
	}
}

// TestImpossibleMemory: memory that no card of the product can have is refused.
func TestImpossibleMemory(t *testing.T) {
	s := newTill(t, bothCard(t, bothProduct(t)), card.Contact, nil)
	good := s.chip.Snapshot(nil)
	p := s.card.Product
	extended := 1 + 32 + 3*p.LogFormat.Len()
	for what, edit := range map[string]func(b []byte){
		"16 PIN tries":         func(b []byte) { b[1+3] = 16 },
		"status 04":            func(b []byte) { b[extended] = 4 },
		"memory bit 7":         func(b []byte) { b[extended+2] = 0x80 },
		"16 scripts":           func(b []byte) { b[extended+3] = 16 },
		"spare byte":           func(b []byte) { b[extended+5] = 1 },
		"dual CTTA":            func(b []byte) { b[extended+12] = 0x0A },
		"flag of a second set": func(b []byte) { b[1+2] = 0x10 },
	} {
		b := append([]byte{}, good...)
		edit(b)
		if err := card.New().Insert(s.img, b); !errors.Is(err, cos.ErrMemory) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

type noRandom struct{}

func (noRandom) Read([]byte) (int, error) { return 0, errors.New("no random numbers") }

// TestNoRandomNumbers: a command that needs random numbers and gets none answers
// 6F00, and nothing is paid.
func TestNoRandomNumbers(t *testing.T) {
	s := newTill(t, bothCard(t, bothProduct(t)), card.Contact, nil)
	s.chip.PowerOff()
	noError(t, s.chip.PowerOn(noRandom{}))
	s.ok(selectDC)
	s.ok(s.options(true))
	before := s.chip.Inspect()
	for _, cmd := range []string{"0084000000", "00880000041122334400", s.generate(0x50, "")} {
		if data, sw := s.send(cmd); sw != apdu.SWUnknown || len(data) != 0 {
			t.Errorf("%s: %X %v, want 6F00", cmd, data, sw)
		}
	}
	if st := s.chip.Inspect(); st != before {
		t.Errorf("the card is %+v, was %+v", st, before)
	}
	if _, sw := s.send(s.generate(0x40, "")); sw != apdu.SWConditions {
		t.Errorf("GENERATE AC after 6F00: %v, want 6985", sw)
	}
}

// TestPrepareContact refuses products whose parts do not fit.
func TestPrepareContact(t *testing.T) {
	long := tlv.DOL{{Tag: 0x9F4E, Len: 255}, {Tag: 0x9F1C, Len: 255}}
	for want, edit := range map[string]func(p *pboc.Product, k *pboc.Contact){
		"contact FCI of 0":                       func(_ *pboc.Product, k *pboc.Contact) { k.FCI = nil },
		"contact PDOL asks for 510":              func(_ *pboc.Product, k *pboc.Contact) { k.PDOL = long },
		"contact PDOL asks for 9F02 with 5":      func(_ *pboc.Product, k *pboc.Contact) { k.PDOL = tlv.DOL{{Tag: 0x9F02, Len: 5}} },
		"contact PDOL does not ask for 9F7A":     func(_ *pboc.Product, k *pboc.Contact) { k.PDOL = nil },
		"CDOL1 does not ask for 9F02":            func(_ *pboc.Product, k *pboc.Contact) { k.CDOL1 = nil },
		"CDOL2 does not ask for 8A":              func(_ *pboc.Product, k *pboc.Contact) { k.CDOL2 = k.CDOL1 },
		"DDOL asks for 510":                      func(_ *pboc.Product, k *pboc.Contact) { k.DDOL = long },
		"DDOL asks for 3":                        func(_ *pboc.Product, k *pboc.Contact) { k.DDOL = tlv.DOL{{Tag: 0x9A, Len: 3}} },
		"debit/credit, set of algorithms 1: AFL": func(_ *pboc.Product, k *pboc.Contact) { k.Debit.AFL = nil },
		"electronic cash over the contacts, set of algorithms 1: AFL": func(_ *pboc.Product, k *pboc.Contact) {
			k.Cash.AFL = []byte{1}
		},
		"debit/credit, set of algorithms 2: AFL": func(p *pboc.Product, _ *pboc.Contact) { p.Alternative.Debit.AFL = nil },
		"second set of algorithms is 3DES":       func(p *pboc.Product, _ *pboc.Contact) { p.Alternative.Alg = cryptogram.TDES },
		"second set of algorithms, qPBOC: AFL":   func(p *pboc.Product, _ *pboc.Contact) { p.Alternative.Contactless.AFL = nil },
		"PDOL does not ask for DF69":             func(p *pboc.Product, _ *pboc.Contact) { p.PDOL = p.PDOL[:len(p.PDOL)-1] },
		"16 PIN tries":                           func(p *pboc.Product, _ *pboc.Contact) { p.PINTries = 16 },
		"3 PIN tries of 16":                      func(_ *pboc.Product, k *pboc.Contact) { k.PINLimit = 16 },
		"load log entry DF4D 0B03":               func(_ *pboc.Product, k *pboc.Contact) { k.LoadLogSFI = 11 },
		"load log entry DF4D 0C00":               func(_ *pboc.Product, k *pboc.Contact) { k.LoadLogCount = 0 },
		"load log format makes records of 524":   func(_ *pboc.Product, k *pboc.Contact) { k.LoadLogFormat = long },
		"9F73 0A000000 is not decimal":           func(p *pboc.Product, _ *pboc.Contact) { p.Limits.CurrencyFactor = [4]byte{0x0A} },
		"9F75 is":                                func(p *pboc.Product, _ *pboc.Contact) { p.Limits.CTTADual = -1 },
		"second currency has an amount":          func(_ *pboc.Product, k *pboc.Contact) { k.Second.CVM = -1 },
		"DF71 is 0156":                           func(_ *pboc.Product, k *pboc.Contact) { k.Second.Currency = [2]byte{1, 0x56} },
	} {
		p := bothProduct(t)
		edit(p, p.Contact)
		if err := p.Prepare(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, error %v", want, err)
		}
	}
}

// plainSigner makes no combined signatures.
type plainSigner struct{ oda.DynamicSigner }

// TestCheckContact refuses cards whose parts do not fit.
func TestCheckContact(t *testing.T) {
	for want, edit := range map[string]func(c *pboc.Card){
		"do not both have one":             func(c *pboc.Card) { c.Alternative = nil },
		"private key for 9F4B of the seco": func(c *pboc.Card) { c.Alternative.Signer = nil },
		"format 2":                         func(c *pboc.Card) { c.PIN[0] = 0x16 },
		"without tries after a right one":  func(c *pboc.Card) { c.Product.Contact.PINLimit = 0 },
		"is that of magnetic stripe data":  func(c *pboc.Card) { c.Product.Contact.MSD.Path.AFL = hexBytes(t, "20010100") },
		"debit/credit: the AFL names the":  func(c *pboc.Card) { c.Product.Contact.LoadLogSFI = 4 },
		"DF79":                             func(c *pboc.Card) { c.SecondOpening = 100001 },
		"qPBOC: record 1 of file 7":        func(c *pboc.Card) { c.Records = c.Records[:5] },
		"debit/credit: record 2 of file 4": func(c *pboc.Card) { c.Records[3].Number = 9 },
		"debit/credit: AIP 7D00 promises":  func(c *pboc.Card) { c.Signer = plainSigner{c.Signer} },
		"second debit/credit: AIP 7D00":    func(c *pboc.Card) { c.Alternative.Signer = plainSigner{c.Alternative.Signer} },
	} {
		c := bothCard(t, bothProduct(t))
		edit(c)
		if err := c.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, error %v", want, err)
		}
	}
}

// issuerCommand carries out a script command with a right MAC.
func (s *till) issuerCommand(header, data string) apdu.SW {
	s.t.Helper()
	alg, keys := s.alg()
	h, d := [4]byte(hexBytes(s.t, header)), hexBytes(s.t, data)
	mac, err := cryptogram.ScriptMAC(alg, cryptogram.DeriveSessionKey(alg, keys.MAC, s.atc), h, s.atc, s.ac, d)
	noError(s.t, err)
	_, sw := s.send(fmt.Sprintf("%X%02X%X%X", h, len(d)+4, d, mac))
	return sw
}

// begin plays lines as a dialogue does and gives the last answer to GENERATE AC.
func (s *till) begin(lines ...[]string) answer {
	s.t.Helper()
	k := tearCase{name: "lines", lines: lines}
	g, err := k.run(s, len(lines))
	noError(s.t, err)
	if g.last == nil {
		return answer{}
	}
	return *g.last
}

// TestCashAfterScripts: what scripts do between the two GENERATE AC holds for the
// second, and a blocked application pays nothing, until it is free again.
func TestCashAfterScripts(t *testing.T) {
	arqc := [][]string{line("select"), line("gpo", "cash"), line("gac", "arqc")}
	unable := line("gac", "tc", "Y3")
	s := newTill(t, bothCard(t, bothProduct(t)), card.Contact, nil)
	s.begin(arqc...)
	if sw := s.issuerCommand("04DA9F79", "000000000099"); sw != apdu.SWOK {
		t.Fatalf("PUT DATA: %v", sw)
	}
	if a := s.begin(unable); a.cid != 0 || s.chip.Inspect().Balance != 99 {
		t.Errorf("1.00 of 0.99: CID %02X, balance %v", a.cid, s.chip.Inspect().Balance)
	}

	s.insert(nil)
	s.begin(arqc...)
	if sw := s.issuerCommand("04DA9F78", "000000000099"); sw != apdu.SWOK {
		t.Fatalf("PUT DATA: %v", sw)
	}
	if a := s.begin(unable); a.cid != 0 || s.chip.Inspect().Balance != 10000 {
		t.Errorf("1.00 where 0.99 is the limit: CID %02X, balance %v", a.cid, s.chip.Inspect().Balance)
	}

	s.insert(nil)
	s.begin(arqc...)
	if sw := s.issuerCommand("841E0000", ""); sw != apdu.SWOK {
		t.Fatalf("APPLICATION BLOCK: %v", sw)
	}
	if a := s.begin(unable); a.cid != 0 {
		t.Errorf("blocked before the second GENERATE AC: CID %02X", a.cid)
	}
	if _, sw := s.send(selectDC); sw != apdu.SWInvalidated {
		t.Errorf("SELECT of a blocked application: %v", sw)
	}
	for _, ask := range []string{"tc", "arqc"} {
		if a := s.begin(line("select"), line("gpo", "cash"), line("gac", ask)); a.cid != 0 || s.aip != [2]byte{0x7D, 1} {
			t.Errorf("blocked, asked for %s: CID %02X on the way of AIP %X", ask, a.cid, s.aip)
		}
	}
	if sw := s.issuerCommand("84180000", ""); sw != apdu.SWOK {
		t.Fatalf("APPLICATION UNBLOCK: %v", sw)
	}
	if a := s.begin(line("select"), line("gpo", "cash"), line("gac", "tc")); a.cid != 0x40 {
		t.Errorf("free again: CID %02X", a.cid)
	}
	if st := s.chip.Inspect(); st.Balance != 9900 {
		t.Errorf("balance %v, want 99.00", st.Balance)
	}
}

// TestNoPIN: a card without a PIN refuses every one, and needs none to pay.
func TestNoPIN(t *testing.T) {
	p := bothProduct(t)
	p.PINTries = 0
	c := bothCard(t, p)
	c.PIN = oda.PINBlock{}
	s := newTill(t, c, card.Contact, nil)
	s.begin(line("select"), line("gpo", "cash"))
	for range 2 {
		if _, sw := s.send("0020008008 2000000000000000"); sw != apdu.SWDataInvalidated {
			t.Fatalf("VERIFY: %v", sw)
		}
	}
	if a := s.begin(line("gac", "tc")); a.cid != 0x40 || a.iad.CVR != [3]byte{0x90} {
		t.Errorf("CID %02X CVR %X", a.cid, a.iad.CVR)
	}
	p.PINTries = 3
	s.insert(nil)
	s.begin(line("select"), line("gpo", "cash"))
	if _, sw := s.send("0020008008 0000000000000000"); sw != apdu.SWDataInvalidated {
		t.Errorf("VERIFY of nothing against nothing: %v", sw)
	}
}

// TestNoIssuerAuthentication: EXTERNAL AUTHENTICATE is for cards that say so in 82.
func TestNoIssuerAuthentication(t *testing.T) {
	p := bothProduct(t)
	p.Contact.Debit.AIP[0] &^= 0x04
	s := newTill(t, bothCard(t, p), card.Contact, nil)
	s.begin(line("select"), line("gpo"), line("gac", "arqc"))
	if _, sw := s.send(s.arpc("00")); sw != apdu.SWConditions {
		t.Errorf("EXTERNAL AUTHENTICATE: %v", sw)
	}
	if a := s.begin(line("gac", "tc", "00")); a.cid != 0x40 || a.iad.CVR != [3]byte{0x60} {
		t.Errorf("CID %02X CVR %X", a.cid, a.iad.CVR)
	}
}

// TestRefusedChoice: algorithms that came with a refused GET PROCESSING OPTIONS are
// not used by the next.
func TestRefusedChoice(t *testing.T) {
	s := newTill(t, bothCard(t, bothProduct(t)), card.Contact, nil)
	s.ok(selectDC)
	if _, sw := s.send("80A800000C 830A 01 00000000000A 0156 01 00"); sw != apdu.SWWrongData {
		t.Fatalf("an amount that is not decimal: %v", sw)
	}
	want := cryptogram.MAC(cryptogram.TDES, cryptogram.DeriveSessionKey(cryptogram.TDES, s.card.Keys.MAC, 0), []byte{0, 0, 0})
	if got := s.ok("00B2006400"); !bytes.Equal(got[3:], want[:4]) {
		t.Errorf("summary of the load log %X, want the MAC %X", got, want[:4])
	}
	if a := s.begin(line("gpo", "cash"), line("gac", "tc")); a.iad.Alg != cryptogram.TDES {
		t.Errorf("cryptogram of %v", a.iad.Alg)
	}
}
