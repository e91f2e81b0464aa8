package acquirer_test

import (
	"strings"
	"testing"

	"github.com/citycard/citycard/acquirer"
	"github.com/citycard/citycard/txn"
)

// denied says from which moment on a card was on the deny list.
type denied map[txn.CardKey]int64

func (d denied) Denied(card txn.CardKey, at int64) bool {
	from, listed := d[card]
	return listed && at >= from
}

func encode(t testing.TB, rows ...txn.Row) []byte {
	t.Helper()
	var out []byte
	for i := range rows {
		var b [txn.RowSize]byte
		if err := rows[i].Encode(&b); err != nil {
			t.Fatal(err)
		}
		out = append(out, b[:]...)
	}
	return out
}

func TestMark(t *testing.T) {
	const day, limit = 86400, 20 * 86400
	const now = 1_766_102_400
	lost := card(7)
	deny := denied{lost: now - 5*day}
	reason := txn.Flags(0).WithReason(txn.DenyListed)
	cases := []struct {
		name string
		row  txn.Row
		want txn.Mark
	}{
		{"today", txn.Row{Kind: txn.Purchase, Card: card(1), Time: now, Amount: 200}, txn.Unmarked},
		{"on the last day", txn.Row{Kind: txn.Purchase, Card: card(1), Time: now - limit}, txn.Unmarked},
		{"a second too late", txn.Row{Kind: txn.Purchase, Card: card(1), Time: now - limit - 1}, txn.MarkLate},
		{"ahead of our clock", txn.Row{Kind: txn.Purchase, Card: card(1), Time: now + 2}, txn.Unmarked},
		{"denied at the tap", txn.Row{Kind: txn.Purchase, Card: lost, Time: now - 5*day}, txn.MarkDenied},
		{"a second before the denial", txn.Row{Kind: txn.Purchase, Card: lost, Time: now - 5*day - 1}, txn.Unmarked},
		{"entry of a denied card", txn.Row{Kind: txn.Entry, Card: lost, Time: now}, txn.MarkDenied},
		{"exit of a denied card", txn.Row{Kind: txn.Exit, Card: lost, Time: now, Amount: 400}, txn.MarkDenied},
		{"single of a denied card", txn.Row{Kind: txn.Single, Card: lost, Time: now}, txn.MarkDenied},
		{"hold of a denied card", txn.Row{Kind: txn.Hold, Card: lost, Time: now}, txn.MarkDenied},
		{"completion of a denied card", txn.Row{Kind: txn.Completion, Card: lost, Time: now}, txn.MarkDenied},
		{"late entry", txn.Row{Kind: txn.Entry, Card: card(1), Time: now - 2*limit}, txn.MarkLate},
		{"doubt row of a denied card", txn.Row{Kind: txn.Doubt, Flags: reason, Card: lost, Time: now, Amount: 400}, txn.Unmarked},
		{"late doubt row", txn.Row{Kind: txn.Doubt, Flags: reason, Card: card(1), Time: now - 2*limit}, txn.Unmarked},
		{"declined row of a denied card", txn.Row{Kind: txn.Declined, Flags: reason, Card: lost, Time: now}, txn.Unmarked},
		{"late declined row", txn.Row{Kind: txn.Declined, Flags: reason, Card: card(1), Time: now - 2*limit}, txn.Unmarked},
		{"late and denied", txn.Row{Kind: txn.Purchase, Card: card(8), Time: now - 2*limit}, txn.MarkDenied},
	}
	deny[card(8)] = 0
	var rows []txn.Row
	for i := range cases {
		cases[i].row.Terminal, cases[i].row.Sequence = 3, uint32(i+1)
		rows = append(rows, cases[i].row)
	}
	got, err := acquirer.Mark(encode(t, rows...), 41, 6, now, limit, deny)
	if err != nil || len(got) != len(cases) {
		t.Fatalf("%d rows, %v", len(got), err)
	}
	for i, c := range cases {
		want := txn.Presented{Row: c.row, Ref: txn.Ref{Block: 41, Index: uint16(i)}, Start: 6, Arrived: now, Mark: c.want}
		if got[i] != want {
			t.Errorf("%s: mark %d, ref %s, want mark %d, ref %s", c.name, got[i].Mark, got[i].Ref, want.Mark, want.Ref)
		}
	}
}

func TestMarkRefusesWhatIsNoRow(t *testing.T) {
	good := txn.Row{Kind: txn.Purchase, Card: card(1), Terminal: 3, Sequence: 1}
	rows := encode(t, good, good)
	if got, err := acquirer.Mark(nil, 41, 1, 0, 0, denied{}); err != nil || len(got) != 0 {
		t.Errorf("no rows: %v, %v", got, err)
	}
	if _, err := acquirer.Mark(rows[:200], 41, 1, 0, 0, denied{}); err == nil || !strings.Contains(err.Error(), "block 41: 200 bytes") {
		t.Errorf("cut off: %v", err)
	}
	rows[128+1] = 99
	if _, err := acquirer.Mark(rows, 41, 1, 0, 0, denied{}); err == nil || !strings.Contains(err.Error(), "row 1 of block 41: decode row: kind 99") {
		t.Errorf("bad row: %v", err)
	}
}
