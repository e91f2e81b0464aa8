package foreign

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/recon/timeline"
	"github.com/citycard/citycard/txn"
	"github.com/citycard/citycard/wire/files"
)

// Checkers makes what checks the cryptograms of one issuer's cards, found by their first
// six digits, under one algorithm; nil if there are no such keys. The master keys
// themselves stay in a keystore (keystore.Store.Verifier).
type Checkers func(bin string, alg cryptogram.Alg) *cryptogram.Verifier

// Refusal is one refused line.
type Refusal struct {
	File   string // as it is shown: what looks like a card number in it is masked
	Path   string // as it was given to Add
	Line   uint32
	Reason Reason
	Detail string // what exactly is wrong, in English; never a whole card number
	// Text is the beginning of the line, card numbers masked. It is empty where the reason
	// was found after the file had been read; Excerpts finds it again.
	Text string
}

// Options are what an import goes by.
type Options struct {
	Params   timeline.Params
	Checkers Checkers      // nil: without keys, everything is soft
	AsOf     int32         // day of the judgement in days since 1970-01-01, 0: the latest arrival
	Refused  func(Refusal) // is told every refused line; may be nil
}

// FileReport is the fate of one file: Lines = Headers + Trailers + Blank + Accepted +
// Refused.
type FileReport struct {
	Name     string         `json:"file"`
	Kind     string         `json:"kind"`
	Encoding string         `json:"encoding"`
	Date     string         `json:"date"` // clearing date by name or header
	Lines    int64          `json:"lines"`
	Headers  int64          `json:"headers"`
	Trailers int64          `json:"trailers"`
	Blank    int64          `json:"blank"`
	Accepted int64          `json:"accepted"`
	Refused  int64          `json:"refused"`
	Repeated int64          `json:"duplicates"` // accepted lines that say again what another said
	Trailer  string         `json:"trailer,omitempty"`
	Note     string         `json:"note,omitempty"`
	Reasons  []ReasonReport `json:"reasons"`
}

// ReasonReport is the lines of a file that were refused for one reason.
type ReasonReport struct {
	Reason Reason `json:"-"`
	Text   string `json:"reason"`
	Lines  int64  `json:"lines"`
	First  uint32 `json:"first_line"`
	Detail string `json:"first_detail,omitempty"`
}

// Importer takes files one after the other and judges the cards at the end. The zero
// value is not usable. It is not safe for use by several goroutines.
type Importer struct {
	mapping  *Mapping
	o        Options
	files    []FileReport
	paths    []string // of the files, as they were given
	records  []*record
	links    []*record // clearing lines without chip data, and chip data
	claims   map[txn.PAN][]claim
	holes    []Gap
	nameless int64 // refused lines of which not even the card is known
}

// New prepares an import. Of the parameters limit, window and drift count; nothing is paid
// here, so there is no credit ahead of the window and nothing waits for a second person.
func New(m *Mapping, o Options) *Importer {
	p := &o.Params
	p.ProvisionalAfter, p.ProvisionalPerCard, p.ProvisionalPerMonth, p.ProvisionalBudget, p.ApproveAbove = 0, 0, 0, 0, 0
	return &Importer{mapping: m, o: o}
}

// Skip reports a file that is not read: a link, a device.
func (im *Importer) Skip(name, why string) {
	im.paths = append(im.paths, name)
	im.files = append(im.files, FileReport{Name: maskName(strings.ToValidUTF8(name, "?")), Kind: "unknown", Note: NotRead.In("en") + ": " + why, Reasons: []ReasonReport{}})
}

// lineReader makes records of the lines of one file. With a refusal it gives what could be
// read, nil if that is nothing.
type lineReader interface {
	read(line []byte) (*record, *refusal)
}

// sealedMagic begins a sealed T+1 file.
const sealedMagic = "CCSF"

// Add reads one file. The error is that of the stream; all that is wrong with the lines
// is in the report.
func (im *Importer) Add(name string, r io.Reader) error {
	im.paths = append(im.paths, name)
	name = strings.ToValidUTF8(name, "?")
	f := &fileRun{im: im, number: uint32(len(im.files)), rule: im.mapping.find(name)}
	im.files = append(im.files, FileReport{Name: maskName(name), Kind: "unknown", Reasons: []ReasonReport{}})
	f.begin(dayInName(name))
	if err := f.run(newLiner(r)); err != nil {
		f.report().Note = NotRead.In("en") + " to its end"
		f.end()
		return fmt.Errorf("read %s, line %d: %w", name, f.report().Lines+1, err)
	}
	f.end()
	return nil
}

// fileRun is the reading of one file.
type fileRun struct {
	im     *Importer
	number uint32
	rule   *rule
	table  *table
	com    *com
	all    *refusal // every line is refused for it
}

func (f *fileRun) report() *FileReport { return &f.im.files[f.number] }

func (f *fileRun) begin(day int32) {
	switch {
	case f.rule == nil:
		f.all = &refusal{NoPattern, ""}
		return
	case f.rule.layout == layoutCOM:
		f.com = newCOM(f.rule, day)
	default:
		f.table = newTable(f.rule, day)
	}
	f.report().Kind = f.rule.kind.String()
	if day != 0 {
		f.report().Date = dayText(day)
	}
}

