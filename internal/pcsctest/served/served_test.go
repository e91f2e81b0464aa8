package served

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/citycard/citycard/internal/pcsctest"
	"github.com/citycard/citycard/terminal/reader"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// The tests below put the program's own card, citycard card serve, behind pcscd
// and let the programs of others read it.

var servedAID = unhex("A000000333010101")

// program builds citycard once for all tests of the package.
var program = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "citycard-pcsctest-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "citycard")
	out, err := exec.Command("go", "build", "-o", path, "github.com/citycard/citycard/cmd/citycard").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build citycard: %w\n%s", err, out)
	}
	return path, nil
})

// serve starts pcscd with a card of a profile in slot 0.
func serve(t *testing.T, args ...string) {
	t.Helper()
	d := pcsctest.Start(t)
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	card := exec.Command(path, append([]string{"card", "serve", "--vpcd", d.Slot(0)}, args...)...)
	card.Stdout, card.Stderr = &log, &log
	if err := card.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// Without its reader the card would only look for it again.
		if err := card.Process.Signal(os.Interrupt); err != nil {
			t.Errorf("ending the card: %v", err)
		}
		if err := card.Wait(); err != nil {
			t.Errorf("the card ended with %v:\n%s", err, log.String())
		}
	})
	if err := open(t).Close(); err != nil {
		t.Fatal(err)
	}
}

// answer sends a command that must be answered 9000.
func answer(t *testing.T, card reader.Card, cmd []byte) []byte {
	t.Helper()
	out, err := card.Transmit(soon(t), nil, cmd)
	if err != nil {
		t.Fatalf("sending %X: %v", cmd, err)
	}
	data, sw, err := apdu.ParseResponse(out)
	if err != nil || sw != apdu.SWOK {
		t.Fatalf("%X was answered %X", cmd, out)
	}
	return data
}

func selectCommand(name []byte) []byte {
	cmd := append([]byte{0x00, 0xA4, 0x04, 0x00, byte(len(name))}, name...)
	return append(cmd, 0x00)
}

