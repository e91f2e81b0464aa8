package tlv

// Node is a data object read by [Parse].
type Node struct {
	Tag Tag
	// Value is the whole value field, of a constructed object too; it is part
	// of the input, not a copy.
	Value []byte
	// Children are the objects inside a constructed one, in their order.
	Children []Node
	// Offset of the tag field, and ValueOffset of the value, from the start of
	// the input.
	Offset, ValueOffset int
}

// Parse reads all of b, and the inside of every constructed object. The error
// is an [*Error]; on error no nodes are returned.
func Parse(b []byte) ([]Node, error) {
	it := Iterate(b)
	nodes, err := parse(&it)
	if err != nil {
		return nil, err
	}
	return nodes, nil
}

func parse(it *Iter) ([]Node, *Error) {
	var nodes []Node
	for it.Next() {
		n := Node{Tag: it.Tag, Value: it.Value, Offset: it.Offset, ValueOffset: it.ValueOffset()}
		if n.Tag.Constructed() {
			in := it.Enter()
			children, err := parse(&in)
			if err != nil {
				err.Path = append([]Tag{n.Tag}, err.Path...)
				return nil, err
			}
			n.Children = children
		}
		nodes = append(nodes, n)
	}
	return nodes, it.err
}

// Append appends the object in its shortest form: shortest lengths and no
// padding, inside a constructed object too.
func (n *Node) Append(dst []byte) []byte {
	if !n.Tag.Constructed() {
		return Append(dst, n.Tag, n.Value)
	}
	dst = AppendHeader(dst, n.Tag, n.innerSize())
	for i := range n.Children {
		dst = n.Children[i].Append(dst)
	}
	return dst
}

func (n *Node) innerSize() int {
	if !n.Tag.Constructed() {
		return len(n.Value)
	}
	size := 0
	for i := range n.Children {
		c := &n.Children[i]
		inner := c.innerSize()
		size += c.Tag.Size() + lengthSize(inner) + inner
	}
	return size
}

func lengthSize(n int) int {
	switch {
	case n < 0x80:
		return 1
	case n <= 0xFF:
		return 2
	case n <= 0xFFFF:
		return 3
	case n <= 0xFFFFFF:
		return 4
	}
	return 5
}

// Find returns the value of the first object that is reached by the path of
// tags: Find(b, 0x77, 0x9F10) looks for 9F10 inside 77. Where an object on the
// path repeats, each is searched in turn. Malformed data in front of the object
// hides it; what follows it is not looked at. An empty path finds nothing.
func Find(b []byte, path ...Tag) ([]byte, bool) {
	if len(path) == 0 {
		return nil, false
	}
	it := Iterate(b)
	for it.Next() {
		if it.Tag != path[0] {
			continue
		}
		if len(path) == 1 {
			return it.Value, true
		}
		if v, ok := Find(it.Value, path[1:]...); ok {
			return v, true
		}
	}
	return nil, false
}
