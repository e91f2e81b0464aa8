package foreign_test

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/citycard/citycard/recon/foreign"
)

var good = clearing("0016", "2026-11-05 18:00:00", "2026-11-05")

// with changes one column of a good clearing line.
func with(column int, text string) string {
	cells := strings.Split(strings.TrimSuffix(good, "\n"), ",")
	cells[column] = text
	return strings.Join(cells, ",") + "\n"
}

// Each line of hostile files gets its fate.
func TestFates(t *testing.T) {
	type fate struct {
		accepted, refused, other int64
		reason                   foreign.Reason
	}
	for _, c := range []struct {
		name, file, text string
		want             fate
	}{
		{"good", "clearing.csv", clearingHead + good, fate{1, 0, 1, 0}},
		{"empty file", "clearing.csv", "", fate{}},
		{"only a header", "clearing.csv", clearingHead, fate{0, 0, 1, 0}},
		{"cut inside a line", "clearing.csv", clearingHead + good + good[:80], fate{1, 1, 1, foreign.BadColumns}},
		{"cut inside field 55", "clearing.csv", clearingHead + good[:len(good)-7], fate{0, 1, 1, foreign.BadField}},
		{"header again", "clearing.csv", clearingHead + good + clearingHead + good, fate{2, 0, 2, 0}},
		{"header twice the same column", "clearing.csv", "card,card,time,amount_fen,f55\n" + good, fate{0, 1, 1, foreign.NoColumn}},
		{"header without card", "clearing.csv", "time,amount_fen,f55\n" + good + good, fate{0, 2, 1, foreign.NoColumn}},
		{"no header at all", "clearing.csv", good + good, fate{0, 2, 0, foreign.NoColumn}},
		{"blank lines before the header", "clearing.csv", "\n\n" + clearingHead + good, fate{1, 0, 3, 0}},
		{"a header that cannot be read", "clearing.csv", "card,\"time\n" + good, fate{0, 2, 0, foreign.NoColumn}},
		{"one column more", "clearing.csv", clearingHead + strings.TrimSuffix(good, "\n") + ",x\n", fate{0, 1, 1, foreign.BadColumns}},
		{"one column less", "clearing.csv", clearingHead + good[strings.Index(good, ",")+1:], fate{0, 1, 1, foreign.BadColumns}},
		{"quotation mark", "clearing.csv", clearingHead + with(6, `"open`), fate{0, 1, 1, foreign.BadColumns}},
		{"quotation marks", "clearing.csv", clearingHead + with(6, `"""幸福"", 里"`), fate{1, 0, 1, 0}},
		{"CRLF, blank lines, spaces", "clearing.csv", strings.ReplaceAll(clearingHead+"\n  \n"+with(6, " x "), "\n", "\r\n"), fate{1, 0, 3, 0}},
		{"no newline at the end", "clearing.csv", clearingHead + strings.TrimSuffix(good, "\n"), fate{1, 0, 1, 0}},
		{"joined with another header", "clearing.csv", clearingHead + good + "\xEF\xBB\xBF主账号,交易时间,交易金额(分),55域\n" + workedCard + ",2026-11-05 18:00:00,500," + field55("0016") + "\n", fate{2, 0, 2, 0}},
		{"byte order mark", "clearing.csv", "\xEF\xBB\xBF" + clearingHead + good, fate{1, 0, 1, 0}},
		{"UTF-16", "clearing.csv", "\xFF\xFEc\x00a\x00\n\x00d\x00", fate{0, 2, 0, foreign.WideText}},
		{"zero byte", "clearing.csv", clearingHead + good + with(6, "a\x00b"), fate{1, 1, 1, foreign.BadEncoding}},
		{"neither encoding", "clearing.csv", clearingHead + with(6, "\xFF\xFF"), fate{0, 1, 1, foreign.BadEncoding}},
		{"both encodings", "clearing.csv", clearingHead + with(6, "\xB6\xAB\xB7\xE7") + with(6, "东风"), fate{2, 0, 1, 0}},
		{"huge line", "clearing.csv", clearingHead + strings.Repeat("9", foreign.MaxLine+1) + "\n" + good, fate{1, 1, 1, foreign.TooLong}},
		{"long line", "clearing.csv", clearingHead + with(6, strings.Repeat("x", 100_000)), fate{1, 0, 1, 0}},
		{"1001 columns", "clearing.csv", clearingHead + strings.Repeat(",", 1001) + "\n", fate{0, 1, 1, foreign.BadColumns}},
		{"30 February", "clearing.csv", clearingHead + with(2, "2026-02-30 10:00:00"), fate{0, 1, 1, foreign.BadField}},
		{"year 1926", "clearing.csv", clearingHead + with(2, "1926-11-05 10:00:00"), fate{0, 1, 1, foreign.BadField}},
		{"negative amount", "clearing.csv", clearingHead + with(4, "-500"), fate{0, 1, 1, foreign.BadField}},
		{"amount with a sign", "clearing.csv", clearingHead + with(4, "+500"), fate{0, 1, 1, foreign.BadField}},
		{"amount with a point", "clearing.csv", clearingHead + with(4, "5.00"), fate{0, 1, 1, foreign.BadField}},
		{"no amount", "clearing.csv", clearingHead + with(4, ""), fate{0, 1, 1, foreign.BadField}},
		{"huge amount", "clearing.csv", clearingHead + with(4, "99999999999999999999"), fate{0, 1, 1, foreign.BadField}},
		{"another amount than 9F02", "clearing.csv", clearingHead + with(4, "501"), fate{0, 1, 1, foreign.Contradicted}},
		{"letters for a card", "clearing.csv", clearingHead + with(0, "62280001000011AB"), fate{0, 1, 1, foreign.BadField}},
		{"short card", "clearing.csv", clearingHead + with(0, "62280001"), fate{0, 1, 1, foreign.BadField}},
		{"sequence number 100", "clearing.csv", clearingHead + with(1, "100"), fate{0, 1, 1, foreign.BadField}},
		{"sequence number 001", "clearing.csv", clearingHead + with(1, "001"), fate{1, 0, 1, 0}},
		{"sequence number 0", "clearing.csv", clearingHead + with(1, "0"), fate{1, 0, 1, 0}},
		{"no sequence number", "clearing.csv", clearingHead + with(1, ""), fate{1, 0, 1, 0}},
		{"sequence number 0 of a card with another", "clearing.csv", clearingHead + with(1, "0") + with(1, "1"), fate{2, 0, 1, 0}},
		{"two cards of the number", "clearing.csv", clearingHead + with(1, "") + with(1, "1") + with(1, "2"), fate{2, 1, 1, foreign.WhichCard}},
		{"no chip data", "clearing.csv", clearingHead + with(9, ""), fate{0, 1, 1, foreign.NoChipData}},
		{"chip data that are none", "clearing.csv", clearingHead + with(9, "XYZ"), fate{0, 1, 1, foreign.BadField}},
		{"chip data without a counter", "clearing.csv", clearingHead + with(9, "9F100807011103900000019F2608"), fate{0, 1, 1, foreign.BadField}},
		{"no balance in 9F10", "clearing.csv", clearingHead + with(9, "9F360200169F10080701110390000001"), fate{0, 1, 1, foreign.NoBalance}},
		{"an ARQC in a clearing file", "clearing.csv", clearingHead + with(9, field55("0010")), fate{0, 1, 1, foreign.Contradicted}},
		{"a payment in a dump", "f55.txt", "20261105080500 " + workedCard + "    01 " + field55("0016") + "\n", fate{0, 1, 0, foreign.NotPresented}},
		{"a short line in a dump", "f55.txt", "20261105080500 " + workedCard + "\n", fate{0, 1, 0, foreign.BadColumns}},
		{"a load with a TC", "loads.csv", loadsHead + "2026-11-05 08:00:00," + workedCard + ",01,0016,111.00,5.00,ok,," + field55("0016") + "\n", fate{0, 1, 1, foreign.WrongType}},
		{"a load of nothing", "loads.csv", loadsHead + "2026-11-05 08:00:00," + workedCard + ",01,0016,106.00,0,ok,,\n", fate{0, 1, 1, foreign.BadField}},
		{"an unknown result", "loads.csv", loadsHead + "2026-11-05 08:00:00," + workedCard + ",01,0016,106.00,5.00,perhaps,,\n", fate{0, 1, 1, foreign.BadField}},
		{"a counter of three bytes", "loads.csv", loadsHead + "2026-11-05 08:00:00," + workedCard + ",01,123456,106.00,5.00,ok,,\n", fate{0, 1, 1, foreign.BadField}},
		{"another counter than 9F36", "loads.csv", loadsHead + "2026-11-05 08:00:00," + workedCard + ",01,0011,20.00,100.00,ok,," + field55("0010") + "\n", fate{0, 1, 1, foreign.Contradicted}},
		{"another balance than 9F10", "loads.csv", loadsHead + "2026-11-05 08:00:00," + workedCard + ",01,0010,21.00,100.00,ok,," + field55("0010") + "\n", fate{0, 1, 1, foreign.Contradicted}},
		{"a load with all", "loads.csv", loadsHead + "2026-11-05 08:00:00," + workedCard + ",01,0010,20.00,100.00,ok,," + field55("0010") + "\n", fate{1, 0, 1, 0}},
		{"no pattern", "letter.doc", "a\n\nb", fate{0, 2, 1, foreign.NoPattern}},
		{"rubbish without a pattern", "core", "\x7FELF\x00\n\xFF\xFE", fate{0, 2, 0, foreign.NoPattern}},
		{"sealed", "IND26110501ICOM", "CCSF\x01\x02\n\x03", fate{0, 2, 0, foreign.Sealed}},
		{"a transaction file that is none", "IND26110501ICOM", "H 1\nabc\nT 1\n", fate{0, 3, 0, foreign.BadColumns}},
	} {
		r := run(t, foreign.Options{}, textFile{c.file, c.text})
		got := fate{r.Lines.Accepted, r.Lines.Refused, r.Lines.Other, 0}
		if len(r.Files[0].Reasons) > 0 {
			got.reason = r.Files[0].Reasons[0].Reason
		}
		if got != c.want {
			t.Errorf("%s: %+v, want %+v: %+v", c.name, got, c.want, r.Files[0].Reasons)
		}
	}
}

