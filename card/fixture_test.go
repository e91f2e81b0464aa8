package card_test

import (
	"bytes"
	"encoding/hex"
	"io"
	mathrand "math/rand/v2"
	"strings"
	"testing"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/card/pboc"
	"github.com/citycard/citycard/card/perso"
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/crypt/oda/devkeys"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// Issuer master keys of the tests; with PAN 6228000100001117 and PSN 01 they give
// the card keys that the vectors of package cryptogram use.
const (
	masterAC  = "0123456789ABCDEFFEDCBA9876543210"
	masterMAC = "11223344556677888877665544332211"
	masterENC = "A1A2A3A4A5A6A7A8B1B2B3B4B5B6B7B8"
)

var month = oda.MonthOf(2026, 11)

// sample is everything about one kind of card that a test needs.
type sample struct {
	profile *perso.Profile
	id      perso.Identity
	keys    pboc.Keys
	certs   perso.Certs
	signer  oda.DynamicSigner
	masters [2]cryptogram.Block // AC, MAC
	image   *card.Image
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatalf("hex in the test: %v", err)
	}
	return b
}

// random is a repeatable stream of random bytes.
func random(seed byte) io.Reader { return mathrand.NewChaCha8([32]byte{seed}) }

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func source(t testing.TB, profile string) string {
	t.Helper()
	b, err := perso.EmbeddedSource(profile)
	check(t, err)
	return string(b)
}

// newSample personalises a card of an embedded profile; edits are pairs of old and
// new text in its YAML.
func newSample(t testing.TB, profile string, opening money.Fen, edits ...string) *sample {
	t.Helper()
	text := source(t, profile)
	for i := 0; i < len(edits); i += 2 {
		if !strings.Contains(text, edits[i]) {
			t.Fatalf("profile %s does not contain %q", profile, edits[i])
		}
		text = strings.Replace(text, edits[i], edits[i+1], 1)
	}
	return newSampleFrom(t, text, opening)
}

func newSampleFrom(t testing.TB, text string, opening money.Fen) *sample {
	t.Helper()
	k := &sample{}
	var err error
	k.profile, err = perso.Parse([]byte(text))
	check(t, err)
	pan, err := txn.ParsePAN("6228000100001117")
	check(t, err)
	k.id = perso.Identity{PAN: pan, PSN: 0x01, Effective: [3]byte{0x25, 0x01, 0x01}, Expiry: [3]byte{0x30, 0x12, 0x31}}
	alg := k.profile.Product().Alg
	for i, m := range []struct {
		hex string
		key *cryptogram.Key
	}{{masterAC, &k.keys.AC}, {masterMAC, &k.keys.MAC}, {masterENC, &k.keys.ENC}} {
		b, err := cryptogram.NewBlock(alg, cryptogram.Key(unhex(t, m.hex)))
		check(t, err)
		*m.key = cryptogram.DeriveCardKey(alg, b, k.id.PAN, k.id.PSN)
		if i < 2 {
			k.masters[i] = b
		}
	}
	if k.profile.SM() {
		k.certifySM2(t)
	} else {
		k.certifyRSA(t)
	}
	k.image, err = perso.Build(k.profile, k.id, k.keys, k.certs, k.signer, opening)
	check(t, err)
	return k
}

var (
	issuerCert = oda.IssuerCert{IssuerID: [4]byte{0x62, 0x28, 0x00, 0xFF}, Expiry: [2]byte{0x12, 0x35}, Serial: [3]byte{0, 0, 1}}
	cardCert   = oda.CardCert{Expiry: [2]byte{0x12, 0x30}, Serial: [3]byte{0, 0, 2}}
)

func (k *sample) certifySM2(t testing.TB) {
	ca, err := oda.NewSM2Private(devkeys.SM2CA())
	check(t, err)
	issuer, err := oda.NewSM2Private(devkeys.SM2Issuer(0))
	check(t, err)
	own, err := oda.NewSM2Private(devkeys.SM2Card(k.id.PAN, k.id.PSN))
	check(t, err)
	k.signer = own
	k.certs.CAIndex = devkeys.SM2CAIndex
	k.certs.IssuerCert, err = ca.CertifyIssuer(random(1), issuerCert, issuer.Public())
	check(t, err)
	c := cardCert
	c.PAN = k.id.PAN
	c.StaticData, err = perso.StaticData(k.profile, k.id)
	check(t, err)
	k.certs.CardCert, err = issuer.CertifyCard(random(2), c, own.Public())
	check(t, err)
}

func (k *sample) certifyRSA(t testing.TB) {
	ca, err := oda.NewRSAPrivate(devkeys.RSACA())
	check(t, err)
	issuer, err := oda.NewRSAPrivate(devkeys.RSAIssuer(0))
	check(t, err)
	own, err := oda.NewRSAPrivate(devkeys.RSACard(0))
	check(t, err)
	k.signer = own
	k.certs.CAIndex = devkeys.RSACAIndex
	up, err := ca.CertifyIssuer(random(1), issuerCert, issuer.Public())
	check(t, err)
	c := cardCert
	c.PAN = k.id.PAN
	c.StaticData, err = perso.StaticData(k.profile, k.id)
	check(t, err)
	down, err := issuer.CertifyCard(random(2), c, own.Public())
	check(t, err)
	k.certs.IssuerCert, k.certs.IssuerRest, k.certs.IssuerExponent = up.Certificate, up.Remainder, up.Exponent
	k.certs.CardCert, k.certs.CardRest, k.certs.CardExponent = down.Certificate, down.Remainder, down.Exponent
}

// session is a reader's side of a powered card.
type session struct {
	t    testing.TB
	chip *card.Chip
	k    *sample
}

