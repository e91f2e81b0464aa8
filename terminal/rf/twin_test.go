package rf_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/citycard/citycard/terminal/rf"
)

// twin adds up a conversation frame by frame, each frame as the row of its symbols,
// by playing reader and card in turn.
type twin struct {
	l     *rf.Link
	clock rf.Time
}

// symbols is a frame as a row of bit times: S start, E end, d data, p parity, 0 and 1
// marks of type B.
func (w *twin) symbols(bytes int, fromCard bool) string {
	if w.l.Type == rf.TypeB {
		return strings.Repeat("0", 10) + "11" + strings.Repeat("0dddddddd1", bytes) + strings.Repeat("0", 10)
	}
	end := "EE"
	if fromCard {
		end = "E"
	}
	return "S" + strings.Repeat("ddddddddp", bytes) + end
}

// send lets one side send a frame at a rate, and the clock stands at its end.
func (w *twin) send(bytes int, fromCard bool, rate rf.Rate) {
	bit := []rf.Time{128, 64, 32, 16}[rate]
	w.clock += bit * rf.Time(len(w.symbols(bytes, fromCard)))
	switch {
	case w.l.Type == rf.TypeB && fromCard:
		w.clock += 80*16 + rf.Time(bytes)*w.l.GuardUp
	case w.l.Type == rf.TypeB:
		w.clock += rf.Time(bytes) * w.l.GuardDown
	case fromCard && rate > rf.Rate106:
		w.clock += 32 * 16
	}
}

// split cuts a message into pieces for frames of a size, prologue and CRC included.
func (w *twin) split(n, size int) []int {
	around := 3
	if w.l.CID {
		around = 4
	}
	var frames []int
	for {
		piece := min(n, size-around)
		frames = append(frames, piece+around)
		if n -= piece; n <= 0 {
			return frames
		}
	}
}

// exchange gives the time, and how often the card asked for more of it.
func (w *twin) exchange(cmd, answer int, work rf.Time) (extensions int) {
	l := w.l
	wait := rf.Time(4096) << l.FWI
	acknowledgement := w.split(0, 64)[0]
	commands := w.split(cmd, l.FSC)
	for i, size := range commands {
		w.clock += l.ToReader
		w.send(size, false, l.Down)
		if i < len(commands)-1 {
			w.clock += l.ToCard
			w.send(acknowledgement, true, l.Up)
		}
	}
	granted := wait
	for work > granted {
		w.clock += granted
		work -= granted
		w.send(acknowledgement+1, true, l.Up)
		w.clock += l.ToReader
		w.send(acknowledgement+1, false, l.Down)
		granted = wait * rf.Time(l.WTXM)
		extensions++
	}
	w.clock += max(work, l.ToCard)
	for i, size := range w.split(answer, l.FSD) {
		if i > 0 {
			w.clock += l.ToReader
			w.send(acknowledgement, false, l.Down)
			w.clock += l.ToCard
		}
		w.send(size, true, l.Up)
	}
	return extensions
}

// activate plays the frames that find a card, each written out.
func (w *twin) activate() {
	l := w.l
	w.clock += l.Field
	var dialogue [][2]string // CRC as cccc
	if l.Type == rf.TypeB {
		dialogue = [][2]string{
			{"050000cccc", "50" + "11223344" + "00000000" + "000074" + "cccc"},
			{"1D" + "11223344" + "00080100" + "cccc", "00cccc"},
		}
	} else {
		for _, sel := range []string{"93", "95", "97"}[:l.Cascade] {
			dialogue = append(dialogue, [2]string{sel + "20", "8804112299"}, [2]string{sel + "70" + "8804112299" + "cccc", "20cccc"})
		}
		dialogue = append(dialogue, [2]string{"E080cccc", "0A" + "75" + "77" + "70" + "02" + "8073C02110" + "cccc"})
		if l.Down != 0 || l.Up != 0 {
			dialogue = append(dialogue, [2]string{"D01100cccc", "D0cccc"})
		}
		w.clock += 128*rf.Time(len("S"+"ddddddd"+"EE")) + l.ToCard
		w.send(2, true, rf.Rate106)
		w.clock += l.ToReader
	}
	for i, turn := range dialogue {
		if i > 0 {
			w.clock += l.ToReader
		}
		w.send(len(turn[0])/2, false, rf.Rate106)
		if slow := strings.HasPrefix(turn[0], "E0") || strings.HasPrefix(turn[0], "1D"); slow {
			w.clock += 13_560
		} else {
			w.clock += l.ToCard
		}
		w.send(len(turn[1])/2, true, rf.Rate106)
	}
}

