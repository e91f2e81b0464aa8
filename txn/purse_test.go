package txn_test

import (
	"encoding/hex"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/txn"
)

// purseTrade is the compound purchase of 3.00 yuan that the purse vectors have.
func purseTrade() txn.PurseData {
	return txn.PurseData{
		Sequence: 0x12, TAC: [4]byte{0x1C, 0x7E, 0x06, 0x98}, MAC2: [4]byte{0x1B, 0xEC, 0x3D, 0x80},
		Algorithm: 0, KeyVersion: 1, Random: [4]byte{0x99, 0xAA, 0xBB, 0xCC}, Before: 0x26AC, Overdraft: 0x3200,
		MAC1: [4]byte{0x71, 0xE8, 0xD6, 0x9A}, Terminal: [6]byte{0x11, 0x22, 0x33, 0x44, 0x55, 0x66}, TerminalSequence: 0x124,
	}
}

func purseRow(t testing.TB) (txn.Row, []field) {
	r := txn.Row{
		Kind: txn.Exit, Flags: txn.LastRecordRead | txn.ODAVerified | txn.ServiceGiven,
		Card: txn.CardKey{PAN: pan(t, "3103104810010000001"), PSN: txn.PSNTUnion}, Amount: 300, Time: 1766102400, Type: txn.PurseCompound,
		Terminal: 70001, Sequence: 16909060, EntryTerminal: 60002, EntryTime: 1766100000, EntryATC: 0x0011,
		FullFare: 500, FareRule: 20141, Concession: 0x0C, MonthSum: 12345, Month: [2]byte{0x25, 0x12},
		CAPPFile: 0x1A, CAPPRecord: 0x2702, Route: 300, Stop: 17, Direction: 1, Expiry: [2]byte{0x40, 0x12},
	}
	trade := purseTrade()
	if err := trade.Put(&r); err != nil {
		t.Fatal(err)
	}
	return r, []field{
		{0, "02", "format"}, {1, "03", "kind: exit"}, {2, "000B", "flags"},
		{4, "3103104810010000001F", "number"}, {14, "01", "PSN: T-Union"}, {15, "0012", "offline sequence number after the trade"},
		{17, "1C7E0698", "TAC"}, {21, "1BEC3D80", "MAC2"},
		{25, "00", "algorithm"}, {26, "01", "key version"}, {27, "99AABBCC", "random number"}, {31, "000026AC", "balance before"},
		{35, "003200", "overdraft limit"}, {38, "71E8D69A", "MAC1"}, {42, "112233445566", "PSAM terminal number"}, {48, "00", "zero"},
		{49, "0000012C", "amount"}, {53, "00000124", "PSAM transaction number"}, {57, "0000000000", "no TVR"}, {62, "0000", "no AIP"},
		{64, "69449580", "time"}, {68, "09", "trade type"}, {69, "0000000000000000", "no 9F69"}, {77, "00", "no DF60"},
		{78, "00011171", "terminal"}, {82, "01020304", "sequence"},
		{86, "0000EA62", "entry terminal"}, {90, "69448C20", "entry time"}, {94, "0011", "entry number"},
		{96, "0001F4", "fare before discounts"}, {99, "4EAD", "fare rule"}, {101, "0C", "concession"},
		{102, "003039", "month sum"}, {105, "2512", "month"}, {107, "FFFFFFFF", "DF63"}, {111, "00000000", "held"},
		{115, "1A", "file"}, {116, "2702", "record"}, {118, "012C", "route"}, {120, "11", "stop"}, {121, "01", "direction"},
		{122, "0000", "no 9F6C"}, {124, "4012", "end"}, {126, "0000", "zero"},
	}
}

// Format 02, written by hand: terminals in the field keep it.
func TestPurseRowLayout(t *testing.T) {
	row, layout := purseRow(t)
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
	back := txn.Row{DF60: 7}
	if err := back.Decode(got[:]); err != nil || back != row {
		t.Fatalf("comes back, error %v:\n%s", err, cmp.Diff(row, back))
	}
	if trade, ok := back.Purse(); !ok || trade != purseTrade() {
		t.Errorf("trade, %v:\n%s", ok, cmp.Diff(purseTrade(), trade))
	}
	finance, _ := reference(t)
	if trade, ok := finance.Purse(); ok || trade != (txn.PurseData{}) {
		t.Error("a row of format 01 has a purse's trade")
	}
}

