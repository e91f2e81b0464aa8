package foreign

import (
	_ "embed"
	"fmt"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/citycard/citycard/internal/strictyaml"
)

// Kind says what the lines of a file are. Numbers are for ever.
type Kind uint8

// The kinds.
const (
	Clearing Kind = 1 // transactions that acquirers presented
	Chip     Kind = 2 // chip data (field 55), each behind a clearing line
	Loads    Kind = 3 // the host's journal of loads
	Field55  Kind = 4 // dump of field 55: balance questions, refused taps, taps over amount 0
	Doubts   Kind = 5 // unfinished taps, as an acquirer or operator lists them
)

var kindNames = [...]string{Clearing: "clearing", Chip: "chip", Loads: "loads", Field55: "f55", Doubts: "doubts"}

// String is the word of the mapping file.
func (k Kind) String() string {
	if k < Clearing || k > Doubts {
		return "unknown"
	}
	return kindNames[k]
}

// layout says how a line is taken apart.
type layout uint8

const (
	layoutCSV   layout = 1
	layoutFixed layout = 2 // fields at fixed places, counted in bytes of GBK
	layoutCOM   layout = 3 // general transaction file, or the chip file behind it (wire/files)
)

var layoutNames = map[string]layout{"csv": layoutCSV, "fixed": layoutFixed, "com": layoutCOM}

// encoding says what bytes mean.
type encoding uint8

const (
	encodingAuto encoding = 0 // each line: UTF-8 if it is valid, else GB 18030
	encodingUTF8 encoding = 1
	encodingGBK  encoding = 2
)

var encodingNames = map[string]encoding{"auto": encodingAuto, "utf-8": encodingUTF8, "gbk": encodingGBK, "gb18030": encodingGBK}

// field is one thing that a line can say.
type field uint8

const (
	fCard field = iota
	fPSN
	fTime
	fDate  // with fClock in place of fTime
	fClock //
	fArrived
	fAmount
	fTerminal
	fMerchant
	fTrace
	fAcquirer
	fSender
	fSent
	fF55
	fATC
	fBefore
	fAfter
	fAC
	fResult
	fResponse
	fService
	fLastRecord
	fieldCount
)

var fieldNames = [fieldCount]string{"card", "psn", "time", "date", "clock", "arrived", "amount", "terminal", "merchant", "trace", "acquirer", "sender", "sent",
	"f55", "atc", "before", "after", "ac", "result", "response", "service", "last_record"}

// formats that a field may name; the first is taken if none is named.
var formatsOf = map[field][]string{
	fTime:    {"yyyy-mm-dd hh:mm:ss", "yyyymmddhhmmss", "yyyy/mm/dd hh:mm:ss", "mmddhhmmss", "unix"},
	fSent:    {"text"},
	fDate:    {"yyyymmdd", "yyyy-mm-dd", "yyyy/mm/dd", "mmdd"},
	fClock:   {"hhmmss", "hh:mm:ss"},
	fArrived: {"yyyymmdd", "yyyy-mm-dd", "yyyy/mm/dd", "mmdd"},
	fAmount:  {"fen", "yuan"},
	fBefore:  {"fen", "yuan"},
	fAfter:   {"fen", "yuan"},
	fATC:     {"hex", "decimal"},
}

// column says where a field stands and how it is written.
type column struct {
	headers  []string // CSV: accepted names in the header line
	number   int      // CSV: column number from 1, where no name is given
	at       int      // fixed: first byte from 1
	width    int      // fixed
	format   string
	values   map[string]string // translation of the text before it is read
	constant string            // the value itself, where nothing of the above is given
}

func (c *column) given() bool {
	return len(c.headers) > 0 || c.number > 0 || c.at > 0 || c.constant != ""
}

// rule is what the mapping says of files with certain names.
type rule struct {
	match     string // glob, lower case
	kind      Kind
	layout    layout
	encoding  encoding
	delimiter byte
	header    bool
	columns   [fieldCount]column
}

// Mapping says which files are what, and where their fields stand. It is immutable.
type Mapping struct{ rules []rule }

// MaxMapping is the most bytes of a mapping file.
const MaxMapping = 256 << 10

// maxRules is how many rules a mapping can have.
const maxRules = 200

//go:embed default.yaml
var defaultMapping []byte

// DefaultMapping is for the T+1 files of this project and for the files that
// `citycard recon sample` writes.
func DefaultMapping() *Mapping {
	m, err := ParseMapping(defaultMapping)
	if err != nil {
		panic("foreign: the built-in mapping: " + err.Error())
	}
	return m
}

// DefaultMappingText is the built-in mapping as people write it, to start from.
func DefaultMappingText() []byte { return slices.Clone(defaultMapping) }

// ParseMapping reads a mapping file (YAML). Unknown keys, fields and formats are errors
// that name line and path.
func ParseMapping(text []byte) (*Mapping, error) {
	r, top, err := strictyaml.Parse(text, MaxMapping, "mapping")
	if err != nil {
		return nil, fmt.Errorf("read the mapping: %w", err)
	}
	m := &Mapping{}
	s := r.Mapping(top, "", "files")
	for i, n := range s.List("files", maxRules) {
		m.rules = append(m.rules, parseRule(r, n, fmt.Sprintf("files[%d]", i+1)))
	}
	if err := r.Err(); err != nil {
		return nil, fmt.Errorf("read the mapping: %w", err)
	}
	return m, nil
}

