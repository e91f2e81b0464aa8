package pboc_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/card/capp"
	"github.com/citycard/citycard/card/pboc"
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// The card of the transit tests is that of the script tests with the extension: files
// 15 (two records 0110 and one 0210, of 8 bytes of body), 17 (0710 to 0712), 1E (three
// records of at most 12 bytes); deposit 20.00 yuan.
const (
	transitPDOL = "9F66049F02069F03069F1A0295055F2A029A039C019F3704DF6001"
	openingByte = 0x50 // opening keys are 50 15.., 50 17..
	recordByte  = 0x40 // management keys 40 SFI ID..
)

var transitFiles = []capp.File{{SFI: 0x15, MaxRecord: 20, Size: 140}, {SFI: 0x17, MaxRecord: 20, Size: 140}, {SFI: 0x1E, MaxRecord: 12, Count: 3}}

// recordKey is the management key of a record, openingKey that of a file.
func recordKey(sfi byte, id uint16) cryptogram.Key {
	return cryptogram.Key{recordByte, sfi, byte(id >> 8), byte(id)}
}

func openingKey(sfi byte) cryptogram.Key { return cryptogram.Key{openingByte, sfi} }

// transitCard is how a test wants its card.
type transitCard struct {
	alg     cryptogram.Alg
	quota   bool
	blind   bool // the PDOL does not ask for DF60
	light   bool // no contact side
	support byte // DF61, 0 for 2
	balance money.Fen
	deposit money.Fen
	options uint32 // of 9F68, besides its own
}

func journeyRecord(id uint16, body string) []byte {
	return append([]byte{byte(id >> 8), byte(id), byte(len(body))}, body...)
}

func (w transitCard) product(t testing.TB) *pboc.Product {
	t.Helper()
	p := scriptProduct(t, w.alg)
	pdol := transitPDOL
	if w.blind {
		pdol = transitPDOL[:len(transitPDOL)-6]
	}
	if p.Transit = w.support; p.Transit == 0 {
		p.Transit = pboc.TransitHold
	}
	fci := func(pdol string) []byte {
		a5 := tlv.Append(tlv.Append(nil, 0x50, []byte("PBOC DEBIT")), tlv.TagPDOL, hexBytes(t, pdol))
		a5 = tlv.Append(a5, tlv.TagFCIIssuerDiscretionary, tlv.Append([]byte{0x9F, 0x4D, 2, 11, 3}, tlv.TagCAPPSupport, []byte{p.Transit}))
		return tlv.Append(nil, tlv.TagFCITemplate, tlv.Append(tlv.Append(nil, tlv.TagDFName, p.AID), tlv.TagFCIProprietary, a5))
	}
	p.PDOL, p.FCI, p.Contact.FCI = mustDOL(t, pdol), fci(pdol), fci("9F7A019F02065F2A02")
	p.Options |= w.options
	p.FDDA01 = true
	p.Extension = &pboc.Extension{Files: transitFiles, Deposit: w.deposit, Quota: w.quota}
	if w.quota {
		p.Contact.Cash = pboc.Path{}
	}
	if w.light {
		p.Contact = nil
	}
	noError(t, p.Prepare())
	return p
}

func (w transitCard) card(t testing.TB) *pboc.Card {
	t.Helper()
	c := scriptCard(t, w.alg)
	c.Product, c.Opening, c.Transit = w.product(t), w.balance, &pboc.TransitData{}
	for _, f := range transitFiles {
		c.Transit.Opening = append(c.Transit.Opening, openingKey(f.SFI))
	}
	for _, r := range []struct {
		sfi  byte
		id   uint16
		body string
	}{{0x15, 0x0110, "ready..."}, {0x15, 0x0210, "other..."}, {0x15, 0x0110, "second.."}, {0x17, 0x0710, "park...."}, {0x17, 0x0711, "park...1"}, {0x17, 0x0712, "park...2"}, {0x17, 0x0713, "park...3"}} {
		c.Transit.Records = append(c.Transit.Records, capp.Record{SFI: r.sfi, Key: recordKey(r.sfi, r.id), Data: journeyRecord(r.id, r.body)})
	}
	c.Transit.Records = append(c.Transit.Records, capp.Record{SFI: 0x1E, Key: recordKey(0x1E, 0), Data: []byte("issued")})
	noError(t, c.Check())
	return c
}

// gate is a terminal at the card, over the air.
type gate struct {
	t      testing.TB
	want   transitCard
	card   *pboc.Card
	image  *card.Image
	chip   *card.Chip
	atc    uint16 // of the last GET PROCESSING OPTIONS
	tc     []byte // its 9F26
	random bool   // the last record was read with a random number
	spoil  bool   // the next code is wrong
}

func newGate(t testing.TB, w transitCard) *gate {
	t.Helper()
	if w.alg == 0 {
		w.alg = cryptogram.TDES
	}
	c := w.card(t)
	g := &gate{t: t, want: w, card: c, image: scriptImage(t, c), chip: card.New()}
	g.chip.UseInterface(card.Contactless)
	noError(t, g.chip.Insert(g.image, nil))
	noError(t, g.chip.PowerOn(randomFrom(3)))
	return g
}

func (g *gate) powerOn(side card.Interface) {
	g.t.Helper()
	g.chip.PowerOff()
	g.chip.UseInterface(side)
	noError(g.t, g.chip.PowerOn(randomFrom(4)))
}

