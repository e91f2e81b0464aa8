package timeline_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/citycard/citycard/recon/timeline"
)

// full is a card with every part of the encoded form in use.
func full() *timeline.Card {
	c := card(ob(opening, 0, 9000, 0), ob(doubt, 1, 9000, 300, served), ob(paid, 2, 8700, 100), ob(zero, 4, 8400, 0),
		ob(load, 5, 8400, 500), ob(online, 6, 8900, 0), ob(declined, 7, 8900, 0))
	c.Judge(windowEnd*3600, rules, nil)
	return c
}

func TestDecodeRefusesEveryDamage(t *testing.T) {
	blob := full().Append(nil)
	if c := card(); c.Decode(blob) != nil || !bytes.Equal(c.Append(nil), blob) {
		t.Fatal("the undamaged form is refused or changes")
	}
	damage := map[string]func(b []byte) []byte{
		"empty":              func([]byte) []byte { return nil },
		"short":              func(b []byte) []byte { return b[:len(b)-1] },
		"long":               func(b []byte) []byte { return append(b, 0) },
		"version":            func(b []byte) []byte { b[0] = 2; return b },
		"flags":              func(b []byte) []byte { b[1] |= 4; return b },
		"credits of a month": func(b []byte) []byte { b[14] = 0x80; return b },
		"entry count":        func(b []byte) []byte { b[23]++; return b },
		"order of entries":   func(b []byte) []byte { b[29] = 9; return b },
		"class":              func(b []byte) []byte { b[30] = 4; return b },
		"bits of an entry":   func(b []byte) []byte { b[31] = 1; return b },
		"balance":            func(b []byte) []byte { b[32] = 0xFF; return b },
		"region off counter": func(b []byte) []byte { b[28+7*33+1] = 3; return b },
		"state of a region":  func(b []byte) []byte { b[28+7*33+6] = 99; return b },
		"flags of a region":  func(b []byte) []byte { b[28+7*33+7] = 0x20; return b },
		"kind of a mark":     func(b []byte) []byte { b[len(b)-14+4] = 9; return b },
		"purpose of a mark":  func(b []byte) []byte { b[len(b)-14+5] = 1; return b },
	}
	for name, f := range damage {
		c := card(ob(zero, 1, 10, 0))
		if err := c.Decode(f(bytes.Clone(blob))); !errors.Is(err, timeline.ErrEncoding) || c.Len() != 0 {
			t.Errorf("%s: error %v, %d entries left", name, err, c.Len())
		}
	}
}

// transit is a card with every field of the longer form in use, and a quota card and a
// purse beside it.
func transit() []*timeline.Card {
	held := func(o *timeline.Observation) { o.Held, o.HoldATC, o.Completes = 300, 1, true }
	used := func(o *timeline.Observation) { o.Used, o.UsedRead = 70, true }
	bank := card(ob(opening, 0, 900, 0), ob(hold, 1, 600, 0, func(o *timeline.Observation) { o.Held = 300 }), ob(paid, 2, 600, 600, used), ob(paid, 3, 290, 200, held))
	bank.Judge(windowEnd*3600, rules, nil)
	push := func(o *timeline.Observation) { o.Content, o.Placed = 3, true }
	purse := func(o *timeline.Observation) { o.Purse = true }
	return []*timeline.Card{bank, card(ob(timeline.Push, 0, 500, 0, push), ob(zero, 1, 500, 0)), card(ob(paid, 1, 500, 300, purse), ob(doubt, 2, 200, 100, purse))}
}

func TestLongerFormOnlyWhereItIsNeeded(t *testing.T) {
	if b := full().Append(nil); b[0] != 1 {
		t.Errorf("a plain card has version %d", b[0])
	}
	for i, c := range transit() {
		b := c.Append(nil)
		d := card()
		if err := d.Decode(b); b[0] != 2 || err != nil || !bytes.Equal(d.Append(nil), b) {
			t.Errorf("card %d: version %d, %v", i, b[0], err)
		}
		if x, y := slices.Collect(c.Observations), slices.Collect(d.Observations); !slices.Equal(x, y) {
			t.Errorf("card %d: %+v, decoded %+v", i, x, y)
		}
	}
	// A plain card in the longer form is another form of the same, and refused.
	plain := card(ob(zero, 1, 10, 0)).Append(nil)
	if err := card().Decode(append(append([]byte{2}, plain[1:]...), make([]byte, 11)...)); !errors.Is(err, timeline.ErrEncoding) {
		t.Errorf("plain card with version 2: %v", err)
	}
}