func parseRule(r *strictyaml.Reader, n *yaml.Node, at string) rule {
	s := r.Mapping(n, at, "match", "kind", "layout", "encoding", "delimiter", "header", "columns")
	u := rule{match: strings.ToLower(s.Text("match", 200, true)), header: true, delimiter: ','}
	if _, err := path.Match(u.match, ""); err != nil {
		s.FailAt("match", "is no pattern of file names: * any text, ? one character, [a-z] one of them")
	}
	u.kind = Kind(choose(&s, "kind", map[string]uint8{"clearing": 1, "chip": 2, "loads": 3, "f55": 4, "doubts": 5}, 0))
	u.layout = layout(choose(&s, "layout", widen(layoutNames), 0))
	u.encoding = encoding(choose(&s, "encoding", widen(encodingNames), 0))
	if d, there := s.Scalar("delimiter", false); there {
		switch d {
		case ",", ";", "|", "\t":
			u.delimiter = d[0]
		case "tab":
			u.delimiter = '\t'
		default:
			s.FailAt("delimiter", "is %q, want one of , ; | tab", d)
		}
	}
	if _, there := s.Scalar("header", false); there {
		u.header = s.Flag("header")
	}
	cols := r.Mapping(s.Node("columns"), at+".columns", fieldNames[:]...)
	for _, name := range cols.Keys {
		if f := slices.Index(fieldNames[:], name); f >= 0 {
			u.columns[f] = parseColumn(r, cols.Node(name), at+".columns."+name, field(f), &u)
		}
	}
	u.complete(&s)
	return u
}

func widen[V ~uint8](m map[string]V) map[string]uint8 {
	out := map[string]uint8{}
	for k, v := range m {
		out[k] = uint8(v)
	}
	return out
}

// choose reads one of several words.
func choose(s *strictyaml.Section, key string, words map[string]uint8, absent uint8) uint8 {
	word, there := s.Scalar(key, false)
	if !there {
		if key == "kind" || key == "layout" {
			s.FailAt(key, "is missing")
		}
		return absent
	}
	v, known := words[strings.ToLower(word)]
	if !known {
		var list []string
		for w := range words {
			list = append(list, w)
		}
		slices.Sort(list)
		s.FailAt(key, "is %q, want one of %s", word, strings.Join(list, ", "))
	}
	return v
}

func parseColumn(r *strictyaml.Reader, n *yaml.Node, at string, f field, u *rule) column {
	var c column
	s := r.Mapping(n, at, "header", "number", "at", "width", "format", "values", "constant")
	if text := s.Text("header", 400, false); text != "" {
		for h := range strings.SplitSeq(text, "|") {
			c.headers = append(c.headers, strings.ToLower(strings.TrimSpace(h)))
		}
	}
	c.number = int(s.Number("number", 1, maxColumns, 0))
	c.at, c.width = int(s.Number("at", 1, MaxLine, 0)), int(s.Number("width", 1, MaxLine, 0))
	c.constant = s.Text("constant", 100, false)
	c.format, _ = s.Scalar("format", false)
	formats := formatsOf[f]
	switch {
	case c.format == "" && len(formats) > 0:
		c.format = formats[0]
	case c.format != "" && !slices.Contains(formats, c.format):
		s.FailAt("format", "is %q, want one of: %s", c.format, strings.Join(formats, ", "))
	}
	if values := r.Mapping(s.Node("values"), at+".values"); len(values.Keys) > 0 {
		c.values = map[string]string{}
		for _, k := range values.Keys {
			c.values[k] = values.Text(k, 100, true)
		}
	}
	places := 0
	for _, there := range []bool{len(c.headers) > 0, c.number > 0, c.at > 0, c.constant != ""} {
		if there {
			places++
		}
	}
	switch {
	case places != 1:
		s.FailAt("header", "say where the field stands by one of: header (CSV with a header line), number (CSV), at with width (fixed), constant")
	case len(c.headers) > 0 && (u.layout != layoutCSV || !u.header), c.number > 0 && u.layout != layoutCSV, c.at > 0 && (u.layout != layoutFixed || c.width == 0):
		s.FailAt("header", "does not fit the layout: header and number are for csv, at and width for fixed")
	}
	return c
}

// complete checks that a rule says enough for its kind.
func (u *rule) complete(s *strictyaml.Section) {
	if u.layout == layoutCOM {
		if u.kind != Clearing && u.kind != Chip {
			s.FailAt("kind", "layout com is for kind clearing and kind chip")
		}
		return
	}
	has := func(f field) bool { return u.columns[f].given() }
	need := func(ok bool, what string) {
		if !ok {
			s.FailAt("columns", "kind %s needs %s", u.kind, what)
		}
	}
	if u.kind == Chip {
		need(has(fF55) && has(fTrace) && has(fAmount), "f55, trace and amount: they say to which clearing line it belongs")
		return
	}
	need(has(fCard), "card")
	need(has(fTime) || has(fDate) && has(fClock), "time, or date with clock")
	chip := has(fF55) || has(fATC) && (has(fBefore) || has(fAfter))
	switch u.kind {
	case Clearing:
		need(has(fAmount), "amount")
		need(chip || has(fTrace), "f55, or atc with before or after, or trace if a file of kind chip holds the chip data")
	case Loads:
		need(has(fAmount) && has(fResult), "amount and result")
		need(chip, "f55, or atc with before")
	case Doubts:
		need(has(fAmount) || has(fF55), "amount")
		need(chip, "f55, or atc with before or after")
	case Field55:
		need(has(fF55), "f55")
	}
}

// find is the rule for a file's base name, nil if there is none. The first that fits counts.
func (m *Mapping) find(name string) *rule {
	base := strings.ToLower(path.Base(name))
	for i := range m.rules {
		if ok, err := path.Match(m.rules[i].match, base); ok && err == nil {
			return &m.rules[i]
		}
	}
	return nil
}
