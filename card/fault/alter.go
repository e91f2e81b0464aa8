package fault

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/citycard/citycard/wire/apdu"
	"github.com/citycard/citycard/wire/tlv"
)

// errSize says that the altered data would not fit an answer.
var errSize = errors.New("the answer would have more than 256 bytes of data")

// alter makes the altered form of an answer's data; the error says why the
// alteration does not fit them.
func (a *Alteration) alter(data []byte) ([]byte, error) {
	out, err := a.change(data)
	if err == nil && len(out) > apdu.MaxShortLe {
		err = errSize
	}
	return out, err
}

func (a *Alteration) change(data []byte) ([]byte, error) {
	switch a.How {
	case FlipMAC:
		return a.flipMAC(data)
	case Truncate:
		if len(data) < a.Count {
			return nil, fmt.Errorf("the answer has only %d bytes of data", len(data))
		}
		return bytes.Clone(data[:len(data)-a.Count]), nil
	}
	nodes, err := tlv.Parse(data)
	if err != nil {
		return nil, err
	}
	if len(nodes) == 0 {
		return nil, errors.New("the answer has no data objects")
	}
	switch a.How {
	case LongLengths:
		return appendLong(nil, nodes), nil
	case Padding:
		return pad(nodes), nil
	case Reorder:
		return appendReverse(nil, nodes), nil
	case WrongLength:
		return a.wrongLength(data, &nodes[0])
	case Format77:
		return toFormat77(&nodes[0])
	case Format80:
		return toFormat80(&nodes[0])
	}
	changed := false
	out := a.edit(nil, nodes, &changed, 0)
	if !changed {
		return nil, fmt.Errorf("there is no place for it in the answer (tag %X)", uint32(a.target()))
	}
	return out, nil
}

// target is the tag that edit changes.
func (a *Alteration) target() tlv.Tag {
	switch a.How {
	case LongName:
		return tlv.TagDFName
	case Extra:
		return 0
	}
	return a.Tag
}

// edit writes the objects again, with the first fitting one, on any level, changed.
func (a *Alteration) edit(dst []byte, nodes []tlv.Node, changed *bool, depth int) []byte {
	for i := range nodes {
		n := &nodes[i]
		hit := !*changed && n.Tag == a.target()
		if hit {
			dst, *changed = a.replace(dst, n)
			if *changed {
				continue
			}
		}
		if !n.Tag.Constructed() {
			dst = tlv.Append(dst, n.Tag, n.Value)
			continue
		}
		inside := a.edit(nil, n.Children, changed, depth+1)
		if a.How == Extra && depth == 0 && !*changed {
			inside, *changed = append(inside, a.extra()...), true
		}
		dst = tlv.Append(dst, n.Tag, inside)
	}
	return dst
}

// replace writes what stands in an object's place; false if the object does not
// have the byte to be changed.
func (a *Alteration) replace(dst []byte, n *tlv.Node) ([]byte, bool) {
	switch a.How {
	case Remove:
	case Duplicate:
		dst = n.Append(n.Append(dst))
	case Set:
		dst = tlv.Append(dst, n.Tag, a.Value)
	case Flip:
		at := a.Byte
		if at < 0 {
			at = len(n.Value) - 1
		}
		if at < 0 || at >= len(n.Value) {
			return dst, false
		}
		v := bytes.Clone(n.Value)
		v[at] ^= a.Bits
		dst = tlv.Append(dst, n.Tag, v)
	case LongName:
		const longest = 16
		if len(n.Value) >= longest {
			return dst, false
		}
		dst = tlv.Append(dst, n.Tag, append(bytes.Clone(n.Value), bytes.Repeat([]byte{0xFF}, longest-len(n.Value))...))
	}
	return dst, true
}

// extra are the objects that Extra adds.
func (a *Alteration) extra() []byte {
	if a.Value == nil {
		return []byte{0xDF, 0x7F, 0x01, 0x00}
	}
	return a.Value
}

