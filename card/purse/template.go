package purse

import (
	"bytes"
	"fmt"

	"github.com/citycard/citycard/card/cos"
)

// Template is the purse of one card as it is issued. It is immutable.
type Template struct {
	spec   Spec
	pins   int // where they lie
	places []place
	size   int
}

// NewTemplate makes a purse from its description, which must not be changed
// afterwards. The error is ErrSpec.
func NewTemplate(spec Spec) (*Template, error) {
	if err := spec.Check(); err != nil {
		return nil, fmt.Errorf("make purse %X: %w", spec.AID, err)
	}
	t := &Template{spec: spec}
	t.spec.AID = bytes.Clone(spec.AID)
	t.layout()
	if t.size > cos.MaxSize {
		return nil, fmt.Errorf("make purse %X: it needs %d bytes, a chip has %d: %w", spec.AID, t.size, cos.MaxSize, ErrSpec)
	}
	return t, nil
}

// Format answers every verb of fmt with a fixed text: a template holds keys.
func (Template) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("[purse, data withheld]")) }

// AID is the name of the application.
func (t *Template) AID() []byte { return t.spec.AID }

// MemorySize is the length of the partition in bytes.
func (t *Template) MemorySize() int { return t.size }

// maxCached is how many records one compound purchase can write.
const maxCached = 4

// JournalSize is what the greatest compound purchase takes: account, proof, tries
// and log, and the records with the rings of their files.
func (t *Template) JournalSize() int {
	const entry = 3
	longest := 0
	for i := range t.spec.Files {
		f := &t.spec.Files[i]
		longest = max(longest, f.RecordLength)
		for _, r := range f.Records {
			longest = max(longest, len(r))
		}
	}
	trade := 4*entry + accountSize + proofSize + 1 + entry + logLength + ringSize
	return max(cos.JournalSize, 255+2*entry, trade+maxCached*(longest+ringSize+2*entry))
}

// Place gives the application over its memory.
func (t *Template) Place(p cos.Partition, old cos.Application) cos.Application {
	a, ok := old.(*App)
	if !ok {
		a = new(App)
	}
	a.t, a.p = t, p
	a.PowerOff()
	return a
}

// accounts are ED and EP by their index.
func (t *Template) accounts() [2]*Account { return [2]*Account{t.spec.ED, t.spec.EP} }

// State is what a purse holds, for tests and simulations.
type State struct {
	ED, EP  Money
	Blocked bool // by APPLICATION BLOCK or for good
	Locked  bool // for good
}

// Money is the state of an account, amounts in fen.
type Money struct {
	Balance, Limit  uint32
	Online, Offline uint16
}

// Inspect reads the state out of memory that CheckMemory has accepted, such as the
// settled content of a chip's partition. It panics if the memory has another size.
func (t *Template) Inspect(m []byte) State {
	if len(m) != t.size {
		panic(fmt.Sprintf("purse: %d bytes are not the memory of a purse of %d", len(m), t.size))
	}
	money := func(a account) Money { return Money{a.balance, a.limit, a.online, a.offline} }
	s := m[atState] & stateMask
	return State{ED: money(readAccount(m, accountED)), EP: money(readAccount(m, accountEP)), Blocked: s != stateUsed, Locked: s == stateLocked}
}
