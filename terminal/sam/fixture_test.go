package sam_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/card/psam"
	"github.com/citycard/citycard/crypt/epurse"
	"github.com/citycard/citycard/terminal/sam"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatalf("%q: %v", s, err)
	}
	return b
}

// counter is a random source that counts up.
type counter byte

func (c *counter) Read(p []byte) (int, error) {
	for i := range p {
		*c++
		p[i] = byte(*c)
	}
	return len(p), nil
}

// slot is the development module in a second slot, with what the terminal knows of it.
type slot struct {
	t      testing.TB
	chip   *card.Chip
	module *sam.Module
	log    []string // commands sent
	// answer, if set, changes what the module answers.
	answer func(n int, cmd, answer []byte) []byte
}

func spec(t testing.TB) psam.Spec {
	t.Helper()
	p, err := psam.Embedded("dev-psam")
	if err != nil {
		t.Fatal(err)
	}
	return p.Spec()
}

func insert(t testing.TB, s psam.Spec, l sam.Layout) *slot {
	t.Helper()
	img, err := psam.Image(s, nil)
	if err != nil {
		t.Fatal(err)
	}
	x := &slot{t: t, chip: card.New(), module: sam.New(l)}
	if err := x.chip.Insert(img, nil); err != nil {
		t.Fatal(err)
	}
	if err := x.chip.PowerOn(new(counter)); err != nil {
		t.Fatal(err)
	}
	return x
}

// ready is the development module, read by Start, with its counters at n.
func ready(t testing.TB, n uint32) *slot {
	t.Helper()
	s := spec(t)
	for i := range s.Applications {
		s.Applications[i].Counter = n
	}
	x := insert(t, s, sam.Usual)
	if _, err := x.do(x.module.Start()); err != nil {
		t.Fatal(err)
	}
	return x
}

// do carries a job out and gives the number of its commands.
func (x *slot) do(j *sam.Job) (int, error) {
	x.t.Helper()
	x.log = x.log[:0]
	n := 0
	for command, done, err := j.Next(nil); ; {
		if done {
			return n, err
		}
		n++
		if n > 40 {
			x.t.Fatal("a job does not end")
		}
		x.log = append(x.log, strings.ToUpper(hex.EncodeToString(command)))
		answer, failed := x.chip.Transmit(nil, command)
		if failed != nil {
			x.t.Fatal(failed)
		}
		if x.answer != nil {
			answer = x.answer(n, command, answer)
		}
		command, done, err = j.Next(answer)
	}
}

// must carries a job out that cannot fail.
func (x *slot) must(j *sam.Job) *sam.Job {
	x.t.Helper()
	if _, err := x.do(j); err != nil {
		x.t.Fatal(err)
	}
	return j
}

func (x *slot) sent() string { return strings.Join(x.log, "\n") }

// The purchase of the vectors: 2 yuan, transaction number 123 of the module.
var (
	card1 = sam.Card{Network: sam.TUnion, Issuer: epurse.Factor{1, 1, 0x10, 0, 1, 1, 0x10, 0}, Serial: epurse.Factor{0x31, 4, 0x81, 0, 0x10, 0, 0, 1}}
	stamp = epurse.Stamp{0x20, 0x26, 0x01, 0x15, 0x10, 0x11, 0x12}
)

func purchase() *sam.Purchase {
	return &sam.Purchase{Card: card1, Random: [4]byte{0x55, 0x66, 0x77, 0x88}, Sequence: 0x10, Amount: 200,
		Type: epurse.PurchaseEP, Stamp: stamp, Version: 1, Alg: epurse.TDES}
}

func trade() *epurse.Trade {
	return &epurse.Trade{Type: epurse.PurchaseEP, Amount: 200, Terminal: epurse.Terminal{0x11, 0x22, 0x33, 0x44, 0x55, 0x66}, Stamp: stamp, TerminalSeq: 0x123}
}

func mac(t testing.TB, s string) epurse.MAC { return epurse.MAC(unhex(t, s)) }

func same(t testing.TB, what string, got, want []byte) {
	t.Helper()
	if !bytes.Equal(got, want) {
		t.Errorf("%s: %X, want %X", what, got, want)
	}
}

func text(v any) string { return strings.ToUpper(fmt.Sprintf("%v %+v %#v %s %x", v, v, v, v, v)) }