func (g *gate) state() pboc.State { return g.chip.Inspect() }

// transmit sends a command until the power fails.
func (g *gate) transmit(cmd []byte) ([]byte, apdu.SW, error) {
	g.t.Helper()
	out, err := g.chip.Transmit(nil, cmd)
	if err != nil {
		return nil, 0, err
	}
	data, sw, err := apdu.ParseResponse(out)
	noError(g.t, err)
	return data, sw, nil
}

func (g *gate) send(cmd []byte) ([]byte, apdu.SW) {
	g.t.Helper()
	data, sw, err := g.transmit(cmd)
	noError(g.t, err)
	return data, sw
}

func (g *gate) ok(cmd []byte) []byte {
	g.t.Helper()
	data, sw := g.send(cmd)
	if sw != apdu.SWOK {
		g.t.Fatalf("%X: %v, want 9000", cmd, sw)
	}
	return data
}

// The commands of the gate.

func (g *gate) selects() []byte { return hexBytes(g.t, selectDC) }

func (g *gate) read(sfi byte, id uint16, random, next bool) []byte {
	p2 := sfi << 3
	if next {
		p2 |= 1
	}
	cmd := []byte{0x80, 0xB4, 0, p2, 2, byte(id >> 8), byte(id)}
	if random {
		cmd[4] = 10
		cmd = append(cmd, 1, 2, 3, 4, 5, 6, 7, 8)
	}
	return append(cmd, 0)
}

// options is GET PROCESSING OPTIONS; ttq is byte 1 of 9F66.
func (g *gate) options(ttq byte, amount money.Fen, currency string, trade byte) []byte {
	v := fmt.Sprintf("%02X000080%s000000000000015600000000 00%s25112000 11223344", ttq, n12(amount), currency)
	if !g.want.blind {
		v += fmt.Sprintf("%02X", trade)
	}
	b := hexBytes(g.t, v)
	return append(append([]byte{0x80, 0xA8, 0, 0, byte(len(b) + 2), 0x83, byte(len(b))}, b...), 0)
}

const gateTTQ = 0x28 // qPBOC, offline only

func (g *gate) coded(header []byte, key cryptogram.Key, data []byte) []byte {
	cmd := append(append(bytes.Clone(header), byte(len(data)+4)), data...)
	code := capp.UpdateMAC(g.want.alg, key, g.atc, [5]byte(cmd), data)
	if g.spoil {
		code[3] ^= 1
		g.spoil = false
	}
	return append(cmd, code[:]...)
}

func (g *gate) update(sfi byte, key cryptogram.Key, record []byte) []byte {
	return g.coded([]byte{0x84, 0xDE, 0, sfi << 3}, key, record)
}

func (g *gate) appends(sfi byte, key cryptogram.Key, record []byte) []byte {
	wrapped := capp.WrapKey(g.want.alg, openingKey(sfi), key)
	return g.coded([]byte{0x04, 0xE2, 0, sfi << 3}, openingKey(sfi), append(wrapped[:], record...))
}

func (g *gate) prove(atc uint16) []byte {
	return []byte{0x80, 0x5A, 0, 0, 2, byte(atc >> 8), byte(atc), 8}
}

func (g *gate) last() []byte { return []byte{0x00, 0xB2, 1, 0x1C, 0} }

// push is Push PUT DATA with a MAC of n bytes.
func (g *gate) push(atc uint16, object []byte, n int) []byte {
	data := append([]byte{byte(atc >> 8), byte(atc)}, object...)
	cmd := append([]byte{0x04, 0xDA, 0, 0, byte(len(data) + n)}, data...)
	mac := cryptogram.MAC(g.want.alg, cryptogram.DeriveSessionKey(g.want.alg, g.card.Keys.MAC, atc), cmd)
	if g.spoil {
		mac[0] ^= 1
		g.spoil = false
	}
	return append(cmd, mac[:n]...)
}

// paid is what an answer to GET PROCESSING OPTIONS says.
func (g *gate) paid(data []byte) (outcome string) {
	g.t.Helper()
	body, ok := tlv.Find(data, tlv.TagResponseFormat2)
	if !ok {
		g.t.Fatalf("answer %X", data)
	}
	v, _ := tlv.Find(body, tlv.TagATC)
	g.atc = uint16(v[0])<<8 | uint16(v[1])
	g.tc, _ = tlv.Find(body, tlv.TagAC)
	v, _ = tlv.Find(body, tlv.TagIAD)
	iad, err := cryptogram.ParseIAD(v)
	noError(g.t, err)
	outcome = map[byte]string{0x90: "TC", 0xA0: "ARQC", 0x80: "AAC"}[iad.CVR[0]]
	if g.tc == nil {
		outcome += " without 9F26"
	}
	left, _ := tlv.Find(body, tlv.TagAvailableOffline)
	return fmt.Sprintf("%s %04X, CVR %X, 9F5D %X", outcome, g.atc, iad.CVR, left)
}

// script lets the issuer send commands in an online transaction over the contacts.
func (g *gate) script(cmds func(i *issuer) []string) []apdu.SW {
	g.t.Helper()
	g.powerOn(card.Contact)
	defer g.powerOn(card.Contactless)
	i := &issuer{t: g.t, chip: g.chip, card: g.card, image: g.image}
	noError(g.t, i.online())
	var out []apdu.SW
	for _, cmd := range cmds(i) {
		_, sw := i.send(cmd)
		out = append(out, sw)
	}
	return out
}
