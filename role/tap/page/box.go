package page

import "strings"

// box is a frame with rows of a label and a text.
type box struct{ p *Printer }

// labelWidth is the width of the labels in a box.
const labelWidth = 18

// inner is the room between the borders.
func (b *box) inner() int { return b.p.o.Width - 4 }

func (b *box) edge(left, right string) {
	b.p.line(b.p.paint(faint, left+strings.Repeat("─", b.p.o.Width-2)+right))
}

// top begins the box with what matters most, and its word in the program's contract.
func (b *box) top(headline, word, colour string) {
	b.p.line("")
	b.edge("┌", "┐")
	fill := spaces(b.inner() - width(headline) - width(word))
	b.framed(b.p.paint(bold+";"+colour, headline)+fill+b.p.paint(faint, word), 0)
	b.rule()
}

func (b *box) rule()   { b.edge("├", "┤") }
func (b *box) bottom() { b.edge("└", "┘") }

// framed prints a line that leaves missing places to the right border.
func (b *box) framed(s string, missing int) {
	b.p.line(b.p.paint(faint, "│ ") + s + spaces(missing) + b.p.paint(faint, " │"))
}

// row prints a label and its texts, each from a new line.
func (b *box) row(label string, texts ...string) {
	room := b.inner() - labelWidth
	for _, t := range texts {
		for _, l := range wrap(plain(t), room) {
			b.framed(b.p.paint(cyan, pad(label, labelWidth))+l, room-width(l))
			label = ""
		}
	}
}
