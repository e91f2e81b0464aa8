package timeline_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/recon/timeline"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/journey"
	"github.com/citycard/citycard/wire/tlv"
)

// Load logs as the house's card gives them (card/pboc/testdata/scripts/load.txt): PAN
// 6228000100001117, PSN 01, key of the MAC master 11223344556677888877665544332211.
const (
	loadLogDES = "0001039F7900000050000000000000000025112008301500019F7900000003000000000050000025112008301500019F790000000100000000000300002511200830150001FE55DBAD"
	loadLogSM4 = "0001019F790000000100000000000300002511200830150001353635E1"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func cardMAC(t testing.TB, alg cryptogram.Alg) cryptogram.Key {
	t.Helper()
	master, err := cryptogram.NewBlock(alg, cryptogram.Key(unhex(t, "11223344556677888877665544332211")))
	if err != nil {
		t.Fatal(err)
	}
	return cryptogram.DeriveCardKey(alg, master, [10]byte(unhex(t, "6228000100001117FFFF")), 1)
}

func TestLoadLogOfACard(t *testing.T) {
	for alg, text := range map[cryptogram.Alg]string{cryptogram.TDES: loadLogDES, cryptogram.SM4: loadLogSM4} {
		b := unhex(t, text)
		l, err := timeline.DecodeLoadLog(b)
		if err != nil {
			t.Fatal(err)
		}
		first := timeline.LoadLogEntry{Tag: tlv.TagECBalance, ATC: 1, Before: 10000, After: 30000, Time: time.Date(2025, 11, 20, 8, 30, 15, 0, txn.CityTime).Unix()}
		if oldest := l.Entries[len(l.Entries)-1]; l.ATC != 1 || oldest != first {
			t.Errorf("ATC %04X, oldest load %+v", l.ATC, oldest)
		}
		if err := timeline.VerifyLoadLog(b, alg, cardMAC(t, alg)); err != nil {
			t.Error(err)
		}
		for i := range b {
			bad := bytes.Clone(b)
			bad[i] ^= 1
			if err := timeline.VerifyLoadLog(bad, alg, cardMAC(t, alg)); !errors.Is(err, timeline.ErrLogMAC) && !errors.Is(err, timeline.ErrLog) {
				t.Fatalf("byte %d is another and the log is taken: %v", i, err)
			}
		}
	}
}

func TestLoadLogRefusals(t *testing.T) {
	good := unhex(t, loadLogDES)
	for name, f := range map[string]func(b []byte) []byte{
		"empty":           func([]byte) []byte { return nil },
		"short":           func(b []byte) []byte { return b[:len(b)-1] },
		"long":            func(b []byte) []byte { return append(b, 0) },
		"count":           func(b []byte) []byte { b[2]++; return b },
		"eleven":          func([]byte) []byte { return append([]byte{0, 1, 11}, make([]byte, 11*22+4)...) },
		"balance before":  func(b []byte) []byte { b[5] = 0xA0; return b },
		"balance after":   func(b []byte) []byte { b[16] = 0x0A; return b },
		"date":            func(b []byte) []byte { b[17] = 0x2A; return b },
		"month 13":        func(b []byte) []byte { b[18] = 0x13; return b },
		"hour 24":         func(b []byte) []byte { b[20] = 0x24; return b },
		"order":           func(b []byte) []byte { b[24] = 0; return b },
		"above the card":  func(b []byte) []byte { b[1] = 0; return b },
		"time, no digits": func(b []byte) []byte { b[22] = 0xFF; return b },
	} {
		if _, err := timeline.DecodeLoadLog(f(bytes.Clone(good))); !errors.Is(err, timeline.ErrLog) {
			t.Errorf("%s: %v", name, err)
		}
	}
	noDate := bytes.Clone(good)
	copy(noDate[17:20], []byte{0, 0, 0})
	if l, err := timeline.DecodeLoadLog(noDate); err != nil || l.Entries[0].Time != 0 {
		t.Errorf("a load without a date: %v, %v", l, err)
	}
}

// FuzzDecodeLoadLog: what is taken has the counters in order and the length of its count.
func FuzzDecodeLoadLog(f *testing.F) {
	f.Add(unhex(f, loadLogDES))
	f.Add(unhex(f, loadLogSM4))
	f.Add(make([]byte, 7))
	f.Fuzz(func(t *testing.T, b []byte) {
		l, err := timeline.DecodeLoadLog(b)
		if err != nil {
			if !errors.Is(err, timeline.ErrLog) {
				t.Fatal(err)
			}
			return
		}
		if len(b) != 7+22*len(l.Entries) || len(l.Entries) > 10 {
			t.Fatalf("%d loads of %d bytes", len(l.Entries), len(b))
		}
		last := l.ATC
		for _, e := range l.Entries {
			if e.ATC > last || e.Before < 0 || e.After < 0 || e.Time < 0 {
				t.Fatalf("%+v after %04X", e, last)
			}
			last = e.ATC
		}
		timeline.FromLoadLog(l, 10, []timeline.Observation{ob(load, 1, 10000, 20000)})
	})
}

func TestOneSessionCanLoadTwice(t *testing.T) {
	l, err := timeline.DecodeLoadLog(unhex(t, loadLogDES))
	if err != nil {
		t.Fatal(err)
	}
	words, unknown := timeline.FromLoadLog(l, 10, []timeline.Observation{ob(load, 1, 30000, 470000), ob(load, 1, 1, 1), ob(paid, 1, 10000, 10)})
	if len(words) != 1 || words[0].B != 30000 || words[0].Commit != yes || len(unknown) != 2 {
		t.Errorf("words %+v, unknown %+v", words, unknown)
	}
}

// logFormat is 9F4F of the house's cards, and one record in it.
var (
	logFormat = tlv.DOL{{Tag: tlv.TagTransactionDate, Len: 3}, {Tag: tlv.TagTransactionTime, Len: 3}, {Tag: tlv.TagAmountAuthorised, Len: 6},
		{Tag: tlv.Tag(0x9F1A), Len: 2}, {Tag: tlv.TagMerchantName, Len: 20}, {Tag: tlv.TagATC, Len: 2}}
	logRecord = "251120" + "083015" + "000000000450" + "0156" + "4D4554524F2031322043495459204E4F52544820" + "0107"
)

func TestLogRecord(t *testing.T) {
	r, err := timeline.DecodeLogRecord(unhex(t, logRecord), logFormat)
	want := timeline.LogRecord{ATC: 0x0107, Amount: 450, Time: time.Date(2025, 11, 20, 8, 30, 15, 0, txn.CityTime).Unix(), Place: [20]byte([]byte("METRO 12 CITY NORTH "))}
	if err != nil || r != want {
		t.Errorf("%+v, %v", r, err)
	}
	for name, c := range map[string]struct {
		text   string
		format tlv.DOL
	}{
		"short":             {logRecord[2:], logFormat},
		"amount, no digits": {"251120" + "083015" + "00000000045A" + logRecord[24:], logFormat},
		"date, no digits":   {"2F" + logRecord[2:], logFormat},
		"too large":         {"009999999999" + "0001", tlv.DOL{logFormat[2], logFormat[5]}},
		"no counter":        {"000000000450", tlv.DOL{logFormat[2]}},
		"no amount":         {"0001", tlv.DOL{logFormat[5]}},
	} {
		if _, err := timeline.DecodeLogRecord(unhex(t, c.text), c.format); !errors.Is(err, timeline.ErrLog) && !errors.Is(err, timeline.ErrValue) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzDecodeLogRecord reads records by any format: what is taken can be put down.
func FuzzDecodeLogRecord(f *testing.F) {
	f.Add([]byte{0x9A, 3, 0x9F, 0x21, 3, 0x9F, 0x02, 6, 0x9F, 0x1A, 2, 0x9F, 0x4E, 20, 0x9F, 0x36, 2}, unhex(f, logRecord))
	f.Add([]byte{0x9F, 0x02, 6, 0x9F, 0x36, 2}, unhex(f, "0000000004500001"))
	f.Fuzz(func(t *testing.T, dol, b []byte) {
		format, err := tlv.ParseDOL(dol)
		if err != nil {
			return
		}
		r, err := timeline.DecodeLogRecord(b, format)
		if err != nil {
			if !errors.Is(err, timeline.ErrLog) && !errors.Is(err, timeline.ErrValue) {
				t.Fatal(err)
			}
			return
		}
		c := card()
		if err := c.Note(timeline.Log{ATC: r.ATC, Records: []timeline.LogRecord{r}}); err != nil {
			t.Fatalf("%+v: %v", r, err)
		}
		d := card()
		if err := d.Decode(c.Append(nil)); err != nil || !slices.Equal(d.Logged(r.ATC-1, 0xFFFF), c.Logged(r.ATC-1, 0xFFFF)) {
			t.Fatalf("%+v: %v", r, err)
		}
	})
}

func TestTripsNameLineAndStop(t *testing.T) {
	r, ok := timeline.FromTrip(&journey.Trip{Terminal: 201, Line: 3, Station: 17, Amount: 400, Time: 1000, ATC: 9})
	if want := (timeline.LogRecord{ATC: 9, Amount: 400, Time: 1000, Terminal: 201, Place: [20]byte([]byte("line 3 stop 17\x00\x00\x00\x00\x00\x00"))}); !ok || r != want {
		t.Errorf("%+v, %t", r, ok)
	}
	if _, ok := timeline.FromTrip(&journey.Trip{Amount: 400}); ok {
		t.Error("a trip without a counter names one")
	}
	if r, _ := timeline.FromTrip(&journey.Trip{ATC: 1, Terminal: 1 << 40}); r.Terminal != 0 {
		t.Errorf("terminal %d", r.Terminal)
	}
}

func TestNoteRefusesAndKeepsNothing(t *testing.T) {
	c := card(ob(zero, 1, 10, 0))
	before := c.Append(nil)
	many := timeline.Log{ATC: 0xFFFF}
	for i := range 4097 {
		many.Records = append(many.Records, timeline.LogRecord{ATC: uint16(i)})
	}
	for _, l := range []struct {
		log  timeline.Log
		want error
	}{
		{timeline.Log{ATC: 3, Records: []timeline.LogRecord{{ATC: 1}, {ATC: 4}}}, timeline.ErrLogOrder},
		{timeline.Log{ATC: 3, Records: []timeline.LogRecord{{ATC: 1}, {ATC: 2, Amount: -1}}}, timeline.ErrValue},
		{timeline.Log{ATC: 3, Records: []timeline.LogRecord{{ATC: 1}, {ATC: 2, Time: 1 << 40}}}, timeline.ErrValue},
		{many, timeline.ErrLogFull},
	} {
		if err := c.Note(l.log); !errors.Is(err, l.want) || !bytes.Equal(c.Append(nil), before) {
			t.Errorf("%v, want %v and the card as it was", err, l.want)
		}
	}
}

// someLog draws a log with little variety, true or not.
func someLog(t *rapid.T) timeline.Log {
	l := timeline.Log{ATC: rapid.Uint16Range(0, 8).Draw(t, "atc"), Slots: rapid.IntRange(0, 4).Draw(t, "slots")}
	for range rapid.IntRange(0, 4).Draw(t, "records") {
		l.Records = append(l.Records, timeline.LogRecord{ATC: rapid.Uint16Range(0, l.ATC).Draw(t, "listed"), Amount: money.Fen(rapid.Int64Range(1, 3).Draw(t, "amount"))})
	}
	return l
}

// TestLogsAreASet: order, repetition and the way through the encoded form change nothing,
// and the word on every counter is that of reading all logs from the beginning.
func TestLogsAreASet(t *testing.T) {
	words := map[timeline.Certainty]int{}
	rapid.Check(t, func(t *rapid.T) {
		obs := rapid.SliceOfN(rapid.Custom(anythingAtAll), 1, 8).Draw(t, "observations")
		logs := rapid.SliceOfN(rapid.Custom(someLog), 1, 4).Draw(t, "logs")
		a, b := card(obs...), card()
		for _, l := range logs {
			if err := a.Note(l); err != nil {
				t.Fatal(err)
			}
		}
		for _, i := range rapid.Permutation(slices.Concat(logs, logs[:1])).Draw(t, "order") {
			if err := b.Note(i); err != nil {
				t.Fatal(err)
			}
			b = redecode(t, b)
		}
		b.Add(obs...)
		if !bytes.Equal(a.Append(nil), b.Append(nil)) {
			t.Fatal("order or repetition changed the card")
		}
		x, y := a.Judge(windowEnd*3600, smallRules, nil), b.Judge(windowEnd*3600, smallRules, nil)
		if !slices.Equal(brief(x), brief(y)) {
			t.Fatalf("%q\n%q", brief(x), brief(y))
		}
		ladder := card(ob(zero, 9, 12, 0))
		for atc := range uint16(9) {
			ladder.Add(ob(doubt, atc, 12, money.Fen(rapid.Int64Range(1, 3).Draw(t, "offered"))))
		}
		for _, l := range logs {
			if err := ladder.Note(l); err != nil {
				t.Fatal(err)
			}
		}
		for _, v := range ladder.Verdicts(&smallRules) {
			if want := wordOf(logs, v.P, v.Offered); v.Log != want {
				t.Fatalf("counter %d of %d: the log says %s, want %s: %+v", v.P, v.Offered, v.Log, want, logs)
			}
			words[v.Log]++
		}
	})
	if words[yes] == 0 || words[no] == 0 || words[open] == 0 {
		t.Errorf("words %v: something never came up", words)
	}
}

// wordOf is what logs say of an offered debit, one log after the other.
func wordOf(logs []timeline.Log, atc uint16, offered money.Fen) timeline.Certainty {
	listed, denied, other := false, false, false
	for _, l := range logs {
		lists, oldest := false, uint16(0xFFFF)
		for _, r := range l.Records {
			oldest = min(oldest, r.ATC)
			if r.ATC == atc {
				lists = true
				other = other || r.Amount != offered
			}
		}
		listed = listed || lists
		reaches := atc <= l.ATC && (len(l.Records) < l.Slots || atc > oldest)
		denied = denied || l.Slots > 0 && reaches && !lists
	}
	switch {
	case listed && !denied && !other:
		return yes
	case denied && !listed:
		return no
	}
	return open
}

// TestWhatALogDecidedStaysDecided: the word of a log counts when no row can come any more.
// Watermarks that fall back, for a new terminal, do not move the money again; balances
// that say the same later find the flash card on that day, not on the day of the word.
func TestWhatALogDecidedStaysDecided(t *testing.T) {
	for name, more := range map[string][]func(*timeline.Observation){"refund": nil, "collected": {served}} {
		c := card(ob(doubt, 1, 1000, 300, more...), ob(zero, 3, 700, 0))
		if err := c.Note(timeline.Log{ATC: 3, Slots: 10, Records: []timeline.LogRecord{{ATC: 1, Amount: 300}}}); err != nil {
			t.Fatal(err)
		}
		j := c.Judge(4*3600, rules, &timeline.Marks{Through: 5 * 3600})
		if len(j.Actions) != 1 || len(j.Flash) != 0 || !j.Breaks[0].ByLog {
			t.Fatalf("%s: %q", name, brief(j))
		}
		if j = c.Judge(6*3600, rules, &timeline.Marks{}); len(j.Actions) != 0 || !j.Breaks[0].ByLog {
			t.Errorf("%s: the watermarks fell back: %q", name, brief(j))
		}
		c.Add(ob(zero, 2, 700, 0))
		if j = c.Judge(9*3600, rules, nil); len(j.Actions) != 0 || len(j.Flash) != 1 || j.Flash[0].DecidedAt != 9*3600 {
			t.Errorf("%s: %q, flash %+v", name, brief(j), j.Flash)
		}
	}
}
