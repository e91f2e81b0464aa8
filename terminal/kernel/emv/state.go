package emv

import (
	"github.com/citycard/citycard/wire/apdu"
)

type state uint8

const (
	stIdle state = iota
	stDirectory
	stDirectoryRecord
	stProbe
	stChoose
	stSelect
	stOptions
	stRecord
	stCounter
	stLastOnline
	stInternal
	stTries
	stPIN
	stChallenge
	stVerify
	stBalance
	stThreshold
	stGenerate
	stOnline
	stExternal
	stScript
	stRemove
	stDone
)

var stateNames = [...]string{"idle", "directory", "directory record", "list of applications", "choose", "select", "processing options",
	"read record", "get transaction counter", "get last online counter", "internal authenticate", "get PIN tries", "PIN", "get challenge",
	"verify", "get balance", "get reset threshold", "generate AC", "online", "external authenticate", "script", "remove", "done"}

// dispatch hands a card's answer to the phase that waits for it.
func (m *Machine) dispatch(data []byte, sw apdu.SW) Ready {
	switch m.state {
	case stDirectory:
		return m.directorySelected(data, sw)
	case stDirectoryRecord:
		return m.directoryRecord(data, sw)
	case stProbe:
		return m.probed(data, sw)
	case stSelect:
		return m.selected(data, sw)
	case stOptions:
		return m.options(data, sw)
	case stRecord:
		return m.record(data, sw)
	case stCounter, stLastOnline, stTries, stBalance, stThreshold:
		return m.told(data, sw)
	case stInternal:
		return m.internalAnswered(data, sw)
	case stChallenge:
		return m.challenged(data, sw)
	case stVerify:
		return m.verified(sw)
	case stGenerate:
		return m.generated(data, sw)
	case stExternal:
		return m.externalAnswered(sw)
	case stScript:
		return m.scriptAnswered(sw)
	}
	panic("emv: an answer in state " + stateNames[m.state])
}
