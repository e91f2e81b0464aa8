package journal_test

import (
	"strings"
	"testing"

	"github.com/citycard/citycard/terminal/journal"
	"github.com/citycard/citycard/txn"
)

// A torn tap keeps its time while it waits for its card. Blocks that end there have
// room for its row, whenever it comes; a block that went beyond would have lied.
func TestBlocksEndBeforeWhatIsStillToCome(t *testing.T) {
	j := journal.New(terminal, 1, opening)
	at := func(n int, time int64) uint32 {
		r := record(n)
		r.Row.Time = time
		return add(t, j, r)
	}
	const torn = opening + 100
	at(1, opening+90)
	at(2, opening+150)
	at(3, opening+190)
	for i, rows := range []int{3, 0, 0} { // again and again while the tap waits, with nothing new
		got := open(t, sealUp(t, j, torn))
		if len(got.rows) != rows || got.header.Until != uint32(torn) || got.header.Number != uint32(i+1) {
			t.Fatalf("block %d: %d rows, until %d", i+1, len(got.rows), got.header.Until)
		}
	}
	if n := at(4, torn); n != 4 {
		t.Errorf("the torn tap got number %d", n)
	}
	if got := open(t, sealUp(t, j, opening+300)); len(got.rows) != 1 || got.header.From != uint32(torn) || got.header.Until != uint32(opening)+300 {
		t.Errorf("block %+v", got.header)
	}
}

func TestOldRowIsRefused(t *testing.T) {
	j := journal.New(terminal, 1, opening)
	early := record(1)
	early.Row.Time = opening - 1
	if _, err := j.Add(early); err == nil || !strings.Contains(err.Error(), "its time 1766099999 is before 1766100000") {
		t.Errorf("a row from before the start: %v", err)
	}
	sealUp(t, j, opening+60)
	late := record(2)
	late.Row.Time, late.Row.Kind, late.Row.Flags = opening+59, txn.Doubt, txn.Flags(0).WithReason(txn.LastAnswerLost)
	_, err := j.Add(late)
	if err == nil || !strings.Contains(err.Error(), "its time 1766100059 is before 1766100060") || j.Rows() != 0 {
		t.Errorf("a row that a sealed block excluded: %v, %d rows", err, j.Rows())
	}
	late.Row.Time++
	if add(t, j, late) != 1 {
		t.Error("the refused rows used a number")
	}
}
