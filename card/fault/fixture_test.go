package fault_test

import (
	"encoding/hex"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/card/fault"
	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/crypt/oda/devkeys"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/role/devcard"
	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// when is the time of the taps: 2026-11-22 in Beijing.
const when = 1795305600

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	check(t, err)
	return b
}

// bench is a card with a door in front, and a gate's kernel in front of that.
type bench struct {
	t     testing.TB
	chip  *card.Chip
	door  *fault.Door
	gate  *kernel.Machine
	notes []string
	sent  int
	last  fault.Outcome
}

// newBench makes a card of a profile behind the faults of a script.
func newBench(t testing.TB, profile, script string) *bench {
	t.Helper()
	r, err := devcard.Default(profile)
	check(t, err)
	img, err := devcard.Issue(r)
	check(t, err)
	b := &bench{t: t, chip: card.New()}
	b.chip.UseInterface(card.Auto)
	check(t, b.chip.Insert(img, nil))
	s, err := fault.Parse([]byte(script))
	check(t, err)
	b.door = fault.NewDoor(s, b.chip, b.chip.Memory())
	cas, err := devkeys.CAKeys()
	check(t, err)
	verifier, err := oda.NewVerifier(cas, 4)
	check(t, err)
	b.gate, err = kernel.New(&kernel.Config{
		TTQ: kernel.GateTTQ, Country: [2]byte{0x01, 0x56}, Currency: [2]byte{0x01, 0x56}, TerminalType: 0x26,
		AppVersion: [2]byte{0x00, 0x30}, AIDs: kernel.DebitCredit(), SM: true, Verify: verifier,
	})
	check(t, err)
	b.power()
	return b
}

func (b *bench) power() {
	b.t.Helper()
	check(b.t, b.chip.PowerOn(rand.NewChaCha8([32]byte{1})))
	b.door.PowerOn()
}

// send gives the door a command; nil for silence.
func (b *bench) send(cmd []byte) []byte {
	b.t.Helper()
	b.sent++
	out, o, err := b.door.Transmit(nil, cmd)
	check(b.t, err)
	b.notes, b.last = append(b.notes, o.Notes...), o
	if o.Silent {
		if len(out) != 0 {
			b.t.Fatalf("a silent card answers %X", out)
		}
		return nil
	}
	return out
}

// tap lets the gate take 1.23 yuan from the card.
func (b *bench) tap() kernel.Outcome {
	b.t.Helper()
	b.power()
	check(b.t, b.gate.Reset(kernel.Input{Amount: 123, UN: [4]byte{1, 2, 3, 4}, Time: when}))
	r := b.gate.Step(kernel.Event{Kind: kernel.Start})
	for range 64 {
		switch {
		case r.Outcome != nil:
			return *r.Outcome
		case r.Identified:
			r = b.gate.Step(kernel.Event{Kind: kernel.Continue})
		case r.RemoveCard:
			r = b.gate.Step(kernel.Event{Kind: kernel.CardRemoved})
		default:
			if out := b.send(r.Send); out != nil {
				r = b.gate.Step(kernel.Answered(out))
			} else {
				r = b.gate.Step(kernel.Event{Kind: kernel.CardLeft})
			}
		}
	}
	b.t.Fatal("the tap does not end")
	return kernel.Outcome{}
}

func (b *bench) balance() money.Fen { return b.chip.Inspect().Balance }

// noted tells whether some note holds a text.
func (b *bench) noted(text string) bool {
	for _, n := range b.notes {
		if strings.Contains(n, text) {
			return true
		}
	}
	return false
}

// split gives data and status word of an answer.
func split(t testing.TB, answer []byte) ([]byte, apdu.SW) {
	t.Helper()
	data, sw, err := apdu.ParseResponse(answer)
	check(t, err)
	return data, sw
}

func example(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "examples", "faults", name+".yaml"))
	check(t, err)
	return string(b)
}

// find gives an object of an answer's template.
func find(data []byte, path ...tlv.Tag) []byte {
	v, _ := tlv.Find(data, path...)
	return v
}