// What is refused is told once, with the line masked.
func TestRefusalsAreTold(t *testing.T) {
	var told []foreign.Refusal
	o := foreign.Options{Refused: func(r foreign.Refusal) { told = append(told, r) }}
	wide := "\xFF\xFE" + strings.Join(strings.Split(workedCard, ""), "\x00") + "\x00"
	r := run(t, o, textFile{"clearing.csv", clearingHead + good + with(4, "x") + with(9, "")}, textFile{"a.b", "6228000100001117\n\x1b[31m=1+1"}, textFile{"loads.csv", wide})
	if int64(len(told)) != r.Lines.Refused || len(told) != 5 || !strings.Contains(told[3].Text, "?622800******1117") {
		t.Fatalf("%d told, %d refused", len(told), r.Lines.Refused)
	}
	for _, x := range told {
		if text := fmt.Sprintf("%+v", x); strings.Contains(text, workedCard) || strings.ContainsAny(x.Text, "\x1b\n") {
			t.Errorf("%q", text)
		}
	}
	if told[0].Line != 3 || told[0].Detail == "" || !strings.HasPrefix(told[0].Text, "622800******1117,01,") {
		t.Errorf("%+v", told[0])
	}
	if text := fmt.Sprintf("%+v", r); strings.Contains(text, workedCard) {
		t.Error("the result holds a whole card number")
	}
}

