package files

import (
	"fmt"
	"time"

	"github.com/citycard/citycard/money"
)

// Content says what a file holds. Numbers stand in sealed containers and are for
// ever.
type Content uint8

// The contents. Whose side it is decides about the signs of fees and net.
const (
	IssuerTransactions   Content = 1 // ICOM
	AcquirerTransactions Content = 2 // ACOM
	IssuerChip           Content = 3 // IIC, chip data behind ICOM
	AcquirerChip         Content = 4 // AIC, chip data behind ACOM
)

var contentNames = [...]string{IssuerTransactions: "ICOM", AcquirerTransactions: "ACOM", IssuerChip: "IIC", AcquirerChip: "AIC"}

// String is the content's mark in file names and headers, e.g. "ICOM".
func (c Content) String() string {
	if !c.Valid() {
		return fmt.Sprintf("content %d", uint8(c))
	}
	return contentNames[c]
}

// Valid reports whether c is one of the contents above.
func (c Content) Valid() bool { return c >= IssuerTransactions && c <= AcquirerChip }

// Format is the layout of the lines between header and trailer.
func (c Content) Format() *Format {
	if c.chip() {
		return Chip
	}
	return Transaction
}

func (c Content) chip() bool     { return c >= IssuerChip }
func (c Content) acquirer() bool { return c == AcquirerTransactions || c == AcquirerChip }

func parseContent(s string) (Content, bool) {
	for c := IssuerTransactions; c.Valid(); c++ {
		if contentNames[c] == s {
			return c, true
		}
	}
	return 0, false
}

// Version is the version of the format that this package writes and reads.
const Version = 1

// Header is what a file's first line says.
type Header struct {
	Content              Content
	Participant, Network string // institution codes, 1 to 11 digits
	Day                  int32  // business day of the window, days since 1970-01-01
	Batch                int    // number of the file on that day, 1 to 99
	Session              int    // clearing session, 1 to 99
	Currency             string // ISO 4217 number, 156 for the yuan
}

// FileName is INDyymmdd, batch number and content, e.g. IND26112101ICOM. The
// order of the parts is known from practice only; the endings IIC and AIC are our
// choice.
func (h *Header) FileName() string {
	return fmt.Sprintf("IND%s%02d%s", day(h.Day).Format("060102"), h.Batch, h.Content)
}

func day(n int32) time.Time { return time.Unix(int64(n)*86400, 0).UTC() }

func (h *Header) values() ([]Value, error) {
	switch date := day(h.Day); {
	case !h.Content.Valid():
		return nil, &Error{Reason: fmt.Sprintf("header: %s is not defined", h.Content)}
	case h.Participant == "" || h.Network == "":
		return nil, &Error{Reason: "header: the code of the participant or of the network is empty"}
	case date.Year() < 2000 || date.Year() > 2099:
		return nil, &Error{Reason: fmt.Sprintf("header: day %d lies outside the years 2000 to 2099", h.Day)}
	case h.Batch < 1 || h.Batch > 99 || h.Session < 1 || h.Session > 99:
		return nil, &Error{Reason: fmt.Sprintf("header: batch %d and session %d, want 1 to 99", h.Batch, h.Session)}
	}
	return []Value{
		HeaderMark:        TextValue([]byte("H")),
		HeaderVersion:     NumberValue(Version),
		HeaderContent:     TextValue([]byte(h.Content.String())),
		HeaderParticipant: TextValue([]byte(h.Participant)),
		HeaderNetwork:     TextValue([]byte(h.Network)),
		HeaderDate:        TextValue([]byte(day(h.Day).Format("20060102"))),
		HeaderBatch:       NumberValue(int64(h.Batch)),
		HeaderSession:     NumberValue(int64(h.Session)),
		HeaderCurrency:    TextValue([]byte(h.Currency)),
	}, nil
}

// parse reads the first line, without LF.
func (h *Header) parse(line []byte) error {
	var v [headerColumns]Value
	if err := HeaderLine.Parse(line, v[:]); err != nil {
		return err
	}
	content, known := parseContent(string(v[HeaderContent].Text()))
	date, err := time.Parse("20060102", string(v[HeaderDate].Text()))
	switch {
	case string(v[HeaderMark].Text()) != "H":
		return HeaderLine.columnError(HeaderMark, "a file begins with H")
	case v[HeaderVersion].Number() != Version:
		return HeaderLine.columnError(HeaderVersion, fmt.Sprintf("is %d, this program reads %d", v[HeaderVersion].Number(), Version))
	case !known:
		return HeaderLine.columnError(HeaderContent, "is none of ICOM, ACOM, IIC, AIC")
	case err != nil:
		return HeaderLine.columnError(HeaderDate, err.Error())
	}
	*h = Header{
		Content:     content,
		Participant: string(v[HeaderParticipant].Text()),
		Network:     string(v[HeaderNetwork].Text()),
		Day:         int32(date.Unix() / 86400),
		Batch:       int(v[HeaderBatch].Number()),
		Session:     int(v[HeaderSession].Number()),
		Currency:    string(v[HeaderCurrency].Text()),
	}
	if _, err := h.values(); err != nil {
		return err
	}
	return nil
}

// Totals are the counts and sums of a file's lines. The fees have the signs of
// the lines: below zero the participant pays.
type Totals struct {
	Lines                                int64
	Amount                               money.Fen
	FeeReceivable, FeePayable, SwitchFee money.Fen
	Net                                  money.Fen // what the participant receives less what it pays
}

// add takes one line into the sums.
func (t *Totals) add(c Content, v []Value) {
	t.Lines++
	if c.chip() {
		t.Amount += v[ChipAmount].Fen()
		return
	}
	amount, receivable, payable, fee := v[ColTransactionAmount].Fen(), v[ColFeeReceivable].Fen(), v[ColFeePayable].Fen(), v[ColSwitchFee].Fen()
	t.Amount += amount
	t.FeeReceivable += receivable
	t.FeePayable += payable
	t.SwitchFee += fee
	if !c.acquirer() {
		amount = -amount
	}
	t.Net += amount + receivable + payable + fee
}

func (t *Totals) values() []Value {
	return []Value{
		TrailerMark:          TextValue([]byte("T")),
		TrailerLines:         NumberValue(t.Lines),
		TrailerAmount:        FenValue(t.Amount),
		TrailerFeeReceivable: FenValue(t.FeeReceivable),
		TrailerFeePayable:    FenValue(t.FeePayable),
		TrailerSwitchFee:     FenValue(t.SwitchFee),
		TrailerNet:           FenValue(t.Net),
	}
}
