package purse

import (
	"encoding/binary"

	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/crypt/epurse"
	"github.com/citycard/citycard/wire/apdu"
)

// step is the command that goes on with a trade.
type step byte

const (
	noStep step = iota
	stepCredit
	stepDebit
	stepCompound
	stepUnload
	stepOverdraft
)

// trade is one that INITIALIZE has begun; it is in RAM only.
type trade struct {
	next    step
	account int
	key     int // place in the list
	random  [4]byte
	what    epurse.Trade
	cached  []cached
	room    [maxCached]cached
}

// cached is a record that a compound purchase will write.
type cached struct {
	file, record int // record 0 is a new one of a cyclic file
	length       int
	data         [maxRecord]byte
}

func (a *App) endTrade() {
	a.trade.next = noStep
	a.trade.cached = a.trade.room[:0]
}

// kind is a form of INITIALIZE by P1.
type kind struct {
	next   step
	use    Use
	types  [2]epurse.Type // for ED and EP; 0 if there is no such trade
	lc     int
	answer int
}

// kinds: 00 load, 01 purchase, 02 cash, 03 compound purchase, 04 overdraft update,
// 05 unload.
var kinds = [...]kind{
	{stepCredit, UseLoad, [2]epurse.Type{epurse.LoadED, epurse.LoadEP}, 11, 16},
	{stepDebit, UsePurchase, [2]epurse.Type{epurse.PurchaseED, epurse.PurchaseEP}, 11, 15},
	{stepDebit, UsePurchase, [2]epurse.Type{epurse.Cash, 0}, 11, 15},
	{stepCompound, UsePurchase, [2]epurse.Type{0, epurse.Compound}, 11, 15},
	{stepOverdraft, UseOverdraft, [2]epurse.Type{epurse.Overdraft, epurse.Overdraft}, 7, 19},
	{stepUnload, UseUnload, [2]epurse.Type{epurse.Unload, epurse.Unload}, 11, 16},
}

// initialize is INITIALIZE FOR LOAD, PURCHASE, CASH WITHDRAW, UNLOAD, UPDATE and
// CAPP PURCHASE, 8050 P1, P2 01 ED, 02 EP: key index, amount (but for an update),
// terminal. It writes nothing.
//
// 6A81: the card has no such account; 6982: the account's rule is not satisfied;
// 9403: there is no such key; 9401: more than the balance is asked; 9402: the
// counter is at its end; 6985: the balance would be more than it can be; 6A80: an
// amount of nothing outside a compound purchase, which metro entries send (our
// choice).
func (a *App) initialize(r *request) (apdu.SW, error) {
	if int(r.P1) >= len(kinds) || r.P2 != 1 && r.P2 != 2 {
		return apdu.SWWrongP1P2, nil
	}
	k := &kinds[r.P1]
	i := int(r.P2 - 1)
	spec := a.t.accounts()[i]
	switch sw := r.shape(k.lc, k.answer); {
	case k.types[i] == 0:
		return apdu.SWWrongP1P2, nil
	case sw != apdu.SWOK:
		return sw, nil
	case spec == nil:
		return apdu.SWNotSupported, nil
	case !spec.rule(r.P1).Allows(a.met):
		return apdu.SWSecurity, nil
	}
	a.trade.account, a.trade.key = i, a.t.spec.key(k.use, r.data[0])
	if a.trade.key < 0 {
		return apdu.SWPurseKeyIndex, nil
	}
	if key := &a.t.spec.Keys[a.trade.key]; key.Tries > 0 && a.m[atTries+a.trade.key] == 0 {
		return apdu.SWPurseLocked, nil
	}
	a.trade.what = epurse.Trade{Type: k.types[i], Terminal: epurse.Terminal(r.data[k.lc-6:]), AuthCode: a.t.spec.AuthCode}
	if k.next != stepOverdraft {
		a.trade.what.Amount = binary.BigEndian.Uint32(r.data[1:])
	}
	m := readAccount(a.m, i)
	if sw := a.afford(k.next, &m, spec); sw != apdu.SWOK {
		return sw, nil
	}
	if !a.random(a.trade.random[:]) {
		return apdu.SWUnknown, nil
	}
	a.trade.next = k.next
	r.reply = a.opening(&m)
	return apdu.SWOK, nil
}

// rule is who may begin a trade of an account.
func (s *Account) rule(p1 byte) cos.Access {
	switch kinds[p1].next {
	case stepCredit, stepOverdraft:
		return s.Load
	case stepUnload:
		return s.Unload
	}
	if kinds[p1].types[accountED] == epurse.Cash {
		return s.Cash
	}
	return s.Purchase
}

// counter is the one that a trade uses up.
func (m *account) counter(next step) uint16 {
	if next == stepDebit || next == stepCompound {
		return m.offline
	}
	return m.online
}

