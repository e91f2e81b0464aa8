package emv

import (
	"slices"

	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/crypt/pin"
	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/tlv"
)

// completed acts on the second cryptogram and sends the scripts that come after it.
// A load whose TC did not come keeps its script back: the issuer will undo what it
// booked.
func (m *Machine) completed(genuine bool) Ready {
	h := &m.host
	m.gen.genuine = genuine
	approved := m.data.CID&cidKind == askTC && genuine
	if h.approved && m.moves() && !approved && len(h.scripts) > 0 {
		m.note(IssuerScript, NoteScriptHeldBack, 0, nil)
		return m.scriptsOver()
	}
	if h.answered {
		return m.runScripts(tlv.TagIssuerScript2)
	}
	return m.scriptsOver()
}

// scriptsOver ends the transaction.
func (m *Machine) scriptsOver() Ready {
	d := &m.data
	m.out.Scripts = d.scripts
	tc := d.CID&cidKind == askTC
	switch {
	case m.gen.refused:
		return m.notGenuine()
	case tc && !m.gen.genuine:
		m.out.Reversal = m.reversal(BadCompletion)
		return m.notGenuine()
	case !tc:
		return m.declinedLate()
	case m.moves():
		return m.moved()
	}
	m.out.Cash = m.gen.pays
	switch {
	case m.gen.pays:
		m.out.Commit = kernel.Committed
	case d.Cash:
		m.note(Completion, NoteCashNotDebited, 0, nil)
	}
	m.out.Reversal = m.reversal(NoReversal)
	return m.end(kernel.Approved, kernel.Fault{})
}

// declinedLate ends a transaction that was declined after the issuer was, or should
// have been, asked.
func (m *Machine) declinedLate() Ready {
	h := &m.host
	f := fault(kernel.HostRefused, tlv.TagARC)
	switch {
	case h.answered && h.approved:
		f = fault(kernel.CardRefused, tlv.TagCID)
	case h.fault.Code != kernel.NoFault:
		f = h.fault
	case !h.answered:
		f = fault(kernel.HostLost, tlv.TagARC)
	}
	m.out.Reversal = m.reversal(CardRefusedLate)
	m.out.Reason = m.reasonOf(txn.CardDeclined)
	return m.end(kernel.Declined, f)
}

// moved ends a load or unload that issuer and card have approved: it has come about
// if the card has carried out the command that sets the balance. What became of the
// scripts' other commands, DF31 says.
func (m *Machine) moved() Ready {
	switch m.host.cash {
	case cashSet:
		return m.end(kernel.Approved, kernel.Fault{})
	case cashUnsure:
		m.out.Reversal = m.reversal(BadCompletion)
		return m.end(kernel.Failed, fault(kernel.BadAnswer, tlv.TagIssuerScriptCommand))
	}
	for _, s := range m.host.scripts {
		if slices.ContainsFunc(s.commands, setsBalance) {
			m.out.Reversal = m.reversal(CardRefusedLate)
			return m.end(kernel.Declined, fault(kernel.CardRefused, tlv.TagIssuerScriptCommand))
		}
	}
	m.out.Reversal = m.reversal(BadCompletion)
	return m.end(kernel.Failed, fault(kernel.Missing, tlv.TagIssuerScript2))
}

// reversal says what must be undone at the issuer: late if the issuer approved and
// the transaction did not come about; a question without an answer is undone even if
// card and terminal approved without it. A load or unload whose script has set the
// card's balance, or may have, must not be undone: the issuer is to ask.
func (m *Machine) reversal(late Reversal) Reversal {
	h := &m.host
	switch {
	case !h.asked || h.answered && !h.approved:
		return NoReversal
	case !h.answered:
		return AnswerLost
	case late != NoReversal && m.moves() && h.cash != cashUntouched:
		return ScriptUnknown
	}
	return late
}

// reasonOf is the doubt reason of an electronic cash transaction; debit/credit leaves
// no row.
func (m *Machine) reasonOf(r txn.DoubtReason) txn.DoubtReason {
	if m.data.Cash {
		return r
	}
	return txn.NoDoubt
}

// unusable ends the transaction for an answer that cannot be worked with. If the
// card may have paid by then, nothing is claimed. A script that is answered so has
// failed, and no more.
func (m *Machine) unusable(f kernel.Fault) Ready {
	if m.state == stScript {
		return m.scriptStopped(0)
	}
	if m.gen.refused {
		return m.notGenuine()
	}
	m.out.Scripts = m.data.scripts
	switch {
	case m.state == stGenerate && m.gen.pays:
		m.out.Commit, m.out.Reason, m.out.Cash = kernel.CommitUnknown, txn.LastAnswerLost, true
	case m.out.Identified:
		m.out.Reason = m.reasonOf(txn.MissingCardData)
	}
	m.out.Reversal = m.reversal(BadCompletion)
	return m.end(kernel.Failed, f)
}

// cardLeft ends the transaction of a card that has gone.
func (m *Machine) cardLeft() Ready {
	m.present = false
	switch m.state {
	case stRemove:
		return m.finish()
	case stScript:
		m.stopScript(0)
		after := tlv.Tag(m.host.scripts[m.host.run].template) == tlv.TagIssuerScript2
		if after && (!m.moves() || m.host.cash == cashSet) {
			// The cryptogram came before, and the money has moved: it stands.
			return m.scriptsOver()
		}
	}
	if m.gen.refused {
		return m.notGenuine()
	}
	m.out.Scripts = m.data.scripts
	if m.host.answered && !m.host.approved {
		m.out.Reason = m.reasonOf(txn.CardDeclined)
		return m.end(kernel.Declined, fault(kernel.HostRefused, tlv.TagARC))
	}
	switch {
	case m.state == stGenerate && m.gen.pays:
		m.out.Commit, m.out.Reason, m.out.Cash = kernel.CommitUnknown, txn.LastAnswerLost, true
	case m.out.Identified:
		m.out.Reason = m.reasonOf(txn.LeftBeforeLast)
	}
	m.out.Reversal = m.reversal(CardGone)
	return m.end(kernel.Torn, kernel.Fault{})
}

// end fixes the result; a card that is still there is given back first.
func (m *Machine) end(r kernel.Result, f kernel.Fault) Ready {
	m.out.Result, m.out.Fault = r, f
	m.out.Signature = m.out.Signature && r == kernel.Approved
	m.pins.block, m.pins.online, m.host.request.PIN = oda.PINBlock{}, pin.PIN{}, pin.PIN{}
	clear(m.cmd)
	if m.present {
		m.state = stRemove
		return Ready{RemoveCard: true}
	}
	return m.finish()
}

func (m *Machine) finish() Ready {
	m.state, m.present = stDone, false
	return Ready{Outcome: &m.out}
}
