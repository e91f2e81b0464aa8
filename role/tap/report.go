package tap

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/citycard/citycard/issuer/topup"
	"github.com/citycard/citycard/role/host"
	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/terminal/kernel/emv"
	"github.com/citycard/citycard/terminal/pos"
	"github.com/citycard/citycard/terminal/reader"
	"github.com/citycard/citycard/terminal/row"
	"github.com/citycard/citycard/txn"
)

// Report is a trace as JSON: the contract of `citycard tap --json`. Values that are
// unknown are null or empty; amounts are in fen, hexadecimal is in upper case.
type Report struct {
	Outcome    string      `json:"outcome"` // pos.Outcome in words
	Amount     int64       `json:"amount_fen"`
	PAN        string      `json:"pan_masked"`
	PSN        string      `json:"psn"` // two digits
	ATC        *int        `json:"atc"`
	Cryptogram string      `json:"cryptogram"` // 9F26
	CID        string      `json:"cid"`        // 9F27
	ODA        string      `json:"oda"`        // pos.ODA in words
	TVR        string      `json:"tvr"`
	TSI        string      `json:"tsi"`
	Balance    *int64      `json:"balance_fen"` // 9F79 after the sale
	FieldMS    json.Number `json:"field_ms"`    // modelled, three decimals
	MeasuredMS json.Number `json:"measured_ms"` // of all exchanges, three decimals
	CPU        int64       `json:"cpu_us"`      // the terminal's own computing
	Steps      []Line      `json:"steps"`

	Kind          string     `json:"kind"`
	Interface     string     `json:"interface"`
	Paid          int64      `json:"paid_fen"` // paid, loaded or unloaded
	Commit        string     `json:"commit"`   // kernel.Commit in words
	Fault         string     `json:"fault"`
	Display       string     `json:"display"`
	DisplayZH     string     `json:"display_zh"`
	AID           string     `json:"aid"`
	CVM           string     `json:"cvm"` // 9F34, empty if the flow has none
	Signature     bool       `json:"signature"`
	OnlinePIN     bool       `json:"online_pin"`
	Cash          bool       `json:"electronic_cash"`
	MSD           bool       `json:"msd"`
	Verified      string     `json:"cryptogram_verified"` // Verdict in words
	Before        *int64     `json:"balance_before_fen"`
	Second        *int64     `json:"second_balance_fen"`
	SpendingLimit *int64     `json:"spending_limit_fen"`
	Available     *int64     `json:"available_fen"` // of the account, as the issuer says
	Host          string     `json:"host"`
	HostCode      string     `json:"host_code"`
	AuthCode      string     `json:"auth_code"`
	Scripts       []Script   `json:"scripts"`
	Reversal      *Undo      `json:"reversal"`
	Rows          []Row      `json:"rows"`
	Loads         []LoadWord `json:"loads"`
	Events        []Happened `json:"events"`
	ReaderError   string     `json:"reader_error"` // an error that is more than a card which left
	APDUs         int        `json:"apdus"`
	Sent          int        `json:"bytes_sent"`
	Received      int        `json:"bytes_received"`
}

// Line is one exchange with the card.
type Line struct {
	Command  string `json:"command"`
	Response string `json:"response"` // empty if none came
	// Masked says that digits of command or response are 0 in place of what must not be
	// seen.
	Masked  bool   `json:"masked,omitempty"`
	SW      string `json:"sw"`
	US      int64  `json:"us"`       // measured
	FieldUS int64  `json:"field_us"` // modelled
	Note    string `json:"note"`     // name of the command, then what the terminal found
}

// Happened is anything else that happened, behind step After (0: before the first).
type Happened struct {
	After int    `json:"after"`
	What  string `json:"what"` // StepKind in words
	US    int64  `json:"us"`
	Note  string `json:"note"`
	Error string `json:"error,omitempty"`
}

// Script is the result of one issuer script.
type Script struct {
	Template string `json:"template"` // 71 or 72
	ID       string `json:"id"`       // 9F18
	Result   string `json:"result"`   // not_performed, failed or performed
	Failed   int    `json:"failed_command"`
}

// Undo is a reversal.
type Undo struct {
	Reason string `json:"reason"`
	Sent   bool   `json:"sent"` // the issuer has confirmed it
}

