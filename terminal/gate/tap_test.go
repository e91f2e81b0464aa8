package gate_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/fare"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/terminal/gate"
	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/terminal/row"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// cut is the moment at which the card leaves the field.
type cut string

const (
	noCut            cut = ""
	cutGPOAnswer     cut = "gpo-answer"         // the card took GPO, its answer is lost
	cutBeforeLast    cut = "before-last-record" // gone at the record before the last
	cutLastUnheard   cut = "last-unheard"       // the last READ RECORD is sent, the card has no power to hear it
	cutAfterLast     cut = "after-last-record"  // the card has paid, its answer is lost
	cutGetData       cut = "get-data"           // gone while the gate asks a returning card
	cutRepeatedRead  cut = "repeated-record"    // the repeated last record is lost
	cutPowerInCommit cut = "power-in-commit"    // power fails inside the card's memory writes
	cutRecordRead    cut = "journey-record"     // gone while its journey record is read
	cutRecordUpdate  cut = "journey-update"     // gone while it puts the new record by
	cutDebitUnheard  cut = "debit-unheard"      // a purse has no power to hear DEBIT
	cutAfterDebit    cut = "after-debit"        // the purse has paid, its answer is lost
	cutModule        cut = "module"             // the security module does not answer when a record is to be protected
)

// tap runs one tap to its result. log receives the conversation.
func (w *world) tap(st *station, r *rider, where cut, log func(cmd, answer []byte)) *gate.Result {
	field := gate.Field{Cards: 1, UID: r.uid}
	un := w.nextUN()
	if r.phone {
		uid, err := gate.NewUID([]byte{0x08, un[0], un[1], un[2]})
		w.must(err)
		field.UID = uid
	}
	w.must(r.chip.PowerOn(r.random))
	defer r.chip.PowerOff()
	a := st.gate.Begin(w.now, field, un)
	for steps := 0; a.Done == nil; steps++ {
		if steps > 64 {
			w.t.Fatal("the tap does not end")
		}
		if a.Remove {
			r.chip.PowerOff()
			a = st.gate.Step(kernel.Event{Kind: kernel.CardRemoved})
			continue
		}
		if a.SAM != nil {
			a = st.gate.StepSAM(w.module(st, a.SAM, where, log))
			continue
		}
		cmd := append([]byte(nil), a.Send...)
		answer := w.exchange(st, r, cmd, where)
		if log != nil {
			log(cmd, answer)
		}
		if answer == nil {
			a = st.gate.Step(kernel.Event{Kind: kernel.CardLeft})
		} else {
			a = st.gate.Step(kernel.Answered(answer))
		}
	}
	w.settled = a.Done.Settle(w.records)
	return a.Done
}

// exchange gives the card a command; nil is a card that has left.
func (w *world) exchange(st *station, r *rider, cmd []byte, where cut) []byte {
	name := commandName(cmd)
	pending := st.gate.Pending(nil)
	last := slices.ContainsFunc(pending, func(p row.Record) bool { return p.Row.Flags.Reason() == txn.LastAnswerLost })
	w.checkPending(pending)
	repeated := len(pending) == 0 && name == "READ RECORD"
	if r.forgetful && repeated {
		return []byte{0x69, 0x85}
	}
	switch {
	case where == cutBeforeLast && name == "READ RECORD" && !last,
		where == cutLastUnheard && last,
		where == cutRecordRead && name == "READ CAPP DATA",
		where == cutRecordUpdate && name == "UPDATE CAPP DATA CACHE",
		where == cutDebitUnheard && name == "DEBIT FOR PURCHASE",
		where == cutGetData && name == "GET DATA":
		return nil
	case where == cutPowerInCommit && last:
		r.chip.Memory().CutAt(r.chip.Memory().Writes()+1, 0)
	}
	answer, err := w.through(r, cmd, last || repeated)
	if err != nil {
		return nil
	}
	if spoiled, ok := r.answers[strings.ToLower(strings.Fields(name)[0])]; ok {
		answer = spoiled
	}
	switch {
	case where == cutGPOAnswer && name == "GET PROCESSING OPTIONS",
		where == cutAfterLast && last,
		where == cutAfterDebit && name == "DEBIT FOR PURCHASE",
		where == cutRepeatedRead && repeated:
		return nil
	}
	return answer
}

