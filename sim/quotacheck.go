package sim

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/citycard/citycard/issuer/quota"
	"github.com/citycard/citycard/ledger"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/recon"
	"github.com/citycard/citycard/recon/timeline"
	"github.com/citycard/citycard/store/sqlite"
)

// quotaCommit is a debit of a card with a quota, and the day after D on which it left
// the chip.
type quotaCommit struct {
	atc    uint16
	amount money.Fen
	day    int
}

// checkQuotas holds what the issuers believe at the end of a day against the chips:
// nothing may be left on a card, or still be presented, beyond the exposure, and where
// every counter was presented the shadow is what the card has. It does nothing for
// days that were closed before an interruption, whose services have gone on.
func (r *Run) checkQuotas(day int) error {
	q := r.road.quota
	if q == nil {
		return nil
	}
	today := r.truth.commits[len(r.truth.commits)-1]
	for _, c := range today {
		if r.world.hasQuota(c.rider) {
			r.truth.quota[c.rider] = append(r.truth.quota[c.rider], quotaCommit{c.atc, money.Fen(c.amount), day})
		}
	}
	if day <= q.closed {
		return nil
	}
	before := q.tally
	now := r.world.roundTime(day, pushRounds)
	for i := range q.services {
		if s := &q.services[i]; s.State != 0 {
			r.checkQuota(s.rider, &s.Service, day, now)
		}
	}
	if q.tally == before {
		return nil
	}
	return r.road.db.Write(context.Background(), q.saveTally)
}

func (r *Run) checkQuota(rider uint32, s *quota.Service, day int, now int64) {
	q, m := r.road.quota, r.road.quota.machine(rider)
	chip := money.Fen(r.world.dues[rider].chip)
	cost, whole := chip+s.Deposit, true
	for _, c := range r.truth.quota[rider] {
		known := c.atc <= s.Floor || slices.ContainsFunc(s.Seen, func(e quota.Seen) bool { return e.ATC == c.atc })
		if known {
			continue
		}
		whole = false
		if day-c.day < lateAfter/secondsPerDay { // later the acquirer refuses it
			cost += c.amount
		}
	}
	q.tally.Unseen += max(0, cost-m.Exposure(s, now))
	_, waits := s.Outgoing()
	if !whole || waits || s.State != quota.Active || s.Stops != 0 {
		return
	}
	q.tally.ShadowGap += distance(s.Shadow(), chip)
	if chip < quotaTerms.Threshold && s.Bound+quotaTerms.Quota <= quotaTerms.Cap {
		q.tally.Unrestored++
	}
}

// QuotaFigures are the figures of the cards with a quota. Amounts are fen.
type QuotaFigures struct {
	Opened              int       `json:"opened"`                // services
	Debited             int       `json:"debited"`               // rows that the accounts behind the cards paid when they were asked first
	DebitedFen          money.Fen `json:"debited_fen"`           // without owed_fen
	Restored            int       `json:"restored"`              // quotas that a card has said it has
	BelowThreshold      int       `json:"below_threshold"`       // times that a closing found a card below the threshold and had a push for it
	RestoredSameClosing int       `json:"restored_same_closing"` // of them, restored before that closing was over
	Pushes              int       `json:"pushes"`                // values pushed
	PushesRepeated      int       `json:"pushes_repeated"`       // times that the same bytes were sent again
	PushesRefused       int       `json:"pushes_refused"`        // for good; must be 0
	Unrestored          int       `json:"unrestored"`            // below the threshold although nothing kept it from being restored; must be 0
	Owed                int       `json:"owed"`                  // rows that an account did not cover
	OwedFen             money.Fen `json:"owed_fen"`              //
	RecoveredFen        money.Fen `json:"recovered_fen"`         // paid later; must be all
	Denied              int       `json:"denied"`                // cards on the deny list until then
	DeniedTaps          int       `json:"denied_taps"`           // of such cards meanwhile
	DeniedOpened        int       `json:"denied_opened"`         // for which a gate opened all the same; must be 0
	ExposureMaxFen      money.Fen `json:"exposure_max_fen"`      // of one card
	ExposureCapFen      money.Fen `json:"exposure_cap_fen"`      //
	Refunded            money.Fen `json:"refunded"`              // must be 0: nothing is ever given back
	Alarms              int       `json:"alarms"`                // of reconciliation about such cards, of which none is copied; must be 0
	Unseen              money.Fen `json:"unseen_fen"`            // what cards could cost beyond the issuers' bound; must be 0
	GapFen              money.Fen `json:"gap_fen"`               // between chips and shadows, and between what left chips and what was debited; must be 0
}

