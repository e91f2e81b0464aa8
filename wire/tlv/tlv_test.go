package tlv_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/citycard/citycard/wire/tlv"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatalf("bad hexadecimal in the test: %v", err)
	}
	return b
}

// shape writes nodes as text: tag=value for primitive, tag{...} for constructed.
func shape(nodes []tlv.Node) string {
	var parts []string
	for _, n := range nodes {
		if n.Tag.Constructed() {
			parts = append(parts, n.Tag.String()+"{"+shape(n.Children)+"}")
		} else {
			parts = append(parts, n.Tag.String()+"="+strings.ToUpper(hex.EncodeToString(n.Value)))
		}
	}
	return strings.Join(parts, " ")
}

func TestParseKeepsOrderRepeatsAndUnknownTags(t *testing.T) {
	long := strings.Repeat("AB", 0x80)
	for _, c := range []struct{ name, in, want string }{
		{"empty", "", ""},
		{"order and repeats", "9F3602000A 5A0162 9F3602000B", "9F36=000A 5A=62 9F36=000B"},
		{"unknown tags", "C10101 DF7F0102 9F7F00", "C1=01 DF7F=02 9F7F="},
		{"three-byte tag", "DF810102AABB FF810503 5A0101", "DF8101=AABB FF8105{5A=01}"},
		{"constructed inside constructed", "6F0E 8402A000 A508 5003414243 870101", "6F{84=A000 A5{50=414243 87=01}}"},
		{"empty constructed", "7000", "70{}"},
		{"padding 00 before, between, after", "0000 5A0101 00 570102 0000", "5A=01 57=02"},
		{"padding FF in a run and at the end", "FFFF 5A0101 FFFFFF 570102 FF", "5A=01 57=02"},
		{"padding FF before 00", "FF00 5A0101 00FF00 570102", "5A=01 57=02"},
		{"one FF begins a private tag", "FF0103 5A0101", "FF01{5A=01}"},
		{"padding inside a template", "7008 00 5A0101 FFFFFF 00", "70{5A=01}"},
		{"length in the form 81", "5A8180" + long, "5A=" + long},
		{"longer length than needed", "5A840000000101 57820001 02", "5A=01 57=02"},
		{"00 inside a value stays", "5A03000000", "5A=000000"},
	} {
		t.Run(c.name, func(t *testing.T) {
			nodes, err := tlv.Parse(unhex(t, c.in))
			if err != nil {
				t.Fatal(err)
			}
			if got := shape(nodes); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

// Each row is one malformation; the error must name its place.
func TestParseNamesThePlaceOfTheFault(t *testing.T) {
	for _, c := range []struct {
		name, in string
		want     tlv.Error
	}{
		{"tag cut short", "9F", tlv.Error{Offset: 1, Reason: "the data ends inside a tag"}},
		{"three-byte tag cut short", "DF81", tlv.Error{Offset: 2, Reason: "the data ends inside a tag"}},
		{"four-byte tag", "DF81820101FF", tlv.Error{Offset: 3, Reason: "the tag has more than three bytes"}},
		{"no length", "5A0101 9F36", tlv.Error{Offset: 5, Path: []tlv.Tag{0x9F36}, Reason: "the data ends where the length should be"}},
		{"indefinite length", "7080 5A0101 0000", tlv.Error{Offset: 1, Path: []tlv.Tag{0x70}, Reason: "indefinite length 80 is not allowed"}},
		{"length of five bytes", "5A850000000001 01", tlv.Error{Offset: 1, Path: []tlv.Tag{0x5A}, Reason: "a length of 5 bytes; at most 4 are allowed"}},
		{"length cut short", "5A8201", tlv.Error{Offset: 3, Path: []tlv.Tag{0x5A}, Reason: "the data ends inside a length"}},
		{"value cut short", "5A0401 02", tlv.Error{Offset: 1, Path: []tlv.Tag{0x5A}, Reason: "the length says 4 bytes but only 2 are left"}},
		{"value cut short, long form", "5A82010001", tlv.Error{Offset: 1, Path: []tlv.Tag{0x5A}, Reason: "the length says 256 bytes but only 1 are left"}},
		{"length near the 32-bit limit", "5A84FFFFFFFF 01", tlv.Error{Offset: 1, Path: []tlv.Tag{0x5A}, Reason: "the length says 4294967295 bytes but only 1 are left"}},
		{"inside templates", "5A0101 770D 9F3602000A 7006 9F2608 010203", tlv.Error{Offset: 14, Path: []tlv.Tag{0x77, 0x70, 0x9F26}, Reason: "the length says 8 bytes but only 3 are left"}},
		{"value longer than its template", "7003 5A0401 020304", tlv.Error{Offset: 3, Path: []tlv.Tag{0x70, 0x5A}, Reason: "the length says 4 bytes but only 1 are left"}},
		{"too deep", nested(17), tlv.Error{Offset: 2 * 16, Path: repeat(0x70, 16), Reason: "more than 16 levels of objects"}},
		{"too long", strings.Repeat("00", tlv.MaxSize+1), tlv.Error{Offset: tlv.MaxSize, Reason: "65537 bytes are more than the limit of 65536"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			nodes, err := tlv.Parse(unhex(t, c.in))
			var got *tlv.Error
			if !errors.As(err, &got) {
				t.Fatalf("got nodes %s and error %v, want an error", shape(nodes), err)
			}
			if diff := cmp.Diff(c.want, *got); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
			if nodes != nil {
				t.Errorf("nodes returned with the error: %s", shape(nodes))
			}
		})
	}
}

// nested gives levels templates 70 inside one another.
func nested(levels int) string {
	b := []byte{}
	for range levels {
		b = tlv.Append(nil, 0x70, b)
	}
	return hex.EncodeToString(b)
}

func repeat(tag tlv.Tag, n int) []tlv.Tag {
	var path []tlv.Tag
	for range n {
		path = append(path, tag)
	}
	return path
}

func TestDeepestInputIsRead(t *testing.T) {
	if _, err := tlv.Parse(unhex(t, nested(tlv.MaxDepth))); err != nil {
		t.Error(err)
	}
}

func TestErrorText(t *testing.T) {
	_, err := tlv.Parse(unhex(t, "7706 9F1013 070101"))
	const want = "tlv: offset 4, in 77/9F10: the length says 19 bytes but only 3 are left"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestOffsets(t *testing.T) {
	nodes, err := tlv.Parse(unhex(t, "00 6F820008 FFFF A503 870101 00 9000"))
	if err != nil {
		t.Fatal(err)
	}
	a5 := nodes[0].Children[0]
	got := []int{nodes[0].Offset, nodes[0].ValueOffset, a5.Offset, a5.ValueOffset, a5.Children[0].Offset, a5.Children[0].ValueOffset}
	if diff := cmp.Diff([]int{1, 5, 7, 9, 9, 11}, got); diff != "" {
		t.Errorf("offsets (-want +got):\n%s", diff)
	}
}

func TestFind(t *testing.T) {
	gpo := unhex(t, "6F03 840101 77 10 82027C00 9F3602000A 9F3602000B 70 00 6F06 A504 5002 4142")
	for _, c := range []struct {
		name string
		path []tlv.Tag
		want string
		ok   bool
	}{
		{"at the top", []tlv.Tag{0x6F, 0x84}, "01", true},
		{"first of two", []tlv.Tag{0x77, 0x9F36}, "000A", true},
		{"in the second template of that tag", []tlv.Tag{0x6F, 0xA5, 0x50}, "4142", true},
		{"absent", []tlv.Tag{0x77, 0x9F26}, "", false},
		{"not at this level", []tlv.Tag{0x9F36}, "", false},
		{"empty path", nil, "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			v, ok := tlv.Find(gpo, c.path...)
			if ok != c.ok || !bytes.Equal(v, unhex(t, c.want)) {
				t.Errorf("got %X %v, want %s %v", v, ok, c.want, c.ok)
			}
		})
	}
	if v, ok := tlv.Find(unhex(t, "5A0162 9F"), tlv.TagPAN); !ok || v[0] != 0x62 {
		t.Errorf("a fault behind the object hid it: %X %v", v, ok)
	}
}

// The tag rules are checked against reading: a tag is valid if and only if
// its own bytes are read back as that tag.
func TestValidTagsAreThoseThatReadBack(t *testing.T) {
	check := func(tag tlv.Tag) {
		b := make([]byte, 0, 5)
		for i := tag.Size() - 1; i >= 0; i-- {
			b = append(b, byte(tag>>(8*i)))
		}
		b = append(b, 1, 0x5A)
		it := tlv.Iterate(b)
		readsBack := it.Next() && it.Tag == tag && len(it.Value) == 1
		if tag.Valid() != readsBack {
			t.Errorf("tag %s: Valid %v, reads back %v", tag, tag.Valid(), readsBack)
		}
	}
	for tag := tlv.Tag(0); tag <= 0xFFFF; tag++ {
		check(tag)
	}
	for tag := tlv.Tag(0x10000); tag <= 0xFFFFFF; tag += 61 {
		check(tag)
	}
	check(0xFFFF01)
	check(0xFF8105)
	if tlv.Tag(0xDF818201).Valid() {
		t.Error("a four-byte tag is valid")
	}
}

func TestAppendRefusesInvalidTags(t *testing.T) {
	for _, tag := range []tlv.Tag{0, 0x9F, 0x9F81, 0xFF00, 0x5A5A, 0xDF818201} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("tag %s was written", tag)
				}
			}()
			tlv.Append(nil, tag, nil)
		}()
	}
}

func TestAppendLengths(t *testing.T) {
	for _, c := range []struct {
		n    int
		want string
	}{
		{0, "00"}, {1, "01"}, {0x7F, "7F"}, {0x80, "8180"}, {0xFF, "81FF"}, {0x100, "820100"}, {0xFFFF, "82FFFF"}, {0x10000, "83010000"}, {0x1000000, "8401000000"},
	} {
		if got := tlv.AppendHeader(nil, 0x9F10, c.n); !bytes.Equal(got, unhex(t, "9F10"+c.want)) {
			t.Errorf("length %d: got %X, want %s", c.n, got, c.want)
		}
	}
}

func TestIterateAllocatesNothing(t *testing.T) {
	field := twentyTags(t)
	if n := testing.AllocsPerRun(100, func() {
		it := tlv.Iterate(field)
		for it.Next() {
		}
		if _, ok := tlv.Find(field, 0x9F26); !ok {
			t.Error("9F26 not found")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
