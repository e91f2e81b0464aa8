package purse

import (
	"encoding/binary"

	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/crypt/epurse"
	"github.com/citycard/citycard/wire/apdu"
)

// awaits tells whether a trade waits for one of two steps: 6901 if not.
func (a *App) awaits(x, y step) apdu.SW {
	if a.trade.next == noStep || a.trade.next != x && a.trade.next != y {
		return apdu.SWWrongState
	}
	return apdu.SWOK
}

// creditForLoad is CREDIT FOR LOAD, 80520000: date, time, MAC2. Answer: TAC.
func (a *App) creditForLoad(r *request) (apdu.SW, error) {
	if r.P1 != 0 || r.P2 != 0 {
		return apdu.SWWrongP1P2, nil
	}
	if sw := a.awaits(stepCredit, stepCredit); sw != apdu.SWOK {
		return sw, nil
	}
	if sw := r.shape(11, 4); sw != apdu.SWOK {
		return sw, nil
	}
	t := &a.trade
	t.what.Stamp = epurse.Stamp(r.data)
	m := readAccount(a.m, t.account)
	mac := epurse.LoadMAC2(a.hostSession(m.online), &t.what)
	if !epurse.Equal(mac, r.data[7:]) {
		return a.wrongMAC()
	}
	p := proof{kind: t.what.Type, seq: m.online, mac: mac}
	m.balance += t.what.Amount
	m.online++
	p.tac = epurse.LoadTAC(a.tacSession(), m.balance, p.seq, &t.what)
	if err := a.settle(&m, p); err != nil {
		return 0, err
	}
	r.reply = append(a.out[:0], p.tac[:]...)
	return apdu.SWOK, nil
}

// debit is DEBIT FOR PURCHASE, CASH WITHDRAW and CAPP PURCHASE, 805401 00, and DEBIT
// FOR UNLOAD, 805403 00.
func (a *App) debit(r *request) (apdu.SW, error) {
	switch {
	case r.P1 == 0x03 && r.P2 == 0:
		return a.debitForUnload(r)
	case r.P1 != 0x01 || r.P2 != 0:
		return apdu.SWWrongP1P2, nil
	}
	return a.debitForPurchase(r)
}

// debitForPurchase: terminal's counter, date, time, MAC1. Answer: TAC, MAC2. 6985: a
// compound purchase without a record to write.
func (a *App) debitForPurchase(r *request) (apdu.SW, error) {
	if sw := a.awaits(stepDebit, stepCompound); sw != apdu.SWOK {
		return sw, nil
	}
	if sw := r.shape(15, 8); sw != apdu.SWOK {
		return sw, nil
	}
	t := &a.trade
	if t.next == stepCompound && len(t.cached) == 0 {
		return apdu.SWConditions, nil
	}
	t.what.TerminalSeq = binary.BigEndian.Uint32(r.data)
	t.what.Stamp = epurse.Stamp(r.data[4:])
	m := readAccount(a.m, t.account)
	key := &a.t.spec.Keys[t.key]
	s := epurse.PurchaseSession(key.Alg, key.Value, t.random, m.offline, t.what.TerminalSeq)
	if !epurse.Equal(epurse.PurchaseMAC1(s, &t.what), r.data[11:]) {
		return a.wrongMAC()
	}
	p := proof{t.what.Type, m.offline, epurse.PurchaseMAC2(s, t.what.Amount), epurse.PurchaseTAC(a.tacSession(), &t.what)}
	m.balance -= t.what.Amount
	m.offline++
	if err := a.settle(&m, p); err != nil {
		return 0, err
	}
	r.reply = append(append(a.out[:0], p.tac[:]...), p.mac[:]...)
	return apdu.SWOK, nil
}

