package evidence_test

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/emmansun/gmsm/sm3"

	"github.com/citycard/citycard/crypt/party"
	"github.com/citycard/citycard/recon/evidence"
)

func TestPackShowsWhatHappened(t *testing.T) {
	w := newWorld(t)
	for _, redact := range []bool{false, true} {
		pack := w.pack(t, redact)
		if !bytes.Equal(pack, w.pack(t, redact)) {
			t.Fatal("the same input gave another pack")
		}
		r, err := evidence.Verify(pack, &w.roots)
		if err != nil {
			t.Fatal(err)
		}
		var text strings.Builder
		for i := range r.Lines {
			l := &r.Lines[i]
			fmt.Fprintf(&text, "%s | %s | %s | %s\n", l.Member, l.By, l.ResultText("en"), l.Text("en"))
			fmt.Fprintf(&text, "    %s %s\n", l.ResultText("zh"), l.Text("zh"))
		}
		name := "testdata/open.txt"
		if redact {
			name = "testdata/redacted.txt"
		}
		golden(t, name, text.String())
		if got := bytes.Contains(pack, w.card.PAN[:8]); got == redact {
			t.Errorf("redacted %v: account number in the pack: %v", redact, got)
		}
	}
}

// golden compares with a file; UPDATE=1 writes it.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.FromSlash(name)
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != got {
		t.Errorf("%s differs; UPDATE=1 writes it. Got:\n%s", name, got)
	}
}

// The layout must not change without notice: whoever has a pack must be able to check
// it for years.
func TestPackOfToday(t *testing.T) {
	const name = "testdata/pack.zip"
	w := newWorld(t)
	pack := w.pack(t, false)
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(name, pack, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	stored, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := evidence.Verify(stored, &w.roots); err != nil {
		t.Errorf("the stored pack: %v", err)
	}
	if !bytes.Equal(stored, pack) {
		t.Error("the pack has other bytes than testdata/pack.zip; if that is meant, UPDATE=1 writes it")
	}
}

func TestEveryByteCounts(t *testing.T) {
	w := newWorld(t)
	for _, redact := range []bool{false, true} {
		pack := w.pack(t, redact)
		for i := range pack {
			pack[i] ^= 1 << (i % 8)
			_, err := evidence.Verify(pack, &w.roots)
			if !errors.Is(err, evidence.ErrPack) {
				t.Fatalf("redacted %v, byte %d of %d altered: %v", redact, i, len(pack), err)
			}
			pack[i] ^= 1 << (i % 8)
		}
		for _, cut := range []int{0, 1, 30, len(pack) / 2, len(pack) - 1} {
			if _, err := evidence.Verify(pack[:cut], &w.roots); !errors.Is(err, evidence.ErrPack) {
				t.Errorf("cut to %d bytes: %v", cut, err)
			}
		}
		for _, longer := range [][]byte{append(bytes.Clone(pack), 0), append([]byte{0}, pack...)} {
			if _, err := evidence.Verify(longer, &w.roots); !errors.Is(err, evidence.ErrPack) {
				t.Errorf("with a byte more: %v", err)
			}
		}
	}
}

// file is one member of a pack, read by the standard library.
type file struct {
	name string
	data []byte
}

func unzip(t testing.TB, pack []byte) []file {
	r, err := zip.NewReader(bytes.NewReader(pack), int64(len(pack)))
	if err != nil {
		t.Fatal(err)
	}
	var out []file
	for _, f := range r.File {
		in, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, file{f.Name, b})
	}
	return out
}

// resign packs members again with a new manifest, signed by the issuer: a pack as an
// issuer would make it that lies.
func (w *world) resign(t testing.TB, files []file, redacted bool) []byte {
	type entry struct {
		Name string `json:"name"`
		Size int    `json:"size"`
		SM3  string `json:"sm3"`
	}
	m := struct {
		Format   string  `json:"format"`
		Redacted bool    `json:"redacted"`
		Rows     int     `json:"rows"`
		Members  []entry `json:"members"`
	}{"citycard evidence pack 1", redacted, 3, nil}
	sign := func(b []byte) []byte { return must(party.Sign(w.in.IssuerKey, b, &stream{}))(t) }
	var statement []byte
	for _, f := range files {
		if f.name == "statement.json" {
			statement = f.data
		}
	}
	for i, f := range files {
		switch f.name {
		case "manifest.json", "manifest.sig":
			continue
		case "statement.sig":
			files[i].data = sign(statement)
		}
		m.Members = append(m.Members, entry{f.name, len(files[i].data), fmt.Sprintf("%x", sm3.Sum(files[i].data))})
	}
	text := append(must(json.MarshalIndent(m, "", " "))(t), '\n')
	for i, f := range files {
		switch f.name {
		case "manifest.json":
			files[i].data = text
		case "manifest.sig":
			files[i].data = sign(text)
		}
	}
	return evidence.EncodeZip(names(files))
}

