package sam

import (
	"encoding/binary"
	"fmt"

	"github.com/citycard/citycard/crypt/epurse"
)

// Usage bytes of INIT_FOR_DESCRYPT: number of factors in the upper three bits, key
// type 6 (MAC) in the others.
const (
	usageRecord = 0x26
	usageTAC    = 0x46
)

// MaxRecord is the greatest length of a journey record.
const MaxRecord = 200

// RecordKey names the management key of a card's journey record: it follows from the
// master of the file by the factor that stands in the record, the card's serial
// number (bytes 6 to 13 of a record of JT/T 978).
type RecordKey struct {
	File   byte // short identifier, 15 to 1E
	Factor epurse.Factor
	Alg    epurse.Alg
}

// Format answers every verb with the file alone: the factor is a card number.
func (k RecordKey) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "[record key of file %02X, %v]", k.File, k.Alg)
}

// MarshalText gives what Format writes, so that neither JSON nor a log holds more.
func (k RecordKey) MarshalText() ([]byte, error) { return fmt.Append(nil, k), nil }

func lengthError(n int) error { return fmt.Errorf("%d bytes of data: %w", n, ErrAnswer) }

func numberError(got, before uint32) error {
	return fmt.Errorf("transaction number %d after %d: %w", got, before, ErrAnswer)
}

func other(a epurse.Alg) epurse.Alg {
	if a == epurse.TDES {
		return epurse.SM4
	}
	return epurse.TDES
}

// Start reads the module anew: the terminal number, and for each network of the layout
// whether its directory is there and which purchase key index it names. After a Start
// that ends well Ready is true.
func (m *Module) Start() *Job {
	m.Lose()
	list := [maxSteps]step{{opSelect, masterFile}, {opTerminal, masterFile}}
	n := 2
	for _, dir := range m.layout.Purse {
		if dir != 0 {
			list[n], list[n+1] = step{opSelect, dir}, step{opIndex, dir}
			n += 2
		}
	}
	j := m.begin(false, list[:n]...)
	j.start = true
	return j
}

// CheckRecord asks whether a record is the card's own: READ CAPP DATA with a random
// number gave record and code, and the code must be that of the record's management
// key with the random number as start value (JR/T 0025.14 annex C). Which algorithm a
// card has cannot be seen before its cryptogram: after k.Alg the other one is tried,
// and Job.Alg tells which it was.
func (m *Module) CheckRecord(k RecordKey, random [8]byte, record []byte, code [4]byte) *Job {
	j := m.recordJob(k)
	if j.done {
		return j
	}
	if len(record) == 0 || len(record) > MaxRecord {
		return m.failed(fmt.Errorf("a record of %d bytes, want 1 to %d: %w", len(record), MaxRecord, ErrNotReady))
	}
	j.compare, j.want, j.fallback = true, code, m.layout.SM4Index != 0
	j.message = block(j.message, k.Alg, random, record)
	return j
}

// Code makes the code of UPDATE CAPP DATA CACHE with a record, P2 the file's short
// identifier shifted left by three: header 84DE00 P2 Lc and the record under its
// management key, start value 000000000000 ATC. Job.MAC has it.
func (m *Module) Code(k RecordKey, atc uint16, record []byte) *Job {
	j := m.recordJob(k)
	if j.done {
		return j
	}
	if len(record) == 0 || len(record) > MaxRecord {
		return m.failed(fmt.Errorf("a record of %d bytes, want 1 to %d: %w", len(record), MaxRecord, ErrNotReady))
	}
	var text [5 + MaxRecord]byte
	text[0], text[1], text[3], text[4] = 0x84, 0xDE, k.File<<3, byte(len(record)+4)
	n := copy(text[5:], record)
	j.message = block(j.message, k.Alg, [8]byte{6: byte(atc >> 8), 7: byte(atc)}, text[:5+n])
	return j
}

// CheckAnswer asks whether the card has taken a record that was read with a random
// number: its answer to UPDATE CAPP DATA CACHE is a code over 9000 with the command's
// own code behind zeros as start value.
func (m *Module) CheckAnswer(k RecordKey, command epurse.MAC, answer [4]byte) *Job {
	j := m.recordJob(k)
	if j.done {
		return j
	}
	var start [8]byte
	copy(start[4:], command[:])
	j.compare, j.want = true, answer
	j.message = block(j.message, k.Alg, start, []byte{0x90, 0x00})
	return j
}

func (m *Module) recordJob(k RecordKey) *Job {
	if m.layout.Records == 0 {
		return m.failed(fmt.Errorf("no directory for journey records: %w", ErrNotReady))
	}
	dir := m.layout.Records
	j := m.begin(true, step{opSelect, dir}, step{opPrepare, dir}, step{opMAC, dir})
	j.alg = k.Alg
	j.key = prepared{usage: usageRecord, index: k.File + m.shift(k.Alg), factors: [2]epurse.Factor{k.Factor}}
	return j
}

// shift is what the index of an SM4 key is higher.
func (m *Module) shift(a epurse.Alg) byte {
	if a == epurse.SM4 {
		return m.layout.SM4Index
	}
	return 0
}

func tacSlot(a epurse.Alg) int {
	if a == epurse.SM4 {
		return 1
	}
	return 0
}

