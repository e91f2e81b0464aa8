package files

import (
	"fmt"
	"io"
	"strconv"

	"github.com/citycard/citycard/money"
)

// Kind says what a column holds and how it stands in its width.
type Kind uint8

// The kinds. "Text" values are read with Value.Text, the others with Value.Number.
const (
	Text    Kind = iota // printable ASCII, left-justified, spaces behind; may be empty
	Name                // GBK text, left-justified, spaces behind; may be empty. The value is UTF-8
	Code                // decimal digits, left-justified, spaces behind; may be empty
	Account             // as Code, 12 to 19 digits, secret
	Digits              // decimal digits that fill the width
	Trace               // lower-case hexadecimal digits that fill the width
	Hex                 // upper-case hexadecimal digits in pairs; in the last column of width 0, to the end of the line
	Date                // text of digits: width 4 MMDD, 8 YYYYMMDD, 10 MMDDhhmmss
	Number              // number, right-justified, zeros in front
	Amount              // number of fen, right-justified, zeros in front
	Signed              // number of fen: C (credit to the participant) or D (debit), then as Amount
)

// numeric tells which half of a Value a kind uses.
func (k Kind) numeric() bool { return k >= Number }

// Column describes one field of a line.
type Column struct {
	Name, NameZH string
	Width        int // characters; 0 for a last column of kind Hex
	Kind         Kind
}

// NameIn returns the name in Chinese for lang "zh" and in English for any other.
func (c *Column) NameIn(lang string) string {
	if lang == "zh" {
		return c.NameZH
	}
	return c.Name
}

// Secret reports whether the column holds what must not be shown whole.
func (c *Column) Secret() bool { return c.Kind == Account }

// Value is the content of one field: text or a number, as the column's kind
// says. It prints as "[field]".
type Value struct {
	text   []byte
	number int64
}

// TextValue makes the value of a text column; it keeps b.
func TextValue(b []byte) Value { return Value{text: b} }

// NumberValue makes the value of a column of kind Number.
func NumberValue(n int64) Value { return Value{number: n} }

// FenValue makes the value of a column of kind Amount or Signed.
func FenValue(f money.Fen) Value { return Value{number: int64(f)} }

// Text is the value of a text column.
func (v Value) Text() []byte { return v.text }

// Number is the value of a column of kind Number.
func (v Value) Number() int64 { return v.number }

// Fen is the value of a column of kind Amount or Signed.
func (v Value) Fen() money.Fen { return money.Fen(v.number) }

// Format writes the same text for every verb: a value may be a card number.
func (v Value) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[field]") }

// Show gives a value as text for people: amounts in yuan, and of a card number
// the first six and last four digits unless whole is set.
func (c *Column) Show(v Value, whole bool) string {
	switch c.Kind {
	case Amount, Signed:
		return v.Fen().String()
	case Number:
		return strconv.FormatInt(v.number, 10)
	case Account:
		if !whole {
			return mask(v.text)
		}
	}
	return string(v.text)
}

func mask(digits []byte) string {
	out := []byte(string(digits))
	for i := range out {
		if len(out) < 12 || i >= 6 && i < len(out)-4 {
			out[i] = '*'
		}
	}
	return string(out)
}