func TestPurseRowRules(t *testing.T) {
	for _, rule := range []struct {
		name    string
		breakIt func(r *txn.Row)
		message string
	}{
		{"scheme 2", func(r *txn.Row) { r.Scheme = 2 }, "scheme 2 is not defined"},
		{"hold", func(r *txn.Row) { r.Kind = txn.Hold }, "no pre-authorisation"},
		{"completion", func(r *txn.Row) { r.Kind = txn.Completion }, "no pre-authorisation"},
		{"PSN 0", func(r *txn.Row) { r.Card.PSN = 0 }, "19 digits with PSN 00"},
		{"PSN of the other network", func(r *txn.Row) { r.Card.PSN = txn.PSNCityUnion }, "19 digits with PSN 02"},
		{"number of 18 digits", func(r *txn.Row) { r.Card.PAN = pan(t, "310310481001000000") }, "18 digits with PSN 01"},
		{"17 digits of City Union", func(r *txn.Row) { r.Card = txn.CardKey{PAN: pan(t, "41000000800000011"), PSN: 2} }, "17 digits with PSN 02"},
		{"15 digits of City Union", func(r *txn.Row) { r.Card = txn.CardKey{PAN: pan(t, "410000008000000"), PSN: 2} }, "15 digits with PSN 02"},
		{"load", func(r *txn.Row) { r.Type = 0x02 }, "type 02"},
		{"entry by plain purchase", func(r *txn.Row) { r.Kind, r.Amount, r.Type = txn.Entry, 0, txn.PursePurchase }, "type 06 with amount 0"},
		{"no sequence number", func(r *txn.Row) { r.ATC = 0 }, "sequence number 0"},
		{"algorithm", func(r *txn.Row) { r.IAD[0] = 1 }, "algorithm 01"},
		{"byte 48", func(r *txn.Row) { r.IAD[23] = 9 }, "byte 48 is 09"},
		{"TVR", func(r *txn.Row) { r.TVR[4] = 1 }, "are zero"},
		{"AIP", func(r *txn.Row) { r.AIP[0] = 1 }, "are zero"},
		{"9F69", func(r *txn.Row) { r.Tag9F69[7] = 1 }, "are zero"},
		{"9F6C", func(r *txn.Row) { r.Tag9F6C[1] = 1 }, "are zero"},
		{"DF60", func(r *txn.Row) { r.DF60 = 1 }, "DF60, DF63"},
		{"DF63", func(r *txn.Row) { r.DF63 = 0 }, "DF60, DF63"},
		{"held", func(r *txn.Row) { r.Held = 1 }, "DF60, DF63"},
		{"and those of all rows", func(r *txn.Row) { r.Amount = -1 }, "amount -1"},
	} {
		row, _ := purseRow(t)
		rule.breakIt(&row)
		var b [txn.RowSize]byte
		if err := row.Encode(&b); err == nil || !strings.Contains(err.Error(), rule.message) || b != ([txn.RowSize]byte{}) {
			t.Errorf("%s: %v, want %q and nothing written", rule.name, err, rule.message)
		} else if strings.Contains(err.Error(), "0000001") {
			t.Errorf("%s: the error shows the number: %v", rule.name, err)
		}
	}
	for name, change := range map[string]func(r *txn.Row){
		"entry":             func(r *txn.Row) { r.Kind, r.Amount = txn.Entry, 0 },
		"plain purchase":    func(r *txn.Row) { r.Kind, r.Type = txn.Purchase, txn.PursePurchase },
		"SM4":               func(r *txn.Row) { r.IAD[0] = 4 },
		"City Union":        func(r *txn.Row) { r.Card = txn.CardKey{PAN: pan(t, "4100000080000001"), PSN: 2} },
		"refused at SELECT": func(r *txn.Row) { r.Kind, r.ATC, r.Flags = txn.Declined, 0, txn.Flags(0).WithReason(txn.Expired) },
	} {
		row, _ := purseRow(t)
		change(&row)
		var b [txn.RowSize]byte
		if err := row.Encode(&b); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPurseDataMustFit(t *testing.T) {
	for _, p := range []txn.PurseData{{Before: -1}, {Before: 1 << 32}, {Overdraft: -1}, {Overdraft: 1 << 24}} {
		row, _ := reference(t)
		kept := row
		if err := p.Put(&row); !errors.Is(err, txn.ErrPurse) || row != kept {
			t.Errorf("balance %d, limit %d: error %v, row changed %v", p.Before, p.Overdraft, err, row != kept)
		}
	}
}

// drawPurseRow draws a row of format 02 that keeps every rule.
func drawPurseRow(t *rapid.T) (txn.Row, txn.PurseData) {
	r := drawRow(t)
	digits := rapid.StringMatching(`[0-9]{19}`).Draw(t, "number")
	r.Card.PSN = txn.PSNTUnion
	if rapid.Bool().Draw(t, "City Union") {
		r.Card.PSN, digits = txn.PSNCityUnion, digits[:16]
	}
	var err error
	if r.Card.PAN, err = txn.ParsePAN(digits); err != nil {
		t.Fatal(err)
	}
	r.Type = rapid.SampledFrom([]byte{txn.PursePurchase, txn.PurseCompound}).Draw(t, "trade type")
	switch r.Kind {
	case txn.Entry:
		r.Type = txn.PurseCompound
	case txn.Hold, txn.Completion:
		r.Kind = txn.Exit
	}
	r.TVR, r.AIP, r.Tag9F69, r.Tag9F6C, r.DF60, r.Held = [5]byte{}, [2]byte{}, [8]byte{}, [2]byte{}, 0, 0
	p := txn.PurseData{
		Sequence: rapid.Uint16Min(1).Draw(t, "sequence"), TAC: fixed[[4]byte](t, "TAC", rapid.Byte()), MAC2: fixed[[4]byte](t, "MAC2", rapid.Byte()),
		Algorithm: rapid.SampledFrom([]byte{0, 4}).Draw(t, "algorithm"), KeyVersion: rapid.Byte().Draw(t, "version"),
		Random: fixed[[4]byte](t, "random", rapid.Byte()), Before: money.Fen(rapid.Uint32().Draw(t, "before")),
		Overdraft: money.Fen(rapid.Uint32Max(1<<24-1).Draw(t, "limit")), MAC1: fixed[[4]byte](t, "MAC1", rapid.Byte()),
		Terminal: fixed[[6]byte](t, "terminal", rapid.Byte()), TerminalSequence: rapid.Uint32().Draw(t, "terminal sequence"),
	}
	if err := p.Put(&r); err != nil {
		t.Fatal(err)
	}
	return r, p
}

func TestPurseRowsComeBackAsTheyWent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		row, trade := drawPurseRow(t)
		var b, again [txn.RowSize]byte
		if err := row.Encode(&b); err != nil {
			t.Fatal(err)
		}
		back := drawRow(t)
		if err := back.Decode(b[:]); err != nil || back != row {
			t.Fatalf("row differs, error %v:\n%s", err, cmp.Diff(row, back))
		}
		if got, ok := back.Purse(); !ok || got != trade {
			t.Fatalf("trade differs:\n%s", cmp.Diff(trade, got))
		}
		if err := back.Encode(&again); err != nil || again != b {
			t.Fatalf("encoding again gives other bytes, %v", err)
		}
	})
}

