package pboc

import (
	"encoding/hex"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/citycard/citycard/money"
)

var optionNames = map[string]uint32{
	"none": 0, "ec": OptECCheck, "and": OptECAndCTTA, "or": OptECOrCTTA, "newcard": OptNewCard, "pintries": OptPINTries,
	"foreign": OptForeignOffline, "contact": OptPreferContact, "prepay": OptPrepay, "refuseforeign": OptRefuseForeign,
	"refusenew": OptRefuseNewCard, "pin": OptOnlinePIN, "foreignpin": OptForeignPIN, "foreigncvm": OptForeignCVM, "sign": OptSignature,
}

var outcomeNames = map[outcome]string{decline: "AAC", approve: "TC", online: "ARQC", otherInterface: "6985"}

func number(t *testing.T, s string) int64 {
	t.Helper()
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		t.Fatalf("number in the table: %v", err)
	}
	return n
}

// TestDecision runs the table in testdata, every option of 9F68 and every branch
// of the card decision.
func TestDecision(t *testing.T) {
	table, err := os.ReadFile("testdata/decision.txt")
	if err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{}
	for i, line := range strings.Split(string(table), "\n") {
		if line == "" || line[0] == '#' {
			continue
		}
		col := strings.Split(line, "|")
		if len(col) != 11 {
			t.Fatalf("line %d has %d columns, want 11", i+1, len(col))
		}
		for k := range col {
			col[k] = strings.TrimSpace(col[k])
		}
		p := &Product{Limits: Limits{Balance: 9000, Single: 5000, Threshold: 200, CVM: 3000, CTTA: 4000, Foreign: 2}}
		for _, o := range strings.Fields(col[0]) {
			bit, ok := optionNames[o]
			if !ok {
				t.Fatalf("line %d: option %q", i+1, o)
			}
			p.Options |= bit
			used[o] = true
		}
		ttq := map[string]string{"off": "28000000", "on": "20000000"}[col[1]]
		if ttq == "" {
			ttq = col[1]
		}
		b, err := hex.DecodeString(ttq)
		if err != nil || len(b) != 4 {
			t.Fatalf("line %d: 9F66 %q", i+1, ttq)
		}
		r := request{ttq: [4]byte(b), match: col[2] == "own", amount: money.Fen(number(t, col[3]))}
		s := State{Balance: 1000, LastOnlineATC: 1, PINTries: 3}
		for _, f := range strings.Fields(col[4]) {
			name, value, _ := strings.Cut(f, "=")
			n := number(t, value)
			switch name {
			case "bal":
				s.Balance = money.Fen(n)
			case "ctta":
				s.CTTA = money.Fen(n)
			case "online":
				s.LastOnlineATC = uint16(n)
			case "pin":
				s.PINTries = byte(n)
			case "foreign":
				s.Foreign = byte(n)
			default:
				t.Fatalf("line %d: state %q", i+1, f)
			}
		}
		v := p.decide(&p.Limits, &r, &s)
		got := fmt.Sprintf("%s %02X %02X %d %d %d", outcomeNames[v.outcome], v.cvr[1], v.ctq[0], int64(v.after.Balance), int64(v.after.CTTA), v.after.Foreign)
		if want := strings.Join(col[5:], " "); got != want {
			t.Errorf("line %d, %s: got %s, want %s", i+1, strings.Join(col[:5], " | "), got, want)
		}
		if v.outcome != otherInterface && v.cvr[0] != map[outcome]byte{decline: 0x80, approve: 0x90, online: 0xA0}[v.outcome] {
			t.Errorf("line %d: CVR byte 1 is %02X", i+1, v.cvr[0])
		}
	}
	for name := range optionNames {
		if !used[name] {
			t.Errorf("no line uses option %s", name)
		}
	}
}

// TestDecisionValue: whatever the options, value only falls, by the amount and
// only on a TC or a prepaid ARQC, and no amount is paid that is not there.
func TestDecisionValue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		amount := rapid.Int64Range(0, 6000)
		fen := func(name string) money.Fen { return money.Fen(amount.Draw(t, name)) }
		p := &Product{Options: rapid.Uint32().Draw(t, "9F68"), Limits: Limits{Single: fen("9F78"), Threshold: fen("9F6D"),
			CVM: fen("9F6B"), CTTA: fen("9F54"), CTTAUpper: fen("9F5C"), HasCTTAUpper: rapid.Bool().Draw(t, "has 9F5C"), Foreign: rapid.Byte().Draw(t, "9F53")}}
		r := request{ttq: [4]byte(rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, "9F66")), amount: fen("9F02"), match: rapid.Bool().Draw(t, "match")}
		s := State{Balance: fen("9F79"), CTTA: fen("CTTA"), PINTries: rapid.Byte().Draw(t, "tries"),
			Foreign: rapid.Byte().Draw(t, "foreign"), LastOnlineATC: rapid.Uint16().Draw(t, "9F13")}
		v := p.decide(&p.Limits, &r, &s)
		paid, counted := s.Balance-v.after.Balance, v.after.CTTA-s.CTTA
		switch {
		case v.after.Balance < 0:
			t.Fatalf("balance %v", v.after.Balance)
		case !r.match && (paid != 0 || counted != 0):
			t.Fatalf("another currency took %v and counted %v", paid, counted)
		case v.outcome == approve && r.match && paid != r.amount && counted != r.amount:
			t.Fatalf("TC for %v took %v and counted %v", r.amount, paid, counted)
		case v.outcome == approve && counted > 0 && v.after.CTTA > p.Limits.ctta():
			t.Fatalf("CTTA %v is above its limit %v", v.after.CTTA, p.Limits.ctta())
		case v.prepaid != (paid != 0 && v.outcome != approve):
			t.Fatalf("%v took %v", outcomeNames[v.outcome], paid)
		case v.prepaid && v.outcome != online:
			t.Fatalf("prepaid %v", outcomeNames[v.outcome])
		case v.outcome == online && r.ttq[0]&ttq1OfflineOnly != 0:
			t.Fatal("an offline-only reader was told to go online")
		}
	})
}

// TestAvailable is 9F5D for each funds test, and the limit 9F5C before 9F54.
func TestAvailable(t *testing.T) {
	s := &State{Balance: 1000, CTTA: 300}
	for _, c := range []struct {
		options uint32
		upper   bool
		want    money.Fen
	}{
		{OptECCheck, false, 1000}, {OptECAndCTTA, false, 200}, {OptECOrCTTA, false, 1200}, {0, false, 0},
		{OptECAndCTTA, true, 500}, {OptECOrCTTA, true, 1500},
	} {
		p := &Product{Options: c.options, Limits: Limits{CTTA: 500, CTTAUpper: 800, HasCTTAUpper: c.upper}}
		if got := p.available(&p.Limits, s); got != c.want {
			t.Errorf("9F68 %08X: %v, want %v", c.options, got, c.want)
		}
	}
	over := &Product{Options: OptECAndCTTA, Limits: Limits{CTTA: 100}}
	if got := over.available(&over.Limits, s); got != 0 {
		t.Errorf("CTTA above its limit leaves %v", got)
	}
}
