package sim

import (
	"fmt"

	"github.com/citycard/citycard/clearing"
	"github.com/citycard/citycard/issuer"
	"github.com/citycard/citycard/issuer/quota"
	"github.com/citycard/citycard/ledger"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/recon"
	"github.com/citycard/citycard/sim/oracle"
	"github.com/citycard/citycard/store/sqlite"
	"github.com/citycard/citycard/txn"
)

// audit replays the ledger against the truth of the chips and the fee rule.
type audit struct {
	*Run
	res     *Result
	index   accountIndex
	books   *oracle.Books
	float   money.Fen                      // of all cards
	day     int                            // the last day after D whose postings have been read, -1 before D
	payable money.Fen                      // to operators, for the fares posted
	shares  money.Fen                      // paid to operators
	income  income                         // by the truth
	got     map[ledger.AccountID]money.Fen // by operators
	rebates money.Fen                      // paid to riders
	spent   []int32                        // by rider: what left the chip, less what came back to the customer, in fen
	debited map[blindKey]money.Fen         // rows of cards with a quota for which their issuers have paid
}

// auditFloat replays the issuers' ledger against the truth of the chips, window
// by window, and adds up what differs at the end of each.
func (r *Run) auditFloat(rd *sqlite.Reader, res *Result) error {
	a := &audit{Run: r, res: res, index: r.road.accountIndex(), books: oracle.NewBooks(r.world.riders.Len()), spent: make([]int32, r.world.riders.Len()), day: -1,
		income: income{operators: map[string]money.Fen{}, unclear: map[uint32][]charged{}, back: map[uint32]money.Fen{}}, got: map[ledger.AccountID]money.Fen{}, debited: map[blindKey]money.Fen{}}
	r.refunds = map[uint32][]refunded{}
	err := rd.Scan(ledger.Filter{}, func(t *ledger.Transfer) error {
		res.Postings++
		if t.Code != issuer.CodeLoad {
			if err := a.until(min(int(t.Window-r.world.day), LastDay+1)); err != nil {
				return err
			}
		}
		if ofFloat(t.Credit) {
			a.float += t.Amount
		}
		if ofFloat(t.Debit) {
			a.float -= t.Amount
		}
		return a.transfer(t)
	})
	if err != nil {
		return err
	}
	if err := a.until(LastDay + 1); err != nil {
		return err
	}
	if s := a.books.Sums(); !s.Clean() {
		res.FloatIdentityGap += s.Unbacked + s.Overpaid + s.Overtaken + s.Partial
	}
	if err := a.undebited(rd); err != nil {
		return err
	}
	a.auditFares(a.spent, res)
	if res.SplitGap, err = a.splitGap(); err != nil {
		return err
	}
	if err := a.settled(rd); err != nil {
		return err
	}
	return a.owed(rd)
}

// until ends the days before one and begins it: what left the chips on it is
// noted before its postings.
func (a *audit) until(day int) error {
	for ; a.day < day; a.day++ {
		if a.day >= 0 {
			// Timeline, section 11: nothing is loaded, so that these terms are left.
			should := a.truth.chips[a.day] + a.books.Outstanding() - a.books.Unbacked()
			a.res.FloatIdentityGap += distance(a.float, should)
		}
		if a.day+1 > LastDay {
			continue
		}
		for _, c := range a.truth.commits[a.day+1] {
			a.spent[c.rider] += c.amount
			if a.world.hasQuota(c.rider) {
				continue
			}
			if err := a.books.Commit(int(c.rider), c.atc, money.Fen(c.amount)); err != nil {
				return err
			}
		}
	}
	return nil
}

// ofFloat says that an account is a card's float, or what that has borrowed.
func ofFloat(id ledger.AccountID) bool {
	return id[0] == byte(ledger.CardFloat) || id[0] == byte(ledger.Loss)
}

func distance(x, y money.Fen) money.Fen { return max(x-y, y-x) }

func (a *audit) transfer(t *ledger.Transfer) error {
	a.moved(t)
	switch t.Code {
	case issuer.CodeFares:
		return a.fares(t)
	case quota.CodeDebit, quota.CodeOwed, quota.CodeRecover:
		return a.quotaPosting(t)
	case issuer.CodeRefund, issuer.CodeProvisional, issuer.CodeUndoProvisional, issuer.CodeUndoRefund,
		issuer.CodeCollect, issuer.CodeUndoCollect, issuer.CodeClaim, issuer.CodeUndoClaim:
		return a.correction(t)
	case issuer.CodeRebate:
		a.res.Rebates++
		a.rebates += t.Amount
		rider, err := a.index.rider(t.Credit)
		if err != nil {
			return err
		}
		a.spent[rider] -= int32(t.Amount)
		a.income.back[rider] += t.Amount
	case clearing.CodeOperatorShare:
		a.shares += t.Amount
	}
	return nil
}

func (a *audit) fares(t *ledger.Transfer) error {
	rider, err := a.index.rider(t.Debit)
	if err != nil {
		return err
	}
	fares, err := issuer.ParseFares(t.Ref)
	if err != nil {
		return err
	}
	a.clearedOf(rider, t.Amount)
	for _, f := range fares {
		if err := a.books.Posted(int(rider), f.ATC, f.Amount); err != nil {
			return err
		}
		if err := a.posted(rider, f.ATC, f.Amount); err != nil {
			return err
		}
	}
	a.res.ClearedFen += t.Amount
	return nil
}

