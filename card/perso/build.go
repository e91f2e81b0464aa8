package perso

import (
	"fmt"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/card/gp"
	"github.com/citycard/citycard/card/pboc"
	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/crypt/pin"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/tlv"
)

// Identity is what one card is.
type Identity struct {
	PAN       txn.PAN // 5A
	PSN       byte    // 5F34, two digits BCD
	Effective [3]byte // 5F25, YYMMDD BCD
	Expiry    [3]byte // 5F24, YYMMDD BCD; YYMM also stands in track 2
}

// Certs are the certificates that a card carries; see package crypt/oda.
type Certs struct {
	CAIndex        byte   // 8F
	IssuerCert     []byte // 90
	IssuerRest     []byte // 92, RSA only, may be empty
	IssuerExponent []byte // 9F32, RSA only
	CardCert       []byte // 9F46
	CardExponent   []byte // 9F47, RSA only
	CardRest       []byte // 9F48, RSA only, may be empty
	SignedStatic   []byte // 93, for profiles whose records hold it
}

// maxTrack2 is the number of digits in tag 57 without padding.
const maxTrack2 = 37

// Secrets are the keys and certificates of one card for one set of algorithms.
type Secrets struct {
	Keys   pboc.Keys         // the card's own keys, derived from the issuer's
	Certs  Certs             // certificates
	Signer oda.DynamicSigner // the private key that Certs.CardCert vouches for
	// Private are the numbers of Signer. Only DGIs needs them.
	Private pboc.PrivateKey
}

// Issue is everything about a single card that its profile does not say.
type Issue struct {
	Identity Identity
	First    Secrets // the profile's algorithm
	Second   Secrets // second_algorithm; not looked at if there is none
	// PIN is the reference PIN; with none the card has that of the profile, if
	// there is one.
	PIN           pin.PIN
	Opening       money.Fen // 9F79, fen
	SecondOpening money.Fen // DF79, hundredths of the second currency
	// Transit are the keys of the low-value extension; nil for profiles without it.
	Transit *TransitKeys
	// Domain is the security domain of a whole chip, nil for none. Its modules and
	// reserved names are set by Image.
	Domain *gp.Profile
}

// Build personalises one card for a simulation: its image has the directory and
// the finance application, without the files of the chip. keys are the card's own
// keys, derived from the issuer's; signer is the private key that certs.CardCert
// vouches for; opening is the balance in fen. The slices in certs are copied. It
// fails if the identity is not decimal, a record grows too long, a signature would
// not fit the answer, or the profile has a second set of algorithms.
func Build(p *Profile, id Identity, keys pboc.Keys, certs Certs, signer oda.DynamicSigner, opening money.Fen) (*card.Image, error) {
	return p.Light(&Issue{Identity: id, First: Secrets{Keys: keys, Certs: certs, Signer: signer}, Opening: opening})
}

// Light is Build for cards that Build has no arguments for, those with journeys
// (Issue.Transit) among them.
func (p *Profile) Light(in *Issue) (*card.Image, error) {
	c, err := p.Card(in)
	if err != nil {
		return nil, err
	}
	img, err := card.NewImage(p.directory, c)
	if err != nil {
		return nil, fmt.Errorf("personalise card: %w", err)
	}
	return img, nil
}

// Card personalises the finance application of one card. The slices of the
// certificates are copied. The errors are those of Build.
func (p *Profile) Card(in *Issue) (*pboc.Card, error) {
	c, err := p.personalise(in)
	if err != nil {
		return nil, fmt.Errorf("personalise card: %w", err)
	}
	return c, nil
}

