package pboc

import "github.com/citycard/citycard/money"

// Bits of 9F66, terminal transaction qualifiers (JR/T 0025.12), byte by byte.
const (
	ttq1MSD         = 1 << 7
	ttq1Debit       = 1 << 6
	ttq1QPBOC       = 1 << 5
	ttq1OfflineOnly = 1 << 3
	ttq1OnlinePIN   = 1 << 2
	ttq1Contact     = 1 << 4
	ttq1Signature   = 1 << 1
	ttq2Online      = 1 << 7
	ttq2CVM         = 1 << 6
	ttq4FDDA01      = 1 << 7
)

// Bits of 9F6C byte 1 and of CVR byte 2.
const (
	ctqOnlinePIN   = 1 << 7
	ctqSignature   = 1 << 6
	cvrPINExceeded = 1 << 6
	cvrVelocity    = 1 << 5
	cvrNewCard     = 1 << 4
)

// outcome is how GET PROCESSING OPTIONS ends. The first three are the values of
// the cryptogram type in the CVR.
type outcome byte

const (
	decline        outcome = 0 // AAC
	approve        outcome = 1 // TC
	online         outcome = 2 // ARQC
	otherInterface outcome = 3 // 6985: use another interface
)

// request is what the decision looks at in the reader's data.
type request struct {
	ttq    [4]byte
	amount money.Fen
	match  bool // the currency is the card's own

	// For the low-value extension.

	trade   byte          // DF60, 0 to 3
	record  journeyRecord // that was read before
	refused bool          // the card declines
}

// verdict is what the card has decided.
type verdict struct {
	outcome outcome
	cvr     [3]byte
	ctq     [2]byte
	limits  *Limits // that the decision looked at
	after   State   // what a commit will store; only the values and counters differ
	prepaid bool    // an ARQC that deducts at once
}

// decide is the card decision of qPBOC (JR/T 0025.12), in its order. Nothing is
// stored here.
func (p *Product) decide(l *Limits, r *request, s *State) verdict {
	v := verdict{ctq: p.Qualifiers, limits: l, after: *s}
	settled := false
	if p.Extension != nil {
		v.outcome, settled = p.assessExtension(r, s, &v)
	}
	if !settled {
		v.outcome = p.assess(r, s, &v)
	}
	if v.outcome == online && !settled {
		v.outcome = p.goOnline(r, s, &v)
	}
	v.cvr[0] = 0x80 | byte(v.outcome)<<4
	return v
}

func (p *Product) assess(r *request, s *State, v *verdict) outcome {
	if !r.match && p.has(OptRefuseForeign) {
		return decline
	}
	offlineOnly := r.ttq[0]&ttq1OfflineOnly != 0
	var done bool
	var o outcome
	if offlineOnly {
		o, done = p.offlineReader(r, s, v)
	} else {
		o, done = p.onlineReader(r, s, v)
	}
	if done {
		return o
	}
	refuse := online
	if offlineOnly {
		refuse = decline
	}
	if !r.match {
		return p.foreign(s, v, refuse)
	}
	if r.trade != tradeNone {
		return p.fare(r, s, v, refuse)
	}
	return p.funds(r, s, v, refuse, offlineOnly)
}

// offlineReader is the part for readers that cannot go online.
func (p *Product) offlineReader(r *request, s *State, v *verdict) (o outcome, done bool) {
	if s.LastOnlineATC == 0 && p.has(OptRefuseNewCard) {
		return decline, true
	}
	if p.has(OptPINTries) && s.PINTries == 0 {
		v.cvr[1] |= cvrPINExceeded
		return decline, true
	}
	if p.needsCVM(r, v.limits) && !p.signature(r, v) {
		return otherInterface, true
	}
	// 9F68 does not allow this currency offline and this reader cannot ask the
	// issuer; the standard's text names only the online-capable case.
	return decline, !r.match && !p.has(OptForeignOffline)
}