// Row is a row that the sale leaves in the terminal's journal.
type Row struct {
	Kind   string `json:"kind"`
	Reason string `json:"reason"` // of a doubt row
	ATC    int    `json:"atc"`
	Amount int64  `json:"amount_fen"`
}

// LoadWord is what became of a load or unload, by the issuer's books.
type LoadWord struct {
	Kind   string `json:"kind"` // load or unload
	ATC    int    `json:"atc"`
	Amount int64  `json:"amount_fen"`
	Word   string `json:"word"`  // done, back or checking
	Why    string `json:"why"`   // topup.Why in words
	Until  string `json:"until"` // date at UTC+8 by which it is decided, empty if it is
	Text   string `json:"text"`
	TextZH string `json:"text_zh"`
}

// LoadWords makes the JSON form of an issuer's loads.
func LoadWords(list []host.Load) []LoadWord {
	out := []LoadWord{}
	for i := range list {
		a := &list[i].Answer
		w := LoadWord{Kind: a.Kind.String(), ATC: int(list[i].ATC), Amount: int64(a.Amount), Word: a.Word.String(), Why: a.Why.String(),
			Text: a.Text("en"), TextZH: a.Text("zh")}
		if a.Until != 0 {
			w.Until = topup.Day(a.Until)
		}
		out = append(out, w)
	}
	return out
}

var stepNames = [...]string{"", "opening", "exchange", "choice", "pin", "issuer", "again", "reversal", "removal", "module"}

// String is the kind as it is printed.
func (k StepKind) String() string {
	if int(k) >= len(stepNames) {
		return ""
	}
	return stepNames[k]
}

var (
	kindNames      = [...]string{"", "purchase", "balance", "inquiry", "load", "unload"}
	interfaceNames = [...]string{"", "contactless", "contact", "stripe"}
	scriptResults  = [...]string{"not_performed", "failed", "performed"}
)

// Report makes the JSON form of a trace. lang is for the notes of the steps.
func (t *Trace) Report(lang string) *Report {
	r := &t.Result
	out := &Report{
		Outcome: r.Outcome.String(), Amount: int64(t.Sale.Amount), ODA: r.ODA.String(),
		TVR: fmt.Sprintf("%X", r.TVR), TSI: fmt.Sprintf("%X", r.TSI), Balance: known(int64(r.Balance)),
		FieldMS: milliseconds(t.Field), MeasuredMS: milliseconds(t.Measured), CPU: t.Computed.Microseconds(), Steps: []Line{},
		Kind: kindNames[t.Sale.Kind], Interface: interfaceNames[t.Sale.Interface], Paid: int64(r.Amount), Commit: r.Commit.String(),
		Display: r.Display.EN(), DisplayZH: r.Display.ZH(), AID: fmt.Sprintf("%X", r.AID), Signature: r.Signature,
		OnlinePIN: r.OnlinePIN, Cash: r.Cash, MSD: r.MSD, Verified: t.Verified.String(), Before: known(t.Before),
		Second: known(int64(r.SecondBalance)), SpendingLimit: known(int64(r.SpendingLimit)), Available: known(int64(r.Available)),
		Host: t.Host, AuthCode: r.AuthCode, Scripts: scripts(r.Scripts), Rows: rows(r.Records), Loads: LoadWords(t.Loads), Events: []Happened{},
		APDUs: t.Used.APDUs, Sent: t.Used.Sent, Received: t.Used.Received,
	}
	if t.Broken != nil {
		out.ReaderError = t.Broken.Error()
	}
	if r.HostCode != [2]byte{} {
		out.HostCode = code(r.HostCode)
	}
	out.Fault = t.Fault(r.Fault.String())
	if r.Identified {
		atc := int(r.ATC)
		out.PAN = r.Card.PAN.Masked()
		if t.Sale.Interface != pos.Stripe { // which tells neither
			out.PSN, out.ATC = fmt.Sprintf("%02X", r.Card.PSN), &atc
		}
	}
	if r.HasCryptogram {
		out.Cryptogram, out.CID = fmt.Sprintf("%X", r.Cryptogram), fmt.Sprintf("%02X", r.CID)
	}
	if r.CVMResults != [3]byte{} {
		out.CVM = fmt.Sprintf("%X", r.CVMResults)
	}
	if r.Reversal != nil {
		out.Reversal = &Undo{Reason: reversalNames[r.Reversal.Reason]}
	}
	t.lines(out, lang)
	return out
}

