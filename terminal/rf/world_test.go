package rf_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/crypt/oda/devkeys"
	"github.com/citycard/citycard/money"
	"github.com/citycard/citycard/role/devcard"
	"github.com/citycard/citycard/terminal/kernel"
	"github.com/citycard/citycard/terminal/rf"
)

// noon is 2026-03-27 12:00 at UTC+8.
var noon = time.Date(2026, 3, 27, 4, 0, 0, 0, time.UTC).Unix()

// zeros is a card's random source: which numbers come does not change any length.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// newChip makes a powered development card.
func newChip(t testing.TB, profile string, side card.Interface) *card.Chip {
	t.Helper()
	r, err := devcard.Default(profile)
	if err != nil {
		t.Fatal(err)
	}
	img, err := devcard.Issue(r)
	if err != nil {
		t.Fatal(err)
	}
	chip := card.New()
	chip.UseInterface(side)
	if err := chip.Insert(img, nil); err != nil {
		t.Fatal(err)
	}
	if err := chip.PowerOn(zeros{}); err != nil {
		t.Fatal(err)
	}
	return chip
}

func newVerifier(t testing.TB) *oda.Verifier {
	t.Helper()
	cas, err := devkeys.CAKeys()
	if err != nil {
		t.Fatal(err)
	}
	v, err := oda.NewVerifier(cas, 4)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// newKernel is a gate's kernel, or with other qualifiers that of a shop; sm offers SM2
// and SM4.
func newKernel(t testing.TB, ttq [4]byte, sm bool) *kernel.Machine {
	t.Helper()
	return newKernelWith(t, ttq, sm, false)
}

// newKernelWith is newKernel that knows the low-value extension, if transit.
func newKernelWith(t testing.TB, ttq [4]byte, sm, transit bool) *kernel.Machine {
	t.Helper()
	m, err := kernel.New(&kernel.Config{
		TTQ: ttq, Country: [2]byte{0x01, 0x56}, Currency: [2]byte{0x01, 0x56}, TerminalType: 0x22,
		AppVersion: [2]byte{0x00, 0x30}, AIDs: kernel.DebitCredit(), SM: sm, Verify: newVerifier(t), Transit: transit,
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// tapOnce runs one transaction of the kernel with the chip and counts it. A command
// that cut says yes to is carried out, and its answer does not arrive.
func tapOnce(t testing.TB, m *kernel.Machine, chip *card.Chip, amount money.Fen, meter *rf.Meter, cut func(cmd []byte) bool) *kernel.Outcome {
	t.Helper()
	if err := m.Reset(kernel.Input{Amount: amount, Time: noon, UN: [4]byte{1, 2, 3, 4}}); err != nil {
		t.Fatal(err)
	}
	r := m.Step(kernel.Event{Kind: kernel.Start})
	for {
		switch {
		case r.Outcome != nil:
			return r.Outcome
		case r.Identified:
			r = m.Step(kernel.Event{Kind: kernel.Continue})
		case r.RemoveCard:
			r = m.Step(kernel.Event{Kind: kernel.CardRemoved})
		default:
			cmd := bytes.Clone(r.Send)
			answer, err := chip.Transmit(nil, cmd)
			if err != nil {
				t.Fatal(err)
			}
			if cut != nil && cut(cmd) {
				meter.Exchange(cmd, nil)
				r = m.Step(kernel.Event{Kind: kernel.CardLeft})
				continue
			}
			meter.Exchange(cmd, answer)
			r = m.Step(kernel.Answered(answer))
		}
	}
}
