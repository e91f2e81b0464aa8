package capp

import "github.com/citycard/citycard/money"

// MaxHolds is how many pre-authorisations a card can have open at once.
const MaxHolds = 3

// Hold is an amount that a pre-authorisation keeps, for the record in whose journey
// it was given. SFI 0: none.
type Hold struct {
	SFI    byte
	ID     uint16
	Amount money.Fen
}

// Purse is the money of a card with the extension. All amounts are fen.
type Purse struct {
	Balance money.Fen // 9F79
	Deposit money.Fen // DF62: how far fares may go beyond the balance
	Used    money.Fen // DF63: how much of the deposit they have taken
	Holds   [MaxHolds]Hold
}

// Pay takes a fare: from the balance, and what that does not cover from the deposit.
// It gives false, and changes nothing, if both together do not cover it.
func (p *Purse) Pay(amount money.Fen) bool {
	if amount > p.Balance+p.Deposit-p.Used {
		return false
	}
	if amount <= p.Balance {
		p.Balance -= amount
		return true
	}
	p.Used += amount - p.Balance
	p.Balance = 0
	return true
}

// Find gives the slot of the pre-authorisation for a record, or of a free one for
// SFI and ID 0; -1 if there is none.
func (p *Purse) Find(sfi byte, id uint16) int {
	for i := range p.Holds {
		if p.Holds[i].SFI == sfi && p.Holds[i].ID == id {
			return i
		}
	}
	return -1
}

// Hold keeps an amount for a record. It gives false, and changes nothing, if the
// balance does not cover it, if there is one for this record already, or no slot is
// free: the deposit secures fares, not holds (our choice).
func (p *Purse) Hold(sfi byte, id uint16, amount money.Fen) bool {
	slot := p.Find(0, 0)
	if amount > p.Balance || slot < 0 || p.Find(sfi, id) >= 0 {
		return false
	}
	p.Balance -= amount
	p.Holds[slot] = Hold{sfi, id, amount}
	return true
}

// Complete ends a pre-authorisation with what is to be paid: what is left of the
// amount held first gives back deposit, then balance; what is missing is taken like a
// fare. It gives false, and changes nothing, if there is no pre-authorisation for the
// record, or the money does not cover the amount.
func (p *Purse) Complete(sfi byte, id uint16, amount money.Fen) bool {
	slot := p.Find(sfi, id)
	if slot < 0 {
		return false
	}
	held := p.Holds[slot].Amount
	if amount > held {
		if !p.Pay(amount - held) {
			return false
		}
	} else {
		p.Load(p.Balance + held - amount)
	}
	p.Holds[slot] = Hold{}
	return true
}

// Load makes a value the balance, after the deposit that was used is given back from
// it (JR/T 0025.14).
func (p *Purse) Load(value money.Fen) {
	back := min(value, p.Used)
	p.Used -= back
	p.Balance = value - back
}

// Held is the sum of all pre-authorisations.
func (p *Purse) Held() money.Fen {
	sum := money.Fen(0)
	for i := range p.Holds {
		sum += p.Holds[i].Amount
	}
	return sum
}
