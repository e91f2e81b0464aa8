package pboc

// analyseCash decides the first GENERATE AC of electronic cash over the contacts
// (JR/T 0025.13): the checks of debit/credit are left out, the data must be those of
// GET PROCESSING OPTIONS, and a TC deducts.
func (a *App) analyseCash(g *generation) {
	k := a.card.Product.Contact
	g.outcome = g.asked
	switch {
	case g.before.Invalidated || !a.sameValues(k.CDOL1, a.seen[a.pdol:a.pdol+a.cdol1]):
		g.outcome = decline
	case g.asked == approve && !a.pay(g):
		g.outcome = decline
	}
}

// pay takes the amount from the balance if it covers it.
func (a *App) pay(g *generation) bool {
	if g.amount > g.before.Balance || g.amount > g.limits.Single {
		return false
	}
	g.after.Balance -= g.amount
	return true
}

// cashUnableOnline decides the second GENERATE AC of electronic cash whose ARQC did
// not reach the issuer: the balance pays as if the terminal had asked for a TC at
// once (our choice).
func (a *App) cashUnableOnline(g *generation) {
	k := a.card.Product.Contact
	values := a.seen[a.pdol+a.cdol1 : a.pdol+a.cdol1+a.cdol2]
	g.outcome = decline
	if g.asked == approve && !g.before.Invalidated && a.sameValues(k.CDOL2, values) && a.pay(g) {
		g.outcome = approve
	}
}