func (f *fileRun) run(l *liner) error {
	for {
		line, tooLong, err := l.next()
		if errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		f.report().Lines++
		f.line(uint32(l.n), line, tooLong)
	}
}

// line gives one line its fate, as far as it is known before all files are read.
func (f *fileRun) line(n uint32, line []byte, tooLong bool) {
	rep := f.report()
	if n == 1 {
		f.magic(line)
	}
	at := source{f.number, n}
	switch {
	case tooLong:
		f.im.refuse(at, &refusal{TooLong, ""}, line)
		f.whole()
	case blank(line):
		rep.Blank++
	case f.all != nil:
		f.im.refuse(at, f.all, line)
		f.whole()
	case f.com != nil && f.com.frame(line):
		if line[0] == 'H' {
			rep.Headers++
			rep.Date = dayText(f.com.day)
		} else {
			rep.Trailers++
		}
	case f.table != nil && f.table.begin(line):
		rep.Headers++
	default:
		f.data(at, line)
	}
}

// whole counts a line that was not looked into, if payments may stand in such a file.
func (f *fileRun) whole() {
	if f.rule == nil || f.rule.kind == Clearing || f.rule.kind == Doubts {
		f.im.nameless++
	}
}

// magic knows files that are no text by their first bytes.
func (f *fileRun) magic(line []byte) {
	switch {
	case bytes.HasPrefix(line, []byte(sealedMagic)):
		f.all = &refusal{Sealed, "citycard files open shows what is in it"}
	case bytes.HasPrefix(line, []byte("\xFF\xFE")), bytes.HasPrefix(line, []byte("\xFE\xFF")):
		f.all = &refusal{WideText, ""}
	}
}

func (f *fileRun) data(at source, line []byte) {
	var reader lineReader = f.table
	if f.com != nil {
		reader = f.com
	}
	rec, why := reader.read(line)
	if rec == nil {
		rec = &record{kind: f.rule.kind}
	}
	if why == nil && rec.chip != nil && rec.kind != Chip {
		why = rec.settle()
	}
	if why != nil {
		f.im.refuse(at, why, line)
		f.im.claim(at, rec, why.reason)
		return
	}
	rec.at = at
	if rec.link != nil {
		f.im.links = append(f.im.links, rec)
		return
	}
	f.im.records = append(f.im.records, rec)
}

func (f *fileRun) end() {
	rep := f.report()
	switch {
	case f.com != nil:
		f.com.end()
		rep.Encoding, rep.Trailer = f.com.seen.String(), f.com.trailer
	case f.table != nil:
		rep.Encoding = f.table.seen.String()
	}
	if f.all != nil && f.all.reason == NoPattern {
		rep.Note = NoPattern.In("en")
	}
}

// keptText is how much of a refused line is told.
const keptText = 200

// refuse gives a line its reason. line may be nil where it is no longer there.
func (im *Importer) refuse(at source, why *refusal, line []byte) {
	rep := &im.files[at.file]
	rep.Refused++
	i := slices.IndexFunc(rep.Reasons, func(r ReasonReport) bool { return r.Reason == why.reason })
	if i < 0 {
		rep.Reasons = append(rep.Reasons, ReasonReport{Reason: why.reason, First: at.line, Detail: why.detail})
		i = len(rep.Reasons) - 1
	}
	r := &rep.Reasons[i]
	r.Lines++
	if at.line < r.First {
		r.First, r.Detail = at.line, why.detail
	}
	if im.o.Refused != nil {
		im.o.Refused(Refusal{File: rep.Name, Path: im.paths[at.file], Line: at.line, Reason: why.reason, Detail: why.detail, Text: excerpt(line)})
	}
}

// excerpt is the beginning of a line for people: printable, card numbers masked, those of
// UTF-16 too. A number that the cut may have torn is hidden as well.
func excerpt(line []byte) string {
	line = bytes.ReplaceAll(line[:min(len(line), 4*keptText)], []byte{0}, nil)
	cut := line[:min(len(line), keptText)]
	for len(cut) < len(line) && len(cut) > 0 && cut[len(cut)-1] >= '0' && cut[len(cut)-1] <= '9' {
		cut = cut[:len(cut)-1]
	}
	text := string(cut)
	if gbk, bad := files.AppendUTF8(nil, cut); bad < 0 && !utf8.Valid(cut) {
		text = string(gbk)
	}
	text = strings.ToValidUTF8(text, "?")
	quoted := strconv.Quote(Mask(text))
	return quoted[1 : len(quoted)-1]
}

// Excerpts reads a file again and gives the beginnings of some of its lines, whose numbers
// must ascend, as Refusal.Text has them.
func Excerpts(r io.Reader, lines []uint32, yield func(line uint32, text string)) error {
	l := newLiner(r)
	for len(lines) > 0 {
		line, _, err := l.next()
		if errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("read line %d again: %w", l.n+1, err)
		}
		for len(lines) > 0 && uint32(l.n) >= lines[0] {
			yield(lines[0], excerpt(line))
			lines = lines[1:]
		}
	}
	return nil
}

// place names a line.
func (im *Importer) place(at source) string {
	return im.files[at.file].Name + ":" + strconv.FormatUint(uint64(at.line), 10)
}

// cardOf is the key of a record's card.
func (r *record) cardOf() txn.CardKey { return txn.CardKey{PAN: r.pan, PSN: byte(r.psn)} }
