package foreign_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/citycard/citycard/recon/foreign"
	"github.com/citycard/citycard/recon/timeline"
)

// Whatever a file holds, each of its lines has one fate, no card number comes out whole,
// and nothing panics.
func FuzzAdd(f *testing.F) {
	com, chip := t1(f, "0016", "0017")
	for _, file := range append(story(true), com, chip, textFile{"x.bin", "\x00\xFF\n\n"}) {
		f.Add(file.name, []byte(file.text), false)
		f.Add(file.name, []byte(file.text[:len(file.text)/2]), true)
	}
	f.Fuzz(func(t *testing.T, name string, text []byte, withKeys bool) {
		refused := int64(0)
		o := foreign.Options{Params: timeline.DefaultParams(), Refused: func(foreign.Refusal) { refused++ }}
		if withKeys {
			o.Checkers = keys
		}
		im := foreign.New(foreign.DefaultMapping(), o)
		for _, n := range []string{name, "f55.txt", "clearing.csv", "IND26110501IIC"} {
			if err := im.Add(n, bytes.NewReader(text)); err != nil {
				t.Fatal(err)
			}
		}
		r := im.Finish()
		r.Localise("zh")
		for _, file := range r.Files {
			lines := int64(bytes.Count(text, []byte("\n")))
			if len(text) > 0 && text[len(text)-1] != '\n' {
				lines++
			}
			if file.Lines != lines || lines != file.Headers+file.Trailers+file.Blank+file.Accepted+file.Refused {
				t.Fatalf("%d lines: %+v", lines, file)
			}
		}
		if refused != r.Lines.Refused {
			t.Fatalf("%d refused, %d told", r.Lines.Refused, refused)
		}
		if strings.Contains(fmt.Sprintf("%+v", r), workedCard) {
			t.Fatal("a whole card number comes out")
		}
	})
}

func FuzzParseMapping(f *testing.F) {
	f.Add(foreign.DefaultMappingText())
	f.Add([]byte(foreignMapping))
	f.Add([]byte("files:\n  - {match: \"a*\", kind: f55, layout: csv}\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := foreign.ParseMapping(text)
		if err != nil {
			return
		}
		im := foreign.New(m, foreign.Options{Params: timeline.DefaultParams()})
		for _, name := range []string{"a", "loads.csv", "f55.txt"} {
			if err := im.Add(name, strings.NewReader(good+"a|b|c\n6228000100001117    1793944800 001A 00004400 00001000 ok\n")); err != nil {
				t.Fatal(err)
			}
		}
		im.Finish()
	})
}
