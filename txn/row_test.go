package txn_test

import (
	"encoding/hex"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/txn"
)

// reference is a row with another value in every field, and the bytes that the
// layout of a row gives it: offset, hexadecimal, what it is.
func reference(t testing.TB) (txn.Row, []field) {
	return txn.Row{
			Kind: txn.Exit, Flags: txn.LastRecordRead | txn.ODAVerified | txn.Tag9F69Checked | txn.ServiceGiven | txn.EvidenceKept | txn.MonthUnread,
			Card: txn.CardKey{PAN: pan(t, "6228000100001117"), PSN: 0x01}, ATC: 0x0012,
			AC:     [8]byte{0xBE, 0x3A, 0x85, 0x1B, 0xD6, 0x43, 0x61, 0xD3},
			IAD:    [24]byte{0x07, 0x01, 0x11, 0x03, 0x90, 0x00, 0x00, 0x01, 0x0A, 0x01, 0x00, 0x00, 0x01, 0x16, 0x00, 0xAE, 0x04, 0x7B, 0x27},
			Amount: 400, UN: [4]byte{0x11, 0x22, 0x33, 0x12}, TVR: [5]byte{1, 2, 3, 4, 5}, AIP: [2]byte{0x7D, 0x00},
			Time: 1766102400, Type: 0x09, Tag9F69: [8]byte{0x01, 0xA1, 0xA2, 0xA3, 0xA4, 0xA5, 0xA6, 0xA7}, DF60: 0x02,
			Terminal: 70001, Sequence: 16909060, EntryTerminal: 60002, EntryTime: 1766100000, EntryATC: 0x0011,
			FullFare: 500, FareRule: 20141, Concession: 0x0C, MonthSum: 12345, Month: [2]byte{0x25, 0x12},
			DF63: 0x00000321, Held: 700, CAPPFile: 0x15, CAPPRecord: 0x2031, Route: 300, Stop: 17, Direction: 1,
			Tag9F6C: [2]byte{0x20, 0x80}, Expiry: [2]byte{0x30, 0x12},
		}, []field{
			{0, "01", "format"}, {1, "03", "kind: exit"},
			{2, "104F", "flags: bits 0 to 3, 6 and 12"},
			{4, "6228000100001117FFFF", "PAN"}, {14, "01", "PSN"}, {15, "0012", "ATC"},
			{17, "BE3A851BD64361D3", "9F26"},
			{25, "07011103900000010A010000011600AE047B270000000000", "9F10, zero-padded to 24"},
			{49, "00000190", "9F02, 400 fen"}, {53, "11223312", "9F37"}, {57, "0102030405", "95"}, {62, "7D00", "82"},
			{64, "69449580", "time, 2025-12-19 00:00 UTC"}, {68, "09", "9C"},
			{69, "01A1A2A3A4A5A6A7", "9F69"}, {77, "02", "DF60"},
			{78, "00011171", "terminal"}, {82, "01020304", "sequence"},
			{86, "0000EA62", "entry terminal"}, {90, "69448C20", "entry time, 40 minutes earlier"}, {94, "0011", "entry ATC"},
			{96, "0001F4", "fare before discounts"}, {99, "4EAD", "fare rule version"}, {101, "0C", "concession"},
			{102, "003039", "month sum"}, {105, "2512", "month YYMM"}, {107, "00000321", "DF63"}, {111, "000002BC", "amount held"},
			{115, "15", "CAPP SFI"}, {116, "2031", "record ID"}, {118, "012C", "route"}, {120, "11", "stop"}, {121, "01", "direction"},
			{122, "2080", "9F6C"}, {124, "3012", "5F24 YYMM"}, {126, "0000", "zero"},
		}
}

type field struct {
	at   int
	hex  string
	what string
}

// The layout of the offline row, written by hand: format 01 is what terminals in
// the field keep, so no byte of it may ever move.
func TestRowLayout(t *testing.T) {
	row, layout := reference(t)
	var got [txn.RowSize]byte
	if err := row.Encode(&got); err != nil {
		t.Fatal(err)
	}
	var whole strings.Builder
	for _, f := range layout {
		if whole.Len() != 2*f.at {
			t.Fatalf("%s stands at %d, the fields before it end at %d", f.what, f.at, whole.Len()/2)
		}
		whole.WriteString(f.hex)
		if have := strings.ToUpper(hex.EncodeToString(got[f.at : f.at+len(f.hex)/2])); have != f.hex {
			t.Errorf("%s at offset %d is %s, want %s", f.what, f.at, have, f.hex)
		}
	}
	if whole.Len() != 2*txn.RowSize {
		t.Fatalf("the layout has %d bytes", whole.Len()/2)
	}
	b, err := hex.DecodeString(whole.String())
	if err != nil {
		t.Fatal(err)
	}
	var back txn.Row
	if err := back.Decode(b); err != nil {
		t.Fatal(err)
	}
	if back != row {
		t.Errorf("the bytes decode to another row:\n%s", cmp.Diff(row, back))
	}
}

