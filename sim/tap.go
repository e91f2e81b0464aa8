package sim

import (
	"fmt"
	"slices"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/card/purse"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/terminal/gate"
	"github.com/citycard/citycard/terminal/row"
	"github.com/citycard/citycard/txn"
)

// retapAfter is how many seconds a rider needs to tap again.
const retapAfter = 8

// maxTries bounds how often a rider tries at one gate line.
const maxTries = 4

// tap presents a rider's card once, stores what the gate wants stored, and plans
// what the rider does next.
func (k *worker) tap(p *place, f followUp) error {
	if f.what == wantExit && !k.inside[f.rider] {
		return nil // never got in
	}
	t, n := k.chooseTerminal(p, &f)
	if f.what == wantBus {
		if err := t.gate.SetStop(byte(f.rider), byte(f.rider&1), int(f.metres)); err != nil {
			return err
		}
	}
	var copied []byte
	if k.injected.wantsClone(k, &f) {
		copied = slices.Clone(k.cards[f.rider])
	}
	res, before, after, err := k.present(t, f.rider, k.midnight+int64(f.at), f.tear)
	if err != nil {
		return fmt.Errorf("tap of rider %d at terminal %d: %w", f.rider, t.id, err)
	}
	p.truth.counts.Taps++
	p.truth.counts.kinds[k.kindOf(f.rider)].taps++
	paid := after.balance < before.balance
	if paid {
		p.truth.commits = append(p.truth.commits, commit{f.rider, after.atc, k.origin[f.rider], uint16(p.index), int32(before.balance - after.balance)})
	}
	now := k.midnight + int64(f.at)
	if err := k.store(p, res.Records, now); err != nil {
		return err
	}
	if err := res.Settle(p.view); err != nil {
		return err
	}
	if err := k.store(p, t.array.Expire(now), now); err != nil {
		return err
	}
	k.countTap(p, &f, res, paid, before, after)
	k.charge(p, &f, res)
	if res.Opened {
		k.passed(&f)
		if copied != nil {
			return k.clone(p, &f, copied, t.id)
		}
		return nil
	}
	k.next(p, f, n, before.atc != after.atc && after.lastATC == after.atc)
	return nil
}

// chooseTerminal picks a gate of the right direction: the array of a follow-up,
// or one by chance.
func (k *worker) chooseTerminal(p *place, f *followUp) (*terminal, int) {
	h := k.draw(forGate, uint64(f.rider), uint64(f.at))
	n := f.array
	if n < 0 {
		n = int(h % uint64(len(p.arrays)))
	}
	list := p.arrays[n].in
	if f.what == wantExit {
		list = p.arrays[n].out
	}
	return list[int(h>>32)%len(list)], n
}

// chipState is what the truth needs of a card.
type chipState struct {
	atc, lastATC uint16
	balance      money.Fen
}

// present puts a rider's card into a gate's field.
func (k *worker) present(t *terminal, rider uint32, now int64, te tear) (res *gate.Result, before, after chipState, err error) {
	img, err := k.issuing.image(rider)
	if err != nil {
		return nil, before, after, err
	}
	if err := k.chip.Insert(img, k.cards[rider]); err != nil {
		return nil, before, after, err
	}
	before = k.state(img)
	k.taps[rider]++
	if t.place.view != nil {
		t.place.view.now = now
	}
	res, err = k.session(t, img, k.uidOf(rider, uint64(k.taps[rider])), now, te, k.stream(forCard, uint64(rider), uint64(before.atc), uint64(k.taps[rider])))
	if err != nil {
		return nil, before, after, err
	}
	after = k.state(img)
	k.cards[rider] = k.chip.Snapshot(k.cards[rider][:0])
	return res, before, after, nil
}

// isPurse tells whether a card is the card company's.
func isPurse(img *card.Image) bool {
	_, is := img.Templates()[0].(*purse.Template)
	return is
}

// state looks into the memory of the card that is in, which has that image.
func (k *worker) state(img *card.Image) chipState {
	if t, is := img.Templates()[0].(*purse.Template); is {
		k.memory = k.chip.Memory().Settled(k.memory[:0])
		s := t.Inspect(k.memory[:t.MemorySize()])
		return chipState{atc: s.EP.Offline, lastATC: s.EP.Offline, balance: money.Fen(s.EP.Balance) - money.Fen(s.EP.Limit)}
	}
	s := k.chip.Inspect()
	value := s.Balance - s.Used
	for _, h := range s.Holds {
		value += h.Amount // kept for a journey, and still the rider's
	}
	return chipState{atc: s.ATC, lastATC: s.LastATC, balance: value}
}

