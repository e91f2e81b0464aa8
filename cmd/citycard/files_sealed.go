package main

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/citycard/citycard/crypt/keystore"
	"github.com/citycard/citycard/crypt/sealfile"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/wire/files"
	"github.com/citycard/citycard/wire/tlv"
)

// sealed lists a T+1 file. It reads it twice: nothing is printed of a file that
// is not whole, not the network's or not consistent.
func (l *lister) sealed(f io.ReadSeeker) error {
	keys, err := l.fileKeys()
	if err != nil {
		return err
	}
	if err := l.read(f, keys, visitor{}); err != nil {
		return err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return fail(exitFailed, fmt.Errorf("%s: %w", l.path, err), "the file is read twice; save it to disk first")
	}
	return l.read(f, keys, visitor{l.sealedHead, l.sealedLine, l.sealedEnd})
}

// visitor is called for the parts of a file; nil parts are passed over.
type visitor struct {
	head func(sealfile.Header, *files.Reader) error
	line func(*files.Reader) error
	end  func(*files.Reader) error
}

// read goes through a file to its end.
func (l *lister) read(f io.Reader, keys fileKeys, v visitor) error {
	sealed, err := sealfile.Open(f, keys.choose, keys.network)
	if err != nil {
		return l.refused(err)
	}
	r, err := files.NewReader(sealed)
	if err != nil {
		return l.refused(err)
	}
	if err := l.belongs(sealed.Header(), r.Header()); err != nil {
		return err
	}
	if v.head != nil {
		if err := v.head(sealed.Header(), r); err != nil {
			return err
		}
	}
	for r.Next() {
		if v.line != nil {
			if err := v.line(r); err != nil {
				return err
			}
		}
		if err := l.interrupted("line", r.Line()); err != nil {
			return err
		}
	}
	if r.Err() != nil {
		return l.refused(r.Err())
	}
	if v.end == nil {
		return nil
	}
	return v.end(r)
}

// belongs compares what the container says in clear with the header line.
func (l *lister) belongs(outer sealfile.Header, inner files.Header) error {
	if outer.Kind != uint8(inner.Content) || outer.Window != inner.Day || int(outer.Batch) != inner.Batch {
		return fail(exitFailed, fmt.Errorf("%s: the container is for content %d, day %d, batch %d; line 1 says %d, %d, %d", l.path,
			outer.Kind, outer.Window, outer.Batch, inner.Content, inner.Day, inner.Batch), "the sender mixed files up; ask for the file again")
	}
	return nil
}

// refused names the file and says what to do.
func (l *lister) refused(err error) error {
	hint := "ask the network for the file again"
	code := exitFailed
	switch {
	case errors.Is(err, sealfile.ErrKey):
		hint = "the file is sealed for another participant or another of its keys"
	case errors.Is(err, sealfile.ErrSignature):
		hint = "check the network's public key; if it is right, the file was forged"
		code = exitRefused
	case errors.Is(err, keystore.ErrNotFound):
		hint = "put the key under this name into the keystore, or check that the file is yours"
		code = exitNotFound
	}
	return fail(code, fmt.Errorf("%s: %w", l.path, err), hint)
}

// shown are the columns of a transaction that fit a screen; --json has all.
var shown = []int{files.ColTraceNumber, files.ColOriginalTime, files.ColCardNumber, files.ColTransactionAmount, files.ColFeeReceivable, files.ColFeePayable,
	files.ColSwitchFee, files.ColTerminal, files.ColRetrieval, files.ColMerchantName}

var shownWidths = []int{-6, 11, 19, -12, -9, -9, -9, 8, 12, 40}

var shownHeads = []struct{ en, zh string }{{"TRACE", "跟踪号"}, {"TIME", "交易时间"}, {"CARD", "卡号"}, {"AMOUNT", "金额"}, {"FEE IN", "应收费"}, {"FEE OUT", "应付费"},
	{"SWITCH", "转接费"}, {"TERMINAL", "终端"}, {"REFERENCE", "参考号"}, {"MERCHANT", "商户"}}

var chipWidths = []int{-6, 11, -12, 32, 0}

var chipHeads = []struct{ en, zh string }{{"TRACE", "跟踪号"}, {"SENT", "传输时间"}, {"AMOUNT", "金额"}, {"TRACE ID", "追踪号"}, {"CHIP DATA", "IC 卡数据"}}

type headObject struct {
	Type        string `json:"type"` // header
	Participant uint16 `json:"participant"`
	KeyID       uint32 `json:"key_id"`
	Content     string `json:"content"`
	Code        string `json:"code"`
	Network     string `json:"network"`
	Date        string `json:"date"`
	Batch       int    `json:"batch"`
	Session     int    `json:"session"`
	Currency    string `json:"currency"`
}

