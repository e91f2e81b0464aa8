package pboc

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/crypt/oda/devkeys"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/wire/tlv"
)

func product() *Product {
	return &Product{
		AID: []byte{0xA0, 0, 0, 3, 0x33}, FCI: []byte{0x6F, 0}, AFL: []byte{8, 1, 1, 0}, Alg: cryptogram.TDES, CVN: cryptogram.CVN17,
		PDOL:   tlv.DOL{{Tag: 0x9F66, Len: 4}, {Tag: 0x9F02, Len: 6}, {Tag: 0x9F37, Len: 4}, {Tag: 0x5F2A, Len: 2}},
		LogSFI: 11, LogCount: 3, LogFormat: tlv.DOL{{Tag: 0x9F02, Len: 6}, {Tag: 0x9F4E, Len: 2}, {Tag: 0x9F36, Len: 2}},
		Limits: Limits{Balance: 1000},
	}
}

func TestPrepare(t *testing.T) {
	p := product()
	if err := p.Prepare(); err != nil {
		t.Fatal(err)
	}
	if n := p.MemorySize(); n != 32+3*10 {
		t.Errorf("memory of %d bytes", n)
	}
	values := make([]byte, 16)
	values[4+5] = 0x77
	if got := p.appendLog(nil, values, 0x1234); !bytes.Equal(got, []byte{0, 0, 0, 0, 0, 0x77, 0, 0, 0x12, 0x34}) {
		t.Errorf("log record %X", got)
	}
	// What the PDOL does not have comes from the card.
	p.Data = []DataObject{{Tag: 0x9F4E, Value: []byte{0xAB, 0xCD}}}
	if err := p.Prepare(); err != nil {
		t.Fatal(err)
	}
	if got := p.appendLog(nil, values, 0x1234); !bytes.Equal(got, []byte{0, 0, 0, 0, 0, 0x77, 0xAB, 0xCD, 0x12, 0x34}) {
		t.Errorf("log record %X", got)
	}
	for want, edit := range map[string]func(p *Product){
		"AID of 4":             func(p *Product) { p.AID = p.AID[:4] },
		"algorithm":            func(p *Product) { p.Alg = 2 },
		"CVN 23":               func(p *Product) { p.CVN = 0x17 },
		"discretionary data 6": func(p *Product) { p.IDD = 6 },
		"FCI of 0":             func(p *Product) { p.FCI = nil },
		"FCI of 257":           func(p *Product) { p.FCI = make([]byte, 257) },
		"9F63 of 15":           func(p *Product) { p.ProductInfo = make([]byte, 15) },
		"more than one funds":  func(p *Product) { p.Options = OptECCheck | OptECOrCTTA },
		"9F78 is":              func(p *Product) { p.Limits.Single = money.MaxN12 + 1 },
		"9F77 is 100000000.00": func(p *Product) { p.IDD, p.Limits.Balance = cryptogram.IDDBalance, 10_000_000_000 },
		"data 3 in 9F10":       func(p *Product) { p.IDD, p.Limits.Balance = cryptogram.IDDBalanceCTTA, money.MaxN12 },
		"data 5 in 9F10": func(p *Product) {
			p.IDD, p.Options, p.Limits.Balance = cryptogram.IDDAvailable, OptECOrCTTA, 10_000_000_000
		},
		"9F5C is":                 func(p *Product) { p.Limits.CTTAUpper = -1 },
		"AFL of 0":                func(p *Product) { p.AFL = nil },
		"AFL of 5":                func(p *Product) { p.AFL = make([]byte, 5) },
		"AFL of 36":               func(p *Product) { p.AFL = make([]byte, 36) },
		"AFL entry 1 is 09":       func(p *Product) { p.AFL[0] = 9 },
		"AFL entry 1 is 00":       func(p *Product) { p.AFL[0] = 0 },
		"AFL entry 1 is 0802":     func(p *Product) { p.AFL[1] = 2 },
		"AFL entry 1 is 08010102": func(p *Product) { p.AFL[3] = 2 },
		"PDOL asks for 300": func(p *Product) {
			p.PDOL = append(p.PDOL, tlv.DOLEntry{Tag: 0x9F4E, Len: 255}, tlv.DOLEntry{Tag: 0x9F1C, Len: 29})
		},
		"9F37 with 8 bytes":     func(p *Product) { p.PDOL[2].Len = 8 },
		"does not ask for 5F2A": func(p *Product) { p.PDOL = p.PDOL[:3] },
		"does not ask for 9F03": func(p *Product) { p.CVN = cryptogram.CVN01 },
		"log entry 9F4D 0A03":   func(p *Product) { p.LogSFI = 10 },
		"log entry 9F4D 0B00":   func(p *Product) { p.LogCount = 0 },
		"records of 0":          func(p *Product) { p.LogFormat = nil },
		"log format has 9F02":   func(p *Product) { p.LogFormat[0].Len = 5 },
	} {
		p := product()
		edit(p)
		if err := p.Prepare(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, error %v", want, err)
		}
	}
}

