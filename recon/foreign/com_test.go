package foreign_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/citycard/citycard/recon/foreign"
	"github.com/citycard/citycard/wire/files"
)

// t1 writes the two T+1 files of 2026-11-05 with lines of the worked example.
func t1(t testing.TB, names ...string) (com, chip textFile) {
	t.Helper()
	text := func(s string) files.Value { return files.TextValue([]byte(s)) }
	write := func(content files.Content, line func(string) []files.Value) textFile {
		h := files.Header{Content: content, Participant: "03080000", Network: "00010000", Day: 20762, Batch: 1, Session: 1, Currency: "156"}
		var b bytes.Buffer
		w, err := files.NewWriter(&b, h)
		for _, n := range names {
			if err == nil {
				err = w.Write(line(n))
			}
		}
		if err == nil {
			err = w.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
		return textFile{h.FileName(), b.String()}
	}
	trace := func(n string) string { return fmt.Sprintf("%032x", worked[n].atc*1000+worked[n].amount) }
	com = write(files.IssuerTransactions, func(n string) []files.Value {
		v := make([]files.Value, len(files.Transaction.Columns))
		for column, s := range map[int]string{
			files.ColAcquirer: "48021000", files.ColSentAt: "1105230000", files.ColCardNumber: workedCard, files.ColMessageType: "0220", files.ColProcessingCode: "000000",
			files.ColMerchantType: "4111", files.ColTerminal: "00004711", files.ColRetrieval: trace(n)[:12], files.ColOtherData: trace(n)[12:26], files.ColCondition: "00",
			files.ColResponse: "00", files.ColEntryMode: "072", files.ColCardSequence: "001", files.ColOriginalTime: fmt.Sprintf("11%02d180000", 5-worked[n].atc%2),
			files.ColClearDate: "1105", files.ColMerchantName: "轨道交通一号线", files.ColCurrency: "156", files.ColReversalFlag: "0",
		} {
			v[column] = text(s)
		}
		v[files.ColTraceNumber], v[files.ColTransactionAmount] = files.NumberValue(7), files.FenValue(fenOf(n))
		return v
	})
	chip = write(files.IssuerChip, func(n string) []files.Value {
		v := make([]files.Value, len(files.Chip.Columns))
		v[files.ChipAcquirer], v[files.ChipSentAt], v[files.ChipTraceID], v[files.ChipData] = text("48021000"), text("1105230000"), text(trace(n)), text(field55(n))
		v[files.ChipTraceNumber], v[files.ChipAmount] = files.NumberValue(7), files.FenValue(fenOf(n))
		return v
	})
	return com, chip
}

// lines changes lines of a file; 0 is the header.
func (f textFile) lines(change func([]string) []string) textFile {
	l := strings.Split(strings.TrimSuffix(f.text, "\n"), "\n")
	f.text = strings.Join(change(l), "\n") + "\n"
	return f
}

// Clearing lines find their chip data, and what finds nothing is refused.
func TestJoin(t *testing.T) {
	com, chip := t1(t, "0016", "0017", "copy")
	drop := func(i int) func([]string) []string {
		return func(l []string) []string { return append(l[:i:i], l[i+1:]...) }
	}
	reverse := func(l []string) []string {
		l[1], l[3] = l[3], l[1]
		return l
	}
	for _, c := range []struct {
		name              string
		files             []textFile
		accepted, refused int64
		reasons           string
		trailers          string
	}{
		{"both whole", []textFile{com, chip}, 6, 0, "[]", ""},
		{"chip file first", []textFile{chip, com}, 6, 0, "[]", ""},
		{"another order of lines", []textFile{com, chip.lines(reverse)}, 6, 0, "[]", ""},
		{"no chip file", []textFile{com}, 0, 3, "[11]", ""},
		{"only the chip file", []textFile{chip}, 0, 3, "[12]", ""},
		{"a chip line is missing", []textFile{com, chip.lines(drop(2))}, 4, 1, "[11]", "the trailer counts 3 lines, there are 2"},
		{"a clearing line is missing", []textFile{com.lines(drop(1)), chip}, 4, 1, "[12]", "the trailer counts 3 lines, there are 2"},
		{"sent twice", []textFile{com, chip, {com.name + "2", com.text}, {chip.name + "2", chip.text}}, 12, 0, "[]", ""},
		{"other data for the same line", []textFile{com, chip.lines(func(l []string) []string {
			return append(l[:3:3], append([]string{strings.Replace(l[1], "7CA1068CCB889C7", "7CA1068CCB889C8", 1), strings.Replace(l[1], "62CA1068CCB889C7", "62CA1068CCB889C8", 1)}, l[3:]...)...)
		})}, 4, 4, "[13 12]", "the trailer counts 3 lines, there are 5"},
		{"without header and trailer", []textFile{com.lines(func(l []string) []string { return l[1:4] }), chip.lines(func(l []string) []string { return l[1:4] })}, 6, 0, "[]", ""},
		{"without any date", []textFile{{"a.com", com.lines(func(l []string) []string { return l[1:4] }).text}, chip}, 0, 6, "[10 12]", ""},
		{"short form", []textFile{com.lines(func(l []string) []string {
			for i := 1; i < 4; i++ {
				l[i] = l[i][:299]
			}
			return l
		}), chip}, 6, 0, "[]", ""},
		{"a reversal", []textFile{com.lines(func(l []string) []string {
			l[2] = l[2][:326] + "1" + l[2][327:]
			return l
		}), chip}, 4, 2, "[17 12]", ""},
		{"a reversal by its message type", []textFile{com.lines(func(l []string) []string {
			l[2] = strings.Replace(l[2], " 0220 ", " 0420 ", 1)
			return l
		}), chip}, 4, 2, "[17 12]", ""},
		{"a changed amount", []textFile{com.lines(func(l []string) []string {
			l[2] = strings.Replace(l[2], "000000000600", "000000000700", 1)
			return l
		}), chip}, 4, 2, "[11 12]", "the trailer sums up 13.00 yuan, the lines 14.00"},
		{"a line that cannot be read", []textFile{com.lines(func(l []string) []string {
			l[2] = strings.Replace(l[2], "000000000600", "00000000060x", 1)
			return l
		}), chip}, 4, 2, "[9 12]", "a line of the file cannot be read, so its sum cannot be compared with the trailer"},
	} {
		r := run(t, foreign.Options{Checkers: keys}, c.files...)
		var reasons []foreign.Reason
		trailers := ""
		for _, f := range r.Files {
			for _, why := range f.Reasons {
				reasons = append(reasons, why.Reason)
			}
			trailers += f.Trailer
		}
		if r.Lines.Accepted != c.accepted || r.Lines.Refused != c.refused || fmt.Sprint(reasons) != c.reasons || trailers != c.trailers {
			t.Errorf("%s: accepted %d, refused %d, reasons %v, trailers %q, want %d, %d, %s, %q", c.name, r.Lines.Accepted, r.Lines.Refused, reasons, trailers,
				c.accepted, c.refused, c.reasons, c.trailers)
		}
	}
}

// Dates without a year are of the year that the clearing date gives.
func TestYear(t *testing.T) {
	com, chip := t1(t, "0016", "0017")
	com.text = strings.Replace(strings.ReplaceAll(com.text, "1105180000", "1231180000"), "20261105", "20270102", 1)
	r := run(t, foreign.Options{}, com, chip)
	if r.Lines.Refused != 0 || r.AsOf != "2027-01-02" || r.To != 1798711200 {
		t.Errorf("%s, last transaction %d, %+v", r.AsOf, r.To, r.Files)
	}
}