// debitForUnload: date, time, MAC2. Answer: MAC3. Its proof has MAC3 and no TAC.
func (a *App) debitForUnload(r *request) (apdu.SW, error) {
	if sw := a.awaits(stepUnload, stepUnload); sw != apdu.SWOK {
		return sw, nil
	}
	if sw := r.shape(11, 4); sw != apdu.SWOK {
		return sw, nil
	}
	t := &a.trade
	t.what.Stamp = epurse.Stamp(r.data)
	m := readAccount(a.m, t.account)
	s := a.hostSession(m.online)
	if !epurse.Equal(epurse.LoadMAC2(s, &t.what), r.data[7:]) {
		return a.wrongMAC()
	}
	p := proof{kind: t.what.Type, seq: m.online}
	m.balance -= t.what.Amount
	m.online++
	p.mac = epurse.UnloadMAC3(s, m.balance, p.seq, &t.what)
	if err := a.settle(&m, p); err != nil {
		return 0, err
	}
	r.reply = append(a.out[:0], p.mac[:]...)
	return apdu.SWOK, nil
}

// updateOverdraft is UPDATE OVERDRAFT LIMIT, 80580000: new limit, date, time, MAC2.
// Answer: TAC. The stored balance goes up or down with the limit. 9401: so much is
// already spent that the limit cannot be so low; 6985: the balance would be more
// than it can be.
func (a *App) updateOverdraft(r *request) (apdu.SW, error) {
	if r.P1 != 0 || r.P2 != 0 {
		return apdu.SWWrongP1P2, nil
	}
	if sw := a.awaits(stepOverdraft, stepOverdraft); sw != apdu.SWOK {
		return sw, nil
	}
	if sw := r.shape(14, 4); sw != apdu.SWOK {
		return sw, nil
	}
	t := &a.trade
	t.what.Amount = uint32(r.data[0])<<16 | uint32(r.data[1])<<8 | uint32(r.data[2])
	t.what.Stamp = epurse.Stamp(r.data[3:])
	m := readAccount(a.m, t.account)
	mac := epurse.OverdraftMAC2(a.hostSession(m.online), &t.what)
	if !epurse.Equal(mac, r.data[10:]) {
		return a.wrongMAC()
	}
	switch raised := m.balance + t.what.Amount; {
	case raised < m.limit:
		return apdu.SWPurseFunds, nil
	case raised-m.limit > a.t.accounts()[t.account].Max:
		return apdu.SWConditions, nil
	}
	p := proof{kind: t.what.Type, seq: m.online, mac: mac}
	m.balance += t.what.Amount - m.limit
	m.limit = t.what.Amount
	m.online++
	p.tac = epurse.OverdraftTAC(a.tacSession(), m.balance, p.seq, &t.what)
	if err := a.settle(&m, p); err != nil {
		return 0, err
	}
	r.reply = append(a.out[:0], p.tac[:]...)
	return apdu.SWOK, nil
}

// updateCache is UPDATE CAPP DATA CACHE, 80DC: a record that the compound purchase
// under way will write. P2 names it as UPDATE RECORD does; P1 is 00 for a cyclic
// file. A record that is cached twice is written as it came last. 6981: the file is
// not written by compound purchases; 6A80: identifier or length byte are not those
// of the record; 6985: its lock flag is set; 6A84: too many records.
func (a *App) updateCache(r *request) (apdu.SW, error) {
	if sw := a.awaits(stepCompound, stepCompound); sw != apdu.SWOK {
		return sw, nil
	}
	mode := r.P2 & 7
	if mode != byIdentifier && mode != previous && mode != byNumber {
		return apdu.SWWrongP1P2, nil
	}
	i, sw := a.records(r.P2)
	if sw != apdu.SWOK {
		return sw, nil
	}
	f := &a.t.spec.Files[i]
	n := 0
	switch {
	case r.Le != apdu.NoLe:
		return apdu.SWWrongLength, nil
	case !f.Compound:
		return apdu.SWFileType, nil
	case f.Kind == cos.Cyclic && r.P1 == 0:
		if len(r.data) != f.RecordLength {
			return apdu.SWWrongLength, nil
		}
	case f.Kind == cos.Cyclic || mode == previous || r.P1 == 0:
		return apdu.SWWrongP1P2, nil
	default:
		if n = a.find(i, r.P1, mode); n == 0 {
			return apdu.SWRecordNotFound, nil
		}
		at, length := a.record(i, n)
		if sw := f.replaces(a.m[at:at+length], r.data); sw != apdu.SWOK {
			return sw, nil
		}
	}
	return a.trade.keep(i, n, r.data), nil
}

