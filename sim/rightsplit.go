package sim

import (
	"cmp"
	"slices"

	"github.com/citycard/citycard/ledger"
	"github.com/citycard/citycard/money"
)

// The government prices of 2016-09-06 for debit cards in catering and retail, per
// million of the amount, and what the acquirers of this city charge.
const (
	issuerPerMillion   = 3_500 // at most 13 yuan
	issuerMost         = 13_00
	networkPerMillion  = 325 // from each side, at most 3.25 yuan
	networkMost        = 3_25
	acquirerPerMillion = 5_000 // from the operator
)

// rightFee is a rate of an amount, rounded half up to the fen.
func rightFee(amount money.Fen, perMillion int64) money.Fen {
	return (amount*money.Fen(perMillion) + 500_000) / 1_000_000
}

// income is what institutions should have got for the fares posted.
type income struct {
	operators                   map[string]money.Fen // by name
	unsure                      money.Fen            // that may be any operator's
	unclear                     map[uint32][]charged // journeys charged without their entry, of riders whose price no rule says
	back                        map[uint32]money.Fen // rebates by rider
	issuers, acquirers, network money.Fen            // fees kept
}

// charged is a journey and what was asked for it.
type charged struct {
	commit
	amount money.Fen
}

// blindKey names a journey that was charged without its entry.
type blindKey struct {
	rider uint32
	atc   uint16
}

// find is what left a chip at a counter on D.
func (t *ledgerOfTruth) find(rider uint32, atc uint16) (commit, bool) {
	if len(t.commits) == 0 {
		return commit{}, false
	}
	day := t.commits[0]
	i, found := slices.BinarySearchFunc(day, blindKey{rider, atc}, func(c commit, k blindKey) int {
		return cmp.Or(cmp.Compare(c.rider, k.rider), cmp.Compare(c.atc, k.atc))
	})
	if !found {
		return commit{}, false
	}
	return day[i], true
}

// posted notes a fare that the issuers paid for.
func (a *audit) posted(rider uint32, atc uint16, amount money.Fen) error {
	merchant := rightFee(amount, acquirerPerMillion)
	issuer := min(rightFee(amount, issuerPerMillion), issuerMost)
	fromEach := min(rightFee(amount, networkPerMillion), networkMost)
	a.payable += amount - merchant
	a.income.network += 2 * fromEach
	a.income.issuers += issuer - fromEach
	a.income.acquirers += merchant - issuer - fromEach
	c, found := a.truth.find(rider, atc)
	stations := len(a.world.stations)
	switch {
	case a.world.right == nil:
		return nil
	case !found, int(c.to) >= stations: // on the days after D there are only buses
		a.income.operators[busName] += amount - merchant
		return nil
	}
	due := amount
	if price, blind := a.truth.blind[blindKey{rider, atc}]; blind {
		if a.odd(rider) {
			a.income.unclear[rider] = append(a.income.unclear[rider], charged{c, amount})
			return nil
		}
		due = min(max(money.Fen(price), merchant), amount)
	}
	return a.share(c, amount, due-merchant)
}

// share gives an amount to the operators of a journey for which more was charged.
func (a *audit) share(c commit, charged, amount money.Fen) error {
	shares, sure, err := a.world.right.Split(a.world.right.stations[c.from], a.world.right.stations[c.to], amount)
	if err != nil {
		return err
	}
	if !sure {
		a.income.unsure += charged
		return nil
	}
	for name, fen := range shares {
		a.income.operators[name] += fen
	}
	return nil
}

// moved notes what a posting brings to the operators or takes from them.
func (a *audit) moved(t *ledger.Transfer) {
	if t.Debit[0] == byte(ledger.Operator) {
		a.got[t.Debit] -= t.Amount
	}
	if t.Credit[0] == byte(ledger.Operator) {
		a.got[t.Credit] += t.Amount
	}
}

// splitGap is what operators got too much or too little by the tracks ridden. Where
// the truth names no single way, the amount may be in any of their hands.
func (a *audit) splitGap() (gap money.Fen, err error) {
	if a.world.right == nil {
		return 0, nil
	}
	for rider, journeys := range a.income.unclear {
		back := a.income.back[rider]
		for _, j := range journeys {
			if len(journeys) > 1 || back == 0 {
				a.income.unsure += j.amount
				continue
			}
			if err := a.share(j.commit, j.amount, j.amount-back-rightFee(j.amount, acquirerPerMillion)); err != nil {
				return 0, err
			}
		}
	}
	for _, o := range a.road.operators() {
		got := a.got[institution(ledger.Operator, o.id)]
		gap += max(0, distance(got, a.income.operators[o.name])-a.income.unsure)
	}
	return gap, nil
}
