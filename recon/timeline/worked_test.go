package timeline_test

import (
	"encoding/hex"
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

// TestStories runs the text files of testdata: rows and host messages in, verdicts,
// breaks and actions out. Every judgement goes through the encoded form.
func TestStories(t *testing.T) {
	run := func(t *testing.T, path string) {
		s := &story{card: new(timeline.Card), saved: map[string][]byte{}, params: timeline.DefaultParams()}
		s.card.Key = txn.CardKey{PAN: testPAN, PSN: 1}
		datadriven.RunTest(t, path, s.run)
	}
	datadriven.Walk(t, "testdata/stories", run)
	datadriven.Walk(t, "testdata/transit", run)
}

var testPAN = func() txn.PAN {
	p, err := txn.ParsePAN("6228000100001117")
	if err != nil {
		panic(err)
	}
	return p
}()

type story struct {
	card   *timeline.Card
	saved  map[string][]byte
	params timeline.Params
	marks  timeline.Marks
}

func (s *story) run(t *testing.T, d *datadriven.TestData) string {
	out := new(strings.Builder)
	switch d.Cmd {
	case "params":
		for _, a := range d.CmdArgs {
			n := number(t, a.Vals[0])
			switch a.Key {
			case "cap":
				s.params.Cap = money.Fen(n)
			case "deposit":
				s.params.Deposit = money.Fen(n)
			case "holds":
				s.params.Holds = n != 0
			case "window":
				s.params.Window = n * day
			case "approve":
				s.params.ApproveAbove = money.Fen(n)
			case "credit-after":
				s.params.ProvisionalAfter = n * day
			case "credit-limit":
				s.params.ProvisionalPerCard = money.Fen(n)
				s.params.ProvisionalPerMonth = money.Fen(2 * n)
				s.params.ProvisionalBudget = money.Fen(100 * n)
			default:
				d.Fatalf(t, "unknown parameter %s", a.Key)
			}
		}
	case "tap", "ask", "purse", "push", "credit":
		o, err := s.transit(t, d)
		if err != nil {
			return "error: " + err.Error() + "\n"
		}
		writeTransit(out, &o)
		writeAlarms(out, s.card.Add(o))
	case "row", "load":
		o, err := s.observe(t, d)
		if err != nil {
			return "error: " + err.Error() + "\n"
		}
		fmt.Fprintf(out, "%s B=%d amount=%d commit=%s\n", o.Kind, int64(o.B), int64(o.Debit), o.Commit)
		writeAlarms(out, s.card.Add(o))
	case "complete":
		s.marks.Through = dayOf(t, d)
	case "gap":
		var terminal, from, to int64
		d.ScanArgs(t, "terminal", &terminal)
		d.ScanArgs(t, "from", &from)
		d.ScanArgs(t, "to", &to)
		s.marks.Gaps = append(s.marks.Gaps, timeline.SequenceGap{Terminal: txn.TerminalID(terminal), From: from * day, To: to * day})
	case "judge":
		if err := s.card.Decode(s.card.Append(nil)); err != nil {
			d.Fatalf(t, "the card's own encoding: %v", err)
		}
		writeJudgement(out, s.card.Judge(dayOf(t, d), s.params, &s.marks))
	case "grant", "value", "loadlog", "log", "logged":
		s.log(t, d, out)
	case "verdicts":
		for _, v := range s.card.Verdicts(&s.params) {
			writeVerdict(out, v)
		}
	case "save":
		s.saved[d.CmdArgs[0].Vals[0]] = s.card.Append(nil)
	case "restore":
		if err := s.card.Decode(s.saved[d.CmdArgs[0].Vals[0]]); err != nil {
			d.Fatalf(t, "%v", err)
		}
	case "clear":
		s.card.Reset(s.card.Key)
		s.marks = timeline.Marks{}
	default:
		d.Fatalf(t, "unknown command")
	}
	if out.Len() == 0 {
		return "nothing\n"
	}
	return out.String()
}

func number(t *testing.T, s string) int64 {
	t.Helper()
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// dayOf reads day=6 or day=0.15, in hundredths of a day.
func dayOf(t *testing.T, d *datadriven.TestData) int64 {
	var text string
	d.ScanArgs(t, "day", &text)
	whole, part, _ := strings.Cut(text, ".")
	return number(t, whole)*day + number(t, (part + "00")[:2])*day/100
}

// observe turns a line of a story into a row or host message and that into an observation.
func (s *story) observe(t *testing.T, d *datadriven.TestData) (timeline.Observation, error) {
	arg := func(key string) string {
		if !d.HasArg(key) {
			return ""
		}
		var v string
		d.ScanArgs(t, key, &v)
		return v
	}
	atc, err := strconv.ParseUint(arg("atc"), 16, 16)
	if err != nil {
		d.Fatalf(t, "atc: %v", err)
	}
	raw, err := hex.DecodeString(arg("iad"))
	if err != nil {
		d.Fatalf(t, "iad: %v", err)
	}
	iad, err := cryptogram.ParseIAD(raw)
	if err != nil {
		return timeline.Observation{}, err
	}
	var ac [8]byte
	if n, err := hex.Decode(ac[:], []byte(arg("ac"))); n != 8 || err != nil {
		d.Fatalf(t, "ac: %v", err)
	}
	if d.Cmd == "load" {
		return timeline.FromHost(timeline.HostMessage{ATC: uint16(atc), ARQC: ac, IAD: iad, Load: money.Fen(number(t, arg("load"))), Time: dayOf(t, d)})
	}
	r := txn.Row{Kind: rowKinds[arg("kind")], Card: s.card.Key, ATC: uint16(atc), AC: ac, Amount: money.Fen(number(t, arg("amount"))), Time: dayOf(t, d), Sequence: uint32(atc)}
	if v := arg("terminal"); v != "" {
		r.Terminal = txn.TerminalID(number(t, v))
	}
	if v := arg("reason"); v != "" {
		r.Flags = r.Flags.WithReason(txn.DoubtReason(number(t, v)))
	}
	for name, f := range map[string]txn.Flags{"proof": txn.ODAVerified | txn.Tag9F69Checked, "read": txn.LastRecordRead, "service": txn.ServiceGiven} {
		if d.HasArg(name) {
			r.Flags |= f
		}
	}
	return timeline.FromRow(&r, iad, d.HasArg("refused"))
}

var rowKinds = map[string]txn.Kind{"purchase": txn.Purchase, "entry": txn.Entry, "exit": txn.Exit, "single": txn.Single, "hold": txn.Hold,
	"completion": txn.Completion, "doubt": txn.Doubt, "declined": txn.Declined}

func writeVerdict(out *strings.Builder, v timeline.Verdict) {
	fmt.Fprintf(out, "(%04X, %04X) %s: g %d, D %d: %s", v.P, v.Q, v.Kind, v.Missing, int64(v.Fall), v.Outcome)
	if v.Committed != timeline.Open {
		fmt.Fprintf(out, ", committed %s", v.Committed)
	}
	if v.Outcome == timeline.Decided || v.Outcome == timeline.OutcomeUnbacked {
		fmt.Fprintf(out, ", missed %d", int64(v.Missed))
	}
	fmt.Fprintf(out, ", total %d", int64(v.Total))
	if v.Spread != 0 {
		fmt.Fprintf(out, ", up to %d more", int64(v.Spread))
	}
	if v.Held != 0 {
		fmt.Fprintf(out, ", held %d", int64(v.Held))
	}
	if v.Cut != 0 {
		fmt.Fprintf(out, ", push %d between", v.Cut)
	}
	if v.Log != timeline.Open {
		fmt.Fprintf(out, ", log says %s", v.Log)
	}
	if v.Basis == timeline.Soft {
		out.WriteString(", soft")
	}
	out.WriteString("\n")
}

func writeAlarms(out *strings.Builder, alarms []timeline.Alarm) {
	for _, a := range alarms {
		fmt.Fprintf(out, "alarm %s %04X-%04X terminals %d %d\n", a.Kind, a.P, a.Q, a.A, a.B)
	}
}

func writeJudgement(out *strings.Builder, j timeline.Judgement) {
	for _, b := range j.Breaks {
		fmt.Fprintf(out, "%s: %s %04X-%04X %d", b.State, b.Part, b.P, b.Q, int64(b.Amount))
		if b.Contested != 0 {
			fmt.Fprintf(out, ", %d contested", int64(b.Contested))
		}
		fmt.Fprintf(out, ", since day %s", days(b.Since))
		if b.Final != 0 {
			fmt.Fprintf(out, ", final day %s", days(b.Final))
		}
		for _, f := range []struct {
			name string
			set  bool
		}{{"held", b.Held}, {"stands", b.Stands}, {"waits for approval", b.Waits}, {"named by log", b.ByLog}} {
			if f.set {
				out.WriteString(", " + f.name)
			}
		}
		if b.Basis == timeline.Soft {
			out.WriteString(", soft")
		}
		fmt.Fprintf(out, ", terminal %d\n", b.Terminal)
	}
	for _, a := range j.Actions {
		fmt.Fprintf(out, "action %s #%d %04X-%04X %d\n", a.Key.Purpose, a.Key.Number, a.Key.P, a.Key.Q, int64(a.Amount))
	}
	for _, f := range j.Flash {
		fmt.Fprintf(out, "flash %04X %d service=%t decided day %s", f.ATC, int64(f.Amount), f.Service, days(f.DecidedAt))
		if f.Basis == timeline.Soft {
			out.WriteString(", soft")
		}
		out.WriteString("\n")
	}
	writeAlarms(out, j.Alarms)
	if j.Open {
		fmt.Fprintf(out, "open, due day %s\n", days(j.Due))
	}
	if j.Frozen {
		out.WriteString("frozen\n")
	}
}

func days(t int64) string { return fmt.Sprintf("%d.%02d", t/day, t%day*100/day) }