var reversalNames = map[emv.Reversal]string{
	emv.CardRefusedLate: "card_refused_late", emv.CardGone: "card_gone", emv.AnswerLost: "answer_lost",
	emv.BadCompletion: "bad_completion", emv.ScriptUnknown: "script_unknown",
}

// lines adds the steps.
func (t *Trace) lines(out *Report, lang string) {
	for i := range t.Steps {
		s := &t.Steps[i]
		note := s.Words(lang)
		if s.Kind == Exchange {
			l := Line{SW: s.SW, US: s.Took.Microseconds(), FieldUS: s.Field.Microseconds(), Note: note}
			var command, response bool
			l.Command, command = zeroed(s.Command.Hex)
			l.Response, response = zeroed(s.Answer.Hex)
			l.Masked = command || response
			out.Steps = append(out.Steps, l)
			continue
		}
		h := Happened{After: len(out.Steps), What: s.Kind.String(), US: s.Took.Microseconds(), Note: note}
		if s.Lost != nil {
			h.Error = Why(s.Lost)
		}
		if s.Kind == Reversal && out.Reversal != nil {
			out.Reversal.Sent = s.Lost == nil
		}
		out.Events = append(out.Events, h)
	}
}

// zeroed is a message in hexadecimal that a program can decode: 0 in place of each
// masked digit.
func zeroed(hex string) (digits string, masked bool) {
	return strings.ReplaceAll(hex, "*", "0"), strings.Contains(hex, "*")
}

// Words are what a step was and what the terminal found, in one line.
func (s *Step) Words(lang string) string {
	var words []string
	for _, w := range []string{s.Command.Title, s.Event} {
		if w != "" {
			words = append(words, w)
		}
	}
	if s.Kind == Issuer && s.Answer.Title != "" {
		words = append(words, s.Answer.Title)
	}
	if s.Kind == Exchange && s.Lost != nil {
		words = append(words, Why(s.Lost))
	}
	for _, n := range s.Notes {
		words = append(words, n.Text(lang))
	}
	return strings.Join(words, "; ")
}

// Fault is why the sale was not approved: the terminal's reason, in the caller's words,
// and how the card misbehaved. Empty if there is no reason.
func (t *Trace) Fault(reason string) string {
	switch {
	case t.Result.Outcome.Approved():
		return ""
	case t.Result.Fault.Code == kernel.NoFault:
		reason = ""
	}
	if t.Misbehaved == nil {
		return reason
	}
	if reason != "" {
		reason += ": "
	}
	return reason + Why(t.Misbehaved)
}

// Why is an error of a reader or host without what was being done, which the step
// says, and without advice.
func Why(err error) string {
	var r *reader.Error
	if !errors.As(err, &r) {
		return err.Error()
	}
	if r.Cause == nil {
		return r.Kind.Error()
	}
	return r.Kind.Error() + ": " + r.Cause.Error()
}

func known(fen int64) *int64 {
	if fen < 0 {
		return nil
	}
	return &fen
}

// milliseconds is a duration with three decimals, rounded down.
func milliseconds(d time.Duration) json.Number {
	us := d.Microseconds()
	return json.Number(fmt.Sprintf("%d.%03d", us/1000, us%1000))
}

func scripts(list []emv.ScriptResult) []Script {
	out := []Script{}
	for _, s := range list {
		row := Script{Template: fmt.Sprintf("%02X", s.Template), ID: fmt.Sprintf("%X", s.ID), Failed: int(s.Number)}
		if int(s.Outcome) < len(scriptResults) {
			row.Result = scriptResults[s.Outcome]
		}
		out = append(out, row)
	}
	return out
}

func rows(list []row.Record) []Row {
	out := []Row{}
	for i := range list {
		r := &list[i].Row
		line := Row{Kind: r.Kind.String(), ATC: int(r.ATC), Amount: int64(r.Amount)}
		if reason := r.Flags.Reason(); reason != txn.NoDoubt {
			line.Reason = reason.String()
		}
		out = append(out, line)
	}
	return out
}
