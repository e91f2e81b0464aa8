package purse

import (
	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/terminal/sam"
	"github.com/citycard/citycard/txn"
)

// work begins a job of the security module.
func (m *Machine) work(next state, j *sam.Job) Ready {
	m.state, m.job = next, j
	return m.goOn(j.Next(nil))
}

// Module takes what the security module answered to Ready.SAM, status word included;
// nil says that it did not answer.
func (m *Machine) Module(answer []byte) Ready {
	m.expect(stOpenModule, stTAC, stCredit, stProveModule, stProveCredit)
	return m.goOn(m.job.Next(answer))
}

func (m *Machine) goOn(command []byte, done bool, err error) Ready {
	if !done {
		return Ready{SAM: command}
	}
	switch m.state {
	case stOpenModule:
		return m.moduleOpened(err)
	case stTAC:
		return m.checkedTAC(err)
	case stCredit:
		return m.credited(err)
	case stProveModule:
		return m.checkedProof(err)
	}
	return m.creditedProof(err)
}

// moduleOpened has the module's number and MAC1. Without them the card was not asked
// for money yet.
func (m *Machine) moduleOpened(err error) Ready {
	if err != nil {
		return m.end(kernel.Failed, kernel.NotCommitted, txn.NoDoubt, Fault{Code: ModuleFailed, Err: err})
	}
	d := &m.data
	d.Terminal, d.Number, d.MAC1 = m.cfg.Module.Terminal(), m.job.Number(), m.job.MAC()
	return m.next()
}

// checkedTAC knows whether the card has paid, where the module has the key. If the
// module fails, nobody knows yet: its answer is kept, and the card can come back.
func (m *Machine) checkedTAC(err error) Ready {
	switch {
	case err != nil:
		return m.end(kernel.Failed, kernel.CommitUnknown, txn.LastAnswerLost, Fault{Code: ModuleFailed, Err: err})
	case m.job.Check() == sam.Wrong:
		return m.notGenuine()
	}
	m.tacGenuine = m.job.Check() == sam.Genuine
	return m.work(stCredit, m.cfg.Module.Credit(m.data.Card.Network, m.data.Number, m.data.MAC2))
}

// credited ends the purchase. If the module fails now, a genuine TAC is proof enough.
func (m *Machine) credited(err error) Ready {
	switch {
	case err != nil && m.tacGenuine, err == nil && m.job.Check() == sam.Genuine:
		return m.end(kernel.Approved, kernel.Committed, txn.NoDoubt, Fault{})
	case err != nil:
		return m.end(kernel.Failed, kernel.CommitUnknown, txn.LastAnswerLost, Fault{Code: ModuleFailed, Err: err})
	}
	return m.notGenuine()
}

func (m *Machine) notGenuine() Ready {
	return m.end(kernel.Failed, kernel.CommitUnknown, txn.ODAFailed, Fault{Code: NotGenuine})
}