// Each bit of the flags has its place in bytes 2 and 3.
func TestFlagBits(t *testing.T) {
	for flag, want := range map[txn.Flags]uint16{
		txn.LastRecordRead: 0x0001, txn.ODAVerified: 0x0002, txn.Tag9F69Checked: 0x0004, txn.ServiceGiven: 0x0008,
		txn.ClosedByProve: 0x0010, txn.ClosedByRetap: 0x0020, txn.EvidenceKept: 0x0040, txn.EntryUnread: 0x0800, txn.MonthUnread: 0x1000,
		txn.Flags(0).WithReason(txn.LeftBeforeLast): 0x0080, txn.Flags(0).WithReason(txn.FareNotComputed): 0x0580, txn.Flags(0xFFFF).WithReason(txn.NoDoubt): 0xF87F,
	} {
		if uint16(flag) != want {
			t.Errorf("flag %04X, want %04X", uint16(flag), want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		f := txn.Flags(rapid.Uint16().Draw(t, "flags"))
		r := txn.DoubtReason(rapid.IntRange(0, 15).Draw(t, "reason"))
		g := f.WithReason(r)
		if g.Reason() != r || g&^0x0780 != f&^0x0780 || !g.Has(f&^0x0780) {
			t.Fatalf("flags %04X with reason %d are %04X, reason %d", uint16(f), r, uint16(g), g.Reason())
		}
		if missing := ^f & 0xFFFF; missing != 0 && f.Has(missing) {
			t.Fatalf("flags %04X have %04X", uint16(f), uint16(missing))
		}
	})
}

func fixed[A any](t *rapid.T, label string, draw *rapid.Generator[byte]) (a A) {
	v := reflect.ValueOf(&a).Elem()
	for i := range v.Len() {
		v.Index(i).SetUint(uint64(draw.Draw(t, label)))
	}
	return a
}

// drawRow draws a row that keeps every rule, values at the borders included.
func drawRow(t *rapid.T) txn.Row {
	p, err := txn.ParsePAN(digitsOf(t, "PAN"))
	if err != nil {
		t.Fatal(err)
	}
	fen := func(label string, limit int64) money.Fen {
		return money.Fen(rapid.Int64Range(0, limit).Draw(t, label))
	}
	u32 := func(label string) uint32 { return rapid.Uint32().Draw(t, label) }
	const all24, all32 = 1<<24 - 1, 1<<32 - 1
	r := txn.Row{
		Kind: txn.Kind(rapid.IntRange(1, 8).Draw(t, "kind")), Flags: txn.Flags(rapid.Uint16().Draw(t, "flags")) & 0x187F,
		Card: txn.CardKey{PAN: p, PSN: rapid.Byte().Draw(t, "PSN")}, ATC: rapid.Uint16().Draw(t, "ATC"),
		AC: fixed[[8]byte](t, "9F26", rapid.Byte()), IAD: fixed[[24]byte](t, "9F10", rapid.Byte()), Amount: fen("amount", all32),
		UN: fixed[[4]byte](t, "9F37", rapid.Byte()), TVR: fixed[[5]byte](t, "95", rapid.Byte()), AIP: fixed[[2]byte](t, "82", rapid.Byte()),
		Time: int64(u32("time")), Type: rapid.Byte().Draw(t, "9C"), Tag9F69: fixed[[8]byte](t, "9F69", rapid.Byte()), DF60: rapid.Byte().Draw(t, "DF60"),
		Terminal: txn.TerminalID(u32("terminal")), Sequence: u32("sequence"), EntryTerminal: txn.TerminalID(u32("entry terminal")),
		EntryTime: int64(u32("entry time")), EntryATC: rapid.Uint16().Draw(t, "entry ATC"), FullFare: fen("full fare", all24),
		FareRule: rapid.Uint16().Draw(t, "rule"), Concession: rapid.Byte().Draw(t, "concession"), MonthSum: fen("month sum", all24),
		Month: fixed[[2]byte](t, "month", rapid.Byte()), DF63: u32("DF63"), Held: fen("held", all32),
		CAPPFile: rapid.Byte().Draw(t, "SFI"), CAPPRecord: rapid.Uint16().Draw(t, "record"), Route: rapid.Uint16().Draw(t, "route"),
		Stop: rapid.Byte().Draw(t, "stop"), Direction: rapid.Byte().Draw(t, "direction"),
		Tag9F6C: fixed[[2]byte](t, "9F6C", rapid.Byte()), Expiry: fixed[[2]byte](t, "5F24", rapid.Byte()),
	}
	if r.Kind == txn.Doubt || r.Kind == txn.Declined {
		r.Flags = r.Flags.WithReason(txn.DoubtReason(rapid.IntRange(1, 11).Draw(t, "reason")))
	}
	if r.Kind == txn.Entry {
		r.Amount = 0
	}
	return r
}

func TestRowsComeBackAsTheyWent(t *testing.T) {
	var changed [txn.RowSize]bool
	var first *[txn.RowSize]byte
	rapid.Check(t, func(t *rapid.T) {
		row := drawRow(t)
		kept := row
		var b, again [txn.RowSize]byte
		for i := range b {
			b[i] = 0xEE // what a used buffer holds must not shine through
		}
		if err := row.Encode(&b); err != nil {
			t.Fatal(err)
		}
		if row != kept {
			t.Fatal("encoding changed the row")
		}
		back := drawRow(t) // a used row: decoding must set every field
		if err := back.Decode(b[:]); err != nil {
			t.Fatal(err)
		}
		if back != row {
			t.Fatalf("row differs:\n%s", cmp.Diff(row, back))
		}
		if err := back.Encode(&again); err != nil || again != b {
			t.Fatalf("encoding again gives other bytes, %v", err)
		}
		if first == nil {
			first = &b
		}
		for i := range b {
			changed[i] = changed[i] || b[i] != first[i]
		}
	})
	if testing.Short() {
		return // too few rows are drawn for every byte to differ
	}
	for i, c := range changed {
		if constant := i == 0 || i >= 126; c == constant {
			t.Errorf("byte %d: carries a value %v, want %v", i, c, !constant)
		}
	}
}

// rules are the checks that a stored row passes, each broken once: the message
// must name what is wrong and show no account number.
var rules = []struct {
	name    string
	breakIt func(r *txn.Row)
	message string
	offset  int // the bytes at offset break the same rule; none if patch is empty
	patch   string
}{
	{"kind 0", func(r *txn.Row) { r.Kind = 0 }, "kind 0 is not defined", 1, "00"},
	{"kind 9", func(r *txn.Row) { r.Kind = 9 }, "kind 9 is not defined", 1, "09"},
	{"flag bit 13", func(r *txn.Row) { r.Flags |= 1 << 13 }, "flags 304F: bits 2000 are not defined", 2, "304F"},
	{"flag bit 15", func(r *txn.Row) { r.Flags |= 1 << 15 }, "flags 904F: bits 8000 are not defined", 2, "904F"},
	{"doubt reason 12", func(r *txn.Row) { r.Kind = txn.Doubt; r.Flags = r.Flags.WithReason(12) }, "doubt reason 12 is not defined", 1, "07164F"},
	{"reason 15 in an exit", func(r *txn.Row) { r.Flags = r.Flags.WithReason(15) }, "doubt reason 15 is not defined", 2, "17CF"},
	{"exit with a reason", func(r *txn.Row) { r.Flags = r.Flags.WithReason(txn.GateFault) }, "kind exit with doubt reason 5", 2, "12CF"},
	{"doubt without a reason", func(r *txn.Row) { r.Kind = txn.Doubt }, "kind doubt with doubt reason 0", 1, "07"},
	{"declined without a reason", func(r *txn.Row) { r.Kind = txn.Declined }, "kind declined with doubt reason 0", 1, "08"},
	{"no PAN", func(r *txn.Row) { r.Card.PAN = txn.PAN{} }, "account number", 4, "00000000000000000000"},
	{"PAN with a letter", func(r *txn.Row) { r.Card.PAN[3] = 0x0B }, "account number, digit 8", 7, "0B"},
	{"PAN of 11 digits", func(r *txn.Row) {
		r.Card.PAN = txn.PAN{0x62, 0x28, 0, 0x01, 0, 0x0F, 0xFF, 0xFF, 0xFF, 0xFF}
	}, "account number of 11 digits", 4, "62280001000FFFFFFFFF"},
	{"entry with an amount", func(r *txn.Row) { r.Kind = txn.Entry }, "entry row carries amount 0", 1, "02"},
	{"amount below 0", func(r *txn.Row) { r.Amount = -1 }, "amount -1 is outside 0..4294967295", 0, ""},
	{"amount too high", func(r *txn.Row) { r.Amount = 1 << 32 }, "amount 4294967296 is outside", 0, ""},
	{"fare below 0", func(r *txn.Row) { r.FullFare = -2 }, "fare before discounts -2 is outside 0..16777215", 0, ""},
	{"fare too high", func(r *txn.Row) { r.FullFare = 1 << 24 }, "fare before discounts 16777216", 0, ""},
	{"month sum below 0", func(r *txn.Row) { r.MonthSum = -3 }, "month sum -3", 0, ""},
	{"month sum too high", func(r *txn.Row) { r.MonthSum = 1 << 24 }, "month sum 16777216", 0, ""},
	{"held below 0", func(r *txn.Row) { r.Held = -4 }, "amount held -4", 0, ""},
	{"held too high", func(r *txn.Row) { r.Held = 1 << 32 }, "amount held 4294967296", 0, ""},
	{"time below 0", func(r *txn.Row) { r.Time = -5 }, "time -5", 0, ""},
	{"time too high", func(r *txn.Row) { r.Time = 1 << 32 }, "time 4294967296", 0, ""},
	{"entry time below 0", func(r *txn.Row) { r.EntryTime = -6 }, "entry time -6", 0, ""},
	{"entry time too high", func(r *txn.Row) { r.EntryTime = 1 << 32 }, "entry time 4294967296", 0, ""},
}

func TestRowRules(t *testing.T) {
	for _, rule := range rules {
		row, _ := reference(t)
		var good, b [txn.RowSize]byte
		if err := row.Encode(&good); err != nil {
			t.Fatal(err)
		}
		rule.breakIt(&row)
		err := row.Encode(&b)
		if err == nil || !strings.HasPrefix(err.Error(), "encode row: ") || !strings.Contains(err.Error(), rule.message) || b != ([txn.RowSize]byte{}) {
			t.Errorf("%s: encode says %v, want %q and nothing written", rule.name, err, rule.message)
		}
		if rule.patch == "" {
			continue
		}
		patch, err := hex.DecodeString(rule.patch)
		if err != nil {
			t.Fatal(err)
		}
		copy(good[rule.offset:], patch)
		if err := new(txn.Row).Decode(good[:]); err == nil || !strings.HasPrefix(err.Error(), "decode row: ") || !strings.Contains(err.Error(), rule.message) {
			t.Errorf("%s: decode says %v, want %q", rule.name, err, rule.message)
		} else if strings.Contains(err.Error(), "1117") {
			t.Errorf("%s: the error shows the number: %v", rule.name, err)
		}
	}
}

func TestDecodeRefusesOtherFormats(t *testing.T) {
	row, _ := reference(t)
	var good [txn.RowSize]byte
	if err := row.Encode(&good); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, message string
		change        func(b []byte) []byte
	}{
		{"short", "127 bytes, want 128", func(b []byte) []byte { return b[:127] }},
		{"long", "129 bytes, want 128", func(b []byte) []byte { return append(b, 0) }},
		{"none", "0 bytes, want 128", func([]byte) []byte { return nil }},
		{"format 00", "format byte is 00, want 01 or 02", func(b []byte) []byte { b[0] = 0; return b }},
		{"format 03", "format byte is 03, want 01 or 02", func(b []byte) []byte { b[0] = 3; return b }},
		{"byte 126", "bytes 126 and 127 are 0100", func(b []byte) []byte { b[126] = 1; return b }},
		{"byte 127", "bytes 126 and 127 are 0080", func(b []byte) []byte { b[127] = 0x80; return b }},
	} {
		if err := new(txn.Row).Decode(c.change(append([]byte(nil), good[:]...))); err == nil || !strings.Contains(err.Error(), c.message) {
			t.Errorf("%s: %v, want %q", c.name, err, c.message)
		}
	}
}

