package clearing

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"

	"github.com/emmansun/gmsm/sm3"

	"github.com/citycard/citycard/fare"
	"github.com/citycard/citycard/ledger"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/txn"
)

// Codes of the postings that close a window. Numbers are for ever.
const (
	CodePrincipal       uint16 = 100 // issuer's settlement -> acquirer: amounts less issuer fees
	CodeIssuerFee       uint16 = 101 // issuer's settlement -> issuer's fees
	CodeNetworkIssuer   uint16 = 102 // issuer's fees -> network's fees
	CodeNetworkAcquirer uint16 = 103 // acquirer -> network's fees
	CodeOperatorShare   uint16 = 104 // acquirer -> operator
	CodeAcquirerFee     uint16 = 105 // what is left at the acquirer -> its fees, or back
)

// Window sums up the partitions of one business window.
type Window struct {
	Number int32 // days since 1970-01-01
	Nets   *Nets
	Totals map[[2]Participant]Totals
	Shares map[ShareKey]money.Fen
	Counts map[txn.Verdict]int64
}

// NewWindow starts the sums of a window.
func NewWindow(number int32) *Window {
	return &Window{Number: number, Nets: NewNets(), Totals: map[[2]Participant]Totals{}, Shares: map[ShareKey]money.Fen{}, Counts: map[txn.Verdict]int64{}}
}

// Add merges a partition's result.
func (w *Window) Add(r *Result) {
	w.Nets.Add(r.Nets)
	for k, t := range r.Totals {
		w.Totals[k] = w.Totals[k].plus(t)
	}
	for k, f := range r.Shares {
		w.Shares[k] += f
	}
	for v, n := range r.Counts {
		w.Counts[v] += n
	}
}

// Accounts names the ledger accounts of institutions.
type Accounts interface {
	Settlement(issuer Participant) ledger.AccountID
	Acquirer(acquirer Participant) ledger.AccountID
	Fees(p Participant) ledger.AccountID
	Operator(o fare.OperatorID) ledger.AccountID
}

// Close gives the postings that settle the window: their number depends on the
// pairs of participants, never on the number of items. Afterwards the issuers'
// settlement accounts and the acquirers' accounts stand as before the window.
func (w *Window) Close(at int64, network Participant, acc Accounts) ([]ledger.Transfer, error) {
	c := closing{window: w, at: at}
	left := map[Participant]money.Fen{}
	for _, k := range sortedPairs(w.Totals) {
		t, issuer, acquirer := w.Totals[k], k[0], k[1]
		key := uint64(issuer)<<16 | uint64(acquirer)
		c.post(CodePrincipal, key, acc.Settlement(issuer), acc.Acquirer(acquirer), t.Amount-t.Fees.Issuer)
		c.post(CodeIssuerFee, key, acc.Settlement(issuer), acc.Fees(issuer), t.Fees.Issuer)
		c.post(CodeNetworkIssuer, key, acc.Fees(issuer), acc.Fees(network), t.Fees.NetworkIssuer)
		c.post(CodeNetworkAcquirer, key, acc.Acquirer(acquirer), acc.Fees(network), t.Fees.NetworkAcquirer)
		left[acquirer] += t.Amount - t.Fees.Issuer - t.Fees.NetworkAcquirer
	}
	for _, k := range slices.SortedFunc(maps.Keys(w.Shares), func(a, b ShareKey) int {
		return cmp.Or(cmp.Compare(a.Acquirer, b.Acquirer), cmp.Compare(a.Operator, b.Operator))
	}) {
		c.post(CodeOperatorShare, uint64(k.Acquirer)<<16|uint64(k.Operator), acc.Acquirer(k.Acquirer), acc.Operator(k.Operator), w.Shares[k])
		left[k.Acquirer] -= w.Shares[k]
	}
	for _, a := range slices.Sorted(maps.Keys(left)) {
		if left[a] >= 0 {
			c.post(CodeAcquirerFee, uint64(a), acc.Acquirer(a), acc.Fees(a), left[a])
		} else {
			c.post(CodeAcquirerFee, uint64(a), acc.Fees(a), acc.Acquirer(a), -left[a])
		}
	}
	return c.out, c.err
}

func sortedPairs(m map[[2]Participant]Totals) [][2]Participant {
	return slices.SortedFunc(maps.Keys(m), func(a, b [2]Participant) int {
		return cmp.Or(cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1]))
	})
}

type closing struct {
	window *Window
	at     int64
	out    []ledger.Transfer
	err    error
}

func (c *closing) post(code uint16, key uint64, debit, credit ledger.AccountID, amount money.Fen) {
	if amount < 0 {
		c.err = fmt.Errorf("close window %d: posting %d of %s yuan is negative", c.window.Number, code, amount)
	}
	if amount <= 0 {
		return
	}
	var id [18]byte
	copy(id[:4], "clos")
	binary.BigEndian.PutUint32(id[4:], uint32(c.window.Number))
	binary.BigEndian.PutUint16(id[8:], code)
	binary.BigEndian.PutUint64(id[10:], key)
	sum := sm3.Sum(id[:])
	c.out = append(c.out, ledger.Transfer{ID: ledger.TransferID(sum[:16]), Debit: debit, Credit: credit, Amount: amount, Code: code, At: c.at, Window: c.window.Number})
}
