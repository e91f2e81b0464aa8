package card_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/card/pboc"
	"github.com/citycard/citycard/card/perso"
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/keystore"
	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/crypt/oda/devkeys"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/tlv"
)

// wholeProfiles are the development profiles, and one more with everything that
// they leave out: magnetic stripe data, a second currency, the longest record.
func wholeProfiles(t testing.TB) []*perso.Profile {
	t.Helper()
	var list []*perso.Profile
	for _, name := range developmentProfiles {
		list = append(list, embedded(t, name))
	}
	text := source(t, "dev-dual")
	for _, x := range [][2]string{
		{"name: dev-dual", "name: rich"},
		{"  updatable: 256\n", `  updatable: 300
  dual_currency: {currency: "0840", factor: "20070000"}
  second_currency: {currency: "0344", balance: 200000, single: 30000, threshold: 100, cvm: 20000, opening: 7700}
  msd: {aip: "0000", afl: "28010100"}
`},
		{"objects:\n", "objects:\n  DF7A: " + strings.Repeat("A5", 249) + "\n"},
		{"paths: [cash]}\n", "paths: [cash]}\n  - {file: 4, record: 1, tags: [DF7A], paths: [debit]}\n"},
	} {
		if !strings.Contains(text, x[0]) {
			t.Fatalf("the profile does not contain %q", x[0])
		}
		text = strings.Replace(text, x[0], x[1], 1)
	}
	p, err := perso.Parse([]byte(text))
	check(t, err)
	return append(list, p)
}

var developmentProfiles = []string{"dev-3des", "dev-sm", "dev-dual"}

// developmentCard is what a program does that issues a development card: PAN
// 6228000100001117, number 01, keys of development issuer 0, public certificates.
func developmentCard(t testing.TB, p *perso.Profile) *perso.Issue {
	t.Helper()
	pan, err := txn.ParsePAN("6228000100001117")
	check(t, err)
	in := &perso.Issue{Opening: p.Opening(), SecondOpening: p.SecondOpening()}
	in.Identity = perso.Identity{PAN: pan, PSN: 0x01, Effective: [3]byte{0x25, 0x01, 0x01}, Expiry: [3]byte{0x30, 0x12, 0x31}}
	static, err := perso.StaticData(p, in.Identity)
	check(t, err)
	c := cardCert
	c.PAN, c.StaticData = pan, static
	if p.SM() {
		in.First = developmentSM(t, c, in.Identity)
	} else {
		in.First = developmentRSA(t, c, in.Identity)
	}
	if p.Dual() {
		in.Second = developmentSM(t, c, in.Identity)
	}
	if k := p.Product().Contact; k != nil && k.MSD != nil {
		in.First.Keys.DCVN, in.Second.Keys.DCVN = cryptogram.Key{1, 2, 3}, cryptogram.Key{4, 5, 6}
	}
	return in
}

func developmentKeys(t testing.TB, alg cryptogram.Alg, id perso.Identity) (k pboc.Keys) {
	names := keystore.IssuerMasters(0, alg)
	for name, key := range map[string]*cryptogram.Key{names.AC: &k.AC, names.MAC: &k.MAC, names.ENC: &k.ENC} {
		master, err := cryptogram.NewBlock(alg, keystore.DevelopmentKey(name))
		check(t, err)
		*key = cryptogram.DeriveCardKey(alg, master, id.PAN, id.PSN)
	}
	return k
}

func developmentSM(t testing.TB, c oda.CardCert, id perso.Identity) (s perso.Secrets) {
	s.Private.SM2 = devkeys.SM2Card(id.PAN, id.PSN)
	ca, err := oda.NewSM2Private(devkeys.SM2CA())
	check(t, err)
	issuer, err := oda.NewSM2Private(devkeys.SM2Issuer(0))
	check(t, err)
	own, err := oda.NewSM2Private(s.Private.SM2)
	check(t, err)
	s.Keys, s.Signer, s.Certs.CAIndex = developmentKeys(t, cryptogram.SM4, id), own, devkeys.SM2CAIndex
	s.Certs.IssuerCert, err = ca.CertifyIssuer(random(1), issuerCert, issuer.Public())
	check(t, err)
	s.Certs.CardCert, err = issuer.CertifyCard(random(2), c, own.Public())
	check(t, err)
	s.Certs.SignedStatic, err = issuer.SignStatic(random(3), [2]byte{0xDA, 0xC0}, c.StaticData)
	check(t, err)
	return s
}

