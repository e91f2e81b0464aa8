package sim

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/store/sqlite"
	"github.com/citycard/citycard/txn"
)

// Run is one simulated business day with the days on which its books close.
type Run struct {
	Options
	Dir      string                    // database and blocks
	Out      string                    // folder for report and tables, empty for none
	Files    string                    // T+1 files, empty for none
	Progress func(done, total float64) // called now and then; may be nil
	Ports    func(*Ports)              // lets a test put other parts into the road; may be nil
	world    *World
	road     *road
	carrier  *carrier
	truth    *ledgerOfTruth
	stages   map[string]time.Duration
	counts   tapCounts
	planned  int
	tapped   int

	flashFound money.Fen // of the flash cards that reconciliation named rightly
	flashOpen  money.Fen // of those that nobody can decide

	refunds map[uint32][]refunded // by rider, credits included

	carried map[uint16]carried // by operator, for the report
}

// Do simulates day D, closes D to D+25 and gives the figures. If Dir holds a run
// with the same options it goes on, or gives the figures of one that has ended.
func (r *Run) Do(ctx context.Context, city *City) (*Result, error) {
	started := time.Now()
	r.stages = map[string]time.Duration{}
	r.Options = city.opt
	var err error
	if r.road, err = city.openRoad(r.Dir, r.Files, r.clock); err != nil {
		return nil, err
	}
	defer r.road.close()
	if r.Ports != nil {
		r.Ports(&r.road.Ports)
	}
	if err := r.checkRun(); err != nil {
		return nil, err
	}
	if res, err := r.ended(); res != nil || err != nil {
		return res, err
	}
	if err := r.road.goOn(); err != nil {
		return nil, err
	}
	if err := r.road.setUp(); err != nil {
		return nil, err
	}
	stop := r.clock("plan")
	r.world = NewWorld(city)
	r.carrier = newCarrier(r.world)
	r.truth = newLedgerOfTruth(r.world)
	r.planned = len(r.world.events)
	stop()
	for slot := range slotCount {
		if err := r.slot(ctx, slot); err != nil {
			return nil, fmt.Errorf("day D+%d: %w", slotDay(slot), err)
		}
	}
	res, err := r.result()
	if err != nil {
		return nil, err
	}
	if err := r.output(res); err != nil {
		return nil, err
	}
	if err := r.end(res); err != nil {
		return nil, err
	}
	res.ElapsedMS = time.Since(started).Milliseconds()
	for name, d := range r.stages {
		res.Stages[name] = d.Milliseconds()
	}
	return res, nil
}

// clock measures a stage: the returned function ends it.
func (r *Run) clock(stage string) func() {
	from := time.Now()
	return func() { r.stages[stage] += time.Since(from) }
}