// store gives records to the journals of their terminals. A block that is closed
// between two of them must not end after the time of one that is still to come.
func (k *worker) store(p *place, records []row.Record, now int64) error {
	for i := range records {
		t := k.terminals[uint32(records[i].Row.Terminal)]
		if t.journal.Full() {
			until := now
			for j := range records[i:] {
				until = min(until, records[i+j].Row.Time)
			}
			if err := k.haul(t, until); err != nil {
				return err
			}
		}
		if err := k.storeOne(p, t, &records[i]); err != nil {
			return err
		}
	}
	return nil
}

func (k *worker) storeOne(p *place, t *terminal, rec *row.Record) error {
	if _, err := t.journal.Add(rec); err != nil {
		return err
	}
	if rec.Row.Kind == txn.Doubt || rec.Row.Kind == txn.Declined {
		return nil
	}
	c := &p.truth.counts
	c.Approved++
	switch rec.Row.Kind {
	case txn.Hold:
		c.Holds++
	case txn.Completion:
		c.Completions++
	}
	if rec.Row.Flags.Has(txn.ClosedByProve) {
		c.Proved++
	}
	if rider, known := k.riderOf(rec.Row.Card); known {
		c.kinds[k.kindOf(rider)].approved++
		if k.injected.deniedAtAcquirer(rider) {
			p.truth.deniedRows++
		}
	}
	k.injected.sample(k.City, p, rec)
	return nil
}

// countTap keeps the figures and the list of flash cards.
func (k *worker) countTap(p *place, f *followUp, res *gate.Result, paid bool, before, after chipState) {
	c := &p.truth.counts
	if k.listed.before(f.rider, k.today) {
		c.Denied++
		if res.Opened {
			c.DeniedOpened++
		}
	}
	if res.Opened {
		p.passes.count(f, k.origin[f.rider])
	}
	committed := after.atc != before.atc && after.lastATC == after.atc
	if f.tear != tearNone {
		p.truth.torn = append(p.truth.torn, f.rider)
	}
	switch {
	case (f.tear.afterCommit() || f.tear == tearModule) && committed && !res.Opened: // a module may fail when a purse has paid
		c.TornAfterCommit++
		if paid {
			p.truth.flashes = append(p.truth.flashes, flash{rider: f.rider, atc: after.atc, amount: int32(before.balance - after.balance)})
		}
	case f.tear != tearNone && !f.tear.afterCommit() && !res.Opened:
		c.TornBefore++
	case res.Opened && after.atc == before.atc && res.Amount >= 0 && f.tries > 0 && closedByRetap(res):
		c.Recovered++
		p.truth.flashes = slices.DeleteFunc(p.truth.flashes, func(x flash) bool { return x.rider == f.rider && x.atc == after.lastATC })
	case !res.Opened:
		c.Refused++
	}
}

func closedByRetap(res *gate.Result) bool {
	for i := range res.Records {
		if res.Records[i].Row.Flags&(txn.ClosedByRetap|txn.ClosedByProve) != 0 {
			return true
		}
	}
	return false
}

// passed moves the rider through the gate.
func (k *worker) passed(f *followUp) {
	k.inside[f.rider] = f.what == wantEntry
	if f.what == wantEntry {
		k.origin[f.rider] = f.place
	}
}

// next plans what a rider does whom the gate did not let through.
func (k *worker) next(p *place, f followUp, array int, committed bool) {
	f.tries++
	te := f.tear
	f.tear = tearNone
	f.at += retapAfter + int32(k.below(8, forReturn, uint64(f.rider), uint64(f.at)))
	f.array = array
	switch {
	case f.tries >= maxTries || te == tearNone:
		// Refused for good, or the gate has no wish for another try: through the
		// staff's gate.
		if f.what == wantExit {
			k.inside[f.rider] = false
		}
		return
	case te == tearGivenUp && committed:
		if f.what == wantExit {
			k.inside[f.rider] = false
		}
		return
	case (te == tearElsewhere || te == tearUndecidable) && committed && len(p.arrays) > 1:
		f.array = (array + 1) % len(p.arrays)
		if te == tearUndecidable {
			f.tear = tearNoAnswer
		}
	}
	i, _ := slices.BinarySearchFunc(p.pending, f.at, func(x followUp, at int32) int { return int(x.at) - int(at) - 1 })
	p.pending = slices.Insert(p.pending, min(i, len(p.pending)), f)
}