func developmentRSA(t testing.TB, c oda.CardCert, id perso.Identity) (s perso.Secrets) {
	s.Private.RSA = devkeys.RSACard(0)
	ca, err := oda.NewRSAPrivate(devkeys.RSACA())
	check(t, err)
	issuer, err := oda.NewRSAPrivate(devkeys.RSAIssuer(0))
	check(t, err)
	own, err := oda.NewRSAPrivate(s.Private.RSA)
	check(t, err)
	up, err := ca.CertifyIssuer(random(1), issuerCert, issuer.Public())
	check(t, err)
	down, err := issuer.CertifyCard(random(2), c, own.Public())
	check(t, err)
	signed, err := issuer.SignStatic(random(3), [2]byte{0xDA, 0xC0}, c.StaticData)
	check(t, err)
	s.Keys, s.Signer = developmentKeys(t, cryptogram.TDES, id), own
	s.Certs = perso.Certs{SignedStatic: signed, CAIndex: devkeys.RSACAIndex, IssuerCert: up.Certificate, IssuerRest: up.Remainder, IssuerExponent: up.Exponent,
		CardCert: down.Certificate, CardRest: down.Remainder, CardExponent: down.Exponent}
	return s
}

func embedded(t testing.TB, name string) *perso.Profile {
	t.Helper()
	p, err := perso.Embedded(name)
	check(t, err)
	return p
}

const selectDebit = "00A4040008 A000000333010101 00"

// conversation is every command that tells two cards apart: SELECT, all records,
// all data objects, and transactions of each kind over both interfaces.
func conversation(t testing.TB, p *perso.Profile, contactless bool) []string {
	first := []string{selectDebit}
	var list []string
	for sfi := 1; sfi <= 12; sfi++ {
		for n := 1; n <= 5; n++ {
			list = append(list, fmt.Sprintf("00B2%02X%02X00", n, sfi<<3|4))
		}
	}
	list = append(list, "00B2006400") // MACed load log
	for _, tag := range []int{0x9F13, 0x9F17, 0x9F36, 0x9F4F, 0x9F51, 0x9F52, 0x9F53, 0x9F54, 0x9F56, 0x9F57, 0x9F58, 0x9F59, 0x9F5C, 0x9F5D,
		0x9F68, 0x9F6B, 0x9F6C, 0x9F6D, 0x9F72, 0x9F73, 0x9F75, 0x9F76, 0x9F77, 0x9F78, 0x9F79, 0xDF4D, 0xDF4F, 0xDF61, 0xDF62, 0xDF71, 0xDF72,
		0xDF76, 0xDF77, 0xDF78, 0xDF79} {
		list = append(list, fmt.Sprintf("80CA%04X00", tag))
	}
	for _, sm := range []byte{0, 1} {
		for _, amount := range []int64{300, 60000, 700000} {
			for _, ttq := range []string{"36000080", "28000000", "40000000", "80000000", "80800000"} {
				list = append(list, transaction(t, p, contactless, amount, "0156", ttq, sm)...)
			}
			list = append(list, transaction(t, p, contactless, amount, "0344", "36000080", sm)...)
		}
	}
	return append(first, append(list, list[:len(list)/2]...)...)
}