// through takes a command to the card, or to whom stands before it. A relay that
// "downgrades" clears the bit of 9F66 that asks for fDDA 01 and gives the last record
// itself; one that "claims" says beside that that the card's signed 9F08 is old; one
// that "renumbers" only changes the PSN in the answer to GET PROCESSING OPTIONS, and
// one that "garbles" only gives the last record itself, and badly, and one that "replays"
// answers READ CAPP DATA with what the card said to the first one. "hides" is a card that
// has none of the city's records. What between says goes before all of them.
func (w *world) through(r *rider, cmd []byte, last bool) ([]byte, error) {
	if r.between != nil {
		return r.between(cmd, func(cmd []byte) []byte {
			answer, err := r.chip.Transmit(nil, cmd)
			w.must(err)
			return answer
		}), nil
	}
	switch name := commandName(cmd); {
	case r.relay == "":
	case r.relay == "hides" && name == "READ CAPP DATA":
		return []byte{0x6A, 0x83}, nil
	case r.relay == "hides":
		return r.chip.Transmit(nil, cmd)
	case r.relay == "replays":
		if name == "READ CAPP DATA" && r.old != nil {
			return r.old, nil
		}
		answer, err := r.chip.Transmit(nil, cmd)
		if name == "READ CAPP DATA" {
			r.old = answer
		}
		return answer, err
	case r.relay == "renumbers":
		answer, err := r.chip.Transmit(nil, cmd)
		if name == "GET PROCESSING OPTIONS" {
			answer = bytes.Replace(answer, []byte{0x5F, 0x34, 1, 1}, []byte{0x5F, 0x34, 1, 2}, 1)
		}
		return answer, err
	case r.relay == "garbles":
		if last {
			return []byte{0x70, 0x05, 0x9F, 0x69, 0x90, 0x00}, nil
		}
	case name == "GET PROCESSING OPTIONS":
		cmd[7+3] &^= kernel.TTQ4FDDA01 // 9F66 is the first object of the PDOL
	case last:
		body := tlv.Append(nil, tlv.TagECAuthorisationCode, []byte("ECC001"))
		return append(tlv.Append(nil, tlv.TagRecordTemplate, body), 0x90, 0), nil
	case r.relay == "claims" && name == "READ RECORD":
		answer, err := r.chip.Transmit(nil, cmd)
		return bytes.Replace(answer, []byte{0x9F, 0x08, 2, 0, 0x30}, []byte{0x9F, 0x08, 2, 0, 0x20}, 1), err
	}
	return r.chip.Transmit(nil, cmd)
}

// checkPending: what a gate would leave behind in a power failure is always true.
func (w *world) checkPending(pending []row.Record) {
	var raw [txn.RowSize]byte
	for i := range pending {
		row := &pending[i].Row
		w.must(row.Encode(&raw))
		for _, r := range w.cards {
			if r.key == row.Card && row.Flags.Reason() == txn.LeftBeforeLast && r.chip.Inspect().LastATC == row.ATC {
				w.t.Fatalf("the pending row says that ATC %04X cannot have paid, but it has", row.ATC)
			}
		}
	}
}

func commandName(cmd []byte) string {
	c, err := apdu.ParseCommand(cmd)
	if err != nil {
		return "? " + err.Error()
	}
	switch c.INS {
	case 0xA4:
		if string(c.Data) == "2PAY.SYS.DDF01" {
			return "PPSE"
		}
		return "SELECT"
	case 0xA8:
		return "GET PROCESSING OPTIONS"
	case 0xB2:
		return "READ RECORD"
	case 0xCA:
		return "GET DATA"
	case 0xB4:
		return "READ CAPP DATA"
	case 0xDE:
		return "UPDATE CAPP DATA CACHE"
	case 0x5A:
		return "GET TRANS PROVE"
	case 0x50:
		return "INITIALIZE"
	case 0xDC:
		return "UPDATE CAPP DATA CACHE"
	case 0x54:
		return "DEBIT FOR PURCHASE"
	case 0xB0:
		return "READ BINARY"
	}
	return "?"
}

// check is what the road does with a record: it must encode, its cryptogram and
// balance MAC must verify at the issuer, and its evidence with the CA keys alone.
func (w *world) check(rec *row.Record) string {
	row := &rec.Row
	var raw, again [txn.RowSize]byte
	w.must(row.Encode(&raw))
	var back txn.Row
	w.must(back.Decode(raw[:]))
	w.must(back.Encode(&again))
	if raw != again {
		w.t.Fatal("a row changes when it is stored and read")
	}
	if row.Scheme == txn.Purse {
		return w.checkPurse(row)
	}
	iad := row.IAD[:19]
	parsed, err := cryptogram.ParseIAD(iad)
	w.must(err)
	amount, err := row.Amount.N12()
	w.must(err)
	d := fare.DateOf(row.Time)
	bcd := func(v int) byte { return byte(v/10<<4 | v%10) }
	verdict := w.checkers[parsed.Alg].Check(row.Card.PAN, row.Card.PSN, &cryptogram.TerminalInput{
		Amount: amount, Country: [2]byte{0x01, 0x56}, TVR: row.TVR, Currency: [2]byte{0x01, 0x56},
		Date: [3]byte{bcd(d.Year % 100), bcd(int(d.Month)), bcd(d.Day)}, Type: row.Type, UN: row.UN,
	}, &cryptogram.CardInput{AIP: row.AIP, ATC: row.ATC, CVR: parsed.CVR}, iad, row.AC, row.DF60 != 2)
	s := fmt.Sprintf("%v %v", parsed.Result(), verdict)
	if row.Flags.Has(txn.EvidenceKept) {
		s += ", evidence " + w.checkEvidence(rec)
	}
	return s
}

