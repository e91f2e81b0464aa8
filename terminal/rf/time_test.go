package rf_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/citycard/citycard/terminal/rf"
)

func ExampleLink_Exchange() {
	for _, kbits := range []int{106, 212, 424, 848} {
		rate, _ := rf.RateOf(kbits)
		link := rf.NewLink(rf.TypeA, rate)
		fmt.Println(rate, link.Activation(), link.Exchange(5, 250, rf.Of(2*time.Millisecond)))
	}
	// Output:
	// 106 kbit/s 14.138 ms 24.720 ms
	// 212 kbit/s 15.452 ms 13.648 ms
	// 424 kbit/s 15.452 ms 8.092 ms
	// 848 kbit/s 15.452 ms 5.315 ms
}

// TestFrameTimes works out by hand what the standards say of single frames, in
// carrier periods.
func TestFrameTimes(t *testing.T) {
	a, b := rf.NewLink(rf.TypeA, rf.Rate106), rf.NewLink(rf.TypeB, rf.Rate106)
	fast := rf.NewLink(rf.TypeA, rf.Rate848)
	cid := rf.NewLink(rf.TypeA, rf.Rate106)
	cid.CID = true
	for _, row := range []struct {
		what        string
		link        *rf.Link
		cmd, answer int
		down, up    rf.Time
	}{
		// Prologue 1 and CRC 2 beside the command; 9 bits a byte of 128/fc, 3 and 2 bits around.
		{"A 106", a, 5, 2, (8*9 + 3) * 128, (5*9 + 2) * 128},
		{"A 106 with CID", cid, 5, 2, (9*9 + 3) * 128, (6*9 + 2) * 128},
		{"A 848", fast, 5, 2, (8*9 + 3) * 16, 512 + (5*9+2)*16},
		{"B 106", b, 5, 2, (8*10 + 22) * 128, 1280 + (5*10+22)*128},
	} {
		p := row.link.Split(row.cmd, row.answer, 0)
		if p.Down != row.down || p.Up != row.up || p.Blocks != 2 || p.Extra != 0 {
			t.Errorf("%s: %+v, want down %d, up %d", row.what, p, row.down, row.up)
		}
		if p.Pause != 6780 {
			t.Errorf("%s: pause %d", row.what, p.Pause)
		}
	}
	if got := a.Split(5, 2, 0).Card; got != 1172 {
		t.Errorf("type A answers after %d/fc at the earliest, want 1172", got)
	}
	if got := a.FrameWaitingTime(); got != 4096*128 {
		t.Errorf("frame waiting time for FWI 7: %d", got)
	}
}

// TestChaining: a message that does not fit a frame goes in several, each but the
// last acknowledged by the other side.
func TestChaining(t *testing.T) {
	l := rf.NewLink(rf.TypeA, rf.Rate106)
	l.FSC, l.FSD = 16, 32
	p := l.Split(26+1, 58+1, 0) // 13 and 29 bytes fit a block: 3 blocks each
	if p.Blocks != 3+2+3+2 {
		t.Errorf("%d blocks, want 10", p.Blocks)
	}
	wantDown := rf.Time(2*(16*9+3)+(4*9+3)) * 128
	wantUp := rf.Time(2*(32*9+2)+(4*9+2)) * 128
	if p.Down != wantDown || p.Up != wantUp {
		t.Errorf("down %d, up %d, want %d and %d", p.Down, p.Up, wantDown, wantUp)
	}
	ack := rf.Time((3*9+2)*128+(3*9+3)*128)*2 + 4*(1172+6780)
	if p.Extra != ack {
		t.Errorf("acknowledgements %d, want %d", p.Extra, ack)
	}
}

// TestExtension: a card that works longer than the frame waiting time asks for more.
func TestExtension(t *testing.T) {
	l := rf.NewLink(rf.TypeA, rf.Rate106)
	fwt := l.FrameWaitingTime()
	for n, work := range map[int]rf.Time{0: fwt, 1: 3 * fwt, 2: 3*fwt + 1, 4: 9 * fwt} {
		if got := l.Split(5, 2, work).Blocks; got != 2+2*n {
			t.Errorf("work %v: %d blocks, want %d extensions", work, got, n)
		}
	}
	if got := l.Split(5, 0, 0); got.Card != fwt || got.Up != 0 {
		t.Errorf("no answer: %+v, the reader waits for the frame waiting time", got)
	}
}

// TestActivation adds up the frames of the usual type A card by hand.
func TestActivation(t *testing.T) {
	const fc = 13_560_000
	l := rf.NewLink(rf.TypeA, rf.Rate106)
	l.Field, l.Cascade = 0, 1
	down := func(n rf.Time) rf.Time { return (9*n + 3) * 128 }
	up := func(n rf.Time) rf.Time { return (9*n + 2) * 128 }
	want := (7+3)*128 + 1172 + up(2) + // REQA, ATQA
		6780 + down(2) + 1172 + up(5) + // anticollision
		6780 + down(9) + 1172 + up(3) + // select
		6780 + down(4) + fc/1000 + up(12) // RATS, ATS
	if got := l.Activation(); got != want {
		t.Errorf("%d, want %d", got, want)
	}
	l.Cascade = 2
	if got := l.Activation() - want; got != 2*6780+down(2)+up(5)+down(9)+up(3)+2*1172 {
		t.Errorf("a second level takes %d", got)
	}
}

