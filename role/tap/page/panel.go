package page

// Mood says how a panel's headline is meant.
type Mood byte

// The moods.
const (
	Good Mood = iota // it came about
	Mild             // nothing came about, and nothing is lost
	Bad              // refused, in doubt, or broken
)

// Panel is the summary of something that is no sale.
type Panel struct {
	Headline, Word string // in words, and as the program's contract has it
	Mood           Mood
	Rows           []Row
}

// Row is a line of a panel: a label and its texts, each from a new line. Without a label
// it divides the panel.
type Row struct {
	Label string
	Texts []string
}

// Panel prints a panel. Rows with a label and no text are left out.
func (p *Printer) Panel(x Panel) {
	b := &box{p: p}
	b.top(x.Headline, x.Word, [...]string{Good: green, Mild: yellow, Bad: red}[x.Mood])
	for _, r := range x.Rows {
		if r.Label == "" {
			b.rule()
			continue
		}
		b.row(r.Label, r.Texts...)
	}
	b.bottom()
}

// Blank prints an empty line.
func (p *Printer) Blank() { p.line("") }