func names(files []file) (names []string, data [][]byte) {
	for _, f := range files {
		names, data = append(names, f.name), append(data, f.data)
	}
	return names, data
}

// Even the issuer, who signs the pack, cannot alter what terminal and card have signed,
// nor a conclusion that does not follow.
func TestIssuerCannotLieAboutOthers(t *testing.T) {
	w := newWorld(t)
	for _, redact := range []bool{false, true} {
		pack := w.pack(t, redact)
		if _, err := evidence.Verify(w.resign(t, unzip(t, pack), redact), &w.roots); err != nil {
			t.Fatalf("signed again without a change: %v", err)
		}
		for n, f := range unzip(t, pack) {
			if f.name == "README.txt" || strings.HasPrefix(f.name, "manifest") || strings.HasPrefix(f.name, "statement") {
				continue
			}
			for i := 0; i < len(f.data); i += 1 + len(f.data)/16 {
				files := unzip(t, pack)
				files[n].data[i] ^= 0x04
				if _, err := evidence.Verify(w.resign(t, files, redact), &w.roots); !errors.Is(err, evidence.ErrPack) {
					t.Fatalf("redacted %v: byte %d of %s altered and signed by the issuer: %v", redact, i, f.name, err)
				}
			}
			files := unzip(t, pack)
			files = append(files[:n], files[n+1:]...)
			if _, err := evidence.Verify(w.resign(t, files, redact), &w.roots); !errors.Is(err, evidence.ErrPack) && !strings.HasSuffix(f.name, "next.bin") {
				t.Errorf("redacted %v: without %s: %v", redact, f.name, err)
			}
		}
	}
}

func TestStatementMustFollow(t *testing.T) {
	w := newWorld(t)
	pack := w.pack(t, false)
	for _, c := range []struct{ name, old, new, want string }{
		{"value before", `"before_fen": 11600`, `"before_fen": 11700`, "does not say what row"},
		{"outcome", `"outcome": "decided"`, `"outcome": "undecided"`, "does not follow"},
		{"who paid", `"committed": "yes",` + "\n   \"missed_fen\": 0", `"committed": "no",` + "\n   \"missed_fen\": 0", "does not follow"},
		{"limit", `"limit_fen": 50000`, `"limit_fen": 60000`, "differences of its rows"},
		{"refund", `"state": "proven",` + "\n   \"amount_fen\": 300", `"state": "proven",` + "\n   \"amount_fen\": 301", "does not follow"},
		{"another row", `"row": 1`, `"row": 2`, "row"},
		{"words", `"cryptogram": "right"`, `"cryptogram": "rigth"`, "right, wrong or absent"},
		{"kind of log", `"kind": "load"`, `"kind": "paid"`, "issuer's log"},
		{"order", `"atc": 16`, `"atc": 26`, "order"},
		{"card", `"card": "622800******1117/01"`, `"card": "622800******1118/01"`, "is of card"},
		{"issuer", `"issuer": "00000001"`, `"issuer": "00000002"`, "certs/statement.cer"},
		{"not neighbours", `"p": 18,` + "\n   \"q\": 20", `"p": 18,` + "\n   \"q\": 21", "no neighbours"},
		{"spaces", `"pairs": [`, `"pairs":  [`, "one form"},
		{"twice", `"limit_fen": 50000,`, `"limit_fen": 50000, "limit_fen": 50000,`, "one form"},
		{"unknown", `"limit_fen": 50000,`, `"limit_fen": 50000, "x": 1,`, "unknown field"},
	} {
		files := unzip(t, pack)
		for i, f := range files {
			if f.name == "statement.json" {
				if !bytes.Contains(f.data, []byte(c.old)) {
					t.Fatalf("%s: %q is not in the statement:\n%s", c.name, c.old, f.data)
				}
				files[i].data = bytes.Replace(f.data, []byte(c.old), []byte(c.new), 1)
			}
		}
		_, err := evidence.Verify(w.resign(t, files, false), &w.roots)
		if !errors.Is(err, evidence.ErrPack) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", c.name, err, c.want)
		}
	}
}

