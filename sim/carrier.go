package sim

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/citycard/citycard/acquirer"
	"github.com/citycard/citycard/crypt/seal"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/terminal/journal"
	"github.com/citycard/citycard/terminal/row"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/block"
)

// The time is cut into slots at whose end terminals seal and send what they have:
// thirteen on D, the last of them at the close of service, and one on each day
// afterwards.
const (
	slotTamper  = 5 // the injector's copies are on their way
	slotStrange = 6 // unknown terminals send
	slotClose   = 12
	slotShop    = slotClose + 2 // the injector's shop sends
	slotCount   = slotClose + LastDay + 1
)

var slotEnds = [slotClose + 1]int32{7 * 3600, 8 * 3600, 9 * 3600, 10 * 3600, 12 * 3600, 14 * 3600, 16 * 3600, 17 * 3600, 18 * 3600, 19 * 3600,
	20 * 3600, 22 * 3600, 25 * 3600}

// sealsAll says that every terminal with rows seals at the end of a slot; at the
// others only those with many do.
func sealsAll(slot int) bool {
	switch slotEnds[min(slot, slotClose)] / 3600 {
	case 10, 14, 18, 22, 25:
		return true
	}
	return false
}

// slotDay is the day after D to which a slot belongs.
func slotDay(slot int) int { return max(0, slot-slotClose) }

// slotTime is the unix time at which a slot ends.
func (c *City) slotTime(slot int) int64 {
	return c.midnight + int64(slotDay(slot))*secondsPerDay + int64(slotEnds[min(slot, slotClose)])
}

// delivery is one block on its way to the acquirer.
type delivery struct {
	raw    []byte
	honest *terminal // its sender if the block is one that the acquirer must end up accepting
	hash   seal.Hash
}

// carrier is the network between terminals and acquirer: it stores and forwards,
// and loses, delays, repeats and alters on the injector's orders.
type carrier struct {
	*World
	slots    [slotCount][]delivery
	release  map[txn.TerminalID]int // terminals that are cut off until that slot
	late     map[txn.TerminalID]bool
	injected map[acquirer.Outcome]int
	lateRows int
	delayed  [LastDay + 1]tally // rows by the day of their arrival, those that arrived on a later day than they were sealed
	touched  map[uint32]bool    // riders whose rows are in blocks that were held up
	lost     int                // blocks that got lost and were sent again
	apart    map[uint32]bool    // riders whose rows may be in windows after the day of the tap
}

func newCarrier(w *World) *carrier {
	return &carrier{World: w, release: map[txn.TerminalID]int{}, late: map[txn.TerminalID]bool{}, injected: map[acquirer.Outcome]int{},
		touched: map[uint32]bool{}, apart: map[uint32]bool{}}
}

// lossy terminals have a bad line: their blocks may take up to two slots more,
// and overtake each other, or get lost, so that the terminal sends them again.
func (c *carrier) lossy(id txn.TerminalID) bool { return c.oneIn(20, forCarrier, uint64(id)) }

// calm says that nothing ever happens to the blocks of a terminal on their way.
func (c *carrier) calm(id txn.TerminalID) bool {
	_, held := c.release[id]
	return !held && !c.late[id] && !c.lossy(id)
}

// take accepts the blocks that were sealed in a slot and decides on the way of
// each. end says that these are the last ones of the slot.
func (c *carrier) take(slot int, blocks []sealedBlock, end bool) error {
	slices.SortStableFunc(blocks, func(a, b sealedBlock) int { return cmp.Compare(a.terminal.id, b.terminal.id) })
	if end {
		if err := c.interfere(slot, blocks); err != nil {
			return err
		}
	}
	for i := range blocks {
		b := &blocks[i]
		at := c.arrival(slot, b)
		lost := c.loses(slot, b)
		if lost {
			at = slot + 1
		}
		if slot > slotClose-3 && c.lossy(b.terminal.id) {
			c.note(b, c.apart)
		}
		if err := c.forward(at, b, lost); err != nil {
			return err
		}
		if day := slotDay(at); day > slotDay(slot) {
			c.rows(b, func(r *txn.Row) { c.delayed[day].add(r) })
		}
	}
	return nil
}

// tally counts rows and adds up what they ask for.
type tally struct {
	rows   int64
	amount money.Fen
}

func (t *tally) add(r *txn.Row) {
	t.rows++
	if r.Kind.Paid() {
		t.amount += r.Amount
	}
}

// interfere does what the injector has planned for a slot.
func (c *carrier) interfere(slot int, blocks []sealedBlock) error {
	switch slot {
	case slotTamper:
		c.cutOff(blocks)
		return c.tamper(slot, blocks)
	case slotStrange:
		return c.strangers(slot)
	case slotClose:
		return c.holdBack(blocks)
	}
	return nil
}

