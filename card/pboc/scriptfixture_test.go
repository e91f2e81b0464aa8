package pboc_test

import (
	"encoding/hex"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"strings"
	"testing"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/card/pboc"
	"github.com/citycard/citycard/card/ppse"
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/crypt/oda/devkeys"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// The card that scripts change: PAN 6228000100001117, PSN 01, keys derived from the
// issuer masters below, so that cryptograms are those of the vectors of
// package cryptogram; balance 100.00 yuan, limit 5000.00, PIN 123456; a second
// currency, 0344, with 50.00; magnetic stripe data; logs 11 and 12 of three records.
const (
	scriptPAN  = "6228000100001117FFFF"
	selectDC   = "00A4040008 A000000333010101 00"
	scriptGPO  = "80A800000B 8309 00 000000000100 0156 00"
	scriptTerm = "000000000100 000000000000 0156 0000000000 0156 251120 00 11223344" // 9F02 9F03 9F1A 95 5F2A 9A 9C 9F37
	scriptTime = "083015"                                                            // 9F21
)

// Issuer masters of the vectors of package cryptogram.
const (
	masterAC        = "0123456789ABCDEFFEDCBA9876543210"
	masterMAC       = "11223344556677888877665544332211"
	masterENC       = "A1A2A3A4A5A6A7A8B1B2B3B4B5B6B7B8"
	selectDirectory = "00A404000E 325041592E5359532E4444463031 00"
)

func hexBytes(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatalf("hex in the test: %v", err)
	}
	return b
}

// randomFrom is a repeatable stream of random bytes.
func randomFrom(seed byte) io.Reader { return mathrand.NewChaCha8([32]byte{seed}) }

