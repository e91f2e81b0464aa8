package sample

import (
	"math/rand/v2"
	"slices"
	"time"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/txn"
)

// firstDay is the first day of every sample, in days since 1970-01-01 at UTC+8.
var firstDay = int32(time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC).Unix() / 86400)

// dayStart and dayEnd are the first and the last second of a day at UTC+8.
func dayStart(day int32) int64 { return int64(day)*86400 - 8*3600 }
func dayEnd(day int32) int64   { return dayStart(day+1) - 1 }

// lineKind is the file that a line goes to.
type lineKind uint8

const (
	presented  lineKind = iota // a clearing file
	doubt                      // the list of unfinished taps
	load                       // the load journal
	question55                 // the dump of field 55
)

// line is one line before it is written.
type line struct {
	kind     lineKind
	card     txn.CardKey
	day      int32 // on which it arrives
	time     int64
	amount   money.Fen
	before   money.Fen
	terminal txn.TerminalID
	sequence uint32
	service  bool
	word     string // last record: "yes", "no" or nothing
	result   string // of a load
	answer
	cvr    cryptogram.Result
	trace  [16]byte
	copies int // further lines of the same bytes
}

// life is one card over the days of a sample.
type life struct {
	*world
	chip
	rng   *rand.Rand
	lines []line
	clock int64
}

// world is what the lives share.
type world struct {
	days     int32
	sequence map[txn.TerminalID]uint32
}

func (w *world) next(t txn.TerminalID) uint32 {
	w.sequence[t]++
	return w.sequence[t]
}

// Terminals: gates of the railway are below firstShop, readers of shops from it on.
const firstShop txn.TerminalID = 5001

// live plays the card's days.
func (l *life) live() {
	for day := firstDay; day < firstDay+l.days; day++ {
		l.clock = dayStart(day) + 6*3600 + l.rng.Int64N(6*3600)
		if l.value < 2000 || l.rng.IntN(40) == 0 && l.value < 60_000 {
			l.load(day)
		}
		for range l.rng.IntN(3) {
			l.clock += 120 + l.rng.Int64N(4*3600)
			l.event(day)
		}
	}
}

// chance is true n times of a thousand.
func (l *life) chance(n int) bool { return l.rng.IntN(1000) < n }

// event is one thing that happens to the card.
func (l *life) event(day int32) {
	amount := money.Fen(100 * (2 + l.rng.IntN(8)))
	if l.rng.IntN(3) == 0 {
		amount = money.Fen(50 + l.rng.IntN(2950))
	}
	if amount > l.value {
		return
	}
	switch n := l.rng.IntN(1000); {
	case n < 30:
		l.atc++
		l.ask55(day, 0, cryptogram.TC) // entry
	case n < 45:
		l.atc++
		l.ask55(day, 0, cryptogram.ARQC) // balance question
	case n < 52:
		l.atc++
		l.ask55(day, amount, cryptogram.AAC)
	case n < 58:
		l.poll()
	case n < 80:
		l.unfinished(day, amount)
	case n < 90: // paid and never heard of: a flash card without a list, or a lost upload
		l.atc++
		l.value -= amount
	default:
		l.buy(day, amount)
	}
}

// poll uses counters up: somebody else's telephone, or a gate that lost the answer.
func (l *life) poll() {
	n := 1 + l.rng.IntN(3)
	if l.chance(50) {
		n = 100 + l.rng.IntN(200)
	}
	l.atc += uint16(n)
}

func (l *life) terminal() txn.TerminalID {
	if l.rng.IntN(2) == 0 {
		return txn.TerminalID(1 + l.rng.IntN(40))
	}
	return firstShop + txn.TerminalID(l.rng.IntN(40))
}

// tap asks the chip at its present counter.
func (l *life) tap(kind lineKind, day int32, amount money.Fen, result cryptogram.Result, trade byte) line {
	x := line{kind: kind, card: l.key, day: day, time: l.clock, amount: amount, before: l.value, cvr: result}
	q := question{amount: amount, time: l.clock, kind: trade, result: result}
	for i := range q.un {
		q.un[i] = byte(l.rng.Uint32())
	}
	for i := range x.trace {
		x.trace[i] = byte(l.rng.Uint32())
	}
	x.answer = l.ask(q)
	return x
}

func (l *life) ask55(day int32, amount money.Fen, result cryptogram.Result) {
	x := l.tap(question55, day, amount, result, 0)
	l.lines = append(l.lines, x)
}

// buy is a tap that is paid and presented, now and then late.
func (l *life) buy(day int32, amount money.Fen) {
	l.atc++
	x := l.tap(presented, day, amount, cryptogram.TC, 0)
	l.value -= amount
	x.terminal = l.terminal()
	x.sequence = l.next(x.terminal)
	switch {
	case l.chance(25):
		x.day += 1 + int32(l.rng.IntN(12))
	case l.chance(3):
		x.day += 21 + int32(l.rng.IntN(4)) // behind the window of 20 days
	}
	if l.chance(6) {
		x.copies = 1 + l.rng.IntN(2)
	}
	l.lines = append(l.lines, x)
}

// unfinished is a tap of which the terminal does not know the end.
func (l *life) unfinished(day int32, amount money.Fen) {
	l.atc++
	x := l.tap(doubt, day, amount, cryptogram.TC, 0)
	x.terminal = l.terminal()
	x.sequence = l.next(x.terminal)
	if l.chance(150) {
		x.day += 1 + int32(l.rng.IntN(3))
	}
	paid := l.chance(600)
	if paid {
		l.value -= amount
	}
	switch {
	case paid && l.chance(120):
		x.service = true
	case paid && l.chance(100): // the terminal finds the tap finished and presents it after all
		late := x
		late.kind, late.day = presented, x.day+int32(l.rng.IntN(3))
		l.lines = append(l.lines, late)
	case paid && l.chance(200):
		x.word = "yes"
	case !paid && l.chance(300):
		x.word = "no"
	}
	l.lines = append(l.lines, x)
}

// load asks for more value. The result may be lost, and then the script may have run.
func (l *life) load(day int32) {
	amount := []money.Fen{2000, 5000, 10_000, 20_000}[l.rng.IntN(4)]
	l.atc++
	x := l.tap(load, day, amount, cryptogram.ARQC, 0x60)
	x.terminal = 900
	x.sequence = l.next(x.terminal)
	x.result = "ok"
	switch {
	case l.chance(60): // flash load
		x.result = "lost"
	case l.chance(90):
		x.result = "lost"
		l.value += amount
	case l.chance(30):
		x.result = "declined"
	case l.chance(20):
		x.result = "reversed"
	default:
		l.value += amount
	}
	l.lines = append(l.lines, x)
}

// written keeps the lines that arrive before the sample ends.
func (l *life) written() {
	l.lines = slices.DeleteFunc(l.lines, func(x line) bool { return x.day >= firstDay+l.days })
}