// The content key of a purse row holds what TAC and MAC2 cover and the keys that they
// are made with, nothing that a terminal may say of its own.
func TestContentKeyOfAPurse(t *testing.T) {
	row, _ := purseRow(t)
	k := row.ContentKey()
	const want = "1c7e06981bec3d80" + "000099aabbcc" + "0000000000000000000000" + "112233445566" + "00" + "0000012c" + "00000124"
	if got := hex.EncodeToString(k[:]); got != want {
		t.Errorf("content key\n%s, want\n%s", got, want)
	}
	vouched := map[string]bool{"TAC": true, "MAC2": true, "Algorithm": true, "Random": true, "Terminal": true, "TerminalSequence": true}
	trade := purseTrade()
	v := reflect.ValueOf(&trade).Elem()
	for i := range v.NumField() {
		name, f := v.Type().Field(i).Name, v.Field(i)
		kept := reflect.ValueOf(f.Interface())
		switch f.Kind() {
		case reflect.Array:
			f.Index(0).SetUint(f.Index(0).Uint() ^ 4)
		case reflect.Int64:
			f.SetInt(f.Int() + 1)
		default:
			f.SetUint(f.Uint() ^ 4)
		}
		if err := trade.Put(&row); err != nil {
			t.Fatal(err)
		}
		if (row.ContentKey() != k) != vouched[name] {
			t.Errorf("%s changes the content key: %v, want %v", name, !vouched[name], vouched[name])
		}
		f.Set(kept)
	}
}

