package purse

import (
	"github.com/citycard/citycard/crypt/epurse"
	"github.com/citycard/citycard/terminal/sam"
	"github.com/citycard/citycard/wire/apdu"
)

// Prove asks the card at Ready.Known what became of a torn purchase; torn is a copy of
// the Data of its Outcome. It changes nothing on the card. At the end Ready.Probe is
// set, and the machine is at Known again: Trade may follow in the same touch.
//
// GET TRANSACTION PROVE, 805A00 type, number: 9000 gives MAC2 and TAC, which the module
// checks. 9406 alone is no answer, since a card proves its last purchase only: then
// INITIALIZE FOR CAPP PURCHASE over nothing, which writes nothing, tells the counter.
//
//   - It stands where it stood before the torn purchase: that was not paid.
//   - It is one higher: the number was used by the last purchase. The card is asked once
//     more, by the number of the other reading (Config.ProofBefore): a genuine TAC over
//     the torn purchase still proves it. 9406 again: it was another purchase.
//   - It is any other: nothing is known.
//
// The machine keeps no list: a host keeps a torn purchase that is NotPaid until the
// Trade that follows is approved, whose MAC2 is the card's proof of the same counter.
func (m *Machine) Prove(torn *Data) Ready {
	m.expect(stKnown)
	m.torn, m.given = *torn, [2]epurse.MAC{torn.TAC, torn.MAC2}
	m.probe = Probe{Data: &m.torn}
	if torn.Card.Key != m.data.Card.Key {
		return m.probed(OtherCard, Fault{})
	}
	if !torn.Begun {
		panic("purse: proof of a purchase that was never begun")
	}
	return m.askProof(false)
}

// askProof sends GET TRANSACTION PROVE with the number by which the card is said to name
// the purchase, or with the other one.
func (m *Machine) askProof(other bool) Ready {
	m.other = other
	number := m.torn.LoggedNumber()
	if m.cfg.ProofBefore != other {
		number = m.torn.Sequence
	}
	b := append(m.body[:0], byte(number>>8), byte(number))
	return m.send(stProve, apdu.Command{CLA: 0x80, INS: 0x5A, P2: byte(m.torn.Type), Data: b, Le: 8})
}

// probed ends Prove, at Known again unless the card has gone.
func (m *Machine) probed(v Verdict, f Fault) Ready {
	m.probe.Verdict, m.probe.Fault, m.state = v, f, stKnown
	if m.probe.Left {
		m.state = stDone
	}
	return Ready{Probe: &m.probe}
}

func (m *Machine) proved(data []byte, sw apdu.SW) Ready {
	if m.state == stProveInit {
		return m.counted(data, sw)
	}
	switch {
	case sw == apdu.SWProofNotAvailable && len(data) == 0 && m.other:
		return m.probed(NotPaid, Fault{})
	case sw == apdu.SWProofNotAvailable && len(data) == 0:
		return m.initialize(stProveInit, epurse.Compound, 0)
	case sw != apdu.SWOK:
		return m.probed(Unclear, status(sw))
	case len(data) != 8:
		return m.probed(Unclear, Fault{Code: BadAnswer})
	}
	t := &m.torn
	t.MAC2, t.TAC = epurse.MAC(data), epurse.MAC(data[4:])
	trade := t.trade()
	return m.work(stProveModule, m.cfg.Module.CheckTAC(t.Card.module(), t.Alg, &trade, t.TAC))
}

// checkedProof knows whether the TAC is that of the torn purchase, where the module has
// the key. As long as the module has that purchase open, it judges MAC2 too: the issuer
// wants both.
func (m *Machine) checkedProof(err error) Ready {
	switch {
	case err != nil:
		return m.unproved(Fault{Code: ModuleFailed, Err: err})
	case m.job.Check() == sam.Wrong:
		return m.unproved(Fault{Code: NotGenuine})
	case m.job.Check() == sam.Unchecked && m.other: // it may be the purchase before
		return m.unproved(Fault{Code: NoKey})
	}
	m.tacGenuine = m.job.Check() == sam.Genuine
	if m.cfg.Module.Open(m.torn.Card.Network, m.torn.Number) {
		return m.work(stProveCredit, m.cfg.Module.Credit(m.torn.Card.Network, m.torn.Number, m.torn.MAC2))
	}
	m.torn.Answered = true
	if m.tacGenuine {
		return m.probed(Paid, Fault{})
	}
	return m.probed(Unverified, Fault{})
}

func (m *Machine) creditedProof(err error) Ready {
	switch {
	case err != nil && !m.tacGenuine:
		return m.unproved(Fault{Code: ModuleFailed, Err: err})
	case err == nil && m.job.Check() != sam.Genuine:
		return m.unproved(Fault{Code: NotGenuine})
	}
	m.torn.Answered = true
	return m.probed(Paid, Fault{})
}

// unproved ends Prove without proof: the codes are again those that DEBIT gave.
func (m *Machine) unproved(f Fault) Ready {
	m.torn.TAC, m.torn.MAC2 = m.given[0], m.given[1]
	return m.probed(Unclear, f)
}

// counted has the card's counter.
func (m *Machine) counted(data []byte, sw apdu.SW) Ready {
	if sw != apdu.SWOK {
		return m.probed(Unclear, status(sw))
	}
	var now Data
	if f := now.opening(data); f.Code != NoFault {
		return m.probed(Unclear, f)
	}
	switch now.Sequence {
	case m.torn.Sequence:
		return m.probed(NotPaid, Fault{})
	case m.torn.LoggedNumber():
		return m.askProof(true)
	}
	return m.probed(Unclear, Fault{})
}