// replaces tells whether a compound purchase may write a record over another.
func (f *File) replaces(old, b []byte) apdu.SW {
	switch {
	case len(b) != len(old):
		return apdu.SWWrongLength
	case f.TagBytes == 0:
		return apdu.SWOK
	case string(b[:f.TagBytes+1]) != string(old[:f.TagBytes+1]):
		return apdu.SWWrongData
	case f.Lock && old[f.TagBytes+1] != 0:
		return apdu.SWConditions
	}
	return apdu.SWOK
}

func (t *trade) keep(file, record int, data []byte) apdu.SW {
	at := len(t.cached)
	for i := range t.cached {
		if record != 0 && t.cached[i].file == file && t.cached[i].record == record {
			at = i
		}
	}
	if at == maxCached {
		return apdu.SWNoSpace
	}
	t.cached = t.room[:max(len(t.cached), at+1)]
	c := &t.cached[at]
	c.file, c.record = file, record
	c.length = copy(c.data[:], data)
	return apdu.SWOK
}

// getProof is GET TRANSACTION PROVE, 805A00 type, counter. Answer: MAC, TAC of the
// last trade with the host or the last purchase, if it is the one. The MAC is MAC2,
// of an unload MAC3. 9406: the card has no such proof.
func (a *App) getProof(r *request) (apdu.SW, error) {
	if r.P1 != 0 {
		return apdu.SWWrongP1P2, nil
	}
	if sw := r.shape(2, 8); sw != apdu.SWOK {
		return sw, nil
	}
	seq := binary.BigEndian.Uint16(r.data)
	if !a.t.spec.ProofBefore {
		seq--
	}
	for i := range 2 {
		p := readProof(a.m, i)
		if p.kind != 0 && byte(p.kind) == r.P2 && p.seq == seq {
			r.reply = append(append(a.out[:0], p.mac[:]...), p.tac[:]...)
			return apdu.SWOK, nil
		}
	}
	return apdu.SWProofNotAvailable, nil
}

// getBalance is GET BALANCE, 805C P1 P2: P2 01 ED, 02 EP, P1 00. Readers of T-Union
// send more, whose meaning is not public; ours are P1 01 the overdraft limit, 03 the
// balance without it, 05 balance and greatest balance and eight bytes of 00.
func (a *App) getBalance(r *request) (apdu.SW, error) {
	forms := a.t.spec.BalanceForms && (r.P1 == 1 || r.P1 == 3 || r.P1 == 5)
	if r.P1 != 0 && !forms || r.P2 != 1 && r.P2 != 2 {
		return apdu.SWWrongP1P2, nil
	}
	i := int(r.P2 - 1)
	spec := a.t.accounts()[i]
	if spec == nil {
		return apdu.SWNotSupported, nil
	}
	m := readAccount(a.m, i)
	v := m.balance
	answer := 4
	switch r.P1 {
	case 1:
		v = m.limit
	case 3:
		v -= min(m.limit, m.balance)
	case 5:
		answer = 16
	}
	if sw := r.shape(0, answer); sw != apdu.SWOK {
		return sw, nil
	}
	out := binary.BigEndian.AppendUint32(a.out[:0], v)
	if r.P1 == 5 {
		out = append(binary.BigEndian.AppendUint32(out, spec.Max), 0, 0, 0, 0, 0, 0, 0, 0)
	}
	r.reply = out
	return apdu.SWOK, nil
}

// getAuthCode is GET AUTH CODE of City Union, 80CA0000: nine bytes. 6A88: the card has
// none.
func (a *App) getAuthCode(r *request) (apdu.SW, error) {
	switch sw := r.shape(0, authLength); {
	case r.P1 != 0 || r.P2 != 0:
		return apdu.SWWrongP1P2, nil
	case len(a.t.spec.AuthCode) == 0:
		return apdu.SWDataNotFound, nil
	case sw != apdu.SWOK:
		return sw, nil
	}
	r.reply = append(a.out[:0], a.t.spec.AuthCode...)
	return apdu.SWOK, nil
}
