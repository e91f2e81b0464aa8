package malformed

import (
	"errors"
	"fmt"

	"github.com/citycard/citycard/wire/tlv"
)

var errEdit = errors.New("edit an answer")

// node is an object of an answer that is being edited.
type node struct {
	tag      tlv.Tag
	value    []byte // of a primitive object, or of one whose inside does not matter
	children []*node
	extra    int // length bytes more than needed
	pad      int // 00 bytes in front
}

// split takes data apart.
func split(nodes []tlv.Node) []*node {
	var out []*node
	for i := range nodes {
		n := &node{tag: nodes[i].Tag, value: nodes[i].Value, children: split(nodes[i].Children)}
		out = append(out, n)
	}
	return out
}

func join(dst []byte, nodes []*node) []byte {
	for _, n := range nodes {
		value := n.value
		if n.children != nil {
			value = join(nil, n.children)
		}
		dst = append(dst, make([]byte, n.pad)...)
		if n.extra == 0 {
			dst = tlv.Append(dst, n.tag, value)
			continue
		}
		header := tlv.AppendHeader(nil, n.tag, 0)
		dst = append(dst, header[:len(header)-1]...)
		dst = append(dst, longLength(len(value), n.extra)...)
		dst = append(dst, value...)
	}
	return dst
}

// longLength is a length in extra bytes more than needed: 81, 82, 83 or 84 and the
// number behind leading zeros (ISO/IEC 7816-4, 5.2.2.2).
func longLength(n, extra int) []byte {
	short := tlv.AppendHeader(nil, tlv.TagPAN, n)[1:]
	size := len(short) - 1 + extra
	out := []byte{0x80 | byte(size)}
	for i := size - 1; i >= 0; i-- {
		out = append(out, byte(n>>(8*i)))
	}
	return out
}

// Apply edits an answer: data and status word. gone is for the operations gone and
// lost: no answer arrives. The error says that there is nothing to edit.
func (e *Edit) Apply(answer []byte) (out []byte, gone bool, err error) {
	if e.Op == "gone" || e.Op == "lost" {
		return nil, true, nil
	}
	if e.Op == "raw" || e.Op == "fake" {
		return e.Value, false, nil
	}
	if len(answer) < 2 {
		return nil, false, fmt.Errorf("%w: %q: there is no status word", errEdit, e.text)
	}
	data, sw := answer[:len(answer)-2], answer[len(answer)-2:]
	switch e.Op {
	case "status":
		return append(append([]byte{}, data...), e.Value...), false, nil
	case "only":
		return e.Value, false, nil
	case "cut":
		if e.N < 1 || e.N > len(data) {
			return nil, false, fmt.Errorf("%w: %q: the data have %d bytes", errEdit, e.text, len(data))
		}
		return append(append([]byte{}, data[:len(data)-e.N]...), sw...), false, nil
	case "append":
		return append(append(append([]byte{}, data...), e.Value...), sw...), false, nil
	}
	parsed, err := tlv.Parse(data)
	if err != nil {
		return nil, false, fmt.Errorf("%w: %q: %w", errEdit, e.text, err)
	}
	root := &node{children: split(parsed)}
	if err := e.tree(root); err != nil {
		return nil, false, fmt.Errorf("%w: %q: %w", errEdit, e.text, err)
	}
	return append(join(nil, root.children), sw...), false, nil
}

// find gives the object at the path, its template and its place there.
func find(n *node, path []tlv.Tag) (parent *node, at int) {
	for i, c := range n.children {
		if c.tag != path[0] {
			continue
		}
		if len(path) == 1 {
			return n, i
		}
		if p, at := find(c, path[1:]); p != nil {
			return p, at
		}
	}
	return nil, 0
}

// tree carries out an operation on objects.
func (e *Edit) tree(root *node) error {
	target, parent, at := root, (*node)(nil), 0
	if len(e.Path) > 0 {
		if parent, at = find(root, e.Path); parent == nil {
			return errors.New("there is no such object")
		}
		target = parent.children[at]
	}
	fresh := &node{tag: e.Tag, value: e.Value}
	switch e.Op {
	case "add":
		target.children = append(target.children, fresh)
		return nil
	case "insert":
		target.children = append([]*node{fresh}, target.children...)
		return nil
	}
	if parent == nil {
		return errors.New("the operation needs an object")
	}
	return e.object(target, parent, at)
}

// object carries out an operation on one object of a template.
func (e *Edit) object(target, parent *node, at int) error {
	list := parent.children
	without := append(append([]*node{}, list[:at]...), list[at+1:]...)
	switch e.Op {
	case "set":
		target.value, target.children = e.Value, nil
	case "remove":
		parent.children = without
	case "repeat":
		twin := *target
		if e.Value != nil {
			twin.value, twin.children = e.Value, nil
		}
		parent.children = append(append(append([]*node{}, list[:at+1]...), &twin), list[at+1:]...)
	case "first":
		parent.children = append([]*node{target}, without...)
	case "last":
		parent.children = append(without, target)
	case "retag":
		target.tag = e.Tag
	case "wrap":
		inner := *target
		*target = node{tag: e.Tag, children: []*node{&inner}}
	case "unwrap":
		if target.children == nil {
			return errors.New("the object is no template")
		}
		parent.children = append(append(append([]*node{}, list[:at]...), target.children...), list[at+1:]...)
	case "flip":
		value := append([]byte{}, target.value...)
		i := e.N
		if i < 0 {
			i += len(value)
		}
		if i < 0 || i >= len(value) || target.children != nil {
			return fmt.Errorf("a primitive value of %d bytes has no byte %d", len(value), e.N)
		}
		value[i] ^= e.Value[0]
		target.value = value
	case "long", "pad":
		if e.N < 1 || e.Op == "long" && e.N > 3 {
			return fmt.Errorf("%d is too little or too much", e.N)
		}
		if e.Op == "long" {
			target.extra = e.N
		} else {
			target.pad = e.N
		}
	default:
		panic("malformed: operation " + e.Op + " is in the table and not here")
	}
	return nil
}
