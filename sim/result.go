package sim

import (
	"context"
	"fmt"

	"github.com/citycard/citycard/acquirer"
	"github.com/citycard/citycard/issuer"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/recon/timeline"
	"github.com/citycard/citycard/sim/oracle"
	"github.com/citycard/citycard/store/sqlite"
	"github.com/citycard/citycard/txn"
)

// Flash are the figures of flash cards.
type Flash struct {
	Caused      int `json:"caused"`       // taps that cost money and were never finished
	Decidable   int `json:"decidable"`    // of them, those that the rows that arrived prove
	Found       int `json:"found"`        // of them, those that reconciliation named with counter and amount
	Undecided   int `json:"undecided"`    // caused less decidable
	AmountWrong int `json:"amount_wrong"` // named with a wrong amount
	FalseAlarms int `json:"false_alarms"` // named, but nothing was lost
	// RefundEligible are those with a doubt row and no service whose card has been heard of
	// since; RefundedWithinDay of them were refunded within 24 hours of the moment at which
	// both rows had arrived, CreditedWithinDay of these provisionally, because a missing
	// counter leaves the name open. RefundedWithinDayBP is the share in basis points (10000
	// if there are none).
	RefundEligible      int `json:"refund_eligible"`
	RefundedWithinDay   int `json:"refunded_within_day"`
	CreditedWithinDay   int `json:"credited_within_day"`
	RefundedWithinDayBP int `json:"refunded_within_day_bp"`
}

// Faults are counts under the closed set of keys that detectors and injector
// share: blocks for the first five, rows for the rest.
type Faults struct {
	BadSignature       int64 `json:"bad_signature"`
	BrokenChain        int64 `json:"broken_chain"`
	SequenceGap        int64 `json:"sequence_gap"`
	ReplayedBlock      int64 `json:"replayed_block"`
	UnknownTerminal    int64 `json:"unknown_terminal"`
	BadCryptogram      int64 `json:"bad_cryptogram"`
	BadBalanceMAC      int64 `json:"bad_balance_mac"`
	Duplicate          int64 `json:"duplicate"`
	ConflictingCounter int64 `json:"conflicting_counter"`
	DeniedCard         int64 `json:"denied_card"`
	LateOverLimit      int64 `json:"late_over_limit"`
}

// Result is the outcome of a run. ElapsedMS and Stages (milliseconds) differ from
// run to run; everything else follows from the options.
type Result struct {
	Seed              uint64           `json:"seed"`
	Riders            int              `json:"riders"`
	Date              string           `json:"date"`
	Profile           string           `json:"profile"`
	Taps              int              `json:"taps"`
	OfflineTxns       int              `json:"offline_txns"`
	Verified          int64            `json:"verified"`
	Rejected          Faults           `json:"rejected"`
	Injected          Faults           `json:"injected"`
	TornAfterCommit   int              `json:"torn_after_commit"`
	TornBeforeCommit  int              `json:"torn_before_commit"`
	RecoveredAtGate   int              `json:"recovered_at_gate"`
	FlashCard         Flash            `json:"flash_card"`
	NetsSumFen        int64            `json:"nets_sum_fen"`
	ClearedFen        money.Fen        `json:"cleared_fen"`
	Postings          int64            `json:"postings"`
	Refunds           int64            `json:"refunds"`
	RefundsUndone     int64            `json:"refunds_undone"` // final, and yet taken back: rows that come too late are refused
	Rebates           int64            `json:"rebates"`
	LedgerBalanced    bool             `json:"ledger_balanced"`
	FloatIdentityGap  money.Fen        `json:"float_identity_gap_fen"`
	Unexplained       money.Fen        `json:"unexplained_fen"`
	FareRiders        int              `json:"fare_riders"`           // whose fares could be worked out again by another way
	FareGap           money.Fen        `json:"fare_gap_fen"`          // what they paid too much or too little in the end
	SplitGap          money.Fen        `json:"split_gap_fen"`         // what operators got too much or too little by the tracks ridden
	Unsettled         money.Fen        `json:"unsettled_fen"`         // what institutions got too much or too little, or still have to pass on
	Owed              money.Fen        `json:"owed_fen"`              // what riders lost, got no service for, and did not get back by D+25
	Waiting           money.Fen        `json:"waiting_fen,omitempty"` // what is due and waits for two people (approve_above_fen of the policy)
	Provisional       money.Fen        `json:"provisional_fen"`       // credits not yet final after D+25, when every window is over
	UnreadableRows    int64            `json:"unreadable_rows"`       // that clearing let through and reconciliation cannot read
	DamagedCards      int              `json:"damaged_cards"`         // whose stored state cannot be read: their rows are held, everybody else's go on
	AbandonedFares    int64            `json:"abandoned_fares"`       // charged blind, and dropped from what waits for its entry: the charge stands
	BlocksUnreceipted int              `json:"blocks_unreceipted"`
	Mix               *MixFigures      `json:"mix,omitempty"`   // with Options.Mix only
	Quota             *QuotaFigures    `json:"quota,omitempty"` // with cards that have a quota only
	ElapsedMS         int64            `json:"elapsed_ms"`
	Stages            map[string]int64 `json:"stages"`
	Unreadable        []string         `json:"-"` // what was wrong with the first ten of UnreadableRows
}

