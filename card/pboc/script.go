package pboc

import (
	"crypto/subtle"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/wire/apdu"
)

// Instruction bytes of the issuer's script commands (JR/T 0025.5; EMV Book 3,
// 6.5).
const (
	insCardBlock          = 0x16 // class 84
	insApplicationUnblock = 0x18 // class 84
	insApplicationBlock   = 0x1E // class 84
	insPINChange          = 0x24 // class 84
	insPutData            = 0xDA // class 04
	insUpdateRecord       = 0xDC // class 04
)

// scriptMACLen is how many bytes of MAC end the data of a script command.
const scriptMACLen = 4

// maxScripts is the most that the counter of the CVR says.
const maxScripts = 15

// scriptClass gives the class in which a script command comes; 0 for what is none.
func scriptClass(ins byte) byte {
	switch ins {
	case insCardBlock, insApplicationUnblock, insApplicationBlock, insPINChange:
		return 0x84
	case insPutData, insUpdateRecord:
		return 0x04
	}
	return 0
}

// scripting is what the script commands of one transaction need to know of it.
type scripting struct {
	open    bool    // the first GENERATE AC was answered
	counted bool    // the second too: from now on the CVR counts
	closed  bool    // a MAC was wrong, or no issuer can be there: no command is taken any more
	ac      [8]byte // the cryptogram of the first GENERATE AC
	failed  bool    // a command of this transaction was refused
	second  bool    // it is in the second currency (DF71)
	count   byte    // commands since the second GENERATE AC, at most 15
}

// script carries out a command of the issuer: data that may be enciphered, then a
// MAC of four bytes (JR/T 0025.5, secure messaging). Nothing about the command is
// judged before its MAC but class and length; 6700 a command too short for a MAC or
// with Le, 6985 outside a transaction, before its first GENERATE AC, after failed
// issuer authentication, after a wrong MAC or after a second GENERATE AC that says
// that the issuer was not reached, 6988 a wrong MAC. What the command changes, the
// script counter and the mark of failure are one transaction of the memory.
func (a *App) script(dst []byte, c *apdu.Command) ([]byte, error) {
	n := len(c.Data) - scriptMACLen
	switch {
	case c.CLA != scriptClass(c.INS):
		return status(dst, wrongClass(c.CLA)), nil
	case n < 0 || c.Le != apdu.NoLe:
		return status(dst, apdu.SWWrongLength), nil
	case !a.scripts.open || a.scripts.closed || a.issuerAuth == authFailed:
		return status(dst, apdu.SWConditions), nil
	}
	s, err := a.state()
	if err != nil {
		return dst, err
	}
	m, err := a.memory.Read()
	if err != nil {
		return dst, err
	}
	genuine := a.scriptMAC(c, c.Data[:n], s.ATC)
	if err := a.memory.Begin(); err != nil {
		return dst, err
	}
	sw := apdu.SWMACWrong
	if genuine {
		sw = a.carryOut(c, c.Data[:n], &s, m)
	} else {
		a.scripts.closed = true
	}
	a.countScript(sw, &s)
	if err := a.memory.Commit(); err != nil {
		return dst, err
	}
	return status(dst, sw), nil
}

// scriptMAC compares the MAC of a script command (JR/T 0025.5; SM4: JR/T 0025.17)
// in constant time.
func (a *App) scriptMAC(c *apdu.Command, data []byte, atc uint16) bool {
	sk := cryptogram.DeriveSessionKey(a.alg(), a.keys().MAC, atc)
	want, err := cryptogram.ScriptMAC(a.alg(), sk, [4]byte{c.CLA, c.INS, c.P1, c.P2}, atc, a.scripts.ac, data)
	return err == nil && subtle.ConstantTimeCompare(want[:], c.Data[len(data):]) == 1
}

// countScript stages what the CVR of the next transaction says of this command: a
// failure, or one more command after the second GENERATE AC.
func (a *App) countScript(sw apdu.SW, s *State) {
	at := a.card.Product.extended()
	if sw != apdu.SWOK {
		a.scripts.failed = true
		memory := s.Memory | ScriptFailed
		a.memory.Put(at+extMemory, []byte{byte(memory >> 8), byte(memory)})
		return
	}
	if a.scripts.counted {
		a.scripts.count = min(a.scripts.count+1, maxScripts)
		a.memory.Put(at+extScripts, []byte{a.scripts.count})
	}
}

// carryOut stages what a genuine command changes, or refuses it and stages nothing.
func (a *App) carryOut(c *apdu.Command, data []byte, s *State, m []byte) apdu.SW {
	switch c.INS {
	case insPutData:
		return a.putData(uint16(c.P1)<<8|uint16(c.P2), data, s, m)
	case insUpdateRecord:
		return a.updateRecord(c, data, m)
	case insPINChange:
		return a.changePIN(c, data, s, m)
	}
	switch {
	case c.P1 != 0 || c.P2 != 0:
		return apdu.SWWrongP1P2
	case len(data) != 0:
		return apdu.SWWrongLength
	}
	a.block(c.INS, s, m)
	return apdu.SWOK
}

// block stages APPLICATION BLOCK, its end and CARD BLOCK. A blocked card keeps all
// its applications closed for good; this one is blocked at once, the others are no
// longer selected. Blocking what is blocked, or freeing what is free, is not an
// error: the issuer cannot know whether an earlier script arrived.
func (a *App) block(ins byte, s *State, m []byte) {
	at := a.card.Product.extended()
	flags := m[at+extStatus]
	switch ins {
	case insApplicationBlock:
		flags |= statusInvalidated
	case insCardBlock:
		flags |= statusInvalidated | statusCardBlocked
	case insApplicationUnblock:
		flags &^= statusInvalidated
		memory := s.Memory &^ BlockedByPIN
		a.memory.Put(at+extMemory, []byte{byte(memory >> 8), byte(memory)})
	}
	a.memory.Put(at+extStatus, []byte{flags})
}
