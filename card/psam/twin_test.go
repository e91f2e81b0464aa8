package psam_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"testing"

	"pgregory.net/rapid"

	"github.com/citycard/citycard/card/psam"
	"github.com/citycard/citycard/crypt/epurse"
	"github.com/citycard/citycard/wire/apdu"
)

// twin is one application of a module in plain variables.
type twin struct {
	id      uint16
	code    bool
	counter uint32
	wrong   int
}

// twinModule knows what a module must answer.
type twinModule struct {
	apps   []twin
	now    int // index of the current application
	given  []byte
	mac2   []byte // of the open purchase; nil for none
	key    []byte // working key; nil for none
	alg    epurse.Alg
	macs   bool
	cipher bool
}

func (m *twinModule) app() *twin { return &m.apps[m.now] }

func (m *twinModule) locked() bool { return m.app().wrong >= 3 }

func (m *twinModule) enter(i int) apdu.SW {
	m.now, m.given, m.mac2, m.key = i, nil, nil, nil
	if m.locked() {
		return apdu.SWInvalidated
	}
	return apdu.SWOK
}

var purchaseMaster, _ = hex.DecodeString("0123456789ABCDEFFEDCBA9876543210")

func (m *twinModule) open(data []byte) ([]byte, apdu.SW) {
	m.mac2 = nil
	alg, levels := epurse.Alg(data[19]), map[byte]int{1: 2, 2: 1}[data[18]]
	if m.app().code && levels == 1 {
		levels = 0
	}
	switch {
	case m.locked():
		return nil, apdu.SWPurseLocked
	case levels == 0 || alg != epurse.TDES && alg != epurse.SM4:
		return nil, apdu.SWPurseKeyIndex
	case len(data) != 20+8*levels:
		return nil, apdu.SWWrongLength
	case bytes.IndexByte([]byte{4, 5, 6, 9}, data[10]) < 0:
		return nil, apdu.SWWrongData
	case m.app().code && m.given == nil:
		return nil, apdu.SWConditions
	}
	m.app().counter++
	out := binary.BigEndian.AppendUint32(nil, m.app().counter)
	var mac1 []byte
	mac1, m.mac2 = naivePurchase(alg, purchaseMaster, data, []byte{0x11, 0x22, 0x33, 0x44, 0x55, 0x66}, m.given, m.app().counter)
	m.given = nil
	return append(out, mac1...), apdu.SWOK
}

func (m *twinModule) closes(mac2 []byte) apdu.SW {
	want := m.mac2
	m.mac2 = nil
	switch {
	case m.locked():
		return apdu.SWPurseLocked
	case want == nil:
		m.mac2 = nil
		return apdu.SWWrongState
	case bytes.Equal(want, mac2):
		m.app().wrong = 0
		return apdu.SWOK
	}
	m.app().wrong++
	if m.locked() {
		m.given, m.key = nil, nil
		return apdu.SWPurseLocked
	}
	return apdu.SWPurseMAC
}

// TestTwin plays random commands to a module and to its twin, which has its own
// cryptography: every answer agrees.
func TestTwin(t *testing.T) {
	img, err := psam.Image(spec(t, 0), nil)
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(rt *rapid.T) {
		s := place(t, img, nil)
		m := &twinModule{apps: []twin{{id: 0x8011}, {id: 0x1001, code: true}}}
		s.union()
		steps := map[string]func(*rapid.T){
			"select": func(rt *rapid.T) {
				i := rapid.IntRange(0, 1).Draw(rt, "application")
				cmd := binary.BigEndian.AppendUint16([]byte{0x00, 0xA4, 0x00, 0x0C, 0x02}, m.apps[i].id)
				s.agree(rt, cmd, nil, m.enter(i))
			},
			"reset": func(rt *rapid.T) {
				s.powerOn()
				m.enter(0)
				s.do("00A4000C028011")
			},
			"code": func(rt *rapid.T) {
				code := rapid.SliceOfN(rapid.Byte(), 9, 9).Draw(rt, "code")
				sw := apdu.SWUnknownINS
				if m.app().code {
					if sw = apdu.SWPurseLocked; !m.locked() {
						m.given, sw = code, apdu.SWOK
					}
				}
				s.agree(rt, append([]byte{0x80, 0xCA, 0, 0, 9}, code...), nil, sw)
			},
			"open": func(rt *rapid.T) {
				data := rapid.SliceOfN(rapid.Byte(), 20, 20).Draw(rt, "data")
				data[10] = rapid.SampledFrom([]byte{6, 6, 5, 4, 9, 9, 2}).Draw(rt, "type")
				data[18] = rapid.SampledFrom([]byte{1, 1, 2, 3}).Draw(rt, "index")
				data[19] = rapid.SampledFrom([]byte{0, 0, 4, 4, 1}).Draw(rt, "algorithm")
				n := rapid.SampledFrom([]int{16, 16, 8, 24}).Draw(rt, "factors")
				data = append(data, rapid.SliceOfN(rapid.Byte(), n, n).Draw(rt, "factor")...)
				want, sw := m.open(data)
				s.agree(rt, append(append([]byte{0x80, 0x70, 0, 0, byte(len(data))}, data...), 8), want, sw)
			},
			"close": func(rt *rapid.T) {
				mac2 := bytes.Clone(m.mac2)
				if mac2 == nil || rapid.IntRange(0, 3).Draw(rt, "right") == 0 {
					mac2 = rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(rt, "mac2")
				}
				s.agree(rt, append([]byte{0x80, 0x72, 0, 0, 4}, mac2...), nil, m.closes(mac2))
			},
			"prepare": func(rt *rapid.T) { m.prepare(rt, s) },
			"mac":     func(rt *rapid.T) { m.mac(rt, s) },
			"cipher":  func(rt *rapid.T) { m.enciphers(rt, s) },
			"counter": func(rt *rapid.T) {
				s.agree(rt, []byte{0x00, 0xB0, 0x98, 0x00, 0x04}, binary.BigEndian.AppendUint32(nil, m.app().counter), apdu.SWOK)
			},
		}
		rt.Repeat(steps)
	})
}

