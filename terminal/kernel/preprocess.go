package kernel

import (
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/apdu"
)

// start does the terminal's pre-processing (JR/T 0025.12, transaction
// pre-processing; parameters DF19, DF20, DF21) and selects the directory.
//
// Where the rules want an online cryptogram from an offline-only reader, the
// transaction ends here: the standard says so for amount 0 only, and we do the
// same for the floor limit, the status check and the merchant's wish.
func (m *Machine) start() Ready {
	if r := m.preprocess(); r.Outcome != nil {
		return r
	}
	return m.send(stPPSE, apdu.Command{INS: 0xA4, P1: 0x04, Data: ppseName, Le: apdu.MaxShortLe})
}

// preprocess compares the amount with the limits and makes 9F66 for it. The Ready has an
// Outcome if this terminal may not take the amount in this way.
func (m *Machine) preprocess() Ready {
	c, amount := m.cfg, m.data.Amount
	m.data.TTQ, m.out.TVR = c.TTQ, [5]byte{}
	if c.ContactlessLimit > 0 && amount >= c.ContactlessLimit {
		return m.end(OtherInterface, NotCommitted, txn.NoDoubt, Fault{Code: LimitReached})
	}
	overFloor := c.FloorLimit > 0 && amount > c.FloorLimit
	if overFloor {
		m.out.TVR[3] |= tvr4FloorLimit
	}
	if m.in.ForceOnline {
		m.out.TVR[3] |= tvr4MerchantOnline
	}
	if m.in.ForceOnline || overFloor || c.ZeroAmountCheck && amount == 0 || c.StatusCheck && amount == oneYuan {
		if c.TTQ[0]&TTQ1OfflineOnly != 0 {
			return m.end(OtherInterface, NotCommitted, txn.NoDoubt, Fault{Code: LimitReached})
		}
		m.data.TTQ[1] |= TTQ2OnlineCryptogram
	}
	if c.CVMLimit > 0 && amount >= c.CVMLimit {
		m.data.TTQ[1] |= TTQ2CVMRequired
	}
	return Ready{}
}
