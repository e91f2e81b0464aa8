package pboc

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/big"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/wire/tlv"
)

// DGIs gives the card as data groupings, in the order in which they are sent: the
// same card comes out of ParseDGIs. own are the private numbers of c.Signer,
// second those of c.Alternative. It fails if the card holds something that no
// grouping carries: record 1 of file 13 or 14, a version 9F08 that does not say
// what the product does, a primary set SM4 with a second one.
func (c *Card) DGIs(own, second PrivateKey) ([]DGI, error) {
	if err := c.Check(); err != nil {
		return nil, fmt.Errorf("card as data groupings: %w", err)
	}
	e := encoder{card: c}
	if err := e.records(); err != nil {
		return nil, fmt.Errorf("card as data groupings: %w", err)
	}
	e.put(dgiFirst, e.objects(tags0D01))
	e.put(dgiSecond, e.objects(tags0E01))
	p := c.Product
	if err := e.secrets(p.Alg, &c.Keys, own); err != nil {
		return nil, fmt.Errorf("card as data groupings: %w", err)
	}
	if s := p.Alternative; s != nil {
		if p.Alg != cryptogram.TDES || s.Alg != cryptogram.SM4 {
			return nil, fmt.Errorf("card as data groupings: primary set %v and second set %v, want 3DES and SM4", p.Alg, s.Alg)
		}
		if err := e.secrets(s.Alg, &c.Alternative.Keys, second); err != nil {
			return nil, fmt.Errorf("card as data groupings, second set: %w", err)
		}
	}
	if err := e.extension(); err != nil {
		return nil, fmt.Errorf("card as data groupings: %w", err)
	}
	e.pin()
	if err := e.paths(); err != nil {
		return nil, fmt.Errorf("card as data groupings: %w", err)
	}
	return e.out, nil
}

type encoder struct {
	card *Card
	out  []DGI
}

func (e *encoder) put(id uint16, data []byte) { e.out = append(e.out, DGI{id, data}) }

func (e *encoder) records() error {
	version := byte(0x20)
	if e.card.Product.FDDA01 {
		version = 0x30
	}
	found := false
	for i := range e.card.Records {
		r := &e.card.Records[i]
		id := uint16(r.SFI)<<8 | uint16(r.Number)
		body := r.Body
		if e.card.Product.commits(r.Record) {
			body = tlv.Append(nil, tlv.TagRecordTemplate, body)
		}
		if _, ok := recordOf(id); !ok {
			return fmt.Errorf("record %d of file %d: grouping %04X is something else", r.Number, r.SFI, id)
		}
		d := DGI{id, bytes.Clone(body)}
		if err := d.check(); err != nil {
			return err
		}
		if v, ok := tlv.Find(body, tlv.TagRecordTemplate, tlv.TagVersionCard); ok {
			found = true
			if len(v) != 2 || v[1] != version {
				return fmt.Errorf("9F08 is %X, want 00%02X as the product's fDDA version says", v, version)
			}
		}
		e.out = append(e.out, d)
	}
	if !found {
		return fmt.Errorf("no record holds 9F08, which tells the fDDA version")
	}
	return nil
}

// objects puts the values of a list of tags together; a card without one leaves
// it out.
func (e *encoder) objects(tags []tlv.Tag) []byte {
	var out []byte
	for _, tag := range tags {
		v := e.value(tag)
		if v == nil {
			v = e.card.Product.data(tag)
		}
		if v != nil {
			out = tlv.Append(out, tag, v)
		}
	}
	return out
}

// secrets puts the keys of one set of algorithms and their check values.
func (e *encoder) secrets(alg cryptogram.Alg, k *Keys, private PrivateKey) error {
	ids := setOf(alg)
	keys := bytes.Join([][]byte{k.AC[:], k.MAC[:], k.ENC[:]}, nil)
	e.put(ids.keys, keys)
	e.put(ids.kcv, checkValues(alg, keys))
	if k.DCVN != (cryptogram.Key{}) {
		e.put(ids.dcvn, bytes.Clone(k.DCVN[:]))
		e.put(ids.dcvnKCV, checkValues(alg, k.DCVN[:]))
	}
	if alg == cryptogram.SM4 {
		e.put(dgiSM2, bytes.Clone(private.SM2[:]))
		return nil
	}
	parts, err := crt(private.RSA)
	if err != nil {
		return err
	}
	for i, part := range parts {
		e.put(dgiQInv+uint16(i), pad80(part, 16))
	}
	return nil
}

// crt gives an RSA key in the order of groupings 8201 to 8205: q^-1 mod p, d mod
// q-1, d mod p-1, q, p, all as long as the primes.
func crt(c oda.RSAComponents) ([][]byte, error) {
	if _, err := oda.NewRSAPrivate(c); err != nil {
		return nil, err
	}
	p, q := new(big.Int).SetBytes(c.P), new(big.Int).SetBytes(c.Q)
	one, exponent := big.NewInt(1), big.NewInt(int64(c.Exponent))
	fill := func(x *big.Int) []byte { return x.FillBytes(make([]byte, len(c.P))) }
	return [][]byte{
		fill(new(big.Int).ModInverse(q, p)),
		fill(new(big.Int).ModInverse(exponent, new(big.Int).Sub(q, one))),
		fill(new(big.Int).ModInverse(exponent, new(big.Int).Sub(p, one))),
		fill(q), fill(p),
	}, nil
}

