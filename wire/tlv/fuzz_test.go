package tlv_test

import (
	"bytes"
	"testing"

	"github.com/citycard/citycard/wire/tlv"
)

// walk builds nodes with the iterator alone.
func walk(it tlv.Iter) ([]tlv.Node, error) {
	var nodes []tlv.Node
	for it.Next() {
		n := tlv.Node{Tag: it.Tag, Value: it.Value, Offset: it.Offset, ValueOffset: it.ValueOffset()}
		if it.Tag.Constructed() {
			children, err := walk(it.Enter())
			if err != nil {
				return nil, err
			}
			n.Children = children
		}
		nodes = append(nodes, n)
	}
	return nodes, it.Err()
}

// FuzzParse checks that Parse and Iterate agree, that offsets point at what
// they say, and that the written form reads back the same.
func FuzzParse(f *testing.F) {
	for _, x := range exchanges(f) {
		f.Add(unhex(f, x.Response))
	}
	for _, s := range []string{"", "FF", "FF00", "FFFF9F3602000A", "FF810503 5A0101", "9F", "5A84FFFFFFFF", "7080", nested(17), "DF81820101"} {
		f.Add(unhex(f, s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		nodes, err := tlv.Parse(b)
		walked, walkErr := walk(tlv.Iterate(b))
		if (err == nil) != (walkErr == nil) {
			t.Fatalf("Parse: %v; Iterate: %v", err, walkErr)
		}
		if err != nil {
			p, w := err.(*tlv.Error), walkErr.(*tlv.Error)
			if p.Offset != w.Offset || p.Reason != w.Reason || p.Offset < 0 || p.Offset > len(b) {
				t.Fatalf("Parse: %v; Iterate: %v", p, w)
			}
			return
		}
		if shape(nodes) != shape(walked) {
			t.Fatalf("Parse %s, Iterate %s", shape(nodes), shape(walked))
		}
		checkOffsets(t, b, nodes)
		var out []byte
		for i := range nodes {
			out = nodes[i].Append(out)
		}
		again, err := tlv.Parse(out)
		if err != nil || shape(again) != shape(nodes) {
			t.Fatalf("written as %X, which reads %s, %v", out, shape(again), err)
		}
		if len(out) > len(b) {
			t.Fatalf("written form %X is longer than %X", out, b)
		}
	})
}

func checkOffsets(t *testing.T, b []byte, nodes []tlv.Node) {
	for _, n := range nodes {
		tag := tlv.Tag(0)
		for _, c := range b[n.Offset : n.Offset+n.Tag.Size()] {
			tag = tag<<8 | tlv.Tag(c)
		}
		if tag != n.Tag || !n.Tag.Valid() || !bytes.Equal(b[n.ValueOffset:n.ValueOffset+len(n.Value)], n.Value) {
			t.Fatalf("%s is not at offset %d of %X", n.Tag, n.Offset, b)
		}
		checkOffsets(t, b, n.Children)
	}
}

func FuzzParseDOL(f *testing.F) {
	for _, s := range []string{"", "9F66049F02069F03069F1A0295055F2A029A039C019F3704", "9F4EFF", "9F", "0000", "DF81820105", "FF810504"} {
		f.Add(unhex(f, s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := tlv.ParseDOL(b)
		if err != nil {
			if e := err.(*tlv.Error); e.Offset < 0 || e.Offset > len(b) {
				t.Fatalf("offset outside the input: %v", e)
			}
			return
		}
		var again []byte
		for _, e := range d {
			for i := e.Tag.Size() - 1; i >= 0; i-- {
				again = append(again, byte(e.Tag>>(8*i)))
			}
			again = append(again, byte(e.Len))
		}
		if !bytes.Equal(again, b) {
			t.Fatalf("read as %v, which is %X", d, again)
		}
		data, err := d.Append(nil, func(tag tlv.Tag) []byte { return []byte{1, 2, 3, 4} })
		if (err == nil) != (d.Len() <= tlv.MaxDOLData) || err == nil && len(data) != d.Len() {
			t.Fatalf("%d bytes asked for, got %d, %v", d.Len(), len(data), err)
		}
	})
}
