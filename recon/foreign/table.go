package foreign

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/wire/files"
)

// table reads the lines of a file of layout csv or fixed.
type table struct {
	rule    *rule
	day     int32 // of the file's name, 0 if it has none
	seen    seenEncoding
	started bool
	width   int // columns of the header line
	place   [fieldCount]int
	cells   []string
	text    [fieldCount]string
	problem *refusal // the file cannot be read: every line is refused for it
}

func newTable(u *rule, day int32) *table {
	t := &table{rule: u, day: day}
	t.place = t.fixedPlaces()
	return t
}

// fixedPlaces are the columns that the mapping names by their number.
func (t *table) fixedPlaces() (place [fieldCount]int) {
	for f := range place {
		place[f] = t.rule.columns[f].number - 1
	}
	return place
}

// begin takes a header line; false if the line is none. A first line without any name of
// the mapping is refused, as then is every line of the file. Further on, where files were
// joined, a line is a header if it names all columns that are needed.
func (t *table) begin(line []byte) bool {
	if t.rule.layout != layoutCSV || !t.rule.header || t.started && line[0] >= '0' && line[0] <= '9' {
		return false
	}
	h, ok := t.header(line)
	if t.started && (!ok || h.problem != nil) {
		return false
	}
	t.started = true
	t.place, t.width, t.problem = h.place, h.width, h.problem
	return ok
}

// header is what a header line says.
type header struct {
	place   [fieldCount]int
	width   int
	problem *refusal
}

// header reads a line as a header line; false if it is none.
func (t *table) header(line []byte) (h header, ok bool) {
	h.place = t.fixedPlaces()
	text, ok := t.seen.decode(line, t.rule.encoding)
	cells, whole := split(text, t.rule.delimiter, nil)
	if !ok || !whole {
		h.problem = &refusal{NoColumn, "the header line cannot be read"}
		return h, false
	}
	h.width = len(cells)
	for i := range cells {
		cells[i] = strings.ToLower(cells[i])
	}
	for f := range h.place {
		if h.problem = t.locate(&h, field(f), cells); h.problem != nil {
			break
		}
	}
	if !slices.ContainsFunc(h.place[:], func(at int) bool { return at >= 0 }) {
		h.problem = &refusal{NoColumn, "the file does not begin with a header line"}
		return h, false
	}
	if h.problem == nil {
		h.problem = t.complete(&h)
	}
	return h, true
}

// locate finds the column of a field in the header line.
func (t *table) locate(h *header, f field, cells []string) *refusal {
	for i, c := range cells {
		if !slices.Contains(t.rule.columns[f].headers, c) {
			continue
		}
		if h.place[f] >= 0 {
			return &refusal{NoColumn, fieldNames[f] + " twice"}
		}
		h.place[f] = i
	}
	return nil
}

// complete checks that what the kind needs was found in the header line.
func (t *table) complete(h *header) *refusal {
	var missing []string
	lacks := func(f field) bool {
		return t.rule.columns[f].given() && h.place[f] < 0 && t.rule.columns[f].constant == ""
	}
	for _, f := range []field{fCard, fTime, fDate, fClock, fAmount, fResult} {
		if lacks(f) {
			missing = append(missing, fieldNames[f])
		}
	}
	if lacks(fF55) && !(h.place[fATC] >= 0 && (h.place[fBefore] >= 0 || h.place[fAfter] >= 0)) && t.rule.kind != Clearing {
		missing = append(missing, fieldNames[fF55])
	}
	if len(missing) > 0 {
		return &refusal{NoColumn, strings.Join(missing, ", ")}
	}
	return nil
}

// read makes a record of a line.
func (t *table) read(line []byte) (*record, *refusal) {
	if t.problem != nil {
		return nil, t.problem
	}
	rec := &record{kind: t.rule.kind, psn: unknownPSN, amount: -1}
	if r := t.cut(line); r != nil {
		t.rescue(rec)
		return rec, r
	}
	for _, step := range []func(*record) *refusal{t.dates, t.identity, t.money, t.chip, t.links} {
		if r := step(rec); r != nil {
			t.rescue(rec)
			return rec, r
		}
	}
	return rec, nil
}

// rescue reads card, amount and time of a line that is refused, as far as they can be read:
// such a line may be about a payment that would seem missing otherwise.
func (t *table) rescue(r *record) {
	if t.rule.kind != Clearing && t.rule.kind != Doubts {
		return
	}
	*r = record{kind: r.kind, psn: unknownPSN, amount: -1}
	if t.identity(r) != nil || t.dates(r) != nil {
		r.time = 0
	}
	if amount, bad := parseAmount(fAmount, t.text[fAmount], t.rule.columns[fAmount].format); bad == nil {
		r.amount = amount
	}
	if t.chip(r) != nil {
		r.chip = nil
	}
}

