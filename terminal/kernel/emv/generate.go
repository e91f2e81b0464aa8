package emv

import (
	"crypto/sha1"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// P1 of GENERATE AC and the first two bits of 9F27 (EMV Book 3, 6.5.5).
const (
	askAAC      = 0x00
	askTC       = 0x40
	askARQC     = 0x80
	askCombined = 0x10
	cidKind     = 0xC0
	cidAAR      = 0xC0 // the card asks for a referral (JR/T 0025.5; reserved in EMV Book 3 since version 4.1)
	cidAdvice   = 0x08
)

// generation is a GENERATE AC.
type generation struct {
	second   bool
	asked    byte
	combined bool
	pays     bool // an answer TC means that electronic cash has paid
	refused  bool // the first was an ARQC without a good signature: nothing can come of it any more
	unsure   bool // and electronic cash had been asked to pay: perhaps it has
	genuine  bool // the second came with the signature that was asked for, if any
	unable   bool // the issuer could not be asked, or was not reached
}

// riskData is terminal risk management, and asks for what electronic cash still needs.
func (m *Machine) riskData() Ready {
	d, c := &m.data, &m.counters
	m.assess(d.ATC, c.lastOnline, d.atcKnown && c.lastKnown)
	if d.Cash {
		return m.getData(stBalance, tlv.TagECBalance)
	}
	return m.actions()
}

// actions is terminal action analysis, and sends the first GENERATE AC (EMV Book 3,
// 10.7; JR/T 0025.13 for electronic cash).
func (m *Machine) actions() Ready {
	d, c := &m.data, &m.counters
	if d.Cash {
		known := d.balanceOK && c.thresholdSet
		r := m.decideCash(d.balance, c.threshold, known)
		low := known && d.balance-d.Amount < c.threshold
		if r == cryptogram.ARQC && low && m.wantsLowPIN() {
			m.pins.low = true
			return m.onlinePIN()
		}
		return m.generateFirst(askFor(r))
	}
	r := m.decide()
	if r == cryptogram.TC && m.moves() {
		m.note(ActionAnalysis, NoteForcedOnline, tlv.TagTransactionType, []byte{m.in.Type})
		r = cryptogram.ARQC
	}
	return m.generateFirst(askFor(r))
}

// wantsLowPIN says that a PIN for the issuer has to be asked for because electronic
// cash runs low: the terminal can take one, and there is none yet.
func (m *Machine) wantsLowPIN() bool {
	const onlinePIN, entered = 0x40, 0x04
	return m.cfg.Capabilities[1]&onlinePIN != 0 && m.data.TVR[2]&entered == 0
}

// moves says that the transaction puts money on the card or takes it off by script.
func (m *Machine) moves() bool {
	switch m.in.Type {
	case TypeLoad, TypeLoadOther, TypeLoadCash, TypeUnload:
		return true
	}
	return false
}

func askFor(r cryptogram.Result) byte {
	switch r {
	case cryptogram.TC:
		return askTC
	case cryptogram.ARQC:
		return askARQC
	}
	return askAAC
}

func (m *Machine) generateFirst(ask byte) Ready {
	m.gen = generation{asked: ask, pays: m.data.Cash && ask == askTC}
	return m.generate(m.rec.cdol1)
}

// generateSecond ends an online transaction, or one that should have been.
func (m *Machine) generateSecond(ask byte) Ready {
	g := &m.gen
	g.second, g.asked = true, ask
	g.pays = m.data.Cash && ask == askTC && g.unable
	return m.generate(m.rec.cdol2)
}

func (m *Machine) generate(list tlv.DOL) Ready {
	if list.Has(tlv.TagTCHash) && len(m.hash) == 0 {
		m.hashTransaction()
	}
	values := m.fill(list)
	m.dolData = values
	m.found.sent = append(m.found.sent, values...)
	m.data.Sent.TVR = m.data.TVR
	p1 := m.gen.asked
	if m.gen.combined = p1 != askAAC && m.wantCombined(); m.gen.combined {
		p1 |= askCombined
	}
	return m.send(stGenerate, apdu.Command{CLA: 0x80, INS: 0xAE, P1: p1, Data: values, Le: apdu.MaxShortLe})
}

// hashTransaction makes tag 98 from the list 97 of the card, or the terminal's own,
// which the TVR reports (EMV Book 3, 9.2.2).
func (m *Machine) hashTransaction() {
	if m.data.Get(tlv.TagTDOL) == nil {
		m.raise(ActionAnalysis, NoteDefaultTDOL, tlv.TagTDOL, m.app.TDOL)
	}
	sum := sha1.Sum(m.fill(m.rec.tdol))
	m.hash = append(m.hash[:0], sum[:]...)
}

// fill gives the values that a list asks for; parseLists has seen that they fit.
func (m *Machine) fill(list tlv.DOL) []byte {
	values, err := list.Append(m.dolData[:0], m.value)
	if err != nil {
		panic("emv: a list that was looked over asks for too much: " + err.Error())
	}
	return values
}

// generated reads the answer to GENERATE AC (EMV Book 3, 6.5.5.4) and goes on with
// the card's decision.
func (m *Machine) generated(data []byte, sw apdu.SW) Ready {
	if sw != apdu.SWOK {
		return m.unusable(kernel.Fault{Code: kernel.BadStatus, SW: sw, Tag: tlv.TagAC})
	}
	genuine, f := m.takeCryptogram(data)
	if f.Code != kernel.NoFault {
		return m.unusable(f)
	}
	phase := FirstCryptogram
	if m.gen.second {
		phase = SecondCryptogram
	}
	cid := m.data.CID
	m.note(phase, NoteCryptogram, tlv.TagCID, []byte{cid})
	if cid&cidAdvice != 0 {
		m.note(phase, NoteAdvice, tlv.TagCID, []byte{cid})
	}
	m.perform(phase, NoteCardRiskPerformed)
	if !m.allowed(cid & cidKind) {
		return m.unusable(fault(kernel.WrongOrder, tlv.TagCID))
	}
	if !genuine {
		m.note(phase, NoteCombinedRefused, tlv.TagSDAD, nil)
	}
	if m.gen.second {
		return m.completed(genuine)
	}
	return m.firstDecision(genuine)
}

// allowed says whether the card may answer so: at most what was asked for, where a TC
// is more than an ARQC and that more than an AAC (EMV Book 3, 9.3). The second
// GENERATE AC gives a TC or an AAC.
func (m *Machine) allowed(kind byte) bool {
	switch m.gen.asked {
	case askTC:
		return kind == askTC || kind == askAAC || !m.gen.second
	case askARQC:
		return kind != askTC
	}
	return kind == askAAC
}

// firstDecision acts on the first cryptogram.
func (m *Machine) firstDecision(genuine bool) Ready {
	d := &m.data
	switch d.CID & cidKind {
	case askTC:
		if !genuine {
			d.ARC = [2]byte{'Z', '1'}
			return m.notGenuine()
		}
		d.ARC = [2]byte{'Y', '1'}
		m.out.Cash = m.gen.pays
		if m.gen.pays {
			m.out.Commit = kernel.Committed
		}
		return m.end(kernel.Approved, kernel.Fault{})
	case askAAC:
		d.ARC = [2]byte{'Z', '1'}
		f := fault(kernel.CardRefused, tlv.TagCID)
		if m.gen.asked == askAAC {
			f = fault(kernel.TerminalRefused, tlv.TagTVR)
		}
		m.out.Reason = m.reasonOf(txn.CardDeclined)
		return m.end(kernel.Declined, f)
	}
	if !genuine {
		// The issuer is not asked: the card is told to decline (EMV Book 2, 6.6.2).
		d.ARC, m.gen.refused, m.gen.unsure = [2]byte{'Z', '1'}, true, m.gen.pays
		return m.generateSecond(askAAC)
	}
	return m.goOnline()
}

// notGenuine ends a transaction whose cryptogram came without a good combined
// signature, whatever the card says, or does not say, after it.
// Whether electronic cash has paid is not known then: nothing that was received is
// the card's word.
func (m *Machine) notGenuine() Ready {
	m.out.Reason = m.reasonOf(txn.ODAFailed)
	if m.gen.pays || m.gen.unsure {
		m.out.Commit, m.out.Cash = kernel.CommitUnknown, true
	}
	return m.end(kernel.Declined, m.combinedFault())
}

// combinedFault says why the combined signature counts for nothing.
func (m *Machine) combinedFault() kernel.Fault {
	f := fault(kernel.NotGenuine, tlv.TagSDAD)
	for _, n := range m.Notes() {
		if n.Code == NoteCDAFailed && len(n.Value) == 1 {
			f.ODA = oda.Reason(n.Value[0])
		}
	}
	return f
}
