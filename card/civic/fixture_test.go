package civic_test

import (
	"encoding/hex"
	"io"
	mathrand "math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/citycard/citycard/card"
	"github.com/citycard/citycard/card/civic"
	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/crypt/cryptogram"
	"github.com/citycard/citycard/crypt/epurse"
	"github.com/citycard/citycard/wire/apdu"
)

// Master of the public worked examples, and the factors of their card.
const (
	master  = "0123456789ABCDEFFEDCBA9876543210"
	atrTail = "8660110000123456"
)

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

func random(seed byte) io.Reader { return mathrand.NewChaCha8([32]byte{seed}) }

// issue is that of the worked examples: one master for all keys.
func issue(t testing.TB) *civic.Issue {
	t.Helper()
	return &civic.Issue{
		Factors: map[string]epurse.Factor{
			"area": epurse.Factor([]byte("110000sx")), "atr": epurse.Factor(unhex(t, atrTail)),
			"region": epurse.Factor(unhex(t, "1100001100001100")), "number": epurse.Factor(unhex(t, "1000000100001117")),
		},
		Master: func(string) cryptogram.Key { return cryptogram.Key(unhex(t, master)) },
	}
}

func source(t testing.TB, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	check(t, err)
	return string(b)
}

func parse(t testing.TB, text string) *civic.Partition {
	t.Helper()
	p, err := civic.Parse([]byte(text))
	check(t, err)
	return p
}

// session talks to a chip with one partition, which is selected.
type session struct {
	t    testing.TB
	chip *card.Chip
	rand io.Reader
}

func insert(t testing.TB, p *civic.Partition, in *civic.Issue, rand io.Reader) *session {
	t.Helper()
	template, err := p.Template(in)
	check(t, err)
	img, err := card.Assemble(card.Parts{Applications: []cos.Template{template}, Root: p.AID()})
	check(t, err)
	s := &session{t, card.New(), rand}
	check(t, s.chip.Insert(img, nil))
	check(t, s.chip.PowerOn(rand))
	s.selects(p.AID())
	return s
}

// send gives data and status word; rest is put behind the header and Lc.
func (s *session) send(head string, rest ...byte) ([]byte, apdu.SW) {
	s.t.Helper()
	cmd := unhex(s.t, head)
	if len(rest) > 0 {
		cmd = append(append(cmd, byte(len(rest))), rest...)
	}
	out, err := s.chip.Transmit(nil, cmd)
	check(s.t, err)
	data, sw, err := apdu.ParseResponse(out)
	check(s.t, err)
	return data, sw
}

func (s *session) want(sw apdu.SW, head string, rest ...byte) []byte {
	s.t.Helper()
	data, got := s.send(head, rest...)
	if got != sw {
		s.t.Fatalf("%s%X: %v, want %v", head, rest, got, sw)
	}
	return data
}

func (s *session) selects(name []byte) []byte {
	s.t.Helper()
	return s.want(apdu.SWOK, "00A40400", name...)
}

// cardKey is a key of the examples' card.
func cardKey(t testing.TB, alg epurse.Alg, factors ...string) epurse.Key {
	t.Helper()
	in := issue(t)
	list := make([]epurse.Factor, len(factors))
	for i, f := range factors {
		list[i] = in.Factors[f]
	}
	return epurse.Diversify(alg, cryptogram.Key(unhex(t, master)), list...)
}

// authenticate proves a key of the plain form.
func (s *session) authenticate(alg epurse.Alg, k epurse.Key, number byte) {
	s.t.Helper()
	challenge := s.want(apdu.SWOK, "0084000008")
	c := epurse.Authentication(alg, k, challenge)
	s.want(apdu.SWOK, "008200"+hex.EncodeToString([]byte{number}), c[:]...)
}

// protected sends a command with a MAC under a new challenge.
func (s *session) protected(alg epurse.Alg, k epurse.Key, h epurse.Header, data []byte) apdu.SW {
	s.t.Helper()
	l := epurse.NewLine(alg, k, s.want(apdu.SWOK, "0084000004"))
	field, err := l.Protect(nil, h, data, false)
	check(s.t, err)
	_, sw := s.send(hex.EncodeToString(h[:]), field...)
	return sw
}
