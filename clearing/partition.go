package clearing

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/citycard/citycard/fare"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/txn"
)

// Clearer decides partitions. It holds no state of its own; the ports must be
// safe for concurrent use, except that each goroutine needs a Verifier of its
// own.
type Clearer struct {
	Register Register
	Issuers  Issuers
	Fares    Fares
	Workdays Workdays
	Fees     *FeeRule
	Network  Participant
	// Counters decides about a counter; nil means (*Counters).Check.
	Counters func(c *Counters, atc uint16, hash [8]byte) Seen
}

// Partition clears the rows of some cards: all rows of each of them that this
// window presents. It sorts rows in place.
func (c *Clearer) Partition(rows []txn.Presented, states States, verify Verifier) (*Result, error) {
	slices.SortFunc(rows, byCardCounterArrival)
	verdicts := make([]txn.Verdict, len(rows))
	if err := verify.Verify(rows, verdicts); err != nil {
		return nil, fmt.Errorf("verify %d rows: %w", len(rows), err)
	}
	old, err := states.Load(cardsOf(rows))
	if err != nil {
		return nil, fmt.Errorf("load card states: %w", err)
	}
	res := &Result{Items: make([]Item, 0, len(rows)), Nets: NewNets(),
		Totals: map[[2]Participant]Totals{}, Shares: map[ShareKey]money.Fen{}, Counts: map[txn.Verdict]int64{}}
	for from := 0; from < len(rows); {
		to := from + 1
		for to < len(rows) && rows[to].Row.Card == rows[from].Row.Card {
			to++
		}
		card := rows[from].Row.Card
		state, err := DecodeCardState(old[card])
		if errors.Is(err, errState) {
			c.quarantine(res, rows[from:to], verdicts[from:to])
			from = to
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("card %s: %w", card, err)
		}
		if err := c.card(res, state, rows[from:to], verdicts[from:to]); err != nil {
			return nil, fmt.Errorf("card %s: %w", card, err)
		}
		before := old[card]
		if len(before) == 0 {
			before = emptyState
		}
		if enc := state.Encode(nil); !bytes.Equal(enc, before) {
			res.States = append(res.States, StateUpdate{card, enc})
		}
		from = to
	}
	res.Nets.Positions()
	return res, nil
}

// emptyState is the stored form of a card of which nothing is known.
var emptyState = new(CardState).Encode(nil)

func byCardCounterArrival(a, b txn.Presented) int {
	return cmp.Or(
		bytes.Compare(a.Row.Card.PAN[:], b.Row.Card.PAN[:]),
		cmp.Compare(a.Row.Card.PSN, b.Row.Card.PSN),
		cmp.Compare(a.Row.ATC, b.Row.ATC),
		cmp.Compare(a.Ref.Block, b.Ref.Block),
		cmp.Compare(a.Ref.Index, b.Ref.Index))
}

func cardsOf(sorted []txn.Presented) []txn.CardKey {
	var cards []txn.CardKey
	for i := range sorted {
		if k := sorted[i].Row.Card; i == 0 || k != cards[len(cards)-1] {
			cards = append(cards, k)
		}
	}
	return cards
}

// quarantine refuses the rows of a card whose stored state is damaged: without its
// counters nobody can say what has been paid before. The state is left for people
// to look at, and one card does not stop the window of all others.
func (c *Clearer) quarantine(res *Result, rows []txn.Presented, verified []txn.Verdict) {
	issuer, _ := c.Issuers.Issuer(rows[0].Row.Card)
	res.Damaged = append(res.Damaged, rows[0].Row.Card)
	for i := range rows {
		v := verified[i]
		if !v.Refused() {
			v = txn.BadCardData
		}
		res.Counts[v]++
		res.Items = append(res.Items, Item{Presented: &rows[i], Verdict: v, Issuer: issuer})
	}
}

