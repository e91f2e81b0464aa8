package purse

import (
	"errors"
	"fmt"

	"github.com/citycard/citycard/crypt/epurse"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/terminal/sam"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/apdu"
)

// RecordRef names a journey record: a file, and the record's identifier. A T-Union
// purse has two bytes of identifier (2702 metro, 2701 bus in file 1A), a City Union
// purse one (02 metro, 01 bus in file 17).
type RecordRef struct {
	File byte
	ID   uint16
}

// MaxRecords is how many journey records one purchase reads.
const MaxRecords = 3

// Input is one card before a terminal.
type Input struct {
	AID     []byte // of the application, 5 to 16 bytes, as the directory gives it
	Network sam.Network
	Records []RecordRef // to read before Ready.Known, at most MaxRecords
	Time    int64       // unix seconds, 2000 to 2106
}

// Write is a record that is written together with the fare. ID 0 is a new record of a
// cyclic file, such as 1E.
type Write struct {
	File byte
	ID   uint16
	Data []byte // the whole record, at most 200 bytes
}

// MaxWrites is how many records one purchase writes.
const MaxWrites = 3

// Config is what a terminal is.
type Config struct {
	// Module is the security module; its Start has been done before a Trade.
	Module *sam.Module
	// KeyIndex is the index of the purchase key that the card is asked for; 0: the one
	// that the module names (sam.Module.KeyIndex).
	KeyIndex byte
	// ProofBefore says that cards name the purchase in GET TRANSACTION PROVE by the
	// number before it, not by the one that they log (sources differ; the logged one is
	// our choice). The other number may be another purchase's: it is tried only when the
	// counter has moved, and then only a genuine TAC counts.
	ProofBefore bool
}

// Ready says what the host has to do next, exactly one of these: give Send to the card
// and then call Answer, or Left if there was none; give SAM to the module and then call
// Module; at Known go on with Trade, Prove or Stop; at Opened with Write or Stop; act
// upon Probe, which is at Known again; or take Outcome, after which only Begin is
// possible. Bytes belong to the machine until the next call.
type Ready struct {
	Send    []byte
	SAM     []byte
	Known   bool
	Opened  bool
	Probe   *Probe
	Outcome *Outcome
}

type state uint8

const (
	stIdle state = iota
	stSelect
	stInfo
	stRecord
	stKnown
	stAuth
	stInit
	stOpened
	stOpenModule
	stUpdate
	stDebit
	stTAC
	stCredit
	stProve
	stProveModule
	stProveCredit
	stProveInit
	stDone
)

var stateNames = [...]string{"idle", "select", "file 15", "record", "known", "authentication code", "initialize", "opened", "open module",
	"update", "debit", "check TAC", "credit", "prove", "check proof", "credit proof", "counter", "done"}

// Machine takes one purchase after another. It is not safe for concurrent use, and
// allocates nothing after New.
type Machine struct {
	cfg   Config
	state state
	data  Data
	out   Outcome
	probe Probe
	torn  Data
	other bool          // the proof is asked for by the other number
	given [2]epurse.MAC // TAC and MAC2 that the torn purchase had before Prove

	refs     [MaxRecords]RecordRef
	refN     int
	refAt    int
	records  [MaxRecords][]byte // as the card gave them; nil where it has none
	recorded [MaxRecords][apdu.MaxShortLe]byte

	writes  [MaxWrites]Write
	writeN  int
	writeAt int
	written [MaxWrites][sam.MaxRecord]byte

	code       [9]byte // authentication code of a City Union card
	tacGenuine bool
	job        *sam.Job
	cmd        []byte
	body       [sam.MaxRecord]byte
}

// ErrConfig says that a Config or an Input cannot be used.
var ErrConfig = errors.New("unusable setting of a purse terminal")

// New makes a machine.
func New(cfg Config) (*Machine, error) {
	if cfg.Module == nil {
		return nil, fmt.Errorf("make purse machine: Module is missing: %w", ErrConfig)
	}
	return &Machine{cfg: cfg, cmd: make([]byte, 0, 262)}, nil
}

// Begin forgets the last purchase and selects a card's application. It fails with
// ErrConfig for an Input that no card can have.
func (m *Machine) Begin(in *Input) (Ready, error) {
	switch {
	case len(in.AID) < 5 || len(in.AID) > 16:
		return Ready{}, fmt.Errorf("begin purchase: AID of %d bytes, want 5 to 16: %w", len(in.AID), ErrConfig)
	case in.Network != sam.TUnion && in.Network != sam.CityUnion:
		return Ready{}, fmt.Errorf("begin purchase: %v: %w", in.Network, ErrConfig)
	case len(in.Records) > MaxRecords:
		return Ready{}, fmt.Errorf("begin purchase: %d records, at most %d: %w", len(in.Records), MaxRecords, ErrConfig)
	case in.Time < 0 || in.Time > 1<<32-1:
		return Ready{}, fmt.Errorf("begin purchase: time %d: %w", in.Time, ErrConfig)
	}
	m.data = Data{Card: Card{Network: in.Network}, Type: epurse.PurchaseEP, Time: in.Time}
	m.out = Outcome{Data: &m.data}
	m.refN, m.refAt, m.writeN, m.writeAt, m.job = copy(m.refs[:], in.Records), 0, 0, 0, nil
	m.tacGenuine = false
	m.records = [MaxRecords][]byte{}
	return m.send(stSelect, apdu.Command{INS: 0xA4, P1: 0x04, Data: in.AID, Le: apdu.MaxShortLe}), nil
}