func noError(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func mustDOL(t testing.TB, s string) tlv.DOL {
	t.Helper()
	d, err := tlv.ParseDOL(hexBytes(t, s))
	noError(t, err)
	return d
}

// scriptProduct is the product of that card.
func scriptProduct(t testing.TB, alg cryptogram.Alg) *pboc.Product {
	t.Helper()
	const (
		pdol  = "9F66049F02069F03069F1A0295055F2A029A039C019F3704"
		cpdol = "9F7A019F02065F2A02"
		cdol1 = "9F02069F03069F1A0295055F2A029A039C019F37049F2103"
	)
	aid := hexBytes(t, "A000000333010101")
	fci := func(pdol string) []byte {
		a5 := tlv.Append(tlv.Append(nil, 0x50, []byte("PBOC DEBIT")), tlv.TagPDOL, hexBytes(t, pdol))
		return tlv.Append(nil, tlv.TagFCITemplate, tlv.Append(tlv.Append(nil, tlv.TagDFName, aid), tlv.TagFCIProprietary, a5))
	}
	debit := pboc.Path{AIP: [2]byte{0x7C}, AFL: hexBytes(t, "08010100 20010200")}
	p := &pboc.Product{
		AID: aid, FCI: fci(pdol), PDOL: mustDOL(t, pdol), AIP: [2]byte{0x7C}, AFL: hexBytes(t, "08010100 18010100"),
		Options: pboc.OptECCheck | pboc.OptShowAvailable, Currency: [2]byte{1, 0x56}, Alg: alg, CVN: cryptogram.CVN01, DKI: 1, IDD: 1,
		LogSFI: 11, LogCount: 3, LogFormat: mustDOL(t, "9A039F02065F2A029F3602"), PINTries: 3, LastOnline: 1,
		Limits: pboc.Limits{Balance: 500000, Single: 50000, CVM: 100000, Foreign: 5, LCOL: 10, UCOL: 20, ForeignCountry: 4,
			CTTA: 100000, CTTAUpper: 200000, HasCTTAUpper: true, CTTADual: 100000, CurrencyFactor: [4]byte{0x20, 0, 0, 0x92}},
		Contact: &pboc.Contact{
			FCI: fci(cpdol), PDOL: mustDOL(t, cpdol), Debit: debit, Cash: debit,
			CDOL1: mustDOL(t, cdol1), CDOL2: mustDOL(t, "8A02"+cdol1), DDOL: mustDOL(t, "9F3704"),
			Country: [2]byte{1, 0x56}, PINLimit: 3, LoadLogSFI: 12, LoadLogCount: 3, LoadLogFormat: mustDOL(t, "9A039F21039F1A029F3602"),
			Second:    &pboc.SecondCurrency{Currency: [2]byte{3, 0x44}, Balance: 100000, Single: 20000, CVM: 10000},
			MSD:       &pboc.MSD{Path: pboc.Path{AIP: [2]byte{0, 0x80}, AFL: hexBytes(t, "28010100")}},
			Updatable: 160,
		},
	}
	noError(t, p.Prepare())
	return p
}

func scriptCard(t testing.TB, alg cryptogram.Alg) *pboc.Card {
	t.Helper()
	c := &pboc.Card{
		Product: scriptProduct(t, alg), Track2: hexBytes(t, "6228000100001117D30122200000012300000F"), PSN: 1, Name: []byte("DEV CARD"),
		Opening: 10000, SecondOpening: 5000, PIN: oda.PINBlock(hexBytes(t, "26123456FFFFFFFF")),
	}
	c.Records = []pboc.RecordData{
		{Record: pboc.Record{SFI: 1, Number: 1}, Body: hexBytes(t, "7010 5A086228000100001117 5F2403301231")},
		{Record: pboc.Record{SFI: 3, Number: 1}, Body: hexBytes(t, "9F7406454343303031")},
		{Record: pboc.Record{SFI: 4, Number: 1}, Body: tlv.Append(nil, 0x70, append(tlv.Append(nil, 0x8C, hexBytes(t, "9F02069F03069F1A0295055F2A029A039C019F37049F2103")),
			tlv.Append(nil, 0x8D, hexBytes(t, "8A029F02069F03069F1A0295055F2A029A039C019F37049F2103"))...))},
		{Record: pboc.Record{SFI: 4, Number: 2}, Body: hexBytes(t, "7005 9F08020030")},
	}
	pan := [10]byte(hexBytes(t, scriptPAN))
	for _, k := range []struct {
		hex string
		key *cryptogram.Key
	}{{masterAC, &c.Keys.AC}, {masterMAC, &c.Keys.MAC}, {masterENC, &c.Keys.ENC}, {masterENC, &c.Keys.DCVN}} {
		b, err := cryptogram.NewBlock(alg, cryptogram.Key(hexBytes(t, k.hex)))
		noError(t, err)
		*k.key = cryptogram.DeriveCardKey(alg, b, pan, 1)
	}
	var err error
	if alg == cryptogram.SM4 {
		c.Signer, err = oda.NewSM2Private(devkeys.SM2Card(pan, 1))
	} else {
		c.Signer, err = oda.NewRSAPrivate(devkeys.RSACard(0))
	}
	noError(t, err)
	noError(t, c.Check())
	return c
}

// issuer is a terminal at a powered card's contacts with the issuer behind it.
type issuer struct {
	t       testing.TB
	chip    *card.Chip
	card    *pboc.Card
	image   *card.Image
	atc     uint16
	ac      [8]byte // first cryptogram of the transaction
	damaged bool    // the next MAC is wrong
}

func scriptImage(t testing.TB, c *pboc.Card) *card.Image {
	t.Helper()
	dir, err := ppse.New(ppse.Entry{AID: c.Product.AID, Label: "PBOC DEBIT", Priority: 1})
	noError(t, err)
	img, err := card.Assemble(card.Parts{Directory: dir, Applications: []cos.Template{c}})
	noError(t, err)
	return img
}

func newIssuer(t testing.TB, alg cryptogram.Alg) *issuer {
	t.Helper()
	c := scriptCard(t, alg)
	return (&issuer{t: t, card: c, image: scriptImage(t, c)}).insert(nil)
}

// insert puts a card with this memory into a new chip and starts it.
func (i *issuer) insert(nvm []byte) *issuer {
	i.t.Helper()
	n := *i
	n.chip = card.New()
	n.chip.UseInterface(card.Contact)
	noError(n.t, n.chip.Insert(n.image, nvm))
	noError(n.t, n.chip.PowerOn(randomFrom(3)))
	return &n
}

// transmit sends a command given in hex until the power fails.
func (i *issuer) transmit(cmd string) ([]byte, apdu.SW, error) {
	i.t.Helper()
	out, err := i.chip.Transmit(nil, hexBytes(i.t, cmd))
	if err != nil {
		return nil, 0, err
	}
	data, sw, err := apdu.ParseResponse(out)
	noError(i.t, err)
	return data, sw, nil
}

func (i *issuer) send(cmd string) ([]byte, apdu.SW) {
	i.t.Helper()
	data, sw, err := i.transmit(cmd)
	noError(i.t, err)
	return data, sw
}

func (i *issuer) ok(cmd string) []byte {
	i.t.Helper()
	data, sw := i.send(cmd)
	if sw != apdu.SWOK {
		i.t.Fatalf("%s: answer %v, want 9000", cmd, sw)
	}
	return data
}

func (i *issuer) want(cmd string, want apdu.SW) {
	i.t.Helper()
	if _, sw := i.send(cmd); sw != want {
		i.t.Fatalf("%s: answer %v, want %v", cmd, sw, want)
	}
}

// generateAC is GENERATE AC with the values of the test's terminal.
func generateAC(t testing.TB, p1 byte, arc string) string {
	t.Helper()
	data := append([]byte(arc), hexBytes(t, scriptTerm+scriptTime)...)
	return fmt.Sprintf("80AE%02X00%02X%X00", p1, len(data), data)
}

// first begins a transaction, as far as the answer to the first GENERATE AC.
func (i *issuer) first() error {
	i.t.Helper()
	for _, cmd := range []string{selectDC, scriptGPO} {
		if _, _, err := i.transmit(cmd); err != nil {
			return err
		}
	}
	data, sw, err := i.transmit(generateAC(i.t, 0x80, ""))
	if err != nil {
		return err
	}
	v, found := tlv.Find(data, tlv.TagResponseFormat1)
	if sw != apdu.SWOK || !found || len(v) < 11 {
		i.t.Fatalf("first GENERATE AC: %X %v", data, sw)
	}
	i.atc, i.ac = uint16(v[1])<<8|uint16(v[2]), [8]byte(v[3:])
	return nil
}

// second authenticates the issuer and takes its approval to the card.
func (i *issuer) second() error {
	i.t.Helper()
	arc := [2]byte{'0', '0'}
	alg := i.card.Product.Alg
	arpc := cryptogram.ARPC(alg, cryptogram.DeriveSessionKey(alg, i.card.Keys.AC, i.atc), i.ac, arc)
	for _, cmd := range []string{fmt.Sprintf("008200000A%X3030", arpc), generateAC(i.t, 0x40, "00")} {
		_, sw, err := i.transmit(cmd)
		if err != nil {
			return err
		}
		if sw != apdu.SWOK {
			i.t.Fatalf("%s: %v", cmd, sw)
		}
	}
	return nil
}

// online is a whole transaction up to its scripts.
func (i *issuer) online() error {
	i.t.Helper()
	if err := i.first(); err != nil {
		return err
	}
	return i.second()
}

// script is a command with the issuer's MAC; header in hex.
func (i *issuer) script(header string, data []byte) string {
	i.t.Helper()
	alg := i.card.Product.Alg
	h := [4]byte(hexBytes(i.t, header))
	mac, err := cryptogram.ScriptMAC(alg, cryptogram.DeriveSessionKey(alg, i.card.Keys.MAC, i.atc), h, i.atc, i.ac, data)
	noError(i.t, err)
	if i.damaged {
		mac[3] ^= 1
	}
	return fmt.Sprintf("%X%02X%X%X", h, len(data)+4, data, mac)
}

// putData is PUT DATA of a tag.
func (i *issuer) putData(tag, value string) string {
	return i.script("04DA"+tag, hexBytes(i.t, value))
}

// load is PUT DATA of a new balance.
func (i *issuer) load(balance money.Fen) string {
	v, err := balance.N12()
	noError(i.t, err)
	return i.putData("9F79", hex.EncodeToString(v[:]))
}

func (i *issuer) state() pboc.State { return i.chip.Inspect() }