func (p *Profile) personalise(in *Issue) (*pboc.Card, error) {
	// A copy, because check lets the identity escape to the heap: all of in would.
	own := in.Identity
	id := &own
	if err := id.check(); err != nil {
		return nil, err
	}
	if s, ok := in.First.Signer.(interface{ Size() int }); ok && s.Size() > pboc.MaxSDAD {
		return nil, fmt.Errorf("a signature of %d bytes; 9F4B in the GPO answer has room for %d (RSA 1024)", s.Size(), pboc.MaxSDAD)
	}
	if p.Dual() && in.Second.Signer == nil {
		return nil, fmt.Errorf("the profile has a second set of algorithms and there is no private key for it")
	}
	b := make([]byte, 0, in.First.Certs.size()+in.Second.Certs.size()+256)
	c := &pboc.Card{
		Product: p.product, PSN: id.PSN, Name: p.name5F20, Keys: in.First.Keys, Signer: in.First.Signer, Opening: in.Opening,
		Records: make([]pboc.RecordData, len(p.records)), SecondOpening: in.SecondOpening,
	}
	b, err := appendTrack2(b, id, p.track2)
	if err != nil {
		return nil, err
	}
	c.Track2 = b[:len(b):len(b)]
	for i := range p.records {
		plan := &p.records[i]
		certs := &in.First.Certs
		if plan.suites == secondSet {
			certs = &in.Second.Certs
		}
		if plan.static && len(certs.SignedStatic) == 0 {
			return nil, fmt.Errorf("record %d of file %d is to hold 93, and there are no signed static data; sign StaticData with the issuer's key", plan.at.Number, plan.at.SFI)
		}
		start := len(b)
		b = append(b, 0, 0, 0) // room for tag and length of the template
		if b, err = plan.append(b, id, c.Track2, certs); err != nil {
			return nil, err
		}
		body := b[start:len(b):len(b)]
		if p.commits(plan) {
			body = body[3:]
		} else {
			body = template(body)
		}
		c.Records[i] = pboc.RecordData{Record: plan.at, Body: body}
	}
	if p.Dual() {
		c.Alternative = &pboc.Secrets{Keys: in.Second.Keys, Signer: in.Second.Signer}
	}
	if err := p.setTransit(c, in); err != nil {
		return nil, err
	}
	return c, p.setPIN(c, in)
}

// commits tells whether a record is the last of a qPBOC AFL, whose template the
// card makes itself.
func (p *Profile) commits(plan *recordPlan) bool {
	if plan.at == p.product.LastRecord() {
		return true
	}
	if !p.Dual() {
		return false
	}
	afl := p.product.Alternative.Contactless.AFL
	e := afl[len(afl)-4:]
	return plan.at == pboc.Record{SFI: e[0] >> 3, Number: e[2]}
}

// setPIN gives the card its reference PIN. Enciphered PINs are opened with the
// signature key (EMV Book 2, 7.1: a card without a PIN key of its own).
func (p *Profile) setPIN(c *pboc.Card, in *Issue) error {
	reference := in.PIN
	if reference.Len() == 0 {
		reference = p.reference
	}
	if p.product.Contact == nil || reference.Len() == 0 {
		return nil
	}
	block, err := pin.Encode(pin.Format2, reference, in.Identity.PAN, nil)
	if err != nil {
		return err
	}
	c.PIN = oda.PINBlock(block)
	c.PINSigner, _ = c.Signer.(oda.PINDecipherer)
	return nil
}

// size is how much room the records need for the certificates.
func (c *Certs) size() int {
	return len(c.IssuerCert) + len(c.IssuerRest) + len(c.CardCert) + len(c.CardRest) + len(c.SignedStatic)
}

// StaticData is what the issuer signs into the card's certificate, 9F46, and into
// the signed static application data, 93 (EMV Book 2, 5.1): the
// signed records as EMV Book 3, 10.3 puts them together, followed by the AIP if
// 9F4A says so.
func StaticData(p *Profile, id Identity) ([]byte, error) {
	if err := id.check(); err != nil {
		return nil, fmt.Errorf("static data: %w", err)
	}
	track2, err := appendTrack2(nil, &id, p.track2)
	if err != nil {
		return nil, fmt.Errorf("static data: %w", err)
	}
	var out []byte
	for i := range p.records {
		plan := &p.records[i]
		if !plan.signed {
			continue
		}
		body := make([]byte, 3, 256)
		if body, err = plan.append(body, &id, track2, &Certs{}); err != nil {
			return nil, fmt.Errorf("static data: %w", err)
		}
		// Files 1 to 10 are signed without the template's tag and length.
		if plan.at.SFI <= 10 {
			out = append(out, body[3:]...)
		} else {
			out = append(out, template(body)...)
		}
	}
	if p.signedAIP {
		out = append(out, p.product.AIP[:]...)
	}
	return out, nil
}