func (s *session) agree(rt *rapid.T, cmd, data []byte, sw apdu.SW) {
	rt.Helper()
	got, gotSW, err := s.send(cmd)
	if err != nil || gotSW != sw || !bytes.Equal(got, data) {
		rt.Fatalf("%X: %X %v %v, the twin says %X %v", cmd, got, gotSW, err, data, sw)
	}
}

// twinKeys are keys of T-Union's application.
var twinKeys = []struct {
	kind, index  byte
	alg          epurse.Alg
	levels       int
	halves       bool
	macs, cipher bool
	value        string
}{
	{4, 0x01, epurse.TDES, 2, true, true, false, "707172737475767778797A7B7C7D7E7F"},
	{4, 0x41, epurse.SM4, 2, true, true, false, "707172737475767778797A7B7C7D7E7F"},
	{5, 0x01, epurse.TDES, 2, false, true, true, "404142434445464748494A4B4C4D4E4F"},
	{5, 0x41, epurse.SM4, 2, false, true, true, "404142434445464748494A4B4C4D4E4F"},
	{7, 0x01, epurse.TDES, 2, false, false, true, "909192939495969798999A9B9C9D9E9F"},
	{6, 0x02, epurse.TDES, 2, true, true, false, "A1A2A3A4A5A6A7A8B1B2B3B4B5B6B7B8"},
	{6, 0x42, epurse.SM4, 2, true, true, false, "A1A2A3A4A5A6A7A8B1B2B3B4B5B6B7B8"},
}

func (m *twinModule) prepare(rt *rapid.T, s *session) {
	k := rapid.SampledFrom(twinKeys).Draw(rt, "key")
	factors := rapid.SliceOfN(rapid.Byte(), 8*k.levels, 8*k.levels).Draw(rt, "factors")
	cmd := append([]byte{0x80, 0x1A, byte(k.levels<<5) | k.kind, k.index, byte(len(factors))}, factors...)
	m.key = nil
	switch {
	case m.locked():
		s.agree(rt, cmd, nil, apdu.SWPurseLocked)
		return
	case m.app().code && !(k.kind == 5 && k.index == 1 || k.kind == 6 && k.index == 2 || k.kind == 7):
		s.agree(rt, cmd, nil, apdu.SWDataNotFound)
		return
	}
	var list [][]byte
	for i := k.levels - 1; i >= 0; i-- {
		list = append(list, factors[8*i:8*i+8])
	}
	master, _ := hex.DecodeString(k.value)
	m.key, m.alg, m.macs, m.cipher = naiveDiversify(k.alg, master, list...), k.alg, k.macs, k.cipher
	if k.halves && k.alg == epurse.TDES {
		for i := range 8 {
			m.key[i] ^= m.key[8+i]
		}
		copy(m.key[8:], m.key[:8])
	}
	s.agree(rt, cmd, nil, apdu.SWOK)
}

// mac is a MAC in one to four parts.
func (m *twinModule) mac(rt *rapid.T, s *session) {
	size := 8
	if m.key != nil {
		size = m.alg.BlockSize()
	}
	iv := rapid.SliceOfN(rapid.Byte(), size, size).Draw(rt, "initial value")
	var all []byte
	parts := rapid.IntRange(1, 4).Draw(rt, "parts")
	for i := range parts {
		n := size * rapid.IntRange(1, 5).Draw(rt, "blocks")
		part := rapid.SliceOfN(rapid.Byte(), n, n).Draw(rt, "part")
		p1 := byte(0x03)
		sent := part
		if i == 0 {
			p1, sent = 0x07, append(bytes.Clone(iv), part...)
		}
		all = append(all, part...)
		if i == parts-1 {
			p1 &^= 0x02
		}
		cmd := append([]byte{0x80, 0xFA, p1, 0, byte(len(sent))}, sent...)
		switch {
		case m.locked():
			s.agree(rt, cmd, nil, apdu.SWPurseLocked)
		case m.key == nil:
			s.agree(rt, cmd, nil, apdu.SWWrongState)
		case !m.macs:
			s.agree(rt, cmd, nil, apdu.SWConditions)
		case i < parts-1:
			s.agree(rt, cmd, nil, apdu.SWOK)
		default:
			s.agree(rt, append(cmd, 4), naiveMAC(m.alg, m.key, iv, all), apdu.SWOK)
		}
	}
}

func (m *twinModule) enciphers(rt *rapid.T, s *session) {
	n := 16 * rapid.IntRange(1, 4).Draw(rt, "blocks")
	data := rapid.SliceOfN(rapid.Byte(), n, n).Draw(rt, "data")
	cmd := append(append([]byte{0x80, 0xFA, 0, 0, byte(n)}, data...), 0)
	switch {
	case m.locked():
		s.agree(rt, cmd, nil, apdu.SWPurseLocked)
	case m.key == nil:
		s.agree(rt, cmd, nil, apdu.SWWrongState)
	case !m.cipher:
		s.agree(rt, cmd, nil, apdu.SWConditions)
	default:
		s.agree(rt, cmd, naiveECB(m.alg, m.key, data), apdu.SWOK)
	}
}
