package inspect

import (
	"time"

	"github.com/citycard/citycard/terminal/gate"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/journey"
)

// Why is the reason why a record is not verified. Numbers are for ever.
type Why uint8

// The reasons.
const (
	Proved       Why = 0 // it is verified
	CardLeft     Why = 1 // the card left before all was read
	NoJourneys   Why = 2 // no application that carries journeys, or no records in it
	ModuleFailed Why = 3 // the security module did not check the card's code
	WrongCode    Why = 4 // the code is wrong: not this card's record as it is now
	Unreadable   Why = 5 // the card answers what is no record
	NoCode       Why = 6 // a purse: its records are under no code
	whyBounds        = 7
)

var whyTexts = [whyBounds]struct{ en, zh string }{
	Proved: {"verified", "已核实"}, CardLeft: {"card left too early", "卡片过早离开"}, NoJourneys: {"no journeys on this card", "卡内无行程记录"},
	ModuleFailed: {"security module failed", "安全模块失败"}, WrongCode: {"record is not genuine", "行程记录不真实"},
	Unreadable: {"record is unreadable", "行程记录无法读取"}, NoCode: {"purse records cannot be verified offline", "钱包记录无法脱机核实"},
}

// EN is the English text.
func (w Why) EN() string { return whyTexts[min(w, whyBounds-1)].en }

// ZH is the Chinese text.
func (w Why) ZH() string { return whyTexts[min(w, whyBounds-1)].zh }

// String is EN.
func (w Why) String() string { return w.EN() }

// Verdict is whether the rider may be here, by what the card says. Numbers are for ever.
type Verdict uint8

// The verdicts.
const (
	Unknown       Verdict = 0 // nothing could be read
	Valid         Verdict = 1
	NotEntered    Verdict = 2 // no open journey of this kind
	TooLong       Verdict = 3 // it was begun too long ago
	OtherVehicle  Verdict = 4 // begun on another route or vehicle
	Locked        Verdict = 5 // the record is locked, or was never enabled
	verdictBounds         = 6
)

var verdictTexts = [verdictBounds]struct{ en, zh string }{
	Unknown: {"not known", "无法判断"}, Valid: {"valid", "有效"}, NotEntered: {"no journey begun", "未进站或未上车"},
	TooLong: {"time limit exceeded", "乘车超时"}, OtherVehicle: {"boarded another bus", "非本车乘车记录"}, Locked: {"record is locked", "记录已锁定"},
}

// EN is the English text.
func (v Verdict) EN() string { return verdictTexts[min(v, verdictBounds-1)].en }

// ZH is the Chinese text.
func (v Verdict) ZH() string { return verdictTexts[min(v, verdictBounds-1)].zh }

// String is EN.
func (v Verdict) String() string { return v.EN() }

// MaxTrips is how many lines of the log are read.
const MaxTrips = 3

// Report is what an inspection has found. It belongs to the Inspector until the next
// Begin.
type Report struct {
	Application gate.ApplicationKind // 0: none was found
	// Card is a purse's number, Serial the number in the records, which is a bank
	// card's only one here.
	Card   txn.CardKey
	Serial journey.Serial
	// Verified says that the record that Verdict rests on is this card's, as it is now;
	// else Why says why not.
	Verified bool
	Why      Why
	Verdict  Verdict
	// Metro and Bus are the records, nil where the card has none.
	Metro, Bus *journey.Record
	Trips      []journey.Trip // the newest first
	// LogAgrees says that the log has the last tap of the record that Verdict rests on.
	LogAgrees bool
	// TC is that of the last journey, for the issuer, where HasTC.
	TC    [8]byte
	HasTC bool
	Err   error // of ModuleFailed
}

// judge says whether the rider may be here.
func (c *Config) judge(r *Report, now int64) {
	rec := r.Metro
	if c.Bus {
		rec = r.Bus
	}
	if rec == nil {
		if r.Metro != nil || r.Bus != nil {
			r.Verdict = NotEntered
		}
		return
	}
	r.Verdict = c.verdict(rec, now)
	last := &rec.Entry
	if rec.State == journey.Out {
		last = &rec.Exit
	}
	for i := range r.Trips {
		t := &r.Trips[i]
		r.LogAgrees = r.LogAgrees || t.Time == last.Time && t.Terminal == last.Terminal
	}
}

func (c *Config) verdict(rec *journey.Record, now int64) Verdict {
	since, limit := rec.Entry.Time, c.MaxStay
	if c.Bus && rec.State == journey.Out && rec.Entry.Time == rec.Exit.Time {
		limit = c.OneTapStay // a ride of one tap has its end with its beginning
	} else if rec.State != journey.In {
		return lockedOr(rec, NotEntered)
	}
	switch {
	case !rec.Valid || rec.Locked:
		return Locked
	case since == 0 || since > now:
		return NotEntered
	case c.Bus && (rec.Entry.Line != c.Route || rec.Entry.Vehicle != [8]byte{} && rec.Entry.Vehicle != c.Vehicle):
		return OtherVehicle
	case limit > 0 && now-since > int64(limit/time.Second):
		return TooLong
	}
	return Valid
}

func lockedOr(rec *journey.Record, v Verdict) Verdict {
	if !rec.Valid || rec.Locked {
		return Locked
	}
	return v
}