// transaction is SELECT, GET PROCESSING OPTIONS, the last record, authentication,
// PIN, and both GENERATE AC.
func transaction(t testing.TB, p *perso.Profile, contactless bool, amount int64, currency, ttq string, sm byte) []string {
	t.Helper()
	n12 := fmt.Sprintf("%012d", amount)
	value := func(tag tlv.Tag) []byte {
		switch tag {
		case tlv.TagTTQ:
			return unhex(t, ttq)
		case tlv.TagAmountAuthorised:
			return unhex(t, n12)
		case tlv.TagTransactionCurrency:
			return unhex(t, currency)
		case tlv.TagTerminalCountry:
			return []byte{0x01, 0x56}
		case tlv.TagTransactionDate:
			return []byte{0x26, 0x11, 0x21}
		case tlv.TagUN:
			return []byte{0x11, 0x22, 0x33, 0x44}
		case tlv.TagSMSupport:
			return []byte{sm}
		case tlv.TagECTerminalIndicator:
			return []byte{1}
		case tlv.TagARC:
			return []byte("00")
		}
		return nil
	}
	fill := func(d tlv.DOL) []byte {
		b, err := d.Append(nil, value)
		check(t, err)
		return b
	}
	x := p.Product()
	pdol := x.PDOL
	if !contactless {
		pdol = x.Contact.PDOL
	}
	options := fill(pdol)
	c1, c2 := fill(x.Contact.CDOL1), fill(x.Contact.CDOL2)
	last := x.LastRecord()
	return []string{
		selectDebit,
		fmt.Sprintf("80A80000%02X83%02X%X00", len(options)+2, len(options), options),
		fmt.Sprintf("00B2%02X%02X00", last.Number, last.SFI<<3|4),
		"00B2012C00", // track 2 with the dynamic check value
		"00200080 08 26123456FFFFFFFF",
		"0084000000",
		"0088000004 11223344 00",
		fmt.Sprintf("80AE4000%02X%X00", len(c1), c1),
		"008200000A 00000000000000003030",
		fmt.Sprintf("80AE4000%02X%X00", len(c2), c2),
	}
}

// powered puts an image into a chip and starts it.
func powered(t testing.TB, img *card.Image, side card.Interface) *card.Chip {
	t.Helper()
	chip := card.New()
	chip.UseInterface(side)
	check(t, chip.Insert(img, nil))
	check(t, chip.PowerOn(random(5)))
	return chip
}

// same lets two chips, which have just been powered on, answer the same commands.
func same(t testing.TB, a, b *card.Chip, commands []string) {
	t.Helper()
	good := map[string]bool{}
	for i, text := range commands {
		cmd := unhex(t, text)
		one, err := a.Transmit(nil, cmd)
		check(t, err)
		two, err := b.Transmit(nil, cmd)
		check(t, err)
		if !bytes.Equal(one, two) {
			t.Fatalf("command %d, %s:\none answers   %X\nother answers %X", i, text, one, two)
		}
		if bytes.HasSuffix(one, []byte{0x90, 0x00}) {
			good[text[:4]] = true
		}
	}
	for _, must := range []string{"00A4", "00B2", "80CA", "80A8"} {
		if !good[must] {
			t.Errorf("no command %s was answered with 9000", must)
		}
	}
}

// TestDecodedCard: a card that is made from its own data groupings answers every
// command like the one from which they were made.
func TestDecodedCard(t *testing.T) {
	for _, p := range wholeProfiles(t) {
		name := p.Name()
		in := developmentCard(t, p)
		built, err := p.Card(in)
		check(t, err)
		list, err := p.DGIs(in)
		check(t, err)
		decoded, err := pboc.ParseDGIs(p.Product().AID, list)
		check(t, err)
		if !bytes.Equal(built.Personalise(nil), decoded.Personalise(nil)) {
			t.Errorf("%s: the memories of the new cards differ", name)
		}
		again, err := decoded.DGIs(in.First.Private, in.Second.Private)
		check(t, err)
		if len(again) != len(list) {
			t.Fatalf("%s: %d groupings, then %d", name, len(list), len(again))
		}
		for i := range list {
			if list[i].ID != again[i].ID || !bytes.Equal(list[i].Data, again[i].Data) {
				t.Errorf("%s: grouping %04X %X, then %04X %X", name, list[i].ID, list[i].Data, again[i].ID, again[i].Data)
			}
		}
		for _, side := range []card.Interface{card.Contact, card.Contactless} {
			var chips [2]*card.Chip
			for i, c := range []*pboc.Card{built, decoded} {
				img, err := card.Assemble(card.Parts{Applications: []cos.Template{c}})
				check(t, err)
				chips[i] = powered(t, img, side)
			}
			same(t, chips[0], chips[1], conversation(t, p, side == card.Contactless))
		}
	}
}

