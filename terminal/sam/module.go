package sam

import (
	"errors"
	"fmt"

	"github.com/citycard/citycard/crypt/epurse"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/apdu"
)

// Errors of a job. A card's wrong code is none: see Job.Check.
var (
	// ErrLost says that the module did not answer. Start is the next job.
	ErrLost = errors.New("the security module does not answer")
	// ErrLocked says that the directory is locked for good (6283 at SELECT, 9303).
	ErrLocked = errors.New("the security module is locked for good")
	// ErrAnswer says that the module answered what it may not.
	ErrAnswer = errors.New("the security module answers what it may not")
	// ErrNotReady says that Start has not been done, or that the module has no
	// directory for the work.
	ErrNotReady = errors.New("the security module is not ready for this")
	// ErrNoPurchase says that the purchase is not the one that is open in the module.
	ErrNoPurchase = errors.New("the purchase is not open in the security module")
)

// Network says whose purse a card has; the values are those of txn.CardKey.PSN.
type Network byte

// The networks.
const (
	TUnion    Network = txn.PSNTUnion
	CityUnion Network = txn.PSNCityUnion
	networks          = 2
)

// String is the network's name.
func (n Network) String() string {
	switch n {
	case TUnion:
		return "T-Union"
	case CityUnion:
		return "City Union"
	}
	return fmt.Sprintf("network %d", byte(n))
}

// Layout says where a module has what.
type Layout struct {
	// Purse are the directories of T-Union and of City Union; 0 for none.
	Purse [networks]uint16
	// Records is the directory with the keys of journey records (JR/T 0025.14); 0 for
	// none. The key of a file has the file's short identifier as index, with SM4
	// SM4Index more; it is diversified once, by the factor in the card's record.
	Records  uint16
	SM4Index byte
	// TACKey is the index of the key that checks a TAC, diversified by issuer and
	// card, with SM4 SM4Index more; 0 for none.
	TACKey byte
}

// Usual is the layout of the modules that this program issues: 8011 T-Union, 1001
// City Union as in the field, DF14 and the indexes our choice.
var Usual = Layout{Purse: [networks]uint16{0x8011, 0x1001}, Records: 0xDF14, SM4Index: 0x40, TACKey: 0x02}

// masterFile is the MF with the terminal number.
const masterFile = 0x3F00

// prepared is a key that INIT_FOR_DESCRYPT has made ready.
type prepared struct {
	usage, index byte
	factors      [2]epurse.Factor
}

// Module is what a terminal knows of its security module. It is not safe for
// concurrent use.
type Module struct {
	layout   Layout
	ready    bool
	terminal epurse.Terminal
	purse    [networks]struct {
		there  bool
		index  byte // key index for INITIALIZE
		number uint32
	}
	noTAC [networks][2]bool // no key for a TAC, 3DES and SM4

	dir  uint16 // 0: not known
	key  prepared
	open uint32 // transaction number of the purchase that is open; 0 for none

	job Job
}

// New makes a Module of which nothing is known yet.
func New(l Layout) *Module {
	m := &Module{layout: l}
	m.job = Job{m: m, cmd: make([]byte, 0, 262), message: make([]byte, 0, apdu.MaxShortData), reply: make([]byte, 0, apdu.MaxShortLe)}
	return m
}

// Ready tells whether Start has been done and the module has answered ever since.
func (m *Module) Ready() bool { return m.ready }

// Terminal is the terminal number in the module (file 16 of the MF).
func (m *Module) Terminal() epurse.Terminal { return m.terminal }

// Supports tells whether purchases of a network's purses can be made.
func (m *Module) Supports(n Network) bool {
	return m.ready && (n == TUnion || n == CityUnion) && m.purse[n-1].there
}

// KeyIndex is the index of the purchase key that the module's directory names for a
// network (file 17); the terminal sends it to the card. 0 if it does not support it.
func (m *Module) KeyIndex(n Network) byte {
	if !m.Supports(n) {
		return 0
	}
	return m.purse[n-1].index
}

// Open tells whether the purchase of a network with a transaction number is open in the
// module, so that Credit can end it. Each network's directory has numbers of its own.
func (m *Module) Open(n Network, number uint32) bool {
	return m.Supports(n) && number != 0 && m.open == number && m.dir == m.layout.Purse[n-1]
}

// Lose says that the module was removed or has lost its power: nothing is known of it
// any more. The next job must be Start.
func (m *Module) Lose() {
	layout, job := m.layout, m.job
	*m = Module{layout: layout, job: job}
}

// forget is what happens to the session in the module when a directory is selected, or
// when it is not certain what the module has done.
func (m *Module) forget() { m.dir, m.key, m.open = 0, prepared{}, 0 }

// Format answers every verb with the terminal number and whether the module is ready:
// the factors in it are card numbers.
func (m *Module) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "[security module of terminal %X, ready %t]", m.terminal[:], m.ready)
}
