package rf_test

import (
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"github.com/citycard/citycard/terminal/rf"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestProcessing: which commands make the card calculate, and with which record it
// pays. The exchanges are one conversation, in this order.
func TestProcessing(t *testing.T) {
	card := rf.DefaultCard(100 * time.Millisecond)
	card.Commit = rf.Of(7 * time.Millisecond)
	card.Other = rf.Of(time.Millisecond)
	card.Base = nil
	const plain, crypto, commit = 1, 101, 8 // milliseconds
	for _, row := range []struct {
		what, cmd, answer string
		want              int
	}{
		{"READ RECORD before all", "00B2011C00", "7000 9000", plain},
		{"SELECT", "00A4040000", "6F00 9000", plain},
		{"options refused", "80A8000002830000", "6985", plain},
		{"options without a cryptogram", "80A8000002830000", "8006 7C00 08010100 9000", plain},
		{"READ RECORD, last of a debit/credit locator", "00B2010C00", "7000 9000", plain},
		{"options with a cryptogram", "80A8000002830000", "7715 9F2608 0102030405060708 9408 08010100 18010200 9000", crypto},
		{"READ RECORD, not the last", "00B2010C00", "7000 9000", plain},
		{"READ RECORD, the last, refused", "00B2021C00", "6A83", plain},
		{"READ RECORD, the last", "00B2021C00", "7000 9000", commit},
		{"no answer", "00B2021C00", "", plain},
		{"GENERATE AC", "80AE800000", "8000 9000", crypto},
		{"GENERATE AC refused", "80AE800000", "6985", plain},
		{"INTERNAL AUTHENTICATE", "0088000004 00000000 00", "8000 9000", crypto},
		{"VERIFY, plain PIN", "0020008008 2412FFFFFFFFFFFF", "9000", plain},
		{"VERIFY, enciphered PIN, wrong", "0020008808 2412FFFFFFFFFFFF", "63C2", crypto},
		{"SELECT again", "00A4040000", "6F00 9000", plain},
		{"the same record in another transaction", "00B2021C00", "7000 9000", plain},
		{"no command", "00", "", plain},
	} {
		got := card.Processing(unhex(t, row.cmd), unhex(t, row.answer)).Duration().Round(time.Microsecond)
		if got != time.Duration(row.want)*time.Millisecond {
			t.Errorf("%s: %v, want %d ms", row.what, got, row.want)
		}
	}
}