func (e *encoder) pin() {
	tries := []byte{e.card.Product.PINTries, 0}
	if x := e.card.Product.Contact; x != nil {
		tries[1] = x.PINLimit
		if !zero(e.card.PIN[:]) {
			e.put(dgiPIN, bytes.Clone(e.card.PIN[:]))
		}
	}
	e.put(dgiPINTries, tries)
}

// paths puts what SELECT and GET PROCESSING OPTIONS answer.
func (e *encoder) paths() error {
	p := e.card.Product
	iad := e.iad()
	if err := e.fci(dgiAirFCI, p.FCI); err != nil {
		return err
	}
	e.put(dgiQPBOC, tlv.Append(tlv.Append(tlv.Append(nil, tlv.TagAIP, p.AIP[:]), tlv.TagIAD, iad), tlv.TagAFL, p.AFL))
	own := tlv.Append(nil, tlv.TagTrack2Equivalent, e.card.Track2)
	if len(e.card.Name) > 0 {
		own = tlv.Append(own, tlv.TagCardholderName, e.card.Name)
	}
	if len(p.ProductInfo) > 0 {
		own = tlv.Append(own, tlv.TagProductID, p.ProductInfo)
	}
	if s := p.Alternative; s != nil {
		e.path(dgiSMQPBOC, s.Contactless)
	}
	if x := p.Contact; x != nil {
		if err := e.fci(dgiFCI, x.FCI); err != nil {
			return err
		}
		e.path(dgiDebit, x.Debit)
		e.path(dgiCash, x.Cash)
		if s := p.Alternative; s != nil {
			e.path(dgiSMDebit, s.Debit)
			e.path(dgiSMCash, s.Cash)
		}
		if x.MSD != nil {
			b := tlv.Append(nil, tlv.TagAIP, x.MSD.Path.AIP[:])
			if len(x.MSD.Path.AFL) > 0 {
				b = tlv.Append(b, tlv.TagAFL, x.MSD.Path.AFL)
			}
			e.put(dgiMSD, b)
		}
		if x.Updatable > 0 {
			own = tlv.Append(own, tagUpdatable, binary.BigEndian.AppendUint16(nil, uint16(x.Updatable)))
		}
	}
	if x := p.Extension; x != nil && x.Quota {
		own = tlv.Append(own, tagQuota, []byte{1})
	}
	e.put(dgiOwn, own)
	e.put(dgiIAD, tlv.Append(nil, tlv.TagIAD, iad))
	return nil
}

// fci puts the proprietary template of an FCI; name and outer template follow
// from the application's AID.
func (e *encoder) fci(id uint16, fci []byte) error {
	v, _ := tlv.Find(fci, tlv.TagFCITemplate, tlv.TagFCIProprietary)
	a5 := tlv.Append(nil, tlv.TagFCIProprietary, v)
	if !bytes.Equal(fciOf(e.card.Product.AID, a5), fci) {
		return fmt.Errorf("FCI %X is not 6F with 84 and A5 in their shortest form", fci)
	}
	e.put(id, a5)
	return nil
}

// fciOf is the answer to SELECT around a proprietary template (EMV Book 1, 11.3.4).
func fciOf(aid, a5 []byte) []byte {
	return tlv.Append(nil, tlv.TagFCITemplate, append(tlv.Append(nil, tlv.TagDFName, aid), a5...))
}

func (e *encoder) path(id uint16, p Path) {
	if len(p.AFL) > 0 {
		e.put(id, tlv.Append(tlv.Append(nil, tlv.TagAIP, p.AIP[:]), tlv.TagAFL, p.AFL))
	}
}

// iad is 9F10 as it is personalised: no result yet, and the identifier of the
// discretionary data behind the length that they will have.
func (e *encoder) iad() []byte {
	p := e.card.Product
	b := []byte{7, p.DKI, byte(p.CVN), 3, 0, 0, 0, byte(p.Alg)}
	if p.IDD == cryptogram.IDDNone {
		return b
	}
	return append(b, iddLength(p.IDD), p.IDD)
}

// iddLength is the length of discretionary data: identifier, one or two amounts
// of five bytes, MAC.
func iddLength(idd byte) byte {
	if idd == cryptogram.IDDBalanceCTTA || idd == cryptogram.IDDCTTALimit {
		return 0x0F
	}
	return 0x0A
}

// pad80 pads a copy with 80 00.. to whole blocks, at least one byte (ISO/IEC
// 9797-1, method 2). Blocks of 16 bytes are whole under both secure channels.
func pad80(b []byte, block int) []byte {
	out := append(bytes.Clone(b), padding)
	for len(out)%block != 0 {
		out = append(out, 0)
	}
	return out
}