// Closed reports whether the day closes with nothing unexplained: every figure
// that must be zero is, what was injected was rejected, what could be found was.
func (r *Result) Closed() bool { return len(r.Open()) == 0 }

// Open lists the JSON keys of the figures for which the day does not close.
func (r *Result) Open() []string {
	var open []string
	must := func(key string, ok bool) {
		if !ok {
			open = append(open, key)
		}
	}
	rejected, injected := r.Rejected.byKey(), r.Injected.byKey()
	for i, f := range rejected {
		must(f.key, f.n == injected[i].n)
	}
	must("found", r.FlashCard.Found == r.FlashCard.Decidable)
	must("amount_wrong", r.FlashCard.AmountWrong == 0)
	must("false_alarms", r.FlashCard.FalseAlarms == 0)
	must("nets_sum_fen", r.NetsSumFen == 0)
	must("ledger_balanced", r.LedgerBalanced)
	must("float_identity_gap_fen", r.FloatIdentityGap == 0)
	must("unexplained_fen", r.Unexplained == 0)
	must("fare_gap_fen", r.FareGap == 0)
	must("split_gap_fen", r.SplitGap == 0)
	must("unsettled_fen", r.Unsettled == 0)
	must("owed_fen", r.Owed == 0)
	must("refunds_undone", r.RefundsUndone == 0)
	must("provisional_fen", r.Provisional == 0)
	must("unreadable_rows", r.UnreadableRows == 0)
	must("damaged_cards", r.DamagedCards == 0)
	must("blocks_unreceipted", r.BlocksUnreceipted == 0)
	if r.Mix != nil {
		must("station_records", r.Mix.StationRecords == 0)
	}
	if r.Quota != nil {
		r.Quota.open(must)
	}
	return open
}

type faultCount struct {
	key string
	n   int64
}

// byKey gives the counts in the order of the keys.
func (f *Faults) byKey() [11]faultCount {
	return [...]faultCount{
		{"bad_signature", f.BadSignature}, {"broken_chain", f.BrokenChain}, {"sequence_gap", f.SequenceGap}, {"replayed_block", f.ReplayedBlock},
		{"unknown_terminal", f.UnknownTerminal}, {"bad_cryptogram", f.BadCryptogram}, {"bad_balance_mac", f.BadBalanceMAC}, {"duplicate", f.Duplicate},
		{"conflicting_counter", f.ConflictingCounter}, {"denied_card", f.DeniedCard}, {"late_over_limit", f.LateOverLimit},
	}
}

// result computes the figures: what the road says from its database, what is
// true from the simulation, and compares.
func (r *Run) result() (*Result, error) {
	defer r.clock("audit")()
	t := r.truth
	res := &Result{Seed: r.Seed, Riders: r.world.riders.Len(), Date: r.Date.String(), Profile: r.Profile, Stages: map[string]int64{},
		Taps: t.counts.Taps, OfflineTxns: t.counts.Approved, TornAfterCommit: t.counts.TornAfterCommit, TornBeforeCommit: t.counts.TornBefore,
		RecoveredAtGate: t.counts.Recovered}
	res.Injected = r.injectedFaults()
	if !r.Options.Mix.IsZero() {
		res.Mix = r.mixFigures()
	}
	if r.road.quota != nil {
		f := r.road.quota.tally.figures()
		f.DeniedTaps, f.DeniedOpened = t.counts.Denied, t.counts.DeniedOpened
		res.Quota = &f
	}
	for _, p := range r.world.places {
		for _, a := range p.arrays {
			for _, list := range [2][]*terminal{a.in, a.out} {
				for _, x := range list {
					res.BlocksUnreceipted += len(x.journal.Unreceipted())
				}
			}
		}
	}
	err := r.road.db.Read(context.Background(), func(rd *sqlite.Reader) error { return r.read(rd, res) })
	return res, err
}

func (r *Run) injectedFaults() Faults {
	in, t := r.carrier.injected, r.truth
	return Faults{
		BadSignature: int64(in[acquirer.BadSignature]), BrokenChain: int64(in[acquirer.BrokenChain]), SequenceGap: int64(in[acquirer.SequenceGap]),
		ReplayedBlock: int64(in[acquirer.Replayed]), UnknownTerminal: int64(in[acquirer.UnknownTerminal]),
		BadCryptogram: int64(t.forged[txn.BadCryptogram]), BadBalanceMAC: int64(t.forged[txn.BadBalanceMAC]), Duplicate: int64(t.forged[txn.Duplicate]),
		ConflictingCounter: int64(t.forged[txn.ConflictingCounter]), DeniedCard: int64(t.denied), LateOverLimit: int64(r.carrier.lateRows),
	}
}