// TestDevelopmentCertificates: a reader authenticates the development cards on every
// path and with every set of algorithms; the answer to GET PROCESSING OPTIONS names
// certificates of the set that DF69 chose.
func TestDevelopmentCertificates(t *testing.T) {
	cas, err := devkeys.CAKeys()
	check(t, err)
	verifier, err := oda.NewVerifier(cas, 4)
	check(t, err)
	for _, name := range developmentProfiles {
		p := embedded(t, name)
		in := developmentCard(t, p)
		img, err := p.Image(in)
		check(t, err)
		for _, c := range []struct {
			side    card.Interface
			amount  int64
			ttq     string
			sm      byte
			afl     int // bytes of the AFL
			indexes map[string]byte
		}{
			{card.Contactless, 300, "36000080", 0, 12, map[string]byte{"dev-3des": 0x80, "dev-dual": 0x80}},
			{card.Contactless, 300, "36000080", 1, 12, map[string]byte{"dev-3des": 0x80, "dev-dual": 0x57, "dev-sm": 0x57}},
			{card.Contactless, 300, "40000000", 1, 8, map[string]byte{"dev-3des": 0x80, "dev-dual": 0x57, "dev-sm": 0x57}},
			{card.Contact, 300, "", 0, 12, map[string]byte{"dev-3des": 0x80, "dev-dual": 0x80}},
			{card.Contact, 300, "", 1, 12, map[string]byte{"dev-3des": 0x80, "dev-dual": 0x57, "dev-sm": 0x57}},
			{card.Contact, 300000, "", 1, 8, map[string]byte{"dev-3des": 0x80, "dev-dual": 0x57, "dev-sm": 0x57}},
		} {
			index, there := c.indexes[name]
			if !there {
				continue
			}
			s := &session{t: t, chip: powered(t, img, c.side), k: &sample{profile: p, id: in.Identity}}
			dialogue := transaction(t, p, c.side == card.Contactless, c.amount, "0156", c.ttq, c.sm)
			s.ok(dialogue[0])
			answer := s.ok(dialogue[1])
			gpo := map[tlv.Tag][]byte{}
			if answer[0] == 0x80 {
				gpo[tlv.TagAIP], gpo[tlv.TagAFL] = answer[2:4], answer[4:]
			} else {
				_, gpo = tags(t, tlv.TagResponseFormat2, answer)
			}
			if len(gpo[tlv.TagAFL]) != c.afl {
				t.Errorf("%s, %+v: AFL %X", name, c, gpo[tlv.TagAFL])
			}
			records, static, _ := s.readAll(gpo[tlv.TagAFL])
			if got := records[tlv.TagCAKeyIndex]; !bytes.Equal(got, []byte{index}) {
				t.Errorf("%s, %+v: CA key %X, want %02X", name, c, got, index)
			}
			data := &oda.CardData{
				RID: devkeys.RID, CAIndex: index, PAN: in.Identity.PAN, AIP: [2]byte(gpo[tlv.TagAIP]),
				IssuerCert: records[tlv.TagIssuerCertificate], IssuerRest: records[tlv.TagIssuerKeyRemainder], IssuerExponent: records[tlv.TagIssuerKeyExponent],
				CardCert: records[tlv.TagICCCertificate], CardRest: records[tlv.TagICCKeyRemainder], CardExponent: records[tlv.TagICCKeyExponent],
				StaticData: static, StaticTags: records[tlv.TagSDATagList],
			}
			if _, r := verifier.VerifyCardCert(data, month); r != oda.OK {
				t.Errorf("%s, %+v: the card's certificate is %v", name, c, r)
			}
			if gpo[tlv.TagSDAD] != nil {
				reader := purchase{ttq: c.ttq, amount: 300, currency: "0156", un: "11223344", sm: c.sm}
				if r := s.judge(reader, gpo, records, static); r != oda.OK {
					t.Errorf("%s, %+v: the dynamic signature is %v", name, c, r)
				}
			}
		}
	}
}

// TestDevelopmentKeys: the keys of the development cards are those of the worked
// examples in the tests of package cryptogram, so that a cryptogram can be computed
// again by hand.
func TestDevelopmentKeys(t *testing.T) {
	in := developmentCard(t, embedded(t, "dev-dual"))
	for want, got := range map[string]cryptogram.Key{
		"5F787416978AF15BF1CF5398A6C5C099": in.First.Keys.AC, "2EC652BF67F6B84E47CB015363EE2139": in.First.Keys.MAC,
		"B582B7876584F129B31230EC8C7A5BDA": in.First.Keys.ENC, "1A10E845ABFD72FE01E257CE6C2F237E": in.Second.Keys.AC,
	} {
		if !bytes.Equal(got[:], unhex(t, want)) {
			t.Errorf("a card key is not %s", want)
		}
	}
}
