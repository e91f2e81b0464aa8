package emv

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/citycard/citycard/crypt/pin"
	"github.com/citycard/citycard/wire/tlv"
)

// TestCVM follows EMV Book 3, 10.5, and the table of results of EMV Book 4, 6.3.4.5.
// A row plays one list: does are the answers to what the machine asks for, in order:
// ok, bypass, pad, or the status word of the last VERIFY. asked is what it asks for:
// P plain, E enciphered, O online.
func TestCVM(t *testing.T) {
	const xy = "00001388 00002710" // X is 50.00, Y 100.00
	noPIN := func(m *Machine) { m.cfg.Capabilities[1] = 0x28 }
	cash := func(m *Machine) { m.in.Type = typeCash }
	dispenser := func(m *Machine) { m.in.Type, m.cfg.Type = typeCash, 0x14 }
	amount := func(v int64) func(*Machine) { return func(m *Machine) { m.in.Amount = moneyOf(v) } }
	for name, row := range map[string]struct {
		rules     string
		set       func(*Machine)
		does      string
		asked     string
		results   string
		byte3     byte
		tsi       bool
		signature bool
		missing   bool // TVR byte 1 b6
	}{
		"signature":                     {rules: "1E00", results: "1E0000", tsi: true, signature: true},
		"no CVM":                        {rules: "1F00", results: "1F0002", tsi: true},
		"fail":                          {rules: "0000", results: "000001", byte3: 0x80, tsi: true},
		"fail, with a next rule":        {rules: "4000 1F00", results: "400001", byte3: 0x80, tsi: true},
		"plain PIN":                     {rules: "0100", does: "ok", asked: "P", results: "010002", tsi: true},
		"enciphered PIN":                {rules: "0400", does: "ok", asked: "E", results: "040002", tsi: true},
		"online PIN":                    {rules: "0200", does: "ok", asked: "O", results: "020000", byte3: 0x04, tsi: true},
		"plain PIN and signature":       {rules: "0300", does: "ok", asked: "P", results: "030000", tsi: true, signature: true},
		"enciphered PIN and signature":  {rules: "4503", does: "ok", asked: "E", results: "450300", tsi: true, signature: true},
		"wrong PIN, no tries left":      {rules: "0100", does: "63C0", asked: "P", results: "010001", byte3: 0xA0, tsi: true},
		"PIN blocked":                   {rules: "0100", does: "6983", asked: "P", results: "010001", byte3: 0xA0, tsi: true},
		"PIN blocked earlier":           {rules: "0100", does: "6984", asked: "P", results: "010001", byte3: 0xA0, tsi: true},
		"VERIFY fails otherwise":        {rules: "0100", does: "6A80", asked: "P", results: "010001", byte3: 0x80, tsi: true},
		"no key for an enciphered PIN":  {rules: "4400 1F00", does: "0000", asked: "E", results: "1F0002", tsi: true},
		"cardholder gives up at last":   {rules: "0100", does: "63C2", asked: "P", results: "010001", byte3: 0x80, tsi: true},
		"wrong PIN, then signature":     {rules: "4100 1E00", does: "63C0", asked: "P", results: "1E0000", byte3: 0x20, tsi: true, signature: true},
		"wrong PIN, then unsupported":   {rules: "4103 0400", set: func(m *Machine) { m.cfg.Capabilities[1] = 0xA8 }, does: "63C0", asked: "P", results: "410301", byte3: 0xB0, tsi: true},
		"bypass":                        {rules: "0100", does: "bypass", asked: "P", results: "010001", byte3: 0x88, tsi: true},
		"bypass, then online PIN":       {rules: "4100 0200", does: "bypass", asked: "P", results: "020001", byte3: 0x88, tsi: true},
		"bypass, then signature":        {rules: "4200 1E00", does: "bypass", asked: "O", results: "1E0000", byte3: 0x08, tsi: true, signature: true},
		"broken pad, then online PIN":   {rules: "4100 4200 1F00", does: "pad", asked: "P", results: "1F0002", byte3: 0x10, tsi: true},
		"broken pad":                    {rules: "0100", does: "pad", asked: "P", results: "010001", byte3: 0x90, tsi: true},
		"plain fails, enciphered comes": {rules: "4100 0400", does: "6A80 ok", asked: "PE", results: "040002", tsi: true},
		"unknown method":                {rules: "0600", results: "3F0001", byte3: 0xC0, tsi: true},
		"unknown method, next":          {rules: "6000 1F00", results: "1F0002", byte3: 0x40, tsi: true},
		"signature not supported":       {rules: "1E00", set: func(m *Machine) { m.cfg.Capabilities[1] = 0xD8 }, results: "3F0001", byte3: 0x80, tsi: true},
		"PIN not supported":             {rules: "0100", set: noPIN, results: "3F0001", byte3: 0x90, tsi: true},
		"online PIN not supported":      {rules: "4200 1E00", set: noPIN, results: "1E0000", byte3: 0x10, tsi: true, signature: true},
		"no CVM not supported":          {rules: "1F00", set: func(m *Machine) { m.cfg.Capabilities[1] = 0xF0 }, results: "3F0001", byte3: 0x80, tsi: true},
		"no PIN over the air":           {rules: "4100 0200", set: func(m *Machine) { m.in.Contactless = true }, does: "ok", asked: "O", results: "020000", byte3: 0x14, tsi: true},
		"over the air, if supported":    {rules: "4103 1E03", set: func(m *Machine) { m.in.Contactless = true }, results: "1E0300", tsi: true, signature: true},
		"nothing left":                  {rules: "4100", does: "6A80", asked: "P", results: "410001", byte3: 0x80, tsi: true},
		"no condition holds":            {rules: "1F01 1F04 1F05", results: "3F0001", byte3: 0x80, tsi: true},

		"condition 01, dispenser":       {rules: "1F01", set: dispenser, results: "1F0102", tsi: true},
		"condition 01, counter":         {rules: "1F01", set: cash, results: "3F0001", byte3: 0x80, tsi: true},
		"condition 02, purchase":        {rules: "1F02", results: "1F0202", tsi: true},
		"condition 02, cash":            {rules: "1F02", set: cash, results: "3F0001", byte3: 0x80, tsi: true},
		"condition 02, cashback":        {rules: "1F02", set: func(m *Machine) { m.in.Type = typeCashback }, results: "3F0001", byte3: 0x80, tsi: true},
		"condition 03, supported":       {rules: "4203 1F00", does: "ok", asked: "O", results: "420300", byte3: 0x04, tsi: true},
		"condition 03, not supported":   {rules: "4203 1F00", set: noPIN, results: "1F0002", tsi: true},
		"condition 03, unknown method":  {rules: "0603 1F00", results: "1F0002", tsi: true},
		"condition 04, counter":         {rules: "1F04", set: cash, results: "1F0402", tsi: true},
		"condition 04, dispenser":       {rules: "1F04", set: dispenser, results: "3F0001", byte3: 0x80, tsi: true},
		"condition 05":                  {rules: "1F05", set: func(m *Machine) { m.in.Type = typeCashback }, results: "1F0502", tsi: true},
		"condition 06, below X":         {rules: "1F06", set: amount(4999), results: "1F0602", tsi: true},
		"condition 06, X":               {rules: "1F06", set: amount(5000), results: "3F0001", byte3: 0x80, tsi: true},
		"condition 07, X":               {rules: "1F07", set: amount(5000), results: "3F0001", byte3: 0x80, tsi: true},
		"condition 07, above X":         {rules: "1F07", set: amount(5001), results: "1F0702", tsi: true},
		"condition 08, below Y":         {rules: "1F08", set: amount(9999), results: "1F0802", tsi: true},
		"condition 08, Y":               {rules: "1F08", set: amount(10000), results: "3F0001", byte3: 0x80, tsi: true},
		"condition 09, above Y":         {rules: "1F09", set: amount(10001), results: "1F0902", tsi: true},
		"condition 09, Y":               {rules: "1F09", set: amount(10000), results: "3F0001", byte3: 0x80, tsi: true},
		"condition 06, other currency":  {rules: "1F06 1E00", set: func(m *Machine) { m.cfg.Currency = [2]byte{8, 0x40} }, results: "1E0000", tsi: true, signature: true},
		"condition 0A is unknown":       {rules: "1F0A 1E00", results: "1E0000", tsi: true, signature: true},
		"the recorded UnionPay card":    {rules: "4203 1E03 1F00", does: "bypass", asked: "O", results: "1E0300", byte3: 0x08, tsi: true, signature: true},
		"the card asks for none":        {rules: "1F00", set: func(m *Machine) { m.data.AIP[0] = 0x6D }, results: "3F0000"},
		"a list without rules":          {rules: "", results: "3F0000", missing: true},
		"a list of an odd length":       {rules: "1F", results: "3F0000", missing: true},
		"no list although it is wanted": {rules: "none", results: "3F0000", missing: true},
	} {
		t.Run(name, func(t *testing.T) {
			objects := map[tlv.Tag]string{tlv.TagApplicationCurrency: "0156"}
			if row.rules != "none" {
				objects[tlv.TagCVMList] = xy + row.rules
			}
			m := partMachine(t, objects)
			if row.set != nil {
				row.set(m)
			}
			asked := playCVM(t, m, strings.Fields(row.does))
			want := [3]byte(unhexed(t, row.results))
			tvr := [5]byte{0, 0, row.byte3}
			if row.missing {
				tvr[0] = 0x20
			}
			if asked != row.asked || m.data.CVMResults != want || m.data.TVR != tvr || m.out.Signature != row.signature || (m.data.TSI[0] == 0x40) != row.tsi {
				t.Errorf("asked %q results %X TVR %X TSI %X signature %v, want %+v", asked, m.data.CVMResults, m.data.TVR, m.data.TSI, m.out.Signature, row)
			}
			explained(t, m)
		})
	}
}

