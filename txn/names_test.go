package txn_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/emmansun/gmsm/sm3"

	"github.com/citycard/citycard/txn"
)

// Numbers and names are stored and counted by others: this list is for ever.
func TestNumbersAndNamesAreForEver(t *testing.T) {
	for want, v := range map[string]fmt.Stringer{
		"1 purchase": txn.Purchase, "2 entry": txn.Entry, "3 exit": txn.Exit, "4 single": txn.Single,
		"5 hold": txn.Hold, "6 completion": txn.Completion, "7 doubt": txn.Doubt, "8 declined": txn.Declined,
		"0 cleared": txn.Cleared, "1 checkpoint": txn.Checkpoint, "2 noted": txn.Noted, "3 bad_cryptogram": txn.BadCryptogram,
		"4 bad_balance_mac": txn.BadBalanceMAC, "5 duplicate": txn.Duplicate, "6 conflicting_counter": txn.ConflictingCounter,
		"7 denied_card": txn.DeniedCard, "8 late_over_limit": txn.LateOverLimit, "9 bad_card_data": txn.BadCardData,
		"0 ": txn.NoDoubt, "1 left before last record": txn.LeftBeforeLast, "2 last answer lost": txn.LastAnswerLost,
		"3 offline authentication failed": txn.ODAFailed, "4 deny-listed": txn.DenyListed, "5 gate fault": txn.GateFault,
		"6 declined by the card": txn.CardDeclined, "7 card asked to go online": txn.OnlineAsked, "8 not yet valid": txn.NotYetValid,
		"9 expired": txn.Expired, "10 card data missing": txn.MissingCardData, "11 no fare": txn.FareNotComputed,
		"0 invalid": txn.Kind(0), "9 invalid": txn.Kind(9), "255 invalid": txn.Kind(255),
		"0 finance": txn.Finance, "1 purse": txn.Purse, "2 invalid": txn.Scheme(2), "10 invalid": txn.Verdict(10), "12 invalid": txn.DoubtReason(12),
	} {
		if got := fmt.Sprintf("%d %s", v, v); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if txn.Unmarked != 0 || txn.MarkDenied != 1 || txn.MarkLate != 2 || txn.RowSize != 128 || txn.RowFormat != 1 || txn.PurseFormat != 2 {
		t.Error("the number of a mark or of the row format has changed")
	}
}

func TestPaidKinds(t *testing.T) {
	paid := map[txn.Kind]bool{txn.Purchase: true, txn.Exit: true, txn.Single: true, txn.Completion: true}
	for k := range txn.Kind(12) {
		if k.Paid() != paid[k] {
			t.Errorf("%s asks for money: %v", k, k.Paid())
		}
		if k.Valid() != (k >= 1 && k <= 8) {
			t.Errorf("kind %d valid: %v", k, k.Valid())
		}
	}
}

func TestRefusedVerdicts(t *testing.T) {
	for v := range txn.Verdict(10) {
		if accepted := v == txn.Cleared || v == txn.Checkpoint || v == txn.Noted; v.Refused() == accepted {
			t.Errorf("%s refused: %v", v, v.Refused())
		}
	}
}

// The trace id is the first half of SM3 over the twelve bytes (GB/T 32905); the
// expected one was made with another implementation of SM3.
func TestTraceID(t *testing.T) {
	in := txn.TraceInput(70001, 3, 16909060)
	if got, want := fmt.Sprintf("%x", in), "000111710000000301020304"; got != want {
		t.Fatalf("input %s, want %s", got, want)
	}
	sum := sm3.Sum(in[:])
	const want = "2bbb41d7ad6535a14d56bbbe30f7e6f8"
	id := txn.TraceID(sum[:16])
	if id.String() != want {
		t.Errorf("trace id %s, want %s", id, want)
	}
	back, err := txn.ParseTraceID(want)
	if err != nil || back != id {
		t.Errorf("comes back as %s, %v", back, err)
	}
	out, err := json.Marshal(id)
	if err != nil || string(out) != `"`+want+`"` {
		t.Errorf("JSON %s, %v", out, err)
	}
	if back, err := txn.ParseTraceID(strings.ToUpper(want)); err != nil || back != id {
		t.Errorf("upper case: %s, %v", back, err)
	}
	for _, bad := range []string{"", want[:31], want + "0", want[:31] + "g", strings.Repeat("é", 16)} {
		if _, err := txn.ParseTraceID(bad); err == nil || !strings.HasPrefix(err.Error(), "trace id") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestTraceInputsAreDistinct(t *testing.T) {
	seen := map[[12]byte]bool{}
	for _, terminal := range []txn.TerminalID{0, 1, 256, 1 << 24} {
		for _, start := range []uint32{0, 1, 256, 1 << 24} {
			for _, sequence := range []uint32{0, 1, 256, 1 << 24} {
				seen[txn.TraceInput(terminal, start, sequence)] = true
			}
		}
	}
	if len(seen) != 64 {
		t.Errorf("64 rows have %d inputs", len(seen))
	}
}

func TestRefString(t *testing.T) {
	if got := (txn.Ref{Block: 4_000_000_000, Index: 65535}).String(); got != "4000000000:65535" {
		t.Errorf("ref %s", got)
	}
}

func ExampleRow_Encode() {
	pan, err := txn.ParsePAN("6228000100001117")
	if err != nil {
		fmt.Println(err)
		return
	}
	row := txn.Row{Kind: txn.Purchase, Flags: txn.LastRecordRead | txn.ServiceGiven, Card: txn.CardKey{PAN: pan, PSN: 1}, ATC: 21, Amount: 200, Time: 1766102400}
	var stored [txn.RowSize]byte
	if err := row.Encode(&stored); err != nil {
		fmt.Println(err)
		return
	}
	var back txn.Row
	if err := back.Decode(stored[:]); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(back.Kind, back.Card, back.ATC, back.Amount)
	row.Flags = row.Flags.WithReason(txn.GateFault)
	fmt.Println(row.Encode(&stored))
	// Output:
	// purchase 622800******1117/01 21 2.00
	// encode row: kind purchase with doubt reason 5: doubt and declined rows have one, others none
}
