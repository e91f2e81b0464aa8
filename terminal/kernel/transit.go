package kernel

import (
	"crypto/subtle"
	"fmt"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// Values of DF60 and DF61 (JR/T 0025.14).
const (
	df60Fare     = 1 // section fare, time fare, single fare with a discount
	df60Hold     = 2 // pre-authorisation
	df60Complete = 3 // its completion

	maxSupport = 2 // DF61: section fare and pre-authorisation
)

// Instruction bytes that Ask does not send: they begin or end a payment.
const (
	insSelect     = 0xA4
	insOptions    = 0xA8
	insReadRecord = 0xB2
)

// Reply is a card's answer to Ask. Whether it will do is for the host to say.
type Reply struct {
	Data []byte // without the status word
	SW   apdu.SW
}

// Support is DF61 of the selected application: 01 section fare, 02 pre-authorisation
// too; 0 without the low-value extension, with a PDOL that does not ask for DF60, or if
// Config.Transit is false.
func (m *Machine) Support() byte { return m.data.Support }

// AsksSM says that the selected application asks for DF69 in its PDOL: the card has the
// Chinese algorithms, alone or as a second set. From Ready.Transit on.
func (m *Machine) AsksSM() bool {
	for _, e := range m.pdol {
		if e.Tag == tlv.TagSMSupport {
			return true
		}
	}
	return false
}

// Select is instead of the event Start, for a host that has read the card's directory
// itself: it selects the application with this name, of 5 to 16 bytes, and nothing else.
// Config.AIDs are not looked at.
func (m *Machine) Select(aid []byte) Ready {
	if m.state != stIdle || len(aid) < 5 || len(aid) > 16 {
		panic("kernel: select in state " + stateNames[m.state] + ": Reset comes before it, and a name has 5 to 16 bytes")
	}
	if r := m.preprocess(); r.Outcome != nil {
		return r
	}
	m.candidates[0], m.candidateN = candidate{aid: m.keep(aid)}, 1
	return m.selectNext(Fault{})
}

// keep copies bytes to where the card's answers are.
func (m *Machine) keep(b []byte) []byte {
	at := len(m.arena)
	m.arena = append(m.arena, b...)
	return m.arena[at:len(m.arena):len(m.arena)]
}

// Ask sends a command of the host's own while the machine waits for it: at Transit any
// that pays nothing (READ CAPP DATA, READ RECORD of file 1E, GET DATA), at Identified
// UPDATE CAPP DATA CACHE. The answer comes as Ready.Reply, whatever its status word; then
// the machine is back in that pause, and the host may ask again or go on. A card that
// leaves meanwhile has not paid: Torn, NotCommitted.
//
// It panics if the machine is not in a pause, for a command that begins or ends a payment
// (SELECT, GET PROCESSING OPTIONS, and at Identified READ RECORD), and for one that is no
// command: these are faults of the program.
func (m *Machine) Ask(c apdu.Command) Ready {
	pause := m.state
	switch {
	case pause != stTransit && pause != stIdentified:
		panic("kernel: ask in state " + stateNames[pause])
	case c.INS == insSelect, c.INS == insOptions, c.INS == insReadRecord && pause == stIdentified:
		panic(fmt.Sprintf("kernel: ask with instruction %02X in state %q: that is the machine's own", c.INS, stateNames[pause]))
	}
	m.pause = pause
	return m.send(stAsk, c)
}

// told hands the answer to Ask to the host.
func (m *Machine) told(data []byte, sw apdu.SW) Ready {
	m.replied = append(m.replied[:0], data...)
	m.reply = Reply{Data: m.replied, SW: sw}
	m.state = m.pause
	return Ready{Reply: &m.reply}
}

func (m *Machine) paused(s state) Ready {
	m.state = s
	return Ready{Transit: s == stTransit, Identified: s == stIdentified}
}

// Trade goes on from Transit: the card is asked to decide about amount (9F02) as a
// payment of the kind df60 (DF60): 0 none of the extension, 1 fare, 2 pre-authorisation,
// 3 completion of one. The limits of the configuration count for this amount. Then
// comes Identified, as ever, where the journey's records are given to the card (Ask), and
// Continue reads the card's records, with the last of which amount and journey are stored
// together.
//
// It panics in any other state, for an amount that does not fit 9F02, and for another
// df60: prices are checked before.
func (m *Machine) Trade(amount money.Fen, df60 byte) Ready {
	n12, err := amount.N12()
	if m.state != stTransit || err != nil || df60 > df60Complete {
		panic(fmt.Sprintf("kernel: trade of %d fen, DF60 %02X in state %q", amount, df60, stateNames[m.state]))
	}
	m.in.Amount, m.data.Amount, m.data.Sent.Amount, m.data.DF60 = amount, amount, n12, df60
	if r := m.preprocess(); r.Outcome != nil {
		return r
	}
	return m.sendGPO()
}

// support reads DF61 from an FCI whose PDOL has just been parsed.
func (m *Machine) support(fci []byte) byte {
	if !m.cfg.Transit {
		return 0
	}
	v, ok := tlv.Find(fci, tlv.TagFCITemplate, tlv.TagFCIProprietary, tlv.TagFCIIssuerDiscretionary, tlv.TagCAPPSupport)
	if !ok || len(v) != 1 || v[0] > maxSupport {
		return 0
	}
	for _, e := range m.pdol {
		if e.Tag == tlv.TagCAPPIndicator && e.Len == 1 {
			return v[0]
		}
	}
	return 0
}

// Proof is what a card says to GET TRANS PROVE (JR/T 0025.14 annex C) of a torn
// transaction. Numbers are for ever.
//
// No answer is under a MAC. The TC went over the air before, so ProofCommitted can be
// repeated by whoever heard it; and ProofNotCommitted does not even say which card
// speaks. Before money is moved by one of them, the record that the transaction was to
// write, or the one it was to replace, must be read under a MAC for a fresh random
// number.
type Proof uint8

// The proofs.
const (
	ProofNone         Proof = 0 // not asked, or no usable answer
	ProofCommitted    Proof = 1 // 9000 with the TC of the torn transaction, with zeros for a pre-authorisation
	ProofNotCommitted Proof = 2 // 9406: not committed, or not the last one of the extension that was
	ProofOther        Proof = 3 // 9000 with another TC: another card
)

var proofNames = [...]string{"none", "committed", "not committed", "another transaction"}

// String is the proof in words.
func (p Proof) String() string {
	if int(p) >= len(proofNames) {
		return "invalid"
	}
	return proofNames[p]
}

// prove is what GET TRANS PROVE is asked for.
type prove struct {
	df60 byte // 0: not asked
	atc  uint16
	tc   [8]byte
}

func (d *Data) toProve() prove {
	if d.DF60 == 0 {
		return prove{}
	}
	return prove{d.DF60, d.ATC, d.AC}
}

// ProofOf is Proof if it was asked for torn, else ProofNone.
func (p Probe) ProofOf(torn *Data) Proof {
	if p.prove != torn.toProve() {
		return ProofNone
	}
	return p.Proof
}

// sendProve asks for the proof, if there is one to ask for, else for the counter.
func (m *Machine) sendProve() Ready {
	p := &m.probe.prove
	if p.df60 == 0 {
		return m.sendGetData(stProbeATC, tlv.TagATC)
	}
	m.scratch[0], m.scratch[1] = byte(p.atc>>8), byte(p.atc)
	return m.send(stProbeProve, apdu.Command{CLA: 0x80, INS: 0x5A, Data: m.scratch[:2], Le: 8})
}

// proved reads the answer to GET TRANS PROVE.
func (m *Machine) proved(data []byte, sw apdu.SW) Ready {
	p := &m.probe
	switch {
	case sw == apdu.SWProofNotAvailable:
		p.Proof = ProofNotCommitted
	case sw != apdu.SWOK || len(data) != len(p.prove.tc):
	case subtle.ConstantTimeCompare(data, p.prove.tc[:]) == 1:
		p.Proof = ProofCommitted
	default:
		p.Proof = ProofOther
	}
	if p.again {
		return m.probeEnd(p.fault)
	}
	return m.sendGetData(stProbeATC, tlv.TagATC)
}

// ProveOn is called after a Probe of a card that has not left since, where several torn
// transactions have the same Probe (SameProbe): it asks GET TRANS PROVE for another one of
// them. The end is Ready.Probe again, with Proof for torn and all else as it was.
func (m *Machine) ProveOn(torn *Data) Ready {
	p := &m.probe
	if m.state != stProbed || p.Left || !p.Selected || torn.DF60 == 0 || p.asked != torn.asks() {
		panic("kernel: proof of a transaction that was not probed")
	}
	p.prove, p.Proof, p.again = torn.toProve(), ProofNone, true
	return m.sendProve()
}

// ready is what a Probe has learnt of the application: whether it can pay without a new
// SELECT, and DF61.
type ready struct {
	usable  bool
	support byte
}

// foundAgain takes the FCI that the card gave to a Probe.
func (m *Machine) foundAgain(fci []byte, sw apdu.SW) {
	p := &m.probe
	name := p.asked.aid[:p.asked.aidLen]
	if f := m.application(fci, name); sw == apdu.SWOK && f.Code == NoFault && len(m.data.aid) == len(name) {
		p.ready = ready{true, m.data.Support}
	}
	m.data.aid, m.data.Support = nil, 0
}

// TradeOn begins a transaction with the card of a Probe that has not left the field
// since. Where the application can be used as the Probe has selected it, that is spared:
// the first Ready is Transit, or the command of an application without the extension.
// Else it is that of Reset and Select.
//
// It panics if there was no Probe, if its card has left, and for an amount that does not
// fit 9F02.
func (m *Machine) TradeOn(in Input) Ready {
	p := m.probe
	if m.state != stProbed || p.Left {
		panic("kernel: a transaction after no probe, in state " + stateNames[m.state])
	}
	if err := m.Reset(in); err != nil {
		panic("kernel: " + err.Error())
	}
	aid := p.asked.aid[:p.asked.aidLen]
	if !p.ready.usable {
		return m.Select(aid)
	}
	if r := m.preprocess(); r.Outcome != nil {
		return r
	}
	m.data.aid, m.data.Support = m.keep(aid), p.ready.support
	if m.data.Support != 0 {
		return m.paused(stTransit)
	}
	return m.sendGPO()
}
