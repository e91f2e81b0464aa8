package pboc

// approving are the response codes (8A) with which a card may give a TC; Y1 is the
// terminal's own, the others the issuer's. 02 is a referral that was settled.
var approving = [...][2]byte{{'0', '0'}, {'1', '0'}, {'1', '1'}, {'0', '1'}, {'0', '2'}, {'Y', '1'}}

// Response codes of a terminal that could not go online (EMV Book 4, annex A6).
var (
	arcUnableApprove = [2]byte{'Y', '3'}
	arcUnableDecline = [2]byte{'Z', '3'}
)

// complete decides the second GENERATE AC (JR/T 0025.5, completion).
func (a *App) complete(g *generation) {
	g.cvr = a.firstCVR
	g.cvr[0] &= 0x3F
	switch {
	case g.arc != arcUnableApprove && g.arc != arcUnableDecline:
		a.afterOnline(g)
	case a.issuerAuth == authFailed && a.card.Product.Contact.action(ADAIssuerAuthFailedDecline):
		// Somebody has answered in the issuer's place: that it was not reached after
		// all is no way round 9F52.
		g.cvr[0] |= cvr1UnableOnline
		g.outcome = decline
	case a.way == wayCash:
		g.cvr[0] |= cvr1UnableOnline
		a.cashUnableOnline(g)
	default:
		g.cvr[0] |= cvr1UnableOnline
		a.unableOnline(g)
	}
	unable := g.cvr[0]&cvr1UnableOnline != 0
	if unable {
		// No issuer was reached. A script that came before all the same must not be
		// sent again now: it would undo what electronic cash has just paid.
		a.scripts.closed = true
		if a.issuerAuth == authFailed {
			g.cvr[0] |= cvr1IssuerAuthFailed
		}
	}
	if g.outcome == decline {
		a.declined(g, unable)
	}
	g.cvr[0] |= byte(g.outcome) << 6
}

// unableOnline decides offline what should have gone online. The memory of the open
// online transaction stays.
func (a *App) unableOnline(g *generation) {
	k := a.card.Product.Contact
	s, l := &g.before, g.limits
	own, _ := a.kindOfCurrency()
	refuse := false
	if s.ATC-s.LastOnlineATC > uint16(l.UCOL) {
		g.cvr[1] |= cvrVelocity
		refuse = true
	}
	if s.LastOnlineATC == 0 {
		g.cvr[1] |= cvrNewCard
		refuse = refuse || k.action(ADANewCardDecline)
	}
	if a.pinUsedUp(g) && !a.pinExhausted {
		g.cvr[1] |= cvrPINExceeded
		refuse = refuse || k.action(ADAPINExceededUnableOnline)
	}
	if own && l.HasCTTAUpper && s.CTTA+g.amount > l.CTTAUpper {
		g.cvr[1] |= cvrVelocity
		refuse = true
	}
	g.outcome = decline
	if g.asked == approve && !refuse && !s.Invalidated {
		g.outcome = approve
		a.count(g)
	}
}

// afterOnline completes a transaction that the issuer has answered. If it was
// authenticated, or need not be, the transaction is over for the memory; after a TC
// the counters begin anew.
func (a *App) afterOnline(g *generation) {
	k := a.card.Product.Contact
	refuse := false
	settled := true
	failed := a.issuerAuth == authFailed
	missing := a.issuerAuth == authMissing && k.IssuerAuthentication&IssuerAuthenticationMandatory != 0
	switch {
	case failed:
		g.cvr[0] |= cvr1IssuerAuthFailed
		g.after.Memory |= IssuerAuthFailed
		refuse, settled = k.action(ADAIssuerAuthFailedDecline), false
	case missing:
		g.cvr[1] |= cvrIssuerAuthMissing
		g.after.Memory |= IssuerAuthMissing
		refuse, settled = k.action(ADAIssuerAuthMissingDecline), false
	}
	g.outcome = decline
	if g.asked == approve && !refuse && !g.before.Invalidated && approves(g.arc) {
		g.outcome = approve
	}
	if (failed || missing) && k.action(ADAIssuerAuthAdvice) {
		g.advice = cidAdvice | cidIssuerAuth
	}
	if !settled {
		return
	}
	s := &g.after
	s.Memory &= BlockedByPIN
	if a.scripts.failed {
		s.Memory |= ScriptFailed
	}
	s.Scripts = 0
	if g.outcome == approve {
		s.LastOnlineATC = s.ATC
		s.CTTA, s.CTTADual, s.Foreign, s.ForeignCountry = 0, 0, 0, 0
	}
}

func approves(arc [2]byte) bool {
	for _, known := range approving {
		if arc == known {
			return true
		}
	}
	return false
}
