package reconimport_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/citycard/citycard/sim/sample"
	"github.com/citycard/citycard/wire/files"
)

// disturbances change how the files look and nothing of what they say. extra is the number
// of lines that a disturbance adds and that must be refused.
var disturbances = []struct {
	name    string
	disturb func([]sample.File, *rand.Rand) (out []sample.File, extra int64)
}{
	{"shuffled lines", func(list []sample.File, rng *rand.Rand) ([]sample.File, int64) {
		return eachBody(list, func(_ sample.File, head, body, tail [][]byte) [][]byte {
			rng.Shuffle(len(body), func(i, k int) { body[i], body[k] = body[k], body[i] })
			return slices.Concat(head, body, tail)
		}), 0
	}},
	{"CRLF and blank lines", func(list []sample.File, rng *rand.Rand) ([]sample.File, int64) {
		return eachBody(list, func(_ sample.File, head, body, tail [][]byte) [][]byte {
			lines := slices.Concat(head, body, tail)
			for i := range lines {
				lines[i] = append(bytes.Clone(lines[i]), '\r')
			}
			return append(lines, []byte(""), []byte("  \t\r"))
		}), 0
	}},
	{"no newline at the end", func(list []sample.File, _ *rand.Rand) ([]sample.File, int64) {
		return each(list, func(f sample.File) sample.File { return sample.File{Name: f.Name, Data: bytes.TrimRight(f.Data, "\n")} }), 0
	}},
	{"all in UTF-8", func(list []sample.File, _ *rand.Rand) ([]sample.File, int64) {
		return each(list, func(f sample.File) sample.File {
			if !utf8.Valid(f.Data) {
				f.Data, _ = files.AppendUTF8(nil, f.Data)
			}
			return f
		}), 0
	}},
	{"all in GBK", func(list []sample.File, _ *rand.Rand) ([]sample.File, int64) {
		return each(list, func(f sample.File) sample.File {
			f.Data = bytes.TrimPrefix(f.Data, []byte("\xEF\xBB\xBF"))
			if gbk, bad := files.AppendGBK(nil, f.Data); bad == 0 && utf8.Valid(f.Data) {
				f.Data = gbk
			}
			return f
		}), 0
	}},
	{"byte order marks", func(list []sample.File, _ *rand.Rand) ([]sample.File, int64) {
		return each(list, func(f sample.File) sample.File {
			if utf8.Valid(f.Data) && !bytes.HasPrefix(f.Data, []byte("\xEF\xBB\xBF")) {
				f.Data = append([]byte("\xEF\xBB\xBF"), f.Data...)
			}
			return f
		}), 0
	}},
	{"split files", func(list []sample.File, rng *rand.Rand) ([]sample.File, int64) {
		var out []sample.File
		for _, f := range list {
			head, body, tail := frame(f)
			cut := rng.IntN(len(body) + 1)
			a, b := slices.Concat(head, body[:cut]), slices.Concat(head, body[cut:], tail)
			name, ending, _ := strings.Cut(f.Name, ".")
			out = append(out, sample.File{Name: name + "-part1." + ending, Data: join(a)}, sample.File{Name: name + "-part2." + ending, Data: join(b)})
		}
		return out, 0
	}},
	{"joined files", func(list []sample.File, _ *rand.Rand) ([]sample.File, int64) {
		all := map[string]*sample.File{}
		var names []string
		for _, f := range list {
			kind, _, _ := strings.Cut(f.Name, "-")
			name := kind + "-all.csv"
			if strings.HasPrefix(f.Name, "IND") {
				name = "IND" + strings.TrimLeft(strings.TrimSuffix(f.Name, ".again")[3:], "0123456789")
			}
			if strings.HasPrefix(f.Name, "f55") {
				name = "f55-all.txt"
			}
			if all[name] == nil {
				all[name] = &sample.File{Name: name}
				names = append(names, name)
			}
			all[name].Data = append(all[name].Data, bytes.TrimPrefix(f.Data, []byte("\xEF\xBB\xBF"))...)
		}
		var out []sample.File
		for _, n := range names {
			out = append(out, *all[n])
		}
		return out, 0
	}},
	{"other names, folders", func(list []sample.File, rng *rand.Rand) ([]sample.File, int64) {
		return each(list, func(f sample.File) sample.File {
			name := f.Name
			if rng.IntN(2) == 0 {
				name = strings.ToUpper(name)
			}
			f.Name = fmt.Sprintf("%s/%d/%s", []string{"in", "总行"}[rng.IntN(2)], rng.IntN(3), name)
			return f
		}), 0
	}},
	{"names without dates", func(list []sample.File, _ *rand.Rand) ([]sample.File, int64) {
		var out []sample.File
		for i, f := range list {
			if kind, _, ok := strings.Cut(f.Name, "-"); ok {
				f.Name = fmt.Sprintf("%s-no-%d%s", kind, i, f.Name[len(f.Name)-4:])
			}
			out = append(out, f)
		}
		return out, 0
	}},
	{"rubbish between the lines", func(list []sample.File, rng *rand.Rand) ([]sample.File, int64) {
		extra := int64(0)
		rubbish := [][]byte{[]byte("x"), []byte("\x00\x01\x02"), []byte("6228480000000000000,,,,"), bytes.Repeat([]byte("9"), 400), []byte("\xFF\xFF\xFF"), []byte("T 1"), []byte(`"`)}
		out := eachBody(list, func(f sample.File, head, body, tail [][]byte) [][]byte {
			at := rng.IntN(len(body) + 1)
			extra++
			return slices.Concat(head, slices.Insert(slices.Clone(body), at, rubbish[rng.IntN(len(rubbish))]), tail)
		})
		return out, extra
	}},
	{"files of other kinds", func(list []sample.File, _ *rand.Rand) ([]sample.File, int64) {
		return append(slices.Clone(list), sample.File{Name: "readme.txt", Data: []byte("two\nlines")}, sample.File{Name: "logo.png", Data: []byte("\x89PNG\r\n\x1a\n\x00\x00")},
			sample.File{Name: "empty.csv"}), 5
	}},
}