// block lays out the data of DES CRYPT: start value, which has zeros before it with
// SM4, and text, padded with 80 00...
func block(dst []byte, alg epurse.Alg, start [8]byte, text []byte) []byte {
	size := alg.BlockSize()
	dst = dst[:0]
	for range size - 8 {
		dst = append(dst, 0)
	}
	dst = append(dst, start[:]...)
	dst = append(dst, text...)
	dst = append(dst, 0x80)
	for len(dst)%size != 0 {
		dst = append(dst, 0)
	}
	return dst
}

// reblock lays the same out for another algorithm.
func reblock(b []byte, to epurse.Alg) []byte {
	from := other(to).BlockSize()
	n := len(b)
	for n > 0 && b[n-1] == 0 {
		n--
	}
	var text [5 + MaxRecord]byte
	start := [8]byte(b[from-8:])
	k := copy(text[:], b[from:max(n-1, from)])
	return block(b, to, start, text[:k])
}

// Card is what keys of a purse are diversified by: bytes 0 to 7 and 12 to 19 of its
// file 15.
type Card struct {
	Network        Network
	Issuer, Serial epurse.Factor
}

// Format answers every verb with the network alone: the serial is a card number.
func (c Card) Format(f fmt.State, _ rune) { _, _ = fmt.Fprintf(f, "[card of %v]", c.Network) }

// MarshalText gives what Format writes, so that neither JSON nor a log holds more.
func (c Card) MarshalText() ([]byte, error) { return fmt.Append(nil, c), nil }

// Purchase is what INIT_SAM_FOR_PURCHASE needs of the card's answer to INITIALIZE FOR
// PURCHASE or FOR CAPP PURCHASE and of the terminal.
type Purchase struct {
	Card     Card
	Random   [4]byte
	Sequence uint16 // offline number before the trade, as the card answers it
	Amount   uint32 // fen
	Type     epurse.Type
	Stamp    epurse.Stamp
	Version  byte // of the purchase key, by which the module names it
	Alg      epurse.Alg
	AuthCode []byte // what a City Union card answered to GET AUTH CODE, nine bytes; else nil
}

// InitPurchase opens a purchase in the module: Job.Number is its transaction number,
// Job.MAC the MAC1 for the card. A purchase that was open is given up.
func (m *Module) InitPurchase(p *Purchase) *Job {
	if !m.Supports(p.Card.Network) {
		return m.failed(fmt.Errorf("purchase of a card of %v: %w", p.Card.Network, ErrNotReady))
	}
	dir := m.layout.Purse[p.Card.Network-1]
	j := m.begin(true, step{opSelect, dir})
	if len(p.AuthCode) > 0 {
		if copy(j.code[:], p.AuthCode) != len(j.code) || len(p.AuthCode) != len(j.code) {
			return m.failed(fmt.Errorf("authentication code of %d bytes, want %d: %w", len(p.AuthCode), len(j.code), ErrNotReady))
		}
		j.steps[j.count] = step{opCode, dir}
		j.count++
	}
	j.steps[j.count] = step{opInit, dir}
	j.count++
	be := binary.BigEndian
	b := append(j.message, p.Random[:]...)
	b = be.AppendUint16(b, p.Sequence)
	b = be.AppendUint32(b, p.Amount)
	b = append(b, byte(p.Type))
	b = append(b, p.Stamp[:]...)
	b = append(b, p.Version, byte(p.Alg))
	b = append(b, p.Card.Serial[:]...)
	j.message = append(b, p.Card.Issuer[:]...)
	return j
}

// Credit hands the card's MAC2 in and so ends the purchase of a network with this
// transaction number. It fails with ErrNoPurchase, and sends nothing, if that purchase
// is not the one that is open: its MAC2 would count as a wrong one.
func (m *Module) Credit(n Network, number uint32, mac2 [4]byte) *Job {
	if !m.Open(n, number) {
		return m.failed(fmt.Errorf("purchase %d of %v: %w", number, n, ErrNoPurchase))
	}
	j := m.begin(true, step{opCredit, m.dir})
	j.want = mac2
	return j
}

// CheckTAC asks whether a TAC is the one that the card gives for a trade, of which
// Type, Amount, Terminal, TerminalSeq and Stamp count. Job.Check stays Unchecked if the
// module has no key for that. It leaves an open purchase open.
func (m *Module) CheckTAC(c Card, alg epurse.Alg, t *epurse.Trade, tac [4]byte) *Job {
	if !m.Supports(c.Network) {
		return m.failed(fmt.Errorf("TAC of a card of %v: %w", c.Network, ErrNotReady))
	}
	if m.layout.TACKey == 0 || m.noTAC[c.Network-1][tacSlot(alg)] {
		return m.begin(true)
	}
	dir := m.layout.Purse[c.Network-1]
	j := m.begin(true, step{opSelect, dir}, step{opPrepare, dir}, step{opMAC, dir})
	j.alg, j.compare, j.want, j.tac, j.network = alg, true, tac, true, c.Network
	j.key = prepared{usage: usageTAC, index: m.layout.TACKey + m.shift(alg), factors: [2]epurse.Factor{c.Serial, c.Issuer}}
	be := binary.BigEndian
	var text [22]byte
	be.PutUint32(text[:], t.Amount)
	text[4] = byte(t.Type)
	copy(text[5:], t.Terminal[:])
	be.PutUint32(text[11:], t.TerminalSeq)
	copy(text[15:], t.Stamp[:])
	j.message = block(j.message, alg, [8]byte{}, text[:])
	return j
}