// The content key is what the card vouched for and nothing that a terminal may
// say of its own: only these fields change it.
func TestContentKeyHoldsWhatTheCardVouchedFor(t *testing.T) {
	row, _ := reference(t)
	k := row.ContentKey()
	const want = "be3a851bd64361d3" + "07001103900000010a010000011600ae047b270000000000" + "00000190" + "11223312"
	if got := hex.EncodeToString(k[:]); got != want {
		t.Errorf("content key\n%s, want\n%s", got, want)
	}
	vouched := map[string]bool{"AC": true, "IAD": true, "Amount": true, "UN": true}
	v := reflect.ValueOf(&row).Elem()
	for i := range v.NumField() {
		name, f := v.Type().Field(i).Name, v.Field(i)
		if name == "Scheme" {
			continue // the rows of a purse have a content key of their own
		}
		kept := reflect.ValueOf(f.Interface())
		switch f.Kind() {
		case reflect.Array:
			f.Index(f.Len() - 1).SetUint(f.Index(f.Len()-1).Uint() ^ 1)
		case reflect.Struct:
			f.FieldByName("PSN").SetUint(9)
		case reflect.Int64:
			f.SetInt(f.Int() + 1)
		default:
			f.SetUint(f.Uint() + 1)
		}
		if (row.ContentKey() != k) != vouched[name] {
			t.Errorf("%s changes the content key: %v, want %v", name, !vouched[name], vouched[name])
		}
		f.Set(kept)
	}
	// Of 9F10 all counts but what no MAC of CVN 17 covers.
	for i := range row.IAD {
		row.IAD[i] ^= 1
		if uncovered := i == 1 || i == 5 || i == 6; (row.ContentKey() == k) != uncovered {
			t.Errorf("byte %d of 9F10 leaves the content key alone: %v, want %v", i, !uncovered, uncovered)
		}
		row.IAD[i] ^= 1
	}
}

