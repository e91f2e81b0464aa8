package pos

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"io"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/terminal/kernel/emv"
	"github.com/citycard/citycard/terminal/row"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// Transaction types, tag 9C (the first two digits of ISO 8583 field 3). Those of load
// and unload are practice of the field.
var debitTypes = [...]byte{Purchase: 0x00, Inquiry: 0x31, Load: 0x60, Unload: 0x61}

// beginDebit begins a transaction of debit/credit, of electronic cash over the contacts,
// a load or an unload.
func (t *Till) beginDebit() Action {
	s := &t.sale
	err := t.debit.Reset(emv.Input{
		Amount: s.Amount, Type: debitTypes[s.Kind], Time: s.Time, Sequence: s.Sequence % sequences,
		UN: [4]byte(s.Random[0:4]), CardUN: [4]byte(s.Random[4:8]), Percent: byte(binary.BigEndian.Uint32(s.Random[8:12]) % 100),
		ForceOnline: s.ForceOnline || s.Kind != Purchase, Contactless: s.Interface == Contactless, Rand: padding(s.Random),
	})
	if err != nil {
		panic("pos: a sale that was checked is no transaction: " + err.Error())
	}
	t.phase = debiting
	return t.followDebit(t.debit.Step(emv.Event{Kind: emv.Start}))
}

// padding gives the random bytes of an enciphered PIN: SHA-256 over the sale's random
// bytes and a counter.
func padding(seed [16]byte) io.Reader { return &stream{seed: seed} }

type stream struct {
	seed [16]byte
	n    uint32
	rest []byte
}

func (s *stream) Read(b []byte) (int, error) {
	for n := 0; n < len(b); {
		if len(s.rest) == 0 {
			s.n++
			sum := sha256.Sum256(binary.BigEndian.AppendUint32(append([]byte("PIN"), s.seed[:]...), s.n))
			s.rest = sum[:]
		}
		k := copy(b[n:], s.rest)
		n, s.rest = n+k, s.rest[k:]
	}
	return len(b), nil
}

// followDebit does what the debit/credit kernel asks for, as far as the till can do it
// alone.
func (t *Till) followDebit(r emv.Ready) Action {
	t.takeNotes()
	switch {
	case r.Send != nil:
		t.put = t.put || setsBalance(r.Send)
		return Action{Send: r.Send}
	case r.Choose != nil:
		return Action{Choose: r.Choose}
	case r.PIN != nil:
		return Action{PIN: r.PIN}
	case r.Online != nil:
		return t.onlineDebit(r.Online)
	case r.RemoveCard && t.agreed && (t.sale.Kind == Load || t.sale.Kind == Unload):
		t.phase = closing
		return Action{Send: getBalance}
	case r.RemoveCard:
		return Action{Remove: true}
	}
	return t.debited(r.Outcome)
}

var getBalance = getData(tlv.TagECBalance)

// closed has the balance after a load, before the card is let go.
func (t *Till) closed(ev emv.Event) Action {
	t.phase = debiting
	switch ev.Kind {
	case emv.Answer:
		if balance, ok := amountIn(ev.Data, tlv.TagECBalance); ok {
			t.result.Balance = balance
		}
		return Action{Remove: true}
	case emv.CardLeft:
		return t.followDebit(t.debit.Step(emv.Event{Kind: emv.CardRemoved}))
	}
	return t.unexpected(ev)
}

// onlineDebit asks the issuer in the course of a transaction: the card waits.
func (t *Till) onlineDebit(o *emv.Online) Action {
	d := t.debit.Data()
	entry := txn.EntryChip
	if t.sale.Interface == Contactless {
		entry = txn.EntryContactless
	}
	q := t.ask(entry)
	// Track 2 goes as in tag 57, as from every other source.
	q.Card, q.Expiry, q.Currency = d.Card, d.Expiry, d.Sent.Currency
	q.ICC, q.Track2 = bytes.Clone(o.ICC), bytes.Clone(d.Get(tlv.TagTrack2Equivalent))
	t.result.OnlinePIN = o.PIN.Len() > 0
	t.result.Before = signedBalance(o.ICC)
	t.asked = true
	return Action{Online: &Online{Request: *q, PIN: o.PIN}}
}

