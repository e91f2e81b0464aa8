package emv

import (
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/pin"
	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// aipIssuerAuthentication is the bit of 82 for EXTERNAL AUTHENTICATE.
const aipIssuerAuthentication = 0x04

// hosting is the conversation with the issuer.
type hosting struct {
	request  Online
	asked    bool // and must be undone if nothing comes of it
	answered bool
	approved bool
	fault    kernel.Fault // why the answer counts as none
	auth     []byte       // 91
	scripts  []script
	run      int // script and command that are being sent
	command  int
	cash     cashChange // what the scripts did to the electronic cash balance
	before   cashChange // and had done before the command that is being sent
}

// goOnline asks the issuer if the terminal can, and else decides itself (EMV Book 3,
// 10.8).
func (m *Machine) goOnline() Ready {
	if !m.onlineCapable() {
		return m.unableOnline()
	}
	d := &m.data
	m.icc, m.track = d.ICC(m.icc[:0]), d.Track2(m.track[:0])
	m.host.asked = true
	m.host.request = Online{ICC: m.icc, PIN: m.pins.online, Track2: m.track, Referral: d.CID&cidKind == cidAAR}
	m.state = stOnline
	return Ready{Online: &m.host.request}
}

// hostEvent goes on with the issuer's answer. An approval whose field 55 cannot be
// read counts as no answer, and is reversed; a refusal stays one.
func (m *Machine) hostEvent(ev Event) Ready {
	h := &m.host
	m.pins.online, h.request.PIN = pin.PIN{}, pin.PIN{}
	switch {
	case ev.Kind == HostUnreachable:
		m.note(OnlineProcessing, NoteHostLost, 0, nil)
		return m.unableOnline()
	case ev.Kind == Cancelled:
		m.out.Reversal = m.reversal(AnswerLost)
		return m.end(kernel.Declined, kernel.Fault{Code: kernel.GaveUp, Tag: tlv.TagARC})
	case ev.Kind != HostAnswered || ev.Host == nil:
		m.unexpected(ev)
	}
	approved := ev.Host.Approved()
	if f := m.takeHostData(ev.Host.ICC); f.Code != kernel.NoFault {
		m.note(OnlineProcessing, NoteHostMalformed, f.Tag, nil)
		if approved {
			h.fault = f
			return m.unableOnline()
		}
	}
	h.answered, h.approved = true, approved
	m.out.Online = true
	m.data.ARC = ev.Host.Code
	for _, s := range h.scripts {
		m.data.scripts = append(m.data.scripts, ScriptResult{Template: s.template, ID: s.id})
	}
	m.note(OnlineProcessing, NoteHostAnswer, tlv.TagARC, m.data.ARC[:])
	m.noteScripts(h.scripts)
	if len(h.auth) > 0 && m.data.AIP[0]&aipIssuerAuthentication != 0 {
		return m.send(stExternal, apdu.Command{INS: 0x82, Data: h.auth, Le: apdu.NoLe})
	}
	return m.runScripts(tlv.TagIssuerScript1)
}

// takeHostData keeps issuer authentication data and scripts of the issuer's field 55,
// all or nothing.
func (m *Machine) takeHostData(icc []byte) kernel.Fault {
	if len(icc) > maxHostICC {
		return fault(kernel.TooMuchData, tlv.TagARC)
	}
	at := len(m.arena)
	m.arena = append(m.arena, icc...)
	auth, scripts, err := parseHostICC(m.arena[at:len(m.arena):len(m.arena)])
	if err != nil {
		return fault(kernel.BadTLV, tlv.TagARC)
	}
	m.host.auth, m.host.scripts = auth, scripts
	return kernel.Fault{}
}

// externalAnswered reads the answer to EXTERNAL AUTHENTICATE. What a failure means is
// the card's decision (EMV Book 3, 10.9).
func (m *Machine) externalAnswered(sw apdu.SW) Ready {
	m.perform(OnlineProcessing, NoteIssuerAuthPerformed)
	if sw != apdu.SWOK {
		m.raise(OnlineProcessing, NoteIssuerAuthFailed, tlv.TagIssuerAuthenticationData, nil)
	}
	return m.runScripts(tlv.TagIssuerScript1)
}

// unableOnline lets the default action codes decide (EMV Book 3, 10.7). Money is put
// on a card or taken off by the issuer only.
func (m *Machine) unableOnline() Ready {
	m.gen.unable = true
	ask := byte(askAAC)
	m.data.ARC = [2]byte{'Z', '3'}
	if !m.moves() && m.decideOffline() == cryptogram.TC {
		ask, m.data.ARC = askTC, [2]byte{'Y', '3'}
	}
	m.note(OnlineProcessing, NoteUnableOnline, tlv.TagARC, m.data.ARC[:])
	return m.generateSecond(ask)
}

// afterFirstScripts asks for the second cryptogram.
func (m *Machine) afterFirstScripts() Ready {
	if m.host.approved {
		return m.generateSecond(askTC)
	}
	return m.generateSecond(askAAC)
}