// Lines are found again by their numbers, as they were told the first time.
func TestExcerpts(t *testing.T) {
	var got []string
	text := "\xEF\xBB\xBFa\n\n" + workedCard + ",x\r\n" + strings.Repeat("y", 300)
	err := foreign.Excerpts(strings.NewReader(text), []uint32{1, 3, 4, 9}, func(line uint32, text string) { got = append(got, fmt.Sprint(line, " ", text)) })
	if want := []string{"1 a", "3 622800******1117,x", "4 " + strings.Repeat("y", 200)}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%q, %v", got, err)
	}
	if err := foreign.Excerpts(broken{strings.NewReader(text)}, []uint32{9}, func(uint32, string) {}); err == nil {
		t.Error("a broken file is read without an error")
	}
}

// The order of files and lines makes no difference.
func TestOrder(t *testing.T) {
	want := summary(run(t, foreign.Options{Checkers: keys}, story(true)...))
	files := story(true)
	for range len(files) {
		files = append(files[1:], files[0])
		if got := summary(run(t, foreign.Options{Checkers: keys}, files...)); got != want {
			t.Errorf("%s\nwant\n%s", got, want)
		}
	}
	slices.Reverse(files)
	if got := summary(run(t, foreign.Options{Checkers: keys}, files...)); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
}

type broken struct{ text io.Reader }

func (b broken) Read(p []byte) (int, error) {
	n, err := b.text.Read(p)
	if errors.Is(err, io.EOF) {
		err = errors.New("the disk is gone")
	}
	return n, err
}

// A file that cannot be read to its end keeps what was read, and says so.
func TestBrokenFile(t *testing.T) {
	im := foreign.New(foreign.DefaultMapping(), foreign.Options{})
	if err := im.Add("clearing.csv", broken{strings.NewReader(clearingHead + good)}); err == nil || !strings.Contains(err.Error(), "line 3") {
		t.Errorf("%v", err)
	}
	im.Skip("link", "a link")
	r := im.Finish()
	if r.Lines.Accepted != 1 || r.Files[0].Note == "" || r.Files[1].Note == "" || r.Files[1].Lines != 0 {
		t.Errorf("%+v", r.Files)
	}
}

func TestMask(t *testing.T) {
	for _, c := range [][2]string{
		{"", ""}, {"12345678901", "12345678901"}, {"6228000100001117", "622800******1117"}, {"a6228000100001117b6228000100001117", "a622800******1117b622800******1117"},
		{"5A086228000100001117", "5A086228********1117"}, {"号6228000100001117", "号622800******1117"},
	} {
		if got := foreign.Mask(c[0]); got != c[1] {
			t.Errorf("%q: %q, want %q", c[0], got, c[1])
		}
	}
}
