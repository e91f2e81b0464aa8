package sample

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/txn"
)

// Limits of a sample.
const (
	MaxCards = 20_000
	MaxDays  = 366
	MaxSize  = 1_000_000 // cards times days
)

// ErrOptions says that a sample of this size or encoding cannot be made.
var ErrOptions = errors.New("no such sample")

// Options say what to make. The zero values of Cards, Days and Encoding are 400 cards, 45
// days and "mixed".
type Options struct {
	Seed     uint64
	Cards    int
	Days     int
	Encoding string // "gbk" or "utf-8" for all files, "mixed"
}

// File is one file of a sample.
type File struct {
	Name string
	Data []byte
}

// Make makes the files and the truth about them.
func Make(o Options) ([]File, *Truth, error) {
	if o.Cards == 0 {
		o.Cards = 400
	}
	if o.Days == 0 {
		o.Days = 45
	}
	if o.Encoding == "" {
		o.Encoding = "mixed"
	}
	switch {
	case o.Cards < 1 || o.Cards > MaxCards:
		return nil, nil, fmt.Errorf("%d cards, want 1 to %d: %w", o.Cards, MaxCards, ErrOptions)
	case o.Days < 1 || o.Days > MaxDays:
		return nil, nil, fmt.Errorf("%d days, want 1 to %d: %w", o.Days, MaxDays, ErrOptions)
	case o.Cards*o.Days > MaxSize:
		return nil, nil, fmt.Errorf("%d cards over %d days are more than %d: %w", o.Cards, o.Days, MaxSize, ErrOptions)
	case !slices.Contains([]string{"mixed", "gbk", "utf-8"}, o.Encoding):
		return nil, nil, fmt.Errorf("encoding %q, want mixed, gbk or utf-8: %w", o.Encoding, ErrOptions)
	}
	all, last := lives(o)
	again := pickAgain(o)
	truth := judge(all, last, again)
	files, err := writeAll(all, int32(o.Days), o.Encoding, again)
	if err != nil {
		return nil, nil, err
	}
	for i := range files {
		truth.Lines += files[i].lines
	}
	out := make([]File, len(files))
	for i := range files {
		out[i] = files[i].File
	}
	return out, truth, nil
}

// sentAgain are the days whose clearing files were sent twice.
type sentAgain struct{ rail, shop int32 }

func pickAgain(o Options) sentAgain {
	rng := rand.New(rand.NewPCG(o.Seed, 2))
	return sentAgain{firstDay + rng.Int32N(int32(o.Days)), firstDay + rng.Int32N(int32(o.Days))}
}

// of is how often the file with a line was sent.
func (a sentAgain) of(x *line) int {
	if x.terminal < firstShop && x.day == a.rail || x.terminal >= firstShop && x.day == a.shop {
		return 2
	}
	return 1
}

// lives plays all cards; last is the latest day on which a line arrives.
func lives(o Options) (all [][]line, last int32) {
	blocks := map[cryptogram.Alg]issuerBlocks{cryptogram.SM4: masters(cryptogram.SM4), cryptogram.TDES: masters(cryptogram.TDES)}
	w := &world{days: int32(o.Days), sequence: map[txn.TerminalID]uint32{}}
	for i := range o.Cards {
		rng := rand.New(rand.NewPCG(o.Seed, uint64(i)+1000))
		l := &life{world: w, chip: newChip(i, rng, blocks), rng: rng}
		l.live()
		if i%100 == 37 {
			l.cloned()
		}
		if i%100 == 61 {
			l.replayed()
		}
		l.written()
		for k := range l.lines {
			last = max(last, l.lines[k].day)
		}
		all = append(all, l.lines)
	}
	return all, last
}

// ordinary picks a payment that was presented, nil if the card has none.
func (l *life) ordinary() *line {
	var list []int
	for i := range l.lines {
		if x := &l.lines[i]; x.kind == presented && x.copies == 0 && !slices.ContainsFunc(l.lines, func(o line) bool { return o.kind == doubt && o.atc == x.atc }) {
			list = append(list, i)
		}
	}
	if len(list) == 0 {
		return nil
	}
	return &l.lines[list[l.rng.IntN(len(list))]]
}

// cloned lets a copy of the chip, made before one of its payments, pay elsewhere.
func (l *life) cloned() {
	x := l.ordinary()
	if x == nil || x.before < 100 {
		return
	}
	was, clock := l.chip, l.clock
	l.atc, l.value, l.clock = x.atc, x.before, x.time+3600+l.rng.Int64N(86400)
	y := l.tap(presented, x.day+1, money.Fen(50+l.rng.Int64N(int64(x.before)-50)), cryptogram.TC, 0)
	y.terminal = l.terminal()
	y.sequence = l.next(y.terminal)
	l.chip, l.clock = was, clock
	if y.amount != x.amount {
		l.lines = append(l.lines, y)
	}
}

// replayed lets another terminal present a payment once more as its own.
func (l *life) replayed() {
	x := l.ordinary()
	if x == nil {
		return
	}
	y := *x
	y.terminal = firstShop + 99
	y.sequence = l.next(y.terminal)
	y.time += 60
	y.day++
	for i := range y.trace {
		y.trace[i] = byte(l.rng.Uint32())
	}
	l.lines = append(l.lines, y)
}

// judge works out the truth.
func judge(all [][]line, last int32, again sentAgain) *Truth {
	t := &Truth{FlashCards: []Flash{}, FlashLoads: []Flash{}, Clones: []Clone{}, Duplicates: []Duplicate{}, Replays: []Duplicate{}}
	if last > 0 {
		t.AsOf = time.Unix(int64(last)*86400, 0).UTC().Format(time.DateOnly)
	}
	for _, lines := range all {
		if len(lines) > 0 {
			t.judge(lines[0].card, lines, last)
			t.repeated(lines, again)
		}
	}
	t.sort()
	return t
}

// repeated lists payments that stand in clearing files more than once.
func (t *Truth) repeated(lines []line, again sentAgain) {
	for i := range lines {
		x := &lines[i]
		if x.kind != presented {
			continue
		}
		d := Duplicate{Card: x.card.String(), ATC: x.atc, Amount: x.amount, Copies: int64(again.of(x)*(1+x.copies) - 1)}
		if d.Copies > 0 {
			t.duplicate(d)
		}
		if x.terminal == firstShop+99 {
			d.Copies = 1
			t.Replays = append(t.Replays, d)
		}
	}
}

// duplicate adds an entry; a payment and its replay are one transaction.
func (t *Truth) duplicate(d Duplicate) {
	for i := len(t.Duplicates) - 1; i >= 0 && t.Duplicates[i].Card == d.Card; i-- {
		if o := &t.Duplicates[i]; o.ATC == d.ATC && o.Amount == d.Amount {
			o.Copies += d.Copies
			return
		}
	}
	t.Duplicates = append(t.Duplicates, d)
}