// afford judges the amount and the counter of a trade that is to begin.
func (a *App) afford(next step, m *account, spec *Account) apdu.SW {
	amount := a.trade.what.Amount
	switch {
	case m.counter(next) == 0xFFFF:
		return apdu.SWPurseCounter
	case next == stepOverdraft:
	case amount == 0 && next != stepCompound:
		return apdu.SWWrongData
	case next == stepCredit && amount > spec.Max-m.balance:
		return apdu.SWConditions
	case next == stepUnload && amount > m.balance-min(m.limit, m.balance):
		return apdu.SWPurseFunds // what is lent is not there to be taken out
	case next != stepCredit && amount > m.balance:
		return apdu.SWPurseFunds
	}
	return apdu.SWOK
}

// opening is the answer of INITIALIZE: balance, counter, of purchases and updates
// the overdraft limit, key version, algorithm, random number, and but for purchases
// MAC1.
func (a *App) opening(m *account) []byte {
	t := &a.trade
	key := &a.t.spec.Keys[t.key]
	seq := m.counter(t.next)
	out := binary.BigEndian.AppendUint32(a.out[:0], m.balance)
	out = binary.BigEndian.AppendUint16(out, seq)
	if t.next != stepCredit && t.next != stepUnload {
		out = append(out, byte(m.limit>>16), byte(m.limit>>8), byte(m.limit))
	}
	out = append(out, key.Version, byte(key.Alg))
	out = append(out, t.random[:]...)
	switch t.next {
	case stepCredit, stepUnload:
		mac := epurse.LoadMAC1(a.hostSession(seq), m.balance, &t.what)
		out = append(out, mac[:]...)
	case stepOverdraft:
		mac := epurse.OverdraftMAC1(a.hostSession(seq), m.balance, m.limit, &t.what)
		out = append(out, mac[:]...)
	}
	return out
}

// hostSession is the key of a trade with the host.
func (a *App) hostSession(online uint16) epurse.Session {
	key := &a.t.spec.Keys[a.trade.key]
	return epurse.LoadSession(key.Alg, key.Value, a.trade.random, online)
}

// tacSession is the TAC key that goes with the trade's key.
func (a *App) tacSession() epurse.Session {
	alg := a.t.spec.Keys[a.trade.key].Alg
	return epurse.TACSession(alg, a.t.spec.Keys[a.t.spec.tacKey(alg)].Value)
}

// wrongMAC counts a wrong MAC of a trade: 9302, or 9303 if it was the last that the
// key allows, which locks the purse for good.
func (a *App) wrongMAC() (apdu.SW, error) {
	k := a.trade.key
	if a.t.spec.Keys[k].Tries == 0 {
		return apdu.SWPurseMAC, nil
	}
	left := a.m[atTries+k]
	left -= min(left, 1)
	if err := a.p.Begin(); err != nil {
		return 0, err
	}
	a.p.Put(atTries+k, []byte{left})
	sw := apdu.SWPurseMAC
	if left == 0 {
		a.p.Put(atState, []byte{stateLocked})
		sw = apdu.SWPurseLocked
	}
	return sw, a.p.Commit()
}

// settle makes a trade take effect in one transaction: account, tries of its key,
// proof, log and cached records. The trade is then over.
func (a *App) settle(m *account, p proof) error {
	t := &a.trade
	if err := a.p.Begin(); err != nil {
		return err
	}
	b := m.encode()
	a.p.Put(atAccounts+t.account*accountSize, b[:])
	if most := a.t.spec.Keys[t.key].Tries; a.m[atTries+t.key] != most {
		a.p.Put(atTries+t.key, []byte{most})
	}
	file, which := a.t.spec.Log, 1
	if t.next != stepDebit && t.next != stepCompound {
		which = 0
		if a.t.spec.LoadLog != 0 {
			file = a.t.spec.LoadLog
		}
	}
	pb := p.encode()
	a.p.Put(atProofs+which*proofSize, pb[:])
	var moved rings
	a.add(&moved, a.index(file), logRecord(m, p.seq+1, &t.what))
	for i := range t.cached {
		c := &t.cached[i]
		if c.record == 0 {
			a.add(&moved, c.file, c.data[:c.length])
			continue
		}
		at, _ := a.record(c.file, c.record)
		a.p.Put(at, c.data[:c.length])
	}
	a.endTrade()
	return a.p.Commit()
}

// logRecord is a record of a log: counter after the trade 2, overdraft limit 3, amount
// 4, type 1, terminal 6, date and time 7.
func logRecord(m *account, seq uint16, t *epurse.Trade) []byte {
	b := make([]byte, 0, logLength)
	b = append(b, byte(seq>>8), byte(seq), byte(m.limit>>16), byte(m.limit>>8), byte(m.limit))
	b = binary.BigEndian.AppendUint32(b, t.Amount)
	b = append(b, byte(t.Type))
	b = append(b, t.Terminal[:]...)
	return append(b, t.Stamp[:]...)
}
