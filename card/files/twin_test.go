package files_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/citycard/citycard/card/cos"
	"github.com/citycard/citycard/wire/apdu"
)

// open is a card whose files everybody may use.
func open() cos.FileSystemSpec {
	return cos.FileSystemSpec{MF: cos.FileSpec{Kind: cos.DF, ID: cos.MasterFile, Children: []cos.FileSpec{
		{Kind: cos.Transparent, ID: 1, SFI: 1, Size: 40},
		{Kind: cos.Fixed, ID: 2, SFI: 2, RecordLength: 3, Capacity: 5},
		{Kind: cos.Variable, ID: 3, SFI: 3, RecordLength: 5, Capacity: 4},
		{Kind: cos.Cyclic, ID: 4, SFI: 4, RecordLength: 3, Capacity: 4},
		{Kind: cos.Cyclic, ID: 5, SFI: 5, RecordLength: 1, Capacity: 1},
	}}}
}

// twin holds the same files as plain slices.
type twin struct {
	binary  []byte
	records map[int][][]byte // by SFI, in the order of record numbers
}

func (w *twin) capacity(sfi int) int { return map[int]int{2: 5, 3: 4, 4: 4, 5: 1}[sfi] }

func (w *twin) fits(sfi int, b []byte) bool {
	switch sfi {
	case 3:
		return len(b) >= 1 && len(b) <= 5
	case 5:
		return len(b) == 1
	}
	return len(b) == 3
}

func (w *twin) readBinary(offset, le int) ([]byte, apdu.SW) {
	left := len(w.binary) - offset
	switch {
	case left <= 0:
		return nil, apdu.SWWrongOffset
	case le == 256:
		return w.binary[offset:], apdu.SWOK
	case le > left:
		return nil, 0x6C00 | apdu.SW(left)
	}
	return w.binary[offset : offset+le], apdu.SWOK
}

func (w *twin) updateBinary(offset int, b []byte) apdu.SW {
	switch {
	case offset >= len(w.binary):
		return apdu.SWWrongOffset
	case offset+len(b) > len(w.binary):
		return apdu.SWNoSpace
	}
	copy(w.binary[offset:], b)
	return apdu.SWOK
}

func (w *twin) misfit(sfi int) apdu.SW {
	if sfi == 3 {
		return apdu.SWNoSpace
	}
	return apdu.SWWrongLength
}

func (w *twin) update(sfi, n int, b []byte) apdu.SW {
	switch {
	case !w.fits(sfi, b):
		return w.misfit(sfi)
	case n > len(w.records[sfi]):
		return apdu.SWRecordNotFound
	}
	w.records[sfi][n-1] = bytes.Clone(b)
	return apdu.SWOK
}

func (w *twin) add(sfi int, b []byte) apdu.SW {
	list := w.records[sfi]
	switch {
	case !w.fits(sfi, b):
		return w.misfit(sfi)
	case sfi < 4 && len(list) == w.capacity(sfi):
		return apdu.SWNoSpace
	case sfi < 4:
		w.records[sfi] = append(list, bytes.Clone(b))
		return apdu.SWOK
	}
	list = slices.Insert(list, 0, bytes.Clone(b))
	w.records[sfi] = list[:min(len(list), w.capacity(sfi))]
	return apdu.SWOK
}