// flipMAC turns a bit over in the MAC at the end of 9F10 (JR/T 0025.5, issuer
// discretionary data) or, without one, at the end of the data, where commands of
// the load log and of secure messaging have it.
func (a *Alteration) flipMAC(data []byte) ([]byte, error) {
	if len(data) == 0 {
		return nil, errors.New("the answer has no data")
	}
	out := bytes.Clone(data)
	at := len(out) - 1
	for _, template := range []tlv.Tag{tlv.TagResponseFormat2, tlv.TagResponseFormat1} {
		if v, ok := tlv.Find(out, template, tlv.TagIAD); ok && len(v) > 0 {
			v[len(v)-1] ^= 0x01
			return out, nil
		}
	}
	out[at] ^= 0x01
	return out, nil
}

// appendLong writes objects with length fields one byte longer than need be
// (EMV Book 3, annex B2; ISO/IEC 7816-4, 5.2.2.2).
func appendLong(dst []byte, nodes []tlv.Node) []byte {
	for i := range nodes {
		n := &nodes[i]
		value := n.Value
		if n.Tag.Constructed() {
			value = appendLong(nil, n.Children)
		}
		dst = appendTag(dst, n.Tag)
		if len(value) < 0x80 {
			dst = append(dst, 0x81, byte(len(value)))
		} else {
			dst = append(dst, 0x82, byte(len(value)>>8), byte(len(value)))
		}
		dst = append(dst, value...)
	}
	return dst
}

func appendTag(dst []byte, t tlv.Tag) []byte {
	for i := t.Size() - 1; i >= 0; i-- {
		dst = append(dst, byte(t>>(8*i)))
	}
	return dst
}

// pad puts 00 before, between and after the objects inside the outermost
// template (EMV Book 3, annex B1).
func pad(nodes []tlv.Node) []byte {
	var out []byte
	for i := range nodes {
		n := &nodes[i]
		if !n.Tag.Constructed() {
			out = n.Append(out)
			continue
		}
		inside := []byte{0x00}
		for j := range n.Children {
			inside = append(n.Children[j].Append(inside), 0x00)
		}
		out = tlv.Append(out, n.Tag, inside)
	}
	return out
}

// appendReverse writes the objects inside each template in reverse order.
func appendReverse(dst []byte, nodes []tlv.Node) []byte {
	for i := range nodes {
		n := &nodes[i]
		if !n.Tag.Constructed() {
			dst = n.Append(dst)
			continue
		}
		children := slices.Clone(n.Children)
		slices.Reverse(children)
		dst = tlv.Append(dst, n.Tag, appendReverse(nil, children))
	}
	return dst
}

// wrongLength lets the first object's length field say more than there is.
func (a *Alteration) wrongLength(data []byte, first *tlv.Node) ([]byte, error) {
	out := appendTag(bytes.Clone(data[:first.Offset]), first.Tag)
	n := len(first.Value) + a.Count
	if n < 0x80 {
		out = append(out, byte(n))
	} else {
		out = append(out, 0x82, byte(n>>8), byte(n))
	}
	return append(out, data[first.ValueOffset:]...), nil
}

// toFormat77 writes AIP and AFL of template 80 as data objects (EMV Book 3,
// 6.5.8.4).
func toFormat77(n *tlv.Node) ([]byte, error) {
	if n.Tag != tlv.TagResponseFormat1 || len(n.Value) < 2 || len(n.Value)%4 != 2 {
		return nil, errors.New("the answer is no template 80 with AIP and AFL")
	}
	inside := tlv.Append(nil, tlv.TagAIP, n.Value[:2])
	return tlv.Append(nil, tlv.TagResponseFormat2, tlv.Append(inside, tlv.TagAFL, n.Value[2:])), nil
}

// toFormat80 writes AIP and AFL of template 77 without tags; a terminal loses all
// else in the answer.
func toFormat80(n *tlv.Node) ([]byte, error) {
	whole := n.Append(nil)
	aip, ok := tlv.Find(whole, tlv.TagResponseFormat2, tlv.TagAIP)
	afl, found := tlv.Find(whole, tlv.TagResponseFormat2, tlv.TagAFL)
	if !ok || !found {
		return nil, errors.New("the answer is no template 77 with 82 and 94")
	}
	return tlv.Append(nil, tlv.TagResponseFormat1, slices.Concat(aip, afl)), nil
}