func (q *quotaTally) figures() QuotaFigures {
	return QuotaFigures{Opened: q.Opened, Restored: q.Restored, BelowThreshold: q.Below, RestoredSameClosing: q.SameClosing, Pushes: q.Pushes,
		PushesRepeated: q.Repeated, PushesRefused: q.Refused, Unrestored: q.Unrestored,
		Denied: q.Listed, ExposureMaxFen: q.ExposureMax, ExposureCapFen: quotaTerms.Cap, Unseen: q.Unseen, GapFen: q.ShadowGap}
}

// open lists the keys of the figures that are not as they must be.
func (q *QuotaFigures) open(must func(key string, ok bool)) {
	must("pushes_refused", q.PushesRefused == 0)
	must("unrestored", q.Unrestored == 0)
	must("restored_same_closing", q.RestoredSameClosing <= min(q.BelowThreshold, q.Restored))
	must("recovered_fen", q.RecoveredFen == q.OwedFen)
	must("denied_opened", q.DeniedOpened == 0)
	must("exposure_max_fen", q.ExposureMaxFen <= q.ExposureCapFen)
	must("refunded", q.Refunded == 0)
	must("alarms", q.Alarms == 0)
	must("unseen_fen", q.Unseen == 0)
	must("gap_fen", q.GapFen == 0)
}

// quotaAlarms counts what reconciliation says against cards with a quota.
func (r *Run) quotaAlarms(rd *sqlite.Reader, f *QuotaFigures) error {
	if f == nil {
		return nil
	}
	return rd.Breaks(r.road.vault, func(b *recon.Break) error {
		if (b.State == timeline.Impossible || b.State == timeline.Unbacked) && r.road.isQuota(b.Card) {
			f.Alarms++
		}
		return nil
	})
}

// clearedOf adds to what was cleared of a kind of card.
func (a *audit) clearedOf(rider uint32, amount money.Fen) {
	if a.res.Mix != nil {
		a.res.Mix.kind(a.world.kindOf(rider)).Cleared += amount
	}
}

// quotaPosting enters a debit of the account behind a card with a quota, what became a
// claim instead, or its recovery. Each counter is paid once, and what is paid is what
// left the chip.
func (a *audit) quotaPosting(t *ledger.Transfer) error {
	rider, err := a.index.rider(t.Debit)
	if err != nil {
		return err
	}
	f := a.res.Quota
	if t.Code == quota.CodeRecover {
		f.RecoveredFen += t.Amount
		return nil
	}
	if len(t.Ref) != 4 {
		return fmt.Errorf("reference of a debit of %d bytes, want 4", len(t.Ref))
	}
	if t.Code == quota.CodeOwed {
		f.Owed, f.OwedFen = f.Owed+1, f.OwedFen+t.Amount
	} else {
		f.Debited, f.DebitedFen = f.Debited+1, f.DebitedFen+t.Amount
	}
	key := blindKey{rider, binary.BigEndian.Uint16(t.Ref[2:])}
	left := money.Fen(0)
	for _, c := range a.truth.quota[rider] {
		if c.atc == key.atc {
			left = c.amount
		}
	}
	f.GapFen += distance(left, a.debited[key]+t.Amount)
	a.debited[key] += t.Amount
	a.res.ClearedFen += t.Amount
	a.clearedOf(rider, t.Amount)
	return a.posted(rider, key.atc, t.Amount)
}

// undebited adds what left cards with a quota and was never asked of an account,
// although neither a terminal had lost it nor its row was refused: it lowers the
// head-room, but somebody gave a journey for nothing.
func (a *audit) undebited(rd *sqlite.Reader) error {
	if a.res.Quota == nil {
		return nil
	}
	refused, err := a.refused(rd)
	if err != nil {
		return err
	}
	lost := map[blindKey]bool{}
	for _, f := range a.truth.flashes {
		lost[blindKey{f.rider, f.atc}] = true
	}
	for rider, commits := range a.truth.quota {
		lacks := -refused[rider]
		for _, c := range commits {
			if _, paid := a.debited[blindKey{rider, c.atc}]; !paid && !lost[blindKey{rider, c.atc}] {
				lacks += c.amount
			}
		}
		a.res.Quota.GapFen += max(0, lacks)
	}
	return nil
}
