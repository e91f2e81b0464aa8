package terminal

import (
	"time"

	"github.com/citycard/citycard/wire/apdu"
)

// Instructions that cases speak of.
const (
	insSelect    = 0xA4
	insRead      = 0xB2
	insGPO       = 0xA8
	insGetData   = 0xCA
	insInternal  = 0x88
	insGAC       = 0xAE
	insExternal  = 0x82
	insVerify    = 0x20
	insResponse  = 0xC0
	insPutData   = 0xDA
	insChallenge = 0x84
)

// edit alters what happens at one command.
type edit struct {
	ins    byte
	p1, p2 int   // -1: any
	nth    int   // of those that fit, from 1; 0: every one
	tap    int   // of the card at the terminal, from 1; 0: every one
	stage  stage // of the card before it; stNone: any
	before bool
	do     func(*exchange)
	met    int
}

// at begins an edit of the nth command with an instruction, 0 for all.
func at(ins byte, nth int) *edit { return &edit{ins: ins, p1: -1, p2: -1, nth: nth} }

// atRecord is an edit of the first READ RECORD of a record.
func atRecord(sfi, number int) *edit {
	return &edit{ins: insRead, p1: number, p2: sfi<<3 | 4, nth: 1}
}

// fits tells whether the edit is for this command, and counts those that fit.
func (e *edit) fits(x *exchange) bool {
	if !x.decoded || x.cmd.INS != e.ins || e.p1 >= 0 && int(x.cmd.P1) != e.p1 || e.p2 >= 0 && int(x.cmd.P2) != e.p2 || e.tap != 0 && x.tap != e.tap ||
		e.stage != stNone && x.stage != e.stage {
		return false
	}
	e.met++
	return e.nth == 0 || e.met == e.nth
}

// paying leaves out what is asked before the card has begun a transaction.
func (e *edit) paying() *edit {
	e.stage = stStarted
	return e
}

// lost has the card leave before it gets the command.
func (e *edit) lost() *edit {
	e.before, e.do = true, func(x *exchange) { x.gone = true }
	return e
}

// unheard has the card leave after it has carried the command out.
func (e *edit) unheard() *edit {
	e.do = func(x *exchange) { x.gone = true }
	return e
}

// status replaces the answer by a status word.
func (e *edit) status(sw apdu.SW) *edit {
	e.do = func(x *exchange) { x.answer = status(sw) }
	return e
}

// refused answers a status word instead of carrying the command out.
func (e *edit) refused(sw apdu.SW) *edit {
	e.before, e.do = true, func(x *exchange) { x.answer = status(sw) }
	return e
}

// data replaces the data of the answer, with 9000.
func (e *edit) data(b ...byte) *edit {
	e.do = func(x *exchange) { x.answer = good9000(b) }
	return e
}

// change alters the data of a good answer.
func (e *edit) change(f func([]byte) []byte) *edit {
	e.do = func(x *exchange) {
		if b, sw, err := apdu.ParseResponse(x.answer); err == nil && sw == apdu.SWOK {
			x.answer = good9000(f(append([]byte(nil), b...)))
		}
	}
	return e
}

// late has the answer come after a while.
func (e *edit) late(d time.Duration) *edit {
	e.do = func(x *exchange) { x.delay = d }
	return e
}
