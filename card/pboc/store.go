package pboc

import (
	"bytes"
	"encoding/binary"
)

// store writes what a debit/credit command changes, and a record of the log if
// there is one, in one transaction of the memory. The counter of transactions and
// what belongs to qPBOC stay as they are.
func (a *App) store(after *State, log []byte) error {
	m, err := a.memory.Read()
	if err != nil {
		return err
	}
	if err := a.memory.Begin(); err != nil {
		return err
	}
	p := a.card.Product
	var head [atLastATC]byte
	copy(head[:], m)
	head[atPINTries] = after.PINTries
	binary.BigEndian.PutUint16(head[atLastOnline:], after.LastOnlineATC)
	head[atForeign] = after.Foreign
	if len(log) > 0 {
		next := m[atLogNext]
		a.memory.Put(atLog+int(next)*p.logLen, log)
		head[atLogNext] = (next + 1) % p.LogCount
		head[atLogCount] = min(m[atLogCount]+1, p.LogCount)
	}
	putN12(head[atCTTA:], after.CTTA)
	if !a.scripts.second {
		putN12(head[atBalance:], after.Balance)
	}
	if !bytes.Equal(head[:], m[:len(head)]) {
		a.memory.Put(atPINTries, head[atPINTries:])
	}

	at := p.extended()
	var ext [extPIN]byte
	copy(ext[:], m[at:])
	ext[extStatus] = 0
	if after.Invalidated {
		ext[extStatus] |= statusInvalidated
	}
	if after.CardBlocked {
		ext[extStatus] |= statusCardBlocked
	}
	binary.BigEndian.PutUint16(ext[extMemory:], uint16(after.Memory))
	ext[extScripts], ext[extForeignCountry] = after.Scripts, after.ForeignCountry
	putN12(ext[extCTTADual:], after.CTTADual)
	if !bytes.Equal(ext[:], m[at:at+len(ext)]) {
		a.memory.Put(at, ext[:])
	}
	if a.scripts.second {
		var b [6]byte
		putN12(b[:], after.Balance)
		a.memory.Put(at+extSecond, b[:])
	}
	return a.memory.Commit()
}