func (w *world) checkEvidence(rec *row.Record) string {
	row := &rec.Row
	card := rec.Evidence.Card
	card.PAN = row.Card.PAN
	amount, err := row.Amount.N12()
	w.must(err)
	var version byte
	if row.Flags.Has(txn.Tag9F69Checked) {
		version = 1
	}
	signed := oda.FDDATerminalData(nil, version, row.UN, amount, [2]byte{0x01, 0x56}, row.Tag9F69[:])
	d := fare.DateOf(row.Time)
	res := w.verifier.Verify(&card, rec.Evidence.SDAD, row.ATC, signed, oda.MonthOf(d.Year, int(d.Month)))
	return res.Reason.String()
}

var flagNames = []struct {
	bit  txn.Flags
	name string
}{
	{txn.LastRecordRead, "last-record"}, {txn.ODAVerified, "oda"}, {txn.Tag9F69Checked, "9F69"}, {txn.ServiceGiven, "service"},
	{txn.ClosedByRetap, "closed-by-retap"}, {txn.ClosedByProve, "closed-by-prove"}, {txn.EvidenceKept, "evidence"}, {txn.EntryUnread, "entry-unread"}, {txn.MonthUnread, "month-unread"},
}

// describe is a record in one line.
func (w *world) describe(rec *row.Record) string {
	row := &rec.Row
	w.sequence[row.Terminal]++
	row.Sequence = w.sequence[row.Terminal]
	var b strings.Builder
	fmt.Fprintf(&b, "store %d/%d: %v", row.Terminal, row.Sequence, row.Kind)
	if r := row.Flags.Reason(); r != txn.NoDoubt {
		fmt.Fprintf(&b, " (%v)", r)
	}
	fmt.Fprintf(&b, " %v ATC %04X, %v yuan of %v", row.Card, row.ATC, row.Amount, row.FullFare)
	if row.EntryTerminal != 0 {
		fmt.Fprintf(&b, ", entered at %d ATC %04X", row.EntryTerminal, row.EntryATC)
	}
	if row.Kind == txn.Exit || row.CAPPFile != 0 && row.MonthSum != 0 {
		fmt.Fprintf(&b, ", month %X %v", row.Month, row.MonthSum)
	}
	if row.Scheme == txn.Purse {
		fmt.Fprintf(&b, ", purse trade %02X", row.Type)
	}
	if row.CAPPFile != 0 {
		fmt.Fprintf(&b, ", record %02X/%04X, DF60 %02X", row.CAPPFile, row.CAPPRecord, row.DF60)
	}
	if row.Held != 0 {
		fmt.Fprintf(&b, ", held %v", row.Held)
	}
	if row.CAPPFile != 0 && row.DF63 != txn.DF63Unread {
		fmt.Fprintf(&b, ", deposit used %v", money.Fen(row.DF63))
	}
	if row.Concession != 0 {
		fmt.Fprintf(&b, ", concession %d", row.Concession)
	}
	if row.Route != 0 {
		fmt.Fprintf(&b, ", route %d stop %d", row.Route, row.Stop)
	}
	for _, f := range flagNames {
		if row.Flags.Has(f.bit) {
			b.WriteString(" +" + f.name)
		}
	}
	fmt.Fprintf(&b, "; %s", w.check(rec))
	return b.String()
}

// describeResult is the result of a tap in lines.
func (w *world) describeResult(res *gate.Result) string {
	var b strings.Builder
	for i := range res.Records {
		b.WriteString(w.describe(&res.Records[i]) + "\n")
	}
	door := "shut"
	if res.Opened {
		door = "OPEN"
	}
	fmt.Fprintf(&b, "show: %s %s; gate %s", res.Display.EN(), res.Display.ZH(), door)
	if res.Amount != 0 {
		fmt.Fprintf(&b, ", paid %v", res.Amount)
	}
	if res.Held != 0 {
		fmt.Fprintf(&b, ", held %v", res.Held)
	}
	if res.Balance >= 0 {
		fmt.Fprintf(&b, ", card says it has %v", res.Balance)
	}
	if res.Retap {
		b.WriteString(", waiting for the card to come back")
	}
	if res.Refusal != 0 {
		fmt.Fprintf(&b, " [record: %v]", res.Refusal)
	}
	if err := errors.Join(res.Setting, res.Module); err != nil {
		fmt.Fprintf(&b, " [%v]", err)
	}
	if res.Purse.Code != 0 {
		fmt.Fprintf(&b, " [%v]", res.Purse)
	}
	if res.Fault.Code != kernel.NoFault {
		fmt.Fprintf(&b, " [%v]", res.Fault)
	}
	if w.settled != nil {
		fmt.Fprintf(&b, " [%v]", w.settled)
	}
	return b.String() + "\n"
}
