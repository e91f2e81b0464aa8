package files_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"

	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/wire/files"
)

// widths are those of the general transaction file as banks' programs read it,
// in order, and behind the 34th those of the extended columns that we take.
var widths = [...]int{11, 11, 6, 10, 19, 12, 12, 12, 4, 6, 4, 8, 15, 12, 2, 6, 11, 6, 2, 3, 12, 12, 12, 1, 3, 1, 1, 10, 11, 1, 2, 2, 12, 14,
	11, 11, 1, 1, 4, 2, 40, 3, 9}

func TestColumnsHaveThePublishedWidths(t *testing.T) {
	if got := len(files.Transaction.Columns); got != len(widths) {
		t.Fatalf("%d columns, want %d", got, len(widths))
	}
	for i, c := range files.Transaction.Columns {
		if c.Width != widths[i] {
			t.Errorf("column %d (%s): width %d, want %d", i+1, c.Name, c.Width, widths[i])
		}
	}
	if files.Transaction.Size() != 390 {
		t.Errorf("a line has %d characters", files.Transaction.Size())
	}
}

func TestEveryColumnHasItsNames(t *testing.T) {
	for _, f := range formats {
		seen := map[string]bool{}
		for i := range f.Columns {
			c := &f.Columns[i]
			if c.NameIn("en") == "" || c.NameIn("zh") == "" || seen[c.Name] || seen[c.NameZH] {
				t.Errorf("%s, column %d: names %q and %q", f.Name, i+1, c.Name, c.NameZH)
			}
			seen[c.Name], seen[c.NameZH] = true, true
			if c.Width == 0 && (i != len(f.Columns)-1 || c.Kind != files.Hex) {
				t.Errorf("%s, column %d has no width", f.Name, i+1)
			}
		}
	}
}

var formats = []*files.Format{files.Transaction, files.Chip, files.HeaderLine, files.TrailerLine}

// transaction fills the columns that may not be empty.
func transaction(amount, receivable, payable, fee money.Fen) []files.Value {
	v := make([]files.Value, len(files.Transaction.Columns))
	for column, text := range map[int]string{
		files.ColAcquirer: "00010005", files.ColSender: "00010005", files.ColSentAt: "1121100000", files.ColCardNumber: "6228480000000000422", files.ColMessageType: "0220",
		files.ColProcessingCode: "000000", files.ColMerchantType: "4111", files.ColCondition: "00", files.ColEntryMode: "072", files.ColOriginalTime: "0229235959",
		files.ColClearDate: "1121", files.ColMerchantName: "北京地铁 西直门", files.ColCurrency: "156",
	} {
		v[column] = files.TextValue([]byte(text))
	}
	v[files.ColTransactionAmount], v[files.ColFeeReceivable] = files.FenValue(amount), files.FenValue(receivable)
	v[files.ColFeePayable], v[files.ColSwitchFee] = files.FenValue(payable), files.FenValue(fee)
	return v
}

func chip(amount money.Fen, data string) []files.Value {
	return []files.Value{
		files.ChipAcquirer: files.TextValue([]byte("00010005")), files.ChipSender: files.TextValue([]byte("00010005")), files.ChipTraceNumber: files.NumberValue(7),
		files.ChipSentAt: files.TextValue([]byte("1121100000")), files.ChipAmount: files.FenValue(amount),
		files.ChipTraceID: files.TextValue([]byte("00112233445566778899aabbccddeeff")), files.ChipData: files.TextValue([]byte(data)),
	}
}

func header(c files.Content) files.Header {
	return files.Header{Content: c, Participant: "00010001", Network: "00010000", Day: 20_778, Batch: 1, Session: 2, Currency: "156"}
}