// slot works one slot: taps, sealing, delivery and, at the end of a day, the
// close of its window.
func (r *Run) slot(ctx context.Context, slot int) error {
	r.world.today = slotDay(slot)
	if err := r.taps(ctx, slot); err != nil {
		return err
	}
	if err := r.seal(slot); err != nil {
		return err
	}
	if slot == slotShop {
		rows, injected := r.world.forgeries(r.carrier.calm)
		r.truth.forged = injected
		if err := r.carrier.shop(slot, rows); err != nil {
			return err
		}
	}
	if err := r.ship(slot, true); err != nil {
		return err
	}
	if slot < slotClose {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	day := int32(slotDay(slot))
	defer r.clock("close")()
	if err := r.road.closeWindow(day, r.Workers); err != nil {
		return err
	}
	if err := r.pushQuotas(int(day)); err != nil {
		return err
	}
	if err := r.truth.endOfDay(r.world); err != nil {
		return err
	}
	if err := r.checkQuotas(int(day)); err != nil {
		return err
	}
	r.progress(0.7 + 0.3*float64(day)/LastDay)
	return nil
}

// ship takes what lies in the outboxes to the acquirer, at the end of a slot or
// when much of it has piled up.
func (r *Run) ship(slot int, end bool) error {
	var blocks []sealedBlock
	for _, p := range r.world.places {
		blocks = append(blocks, p.outbox...)
		p.outbox = nil
	}
	if err := r.carrier.take(slot, blocks, end); err != nil {
		return err
	}
	batch := r.carrier.slots[slot]
	r.carrier.slots[slot] = nil
	return r.road.deliver(slot, batch, r.Workers)
}

// shipAfter is how many bytes of sealed blocks may pile up within a slot.
const shipAfter = 64 << 20

func (r *Run) shipMuch(slot int) error {
	size := 0
	for _, p := range r.world.places {
		for i := range p.outbox {
			size += len(p.outbox[i].raw)
		}
	}
	if size < shipAfter {
		return nil
	}
	return r.ship(slot, false)
}

func (r *Run) progress(share float64) {
	if r.Progress != nil {
		r.Progress(share, 1)
	}
}

// taps works the taps of a slot: those of the plan on D, and on the days after it
// those of riders who come back.
func (r *Run) taps(ctx context.Context, slot int) error {
	w := r.world
	if slot <= slotClose {
		stop := r.clock("taps")
		if err := w.run(slotEnds[slot], func(n int) error {
			r.tapped += n
			r.progress(0.7 * float64(r.tapped) / float64(max(r.planned, 1)))
			stop()
			err := r.shipMuch(slot)
			stop = r.clock("taps")
			return errors.Join(err, ctx.Err())
		}); err != nil {
			return err
		}
		stop()
		if slot < slotClose {
			return nil
		}
		return w.parallel(len(w.places), func(i int, k *worker) error { return k.endOfService(w.places[i]) })
	}
	riders, err := r.returning(slotDay(slot))
	if err != nil {
		return err
	}
	return w.comeBack(slotDay(slot), riders, r.carrier.calm)
}

// endOfService works what is left at a place when it closes.
func (k *worker) endOfService(p *place) error {
	if err := k.finishPending(p); err != nil {
		return err
	}
	for _, a := range p.arrays {
		if err := k.store(p, a.memory.Flush(), k.midnight+int64(slotEnds[slotClose])); err != nil {
			return err
		}
	}
	return nil
}

// returning lists the riders who tap again on a day after D: those whose taps
// were torn or whose rows were held up, on one of the first three days; on the
// fifth day everybody whom reconciliation still has an open question to.
func (r *Run) returning(day int) ([]uint32, error) {
	switch {
	case day >= 1 && day <= 3:
		return r.denied(day, r.truth.comingBack(r.world, r.carrier, day)), nil
	case day == 5:
		cards, err := r.openCards()
		return r.denied(day, cards), err
	}
	return nil, nil
}

// denied adds riders whose accounts could not pay for D: they try again on the first
// day, when the gates have the new list, and on the fifth, when they have paid.
func (r *Run) denied(day int, riders []uint32) []uint32 {
	if day != 1 && day != 5 {
		return riders
	}
	for rider := range r.world.listed {
		if r.world.listed.before(rider, 1) {
			riders = append(riders, rider)
		}
	}
	slices.Sort(riders)
	return slices.Compact(riders)
}

// openCards asks the database once for the cards that are open; a resumed run
// gets the same answer.
func (r *Run) openCards() ([]uint32, error) {
	ctx := context.Background()
	var stored []byte
	var cards []txn.CardKey
	err := r.road.db.Read(ctx, func(rd *sqlite.Reader) (err error) {
		if stored, err = rd.RunState("open cards"); err != nil || stored != nil {
			return err
		}
		cards, err = rd.OpenCards(r.road.vault)
		return err
	})
	if err != nil {
		return nil, err
	}
	if stored == nil {
		stored = []byte{1}
		for _, c := range cards {
			if rider, known := r.world.riderOf(c); known {
				stored = binary.BigEndian.AppendUint32(stored, rider)
			}
		}
		if err := r.road.db.Write(ctx, func(tx *sqlite.Tx) error { return tx.PutRunState("open cards", stored) }); err != nil {
			return nil, err
		}
	}
	var riders []uint32
	for b := stored[1:]; len(b) >= 4; b = b[4:] {
		if rider := binary.BigEndian.Uint32(b); r.world.injected.roles[rider] == 0 {
			riders = append(riders, rider)
		}
	}
	slices.Sort(riders)
	return riders, nil
}

// comeBack lets riders take a bus at noon of a day after D, at a validator to
// which nothing happens.
func (w *World) comeBack(day int, riders []uint32, calm func(txn.TerminalID) bool) error {
	k := &worker{World: w, chip: card.New()}
	routes := len(w.places) - len(w.stations)
	for i, rider := range riders {
		p := w.places[len(w.stations)+w.below(routes, forReturn, uint64(rider), uint64(day))]
		for n := 0; !p.calm(calm); n++ {
			p = w.places[len(w.stations)+(p.index-len(w.stations)+1)%routes]
			if n > routes {
				return fmt.Errorf("no bus validator is without faults")
			}
		}
		at := int32(day)*secondsPerDay + 12*3600 + int32(i%3600)
		f := followUp{event: event{at: at, rider: rider, place: uint16(p.index), metres: 4000, what: wantBus}, array: p.calmArray(calm)}
		if err := k.tap(p, f); err != nil {
			return err
		}
	}
	return nil
}

func (p *place) calm(calm func(txn.TerminalID) bool) bool { return p.calmArray(calm) >= 0 }

func (p *place) calmArray(calm func(txn.TerminalID) bool) int {
	return slices.IndexFunc(p.arrays, func(a *array) bool { return calm(a.in[0].id) })
}

// seal closes the journals of a slot: on D every terminal that has rows, at the
// close of service every terminal, afterwards those that have rows.
func (r *Run) seal(slot int) error {
	defer r.clock("seal")()
	w := r.world
	until := w.slotTime(slot)
	return w.parallel(len(w.places), func(i int, k *worker) error {
		for _, a := range w.places[i].arrays {
			for _, list := range [2][]*terminal{a.in, a.out} {
				for _, t := range list {
					if n := t.journal.Rows(); slot == slotClose || n >= sealWhenMany || n > 0 && sealsAll(slot) {
						if err := k.haul(t, until); err != nil {
							return err
						}
					}
				}
			}
		}
		return nil
	})
}

// sealWhenMany is how many rows make a terminal seal at the end of any slot.
const sealWhenMany = 64