// loses says that a block never arrives.
func (c *carrier) loses(slot int, b *sealedBlock) bool {
	return slot <= slotClose && c.lossy(b.terminal.id) && c.oneIn(6, forCarrier, uint64(b.terminal.id), 5, uint64(b.content.Header.Number))
}

// forward puts a block on its way to arrive in a slot. In place of a lost one goes
// what its terminal sends again, having got no receipt: from its journal.
func (c *carrier) forward(slot int, b *sealedBlock, lost bool) error {
	if !lost {
		c.send(slot, b)
		return nil
	}
	for _, raw := range b.terminal.journal.Unreceipted() {
		if hash := seal.HashOf(raw[:len(raw)-block.SignatureSize]); hash == b.hash {
			c.lost++
			c.send(slot, &sealedBlock{terminal: b.terminal, hash: hash, raw: raw})
			return nil
		}
	}
	return fmt.Errorf("terminal %d has forgotten block %d, for which it has no receipt", b.terminal.id, b.content.Header.Number)
}

func (c *carrier) send(slot int, b *sealedBlock) {
	d := delivery{raw: b.raw, honest: b.terminal, hash: b.hash}
	if _, held := c.release[b.terminal.id]; held {
		c.slots[slot] = slices.Insert(c.slots[slot], 0, d) // the line comes back and the newest goes first
		return
	}
	c.slots[slot] = append(c.slots[slot], d)
}

// arrival is the slot in which a block reaches the acquirer.
func (c *carrier) arrival(slot int, b *sealedBlock) int {
	id := b.terminal.id
	if until, held := c.release[id]; held {
		c.note(b, c.touched)
		return max(slot, until)
	}
	if c.late[id] && slot == slotClose {
		c.note(b, c.touched)
		return slotClose + 21 + c.below(4, forCarrier, uint64(id), 1)
	}
	if c.lossy(id) {
		return min(slot+c.below(3, forCarrier, uint64(id), uint64(b.content.Header.Number)), slotCount-1)
	}
	return slot
}

// note remembers whose rows a block has.
func (c *carrier) note(b *sealedBlock, riders map[uint32]bool) {
	c.rows(b, func(r *txn.Row) {
		if rider, known := c.riderOf(r.Card); known {
			riders[rider] = true
		}
	})
}

func (c *carrier) rows(b *sealedBlock, each func(*txn.Row)) {
	var r txn.Row
	for rows := b.content.Rows; len(rows) > 0; rows = rows[txn.RowSize:] {
		if err := r.Decode(rows[:txn.RowSize]); err != nil {
			panic("sim: own row: " + err.Error())
		}
		each(&r)
	}
}

// cutOff takes one terminal in 200 off the line, until some day before the limit.
func (c *carrier) cutOff(blocks []sealedBlock) {
	for i := range blocks {
		id := blocks[i].terminal.id
		if c.calm(id) && c.oneIn(200, forCarrier, uint64(id), 2) {
			c.release[id] = slotClose + 1 + c.below(19, forCarrier, uint64(id), 3)
		}
	}
}

// holdBack keeps the last block of some gates until after the limit.
func (c *carrier) holdBack(blocks []sealedBlock) error {
	return c.choose(blocks, c.World.injected.each, 4, func(b *sealedBlock) bool {
		paid := 0
		c.rows(b, func(r *txn.Row) {
			if rider, _ := c.riderOf(r.Card); r.Kind.Paid() && c.World.injected.roles[rider] == 0 {
				paid++
			}
		})
		return paid > 0
	}, func(b *sealedBlock) error {
		c.late[b.terminal.id] = true
		c.rows(b, func(r *txn.Row) {
			rider, _ := c.riderOf(r.Card)
			if r.Kind != txn.Doubt && r.Kind != txn.Declined && !c.World.injected.deniedAtAcquirer(rider) {
				c.lateRows++
			}
		})
		return nil
	})
}

// choose picks n blocks of calm terminals by lot, of those that fit.
func (c *carrier) choose(blocks []sealedBlock, n int, lot uint64, fits func(*sealedBlock) bool, do func(*sealedBlock) error) error {
	order := make([]*sealedBlock, 0, len(blocks))
	for i := range blocks {
		order = append(order, &blocks[i])
	}
	key := func(b *sealedBlock) uint64 {
		return c.draw(forCarrier, uint64(b.terminal.id), lot, uint64(b.content.Header.Number))
	}
	slices.SortFunc(order, func(a, b *sealedBlock) int { return cmp.Compare(key(a), key(b)) })
	chosen := map[txn.TerminalID]bool{}
	for _, b := range order {
		if n == 0 {
			return nil
		}
		if id := b.terminal.id; c.calm(id) && !chosen[id] && fits(b) {
			chosen[id] = true
			n--
			if err := do(b); err != nil {
				return err
			}
		}
	}
	return nil
}

