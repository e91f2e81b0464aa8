package timeline_test

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/recon/timeline"
	"github.com/citycard/citycard/txn"
)

// fields reads the arguments of a line.
type fields struct {
	t *testing.T
	d *datadriven.TestData
}

func (f fields) text(key string) string {
	if !f.d.HasArg(key) {
		return ""
	}
	var v string
	f.d.ScanArgs(f.t, key, &v)
	return v
}

// number is a decimal argument, or what stands for it if it is missing.
func (f fields) number(key string, missing int64) int64 {
	if v := f.text(key); v != "" {
		return number(f.t, v)
	}
	return missing
}

func (f fields) counter(key string) uint16 {
	v := f.text(key)
	if v == "" {
		return 0
	}
	n, err := strconv.ParseUint(v, 16, 16)
	if err != nil {
		f.d.Fatalf(f.t, "%s: %v", key, err)
	}
	return uint16(n)
}

// transit turns a line of a story into an observation, through the row or message that
// it stands for. Balances are what 9F10 states; MACs are made up, because whoever gives
// rows to a timeline has verified them.
func (s *story) transit(t *testing.T, d *datadriven.TestData) (timeline.Observation, error) {
	f := fields{t, d}
	switch d.Cmd {
	case "push":
		m := timeline.PushMessage{Number: uint16(f.number("n", 0)), Value: money.Fen(f.number("value", 0)), After: f.counter("after"),
			Read: f.counter("read"), Placed: d.HasArg("read"), Executed: yes, Time: dayOf(t, d)}
		switch f.text("executed") {
		case "no":
			m.Executed = no
		case "open":
			m.Executed = open
		}
		return timeline.FromPush(m)
	case "credit":
		return timeline.FromPurseLoad(timeline.PurseLoad{Online: uint16(f.number("online", 0)), Offline: f.counter("after"), Before: money.Fen(f.number("before", 0)),
			Amount: money.Fen(f.number("amount", 0)), Executed: !d.HasArg("failed"), Time: dayOf(t, d)})
	case "ask":
		iad := f.iad(cryptogram.ARQC)
		return timeline.FromHost(timeline.HostMessage{ATC: f.counter("atc"), ARQC: f.cryptogram(), IAD: iad, Load: money.Fen(f.number("load", 0)), Time: dayOf(t, d)})
	}
	r := txn.Row{Kind: rowKinds[f.text("kind")], Card: s.card.Key, Amount: money.Fen(f.number("amount", 0)), Time: dayOf(t, d),
		Terminal: txn.TerminalID(f.number("terminal", 1)), DF63: txn.DF63Unread}
	r.Flags = r.Flags.WithReason(txn.DoubtReason(f.number("reason", 0)))
	for name, flag := range map[string]txn.Flags{"proof": txn.ODAVerified | txn.Tag9F69Checked, "read": txn.LastRecordRead, "service": txn.ServiceGiven, "prove": txn.ClosedByProve} {
		if d.HasArg(name) {
			r.Flags |= flag
		}
	}
	if d.Cmd == "purse" {
		trade := txn.PurseData{Sequence: f.counter("seq"), Before: money.Fen(f.number("before", 0)), Terminal: [6]byte{5: byte(r.Terminal)}, TerminalSequence: uint32(f.number("psam", 1))}
		if d.HasArg("tac") {
			trade.TAC, trade.MAC2 = [4]byte{1, byte(trade.Sequence)}, [4]byte{2, byte(trade.Sequence)}
		}
		if err := trade.Put(&r); err != nil {
			return timeline.Observation{}, err
		}
		r.Sequence = trade.TerminalSequence
		return timeline.FromPurse(&r, d.HasArg("refused"))
	}
	r.ATC, r.Sequence = f.counter("atc"), uint32(f.counter("atc"))
	r.Held, r.EntryATC, r.DF60 = money.Fen(f.number("held", 0)), f.counter("entry"), byte(f.number("df60", 0))
	r.DF63 = uint32(f.number("df63", txn.DF63Unread))
	result := cryptogram.TC
	switch {
	case d.HasArg("aac"):
		result = cryptogram.AAC
	case d.HasArg("arqc"):
		result = cryptogram.ARQC
	}
	iad := f.iad(result)
	if r.Kind != txn.Hold && r.DF60 != 2 {
		r.AC = f.cryptogram()
	}
	return timeline.FromRow(&r, iad, d.HasArg("refused"))
}

// iad is a 9F10 that states the balance of the line.
func (f fields) iad(result cryptogram.Result) cryptogram.IAD {
	b := f.number("balance", 0)
	stated, err := money.Fen(b).N12()
	if err != nil {
		f.d.Fatalf(f.t, "balance: %v", err)
	}
	iad := cryptogram.IAD{DKI: 1, CVN: cryptogram.CVN17, CVR: [3]byte{byte(result) << 4}, Alg: cryptogram.SM4, IDD: cryptogram.IDDBalance, Amount1: [5]byte(stated[1:])}
	binary.BigEndian.PutUint16(iad.MAC[:], f.counter("atc"))
	binary.BigEndian.PutUint16(iad.MAC[2:], uint16(b))
	return iad
}

// cryptogram is unique to counter, amount and balance, and to what "ac" says.
func (f fields) cryptogram() (ac [8]byte) {
	binary.BigEndian.PutUint16(ac[:], f.counter("atc"))
	binary.BigEndian.PutUint16(ac[2:], uint16(f.number("amount", 0)))
	binary.BigEndian.PutUint16(ac[4:], uint16(f.number("balance", 0)))
	ac[7] = byte(f.number("ac", 1))
	return ac
}

func writeTransit(out *strings.Builder, o *timeline.Observation) {
	fmt.Fprintf(out, "%s %04X: B=%d amount=%d commit=%s", o.Kind, o.ATC, int64(o.B), int64(o.Debit), o.Commit)
	if o.Completes {
		fmt.Fprintf(out, " completes=%04X", o.HoldATC)
	}
	if o.Held != 0 {
		fmt.Fprintf(out, " held=%d", int64(o.Held))
	}
	if o.UsedRead {
		fmt.Fprintf(out, " used=%d", int64(o.Used))
	}
	out.WriteString("\n")
}
