package page

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/citycard/citycard/role/host"
	"github.com/citycard/citycard/role/tap"
	"github.com/citycard/citycard/terminal/reader"
)

// Options of a page.
type Options struct {
	Lang   string // "zh" gives Chinese, any other value English
	Width  int    // places of a line; MinWidth if less
	Colour bool   // use the colours of a terminal
}

// MinWidth is the narrowest page.
const MinWidth = 60

// Printer writes a trace while it is made: Head, then each Step, then Summary.
type Printer struct {
	w   io.Writer
	o   Options
	n   int // exchanges so far
	err error
}

// New makes a printer.
func New(w io.Writer, o Options) *Printer {
	o.Width = max(o.Width, MinWidth)
	return &Printer{w: w, o: o}
}

// Err is the first error of writing.
func (p *Printer) Err() error { return p.err }

func (p *Printer) say(en, zh string) string {
	if p.o.Lang == "zh" {
		return zh
	}
	return en
}

// colours of a terminal, ECMA-48 SGR.
const (
	bold   = "1"
	faint  = "2"
	red    = "31"
	green  = "32"
	yellow = "33"
	cyan   = "36"
)

// paint gives a text a colour, if the page has any.
func (p *Printer) paint(colour, s string) string {
	if !p.o.Colour || s == "" {
		return s
	}
	return "\x1b[" + colour + "m" + s + "\x1b[0m"
}

func (p *Printer) print(s string) {
	if p.err == nil {
		_, p.err = io.WriteString(p.w, s)
	}
}

// line prints one line without spaces at its end.
func (p *Printer) line(s string) { p.print(strings.TrimRight(s, " ") + "\n") }

// Widths of the columns on the right of a step: status word, measured, modelled.
const (
	statusWidth = 4
	tookWidth   = 11
	fieldWidth  = 12
	rightWidth  = 2 + statusWidth + tookWidth + fieldWidth
)

// Head says what is about to happen and how, and heads the columns. Exchanges are counted
// from here.
func (p *Printer) Head(title string, details ...string) {
	p.n = 0
	for _, l := range wrap(plain(title), p.o.Width) {
		p.line(p.paint(bold, l))
	}
	for _, d := range details {
		for _, l := range wrap(plain(d), p.o.Width) {
			p.line(p.paint(faint, l))
		}
	}
	right := "  " + pad("SW", statusWidth) + padLeft(p.say("measured", "实测"), tookWidth) + padLeft(p.say("modelled", "模型"), fieldWidth)
	p.line("")
	p.line(p.paint(faint, pad("", p.o.Width-rightWidth)+right))
}

// Step prints one step.
func (p *Printer) Step(s *tap.Step) {
	switch s.Kind {
	case tap.Exchange:
		p.n++
		p.title(fmt.Sprintf("%2d ", p.n), s.Command.Title, s, bold)
		p.exchange(s)
	case tap.Module:
		p.title(" M ", s.Command.Title, s, cyan)
		p.exchange(s)
	case tap.Opening:
		p.title(" · ", s.Event, s, faint)
	default:
		p.title(" · ", p.event(s), s, cyan)
		p.issuer(s)
	}
	p.lost(s)
	for _, n := range s.Notes {
		p.hang(noteMark, n.Text(p.o.Lang), yellow)
	}
}

// Marks in front of the lines of a step.
const (
	sentMark = "   → "
	gotMark  = "   ← "
	factMark = "     "
	bitMark  = "            · "
	noteMark = "   » "
)

// title is the first line of a step: its name on the left, its figures on the right.
func (p *Printer) title(mark, name string, s *tap.Step, colour string) {
	if s.SW == "" && s.Took <= 0 && s.Field <= 0 {
		p.hang(mark, name, colour)
		return
	}
	room := p.o.Width - rightWidth - width(mark)
	lines := wrap(plain(name), room)
	status := s.SW
	shade := green
	if status != "9000" {
		shade = red
	}
	field := ""
	if s.Field > 0 {
		field = ms(s.Field)
	}
	if status == "" {
		shade = faint
	}
	p.line(p.paint(faint, mark) + p.paint(colour, pad(lines[0], room)) + "  " + p.paint(shade, pad(status, statusWidth)) +
		padLeft(short(s.Took), tookWidth) + p.paint(faint, padLeft(field, fieldWidth)))
	for _, l := range lines[1:] {
		p.line("   " + p.paint(colour, l))
	}
}

// event names what is not an exchange with the card.
func (p *Printer) event(s *tap.Step) string {
	switch s.Kind {
	case tap.Choice:
		return p.say("cardholder chooses ", "持卡人选择应用：") + s.Event
	case tap.Issuer:
		return s.Command.Title
	case tap.Reversal:
		return p.say("reversal: ", "冲正：") + s.Event
	}
	return s.Event
}

func (p *Printer) exchange(s *tap.Step) {
	p.hex(sentMark, s.Command.Hex)
	p.facts(s.Command.Facts)
	if s.Answer.Hex == "" {
		return
	}
	p.hex(gotMark, s.Answer.Hex)
	if s.SW != "9000" {
		p.hang(factMark, s.Answer.Title, red)
	}
	p.facts(s.Answer.Facts)
}

