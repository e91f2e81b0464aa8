package pcsctest

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/citycard/citycard/terminal/reader"
)

// atCard starts pcscd with the test card in slot 0, ready for other clients.
func atCard(t *testing.T) {
	t.Helper()
	d := Start(t)
	insert(t, d, 0, atrT0, atrT0)
	if err := open(t, "pcsc:0", reader.Doors{Wait: true}).Close(); err != nil {
		t.Fatal(err)
	}
}

func tourOf(t *testing.T) (commands, want [][]byte) {
	t.Helper()
	steps, err := Tour(testAID)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range steps {
		answer, ok := fixed[fmt.Sprintf("%X", s.Command)]
		if !ok {
			t.Fatalf("the test card has no answer to %X (%s)", s.Command, s.Name)
		}
		commands, want = append(commands, s.Command), append(want, unhex(answer))
	}
	return commands, want
}

// checkTour compares what a client got with what the card gave.
func checkTour(t *testing.T, client string, atr []byte, got, want [][]byte) {
	t.Helper()
	if !bytes.Equal(atr, atrT0) {
		t.Errorf("%s: ATR is %X, want %X", client, atr, atrT0)
	}
	if !slices.EqualFunc(got, want, bytes.Equal) {
		t.Errorf("%s got\n%X, want\n%X", client, got, want)
	}
}

func TestOpenSC(t *testing.T) {
	atCard(t)
	if out := Run(t, clientTime, "opensc-tool", "--list-readers"); !strings.Contains(out, ReaderName(0)) || !strings.Contains(out, ReaderName(1)) {
		t.Errorf("opensc-tool does not list both readers:\n%s", out)
	}
	commands, want := tourOf(t)
	atr, got := OpenSC(t, ReaderName(0), commands...)
	checkTour(t, "opensc-tool", atr, got, want)
}

func TestScriptor(t *testing.T) {
	atCard(t)
	_, want := tourOf(t)
	atr, got := Scriptor(t, ReaderName(0), testAID)
	checkTour(t, "scriptor", atr, got, want)
}

func TestPyScard(t *testing.T) {
	atCard(t)
	commands, want := tourOf(t)
	atr, exchanges := PyScard(t, ReaderName(0), testAID)
	var sent, got [][]byte
	for _, e := range exchanges {
		sent, got = append(sent, e.Command), append(got, e.Answer)
	}
	// The script goes by the card's own words and ends up on the same way.
	if !slices.EqualFunc(sent, commands, bytes.Equal) {
		t.Errorf("pyscard sent\n%X, want\n%X", sent, commands)
	}
	checkTour(t, "pyscard", atr, got, want)
}

func TestCardPeek(t *testing.T) {
	atCard(t)
	view, log := CardPeek(t, ReaderName(0))
	for _, want := range []struct {
		tag    string
		values []string
	}{
		{"4F", []string{"A000000333010106", "A000000333010106"}}, // in the directory, and where SFI 1 is read again
		{"82", []string{"7C00"}},
		{"9F36", []string{"0007"}},
		{"9F4F", []string{"9A039F2103"}},
	} {
		if got := PeekValues(view, want.tag); !slices.Equal(got, want.values) {
			t.Errorf("cardpeek understood %s as %q, want %q", want.tag, got, want.values)
		}
	}
	for _, want := range []string{"083000", "181500"} { // the times in the log
		if !strings.Contains(view, want) {
			t.Errorf("cardpeek shows no entry of the log with %s:\n%s\n%s", want, view, log)
		}
	}
}

func TestParsers(t *testing.T) {
	// Every length around those where the form of opensc-tool's output changes.
	for n := range 50 {
		data := bytes.Repeat([]byte{0x41}, n)
		var out strings.Builder
		out.WriteString("Sending: 00 B0 00 00 00 \nReceived (SW1=0x90, SW2=0x00)" + map[bool]string{true: ":"}[n > 0] + "\n")
		for i := 0; i < n; i += 16 {
			line := data[i:min(i+16, n)]
			digits := fmt.Sprintf("% X ", line)
			if i > 0 {
				digits = fmt.Sprintf("%-48s", digits)
			}
			out.WriteString(digits + string(line) + "\n")
		}
		got, err := parseOpenSC(out.String())
		if err != nil || len(got) != 1 || !bytes.Equal(got[0], append(data, 0x90, 0)) {
			t.Errorf("opensc-tool, %d bytes: %X, %v", n, got, err)
		}
	}
	got, err := parseScriptor("> RESET\n< OK: 3B 00 \n> 00 B2\n< 41 42 \n43 90 00 : Normal processing.\n> 00\n< 6D 00 : Wrong.\n")
	if want := [][]byte{{0x3B, 0}, {0x41, 0x42, 0x43, 0x90, 0}, {0x6D, 0}}; err != nil || !slices.EqualFunc(got, want, bytes.Equal) {
		t.Errorf("scriptor: %X, %v, want %X", got, err, want)
	}
	for _, out := range []string{"Received (SW1=0x90, SW2=0x00):\nZZ Z\n", "Received (SW1=0x90, SW2=0x00):\n4\n"} {
		if got, err := parseOpenSC(out); err == nil {
			t.Errorf("opensc-tool: %q gives %X", out, got)
		}
	}
	if got, err := parseScriptor("\n< no : "); err == nil {
		t.Errorf("scriptor: nonsense gives %X", got)
	}
}