func (k *sample) insert(t testing.TB, nvm []byte) *session {
	t.Helper()
	s := &session{t: t, chip: card.New(), k: k}
	check(t, s.chip.Insert(k.image, nvm))
	check(t, s.chip.PowerOn(random(3)))
	return s
}

// send transmits a command given in hex and splits the answer.
func (s *session) send(cmd string) ([]byte, apdu.SW) {
	s.t.Helper()
	out, err := s.chip.Transmit(nil, unhex(s.t, cmd))
	check(s.t, err)
	data, sw, err := apdu.ParseResponse(out)
	check(s.t, err)
	return data, sw
}

// ok transmits a command that must answer 9000.
func (s *session) ok(cmd string) []byte {
	s.t.Helper()
	data, sw := s.send(cmd)
	if sw != apdu.SWOK {
		s.t.Fatalf("%s: answer %v, want 9000", cmd, sw)
	}
	return data
}

// want transmits a command that must answer the given status word and no data.
func (s *session) want(cmd string, want apdu.SW) {
	s.t.Helper()
	data, sw := s.send(cmd)
	if sw != want || want != apdu.SWInvalidated && len(data) != 0 {
		s.t.Fatalf("%s: answer %X %v, want %v", cmd, data, sw, want)
	}
}

const (
	selectPPSE = "00A404000E 325041592E5359532E4444463031 00"
	selectApp  = "00A4040008 A000000333010106 00"
	readLast   = "00B2011C00"
)

// purchase is what a reader sends in GET PROCESSING OPTIONS.
type purchase struct {
	ttq      string // 9F66
	amount   money.Fen
	currency string // 5F2A
	un       string
	sm       byte // DF69
}

// gate is a purchase at an offline-only reader with fDDA version 01.
func gate(amount money.Fen) purchase {
	return purchase{ttq: "28000080", amount: amount, currency: "0156", un: "11223344", sm: 1}
}

// gpo makes the command from the card's own PDOL.
func (s *session) gpo(p purchase) string {
	s.t.Helper()
	amount, err := p.amount.N12()
	check(s.t, err)
	values, err := s.k.profile.Product().PDOL.Append(nil, func(tag tlv.Tag) []byte {
		switch tag {
		case tlv.TagTTQ:
			return unhex(s.t, p.ttq)
		case tlv.TagAmountAuthorised:
			return amount[:]
		case tlv.TagTransactionCurrency:
			return unhex(s.t, p.currency)
		case tlv.TagTerminalCountry:
			return []byte{0x01, 0x56}
		case tlv.TagTransactionDate:
			return []byte{0x26, 0x11, 0x21}
		case tlv.TagUN:
			return unhex(s.t, p.un)
		case tlv.TagSMSupport:
			return []byte{p.sm}
		}
		return nil
	})
	check(s.t, err)
	cmd, err := apdu.Command{CLA: 0x80, INS: 0xA8, Data: tlv.Append(nil, 0x83, values), Le: 256}.Append(nil)
	check(s.t, err)
	return hex.EncodeToString(cmd)
}

func (p purchase) terminal(t testing.TB) cryptogram.TerminalInput {
	amount, err := p.amount.N12()
	check(t, err)
	return cryptogram.TerminalInput{Amount: amount, Country: [2]byte{0x01, 0x56}, Currency: [2]byte(unhex(t, p.currency)),
		Date: [3]byte{0x26, 0x11, 0x21}, UN: [4]byte(unhex(t, p.un))}
}

// tags lists the data objects of an answer's template in their order.
func tags(t testing.TB, template tlv.Tag, answer []byte) (order []tlv.Tag, values map[tlv.Tag][]byte) {
	t.Helper()
	it := tlv.Iterate(answer)
	if !it.Next() || it.Tag != template {
		t.Fatalf("answer %X does not begin with template %v", answer, template)
	}
	values = map[tlv.Tag][]byte{}
	for in := it.Enter(); in.Next(); {
		if values[in.Tag] != nil {
			t.Fatalf("%v is there twice in %X", in.Tag, answer)
		}
		order = append(order, in.Tag)
		values[in.Tag] = in.Value
	}
	return order, values
}

// verify checks cryptogram and balance MAC of a GPO answer as the issuer does.
func (s *session) verify(p purchase, v map[tlv.Tag][]byte, wantAC bool) cryptogram.IAD {
	s.t.Helper()
	iad, err := cryptogram.ParseIAD(v[tlv.TagIAD])
	check(s.t, err)
	in := cryptogram.CardInput{AIP: [2]byte(v[tlv.TagAIP]), ATC: uint16(v[tlv.TagATC][0])<<8 | uint16(v[tlv.TagATC][1]), CVR: iad.CVR}
	term := p.terminal(s.t)
	issuer := cryptogram.NewVerifier(s.k.profile.Product().Alg, s.k.masters[0], s.k.masters[1])
	if r := issuer.Check(s.k.id.PAN, s.k.id.PSN, &term, &in, v[tlv.TagIAD], [8]byte(v[tlv.TagAC]), wantAC); r != cryptogram.OK {
		s.t.Fatalf("the issuer finds the answer %v", r)
	}
	return iad
}

// pay does SELECT, GPO and the last record, and must get a TC.
func (s *session) pay(p purchase) {
	s.t.Helper()
	s.ok(selectApp)
	_, v := tags(s.t, tlv.TagResponseFormat2, s.ok(s.gpo(p)))
	if iad := s.verify(p, v, true); iad.Result() != cryptogram.TC {
		s.t.Fatalf("result %v, want TC", iad.Result())
	}
	s.ok(readLast)
}

func contains(b, part []byte) bool { return bytes.Contains(b, part) }
