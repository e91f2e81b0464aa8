package pboc

import (
	"bytes"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/wire/tlv"
)

// keySet are the groupings of one set of algorithms.
type keySet struct{ keys, kcv, dcvn, dcvnKCV uint16 }

// setOf gives the groupings of triple DES, or those of SM4 for any other algorithm.
func setOf(alg cryptogram.Alg) keySet {
	if alg == cryptogram.TDES {
		return keySet{dgiKeys, dgiKCV, dgiDCVN, dgiDCVNKCV}
	}
	return keySet{dgiSMKeys, dgiSMKCV, dgiSMDCVN, dgiSMDCVNKCV}
}

// algorithms takes keys, private keys and the paths of a second set, once it is
// sure which algorithms there are.
func (d *decoder) algorithms(c *Card) {
	if d.err != nil {
		return
	}
	p := c.Product
	second := d.data[dgiSMQPBOC] != nil
	if second && p.Alg != cryptogram.TDES {
		d.fail(dgiSMQPBOC, "a second set of algorithms besides %v", p.Alg)
	}
	c.Keys = d.keys(p.Alg)
	if p.Alg == cryptogram.TDES {
		c.Signer = d.rsa()
	} else {
		c.Signer = d.sm2()
	}
	if !second {
		d.noSecond(p.Alg)
		return
	}
	p.Alternative = &Suite{Alg: cryptogram.SM4}
	p.Alternative.Contactless, _ = d.path(dgiSMQPBOC)
	p.Alternative.Debit, _ = d.path(dgiSMDebit)
	p.Alternative.Cash, _ = d.path(dgiSMCash)
	c.Alternative = &Secrets{Keys: d.keys(cryptogram.SM4), Signer: d.sm2()}
}

// noSecond makes sure that a card without a second set of algorithms was not sent
// parts of one: they would be lost.
func (d *decoder) noSecond(alg cryptogram.Alg) {
	parts := []uint16{dgiSMDebit, dgiSMCash}
	if alg == cryptogram.TDES {
		parts = append(parts, dgiSMKeys, dgiSMKCV, dgiSM2, dgiSMDCVN, dgiSMDCVNKCV)
	}
	for _, id := range parts {
		if d.data[id] != nil {
			d.fail(id, "part of a second set of algorithms, of which there is no %04X, AIP and AFL of qPBOC", dgiSMQPBOC)
		}
	}
}

func (d *decoder) keys(alg cryptogram.Alg) (k Keys) {
	ids := setOf(alg)
	b := d.need(ids.keys)
	if d.need(ids.kcv) == nil || b == nil {
		return k
	}
	d.checkKCV(ids.keys, ids.kcv, alg)
	k = Keys{AC: cryptogram.Key(b[:16]), MAC: cryptogram.Key(b[16:32]), ENC: cryptogram.Key(b[32:48])}
	if own := d.data[ids.dcvn]; own != nil {
		d.checkKCV(ids.dcvn, ids.dcvnKCV, alg)
		k.DCVN = cryptogram.Key(own)
	}
	return k
}

func (d *decoder) checkKCV(id, kcv uint16, alg cryptogram.Alg) {
	if want := d.need(kcv); want != nil && !bytes.Equal(checkValues(alg, d.data[id]), want) {
		d.fail(kcv, "the check values are not those of the keys in %04X", id)
	}
}

// rsa takes 8201 to 8205; the public exponent is in the records, 9F47.
func (d *decoder) rsa() oda.DynamicSigner {
	var parts [5][]byte
	for i := range parts {
		b := d.need(dgiQInv + uint16(i))
		if b == nil {
			return nil
		}
		ok := false
		if parts[i], ok = unpad80(b); !ok {
			d.fail(dgiQInv+uint16(i), "no padding 80 00.. at its end")
			return nil
		}
	}
	c := oda.RSAComponents{QInv: parts[0], DQ: parts[1], DP: parts[2], Q: parts[3], P: parts[4]}
	switch exponent := d.inRecords(tlv.TagICCKeyExponent); string(exponent) {
	case "\x03":
		c.Exponent = 3
	case "\x01\x00\x01":
		c.Exponent = 65537
	default:
		d.fail(dgiP, "the records give the public exponent 9F47 as %X, want 03 or 010001", exponent)
		return nil
	}
	k, err := oda.NewRSAPrivate(c)
	if err != nil {
		d.fail(dgiP, "%v", err)
		return nil
	}
	return k
}

func (d *decoder) sm2() oda.DynamicSigner {
	b := d.need(dgiSM2)
	if b == nil {
		return nil
	}
	k, err := oda.NewSM2Private([32]byte(b))
	if err != nil {
		d.fail(dgiSM2, "%v", err)
		return nil
	}
	return k
}

// inRecords finds a data object in the first record that has it.
func (d *decoder) inRecords(tag tlv.Tag) []byte {
	for _, id := range d.order {
		if _, ok := recordOf(id); !ok {
			continue
		}
		if v, ok := tlv.Find(d.data[id], tlv.TagRecordTemplate, tag); ok {
			return v
		}
	}
	return nil
}

// pins takes PIN and tries.
func (d *decoder) pins(c *Card) {
	if b := d.need(dgiPINTries); b != nil {
		c.Product.PINTries = b[0]
	}
	b := d.data[dgiPIN]
	if b == nil {
		return
	}
	if rest := b[8:]; len(rest) > 0 && (rest[0] != padding || !zero(rest[1:])) {
		d.fail(dgiPIN, "want a PIN block of 8 bytes, which may be padded with 80 00..")
	}
	copy(c.PIN[:], b)
	c.PINSigner, _ = c.Signer.(oda.PINDecipherer)
}

// unpad80 takes off the padding that pad80 puts on.
func unpad80(b []byte) ([]byte, bool) {
	i := bytes.LastIndexByte(b, padding)
	return b[:max(i, 0)], i > 0 && zero(b[i+1:])
}