// TestTwin compares the application with plain slices over random commands and
// power failures between them.
func TestTwin(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := insert(t, rootName, open())
		w := &twin{binary: make([]byte, 40), records: map[int][][]byte{}}
		rt.Repeat(map[string]func(*rapid.T){
			"read binary": func(rt *rapid.T) {
				offset, le := rapid.IntRange(0, 45).Draw(rt, "offset"), rapid.IntRange(1, 256).Draw(rt, "le")
				data, sw := s.do(fmt.Sprintf("00B081%02X%02X", offset, byte(le)))
				if want, wantSW := w.readBinary(offset, le); sw != wantSW || !bytes.Equal(data, want) {
					rt.Fatalf("%X %v, want %X %v", data, sw, want, wantSW)
				}
			},
			"update binary": func(rt *rapid.T) {
				offset, b := rapid.IntRange(0, 45).Draw(rt, "offset"), rapid.SliceOfN(rapid.Byte(), 1, 45).Draw(rt, "data")
				_, sw := s.do(fmt.Sprintf("00D681%02X%02X%X", offset, len(b), b))
				if want := w.updateBinary(offset, b); sw != want {
					rt.Fatalf("%v, want %v", sw, want)
				}
			},
			"read record": func(rt *rapid.T) {
				sfi, n := rapid.IntRange(2, 5).Draw(rt, "sfi"), rapid.IntRange(1, 7).Draw(rt, "number")
				data, sw := s.do(fmt.Sprintf("00B2%02X%02X00", n, sfi<<3|4))
				want, wantSW := []byte(nil), apdu.SWRecordNotFound
				if n <= len(w.records[sfi]) {
					want, wantSW = w.records[sfi][n-1], apdu.SWOK
				}
				if sw != wantSW || !bytes.Equal(data, want) {
					rt.Fatalf("%X %v, want %X %v", data, sw, want, wantSW)
				}
			},
			"read all": func(rt *rapid.T) {
				sfi, n := rapid.IntRange(2, 5).Draw(rt, "sfi"), rapid.IntRange(1, 7).Draw(rt, "from")
				data, sw := s.do(fmt.Sprintf("00B2%02X%02X00", n, sfi<<3|5))
				want, wantSW := []byte(nil), apdu.SWRecordNotFound
				if list := w.records[sfi]; n <= len(list) {
					want, wantSW = bytes.Join(list[n-1:], nil), apdu.SWOK
				}
				if sw != wantSW || !bytes.Equal(data, want) {
					rt.Fatalf("%X %v, want %X %v", data, sw, want, wantSW)
				}
			},
			"update record": func(rt *rapid.T) {
				sfi, n := rapid.IntRange(2, 5).Draw(rt, "sfi"), rapid.IntRange(1, 7).Draw(rt, "number")
				b := rapid.SliceOfN(rapid.Byte(), 1, 6).Draw(rt, "data")
				_, sw := s.do(fmt.Sprintf("00DC%02X%02X%02X%X", n, sfi<<3|4, len(b), b))
				if want := w.update(sfi, n, b); sw != want {
					rt.Fatalf("%v, want %v", sw, want)
				}
			},
			"append record": func(rt *rapid.T) {
				sfi := rapid.IntRange(2, 5).Draw(rt, "sfi")
				b := rapid.SliceOfN(rapid.Byte(), 1, 6).Draw(rt, "data")
				cmd := fmt.Sprintf("00E200%02X%02X%X", sfi<<3, len(b), b)
				if sfi > 3 && rapid.Bool().Draw(rt, "as update") {
					cmd = fmt.Sprintf("00DC00%02X%02X%X", sfi<<3|3, len(b), b)
				}
				_, sw := s.do(cmd)
				if want := w.add(sfi, b); sw != want {
					rt.Fatalf("%v, want %v", sw, want)
				}
			},
			"power": func(rt *rapid.T) {
				s.app.PowerOff()
				s.memory.PowerOff()
				s.powerOn()
			},
			"": func(rt *rapid.T) {
				if err := s.template.CheckMemory(s.memory.Settled(nil)); err != nil {
					rt.Fatal(err)
				}
			},
		})
	})
}

// TestWalk compares the modes first, last, next and previous with a search in a
// slice.
func TestWalk(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := insert(t, rootName, open())
		var list [][]byte
		for range rapid.IntRange(0, 4).Draw(rt, "records") {
			b := []byte{rapid.ByteRange(1, 2).Draw(rt, "identifier"), byte(len(list)), 9}
			s.want(apdu.SWOK, fmt.Sprintf("00E2002003%X", b))
			list = slices.Insert(list, 0, b)
		}
		s.want(apdu.SWOK, "00A4000C020004")
		at := -1
		for range rapid.IntRange(1, 10).Draw(rt, "steps") {
			id, mode := rapid.ByteRange(0, 3).Draw(rt, "p1"), rapid.IntRange(0, 3).Draw(rt, "mode")
			data, sw := s.do(fmt.Sprintf("00B2%02X%02X00", id, mode))
			order := make([]int, len(list))
			for i := range order {
				order[i] = i
			}
			switch {
			case mode == 2:
				order = order[min(at+1, len(order)):]
			case mode == 3 && at >= 0:
				order = order[:at]
			}
			if mode&1 == 1 {
				slices.Reverse(order)
			}
			found := slices.IndexFunc(order, func(i int) bool { return id == 0 || list[i][0] == id })
			if found < 0 {
				if sw != apdu.SWRecordNotFound {
					rt.Fatalf("mode %d: %X %v", mode, data, sw)
				}
				continue
			}
			at = order[found]
			if sw != apdu.SWOK || !bytes.Equal(data, list[at]) {
				rt.Fatalf("mode %d: %X %v, want record %d", mode, data, sw, at+1)
			}
		}
	})
}