// TestContactTime: the T=0 exchange of EMV Book 1, and one in T=1 blocks.
func TestContactTime(t *testing.T) {
	c := rf.NewContact()
	c.Clock, c.F, c.D = rf.Carrier, 372, 1 // an elementary time unit is 372/fc
	for _, row := range []struct {
		what        string
		cmd, answer int
		chars       rf.Time
		turns       rf.Time
	}{
		{"case 1 or 3 without data: header, status", 5, 2, 5 + 2, 2},
		{"case 2: header, procedure byte, data, status", 5, 12, 5 + 1 + 10 + 2, 2},
		{"case 3: header, procedure byte, data, status", 15, 2, 5 + 1 + 10 + 2, 4},
		{"case 4, without Le: and GET RESPONSE", 16, 12, 5 + 1 + 10 + 2 + 5 + 1 + 10 + 2, 6},
	} {
		if got, want := c.Exchange(row.cmd, row.answer, 7), 7+372*(12*row.chars+(16-12)*row.turns); got != want {
			t.Errorf("%s: %d, want %d", row.what, got, want)
		}
	}
	c.BlockProtocol, c.IFS = true, 32
	if got, want := c.Exchange(33, 2, 0), rf.Time(372*((33+3*4)*11+3*(22-11)+(2+4)*11+(22-11))); got != want {
		t.Errorf("T=1: %d, want %d", got, want)
	}
}

func TestValidate(t *testing.T) {
	if err := rf.NewLink(rf.TypeB, rf.Rate848).Validate(); err != nil {
		t.Error(err)
	}
	if err := rf.NewContact().Validate(); err != nil {
		t.Error(err)
	}
	for what, change := range map[string]func(*rf.Link){
		"type": func(l *rf.Link) { l.Type = 'F' }, "rate": func(l *rf.Link) { l.Up = 4 }, "FSC": func(l *rf.Link) { l.FSC = 15 },
		"FSD": func(l *rf.Link) { l.FSD = 257 }, "FWI": func(l *rf.Link) { l.FWI = 15 }, "WTXM": func(l *rf.Link) { l.WTXM = 60 },
		"cascade": func(l *rf.Link) { l.Cascade = 0 },
		"pause":   func(l *rf.Link) { l.ToReader = -1 },
	} {
		l := rf.NewLink(rf.TypeA, rf.Rate106)
		if change(l); l.Validate() == nil {
			t.Errorf("%s: accepted", what)
		}
	}
	for what, change := range map[string]func(*rf.Contact){
		"clock": func(c *rf.Contact) { c.Clock = 1 }, "D": func(c *rf.Contact) { c.D = 0 }, "ATR": func(c *rf.Contact) { c.ATR = 34 },
		"IFS": func(c *rf.Contact) { c.BlockProtocol, c.IFS = true, 255 },
	} {
		c := rf.NewContact()
		if change(c); c.Validate() == nil {
			t.Errorf("%s: accepted", what)
		}
	}
}

// TestTimeConversion: there and back within a nanosecond's rounding, never shorter.
func TestTimeConversion(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := time.Duration(rapid.Int64Range(0, int64(24*time.Hour)).Draw(t, "d"))
		back := rf.Of(d).Duration()
		if back < d || back > d+74 {
			t.Fatalf("%d ns became %d ns", d, back)
		}
	})
	if got := rf.Of(time.Second); got != rf.Carrier {
		t.Errorf("a second is %d periods", got)
	}
	if got := rf.Of(-1); got != 0 {
		t.Errorf("negative: %d", got)
	}
}

// TestMonotone: more bytes, smaller frames, slower rates and slower cards never
// take less time, whatever the medium.
func TestMonotone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cmd, answer := rapid.IntRange(4, 300).Draw(t, "cmd"), rapid.IntRange(2, 300).Draw(t, "answer")
		work := rf.Time(rapid.Int64Range(0, 10*rf.Carrier).Draw(t, "work"))
		l := rf.NewLink(rapid.SampledFrom([]rf.Type{rf.TypeA, rf.TypeB}).Draw(t, "type"), rf.Rate(rapid.IntRange(1, 3).Draw(t, "rate")))
		l.FSC, l.FSD = rapid.IntRange(17, 256).Draw(t, "FSC"), rapid.IntRange(17, 256).Draw(t, "FSD")
		l.CID = rapid.Bool().Draw(t, "CID")
		base := l.Exchange(cmd, answer, work)
		slower, smaller := *l, *l
		slower.Down, slower.Up = l.Down-1, l.Up-1
		smaller.FSC, smaller.FSD = l.FSC-1, l.FSD-1
		c := rf.NewContact()
		c.BlockProtocol = rapid.Bool().Draw(t, "T=1")
		for what, pair := range map[string][2]rf.Time{
			"longer command":  {base, l.Exchange(cmd+1, answer, work)},
			"longer answer":   {base, l.Exchange(cmd, answer+1, work)},
			"slower card":     {base, l.Exchange(cmd, answer, work+1)},
			"slower rate":     {base, slower.Exchange(cmd, answer, work)},
			"smaller frames":  {base, smaller.Exchange(cmd, answer, work)},
			"contact command": {c.Exchange(cmd, answer, work), c.Exchange(cmd+1, answer, work)},
			"contact answer":  {c.Exchange(cmd, answer, work), c.Exchange(cmd, answer+1, work)},
		} {
			if pair[1] < pair[0] {
				t.Errorf("%s: %v, before %v", what, pair[1], pair[0])
			}
		}
	})
}

func BenchmarkExchange(b *testing.B) {
	l := rf.NewLink(rf.TypeA, rf.Rate106)
	card := rf.DefaultCard(60 * time.Millisecond)
	m := rf.NewMeter(l, card)
	cmd, answer := []byte{0x00, 0xB2, 0x01, 0x0C, 0x00}, make([]byte, 200)
	b.ReportAllocs()
	for b.Loop() {
		m.Exchange(cmd, answer)
	}
}