// card decides the rows of one card in the order of their counters.
func (c *Clearer) card(res *Result, state *CardState, rows []txn.Presented, verified []txn.Verdict) error {
	issuer, known := c.Issuers.Issuer(rows[0].Row.Card)
	for i := range rows {
		it := Item{Presented: &rows[i], Verdict: verified[i], Issuer: issuer}
		if err := c.settleOpen(res, state, it.Row.Card, int(it.Row.ATC)); err != nil {
			return err
		}
		if !known {
			it.Verdict = txn.BadCardData
		}
		if it.Verdict == txn.Cleared {
			it.Verdict = c.decide(state, &rows[i])
		}
		var err error
		switch it.Verdict {
		case txn.Checkpoint:
			if it.Row.Kind == txn.Entry || it.Row.Kind == txn.Hold {
				state.noteEntry(&it.Row)
			}
		case txn.Cleared:
			err = c.clear(res, state, &it)
		}
		if err != nil {
			return fmt.Errorf("row %s: %w", it.Ref, err)
		}
		res.Counts[it.Verdict]++
		res.Items = append(res.Items, it)
	}
	return c.settleOpen(res, state, rows[0].Row.Card, 1<<16)
}

// decide applies the rules behind verification, in order of precedence.
func (c *Clearer) decide(state *CardState, p *txn.Presented) txn.Verdict {
	if p.Row.Kind == txn.Doubt || p.Row.Kind == txn.Declined {
		return txn.Noted
	}
	if !p.Row.Kind.Valid() {
		return txn.BadCardData
	}
	check := c.Counters
	if check == nil {
		check = (*Counters).Check
	}
	hash := ContentHash(&p.Row)
	switch check(&state.Counters, p.Row.ATC, hash) {
	case Same:
		return txn.Duplicate
	case Conflict:
		return txn.ConflictingCounter
	}
	switch p.Mark {
	case txn.MarkDenied:
		return txn.DeniedCard
	case txn.MarkLate:
		return txn.LateOverLimit
	}
	if state.Counters.Check(p.Row.ATC, hash) == New {
		state.Counters.Mark(p.Row.ATC, hash)
	}
	if p.Row.Amount == 0 || !p.Row.Kind.Paid() {
		return txn.Checkpoint
	}
	return txn.Cleared
}

// clear prices a cleared row and enters it into nets and shares.
func (c *Clearer) clear(res *Result, state *CardState, it *Item) error {
	terminal, known := c.Register.Terminal(it.Row.Terminal)
	if !known {
		return fmt.Errorf("terminal %d of an accepted block is not in clearing's register", it.Row.Terminal)
	}
	it.Acquirer, it.Fees = terminal.Acquirer, c.Fees.Price(it.Row.Amount)
	res.Nets.Owe(it.Issuer, it.Acquirer, it.Row.Amount-it.Fees.Issuer, 1)
	res.Nets.Owe(it.Issuer, c.Network, it.Fees.NetworkIssuer, 0)
	res.Nets.Owe(it.Acquirer, c.Network, it.Fees.NetworkAcquirer, 0)
	pair := [2]Participant{it.Issuer, it.Acquirer}
	res.Totals[pair] = res.Totals[pair].plus(Totals{Items: 1, Amount: it.Row.Amount, Fees: it.Fees})
	from, open := c.journey(state, it, terminal)
	it.Shares = c.split(from, terminal, it.Row.Amount-it.Fees.Merchant)
	if open != nil {
		open.merchant, open.shares = it.Fees.Merchant, it.Shares
		res.Abandoned = append(res.Abandoned, state.wait(it.Row.Card, open)...)
	}
	for _, s := range it.Shares {
		res.Shares[ShareKey{it.Acquirer, s.Operator}] += s.Fen
	}
	return nil
}

// split divides an amount among the operators of a journey. Where no way can be
// found, the operator of the exit has it all.
func (c *Clearer) split(from fare.StationID, exit Terminal, amount money.Fen) []fare.Share {
	if from != 0 {
		if shares, err := c.Fares.SplitByOperator(from, exit.Station, amount); err == nil {
			return shares
		}
	}
	return []fare.Share{{Operator: exit.Operator, Fen: amount}}
}
