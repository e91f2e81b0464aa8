package emv

import (
	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/crypt/pin"
	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// P2 of VERIFY (EMV Book 3, 6.5.12).
const (
	verifyPlain      = 0x80
	verifyEnciphered = 0x88
)

// pinEntry is the PIN on its way to card or issuer.
type pinEntry struct {
	request    PINRequest
	enciphered bool
	key        *oda.CardKey // for an enciphered PIN
	asked      bool         // 9F17 was asked for
	tries      int          // -1: not known
	low        bool         // a PIN for the issuer because electronic cash runs low
	block      oda.PINBlock
	online     pin.PIN
}

// verifyCardholder follows the CVM list until a rule needs cardholder or card, or
// the list is done (EMV Book 3, 10.5).
func (m *Machine) verifyCardholder() Ready {
	switch m.nextCVM() {
	case cvmPlainPIN:
		return m.offlinePIN(false)
	case cvmEncipheredPIN:
		return m.offlinePIN(true)
	case cvmOnlinePIN:
		return m.onlinePIN()
	}
	return m.riskData()
}

// offlinePIN asks the card once how many tries are left. Without a key that can be
// trusted an enciphered PIN has failed before the cardholder is troubled (EMV Book 2,
// 7.1).
func (m *Machine) offlinePIN(enciphered bool) Ready {
	m.pins.enciphered = enciphered
	if enciphered && !m.canEncipher() {
		m.cvmResult(false, 0)
		return m.verifyCardholder()
	}
	if !m.pins.asked {
		m.pins.asked = true
		return m.getData(stTries, tlv.TagPINTryCounter)
	}
	return m.askOfflinePIN(false)
}

func (m *Machine) canEncipher() bool {
	if m.pins.key == nil {
		m.pins.key = m.pinKey()
	}
	return m.pins.key != nil && m.in.Rand != nil
}

func (m *Machine) askOfflinePIN(again bool) Ready {
	if m.pins.tries == 0 {
		m.cvmTriesExceeded()
		return m.verifyCardholder()
	}
	return m.askPIN(PINRequest{Tries: m.pins.tries, Again: again})
}

func (m *Machine) onlinePIN() Ready { return m.askPIN(PINRequest{Online: true, Tries: -1}) }

func (m *Machine) askPIN(r PINRequest) Ready {
	m.pins.request, m.state = r, stPIN
	return Ready{PIN: &m.pins.request}
}

// pinEntered goes on with what the cardholder did at the PIN pad.
func (m *Machine) pinEntered(ev Event) Ready {
	online := m.pins.request.Online
	switch ev.Kind {
	case PINEntered:
		if online {
			m.pins.online = ev.PIN
			if m.pins.low {
				return m.lowPIN(NoteOnlinePIN)
			}
			m.cvmResult(true, 0)
			return m.verifyCardholder()
		}
		m.pins.block = plainPINBlock(ev.PIN)
		if m.pins.enciphered {
			return m.send(stChallenge, apdu.Command{INS: 0x84, Le: apdu.MaxShortLe})
		}
		return m.sendVerify(verifyPlain, m.pins.block[:])
	case PINBypassed:
		if m.pins.low {
			return m.lowPIN(NotePINNotEntered)
		}
		m.cvmBypassed()
	case PINPadFailed:
		if m.pins.low {
			return m.lowPIN(NotePINPadMissing)
		}
		m.cvmPadFailed()
	case Cancelled:
		return m.end(kernel.Declined, kernel.Fault{Code: kernel.GaveUp, Tag: tlv.TagPINData})
	default:
		m.unexpected(ev)
	}
	return m.verifyCardholder()
}

// lowPIN goes on after the PIN for the issuer that low electronic cash wants was, or was
// not, entered.
func (m *Machine) lowPIN(found NoteCode) Ready {
	m.raise(Verification, found, 0, nil)
	if found == NoteOnlinePIN {
		m.data.CVMResults = [3]byte{cvmCodeOnlinePIN, 0, cvmUnknown}
		m.perform(Verification, NoteCVMPerformed)
	}
	return m.generateFirst(askARQC)
}

// sendVerify sends the PIN and forgets it.
func (m *Machine) sendVerify(p2 byte, data []byte) Ready {
	r := m.send(stVerify, apdu.Command{INS: 0x20, P2: p2, Data: data, Le: apdu.NoLe})
	m.pins.block = oda.PINBlock{}
	return r
}

// challenged enciphers the PIN with the card's challenge (EMV Book 2, 7.2). Without a
// challenge the method has failed.
func (m *Machine) challenged(data []byte, sw apdu.SW) Ready {
	if sw != apdu.SWOK || len(data) != 8 {
		m.pins.block = oda.PINBlock{}
		m.cvmResult(false, sw)
		return m.verifyCardholder()
	}
	data, err := m.pins.key.EncipherPIN(m.dolData[:0], m.in.Rand, m.pins.block, [8]byte(data))
	if err != nil || len(data) > apdu.MaxShortData {
		m.pins.block = oda.PINBlock{}
		m.cvmResult(false, 0)
		return m.verifyCardholder()
	}
	return m.sendVerify(verifyEnciphered, data)
}

// verified reads the answer to VERIFY. A wrong PIN is asked for again as long as the
// card has tries left (EMV Book 3, 6.5.12 and 10.5.1).
func (m *Machine) verified(sw apdu.SW) Ready {
	clear(m.cmd)
	if sw == apdu.SWOK {
		m.note(Verification, NotePINRight, 0, nil)
		m.cvmResult(true, sw)
		return m.verifyCardholder()
	}
	if tries, ok := sw.Remaining(); ok {
		m.note(Verification, NotePINWrong, 0, nil)
		m.pins.tries = tries
		if tries > 0 {
			return m.askOfflinePIN(true)
		}
	}
	if sw == apdu.SWBlocked || sw == apdu.SWDataInvalidated {
		m.pins.tries = 0 // no later rule asks the cardholder again
	}
	m.cvmResult(false, sw)
	return m.verifyCardholder()
}