func file(t testing.TB, c files.Content, lines ...[]files.Value) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := files.NewWriter(&out, header(c))
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range lines {
		if err := w.Write(l); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func ExampleWriter() {
	var out bytes.Buffer
	w, _ := files.NewWriter(&out, header(files.IssuerChip))
	_ = w.Write(chip(300, "9F2608010203"))
	_ = w.Close()
	fmt.Print(out.String())
	// Output:
	// H 01 IIC  00010001    00010000    20261121 01 02 156
	// 00010005    00010005    000007 1121100000 000000000300 00112233445566778899aabbccddeeff 9F2608010203
	// T 0000000001 0000000000000300 C000000000000000 C000000000000000 C000000000000000 C000000000000000
}

func TestWholeFilesComeBack(t *testing.T) {
	lines := [][]files.Value{transaction(10000, 35, 0, -3), transaction(1, 0, 0, 0), transaction(999_999_999_999, 99_999_999_999, -99_999_999_999, -1)}
	for _, c := range []struct {
		content files.Content
		net     money.Fen
	}{{files.IssuerTransactions, -1_000_000_010_000 + 31}, {files.AcquirerTransactions, 1_000_000_010_000 + 31}} {
		raw := file(t, c.content, lines...)
		for name, in := range map[string]io.Reader{"whole": bytes.NewReader(raw), "bytes": iotest.OneByteReader(bytes.NewReader(raw))} {
			r, err := files.NewReader(in)
			if err != nil {
				t.Fatal(err)
			}
			if r.Header() != header(c.content) {
				t.Errorf("header %+v", r.Header())
			}
			for i := 0; r.Next(); i++ {
				if r.Line() != i+2 {
					t.Errorf("line %d is called %d", i+2, r.Line())
				}
				for k, v := range r.Values() {
					if !bytes.Equal(v.Text(), lines[i][k].Text()) || v.Number() != lines[i][k].Number() {
						t.Errorf("line %d, column %s: %q %d", i, files.Transaction.Columns[k].Name, v.Text(), v.Number())
					}
				}
			}
			want := files.Totals{Lines: 3, Amount: 1_000_000_010_000, FeeReceivable: 99_999_999_999 + 35, FeePayable: -99_999_999_999, SwitchFee: -4, Net: c.net}
			if r.Err() != nil || r.Totals() != want {
				t.Errorf("%s, %s: %v, totals %+v, want %+v", c.content, name, r.Err(), r.Totals(), want)
			}
		}
	}
}

func TestFileNames(t *testing.T) {
	for c, want := range map[files.Content]string{
		files.IssuerTransactions: "IND26112101ICOM", files.AcquirerTransactions: "IND26112101ACOM", files.IssuerChip: "IND26112101IIC", files.AcquirerChip: "IND26112101AIC",
	} {
		h := header(c)
		if got := h.FileName(); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func TestImpossibleHeadersAreRefused(t *testing.T) {
	for name, spoil := range map[string]func(*files.Header){
		"content": func(h *files.Header) { h.Content = 0 }, "participant": func(h *files.Header) { h.Participant = "" }, "letters": func(h *files.Header) { h.Participant = "BANK" },
		"day": func(h *files.Header) { h.Day = -1 }, "batch": func(h *files.Header) { h.Batch = 100 }, "session": func(h *files.Header) { h.Session = 0 },
		"currency": func(h *files.Header) { h.Currency = "CNY" }, "network": func(h *files.Header) { h.Network = "123456789012" },
	} {
		h := header(files.IssuerTransactions)
		spoil(&h)
		if _, err := files.NewWriter(io.Discard, h); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// Each row spoils one value; the error must name column and reason and never
// hold the card number.
func TestValuesThatDoNotFitAreRefusedByColumn(t *testing.T) {
	text := func(s string) files.Value { return files.TextValue([]byte(s)) }
	for _, c := range []struct {
		column int
		value  files.Value
		want   string
	}{
		{files.ColCardNumber, text("62284800000"), "column 5 (card number): has 11 digits, want 12 to 19"},
		{files.ColCardNumber, text("62284800000000004221"), "column 5 (card number): has 20 digits"},
		{files.ColCardNumber, text("622848000000000042A"), "column 5 (card number): character 19 is not a decimal digit"},
		{files.ColTransactionAmount, files.FenValue(-1), "column 6 (amount): -1 is negative"},
		{files.ColTransactionAmount, files.FenValue(1_000_000_000_000), "column 6 (amount): 1000000000000 does not fit 12 digits"},
		{files.ColFeePayable, files.FenValue(-100_000_000_000), "does not fit 11 digits"},
		{files.ColFeePayable, files.FenValue(-1 << 63), "is negative"},
		{files.ColSentAt, text("1321100000"), "column 4 (transmission time): month 13 and day 21 are no date"},
		{files.ColSentAt, text("1121246000"), "24:60:00 is no time of day"},
		{files.ColSentAt, text("11211000"), "has 8 characters, want 10"},
		{files.ColClearDate, text("0230"), "month 02 and day 30 are no date"},
		{files.ColAcquirer, text("BANK"), "column 1 (acquirer): character 1 is byte 42"},
		{files.ColAcquirer, text("123456789012"), "has 12 bytes, the column is 11 wide"},
		{files.ColMerchant, text("A\nB"), "column 13 (merchant): character 2 is byte 0A"},
		{files.ColMerchant, text(" AB"), "has a space at its begin or end"},
		{files.ColMerchantName, text("地铁😀"), "column 41 (merchant name): character '😀' has no GBK code"},
		{files.ColMerchantName, text("\xFF\xFE"), "has no GBK code"},
		{files.ColMerchantName, text(strings.Repeat("地", 21)), "has 42 bytes, the column is 40 wide"},
	} {
		v := transaction(1, 0, 0, 0)
		v[c.column] = c.value
		out, err := files.Transaction.Append([]byte("before"), v)
		var e *files.Error
		if !errors.As(err, &e) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %q", err, c.want)
		}
		if string(out) != "before" || err != nil && strings.Contains(err.Error(), "6228480") {
			t.Errorf("after the error: %q, %v", out, err)
		}
	}
	if _, err := files.Transaction.Append(nil, nil); err == nil {
		t.Error("a line of no values was written")
	}
	if err := files.Transaction.Parse(make([]byte, 390), nil); err == nil {
		t.Error("a line was read into no values")
	}
	if _, err := files.Chip.Append(nil, chip(1, strings.Repeat("00", 256))); err == nil {
		t.Error("256 bytes of chip data were written")
	}
}

// Each row spoils a file of two lines in one way.
func TestSpoiledFilesAreRefusedByLineAndColumn(t *testing.T) {
	whole := string(file(t, files.IssuerTransactions, transaction(300, 1, 0, 0), transaction(400, 1, 0, 0)))
	lines := strings.SplitAfter(whole, "\n")
	for _, c := range []struct{ name, file, want string }{
		{"empty", "", "line 1: the file ends here without a trailer line"},
		{"no header", lines[1] + lines[2] + lines[3], "line 1: 390 bytes, a header line has"},
		{"long line", strings.Repeat("x", 5000), "line 1: is longer than 2048 bytes"},
		{"version", strings.Replace(whole, "H 01", "H 02", 1), "line 1, column 2 (version): is 2, this program reads 1"},
		{"content", strings.Replace(whole, "ICOM", "XCOM", 1), "line 1, column 3 (content): is none of"},
		{"mark", "G" + whole[1:], "line 1, column 1 (mark): a file begins with H"},
		{"date", strings.Replace(whole, "20261121", "20260229", 1), "line 1, column 6 (clearing date): month 02 and day 29 are no date"},
		{"year", strings.Replace(whole, "20261121", "19991121", 1), "line 1: header: day"},
		{"no participant", strings.Replace(whole, "00010001   ", strings.Repeat(" ", 11), 1), "line 1: header: the code of the participant"},
		{"amount letter", strings.Replace(whole, "000000000300", "00000000030O", 1), "line 2, column 6 (amount): digit 12 is byte 4F"},
		{"shifted", strings.Replace(whole, "00010005    00010005", "00010005     0010005", 1), "line 2, column 2 (sender): has a space at its begin"},
		{"no space", strings.Replace(whole, " 6228480", "X6228480", 1), "line 2, column 5 (card number): byte 42 in front of it is 58, want a space"},
		{"D over zero", strings.Replace(whole, "C00000000000", "D00000000000", 1), "(fee payable): is D over zero, want C"},
		{"no C or D", strings.Replace(whole, "C00000000001", "000000000001", 1), "(fee receivable): begins with byte 30, want C or D"},
		{"half a character", strings.Replace(whole, "\xC3\xC5 ", "\xC3  ", 1), "line 2, column 41 (merchant name): its byte 14 begins no GBK character"},
		{"short line", strings.Replace(whole, "4111 ", "411 ", 1), "line 2: 389 bytes, a COM line has 390"},
		{"CR LF", strings.ReplaceAll(whole, "\n", "\r\n"), "line 1: 53 bytes, a header line has 52"},
		{"line lost", lines[0] + lines[1] + lines[3], "line 3, column 2 (lines): is 2, the lines give 1"},
		{"line repeated", lines[0] + lines[1] + lines[1] + lines[2] + lines[3], "line 5, column 2 (lines): is 2, the lines give 3"},
		{"amount changed", strings.Replace(whole, "000000000300", "000000000301", 1), "line 4, column 3 (amount): is 7.00, the lines give 7.01"},
		{"trailer lost", lines[0] + lines[1] + lines[2], "line 4: the file ends here without a trailer line"},
		{"cut", whole[:len(whole)-30], "line 4: the file ends inside this line"},
		{"cut in a line", whole[:200], "line 2: the file ends inside this line"},
		{"data behind", whole + "\n", "line 5: there is data behind the trailer line"},
		{"trailer twice", whole + lines[3], "line 5: there is data behind the trailer line"},
	} {
		err := scan(strings.NewReader(c.file))
		var e *files.Error
		if !errors.As(err, &e) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
	broken := errors.New("line dropped")
	for _, n := range []int{0, 40, 300, len(whole)} {
		if err := scan(io.MultiReader(strings.NewReader(whole[:n]), iotest.ErrReader(broken))); !errors.Is(err, broken) {
			t.Errorf("dropped after %d bytes: %v", n, err)
		}
	}
}

func scan(in io.Reader) error {
	r, err := files.NewReader(in)
	if err != nil {
		return err
	}
	for r.Next() {
	}
	return r.Err()
}

func TestWriterNamesTheLine(t *testing.T) {
	w, err := files.NewWriter(io.Discard, header(files.IssuerTransactions))
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(transaction(1, 0, 0, 0)); err != nil {
		t.Fatal(err)
	}
	if err := w.Write(transaction(-1, 0, 0, 0)); err == nil || !strings.HasPrefix(err.Error(), "line 3, column 6 (amount)") {
		t.Errorf("%v", err)
	}
	if w.Totals().Lines != 1 {
		t.Error("a refused line was counted")
	}
}

func TestValuesDoNotPrintThemselves(t *testing.T) {
	v := files.TextValue([]byte("6228480000000000422"))
	out, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	for _, got := range []string{fmt.Sprint(v), fmt.Sprintf("%+v", []files.Value{v}), fmt.Sprintf("%#v", v), fmt.Sprintf("%s %x", v, v), string(out)} {
		if strings.Contains(got, "6228") || strings.Contains(got, "36323238") {
			t.Errorf("a value prints as %s", got)
		}
	}
	c := &files.Transaction.Columns[files.ColCardNumber]
	if got := c.Show(v, false); got != "622848*********0422" {
		t.Errorf("masked: %s", got)
	}
	if got := c.Show(v, true); got != "6228480000000000422" {
		t.Errorf("whole: %s", got)
	}
	if got := c.Show(files.TextValue([]byte("6228480")), false); strings.Contains(got, "6") {
		t.Errorf("a short number shows %s", got)
	}
}

// Code values from GB 2312-80 (first and last hanzi of level 1 and 2), and of
// GBK those with a trail byte below 80, next to the gap at 7F and at both ends.
func TestGBKCodes(t *testing.T) {
	for text, code := range map[string]string{
		"啊": "\xB0\xA1", "座": "\xD7\xF9", "亍": "\xD8\xA1", "齄": "\xF7\xFE", "丂": "\x81\x40", "亊": "\x81\x7E", "亐": "\x81\x80", "喆": "\x86\xB4", "镕": "\xE9\x46", "京": "\xBE\xA9",
		"Ａ": "\xA3\xC1", "　": "\xA1\xA1",
	} {
		v := transaction(1, 0, 0, 0)
		v[files.ColMerchantName] = files.TextValue([]byte("x" + text + "x"))
		line, err := files.Transaction.Append(nil, v)
		if err != nil || !bytes.Contains(line, []byte("x"+code+"x")) {
			t.Errorf("%s: want % X in % X, %v", text, code, line, err)
		}
	}
	for _, code := range []string{"\x80", "\xFF\xA1", "\xB0\x30", "\xB0\xFF", "\xAA\xA1", "\xB0 "} {
		v := transaction(1, 0, 0, 0)
		line, err := files.Transaction.Append(nil, v)
		if err != nil {
			t.Fatal(err)
		}
		line = bytes.Replace(line[:len(line)-1], []byte("\xB1\xB1\xBE\xA9"), []byte(code + "zzzz")[:4], 1)
		if err := files.Transaction.Parse(line, v); err == nil || !strings.Contains(err.Error(), "begins no GBK character") {
			t.Errorf("code % X: %v", code, err)
		}
	}
}

func TestFitGBKCutsAtACharacter(t *testing.T) {
	for _, c := range []struct {
		in, want string
		width    int
	}{
		{"北京地铁", "北京地铁", 8}, {"北京地铁", "北京地", 7}, {"a北京", "a北", 4}, {"😀站", "?站", 9}, {" 站 \n", "站", 9}, {"", "", 5}, {"北 京", "北", 3}, {"\x01 a", "a", 5},
	} {
		got := files.FitGBK(c.in, c.width)
		if string(got) != c.want {
			t.Errorf("%q in %d: %q, want %q", c.in, c.width, got, c.want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		v := transaction(1, 0, 0, 0)
		v[files.ColMerchantName] = files.TextValue(files.FitGBK(rapid.String().Draw(t, "name"), 40))
		if _, err := files.Transaction.Append(nil, v); err != nil {
			t.Fatal(err)
		}
	})
}

// What Parse accepts, Append writes again.
func FuzzParse(f *testing.F) {
	for _, c := range []files.Content{files.IssuerTransactions, files.AcquirerChip} {
		v := transaction(300, 1, -1, 0)
		if c == files.AcquirerChip {
			v = chip(300, "9F2608010203")
		}
		for _, line := range bytes.Split(file(f, c, v), []byte("\n")) {
			f.Add(line)
		}
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		for _, format := range formats {
			values := make([]files.Value, len(format.Columns))
			if err := format.Parse(line, values); err != nil {
				continue
			}
			back, err := format.Append(nil, values)
			if err != nil || !bytes.Equal(back, append(bytes.Clone(line), '\n')) {
				t.Fatalf("%s line %q comes back as %q, %v", format.Name, line, back, err)
			}
		}
	})
}

func FuzzReader(f *testing.F) {
	f.Add(file(f, files.IssuerTransactions, transaction(300, 1, -1, 0), transaction(5, 0, 0, 0)))
	f.Add(file(f, files.AcquirerChip, chip(300, "9F26")))
	f.Add([]byte("H 01"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := files.NewReader(bytes.NewReader(b))
		if err != nil {
			return
		}
		var again bytes.Buffer
		w, err := files.NewWriter(&again, r.Header())
		if err != nil {
			t.Fatal(err)
		}
		for r.Next() {
			if err := w.Write(r.Values()); err != nil {
				t.Fatal(err)
			}
		}
		if r.Err() != nil {
			return
		}
		if err := w.Close(); err != nil || !bytes.Equal(again.Bytes(), b) {
			t.Fatalf("a whole file comes back as %q, %v", again.Bytes(), err)
		}
	})
}

func BenchmarkAppend(b *testing.B) {
	v, buf := transaction(300, 1, 0, 0), []byte(nil)
	b.ReportAllocs()
	for b.Loop() {
		buf, _ = files.Transaction.Append(buf[:0], v)
	}
	b.SetBytes(int64(len(buf)))
}

func BenchmarkParse(b *testing.B) {
	v := transaction(300, 1, 0, 0)
	line, err := files.Transaction.Append(nil, v)
	if err != nil {
		b.Fatal(err)
	}
	line = line[:len(line)-1]
	b.ReportAllocs()
	for b.Loop() {
		if err := files.Transaction.Parse(line, v); err != nil {
			b.Fatal(err)
		}
	}
}
