package tlv_test

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/citycard/citycard/wire/tlv"
)

// anyTag draws a valid tag of one to three bytes.
func anyTag(t *rapid.T, constructed bool) tlv.Tag {
	return rapid.Custom(func(t *rapid.T) tlv.Tag {
		switch rapid.IntRange(1, 3).Draw(t, "size") {
		case 1:
			return tlv.Tag(rapid.Uint32Range(1, 0xFF).Draw(t, "tag"))
		case 2:
			return tlv.Tag(rapid.Uint32Range(0x1F00, 0xFF7F).Draw(t, "tag"))
		}
		return tlv.Tag(rapid.Uint32Range(0x1F8000, 0xFFFE7F).Draw(t, "tag"))
	}).Filter(func(tag tlv.Tag) bool { return tag.Valid() && tag.Constructed() == constructed }).Draw(t, "tag")
}

// sloppy encodes nodes as badly as the package comment allows: padding around
// every object and lengths longer than needed.
func sloppy(t *rapid.T, dst []byte, nodes []tlv.Node) []byte {
	padding := rapid.SampledFrom([][]byte{nil, nil, {0}, {0, 0}, {0xFF, 0xFF}, {0xFF, 0}, {0, 0xFF, 0xFF, 0xFF}})
	for _, n := range nodes {
		p := padding.Draw(t, "padding")
		if n.Tag>>(8*(n.Tag.Size()-1)) == 0xFF {
			p = nil // a run of FF would swallow the first byte of the tag
		}
		dst = append(dst, p...)
		value := n.Value
		if n.Tag.Constructed() {
			value = sloppy(t, nil, n.Children)
		}
		header := tlv.AppendHeader(nil, n.Tag, len(value))
		dst = append(dst, header[:n.Tag.Size()]...)
		length := header[n.Tag.Size():]
		if extra := rapid.IntRange(0, 2).Draw(t, "extra"); extra > 0 && len(value) <= 0xFFFF {
			length = []byte{0x83, 0, byte(len(value) >> 8), byte(len(value))}
			if extra == 2 {
				length = []byte{0x84, 0, 0, byte(len(value) >> 8), byte(len(value))}
			}
		}
		dst = append(append(dst, length...), value...)
	}
	return append(dst, padding.Draw(t, "padding")...)
}

func anyNodes(t *rapid.T, level int) []tlv.Node {
	var nodes []tlv.Node
	for range rapid.IntRange(0, 4).Draw(t, "objects") {
		constructed := level < 4 && rapid.Bool().Draw(t, "constructed")
		n := tlv.Node{Tag: anyTag(t, constructed)}
		if constructed {
			n.Children = anyNodes(t, level+1)
		} else {
			n.Value = rapid.SliceOfN(rapid.Byte(), 0, 140).Draw(t, "value")
		}
		nodes = append(nodes, n)
	}
	return nodes
}

func TestParseReadsWhatWasWritten(t *testing.T) {
	ignore := cmp.Options{
		cmpopts.IgnoreFields(tlv.Node{}, "Offset", "ValueOffset"),
		cmpopts.EquateEmpty(),
		cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".Value" }, cmp.Ignore()),
	}
	rapid.Check(t, func(t *rapid.T) {
		nodes := anyNodes(t, 1)
		var minimal []byte
		for i := range nodes {
			minimal = nodes[i].Append(minimal)
		}
		for name, b := range map[string][]byte{"minimal": minimal, "sloppy": sloppy(t, nil, nodes)} {
			got, err := tlv.Parse(b)
			if err != nil {
				t.Fatalf("%s %X: %v", name, b, err)
			}
			if diff := cmp.Diff(nodes, got, ignore); diff != "" {
				t.Fatalf("%s %X (-want +got):\n%s", name, b, diff)
			}
			var again []byte
			for i := range got {
				again = got[i].Append(again)
			}
			if !bytes.Equal(again, minimal) {
				t.Fatalf("%s: written again %X, want %X", name, again, minimal)
			}
		}
	})
}
