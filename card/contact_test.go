package card_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/card/perso"
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/crypt/oda/devkeys"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// counter is a terminal that has learned a development card's key.
type counter struct {
	*session
	profile *perso.Profile
	sm      byte
	aip     [2]byte
	key     *oda.CardKey
	keys    cryptoKeys
	seen    []byte // values of PDOL and CDOLs
}

type cryptoKeys struct {
	alg cryptogram.Alg
	ac  cryptogram.Key
}

// meet selects a card over the contacts, begins a transaction, reads all records and
// checks the certificates.
func meet(t testing.TB, p *perso.Profile, in *perso.Issue, chip *card.Chip, amount int64, sm byte) *counter {
	t.Helper()
	c := &counter{session: &session{t: t, chip: chip, k: &sample{profile: p, id: in.Identity}}, profile: p, sm: sm}
	c.keys = cryptoKeys{p.Product().Alg, in.First.Keys.AC}
	if p.Dual() && sm == 1 {
		c.keys = cryptoKeys{cryptogram.SM4, in.Second.Keys.AC}
	}
	list := transaction(t, p, false, amount, "0156", "", sm)
	c.ok(list[0])
	options := unhex(t, list[1])
	c.seen = bytes.Clone(options[7 : len(options)-1])
	answer := c.ok(list[1])
	c.aip = [2]byte(answer[2:4])
	records, static, _ := c.readAll(answer[4:])
	cas, err := devkeys.CAKeys()
	check(t, err)
	verifier, err := oda.NewVerifier(cas, 1)
	check(t, err)
	var why oda.Reason
	c.key, why = verifier.VerifyCardCert(&oda.CardData{
		RID: devkeys.RID, CAIndex: records[tlv.TagCAKeyIndex][0], PAN: in.Identity.PAN, AIP: c.aip,
		IssuerCert: records[tlv.TagIssuerCertificate], IssuerRest: records[tlv.TagIssuerKeyRemainder], IssuerExponent: records[tlv.TagIssuerKeyExponent],
		CardCert: records[tlv.TagICCCertificate], CardRest: records[tlv.TagICCKeyRemainder], CardExponent: records[tlv.TagICCKeyExponent],
		StaticData: static, StaticTags: records[tlv.TagSDATagList],
	}, month)
	if why != oda.OK {
		t.Fatalf("the card's certificate is %v", why)
	}
	return c
}

// generate sends GENERATE AC with a combined signature, checks that and the
// cryptogram inside, and gives 9F27, the counter and the cryptogram.
func (c *counter) generate(cmd string, p1 byte) (cid byte, atc uint16, ac [8]byte, iad cryptogram.IAD) {
	c.t.Helper()
	b := unhex(c.t, cmd)
	b[2] = p1
	values := b[5 : len(b)-1]
	c.seen = append(c.seen, values...)
	_, v := tags(c.t, tlv.TagResponseFormat2, c.ok(fmt.Sprintf("%X", b)))
	cid, atc = v[tlv.TagCID][0], uint16(v[tlv.TagATC][0])<<8|uint16(v[tlv.TagATC][1])
	sent := bytes.Clone(c.seen)
	for _, tag := range []tlv.Tag{tlv.TagCID, tlv.TagATC, tlv.TagIAD} {
		sent = tlv.Append(sent, tag, v[tag])
	}
	ac, why := c.key.VerifyCombined(v[tlv.TagSDAD], oda.Combined{ATC: atc, CID: cid, UN: [4]byte{0x11, 0x22, 0x33, 0x44}, Transaction: sent})
	if why != oda.OK {
		c.t.Fatalf("the combined signature is %v", why)
	}
	iad, err := cryptogram.ParseIAD(v[tlv.TagIAD])
	check(c.t, err)
	// CDOL2 is 8A and CDOL1; the cryptogram covers the first eight values.
	if k := c.profile.Product().Contact; len(values) > k.CDOL1.Len() {
		values = values[2:]
	}
	covered := append(bytes.Clone(values[:29]), c.aip[0], c.aip[1], byte(atc>>8), byte(atc), 3)
	covered = append(covered, iad.CVR[:]...)
	if want := cryptogram.MAC(c.keys.alg, cryptogram.DeriveSessionKey(c.keys.alg, c.keys.ac, atc), covered); ac != want || iad.Alg != c.keys.alg {
		c.t.Fatalf("cryptogram %X of %v, the issuer has %X of %v", ac, iad.Alg, want, c.keys.alg)
	}
	return cid, atc, ac, iad
}

// verifyEnciphered is VERIFY with the PIN of development cards under the card's key.
func (c *counter) verifyEnciphered() apdu.SW {
	c.t.Helper()
	challenge := [8]byte(c.ok("0084000000"))
	b, err := c.key.EncipherPIN(nil, random(4), oda.PINBlock(unhex(c.t, "26123456FFFFFFFF")), challenge)
	check(c.t, err)
	_, sw := c.send(fmt.Sprintf("00200088%02X%X", len(b), b))
	return sw
}

// TestWholeContactTransaction does electronic cash and an online debit on every
// development card, checked as terminal and as issuer.
func TestWholeContactTransaction(t *testing.T) {
	for _, name := range developmentProfiles {
		p := embedded(t, name)
		in := developmentCard(t, p)
		img, err := p.Image(in)
		check(t, err)
		for sm := byte(0); sm < 2; sm++ {
			if name == "dev-sm" && sm == 0 {
				continue
			}
			chip := powered(t, img, card.Contact)
			list := transaction(t, p, false, 300, "0156", "", sm)
			c := meet(t, p, in, chip, 300, sm)
			cid, _, _, iad := c.generate(list[7], 0x50)
			if balance, _ := iad.Balance(); cid != 0x40 || balance != in.Opening-300 || chip.Inspect().Balance != balance {
				t.Errorf("%s: electronic cash: CID %02X, balance %v", name, cid, balance)
			}

			const debit = 60000 // above 9F78
			list = transaction(t, p, false, debit, "0156", "", sm)
			c = meet(t, p, in, chip, debit, sm)
			signed, _ := tlv.Find(c.ok("0088000004 11223344 00"), tlv.TagResponseFormat1)
			if why := c.key.VerifyDynamic(signed, 2, []byte{0x11, 0x22, 0x33, 0x44}); why != oda.OK {
				t.Errorf("%s: DDA: %v", name, why)
			}
			if sw := c.verifyEnciphered(); sw != apdu.SWOK {
				t.Errorf("%s: enciphered PIN: %v", name, sw)
			}
			cid, atc, arqc, iad := c.generate(list[7], 0x90)
			if cid != 0x80 || iad.CVR[0] != 0xA4 || iad.CVR[2] != 0x02 {
				t.Errorf("%s: online debit: CID %02X CVR %X", name, cid, iad.CVR)
			}
			arpc := cryptogram.ARPC(c.keys.alg, cryptogram.DeriveSessionKey(c.keys.alg, c.keys.ac, atc), arqc, [2]byte{'0', '0'})
			c.ok(fmt.Sprintf("008200000A%X3030", arpc))
			if cid, _, _, iad = c.generate(list[9], 0x50); cid != 0x40 || iad.CVR[0] != 0x64 {
				t.Errorf("%s: after the issuer's answer: CID %02X CVR %X", name, cid, iad.CVR)
			}
			if st := chip.Inspect(); st.LastOnlineATC != 2 || st.Balance != in.Opening-money.Fen(300) || st.LogRecords != 2 || st.Memory != 0 {
				t.Errorf("%s: the card is %+v", name, st)
			}
		}
	}
}