// 9F10 stands in the row from its first byte, filled up with zeros; only the one
// form comes back as a shorter value.
func TestIssuerDataIsCutFromItsPadding(t *testing.T) {
	for _, c := range []struct{ name, field, want string }{
		{"no discretionary data", "0701010390000004" + "00000000000000000000000000000000", "0701010390000004"},
		{"one amount", "07011103900000010A010000011600AE047B27" + "0000000000", "07011103900000010A010000011600AE047B27"},
		{"two amounts", "07011103900000010F03000000990000000000002AE817E7", "07011103900000010F03000000990000000000002AE817E7"},
		{"last byte of the MAC is zero", "07011103900000010A010000011600AE047B00" + "0000000000", "07011103900000010A010000011600AE047B00"},
		{"bytes behind eight", "0701010390000004" + "00000000000000000000000000000001", ""},
		{"bytes behind one amount", "07011103900000010A010000011600AE047B27" + "0100000000", ""},
		{"longer than the field", "070111039000000110010000011600AE047B270000000000", ""},
		{"length 255", "0701110390000001FF010000011600AE047B270000000000", ""},
		{"another layout", "06011103900000010A010000011600AE047B270000000000", ""},
		{"nothing", "000000000000000000000000000000000000000000000000", ""},
	} {
		field, err := hex.DecodeString(c.field)
		if err != nil {
			t.Fatal(err)
		}
		if c.want == "" {
			c.want = c.field
		}
		row := txn.Row{IAD: [24]byte(field)}
		if got := strings.ToUpper(hex.EncodeToString(row.IssuerData())); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func FuzzRowDecode(f *testing.F) {
	row, _ := reference(f)
	var b [txn.RowSize]byte
	if err := row.Encode(&b); err != nil {
		f.Fatal(err)
	}
	f.Add(b[:])
	b[1], b[2], b[3] = byte(txn.Doubt), 0x01, 0x01
	f.Add(b[:])
	f.Add(b[:100])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		var r txn.Row
		if err := r.Decode(b); err != nil {
			return
		}
		var out [txn.RowSize]byte
		if err := r.Encode(&out); err != nil {
			t.Fatalf("a decoded row does not encode: %v", err)
		}
		if string(out[:]) != string(b) {
			t.Fatalf("%X decodes and encodes to %X", b, out)
		}
		if r.Card.PAN.Validate() != nil || !r.Kind.Valid() || errors.Is(r.Encode(&out), txn.ErrPAN) {
			t.Fatal("a row that breaks its rules was decoded")
		}
	})
}

func BenchmarkRowEncode(b *testing.B) {
	row, _ := reference(b)
	var out [txn.RowSize]byte
	b.ReportAllocs()
	for b.Loop() {
		if err := row.Encode(&out); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRowDecode(b *testing.B) {
	row, _ := reference(b)
	var raw [txn.RowSize]byte
	if err := row.Encode(&raw); err != nil {
		b.Fatal(err)
	}
	var back txn.Row
	b.ReportAllocs()
	for b.Loop() {
		if err := back.Decode(raw[:]); err != nil {
			b.Fatal(err)
		}
	}
}