// debited turns the outcome into rows and the end of the sale.
func (t *Till) debited(out *emv.Outcome) Action {
	t.tellDebit(out)
	t.debitRecord(out)
	why := t.reversalOf(out)
	t.reverse(why, reversalICC(out, why))
	unsure := out.Commit == kernel.CommitUnknown || why == emv.ScriptUnknown
	switch {
	case unsure:
		return t.done(Doubt, ShowDoubt)
	case out.Result == kernel.Approved:
		return t.debitApproved(out)
	case out.Result == kernel.OtherInterface:
		return t.done(OtherInterface, ShowUseOther)
	case out.Result == kernel.Torn:
		return t.done(CardLost, ShowTryAgain)
	case out.Fault.Code == kernel.NoApplication:
		return t.done(Error, ShowNotAccepted)
	case out.Fault.Tag == tlv.TagIssuerScript2: // a load without the script that loads
		return t.done(Error, ShowHostError)
	case out.Result == kernel.Failed:
		return t.done(Error, ShowCardError)
	}
	return t.done(Declined, displayOfFault(out.Fault, reasonOf(out)))
}

// reversalICC is field 55 of the reversal. Where nobody knows what became of the script,
// its result is left out: DF31 has no value for that, and one that says "failed" would
// have the issuer give the money back for a load that may stand.
func reversalICC(out *emv.Outcome, why emv.Reversal) []byte {
	all := out.Data.ICC(nil)
	if why != emv.ScriptUnknown {
		return all
	}
	var known []byte
	it := tlv.Iterate(all)
	for it.Next() {
		if it.Tag != tlv.TagIssuerScriptResult {
			known = tlv.Append(known, it.Tag, it.Value)
		}
	}
	return known
}

// debitApproved ends a sale that card and, if it was asked, issuer agree to.
func (t *Till) debitApproved(out *emv.Outcome) Action {
	r := &t.result
	switch {
	case t.sale.Kind == Purchase:
		r.Amount = t.sale.Amount
		if !out.Online {
			return t.approve(OfflineApproved)
		}
		return t.approve(OnlineApproved)
	case !out.Online: // nothing but a purchase may come about without the issuer
		r.Fault = kernel.Fault{Code: kernel.HostLost}
		return t.done(Declined, ShowNoIssuer)
	case t.sale.Kind == Inquiry:
		return t.done(OnlineApproved, ShowBalance)
	}
	r.Amount = t.sale.Amount
	if held, ok := out.Data.BalanceAfter(); ok && t.sale.Kind == Unload {
		r.Amount = held // 9F10 states the balance that the script took away
	}
	return t.done(OnlineApproved, [...]Display{Load: ShowLoaded, Unload: ShowUnloaded}[t.sale.Kind])
}

// reasonOf is why a card was refused; where the terminal has refused it, the TVR says.
func reasonOf(out *emv.Outcome) txn.DoubtReason {
	const exceptionFile, expired, notYet = 0x10, 0x40, 0x20
	tvr := &out.Data.TVR
	switch {
	case out.Fault.Code == kernel.NotGenuine:
		return txn.ODAFailed
	case out.Fault.Code != kernel.TerminalRefused:
		return txn.CardDeclined
	case tvr[0]&exceptionFile != 0:
		return txn.DenyListed
	case tvr[1]&expired != 0:
		return txn.Expired
	case tvr[1]&notYet != 0:
		return txn.NotYetValid
	}
	return txn.CardDeclined
}