// onlineReader is the part for readers that can go online.
func (p *Product) onlineReader(r *request, s *State, v *verdict) (o outcome, done bool) {
	if p.needsCVM(r, v.limits) {
		pin := p.has(OptOnlinePIN)
		if !r.match {
			pin = p.has(OptForeignPIN)
		}
		if pin && r.ttq[0]&ttq1OnlinePIN != 0 {
			v.ctq[0] |= ctqOnlinePIN
			return online, true
		}
		if !p.signature(r, v) {
			return otherInterface, true
		}
	}
	if p.has(OptNewCard) && s.LastOnlineATC == 0 {
		v.cvr[1] |= cvrNewCard
		done = true
	}
	if p.has(OptPINTries) && s.PINTries == 0 {
		v.cvr[1] |= cvrPINExceeded
		done = true
	}
	asked := r.ttq[1]&ttq2Online != 0
	return online, done || asked || !r.match && !p.has(OptForeignOffline)
}

func (p *Product) needsCVM(r *request, l *Limits) bool {
	if r.ttq[1]&ttq2CVM != 0 {
		return true
	}
	if r.match {
		return r.amount > l.CVM
	}
	return p.has(OptForeignCVM)
}

// signature chooses the signature if both sides support it.
func (p *Product) signature(r *request, v *verdict) bool {
	if !p.has(OptSignature) || r.ttq[0]&ttq1Signature == 0 {
		return false
	}
	v.ctq[0] |= ctqSignature
	return true
}

// foreign counts payments in other currencies against 9F53.
func (p *Product) foreign(s *State, v *verdict, refuse outcome) outcome {
	if s.Foreign >= v.limits.Foreign {
		v.cvr[1] |= cvrVelocity
		return refuse
	}
	v.after.Foreign++
	return approve
}

// funds does the one funds test that 9F68 asks for.
func (p *Product) funds(r *request, s *State, v *verdict, refuse outcome, offlineOnly bool) outcome {
	withinSingle := r.amount <= v.limits.Single
	ec := withinSingle && r.amount <= s.Balance
	ctta := s.CTTA+r.amount <= v.limits.ctta()
	if !offlineOnly {
		ec = withinSingle && s.Balance-r.amount >= v.limits.Threshold
	}
	ok := false
	switch {
	case p.has(OptECCheck):
		if ok = ec; ok {
			v.after.Balance -= r.amount
		}
	case p.has(OptECAndCTTA):
		if ok = ec && ctta; ok {
			v.after.Balance -= r.amount
			v.after.CTTA += r.amount
		}
	case p.has(OptECOrCTTA):
		// The threshold is not used here; the electronic cash pays if it can.
		if ec = withinSingle && r.amount <= s.Balance; ec {
			v.after.Balance -= r.amount
		} else if ctta {
			v.after.CTTA += r.amount
		}
		ok = ec || ctta
	default:
		return refuse
	}
	if !ok {
		v.cvr[1] |= cvrVelocity
		return refuse
	}
	return approve
}

// goOnline is what becomes of an ARQC.
func (p *Product) goOnline(r *request, s *State, v *verdict) outcome {
	if p.has(OptPreferContact) && r.ttq[0]&ttq1Contact != 0 {
		return otherInterface
	}
	if !p.has(OptPrepay) || !r.match {
		return online
	}
	if r.amount == 0 || r.amount > s.Balance {
		return decline
	}
	v.after.Balance = s.Balance - r.amount
	v.prepaid = true
	return online
}

// available is 9F5D for a state.
func (p *Product) available(l *Limits, s *State) money.Fen {
	rest := max(0, l.ctta()-s.CTTA)
	switch {
	case p.has(OptECCheck):
		return s.Balance
	case p.has(OptECAndCTTA):
		return rest
	case p.has(OptECOrCTTA):
		return min(s.Balance+rest, money.MaxN12)
	}
	return 0
}
