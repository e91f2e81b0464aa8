package psam_test

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/citycard/citycard/card/psam"
	"github.com/citycard/citycard/crypt/epurse"
	"github.com/citycard/citycard/wire/apdu"
)

func source(t testing.TB) []byte {
	t.Helper()
	b, err := os.ReadFile("profiles/dev-psam.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestEmbedded(t *testing.T) {
	if names := psam.EmbeddedNames(); !slices.Contains(names, "dev-psam") {
		t.Errorf("known are %v", names)
	}
	if _, err := psam.Embedded("dev-other"); !errors.Is(err, psam.ErrProfile) {
		t.Errorf("%v", err)
	}
	p := profile(t)
	if p.Name() != "dev-psam" {
		t.Errorf("name %q", p.Name())
	}
	img, err := p.Default()
	if err != nil {
		t.Fatal(err)
	}
	if want := unhex(t, "3BE4 00008031FE45 5053414D 46"); string(img.ATR()[:len(want)-1]) != string(want[:len(want)-1]) {
		t.Errorf("ATR %X", img.ATR())
	}
}

// TestIssue makes modules for terminals: each has its own number, and that enters
// MAC1.
func TestIssue(t *testing.T) {
	p := profile(t)
	answers := map[string]bool{}
	for i := range byte(3) {
		img, err := p.Image(psam.Issue{Serial: [10]byte{9: i}, Terminal: epurse.Terminal{0x20, 0x26, 5: i}})
		if err != nil {
			t.Fatal(err)
		}
		s := place(t, img, nil)
		s.gives(fmt.Sprintf("000000000000000000%02X0100", i), "00B0950000")
		s.gives(fmt.Sprintf("2026000000%02X", i), "00B0960006")
		s.union()
		answers[string(s.want(apdu.SWOK, initPurchase))] = true
	}
	if len(answers) != 3 {
		t.Errorf("%d different answers of three modules", len(answers))
	}
	s := place(t, must1(p.Default()), nil)
	s.gives("112233445566", "00B0960006")
}

func must1[T any](x T, err error) T {
	if err != nil {
		panic(err)
	}
	return x
}

func TestParseErrors(t *testing.T) {
	good := string(source(t))
	if _, err := psam.Parse([]byte(good)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ old, new, want string }{
		{"name: dev-psam", "name: [", "yaml"},
		{"name: dev-psam", "", "name"},
		{"serial: ", "cereal: ", "cereal"},
		{`terminal: "112233445566"`, `terminal: "1122334455"`, "terminal"},
		{"type: purchase", "type: sale", `"sale" is not known; known are both, encipher`},
		{"algorithm: sm4", "algorithm: aes", `"aes" is not known; known are 3des, sm4`},
		{"form: halves", "form: thirds", `"thirds" is not known`},
		{"levels: 2", "levels: 4", "levels"},
		{"value: 0123456789ABCDEFFEDCBA9876543210", "value: 0123", "value"},
		{`id: "8011"`, `id: "80"`, "id"},
		{`id: "8011"`, `id: "1001"`, "there twice"},
		{`id: "8011"`, `id: "3F00"`, "reserved"},
		{`sfi: "17"`, `sfi: "18"`, "not 18"},
		{`sfi: "17"`, `sfi: "1F"`, "01 to 1E"},
		{`{sfi: "19", size: 32`, `{sfi: "17", size: 32`, "file 17 is there twice"},
		{`{sfi: "19", size: 32`, `{sfi: "19", size: 257`, "size"},
		{`{type: purchase, index: "02"`, `{type: purchase, index: "01"`, "there twice"},
		{`levels: 1, value: 0123`, `levels: 0, value: 0123`, "level of diversification"},
		{"form: factor", "form: direct", ""},
		{"value: 8460AB6737D44232A631557FF8E5BEFD", "value: 0123456789ABCDEFFEDCBA9876543210", "needs a value of its own"},
		{"value: 8460AB6737D44232A631557FF8E5BEFD", "value: 0022456789ABCDEFFEDCBA9876543211", "needs a value of its own"}, // but for parity
	} {
		_, err := psam.Parse([]byte(strings.Replace(good, c.old, c.new, 1)))
		if c.want == "" {
			if err != nil {
				t.Errorf("%s: %v", c.new, err)
			}
			continue
		}
		if !errors.Is(err, psam.ErrProfile) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one about %s", c.new, err, c.want)
		}
	}
}

func TestSpecErrors(t *testing.T) {
	for name, change := range map[string]func(s *psam.Spec){
		"name":                func(s *psam.Spec) { s.Name = []byte{1} },
		"serial":              func(s *psam.Spec) { s.Serial = make([]byte, 31) },
		"no applications":     func(s *psam.Spec) { s.Applications = nil },
		"key of the MF":       func(s *psam.Spec) { s.Key = &psam.KeySpec{Type: psam.TypeMAC} },
		"application's name":  func(s *psam.Spec) { s.Applications[0].Name = []byte{1, 2} },
		"name of the module":  func(s *psam.Spec) { s.Applications[0].Name = s.Name },
		"name twice":          func(s *psam.Spec) { s.Applications[0].Name = s.Applications[2].Name },
		"protected by no key": func(s *psam.Spec) { s.Applications[0].Keys = nil },
		"too many files":      func(s *psam.Spec) { s.Applications[0].Files = make([]psam.FileSpec, 17) },
		"key type": func(s *psam.Spec) {
			s.Applications[0].Keys = append(slices.Clone(s.Applications[0].Keys), psam.KeySpec{Type: 9})
		},
		"key algorithm": func(s *psam.Spec) {
			s.Applications[0].Keys = append(slices.Clone(s.Applications[0].Keys), psam.KeySpec{Type: psam.TypeMAC, Alg: 7})
		},
		"form of a purchase key": func(s *psam.Spec) {
			s.Applications[0].Keys = append(slices.Clone(s.Applications[0].Keys), psam.KeySpec{Type: psam.TypePurchase, Index: 9, Levels: 1, Form: psam.FormHalves})
		},
		"process factor of a MAC key": func(s *psam.Spec) {
			s.Applications[0].Keys = append(slices.Clone(s.Applications[0].Keys), psam.KeySpec{Type: psam.TypeMAC, Index: 9, Form: psam.FormFactor})
		},
		"levels of the module's key": func(s *psam.Spec) {
			k := *s.Key
			k.Levels = 1
			s.Key = &k
		},
		"purchase key that enciphers": func(s *psam.Spec) {
			s.Applications[1].Keys = []psam.KeySpec{s.Applications[1].Keys[0], {Type: psam.TypeBoth, Index: 9, Levels: 2, Value: epurse.Key(purchaseMaster)}}
		},
		"two module keys": func(s *psam.Spec) {
			s.Applications[0].Keys = append(slices.Clone(s.Applications[0].Keys), psam.KeySpec{Type: psam.TypeModule, Index: 9})
		},
	} {
		s := spec(t, 0)
		change(&s)
		if _, err := psam.New(s); !errors.Is(err, psam.ErrSpec) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestRedacted prints everything that holds keys in every way.
func TestRedacted(t *testing.T) {
	p := profile(t)
	template, err := psam.New(p.Spec())
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []any{p, *p, template, *template, p.Spec(), p.Spec().Applications[0].Keys[1]} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%x", "%s"} {
			text := strings.ToUpper(fmt.Sprintf(verb, x))
			for _, secret := range []string{"0123456789ABCDEF", "1 35 69 103", "0X1, 0X23"} {
				if strings.Contains(text, secret) {
					t.Errorf("%T with %s shows a key: %s", x, verb, text)
				}
			}
		}
	}
}
