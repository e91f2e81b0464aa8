package sim

import (
	"fmt"

	"github.com/citycard/citycard/clearing"
	"github.com/citycard/citycard/issuer"
	"github.com/citycard/citycard/ledger"
	"github.com/citycard/citycard/money"
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
	float   money.Fen // of all cards
	day     int       // the last day after D whose postings have been read, -1 before D
	payable money.Fen // to operators, for the fares posted
	shares  money.Fen // paid to operators
	fees    money.Fen // of the network, for the fares posted
	rebates money.Fen // paid to riders
	spent   []int32   // by rider: what left the chip, less what came back to the customer, in fen
}

// auditFloat replays the issuers' ledger against the truth of the chips, window
// by window, and adds up what differs at the end of each.
func (r *Run) auditFloat(rd *sqlite.Reader, res *Result) error {
	a := &audit{Run: r, res: res, index: r.road.accountIndex(), books: oracle.NewBooks(r.world.riders.Len()), spent: make([]int32, r.world.riders.Len()), day: -1}
	err := rd.Scan(ledger.Filter{}, func(t *ledger.Transfer) error {
		res.Postings++
		if t.Code == issuer.CodeLoad {
			a.float += t.Amount
			return nil
		}
		if err := a.until(int(t.Window - r.world.day)); err != nil {
			return err
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
	a.auditFares(a.spent, res)
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
			a.res.FloatIdentityGap += distance(a.float, a.books.FloatShould(a.truth.chips[a.day]))
		}
		if a.day+1 > LastDay {
			continue
		}
		for _, c := range a.truth.commits[a.day+1] {
			a.spent[c.rider] += int32(c.amount)
			if err := a.books.Commit(int(c.rider), c.atc, c.amount); err != nil {
				return err
			}
		}
	}
	return nil
}

func distance(x, y money.Fen) money.Fen { return max(x-y, y-x) }

func (a *audit) transfer(t *ledger.Transfer) error {
	switch t.Code {
	case issuer.CodeFares:
		return a.fares(t)
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
	for _, f := range fares {
		if err := a.books.Posted(int(rider), f.ATC, f.Amount); err != nil {
			return err
		}
		fees := a.road.fees.Price(f.Amount)
		a.payable += f.Amount - fees.Merchant
		a.fees += fees.NetworkIssuer + fees.NetworkAcquirer
	}
	a.float -= t.Amount
	a.res.ClearedFen += t.Amount
	return nil
}

// correction enters what reconciliation decided.
func (a *audit) correction(t *ledger.Transfer) error {
	account, toFloat := t.Debit, false
	switch t.Code {
	case issuer.CodeUndoProvisional, issuer.CodeUndoRefund, issuer.CodeUndoCollect, issuer.CodeClaim:
		account, toFloat = t.Credit, true
	}
	found, err := a.index.rider(account)
	if err != nil {
		return err
	}
	p, q, err := issuer.ParseCorrection(t.Ref)
	if err != nil {
		return err
	}
	if toFloat {
		a.float += t.Amount
	} else {
		a.float -= t.Amount
	}
	rider := int(found)
	switch t.Code {
	case issuer.CodeRefund, issuer.CodeProvisional:
		a.res.Refunds++
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
	for _, p := range Participants() {
		want := money.Fen(0)
		id := accounts{}.Settlement(p.ID)
		switch p.Role {
		case "acquirer":
			id = accounts{}.Acquirer(p.ID)
		case "network":
			id, want = accounts{}.Fees(p.ID), a.fees
		}
		got, err := net(id)
		if err != nil {
			return fmt.Errorf("account of %s: %w", p.Name, err)
		}
		sum += distance(got, want)
	}
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
	refused := map[string]money.Fen{}
	if err := rd.Exceptions(func(e sqlite.Exception) error {
		if e.Verdict == txn.DeniedCard || e.Verdict == txn.LateOverLimit {
			refused[e.Card] += e.Amount
		}
		return nil
	}); err != nil {
		return err
	}
	for i := range a.world.riders.Len() {
		if lacks := a.books.Card(i).Outstanding; lacks > 0 {
			a.res.Owed += max(0, lacks-refused[a.world.cardOf(uint32(i)).String()])
		}
	}
	return nil
}
