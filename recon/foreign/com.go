package foreign

import (
	"fmt"
	"strings"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/wire/files"
)

// general is the general transaction file without the columns of its extended form
// (一般交易流水, COM).
var general = &files.Format{Name: "COM", NameZH: "一般交易流水", Columns: files.Transaction.Columns[:files.ColOtherData+1]}

// com reads the lines of a general transaction file or of the chip file behind it. A
// header line gives the clearing date of the lines that follow; files without header
// and trailer take it from their name.
type com struct {
	rule    *rule
	day     int32
	seen    seenEncoding
	values  []files.Value
	lines   int64     // data lines since the header
	sum     money.Fen // of their amounts
	broken  bool      // the amount of one of them could not be read
	open    bool      // a header line without its trailer yet
	trailer string    // what is wrong with a trailer line
}

func newCOM(u *rule, day int32) *com {
	return &com{rule: u, day: day, values: make([]files.Value, len(files.Transaction.Columns))}
}

// frame takes header and trailer lines; false if the line is neither.
func (c *com) frame(line []byte) bool {
	if len(line) < 2 || line[1] != ' ' {
		return false
	}
	switch line[0] {
	case 'H':
		v := c.values[:len(files.HeaderLine.Columns)]
		if files.HeaderLine.Parse(line, v) != nil {
			return false
		}
		day, bad := parseDate(fArrived, string(v[files.HeaderDate].Text()), "yyyymmdd", 0)
		if bad != nil {
			return false
		}
		c.end()
		c.day, c.lines, c.sum, c.broken, c.open = day, 0, 0, false, true
		return true
	case 'T':
		v := c.values[:len(files.TrailerLine.Columns)]
		if files.TrailerLine.Parse(line, v) != nil {
			return false
		}
		c.open = false
		c.compare(v[files.TrailerLines].Number(), v[files.TrailerAmount].Fen())
		return true
	}
	return false
}

// end misses the trailer of the last header.
func (c *com) end() {
	if c.open {
		c.trailer = "the trailer is missing: the file may be cut off"
	}
}

// compare says how a trailer and the lines before it differ.
func (c *com) compare(lines int64, sum money.Fen) {
	switch {
	case lines != c.lines:
		c.trailer = fmt.Sprintf("the trailer counts %d lines, there are %d", lines, c.lines)
	case sum != c.sum && !c.broken:
		c.trailer = fmt.Sprintf("the trailer sums up %s yuan, the lines %s", sum, c.sum)
	case c.broken:
		c.trailer = "a line of the file cannot be read, so its sum cannot be compared with the trailer"
	}
	c.lines, c.sum, c.broken = 0, 0, false
}

// read makes a record of a line.
func (c *com) read(line []byte) (*record, *refusal) {
	c.lines++
	v, bad := c.parse(line)
	if bad != nil {
		c.broken = true
		return nil, bad
	}
	if c.rule.kind == Chip {
		c.sum += v[files.ChipAmount].Fen()
		return c.chip(v)
	}
	c.sum += v[files.ColTransactionAmount].Fen()
	return c.transaction(v)
}

// parse takes a line apart. A name in GBK can look like UTF-8, so the line is tried as it
// is before it is turned back.
func (c *com) parse(line []byte) ([]files.Value, *refusal) {
	gbk, ok := c.seen.fixed(line, c.rule.encoding)
	if !ok {
		return nil, &refusal{BadEncoding, ""}
	}
	f := c.format(line)
	v := c.values[:len(f.Columns)]
	if parseFormat(f, line, v) == nil {
		return v, nil
	}
	f = c.format(gbk)
	v = c.values[:len(f.Columns)]
	return v, parseFormat(f, gbk, v)
}

func (c *com) format(line []byte) *files.Format {
	switch {
	case c.rule.kind == Chip:
		return files.Chip
	case len(line) == general.Size():
		return general
	}
	return files.Transaction
}

// parseFormat turns the error of a line into a refusal. The texts of wire/files never
// hold the content of a card number.
func parseFormat(f *files.Format, line []byte, v []files.Value) *refusal {
	err := f.Parse(line, v)
	if err == nil {
		return nil
	}
	if n := len(line); n != f.Size() && (f != files.Chip || n < f.Size()) {
		return &refusal{BadColumns, err.Error()}
	}
	return &refusal{BadField, err.Error()}
}

func (c *com) transaction(v []files.Value) (*record, *refusal) {
	text := func(column int) string { return string(v[column].Text()) }
	flag := func(column int) bool {
		if column >= len(v) {
			return false
		}
		t := text(column)
		return t != "" && t != "0"
	}
	r := &record{kind: Clearing, arrived: c.day, amount: v[files.ColTransactionAmount].Fen(), terminal: parseTerminal(text(files.ColTerminal)),
		sequence: uint32(v[files.ColTraceNumber].Number()), refused: !approved(text(files.ColResponse))}
	if r.amount > maxFen {
		return nil, bad(fAmount, "more than 42,949,672.95 yuan")
	}
	var bad *refusal
	if r.pan, bad = parseCard(text(files.ColCardNumber)); bad != nil {
		return nil, bad
	}
	if r.psn, bad = parsePSN(text(files.ColCardSequence)); bad != nil {
		return r, bad
	}
	if r.time, bad = parseTime(fTime, text(files.ColOriginalTime), "mmddhhmmss", c.day); bad != nil {
		return r, bad
	}
	// 04xx is a reversal (ISO 8583), processing code 20xxxx a void or a refund.
	if flag(files.ColReversalFlag) || flag(files.ColVoidFlag) || strings.HasPrefix(text(files.ColMessageType), "04") || strings.HasPrefix(text(files.ColProcessingCode), "20") {
		return r, &refusal{Reversed, ""}
	}
	r.link = &link{key: c.key(v, files.ColAcquirer, files.ColSender, files.ColTraceNumber, files.ColSentAt, files.ColTransactionAmount),
		trace: text(files.ColRetrieval) + text(files.ColOtherData)}
	return r, nil
}

// chip reads a line of the chip file. What it lacks, card and time, its clearing line has.
func (c *com) chip(v []files.Value) (*record, *refusal) {
	b, bad := parseHex(fF55, string(v[files.ChipData].Text()))
	if bad != nil {
		return nil, bad
	}
	r := &record{kind: Chip, arrived: c.day, psn: unknownPSN, amount: v[files.ChipAmount].Fen()}
	if r.chip, bad = parseChip(fF55, b); bad != nil {
		return nil, bad
	}
	r.link = &link{key: c.key(v, files.ChipAcquirer, files.ChipSender, files.ChipTraceNumber, files.ChipSentAt, files.ChipAmount), trace: string(v[files.ChipTraceID].Text())}
	return r, nil
}

// key joins the fields that a clearing line and its chip data share.
func (c *com) key(v []files.Value, acquirer, sender, trace, sent, amount int) string {
	return strings.Join([]string{string(v[acquirer].Text()), string(v[sender].Text()), fmt.Sprint(v[trace].Number()), string(v[sent].Text()), fmt.Sprint(int64(v[amount].Fen()))}, "|")
}