// issuer prints what went over the line.
func (p *Printer) issuer(s *tap.Step) {
	if s.Kind != tap.Issuer {
		return
	}
	if s.Command.Hex != "" {
		p.hex(sentMark, s.Command.Hex)
	}
	if s.Answer.Title == "" {
		return
	}
	p.hang(gotMark, s.Answer.Title, bold)
	if s.Answer.Hex != "" {
		p.hex(factMark, s.Answer.Hex)
	}
	p.facts(s.Answer.Facts)
}

func (p *Printer) lost(s *tap.Step) {
	if s.Lost == nil {
		return
	}
	text := p.say("no answer: ", "无应答：")
	if s.Kind == tap.Reversal {
		text = p.say("not delivered, to be sent again: ", "未送达，待重发：")
	}
	p.hang("   ✗ ", text+p.why(s.Lost), red)
}

// why is the error of a step in words.
func (p *Printer) why(err error) string {
	text := tap.Why(err)
	if p.o.Lang != "zh" {
		return text
	}
	for en, zh := range map[error]string{reader.ErrCardGone: "卡片已离场", reader.ErrMute: "卡片无应答", host.ErrUnreachable: "无法联系发卡行"} {
		text = strings.ReplaceAll(text, en.Error(), zh)
	}
	return text
}

// hang prints a text behind a mark, and its further lines below.
func (p *Printer) hang(mark, text, colour string) {
	indent := width(mark)
	for i, l := range wrap(plain(text), p.o.Width-indent) {
		if i > 0 {
			mark = spaces(indent)
		}
		p.line(p.paint(faint, mark) + p.paint(colour, l))
	}
}

// hex prints a message. What is hidden whole, such as an enciphered PIN, is only
// counted.
func (p *Printer) hex(mark, digits string) {
	if stars := strings.Repeat("*", hiddenMin); strings.Contains(digits, stars) {
		from, to := strings.Index(digits, stars), strings.LastIndex(digits, "*")+1
		if strings.Trim(digits[from:to], "*") == "" {
			p.hang(mark, digits[:from]+fmt.Sprintf(p.say(" (%d bytes hidden) ", "（%d字节不显示）"), (to-from)/2)+digits[to:], faint)
			return
		}
	}
	for _, l := range chunks(digits, p.o.Width-width(mark)) {
		p.line(p.paint(faint, mark+l))
		mark = spaces(width(mark))
	}
}

// hiddenMin is how many digits in a row are counted rather than shown as stars.
const hiddenMin = 40

// Columns of a data object.
const (
	tagWidth  = 7
	nameShare = 38 // per cent of the page for names
	nameMax   = 44
)

// facts prints data objects, one a line: tag, name, value and what it means. A value
// that is longer than a line is cut, as the whole is in the message above.
func (p *Printer) facts(list []tap.Fact) {
	nameWidth := min(p.o.Width*nameShare/100, nameMax)
	room := p.o.Width - width(factMark) - tagWidth - nameWidth - 1
	for i := range list {
		f := &list[i]
		name := p.paint(faint, pad(shorten(plain(f.Name), nameWidth), nameWidth+1))
		left := factMark + p.paint(cyan, pad(f.Tag, tagWidth)) + name
		lines := value(f, room)
		for n, l := range lines {
			if n > 0 {
				left = spaces(width(factMark) + tagWidth + nameWidth + 1)
			}
			p.line(left + l)
		}
		for _, b := range f.Bits {
			p.hang(bitMark, b, "")
		}
	}
}

// value is the right column of a data object.
func value(f *tap.Fact, room int) []string {
	v, text := f.Value, plain(f.Text)
	if f.Note != "" {
		text = strings.TrimSpace(text + " [" + plain(f.Note) + "]")
	}
	switch {
	case v == "":
		return wrap(text, room)
	case text == "":
		return []string{cut(v, room)}
	case width(v)+width(text)+3 <= room:
		return []string{v + " = " + text}
	}
	return append([]string{cut(v, room)}, wrap("= "+text, room)...)
}

// cut shortens hexadecimal to its first bytes and says how many there are.
func cut(v string, room int) string {
	if len(v) <= room {
		return v
	}
	tail := fmt.Sprintf("… (%d)", len(v)/2)
	return v[:max(room-width(tail), 2)/2*2] + tail
}

// shorten gives a name that fits. An abbreviation in brackets stands for the words
// before it: "Cardholder Verification Method (CVM) List" becomes "CVM List".
func shorten(name string, w int) string {
	if width(name) <= w {
		return name
	}
	if i, j := strings.IndexAny(name, "(（"), strings.IndexAny(name, ")）"); i > 0 && j > i {
		_, abbreviation, _ := strings.Cut(strings.ReplaceAll(name[i:j], "（", "("), "(")
		_, rest, _ := strings.Cut(strings.ReplaceAll(name[j:], "）", ")"), ")")
		if len(abbreviation) >= 3 && strings.ToUpper(abbreviation) == abbreviation {
			return fit(abbreviation+rest, w)
		}
	}
	return fit(name, w)
}

// short is a measured time in three digits or so.
func short(d time.Duration) string {
	us := d.Microseconds()
	switch {
	case d <= 0:
		return ""
	case us == 0:
		return "<1 µs"
	case us < 10_000:
		return fmt.Sprintf("%d µs", us)
	case us < 10_000_000:
		return fmt.Sprintf("%d ms", us/1000)
	}
	return fmt.Sprintf("%d s", us/1_000_000)
}

// ms is a modelled time with one decimal.
func ms(d time.Duration) string {
	tenths := (d.Microseconds() + 50) / 100
	return fmt.Sprintf("%d.%d ms", tenths/10, tenths%10)
}
