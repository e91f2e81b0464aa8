package reader_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/role/devcard"
	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/terminal/reader"
	"github.com/citycard/citycard/terminal/reader/recording"
	"github.com/citycard/citycard/txn"
)

var background = context.Background()

// byHand has a reset, a PIN, the same command twice, and a card that leaves.
const byHand = `{"session":"one","seq":1,"command":null,"atr":"3B00","response":null}
{"session":"one","seq":2,"command":"00A4040000","response":"6F009000"}
{"session":"one","seq":3,"command":"00200080080000000000000000","response":"63C2"}
{"session":"one","seq":4,"command":"80CA9F3600","response":"9F360200019000"}
{"session":"one","seq":5,"command":null,"atr":"3B00","response":null}
{"session":"one","seq":6,"command":"80CA9F3600","response":"9F360200029000"}
{"session":"one","seq":7,"command":"80AE800000","response":null}
`

func write(t testing.TB, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "card.jsonl")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func open(t testing.TB, name string, doors reader.Doors) reader.Card {
	t.Helper()
	c, err := reader.Open(background, name, doors)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func ExampleReplay() {
	list, err := recording.Parse([]byte(byHand))
	if err != nil {
		fmt.Println(err)
		return
	}
	c := reader.Replay(&list[0], false)
	answer, err := c.Transmit(context.Background(), nil, []byte{0x00, 0xA4, 0x04, 0x00, 0x00})
	fmt.Printf("%X %v\n", answer, err)
	_, err = c.Transmit(context.Background(), nil, []byte{0x80, 0xCA, 0x9F, 0x36, 0x00})
	fmt.Println(err)
	// Output:
	// 6F009000 <nil>
	// reader: playing the command 80CA9F3600 (5 bytes): the recording does not go on like this: exchange 3 of the recording is 0020008008 (13 bytes), the first difference is at byte 0; drive the terminal with the recorded amount, date and unpredictable number
}

// TestReplay plays a recording to its end, where the card leaves for good.
func TestReplay(t *testing.T) {
	c := open(t, "replay:"+write(t, byHand), reader.Doors{})
	if !bytes.Equal(c.ATR(), []byte{0x3B, 0}) {
		t.Errorf("ATR %X", c.ATR())
	}
	for _, row := range []struct{ cmd, want string }{
		{"00A4040000", "6F009000"}, {"0020008008" + "2612345FFFFFFFFF", "63C2"}, {"80CA9F3600", "9F360200019000"}, {"80CA9F3600", "9F360200029000"},
	} {
		got, err := c.Transmit(background, []byte("x"), unhex(t, row.cmd))
		if err != nil || string(got) != "x"+string(unhex(t, row.want)) {
			t.Errorf("%s: %X, %v", row.cmd, got, err)
		}
	}
	if _, err := c.Transmit(background, nil, []byte{1}); !errors.Is(err, reader.ErrCommand) {
		t.Errorf("one byte: %v", err)
	}
	for range 2 {
		if got, err := c.Transmit(background, []byte("x"), unhex(t, "80AE800000")); !errors.Is(err, reader.ErrCardGone) || string(got) != "x" {
			t.Errorf("where the card left: %X, %v", got, err)
		}
	}
	if _, err := c.Reset(background, reader.Cold); !errors.Is(err, reader.ErrCardGone) {
		t.Errorf("reset of a card that has left: %v", err)
	}
}

func TestReplayAgain(t *testing.T) {
	c := open(t, "replay:"+write(t, byHand), reader.Doors{})
	for range 2 {
		if _, err := c.Transmit(background, nil, unhex(t, "00A4040000")); err != nil {
			t.Error(err)
		}
		if atr, err := c.Reset(background, reader.Warm); err != nil || len(atr) != 2 {
			t.Errorf("%X, %v", atr, err)
		}
	}
	ended, cancel := context.WithCancel(background)
	cancel()
	if _, err := c.Transmit(ended, nil, unhex(t, "00A4040000")); !errors.Is(err, context.Canceled) {
		t.Errorf("a context that has ended: %v", err)
	}
	if _, err := c.Transmit(background, nil, unhex(t, "00A4040000")); !errors.Is(err, context.Canceled) {
		t.Errorf("after a broken exchange: %v", err)
	}
}

func TestReplayDiffers(t *testing.T) {
	path := write(t, byHand)
	for _, row := range []struct{ first, want string }{
		{"00A4040001", "at byte 4"}, {"00A404000000", "at byte 5"}, {"80AE800000", "exchange 2 of the recording is 00A4040000"},
	} {
		c := open(t, "replay:"+path, reader.Doors{})
		_, err := c.Transmit(background, nil, unhex(t, row.first))
		if !errors.Is(err, reader.ErrRecording) || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: %v, want %s", row.first, err, row.want)
		}
		if _, err := c.Transmit(background, nil, unhex(t, "00A4040000")); !errors.Is(err, reader.ErrRecording) {
			t.Errorf("%s, then the right one: %v", row.first, err)
		}
	}
	two := open(t, "replay:"+write(t, `{"seq":1,"command":"00A4040000","response":"9000"}`), reader.Doors{})
	for i, want := range []error{nil, reader.ErrCardGone} {
		if _, err := two.Transmit(background, nil, unhex(t, "00A4040000")); !errors.Is(err, want) {
			t.Errorf("command %d: %v", i, err)
		}
	}
	if two.ATR() != nil {
		t.Errorf("ATR %X", two.ATR())
	}
}

