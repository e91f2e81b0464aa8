package emv

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/crypt/oda/devkeys"
	"github.com/citycard/citycard/wire/tlv"
)

// must0 gives the value of a call that cannot fail in a test.
func must0[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func seed(b byte) *rand.ChaCha8 { return rand.NewChaCha8([32]byte{b}) }

// signingCard is a card's side of offline data authentication.
type signingCard struct {
	objects map[tlv.Tag][]byte
	signer  interface {
		oda.DynamicSigner
		oda.CombinedSigner
	}
}

// partStatic is the one signed record of the cards here.
var partStatic = []byte{0x5F, 0x24, 3, 0x30, 0x12, 0x31}

func rsaCard(t testing.TB) signingCard {
	t.Helper()
	m := partMachine(t, nil)
	ca := must0(oda.NewRSAPrivate(devkeys.RSACA()))(t)
	bank := must0(oda.NewRSAPrivate(devkeys.RSAIssuer(0)))(t)
	card := must0(oda.NewRSAPrivate(devkeys.RSACard(0)))(t)
	up := must0(ca.CertifyIssuer(seed(1), oda.IssuerCert{IssuerID: [4]byte{0x62, 0x28, 0, 0xFF}, Expiry: [2]byte{0x12, 0x40}}, bank.Public()))(t)
	down := must0(bank.CertifyCard(seed(2), oda.CardCert{PAN: m.data.Card.PAN, Expiry: [2]byte{0x12, 0x35}, StaticData: partStatic}, card.Public()))(t)
	return signingCard{
		objects: map[tlv.Tag][]byte{
			tlv.TagCAKeyIndex: {devkeys.RSACAIndex}, tlv.TagIssuerCertificate: up.Certificate, tlv.TagIssuerKeyRemainder: up.Remainder,
			tlv.TagIssuerKeyExponent: up.Exponent, tlv.TagICCCertificate: down.Certificate, tlv.TagICCKeyRemainder: down.Remainder,
			tlv.TagICCKeyExponent: down.Exponent, tlv.TagSSAD: must0(bank.SignStatic(seed(3), [2]byte{0xDA, 0xC0}, partStatic))(t),
		},
		signer: card,
	}
}

func sm2Card(t testing.TB) signingCard {
	t.Helper()
	m := partMachine(t, nil)
	ca := must0(oda.NewSM2Private(devkeys.SM2CA()))(t)
	bank := must0(oda.NewSM2Private(devkeys.SM2Issuer(0)))(t)
	card := must0(oda.NewSM2Private(devkeys.SM2Card(m.data.Card.PAN, 1)))(t)
	up := must0(ca.CertifyIssuer(seed(1), oda.IssuerCert{IssuerID: [4]byte{0x62, 0x28, 0, 0xFF}, Expiry: [2]byte{0x12, 0x40}}, bank.Public()))(t)
	down := must0(bank.CertifyCard(seed(2), oda.CardCert{PAN: m.data.Card.PAN, Expiry: [2]byte{0x12, 0x35}, StaticData: partStatic}, card.Public()))(t)
	return signingCard{
		objects: map[tlv.Tag][]byte{
			tlv.TagCAKeyIndex: {devkeys.SM2CAIndex}, tlv.TagIssuerCertificate: up, tlv.TagICCCertificate: down,
			tlv.TagSSAD: must0(bank.SignStatic(seed(3), [2]byte{0xDA, 0xC0}, partStatic))(t),
		},
		signer: card,
	}
}

// machine is a terminal that has read the card.
func (c *signingCard) machine(t testing.TB) *Machine {
	t.Helper()
	m := partMachine(t, nil)
	for tag, v := range c.objects {
		if f := m.data.put(tag, v); f.Code != 0 {
			t.Fatalf("object %v: %v", tag, f)
		}
	}
	m.data.static = partStatic
	m.cfg.Authenticate = must0(oda.NewVerifier(must0(devkeys.CAKeys())(t), 4))(t)
	return m
}

func bothFamilies(t *testing.T, run func(*testing.T, signingCard)) {
	t.Run("RSA", func(t *testing.T) { run(t, rsaCard(t)) })
	t.Run("SM2", func(t *testing.T) { run(t, sm2Card(t)) })
}

// TestMethodChoice follows EMV Book 3, 10.3.
func TestMethodChoice(t *testing.T) {
	c := sm2Card(t)
	for _, row := range []struct {
		aip, capabilities byte
		want              odaMethod
	}{
		{0x61, 0xC8, odaCombined}, {0x61, 0xC0, odaDynamic}, {0x61, 0x80, odaStatic}, {0x61, 0x00, odaNone}, {0x60, 0xC8, odaDynamic},
		{0x40, 0xC8, odaStatic}, {0x1E, 0xC8, odaNone}, {0x01, 0x08, odaCombined}, {0x01, 0xC0, odaNone}, {0x20, 0x88, odaNone}, {0x40, 0x68, odaNone},
	} {
		m := c.machine(t)
		m.data.AIP[0], m.cfg.Capabilities[2] = row.aip, row.capabilities
		got := m.chooseODA()
		if got != row.want || (m.data.TVR != [5]byte{}) != (row.want == odaNone) || m.wantCombined() != (row.want == odaCombined) {
			t.Errorf("AIP %02X capabilities %02X: %d TVR %X, want %d", row.aip, row.capabilities, got, m.data.TVR, row.want)
		}
		if row.want == odaNone && m.data.TVR[0] != 0x80 {
			t.Errorf("AIP %02X: TVR %X", row.aip, m.data.TVR)
		}
		explained(t, m)
	}
}

// TestStatic is SDA, good and bad (EMV Book 2, 5; JR/T 0025.17).
func TestStatic(t *testing.T) {
	bothFamilies(t, func(t *testing.T, c signingCard) {
		m := c.machine(t)
		m.data.AIP[0] = 0x40
		m.chooseODA()
		m.checkStatic()
		if m.data.TVR != [5]byte{} || m.data.TSI[0] != 0x80 || !bytes.Equal(m.found.value(tlv.TagDAC), []byte{0xDA, 0xC0}) {
			t.Errorf("TVR %X TSI %X DAC %X", m.data.TVR, m.data.TSI, m.found.value(tlv.TagDAC))
		}
		for name, spoil := range map[string]func(*Machine){
			"4000000000 static data changed":           func(m *Machine) { m.data.static = []byte{0x5F, 0x24, 3, 0x31, 0x12, 0x31} },
			"4000000000 a signed record without 70":    func(m *Machine) { m.data.staticBad = true },
			"4000000000 unknown CA key":                func(m *Machine) { m.data.replace(tlv.TagCAKeyIndex, []byte{9}) },
			"4000000000 tag list with another tag":     func(m *Machine) { m.data.replace(tlv.TagSDATagList, []byte{0x5A}) },
			"4000000000 certificate expired":           func(m *Machine) { m.in.Time += 20 * 365 * 86400 },
			"4000000000 no verifier":                   func(m *Machine) { m.cfg.Authenticate = nil },
			"6000000000 no 8F":                         func(m *Machine) { m.data.replace(tlv.TagCAKeyIndex, nil) },
			"6000000000 no 90":                         func(m *Machine) { m.data.replace(tlv.TagIssuerCertificate, nil) },
			"6000000000 no 93":                         func(m *Machine) { m.data.replace(tlv.TagSSAD, nil) },
			"4000000000 another card's account number": func(m *Machine) { m.data.Card.PAN[0] = 0x99 },
		} {
			m := c.machine(t)
			m.data.AIP[0] = 0x40
			spoil(m)
			m.chooseODA()
			m.checkStatic()
			if m.data.TVR != tvrOf(t, name[:10]) || m.data.TSI[0] != 0x80 {
				t.Errorf("%s: TVR %X TSI %X", name, m.data.TVR, m.data.TSI)
			}
			explained(t, m)
		}
	})
}

// TestMissingObjectIsNamed: the note says which object is missing.
func TestMissingObjectIsNamed(t *testing.T) {
	c := rsaCard(t)
	for _, tag := range []tlv.Tag{tlv.TagCAKeyIndex, tlv.TagIssuerCertificate, tlv.TagICCCertificate, tlv.TagIssuerKeyExponent, tlv.TagICCKeyExponent} {
		m := c.machine(t)
		m.data.replace(tag, nil)
		m.data.AIP[0] = 0x20
		m.chooseODA()
		if m.internalAuthData() != nil {
			t.Errorf("without %v the card is asked to sign", tag)
		}
		ok := slices.ContainsFunc(m.Notes(), func(n Note) bool { return n.Code == NoteDataMissing && n.Tag == tag })
		if !ok || m.data.TVR != [5]byte{0x28} {
			t.Errorf("without %v: TVR %X notes %v", tag, m.data.TVR, m.Notes())
		}
	}
}

// TestDynamic is DDA, good and bad (EMV Book 2, 6.5).
func TestDynamic(t *testing.T) {
	bothFamilies(t, func(t *testing.T, c signingCard) {
		run := func(m *Machine, spoil func([]byte) []byte) {
			m.data.AIP[0] = 0x20
			m.chooseODA()
			data := m.internalAuthData()
			if data == nil {
				return
			}
			sdad := must0(c.signer.SignDynamic(nil, seed(4), 0x0102, data))(t)
			if spoil != nil {
				sdad = spoil(sdad)
			}
			m.checkDynamic(sdad)
			explained(t, m)
		}
		m := c.machine(t)
		run(m, nil)
		if m.data.TVR != [5]byte{} || m.data.TSI[0] != 0x80 || !bytes.Equal(m.found.ddolData, m.in.CardUN[:]) || !bytes.Equal(m.found.value(tlv.TagICCDynamicNumber), []byte{1, 2}) {
			t.Errorf("TVR %X TSI %X DDOL data %X number %X", m.data.TVR, m.data.TSI, m.found.ddolData, m.found.value(tlv.TagICCDynamicNumber))
		}
		m = c.machine(t)
		m.data.put(tlv.TagDDOL, []byte{0x9F, 0x37, 4, 0x9A, 3})
		run(m, nil)
		if m.data.TVR != [5]byte{} || !bytes.Equal(m.found.ddolData, []byte{5, 6, 7, 8, 0x26, 0x11, 0x22}) {
			t.Errorf("card's DDOL: TVR %X data %X", m.data.TVR, m.found.ddolData)
		}
		for name, set := range map[string]func(*Machine) func([]byte) []byte{
			"signature changed": func(*Machine) func([]byte) []byte {
				return func(b []byte) []byte { b[len(b)-1] ^= 1; return b }
			},
			"no signature":      func(*Machine) func([]byte) []byte { return func([]byte) []byte { return nil } },
			"DDOL without 9F37": func(m *Machine) func([]byte) []byte { m.data.put(tlv.TagDDOL, []byte{0x9A, 3}); return nil },
			"DDOL that is none": func(m *Machine) func([]byte) []byte { m.data.put(tlv.TagDDOL, []byte{0x9F}); return nil },
			"DDOL of 300 bytes": func(m *Machine) func([]byte) []byte {
				m.data.put(tlv.TagDDOL, []byte{0x9F, 0x37, 150, 0x9A, 150})
				return nil
			},
			"terminal's DDOL lacks 9F37":  func(m *Machine) func([]byte) []byte { m.app.DDOL = []byte{0x9A, 3}; return nil },
			"certificate of another card": func(m *Machine) func([]byte) []byte { m.data.Card.PAN[9] = 0x11; return nil },
			"certificate bad": func(m *Machine) func([]byte) []byte {
				bad := slices.Clone(m.data.Get(tlv.TagICCCertificate))
				bad[30] ^= 1
				m.data.replace(tlv.TagICCCertificate, bad)
				return nil
			},
		} {
			m := c.machine(t)
			run(m, set(m))
			if m.data.TVR != [5]byte{0x08} || m.data.TSI[0] != 0x80 {
				t.Errorf("%s: TVR %X TSI %X", name, m.data.TVR, m.data.TSI)
			}
		}
	})
}

// TestCombined is CDA, good and bad (EMV Book 2, 6.6).
func TestCombined(t *testing.T) {
	sent := []byte("values of PDOL and CDOL")
	cryptogram := [8]byte{8, 7, 6, 5, 4, 3, 2, 1}
	head := []byte{0x9F, 0x27, 1, 0x40, 0x9F, 0x36, 2, 0, 7}
	tail := []byte{0x9F, 0x10, 8, 7, 1, 1, 3, 0x90, 0, 0, 1}
	bothFamilies(t, func(t *testing.T, c signingCard) {
		answer := func() []byte {
			in := oda.Combined{ATC: 7, CID: 0x40, AC: cryptogram, UN: [4]byte{1, 2, 3, 4}, Transaction: slices.Concat(sent, head, tail)}
			return slices.Concat(head, tlv.Append(nil, tlv.TagSDAD, must0(c.signer.SignCombined(nil, seed(5), in))(t)), tail)
		}
		begin := func() *Machine {
			m := c.machine(t)
			m.found.sent = append(m.found.sent, sent...)
			if m.chooseODA() != odaCombined || !m.wantCombined() {
				t.Fatal("CDA is not wanted")
			}
			return m
		}
		m := begin()
		if !m.checkCombined(answer()) || m.data.AC != cryptogram || m.data.TVR != [5]byte{} || m.data.TSI[0] != 0x80 {
			t.Errorf("AC %X TVR %X TSI %X", m.data.AC, m.data.TVR, m.data.TSI)
		}
		// The same answer in a longer coding, which the signature does not cover.
		odd := answer()
		odd = slices.Concat([]byte{0x9F, 0x27, 0x81, 1}, odd[3:])
		for name, b := range map[string][]byte{
			"another CID":      bytes.Replace(answer(), []byte{0x27, 1, 0x40}, []byte{0x27, 1, 0x80}, 1),
			"another counter":  bytes.Replace(answer(), []byte{0x36, 2, 0, 7}, []byte{0x36, 2, 0, 8}, 1),
			"another 9F10":     bytes.Replace(answer(), tail, []byte{0x9F, 0x10, 8, 7, 1, 1, 3, 0xA0, 0, 0, 1}, 1),
			"no 9F10":          bytes.Replace(answer(), tail, nil, 1),
			"no CID":           answer()[4:],
			"no signature":     slices.Concat(head, tail),
			"other length":     odd,
			"cut short":        answer()[:40],
			"something beside": append(answer(), 0x5A, 1, 2),
		} {
			m := begin()
			if m.checkCombined(b) || m.data.TVR != [5]byte{0x04} || m.wantCombined() || m.data.TSI[0] != 0x80 {
				t.Errorf("%s: TVR %X TSI %X", name, m.data.TVR, m.data.TSI)
			}
			explained(t, m)
		}
		for name, set := range map[string]func(*Machine){
			"terminal said something else": func(m *Machine) { m.found.sent[0]++ },
			"another unpredictable number": func(m *Machine) { m.in.UN[3]++ },
		} {
			m := begin()
			set(m)
			if m.checkCombined(answer()) || m.data.TVR != [5]byte{0x04} {
				t.Errorf("%s: TVR %X", name, m.data.TVR)
			}
		}
	})
}

// TestCombinedWithBadCertificates fails before GENERATE AC, so that terminal action
// analysis knows, and is not asked for then.
func TestCombinedWithBadCertificates(t *testing.T) {
	c := rsaCard(t)
	for name, row := range map[string]struct {
		spoil func(*Machine)
		tvr   byte
	}{
		"certificate of another card": {func(m *Machine) { m.data.Card.PAN[9] = 0x11 }, 0x04},
		"no card certificate":         {func(m *Machine) { m.data.replace(tlv.TagICCCertificate, nil) }, 0x24},
	} {
		m := c.machine(t)
		row.spoil(m)
		if m.chooseODA() != odaCombined || m.wantCombined() || m.data.TVR != [5]byte{row.tvr} {
			t.Errorf("%s: TVR %X", name, m.data.TVR)
		}
		explained(t, m)
	}
}

func TestPINKey(t *testing.T) {
	c := rsaCard(t)
	m := c.machine(t)
	if m.pinKey() == nil { // without 9F2D the signature key serves (EMV Book 2, 7.1)
		t.Error("no key")
	}
	m.data.replace(tlv.TagIssuerCertificate, nil)
	if m.pinKey() != nil || m.data.TVR != [5]byte{} {
		t.Errorf("a key without a certificate, TVR %X", m.data.TVR)
	}
	if n := m.Notes(); len(n) != 1 || n[0].Text("zh") != "卡片 PIN 加密公钥不可用：数据缺失" {
		t.Errorf("notes %v", n)
	}
}
