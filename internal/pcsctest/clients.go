package pcsctest

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// clientTime is how long a client of PC/SC may take.
const clientTime = 30 * time.Second

// OpenSC sends commands with opensc-tool to the card in a reader and gives its ATR
// and the answers, status words included. Where the card says 61xx or 6Cxx,
// opensc-tool gives the complete answer.
func OpenSC(tb testing.TB, reader string, commands ...[]byte) (atr []byte, answers [][]byte) {
	tb.Helper()
	// The default driver sends nothing of its own.
	args := []string{"--card-driver", "default", "--reader", reader, "--atr"}
	for _, c := range commands {
		args = append(args, "--send-apdu", hex.EncodeToString(c))
	}
	out := Run(tb, clientTime, "opensc-tool", args...)
	first, rest, _ := strings.Cut(out, "\n")
	atr, err := hex.DecodeString(strings.ReplaceAll(first, ":", ""))
	if err == nil {
		answers, err = parseOpenSC(rest)
	}
	if err != nil || len(answers) != len(commands) {
		tb.Fatalf("opensc-tool: %d answers to %d commands, %v:\n%s", len(answers), len(commands), err, out)
	}
	return atr, answers
}

// parseOpenSC reads
//
//	Sending: 00 B2 01 0C 05
//	Received (SW1=0x90, SW2=0x00):
//	70 03 80 01 42 p...B
//
// A line of data has up to 16 bytes in hexadecimal, three places each, and then
// as letters; all but the first line are filled to 16 bytes before the letters.
func parseOpenSC(out string) (answers [][]byte, err error) {
	var data, sw []byte
	first := true
	end := func() {
		if sw != nil {
			answers = append(answers, append(data, sw...))
		}
		data, sw, first = nil, nil, true
	}
	for line := range strings.Lines(out) {
		line = strings.TrimRight(line, "\n")
		var sw1, sw2 byte
		if n, _ := fmt.Sscanf(line, "Received (SW1=0x%02X, SW2=0x%02X)", &sw1, &sw2); n == 2 {
			sw = []byte{sw1, sw2}
			continue
		}
		if strings.HasPrefix(line, "Sending:") {
			end()
			continue
		}
		if sw == nil || line == "" {
			continue
		}
		n := len(line) - 48
		if first {
			n = len(line) / 4
		}
		if n < 1 || n > 16 {
			return nil, fmt.Errorf("line %q", line)
		}
		b, err := hex.DecodeString(strings.ReplaceAll(line[:3*n], " ", ""))
		if err != nil {
			return nil, fmt.Errorf("line %q: %w", line, err)
		}
		data, first = append(data, b...), false
	}
	end()
	return answers, nil
}

// Scriptor resets the card in a reader, makes the [Tour] with scriptor and gives
// the ATR and the answers, status words included.
func Scriptor(tb testing.TB, reader string, aid []byte) (atr []byte, answers [][]byte) {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "tour.scriptor")
	if err := os.WriteFile(path, []byte(scriptorText(aid)), 0o644); err != nil {
		tb.Fatal(err)
	}
	out := Run(tb, clientTime, "scriptor", "-r", reader, path)
	list, err := parseScriptor(out)
	steps, serr := Tour(aid)
	if err != nil || serr != nil || len(list) != len(steps)+1 {
		tb.Fatalf("scriptor: %d answers to %d commands and a reset, %v, %v:\n%s", len(list), len(steps), err, serr, out)
	}
	return list[0], list[1:]
}

// parseScriptor reads
//
//	> 00 B2 01 0C 05
//	< 70 03 80 01 42 90 00 : Normal processing.
//
// where a long answer has several lines, and "OK: " begins that to a reset.
func parseScriptor(out string) (answers [][]byte, err error) {
	for _, part := range strings.Split(out, "\n< ")[1:] {
		if atr, ok := strings.CutPrefix(part, "OK: "); ok {
			part, _, _ = strings.Cut(atr, "\n")
		} else {
			part, _, _ = strings.Cut(part, ":")
		}
		b, err := hex.DecodeString(strings.Join(strings.Fields(part), ""))
		if err != nil {
			return nil, fmt.Errorf("answer %q: %w", part, err)
		}
		answers = append(answers, b)
	}
	return answers, nil
}

// Exchange is a command and its answer, status word included.
type Exchange struct{ Command, Answer []byte }

// PyScard makes the tour with pyscard, on a way that the script takes from the
// card. It fails the test if no directory of the card names the AID.
func PyScard(tb testing.TB, reader string, aid []byte) (atr []byte, exchanges []Exchange) {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "tour.py")
	if err := os.WriteFile(path, script("tour.py"), 0o644); err != nil {
		tb.Fatal(err)
	}
	// The system's Python, which apt-get installs pyscard for.
	out := Run(tb, clientTime, "/usr/bin/python3", path, reader, hex.EncodeToString(aid))
	for line := range strings.Lines(out) {
		f := strings.Fields(line)
		if len(f) != 2 {
			tb.Fatalf("pyscard: line %q of:\n%s", line, out)
		}
		answer, err := hex.DecodeString(f[1])
		if err != nil {
			tb.Fatalf("pyscard: line %q: %v", line, err)
		}
		if f[0] == "ATR" {
			atr = answer
			continue
		}
		command, err := hex.DecodeString(f[0])
		if err != nil {
			tb.Fatalf("pyscard: line %q: %v", line, err)
		}
		exchanges = append(exchanges, Exchange{command, answer})
	}
	return atr, exchanges
}

// CardPeek lets the EMV script of cardpeek read the card in a reader: the
// directory, every application in it, its data objects, files and log. It gives
// what cardpeek understood, as XML, and its own log.
func CardPeek(tb testing.TB, reader string) (view, log string) {
	tb.Helper()
	home := tb.TempDir()
	// The first run asks whether to make its folder, and then for one more word.
	setUp := &command{name: "cardpeek", args: []string{"-c", "-r", "pcsc://" + reader, "-e", "os.exit(0)"}, home: home, input: "1\n1\n"}
	setUp.must(tb, clientTime)
	scripts := filepath.Join(home, ".cardpeek", "scripts")
	if err := os.WriteFile(filepath.Join(scripts, "tour.lua"), script("tour.lua"), 0o644); err != nil {
		tb.Fatal(err)
	}
	xml := filepath.Join(home, "view.xml")
	tour := &command{
		name: "cardpeek", args: []string{"-c", "-r", "pcsc://" + reader, "-e", `dofile("tour.lua")`},
		home: home, dir: scripts, env: []string{"CARDPEEK_XML=" + xml},
	}
	out := tour.must(tb, clientTime)
	text, err := os.ReadFile(xml)
	if err != nil {
		tb.Fatalf("cardpeek: %v\n%s", err, out)
	}
	return string(bytes.ToValidUTF8(text, []byte("?"))), out
}

// PeekValues gives the values, in hexadecimal digits, of all objects with a tag in
// a view of [CardPeek], in the order in which cardpeek found them.
func PeekValues(view, tag string) []string {
	var list []string
	for _, node := range strings.Split(view, "<node>") {
		if !strings.Contains(node, `<attr name="id">`+tag+"</attr>") {
			continue
		}
		_, value, ok := strings.Cut(node, `<attr name="val" encoding="bytes">8:`)
		if digits, _, end := strings.Cut(value, "<"); ok && end {
			list = append(list, digits)
		}
	}
	return list
}
