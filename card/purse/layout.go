package purse

import (
	"encoding/binary"
	"fmt"

	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/crypt/epurse"
)

// Layout of the partition:
//
//	0   1   01, version of this layout
//	1   1   state: 00 in use, 01 blocked, 02 locked for good; 80 added: card blocked
//	2   11  ED: balance 4, online counter 2, offline counter 2, overdraft limit 3
//	13  11  EP, the same
//	24  11  proof of the last trade with the host: type 1 (00 none), account's counter
//	        before it 2, MAC 4, TAC 4
//	35  11  proof of the last purchase, the same
//	46  n   tries left, a byte for each key
//	..  8m  PINs: tries left 1, length 1, value 6
//	..  2c  cyclic files: place of the newest record, number of records
//	..      bodies of the files
const (
	layoutVersion = 0x01
	atState       = 1
	atAccounts    = 2
	accountSize   = 11
	atProofs      = atAccounts + 2*accountSize
	proofSize     = 11
	atTries       = atProofs + 2*proofSize
	pinSize       = 2 + maxPIN
	ringSize      = 2

	stateUsed        = 0x00
	stateBlocked     = 0x01
	stateLocked      = 0x02
	stateMask        = 0x7F
	stateCardBlocked = 0x80
)

// Index of an account, P2 of commands less one.
const (
	accountED = 0
	accountEP = 1
)

// account is a store of money in memory.
type account struct {
	balance         uint32
	online, offline uint16
	limit           uint32
}

func readAccount(m []byte, i int) account {
	b := m[atAccounts+i*accountSize:][:accountSize]
	return account{binary.BigEndian.Uint32(b), binary.BigEndian.Uint16(b[4:]), binary.BigEndian.Uint16(b[6:]),
		uint32(b[8])<<16 | uint32(b[9])<<8 | uint32(b[10])}
}

func (a *account) encode() (b [accountSize]byte) {
	binary.BigEndian.PutUint32(b[:], a.balance)
	binary.BigEndian.PutUint16(b[4:], a.online)
	binary.BigEndian.PutUint16(b[6:], a.offline)
	b[8], b[9], b[10] = byte(a.limit>>16), byte(a.limit>>8), byte(a.limit)
	return b
}

// proof is what GET TRANSACTION PROVE knows of a trade.
type proof struct {
	kind epurse.Type
	seq  uint16 // before the trade
	mac  epurse.MAC
	tac  epurse.MAC
}

func readProof(m []byte, i int) proof {
	b := m[atProofs+i*proofSize:][:proofSize]
	return proof{epurse.Type(b[0]), binary.BigEndian.Uint16(b[1:]), epurse.MAC(b[3:]), epurse.MAC(b[7:])}
}

func (p *proof) encode() (b [proofSize]byte) {
	b[0] = byte(p.kind)
	binary.BigEndian.PutUint16(b[1:], p.seq)
	copy(b[3:], p.mac[:])
	copy(b[7:], p.tac[:])
	return b
}

// place is where a file lies.
type place struct {
	body int // offset of its body
	size int
	ring int   // offset of its ring, cyclic files only
	at   []int // offsets of its records, files of records that are not cyclic
}

// layout works out all places and the size of the partition.
func (t *Template) layout() {
	next := atTries + len(t.spec.Keys)
	t.pins = next
	next += len(t.spec.PINs) * pinSize
	t.places = make([]place, len(t.spec.Files))
	for i := range t.spec.Files {
		if t.spec.Files[i].Kind == cos.Cyclic {
			t.places[i].ring = next
			next += ringSize
		}
	}
	for i := range t.spec.Files {
		f, p := &t.spec.Files[i], &t.places[i]
		p.body = next
		switch f.Kind {
		case cos.Transparent:
			p.size = len(f.Content)
		case cos.Cyclic:
			p.size = f.Capacity * f.RecordLength
		default:
			for _, r := range f.Records {
				p.at = append(p.at, next+p.size)
				p.size += len(r)
			}
		}
		next += p.size
	}
	t.size = next
}

// Personalise appends the first content of the memory.
func (t *Template) Personalise(dst []byte) []byte {
	start := len(dst)
	dst = append(dst, make([]byte, t.size)...)
	m := dst[start:]
	m[0] = layoutVersion
	for i, a := range t.accounts() {
		if a != nil {
			b := (&account{balance: a.Opening, limit: a.Limit}).encode()
			copy(m[atAccounts+i*accountSize:], b[:])
		}
	}
	for i := range t.spec.Keys {
		m[atTries+i] = t.spec.Keys[i].Tries
	}
	for i := range t.spec.PINs {
		p := &t.spec.PINs[i]
		b := encodePIN(p.Tries, p.Value)
		copy(m[t.pins+i*pinSize:], b[:])
	}
	for i := range t.spec.Files {
		f := &t.spec.Files[i]
		copy(m[t.places[i].body:], f.Content)
		for n, r := range f.Records {
			copy(m[t.places[i].at[n]:], r)
		}
	}
	return dst
}

func encodePIN(tries byte, value []byte) (b [pinSize]byte) {
	b[0], b[1] = tries, byte(len(value))
	copy(b[2:], value)
	return b
}

// CheckMemory fails with cos.ErrMemory if b cannot be the memory of this purse.
func (t *Template) CheckMemory(b []byte) error {
	if len(b) != t.size {
		return fmt.Errorf("purse %X: content of %d bytes, want %d: %w", t.spec.AID, len(b), t.size, cos.ErrMemory)
	}
	if b[0] != layoutVersion || b[atState]&stateMask > stateLocked {
		return fmt.Errorf("purse %X: layout %02X and state %02X: %w", t.spec.AID, b[0], b[atState], cos.ErrMemory)
	}
	for i, a := range t.accounts() {
		got := readAccount(b, i)
		if a == nil && got != (account{}) || a != nil && (got.balance > a.Max || got.limit > maxOverdraft) {
			return fmt.Errorf("purse %X, account %d: balance %d, overdraft %d: %w", t.spec.AID, i+1, got.balance, got.limit, cos.ErrMemory)
		}
	}
	for i := range t.spec.Keys {
		if b[atTries+i] > t.spec.Keys[i].Tries {
			return fmt.Errorf("purse %X, key %d: %d tries: %w", t.spec.AID, i, b[atTries+i], cos.ErrMemory)
		}
	}
	for i := range t.spec.PINs {
		p := b[t.pins+i*pinSize:][:pinSize]
		if p[0] > t.spec.PINs[i].Tries || p[1] > maxPIN || !goodPIN(p[2:2+p[1]]) || encodePIN(p[0], p[2:2+p[1]]) != [pinSize]byte(p) {
			return fmt.Errorf("purse %X, PIN %d is damaged: %w", t.spec.AID, t.spec.PINs[i].Number, cos.ErrMemory)
		}
	}
	for i := range t.spec.Files {
		f := &t.spec.Files[i]
		if f.Kind != cos.Cyclic {
			continue
		}
		newest, count := int(b[t.places[i].ring]), int(b[t.places[i].ring+1])
		if count > f.Capacity || newest >= max(1, f.Capacity) || count < f.Capacity && newest != max(0, count-1) {
			return fmt.Errorf("purse %X, file %02X: record %d of %d is the newest: %w", t.spec.AID, f.SFI, newest, count, cos.ErrMemory)
		}
	}
	return nil
}
