package capp_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/citycard/citycard/card/capp"
	"github.com/citycard/citycard/crypt/cryptogram"
)

// TestFiles reads the example entries of public personalisation notes.
func TestFiles(t *testing.T) {
	b := unhex(t, "15010000FF0400"+"1E020000800A80")
	list, err := capp.ParseFiles(b)
	if err != nil || fmt.Sprint(list) != "[{21 255 1024 0} {30 128 0 10}]" {
		t.Fatalf("%v %v", list, err)
	}
	if got := capp.AppendFiles(nil, list); !bytes.Equal(got, b) {
		t.Errorf("%X", got)
	}
	if n := capp.MemorySize(list); n != 2+1024+19+10*129 {
		t.Errorf("%d bytes of memory", n)
	}
	for _, bad := range []string{"", "15", "14010000FF0400", "1F010000FF0400", "15020000FF0400", "1E010000FF0400", "15010100FF0400",
		"15010000FF0400" + "15010000FF0400", "1E0200008000" + "80", "1E020000800A81", "15010000030400", "15010000FF0013", "15010000FFFFFF"} {
		if _, err := capp.ParseFiles(unhex(t, bad)); !errors.Is(err, capp.ErrFiles) {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

func TestRecordIsWithheld(t *testing.T) {
	r := capp.Record{SFI: 0x15, Key: cryptogram.Key{0xAB, 0xCD}, Data: []byte{0xEF}}
	j, err := json.Marshal(r)
	for _, s := range []string{fmt.Sprintf("%v %+v %X", r, r, r), string(j), r.LogValue().String()} {
		if err != nil || bytes.Contains([]byte(s), []byte("AB")) || bytes.Contains([]byte(s), []byte("171")) {
			t.Errorf("%s %v", s, err)
		}
	}
}

// stored is a record of the naive twin.
type stored struct {
	key  cryptogram.Key
	data []byte
}

// TestFileProperty compares a file with variable records with a list.
func TestFileProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := []capp.File{{SFI: 0x15, MaxRecord: 40, Size: rapid.IntRange(20, 300).Draw(t, "size")}}
		m := make([]byte, capp.MemorySize(list))
		var twin []stored
		used := 0
		for range rapid.IntRange(1, 20).Draw(t, "steps") {
			id := rapid.ByteRange(1, 3).Draw(t, "id")
			n := rapid.IntRange(1, 50).Draw(t, "body")
			key := cryptogram.Key{rapid.ByteRange(0, 2).Draw(t, "key")}
			data := append([]byte{0, id, byte(n)}, bytes.Repeat([]byte{rapid.ByteRange(0, 2).Draw(t, "content")}, n)...)
			writes, err := list[0].Append(m, key, data)
			known := false
			for _, s := range twin {
				known = known || s.key == key && bytes.Equal(s.data, data)
			}
			fits := used+16+len(data) <= list[0].Size
			switch {
			case len(data) > 40:
				if !errors.Is(err, capp.ErrRecord) {
					t.Fatalf("%d bytes: %v", len(data), err)
				}
			case known:
				if err != nil || writes != nil {
					t.Fatalf("the same record again: %v %v", writes, err)
				}
			case !fits:
				if !errors.Is(err, capp.ErrFull) {
					t.Fatalf("no room: %v", err)
				}
			default:
				if err != nil {
					t.Fatal(err)
				}
				twin = append(twin, stored{key, data})
				used += 16 + len(data)
			}
			for _, w := range writes {
				copy(m[w.At:], w.Data)
			}
			if err := capp.CheckMemory(list, m); err != nil {
				t.Fatal(err)
			}
			for id := range uint16(5) {
				var after *capp.Place
				for _, s := range twin {
					if s.data[1] != byte(id) {
						continue
					}
					p, ok := list[0].Find(m, id, after)
					if !ok || p.Key(m) != s.key || !bytes.Equal(p.Data(m), s.data) {
						t.Fatalf("record %d: %v", id, ok)
					}
					after = &p
				}
				if p, ok := list[0].Find(m, id, after); ok {
					t.Fatalf("one record %d too many at %v", id, p)
				}
			}
		}
	})
}