// tamper makes, of blocks that go on honestly, copies with an altered byte,
// copies that somebody with the terminal's key signed over a false predecessor or
// without one of their rows, and repeats.
func (c *carrier) tamper(slot int, blocks []sealedBlock) error {
	each := c.World.injected.each
	lot := uint64(10)
	first := map[txn.TerminalID]uint32{} // a copy that overtook an honest block would wait for it
	for i := range blocks {
		if id := blocks[i].terminal.id; first[id] == 0 {
			first[id] = blocks[i].content.Header.Number
		}
	}
	kinds := []struct {
		outcome acquirer.Outcome
		rows    int
		make    func(b *sealedBlock) ([]byte, error)
		slot    int
	}{
		{acquirer.BadSignature, 0, func(b *sealedBlock) ([]byte, error) {
			raw := slices.Clone(b.raw)
			raw[len(raw)/2] ^= 0x10
			return raw, nil
		}, slot},
		{acquirer.BrokenChain, 0, func(b *sealedBlock) ([]byte, error) {
			content := b.content
			content.Header.Previous[7] ^= 0x01
			return c.reseal(b, &content, acquirer.BrokenChain)
		}, slot},
		{acquirer.SequenceGap, 2, func(b *sealedBlock) ([]byte, error) {
			content := b.content
			content.Rows = slices.Delete(slices.Clone(content.Rows), 0, txn.RowSize)
			content.Evidence.Proofs = content.Evidence.Proofs[1:]
			return c.reseal(b, &content, acquirer.SequenceGap)
		}, slot},
		{acquirer.Replayed, 0, func(b *sealedBlock) ([]byte, error) { return b.raw, nil }, slot + 1},
	}
	for _, k := range kinds {
		lot++
		err := c.choose(blocks, each, lot, func(b *sealedBlock) bool {
			return len(b.content.Rows)/txn.RowSize >= k.rows && first[b.terminal.id] == b.content.Header.Number
		}, func(b *sealedBlock) error {
			raw, err := k.make(b)
			if err != nil {
				return fmt.Errorf("make a block with %s: %w", k.outcome, err)
			}
			c.slots[k.slot] = append(c.slots[k.slot], delivery{raw: raw})
			c.injected[k.outcome]++
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// reseal signs altered content with the terminal's own key; no two reasons share
// randomness, or the key would show.
func (c *carrier) reseal(b *sealedBlock, content *journal.Content, why acquirer.Outcome) ([]byte, error) {
	raw, _, err := seal.Seal(nil, content.Header, content.Rows, &content.Evidence, c.acquirerPublic, c.terminalKey(b.terminal.id),
		c.stream(forSeal, uint64(b.terminal.id), 1<<40, uint64(content.Header.Number), uint64(why)))
	return raw, err
}

// strangers sends blocks of terminals that nobody has registered.
func (c *carrier) strangers(slot int) error {
	for i := range c.World.injected.each {
		id := txn.TerminalID(8_000_000 + i)
		h := block.Header{Suite: block.SM4GCM, Terminal: uint32(id), Start: 1, Number: 1, FirstSequence: 1, From: uint32(c.midnight), Until: uint32(c.slotTime(slot)), KeyID: 1}
		raw, _, err := seal.Seal(nil, h, nil, &block.Evidence{}, c.acquirerPublic, c.terminalKey(id), c.stream(forSeal, uint64(id), 1))
		if err != nil {
			return err
		}
		c.slots[slot] = append(c.slots[slot], delivery{raw: raw})
		c.injected[acquirer.UnknownTerminal]++
	}
	return nil
}

// shop seals the injector's rows in the block of a registered shop terminal.
func (c *carrier) shop(slot int, rows []row.Record) error {
	if len(rows) == 0 {
		return nil
	}
	j := journal.New(shopTerminals+1, 1, c.midnight)
	for i := range rows {
		if _, err := j.Add(&rows[i]); err != nil {
			return err
		}
	}
	raw, _, err := j.Seal(block.SM4GCM, 1, c.slotTime(slot), c.acquirerPublic, c.terminalKey(shopTerminals+1), c.stream(forSeal, shopTerminals+1, 1))
	if err != nil {
		return err
	}
	c.slots[slot] = append(c.slots[slot], delivery{raw: raw})
	return nil
}
