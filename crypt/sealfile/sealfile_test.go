package sealfile_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/emmansun/gmsm/sm3"
	"pgregory.net/rapid"

	"github.com/citycard/citycard/crypt/oda"
	"github.com/citycard/citycard/crypt/sealfile"
)

const (
	headerSize = 20 + 113
	chunkSize  = 4 + sealfile.ChunkSize + 16
)

func key(t testing.TB, label string) *oda.SM2Private {
	t.Helper()
	k, err := oda.NewSM2Private(sm3.Sum([]byte(label)))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func seed(n byte) io.Reader { return rand.NewChaCha8([32]byte{n}) }

var header = sealfile.Header{Participant: 7, KeyID: 3, Window: 20778, Batch: 1, Kind: 2}

func seal(t testing.TB, text []byte, n byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := sealfile.NewWriter(&out, header, key(t, "participant").Public(), key(t, "network"), seed(n))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func open(t testing.TB, file io.Reader) ([]byte, error) {
	t.Helper()
	network, err := oda.NewSM2Public(key(t, "network").Public())
	if err != nil {
		t.Fatal(err)
	}
	r, err := sealfile.Open(file, func(h sealfile.Header) (sealfile.Unwrapper, error) {
		if h.Participant != 7 {
			return nil, errors.New("no such participant")
		}
		return key(t, "participant"), nil
	}, network)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

func text(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*7 + i>>8)
	}
	return b
}

func TestEveryLengthComesBack(t *testing.T) {
	for _, n := range []int{0, 1, sealfile.ChunkSize - 1, sealfile.ChunkSize, sealfile.ChunkSize + 1, 2 * sealfile.ChunkSize, 3*sealfile.ChunkSize + 5} {
		file := seal(t, text(n), 1)
		for name, r := range map[string]io.Reader{"whole": bytes.NewReader(file), "halves": iotest.HalfReader(bytes.NewReader(file))} {
			got, err := open(t, r)
			if err != nil || !bytes.Equal(got, text(n)) {
				t.Errorf("%d bytes, read in %s: %d bytes, %v", n, name, len(got), err)
			}
		}
		if want := headerSize + max(1, (n+sealfile.ChunkSize-1)/sealfile.ChunkSize)*20 + n + 96; len(file) != want {
			t.Errorf("%d bytes of text give a file of %d bytes, want %d", n, len(file), want)
		}
	}
}

func TestTheSameRandomnessGivesTheSameFile(t *testing.T) {
	a, b, c := seal(t, text(70000), 1), seal(t, text(70000), 1), seal(t, text(70000), 2)
	if !bytes.Equal(a, b) {
		t.Error("two files from the same randomness differ")
	}
	if bytes.Equal(a[headerSize:], c[headerSize:]) {
		t.Error("other randomness gives the same chunks")
	}
}

func TestTheDivisionOfWritesLeavesNoTrace(t *testing.T) {
	want := seal(t, text(200_000), 1)
	rapid.Check(t, func(rt *rapid.T) {
		var out bytes.Buffer
		w, err := sealfile.NewWriter(&out, header, key(t, "participant").Public(), key(t, "network"), seed(1))
		if err != nil {
			rt.Fatal(err)
		}
		for rest := text(200_000); len(rest) > 0; {
			n := min(len(rest), rapid.SampledFrom([]int{1, 1000, 65535, 65536, 65537, 150_000}).Draw(rt, "size"))
			if _, err := w.Write(rest[:n]); err != nil {
				rt.Fatal(err)
			}
			rest = rest[n:]
		}
		if err := w.Close(); err != nil {
			rt.Fatal(err)
		}
		if !bytes.Equal(out.Bytes(), want) {
			rt.Fatal("the file differs")
		}
	})
}

// Each row spoils a file of four chunks in one way and names the error and the
// place that the reader must find.
func TestSpoiledFilesAreRefusedWithThePlace(t *testing.T) {
	whole := seal(t, text(3*sealfile.ChunkSize+100), 1)
	other := seal(t, text(3*sealfile.ChunkSize+100), 9)
	at := func(i int) int { return headerSize + i*chunkSize }
	end := at(3) + 4 + 100 + 16
	chunk := func(f []byte, i int) []byte { return f[at(i):min(at(i+1), end)] }
	flip := func(i int) []byte {
		b := bytes.Clone(whole)
		b[i] ^= 1
		return b
	}
	for _, c := range []struct {
		name  string
		file  []byte
		want  error
		place string
	}{
		{"empty", nil, sealfile.ErrTruncated, "header at byte 0"},
		{"header cut", whole[:30], sealfile.ErrTruncated, "header at byte 30"},
		{"not sealed", []byte(strings.Repeat("plain text ", 30)), sealfile.ErrFormat, "header at byte 0"},
		{"version", flip(4), sealfile.ErrFormat, "header at byte 4"},
		{"suite", flip(5), sealfile.ErrFormat, "header at byte 5"},
		{"wrapped key of no bytes", append(bytes.Clone(whole[:18]), 0, 0), sealfile.ErrFormat, "header at byte 18"},
		{"window in the header", flip(15), sealfile.ErrChunk, "chunk 0 at byte 133"},
		{"wrapped key", flip(headerSize - 1), sealfile.ErrKey, "header at byte 20"},
		{"length of a chunk", flip(at(1) + 3), sealfile.ErrChunk, fmt.Sprintf("chunk 1 at byte %d", at(1))},
		{"text of a chunk", flip(at(1) + 1000), sealfile.ErrChunk, fmt.Sprintf("chunk 1 at byte %d", at(1))},
		{"last mark", flip(at(1)), sealfile.ErrChunk, fmt.Sprintf("chunk 1 at byte %d", at(1))},
		{"two chunks exchanged", slicesOf(whole[:at(1)], chunk(whole, 2), chunk(whole, 1), whole[at(3):]), sealfile.ErrChunk, "chunk 1"},
		{"chunk repeated", slicesOf(whole[:at(2)], whole[at(1):]), sealfile.ErrChunk, "chunk 2"},
		{"chunk left out", slicesOf(whole[:at(1)], whole[at(2):]), sealfile.ErrChunk, "chunk 1"},
		{"chunk of another file", slicesOf(whole[:at(1)], chunk(other, 1), whole[at(2):]), sealfile.ErrChunk, "chunk 1"},
		{"cut between chunks", whole[:at(2)], sealfile.ErrTruncated, fmt.Sprintf("chunk 2 at byte %d", at(2))},
		{"cut inside a chunk", whole[:at(2)+5000], sealfile.ErrTruncated, fmt.Sprintf("chunk 2 at byte %d", at(2))},
		{"chunks cut, trailer kept", slicesOf(whole[:at(3)], whole[end:]), sealfile.ErrChunk, "chunk 3"},
		{"trailer cut", whole[:len(whole)-1], sealfile.ErrTruncated, fmt.Sprintf("trailer at byte %d", end)},
		{"digest", flip(end + 3), sealfile.ErrDigest, fmt.Sprintf("trailer at byte %d", end)},
		{"signature", flip(len(whole) - 1), sealfile.ErrSignature, fmt.Sprintf("trailer at byte %d", end+32)},
		{"signature of another file", slicesOf(whole[:end], other[end:]), sealfile.ErrDigest, "trailer"},
		{"data behind", slicesOf(whole, []byte{0}), sealfile.ErrTrailing, fmt.Sprintf("trailer at byte %d", len(whole))},
		{"another participant", flip(7), nil, "no such participant"},
	} {
		_, err := open(t, bytes.NewReader(c.file))
		if err == nil || !strings.Contains(err.Error(), c.place) {
			t.Errorf("%s: %v, want a text with %q", c.name, err, c.place)
		}
		if c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
}

func slicesOf(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

func TestAnotherNetworkCannotSign(t *testing.T) {
	var out bytes.Buffer
	w, err := sealfile.NewWriter(&out, header, key(t, "participant").Public(), key(t, "forger"), seed(1))
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := open(t, &out); !errors.Is(err, sealfile.ErrSignature) {
		t.Errorf("a forged file: %v", err)
	}
}

func TestEveryFlippedBitOfASmallFileIsFound(t *testing.T) {
	file := seal(t, []byte("eleven fen"), 1)
	for i := range len(file) * 8 {
		b := bytes.Clone(file)
		b[i/8] ^= 1 << (i % 8)
		if _, err := open(t, bytes.NewReader(b)); err == nil {
			t.Errorf("byte %d, bit %d: nothing noticed", i/8, i%8)
		}
	}
}

func TestWriterReportsWhatTheStreamBelowReports(t *testing.T) {
	broken := errors.New("disk full")
	for _, allowed := range []int{0, 1, 2} {
		w, err := sealfile.NewWriter(&failing{left: allowed, err: broken}, header, key(t, "participant").Public(), key(t, "network"), seed(1))
		if err == nil {
			_, err = w.Write(text(100))
		}
		if err == nil {
			err = w.Close()
		}
		if !errors.Is(err, broken) {
			t.Errorf("after %d writes: %v", allowed, err)
		}
	}
	w, err := sealfile.NewWriter(io.Discard, header, key(t, "participant").Public(), key(t, "network"), seed(1))
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte{1}); err == nil {
		t.Error("a closed file took more")
	}
	if _, err := sealfile.NewWriter(io.Discard, header, [64]byte{1}, key(t, "network"), seed(1)); err == nil {
		t.Error("a public key that is no point was accepted")
	}
	if _, err := sealfile.NewWriter(io.Discard, header, key(t, "participant").Public(), key(t, "network"), bytes.NewReader(make([]byte, 5))); err == nil {
		t.Error("5 bytes of randomness were enough")
	}
}

type failing struct {
	left int
	err  error
}

func (f *failing) Write(p []byte) (int, error) {
	if f.left == 0 {
		return 0, f.err
	}
	f.left--
	return len(p), nil
}

func TestErrorsOfTheStreamBelowStayVisible(t *testing.T) {
	file := seal(t, text(100), 1)
	broken := errors.New("line dropped")
	for _, n := range []int{0, 25, headerSize, headerSize + 2, headerSize + 50, headerSize + 120, len(file)} {
		if _, err := open(t, io.MultiReader(bytes.NewReader(file[:n]), iotest.ErrReader(broken))); !errors.Is(err, broken) {
			t.Errorf("dropped after %d bytes: %v", n, err)
		}
	}
}

func FuzzOpen(f *testing.F) {
	file := seal(f, []byte("some text"), 1)
	f.Add(file)
	f.Add(seal(f, nil, 2))
	f.Add(file[:headerSize+4])
	long := bytes.Clone(file)
	binary.BigEndian.PutUint32(long[headerSize:], 0xFFFFFFFF)
	f.Add(long)
	f.Fuzz(func(t *testing.T, b []byte) {
		text, err := open(t, bytes.NewReader(b))
		if err != nil {
			var e *sealfile.Error
			if !errors.As(err, &e) && !strings.Contains(err.Error(), "no such participant") {
				t.Fatalf("error without a place: %v", err)
			}
			return
		}
		if !bytes.Equal(b, file) && string(text) != "" {
			t.Fatal("a file that the network did not sign was opened")
		}
	})
}

func BenchmarkSeal(b *testing.B) {
	w, err := sealfile.NewWriter(io.Discard, header, key(b, "participant").Public(), key(b, "network"), seed(1))
	if err != nil {
		b.Fatal(err)
	}
	block := text(1 << 20)
	b.SetBytes(1 << 20)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := w.Write(block); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	file := seal(b, text(8<<20), 1)
	b.SetBytes(8 << 20)
	for b.Loop() {
		if _, err := open(b, bytes.NewReader(file)); err != nil {
			b.Fatal(err)
		}
	}
}
