package emv

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/tlv"
)

// unhexed reads hexadecimal with spaces for the eye.
func unhexed(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// partTime is 2026-11-22 12:00 at UTC+8.
const partTime = 1795320000

// partMachine is a machine in the middle of a transaction: the card has given the
// objects, the terminal is of type 22 with all methods.
func partMachine(t testing.TB, objects map[tlv.Tag]string) *Machine {
	t.Helper()
	app := &Application{Name: unhexed(t, "A000000333"), Partial: true, Version: [2]byte{0, 0x30}, FloorLimit: 10000}
	m := &Machine{
		cfg: &Config{
			Country: [2]byte{1, 0x56}, Currency: [2]byte{1, 0x56}, Exponent: 2, Type: 0x22, Capabilities: [3]byte{0xE0, 0xF8, 0xC8},
			Additional: [5]byte{0x60}, Applications: []Application{*app},
		},
		app: app,
		in:  Input{Amount: 5000, Time: partTime, UN: [4]byte{1, 2, 3, 4}, CardUN: [4]byte{5, 6, 7, 8}},
	}
	m.data.AIP = [2]byte{0x7D, 0}
	m.data.Sent.Date = txn.DateBCD(partTime)
	m.data.value = m.value
	m.data.aid = unhexed(t, "A000000333010101")
	pan, err := txn.ParsePAN("6228000100001117")
	if err != nil {
		t.Fatal(err)
	}
	m.data.Card = txn.CardKey{PAN: pan, PSN: 1}
	for tag, v := range objects {
		if f := m.data.put(tag, unhexed(t, v)); f.Code != 0 {
			t.Fatalf("object %v: %v", tag, f)
		}
	}
	return m
}

// explained wants a note for every bit of TVR and TSI.
func explained(t *testing.T, m *Machine) {
	t.Helper()
	var tvr [5]byte
	var tsi [2]byte
	for _, n := range m.Notes() {
		if by, bit, ok := n.Code.TVRBit(); ok {
			tvr[by-1] |= 1 << (bit - 1)
		}
		if by, bit, ok := n.Code.TSIBit(); ok {
			tsi[by-1] |= 1 << (bit - 1)
		}
	}
	if tvr != m.data.TVR || tsi != m.data.TSI {
		t.Errorf("TVR %X TSI %X, the notes explain %X and %X", m.data.TVR, m.data.TSI, tvr, tsi)
	}
}

func tvrOf(t testing.TB, s string) (tvr [5]byte) {
	t.Helper()
	copy(tvr[:], unhexed(t, s))
	return tvr
}

// TestRestrictions follows EMV Book 3, 10.4.
func TestRestrictions(t *testing.T) {
	auc := func(v string) map[tlv.Tag]string {
		return map[tlv.Tag]string{tlv.TagAUC: v, tlv.TagIssuerCountry: "0156"}
	}
	abroad := func(v string) map[tlv.Tag]string {
		return map[tlv.Tag]string{tlv.TagAUC: v, tlv.TagIssuerCountry: "0344"}
	}
	atm := func(m *Machine) { m.cfg.Type, m.cfg.Additional = 0x14, [5]byte{0x80}; m.in.Type = typeCash }
	for name, row := range map[string]struct {
		card  map[tlv.Tag]string
		set   func(*Machine)
		byte2 byte
	}{
		"nothing given":                       {nil, nil, 0},
		"same version":                        {map[tlv.Tag]string{tlv.TagVersionCard: "0030"}, nil, 0},
		"other version":                       {map[tlv.Tag]string{tlv.TagVersionCard: "0020"}, nil, 0x80},
		"expires today":                       {map[tlv.Tag]string{tlv.TagExpirationDate: "261122"}, nil, 0},
		"expired yesterday":                   {map[tlv.Tag]string{tlv.TagExpirationDate: "261121"}, nil, 0x40},
		"expired in the last century":         {map[tlv.Tag]string{tlv.TagExpirationDate: "991231"}, nil, 0x40},
		"expires in 2049":                     {map[tlv.Tag]string{tlv.TagExpirationDate: "491231"}, nil, 0},
		"expiry is no date":                   {map[tlv.Tag]string{tlv.TagExpirationDate: "301331"}, nil, 0x40},
		"effective from today":                {map[tlv.Tag]string{tlv.TagEffectiveDate: "261122"}, nil, 0},
		"effective from tomorrow":             {map[tlv.Tag]string{tlv.TagEffectiveDate: "261123"}, nil, 0x20},
		"effective date is no date":           {map[tlv.Tag]string{tlv.TagEffectiveDate: "26AA01"}, nil, 0x20},
		"effective in the last century":       {map[tlv.Tag]string{tlv.TagEffectiveDate: "960101"}, nil, 0},
		"midnight at UTC+8 counts":            {map[tlv.Tag]string{tlv.TagExpirationDate: "261122"}, func(m *Machine) { m.in.Time = 1795363200 }, 0x40},
		"everything allowed":                  {auc("FFC0"), nil, 0},
		"domestic goods":                      {auc("2100"), nil, 0},
		"domestic services":                   {auc("0900"), nil, 0},
		"no purchases at home":                {auc("9500"), nil, 0x10},
		"abroad with domestic bits only":      {abroad("A900"), nil, 0x10},
		"abroad, international goods":         {abroad("1100"), nil, 0},
		"abroad, international services":      {abroad("0500"), nil, 0},
		"goods only where services are sold":  {auc("2100"), func(m *Machine) { m.cfg.Additional = [5]byte{0x20} }, 0x10},
		"terminal that does not say":          {auc("2100"), func(m *Machine) { m.cfg.Additional = [5]byte{} }, 0},
		"not valid outside dispensers":        {auc("FEC0"), nil, 0x10},
		"country unknown":                     {map[tlv.Tag]string{tlv.TagAUC: "0100"}, nil, 0},
		"country unknown, dispensers only":    {map[tlv.Tag]string{tlv.TagAUC: "0200"}, nil, 0x10},
		"cash over the counter":               {auc("8100"), func(m *Machine) { m.in.Type = typeCash }, 0},
		"no cash over the counter":            {auc("2B00"), func(m *Machine) { m.in.Type = typeCash }, 0x10},
		"cash dispenser":                      {auc("8200"), atm, 0},
		"dispenser, not valid there":          {auc("8100"), atm, 0x10},
		"dispenser abroad":                    {abroad("4200"), atm, 0},
		"unattended shop is no dispenser":     {auc("2100"), func(m *Machine) { m.cfg.Type = 0x25 }, 0},
		"cashback":                            {auc("2180"), func(m *Machine) { m.in.Type = typeCashback }, 0},
		"no cashback":                         {auc("FF00"), func(m *Machine) { m.in.Type = typeCashback }, 0x10},
		"cashback abroad":                     {abroad("1140"), func(m *Machine) { m.in.Type = typeCashback }, 0},
		"cashback, but no goods":              {auc("8180"), func(m *Machine) { m.in.Type = typeCashback }, 0x10},
		"a load asks for nothing but a place": {auc("0100"), func(m *Machine) { m.in.Type = 0x60 }, 0},
		"usage control of a wrong length":     {auc("FF"), nil, 0x10},
		"all at once": {map[tlv.Tag]string{tlv.TagVersionCard: "0020", tlv.TagExpirationDate: "200101", tlv.TagEffectiveDate: "400101",
			tlv.TagAUC: "0000"}, nil, 0xF0},
	} {
		m := partMachine(t, row.card)
		if row.set != nil {
			row.set(m)
		}
		m.restrict()
		if m.data.TVR != [5]byte{0, row.byte2} {
			t.Errorf("%s: TVR %X, want byte 2 %02X", name, m.data.TVR, row.byte2)
		}
		explained(t, m)
	}
}

// TestTerminalRisk follows EMV Book 3, 10.6.
func TestTerminalRisk(t *testing.T) {
	limits := map[tlv.Tag]string{tlv.TagLowerOfflineLimitEMV: "03", tlv.TagUpperOfflineLimitEMV: "05"}
	for name, row := range map[string]struct {
		card       map[tlv.Tag]string
		set        func(*Machine)
		atc, last  uint16
		known      bool
		tvr        string
		tsi        byte
		notSkipped bool
	}{
		"nothing to see":                    {tvr: "0000000000", tsi: 0x08},
		"the card does not ask for it":      {set: func(m *Machine) { m.data.AIP[0] = 0x70; m.in.Amount = 1 << 40 }, tvr: "0000000000"},
		"one fen below the floor limit":     {set: func(m *Machine) { m.in.Amount = 9999 }, tvr: "0000000000", tsi: 0x08},
		"the floor limit":                   {set: func(m *Machine) { m.in.Amount = 10000 }, tvr: "0000008000", tsi: 0x08},
		"with earlier ones the floor limit": {set: func(m *Machine) { m.cfg.Logged = func(txn.CardKey) money.Fen { return 5000 } }, tvr: "0000008000", tsi: 0x08},
		"no floor":                          {set: func(m *Machine) { m.app.FloorLimit = 0; m.in.Amount = 0 }, tvr: "0000008000", tsi: 0x08},
		"exception file":                    {set: func(m *Machine) { m.cfg.Exception = func(k txn.CardKey) bool { return k.PSN == 1 } }, tvr: "1000000000", tsi: 0x08},
		"not on the exception file":         {set: func(m *Machine) { m.cfg.Exception = func(txn.CardKey) bool { return false } }, tvr: "0000000000", tsi: 0x08},
		"exception file whatever the AIP":   {set: func(m *Machine) { m.data.AIP[0] = 0; m.cfg.Exception = func(txn.CardKey) bool { return true } }, tvr: "1000000000"},
		"the merchant forces it":            {set: func(m *Machine) { m.in.ForceOnline = true }, tvr: "0000000800", tsi: 0x08},
		"within both limits":                {card: limits, atc: 13, last: 10, known: true, tvr: "0000000000", tsi: 0x08},
		"above the lower limit":             {card: limits, atc: 14, last: 10, known: true, tvr: "0000004000", tsi: 0x08},
		"at the upper limit":                {card: limits, atc: 15, last: 10, known: true, tvr: "0000004000", tsi: 0x08},
		"above both":                        {card: limits, atc: 16, last: 10, known: true, tvr: "0000006000", tsi: 0x08},
		"counter equal":                     {card: limits, atc: 10, last: 10, known: true, tvr: "0000006000", tsi: 0x08},
		"counter below":                     {card: limits, atc: 9, last: 10, known: true, tvr: "0000006000", tsi: 0x08},
		"new card":                          {card: limits, atc: 1, last: 0, known: true, tvr: "0008000000", tsi: 0x08},
		"card does not tell its counters":   {card: limits, tvr: "2000006000", tsi: 0x08},
		"lower limit alone":                 {card: map[tlv.Tag]string{tlv.TagLowerOfflineLimitEMV: "00"}, atc: 9, known: true, tvr: "0000000000", tsi: 0x08},
		"upper limit alone":                 {card: map[tlv.Tag]string{tlv.TagUpperOfflineLimitEMV: "00"}, atc: 9, known: true, tvr: "0000000000", tsi: 0x08},
		"limits of zero":                    {card: map[tlv.Tag]string{tlv.TagLowerOfflineLimitEMV: "00", tlv.TagUpperOfflineLimitEMV: "00"}, atc: 11, last: 10, known: true, tvr: "0000006000", tsi: 0x08},
		"electronic cash": {card: limits, set: func(m *Machine) {
			m.data.Cash, m.in.Amount = true, 20000
			m.app.Random = RandomSelection{Target: 99, Max: 99}
		}, atc: 99, last: 0, known: true, tvr: "0000000000", tsi: 0x08},
		"electronic cash of a listed card": {set: func(m *Machine) { m.data.Cash = true; m.cfg.Exception = func(txn.CardKey) bool { return true } }, tvr: "1000000000", tsi: 0x08},
		"chosen": {set: func(m *Machine) {
			m.app.Random = RandomSelection{Threshold: 6000, Target: 20, Max: 50}
			m.in.Percent = 19
		}, tvr: "0000001000", tsi: 0x08},
		"not chosen": {set: func(m *Machine) {
			m.app.Random = RandomSelection{Threshold: 6000, Target: 20, Max: 50}
			m.in.Percent = 20
		}, tvr: "0000000000", tsi: 0x08},
		"offline only chooses nobody": {set: func(m *Machine) {
			m.cfg.Type = 0x23
			m.app.Random = RandomSelection{Target: 99, Max: 99}
		}, tvr: "0000000000", tsi: 0x08},
		"above the floor nobody is chosen": {set: func(m *Machine) {
			m.in.Amount = 10000
			m.app.Random = RandomSelection{Target: 99, Max: 99}
		}, tvr: "0000008000", tsi: 0x08},
	} {
		m := partMachine(t, row.card)
		if row.set != nil {
			row.set(m)
		}
		m.assess(row.atc, row.last, row.known)
		if m.data.TVR != tvrOf(t, row.tvr) || m.data.TSI[0] != row.tsi {
			t.Errorf("%s: TVR %X TSI %X, want %s %02X", name, m.data.TVR, m.data.TSI, row.tvr, row.tsi)
		}
		explained(t, m)
	}
}

// TestRandomSelectionLine: EMV Book 3, 10.6.2, from the target at the threshold to
// the maximum at the floor limit.
func TestRandomSelectionLine(t *testing.T) {
	r := RandomSelection{Threshold: 1000, Target: 20, Max: 70}
	for _, row := range []struct {
		amount, floor money.Fen
		want          byte
	}{
		{0, 11000, 20}, {999, 11000, 20}, {1000, 11000, 20}, {1199, 11000, 20}, {1200, 11000, 21}, {6000, 11000, 45}, {10999, 11000, 69},
		{500, 1000, 20}, {500, 800, 20}, {999_999_999_998, 999_999_999_999, 69},
	} {
		if got := r.target(row.amount, row.floor); got != row.want {
			t.Errorf("%v below %v: %d%%, want %d%%", row.amount, row.floor, got, row.want)
		}
	}
	if got := (RandomSelection{Threshold: 100, Target: 50, Max: 50}).target(5000, 10000); got != 50 {
		t.Errorf("a flat line gives %d%%, want 50%%", got)
	}
}

// decideAll runs the parts between the records and GENERATE AC that need no card.
func decideAll(m *Machine) {
	m.found.clear()
	m.data.TVR, m.data.TSI = [5]byte{}, [2]byte{}
	m.restrict()
	m.startCVM()
	m.nextCVM()
	m.assess(9, 1, true)
	m.decide()
}

func decidingMachine(tb testing.TB) *Machine {
	m := partMachine(tb, map[tlv.Tag]string{
		tlv.TagCVMList: "0000C350 00000000 4203 1E03 1F00", tlv.TagApplicationCurrency: "0156", tlv.TagVersionCard: "0020",
		tlv.TagExpirationDate: "351231", tlv.TagEffectiveDate: "250101", tlv.TagAUC: "FF00", tlv.TagIssuerCountry: "0156",
		tlv.TagLowerOfflineLimitEMV: "03", tlv.TagUpperOfflineLimitEMV: "05", tlv.TagIACOnline: "F870F8F800",
	})
	m.cfg.Capabilities[1] = 0x28
	return m
}

// TestPartsDoNotAllocate once their memory has grown.
func TestPartsDoNotAllocate(t *testing.T) {
	m := decidingMachine(t)
	decideAll(m)
	if n := testing.AllocsPerRun(100, func() { decideAll(m) }); n != 0 {
		t.Errorf("%v allocations a transaction, want none", n)
	}
	if m.data.TVR != [5]byte{0, 0x80, 0, 0x60} || len(m.Notes()) < 8 {
		t.Errorf("TVR %X, %d notes", m.data.TVR, len(m.Notes()))
	}
}

func BenchmarkTerminalDecisions(b *testing.B) {
	m := decidingMachine(b)
	b.ReportAllocs()
	for b.Loop() {
		decideAll(m)
	}
}
