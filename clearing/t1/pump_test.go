package t1

import (
	"bytes"
	"errors"
	"testing"
)

func TestPumpKeepsOrderAndCopies(t *testing.T) {
	var got bytes.Buffer
	p := newPump(&got)
	var want []byte
	piece := make([]byte, 3)
	for i := range 1000 {
		piece[0], piece[1], piece[2] = byte(i), byte(i>>8), 7
		want = append(want, piece...)
		if n, err := p.Write(piece); n != 3 || err != nil {
			t.Fatal(n, err)
		}
	}
	if err := p.close(); err != nil || !bytes.Equal(got.Bytes(), want) {
		t.Errorf("%d bytes arrived, want %d: %v", got.Len(), len(want), err)
	}
}

type full struct{ left int }

var errFull = errors.New("disk full")

func (f *full) Write(b []byte) (int, error) {
	if f.left--; f.left < 0 {
		return 0, errFull
	}
	return len(b), nil
}

func TestPumpReportsAFailureAndNeverBlocks(t *testing.T) {
	p := newPump(&full{left: 2})
	var seen error
	for range 100 * pumpBuffers {
		if _, err := p.Write([]byte{1}); err != nil {
			seen = err
			break
		}
	}
	if !errors.Is(seen, errFull) {
		t.Errorf("writing went on: %v", seen)
	}
	if err := p.close(); !errors.Is(err, errFull) {
		t.Errorf("close: %v", err)
	}
}