// cut fills the text of every field.
func (t *table) cut(line []byte) *refusal {
	if t.rule.layout == layoutFixed {
		return t.cutFixed(line)
	}
	t.text = [fieldCount]string{}
	text, ok := t.seen.decode(line, t.rule.encoding)
	if !ok {
		t.cells, _ = split(line, t.rule.delimiter, t.cells)
		_ = t.fill(len(t.cells))
		return &refusal{BadEncoding, ""}
	}
	if t.cells, ok = split(text, t.rule.delimiter, t.cells); !ok {
		_ = t.fill(len(t.cells))
		return &refusal{BadColumns, "quotation marks"}
	}
	if t.width > 0 && len(t.cells) != t.width {
		_ = t.fill(len(t.cells) - 1) // the last one may be torn
		return &refusal{BadColumns, fmt.Sprintf("%d columns, the header line has %d", len(t.cells), t.width)}
	}
	return t.fill(len(t.cells))
}

// fill takes the text of the fields from the first cells; the refusal is for the first
// field that stands behind them.
func (t *table) fill(cells int) (missing *refusal) {
	for f := range t.text {
		c := &t.rule.columns[f]
		switch at := t.place[f]; {
		case at >= cells:
			if missing == nil {
				missing = &refusal{BadColumns, fmt.Sprintf("%d columns, %s is number %d", len(t.cells), fieldNames[f], at+1)}
			}
		case at >= 0:
			t.text[f] = c.translate(t.cells[at])
		default:
			t.text[f] = c.constant
		}
	}
	return missing
}

func (t *table) cutFixed(line []byte) *refusal {
	t.text = [fieldCount]string{}
	gbk, ok := t.seen.fixed(line, t.rule.encoding)
	if !ok {
		return &refusal{BadEncoding, ""}
	}
	for f := range t.text {
		c := &t.rule.columns[f]
		if c.at == 0 {
			t.text[f] = c.constant
			continue
		}
		from := c.at - 1
		if from >= len(gbk) {
			return &refusal{BadColumns, fmt.Sprintf("%d bytes, %s begins at %d", len(gbk), fieldNames[f], c.at)}
		}
		cell, wrong := files.AppendUTF8(nil, bytes.Trim(gbk[from:min(len(gbk), from+c.width)], " "))
		if wrong >= 0 {
			return &refusal{BadEncoding, fieldNames[f]}
		}
		t.text[f] = c.translate(string(cell))
	}
	return nil
}

// translate applies the mapping's values.
func (c *column) translate(text string) string {
	if v, there := c.values[text]; there {
		return v
	}
	return text
}

func (t *table) dates(r *record) (bad *refusal) {
	cols := &t.rule.columns
	day := t.day
	if text := t.text[fArrived]; text != "" {
		if day, bad = parseDate(fArrived, text, cols[fArrived].format, t.day); bad != nil {
			return bad
		}
	}
	if r.kind == Chip {
		return nil
	}
	if text := t.text[fTime]; text != "" || !cols[fDate].given() {
		r.time, bad = parseTime(fTime, text, cols[fTime].format, day)
	} else {
		r.time, bad = t.dateAndClock(day)
	}
	if bad != nil {
		return bad
	}
	// What the host itself wrote it knew at once; when its journal was exported says nothing.
	own := (r.kind == Loads || r.kind == Field55) && t.text[fArrived] == ""
	if r.arrived = day; day == 0 || own {
		r.arrived = dayOf(r.time)
	}
	// One wrong digit in a year would end every card's window.
	if t.day != 0 && r.arrived-t.day > farAhead {
		r.arrived = t.day
	}
	return nil
}

// farAhead is how many days behind the date of its file a line can arrive.
const farAhead = 400

func (t *table) dateAndClock(day int32) (int64, *refusal) {
	cols := &t.rule.columns
	date, bad := parseDate(fDate, t.text[fDate], cols[fDate].format, day)
	if bad != nil {
		return 0, bad
	}
	clock := "yyyymmddhhmmss"
	digits := strings.ReplaceAll(t.text[fClock], ":", "")
	return parseTime(fClock, strings.ReplaceAll(dayText(date), "-", "")+digits, clock, day)
}

