package epurse

import (
	"encoding/binary"
	"fmt"
)

// Type is the kind of a trade, as it stands in logs and in the input of MACs.
type Type byte

// The kinds of trade. ED is the electronic deposit, EP the electronic purse.
const (
	LoadED     Type = 0x01
	LoadEP     Type = 0x02
	Unload     Type = 0x03
	Cash       Type = 0x04 // withdrawal of cash from ED
	PurchaseED Type = 0x05
	PurchaseEP Type = 0x06
	Overdraft  Type = 0x07 // update of the overdraft limit
	Credit     Type = 0x08 // purchase on credit
	Compound   Type = 0x09 // purchase with records of the application (CAPP)
)

// String names the kind.
func (t Type) String() string {
	names := [...]string{"", "load ED", "load EP", "unload", "cash", "purchase ED", "purchase EP", "overdraft update", "credit purchase", "compound purchase"}
	if t >= 1 && int(t) < len(names) {
		return names[t]
	}
	return fmt.Sprintf("type %02X", byte(t))
}

// Terminal is the number of a terminal.
type Terminal [6]byte

// Stamp is date and time as they travel, YYYYMMDD HHMMSS in BCD.
type Stamp [7]byte

// Trade is what both sides of a trade know of it.
type Trade struct {
	Type     Type
	Amount   uint32 // fen; of an overdraft update the new limit, at most FFFFFF
	Terminal Terminal
	Stamp    Stamp
	// TerminalSeq is the terminal's own counter, of purchases only.
	TerminalSeq uint32
	// AuthCode is what City Union cards answer to GET AUTH CODE, nine bytes that
	// enter MAC1 of a purchase; nil for all others.
	AuthCode []byte
}

// maxAuthCode bounds the authentication code within the MAC's message.
const maxAuthCode = 16

// message collects the input of a MAC; its room holds the longest.
type message struct {
	b [32 + maxAuthCode]byte
	n int
}

func (m *message) put(b ...byte) *message {
	m.n += copy(m.b[m.n:], b)
	return m
}

func (m *message) u32(v uint32) *message {
	binary.BigEndian.PutUint32(m.b[m.n:], v)
	m.n += 4
	return m
}

func (m *message) u16(v uint16) *message { return m.put(byte(v>>8), byte(v)) }

func (m *message) limit(v uint32) *message { return m.put(byte(v>>16), byte(v>>8), byte(v)) }

// who adds type and terminal.
func (m *message) who(t *Trade) *message {
	m.put(byte(t.Type))
	m.n += copy(m.b[m.n:], t.Terminal[:])
	return m
}

func (m *message) when(t *Trade) *message {
	m.n += copy(m.b[m.n:], t.Stamp[:])
	return m
}

func (m *message) mac(s Session) MAC { return s.MAC(m.b[:m.n]) }

// LoadMAC1 is what the card answers to INITIALIZE FOR LOAD or FOR UNLOAD:
// balance, amount, type, terminal.
func LoadMAC1(s Session, balance uint32, t *Trade) MAC {
	var m message
	return m.u32(balance).u32(t.Amount).who(t).mac(s)
}

// LoadMAC2 is what the host sends with CREDIT FOR LOAD or DEBIT FOR UNLOAD:
// amount, type, terminal, date, time.
func LoadMAC2(s Session, t *Trade) MAC {
	var m message
	return m.u32(t.Amount).who(t).when(t).mac(s)
}

// LoadTAC is the card's answer to CREDIT FOR LOAD, under TACSession: the new
// balance, the online counter before the trade, amount, type, terminal, date, time.
func LoadTAC(tac Session, balance uint32, online uint16, t *Trade) MAC {
	var m message
	return m.u32(balance).u16(online).u32(t.Amount).who(t).when(t).mac(tac)
}

// UnloadMAC3 is the card's answer to DEBIT FOR UNLOAD under the session key, over
// the same as LoadTAC. No public text gives it (our choice).
func UnloadMAC3(s Session, balance uint32, online uint16, t *Trade) MAC {
	return LoadTAC(s, balance, online, t)
}

// PurchaseMAC1 is what the PSAM makes and the card checks in DEBIT FOR PURCHASE,
// cash and compound purchase included: amount, type, terminal, date, time, and
// with City Union the card's authentication code. It panics if that is longer than
// 16 bytes.
func PurchaseMAC1(s Session, t *Trade) MAC {
	if len(t.AuthCode) > maxAuthCode {
		panic(fmt.Sprintf("epurse: an authentication code of %d bytes", len(t.AuthCode)))
	}
	var m message
	return m.u32(t.Amount).who(t).when(t).put(t.AuthCode...).mac(s)
}

// PurchaseMAC2 is what the card answers to the PSAM: the amount.
func PurchaseMAC2(s Session, amount uint32) MAC {
	var m message
	return m.u32(amount).mac(s)
}

// PurchaseTAC is the card's proof to its issuer, under TACSession: amount, type,
// terminal, terminal's counter, date, time.
func PurchaseTAC(tac Session, t *Trade) MAC {
	var m message
	return m.u32(t.Amount).who(t).u32(t.TerminalSeq).when(t).mac(tac)
}

// OverdraftMAC1 is what the card answers to INITIALIZE FOR UPDATE: balance, old
// limit of three bytes, type, terminal.
func OverdraftMAC1(s Session, balance, oldLimit uint32, t *Trade) MAC {
	var m message
	return m.u32(balance).limit(oldLimit).who(t).mac(s)
}

// OverdraftMAC2 is what the host sends with UPDATE OVERDRAFT LIMIT: new limit,
// type, terminal, date, time.
func OverdraftMAC2(s Session, t *Trade) MAC {
	var m message
	return m.limit(t.Amount).who(t).when(t).mac(s)
}

// OverdraftTAC is the card's answer, under TACSession: the new stored balance, which
// includes the limit, the online counter before, new limit, type, terminal, date,
// time.
func OverdraftTAC(tac Session, balance uint32, online uint16, t *Trade) MAC {
	var m message
	return m.u32(balance).u16(online).limit(t.Amount).who(t).when(t).mac(tac)
}

// ReloadMAC protects the new PIN of RELOAD PIN: a MAC over the PIN alone under the
// key DPRK, of triple DES its left half xor its right half, start value zero.
func ReloadMAC(alg Alg, dprk Key, pin []byte) MAC { return folded(alg, dprk).MAC(pin) }