// playCVM answers what the machine asks for.
func playCVM(t *testing.T, m *Machine, does []string) (asked string) {
	t.Helper()
	m.startCVM()
	for {
		step := m.nextCVM()
		if step == cvmDone {
			if len(does) > 0 {
				t.Fatalf("%q was not asked for", does)
			}
			return asked
		}
		asked += string(" PEO"[step])
		if len(does) == 0 {
			t.Fatalf("asked for %q, which the row does not answer", asked)
		}
		switch does[0] {
		case "ok":
			m.cvmResult(true, 0x9000)
		case "bypass":
			m.cvmBypassed()
		case "pad":
			m.cvmPadFailed()
		default:
			b := unhexed(t, does[0])
			m.cvmResult(false, swOf(b))
		}
		does = does[1:]
	}
}

// TestNoTriesLeftBeforeVERIFY: GET DATA 9F17 has said 0.
func TestNoTriesLeftBeforeVERIFY(t *testing.T) {
	m := partMachine(t, map[tlv.Tag]string{tlv.TagCVMList: "0000000000000000 4100 1F00"})
	m.startCVM()
	if step := m.nextCVM(); step != cvmPlainPIN {
		t.Fatalf("asked for %d", step)
	}
	m.cvmTriesExceeded()
	if step := m.nextCVM(); step != cvmDone || m.data.TVR != [5]byte{0, 0, 0x20} || m.data.CVMResults != [3]byte{0x1F, 0, 2} {
		t.Errorf("TVR %X results %X", m.data.TVR, m.data.CVMResults)
	}
}