func withAFL(t *testing.T, afl ...byte) *Product {
	p := product()
	p.AFL = afl
	if err := p.Prepare(); err != nil {
		t.Fatal(err)
	}
	return p
}

type signer struct{}

func (signer) SignDynamic(dst []byte, _ io.Reader, _ uint16, _ []byte) ([]byte, error) {
	return dst, nil
}

func TestCheck(t *testing.T) {
	p := product()
	if err := p.Prepare(); err != nil {
		t.Fatal(err)
	}
	good := func() *Card {
		return &Card{Product: p, Track2: []byte{1}, Signer: signer{}, Opening: 1000, Records: []RecordData{{Record: Record{1, 1}}}}
	}
	if err := good().Check(); err != nil {
		t.Fatal(err)
	}
	for want, edit := range map[string]func(c *Card){
		"prepared product":           func(c *Card) { c.Product = product() },
		"private key":                func(c *Card) { c.Signer = nil },
		"57 of 0":                    func(c *Card) { c.Track2 = nil },
		"57 of 20":                   func(c *Card) { c.Track2 = make([]byte, 20) },
		"5F20 of 27":                 func(c *Card) { c.Name = make([]byte, 27) },
		"opening balance 10.01":      func(c *Card) { c.Opening = 1001 },
		"record 1 of file 1 has 246": func(c *Card) { c.Records[0].Body = make([]byte, 246) },
		"record 1 of file 1, the last of the AFL, is missing": func(c *Card) { c.Records[0].Number = 2 },
		"record 1 of file 2 is in the AFL and missing":        func(c *Card) { c.Product = withAFL(t, 0x10, 1, 1, 0, 8, 1, 1, 0) },
		"the AFL names the log file 11": func(c *Card) {
			c.Product = withAFL(t, 0x58, 1, 1, 0, 8, 1, 1, 0)
			c.Records = append(c.Records, RecordData{Record: Record{11, 1}})
		},
		"9F4B of 160 bytes": func(c *Card) {
			key, err := oda.NewRSAPrivate(devkeys.RSAIssuer(0))
			if err != nil {
				t.Fatal(err)
			}
			c.Signer = key
		},
	} {
		c := good()
		edit(c)
		if err := c.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, error %v", want, err)
		}
	}
}

// TestCommandTemplate: template 83 with a length of one or two bytes (EMV Book 3,
// 6.5.8), and nothing else.
func TestCommandTemplate(t *testing.T) {
	long := append([]byte{0x83, 0x81, 130}, make([]byte, 130)...)
	for _, c := range []struct {
		in   []byte
		size int // -1: refused
	}{
		{[]byte{0x83, 2, 1, 2}, 2}, {[]byte{0x83, 0}, 0}, {long, 130}, {long[:132], -1}, {[]byte{0x83, 0x81}, -1},
		{[]byte{0x83, 0x82, 0, 1, 1}, -1}, {[]byte{0x83, 2, 1}, -1}, {[]byte{0x83, 1, 1, 2}, -1}, {[]byte{0x83}, -1}, {nil, -1}, {[]byte{0x77, 0}, -1},
	} {
		v, ok := commandTemplate(c.in)
		if ok != (c.size >= 0) || ok && len(v) != c.size {
			t.Errorf("%X: %d bytes, %v, want %d", c.in, len(v), ok, c.size)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	p := product()
	if err := p.Prepare(); err != nil {
		t.Fatal(err)
	}
	for name, edit := range map[string]func(b []byte) []byte{
		"length":   func(b []byte) []byte { return b[1:] },
		"flags":    func(b []byte) []byte { b[atFlags] = 0x80; return b },
		"spare":    func(b []byte) []byte { b[9] = 1; return b },
		"next":     func(b []byte) []byte { b[atLogNext] = 3; return b },
		"count":    func(b []byte) []byte { b[atLogCount] = 4; return b },
		"balance":  func(b []byte) []byte { b[atBalance] = 0x0A; return b },
		"CTTA":     func(b []byte) []byte { b[atCTTA+5] = 0xA0; return b },
		"no bytes": func([]byte) []byte { return nil },
	} {
		if _, err := p.Decode(edit(make([]byte, p.MemorySize()))); !errors.Is(err, cos.ErrMemory) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestFormat: neither a card nor an application prints what it holds.
func TestFormat(t *testing.T) {
	c := Card{Track2: []byte{0x62, 0x28}}
	a := App{card: &c}
	a.body[0] = 0x62
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d"} {
		for _, v := range []any{c, &c, a, &a} {
			if got := fmt.Sprintf(verb, v); got != withheld {
				t.Errorf("%s of %T: %s", verb, v, got)
			}
		}
	}
}
