package report

import "github.com/citycard/citycard/money"

// matrixView is the net matrix: what the participant of a row receives (positive)
// or pays (negative), by counterparty.
type matrixView struct {
	Rows []matrixRow
	Sums []money.Fen // by column
	Zero money.Fen   // of all cells
}

type matrixRow struct {
	Participant
	Cells  []matrixCell
	Sum    money.Fen
	Agrees bool // Sum is the settlement account
}

type matrixCell struct {
	Amount money.Fen
	Items  int64
	Self   bool
	Heat   string // class: "get1".."get6", "pay1".."pay6"
}

var (
	getHeat = [...]string{"get1", "get2", "get3", "get4", "get5", "get6"}
	payHeat = [...]string{"pay1", "pay2", "pay3", "pay4", "pay5", "pay6"}
)

// matrix lays the bilateral positions out.
func matrix(d *Data) matrixView {
	n := len(d.Participants)
	v := matrixView{Rows: make([]matrixRow, n), Sums: make([]money.Fen, n)}
	for i := range v.Rows {
		v.Rows[i] = matrixRow{Participant: d.Participants[i], Cells: make([]matrixCell, n)}
		v.Rows[i].Cells[i].Self = true
	}
	for _, p := range d.Nets {
		if !p.valid(n) {
			continue
		}
		pay, get := &v.Rows[p.From].Cells[p.To], &v.Rows[p.To].Cells[p.From]
		pay.Amount -= p.Amount
		get.Amount += p.Amount
		pay.Items += p.Items
		get.Items += p.Items
	}
	var largest int64
	for i := range v.Rows {
		for _, c := range v.Rows[i].Cells {
			largest = max(largest, int64(c.Amount))
		}
	}
	for i := range v.Rows {
		r := &v.Rows[i]
		for j := range r.Cells {
			c := &r.Cells[j]
			c.Heat = heat(int64(c.Amount), largest)
			r.Sum += c.Amount
			v.Sums[j] += c.Amount
		}
		r.Agrees = r.Sum == r.Position
		v.Zero += r.Sum
	}
	return v
}

// heat is one of six depths for each direction. Amounts in a clearing differ by
// orders of magnitude, so a depth is a third of the one above it.
func heat(amount, largest int64) string {
	if amount == 0 {
		return ""
	}
	names, size := &getHeat, amount
	if amount < 0 {
		names, size = &payHeat, -amount
	}
	depth := len(names) - 1
	for limit := largest / 3; depth > 0 && size < limit; limit /= 3 {
		depth--
	}
	return names[depth]
}
