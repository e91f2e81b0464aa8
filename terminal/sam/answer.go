package sam

import (
	"crypto/subtle"
	"encoding/binary"

	"github.com/citycard/citycard/crypt/epurse"
	"github.com/citycard/citycard/wire/apdu"
)

// take judges the whole answer to the command of the present step.
func (j *Job) take(data []byte, sw apdu.SW) ([]byte, bool, error) {
	s := j.steps[j.at]
	if j.start && s.op != opTerminal && s.dir != masterFile {
		return j.directory(s, data, sw)
	}
	switch {
	case s.op == opPrepare && sw == apdu.SWDataNotFound && j.fallback:
		return j.fallBack(j.at)
	case s.op == opPrepare && sw == apdu.SWDataNotFound && (j.tac || j.check == Wrong):
		if j.tac {
			j.m.noTAC[j.network-1][tacSlot(j.alg)] = true
		}
		j.done = true // no such key: the code stays unchecked, or wrong under the other
		return nil, true, nil
	case s.op == opCredit && sw == apdu.SWPurseMAC && len(data) == 0:
		j.check, j.done = Wrong, true
		return nil, true, nil
	case sw != apdu.SWOK:
		return j.refused(sw)
	}
	switch s.op {
	case opSelect:
		j.m.dir = s.dir
	case opTerminal:
		if len(data) != len(j.m.terminal) {
			return j.length(data)
		}
		copy(j.m.terminal[:], data)
	case opPrepare:
		j.m.key = j.key
	case opMAC:
		if len(data) != len(j.mac) {
			return j.length(data)
		}
		return j.maced(epurse.MAC(data))
	case opInit:
		if len(data) != 8 {
			return j.length(data)
		}
		return j.opened(s, binary.BigEndian.Uint32(data), epurse.MAC(data[4:]))
	case opCredit:
		j.check = Genuine
	}
	if s.op != opSelect && s.op != opTerminal && len(data) != 0 {
		return j.length(data)
	}
	return j.advance()
}

func (j *Job) length(data []byte) ([]byte, bool, error) {
	return j.bad(lengthError(len(data)))
}

// directory takes what Start reads of a network's directory: one that is not there is
// no error, the module then serves other networks.
func (j *Job) directory(s step, data []byte, sw apdu.SW) ([]byte, bool, error) {
	m := j.m
	for n := range m.purse {
		if m.layout.Purse[n] != s.dir {
			continue
		}
		if s.op == opSelect && sw == apdu.SWOK {
			m.dir = s.dir
			return j.advance()
		}
		if s.op == opIndex && sw == apdu.SWOK && len(data) == 1 {
			m.purse[n].there, m.purse[n].index = true, data[0]
			return j.advance()
		}
	}
	m.forget()
	if s.op == opSelect {
		j.at++ // its file is not read either
	}
	return j.advance()
}

// maced takes the code that the module has made, to compare it with the card's or to
// give it away. A code that must be of one of two algorithms is tried with the second.
func (j *Job) maced(mac epurse.MAC) ([]byte, bool, error) {
	if !j.compare {
		j.mac = mac
		return j.advance()
	}
	if subtle.ConstantTimeCompare(mac[:], j.want[:]) == 1 {
		j.check = Genuine
		return j.advance()
	}
	j.check = Wrong
	if j.fallback {
		return j.fallBack(j.at - 1)
	}
	return j.advance()
}

// fallBack tries the other algorithm, from the step that prepares the key.
func (j *Job) fallBack(prepare int) ([]byte, bool, error) {
	j.fallback = false
	j.key.index -= j.m.shift(j.alg)
	j.alg = other(j.alg)
	j.key.index += j.m.shift(j.alg)
	j.message = reblock(j.message, j.alg)
	j.at = prepare - 1
	return j.advance()
}

// opened takes transaction number and MAC1. A module that gives a number again could be
// made to sign the same purchase twice.
func (j *Job) opened(s step, number uint32, mac epurse.MAC) ([]byte, bool, error) {
	for n := range j.m.purse {
		if j.m.layout.Purse[n] != s.dir {
			continue
		}
		if number <= j.m.purse[n].number {
			return j.bad(numberError(number, j.m.purse[n].number))
		}
		j.m.purse[n].number = number
	}
	j.number, j.mac, j.m.open = number, mac, number
	return j.advance()
}