func each(list []sample.File, f func(sample.File) sample.File) []sample.File {
	out := make([]sample.File, len(list))
	for i := range list {
		out[i] = f(list[i])
	}
	return out
}

// frame takes a file apart: header line, lines, trailer line.
func frame(f sample.File) (head, body, tail [][]byte) {
	body = bytes.Split(bytes.TrimSuffix(f.Data, []byte("\n")), []byte("\n"))
	if strings.HasSuffix(f.Name, ".txt") {
		return nil, body, nil
	}
	head, body = body[:1], body[1:]
	if strings.HasPrefix(f.Name, "IND") {
		body, tail = body[:len(body)-1], body[len(body)-1:]
	}
	return head, body, tail
}

func join(lines [][]byte) []byte { return append(bytes.Join(lines, []byte("\n")), '\n') }

func eachBody(list []sample.File, f func(file sample.File, head, body, tail [][]byte) [][]byte) []sample.File {
	return each(list, func(file sample.File) sample.File {
		head, body, tail := frame(file)
		return sample.File{Name: file.Name, Data: join(f(file, head, slices.Clone(body), tail))}
	})
}

// However the files are arranged and written, they say the same.
func TestDisturbed(t *testing.T) {
	list, truth, err := sample.Make(sample.Options{Seed: 77, Cards: 60})
	if err != nil {
		t.Fatal(err)
	}
	harden(truth)
	soften(t, truth, importFiles(t, list, true), list)
	for i, d := range disturbances {
		t.Run(d.name, func(t *testing.T) {
			disturbed, extra := d.disturb(list, rand.New(rand.NewPCG(uint64(i), 9)))
			r := importFiles(t, disturbed, true)
			if diff := cmp.Diff(truth, view(r)); diff != "" {
				t.Errorf("(-truth +import):\n%s", diff)
			}
			if r.Lines.Refused != extra {
				t.Errorf("%d lines refused, want the %d that were added", r.Lines.Refused, extra)
			}
			for _, f := range r.Files {
				if f.Lines != f.Headers+f.Trailers+f.Blank+f.Accepted+f.Refused {
					t.Errorf("%s: a line has no fate, or two: %+v", f.Name, f)
				}
			}
		})
	}
}