func TestOtherRootsTrustNothing(t *testing.T) {
	w := newWorld(t)
	pack := w.pack(t, false)
	roots := w.roots
	roots.CA = nil
	if _, err := evidence.Verify(pack, &roots); !errors.Is(err, evidence.ErrPack) || !strings.Contains(err.Error(), "9F4B.bin") {
		t.Errorf("without CA keys: %v", err)
	}
	roots = w.roots
	strange := must(party.NewDev(func(label string) [32]byte { return sm3.Sum([]byte(label)) }))(t)
	roots.Party = strange.Root()
	if _, err := evidence.Verify(pack, &roots); !errors.Is(err, evidence.ErrPack) || !strings.Contains(err.Error(), "statement.cer") {
		t.Errorf("with another root: %v", err)
	}
}

// Rows of two cards whose masked numbers are the same are not of one card, even if the
// issuer says so.
func TestAnotherCardBehindTheSameMask(t *testing.T) {
	w, other := newWorld(t), newWorld(t)
	files := unzip(t, w.pack(t, false))
	other.card.PAN[4] ^= 0x01 // a digit that the mask hides
	other.rows[1].Card = other.card
	other.in = evidence.Input{}
	other.input(t)
	if _, err := evidence.Build(&other.in); err == nil || !strings.Contains(err.Error(), "it is of card") {
		t.Errorf("build: %v", err)
	}
	other.in.Rows, other.in.Verdicts, other.in.Breaks = other.in.Rows[1:2], nil, nil
	alone := unzip(t, other.pack(t, false))
	leaf := func(files []file) (f *file, leaves [][]byte) {
		for i := range files {
			if files[i].name == "statement.json" {
				return &files[i], regexp.MustCompile(`"leaf": "[0-9a-f]{64}"`).FindAll(files[i].data, -1)
			}
		}
		t.Fatal("no statement")
		return nil, nil
	}
	statement, mine := leaf(files)
	_, its := leaf(alone)
	statement.data = bytes.Replace(statement.data, mine[1], its[0], 1)
	for i := range files {
		for _, a := range alone {
			if files[i].name == strings.Replace(a.name, "rows/01/", "rows/02/", 1) && strings.HasPrefix(a.name, "rows/") {
				files[i].data = a.data
			}
		}
	}
	if _, err := evidence.Verify(w.resign(t, files, false), &w.roots); !errors.Is(err, evidence.ErrPack) || !strings.Contains(err.Error(), "another card than row 1") {
		t.Errorf("verify: %v", err)
	}
}

// Names that a ZIP program would put elsewhere, twice, or in another order.
func TestHostileNames(t *testing.T) {
	for _, list := range [][]string{
		{"../README.txt"}, {"/README.txt"}, {"README.txt", "README.txt"}, {"a", "README.txt"}, {"README.txt", "b", "a"},
		{"README.txt", "a//b"}, {"README.txt", "a/../b"}, {"README.txt", `a\b`}, {"README.txt", "a/b/c/d"}, {"README.txt", ".a"}, {"README.txt", ""},
		{"README.txt", strings.Repeat("a", 70)}, {"README.txt", "C:x"}, {"README.txt", "a\x00b"},
	} {
		pack := evidence.EncodeZip(list, make([][]byte, len(list)))
		if _, err := evidence.Verify(pack, &newWorld(t).roots); !errors.Is(err, evidence.ErrPack) {
			t.Errorf("%q: %v", list, err)
		}
	}
}

func FuzzVerify(f *testing.F) {
	w := newWorld(f)
	f.Add(w.pack(f, false))
	f.Add(w.pack(f, true))
	f.Add(evidence.EncodeZip([]string{"README.txt"}, [][]byte{nil}))
	good := [2][]byte{w.pack(f, false), w.pack(f, true)}
	f.Fuzz(func(t *testing.T, b []byte) {
		_, err := evidence.Verify(b, &w.roots)
		if err == nil && !bytes.Equal(b, good[0]) && !bytes.Equal(b, good[1]) {
			t.Fatal("a file that Build did not make verifies")
		}
		if err != nil && !errors.Is(err, evidence.ErrPack) {
			t.Fatal(err)
		}
	})
}

func FuzzDecodeStatement(f *testing.F) {
	w := newWorld(f)
	for _, m := range unzip(f, w.pack(f, false)) {
		if m.name == "statement.json" {
			f.Add(m.data)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := evidence.DecodeStatement(b)
		if err != nil {
			return
		}
		if again, err := s.Encode(); err != nil || !bytes.Equal(again, b) {
			t.Fatal("a statement has two forms")
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	w := newWorld(b)
	pack := w.pack(b, false)
	for b.Loop() {
		if _, err := evidence.Verify(pack, &w.roots); err != nil {
			b.Fatal(err)
		}
	}
}
