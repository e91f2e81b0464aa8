package pboc

import (
	"fmt"

	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/money"
)

// Layout of the extended part of the memory, which stands behind the transaction
// log of products with a contact side. Offsets count from Product.extended().
//
//	0  1 status                    13 7 zero
//	1  2 memory of the last        20 8 PIN, ISO 9564 format 2
//	     transaction               28   parameters (paramsSize)
//	3  1 scripts of the last          6 balance of the second currency (DF79)
//	     transaction, 0 to 15         2 load log: next slot, records
//	4  1 foreign country payments       load log records
//	5  2 zero                           Contact.Updatable bytes
//	7  6 CTTA, dual currency
const (
	extStatus         = 0
	extMemory         = 1
	extScripts        = 3
	extForeignCountry = 4
	extCTTADual       = 7
	extPIN            = 20
	extParams         = 28
	extSecond         = extParams + paramsSize
	extLoadLog        = extSecond + 6
	extLoadRecords    = extLoadLog + 2
)

// Bits of the status byte.
const (
	statusInvalidated = 1 << 0 // blocked by APPLICATION BLOCK or by the PIN; UNBLOCK ends it
	statusCardBlocked = 1 << 1 // CARD BLOCK
	statusKnown       = statusInvalidated | statusCardBlocked
)

// Memory is what the card keeps of its last transactions for the CVR of the next
// (JR/T 0025.5, card risk management).
type Memory uint16

// Bits of Memory.
const (
	OnlineOpen        Memory = 1 << iota // an ARQC was given and its transaction not completed
	IssuerAuthFailed                     // issuer authentication failed in the last online transaction
	IssuerAuthMissing                    // it was mandatory and not done
	StaticFailed                         // SDA failed and the transaction was declined
	DynamicFailed                        // DDA or CDA failed and the transaction was declined
	ScriptFailed                         // a script command failed
	BlockedByPIN                         // the PIN limit blocked the application
	memoryKnown       = 1<<iota - 1
)

// extended is where the extended part begins.
func (p *Product) extended() int { return atLog + int(p.LogCount)*p.logLen }

// extendedSize is its length, 0 without a contact side.
func (p *Product) extendedSize() int {
	if p.Contact == nil {
		return 0
	}
	return extLoadRecords + int(p.Contact.LoadLogCount)*p.loadLen() + p.Contact.Updatable
}

// loadLen is the length of a load log record: P1 P2 of PUT DATA, the amounts
// before and after, and the values of DF4F.
func (p *Product) loadLen() int { return 2 + 6 + 6 + p.Contact.LoadLogFormat.Len() }

// updatable is where the memory for changed records begins.
func (p *Product) updatable() int {
	return p.extended() + extLoadRecords + int(p.Contact.LoadLogCount)*p.loadLen()
}

// personaliseExtended appends the extended part of a new card.
func (c *Card) personaliseExtended(dst []byte) []byte {
	var b [extLoadRecords]byte
	copy(b[extPIN:], c.PIN[:])
	c.Product.personaliseParams(b[extParams : extParams+paramsSize])
	putN12(b[extSecond:], c.SecondOpening)
	return append(dst, b[:]...)
}

// decodeExtended reads the extended part into s.
func (p *Product) decodeExtended(b []byte, s *State) error {
	if b[extStatus]&^statusKnown != 0 || b[extScripts] > 15 || b[5] != 0 || b[6] != 0 {
		return fmt.Errorf("card state, extended part begins with %X: %w", b[:extCTTADual], cos.ErrMemory)
	}
	if s.PINTries > maxPINTries {
		return fmt.Errorf("card state says %d PIN tries, at most %d are possible: %w", s.PINTries, maxPINTries, cos.ErrMemory)
	}
	s.Invalidated = b[extStatus]&statusInvalidated != 0
	s.CardBlocked = b[extStatus]&statusCardBlocked != 0
	if s.Memory = Memory(b[extMemory])<<8 | Memory(b[extMemory+1]); s.Memory&^memoryKnown != 0 {
		return fmt.Errorf("card state, memory of the last transaction %04X: %w", uint16(s.Memory), cos.ErrMemory)
	}
	s.Scripts, s.ForeignCountry = b[extScripts], b[extForeignCountry]
	if b[extLoadLog+1] > p.Contact.LoadLogCount || b[extLoadLog] > 0 && b[extLoadLog] >= p.Contact.LoadLogCount {
		return fmt.Errorf("card state says %d load log records, next %d of %d: %w", b[extLoadLog+1], b[extLoadLog], p.Contact.LoadLogCount, cos.ErrMemory)
	}
	s.LoadRecords = int(b[extLoadLog+1])
	var err error
	if s.CTTADual, err = money.FromN12(b[extCTTADual : extCTTADual+6]); err != nil {
		return fmt.Errorf("card state, dual currency CTTA: %w: %w", err, cos.ErrMemory)
	}
	if s.Second, err = money.FromN12(b[extSecond : extSecond+6]); err != nil {
		return fmt.Errorf("card state, DF79: %w: %w", err, cos.ErrMemory)
	}
	if err := checkUpdated(b[len(b)-p.Contact.Updatable:]); err != nil {
		return err
	}
	return p.checkParams(b[extParams : extParams+paramsSize])
}
