package purse_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/citycard/citycard/card/purse"
)

// FuzzCommands gives a card commands in a row, each behind a length byte: it never
// fails, answers each with a status word, and its memory stays one that a card can
// have; money comes only with a MAC.
func FuzzCommands(f *testing.F) {
	for _, list := range [][]string{
		{"0020000003123456", "805000020B010000271011223344556610", "805200000B2026011509300000000000 04"},
		{"805003020B01000000001122334455660F", "80DC00F030", "805401000F000001232026011510111200000000 08"},
		{"0084000004", "841E0000046DED48C5", "8418000004AABBCCDD", "8416000004AABBCCDD"},
		{"00A40000023F01", "00B0950000", "00B201C417", "04B0951C04AABBCCDD06"},
		{"805E010007123456FF654321", "842400000CAABBCCDDAABBCCDDAABBCCDD", "80CA000009", "805A000602000108", "805C050210"},
	} {
		var seed []byte
		for _, c := range list {
			b := unhex(f, c)
			seed = append(append(seed, byte(len(b))), b...)
		}
		f.Add(seed)
	}
	profiles := []*purse.Profile{profile(f, "dev-tunion"), profile(f, "dev-cityunion")}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, p := range profiles {
			own := p.Template(p.Card())
			r := insert(t, own)
			r.choose(p.AID())
			opening := r.state()
			for rest := b; len(rest) > 1; {
				n := min(int(rest[0]), len(rest)-1)
				out, err := r.chip.Transmit(nil, rest[1:1+n])
				if err != nil || len(out) < 2 {
					t.Fatalf("%X gives %X, %v", rest[1:1+n], out, err)
				}
				rest = rest[1+n:]
			}
			if err := own.CheckMemory(r.chip.Memory().Settled(nil)); err != nil {
				t.Fatal(err)
			}
			if s := r.state(); s.ED != opening.ED || s.EP != opening.EP {
				t.Fatalf("money has moved without a MAC: %+v, was %+v", s, opening)
			}
		}
	})
}

// FuzzMemory gives a card any memory: it is refused, or the card works on with it.
func FuzzMemory(f *testing.F) {
	p := profile(f, "dev-tunion")
	own := p.Template(p.Card())
	f.Add(own.Personalise(nil))
	r := insert(f, own)
	r.choose(p.AID())
	spend(f, r, host{p.Spec(p.Card())})
	f.Add(r.chip.Memory().Settled(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		m := append([]byte(nil), b[:min(len(b), own.MemorySize())]...)
		m = append(m, make([]byte, own.MemorySize()-len(m))...)
		if err := own.CheckMemory(m); err != nil {
			return
		}
		r := insert(t, own)
		r.load(append([]byte{1}, bytes.TrimRight(m, "\x00")...))
		for _, c := range []string{"00A4040008A00000063201010500", "00200000", "805C000204", "805C050210", "00B201C417", "00B201F430", "00B21EF430", "805A000602000108",
			"0020000003123456", "805000020B010000000111223344556610", "805003020B01000000001122334455660F", "80DC02D081"} {
			if out, err := r.chip.Transmit(nil, unhex(t, c)); err != nil || len(out) < 2 {
				t.Fatalf("%s gives %X, %v", c, out, err)
			}
		}
	})
}

// FuzzProfile reads any text as a profile: what passes makes a card that starts.
func FuzzProfile(f *testing.F) {
	for _, name := range purse.EmbeddedNames() {
		f.Add(profileText(f, name))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := purse.ParseProfile(b)
		if err != nil {
			if !errors.Is(err, purse.ErrProfile) {
				t.Fatalf("error of another kind: %v", err)
			}
			return
		}
		own, err := purse.NewTemplate(p.Spec(p.Card()))
		if err != nil {
			t.Fatal(err)
		}
		if err := own.CheckMemory(own.Personalise(nil)); err != nil {
			t.Fatal(err)
		}
	})
}
