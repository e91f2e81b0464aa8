package sim

import (
	"encoding/json"
	"fmt"

	"github.com/citycard/citycard/clearing"
	"github.com/citycard/citycard/issuer/quota"
	"github.com/citycard/citycard/ledger"
	"github.com/citycard/citycard/recon"
	"github.com/citycard/citycard/recon/timeline"
	"github.com/citycard/citycard/store/sqlite"
	"github.com/citycard/citycard/txn"
)

// asked is a transfer that a service waits for.
type asked struct {
	rider uint32
	post  ledger.Transfer
}

// quotaTurn is the quota scheme within one transaction: what its events ask for is
// collected, and carried out by finish.
type quotaTurn struct {
	*road
	tx      *sqlite.Tx
	day     int
	now     int64
	open    []ledger.Account
	posts   []asked
	touched []uint32
}

func (w *closing) turn() *quotaTurn {
	return &quotaTurn{road: w.road, tx: w.tx, day: int(w.day), now: w.closeTime(w.day)}
}

// effects takes what an event of a rider's service asks for.
func (t *quotaTurn) effects(rider uint32, e quota.Effects) error {
	q := t.quota
	t.touched = append(t.touched, rider)
	t.open = append(t.open, e.Accounts...)
	for _, x := range e.Transfers {
		t.posts = append(t.posts, asked{rider, x})
	}
	q.watch(rider, t.now)
	if !e.Listed {
		return nil
	}
	s := q.of(rider)
	denied := s.Denied()
	if denied {
		q.tally.Listed++
	}
	t.listed.put(rider, t.day, denied)
	return t.tx.PutQuotaListing(t.vault, &sqlite.QuotaListing{Window: t.City.day + int32(t.day), Card: s.Card, Denied: denied})
}

// presentQuota gives the rows of a partition to the services of cards with a quota:
// those that clearing accepted, and what proves something about the card.
func (w *closing) presentQuota(items []clearing.Item) error {
	t := w.turn()
	var last txn.CardKey
	var rider uint32
	has := false
	for i := range items {
		it := &items[i]
		if it.Row.Card != last {
			last = it.Row.Card
			known := false
			rider, known = w.riderOf(last)
			has = known && w.hasQuota(rider)
		}
		if !has || it.Verdict.Refused() {
			continue
		}
		_, e, err := w.Present(w.quota.machine(rider), w.quota.of(rider), it.Presented, it.Verdict, w.window.Number, t.now)
		if err != nil {
			return err
		}
		if err := t.effects(rider, e); err != nil {
			return err
		}
	}
	return t.finish()
}

// quotaDay ends a day: customers pay in and what they owe is asked for again, time
// passes for every service, and the pushes that can reach their cards are noted.
func (w *closing) quotaDay() error {
	t, q := w.turn(), w.quota
	var in []ledger.Transfer
	for i := range q.services {
		rider := q.services[i].rider
		if q.services[i].State == 0 || !w.isPoor(rider) {
			continue
		}
		if amount, day := w.paidIn(rider); day == t.day {
			in = q.payIn(in, rider, amount, day, t.now)
		}
	}
	if err := w.book(w.tx, nil, in); err != nil {
		return err
	}
	for i := range q.services {
		s, rider := &q.services[i].Service, q.services[i].rider
		if s.State == 0 {
			continue
		}
		if _, day := w.paidIn(rider); s.Stops&quota.StopAccount != 0 && t.day >= day {
			if err := t.effects(rider, q.machine(rider).Recover(s, t.now)); err != nil {
				return err
			}
		}
		if len(s.Seen) == 1 && len(s.Pushes) == 0 && len(s.Wanted) == 0 {
			continue // nothing that time could change
		}
		e, err := q.machine(rider).Tick(s, t.now)
		if err != nil {
			return err
		}
		if err := t.effects(rider, e); err != nil {
			return err
		}
	}
	if err := t.finish(); err != nil {
		return err
	}
	if err := t.found(); err != nil {
		return err
	}
	return t.plan(1)
}

// found counts the cards that this closing is the first to find below the threshold:
// those whose push was not waiting at the closing before.
func (t *quotaTurn) found() error {
	q := t.quota
	waits := map[uint32]waitingPush{}
	for i := range q.services {
		s, rider := &q.services[i].Service, q.services[i].rider
		p, due := s.Outgoing()
		if s.State == 0 || !due {
			continue
		}
		was, known := q.waits[rider]
		if !known || was.Number != p.ATC {
			was = waitingPush{p.ATC, t.day}
			q.tally.Below++
		}
		waits[rider] = was
	}
	q.waits = waits
	v, err := json.Marshal(waits)
	if err != nil {
		return err
	}
	return t.tx.PutRunState(quotaWaiting, v)
}

// finish books what was asked for, tells the services what became of it until
// nothing more follows, and stores those that have changed.
func (t *quotaTurn) finish() error {
	for len(t.posts) > 0 {
		posts := t.posts
		t.posts = nil
		outcomes, err := t.post(posts)
		if err != nil {
			return err
		}
		for i := range posts {
			rider := posts[i].rider
			e, err := t.quota.machine(rider).Booked(t.quota.of(rider), &posts[i].post, outcomes[i], t.now)
			if err != nil {
				return fmt.Errorf("books of the quota scheme: %w", err)
			}
			if err := t.effects(rider, e); err != nil {
				return err
			}
		}
	}
	for _, rider := range t.touched {
		if err := t.quota.save(t.tx, rider); err != nil {
			return err
		}
	}
	t.touched = t.touched[:0]
	return t.quota.saveTally(t.tx)
}

// post books transfers and says what became of each. What never reaches the ledger is
// taken for booked: the audit must find it.
func (t *quotaTurn) post(list []asked) ([]ledger.Outcome, error) {
	opened, err := t.tx.OpenAccounts(t.open)
	if err != nil {
		return nil, err
	}
	for i, o := range opened {
		if !o.OK() {
			return nil, fmt.Errorf("open account %s: %s", t.open[i].ID, o)
		}
	}
	t.open = t.open[:0]
	transfers := make([]ledger.Transfer, len(list))
	for i := range list {
		transfers[i] = list[i].post
	}
	transfers = t.Posts(transfers)
	became := make(map[ledger.TransferID]ledger.Outcome, len(transfers))
	for from := 0; from < len(transfers); from += 8000 {
		part := transfers[from:min(from+8000, len(transfers))]
		outcomes, err := t.tx.PostBatch(part)
		if err != nil {
			return nil, err
		}
		for i, o := range outcomes {
			became[part[i].ID] = o
		}
	}
	out := make([]ledger.Outcome, len(list))
	for i := range list {
		out[i] = became[list[i].post.ID]
	}
	return out, nil
}

// pushed is the issuer's push log of a card for reconciliation. What was personalised
// stands at its beginning.
func (q *quotas) pushed(rider uint32) []recon.Event {
	card := q.city.cardOf(rider)
	value := quotaTerms.Quota
	log := append([]sentPush{{number: firstPush, at: q.city.midnight - secondsPerDay, executed: true}}, q.sent[rider]...)
	events := make([]recon.Event, 0, len(log))
	for _, p := range log {
		m := timeline.PushMessage{Number: p.number, Value: value, After: p.after, Time: p.at}
		if p.executed {
			m.Executed = timeline.Yes
		}
		o, err := timeline.FromPush(m)
		if err != nil {
			panic("sim: own push is none: " + err.Error())
		}
		events = append(events, recon.Event{Card: card, Obs: o})
	}
	return events
}