func (r *Run) read(rd *sqlite.Reader, res *Result) error {
	outcomes, err := rd.Outcomes()
	if err != nil {
		return err
	}
	verdicts, err := rd.Verdicts()
	if err != nil {
		return err
	}
	res.Rejected = Faults{
		BadSignature: outcomes[acquirer.BadSignature], BrokenChain: outcomes[acquirer.BrokenChain], SequenceGap: outcomes[acquirer.SequenceGap],
		ReplayedBlock: outcomes[acquirer.Replayed], UnknownTerminal: outcomes[acquirer.UnknownTerminal],
		BadCryptogram: verdicts[txn.BadCryptogram], BadBalanceMAC: verdicts[txn.BadBalanceMAC], Duplicate: verdicts[txn.Duplicate],
		ConflictingCounter: verdicts[txn.ConflictingCounter], DeniedCard: verdicts[txn.DeniedCard], LateOverLimit: verdicts[txn.LateOverLimit],
	}
	bad, err := readUnreadable(rd)
	if err != nil {
		return err
	}
	res.UnreadableRows, res.Unreadable = bad.Rows, bad.First
	if res.AbandonedFares, err = rd.AbandonedFares(); err != nil {
		return err
	}
	res.Verified = verdicts[txn.Cleared] + verdicts[txn.Checkpoint]
	positions, err := rd.NetPositions()
	if err != nil {
		return err
	}
	for _, p := range positions {
		res.NetsSumFen += p
	}
	debits, credits, err := rd.Totals()
	if err != nil {
		return err
	}
	res.LedgerBalanced = debits == credits
	if err := r.auditFloat(rd, res); err != nil {
		return fmt.Errorf("float identity: %w", err)
	}
	if err := r.auditFlash(rd, res); err != nil {
		return fmt.Errorf("flash cards: %w", err)
	}
	if err := r.quotaAlarms(rd, res.Quota); err != nil {
		return fmt.Errorf("alarms about quota cards: %w", err)
	}
	return r.auditCards(rd, res, &bad)
}

// auditFlash compares what reconciliation found with what happened and with what
// could be known.
func (r *Run) auditFlash(rd *sqlite.Reader, res *Result) error {
	known, seen, err := r.knowable(rd)
	if err != nil {
		return err
	}
	r.refundTimes(seen, &res.FlashCard)
	caused := map[oracle.Event]oracle.Finding{}
	amounts := map[txn.CardKey]map[uint16]bool{}
	for _, f := range r.truth.flashes {
		e := oracle.Event{Card: r.world.cardOf(f.rider), ATC: f.atc, Amount: money.Fen(f.amount)}
		finding, err := oracle.Judge(e, known[f.rider])
		if err != nil {
			return fmt.Errorf("rider %d, counter %d: %w", f.rider, f.atc, err)
		}
		caused[e] = finding
		if amounts[e.Card] == nil {
			amounts[e.Card] = map[uint16]bool{}
		}
		amounts[e.Card][e.ATC] = true
		res.FlashCard.Caused++
		if finding == oracle.Decidable {
			res.FlashCard.Decidable++
		} else {
			r.flashOpen += money.Fen(f.amount)
		}
	}
	res.FlashCard.Undecided = res.FlashCard.Caused - res.FlashCard.Decidable
	return rd.Flashes(r.road.vault, func(f timeline.Flash) error {
		finding, happened := caused[oracle.Event{Card: f.Card, ATC: f.ATC, Amount: f.Amount}]
		switch {
		case happened && finding == oracle.Decidable && !f.Service: // no gate opened for a torn card
			res.FlashCard.Found++
			r.flashFound += f.Amount
		case !happened && amounts[f.Card][f.ATC]:
			res.FlashCard.AmountWrong++
		default:
			res.FlashCard.FalseAlarms++
		}
		return nil
	})
}

// auditCards adds up what the issuers' books and the timelines of the cards
// cannot explain to each other. What a float borrowed for a row that it did not
// cover counts as overdrawn.
func (r *Run) auditCards(rd *sqlite.Reader, res *Result, bad *unreadable) error {
	var c timeline.Card
	rules := r.world.rules
	err := rd.Timelines(r.road.vault, func(card txn.CardKey, blob []byte) error {
		c.Key = card
		if c.Decode(blob) != nil {
			bad.damaged(r.road.vault.Token(card))
			return nil
		}
		if r.road.isQuota(card) {
			return nil // there is no float behind it
		}
		token := r.road.books.Tokens.Token(card)
		float, _, err := rd.Balance(issuer.FloatAccount(token))
		if err != nil {
			return err
		}
		loss, _, err := rd.Balance(issuer.LossAccount(token))
		if err != nil {
			return err
		}
		gap := c.Explained(float.Net()+loss.Net(), &rules)
		res.Unexplained += max(gap, -gap)
		res.Provisional += c.Provisional()
		return nil
	})
	res.DamagedCards = len(bad.Cards)
	return err
}
