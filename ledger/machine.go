package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/citycard/citycard/money"
)

// ErrBatchTooLong says that a batch has more than MaxBatch transfers.
var ErrBatchTooLong = errors.New("batch too long")

// State is what the machine needs to know of an open account.
type State struct {
	Limit   Limit
	Balance Balance
}

// View is the present state of the books as the machine reads it. It is owned
// by the machine: a store implements it.
type View interface {
	// Account gives the limit and totals of an account; false if it is not open.
	Account(id AccountID) (State, bool)
	// Transfer gives the stored transfer of that id, or nil. The machine does
	// not keep or change it.
	Transfer(id TransferID) *Transfer
}

// Change is how one account moves in a batch.
type Change struct {
	ID            AccountID
	Before, After Balance
}

// Result is what Apply hands back: store the rows of Created and the Changes in
// one atomic step, then answer with Outcomes.
type Result struct {
	Outcomes []Outcome // one for each transfer of the batch
	Created  []int32   // positions in the batch to store, in rising order
	Changes  []Change  // each account touched once, in rising order of id
	Amount   money.Fen // sum of the amounts created, modulo 2^64
}

// Machine applies batches. It keeps scratch memory between calls, no state: a
// zero Machine is ready, and one may be used by one goroutine at a time.
type Machine struct {
	touched  map[AccountID]int32 // position in accounts
	accounts []account
	booked   map[TransferID]int32 // position in the batch
	result   Result
}

type account struct {
	id     AccountID
	open   bool
	limit  Limit
	before Balance
	after  Balance
}

// Apply judges the transfers one after the other, each seeing the effect of
// those before it. A refused transfer has no effect. The Result is valid until
// the next call on the same machine.
func (m *Machine) Apply(view View, batch []Transfer) (Result, error) {
	if err := m.begin(batch); err != nil {
		return Result{}, err
	}
	for i := range batch {
		o := m.step(view, batch, i)
		m.result.Outcomes[i] = o
	}
	return m.finish(), nil
}

// ApplyLinked is Apply with all or nothing: if one transfer is refused, none is
// booked; those that were in order answer LinkedFailed. A repeat of what is
// already booked (ExistsSame) does not count as refused, so that a batch can be
// sent again after a lost answer.
func (m *Machine) ApplyLinked(view View, batch []Transfer) (Result, error) {
	if err := m.begin(batch); err != nil {
		return Result{}, err
	}
	refused := false
	for i := range batch {
		o := m.step(view, batch, i)
		m.result.Outcomes[i] = o
		refused = refused || !o.OK()
	}
	if refused {
		m.undo(view, batch)
	}
	return m.finish(), nil
}

// Apply is Machine.Apply on a fresh machine.
func Apply(view View, batch []Transfer) (Result, error) {
	var m Machine
	return m.Apply(view, batch)
}

// ApplyLinked is Machine.ApplyLinked on a fresh machine.
func ApplyLinked(view View, batch []Transfer) (Result, error) {
	var m Machine
	return m.ApplyLinked(view, batch)
}

func (m *Machine) begin(batch []Transfer) error {
	if len(batch) > MaxBatch {
		return fmt.Errorf("post %d transfers, at most %d in a batch: %w", len(batch), MaxBatch, ErrBatchTooLong)
	}
	if m.touched == nil {
		m.touched = make(map[AccountID]int32)
		m.booked = make(map[TransferID]int32, len(batch))
	}
	clear(m.touched)
	clear(m.booked)
	m.accounts = m.accounts[:0]
	m.result.Outcomes = slices.Grow(m.result.Outcomes[:0], len(batch))[:len(batch)]
	m.result.Created = m.result.Created[:0]
	m.result.Changes = m.result.Changes[:0]
	m.result.Amount = 0
	return nil
}

// step judges one transfer in the order of the outcome numbers and books it if
// nothing is wrong.
func (m *Machine) step(view View, batch []Transfer, i int) Outcome {
	t := &batch[i]
	if o := Check(t); o != Created {
		return o
	}
	if at, again := m.booked[t.ID]; again {
		return Compare(&batch[at], t)
	}
	if stored := view.Transfer(t.ID); stored != nil {
		return Compare(stored, t)
	}
	debit := m.account(view, t.Debit)
	credit := m.account(view, t.Credit)
	d, c := &m.accounts[debit], &m.accounts[credit]
	if !d.open {
		return DebitAccountMissing
	}
	if !c.open {
		return CreditAccountMissing
	}
	if d.after.Debits > math.MaxInt64-t.Amount || c.after.Credits > math.MaxInt64-t.Amount {
		return Overflow
	}
	if !d.limit.Holds(Balance{d.after.Debits + t.Amount, d.after.Credits}) {
		return DebitLimitExceeded
	}
	if !c.limit.Holds(Balance{c.after.Debits, c.after.Credits + t.Amount}) {
		return CreditLimitExceeded
	}
	d.after.Debits += t.Amount
	c.after.Credits += t.Amount
	m.result.Amount += t.Amount
	m.booked[t.ID] = int32(i)
	m.result.Created = append(m.result.Created, int32(i))
	return Created
}

// account finds the working copy of an account, reading it on first use. An
// account that is not open is remembered as such.
func (m *Machine) account(view View, id AccountID) int32 {
	if at, ok := m.touched[id]; ok {
		return at
	}
	s, open := view.Account(id)
	at := int32(len(m.accounts))
	m.accounts = append(m.accounts, account{id: id, open: open, limit: s.Limit, before: s.Balance, after: s.Balance})
	m.touched[id] = at
	return at
}

// undo takes back a linked batch that had a refusal. Repeats inside the batch
// answered ExistsSame about a row that is now gone, so they fail with the rest.
func (m *Machine) undo(view View, batch []Transfer) {
	for i, o := range m.result.Outcomes {
		if o == Created || o == ExistsSame && view.Transfer(batch[i].ID) == nil {
			m.result.Outcomes[i] = LinkedFailed
		}
	}
	for i := range m.accounts {
		m.accounts[i].after = m.accounts[i].before
	}
	m.result.Created = m.result.Created[:0]
	m.result.Amount = 0
}

// finish lists the changed accounts and proves the invariants.
func (m *Machine) finish() Result {
	var debits, credits money.Fen
	for i := range m.accounts {
		a := &m.accounts[i]
		if a.before == a.after {
			continue
		}
		if a.after.Debits < a.before.Debits || a.after.Credits < a.before.Credits || !a.limit.Holds(a.after) {
			panic(fmt.Sprintf("ledger: account %s went from %+v to %+v under %s", a.id, a.before, a.after, a.limit))
		}
		debits += a.after.Debits - a.before.Debits
		credits += a.after.Credits - a.before.Credits
		m.result.Changes = append(m.result.Changes, Change{a.id, a.before, a.after})
	}
	if debits != credits || debits != m.result.Amount {
		panic(fmt.Sprintf("ledger: a batch debits %d, credits %d and creates %d fen", debits, credits, m.result.Amount))
	}
	slices.SortFunc(m.result.Changes, func(x, y Change) int { return bytes.Compare(x.ID[:], y.ID[:]) })
	return m.result
}