// correction enters what reconciliation decided.
func (a *audit) correction(t *ledger.Transfer) error {
	account := t.Debit
	switch t.Code {
	case issuer.CodeUndoProvisional, issuer.CodeUndoRefund, issuer.CodeUndoCollect, issuer.CodeClaim:
		account = t.Credit
	}
	found, err := a.index.rider(account)
	if err != nil {
		return err
	}
	p, q, err := issuer.ParseCorrection(t.Ref)
	if err != nil {
		return err
	}
	if a.world.hasQuota(found) {
		a.res.Quota.Refunded += t.Amount
		return nil
	}
	rider := int(found)
	switch t.Code {
	case issuer.CodeRefund, issuer.CodeProvisional:
		a.res.Refunds++
		a.refunds[found] = append(a.refunds[found], refunded{p, q, a.world.closeTime(t.Window - a.world.day), t.Code == issuer.CodeProvisional})
		a.spent[found] -= int32(t.Amount)
		return a.books.Refunded(rider, p, q, t.Amount)
	case issuer.CodeUndoProvisional, issuer.CodeUndoRefund:
		if t.Code == issuer.CodeUndoRefund {
			a.res.RefundsUndone++
		}
		a.spent[found] += int32(t.Amount)
		return a.books.Undone(rider, p, q, t.Amount)
	case issuer.CodeCollect, issuer.CodeUndoClaim:
		return a.books.Posted(rider, p, t.Amount)
	}
	return a.books.Unposted(rider, p, t.Amount)
}

// settled adds up what institutions have got too much or too little: after the
// last close nothing is left on the accounts that clearing passes money through,
// operators and network have what the fee rule gives them for the fares posted,
// and every rebate has been paid.
func (a *audit) settled(rd *sqlite.Reader) error {
	net := func(id ledger.AccountID) (money.Fen, error) {
		b, _, err := rd.Balance(id)
		return b.Net(), err
	}
	sum := distance(a.shares, a.payable)
	kept := map[string]money.Fen{}
	for _, p := range a.world.participants() {
		want := money.Fen(0)
		id := accounts{}.Settlement(p.ID)
		switch p.Role {
		case "acquirer":
			id = accounts{}.Acquirer(p.ID)
		case "network":
			id, want = accounts{}.Fees(p.ID), a.income.network
		}
		got, err := net(id)
		if err != nil {
			return fmt.Errorf("account of %s: %w", p.Name, err)
		}
		sum += distance(got, want)
		fees, err := net(accounts{}.Fees(p.ID))
		if err != nil {
			return fmt.Errorf("fees of %s: %w", p.Name, err)
		}
		kept[p.Role] += fees
	}
	sum += distance(kept["issuer"], a.income.issuers) + distance(kept["acquirer"], a.income.acquirers)
	rebates, err := rd.RebatesOwed()
	if err != nil {
		return err
	}
	a.res.Unsettled = sum + distance(rebates, a.rebates)
	return nil
}

// owed adds up what cards lack in the end although no row asked for it that was
// refused for the card's or the terminal's fault: the riders come back within
// days, the windows are over, so that it should have been refunded.
func (a *audit) owed(rd *sqlite.Reader) error {
	if a.books.Outstanding() == 0 {
		return nil
	}
	refused, err := a.refused(rd)
	if err != nil {
		return err
	}
	waiting, err := a.waiting(rd)
	if err != nil {
		return err
	}
	for i := range a.world.riders.Len() {
		if lacks := a.books.Card(i).Outstanding; lacks > 0 {
			a.res.Owed += max(0, lacks-refused[uint32(i)]-waiting[uint32(i)])
		}
	}
	return nil
}

// waiting adds up, by rider, what is due and waits for two people by the policy.
func (a *audit) waiting(rd *sqlite.Reader) (map[uint32]money.Fen, error) {
	out := map[uint32]money.Fen{}
	return out, rd.Breaks(a.road.vault, func(b *recon.Break) error {
		if rider, known := a.world.riderOf(b.Card); known && b.Waits {
			out[rider] += b.Amount
			a.res.Waiting += b.Amount
		}
		return nil
	})
}

// refused adds up, by rider, the rows that were refused for the card's or the
// terminal's fault, as they stand in their blocks.
func (a *audit) refused(rd *sqlite.Reader) (map[uint32]money.Fen, error) {
	out := map[uint32]money.Fen{}
	opened := map[uint32][]txn.Presented{}
	err := rd.Exceptions(func(e sqlite.Exception) error {
		if e.Verdict != txn.DeniedCard && e.Verdict != txn.LateOverLimit {
			return nil
		}
		rows, found := opened[e.Ref.Block]
		if !found {
			b, err := rd.FindBlock(e.Ref.Block)
			if err != nil {
				return err
			}
			if rows, err = a.road.openBlock(&b); err != nil {
				return fmt.Errorf("block %d: %w", b.ID, err)
			}
			opened[e.Ref.Block] = rows
		}
		if int(e.Ref.Index) >= len(rows) {
			return fmt.Errorf("refused row %s is not in its block", e.Ref)
		}
		if rider, known := a.world.riderOf(rows[e.Ref.Index].Row.Card); known {
			out[rider] += rows[e.Ref.Index].Row.Amount
		}
		return nil
	})
	return out, err
}
