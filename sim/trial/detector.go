package trial

import (
	"context"
	"fmt"
	"iter"
	"slices"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/keystore"
	"github.com/citycard/citycard/issuer"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/recon"
	"github.com/citycard/citycard/recon/timeline"
	"github.com/citycard/citycard/txn"
)

// detector is the issuer: it sees deliveries and nothing else.
type detector struct {
	store   recon.Store
	params  timeline.Params
	rows    *issuer.Verifier
	hosts   map[cryptogram.Alg]*cryptogram.Verifier
	cleared map[named][40]byte
	keys    map[cryptogram.Alg]masters
	loads   map[txn.CardKey][]timeline.Observation
	booked  map[txn.CardKey]money.Fen // float of each card before corrections
	refused int                       // rows that do not verify
}

func newDetector(store recon.Store, params timeline.Params) (*detector, error) {
	keys := keystore.Development(1)
	d := &detector{store: store, params: params, hosts: map[cryptogram.Alg]*cryptogram.Verifier{}, cleared: map[named][40]byte{}, booked: map[txn.CardKey]money.Fen{},
		keys: map[cryptogram.Alg]masters{}, loads: map[txn.CardKey][]timeline.Observation{}}
	for _, alg := range []cryptogram.Alg{cryptogram.TDES, cryptogram.SM4} {
		d.keys[alg] = newMasters(alg)
		v, err := keys.Verifier(keystore.IssuerMasters(0, alg), alg)
		if err != nil {
			return nil, fmt.Errorf("trial: development keys: %w", err)
		}
		d.hosts[alg] = v
	}
	d.rows = issuer.NewVerifier(func(from string, alg cryptogram.Alg) *cryptogram.Verifier {
		if from != bin {
			return nil
		}
		return d.hosts[alg]
	})
	return d, nil
}

// open books the value of a new card.
func (d *detector) open(card txn.CardKey, value money.Fen) recon.Event {
	d.booked[card] = value
	return recon.Event{Card: card, Obs: timeline.Observation{Kind: timeline.Opening, B: value, Time: Epoch - daySeconds}}
}

// seen is a delivery that became an event; refused is the word of clearing.
type seen struct {
	event   recon.Event
	words   []recon.Event // what the card's load log says, if it was read
	refused bool
	late    bool // of them, for coming too late
	ok      bool
}

// take verifies and clears deliveries in the order of their arrival.
func (d *detector) take(of []delivery) ([]seen, error) {
	out := make([]seen, len(of))
	order := make([]int, 0, len(of))
	var rows []txn.Presented
	for i := range of {
		if of[i].row != nil {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return compareCards(of[a].row.Card, of[b].row.Card) })
	for _, i := range order {
		rows = append(rows, txn.Presented{Row: *of[i].row})
	}
	checked := make([]txn.Verdict, len(rows))
	if err := d.rows.Verify(rows, checked); err != nil {
		return nil, fmt.Errorf("trial: %w", err)
	}
	verdicts := make([]txn.Verdict, len(of))
	for n, i := range order {
		verdicts[i] = checked[n]
	}
	for i := range of {
		var err error
		if of[i].host != nil {
			out[i], err = d.message(of[i].host)
		} else {
			out[i], err = d.row(of[i].row, verdicts[i], of[i].arrived)
		}
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// row clears one row and makes its event.
func (d *detector) row(r *txn.Row, v txn.Verdict, arrived int64) (seen, error) {
	if v.Refused() {
		d.refused++
		return seen{}, nil
	}
	v = d.clear(r, arrived)
	if v == txn.Cleared {
		d.booked[r.Card] -= r.Amount
	}
	e, err := recon.FromRow(r, v)
	if err != nil {
		return seen{}, fmt.Errorf("trial: a row that verifies: %w", err)
	}
	return seen{event: e, refused: v.Refused(), late: v == txn.LateOverLimit, ok: true}, nil
}

// clear gives the verdict on a row that verifies: the first TC of a counter is paid.
func (d *detector) clear(r *txn.Row, arrived int64) txn.Verdict {
	switch {
	case r.Kind == txn.Doubt || r.Kind == txn.Declined:
		return txn.Noted
	case r.Amount == 0:
		return txn.Checkpoint
	}
	key := named{r.Card, r.ATC}
	before, known := d.cleared[key]
	switch {
	case known && before == r.ContentKey():
		return txn.Duplicate
	case known:
		return txn.ConflictingCounter
	case d.params.LateRow(r.Time, arrived):
		return txn.LateOverLimit
	}
	d.cleared[key] = r.ContentKey()
	return txn.Cleared
}

// message verifies an ARQC of the host log and makes its event.
func (d *detector) message(m *hostMessage) (seen, error) {
	amount, err := m.amount.N12()
	if err != nil {
		return seen{}, fmt.Errorf("trial: amount of an ARQC: %w", err)
	}
	in := cryptogram.TerminalInput{Amount: amount, UN: [4]byte{byte(m.un >> 24), byte(m.un >> 16), byte(m.un >> 8), byte(m.un)}}
	c := cryptogram.CardInput{ATC: m.atc, CVR: m.iad.CVR}
	if v := d.hosts[m.iad.Alg].Check(m.card.PAN, m.card.PSN, &in, &c, m.iad.Append(nil), m.arqc, true); v != cryptogram.OK {
		return seen{}, fmt.Errorf("trial: ARQC %04X of card %s: %s", m.atc, m.card, v)
	}
	o, err := timeline.FromHost(timeline.HostMessage{ATC: m.atc, ARQC: m.arqc, IAD: m.iad, Load: m.load, Time: m.time})
	if err != nil {
		return seen{}, fmt.Errorf("trial: %w", err)
	}
	d.booked[m.card] += m.load
	if m.load > 0 {
		d.loads[m.card] = append(d.loads[m.card], o)
	}
	words, err := d.readLog(m)
	return seen{event: recon.Event{Card: m.card, Obs: o}, words: words, ok: true}, err
}

// readLog verifies a load log and makes events of what it says of the loads so far.
func (d *detector) readLog(m *hostMessage) (words []recon.Event, err error) {
	if m.log == nil {
		return nil, nil
	}
	alg := m.iad.Alg
	key := cryptogram.DeriveCardKey(alg, d.keys[alg].mac, m.card.PAN, m.card.PSN)
	if err := timeline.VerifyLoadLog(m.log, alg, key); err != nil {
		return nil, fmt.Errorf("trial: card %s: %w", m.card, err)
	}
	l, err := timeline.DecodeLoadLog(m.log)
	if err != nil {
		return nil, fmt.Errorf("trial: card %s: %w", m.card, err)
	}
	said, _ := timeline.FromLoadLog(l, loadLogSize, d.loads[m.card])
	for _, o := range said {
		words = append(words, recon.Event{Card: m.card, Obs: o})
	}
	return words, nil
}

// night runs reconciliation over what arrived since the last one.
func (d *detector) night(ctx context.Context, now int64, events []recon.Event, marks func(txn.CardKey) timeline.Watermarks) (*recon.Report, error) {
	return recon.Day(ctx, d.store, recon.Input{Now: now, Params: d.params, Events: each(events), Marks: marks})
}

func each(events []recon.Event) iter.Seq2[recon.Event, error] {
	return func(yield func(recon.Event, error) bool) {
		for _, e := range events {
			if !yield(e, nil) {
				return
			}
		}
	}
}