func number(t testing.TB, s string) [10]byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return [10]byte(b)
}

func TestPurseCard(t *testing.T) {
	for _, c := range []struct {
		psn                    byte
		number, digits, serial string
	}{
		{txn.PSNTUnion, "03105170010170907984", "3105170010170907984", "5170010170907984"},
		{txn.PSNTUnion, "03103104810010000001", "3103104810010000001", "3104810010000001"},
		{txn.PSNCityUnion, "00004100000080000001", "4100000080000001", "4100000080000001"},
		{txn.PSNCityUnion, "FFFF4100000089999985", "4100000089999985", "4100000089999985"},
	} {
		k, err := txn.PurseCard(c.psn, number(t, c.number))
		if err != nil || k.PAN.Digits() != c.digits || k.PSN != c.psn {
			t.Errorf("%s: number of %d digits, %v", c.number, k.PAN.Len(), err)
		}
		if f, ok := k.PurseSerial(); !ok || hex.EncodeToString(f[:]) != c.serial {
			t.Errorf("%s: serial %X, %v", c.number, f, ok)
		}
	}
	for _, c := range []struct {
		psn    byte
		number string
		want   error
	}{
		{txn.PSNTUnion, "13105170010170907984", txn.ErrPurse}, {0, "03105170010170907984", txn.ErrPurse}, {3, "00004100000080000001", txn.ErrPurse},
		{txn.PSNTUnion, "031051700101709079A4", txn.ErrPAN}, {txn.PSNCityUnion, "000041000000800000F1", txn.ErrPAN},
	} {
		if k, err := txn.PurseCard(c.psn, number(t, c.number)); !errors.Is(err, c.want) {
			t.Errorf("PSN %d, %s: %v, error %v", c.psn, c.number, k, err)
		}
	}
	for _, k := range []txn.CardKey{{}, {PAN: pan(t, "3105170010170907984")}, {PAN: pan(t, "6228000100001117"), PSN: 1}, {PAN: pan(t, "3105170010170907984"), PSN: 2}} {
		if f, ok := k.PurseSerial(); ok || f != ([8]byte{}) {
			t.Errorf("%v has the serial %X of a purse", k, f)
		}
	}
}

func ExamplePurseCard() {
	card, err := txn.PurseCard(txn.PSNTUnion, [10]byte{0x03, 0x10, 0x31, 0x04, 0x81, 0x00, 0x10, 0x00, 0x00, 0x01})
	serial, _ := card.PurseSerial()
	fmt.Printf("%v %X %v\n", card, serial, err)
	// Output: 310310*********0001/01 3104810010000001 <nil>
}

func FuzzPurseRow(f *testing.F) {
	row, _ := purseRow(f)
	var b [txn.RowSize]byte
	if err := row.Encode(&b); err != nil {
		f.Fatal(err)
	}
	f.Add(b[:])
	f.Add(b[:5])
	f.Fuzz(func(t *testing.T, b []byte) {
		var r txn.Row
		if r.Decode(b) != nil {
			return
		}
		trade, ok := r.Purse()
		if !ok {
			return
		}
		again := r
		if err := trade.Put(&again); err != nil || again != r {
			t.Fatalf("the trade put again changes the row, %v", err)
		}
		serial, ok := r.Card.PurseSerial()
		if digits := r.Card.PAN.Digits(); !ok || hex.EncodeToString(serial[:]) != digits[len(digits)-16:] {
			t.Fatalf("serial %X, %v", serial, ok)
		}
	})
}