// TestTwin: the formulas are what the frames add up to. An extension may cost the
// card one more pause than its work needs, never less.
func TestTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := rf.NewLink(rapid.SampledFrom([]rf.Type{rf.TypeA, rf.TypeB}).Draw(t, "type"), rf.Rate106)
		l.Down, l.Up = rf.Rate(rapid.IntRange(0, 3).Draw(t, "down")), rf.Rate(rapid.IntRange(0, 3).Draw(t, "up"))
		l.FSC, l.FSD = rapid.IntRange(16, 256).Draw(t, "FSC"), rapid.IntRange(16, 256).Draw(t, "FSD")
		l.CID, l.Cascade = rapid.Bool().Draw(t, "CID"), rapid.IntRange(1, 3).Draw(t, "cascade")
		l.FWI, l.WTXM = uint8(rapid.IntRange(0, 14).Draw(t, "FWI")), rapid.IntRange(1, 59).Draw(t, "WTXM")
		l.GuardDown, l.GuardUp = rf.Time(rapid.IntRange(0, 768).Draw(t, "EGT")), rf.Time(rapid.IntRange(0, 256).Draw(t, "EGT of the card"))
		if err := l.Validate(); err != nil {
			t.Fatal(err)
		}
		a := twin{l: l}
		if a.activate(); a.clock != l.Activation() {
			t.Fatalf("activation takes %d, its frames %d", l.Activation(), a.clock)
		}
		cmd, answer := rapid.IntRange(4, 600).Draw(t, "cmd"), rapid.IntRange(2, 600).Draw(t, "answer")
		work := rf.Time(rapid.Int64Range(0, rf.Carrier/4).Draw(t, "work"))
		e := twin{l: l}
		n := e.exchange(cmd, answer, work)
		got := l.Exchange(cmd, answer, work)
		if over := got - e.clock; over < 0 || over > rf.Time(n)*l.ToCard {
			t.Fatalf("%d, its frames %d, %d extensions", got, e.clock, n)
		}
	})
}

// beginnings puts the beginnings of characters on a line of time, in elementary time
// units, and gives that of the first character of the next command.
func beginnings(sides string, same, other int) (at int) {
	for i := 1; i < len(sides); i++ {
		if sides[i] == sides[i-1] {
			at += same
		} else {
			at += other
		}
	}
	return at
}

// TestContactTwin plays the characters of both protocols: r of the reader, c of the
// card (ISO/IEC 7816-3, 10.3 and 11.4).
func TestContactTwin(t *testing.T) {
	r := func(n int) string { return strings.Repeat("r", n) }
	c := func(n int) string { return strings.Repeat("c", n) }
	rapid.Check(t, func(t *rapid.T) {
		slot := rf.NewContact()
		slot.Clock, slot.F, slot.D = rf.Carrier, 372, 1
		data, answer := rapid.IntRange(0, 255).Draw(t, "Lc"), rapid.IntRange(0, 256).Draw(t, "Nr")
		cmd, sides := 5, r(5)
		switch {
		case data > 0 && answer > 0:
			cmd, sides = 5+data+1, r(5)+c(1)+r(data)+c(2)+r(5)+c(1+answer+2)
		case data > 0:
			cmd, sides = 5+data, r(5)+c(1)+r(data)+c(2)
		case answer > 0:
			sides = r(5) + c(1+answer+2)
		default:
			sides = r(5) + c(2)
		}
		if got, want := slot.Exchange(cmd, answer+2, 0), rf.Time(372*beginnings(sides+"r", 12, 16)); got != want {
			t.Fatalf("T=0, Lc %d, Nr %d: %d, its characters %d", data, answer, got, want)
		}

		slot.BlockProtocol, slot.IFS = true, rapid.IntRange(1, 254).Draw(t, "IFS")
		sides = ""
		for _, m := range []struct {
			n          int
			from, back func(int) string
		}{{cmd, r, c}, {answer + 2, c, r}} {
			for n := m.n; n > 0; n -= slot.IFS {
				sides += m.from(min(n, slot.IFS) + 4)
				if n > slot.IFS {
					sides += m.back(4)
				}
			}
		}
		if got, want := slot.Exchange(cmd, answer+2, 0), rf.Time(372*beginnings(sides+"r", 11, 22)); got != want {
			t.Fatalf("T=1, IFS %d: %d, its characters %d", slot.IFS, got, want)
		}
	})
}