// template puts template 70 into the three bytes kept in front of a record.
func template(b []byte) []byte {
	n := len(b) - 3
	if n <= 0x7F {
		b[1], b[2] = 0x70, byte(n)
		return b[1:]
	}
	b[0], b[1], b[2] = 0x70, 0x81, byte(n)
	return b
}

// maxRecordBody leaves room for template 70 in an answer of 256 bytes.
const maxRecordBody = pboc.MaxAnswer - 3

// append appends the inside of the record's template.
func (r *recordPlan) append(b []byte, id *Identity, track2 []byte, certs *Certs) ([]byte, error) {
	start := len(b)
	for i := range r.pieces {
		x := &r.pieces[i]
		if x.tag == 0 {
			b = append(b, x.fixed...)
			continue
		}
		b = appendOwn(b, x.tag, id, track2, certs)
	}
	if n := len(b) - start; n > maxRecordBody {
		return nil, fmt.Errorf("record %d of file %d has %d bytes, at most %d are possible", r.at.Number, r.at.SFI, n, maxRecordBody)
	}
	return b, nil
}

// appendOwn appends a data object of the single card. An empty one is left out:
// a certificate without a remainder has no tag 92 or 9F48.
func appendOwn(b []byte, tag tlv.Tag, id *Identity, track2 []byte, certs *Certs) []byte {
	var v []byte
	var single [1]byte
	switch tag {
	case tlv.TagPAN:
		v = id.PAN[:(id.PAN.Len()+1)/2]
	case tlv.TagTrack2Equivalent:
		v = track2
	case tlv.TagPANSequence:
		single[0] = id.PSN
		v = single[:]
	case tlv.TagExpirationDate:
		v = id.Expiry[:]
	case tlv.TagEffectiveDate:
		v = id.Effective[:]
	case tlv.TagCAKeyIndex:
		single[0] = certs.CAIndex
		v = single[:]
	case tlv.TagIssuerCertificate:
		v = certs.IssuerCert
	case tlv.TagIssuerKeyRemainder:
		v = certs.IssuerRest
	case tlv.TagIssuerKeyExponent:
		v = certs.IssuerExponent
	case tlv.TagICCCertificate:
		v = certs.CardCert
	case tlv.TagICCKeyExponent:
		v = certs.CardExponent
	case tlv.TagICCKeyRemainder:
		v = certs.CardRest
	case tlv.TagSSAD:
		v = certs.SignedStatic
	}
	if len(v) == 0 {
		return b
	}
	return tlv.Append(b, tag, v)
}

// check makes sure that the identity is decimal.
func (id *Identity) check() error {
	if err := id.PAN.Validate(); err != nil {
		return err
	}
	for _, f := range [...]struct {
		name string
		v    []byte
	}{{"5F34", []byte{id.PSN}}, {"5F25", id.Effective[:]}, {"5F24", id.Expiry[:]}} {
		for _, c := range f.v {
			if c>>4 > 9 || c&15 > 9 {
				return fmt.Errorf("%s is %X, want decimal digits", f.name, f.v)
			}
		}
	}
	if d := id.Expiry; d[1] < 1 || d[1] > 0x12 || d[2] < 1 || d[2] > 0x31 {
		return fmt.Errorf("5F24 is %X, want a date YYMMDD", d[:])
	}
	return nil
}

// appendTrack2 appends tag 57: PAN, D, expiry YYMM, then the profile's digits,
// filled up with F to a whole byte.
func appendTrack2(b []byte, id *Identity, rest string) ([]byte, error) {
	n := id.PAN.Len()
	total := n + 1 + 4 + len(rest)
	if total > maxTrack2 {
		return nil, fmt.Errorf("track 2 of %d digits, at most %d are possible; shorten track2.discretionary", total, maxTrack2)
	}
	at := 0
	put := func(digit byte) {
		if at%2 == 0 {
			b = append(b, digit<<4|0x0F)
		} else {
			b[len(b)-1] = b[len(b)-1]&0xF0 | digit
		}
		at++
	}
	for i := range n {
		d := id.PAN[i/2]
		if i%2 == 0 {
			d >>= 4
		}
		put(d & 0x0F)
	}
	put(0x0D)
	for _, d := range id.Expiry[:2] {
		put(d >> 4)
		put(d & 0x0F)
	}
	for i := range len(rest) {
		put(rest[i] - '0')
	}
	return b, nil
}