// Card is who the card is, from Ready.Known on.
func (m *Machine) Card() *Card { return &m.data.Card }

// Data is what is known of the purchase so far.
func (m *Machine) Data() *Data { return &m.data }

// Record is the journey record that Input.Records names at i, from Ready.Known on; nil
// if the card has no such file or record. It belongs to the machine until the next
// Begin.
func (m *Machine) Record(i int) []byte { return m.records[i] }

// DebitSent says that DEBIT was sent: until its answer is judged the card may have
// paid or not.
func (m *Machine) DebitSent() bool { return m.state >= stDebit && m.state <= stCredit }

func (m *Machine) expect(list ...state) {
	for _, s := range list {
		if m.state == s {
			return
		}
	}
	panic(fmt.Sprintf("purse: the host did not do what Ready asked for in state %q", stateNames[m.state]))
}

// Trade begins the purchase, at Ready.Known: compound with records, else a plain one,
// whose amount must not be 0. It fails with money.ErrRange for an amount that does not
// fit four bytes.
func (m *Machine) Trade(amount money.Fen, compound bool) (Ready, error) {
	m.expect(stKnown)
	if amount < 0 || amount > maxBalance || amount == 0 && !compound {
		return Ready{}, fmt.Errorf("begin purchase: amount %d: %w", int64(amount), money.ErrRange)
	}
	m.data.Amount, m.data.Type = amount, epurse.PurchaseEP
	if compound {
		m.data.Type = epurse.Compound
	}
	if !m.cfg.Module.Supports(m.data.Card.Network) {
		return m.end(kernel.Failed, kernel.NotCommitted, txn.NoDoubt, Fault{Code: ModuleFailed, Err: sam.ErrNotReady}), nil
	}
	if m.data.Card.Network == sam.CityUnion {
		return m.send(stAuth, apdu.Command{CLA: 0x80, INS: 0xCA, Le: len(m.code)}), nil
	}
	return m.initialize(stInit, m.data.Type, uint32(amount)), nil
}

// Write hands in the records, at Ready.Opened: at least one for a compound purchase,
// none for a plain one. It fails with ErrConfig.
func (m *Machine) Write(list ...Write) (Ready, error) {
	m.expect(stOpened)
	if compound := m.data.Type == epurse.Compound; compound != (len(list) > 0) || len(list) > MaxWrites {
		return Ready{}, fmt.Errorf("write %d records with a %v: want 1 to %d with a compound purchase, none with another: %w", len(list), m.data.Type, MaxWrites, ErrConfig)
	}
	for i, w := range list {
		if len(w.Data) < 1 || len(w.Data) > sam.MaxRecord || w.File < 1 || w.File > 30 {
			return Ready{}, fmt.Errorf("write record %04X of file %02X: %d bytes, want 1 to %d: %w", w.ID, w.File, len(w.Data), sam.MaxRecord, ErrConfig)
		}
		n := copy(m.written[i][:], w.Data)
		m.writes[i] = Write{w.File, w.ID, m.written[i][:n]}
	}
	m.writeN = len(list)
	d := &m.data
	p := sam.Purchase{Card: d.Card.module(), Random: d.Random, Sequence: d.Sequence, Amount: uint32(d.Amount), Type: d.Type,
		Stamp: txn.StampBCD(d.Time), Version: d.Version, Alg: d.Alg}
	if d.Card.Network == sam.CityUnion {
		p.AuthCode = m.code[:]
	}
	return m.work(stOpenModule, m.cfg.Module.InitPurchase(&p)), nil
}

// Stop ends the purchase at Ready.Known or Ready.Opened: nothing is paid, and no number
// of the card is used.
func (m *Machine) Stop() Ready {
	m.expect(stKnown, stOpened)
	return m.end(kernel.Stopped, kernel.NotCommitted, txn.NoDoubt, Fault{})
}

func (m *Machine) end(r kernel.Result, c kernel.Commit, reason txn.DoubtReason, f Fault) Ready {
	m.state = stDone
	m.out.Result, m.out.Commit, m.out.Reason, m.out.Fault = r, c, reason, f
	return Ready{Outcome: &m.out}
}

// send builds the command for the next state. Lengths are the machine's own.
func (m *Machine) send(next state, c apdu.Command) Ready {
	b, err := c.Append(m.cmd[:0])
	if err != nil {
		panic("purse: built an impossible command: " + err.Error())
	}
	m.cmd, m.state = b, next
	return Ready{Send: b}
}

// initialize sends INITIALIZE FOR PURCHASE or FOR CAPP PURCHASE: key index, amount,
// terminal.
func (m *Machine) initialize(next state, t epurse.Type, amount uint32) Ready {
	index := m.cfg.KeyIndex
	if index == 0 {
		index = m.cfg.Module.KeyIndex(m.data.Card.Network)
	}
	terminal := m.cfg.Module.Terminal()
	b := append(m.body[:0], index, byte(amount>>24), byte(amount>>16), byte(amount>>8), byte(amount))
	b = append(b, terminal[:]...)
	p1 := byte(1)
	if t == epurse.Compound {
		p1 = 3
	}
	return m.send(next, apdu.Command{CLA: 0x80, INS: 0x50, P1: p1, P2: 2, Data: b, Le: 15})
}
