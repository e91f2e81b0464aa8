package ledger

import "math"

// Filter chooses transfers. The zero value chooses all.
type Filter struct {
	Account AccountID // either side; zero for every account
	From    int64     // first second of value time, inclusive; 0 means no beginning
	To      int64     // last second, inclusive; 0 means no end
}

// Begin is From with 0 read as no beginning.
func (f Filter) Begin() int64 {
	if f.From == 0 {
		return math.MinInt64
	}
	return f.From
}

// End is To with 0 read as no end.
func (f Filter) End() int64 {
	if f.To == 0 {
		return math.MaxInt64
	}
	return f.To
}

// Match reports whether the filter chooses the transfer.
func (f Filter) Match(t *Transfer) bool {
	return t.At >= f.Begin() && t.At <= f.End() &&
		(f.Account == AccountID{} || t.Debit == f.Account || t.Credit == f.Account)
}