func (t *table) identity(r *record) (bad *refusal) {
	if r.kind != Chip || t.text[fCard] != "" {
		if r.pan, bad = parseCard(t.text[fCard]); bad != nil {
			return bad
		}
	}
	if r.psn, bad = parsePSN(t.text[fPSN]); bad != nil {
		return bad
	}
	r.terminal = parseTerminal(t.text[fTerminal])
	r.sequence, bad = parseTrace(t.text[fTrace])
	return bad
}

func (t *table) money(r *record) (bad *refusal) {
	cols := &t.rule.columns
	if text := t.text[fAmount]; text != "" || r.kind == Clearing || r.kind == Loads || r.kind == Chip {
		if r.amount, bad = parseAmount(fAmount, text, cols[fAmount].format); bad != nil {
			return bad
		}
	}
	switch r.kind {
	case Loads:
		if r.booked, bad = parseYes(fResult, t.text[fResult], bookedWords); bad != nil {
			return bad
		}
		r.told = toldWords[strings.ToLower(t.text[fResult])]
		if r.amount == 0 {
			return &refusal{BadField, "amount: a load of 0"}
		}
	case Clearing:
		r.refused = !approved(t.text[fResponse])
	case Doubts:
		if text := t.text[fService]; text != "" {
			if r.service, bad = parseYes(fService, text, yesWords); bad != nil {
				return bad
			}
		}
		r.word, bad = parseWord(t.text[fLastRecord])
	}
	return bad
}

// approved tells the response codes of cleared transactions (ISO 8583, field 39).
func approved(code string) bool {
	return code == "" || code == "00" || code == "10" || code == "11"
}

// chip reads field 55, or counter and balance where the line states them.
func (t *table) chip(r *record) (bad *refusal) {
	cols := &t.rule.columns
	if text := t.text[fF55]; text != "" {
		b, bad := parseHex(fF55, text)
		if bad != nil {
			return bad
		}
		if r.chip, bad = parseChip(fF55, b); bad != nil {
			return bad
		}
	}
	atc, bad := uint16(0), (*refusal)(nil)
	if text := t.text[fATC]; text != "" {
		if atc, bad = parseATC(text, cols[fATC].format); bad != nil {
			return bad
		}
		if r.chip != nil && r.chip.atc != atc {
			return &refusal{Contradicted, "counter and 9F36"}
		}
	}
	value, from := t.text[fBefore], fBefore
	if value == "" {
		value, from = t.text[fAfter], fAfter
	}
	if value == "" {
		return t.chipThere(r)
	}
	before, bad := parseAmount(from, value, cols[from].format)
	if bad != nil {
		return bad
	}
	if from == fAfter {
		before += t.statedDebit(r)
	}
	if r.chip != nil {
		if before != r.chip.before+r.debit() {
			return &refusal{Contradicted, "balance and 9F10"}
		}
		return nil
	}
	if t.text[fATC] == "" {
		return t.chipThere(r)
	}
	return t.stated(r, atc, before)
}

// statedDebit is what a payment takes; a load and a question take nothing.
func (t *table) statedDebit(r *record) money.Fen {
	if r.kind == Clearing || r.kind == Doubts {
		return max(0, r.amount)
	}
	return 0
}

// stated makes chip data of columns.
func (t *table) stated(r *record, atc uint16, before money.Fen) *refusal {
	c := &chipData{psn: unknownPSN, amount: -1, atc: atc, before: before, stated: true, result: cryptogram.TC}
	if r.kind == Loads {
		c.result = cryptogram.ARQC
	}
	if text := t.text[fAC]; text != "" {
		b, bad := parseHex(fAC, text)
		if bad != nil {
			return bad
		}
		if copy(c.ac[:], b) != 8 || len(b) != 8 {
			return &refusal{BadField, "ac: want 16 hexadecimal digits"}
		}
	}
	if r.amount < 0 {
		return &refusal{BadField, "amount: is empty"}
	}
	r.chip = c
	return nil
}

// chipThere refuses a line whose counter nobody states, unless its chip data are in
// another file.
func (t *table) chipThere(r *record) *refusal {
	if r.chip != nil || r.kind == Clearing && t.text[fTrace] != "" {
		return nil
	}
	return &refusal{NoChipData, ""}
}

// links makes the key by which a clearing line finds its chip data.
func (t *table) links(r *record) *refusal {
	if r.kind == Chip && r.chip != nil || r.kind == Clearing && r.chip == nil {
		key := strings.Join([]string{t.text[fAcquirer], t.text[fSender], strings.TrimLeft(t.text[fTrace], "0"), t.text[fSent], fmt.Sprint(int64(r.amount))}, "|")
		r.link = &link{key: key}
	}
	return nil
}