// pay makes a qPBOC payment of some fen, below one yuan, at an offline reader.
func pay(t *testing.T, card reader.Card, fen byte) {
	t.Helper()
	answer(t, card, selectCommand([]byte("2PAY.SYS.DDF01")))
	fci := answer(t, card, selectCommand(servedAID))
	raw, ok := tlv.Find(fci, tlv.TagFCITemplate, tlv.TagFCIProprietary, tlv.TagPDOL)
	if !ok {
		t.Fatalf("no PDOL in %X", fci)
	}
	dol, err := tlv.ParseDOL(raw)
	if err != nil {
		t.Fatal(err)
	}
	values, err := dol.Append(nil, func(tag tlv.Tag) []byte {
		switch tag {
		case tlv.TagTTQ:
			return unhex("28000080")
		case tlv.TagAmountAuthorised:
			return []byte{0, 0, 0, 0, 0, fen/10<<4 | fen%10}
		case tlv.TagTransactionCurrency, tlv.TagTerminalCountry:
			return unhex("0156")
		case tlv.TagTransactionDate:
			return unhex("261121")
		case tlv.TagUN:
			return unhex("0A0B0C0D")
		case tlv.TagSMSupport:
			return unhex("01")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	cmd, err := apdu.Command{CLA: 0x80, INS: 0xA8, Data: tlv.Append(nil, 0x83, values), Le: 256}.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	gpo := answer(t, card, cmd)
	afl, ok := tlv.Find(gpo, tlv.TagResponseFormat2, tlv.TagAFL)
	if !ok {
		t.Fatalf("the card did not approve: %X", gpo)
	}
	for e := range slices.Chunk(afl, 4) {
		for n := e[1]; n <= e[2]; n++ {
			answer(t, card, []byte{0x00, 0xB2, n, e[0] | 4, 0x00})
		}
	}
}

// TestServedCard: after two payments every client finds the directories, the
// balance, the counter and both entries of the log.
func TestServedCard(t *testing.T) {
	for _, profile := range []string{"dev-3des", "dev-sm", "livelihood"} {
		t.Run(profile, func(t *testing.T) {
			serve(t, "--profile", profile)
			card := open(t)
			pay(t, card, 30)
			pay(t, card, 12)
			if err := card.Close(); err != nil {
				t.Fatal(err)
			}
			t.Run("opensc-tool", func(t *testing.T) {
				steps, err := pcsctest.Tour(servedAID)
				if err != nil {
					t.Fatal(err)
				}
				var commands [][]byte
				for _, s := range steps {
					commands = append(commands, s.Command)
				}
				_, got := pcsctest.OpenSC(t, pcsctest.ReaderName(0), commands...)
				checkServed(t, got)
			})
			t.Run("scriptor", func(t *testing.T) {
				_, got := pcsctest.Scriptor(t, pcsctest.ReaderName(0), servedAID)
				checkServed(t, got)
			})
			t.Run("pyscard", func(t *testing.T) {
				_, exchanges := pcsctest.PyScard(t, pcsctest.ReaderName(0), servedAID)
				var got [][]byte
				for _, e := range exchanges {
					got = append(got, e.Answer)
				}
				checkServed(t, got)
			})
			t.Run("cardpeek", checkPeek)
		})
	}
}

// checkServed looks at the answers to the tour, which are in its order.
func checkServed(t *testing.T, got [][]byte) {
	t.Helper()
	if len(got) != 10 {
		t.Fatalf("%d answers, want 10: %X", len(got), got)
	}
	for i, a := range got {
		want := []byte{0x90, 0x00}
		if i == 6 {
			want = []byte{0x6A, 0x88} // the place of the log stands in the FCI
		}
		if !bytes.HasSuffix(a, want) {
			t.Errorf("answer %d is %X, want ... %X", i+1, a, want)
		}
	}
	if !bytes.Contains(got[3], unhex("9F4D020B0A")) {
		t.Errorf("the FCI %X does not say where the log is", got[3])
	}
	for i, want := range map[int]string{
		0: "4F08A000000333010101",        // the PPSE names the application
		2: "4F08A000000333010101",        // and the PSE's directory
		3: "8408A000000333010101",        // the application's name
		4: "9F7906000000099958" + "9000", // 100000 less 42 fen
		5: "9F36020002" + "9000",
		8: "000000000012", // the newest entry of the log
		9: "000000000030",
	} {
		if !bytes.Contains(got[i], unhex(want)) {
			t.Errorf("answer %d is %X, without %s", i+1, got[i], want)
		}
	}
}

// checkPeek lets cardpeek's EMV script read the card: it starts from the PSE.
func checkPeek(t *testing.T) {
	view, log := pcsctest.CardPeek(t, pcsctest.ReaderName(0))
	if got := pcsctest.PeekValues(view, "4F"); !slices.Contains(got, "A000000333010101") {
		t.Errorf("cardpeek found the applications %q\n%s", got, log)
	}
	// cardpeek asks for processing options too, which uses a counter of the card
	// that takes them: not of the SM card, whose PDOL it fills with zeros.
	if got := pcsctest.PeekValues(view, "9F36"); !slices.Equal(got, []string{"0002"}) && !slices.Equal(got, []string{"0003"}) {
		t.Errorf("cardpeek understood the counter as %q", got)
	}
	for _, want := range []string{"A000000333010101", "6228000100001117"} {
		if !strings.Contains(view, want) {
			t.Errorf("cardpeek shows no %s", want)
		}
	}
}

// TestServedRemoved: what a client was told is on a card whose process was killed.
func TestServedRemoved(t *testing.T) {
	d := pcsctest.Start(t)
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	state := filepath.Join(t.TempDir(), "card.state")
	for paid := range byte(3) {
		card := exec.Command(path, "card", "serve", "--vpcd", d.Slot(0), "--profile", "dev-sm", "--state", state)
		if err := card.Start(); err != nil {
			t.Fatal(err)
		}
		r := open(t)
		answer(t, r, selectCommand(servedAID))
		want := fmt.Sprintf("9F79060000000999%02d", 100-10*int(paid))
		if paid == 0 {
			want = "9F7906000000100000"
		}
		if got := answer(t, r, unhex("80CA9F7900")); !bytes.Equal(got, unhex(want)) {
			t.Errorf("after %d payments and kills the balance is %X, want %s", paid, got, want)
		}
		pay(t, r, 10)
		if err := card.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = card.Wait()
		_ = r.Close()
		time.Sleep(500 * time.Millisecond) // pcscd looks for cards a few times a second
	}
}