// TestRingProperty compares the cyclic file, filled through a cache, with a list.
func TestRingProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := []capp.File{{SFI: 0x15, MaxRecord: 9, Size: 60}, {SFI: capp.CyclicSFI, MaxRecord: 9, Count: rapid.IntRange(1, 5).Draw(t, "count")}}
		m := make([]byte, capp.MemorySize(list))
		ring := &list[1]
		at := list[0].MemorySize()
		writes, err := ring.Append(m[at:], cryptogram.Key{7}, []byte{1})
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range writes {
			copy(m[at+w.At:], w.Data)
		}
		twin := [][]byte{{1}}
		var cache capp.Cache
		for range rapid.IntRange(1, 12).Draw(t, "payments") {
			for range rapid.IntRange(0, 3).Draw(t, "records") {
				b := rapid.SliceOfN(rapid.Byte(), 1, 9).Draw(t, "record")
				if !cache.Add(capp.CyclicSFI, capp.Place{}, b) {
					t.Fatal("the cache is full")
				}
				twin = append(twin, b)
			}
			cache.Commit(list, m, func(at int, b []byte) { copy(m[at:], b) })
			cache.Clear()
			if err := capp.CheckMemory(list, m); err != nil {
				t.Fatal(err)
			}
			for n := 1; n <= ring.Count+1; n++ {
				got, ok := ring.Newest(m[at:], n)
				want := n <= min(len(twin), ring.Count)
				if ok != want || ok && !bytes.Equal(got, twin[len(twin)-n]) {
					t.Fatalf("record %d: %X %v", n, got, ok)
				}
			}
		}
		if ring.RingKey(m[at:]) != (cryptogram.Key{7}) || !ring.Keyed(m[at:]) {
			t.Fatal("the key is gone")
		}
		if _, err := ring.Append(m[at:], cryptogram.Key{8}, []byte{1}); !errors.Is(err, capp.ErrKeyed) {
			t.Fatalf("a second key: %v", err)
		}
	})
}

func TestCacheLimits(t *testing.T) {
	var c capp.Cache
	if !c.Add(0x15, capp.Place{At: 2}, make([]byte, 250)) || !c.Add(0x15, capp.Place{At: 300}, make([]byte, 250)) {
		t.Error("500 bytes do not fit")
	}
	if c.Add(0x15, capp.Place{}, make([]byte, 13)) || !c.Add(0x15, capp.Place{}, make([]byte, 12)) {
		t.Error("the limit is not 512 bytes")
	}
	if !c.Has(0x15, capp.Place{At: 300}) || c.Has(0x16, capp.Place{At: 300}) || c.Has(0x15, capp.Place{At: 301}) {
		t.Error("the records that wait are others")
	}
	c.Clear()
	for range capp.MaxUpdates {
		if !c.Add(0x15, capp.Place{}, []byte{1}) {
			t.Error("no room for eight records")
		}
	}
	if c.Add(0x15, capp.Place{}, []byte{1}) {
		t.Error("room for a ninth record")
	}
}

// FuzzParseFiles: what is accepted comes back, has a memory that is sound when empty,
// and keeps records where they were put.
func FuzzParseFiles(f *testing.F) {
	f.Add([]byte{0x15, 1, 0, 0, 0xFF, 4, 0, 0x1E, 2, 0, 0, 0x80, 0x0A, 0x80})
	f.Add([]byte{0x1E, 2, 0, 0, 4, 1, 4})
	f.Fuzz(func(t *testing.T, b []byte) {
		list, err := capp.ParseFiles(b)
		if err != nil {
			return
		}
		if got := capp.AppendFiles(nil, list); !bytes.Equal(got, b) {
			t.Fatalf("%X, want %X", got, b)
		}
		m := make([]byte, capp.MemorySize(list))
		if err := capp.CheckMemory(list, m); err != nil {
			t.Fatal(err)
		}
	})
}

// FuzzCheckMemory: a memory that passes can be walked.
func FuzzCheckMemory(f *testing.F) {
	list := []capp.File{{SFI: 0x15, MaxRecord: 20, Size: 60}, {SFI: capp.CyclicSFI, MaxRecord: 9, Count: 2}}
	f.Add(make([]byte, capp.MemorySize(list)))
	full := make([]byte, capp.MemorySize(list))
	writes, err := list[0].Append(full, cryptogram.Key{1}, []byte{0, 1, 2, 3, 4})
	if err != nil {
		f.Fatal(err)
	}
	for _, w := range writes {
		copy(full[w.At:], w.Data)
	}
	f.Add(full)
	f.Fuzz(func(t *testing.T, m []byte) {
		if capp.CheckMemory(list, m) != nil {
			return
		}
		at := list[0].MemorySize()
		for id := range uint16(3) {
			for p, ok := list[0].Find(m, id, nil); ok; p, ok = list[0].Find(m, id, &p) {
				if len(p.Data(m)) != p.Len {
					t.Fatal("a record is cut short")
				}
			}
		}
		for n := range 4 {
			list[1].Newest(m[at:], n)
		}
	})
}
