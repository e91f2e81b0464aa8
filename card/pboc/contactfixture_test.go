package pboc_test

import (
	"fmt"
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

// The card of the contact tests has two sets of algorithms, 3DES with RSA and SM4
// with SM2, chosen by DF69; PAN, PSN, keys and PIN are those of the script tests, so
// cryptograms can be compared with the vectors of package cryptogram.
const (
	bothPDOL  = "9F66049F02069F03069F1A0295055F2A029A039C019F3704DF6901"
	bothCPDOL = "9F7A019F02065F2A02DF6901"
	bothCDOL  = "9F02069F03069F1A0295055F2A029A039C019F37049F2103"
)

func bothProduct(t testing.TB) *pboc.Product {
	t.Helper()
	p := scriptProduct(t, cryptogram.TDES)
	debit := pboc.Path{AIP: [2]byte{0x7D}, AFL: hexBytes(t, "08010100 20010200")}
	cash := pboc.Path{AIP: [2]byte{0x7D, 1}, AFL: hexBytes(t, "08010100 20010200 18010100")}
	k := p.Contact
	p.PDOL, k.PDOL = mustDOL(t, bothPDOL), mustDOL(t, bothCPDOL)
	p.FCI, k.FCI = fciWith(t, p.AID, bothPDOL), fciWith(t, p.AID, bothCPDOL)
	k.Debit, k.Cash = debit, cash
	// From CDOL1, CDOL2, the PDOL, the card, nobody, and the counter.
	p.LogFormat = mustDOL(t, "9A039F21039F02065F2A028A029F7A019F57029F4E029F3602")
	p.Data = append(p.Data, pboc.DataObject{Tag: tlv.TagCardIssuerCountry, Value: []byte{1, 0x56}})
	p.Limits.Threshold = 1000
	second := func(p pboc.Path) pboc.Path {
		return pboc.Path{AIP: p.AIP, AFL: append([]byte{0x30, 1, 1, 0}, p.AFL...)}
	}
	p.Alternative = &pboc.Suite{Alg: cryptogram.SM4, Debit: second(debit), Cash: second(cash),
		Contactless: pboc.Path{AIP: [2]byte{0x7C}, AFL: hexBytes(t, "08010100 38010100")}}
	return p
}

func fciWith(t testing.TB, aid []byte, pdol string) []byte {
	t.Helper()
	a5 := tlv.Append(tlv.Append(nil, tlv.TagApplicationLabel, []byte("PBOC DEBIT")), tlv.TagPDOL, hexBytes(t, pdol))
	return tlv.Append(nil, tlv.TagFCITemplate, tlv.Append(tlv.Append(nil, tlv.TagDFName, aid), tlv.TagFCIProprietary, a5))
}

// bothCard is a card of a product that need not be prepared.
func bothCard(t testing.TB, p *pboc.Product) *pboc.Card {
	t.Helper()
	noError(t, p.Prepare())
	c := scriptCard(t, cryptogram.TDES)
	sm := scriptCard(t, cryptogram.SM4)
	c.Product = p
	c.Alternative = &pboc.Secrets{Keys: sm.Keys, Signer: sm.Signer}
	c.Records = append(c.Records,
		pboc.RecordData{Record: pboc.Record{SFI: 6, Number: 1}, Body: hexBytes(t, "7003 8F0157")},
		pboc.RecordData{Record: pboc.Record{SFI: 7, Number: 1}, Body: hexBytes(t, "9F7406454343303032")})
	c.PINSigner = c.Signer.(*oda.RSAPrivate)
	noError(t, c.Check())
	return c
}

// till is a terminal at a card.
type till struct {
	t    testing.TB
	card *pboc.Card
	chip *card.Chip
	img  *card.Image
	side card.Interface
	sm   bool // DF69
	sale sale

	atc       uint16
	ac        [8]byte // of the last GENERATE AC
	challenge [8]byte
	seen      []byte // PDOL and CDOL values sent
	aip       [2]byte
}

// sale is what the terminal says of a transaction.
type sale struct {
	amount            money.Fen
	country, currency [2]byte
	tvr               [5]byte
	un                [4]byte
}

func newTill(t testing.TB, c *pboc.Card, side card.Interface, nvm []byte) *till {
	t.Helper()
	dir, err := ppse.New(ppse.Entry{AID: c.Product.AID, Label: "PBOC DEBIT", Priority: 1})
	noError(t, err)
	img, err := card.Assemble(card.Parts{Directory: dir, Applications: []cos.Template{c}})
	noError(t, err)
	s := &till{t: t, card: c, img: img, chip: card.New(), side: side}
	s.sale = sale{amount: 100, country: [2]byte{1, 0x56}, currency: [2]byte{1, 0x56}, un: [4]byte{0x11, 0x22, 0x33, 0x44}}
	s.insert(nvm)
	return s
}

func (s *till) insert(nvm []byte) {
	s.t.Helper()
	s.chip.UseInterface(s.side)
	noError(s.t, s.chip.Insert(s.img, nvm))
	noError(s.t, s.chip.PowerOn(randomFrom(5)))
}

func (s *till) transmit(cmd []byte) ([]byte, apdu.SW, error) {
	s.t.Helper()
	out, err := s.chip.Transmit(nil, cmd)
	if err != nil {
		return nil, 0, err
	}
	data, sw, err := apdu.ParseResponse(out)
	noError(s.t, err)
	return data, sw, nil
}

func (s *till) send(cmd string) ([]byte, apdu.SW) {
	s.t.Helper()
	data, sw, err := s.transmit(hexBytes(s.t, cmd))
	noError(s.t, err)
	return data, sw
}

func (s *till) ok(cmd string) []byte {
	s.t.Helper()
	data, sw := s.send(cmd)
	if sw != apdu.SWOK {
		s.t.Fatalf("%s: %v, want 9000", cmd, sw)
	}
	return data
}

func n12(v money.Fen) string {
	b, err := v.N12()
	if err != nil {
		panic(err)
	}
	return fmt.Sprintf("%X", b)
}

func flag(on bool) byte {
	if on {
		return 1
	}
	return 0
}

// options is GET PROCESSING OPTIONS over the contacts; cash sets 9F7A.
func (s *till) options(cash bool) string {
	v := fmt.Sprintf("%02X%s%X%02X", flag(cash), n12(s.sale.amount), s.sale.currency, flag(s.sm))
	s.seen = hexBytes(s.t, v)
	return fmt.Sprintf("80A80000%02X83%02X%s00", len(v)/2+2, len(v)/2, v)
}

// values are the values of CDOL1.
func (s *till) values() string {
	return fmt.Sprintf("%s000000000000%X%X%X25112000%X%s", n12(s.sale.amount), s.sale.country, s.sale.tvr, s.sale.currency, s.sale.un, "083015")
}

// generate is GENERATE AC, the second if there is a response code.
func (s *till) generate(p1 byte, arc string) string {
	v := fmt.Sprintf("%X", arc) + s.values()
	return fmt.Sprintf("80AE%02X00%02X%s00", p1, len(v)/2, v)
}

// answer is what GENERATE AC said.
type answer struct {
	cid      byte
	atc      uint16
	ac       [8]byte
	iad      cryptogram.IAD
	combined []byte // 9F4B
	objects  []byte // the rest of template 77
}

// alg and keys of the set in use.
func (s *till) alg() (cryptogram.Alg, *pboc.Keys) {
	if s.sm {
		return cryptogram.SM4, &s.card.Alternative.Keys
	}
	return cryptogram.TDES, &s.card.Keys
}

// read takes an answer to GENERATE AC apart and recomputes its cryptogram and its
// balance MAC.
func (s *till) read(data []byte, aip [2]byte) answer {
	s.t.Helper()
	var a answer
	var iad []byte
	if v, ok := tlv.Find(data, tlv.TagResponseFormat1); ok {
		a.cid, a.atc, a.ac, iad = v[0], uint16(v[1])<<8|uint16(v[2]), [8]byte(v[3:]), v[11:]
	} else {
		body, ok := tlv.Find(data, tlv.TagResponseFormat2)
		if !ok {
			s.t.Fatalf("answer %X", data)
		}
		it := tlv.Iterate(body)
		for it.Next() {
			switch it.Tag {
			case tlv.TagCID:
				a.cid = it.Value[0]
			case tlv.TagATC:
				a.atc = uint16(it.Value[0])<<8 | uint16(it.Value[1])
			case tlv.TagSDAD:
				a.combined = it.Value
				continue
			case tlv.TagIAD:
				iad = it.Value
			}
			a.objects = tlv.Append(a.objects, it.Tag, it.Value)
		}
		noError(s.t, it.Err())
		sent := append(append([]byte{}, s.seen...), a.objects...)
		var why oda.Reason
		a.ac, why = s.key().VerifyCombined(a.combined, oda.Combined{ATC: a.atc, CID: a.cid, UN: s.sale.un, Transaction: sent})
		if why != oda.OK {
			s.t.Fatalf("combined signature: %v", why)
		}
	}
	var err error
	if a.iad, err = cryptogram.ParseIAD(iad); err != nil {
		s.t.Fatal(err)
	}
	alg, keys := s.alg()
	in := cryptogram.TerminalInput{Country: s.sale.country, TVR: s.sale.tvr, Currency: s.sale.currency, Date: [3]byte{0x25, 0x11, 0x20}, UN: s.sale.un}
	copy(in.Amount[:], hexBytes(s.t, n12(s.sale.amount)))
	covered := cryptogram.ACData(nil, s.card.Product.CVN, &in, &cryptogram.CardInput{AIP: aip, ATC: a.atc, CVR: a.iad.CVR})
	if want := cryptogram.MAC(alg, cryptogram.DeriveSessionKey(alg, keys.AC, a.atc), covered); a.ac != want || a.iad.Alg != alg {
		s.t.Fatalf("cryptogram %X of %v, want %X of %v", a.ac, a.iad.Alg, want, alg)
	}
	if want := cryptogram.BalanceMAC(alg, cryptogram.DeriveSessionKey(alg, keys.MAC, a.atc), a.atc, a.iad.IDD, a.iad.Amount1, a.iad.Amount2); a.iad.MAC != want {
		s.t.Fatalf("balance MAC %X, want %X", a.iad.MAC, want)
	}
	s.atc, s.ac = a.atc, a.ac
	return a
}

// arpc is EXTERNAL AUTHENTICATE for the last cryptogram.
func (s *till) arpc(arc string) string {
	alg, keys := s.alg()
	v := cryptogram.ARPC(alg, cryptogram.DeriveSessionKey(alg, keys.AC, s.atc), s.ac, [2]byte([]byte(arc)))
	return fmt.Sprintf("008200000A%X%X", v, arc)
}

// key is the card's public key as a terminal learns it.
func (s *till) key() *oda.CardKey {
	s.t.Helper()
	data := &oda.CardData{RID: devkeys.RID, PAN: [10]byte(hexBytes(s.t, scriptPAN))}
	issuer := oda.IssuerCert{IssuerID: [4]byte{0x62, 0x28, 0x00, 0xFF}, Expiry: [2]byte{0x12, 0x35}, Serial: [3]byte{0, 0, 1}}
	own := oda.CardCert{PAN: data.PAN, Expiry: [2]byte{0x12, 0x30}, Serial: [3]byte{0, 0, 2}}
	if s.sm {
		ca, err := oda.NewSM2Private(devkeys.SM2CA())
		noError(s.t, err)
		bank, err := oda.NewSM2Private(devkeys.SM2Issuer(0))
		noError(s.t, err)
		data.CAIndex = devkeys.SM2CAIndex
		data.IssuerCert, err = ca.CertifyIssuer(randomFrom(1), issuer, bank.Public())
		noError(s.t, err)
		data.CardCert, err = bank.CertifyCard(randomFrom(2), own, s.card.Alternative.Signer.(*oda.SM2Private).Public())
		noError(s.t, err)
	} else {
		ca, err := oda.NewRSAPrivate(devkeys.RSACA())
		noError(s.t, err)
		bank, err := oda.NewRSAPrivate(devkeys.RSAIssuer(0))
		noError(s.t, err)
		data.CAIndex = devkeys.RSACAIndex
		up, err := ca.CertifyIssuer(randomFrom(1), issuer, bank.Public())
		noError(s.t, err)
		down, err := bank.CertifyCard(randomFrom(2), own, s.card.Signer.(*oda.RSAPrivate).Public())
		noError(s.t, err)
		data.IssuerCert, data.IssuerRest, data.IssuerExponent = up.Certificate, up.Remainder, up.Exponent
		data.CardCert, data.CardRest, data.CardExponent = down.Certificate, down.Remainder, down.Exponent
	}
	cas, err := devkeys.CAKeys()
	noError(s.t, err)
	v, err := oda.NewVerifier(cas, 1)
	noError(s.t, err)
	key, why := v.VerifyCardCert(data, oda.MonthOf(2026, 11))
	if why != oda.OK {
		s.t.Fatalf("card certificate: %v", why)
	}
	return key
}
