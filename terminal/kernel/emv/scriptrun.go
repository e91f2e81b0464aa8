package emv

import (
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// Outcomes of a script in tag DF31 (EMV Book 4, annex A5).
const (
	scriptFailed = 1
	scriptDone   = 2
)

// runScripts sends the scripts of one template, 71 before the second GENERATE AC and
// 72 after it (EMV Book 3, 10.10).
func (m *Machine) runScripts(template tlv.Tag) Ready {
	m.host.run, m.host.command = -1, 0
	return m.nextScript(template)
}

// nextScript goes on with the next script of the template; one that has no command
// is done.
func (m *Machine) nextScript(template tlv.Tag) Ready {
	h := &m.host
	for h.run++; h.run < len(h.scripts); h.run++ {
		s := &h.scripts[h.run]
		if tlv.Tag(s.template) != template {
			continue
		}
		m.perform(IssuerScript, NoteScriptPerformed)
		h.command = 0
		return m.nextScriptCommand()
	}
	if template == tlv.TagIssuerScript1 {
		return m.afterFirstScripts()
	}
	return m.scriptsOver()
}

func (m *Machine) nextScriptCommand() Ready {
	h := &m.host
	s := &h.scripts[h.run]
	if h.command == len(s.commands) {
		m.data.scripts[h.run].Outcome = scriptDone
		m.note(IssuerScript, NoteScriptDone, 0, []byte{s.template, byte(h.command)})
		return m.nextScript(tlv.Tag(s.template))
	}
	b := s.commands[h.command]
	if _, err := apdu.ParseCommand(b); err != nil {
		return m.scriptStopped(apdu.SWWrongLength) // as the card would say
	}
	if setsBalance(b) {
		h.before, h.cash = h.cash, cashUnsure
	}
	return m.sendRaw(stScript, append(m.cmd[:0], b...))
}

// cashChange is what the scripts of a load or unload have done to the electronic cash
// balance of the card.
type cashChange uint8

const (
	cashUntouched cashChange = iota
	cashSet                  // the card has said so
	cashUnsure               // set, or not
)

// setsBalance says that a command is PUT DATA of the balance 9F79, or of that of the
// second currency, DF79 (JR/T 0025.13 and .15): only that moves money.
func setsBalance(cmd []byte) bool {
	tag := tlv.Tag(cmd[2])<<8 | tlv.Tag(cmd[3])
	return cmd[1] == 0xDA && (tag == tlv.TagECBalance || tag == tlv.TagSecondECBalance)
}

// balanceAnswered notes the answer to such a command. A status word that leaves open
// whether the card's memory has changed settles nothing: warnings (62xx, 63xx), 65xx,
// and 6Fxx, which says nothing at all (ISO/IEC 7816-4, 5.6).
func (h *hosting) balanceAnswered(sw apdu.SW) {
	switch hi := byte(sw >> 8); {
	case sw == apdu.SWOK:
		h.cash = cashSet
	case hi == 0x62 || hi == 0x63 || hi == 0x65 || hi == 0x6F:
	case h.before == cashUntouched:
		h.cash = cashUntouched
	}
}

// scriptAnswered reads the answer to a script command: warnings (62xx, 63xx) let the
// script go on, all else stops it (EMV Book 3, 10.10).
func (m *Machine) scriptAnswered(sw apdu.SW) Ready {
	h := &m.host
	if setsBalance(h.scripts[h.run].commands[h.command]) {
		h.balanceAnswered(sw)
	}
	if hi := byte(sw >> 8); sw != apdu.SWOK && hi != 0x62 && hi != 0x63 {
		return m.scriptStopped(sw)
	}
	h.command++
	return m.nextScriptCommand()
}

func (m *Machine) scriptStopped(sw apdu.SW) Ready {
	template := tlv.Tag(m.host.scripts[m.host.run].template)
	m.stopScript(sw)
	return m.nextScript(template)
}

// stopScript records that the running script failed at its present command.
func (m *Machine) stopScript(sw apdu.SW) {
	h := &m.host
	s, r := &h.scripts[h.run], &m.data.scripts[h.run]
	r.Outcome, r.Number = scriptFailed, byte(min(h.command+1, 15))
	code := NoteScriptFailed72
	if tlv.Tag(s.template) == tlv.TagIssuerScript1 {
		code = NoteScriptFailed71
	}
	m.raise(IssuerScript, code, 0, nil)
	m.note(IssuerScript, NoteScriptStopped, 0, []byte{s.template, r.Number, byte(sw >> 8), byte(sw)})
}
