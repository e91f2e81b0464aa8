package emv

import (
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/wire/tlv"
)

// decide is terminal action analysis before the first GENERATE AC (EMV Book 3,
// 10.7): what the terminal asks for.
func (m *Machine) decide() cryptogram.Result { return m.ask(m.analyse()) }

func (m *Machine) analyse() cryptogram.Result {
	switch {
	case m.meets(NoteDenialCodes, m.app.Actions.Denial, tlv.TagIACDenial, 0x00):
		return cryptogram.AAC
	case m.onlineOnly():
		m.note(ActionAnalysis, NoteOnlineOnly, 0, nil)
		return cryptogram.ARQC
	case !m.onlineCapable():
		return m.byDefault()
	case m.meets(NoteOnlineCodes, m.app.Actions.Online, tlv.TagIACOnline, 0xFF):
		return cryptogram.ARQC
	}
	return cryptogram.TC
}

// decideCash is decide for electronic cash over the contacts (JR/T 0025.13): balance
// is 9F79 and threshold 9F6D, known says that the card gave both. A purchase that
// leaves less than the threshold goes online if the terminal can, so that the issuer
// may fill the card up; a terminal that cannot asks for a TC, and the card decides.
func (m *Machine) decideCash(balance, threshold money.Fen, known bool) cryptogram.Result {
	want := m.analyse()
	if want != cryptogram.TC {
		return m.ask(want)
	}
	switch {
	case !known:
		m.note(ActionAnalysis, NoteCashUnknown, tlv.TagECBalance, nil)
	case balance-m.in.Amount >= threshold:
		m.noteCash(NoteCashEnough, balance, threshold)
		return m.ask(want)
	default:
		m.noteCash(NoteCashLow, balance, threshold)
	}
	if m.onlineCapable() {
		want = cryptogram.ARQC
	}
	return m.ask(want)
}

// noteCash keeps both amounts; what a card gave as n12 fits n12.
func (m *Machine) noteCash(c NoteCode, balance, threshold money.Fen) {
	b, err := balance.N12()
	t, err2 := threshold.N12()
	if err != nil || err2 != nil {
		m.note(ActionAnalysis, c, 0, nil)
		return
	}
	m.note(ActionAnalysis, c, 0, append(b[:], t[:]...))
}

// decideOffline is terminal action analysis when the issuer could not be asked (EMV
// Book 3, 10.7): TC (8A = Y3) or AAC (8A = Z3). An online-only terminal always
// declines.
func (m *Machine) decideOffline() cryptogram.Result {
	if m.onlineOnly() {
		m.note(ActionAnalysis, NoteOnlineOnly, 0, nil)
		return m.ask(cryptogram.AAC)
	}
	return m.ask(m.byDefault())
}

func (m *Machine) byDefault() cryptogram.Result {
	if m.meets(NoteDefaultCodes, m.app.Actions.Default, tlv.TagIACDefault, 0xFF) {
		return cryptogram.AAC
	}
	return cryptogram.TC
}

func (m *Machine) ask(r cryptogram.Result) cryptogram.Result {
	code := NoteAskAAC
	switch r {
	case cryptogram.TC:
		code = NoteAskTC
	case cryptogram.ARQC:
		code = NoteAskARQC
	}
	m.note(ActionAnalysis, code, 0, nil)
	return r
}

// meets compares the TVR with the terminal's and the issuer's codes. A card without
// the issuer's counts as if every byte were absent.
func (m *Machine) meets(code NoteCode, terminal [5]byte, tag tlv.Tag, absent byte) bool {
	issuer := m.data.Get(tag)
	var hit [5]byte
	for i, b := range m.data.TVR {
		codes := terminal[i]
		if len(issuer) == len(hit) {
			codes |= issuer[i]
		} else {
			codes |= absent
		}
		hit[i] = b & codes
	}
	if hit == [5]byte{} {
		return false
	}
	m.note(ActionAnalysis, code, 0, hit[:])
	return true
}

// The second digit of the terminal type, tag 9F35 (EMV Book 4, annex A1): 1 and 4 are
// online only, 3 and 6 offline only.
func (m *Machine) onlineOnly() bool    { return m.cfg.Type&15 == 1 || m.cfg.Type&15 == 4 }
func (m *Machine) onlineCapable() bool { return m.cfg.Type&15 != 3 && m.cfg.Type&15 != 6 }