// TestReplayLenient: commands in any order, and the next of equal ones.
func TestReplayLenient(t *testing.T) {
	c := open(t, "replay:"+write(t, byHand), reader.Doors{Lenient: true})
	for i, row := range []struct{ cmd, want string }{
		{"80CA9F3600", "9F360200019000"}, {"80CA9F3600", "9F360200029000"}, {"00A4040000", "6F009000"}, {"80CA9F3600", "9F360200019000"},
	} {
		if got, err := c.Transmit(background, nil, unhex(t, row.cmd)); err != nil || !bytes.Equal(got, unhex(t, row.want)) {
			t.Errorf("%d, %s: %X, %v", i, row.cmd, got, err)
		}
	}
	if _, err := c.Transmit(background, nil, unhex(t, "80CA9F7900")); !errors.Is(err, reader.ErrRecording) {
		t.Errorf("a command that is not there: %v", err)
	}
}

func TestOpenReplay(t *testing.T) {
	path := write(t, byHand+strings.ReplaceAll(byHand, "one", "two"))
	open(t, "replay:"+path+"#two", reader.Doors{})
	for name, want := range map[string]error{
		path: reader.ErrRecording, path + "#three": reader.ErrRecording, path + "x": reader.ErrUnavailable, filepath.Dir(path): reader.ErrUnavailable,
		write(t, "x"): reader.ErrRecording, "": reader.ErrName, path + "x#one": reader.ErrUnavailable,
	} {
		_, err := reader.Open(background, "replay:"+name, reader.Doors{})
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
	}
	big := filepath.Join(t.TempDir(), "big")
	if err := os.WriteFile(big, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(big, reader.MaxRecording+1); err != nil {
		t.Fatal(err)
	}
	if _, err := reader.Open(background, "replay:"+big, reader.Doors{}); !errors.Is(err, reader.ErrUnavailable) {
		t.Errorf("a file that is too big: %v", err)
	}
	n, err := reader.ParseName("replay:a#b")
	if err != nil || n.Door != reader.Recording || n.String() != "replay:a#b" {
		t.Errorf("%v, %v", n, err)
	}
}

// chipCard is a development card in this process.
type chipCard struct{ chip *card.Chip }

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func newChipCard(t testing.TB, profile string) chipCard {
	t.Helper()
	r, err := devcard.Default(profile)
	if err != nil {
		t.Fatal(err)
	}
	img, err := devcard.Issue(r)
	if err != nil {
		t.Fatal(err)
	}
	c := chipCard{chip: card.New()}
	c.chip.UseInterface(card.Contactless)
	if err := c.chip.Insert(img, nil); err != nil {
		t.Fatal(err)
	}
	if err := c.chip.PowerOn(zeros{}); err != nil {
		t.Fatal(err)
	}
	return c
}

func (c chipCard) ATR() []byte { return c.chip.ATR() }

func (c chipCard) Transmit(_ context.Context, dst, cmd []byte) ([]byte, error) {
	return c.chip.Transmit(dst, cmd)
}

func (c chipCard) Reset(context.Context, reader.ResetKind) ([]byte, error) {
	c.chip.PowerOff()
	return c.ATR(), c.chip.PowerOn(zeros{})
}

func (c chipCard) Close() error {
	c.chip.PowerOff()
	return nil
}

// purchase is what the terminal of these tests puts into its commands.
var purchase = recording.Values{
	0x9F66: {0x28, 0, 0, 0x80}, 0x9F1A: {0x01, 0x56}, 0x5F2A: {0x01, 0x56}, 0x9F02: {0, 0, 0, 0, 3, 0},
	0x9F37: {1, 2, 3, 4}, 0x9A: {0x26, 0x03, 0x27}, 0x9C: {0},
}

// record taps a development card and gives what was recorded.
func record(t *testing.T, profile string, numbers recording.Numbers) (*recording.Session, *kernel.Outcome) {
	t.Helper()
	var out bytes.Buffer
	r, err := reader.Record(newChipCard(t, profile), &out, numbers, "sim:"+profile, "tap")
	if err != nil {
		t.Fatal(err)
	}
	o := drive(t, r, kernel.DebitCredit(), purchase, development(t))
	r.Note("the end")
	if out.Len() != 0 {
		t.Error("written before the numbers are known")
	}
	for range 2 {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
	list, err := recording.Parse(out.Bytes())
	if err != nil || len(list) != 1 {
		t.Fatalf("%d sessions, %v", len(list), err)
	}
	return &list[0], o
}

// TestRecordAndReplay: a recorded tap can be played again, in clear with the same
// end, masked with the same commands.
func TestRecordAndReplay(t *testing.T) {
	for _, profile := range []string{"sm", "3des", "dev-dual"} {
		s, o := record(t, profile, recording.Clear)
		if o.Result != kernel.Approved || s.Masked || s.Name != "tap" || s.Source != "sim:"+profile || len(s.ATR()) == 0 {
			t.Errorf("%s: %v, %v", profile, o.Result, s)
		}
		again := drive(t, reader.Replay(s, false), kernel.DebitCredit(), purchase, development(t))
		if again.Result != kernel.Approved || again.Data.AC != o.Data.AC || again.Data.Card != o.Data.Card {
			t.Errorf("%s, played: %v %v", profile, again.Result, again.Fault)
		}
		last := s.Exchanges[len(s.Exchanges)-1]
		if last.Note != "the end" {
			t.Errorf("%s: note %q", profile, last.Note)
		}

		masked, _ := record(t, profile, recording.Masked)
		if text := string(masked.Append(nil)); !masked.Masked || strings.Contains(text, devcard.DefaultPAN) {
			t.Errorf("%s: the number is in the recording", profile)
		}
		again = drive(t, reader.Replay(masked, false), kernel.DebitCredit(), purchase, development(t))
		if again.Result != kernel.Declined || again.Fault.Code != kernel.NotGenuine || len(masked.Exchanges) != len(s.Exchanges) {
			t.Errorf("%s, masked and played: %v %v", profile, again.Result, again.Fault)
		}
	}
}

// TestOwnCardCutAfterOptions: the conversation that ends as card lost before the
// answer to GET PROCESSING OPTIONS ends as doubt after it, wherever it is cut.
func TestOwnCardCutAfterOptions(t *testing.T) {
	whole, _ := record(t, "sm", recording.Clear)
	options := 0
	for i, x := range whole.Exchanges {
		if !x.Reset() && x.Command[1] == 0xA8 {
			options = i
		}
	}
	last := len(whole.Exchanges) - 1
	for i := 1; i <= last; i++ {
		cut := recording.Session{Exchanges: append([]recording.Exchange{}, whole.Exchanges[:i+1]...)}
		cut.Exchanges[i].Response = nil
		o := drive(t, reader.Replay(&cut, false), kernel.DebitCredit(), purchase, development(t))
		want := txn.LeftBeforeLast
		switch {
		case i <= options:
			want = txn.NoDoubt
		case i == last:
			want = txn.LastAnswerLost
		}
		if o.Result != kernel.Torn || o.Identified != (i > options) || o.Reason != want {
			t.Errorf("cut at exchange %d: %v, identified %v, %v; want %v", i, o.Result, o.Identified, o.Reason, want)
		}
	}
}

func TestRecordNeedsAChoice(t *testing.T) {
	if _, err := reader.Record(newChipCard(t, "sm"), &bytes.Buffer{}, 0, "", ""); !errors.Is(err, reader.ErrRecording) {
		t.Errorf("no choice about numbers: %v", err)
	}
}

// TestRecordKeepsNoPIN: a PIN is not even in a recording in clear; a lost answer and
// a reset are.
func TestRecordKeepsNoPIN(t *testing.T) {
	var out bytes.Buffer
	r, err := reader.Record(reader.Replay(mustParse(t, byHand), false), &out, recording.Clear, "", "")
	if err != nil {
		t.Fatal(err)
	}
	for _, cmd := range []string{"00A4040000", "00200080082612345FFFFFFFFF", "80CA9F3600", "80CA9F3600", "80AE800000"} {
		_, err = r.Transmit(background, nil, unhex(t, cmd))
	}
	if !errors.Is(err, reader.ErrCardGone) {
		t.Errorf("the end: %v", err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out.String(), "12345F") || strings.Contains(fmt.Sprintf("%v %+v", r, r), "12345") {
		t.Error("the PIN is in the recording")
	}
	s := mustParse(t, out.String())
	if n := len(s.Exchanges); n != 6 || !s.Exchanges[n-1].Lost() || !s.Exchanges[0].Reset() {
		t.Errorf("%d exchanges", n)
	}
}

func mustParse(t testing.TB, text string) *recording.Session {
	t.Helper()
	list, err := recording.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return &list[0]
}

// broken is a writer that fails.
type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestRecordTellsThatItFailed(t *testing.T) {
	r, err := reader.Record(newChipCard(t, "sm"), broken{}, recording.Masked, "", "")
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err == nil || !strings.Contains(err.Error(), "disk full") {
		t.Errorf("%v", err)
	}
}

// FuzzReplay plays any file against any commands: an error or an answer, and after
// an error nothing else than the same error.
func FuzzReplay(f *testing.F) {
	f.Add([]byte(byHand), []byte{0, 0xA4, 4, 0, 0}, false)
	f.Add([]byte(byHand), []byte{0x80, 0xCA, 0x9F, 0x36, 0}, true)
	f.Fuzz(func(t *testing.T, file, cmd []byte, lenient bool) {
		list, err := recording.Parse(file)
		if err != nil {
			return
		}
		for i := range list {
			c := reader.Replay(&list[i], lenient)
			var first error
			for range len(list[i].Exchanges) + 2 {
				got, err := c.Transmit(background, nil, cmd)
				switch {
				case err == nil && len(got) < 2:
					t.Fatalf("an answer of %d bytes", len(got))
				case first != nil && !errors.Is(err, first):
					t.Fatalf("%v, then %v", first, err)
				case err != nil && !errors.Is(err, reader.ErrCommand):
					first = err
				}
			}
		}
	})
}

// TestLostAnswerIsLostWhateverWasAsked: a card that left before it answered had left
// for another amount, too; another command is still refused.
func TestLostAnswerIsLostWhateverWasAsked(t *testing.T) {
	s := &recording.Session{Name: "lost", Exchanges: []recording.Exchange{{Seq: 1, Command: []byte{0x80, 0xA8, 0, 0, 3, 0x83, 1, 7, 0}}}}
	for _, c := range []struct {
		cmd  []byte
		kind error
	}{
		{[]byte{0x80, 0xA8, 0, 0, 3, 0x83, 1, 7, 0}, reader.ErrCardGone},
		{[]byte{0x80, 0xA8, 0, 0, 3, 0x83, 1, 9, 0}, reader.ErrCardGone},
		{[]byte{0x80, 0xA8, 0, 0, 4, 0x83, 2, 9, 9, 0}, reader.ErrRecording},
		{[]byte{0x80, 0xAE, 0, 0, 3, 0x83, 1, 7, 0}, reader.ErrRecording},
	} {
		if _, err := reader.Replay(s, false).Transmit(t.Context(), nil, c.cmd); !errors.Is(err, c.kind) {
			t.Errorf("%X: error %v, want %v", c.cmd, err, c.kind)
		}
	}
}