// tellDebit takes what the kernel knows into the Result.
func (t *Till) tellDebit(out *emv.Outcome) {
	r, d := &t.result, out.Data
	r.Fault, r.Commit, r.TVR, r.TSI, r.CVMResults = out.Fault, out.Commit, d.TVR, d.TSI, d.CVMResults
	r.Signature, r.Cash, r.Scripts = out.Signature, out.Cash, out.Scripts
	r.AID = append(r.AID[:0], d.AID()...)
	r.Identified = out.Identified
	if out.Identified {
		r.Card, r.Expiry = d.Card, d.Expiry
	}
	r.ATC = d.ATC
	if d.IAD != nil {
		r.Cryptogram, r.CID = d.AC, d.CID
		r.HasCryptogram = d.AC != [8]byte{} // a combined signature that fails hides it
	}
	moves := t.sale.Kind == Load || t.sale.Kind == Unload // a script has changed what 9F10 states
	if balance, ok := d.BalanceAfter(); ok && !moves && out.Commit != kernel.CommitUnknown {
		r.Balance = balance
	}
	r.ODA = t.debitODA(out)
	if !out.Online { // what the issuer said could not be used, and is taken back
		r.AuthCode = ""
	}
}

// debitODA finds in the kernel's notes how offline data authentication went.
func (t *Till) debitODA(out *emv.Outcome) ODA {
	method, genuine := byte(0), false
	for _, n := range t.debit.Notes() {
		switch n.Code {
		case emv.NoteODAMethod:
			method = n.Value[0]
		case emv.NoteGenuine:
			genuine = true
		}
	}
	const sdaFailed, ddaFailed, cdaFailed = 0x40, 0x08, 0x04
	failed := out.Data.TVR[0]&(sdaFailed|ddaFailed|cdaFailed) != 0 || out.Fault.Code == kernel.NotGenuine
	switch {
	case method == 0 || method > 3 || !genuine && !failed:
		return NoODA
	case failed:
		return [...]ODA{0, SDAFailed, DDAFailed, CDAFailed}[method]
	}
	return [...]ODA{0, SDAOK, DDAOK, CDAOK}[method]
}

// debitRecord makes the row of a counter that was used and of which the issuer's host
// does not know.
func (t *Till) debitRecord(out *emv.Outcome) {
	d := out.Data
	kind, flags := txn.Doubt, txn.Flags(0).WithReason(out.Reason)
	switch {
	case !out.Identified || !d.ATCKnown():
		return
	case out.Result == kernel.Approved && !out.Online && t.sale.Kind == Purchase:
		kind, flags = txn.Purchase, txn.ServiceGiven
		if out.Cash { // the TC was made with the payment
			flags |= txn.LastRecordRead
		}
		if t.result.ODA.OK() {
			flags |= txn.ODAVerified
		}
	case out.Commit != kernel.CommitUnknown && (t.answered || t.asked && out.Result != kernel.Declined):
		return
	case out.Commit != kernel.CommitUnknown && out.Result == kernel.Failed && out.Reason != txn.NoDoubt:
		kind = txn.Declined // it has used a counter, and paid nothing
	case out.Result == kernel.Declined && out.Commit != kernel.CommitUnknown && d.IAD != nil && (out.Reason != txn.NoDoubt || !t.asked):
		kind, flags = txn.Declined, flags.WithReason(reasonOf(out))
	case out.Reason == txn.NoDoubt:
		return
	}
	t.result.Records = append(t.result.Records, row.Record{Row: t.debitRow(kind, flags, d)})
}

// getData is GET DATA of a two-byte tag.
func getData(tag tlv.Tag) []byte {
	b, err := apdu.Command{CLA: 0x80, INS: 0xCA, P1: byte(tag >> 8), P2: byte(tag), Le: apdu.MaxShortLe}.Append(nil)
	if err != nil {
		panic("pos: built an impossible command: " + err.Error())
	}
	return b
}

// amountIn reads an amount (n12) from the answer to GET DATA.
func amountIn(answer []byte, tag tlv.Tag) (money.Fen, bool) {
	data, sw, err := apdu.ParseResponse(answer)
	if err != nil || sw != apdu.SWOK {
		return 0, false
	}
	v, ok := tlv.Find(data, tag)
	if !ok || len(v) != 6 {
		return 0, false
	}
	amount, err := money.FromN12(v)
	return amount, err == nil
}