func TestPlainPINBlock(t *testing.T) {
	p, err := pin.New("123456")
	if err != nil {
		t.Fatal(err)
	}
	b := plainPINBlock(p)
	if want := unhexed(t, "26123456FFFFFFFF"); !bytes.Equal(b[:], want) { // EMV Book 3, 6.5.12
		t.Error("not the block of format 2")
	}
	if s := fmt.Sprintf("%v %+v", b, b); strings.Contains(s, "123456") || strings.Contains(s, "18 52 86") {
		t.Error("the block prints its digits")
	}
}

func TestCVMListLengths(t *testing.T) {
	for n := range 260 {
		_, err := ParseCVMList(make([]byte, n))
		if want := n >= 8 && n%2 == 0 && n <= 252; (err == nil) != want {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
	l, err := ParseCVMList(unhexed(t, "00001388 00002710 4203 1F00"))
	if err != nil || l.X != 5000 || l.Y != 10000 || len(l.Rules) != 2 || l.Rules[0] != (CVMRule{0x42, 3}) {
		t.Errorf("%+v %v", l, err)
	}
}

// FuzzParseCVMList: what is read is all that was there, and verification with it ends
// with a result that the table of EMV Book 4, 6.3.4.5 knows.
func FuzzParseCVMList(f *testing.F) {
	f.Add([]byte{0, 0, 0x13, 0x88, 0, 0, 0x27, 0x10, 0x42, 3, 0x1E, 3, 0x1F, 0})
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0, 0, 0x41, 3, 0x5E, 3, 0x42, 3, 0x00, 0})
	f.Add([]byte{1, 2, 3})
	f.Fuzz(func(t *testing.T, b []byte) {
		list, err := ParseCVMList(b)
		if err != nil {
			return
		}
		if 8+2*len(list.Rules) != len(b) {
			t.Fatalf("%d rules of %d bytes", len(list.Rules), len(b))
		}
		m := partMachine(t, nil)
		m.data.put(tlv.TagCVMList, b)
		m.startCVM()
		for range 2 * len(b) {
			if m.nextCVM() == cvmDone {
				break
			}
			m.cvmResult(len(m.Notes())%3 == 0, 0x63C0)
		}
		r, failed := m.data.CVMResults, m.data.TVR[2]&0x80 != 0
		switch {
		case m.nextCVM() != cvmDone:
			t.Fatal("verification does not end")
		case r[2] == cvmFailed != failed:
			t.Fatalf("results %X with TVR %X", r, m.data.TVR)
		case r[0] != cvmNotPerformed && m.data.TSI[0]&0x40 == 0:
			t.Fatalf("results %X with TSI %X", r, m.data.TSI)
		}
		explained(t, m)
	})
}