func (l *lister) sealedHead(s sealfile.Header, r *files.Reader) error {
	h := r.Header()
	date := clockText(int64(h.Day) * 86400)[:10]
	l.line(l.say("%s for participant %d (%s) from network %s, clearing date %s, batch %d, session %d, currency %s",
		"%s，机构 %d（%s），清算机构 %s，清算日期 %s，批次 %d，场次 %d，货币 %s"), h.Content, s.Participant, h.Participant, h.Network, date, h.Batch, h.Session, h.Currency)
	if err := l.object(headObject{"header", s.Participant, s.KeyID, h.Content.String(), h.Participant, h.Network, date, h.Batch, h.Session, h.Currency}); err != nil || l.env.json {
		return err
	}
	heads, widths := shownHeads, shownWidths
	if h.Content.Format() == files.Chip {
		heads, widths = chipHeads, chipWidths
	}
	cells := make([]string, len(heads))
	for i, head := range heads {
		cells[i] = l.say(head.en, head.zh)
	}
	return l.row(widths, cells)
}

func (l *lister) sealedLine(r *files.Reader) error {
	format := r.Header().Content.Format()
	v := r.Values()
	if l.env.json {
		fields := make(map[string]any, len(v))
		for i := range v {
			fields[strings.ReplaceAll(format.Columns[i].Name, " ", "_")] = l.field(&format.Columns[i], v[i])
		}
		return l.object(lineObject{"line", r.Line(), fields})
	}
	if format == files.Chip {
		return l.row(chipWidths, []string{l.cell(format, v, files.ChipTraceNumber), l.when(v[files.ChipSentAt]), l.cell(format, v, files.ChipAmount),
			l.cell(format, v, files.ChipTraceID), l.chipText(v[files.ChipData].Text())})
	}
	cells := make([]string, len(shown))
	for i, column := range shown {
		cells[i] = l.cell(format, v, column)
		if column == files.ColOriginalTime {
			cells[i] = l.when(v[column])
		}
	}
	return l.row(shownWidths, cells)
}

type lineObject struct {
	Type   string         `json:"type"` // line
	Line   int            `json:"line"`
	Fields map[string]any `json:"fields"` // by column; amounts in fen
}

// field is the JSON form of a value.
func (l *lister) field(c *files.Column, v files.Value) any {
	switch c.Kind {
	case files.Number, files.Amount, files.Signed:
		return v.Number()
	case files.Hex:
		return l.chipObjects(v.Text())
	}
	return c.Show(v, l.o.showPAN)
}

func (l *lister) cell(f *files.Format, v []files.Value, column int) string {
	return f.Columns[column].Show(v[column], l.o.showPAN)
}

// when shows MMDDhhmmss as 1121 100000.
func (l *lister) when(v files.Value) string {
	s := string(v.Text())
	return s[:4] + " " + s[4:]
}

type chipObject struct {
	Tag   string `json:"tag,omitempty"`
	Value string `json:"value"`
}

// chipObjects splits the chip data into its primitive objects. Card numbers have
// no place there: what the dictionary knows to hold one is shown with --show-pan
// only, a PIN never, and what is no BER-TLV not at all.
func (l *lister) chipObjects(text []byte) []chipObject {
	b, err := hex.DecodeString(string(text))
	nodes, parseErr := tlv.Parse(b)
	if err != nil || parseErr != nil {
		return []chipObject{{Value: fmt.Sprintf("[%d bytes that are no BER-TLV]", len(text)/2)}}
	}
	return l.appendObjects(nil, nodes)
}

func (l *lister) appendObjects(list []chipObject, nodes []tlv.Node) []chipObject {
	for i := range nodes {
		n := &nodes[i]
		if len(n.Children) > 0 {
			list = l.appendObjects(list, n.Children)
			continue
		}
		value := strings.ToUpper(hex.EncodeToString(n.Value))
		if info, known := tlv.Lookup(n.Tag); known && (info.Secret == tlv.HoldsPIN || info.Secret != tlv.Public && !l.o.showPAN) {
			value = "[withheld]"
		}
		list = append(list, chipObject{n.Tag.String(), value})
	}
	return list
}

func (l *lister) chipText(text []byte) string {
	var b strings.Builder
	for i, o := range l.chipObjects(text) {
		if i > 0 {
			b.WriteByte(' ')
		}
		if o.Tag != "" {
			b.WriteString(o.Tag + "=")
		}
		b.WriteString(o.Value)
	}
	return b.String()
}

type endObject struct {
	Type          string    `json:"type"` // trailer
	Lines         int64     `json:"lines"`
	Amount        money.Fen `json:"amount"`
	FeeReceivable money.Fen `json:"fee_receivable"`
	FeePayable    money.Fen `json:"fee_payable"`
	SwitchFee     money.Fen `json:"switch_fee"`
	Net           money.Fen `json:"net"`
	Checked       bool      `json:"checked"`
}

func (l *lister) sealedEnd(r *files.Reader) error {
	t := r.Totals()
	if r.Header().Content.Format() == files.Chip {
		l.line(l.say("%d lines, amount %s: trailer and signature are right", "%d 笔，金额 %s：文件尾与签名均正确"), t.Lines, t.Amount)
	} else {
		l.line(l.say("%d lines, amount %s, fee receivable %s, fee payable %s, switch fee %s, net %s: trailer and signature are right",
			"%d 笔，金额 %s，应收手续费 %s，应付手续费 %s，转接服务费 %s，净额 %s：文件尾与签名均正确"), t.Lines, t.Amount, t.FeeReceivable, t.FeePayable, t.SwitchFee, t.Net)
	}
	return l.object(endObject{"trailer", t.Lines, t.Amount, t.FeeReceivable, t.FeePayable, t.SwitchFee, t.Net, true})
}