func TestDecodeRefusesDamageOfTheLongerForm(t *testing.T) {
	const hold, used, fare = 28 + 44, 28 + 2*44, 28 + 3*44
	for name, f := range map[string]func(b []byte){
		"version 1":           func(b []byte) { b[0] = 1 },
		"flags":               func(b []byte) { b[hold+43] |= 0x10 },
		"placed row":          func(b []byte) { b[hold+43] |= 8 },
		"hold that completes": func(b []byte) { b[hold+43] |= 2 },
		"hold with a debit":   func(b []byte) { b[hold+12] = 1 },
		"held without a hold": func(b []byte) { b[used+36] = 1 },
		"used and not read":   func(b []byte) { b[hold+40] = 1 },
		"hold after itself":   func(b []byte) { b[fare+42] = 3 },
		"hold of no fare":     func(b []byte) { b[used+42] = 1 },
		"class 7":             func(b []byte) { b[fare+2] = 7 },
		"purse with a hold":   func(b []byte) { b[fare+2] = 4 },
	} {
		b := transit()[0].Append(nil)
		f(b)
		if err := card().Decode(b); !errors.Is(err, timeline.ErrEncoding) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, f := range map[string]func(b []byte){
		"push without number": func(b []byte) { b[28+20] = 0 },
		"push with a debit":   func(b []byte) { b[28+12] = 1 },
		"paid push":           func(b []byte) { b[28+3] = 8 },
	} {
		b := transit()[1].Append(nil)
		f(b)
		if err := card().Decode(b); !errors.Is(err, timeline.ErrEncoding) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// formsBefore are a plain card and one with holds as they were written before approvals and
// logs were kept.
var formsBefore = []string{
	"010000000000000000000000000000000000000000000007000100010000000000000023280000000000000002328000010000000000000064000000" +
		"000001032400000023280000012C000100023280012D00000E1000000065000000010002030900000021FC00000064000200021FC0006500001C2000" +
		"000066000000020004030000000020D000000000000400020D0000010000384000000068000000040005014000000020D0000001F4000500020D0001" +
		"F50000465000000069000000050006010000000022C400000000000600022C400001000054600000006A000000060007020000000022C40000000000" +
		"0700022C400001000062700000006B000000070002000400010401001FDC400000000000C80000000000000000000000000000000000000000000000" +
		"000001000101040000012C001FDC40",
	"020000000000000000000000000000000000000000000004000000000000000000000003840000000000000000384000010000000000000064000000" +
		"00000000000000000000000000010300000000025800000000000100002580000100000E1000000065000000010000012C0000000000000100020309" +
		"000000025800000258000200002580025900001C2000000066000000020000000000000046000004000303090000000122000000C800030000122000" +
		"C900002A3000000067000000030000012C00000000000102",
}

func TestFormsFromBeforeAreReadAndStay(t *testing.T) {
	for i, text := range formsBefore {
		b := unhex(t, text)
		c := card()
		if err := c.Decode(b); err != nil || !bytes.Equal(c.Append(nil), b) {
			t.Errorf("form %d: %v", i, err)
		}
	}
}

// told is a card with logs, and with breaks that wait for approval: one has it.
func told() *timeline.Card {
	c := card(ob(opening, 0, 9000, 0), ob(doubt, 1, 9000, 300), ob(zero, 2, 8700, 0), ob(doubt, 3, 8700, 100), ob(zero, 5, 8300, 0))
	p := rules
	p.ApproveAbove = 10
	c.Judge(windowEnd*3600, p, nil)
	for _, l := range []timeline.Log{
		{ATC: 4, Slots: 9, Records: []timeline.LogRecord{{ATC: 1, Amount: 300, Time: 7, Terminal: 8, Place: [20]byte{'x'}}, {ATC: 3, Amount: 100}}},
		{ATC: 9, Slots: 1, Records: []timeline.LogRecord{{ATC: 6, Amount: 1}}},
	} {
		if err := c.Note(l); err != nil {
			panic(err)
		}
	}
	if err := c.Grant(3, 5); err != nil {
		panic(err)
	}
	return c
}

func TestDecodeRefusesDamageOfLogs(t *testing.T) {
	blob := told().Append(nil)
	if c := card(); c.Decode(blob) != nil || !bytes.Equal(c.Append(nil), blob) || !slices.Equal(c.Logged(0, 9), told().Logged(0, 9)) {
		t.Fatal("the undamaged form is refused or changes")
	}
	runs := len(blob) - 4*4 // 0, 2, 4, 7 to 9
	records := runs - 3*34
	for name, f := range map[string]func(b []byte) []byte{
		"not announced":    func(b []byte) []byte { b[1] &^= 4; return b },
		"cut off":          func(b []byte) []byte { return b[:records-4] },
		"none":             func(b []byte) []byte { return append(b[:records-4], 0, 0, 0, 0) },
		"one record more":  func(b []byte) []byte { b[records-3]++; return b },
		"too many":         func(b []byte) []byte { b[records-4] = 0xFF; return b },
		"record repeated":  func(b []byte) []byte { copy(b[records+34:], b[records:records+34]); return b },
		"runs touch":       func(b []byte) []byte { b[runs+3] = 1; return b },
		"run backwards":    func(b []byte) []byte { b[runs+1] = 1; return b },
		"before the first": func(b []byte) []byte { b[1] |= 2; b[28+1] = 1; return b },
	} {
		if err := card().Decode(f(bytes.Clone(blob))); !errors.Is(err, timeline.ErrEncoding) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzDecode: whatever is taken encodes back to the same bytes and can be judged.
func FuzzDecode(f *testing.F) {
	f.Add(full().Append(nil))
	for _, c := range transit() {
		f.Add(c.Append(nil))
	}
	f.Add(card().Append(nil))
	f.Add(told().Append(nil))
	f.Add(card(ob(paid, 2, 1000, 300), ob(paid, 2, 1000, 200), ob(paid, 3, 700, 1)).Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		c := card()
		if c.Decode(b) != nil {
			return
		}
		if got := c.Append(nil); !bytes.Equal(got, b) {
			t.Fatalf("decoded %x, encoded %x", b, got)
		}
		c.Judge(windowEnd*3600, rules, nil)
		if j := c.Judge(windowEnd*3600, rules, nil); len(j.Actions) > 0 {
			t.Fatalf("judged again, it asks for %v", j.Actions)
		}
		if v := c.Value(&rules); v.Least > v.Most {
			t.Fatalf("value %+v", v)
		}
		c.Explained(0, &rules)
		c.Compact(windowEnd*3600, &rules)
	})
}
