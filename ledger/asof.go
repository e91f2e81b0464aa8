package ledger

import "iter"

// BalanceAsOf adds up what the transfers did to an account up to and including
// the second at. It defines the answer that a store may find by an index.
func BalanceAsOf(transfers iter.Seq[*Transfer], id AccountID, at int64) Balance {
	var b Balance
	for t := range transfers {
		if t.At > at {
			continue
		}
		if t.Debit == id {
			b.Debits += t.Amount
		}
		if t.Credit == id {
			b.Credits += t.Amount
		}
	}
	return b
}
